// TypeScript as one module that Node runs, made with what Vite bundles the page with.

import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const WEB = join(ROOT, 'web');

/**
 * Write the module `from`, with all that it imports, to the file `to`. Firebase's SDK is taken from `packages`, as it is.
 *
 * `instead` names what is taken in place of an import: another package, the path of a file, or `data:` and a text.
 */
export async function bundle(from, to, { instead = {}, packages = WEB } = {}) {
  const { rolldown } = await import(pathToFileURL(join(WEB, 'node_modules/rolldown/dist/index.mjs')).href);
  const made = await rolldown({ input: from, platform: 'node', plugins: [imports(instead, packages)] });
  await made.write({ file: to, format: 'esm', codeSplitting: false });
  await made.close();
}

function imports(instead, packages) {
  return {
    name: 'imports',
    resolveId(name) {
      const target = instead[name] ?? name;
      if (target.startsWith('data:')) return `\0${name}`;
      if (target.startsWith('firebase/')) {
        return { id: firebase(target, packages), external: true };
      }
      return target === name ? null : resolve(target);
    },
    load: (id) => (id.startsWith('\0') ? { code: instead[id.slice(1)].slice('data:'.length), moduleType: 'js' } : null),
  };
}

/** Where the module of Firebase's SDK is that `import` takes in `packages`. */
export function firebase(name, packages = WEB) {
  const required = createRequire(join(packages, 'package.json')).resolve(name);
  return pathToFileURL(required.replace(/\.cjs\.js$/, '.mjs')).href;
}
