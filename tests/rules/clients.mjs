// Firebase's own client in the hands of several people, on the emulator that FIRESTORE_EMULATOR_HOST names.

import { initializeTestEnvironment } from '@firebase/rules-unit-testing';
import { doc, setLogLevel, writeBatch } from 'firebase/firestore';

const BATCH = 400;

/**
 * Opens a project with `rules` and `documents` (by their paths) and nothing else.
 *
 * `people` are user ids by names; null is nobody. The answer has a client for each of them and for `admin`, whom rules
 * do not bind, and `close`.
 */
export async function openClients(projectId, rules, documents, people) {
  setLogLevel('silent'); // what is refused is expected
  const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(':');
  const environment = await initializeTestEnvironment({ projectId, firestore: { host, port: Number(port), rules } });
  await environment.clearFirestore();
  const clients = {};
  for (const [name, id] of Object.entries(people)) {
    const context = id === null ? environment.unauthenticatedContext() : environment.authenticatedContext(id);
    clients[name] = context.firestore();
  }
  const { admin, closeAdmin } = await openAdmin(environment);
  await write(admin, Object.entries(documents));
  const close = () => {
    closeAdmin();
    return environment.cleanup();
  };
  return { ...clients, admin, close };
}

/** An administrator's client is good for one callback, which lasts until it is closed. */
function openAdmin(environment) {
  return new Promise((opened, failed) => {
    environment.withSecurityRulesDisabled((context) => new Promise((closeAdmin) => {
      opened({ admin: context.firestore(), closeAdmin });
    })).catch(failed);
  });
}

async function write(admin, documents) {
  for (let first = 0; first < documents.length; first += BATCH) {
    const batch = writeBatch(admin);
    for (const [path, fields] of documents.slice(first, first + BATCH)) batch.set(doc(admin, path), fields);
    await batch.commit();
  }
}
