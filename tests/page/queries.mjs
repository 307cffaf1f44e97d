// The queries of the page, as data/queries.ts has them: each of its functions, called with all that it may be given.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { bundle, WEB } from './bundle.mjs';

const ENTRY = `
  export * as queries from ${JSON.stringify(join(WEB, 'src/data/queries.ts'))};
  export { JOB_KINDS } from ${JSON.stringify(join(WEB, 'src/pipeline/documents.ts'))};
  export { use } from '../firebase';`;
const CLIENT = 'export let db; export const use = (client) => { db = client; };';

/**
 * What the page asks for on behalf of the user `uid`: [{name, ask}]. `ask(db)` is a query, or the place of a document.
 *
 * `db` is a client of Firebase's SDK in `packages`; with `lite`, of its part that speaks JSON.
 */
export async function pageQueries({ uid, storyboardId, packages = WEB, lite = false }) {
  const instead = { entry: `data:${ENTRY}`, '../firebase': `data:${CLIENT}` };
  if (lite) instead['firebase/firestore'] = 'firebase/firestore/lite';
  const folder = mkdtempSync(join(tmpdir(), 'page-queries-'));
  try {
    const built = join(folder, 'queries.mjs');
    await bundle('entry', built, { instead, packages });
    const { JOB_KINDS, queries, use } = await import(pathToFileURL(built).href);
    const values = { uid: [uid], storyboardId: [storyboardId], kind: JOB_KINDS, most: [100] };
    return Object.entries(queries).flatMap(([name, of]) => choices(parameters(of), values).map((given) => ({
      name: `${name}(${given.join(', ')})`,
      ask: (db) => {
        use(db);
        return of(...given);
      },
    })));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** By their names. */
function parameters(of) {
  const [, list] = /^(?:function\s*\w*\s*)?\(([^)]*)\)/.exec(of.toString());
  return list.split(',').map((one) => one.split('=')[0].trim()).filter(Boolean);
}

/** What is none of `values` is a day, or some id. */
const choices = (names, values) => names.reduce(
  (lists, name) => lists.flatMap((list) => (values[name] ?? ['2026-11-21']).map((value) => [...list, value])), [[]]);
