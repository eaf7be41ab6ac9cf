// Edits of JSON that streams: in every cut the bytes that the engine over the whole document makes,
// and nothing that is not JSON comes to its end.

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";

const KINDS = { remove: 0, set: 1, add: 2, default: 3, append: 4, dedupe: 9 } as const;
const APPLIED = 0;
const UNCHANGED = 1;
const [SAME, CHANGED, INVALID] = [0, 1, 2];
const HELD_LIMIT = 64 * 1024;
const MAX_DEPTH = 1000;

interface Edit {
  op: keyof typeof KINDS;
  path: string;
  /** JSON text; none for one that is skipped. */
  value?: string;
  strict?: boolean;
}

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("json");
});

/** Makes the plan; why it does not qualify, or "". */
function plan(edits: Edit[]): string {
  probe.exports.reset();
  for (const { op, path, value, strict } of edits) {
    const [at, size] = probe.put(value ?? "");
    const isSkipped = op !== "remove" && value === undefined;
    const wrong = probe.exports.edit(
      KINDS[op],
      ...probe.put(path),
      at,
      isSkipped ? -1 : size,
      strict === true,
    );
    expect(wrong, path).toBe(-1);
  }
  return probe.text(probe.exports.reason());
}

/** What the engine over the whole makes of it; undefined where it is no JSON. */
function whole(text: Uint8Array): string | undefined {
  const status = probe.exports.apply(...probe.put(text)) as number;
  if (status === UNCHANGED) return Buffer.from(text).toString();
  return status === APPLIED ? probe.text(probe.exports.result()) : undefined;
}

let room: [at: number, size: number] = [0, 0];

/** Where a piece is put, the same for each: nothing may be read of the last one. */
function place(piece: Uint8Array): [number, number] {
  if (room[1] < piece.length || room[0] === 0)
    room = probe.put(new Uint8Array(piece.length + 4096));
  new Uint8Array(probe.memory.buffer, room[0], room[1]).fill(0x21).set(piece);
  return [room[0], piece.length];
}

/** The result of the pieces; undefined where they are no JSON. */
function stream(pieces: Uint8Array[]): string | undefined {
  expect(probe.exports.beginStream()).toBe(1);
  room = [0, 0];
  const out: Uint8Array[] = [];
  for (const [i, piece] of pieces.entries()) {
    const status = probe.exports.feed(...place(piece), i === pieces.length - 1) as number;
    if (status === SAME) out.push(piece);
    else if (status === CHANGED) out.push(probe.get(probe.exports.result()));
    else {
      expect(status).toBe(INVALID);
      return undefined;
    }
  }
  return Buffer.concat(out).toString();
}

function single(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

function* cuts(bytes: Uint8Array, step = 1): Generator<Uint8Array[]> {
  yield [bytes];
  yield single(bytes).length > 0 ? single(bytes) : [bytes];
  yield [new Uint8Array(), ...single(bytes).flatMap((each) => [each, new Uint8Array()])];
  for (let i = 0; i <= bytes.length; i += step) yield [bytes.subarray(0, i), bytes.subarray(i)];
}

function edited(text: string, edits: Edit[]): string | undefined {
  expect(plan(edits)).toBe("");
  const results = [...cuts(Buffer.from(text))].map(stream);
  for (const result of results) expect(result).toBe(results[0]);
  return results[0];
}

const remove = (...paths: string[]): Edit[] => paths.map((path) => ({ op: "remove", path }));
const set = (path: string, value: string): Edit => ({ op: "set", path, value });

test.each<[string, string, Edit[], string]>([
  [
    "a member in each element",
    '[{"a":1, "b":2}, {"b":3}, {"c":4}]',
    remove("$[*].b"),
    '[{"a":1}, {}, {"c":4}]',
  ],
  ["the first keeps no comma", '{ "a" : 1 , "b" : 2 }', remove("/a"), '{ "b" : 2 }'],
  ["nor the last", '{ "a" : 1 , "b" : 2 }', remove("/b"), '{ "a" : 1 }'],
  ["nor both", '{ "a" : 1 , "b" : 2 }', remove("/a", "/b"), "{  }"],
  ["elements", "[0, 1, 2, 3, 4]", remove("$[1:4:2]"), "[0, 2, 4]"],
  ["all elements", "[ 0, [1], {}, 3 ]", remove("$[*]"), "[  ]"],
  ["an escaped name", '{"\\u0061":1,"b":2}', remove("/a"), '{"b":2}'],
  ["a pair of escapes", '{"\\ud83d\\ude00":1,"b":2}', remove("/😀"), '{"b":2}'],
  ["every twin goes", '{"a":1,"b":2,"a":3,"\\u0061":4}', remove("/a"), '{"b":2}'],
  ["every twin is set", '{"a":1,"b":2,"a":3}', [set("/a", "0")], '{"a":0,"b":2,"a":0}'],
  ["and what is in twins", '{"a":{"b":1},"a":{}}', [set("/a/b", "0")], '{"a":{"b":0},"a":{"b":0}}'],
  ["the root", " [1, 2] ", [set("", '"x"')], ' "x" '],
  [
    "two make one object",
    "{}",
    [set("/a/b", "1"), set("/a/c/d", "2")],
    '{"a":{"b":1,"c":{"d":2}}}',
  ],
  [
    "the end of an array",
    "[[1, 2], [ ], 3]",
    [set("$[*]['x']", "0"), set("/-", "4")].slice(1),
    "[[1, 2], [ ], 3, 4]",
  ],
  ["a skipped value", '{"a":1}', [{ op: "set", path: "/a" }, set("/b", "2")], '{"a":1,"b":2}'],
])("%s", (_name, text, edits, expected) => {
  expect(edited(text, edits)).toBe(expected);
});

test.each<[Edit[], string]>([
  [remove("$..a"), "descendants"],
  [remove("$[-1]"), "negative index"],
  [remove("$[:-1]"), "negative bound"],
  [remove("$[::-1]"), "negative bound or step"],
  [[{ op: "append", path: "/a", value: "1" }], "only remove, set, default and add"],
  [[{ op: "dedupe", path: "/a" }], "only remove, set, default and add"],
  [[{ op: "remove", path: "/a", strict: true }], "a patch"],
  [[{ op: "add", path: "/a/0", value: "1" }], "insert"],
  [[{ op: "add", path: "/a/-", value: "1" }], "insert"],
  [[...remove("/a"), set("/a", "1")], "the place of another"],
  [[...remove("$.*"), set("/a/b", "1")], "the place of another"],
  [[set("/a/-", "1"), set("/a/3", "1")], "the place of another"],
  [remove("/a/0", "/a/1"), "what the index means"],
  [[...remove("$.a[1:]"), set("/a/0/b", "1")], "the place of another"],
  [[...remove("$.a[1]"), set("/a/3/b", "1")], "what the index means"],
  [[set("/a/b", "1"), { op: "add", path: "/a/c", value: "1" }], "may make"],
  [[set("/a/b", "1"), set("$.*.c", "1")], "may make"],
  [Array.from({ length: 65 }, (_, i) => set(`/a${i}`, "1")), "64"],
])("what cannot be made in passing does not qualify: %#", (edits, reason) => {
  expect(plan(edits)).toContain(reason);
});

// ---- random documents and plans

const NAMES = ["a", "b", "0", "1", "-", "é"];

/** Spells JSON with white space where it may be, and letters as escapes here and there. */
function spell(value: unknown, blank: () => string, escapes: () => boolean): string {
  const text = (name: string) =>
    `"${[...name].map((c) => (escapes() ? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}` : c)).join("")}"`;
  const inner = (each: unknown) => `${blank()}${spell(each, blank, escapes)}${blank()}`;
  if (Array.isArray(value))
    return value.length ? `[${value.map(inner).join(",")}]` : `[${blank()}]`;
  if (typeof value === "string") return text(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value);
  if (members.length === 0) return `{${blank()}}`;
  return `{${members.map(([k, v]) => `${blank()}${text(k)}${blank()}:${inner(v)}`).join(",")}}`;
}

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: "large" },
    fc.constantFrom<unknown>(null, true, false, 0, -1.5e30, "", "a", "größe"),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("tree"), { maxKeys: 4 }),
  ),
}));

const document = fc
  .tuple(
    tree,
    fc.infiniteStream(fc.constantFrom("", "", "", " ", "\n  ", "\t")),
    fc.infiniteStream(fc.integer({ min: 0, max: 5 })),
    fc.constantFrom("plain", "indented", "wild"),
  )
  .map(([value, blanks, dice, style]) => {
    if (style !== "wild") return JSON.stringify(value, null, style === "plain" ? 0 : 2);
    return spell(
      value,
      () => blanks.next().value,
      () => dice.next().value === 0,
    );
  });

const token = fc.constantFrom(...NAMES.map((name) => `/${name}`));
const part = fc.constantFrom(
  ...["[*]", ".*", "[0]", "[1]", "[1:]", "[:2]", "[0:3:2]", "['a','b']", "[0,2]", ".a", ".b"],
);
const path = fc.oneof(
  fc.array(token, { minLength: 1, maxLength: 4 }).map((all) => all.join("")),
  fc.array(part, { minLength: 1, maxLength: 4 }).map((all) => `$${all.join("")}`),
);
const edit = fc.record({
  op: fc.constantFrom<Edit["op"]>("remove", "set", "default", "add"),
  path,
  value: fc.constantFrom("1", '{"a": [2]}', "[]", '"x"', undefined),
});
const ORDER = ["remove", "set", "default", "add"];

/** As the decoder lets them through, in its order. */
function planOf(edits: Edit[]): Edit[] {
  return edits
    .filter(({ op, path }) => op === "remove" || op === "set" || !/[*:,][^.[]*\]$|\*$/.test(path))
    .sort((x, y) => ORDER.indexOf(x.op) - ORDER.indexOf(y.op));
}

test("in every cut the result is that of the engine over the whole", () => {
  let qualified = 0;
  let changed = 0;
  fc.assert(
    fc.property(document, fc.array(edit, { minLength: 1, maxLength: 5 }), (text, edits) => {
      // As many of them as go together.
      const chosen: Edit[] = [];
      for (const each of planOf(edits)) if (plan([...chosen, each]) === "") chosen.push(each);
      if (chosen.length === 0) return;
      qualified++;
      plan(chosen);
      const bytes = Buffer.from(text);
      const expected = whole(bytes);
      expect(expected).toBeDefined();
      if (expected !== text) changed++;
      for (const pieces of cuts(bytes, 1)) expect(stream(pieces)).toBe(expected);
    }),
    seeded(1500),
  );
  expect(qualified).toBeGreaterThan(700);
  expect(changed).toBeGreaterThan(300);
});

/** Slow and obvious: the same in a document that may have twins, by members as JSON.parse cannot have. */
test("of twins a removal takes all, and a value is put in each", () => {
  const member = fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "[]", '{"a":0}'));
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), (members) => {
      const print = (all: string[][]) => `{${all.map(([k, v]) => `"${k}":${v}`).join(",")}}`;
      const left = members.filter(([key]) => key !== "a");
      const set = left.map(([k, v]) => [k, k === "b" ? "7" : v!]);
      if (!left.some(([key]) => key === "b")) set.push(["b", "7"]);
      const edits: Edit[] = [
        { op: "remove", path: "/a" },
        { op: "set", path: "/b", value: "7" },
      ];
      expect(edited(print(members), edits)).toBe(print(set));
    }),
    seeded(200),
  );
});

test("what is no JSON is refused, as the engine over the whole has it, wherever it is cut", () => {
  const noise = fc.constantFrom(
    ...[...Buffer.from('{}[]:,"\\u0123e-+.tfnalse rue\n')],
    ...[0xc3, 0xa9, 0xed, 0xa0, 0xf0, 0x9f, 0x98, 0x80, 0xf4, 0xff, 0x00],
  );
  const plans: Edit[][] = [
    [{ op: "remove", path: "$[*].a" }],
    [
      { op: "set", path: "/a", value: "1" },
      { op: "set", path: "$.b[*]['a','0']", value: "2" },
    ],
  ];
  let bad = 0;
  const agrees = (bytes: Uint8Array) => {
    for (const edits of plans) {
      plan(edits);
      const expected = whole(bytes);
      if (expected === undefined) bad++;
      for (const pieces of cuts(bytes, 3)) {
        // What becomes of twins, they do not agree on.
        expect(stream(pieces) === undefined).toBe(expected === undefined);
      }
    }
  };
  fc.assert(
    fc.property(
      document,
      fc.array(fc.tuple(fc.nat(), noise), { maxLength: 2 }),
      (text, changes) => {
        const bytes = Buffer.from(text);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        agrees(bytes);
        agrees(bytes.subarray(0, changes.length === 0 ? 0 : changes[0]![0] % bytes.length));
      },
    ),
    seeded(300),
  );
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 16 }), (bytes) => agrees(Uint8Array.from(bytes))),
    seeded(1000),
  );
  expect(bad).toBeGreaterThan(1000);
});

test("every truncation of a document, and every byte after it, is refused", () => {
  const text = '{"secret": [1.5e+3, "\\u00e9é\\n", true, null], "b": {"secret": {"a": -0}}} ';
  for (const edits of [remove("/secret"), remove("$.b.secret"), [set("/secret", "1")]]) {
    plan(edits);
    const bytes = Buffer.from(text);
    for (let n = 0; n < bytes.length - 1; n++) {
      expect(stream([bytes.subarray(0, n)]), `${n}`).toBeUndefined();
      expect(stream([...single(bytes.subarray(0, n)), new Uint8Array()])).toBeUndefined();
    }
    expect(stream([bytes, Buffer.from(",")])).toBeUndefined();
    expect(stream([bytes, Buffer.from("1")])).toBeUndefined();
  }
});

test("after a refusal nothing passes any more", () => {
  plan(remove("/a"));
  probe.exports.beginStream();
  const feed = (text: string) => probe.exports.feed(...probe.put(text), 0);
  expect(feed('{"b":]')).toBe(INVALID);
  expect(feed('{"b":1}')).toBe(INVALID);
});

test("depth is limited, not the stack", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const leaf = open === "[" ? "" : "1";
    const nested = (n: number) => Buffer.from(open.repeat(n) + leaf + close.repeat(n));
    for (const edits of [remove("/a/a/a/secret"), remove("/b"), remove("$[*][*][*].secret")]) {
      plan(edits);
      const good = nested(MAX_DEPTH);
      expect(stream([good])).toBe(good.toString());
      expect(stream([nested(MAX_DEPTH + 1)])).toBeUndefined();
      expect(stream([Buffer.from(open.repeat(300_000))])).toBeUndefined();
    }
  }
  // As many frames as a path can have segments.
  const path = "/a".repeat(100);
  const deep = (inner: string) => '{"a":'.repeat(99) + inner + "}".repeat(99);
  expect(edited(deep('{"a":1, "b":2}'), remove(path))).toBe(deep('{"b":2}'));
});

test("long names, texts and numbers pass, cut anywhere, and little of them is held", () => {
  const long = "x".repeat(300_000);
  const digits = "7".repeat(300_000);
  const text = `{"${long}": {"secret": "${long}"}, "secret": "${long}", "n": ${digits}, "\\u0073ecret": ${digits}}`;
  const kept = `{"${long}": {"secret": "${long}"}, "n": ${digits}}`;
  const bytes = Buffer.from(text);
  expect(plan(remove("/secret"))).toBe("");
  for (const size of [1000, 4096, 65_537]) {
    const before = probe.exports.heldBytes();
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.subarray(i, i + size));
    expect(stream(pieces)).toBe(kept);
    expect(probe.exports.heldBytes() - before).toBeLessThan(256 * 1024);
  }
});

test("white space that would have to be held without end is refused, however it is cut", () => {
  const blanks = (n: number) => " ".repeat(n);
  const texts: Array<(n: number) => string> = [
    (n) => `{${blanks(n)}"b":1}`,
    (n) => `{"b":1${blanks(n - 1)},"c":1}`,
    (n) => `{"b":1,${blanks(n - 1)}"c":1}`,
    (n) => `{"b":1${blanks(n)}}`,
    (n) => `{${blanks(n)}}`,
  ];
  for (const text of texts) {
    for (const edits of [remove("/a"), remove("/b")]) {
      plan(edits);
      const good = Buffer.from(text(HELD_LIMIT));
      const bad = Buffer.from(text(HELD_LIMIT + 1));
      const expected = whole(good);
      for (const cut of [0, 1, 100, 40_000, good.length - 3]) {
        expect(stream([good.subarray(0, cut), good.subarray(cut)])).toBe(expected);
        expect(stream([bad.subarray(0, cut), bad.subarray(cut)])).toBeUndefined();
      }
    }
    // Where no edit looks, nothing is held.
    plan(remove("/x/y"));
    const inside = Buffer.from(`{"c":${text(HELD_LIMIT * 3)}}`);
    expect(stream([inside.subarray(0, 1000), inside.subarray(1000)])).toBe(inside.toString());
  }
});

test("what is no UTF-8 in a text is refused: overlong, surrogates, too large, cut", () => {
  plan(remove("/a"));
  const leads = [
    0x80, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff,
  ];
  for (const lead of leads) {
    for (const second of [0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) {
      for (const rest of [[], [0x80], [0xbf, 0x80], [0xc0], [0x80, 0x7f]]) {
        const bytes = Uint8Array.from([0x22, lead, second, ...rest, 0x22]);
        const expected = whole(bytes);
        expect(stream([bytes]), `${bytes}`).toBe(expected);
        expect(stream(single(bytes)), `${bytes}`).toBe(expected);
      }
    }
  }
});

test("white space without end is refused before it has come to one", () => {
  plan(remove("/a"));
  probe.exports.beginStream();
  const [at, size] = probe.put('{"b":1,'.concat(" ".repeat(1000)));
  expect(probe.exports.feed(at, size, 0)).toBe(CHANGED);
  let pieces = 0;
  while (pieces < 200 && probe.exports.feed(at + 7, 1000, 0) !== INVALID) pieces++;
  expect(pieces).toBe(Math.floor(HELD_LIMIT / 1000) - 1);
});
