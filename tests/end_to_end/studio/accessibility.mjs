// What every page has to keep to, at every size and in both colours.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import fs from "node:fs";

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const EMULATOR_REMINDER = ".firebase-emulator-warning"; // Firebase's own, and not there when deployed
const TARGET_PIXELS = 44;
const NARROWEST = { width: 360, height: 740 };

// What of axe-core's rules can differ between light and dark.
export const COLOURS = ["color-contrast", "link-in-text-block"];

// axe-core's rules of every kind, or those named; violations of every weight.
export async function assertAccessible(page, where, rules) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const what = { exclude: [EMULATOR_REMINDER] };
  const options = { resultTypes: ["violations"], ...(rules ? { runOnly: rules } : {}) };
  const found = await page.evaluate(
    async ([what, options]) => (await globalThis.axe.run(what, options)).violations,
    [what, options],
  );
  const told = found.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id} (${impact}) ${help}: ${html.slice(0, 160)} ${failureSummary}`),
  );
  assert.deepEqual(told, [], `axe on ${where}`);
}

// Nothing is scrolled sideways, and whatever is pressed is large enough for a finger.
export async function assertFitsAPhone(page, where) {
  const before = page.viewportSize();
  await page.setViewportSize(NARROWEST);
  const wide = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const beyond = (element) => element.getBoundingClientRect().right > clientWidth + 1;
    return [...document.querySelectorAll("body *")].filter(beyond).map((element) => element.outerHTML.slice(0, 120));
  });
  assert.deepEqual(wide, [], `${where} is wider than ${NARROWEST.width} px`);
  await assertTargets(page, where);
  await page.setViewportSize(before);
}

export async function assertTargets(page, where) {
  const small = [];
  for (const role of ["button", "combobox", "textbox", "slider"]) {
    for (const target of await page.getByRole(role).all()) {
      const box = await target.boundingBox();
      if (box && box.width > 1 && Math.min(box.width, box.height) < TARGET_PIXELS - 0.5) {
        const html = await target.evaluate((element) => element.outerHTML.slice(0, 160));
        small.push(`${Math.round(box.width)} x ${Math.round(box.height)}: ${html}`);
      }
    }
  }
  assert.deepEqual(small, [], `targets of ${where} under ${TARGET_PIXELS} px`);
}
