// Serves the viewer's page and the one file it watches, on loopback, with HTTP ranges as a storage service would.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";

const VIEWER = fileURLToPath(new URL("viewer.html", import.meta.url));
const TYPES = { ".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime" };

export class FileServer {
  // Paths of files by the URL path they are served under; nothing else can be asked for.
  #files = new Map([["/", VIEWER]]);
  #server = http.createServer((request, response) => this.#answer(request, response));

  // Returns the address of the viewer's page.
  async listen() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  // Returns the URL path under which `file` can be had from now on.
  offer(file) {
    const urlPath = `/${this.#files.size}${path.extname(file)}`;
    this.#files.set(urlPath, file);
    return urlPath;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(request, response) {
    const file = this.#files.get(request.url);
    if (file === undefined) return response.writeHead(404).end();
    const { size } = fs.statSync(file);
    const range = wantedRange(request.headers.range, size);
    const type = file === VIEWER ? "text/html; charset=utf-8" : TYPES[path.extname(file)];
    const headers = { "Accept-Ranges": "bytes", "Cache-Control": "no-store", "Content-Type": type };
    if (range === null) return response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
    const { start, end } = range;
    if (request.headers.range) headers["Content-Range"] = `bytes ${start}-${end}/${size}`;
    response.writeHead(request.headers.range ? 206 : 200, { ...headers, "Content-Length": end - start + 1 });
    if (end < start) return response.end();
    return pipeline(fs.createReadStream(file, { start, end }), response, () => {}); // the player hangs up when it likes
  }
}

// First and last byte of one range ("bytes=5-", "bytes=5-9", "bytes=-5"); null when the file has none of it.
function wantedRange(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "bytes=0-") ?? [];
  if (first === undefined || (first === "" && last === "")) return null;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return header !== undefined && start > end ? null : { start, end };
}
