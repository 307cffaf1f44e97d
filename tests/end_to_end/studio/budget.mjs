// What the page weighs before anything can be seen.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

import { SignInPage } from "./pages.mjs";

const MOST_BYTES = 250_000;

export function budgetCases(scenario) {
  scenario("the first load of the page is under 250 kB, gzipped as Hosting does it", async (begin, site) => {
    const visit = await begin();
    const answers = [];
    visit.page.on("response", (answer) => answer.url().startsWith(site.url) && answers.push(answer));
    await visit.page.goto(site.url);
    await new SignInPage(visit.page).email.waitFor();
    const files = await Promise.all(
      answers.map(async (answer) => ({
        path: new URL(answer.url()).pathname,
        bytes: gzipSync(await answer.body()).length,
      })),
    );
    const gzippedBytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const found = { gzipped_bytes: gzippedBytes, most_bytes: MOST_BYTES, files };
    fs.writeFileSync(path.join(site.out, "budget.json"), `${JSON.stringify(found, null, 2)}\n`);
    assert.ok(files.some((file) => file.path.endsWith(".js") && file.bytes > 1000), "the page's own code was seen");
    assert.ok(gzippedBytes < MOST_BYTES, `${gzippedBytes} bytes`);
  });
}
