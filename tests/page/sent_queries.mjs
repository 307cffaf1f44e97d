// Prints what the page's queries are on the wire: {name: structuredQuery}. Nothing leaves this process.

import { firebase } from './bundle.mjs';
import { pageQueries } from './queries.mjs';

let sent;
globalThis.fetch = async (_url, { body }) => {
  sent = JSON.parse(body).structuredQuery;
  return { ok: true, json: async () => [] };
};

const { initializeApp } = await import(firebase('firebase/app'));
const lite = await import(firebase('firebase/firestore/lite'));
const db = lite.getFirestore(initializeApp({ projectId: 'demo-page', apiKey: 'none' }));

const queries = {};
for (const { name, ask } of await pageQueries({ uid: 'u1', storyboardId: 'board-1', lite: true })) {
  const asked = ask(db);
  if (asked.type === 'document') continue;
  sent = undefined;
  await lite.getDocs(asked);
  queries[name] = sent;
}
console.log(JSON.stringify(queries));
process.exit(0);
