// A user with a keyboard and no mouse.

import assert from "node:assert/strict";

const MOST_STEPS = 80;

export class Keyboard {
  constructor(page) {
    this.page = page;
  }

  // Tab until `target` has the focus; every step on the way must be seen.
  async reach(target) {
    for (let step = 0; step < MOST_STEPS; step++) {
      await this.page.keyboard.press("Tab");
      await this.#assertSeen();
      if (await hasFocus(target)) return;
    }
    assert.fail(`${target} is not reached by ${MOST_STEPS} tabs`);
  }

  async press(target, key = "Enter") {
    await this.reach(target);
    await this.page.keyboard.press(key);
  }

  async type(target, text) {
    await this.reach(target);
    await this.page.keyboard.type(text);
  }

  async #assertSeen() {
    const unseen = await this.page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null; // the browser's own parts, between end and beginning
      const isMarked = (one) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
        return (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0) || boxShadow !== "none";
      };
      const box = element.getBoundingClientRect();
      const inside = box.bottom > 0 && box.top < innerHeight && box.width > 0;
      const marked = isMarked(element) || (element.parentElement && isMarked(element.parentElement));
      return inside && marked ? null : `${element.outerHTML.slice(0, 160)} inside: ${inside} marked: ${marked}`;
    });
    assert.equal(unseen, null, "the focus is seen");
  }
}

export const hasFocus = (target) =>
  target
    .first()
    .evaluate((element) => element === document.activeElement, undefined, { timeout: 1000 })
    .catch(() => false);

// Of something that has ended: the focus is somewhere, not at the top of the page.
export async function assertFocusIsKept(page, when) {
  await page
    .waitForFunction(() => document.activeElement !== document.body, undefined, { timeout: 3000 })
    .catch(() => assert.fail(`the focus is lost ${when}`));
}
