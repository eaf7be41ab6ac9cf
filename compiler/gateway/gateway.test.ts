// The local gateway with real sockets: what streams streams, what breaks breaks cleanly.

import http from "node:http";
import net from "node:net";
import { afterEach, expect, test } from "vitest";
import { pause, raw, request } from "../../tests/envoy/envoy.ts";
import { filterModule } from "../assets.ts";
import { demoUpstream, readBody, serve } from "./demo.ts";
import { Gateway } from "./server.ts";

const closing: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Running {
  gateway: Gateway;
  port: number;
  log: string[];
}

async function start(
  rules: object,
  upstream: http.RequestListener | string = demoUpstream,
  clusters: Record<string, string> = {},
): Promise<Running> {
  let url = upstream;
  if (typeof url !== "string") {
    const server = await serve(url);
    closing.push(server.close);
    url = server.url;
  }
  const log: string[] = [];
  const gateway = new Gateway({
    module: filterModule(),
    rules: JSON.stringify({ ruleway: 1, settings: { holdHeaders: true }, ...rules }),
    upstream: url,
    clusters,
    log: (line) => log.push(line),
  });
  closing.push(() => gateway.close());
  return { gateway, port: await gateway.listen(0), log };
}

const REPLACE = { rules: [{ response: [{ body: { replace: [{ find: "foo", with: "bar" }] } }] }] };

test("a response goes on piece by piece, before the upstream has ended it", async () => {
  let finish = () => {};
  const { port } = await start(REPLACE, (_request, response) => {
    response.write("first foo;");
    finish = () => response.end(" last");
  });
  const chunks: string[] = [];
  await new Promise<void>((resolve, reject) => {
    http
      .get({ host: "127.0.0.1", port, agent: false }, (incoming) => {
        incoming.on("data", (chunk: Buffer) => {
          chunks.push(chunk.toString());
          if (chunks.length === 1) finish();
        });
        incoming.on("end", resolve);
      })
      .on("error", reject);
  });
  expect(chunks[0]).toBe("first bar;");
  expect(chunks.join("")).toBe("first bar; last");
});

test("50 MB stream through without being held", async () => {
  const piece = Buffer.from("some foo text, ".repeat(70_000));
  const { port, gateway } = await start(REPLACE, (_request, response) => {
    let left = 50;
    const more = () => {
      while (left-- > 0) if (!response.write(piece)) return;
      response.end();
    };
    response.on("drain", more);
    more();
  });
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    http
      .get({ host: "127.0.0.1", port, agent: false }, (incoming) => {
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length;
        });
        incoming.on("end", resolve);
      })
      .on("error", reject);
  });
  expect(size).toBe(piece.length * 50);
  expect(gateway.filterMemory).toBeLessThan(32 * 1024 * 1024);
});

test("an upstream that is not there is a 503, through the response rules", async () => {
  const rules = { rules: [{ response: [{ headers: { set: { "x-seen": "yes" } } }] }] };
  const { port } = await start(rules, "http://127.0.0.1:1");
  const got = await request(port, "/");
  expect([got.status, got.headers["x-seen"]]).toEqual([503, "yes"]);
  expect(got.body).toContain("upstream connect error");
});

test("an upstream that breaks off in the middle breaks the response off", async () => {
  const { port } = await start(REPLACE, (_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("half");
    setTimeout(() => response.destroy(), 20);
  });
  await expect(request(port, "/")).rejects.toThrow();
});

test("a client that leaves ends the upstream's request", async () => {
  let wasEnded = false;
  const { port } = await start(REPLACE, (_request, response) => {
    response.write("a");
    response.on("close", () => {
      wasEnded = true;
    });
  });
  await raw(port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", 100);
  for (let i = 0; i < 50 && !wasEnded; i++) await pause(20);
  expect(wasEnded).toBe(true);
});

test("a WebSocket is a tunnel", async () => {
  const upstream = http.createServer();
  upstream.on("upgrade", (_request, socket) => {
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    );
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const { port: target } = upstream.address() as net.AddressInfo;
  const { port } = await start(REPLACE, `http://127.0.0.1:${target}`);
  const answer = await new Promise<string>((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.write(
      "GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    );
    let text = "";
    socket.on("data", (chunk) => {
      if (text === "") socket.write("a foo in a tunnel");
      text += chunk.toString();
      if (!text.endsWith("tunnel")) return;
      socket.destroy();
      resolve(text);
    });
  });
  expect(answer).toContain("101 Switching Protocols");
  expect(answer).toContain("a foo in a tunnel");
});

test("callouts reach their service, and a service that is not configured fails closed", async () => {
  const auth = await serve((incoming, response) => {
    response.writeHead(200, { "x-user": `u-${incoming.url}` }).end();
  });
  closing.push(auth.close);
  const rules = {
    services: { auth: { cluster: "auth" } },
    rules: [
      { request: [{ authorize: { service: "auth", path: "/me", upstream: { set: ["x-user"] } } }] },
    ],
  };
  const echo: http.RequestListener = (incoming, response) => {
    readBody(incoming).then(() => response.end(String(incoming.headers["x-user"])));
  };
  const { port } = await start(rules, echo, { auth: auth.url });
  expect((await request(port, "/")).body).toBe("u-/me");
  const without = await start(rules, echo);
  expect((await request(without.port, "/")).status).toBe(403);
});

test("rules are swapped while requests are on their way; bad ones leave the old in force", async () => {
  const { port, gateway, log } = await start({
    rules: [{ response: [{ headers: { set: { v: "1" } } }] }],
  });
  const next = (v: string) =>
    JSON.stringify({ ruleway: 1, rules: [{ response: [{ headers: { set: { v } } }] }] });
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      if (i === 20) expect(gateway.reload(next("2"))).toBe(true);
      if (i === 40) expect(gateway.reload('{"ruleway":1,"rules":[{"nope":1}]}')).toBe(false);
      return request(port, "/hello");
    }),
  );
  for (const { status, headers } of answers) {
    expect(status).toBe(200);
    expect(["1", "2"]).toContain(headers["v"]);
  }
  expect((await request(port, "/hello")).headers["v"]).toBe("2");
  expect(log.filter((line) => line.startsWith("GET /hello → 200")).length).toBe(61);
});

test("memory does not grow with requests", async () => {
  const { port, gateway } = await start(REPLACE);
  const round = async () => {
    for (let i = 0; i < 300; i++) await request(port, "/hello");
  };
  await round();
  const before = gateway.filterMemory;
  await round();
  expect(gateway.filterMemory).toBe(before);
});
