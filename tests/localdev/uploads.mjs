// What a page does with Firebase Storage, by Firebase's own SDK, in the hands of the user u1. Prints one JSON object.
// node uploads.mjs HOST PORT PROJECT BUCKET

import { initializeApp } from 'firebase/app';
import {
  connectStorageEmulator, deleteObject, getBytes, getDownloadURL, getMetadata, getStorage, ref, uploadBytes,
  uploadBytesResumable,
} from 'firebase/storage';

const [host, port, projectId, storageBucket] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const told = {};

function storageOf(user) {
  const storage = getStorage(initializeApp({ projectId, storageBucket, apiKey: 'fake' }, user ?? 'nobody'));
  const token = user ? { mockUserToken: { sub: user, iat: now } } : {};
  connectStorageEmulator(storage, host, Number(port), token);
  return storage;
}

/** Every byte value, line breaks and dashes among them. */
function bytes(count) {
  return Uint8Array.from({ length: count }, (_, index) => (index * 7 + (index >> 8)) % 256);
}

const same = (left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)) === 0;
const outcome = (promise) => promise.then(() => 'done', (error) => error.code);

const storage = storageOf('u1');
const stranger = storageOf('u2');
const nobody = storageOf(null);
const png = { contentType: 'image/png' };

const small = ref(storage, 'uploads/u1/products/a cup & saucer.png');
const picture = new Uint8Array([...bytes(5000), 13, 10, 45, 45, 13, 10]);
const { metadata } = await uploadBytes(small, picture, { ...png, customMetadata: { kind: 'product' } });
const url = await getDownloadURL(small);
const fetched = await fetch(url, { headers: { Origin: 'http://127.0.0.1:5000' } });
told.small = {
  url,
  size: metadata.size,
  custom: metadata.customMetadata,
  contentType: fetched.headers.get('content-type'),
  cors: fetched.headers.get('access-control-allow-origin'),
  same: same(await fetched.arrayBuffer(), picture),
  sameByToken: same(await getBytes(small), picture),
};

const film = bytes(3_000_000);
const large = ref(storage, 'uploads/u1/music/long.m4a');
const task = uploadBytesResumable(large, film, { contentType: 'audio/x-m4a' });
const progress = [];
task.on('state_changed', (snapshot) => progress.push(snapshot.bytesTransferred));
await task;
const back = await (await fetch(await getDownloadURL(large))).arrayBuffer();
told.large = { progress, size: (await getMetadata(large)).size, same: same(back, film) };

const given = ref(storage, 'uploads/u1/music/given-up.m4a');
const halted = uploadBytesResumable(given, film, { contentType: 'audio/mp4' });
halted.on('state_changed', (snapshot) => snapshot.bytesTransferred > 0 && halted.cancel(), () => {});
told.cancelled = { ended: await outcome(halted), left: await outcome(getMetadata(given)) };

const paused = uploadBytesResumable(ref(storage, 'uploads/u1/music/paused.m4a'), film, { contentType: 'audio/mp4' });
let pauses = 0;
paused.on('state_changed', (snapshot) => {
  if (snapshot.state === 'running' && snapshot.bytesTransferred > 0 && pauses === 0) {
    pauses += 1;
    paused.pause();
  } else if (snapshot.state === 'paused') {
    paused.resume();
  }
});
told.paused = { ended: await outcome(paused), pauses, size: (await getMetadata(paused.snapshot.ref)).size };

const theirs = ref(stranger, small.fullPath);
told.refused = {
  anothersFolder: await outcome(uploadBytes(ref(storage, 'uploads/u2/a.png'), picture, png)),
  anothersFolderInPieces: await outcome(uploadBytesResumable(ref(storage, 'uploads/u2/a.png'), film, png)),
  ownFolderOfResults: await outcome(uploadBytes(ref(storage, 'u1/a.png'), picture, png)),
  wrongType: await outcome(uploadBytes(ref(storage, 'uploads/u1/a.svg'), picture, { contentType: 'image/svg+xml' })),
  tooLarge: await outcome(uploadBytesResumable(ref(storage, 'uploads/u1/a.png'), new Uint8Array(30_000_000), png)),
  noType: await outcome(uploadBytes(ref(storage, 'uploads/u1/a'), picture)),
  strangersRead: await outcome(getBytes(theirs)),
  strangersUrl: await outcome(getDownloadURL(theirs)),
  strangersDelete: await outcome(deleteObject(theirs)),
  nobodysUpload: await outcome(uploadBytes(ref(nobody, 'uploads/u1/a.png'), picture, png)),
  nobodysRead: await outcome(getDownloadURL(ref(nobody, small.fullPath))),
};

await uploadBytes(small, bytes(10), png);
told.replaced = { size: (await getMetadata(small)).size, oldUrl: (await fetch(url)).status };
await deleteObject(small);
told.deleted = { metadata: await outcome(getMetadata(small)), again: await outcome(deleteObject(small)) };
told.deleted.url = (await fetch(url)).status;

console.log(JSON.stringify(told));
process.exit(0);
