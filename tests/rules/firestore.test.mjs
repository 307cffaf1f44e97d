// Every case of the table, on the rules that RULES names.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { assertFails, assertSucceeds } from '@firebase/rules-unit-testing';

import { expectedCases, tableCases } from './cases.mjs';
import { openClients } from './clients.mjs';
import { otherCases } from './other_cases.mjs';
import { OTHER, OWNER, STANDING } from './table.mjs';

const CASES = [...tableCases(), ...otherCases()];
let clients;

before(async () => {
  const documents = Object.assign({}, STANDING, ...CASES.map(({ given }) => given));
  const people = { owner: OWNER, 'other user': OTHER, anonymous: null };
  clients = await openClients('demo-rules', readFileSync(process.env.RULES, 'utf8'), documents, people);
});

after(() => clients?.close());

test('the table: every entry is a case, and no two are the same', () => {
  assert.equal(tableCases().length, expectedCases());
  assert.equal(new Set(CASES.map(({ name }) => name)).size, CASES.length);
});

for (const { name, who, allowed, act } of CASES) {
  test(name, () => (allowed ? assertSucceeds : assertFails)(act(clients[who])));
}
