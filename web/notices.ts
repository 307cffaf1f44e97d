/**
 * What the licences of the bundled packages ask for: their notices go where the code goes, as /licences.txt.
 *
 * Vite's `build.license` finds the packages whose code is bundled, and their texts. Some bring none: theirs lie in
 * notices/, by the name of the licence where its text names nobody, else by the name of the package. A package that
 * is left without a text fails the build.
 */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const FOUND = "licences.json";
const SERVED = "licences.txt";

/** Copied from their projects' own repositories. */
const OF_LICENCES: Record<string, string> = { "Apache-2.0": read("Apache-2.0.txt") };
const OF_PACKAGES: Record<string, string> = { blurhash: read("blurhash.txt") };

const HEAD = "The page is made with these packages. A licence that several of them have stands once.";
const RULE = "-".repeat(80);

/** One entry of what Vite writes. */
interface Bundled {
  name: string;
  version: string;
  identifier?: string;
  text?: string;
}

export function notices(): Plugin {
  return {
    name: "notices",
    apply: "build",
    config: () => ({ build: { license: { fileName: FOUND } } }),
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const found = bundle[FOUND];
        if (found?.type !== "asset") throw new Error(`Vite did not write ${FOUND}`);
        delete bundle[FOUND];
        this.emitFile({ type: "asset", fileName: SERVED, source: page(JSON.parse(String(found.source))) });
      },
    },
  };
}

function page(packages: Bundled[]): string {
  const names = new Map<string, string[]>();
  for (const one of packages) {
    const text = textOf(one);
    names.set(text, [...(names.get(text) ?? []), `${one.name} ${one.version} (${one.identifier})`]);
  }
  const sections = [...names].map(([text, titles]) => `${RULE}\n${titles.join("\n")}\n${RULE}\n\n${text}\n`);
  return [HEAD, ...sections].join("\n\n");
}

function textOf({ name, identifier = "no licence named", text }: Bundled): string {
  const known = text || OF_PACKAGES[name] || OF_LICENCES[identifier];
  if (!known) throw new Error(`${name} (${identifier}) brings no text of its licence: put it into web/notices`);
  return known.replaceAll("\r\n", "\n").replace(/^\n+|\s+$/g, "");
}

function read(name: string): string {
  return readFileSync(new URL(`./notices/${name}`, import.meta.url), "utf8");
}
