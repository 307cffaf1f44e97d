// Every case of the table, done with Firebase's own client on the emulator that FIRESTORE_EMULATOR_HOST names.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { assertFails, assertSucceeds, initializeTestEnvironment } from '@firebase/rules-unit-testing';
import { doc, setLogLevel, writeBatch } from 'firebase/firestore';

import { expectedCases, tableCases } from './cases.mjs';
import { otherCases } from './other_cases.mjs';
import { OTHER, OWNER, STANDING } from './table.mjs';

const BATCH = 400;
const AT_ONCE = 6; // cases; each of them has a client that no other uses meanwhile
const CASES = [...tableCases(), ...otherCases()];
const idle = {};
let environment, closeAdmin;

before(async () => {
  setLogLevel('silent'); // what is refused is expected
  const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(':');
  const rules = readFileSync(process.env.RULES, 'utf8');
  const firestore = { host, port: Number(port), rules };
  environment = await initializeTestEnvironment({ projectId: 'demo-rules', firestore });
  const clients = (context) => Array.from({ length: AT_ONCE }, () => context().firestore());
  idle.owner = clients(() => environment.authenticatedContext(OWNER));
  idle['other user'] = clients(() => environment.authenticatedContext(OTHER));
  idle.anonymous = clients(() => environment.unauthenticatedContext());
  await openAdmin();
  await writeGiven(idle.admin[0]);
});

after(async () => {
  closeAdmin();
  await environment.cleanup();
});

/** An administrator's client is good for one callback, which has to last as long as the tests. */
function openAdmin() {
  return new Promise((opened, failed) => {
    environment.withSecurityRulesDisabled((context) => {
      idle.admin = Array(AT_ONCE).fill(context.firestore());
      opened();
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

async function run({ who, allowed, act }) {
  const client = idle[who].pop();
  try {
    await (allowed ? assertSucceeds : assertFails)(act(client));
  } finally {
    idle[who].push(client);
  }
}

test('the table: every entry is a case, and no two are the same', () => {
  assert.equal(tableCases().length, expectedCases());
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length);
});

describe('firestore.rules', { concurrency: AT_ONCE }, () => {
  for (const made of CASES) test(made.name, () => run(made));
});
