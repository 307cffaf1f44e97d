// What the page's progress bars have shown while something was being made.

import assert from "node:assert/strict";

// Notes every value of every bar from now on. `scope` names what the bars belong to: each has a story of its own.
export async function watchProgress(page) {
  await page.evaluate(() => {
    const seen = new Map();
    const note = () => {
      for (const bar of document.querySelectorAll("progress")) {
        if (bar.position < 0) continue;
        const place = bar.closest("article, li, section");
        const name = (place?.querySelector("h2, h3")?.textContent ?? "?").trim();
        const values = seen.get(name) ?? [];
        const value = Math.round(bar.value * 10) / 10;
        if (values.at(-1) !== value) values.push(value);
        seen.set(name, values);
      }
    };
    const observer = new MutationObserver(note);
    observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    globalThis.progressSeen = () => {
      observer.disconnect();
      return Object.fromEntries(seen);
    };
  });
  return { end: () => page.evaluate(() => globalThis.progressSeen()) };
}

// The values by the heading of their place. None ever went back.
export function assertForwards(seen) {
  for (const [name, values] of Object.entries(seen)) {
    const sorted = [...values].sort((a, b) => a - b);
    assert.deepEqual(values, sorted, `progress of ${name} goes back`);
  }
}
