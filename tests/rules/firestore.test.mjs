// Every case of the table, done with Firebase's own client on the emulator that FIRESTORE_EMULATOR_HOST names.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { assertFails, assertSucceeds, initializeTestEnvironment } from '@firebase/rules-unit-testing';
import { doc, setLogLevel, writeBatch } from 'firebase/firestore';

import { expectedCases, tableCases } from './cases.mjs';
import { otherCases } from './other_cases.mjs';
import { OTHER, OWNER, STANDING } from './table.mjs';

const BATCH = 400;
const CASES = [...tableCases(), ...otherCases()];
const clients = {};
let environment, closeAdmin;

before(async () => {
  setLogLevel('silent'); // what is refused is expected
  const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(':');
  const firestore = { host, port: Number(port), rules: readFileSync(process.env.RULES, 'utf8') };
  environment = await initializeTestEnvironment({ projectId: 'demo-rules', firestore });
  await environment.clearFirestore();
  clients.owner = environment.authenticatedContext(OWNER).firestore();
  clients['other user'] = environment.authenticatedContext(OTHER).firestore();
  clients.anonymous = environment.unauthenticatedContext().firestore();
  clients.admin = await openAdmin();
  await writeGiven(clients.admin);
});

after(async () => {
  closeAdmin?.();
  await environment?.cleanup();
});

/** An administrator's client is good for one callback, which lasts as long as the tests. */
function openAdmin() {
  return new Promise((opened, failed) => {
    environment.withSecurityRulesDisabled((context) => {
      opened(context.firestore());
      return new Promise((closed) => { closeAdmin = closed; });
    }).catch(failed);
  });
}

async function writeGiven(admin) {
  const documents = Object.entries(Object.assign({}, STANDING, ...CASES.map(({ given }) => given)));
  for (let first = 0; first < documents.length; first += BATCH) {
    const batch = writeBatch(admin);
    for (const [path, fields] of documents.slice(first, first + BATCH)) batch.set(doc(admin, path), fields);
    await batch.commit();
  }
}

test('the table: every entry is a case, and no two are the same', () => {
  assert.equal(tableCases().length, expectedCases());
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length);
});

for (const { name, who, allowed, act } of CASES) {
  test(name, () => (allowed ? assertSucceeds : assertFails)(act(clients[who])));
}
