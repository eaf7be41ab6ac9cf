// Compressed bodies: decoded for edits and for expressions, in every cut; what headers say then; what
// happens to what is not to be decoded, does not decode, or decodes to too much.

import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { Random } from "../fuzz/fuzz.ts";
import { seed } from "../seed.ts";
import { Filter, type Stream } from "./run.ts";

type Fields = Record<string, string>;
type Step = Record<string, unknown>;

function filterWith(rules: unknown[], more: object = {}, holds = true): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: holds });
  const settings = { holdHeaders: holds };
  const services = { auth: { cluster: "auth" } };
  if (!filter.configure({ ruleway: 1, settings, services, ...more, rules })) {
    throw new Error(filter.errors.join("\n"));
  }
  return filter;
}

const CODINGS: Array<[name: string, encode: (text: zlib.InputType) => Buffer]> = [
  ["gzip", (text) => zlib.gzipSync(text)],
  ["X-GZIP", (text) => zlib.gzipSync(text)],
  ["gzip", (text) => Buffer.concat([...String(text)].map((each) => zlib.gzipSync(each)))],
  ["deflate", (text) => zlib.deflateSync(text)],
  [" Deflate ", (text) => zlib.deflateRawSync(text)],
];

/** Cuts in two at every byte, into single bytes, and with an empty last piece. */
function cuts(bytes: Buffer): Buffer[][] {
  const ways = Array.from(bytes.keys(), (i) => [bytes.subarray(0, i), bytes.subarray(i)]);
  return [[bytes], [bytes, Buffer.alloc(0)], single(bytes), ...ways];
}

const single = (bytes: Buffer) => Array.from(bytes, (byte) => Buffer.of(byte));
const lengthOf = (bytes: Buffer): Fields => ({ "content-length": String(bytes.length) });
const metric = (filter: Filter, name: string) => filter.metrics[`ruleway.${name}`] ?? 0;

const gzip = (text: string) => zlib.gzipSync(text);
const GZIP = { "content-encoding": "gzip" };

/** Sends the body both ways, in the same pieces. */
function exchange(filter: Filter, headers: Fields, pieces: Buffer[]): Stream {
  const stream = filter.open().request(headers, ...pieces);
  if (stream.upstreamEnded) stream.respond(headers, ...pieces);
  stream.close();
  expect(filter.traps).toEqual([]);
  return stream;
}

describe("edits", () => {
  const replace: Step = { body: { replace: [{ find: "foo", with: "barbaz" }], append: "!" } };
  const json: Step = { body: { json: { set: { "/b": 2 } } } };

  test.each(CODINGS)("%s is edited while it streams, in every cut", (coding, encode) => {
    const filter = filterWith([{ request: [replace], response: [replace] }]);
    const body = encode("a foo, a fo");
    for (const pieces of cuts(body)) {
      for (const more of [{}, lengthOf(body)]) {
        const stream = exchange(filter, { "content-encoding": coding, ...more }, pieces);
        expect(stream.upstreamBody).toBe("a barbaz, a fo!");
        expect(stream.responseBody).toBe("a barbaz, a fo!");
        expect([stream.upstreamEnded, stream.responseEnded]).toEqual([true, true]);
        for (const name of ["content-encoding", "content-length"]) {
          expect([stream.sent(name), stream.got(name)], name).toEqual([[], []]);
        }
      }
    }
  });

  test.each(CODINGS)("%s is edited as JSON, held or not, in every cut", (coding, encode) => {
    const body = encode('{"a":1}');
    for (const holds of [true, false]) {
      const filter = filterWith([{ request: [json], response: [json] }], {}, holds);
      for (const pieces of cuts(body)) {
        for (const more of [{}, lengthOf(body)]) {
          const stream = exchange(filter, { "content-encoding": coding, ...more }, pieces);
          expect(stream.upstreamBody).toBe('{"a":1,"b":2}');
          expect(stream.responseBody).toBe('{"a":1,"b":2}');
          expect([stream.upstreamEnded, stream.responseEnded]).toEqual([true, true]);
          const length = holds && "content-length" in more ? ["13"] : [];
          expect([stream.sent("content-length"), stream.got("content-length")]).toEqual([
            length,
            length,
          ]);
          expect([stream.sent("content-encoding"), stream.got("content-encoding")]).toEqual([
            [],
            [],
          ]);
        }
      }
    }
  });

  test("random edits of random bodies, cut at random, are those of the plain body", () => {
    console.log(`random tests: seed ${seed} (FC_SEED=${seed} repeats them)`);
    const random = new Random(seed);
    const steps: Step[] = [
      replace,
      json,
      { body: { json: { remove: ["/a"] }, maxSize: "200KiB" } },
      { body: { prepend: "<", append: ">" } },
      { body: { text: "new" } },
      { headers: { set: { "x-size": "$(size(request.body))" } } },
    ];
    for (let n = 0; n < 150; n++) {
      const request = Array.from({ length: 1 + random.below(3) }, () => random.of(steps));
      const holds = !request.includes(steps.at(-1)!) ? random.chance(50) : true;
      const rule = { request };
      const filter = filterWith([rule], {}, holds);
      const text = JSON.stringify({
        a: random.below(3),
        pad: "foo fo ".repeat(random.below(random.of([10, 3000, 40_000]))),
      });
      const cutAtRandom = (bytes: Buffer) => {
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = 1 + random.below(random.of([3, 100, 20_000]));
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        return random.chance(20) ? [...pieces, Buffer.alloc(0)] : pieces;
      };
      const [coding, encode] = random.of(CODINGS.filter((_, i) => i !== 2));
      const plain = filter.open().request({}, ...cutAtRandom(Buffer.from(text)));
      const body = encode(text);
      const headers = { "content-encoding": coding, ...(random.chance(50) ? lengthOf(body) : {}) };
      const coded = filter.open().request(headers, ...cutAtRandom(body));
      const isCoded = coded.sent("content-encoding").length > 0;
      const seen = isCoded ? zlib.unzipSync(withFrame(coding, coded.upstreamBytes)) : undefined;
      const name = `seed ${seed}, run ${n}: ${JSON.stringify(request)}`;
      expect(seen?.toString() ?? coded.upstreamBody, name).toBe(plain.upstreamBody);
      expect([coded.upstreamEnded, coded.status], name).toEqual([true, undefined]);
      expect(coded.sent("x-size"), name).toEqual(plain.sent("x-size"));
      for (const length of coded.sent("content-length")) {
        expect(Number(length), name).toBe(coded.upstreamBytes.length);
      }
      coded.close();
      plain.close();
      expect(filter.traps, name).toEqual([]);
    }
  });

  test("what speaks of the bytes as they were sent goes; vary stays", () => {
    const filter = filterWith([{ response: [replace] }]);
    const respond = (etag: string) =>
      filter
        .open()
        .request()
        .respond(
          {
            ...{ "content-encoding": "gzip", vary: "accept-encoding", etag },
            ...{ "content-digest": "a", "repr-digest": "b", digest: "c", "content-md5": "d" },
          },
          gzip("foo"),
        );
    const stream = respond('"abc"');
    expect(stream.got("etag")).toEqual(['W/"abc"']);
    expect(stream.got("vary")).toEqual(["accept-encoding"]);
    for (const name of ["content-digest", "repr-digest", "digest", "content-md5"]) {
      expect(stream.got(name), name).toEqual([]);
    }
    expect(respond('W/"abc"').got("etag")).toEqual(['W/"abc"']);
  });

  test("held, a body that no edit changes goes on as it came, with its headers", () => {
    const filter = filterWith([{ request: [{ body: { json: { remove: ["/x"] } } }] }]);
    for (const text of ['{"a":1}', "no JSON"]) {
      const body = gzip(text);
      for (const pieces of cuts(body)) {
        for (const more of [{}, lengthOf(body)]) {
          const stream = filter.open().request({ ...GZIP, ...more }, ...pieces);
          expect(stream.upstreamBytes.equals(body)).toBe(true);
          expect(stream.sent("content-encoding")).toEqual(["gzip"]);
          expect(stream.sent("content-length")).toEqual(Object.values(more));
          expect(stream.upstreamEnded).toBe(true);
          stream.close();
        }
      }
    }
  });

  test("a new body needs nothing of the old one, whatever its coding", () => {
    const filter = filterWith([{ response: [{ body: { text: "new", append: "er" } }] }]);
    for (const coding of ["br", "gzip", "gzip, br"]) {
      const headers = { "content-encoding": coding, "content-length": "7" };
      const stream = filter.open().request().respond(headers, "garb", "age");
      expect(stream.responseBody).toBe("newer");
      expect([stream.got("content-encoding"), stream.got("content-length")]).toEqual([[], ["5"]]);
      stream.close();
    }
  });

  test("an empty body in a coding is an empty body", () => {
    for (const holds of [true, false]) {
      const rules = [{ request: [{ body: { json: { set: { "/a": 1 } } } }], response: [replace] }];
      const filter = filterWith(rules, {}, holds);
      const stream = filter
        .open()
        .request({ ...GZIP }, "")
        .respond(GZIP, "");
      expect([stream.upstreamEnded, stream.upstreamBody]).toEqual([true, ""]);
      expect(stream.responseBody).toBe("!");
      stream.close();
    }
  });
});

/** zlib's own frame around a bare stream, so that unzip takes it. */
function withFrame(coding: string, bytes: Buffer): Buffer {
  if (coding.trim() !== "Deflate") return bytes;
  const text = zlib.inflateRawSync(bytes);
  return zlib.gzipSync(text);
}

describe("what `encoding` says", () => {
  const edit = (more: object): Step => ({
    body: { replace: [{ find: "foo", with: "x" }], ...more },
  });
  const both = (more: object) =>
    filterWith([{ request: [edit(more)], response: [edit(more)] }], {}, false);

  test.each([
    ["br", {}, "passes"],
    ["zstd", { encoding: "decode" }, "passes"],
    ["gzip, gzip", {}, "passes"],
    ["gzip, br", {}, "passes"],
    ["br", { onError: "deny" }, "refused"],
    ["gzip", { encoding: "skip" }, "passes"],
    ["br", { encoding: "skip", onError: "deny" }, "passes"],
    ["gzip", { encoding: "reject" }, "refused"],
    ["br", { encoding: "reject" }, "refused"],
    ["identity", { encoding: "reject" }, "edited"],
    ["", { encoding: "reject" }, "edited"],
    ["IDENTITY", { encoding: "skip" }, "edited"],
  ])("a body in %j with %j %s", (coding, more, expected) => {
    const filter = both(more);
    const body = coding.startsWith("gzip") ? gzip("foo") : Buffer.from("foo");
    const headers = { "content-encoding": coding, ...lengthOf(body) };
    const request = filter.open().request(headers, body);
    const response = filter.open().request().respond(headers, body);
    if (expected === "refused") {
      expect([request.status, request.upstream]).toEqual(["415", undefined]);
      expect([response.status, response.responseBody]).toEqual(["502", "Bad Gateway\n"]);
      expect(metric(filter, "refused.content_encoding")).toBe(2);
    } else if (expected === "passes") {
      expect(request.upstreamBytes.equals(body)).toBe(true);
      expect(response.responseBytes.equals(body)).toBe(true);
      expect(request.sent("content-encoding")).toEqual([coding]);
      expect(response.got("content-length")).toEqual([String(body.length)]);
      expect(metric(filter, "body_skipped.content_encoding")).toBe(2);
    } else {
      expect([request.upstreamBody, response.responseBody]).toEqual(["x", "x"]);
    }
  });

  test("a coding named in two lines is two codings", () => {
    const filter = both({});
    const stream = filter.open().request();
    const body = gzip("foo");
    stream.stream.responseHeaders(
      [
        [":status", "200"],
        ["content-encoding", "gzip"],
        ["content-encoding", "gzip"],
      ],
      false,
    );
    stream.stream.responseData(Uint8Array.from(body), true);
    expect(stream.responseBytes.equals(body)).toBe(true);
    expect(metric(filter, "body_skipped.content_encoding")).toBe(1);
  });

  test("steps that say different things: each is taken at its word", () => {
    const steps = [edit({ encoding: "skip" }), { body: { append: "!", encoding: "decode" } }];
    const filter = filterWith([{ request: steps }], {}, false);
    expect(filter.open().request(GZIP, gzip("foo")).upstreamBody).toBe("foo!");
    expect(filter.open().request({}, "foo").upstreamBody).toBe("x!");
  });

  test.each([
    ["decode", "gzip, deflate, br, zstd", "gzip, deflate"],
    ["decode", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.8"],
    ["decode", "gzip , x-gzip", "gzip , x-gzip"],
    ["decode", "br", "identity"],
    ["decode", "identity;q=0, br,,GZIP", "identity;q=0, GZIP"],
    ["decode", undefined, undefined],
    ["identity", "gzip, br", "identity"],
    ["identity", undefined, "identity"],
    ["skip", "gzip, br", "gzip, br"],
    ["reject", "gzip, br", "gzip, br"],
  ])("with %s a client that accepts %j is one that accepts %j", (encoding, given, expected) => {
    const filter = filterWith([{ response: [edit({ encoding })] }]);
    const headers: Fields = given === undefined ? {} : { "accept-encoding": given };
    const stream = filter.open().request(headers);
    expect(stream.sent("accept-encoding")).toEqual(expected === undefined ? [] : [expected]);
    expect(metric(filter, "edit_skipped.invalid_value")).toBe(0);
  });

  test("several lines of what is accepted become one", () => {
    const filter = filterWith([{ response: [edit({})] }]);
    const stream = filter.open();
    stream.stream.requestHeaders(
      [
        [":method", "GET"],
        [":path", "/"],
        [":authority", "a"],
        ["accept-encoding", "br"],
        ["accept-encoding", "gzip"],
        ["accept-encoding", "deflate"],
      ],
      true,
    );
    expect(stream.sent("accept-encoding")).toEqual(["gzip, deflate"]);
  });

  test("a rule that only reads responses narrows too; one that is not for the request does not", () => {
    const filter = filterWith([
      {
        match: { path: "/read" },
        response: [{ headers: { set: { "x-a": "$(response.json.a)" } } }],
      },
      { match: { path: "/when" }, when: "response.json.a == 1", response: [{ status: 201 }] },
      { match: { path: "/after" }, response: [{ headers: { set: { "x-a": "b" } } }] },
    ]);
    for (const path of ["/read", "/when", "/other", "/after"]) {
      const stream = filter.open().request({ ":path": path, "accept-encoding": "br, gzip" });
      const narrowed = path === "/read" || path === "/when";
      expect(stream.sent("accept-encoding"), path).toEqual([narrowed ? "gzip" : "br, gzip"]);
    }
  });

  test("what is asked for plain and comes compressed all the same is decoded", () => {
    const filter = filterWith([{ response: [edit({ encoding: "identity" })] }]);
    expect(filter.open().request().respond(GZIP, gzip("foo")).responseBody).toBe("x");
  });

  test("identity is nothing that a request body could have", () => {
    const filter = new Filter();
    expect(
      filter.configure({ ruleway: 1, rules: [{ request: [edit({ encoding: "identity" })] }] }),
    ).toBe(false);
    expect(filter.errors[0]).toContain('R312 "/rules/0/request/0/body/encoding');
    expect(filter.configure({ ruleway: 1, rules: [{ request: [edit({ encoding: "br" })] }] })).toBe(
      false,
    );
  });
});

describe("messages without a body, and parts of one", () => {
  const rules = [{ response: [{ body: { replace: [{ find: "foo", with: "x" }] } }] }];

  test("HEAD and 304 announce what a GET would get; 204 and 206 are left alone", () => {
    const filter = filterWith(rules);
    const headers = { ...GZIP, "content-length": "23", etag: '"a"' };
    const head = filter.open().request({ ":method": "HEAD" }).respond(headers);
    expect([head.got("content-length"), head.got("content-encoding"), head.got("etag")]).toEqual([
      [],
      [],
      ['W/"a"'],
    ]);
    const same = filter.open().request();
    same.respond({ ":status": "304", ...GZIP, etag: '"a"' });
    expect([same.got("content-encoding"), same.got("etag")]).toEqual([[], ['W/"a"']]);
    const none = filter.open().request().respond({ ":status": "204", etag: '"a"' });
    expect(none.got("etag")).toEqual(['"a"']);
    const body = gzip("foo");
    const part = filter
      .open()
      .request()
      .respond({ ":status": "206", ...headers }, body);
    expect(part.responseBytes.equals(body)).toBe(true);
    expect([part.got("content-encoding"), part.got("etag")]).toEqual([["gzip"], ['"a"']]);
  });

  test("reject refuses nothing that has no body", () => {
    const reject = { body: { text: "x", encoding: "reject" } };
    const filter = filterWith([{ request: [reject], response: [reject] }]);
    const stream = filter
      .open()
      .request({ ":method": "HEAD", ...GZIP })
      .respond({ ...GZIP, etag: '"a"' });
    expect([stream.status, stream.got("content-encoding"), stream.got("etag")]).toEqual([
      "200",
      ["gzip"],
      ['"a"'],
    ]);
  });
});

describe("what does not decode", () => {
  const good = gzip(`${"some text, ".repeat(500)}foo`);
  const flipped = (at: number) => {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 0xff;
    return bytes;
  };
  const BROKEN: Array<[name: string, bytes: Buffer, counter: string]> = [
    ["is something else", Buffer.from('{"a":"foo"}'), "data"],
    ["breaks off", good.subarray(0, good.length - 12), "truncated"],
    ["lacks its last byte", good.subarray(0, -1), "truncated"],
    ["has a wrong checksum", flipped(good.length - 6), "checksum"],
    ["has a wrong length", flipped(good.length - 1), "checksum"],
    ["is followed by something else", Buffer.concat([good, Buffer.from("more")]), "data"],
  ];
  const replace: Step = { body: { replace: [{ find: "foo", with: "x" }], onError: "skip" } };
  const json = (more: object): Step => ({ body: { json: { set: { "/a": 1 } }, ...more } });

  test.each(BROKEN)(
    "a body that %s is never delivered as if it were whole",
    (_, bytes, counter) => {
      for (const [rules, holds] of [
        [[replace], true],
        [[replace], false],
        [[json({})], false],
      ] as const) {
        const filter = filterWith([{ request: rules, response: rules }], {}, holds);
        for (const pieces of [[bytes], single(bytes), [bytes, Buffer.alloc(0)]]) {
          const request = filter.open().request(GZIP, ...pieces);
          expect([request.status, request.upstreamEnded]).toEqual(["400", false]);
          request.close();
          const response = filter
            .open()
            .request()
            .respond(GZIP, ...pieces);
          expect([response.wasReset, response.responseEnded]).toEqual([true, false]);
          response.close();
        }
        expect(metric(filter, `decode_failed.${counter}`)).toBe(6);
        expect(filter.traps).toEqual([]);
      }
    },
  );

  test.each(BROKEN)("held, a body that %s passes as it came, or is refused", (_, bytes) => {
    const skips = filterWith([{ request: [json({})], response: [json({})] }]);
    const denies = filterWith([
      { request: [json({ onError: "deny" })], response: [json({ onError: "deny" })] },
    ]);
    for (const pieces of [[bytes], single(bytes), [bytes, Buffer.alloc(0)]]) {
      const headers = { ...GZIP, ...lengthOf(bytes) };
      const passed = exchange(skips, headers, pieces);
      expect(passed.upstreamBytes.equals(bytes)).toBe(true);
      expect(passed.responseBytes.equals(bytes)).toBe(true);
      expect([passed.upstreamEnded, passed.responseEnded]).toEqual([true, true]);
      expect([passed.sent("content-encoding"), passed.got("content-length")]).toEqual([
        ["gzip"],
        [String(bytes.length)],
      ]);
      const request = denies.open().request(headers, ...pieces);
      expect([request.status, request.upstream]).toEqual(["400", undefined]);
      const response = denies
        .open()
        .request()
        .respond(headers, ...pieces);
      expect([response.status, response.responseBody]).toEqual(["502", "Bad Gateway\n"]);
    }
  });

  test("an edit that streams beside one that is held passes nothing unnoticed either", () => {
    const filter = filterWith([{ request: [replace, json({})] }]);
    const bytes = flipped(good.length - 6);
    const stream = filter.open().request(GZIP, ...single(bytes));
    expect(stream.upstreamBytes.equals(bytes)).toBe(true);
    expect(metric(filter, "body_skipped.invalid")).toBe(1);
  });

  test("trailers after a whole body are passed, after half of one they are not", () => {
    const filter = filterWith([{ request: [replace], response: [replace] }]);
    const send = (bytes: Buffer) => {
      const stream = filter.open();
      stream.stream.requestHeaders(
        [
          [":method", "POST"],
          [":path", "/"],
          [":authority", "a"],
          ["content-encoding", "gzip"],
        ],
        false,
      );
      stream.stream.requestData(Uint8Array.from(bytes), false);
      stream.stream.requestTrailers([["t", "1"]]);
      return stream;
    };
    expect([send(gzip("a foo.")).upstreamBody, send(gzip("a foo.")).upstreamEnded]).toEqual([
      "a x.",
      true,
    ]);
    const half = send(good.subarray(0, 20));
    expect([half.status, half.upstreamEnded]).toEqual(["400", false]);
  });
});

describe("what decodes to too much", () => {
  const replace: Step = { body: { replace: [{ find: "foo", with: "x" }] } };
  const json = (more: object = {}): Step => ({ body: { json: { set: { "/a": 1 } }, ...more } });
  const bomb = zlib.gzipSync(Buffer.alloc(60_000_000, 32), { level: 9 });
  const large = gzip(JSON.stringify({ pad: "x".repeat(1_500_000) }));
  const quarters = (bytes: Buffer) =>
    [0, 1, 2, 3].map((i) =>
      bytes.subarray((bytes.length * i) / 4, Math.floor((bytes.length * (i + 1)) / 4)),
    );

  test("a bomb that streams is broken off, long before its end", () => {
    for (const holds of [true, false]) {
      const filter = filterWith([{ request: [replace], response: [replace] }], {}, holds);
      for (const pieces of [[bomb], quarters(bomb), single(bomb)]) {
        const before = filter.plugin.memorySize;
        const request = filter.open().request(GZIP, ...pieces);
        expect([request.status, request.upstreamEnded]).toEqual(["413", false]);
        expect(request.upstreamBytes.length).toBeLessThan(16_000_000);
        request.close();
        const response = filter
          .open()
          .request()
          .respond(GZIP, ...pieces);
        expect([response.wasReset, response.responseEnded]).toEqual([true, false]);
        response.close();
        expect(filter.plugin.memorySize - before).toBeLessThan(64 << 20);
      }
      expect(metric(filter, "decode_failed.ratio")).toBe(6);
      expect(filter.traps).toEqual([]);
    }
  });

  test("an edit that holds it decodes no more than it may hold", () => {
    const skips = filterWith([{ request: [json()], response: [json()] }]);
    const rejects = filterWith([
      { request: [json({ overLimit: "reject" })], response: [json({ overLimit: "reject" })] },
    ]);
    for (const body of [bomb, large]) {
      for (const pieces of [[body], quarters(body), [body, Buffer.alloc(0)]]) {
        const passed = exchange(skips, { ...GZIP, ...lengthOf(body) }, pieces);
        expect(passed.upstreamBytes.equals(body)).toBe(true);
        expect(passed.responseBytes.equals(body)).toBe(true);
        expect(passed.sent("content-encoding")).toEqual(["gzip"]);
        const refused = rejects.open().request(GZIP, ...pieces);
        expect([refused.status, refused.upstream]).toEqual(["413", undefined]);
        const response = rejects
          .open()
          .request()
          .respond(GZIP, ...pieces);
        expect(response.status).toBe("502");
      }
    }
    expect(skips.plugin.memorySize).toBeLessThan(40 << 20);
  });

  test("not held, what is too large goes on decoded, and a bomb is broken off", () => {
    const filter = filterWith([{ request: [json()] }], {}, false);
    const text = JSON.stringify({
      pad: Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 100_003).join(),
    });
    for (const pieces of [[gzip(text)], quarters(gzip(text))]) {
      const passed = filter.open().request(GZIP, ...pieces);
      expect(passed.upstreamBody === text).toBe(true);
      expect([passed.upstreamEnded, passed.sent("content-encoding")]).toEqual([true, []]);
      passed.close();
    }
    for (const pieces of [[bomb], quarters(bomb)]) {
      const cut = filter.open().request(GZIP, ...pieces);
      expect([cut.status, cut.upstreamEnded]).toEqual(["413", false]);
      cut.close();
    }
  });

  test("an edit with room for it gets it, whatever the ratio; one beside it without is skipped", () => {
    const two = [json({ maxSize: "4MiB" }), { body: { json: { set: { "/b": 1 } } } }];
    const filter = filterWith([{ request: two }]);
    for (const pieces of [[large], quarters(large)]) {
      const stream = filter.open().request(GZIP, ...pieces);
      expect(JSON.parse(stream.upstreamBody)).toMatchObject({ a: 1 });
      expect(stream.upstreamBody.endsWith(',"a":1}')).toBe(true);
      stream.close();
    }
    expect(metric(filter, "body_skipped.size")).toBe(2);
  });

  test("held with an edit that streams: the one is skipped, the other carried out on what is decoded", () => {
    const filter = filterWith([{ request: [json(), { body: { append: "!" } }] }]);
    const text = `{"a":"${Array.from({ length: 250_000 }, (_, i) => i).join()}"}`;
    for (const pieces of [[gzip(text)], quarters(gzip(text))]) {
      const stream = filter.open().request(GZIP, ...pieces);
      expect(stream.upstreamBody === `${text}!`).toBe(true);
      expect(stream.sent("content-encoding")).toEqual([]);
      stream.close();
    }
  });

  test("a limit is one for what is sent and for what it decodes to", () => {
    const limits = { requestBody: 1000, responseBody: 1000 };
    for (const [steps, holds] of [
      [[replace], true],
      [[json()], true],
      [[json()], false],
    ] as const) {
      const filter = filterWith([{ limits, request: steps, response: steps }], {}, holds);
      const over = gzip(JSON.stringify({ b: "x".repeat(5000) }));
      const request = filter.open().request({ ...GZIP, ...lengthOf(over) }, over);
      expect([request.status, request.upstreamEnded]).toEqual(["413", false]);
      const under = gzip(JSON.stringify({ b: "x".repeat(500) }));
      expect(filter.open().request(GZIP, under).upstreamEnded).toBe(true);
    }
  });
});

describe("expressions", () => {
  const read: Step = { headers: { set: { "x-a": "$(request.json.a)" } } };
  const guard: Step = { respond: { status: 403 }, when: "request.json.admin == true" };
  const authorize: Step = { authorize: { service: "auth" } };
  const allow = { headers: [[":status", "200"]] as [string, string][] };
  const text = '{"a":"b"}';

  test.each(CODINGS)("read what %s decodes to; the body goes on as it came", (coding, encode) => {
    const filter = filterWith([{ request: [guard, read] }]);
    const body = encode(text);
    for (const pieces of cuts(body)) {
      for (const more of [{}, lengthOf(body)]) {
        const stream = filter.open().request({ "content-encoding": coding, ...more }, ...pieces);
        expect(stream.sent("x-a")).toEqual(["b"]);
        expect(stream.upstreamBytes.equals(body)).toBe(true);
        expect(stream.sent("content-encoding")).toEqual([coding]);
        expect(stream.sent("content-length")).toEqual(Object.values(more));
        expect(stream.upstreamEnded).toBe(true);
        stream.close();
      }
    }
    const refused = filter.open().request({ "content-encoding": coding }, encode('{"admin":true}'));
    expect([refused.status, refused.upstream]).toEqual(["403", undefined]);
    expect(filter.traps).toEqual([]);
  });

  test("of responses too", () => {
    const filter = filterWith([
      { response: [{ status: 500 }], when: "response.json.error != null" },
      { response: [{ headers: { set: { "x-a": "$(response.json.a)" } } }] },
    ]);
    const body = gzip(text);
    for (const pieces of cuts(body)) {
      const stream = filter
        .open()
        .request()
        .respond(GZIP, ...pieces);
      expect([stream.got("x-a"), stream.got("content-encoding")]).toEqual([["b"], ["gzip"]]);
      expect(stream.responseBytes.equals(body)).toBe(true);
      stream.close();
    }
    const failed = filter.open().request().respond(GZIP, gzip('{"error":1}'));
    expect(failed.status).toBe("500");
  });

  test.each([
    ["edits before it are seen", [{ body: { json: { set: { "/a": "b" } } } }, read], '{"a":"b"}'],
    ["edits after it are carried out", [read, { body: { append: "!" } }], '{"a":"z"}!'],
    [
      "both",
      [{ body: { json: { set: { "/a": "b" } } } }, read, { body: { append: "!" } }],
      '{"a":"b"}!',
    ],
  ])("%s, and then the body goes on decoded", (_, request, expected) => {
    const filter = filterWith([{ request }]);
    const body = gzip('{"a":"z"}');
    for (const pieces of cuts(body)) {
      for (const more of [{}, lengthOf(body)]) {
        const stream = filter.open().request({ ...GZIP, ...more }, ...pieces);
        expect(stream.sent("x-a")).toEqual([expected.slice(6, 7)]);
        expect(stream.upstreamBody).toBe(expected);
        expect(stream.sent("content-encoding")).toEqual([]);
        const length = "content-length" in more ? [String(expected.length)] : [];
        expect(stream.sent("content-length")).toEqual(length);
        stream.close();
      }
    }
  });

  test("an edit that is not for compressed bodies is not carried out on what was decoded to read", () => {
    const edit = { body: { append: "!", encoding: "skip" } };
    for (const request of [
      [read, edit],
      [edit, read],
    ]) {
      const filter = filterWith([{ request }]);
      const body = gzip(text);
      const stream = filter.open().request(GZIP, ...single(body));
      expect([stream.sent("x-a"), stream.upstreamBytes.equals(body)]).toEqual([["b"], true]);
      expect(metric(filter, "body_skipped.content_encoding")).toBe(1);
    }
    const reject = filterWith([{ request: [read, { body: { append: "!", encoding: "reject" } }] }]);
    expect(reject.open().request(GZIP, gzip(text)).status).toBe("415");
  });

  test.each([
    ["after", [read, authorize], text],
    ["before", [authorize, read], text],
    ["between", [read, authorize, read], text],
    ["after, with an edit", [read, authorize, { body: { append: "!" } }], `${text}!`],
    ["before, with an edit", [authorize, read, { body: { append: "!" } }], `${text}!`],
    ["after an edit", [{ body: { append: " " } }, read, authorize], `${text} `],
    [
      "before an edit that judges",
      [authorize, { body: { json: { set: { "/c": 1 } }, onError: "deny" } }, read],
      '{"a":"b","c":1}',
    ],
  ])("with a callout %s: nothing goes on before both", (_, request, expected) => {
    const filter = filterWith([{ request }]);
    const body = gzip(text);
    for (const pieces of cuts(body)) {
      for (const more of [{}, lengthOf(body)]) {
        const stream = filter.open().request({ ...GZIP, ...more }, ...pieces);
        expect([stream.upstream, stream.upstreamBody]).toEqual([undefined, ""]);
        filter.calls.at(-1)!.respond(allow);
        expect(stream.sent("x-a")).toEqual(["b"]);
        expect(stream.upstreamEnded).toBe(true);
        if (expected === text) {
          expect(stream.upstreamBytes.equals(body)).toBe(true);
          expect(stream.sent("content-encoding")).toEqual(["gzip"]);
        } else {
          expect(stream.upstreamBody).toBe(expected);
          expect(stream.sent("content-encoding")).toEqual([]);
        }
        for (const length of stream.sent("content-length")) {
          expect(Number(length)).toBe(stream.upstreamBytes.length);
        }
        stream.close();
      }
    }
    expect(filter.traps).toEqual([]);
  });

  test("with a callout that is answered while the body is still coming", () => {
    const judge = { body: { json: { set: { "/c": 1 } }, onError: "deny" } };
    for (const [request, expected, seen] of [
      [[authorize, read], text, ["b"]],
      [[authorize, judge], '{"a":"b","c":1}', []],
    ] as const) {
      const filter = filterWith([{ request }]);
      const body = gzip(text);
      for (let at = 0; at < body.length; at++) {
        const stream = filter.open();
        stream.stream.requestHeaders(
          [
            [":method", "POST"],
            [":path", "/"],
            [":authority", "a"],
            ["content-encoding", "gzip"],
          ],
          false,
        );
        stream.stream.requestData(Uint8Array.from(body.subarray(0, at)), false);
        filter.calls.at(-1)!.respond(allow);
        expect(stream.upstream).toBeUndefined();
        stream.stream.requestData(Uint8Array.from(body.subarray(at)), true);
        const plain = stream.sent("content-encoding").length
          ? zlib.gunzipSync(stream.upstreamBytes).toString()
          : stream.upstreamBody;
        expect([plain, stream.upstreamEnded]).toEqual([expected, true]);
        expect(stream.sent("x-a")).toEqual(seen);
        stream.close();
      }
    }
  });

  const wrong = Buffer.from(gzip(text));
  wrong[wrong.length - 6]! ^= 1;
  const heavy = gzip(JSON.stringify({ pad: "x".repeat(3_000_000) }));
  test.each([
    ["is in another coding", { "content-encoding": "br" }, Buffer.from(text)],
    ["is in two codings", { "content-encoding": "gzip, gzip" }, zlib.gzipSync(gzip(text))],
    ["is something else", GZIP, Buffer.from(text)],
    ["breaks off", GZIP, gzip(text).subarray(0, -3)],
    ["has a wrong checksum", GZIP, wrong],
    ["decodes to too much", GZIP, heavy],
  ])("a body that %s cannot be read: guards close, edits are skipped", (_, headers, body) => {
    const cut = [[body], [body.subarray(0, 9), body.subarray(9)], [body, Buffer.alloc(0)]];
    for (const pieces of cut) {
      for (const steps of [[guard], [authorize, guard], [guard, authorize]]) {
        const closed = filterWith([{ request: steps }]);
        const refused = closed.open().request(headers, ...pieces);
        closed.calls.at(-1)?.respond(allow);
        expect([refused.status, refused.upstream]).toEqual(["403", undefined]);
        expect(closed.traps).toEqual([]);
      }
      for (const steps of [[read], [authorize, read], [read, authorize]]) {
        const filter = filterWith([{ request: steps }]);
        const passed = filter.open().request({ ...headers, ...lengthOf(body) }, ...pieces);
        filter.calls.at(-1)?.respond(allow);
        expect(passed.sent("x-a")).toEqual([]);
        expect(passed.upstreamBytes.equals(body)).toBe(true);
        expect(passed.sent("content-encoding")).toEqual([headers["content-encoding"]]);
        expect(passed.upstreamEnded).toBe(true);
        expect(metric(filter, "expression_failed")).toBe(1);
      }
    }
  });

  test("read and found too large, an edit with more room still gets it", () => {
    const more = { body: { json: { set: { "/c": 1 } }, maxSize: "8MiB" } };
    for (const request of [
      [read, more],
      [more, read],
    ]) {
      const filter = filterWith([{ request }]);
      for (const pieces of [[heavy], [heavy.subarray(0, 1000), heavy.subarray(1000)]]) {
        const stream = filter.open().request({ ...GZIP, ...lengthOf(heavy) }, ...pieces);
        filter.calls.at(-1)?.respond(allow);
        expect(stream.upstreamBody.endsWith(',"c":1}')).toBe(true);
        expect(stream.sent("content-length")).toEqual([String(stream.upstreamBytes.length)]);
        stream.close();
      }
    }
  });

  test("its limit is one for what it decodes to", () => {
    const filter = filterWith([{ limits: { requestBody: "2MiB" }, request: [read] }]);
    const refused = filter.open().request(GZIP, heavy);
    expect([refused.status, refused.upstream]).toEqual(["413", undefined]);
    const fits = gzip(JSON.stringify({ a: "b", pad: "x".repeat(1_500_000) }));
    const passed = filter.open().request(GZIP, ...single(fits.subarray(0, 30)), fits.subarray(30));
    expect([passed.sent("x-a"), passed.upstreamBytes.equals(fits)]).toEqual([["b"], true]);
  });
});

test("memory comes back: hundreds of compressed streams take no more than twenty", () => {
  const filter = filterWith([
    {
      request: [{ body: { json: { set: { "/c": 1 } } } }],
      response: [{ body: { replace: [{ find: "foo", with: "x" }] } }],
    },
  ]);
  const body = gzip(JSON.stringify({ pad: "foo ".repeat(4000) }));
  const run = (times: number) => {
    for (let i = 0; i < times; i++) {
      const pieces =
        i % 3 === 0 ? [body.subarray(0, 40)] : [body.subarray(0, 40), body.subarray(40)];
      exchange(filter, GZIP, pieces);
    }
    return filter.plugin.memorySize;
  };
  const before = run(20);
  expect(run(300)).toBe(before);
});

test("a compressed body that decodes to nothing is held no longer than what it may take", () => {
  const filter = new Filter();
  const step = { body: { json: { set: { "/a": 1 } }, maxSize: "64KiB" } };
  filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules: [{ request: [step] }] });
  const stream = filter.open().stream;
  const headers = {
    ":method": "POST",
    ":path": "/",
    ":authority": "a",
    "content-encoding": "gzip",
  };
  stream.requestHeaders(Object.entries(headers), false);
  stream.requestData(new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), false);
  // Stored blocks of no bytes.
  const blocks = new Uint8Array(65_535);
  for (let i = 0; i < blocks.length; i += 5) blocks.set([0, 0, 0, 255, 255], i);
  for (let i = 0; i < 100; i++) stream.requestData(blocks, false);
  expect(filter.plugin.memorySize).toBeLessThan(6 * 1024 * 1024);
  expect(filter.traps).toEqual([]);
});
