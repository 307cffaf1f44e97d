// The studio in a real browser, on the whole local stack. Run by test_studio.py, which says where everything is.
//
// env: STUDIO_URL, FUNCTIONS_URL, PICTURE, MUSIC (files to upload), OUT (a folder for screenshots)

import fs from "node:fs";
import { after, before, describe, test } from "node:test";

import { startBrowser } from "../../browser/browser.mjs";
import { budgetCases } from "./budget.mjs";
import { connectionCases } from "./connection.mjs";
import { keyCases } from "./keys.mjs";
import { looksCases } from "./looks.mjs";
import { storyCases } from "./story.mjs";
import { strangerCases } from "./strangers.mjs";
import { troubleCases } from "./troubles.mjs";
import { Visit } from "./visit.mjs";

const AT_ONCE = 3;
const CASE_MILLISECONDS = 240_000;

const site = {
  url: process.env.STUDIO_URL,
  functionsUrl: process.env.FUNCTIONS_URL,
  picture: process.env.PICTURE,
  music: process.env.MUSIC,
  out: process.env.OUT,
};

let browser;

// A case: its body is given visits, as many as it begins, and fails with the first fault of any of them.
function scenario(name, body) {
  test(name, { timeout: CASE_MILLISECONDS }, async () => {
    const visits = [];
    const begin = async (look) => {
      const visit = await Visit.begin(browser, site, look);
      visits.push(visit);
      return visit;
    };
    let failure = null;
    try {
      await body(begin, site);
      for (const visit of visits) visit.assertNoFaults();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      for (const [index, visit] of visits.entries()) await visit.end(`${name} ${index + 1}`, failure);
    }
  });
}

describe("the studio", { concurrency: AT_ONCE }, () => {
  before(async () => {
    fs.mkdirSync(site.out, { recursive: true });
    browser = await startBrowser();
  });
  after(() => browser?.close());
  const told = promised();
  storyCases(scenario, told);
  budgetCases(scenario);
  troubleCases(scenario);
  strangerCases(scenario);
  connectionCases(scenario);
  keyCases(scenario);
  looksCases(scenario, told); // last: they wait for the story
});

// A promise, and what settles it.
function promised() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  parts.promise.catch(() => {}); // who waits for it hears of it; nobody need
  return parts;
}
