// The Chromium inside the npm package @sparticuz/chromium, unpacked once into build/ for all who test here.
//
// It is made for x64 Linux and brings the libraries that a bare machine lacks (NSS, expat) and fonts: beside these it
// needs glibc 2.34 or newer and libgcc_s. The package's own way of unpacking puts everything into /tmp, under names
// that other users' programs may have taken, and its libraries nowhere but on Lambda; hence this one.

import { execFileSync } from "node:child_process";
import fs from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";

const BUILD = fileURLToPath(new URL("../../build", import.meta.url));
const decompress = promisify(brotliDecompress);

// {executablePath, env} of a browser that is ready to start; an Error whose message says why there is none.
export async function packagedChromium() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`@sparticuz/chromium has no browser for ${process.platform} on ${process.arch}`);
  }
  const root = path.resolve(createRequire(import.meta.url).resolve("@sparticuz/chromium"), "..", "..", "..");
  const { version } = JSON.parse(await fs.readFile(path.join(root, "package.json"), "utf8"));
  const folder = path.join(BUILD, `chromium-${version}`);
  if (!(await exists(folder))) await unpack(path.join(root, "bin"), folder);
  const env = { LD_LIBRARY_PATH: path.join(folder, "lib"), FONTCONFIG_FILE: path.join(folder, "fonts.conf") };
  return { executablePath: path.join(folder, "chromium"), env: { ...process.env, ...env } };
}

// All or nothing, under a name of its own until it is whole: another process may be doing the same.
async function unpack(packed, folder) {
  await fs.mkdir(BUILD, { recursive: true });
  const staging = await fs.mkdtemp(`${folder}-`);
  try {
    const content = async (name) => decompress(await fs.readFile(path.join(packed, name)));
    await fs.writeFile(path.join(staging, "chromium"), await content("chromium.br"), { mode: 0o755 });
    for (const name of ["al2023.tar.br", "fonts.tar.br"]) {
      execFileSync("tar", ["--extract", "--no-same-owner", "--directory", staging], { input: await content(name) });
    }
    await fs.writeFile(path.join(staging, "fonts.conf"), fontSettings(folder));
    await fs.rename(staging, folder);
  } catch (error) {
    await fs.rm(staging, { recursive: true, force: true });
    if (!(await exists(folder))) throw error; // else the other process was faster
  }
}

const fontSettings = (folder) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`;

const exists = (file) =>
  fs.access(file).then(
    () => true,
    () => false,
  );
