// `authorize` on a real Envoy with two workers: answers that are kept, requests that wait for the same
// one, a service that goes down, bodies.

import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readBody } from "../../compiler/gateway/demo.ts";
import { envoy, type Got, pause, raw, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
services: { auth: { cluster: auth, timeout: 2s } }
rules:
  - match: { path: /kept/** }
    request:
      - authorize:
          service: auth
          path: "/$(request.headers['x-mode'])"
          cache: { key: ["$(request.headers['x-mode'])", "$(request.headers.authorization)"], ttl: 1s, staleIfError: 1h }
          upstream: { set: [x-user] }
          retries: 1
  - match: { path: /judged }
    request:
      - authorize:
          service: auth
          path: "/$(request.headers['x-mode'])"
          cache: { key: "$(request.headers.authorization)", ttl: 1m }
      - body: { json: { set: { /ok: true } }, onError: deny }
  - match: { path: /body }
    request:
      - authorize: { service: auth, path: /body, body: { maxBytes: 1KiB }, retries: 1 }
  - match: { path: /part }
    request:
      - authorize: { service: auth, path: /body, body: { maxBytes: 4, partial: true } }
`;

describe.skipIf(!envoy)("authorize on Envoy with two workers", () => {
  let setup: Setup;
  let isDown = false;
  /** Paths that the service was asked, and how often. */
  let asked: Record<string, number> = {};

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const mode = incoming.url!.slice(1);
    asked[mode] = (asked[mode] ?? 0) + 1;
    if (isDown || mode === "broken") {
      response.socket?.destroy();
      return;
    }
    if (mode === "silent") return;
    if (mode === "once" && asked[mode] === 1) {
      response.socket?.destroy();
      return;
    }
    if (mode.startsWith("slow")) await pause(400);
    if (mode === "body") {
      const text = (await readBody(incoming)).toString();
      response.writeHead(text.includes("bad") ? 403 : 200).end(text);
      return;
    }
    const isDenied = mode.endsWith("no");
    response.writeHead(isDenied ? 401 : 200, { "x-user": "ada", "www-authenticate": "Bearer" });
    response.end(isDenied ? "who are you?" : "");
  }

  beforeAll(async () => {
    setup = await setUp(
      RULES,
      { auth: (incoming, response) => void serve(incoming, response) },
      { concurrency: 2 },
    );
  });
  beforeEach(() => {
    asked = {};
    isDown = false;
    setup.upstream.length = 0;
  });
  afterAll(async () => {
    expect(setup?.envoy.log() ?? "").not.toContain("Uncaught RuntimeError");
    await setup?.stop();
  });

  const get = (path: string, mode: string, authorization = "a"): Promise<Got> =>
    request(setup.envoy.port, path, { headers: { "x-mode": mode, authorization } });
  const many = (n: number, one: () => Promise<Got>) => Promise.all(Array.from({ length: n }, one));

  test("many requests at once ask once for each worker, and all get the answer", async () => {
    const got = await many(100, () => get("/kept/a", "slow"));
    expect(got.map(({ status }) => status)).toEqual(Array(100).fill(200));
    expect(asked["slow"]).toBeLessThanOrEqual(2);
    expect(setup.upstream.map(({ headers }) => headers["x-user"])).toEqual(Array(100).fill("ada"));
    const again = await many(20, () => get("/kept/a", "slow"));
    expect(again.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(asked["slow"]).toBeLessThanOrEqual(2);
  });

  test("a denial too, with what the client needs to know", async () => {
    const got = await many(100, () => get("/kept/a", "slow-no"));
    for (const { status, headers, body } of got)
      expect([status, headers["www-authenticate"], body]).toEqual([401, "Bearer", "who are you?"]);
    expect(asked["slow-no"]).toBeLessThanOrEqual(2);
    expect(setup.upstream).toEqual([]);
  });

  test("a service that stays silent keeps all of them out, in their time", async () => {
    const began = Date.now();
    const got = await many(50, () => get("/kept/a", "silent"));
    expect(got.map(({ status }) => status)).toEqual(Array(50).fill(403));
    expect(Date.now() - began).toBeLessThan(4500);
    expect(setup.upstream).toEqual([]);
  });

  test("a service that breaks off keeps out, and is not asked without end", async () => {
    const got = await many(50, () => get("/kept/a", "broken"));
    expect(got.map(({ status }) => status)).toEqual(Array(50).fill(403));
    expect(setup.upstream).toEqual([]);
    expect(asked["broken"]).toBeLessThanOrEqual(50 * 4);
  });

  test("one broken answer is asked for again", async () => {
    expect((await get("/kept/a", "once")).status).toBe(200);
    expect(asked["once"]).toBe(2);
  });

  test("clients that leave strand nobody", async () => {
    const text =
      "GET /kept/a HTTP/1.1\r\nhost: a\r\nx-mode: slow-leave\r\nauthorization: a\r\n\r\n";
    const leaving = Array.from({ length: 30 }, () => raw(setup.envoy.port, text, 60));
    await pause(100);
    const staying = many(30, () => get("/kept/a", "slow-leave"));
    await Promise.all(leaving);
    expect((await staying).map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect(setup.upstream).toHaveLength(30);
  });

  test("while the service is down, what it said last is good", async () => {
    for (let i = 0; i < 10; i++) {
      expect((await get("/kept/a", "yes")).status).toBe(200);
      expect((await get("/kept/a", "no")).status).toBe(401);
    }
    await pause(1100);
    isDown = true;
    setup.upstream.length = 0;
    const allowed = await many(10, () => get("/kept/a", "yes"));
    // A worker that was never asked knows nothing.
    expect(allowed.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(setup.upstream).toHaveLength(allowed.filter(({ status }) => status === 200).length);
    const denied = await many(10, () => get("/kept/a", "no"));
    expect(denied.filter(({ status }) => status !== 401 && status !== 403)).toEqual([]);
    expect((await get("/kept/a", "yes", "stranger")).status).toBe(403);
  });

  test("bodies wait for the common answer, held as later steps want it", async () => {
    const post = (mode: string, authorization: string, piece: string) =>
      request(setup.envoy.port, "/judged", {
        headers: { "x-mode": mode, authorization },
        pieces: ['{"a"', piece],
      });
    const got = await many(40, () => post("slow", "judged", ": 1}"));
    expect(got.map(({ body }) => JSON.parse(body))).toEqual(Array(40).fill({ a: 1, ok: true }));
    expect(asked["slow"]).toBeLessThanOrEqual(2);
    const kept = await many(10, () => post("slow", "judged", ": 2}"));
    expect(kept.map(({ body }) => JSON.parse(body))).toEqual(Array(10).fill({ a: 2, ok: true }));
    setup.upstream.length = 0;
    const bad = await many(10, () => post("slow", "judged", "nonsense"));
    expect(bad.map(({ status }) => status)).toEqual(Array(10).fill(400));
    expect(setup.upstream).toEqual([]);
  });

  test("the service sees the body; what it has not seen goes nowhere", async () => {
    const send = (path: string, ...pieces: string[]) => request(setup.envoy.port, path, { pieces });
    const good = await send("/body", "some ", "text");
    expect([good.status, good.body]).toEqual([200, "some text"]);
    setup.upstream.length = 0;
    expect((await send("/body", "something ba", "d")).status).toBe(403);
    expect((await send("/body", "x".repeat(1000), "x".repeat(1000))).status).toBe(413);
    expect(setup.upstream).toEqual([]);
    const part = await send("/part", "12", "345", "bad");
    expect([part.status, part.body]).toEqual([200, "12345bad"]);
    expect((await request(setup.envoy.port, "/body")).status).toBe(200);
  });
});
