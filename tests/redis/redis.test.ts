// Redis in the local gateway: the filter for Higress, a real server and servers that misbehave.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { root } from "../../compiler/assets.ts";
import { compile } from "../../compiler/index.ts";
import { encodeReply } from "../../compiler/rule-test/redis.ts";
import { startGateway } from "./gateway.ts";
import { fakeRedis, freePort, redis, startRedis } from "./server.ts";

const closing: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const start = (yaml: string, url: string) => startGateway(yaml, url, closing);

const rules = (steps: string, service = "{ cluster: redis, redis: {} }") => `ruleway: 1
services: { cache: ${service} }
rules:
  - request:
${steps.replace(/^/gm, "      ")}
`;

const COUNT = `- redis: { service: cache, command: [incr, "n:$(request.path)"], as: n, onError: deny }
- respond: { status: 200, text: "$(calls.n.value)" }`;

test.skipIf(!redis)("get, set, incr and eval", async () => {
  const server = await startRedis();
  closing.push(server.stop);
  const { get } = await start(
    rules(`- redis: { service: cache, command: [set, k, "$(request.headers['x-v'])", ex, 60], as: s }
- redis: { service: cache, command: [get, k], as: g }
- redis: { service: cache, command: [incrby, n, 5], as: i }
- redis: { service: cache, command: [eval, "return {KEYS[1], ARGV[1], 7}", 1, a, b], as: e }
- redis: { service: cache, command: [lpush, k, x], as: w }
- respond: { json: { s: "$(calls.s.value)", g: "$(calls.g.value)", i: "$(calls.i.value)", e: "$(calls.e.value)", w: "$(calls.w.error)" } }`),
    server.url,
  );
  const { body } = await get("/", { "x-v": "line one; $9 flushall" });
  expect(JSON.parse(body)).toEqual({
    ...{ s: "OK", g: "line one; $9 flushall", i: 5, e: ["a", "b", 7] },
    w: expect.stringContaining("WRONGTYPE"),
  });
  expect(await server.ask("ttl", "k")).toMatch(/^:(59|60)\r\n$/);
});

test.skipIf(!redis)("300 requests at a time: each is counted once", async () => {
  const server = await startRedis();
  closing.push(server.stop);
  const { get } = await start(rules(COUNT), server.url);
  const answers = await Promise.all(Array.from({ length: 300 }, () => get("/a")));
  const numbers = answers.map(({ body }) => Number(body)).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
});

test.skipIf(!redis)("a server stopped and started again under load", async () => {
  const port = await freePort();
  let server = await startRedis({ port });
  closing.push(() => server.stop());
  const { get, seen, gateway } = await start(rules(COUNT), server.url);
  const statuses: number[] = [];
  let isLoaded = true;
  const clients = Array.from({ length: 8 }, async () => {
    while (isLoaded) statuses.push((await get("/b")).status);
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  await until(() => statuses.length > 100);
  await server.stop();
  const stopped = statuses.length;
  await until(() => statuses.slice(stopped).filter((status) => status === 503).length > 100);
  server = await startRedis({ port });
  const back = statuses.length;
  await until(() => statuses.slice(back).filter((status) => status === 200).length > 100);
  isLoaded = false;
  await Promise.all(clients);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  // Whatever failed was refused: the step says deny, and the upstream is never asked.
  expect(seen.requests).toBe(0);
  expect((await get("/b")).status).toBe(200);
  expect(gateway.metrics["ruleway.redis.failed"]).toBe(
    statuses.filter((status) => status === 503).length,
  );
});

test.skipIf(!redis)("a wrong password refuses; the right one, in new rules, is used", async () => {
  const server = await startRedis({ password: "right" });
  closing.push(server.stop);
  const service = (password: string) => `{ cluster: redis, redis: { password: ${password} } }`;
  const { get, gateway, seen, log } = await start(rules(COUNT, service("wrong")), server.url);
  expect((await get()).status).toBe(503);
  expect(gateway.reload(compile(rules(COUNT, service("right"))).json!)).toBe(true);
  expect((await get("/c")).body).toBe("1");
  expect(seen.requests).toBe(0);
  expect(log.join("\n")).not.toMatch(/\b(right|wrong)\b/);
});

test.each([
  ["garbage", (socket: import("node:net").Socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n")],
  ["10 MB", (socket: import("node:net").Socket) => socket.write(encodeReply("x".repeat(10 << 20)))],
  ["nothing", () => {}],
  ["a closed connection", (socket: import("node:net").Socket) => socket.destroy()],
  ["half a reply", (socket: import("node:net").Socket) => socket.end("*2\r\n:1\r\n")],
])(
  "a server that answers %s: refused, or without a value, and never a trap",
  async (_what, answer) => {
    const server = await fakeRedis((_words, socket) => answer(socket));
    closing.push(server.close);
    const refusing = await start(rules(COUNT), server.url);
    expect((await refusing.get()).status).toBe(503);
    expect(refusing.seen.requests).toBe(0);
    const going = await start(rules(COUNT.replace(", onError: deny", "")), server.url);
    const { status, body } = await going.get();
    expect([status, body]).toEqual([200, ""]);
    expect([...refusing.log, ...going.log].join("\n")).not.toContain("trapped");
  },
);

test("new rules while commands are out: the old streams have their answers", async () => {
  const held: Array<() => void> = [];
  const server = await fakeRedis((_words, socket) => {
    held.push(() => socket.write(":1\r\n"));
  });
  closing.push(server.close);
  const { get, gateway } = await start(rules(COUNT), server.url);
  const before = Array.from({ length: 5 }, () => get("/d"));
  while (held.length < 5) await new Promise((resolve) => setTimeout(resolve, 2));
  const next = "ruleway: 1\nrules: [{ request: [{ respond: { status: 204 } }] }]\n";
  expect(gateway.reload(compile(next).json!)).toBe(true);
  expect((await get()).status).toBe(204);
  for (const answer of held) answer();
  expect((await Promise.all(before)).map(({ body }) => body)).toEqual(["1", "1", "1", "1", "1"]);
});

test.skipIf(!redis)("examples/redis-counter with a real server", async () => {
  const server = await startRedis();
  closing.push(server.stop);
  const yaml = readFileSync(join(root, "examples", "redis-counter", "rules.yaml"), "utf8");
  const { get } = await start(yaml, server.url);
  const first = await get("/api/things", { "x-api-key": "k1" });
  expect([first.status, first.headers["x-calls-today"]]).toEqual([200, "1"]);
  await server.ask("set", "calls:k1", "100");
  const over = await get("/api/things", { "x-api-key": "k1" });
  expect([over.status, JSON.parse(over.body)]).toEqual([429, { error: "101 of 100 calls today" }]);
  expect((await get("/api/things", { "x-api-key": "k2" })).headers["x-calls-today"]).toBe("1");
});
