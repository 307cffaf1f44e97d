// What `firebase deploy` checks before it talks to Google: discovery by the functions' own Python, parameters from dotenv
// files, and the CLI's deploy-time validators. No login, no network.
//
// usage: node validate_manifest.js FIREBASE_TOOLS_LIB PROJECT_DIR FUNCTIONS_DIR PROJECT_ID RUNTIME
// prints {"endpoints": [...], "environment": {...}}; exits with 1 and the reason when a deploy would be refused
const [, , lib, projectDir, functionsDir, projectId, runtime] = process.argv;
const load = (path) => require(`${lib}/${path}`);

async function main() {
  const delegate = await load("deploy/functions/runtimes").getRuntimeDelegate({
    projectId,
    projectDir,
    sourceDir: functionsDir,
    runtime,
  });
  await delegate.validate();
  const env = load("functions/env");
  const userEnvs = env.loadUserEnvs({ functionsSource: functionsDir, projectId, projectDir, isEmulator: false });
  const firebaseConfig = { projectId, storageBucket: `${projectId}.appspot.com` };
  const firebaseEnvs = env.loadFirebaseEnvs(firebaseConfig, projectId);
  const wanted = await delegate.discoverBuild({}, { ...userEnvs, ...firebaseEnvs });
  const resolved = await load("deploy/functions/build").resolveBackend({
    build: wanted,
    firebaseConfig,
    userEnvs,
    codebase: "default",
    nonInteractive: true,
    isEmulator: true, // the only resolution that asks neither a person nor Secret Manager
  });
  load("deploy/functions/validate").endpointsAreValid(resolved.backend);
  const endpoints = load("deploy/functions/backend").allEndpoints(resolved.backend);
  process.stdout.write(JSON.stringify({ endpoints, environment: userEnvs }));
}

main().then(
  () => process.exit(0),
  (error) => {
    const causes = (error.children || []).map((child) => child.message);
    process.stderr.write([error.message, ...causes].join("\n"));
    process.exit(1);
  },
);
