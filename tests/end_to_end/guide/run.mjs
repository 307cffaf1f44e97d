// Runs a TypeScript file of examples, and prints what it has shown. node run.mjs FILE

import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { bundle, firebase } from '../../page/bundle.mjs';

const file = process.argv[2];
const built = join(dirname(file), 'built', 'examples.mjs');
const entry = `data:
  export * from ${JSON.stringify(file)};
  export { shown } from ${JSON.stringify(join(dirname(file), 'page.js'))};`;
await bundle('entry', built, { instead: { entry } });
const { shown } = await import(pathToFileURL(built).href);
const { getAuth } = await import(firebase('firebase/auth'));
console.log(JSON.stringify({ uid: getAuth().currentUser.uid, shown }));
process.exit(0);
