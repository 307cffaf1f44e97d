// Serves `hosting` of a firebase.json as firebase-tools' Hosting emulator does, without the rest of it.
// node serve_hosting.js LIB FIREBASE_JSON PUBLIC: prints the port; a function is answered with its name and the path.

const [lib, file, folder] = process.argv.slice(2);
const path = require("path");
const { server } = require(require.resolve("superstatic", { paths: [lib] }));
const { hostingConfig } = require(path.join(lib, "hosting/config"));

const src = require(file);
const [config] = hostingConfig({ config: { src }, site: "a-site", cwd: folder, configPath: file });
const rewrite = async (found) => (request, response) => response.end(`${found.function.functionId} ${request.url}`);
const running = server({
  port: 0,
  hostname: "127.0.0.1",
  config: { ...config, public: "." },
  cwd: folder,
  stack: "strict",
  rewriters: { function: rewrite },
}).listen(() => console.log(running.address().port));
