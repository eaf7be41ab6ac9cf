// The upstream and the auth service of `npm start`, so that there is something to change.

import http from "node:http";
import type { AddressInfo } from "node:net";

const HTML = `<!doctype html>
<html><head><title>Demo</title></head>
<body><h1>It works</h1><p>This page was written by the demo upstream.</p></body></html>
`;

/** What the demo upstream answers to a path, as `npm start` prints it. */
export const DEMO_PATHS = [
  "/hello",
  "/json",
  "/html",
  "/echo",
  "/stream",
  "/status/404",
  "/bytes/1000",
];

/** Starts a server on loopback; its URL, and how to end it. */
export async function serve(
  handler: http.RequestListener,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export function readBody(request: http.IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", reject);
    request.on("end", () => resolve(Buffer.concat(chunks)));
  });
}

function send(
  response: http.ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** The demo upstream. */
export async function demoUpstream(
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const path = (request.url ?? "/").split("?")[0]!;
  const body = await readBody(request).catch(() => Buffer.alloc(0));
  const [, verb, argument] = path.split("/");
  switch (verb) {
    case "json":
      return send(
        response,
        200,
        "application/json",
        '{"hello": "world", "internal": {"host": "db-7"}}\n',
      );
    case "html":
      return send(response, 200, "text/html", HTML);
    case "echo": {
      const headers = Object.fromEntries(Object.entries(request.headers).sort());
      const seen = { method: request.method, path: request.url, headers, body: body.toString() };
      return send(response, 200, "application/json", `${JSON.stringify(seen, null, 2)}\n`);
    }
    case "status":
      return send(response, statusOf(argument), "text/plain", `status ${argument}\n`);
    case "bytes":
      return send(
        response,
        200,
        "text/plain",
        "x".repeat(Math.min(Number(argument) || 0, 1 << 28)),
      );
    case "stream":
      return stream(response);
  }
  send(response, 200, "text/plain", `Hello from the demo upstream. You asked for ${request.url}\n`);
}

function statusOf(text: string | undefined): number {
  const status = Number(text);
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 404;
}

function stream(response: http.ServerResponse): void {
  response.writeHead(200, { "content-type": "text/plain" });
  let left = 5;
  const timer = setInterval(() => {
    response.write(`${left} to go\n`);
    if (--left > 0) return;
    clearInterval(timer);
    response.end("done\n");
  }, 300);
  response.on("close", () => clearInterval(timer));
}

/** The demo auth service: allows the token `open-sesame` and says who it is. */
export function demoAuth(request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.headers.authorization === "Bearer open-sesame") {
    response.writeHead(200, { "x-user": "ali", "content-length": 0 });
    response.end();
    return;
  }
  // What a proxy asks for itself: a token that services know it by.
  if (request.url === "/auth") {
    response.writeHead(200, { authorization: "Bearer demo-token", "content-length": 0 });
    response.end();
    return;
  }
  const body = "the magic words, please\n";
  const headers = { "content-type": "text/plain", "www-authenticate": 'Bearer realm="cave"' };
  response.writeHead(401, { ...headers, "content-length": body.length });
  response.end(body);
}
