// Compressed bodies through a real Envoy: what is decoded arrives as if it had never been
// compressed, and what cannot be is never taken for whole by anyone.

import type http from "node:http";
import zlib from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, type Got, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
services: { auth: { cluster: auth } }
rules:
  - match: { path: /replace }
    request: [{ body: { replace: [{ find: foo, with: barbaz }] } }]
    response: [{ body: { replace: [{ find: barbaz, with: foo }] } }]
  - match: { path: /json }
    request: [{ body: { json: { set: { /ok: true } }, maxSize: 8MiB } }]
    response: [{ body: { json: { remove: [/pad] }, maxSize: 8MiB } }]
  - match: { path: /deny }
    request: [{ body: { json: { set: { /ok: true } }, onError: deny } }]
    response: [{ body: { json: { set: { /ok: true } }, onError: deny } }]
  - match: { path: /reject }
    request: [{ body: { append: "!", encoding: reject } }]
    response: [{ body: { append: "!", encoding: reject } }]
  - match: { path: /identity }
    response: [{ body: { replace: [{ find: foo, with: barbaz }], encoding: identity } }]
  - match: { path: /read }
    request:
      - respond: { status: 403 }
        when: request.json.admin == true
      - headers: { set: { x-name: "$(request.json.name)" } }
    response:
      - headers: { set: { x-name: "$(response.json.name)" } }
  - match: { path: /ask }
    request:
      - authorize: { service: auth }
      - headers: { set: { x-name: "$(request.json.name)" } }
      - body: { json: { set: { /ok: true } } }
`;

const GZIP = { "content-encoding": "gzip" };
const gzip = (text: string | Buffer) => zlib.gzipSync(text);

/** Pieces of odd sizes. */
function odd(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 1999) {
    pieces.push(bytes.subarray(at, at + size));
  }
  return pieces;
}

/** What the client got, or why it got no whole answer. */
async function outcome(got: Promise<Got>): Promise<Got | "broken off"> {
  return got.catch(() => "broken off" as const);
}

describe.skipIf(!envoy)("compressed bodies on Envoy", () => {
  let setup: Setup;
  /** What the upstream answers instead of an echo. */
  let answer: { headers?: http.OutgoingHttpHeaders; pieces: Buffer[] } | undefined;
  beforeAll(async () => {
    setup = await setUp(
      RULES,
      { auth: (_request, response) => response.end() },
      {
        upstream: async (_request, response) => {
          const seen = setup.upstream.at(-1)!;
          const body = await seen.body.catch(() => undefined);
          if (body === undefined) {
            response.destroy();
            return;
          }
          const { headers, pieces } = answer ?? { headers: {}, pieces: [body] };
          response.writeHead(200, headers);
          for (const piece of pieces) {
            if (!response.write(piece)) await new Promise((done) => response.once("drain", done));
            if (pieces.length < 50) await new Promise((done) => setTimeout(done, 2));
          }
          response.end();
        },
      },
    );
  });
  afterAll(() => setup?.stop());

  const post = (path: string, pieces: Buffer[], headers: http.OutgoingHttpHeaders = GZIP) => {
    answer = undefined;
    return request(setup.envoy.port, path, { pieces, headers });
  };
  const get = (path: string, pieces: Buffer[], headers: http.OutgoingHttpHeaders = GZIP) => {
    answer = { headers, pieces };
    return request(setup.envoy.port, path, { headers: { "accept-encoding": "gzip, br" } });
  };
  const received = async () => (await setup.upstream.at(-1)!.body).toString();

  const text = Array.from({ length: 100_000 }, (_, i) => `some ${i} text with foo, `).join("");

  test("requests of every frame, in pieces of odd sizes, are edited while they stream", async () => {
    for (const [coding, encode] of [
      ["gzip", zlib.gzipSync],
      ["deflate", zlib.deflateSync],
      ["deflate", zlib.deflateRawSync],
    ] as const) {
      const headers = { "content-encoding": coding };
      const got = await post("/replace", odd(encode(text)), headers);
      expect((await received()) === text.replaceAll("foo", "barbaz")).toBe(true);
      expect(setup.upstream.at(-1)!.headers["content-encoding"]).toBeUndefined();
      expect([got.status, got.body === text]).toEqual([200, true]);
    }
  });

  test("responses too, and of several members", async () => {
    const far = text.replaceAll("foo", "barbaz");
    const members = Buffer.concat([
      gzip(far.slice(0, 100_003)),
      gzip(far.slice(100_003)),
      gzip(""),
    ]);
    for (const body of [gzip(far), members]) {
      for (const more of [{}, { "content-length": body.length }]) {
        const got = await get("/replace", odd(body), { ...GZIP, ...more, etag: '"e"', vary: "x" });
        expect([got.status, got.body === text]).toEqual([200, true]);
        expect([got.headers["content-encoding"], got.headers["content-length"]]).toEqual([
          undefined,
          undefined,
        ]);
        expect([got.headers["etag"], got.headers["vary"]]).toEqual(['W/"e"', "x"]);
        expect(setup.upstream.at(-1)!.headers["accept-encoding"]).toBe("gzip");
      }
    }
  });

  test("JSON of 3 MB is held decoded, and its length is true", async () => {
    const body = gzip(JSON.stringify({ pad: "x".repeat(3_000_000), n: 1 }));
    const headers = { ...GZIP, "content-length": body.length };
    await post("/json", [body], headers);
    const seen = await received();
    expect(seen.endsWith('"n":1,"ok":true}')).toBe(true);
    expect(setup.upstream.at(-1)!.headers["content-length"]).toBe(String(seen.length));
    const got = await get("/json", odd(body), headers);
    expect([got.body, got.headers["content-length"]]).toEqual(['{"n":1}', "7"]);
  });

  test("plain bodies are asked for, other codings refused where that is said", async () => {
    answer = { pieces: [Buffer.from("foo")] };
    const got = await request(setup.envoy.port, "/identity", {
      headers: { "accept-encoding": "gzip" },
    });
    expect(got.body).toBe("barbaz");
    expect(setup.upstream.at(-1)!.headers["accept-encoding"]).toBe("identity");
    const count = setup.upstream.length;
    expect((await post("/reject", [gzip("x")])).status).toBe(415);
    expect(setup.upstream.length).toBe(count);
    expect((await get("/reject", [gzip("x")])).status).toBe(502);
    const other = await get("/replace", [Buffer.from("barbaz")], { "content-encoding": "br" });
    expect([other.body, other.headers["content-encoding"]]).toEqual(["barbaz", "br"]);
  });

  test("expressions read them; they go on as they came", async () => {
    const body = gzip('{"name":"ann"}');
    for (const pieces of [[body], odd(body)]) {
      await post("/read", pieces);
      const seen = setup.upstream.at(-1)!;
      expect([seen.headers["x-name"], seen.headers["content-encoding"]]).toEqual(["ann", "gzip"]);
      expect((await seen.body).equals(body)).toBe(true);
      await post("/ask", pieces, { ...GZIP, "content-length": body.length });
      expect(setup.upstream.at(-1)!.headers["x-name"]).toBe("ann");
      expect(await received()).toBe('{"name":"ann","ok":true}');
    }
    expect((await get("/read", [body])).headers["x-name"]).toBe("ann");
    expect((await post("/read", [gzip('{"admin":true}')])).status).toBe(403);
    expect((await post("/read", [body.subarray(0, 20)])).status).toBe(403);
  });

  const bomb = zlib.gzipSync(Buffer.alloc(200_000_000, 32), { level: 9 });
  const wrong = (bytes: Buffer) => {
    bytes[bytes.length - 6]! ^= 1;
    return bytes;
  };
  const broken = (whole: string): Array<[name: string, bytes: Buffer]> => [
    ["is something else", Buffer.from("foo, not compressed")],
    ["breaks off", gzip(whole).subarray(0, -9)],
    ["has a wrong checksum", wrong(gzip(whole))],
  ];

  test.each([...broken(text), ["is a bomb", bomb] as [string, Buffer]])(
    "a body that %s never reaches anyone as if it were whole",
    async (name, bytes) => {
      for (const pieces of [[bytes], odd(bytes)]) {
        const before = setup.upstream.length;
        const refused = await outcome(post("/replace", pieces));
        if (refused !== "broken off") {
          expect(refused.status).toBe(name === "is a bomb" ? 413 : 400);
        }
        // The upstream may have had its headers; its body then broke off.
        const seen = setup.upstream[before];
        if (seen) {
          const body = seen.body.then(
            () => "whole",
            () => "broken off",
          );
          expect(await body).toBe("broken off");
        }
        const got = await outcome(get("/replace", pieces));
        if (got !== "broken off") expect(got.status).toBeGreaterThanOrEqual(500);
      }
    },
  );

  test.each(broken('{"a":1}'.repeat(1000)))(
    "held, a body that %s is passed as it came, or refused",
    async (_, bytes) => {
      await post("/json", odd(bytes));
      expect((await setup.upstream.at(-1)!.body).equals(bytes)).toBe(true);
      expect(setup.upstream.at(-1)!.headers["content-encoding"]).toBe("gzip");
      const count = setup.upstream.length;
      expect((await post("/deny", odd(bytes))).status).toBe(400);
      expect(setup.upstream.length).toBe(count);
      expect((await get("/deny", odd(bytes))).status).toBe(502);
    },
  );

  test("HEAD announces what GET sends", async () => {
    answer = { headers: { ...GZIP, "content-length": 23, etag: '"e"' }, pieces: [] };
    const got = await request(setup.envoy.port, "/replace", { method: "HEAD" });
    expect([
      got.headers["content-length"],
      got.headers["content-encoding"],
      got.headers["etag"],
    ]).toEqual([undefined, undefined, 'W/"e"']);
  });

  test("after all that the filter is the same, and answers", async () => {
    expect(setup.envoy.log()).not.toMatch(/wasm.*(trap|Uncaught|unreachable)/i);
    await post("/replace", [gzip("a foo")]);
    expect(await received()).toBe("a barbaz");
  });
});
