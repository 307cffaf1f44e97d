// storage.rules, whose emulator needs a program that only the network has: so the Firestore emulator evaluates them.
// The language is the same. A file becomes a document at its path that holds its type and size; three names are
// exchanged, and rules that use anything else are refused here rather than tested for what they do not say.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { assertFails, assertSucceeds } from '@firebase/rules-unit-testing';
import { collection, deleteDoc, doc, getDoc, getDocs, limit, query, setDoc } from 'firebase/firestore';

import { openClients } from './clients.mjs';
import { FOLDERS, OPERATIONS, PEOPLE, TYPES, UPLOADS } from './storage_table.mjs';

const FOREIGN = new RegExp([
  'firestore\\.',
  '(?<!request\\.)\\bresource\\b',
  'request\\.(?!auth\\b|resource\\.)',
  'request\\.resource\\.(?!contentType\\b|size\\b)',
].join('|'));
const PICTURE = { contentType: 'image/png', size: 1000 };

/** The rules as they would be if files were documents. */
function asFirestoreRules(text) {
  const words = text.replaceAll(/\/\/.*$/gm, '');
  const unknown = words.match(FOREIGN);
  assert.equal(unknown, null, `storage.rules uses what documents do not have: ${unknown}`);
  const exchanged = words
    .replace('service firebase.storage', 'service cloud.firestore')
    .replace('match /b/{bucket}/o', 'match /databases/{database}/documents')
    .replaceAll('request.resource.', 'request.resource.data.');
  assert.notEqual(exchanged, words);
  return exchanged;
}

/** A document's path has an even number of parts; the last one of all rules, `{path=**}`, takes any number. */
const documentAt = (path) => (path.split('/').length % 2 ? `${path}/file` : path);
const collectionAt = (path) => (path.split('/').length % 2 ? path : `${path}/folder`);

function operate(db, operation, folder, id, file) {
  const place = doc(db, documentAt(`${folder}/${id}`));
  switch (operation) {
    case 'get': return getDoc(place);
    case 'list': return getDocs(query(collection(db, collectionAt(folder)), limit(3)));
    case 'create': case 'update': return setDoc(place, file);
    case 'delete': return deleteDoc(place);
  }
  throw new Error(`no such operation: ${operation}`);
}

function folderCases() {
  return Object.entries(FOLDERS).flatMap(([folder, allows]) => [...Object.keys(PEOPLE), 'admin'].flatMap((who) =>
    OPERATIONS.map((operation) => {
      const allowed = who === 'admin' || (allows[who] ?? []).includes(operation);
      const name = `${folder}: ${who} ${allowed ? 'can' : 'cannot'} ${operation}`;
      return { name, who, allowed, folder, operation, file: PICTURE };
    })));
}

function typeCases() {
  const upload = (what, allowed, operation, file) => ({
    name: `uploads: ${operation} of ${what} is ${allowed ? 'taken' : 'refused'}`,
    who: 'owner', allowed, folder: UPLOADS, operation, file,
  });
  return ['create', 'update'].flatMap((operation) => [
    ...TYPES.right.flatMap(([contentType, most]) => [
      upload(`${contentType} that just fits`, true, operation, { contentType, size: most - 1 }),
      upload(`${contentType} that is too large`, false, operation, { contentType, size: most }),
    ]),
    ...TYPES.wrong.map((contentType) =>
      upload(`the type ${JSON.stringify(contentType)}`, false, operation, { contentType, size: 1000 })),
  ]);
}

const CASES = [...folderCases(), ...typeCases()].map((made, number) => ({ ...made, id: `file-${number}` }));
let clients;

before(async () => {
  const given = CASES.filter(({ operation }) => operation !== 'create');
  const files = given.map(({ folder, id }) => [documentAt(`${folder}/${id}`), PICTURE]);
  const rules = asFirestoreRules(readFileSync(process.env.RULES, 'utf8'));
  clients = await openClients('demo-storage-rules', rules, Object.fromEntries(files), PEOPLE);
});

after(() => clients?.close());

for (const { name, who, allowed, operation, folder, id, file } of CASES) {
  test(name, () => (allowed ? assertSucceeds : assertFails)(operate(clients[who], operation, folder, id, file)));
}
