// A real browser for tests, headless: one that the machine has, or the packaged one. It plays H.264 or is not taken.
//
//   CHROMIUM_PATH is set     that one and no other
//   else the first to start  chromium, chromium-browser, google-chrome on the PATH; Google Chrome.app on macOS;
//                            the Chromium of the npm package @sparticuz/chromium (x64 Linux)

import fs from "node:fs";
import path from "node:path";

import { chromium } from "playwright-core";

import { packagedChromium } from "./packaged_chromium.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC_APPS = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", // tests need nobody else
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--autoplay-policy=no-user-gesture-required",
];
const NEEDED_TYPE = 'video/mp4; codecs="avc1.640028, mp4a.40.2"';

// A playwright Browser; an Error that says what was tried and what to do.
export async function startBrowser() {
  const refused = [];
  for (const [name, locate] of candidates(process.env)) {
    try {
      return await start(await locate());
    } catch (error) {
      refused.push(`${name}: ${error.message.split("\n")[0]}`);
    }
  }
  throw new Error(
    "No browser that plays H.264 was found. Install Chromium or Google Chrome (Debian: apt install chromium), " +
      `or set CHROMIUM_PATH to one. What was tried:\n  ${refused.join("\n  ")}`,
  );
}

function candidates({ CHROMIUM_PATH: chosen, PATH: searched = "" }) {
  if (chosen) return [[chosen, () => ({ executablePath: chosen })]];
  const onPath = searched.split(path.delimiter).flatMap((folder) => NAMES.map((name) => path.join(folder, name)));
  const installed = [...onPath, ...MAC_APPS].filter((file) => fs.existsSync(file));
  return [
    ...installed.map((file) => [file, () => ({ executablePath: file })]),
    ["@sparticuz/chromium", packagedChromium],
  ];
}

async function start(options) {
  if (!fs.existsSync(options.executablePath)) throw new Error("there is no such file");
  const browser = await chromium.launch({ ...options, args: ARGS });
  const page = await browser.newPage();
  const answer = await page.evaluate((type) => document.createElement("video").canPlayType(type), NEEDED_TYPE);
  await page.close();
  if (answer === "probably") return browser;
  await browser.close();
  throw new Error("it does not play H.264 with AAC");
}
