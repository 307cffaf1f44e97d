// A visit to the studio: a browser context of its own, whose every fault is noticed.
//
// Faults are: whatever the page complains of on the console, errors that it does not catch, requests that leave this
// machine, requests to the project's functions or API, what its Content-Security-Policy stops, and what the rules deny.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

const PATIENCE_MILLISECONDS = 60_000;
const LOOPBACK = ["127.0.0.1", "localhost"];

export class Visit {
  // site: {url, functionsUrl, out}; look: {size}
  static async begin(browser, site, { size = DESKTOP } = {}) {
    const context = await browser.newContext({
      viewport: size,
      colorScheme: "light",
      hasTouch: size.width < 600,
      reducedMotion: "reduce",
      acceptDownloads: true,
      locale: "en-GB",
    });
    context.setDefaultTimeout(PATIENCE_MILLISECONDS);
    const visit = new Visit(context, site);
    await context.addInitScript(watchFromInside);
    visit.page = await context.newPage();
    return visit;
  }

  constructor(context, site) {
    this.context = context;
    this.site = site;
    this.faults = [];
    this.forgiven = [];
    this.requests = [];
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.#fault(`console ${message.type()}: ${message.text()}`);
    });
    context.on("weberror", (raised) => this.#fault(`not caught: ${raised.error().stack ?? raised.error()}`));
    context.on("request", (request) => this.#check(request.url()));
  }

  #check(url) {
    const { protocol, hostname, pathname } = new URL(url);
    if (["blob:", "data:"].includes(protocol)) return;
    this.requests.push(url);
    if (!LOOPBACK.includes(hostname)) this.#fault(`a request leaves this machine: ${url}`);
    if (url.startsWith(this.site.functionsUrl)) this.#fault(`a function is called: ${url}`);
    if (url.startsWith(this.site.url) && pathname.startsWith("/api/")) this.#fault(`the API is called: ${url}`);
  }

  #fault(text) {
    this.faults.push(text);
  }

  // Faults that match are what this case is about.
  forgive(...patterns) {
    this.forgiven.push(...patterns);
  }

  assertNoFaults() {
    const left = this.faults.filter((fault) => !this.forgiven.some((pattern) => pattern.test(fault)));
    assert.deepEqual([...new Set(left)], []);
  }

  // A picture of what is seen, or of all of the page.
  async picture(name, { whole = false } = {}) {
    await this.page.screenshot({ path: path.join(this.site.out, `${name}.png`), fullPage: whole, animations: "disabled" });
  }

  // At the end of a case, however it went: null, or the error that it failed with.
  async end(name, error) {
    if (error) {
      const told = `${this.page.url()}\n${error.stack}\n\nfaults:\n${this.faults.join("\n")}\n`;
      const file = path.join(this.site.out, `failed ${name}`);
      fs.writeFileSync(`${file}.txt`, told);
      await this.page.screenshot({ path: `${file}.png`, timeout: 10_000 }).catch(() => {});
    }
    await this.context.close();
  }
}

// Runs in every page before its own code.
function watchFromInside() {
  addEventListener("securitypolicyviolation", (event) => {
    console.error(`the policy forbids ${event.violatedDirective}: ${event.blockedURI}`);
  });

  const REFUSED = /PERMISSION_DENIED|"code": ?7\b/;
  // Firestore answers a refusal inside a stream whose status is 200
  const answered = globalThis.fetch;
  globalThis.fetch = async (...request) => {
    const answer = await answered(...request);
    const [, stream] = answer.url.match(/google\.firestore\.v1\.Firestore\/(\w+)/) ?? [];
    if (stream) lookForRefusals(stream, answer.clone());
    return answer;
  };
  async function lookForRefusals(stream, answer) {
    const text = new TextDecoder();
    let tail = "";
    try {
      for (const reader = answer.body.getReader(); ; ) {
        const { value, done } = await reader.read();
        if (done) return;
        tail += text.decode(value, { stream: true });
        const at = tail.search(REFUSED);
        if (at >= 0) console.error(`the rules deny something (${stream}): ${tail.slice(at, at + 200)}`);
        tail = tail.slice(at >= 0 ? at + 1 : -40).replace(REFUSED, "");
      }
    } catch {
      // the stream was ended by the page
    }
  }
}
