// What `firebase deploy` does before it talks to Google, by the code of the installed firebase-tools: no login, no network.
//
// usage: node firebase_cli.js FIREBASE_TOOLS_LIB QUESTION '{"projectDir": ..., "projectId": ..., "projectAlias": ...}'
// prints a line with the answer as JSON; exits with 1 and the CLI's own words when a deploy would be refused
//
//   dotenv     the settings of functions/.env*, as they would be loaded
//   functions  discovery by the functions' own Python, parameters and validators: {endpoints, environment, params,
//              seconds, alone: {name: the functions that --only functions:name deploys}}
//   runtime    what is known about the runtimes: {python311: {status, deprecationDate, decommissionDate}, ...}
//   region     {known}: whether the CLI knows a price of second-generation functions in {"region": ...}
//   indexes    whether firestore.indexes.json is valid
//   upload     {files, bytes}: what would be packed, and the size of the archive
const fs = require("fs");
const path = require("path");

const [, , lib, question, argument] = process.argv;
const load = (name) => require(`${lib}/${name}`);
const { projectDir, projectId, projectAlias, runtime, region } = JSON.parse(argument);
const config = JSON.parse(fs.readFileSync(path.join(projectDir, "firebase.json"), "utf8"));
const functionsConfig = [config.functions].flat()[0];
const functionsDir = path.join(projectDir, functionsConfig.source);

// Discovery is a web server of the SDK. The CLI takes the first free port from 8081 on: two at a time would meet there.
const portfinder = require(require.resolve("portfinder", { paths: [lib] }));
const freePort = portfinder.getPortPromise.bind(portfinder);
portfinder.getPortPromise = () => freePort({ port: 20000 + (process.pid % 20000) });

// What the functions' Python prints while they are loaded is logged, and nobody listens to the log: told with an error.
const printed = [];
load("logger").logger.error = (line) => printed.push(line);
const reason = () => printed.join("").trim().split("\n").slice(-6).join("\n");

const settings = () =>
  load("functions/env").loadUserEnvs({ functionsSource: functionsDir, projectId, projectAlias, projectDir });

const questions = {
  dotenv: async () => settings(),

  runtime: async () => load("deploy/functions/runtimes/supported/types").RUNTIMES,

  region: async () => ({
    known: load("deploy/functions/pricing").canCalculateMinInstanceCost({
      platform: "gcfv2", region, minInstances: 1, availableMemoryMb: 512, cpu: 1,
    }),
  }),

  functions: async () => {
    const helper = load("deploy/functions/functionsDeployHelper");
    const codebases = load("functions/projectConfig").normalizeAndValidate(config.functions);
    const environment = settings();
    const firebaseConfig = { projectId, storageBucket: `${projectId}.appspot.com` };
    const given = { ...environment, ...load("functions/env").loadFirebaseEnvs(firebaseConfig, projectId) };
    const delegate = await load("deploy/functions/runtimes").getRuntimeDelegate({
      projectId,
      projectDir,
      sourceDir: functionsDir,
      runtime: runtime || functionsConfig.runtime,
    });
    await delegate.validate();
    await delegate.build();
    const began = Date.now();
    const wanted = await delegate.discoverBuild({}, given);
    const seconds = (Date.now() - began) / 1000;
    const params = wanted.params;
    const { backend: wantBackend } = await load("deploy/functions/build").resolveBackend({
      build: { ...wanted, params: params.filter((param) => param.name in environment) }, // the others are asked for
      firebaseConfig,
      userEnvs: environment,
      codebase: "default",
      nonInteractive: true,
      isEmulator: true, // the only resolution that does not ask Secret Manager
    });
    load("deploy/functions/prepare").resolveCpuAndConcurrency(wantBackend);
    const { endpointsAreValid, checkFiltersIntegrity } = load("deploy/functions/validate");
    const backend = load("deploy/functions/backend");
    endpointsAreValid(wantBackend);
    const endpoints = backend.allEndpoints(wantBackend);
    const alone = {};
    for (const { id } of endpoints) {
      const filters = helper.getEndpointFilters({ only: `functions:${id}` }, codebases);
      checkFiltersIntegrity({ default: wantBackend }, filters);
      const matching = backend.matchingBackend(wantBackend, (found) => helper.endpointMatchesAnyFilter(found, filters));
      endpointsAreValid(matching);
      alone[id] = backend.allEndpoints(matching).map((found) => found.id);
    }
    return { endpoints, environment, params, seconds, alone };
  },

  indexes: async () => {
    const { FirestoreApi } = load("firestore/api");
    const spec = JSON.parse(fs.readFileSync(path.join(projectDir, config.firestore.indexes), "utf8"));
    new FirestoreApi().validateSpec(spec);
    return { indexes: spec.indexes.length, fieldOverrides: (spec.fieldOverrides || []).length };
  },

  upload: async () => {
    const ignoreStrings = [...(functionsConfig.ignore || ["node_modules", ".git"])];
    ignoreStrings.push("firebase-debug.log", "firebase-debug.*.log", ".runtimeconfig.json"); // as packageSource does
    const found = await load("fsAsync").readdirRecursive({ path: functionsDir, ignoreStrings });
    const files = found.map((file) => path.relative(functionsDir, file.name)).sort();
    const packed = await load("deploy/functions/prepareFunctionsUpload").prepareFunctionsUpload(
      projectDir, functionsDir, functionsConfig, [], undefined, { exportType: "zip" },
    );
    const bytes = fs.statSync(packed.pathToSource).size;
    fs.unlinkSync(packed.pathToSource);
    return { files, bytes };
  },
};

questions[question]().then(
  (answer) => {
    fs.writeSync(1, `\n${JSON.stringify(answer)}\n`);
    process.exit(0);
  },
  (error) => {
    const causes = (error.children || []).map((child) => child.message);
    fs.writeSync(2, `${[error.message, ...causes, reason()].join("\n")}\n`);
    process.exit(1);
  },
);
