// Cases out of the table. A case is {name, who, allowed, given, act}: with the documents `given` there, by their paths,
// `who` may `act` or is refused. Every case has a document of its own, so that none depends on another.

import {
  collection as collectionOf, deleteDoc, deleteField, doc, getDoc, getDocs, limit, query, setDoc, updateDoc, where,
} from 'firebase/firestore';

import { COLLECTIONS, OPERATIONS, OWNER } from './table.mjs';

export const PEOPLE = ['owner', 'other user', 'anonymous', 'admin'];
const NO_EDITS = { right: [], wrong: [] };

/** The number of cases, counted from the table and not from what was made of it. */
export function expectedCases() {
  let count = 0;
  for (const { fields = {}, unknown = {}, edits = NO_EDITS } of Object.values(COLLECTIONS)) {
    count += PEOPLE.length * OPERATIONS.length + Object.keys(unknown).length + edits.right.length + edits.wrong.length;
    for (const { right, wrong, required } of Object.values(fields)) {
      count += right.length + wrong.length + (required ? 1 : 0);
    }
  }
  return count;
}

/** Cases of every entry of the table. */
export function tableCases() {
  const cases = Object.entries(COLLECTIONS).flatMap(([name, entry]) => [
    ...accessCases(name, entry),
    ...fieldCases(name, entry),
    ...unknownCases(name, entry),
    ...editCases(name, entry),
  ]);
  return cases.map((made, number) => placed(made, `case-${number}`));
}

function placed({ name, who, allowed, collection, operation, given, data }, id) {
  const path = `${collection}/${id}`;
  const fields = Object.entries(data ?? {}).map(([field, value]) => [field, meant(value, id)]);
  return {
    name,
    who,
    allowed,
    given: given ? { [path]: given } : {},
    act: (db) => operate(db, operation, collection, path, Object.fromEntries(fields)),
  };
}

/** `$ID` and `$DELETE` stand for something else. */
export function meant(value, id) {
  return value === '$ID' ? id : value === '$DELETE' ? deleteField() : value;
}

function operate(db, operation, name, path, data) {
  switch (operation) {
    case 'get': return getDoc(doc(db, path));
    case 'list': return getDocs(query(collectionOf(db, name), where('user_id', '==', OWNER), limit(3)));
    case 'list all': return getDocs(query(collectionOf(db, name), limit(3)));
    case 'create': return setDoc(doc(db, path), data);
    case 'update': return updateDoc(doc(db, path), data);
    case 'delete': return deleteDoc(doc(db, path));
  }
  throw new Error(`no such operation: ${operation}`);
}

function accessCases(collection, { allows, document, change }) {
  const data = { create: document, update: change };
  return PEOPLE.flatMap((who) => OPERATIONS.map((operation) => {
    const allowed = who === 'admin' || (who === 'owner' && allows.includes(operation));
    const name = `${collection}: ${who} ${allowed ? 'can' : 'cannot'} ${operation}`;
    const given = operation === 'create' ? null : document;
    return { name, who, allowed, collection, operation, given, data: data[operation] };
  }));
}

function creation(collection, what, allowed, data) {
  const name = `${collection}: created with ${what} is ${allowed ? 'taken' : 'refused'}`;
  return { name, who: 'owner', allowed, collection, operation: 'create', given: null, data };
}

function fieldCases(collection, { document, fields = {} }) {
  return Object.entries(fields).flatMap(([field, { right, wrong, required }]) => {
    const { [field]: _, ...without } = document;
    const made = (allowed) => ([what, value]) =>
      creation(collection, `${field}: ${what}`, allowed, { ...document, [field]: value });
    const missing = required ? [creation(collection, `no ${field}`, false, without)] : [];
    return [...right.map(made(true)), ...wrong.map(made(false)), ...missing];
  });
}

function unknownCases(collection, { document, unknown = {} }) {
  return Object.entries(unknown).map(([field, value]) =>
    creation(collection, `${field}, which is no field of the client's,`, false, { ...document, [field]: value }));
}

function editCases(collection, { document, written = {}, edits = NO_EDITS }) {
  const given = { ...document, ...written };
  const made = (allowed) => ([what, data]) => {
    const name = `${collection}: change of ${what} is ${allowed ? 'taken' : 'refused'}`;
    return { name, who: 'owner', allowed, collection, operation: 'update', given, data };
  };
  return [...edits.right.map(made(true)), ...edits.wrong.map(made(false))];
}
