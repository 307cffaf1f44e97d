// Watches videos in a real browser and tells what a viewer sees. Ends, with its browser, when its input ends.
//
// usage: node player.mjs
// prints   {"browser": "147.0.7727.0"} or {"failure": "..."}, then one line for each line read
// reads    {"path": "/a/file.mp4", "times": [0.5, 1.2], "rate": 4, "cells": 8}
// answers  what `watch` of viewer.html returns, or {"failure": "..."} when it is the player that failed

import readline from "node:readline";

import { startBrowser } from "../browser/browser.mjs";
import { FileServer } from "./file_server.mjs";

const WATCH_MILLISECONDS = 120_000;

const print = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

async function watch(browser, server, address, { path, ...request }) {
  const page = await browser.newPage();
  try {
    await page.goto(address);
    const watching = page.evaluate((wanted) => globalThis.watch(wanted), { ...request, url: server.offer(path) });
    return await withLimit(watching);
  } finally {
    await page.close();
  }
}

async function withLimit(promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the browser does not answer")), WATCH_MILLISECONDS);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

async function main() {
  const requests = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const browser = await startBrowser();
  const server = new FileServer();
  try {
    const address = await server.listen();
    print({ browser: browser.version() });
    for await (const line of requests) {
      print(await watch(browser, server, address, JSON.parse(line)).catch(({ message }) => ({ failure: message })));
    }
  } finally {
    server.close();
    await browser.close();
  }
}

main().catch((error) => {
  print({ failure: error.message });
  process.exitCode = 1;
});
