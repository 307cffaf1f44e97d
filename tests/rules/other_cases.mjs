// Cases that are more than one entry of the table: whole jobs, batches, queries of other kinds.

import {
  addDoc, collection, collectionGroup, deleteField, doc, getCountFromServer, getDoc, getDocs, limit, or, query,
  serverTimestamp, setDoc, updateDoc, where, writeBatch,
} from 'firebase/firestore';

import { ROOT } from '../page/bundle.mjs';
import { pageQueries } from '../page/queries.mjs';
import { meant } from './cases.mjs';
import { COLLECTIONS, OTHER, OWNER } from './table.mjs';

export const JOBS = Object.keys(COLLECTIONS).filter((name) => name.endsWith('_jobs'));
const LISTED = [...JOBS, 'storyboards', 'scenes', 'products'];
const PAGE_QUERIES = await Promise.all([OWNER, OTHER].map(async (uid) =>
  [uid, await pageQueries({ uid, storyboardId: 'mine-storyboard', packages: ROOT })]));
const IMAGES = 'image_generation_jobs';

/** A job with every field that a client may write, each as large as it may be. */
export function fullestJob(name, id) {
  const { document, fields } = COLLECTIONS[name];
  const largest = Object.entries(fields).map(([field, { right }]) => {
    const values = right.map(([, value]) => meant(value, id)).filter((value) => value !== null);
    return [field, values.at(-1) ?? null];
  });
  return { ...document, ...Object.fromEntries(largest) };
}

export function otherCases() {
  return [...JOBS.flatMap(jobCases), ...batchCases(), ...LISTED.flatMap(queryCases), ...groupCases(),
    ...pageCases()];
}

const owner = (name, allowed, act, given = {}) => ({
  name: `${name} is ${allowed ? 'taken' : 'refused'}`, who: 'owner', allowed, act, given,
});

function jobCases(name) {
  const { job_id: _, ...document } = COLLECTIONS[name].document;
  const [older, twice, back] = ['older', 'twice', 'back'].map((id) => `${name}/${id}`);
  const times = { created_at: serverTimestamp(), updated_at: serverTimestamp() };
  return [
    owner(`${name}: every field, as large as it may be,`, true, (db) =>
      setDoc(doc(db, `${name}/full`), fullestJob(name, 'full'))),
    owner(`${name}: the server's times`, true, (db) => setDoc(doc(db, `${name}/timed`), { ...document, ...times })),
    owner(`${name}: an id that the client drew`, true, (db) => addDoc(collection(db, name), document)),
    owner(`${name}: one in the place of an older one`, false, (db) => setDoc(doc(db, older), document), {
      [older]: { ...document, status: 'complete' },
    }),
    owner(`${name}: canceled a second time`, true, (db) => updateDoc(doc(db, twice), { cancel_requested: true }), {
      [twice]: { ...document, cancel_requested: true },
    }),
    owner(`${name}: the wish to cancel taken back`, false, (db) =>
      updateDoc(doc(db, back), { cancel_requested: deleteField() }), {
      [back]: { ...document, cancel_requested: true },
    }),
  ];
}

function batchCases() {
  const scene = COLLECTIONS.scenes.document;
  const job = (sceneId) => ({ user_id: OWNER, status: 'pending', text: 'x', scene_id: sceneId });
  const batch = (writes) => (db) => {
    const made = writeBatch(db);
    writes(made, (path) => doc(db, path));
    return made.commit();
  };
  return [
    owner('batch: a scene and its job', true, batch((made, at) =>
      made.set(at('scenes/batched'), scene).set(at(`${IMAGES}/batched`), job('batched')))),
    owner('batch: another user\'s scene taken over by a job', false, batch((made, at) =>
      made.set(at('scenes/theirs-scene'), scene).set(at(`${IMAGES}/thief`), job('theirs-scene')))),
    owner('batch: a job and the end of its scene', false, batch((made, at) =>
      made.delete(at('scenes/ending')).set(at(`${IMAGES}/late`), job('ending'))), { 'scenes/ending': scene }),
    owner('batch: a right job beside a wrong one', false, batch((made, at) =>
      made.set(at(`${IMAGES}/right`), job('mine-scene')).set(at(`${IMAGES}/wrong`), job('theirs-scene')))),
    // in production a request looks at no more than 20 documents
    owner('batch: twenty scenes with their jobs', true, batch((made, at) => {
      for (let number = 0; number < 20; number += 1) {
        made.set(at(`scenes/many-${number}`), scene).set(at(`${IMAGES}/many-${number}`), job(`many-${number}`));
      }
    })),
  ];
}

function queryCases(name) {
  const of = (...filters) => (db) => getDocs(query(collection(db, name), ...filters, limit(3)));
  const mine = where('user_id', '==', OWNER);
  return [
    owner(`${name}: a count of one's own`, true, (db) => getCountFromServer(query(collection(db, name), mine))),
    owner(`${name}: a count of all`, false, (db) => getCountFromServer(collection(db, name))),
    owner(`${name}: a list of another user's`, false, of(where('user_id', '==', OTHER))),
    owner(`${name}: a list of one's own and another user's`, false, of(where('user_id', 'in', [OWNER, OTHER]))),
    owner(`${name}: a list of one's own or what is pending`, false, (db) =>
      getDocs(query(collection(db, name), or(mine, where('status', '==', 'pending')), limit(3)))),
    owner(`${name}: a list of one's own with another filter`, true, of(mine, where('status', '==', 'pending'))),
    owner(`${name}: a list with another filter alone`, false, of(where('status', '==', 'pending'))),
  ];
}

function groupCases() {
  return ['videos', 'clips', 'usage', 'results', 'predictions', ...LISTED].map((name) =>
    owner(`${name}: a list over all folders with the owner as filter`, false, (db) =>
      getDocs(query(collectionGroup(db, name), where('user_id', '==', OWNER), limit(3)))));
}

// What the studio page asks for, by its own code, on behalf of the user who is signed in and of another one.
function pageCases() {
  const shown = ({ ask }) => (db) => {
    const asked = ask(db);
    return asked.type === 'document' ? getDoc(asked) : getDocs(asked);
  };
  const byId = /^(storyboard|job)\(/; // of documents that are somebody's by what they hold: the table has them
  return PAGE_QUERIES.flatMap(([uid, queries]) => queries.filter(({ name }) => !byId.test(name))
    .map((one) => owner(`the page's ${one.name}`, uid === OWNER, shown(one))));
}
