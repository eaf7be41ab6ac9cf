// The upstream and the auth service of the bench, in a process of their own so that their work is
// nobody else's. Prints its two ports; remembers the headers of the last request for /last, until
// /forget.

import http from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { readBody } from "../compiler/gateway/demo.ts";
import { text } from "./scenarios.ts";

const pages = new Map<string, Buffer>();
let last: http.IncomingHttpHeaders = {};

const PAGE = Buffer.from(text(1 << 16));

/** A text of so many bytes, never there as a whole. */
function* pagesOf(size: number): Generator<Buffer> {
  for (let at = 0; at < size; at += PAGE.length) yield PAGE.subarray(0, size - at);
}

const upstream = http.createServer((request, response) => {
  const path = request.url ?? "/";
  if (path === "/forget") last = {};
  if (path === "/last" || path === "/forget") {
    response.end(JSON.stringify(last));
    return;
  }
  last = request.headers;
  const send = (body: Buffer | string, type: string) => {
    response.writeHead(200, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "x-set": "old",
    });
    response.end(body);
  };
  if (path.startsWith("/stream/")) {
    response.writeHead(200, { "content-type": "text/plain" });
    Readable.from(pagesOf(Number(path.slice(8)))).pipe(response);
  } else if (path.startsWith("/text/")) {
    let page = pages.get(path);
    if (!page) {
      page = Buffer.from(text(Number(path.slice(6))));
      pages.set(path, page);
    }
    send(page, "text/plain");
  } else if (path === "/echo") {
    readBody(request).then(
      (body) => send(body, "application/octet-stream"),
      () => response.destroy(),
    );
  } else {
    send('{"ok":true}', "application/json");
  }
});

const auth = http.createServer((request, response) => {
  const isGood = request.headers["x-token"] === "good";
  response.writeHead(isGood ? 200 : 403, { "x-auth-user": "alice", "content-length": 0 });
  response.end();
});

for (const server of [upstream, auth]) server.keepAliveTimeout = 600_000;
upstream.listen(0, "127.0.0.1", () => {
  auth.listen(0, "127.0.0.1", () => {
    const ports = [upstream, auth].map((server) => (server.address() as AddressInfo).port);
    process.stdout.write(`${ports.join(" ")}\n`);
  });
});
