// Expressions on a real Envoy: conditions, bodies read before headers go on, callouts in between, and
// guards that close when something cannot be evaluated.

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
services: { auth: { cluster: auth, timeout: 800ms } }
tables: { plans: { acme: gold } }
rules:
  - name: conditions
    match: { path: "/if/{tenant}" }
    when: request.headers['x-a'].startsWith('v') && request.method in ['GET', 'POST']
    request:
      - headers: { set: { x-plan: "$(tables.plans[params.tenant])", x-hash: "$(hex.encode(hash.sha256('a')))" } }
      - headers: { set: { x-seen: "$(request.headers['x-plan'].upperAscii())" } }
      - headers: { set: { x-bytes: "$(hash.md5('a'))", x-tab: "a\tb" } }
      - path: /$(request.url_path.split('/')[2])/$(size(request.query_params))
        when: request.query_params.exists(k, k == 'rewrite')
    response:
      - headers: { set: { x-kind: "$(response.code >= 400 ? 'error' : 'fine')" } }
  - match: { path: /guarded }
    request:
      - headers: { set: { x-model: "$(request.json.model)" } }
      - respond: { status: 403, text: no }
        when: request.json.admin == true
  - match: { path: /asked }
    request:
      - headers: { set: { x-model: "$(request.json.model)" } }
      - authorize: { service: auth, path: "/$(request.json.mode)" }
      - body: { json: { set: { /ok: true } } }
  - match: { path: /asked-before }
    request:
      - authorize: { service: auth, path: "/$(request.headers['x-mode'])" }
      - headers: { set: { x-model: "$(request.json.model)" } }
  - match: { path: /answered }
    response:
      - respond: { status: 502, json: { was: "$(response.json.error)" } }
        when: has(response.json.error)
      - headers: { set: { x-n: "$(size(response.json.items))" } }
`;

describe.skipIf(!envoy)("expressions on Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES, {
      auth: (incoming, response) => {
        if (incoming.url === "/allow") response.end();
        else if (incoming.url === "/deny") response.writeHead(401).end();
        // Anything else: silence.
      },
    });
  });
  afterAll(() => setup?.stop());

  const post = (path: string, text: string | Buffer, headers: Record<string, string> = {}) => {
    setup.upstream.length = 0;
    return request(setup.envoy.port, path, { pieces: [text], headers });
  };

  /** The same body with a known length, chunked, and chunked in two pieces. */
  const shapes = (text: string): Array<NonNullable<Parameters<typeof request>[2]>> => [
    { pieces: [text], headers: { "content-length": String(Buffer.byteLength(text)) } },
    { pieces: [text] },
    { pieces: [text.slice(0, 4), text.slice(4)] },
  ];

  test("conditions choose, steps see earlier edits, and functions are there", async () => {
    setup.upstream.length = 0;
    const headers = { "x-a": "v1" };
    const got = await request(setup.envoy.port, "/if/acme?rewrite&b=1", { headers });
    const there = setup.upstream[0]!;
    expect(there.url).toBe("/acme/2?rewrite&b=1");
    expect(there.headers).toMatchObject({ "x-plan": "gold", "x-seen": "GOLD" });
    expect(there.headers["x-hash"]).toMatch(/^ca978112ca1bbdcafac231b39a23dc4d/);
    // What no header can hold is skipped.
    expect([there.headers["x-bytes"], there.headers["x-tab"]]).toEqual([undefined, "a\tb"]);
    expect(got.headers["x-kind"]).toBe("fine");
    const other = await request(setup.envoy.port, "/if/acme?rewrite", {
      headers: { "x-a": "w" },
    });
    expect(setup.upstream.at(-1)!.headers["x-plan"]).toBeUndefined();
    expect(other.headers["x-kind"]).toBeUndefined();
  });

  test("a body is read before anything goes on, and nothing of it is lost", async () => {
    const text = JSON.stringify({ model: "m", pad: "x".repeat(900_000) });
    for (const options of shapes(text)) {
      setup.upstream.length = 0;
      const got = await request(setup.envoy.port, "/guarded", options);
      expect(got.status).toBe(200);
      expect(setup.upstream[0]!.headers["x-model"]).toBe("m");
      expect((await setup.upstream[0]!.body).toString()).toBe(text);
    }
    for (const options of shapes('{"admin":true}')) {
      setup.upstream.length = 0;
      const got = await request(setup.envoy.port, "/guarded", options);
      expect([got.status, got.body]).toEqual([403, "no"]);
      expect(setup.upstream).toEqual([]);
    }
    expect((await request(setup.envoy.port, "/guarded")).status).toBe(200);
  });

  test.each([
    ["broken", '{"admin":true', {}],
    ["compressed", gzipSync('{"admin":true}'), { "content-encoding": "gzip" }],
    ["2 MB", `{"pad":"${"x".repeat(2_000_000)}","admin":true}`, {}],
  ] as const)("a guard refuses what it cannot read: %s", async (_name, body, headers) => {
    const got = await post("/guarded", body as string | Buffer, headers);
    expect(got.status).toBe(403);
    expect(setup.upstream).toEqual([]);
  });

  test("a callout after the reading holds everything until it is answered", async () => {
    for (const [mode, status] of [
      ["deny", 401],
      ["silent", 403],
    ] as const) {
      for (const options of shapes(`{"mode":"${mode}","model":"m"}`)) {
        setup.upstream.length = 0;
        const got = await request(setup.envoy.port, "/asked", options);
        expect(got.status).toBe(status);
        expect(setup.upstream).toEqual([]);
      }
    }
    for (const options of shapes('{"mode":"allow","model":"m"}')) {
      setup.upstream.length = 0;
      const got = await request(setup.envoy.port, "/asked", options);
      expect(got.status).toBe(200);
      expect(setup.upstream[0]!.headers["x-model"]).toBe("m");
      const body = (await setup.upstream[0]!.body).toString();
      expect(body).toBe('{"mode":"allow","model":"m","ok":true}');
    }
  });

  test("a callout before the reading", async () => {
    for (const options of shapes('{"model":"m"}')) {
      for (const [mode, status] of [
        ["allow", 200],
        ["deny", 401],
        ["silent", 403],
      ] as const) {
        setup.upstream.length = 0;
        const headers = { ...options.headers, "x-mode": mode };
        const got = await request(setup.envoy.port, "/asked-before", { ...options, headers });
        expect(got.status).toBe(status);
        if (status !== 200) {
          expect(setup.upstream).toEqual([]);
          continue;
        }
        expect(setup.upstream[0]!.headers["x-model"]).toBe("m");
        expect((await setup.upstream[0]!.body).toString()).toBe('{"model":"m"}');
      }
    }
  });

  test("a response is judged by its body before its headers go on", async () => {
    const fine = await post("/answered", '{"items":[1,2,3]}');
    expect([fine.status, fine.headers["x-n"], fine.body]).toEqual([200, "3", '{"items":[1,2,3]}']);
    const failed = await post("/answered", '{"error":{"code":7}}');
    expect([failed.status, failed.body]).toEqual([502, '{"was":{"code":7}}']);
  });
});
