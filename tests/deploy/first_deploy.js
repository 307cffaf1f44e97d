// What `firebase deploy` asks for: the CLI's own discovery, questions and dotenv files, with a person who answers everything
// and a Google account that holds nothing but a bucket. No login, no network.
//
// usage: node first_deploy.js FIREBASE_TOOLS_LIB PROJECT_DIR PROJECT_ID ALIAS RUNTIME INTERACTIVE("yes" or "no") DEPLOYS
// prints [{"asked": [labels], "secrets": {name: value}, "error": "" or words}, ...] of so many deploys in a row
const [, , lib, projectDir, projectId, projectAlias, runtime, interactive, deploys] = process.argv;
const load = (path) => require(`${lib}/${path}`);
const functionsSource = `${projectDir}/functions`;
const made = {};
let asked = [];

const portfinder = require(require.resolve("portfinder", { paths: [lib] })); // from 8081 on others may look, too
const freePort = portfinder.getPortPromise.bind(portfinder);
portfinder.getPortPromise = () => freePort({ port: 40000 + (process.pid % 9000) });

const prompt = load("prompt");
const name = (message) => /(?:for|of) (.*):$/.exec(message)[1];
prompt.input = async ({ message }) => {
  if (asked.includes(name(message))) throw new Error(`asked again: ${message}`); // it did not like the answer
  asked.push(name(message));
  return message.includes("the bucket in R2") ? "films" : "https://answer.example";
};
prompt.password = async ({ message }) => (asked.push(name(message)), "a secret");
prompt.select = async ({ message, choices }) => (asked.push(name(message)), choices[0].value);
const secretManager = load("gcp/secretManager");
secretManager.getSecretMetadata = async (_, secret) =>
  secret in made ? { secret: { name: secret }, secretVersion: { state: "ENABLED" } } : {};
secretManager.createSecret = async () => undefined;
secretManager.addVersion = async (_, secret, value) => (made[secret] = value);
load("gcp/storage").listBuckets = async () => [{ name: `${projectId}.firebasestorage.app` }];

async function deploy() {
  const env = load("functions/env");
  const where = { functionsSource, projectId, projectAlias: projectAlias || undefined, projectDir };
  const userEnvs = env.loadUserEnvs(where);
  const firebaseConfig = { projectId, storageBucket: `${projectId}.firebasestorage.app` };
  const delegate = await load("deploy/functions/runtimes").getRuntimeDelegate({
    projectId,
    projectDir,
    sourceDir: functionsSource,
    runtime,
  });
  const build = await delegate.discoverBuild({}, { ...userEnvs, ...env.loadFirebaseEnvs(firebaseConfig, projectId) });
  const resolved = await load("deploy/functions/build").resolveBackend({
    build,
    firebaseConfig,
    userEnvs,
    codebase: "default",
    nonInteractive: interactive === "no",
    isEmulator: false,
  });
  env.writeResolvedParams(resolved.envs, userEnvs, where);
}

async function main() {
  const told = [];
  for (let i = 0; i < Number(deploys); i++) {
    asked = [];
    let error = "";
    await deploy().catch((refusal) => (error = refusal.message));
    told.push({ asked, secrets: { ...made }, error });
  }
  require("fs").writeSync(1, `\n${JSON.stringify(told)}\n`);
}

main().then(() => process.exit(0));
