// `body.insert` through the real filter: however the body is cut, the text is where it belongs, the
// literal is as it was written, and no other byte is touched.

import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seeded } from "../seed.ts";
import { encode, Filter } from "./run.ts";

interface Insert {
  before?: string;
  after?: string;
  text: string;
  ignoreCase?: boolean;
  first?: number;
}

function filterOf(body: object): Filter {
  const filter = new Filter();
  expect(filter.configure({ ruleway: 1, rules: [{ request: [{ body }] }] })).toBe(true);
  return filter;
}

function send(filter: Filter, ...pieces: string[]): string {
  return filter.open().request({}, ...pieces).upstreamBody;
}

/** One insert after the other over the whole, as plainly as can be. */
function reference(body: string, inserts: Insert[]): string {
  let text = body;
  for (const { before, after, text: value, ignoreCase, first = 1 } of inserts) {
    const marker = before ?? after!;
    const fold = (each: string) => (ignoreCase ? each.toLowerCase() : each);
    let result = "";
    let at = 0;
    for (let left = first; left > 0; left--) {
      const found = fold(text).indexOf(fold(marker), at);
      if (found < 0) break;
      const end = found + marker.length;
      result += text.slice(at, found);
      result +=
        before === undefined ? text.slice(found, end) + value : value + text.slice(found, end);
      at = end;
    }
    text = result + text.slice(at);
  }
  return text;
}

/** Every way to cut the text. */
function* cuts(text: string): Generator<string[]> {
  for (let bits = 0; bits < 1 << (text.length - 1); bits++) {
    const pieces = [text.slice(0, 1)];
    for (let i = 1; i < text.length; i++) {
      if (bits & (1 << (i - 1))) pieces.push(text[i]!);
      else pieces[pieces.length - 1] += text[i]!;
    }
    yield pieces;
  }
}

describe("a text put into a body", () => {
  test.each<[string, string, Insert[]]>([
    ["before a marker", "x</HeAd>y", [{ before: "</head>", text: "<s>", ignoreCase: true }]],
    ["after a marker", "x</HeAd>y", [{ after: "</head>", text: "<s>", ignoreCase: true }]],
    ["nowhere when the marker is not there", "x</hea></he", [{ before: "</head>", text: "no" }]],
    ["nowhere when the case is another", "a<B>c", [{ after: "<b>", text: "no" }]],
    ["at the first place alone", "<b><b><b>", [{ before: "<b>", text: "1" }]],
    ["at the first two", "<b><b><b>", [{ after: "<b>", text: "1", first: 2 }]],
    [
      "around everything",
      "<a>",
      [
        { before: "<a>", text: "1" },
        { after: "<a>", text: "2" },
      ],
    ],
    [
      "twice at one place",
      "-<a>-",
      [
        { before: "<a>", text: "1" },
        { before: "<a>", text: "2" },
      ],
    ],
    [
      "into what was put in",
      "-a-a",
      [
        { after: "a", text: "[b]" },
        { before: "b]", text: "c" },
      ],
    ],
    ["where a beginning comes first", "aaaab", [{ before: "aab", text: "-" }]],
  ])("goes %s, in every cut", (_name, body, inserts) => {
    const expected = reference(body, inserts);
    const filter = filterOf({ insert: inserts.length === 1 ? inserts[0] : inserts });
    for (const pieces of cuts(body)) {
      expect(send(filter, ...pieces), JSON.stringify(pieces)).toBe(expected);
    }
  });

  test("at random is where the reference has it", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "A"), minLength: 1, maxLength: 4 });
    const insert = fc
      .record({
        marker: word,
        isBefore: fc.boolean(),
        text: word,
        ignoreCase: fc.boolean(),
        first: fc.constantFrom(1, 2, 2 ** 31 - 1),
      })
      .map(({ marker, isBefore, ...rest }) => ({
        [isBefore ? "before" : "after"]: marker,
        ...rest,
      }));
    const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "A"), minLength: 1 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(pieces, fc.array(insert, { minLength: 1, maxLength: 3 }), (cut, inserts) => {
        const expected = reference(cut.join(""), inserts as Insert[]);
        expect(send(filterOf({ insert: inserts }), ...cut)).toBe(expected);
      }),
      seeded(200),
    );
  });

  test("sees what replace has left; json, prepend and append come later", () => {
    const filter = filterOf({
      replace: [{ find: "X", with: "<m>" }],
      insert: { after: "<m>", text: "Xin" },
      prepend: "<m>",
      append: "<m>",
    });
    for (const pieces of cuts("a X b")) {
      expect(send(filter, ...pieces), JSON.stringify(pieces)).toBe("<m>a <m>Xin b<m>");
    }
    const json = filterOf({
      insert: { before: '"b"', text: '"a": 1, ' },
      json: { set: { "/a": 2 } },
    });
    for (const pieces of cuts('{"b": 3}')) {
      expect(send(json, ...pieces), JSON.stringify(pieces)).toBe('{"a": 2, "b": 3}');
    }
  });

  test("takes its value from the request; absent, it is not put in", () => {
    const filter = filterOf({ insert: { before: "!", text: "$(request.headers['x-user'])" } });
    const hello = (headers: Record<string, string>) =>
      filter.open().request(headers, "hello ", "!").upstreamBody;
    expect(hello({ "x-user": "ada" })).toBe("hello ada!");
    expect(hello({})).toBe("hello !");
    expect(filter.metrics["ruleway.edit_skipped.absent"]).toBe(1);
  });

  test("makes content-length go, as nobody knows whether the marker is there", () => {
    const filter = filterOf({ insert: { before: "!", text: "x" } });
    const { upstream, upstreamBody } = filter.open().request({ "content-length": "2" }, "a!");
    expect(upstreamBody).toBe("ax!");
    expect(Object.fromEntries(upstream!)).not.toHaveProperty("content-length");
  });

  test("goes into what a compressed body decodes to", () => {
    const filter = filterOf({ insert: { before: "</head>", text: "<s>" } });
    const coded = gzipSync("<head></head><p>");
    for (let at = 1; at < coded.length; at++) {
      const stream = filter
        .open()
        .request({ "content-encoding": "gzip" }, coded.subarray(0, at), coded.subarray(at));
      expect(stream.upstreamBody, `cut at ${at}`).toBe("<head><s></head><p>");
      expect(Object.fromEntries(stream.upstream!)).not.toHaveProperty("content-encoding");
    }
  });

  test("streams: of what has come, only what may begin a marker is held back", () => {
    const filter = filterOf({ insert: { before: "</head>", text: "<s>" } });
    const stream = filter.open().request({}, "<head><title>a</title></he", "");
    expect(stream.upstreamBody).toBe("<head><title>a</title></he");
    const open = filter.open();
    open.stream.requestHeaders(
      [
        [":path", "/"],
        [":method", "POST"],
        [":authority", "a"],
      ],
      false,
    );
    open.stream.requestData(encode("<head><title>a</title></he"), false);
    expect(open.upstreamBody).toBe("<head><title>a</title>");
    open.stream.requestData(encode("ad></head>"), true);
    expect(open.upstreamBody).toBe("<head><title>a</title><s></head></head>");
  });

  test("is refused where it could not be meant", () => {
    const filter = new Filter();
    const errors = (insert: unknown) => {
      filter.log.length = 0;
      filter.configure({ ruleway: 1, rules: [{ request: [{ body: { insert } }] }] });
      return filter.errors;
    };
    const at = '"/rules/0/request/0/body/insert';
    expect(errors({ text: "x" })).toEqual([
      `R205 ${at}": exactly one verb is expected here, found none`,
    ]);
    expect(errors({ before: "a", after: "b", text: "x" })).toHaveLength(1);
    expect(errors({ before: "a" })).toEqual([expect.stringMatching(/text/)]);
    expect(errors({ before: "", text: "x" })).toHaveLength(1);
    expect(errors([])).toHaveLength(1);
    expect(errors({ before: "a".repeat(4097), text: "x" })).toEqual([
      `R204 ${at}/before": longer than 4096 bytes, or the 33rd of the list`,
    ]);
    expect(errors(Array(33).fill({ after: "a", text: "x" }))).toEqual([
      `R204 ${at}/32/after": longer than 4096 bytes, or the 33rd of the list`,
    ]);
    expect(errors(Array(32).fill({ after: "a", text: "x" }))).toEqual([]);
  });
});
