// `overLimit: stream`: JSON bodies of any size are edited while they stream, and what turns out not to
// be JSON never comes to an end.

import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { Filter, type Stream } from "./run.ts";

type Step = Record<string, unknown>;

const step = (json: unknown, more: object = {}): Step => ({
  body: { json, overLimit: "stream", ...more },
});

function filterWith(steps: Step[], holds = true): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: holds });
  const rules = [{ request: steps, response: steps }];
  if (!filter.configure({ ruleway: 1, settings: { holdHeaders: holds }, rules })) {
    throw new Error(filter.errors.join("\n"));
  }
  return filter;
}

const single = (text: string) => Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte));

function cuts(text: string): Array<Array<string | Uint8Array>> {
  const bytes = Buffer.from(text);
  const ways = Array.from(bytes.keys(), (i) => [bytes.subarray(0, i), bytes.subarray(i)]);
  return [[text], [text, ""], single(text), ...ways];
}

const metric = (filter: Filter, name: string) => filter.metrics[`ruleway.${name}`] ?? 0;

test("both ways, in every cut, without a length", () => {
  const json = { remove: ["$.items[*].secret"], set: { "/seen": true } };
  const filter = filterWith([step(json)]);
  const text = '{"items": [{"secret": 1, "a": "é"}, {"a": 2, "secret": [{}]}], "n": 1}';
  const expected = '{"items": [{"a": "é"}, {"a": 2}], "n": 1, "seen":true}'.replace(
    '"seen":',
    '"seen": ',
  );
  for (const pieces of cuts(text)) {
    const length = String(Buffer.byteLength(text));
    const stream = filter
      .open()
      .request({ "content-length": length, etag: '"x"' }, ...pieces)
      .respond({ "content-length": length, etag: '"x"' }, ...pieces);
    expect(stream.upstreamBytes.toString()).toBe(expected);
    expect(stream.responseBytes.toString()).toBe(expected);
    expect([stream.upstreamEnded, stream.responseEnded]).toEqual([true, true]);
    expect([stream.sent("content-length"), stream.got("content-length")]).toEqual([[], []]);
    expect(stream.got("etag")).not.toEqual(['"x"']);
    stream.close();
  }
  expect(filter.traps).toEqual([]);
});

test("values are those of the time when the step runs, and absent ones skip their edit", () => {
  const json = { set: { "/who": "$(request.headers['x-who'])", "/method": "$(request.method)!" } };
  const filter = filterWith([step(json), { headers: { remove: ["x-who"] } }]);
  const text = '{"who":1}';
  const stream = filter.open().request({ "x-who": "Ada" }, ...single(text));
  expect(stream.upstreamBody).toBe('{"who":"Ada","method":"POST!"}');
  expect(filter.open().request({}, text).upstreamBody).toBe('{"who":1,"method":"POST!"}');
  expect(metric(filter, "edit_skipped.absent")).toBeGreaterThan(0);
});

test("it goes with other edits, those that hold the body among them, and with codings", () => {
  const replace: Step = { body: { replace: [{ find: "secret", with: "public" }] } };
  const held: Step = { body: { json: { append: { "/list": 3 } } } };
  const streamed = step({ remove: ["/public", "/gone"] });
  const text = '{"secret":1,"list":[1],"gone":[{}],"b":2}';
  for (const [steps, expected] of [
    [[replace, streamed], '{"list":[1],"b":2}'],
    [[replace, streamed, held], '{"list":[1,3],"b":2}'],
    [[held, streamed, replace], '{"public":1,"list":[1,3],"b":2}'],
  ] as const) {
    for (const holds of [true, false]) {
      const filter = filterWith([...steps], holds);
      for (const pieces of cuts(text)) {
        const stream = filter
          .open()
          .request({}, ...pieces)
          .respond({}, ...pieces);
        expect([stream.upstreamBody, stream.responseBody]).toEqual([expected, expected]);
        stream.close();
      }
      const coded = zlib.gzipSync(text);
      const gzip = { "content-encoding": "gzip" };
      const stream = filter.open().request(gzip, coded.subarray(0, 20), coded.subarray(20));
      expect([stream.upstreamBody, stream.sent("content-encoding")]).toEqual([expected, []]);
    }
  }
});

describe("what is no JSON is broken off where that shows", () => {
  const ended = (stream: Stream) => [stream.status, stream.upstreamEnded];
  test.each(["skip", "deny"])("with onError: %s", (onError) => {
    const filter = filterWith([step({ remove: ["/a"] }, { onError })]);
    const good = '{"a":1,"b":[1,{"c":null}]}';
    // A control character belongs nowhere.
    const bad = [...good].map((_, i) => `${good.slice(0, i)}\u0001${good.slice(i + 1)}`);
    const short = [...good].slice(1).map((_, i) => good.slice(0, i + 1));
    for (const text of [...bad, ...short, `${good},`, " "]) {
      for (const pieces of [[text], [text, ""], single(text)]) {
        const stream = filter.open().request({}, ...pieces);
        expect(ended(stream), text).toEqual(["400", false]);
        stream.close();
        const response = filter
          .open()
          .request()
          .respond({}, ...pieces);
        expect([response.wasReset, response.responseEnded], text).toEqual([true, false]);
        response.close();
      }
    }
    expect(metric(filter, "refused.invalid_body")).toBeGreaterThan(100);
    expect(filter.traps).toEqual([]);
  });

  test("nothing of what follows gets through", () => {
    const filter = filterWith([step({ remove: ["/a"] })]);
    const response = filter.open().request();
    response.respond({}, '{"b":1,', "!", '"a":"secret"}');
    expect([response.responseBody, response.wasReset]).toEqual(['{"b":1', true]);
  });

  test("an empty body passes, unless it is to be denied", () => {
    const skips = filterWith([step({ remove: ["/a"] })]);
    const stream = skips.open().request({}, "", "").respond({}, "");
    expect([stream.upstreamEnded, stream.responseEnded, stream.wasReset]).toEqual([
      true,
      true,
      false,
    ]);
    expect(metric(skips, "body_skipped.invalid")).toBe(2);
    const denies = filterWith([step({ remove: ["/a"] }, { onError: "deny" })]);
    expect(denies.open().request({}, "", "").status).toBe("400");
  });

  test("trailers end a document, or come too early", () => {
    const filter = filterWith([step({ remove: ["/a"] })]);
    for (const [text, isWhole] of [
      ['{"a":1,"b":2}', true],
      ['{"a":1,"b":2', false],
      ['{"a":1,"b"', false],
    ] as const) {
      const stream = filter
        .open()
        .request()
        .respond({}, { length: 0 } as never);
      stream.close();
      const response = filter.open().request();
      response.stream.responseHeaders([[":status", "200"]], false);
      response.stream.responseData(Buffer.from(text), false);
      response.stream.responseTrailers([["t", "1"]]);
      expect([response.responseEnded, response.wasReset], text).toEqual([isWhole, !isWhole]);
      if (isWhole) expect(response.responseBody).toBe('{"b":2}');
      response.close();
    }
  });
});

test("an array of 100 MB passes in flat memory", () => {
  const json = { remove: ["$[*].secret"], set: { "$[*].seen": 1 } };
  const filter = filterWith([step(json)]);
  const item = (i: number) =>
    `{"id": ${i % 10}, "secret": "${"s".repeat(200)}", "text": "${"ü".repeat(300)}"}`;
  const piece = Buffer.from(Array.from({ length: 70 }, (_, i) => item(i)).join(",\n"));
  const edited = Array.from({ length: 70 }, (_, i) =>
    item(i)
      .replace(/"secret": "s+", /, "")
      .replace("}", ', "seen": 1}'),
  ).join(",\n");
  const rounds = Math.ceil(100e6 / (piece.length + 2));

  const sent = createHash("sha256");
  const expected = createHash("sha256").update("[");
  const stream = filter.open();
  stream.requestData = (data, end) => {
    sent.update(data);
    stream.upstreamEnded ||= end;
  };
  stream.stream.requestHeaders(
    [
      [":method", "POST"],
      [":path", "/"],
      [":authority", "a"],
      [":scheme", "http"],
    ],
    false,
  );
  stream.stream.requestData(Buffer.from("["), false);
  let before = 0;
  for (let i = 0; i < rounds; i++) {
    if (i === 100) before = filter.plugin.memorySize;
    if (i > 0) stream.stream.requestData(Buffer.from(",\n"), false);
    stream.stream.requestData(Uint8Array.from(piece), false);
    expected.update(i > 0 ? ",\n" : "").update(edited);
  }
  stream.stream.requestData(Buffer.from("]"), true);
  expect(stream.upstreamEnded).toBe(true);
  expect(sent.digest("hex")).toBe(expected.update("]").digest("hex"));
  expect(filter.plugin.memorySize).toBe(before);
  expect(before).toBeLessThan(4 << 20);
  stream.close();
});

test("edits that need what comes later are refused, each with its place", () => {
  const filter = new Filter();
  const json = {
    remove: ["$..secret", "/a/0", "/a/1", "$.b[-1]", "/c"],
    rename: { "/x": "y" },
    copy: { "/d": "/e" },
    set: { "/c": 1 },
    patch: [{ op: "test", path: "/f", value: 1 }],
    merge: { g: { h: 1 } },
  };
  const rules = [{ request: [step(json)] }];
  expect(filter.configure({ ruleway: 1, rules })).toBe(false);
  const at = "/rules/0/request/0/body/json";
  expect(filter.errors.map((line) => line.replace(/:.*$/, ""))).toEqual(
    [
      "remove/0",
      "remove/2",
      "remove/3",
      "rename/~1x",
      "copy/~1d",
      "set/~1c",
      "merge/g/h",
      "patch/0",
    ].map((place) => `R317 "${at}/${place}"`),
  );
  // The same are good where the body is held.
  expect(filter.configure({ ruleway: 1, rules: [{ request: [{ body: { json } }] }] })).toBe(true);
});

test("a byte order mark in front of the document passes, wherever it is cut; a part of one is no JSON", () => {
  const filter = filterWith([step({ remove: ["/secret"] })]);
  for (const pieces of cuts('\uFEFF{"secret":1,"x":2}')) {
    const stream = filter.open().request({}, ...pieces);
    expect(stream.upstreamBody).toBe('\uFEFF{"x":2}');
    stream.close();
  }
  for (const bytes of [
    [0xef, 0xbb],
    [0xef, 0xbb, 0x7b, 0x7d],
    [0xef, 0x7b, 0x7d],
  ]) {
    for (const pieces of [[Uint8Array.from(bytes)], bytes.map((byte) => Uint8Array.of(byte))]) {
      const stream = filter.open().request({}, ...pieces);
      expect([stream.upstreamEnded, stream.upstreamBody.includes("}")]).toEqual([false, false]);
      stream.close();
    }
  }
});
