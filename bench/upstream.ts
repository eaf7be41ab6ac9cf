// The upstream, the auth service and the ingestion service of the bench, in a process of their own so
// that their work is nobody else's. Prints their ports. The upstream remembers the headers of the last
// request for /last, until /forget; the ingestion service counts events by the path they come to, and
// tells of them at /told/PATH.

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

/** What came to one path: so many events, and the last batch of them. */
const ingested = new Map<string, { events: number; batches: number; last: Buffer }>();
const EVENT = Buffer.from('{"metadata":{');

function eventsIn(batch: Buffer): number {
  let n = 0;
  for (let at = batch.indexOf(EVENT); at >= 0; at = batch.indexOf(EVENT, at + 1)) n++;
  return n;
}

const ingestion = http.createServer((request, response) => {
  const path = request.url ?? "/";
  if (path.startsWith("/told/")) {
    const { events = 0, batches = 0, last } = ingested.get(path.slice(5)) ?? {};
    response.end(
      JSON.stringify({ events, batches, last: last ? JSON.parse(last.toString()) : [] }),
    );
    return;
  }
  readBody(request).then(
    (last) => {
      const before = ingested.get(path);
      const events = (before?.events ?? 0) + eventsIn(last);
      ingested.set(path, { events, batches: (before?.batches ?? 0) + 1, last });
      response.writeHead(202, { "content-length": 0 }).end();
    },
    () => response.destroy(),
  );
});

const servers = [upstream, auth, ingestion];
for (const server of servers) server.keepAliveTimeout = 600_000;
const listening = servers.map(
  (server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)),
);
await Promise.all(listening);
const ports = servers.map((server) => (server.address() as AddressInfo).port);
process.stdout.write(`${ports.join(" ")}\n`);
