import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { root } from "../../compiler/assets.ts";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { applyEdits, type Edit } from "../../tests/reference/json-edit.ts";
import { seeded } from "../../tests/seed.ts";

const KINDS = { remove: 0, set: 1, add: 2 } as const;
const APPLIED = 0;
const UNCHANGED = 1;
const INVALID = 2;

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("json");
});

function firstError(text: string | Uint8Array, depth = 1000): number {
  probe.exports.reset();
  return probe.exports.firstError(...probe.put(text), depth) as number;
}

/** The same in the course of a test, without a reset. */
function firstErrorIn(bytes: Uint8Array): number {
  return probe.exports.firstError(...probe.put(bytes), 1000) as number;
}

function edit(text: string, edits: Edit[]): { status: number; text: string } {
  probe.exports.reset();
  for (const each of edits) {
    const value = probe.put(each.op === "remove" ? "" : JSON.stringify(each.value));
    expect(probe.exports.edit(KINDS[each.op], ...probe.put(each.path), ...value, 0)).toBe(-1);
  }
  const status = probe.exports.apply(...probe.put(text)) as number;
  return { status, text: probe.text(probe.exports.result()) };
}

test("what JSON.parse takes is taken, and what it refuses is refused", () => {
  const good = [
    "0",
    "-0.5e+3",
    '""',
    "[]",
    "{}",
    ' { "a" : [1, true, null] } ',
    '"\\u00e9\\ud83d\\ude00"',
  ];
  const bad = [
    "",
    " ",
    "01",
    "1.",
    ".5",
    "+1",
    "[1,]",
    "{,}",
    '{"a":}',
    '{"a" 1}',
    "[1 2]",
    "nul",
    '"\n"',
    '"\\x"',
    '"\\u12"',
    "[",
    "]",
    "1 2",
    "'a'",
  ];
  for (const text of good) expect(firstError(text), text).toBe(-1);
  for (const text of bad) expect(firstError(text), text).toBeGreaterThanOrEqual(0);
});

test("random values are taken, and every truncation of them is refused", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      expect(firstError(text)).toBe(-1);
      const wrapped = `[${text}]`;
      for (let n = 0; n < wrapped.length; n += 3) {
        expect(firstError(wrapped.slice(0, n)), wrapped.slice(0, n)).toBeGreaterThanOrEqual(0);
      }
    }),
    seeded(500),
  );
});

test("random bytes are judged as a strict reader judges them", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const byte = fc.constantFrom(
    ...[...Buffer.from('{}[]:,"\\u0123e-+.tfnalse rue\n')],
    0xc3,
    0xa9,
    0xff,
    0x80,
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 24 }), (bytes) => {
      let isValid = true;
      try {
        JSON.parse(strict.decode(Uint8Array.from(bytes)));
      } catch {
        isValid = false;
      }
      expect(firstError(Uint8Array.from(bytes)) === -1).toBe(isValid);
    }),
    seeded(20_000),
  );
});

test("depth is limited, not the stack", () => {
  expect(firstError("[".repeat(1000) + "]".repeat(1000))).toBe(-1);
  expect(firstError("[".repeat(1001) + "]".repeat(1001))).toBe(1000);
  expect(firstError("[".repeat(500_000))).toBe(1000);
  expect(firstError('{"a":'.repeat(500_000))).toBe(5000);
});

test("strings lose and get escapes as JSON.parse and JSON.stringify have it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
      const whole = text;
      probe.exports.reset();
      expect(probe.text(probe.exports.unescaped(...probe.put(JSON.stringify(whole))))).toBe(whole);
      expect(JSON.parse(probe.text(probe.exports.escaped(...probe.put(whole))))).toBe(whole);
    }),
    seeded(2000),
  );
});

test.each<[string, string, Edit[], string]>([
  [
    "a compact object gets a compact member",
    '{"a":1}',
    [{ op: "set", path: "/b", value: 2 }],
    '{"a":1,"b":2}',
  ],
  [
    "a spaced one a spaced member",
    '{"a": 1}',
    [{ op: "set", path: "/b", value: 2 }],
    '{"a": 1, "b": 2}',
  ],
  [
    "a member of its own line where members have their own",
    '{\n  "a": 1\n}',
    [{ op: "set", path: "/b", value: 2 }],
    '{\n  "a": 1,\n  "b": 2\n}',
  ],
  ["an empty object", "{}", [{ op: "set", path: "/a/b", value: 1 }], '{"a":{"b":1}}'],
  [
    "numbers keep their spelling",
    '{"a":1.50,"b":1e400}',
    [{ op: "remove", path: "/c" }],
    '{"a":1.50,"b":1e400}',
  ],
  [
    "first, middle and last members go with their commas",
    '{"a":1, "b":2, "c":3}',
    [{ op: "remove", path: "/a" }],
    '{"b":2, "c":3}',
  ],
  ["the middle", '{"a":1, "b":2, "c":3}', [{ op: "remove", path: "/b" }], '{"a":1, "c":3}'],
  [
    "the last two",
    '{"a":1, "b":2, "c":3}',
    [
      { op: "remove", path: "/b" },
      { op: "remove", path: "/c" },
    ],
    '{"a":1}',
  ],
  [
    "all",
    '{"a":1, "b":2}',
    [
      { op: "remove", path: "/a" },
      { op: "remove", path: "/b" },
    ],
    "{}",
  ],
  [
    "one goes and another comes",
    '{"a":1}',
    [
      { op: "remove", path: "/a" },
      { op: "set", path: "/b", value: 2 },
    ],
    '{"b":2}',
  ],
  ["equal names all go", '{"a":1,"b":0,"a":2}', [{ op: "remove", path: "/a" }], '{"b":0}'],
  [
    "equal names become one",
    '{"a":1,"b":0,"a":2}',
    [{ op: "set", path: "/a", value: 3 }],
    '{"b":0,"a":3}',
  ],
  ["an element at the end", "[1, 2]", [{ op: "add", path: "/-", value: 3 }], "[1, 2, 3]"],
  ["an element in between", "[1,2]", [{ op: "add", path: "/1", value: 9 }], "[1,9,2]"],
  ["an element is removed", "[1,2,3]", [{ op: "remove", path: "/0" }], "[2,3]"],
  [
    "escaped names",
    '{"a/b":{"c~d":1}}',
    [{ op: "set", path: "/a~1b/c~0d", value: 2 }],
    '{"a/b":{"c~d":2}}',
  ],
  [
    "names written with escapes",
    '{"\\u0061":1}',
    [{ op: "set", path: "/a", value: 2 }],
    '{"\\u0061":2}',
  ],
  ["the whole document", " [1] ", [{ op: "set", path: "", value: { a: 1 } }], ' {"a":1} '],
  [
    "two members come to an empty object",
    "{}",
    [
      { op: "set", path: "/a", value: 1 },
      { op: "add", path: "/b", value: 2 },
    ],
    '{"a":1,"b":2}',
  ],
  [
    "one comes and all others go",
    '{\n  "a": 1\n}',
    [
      { op: "set", path: "/b", value: 2 },
      { op: "set", path: "/c", value: 3 },
      { op: "remove", path: "/a" },
    ],
    '{\n  "b": 2,\n  "c": 3\n}',
  ],
  [
    "equal names on the way become one",
    '{"a":{"b":1},"a":{"c":2}}',
    [{ op: "remove", path: "/a/b" }],
    '{"a":{"c":2}}',
  ],
  [
    "equal names before and after an object that is edited too",
    '{"a":1,"b":{"c":1,"d":2},"a":2,"e":3}',
    [
      { op: "remove", path: "/a" },
      { op: "remove", path: "/b/c" },
    ],
    '{"b":{"d":2},"e":3}',
  ],
  [
    "two members under an object that is missing",
    "{}",
    [
      { op: "set", path: "/a/b", value: 1 },
      { op: "set", path: "/a/c", value: 2 },
    ],
    '{"a":{"b":1,"c":2}}',
  ],
])("%s", (_name, text, edits, expected) => {
  const result = edit(text, edits);
  expect([APPLIED, UNCHANGED]).toContain(result.status);
  expect(result.status === UNCHANGED ? text : result.text).toBe(expected);
});

test("what is not JSON anywhere is not edited", () => {
  expect(edit('{"a":1} x', [{ op: "set", path: "/a", value: 2 }]).status).toBe(INVALID);
  expect(edit('{"a":1,"z":tru}', [{ op: "set", path: "/a", value: 2 }]).status).toBe(INVALID);
  expect(edit("", [{ op: "set", path: "", value: 2 }]).status).toBe(INVALID);
});

test("random edits are as the slow reference has them, and leave the rest to the byte", () => {
  const name = fc.constantFrom("a", "b", "c", "0", "1", "-");
  const tree = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.constant("x"), tie("object"), tie("array")),
    object: fc.dictionary(fc.constantFrom("a", "b", "c", "0"), tie("value"), { maxKeys: 4 }),
    array: fc.array(tie("value"), { maxLength: 3 }),
  }));
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);
  const edits = fc.array(
    fc.record({
      op: fc.constantFrom("remove", "set", "add"),
      path,
      value: fc.constantFrom(1, "s", { k: [2] }, null),
    }),
    { minLength: 1, maxLength: 5 },
  ) as fc.Arbitrary<Edit[]>;
  fc.assert(
    fc.property(tree.object, edits, fc.constantFrom(undefined, 1, 2), (value, list, indent) => {
      const text = JSON.stringify(value, null, indent);
      const result = edit(text, list);
      expect([APPLIED, UNCHANGED]).toContain(result.status);
      const edited = result.status === UNCHANGED ? text : result.text;
      expect(JSON.parse(edited), edited).toEqual(applyEdits(JSON.parse(text), list));
    }),
    seeded(5000),
  );
});

/** A text with equal names, escapes and white space as the wild has them. */
const wildText = fc.letrec<{ value: string; object: string; array: string }>((tie) => {
  const gap = fc.constantFrom("", "", " ", "\n  ");
  const listed = (items: string[], [before, after]: string[]) =>
    items.map((item) => before + item + after).join(",");
  const name = fc.constantFrom("a", "b", "c", "\\u0061", "\\u00e9");
  const member = fc
    .tuple(name, gap, gap, tie("value"))
    .map(([key, before, after, value]) => `"${key}"${before}:${after}${value}`);
  return {
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom("1.50", "-0", "1e400", "12345678901234567890", '"\\/"', '"é"', "null"),
      tie("object"),
      tie("array"),
    ),
    object: fc
      .tuple(fc.array(member, { maxLength: 6 }), fc.tuple(gap, gap))
      .map(([members, gaps]) => `{${listed(members, gaps)}}`),
    array: fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), fc.tuple(gap, gap))
      .map(([elements, gaps]) => `[${listed(elements, gaps)}]`),
  };
}).object;

/** The text with each number as a string of its spelling, so that spellings can be compared. */
function spelled(text: string): unknown {
  return JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
      token.startsWith('"') ? token : `"number ${token}"`,
    ),
  );
}

test("texts with equal names and odd spellings are edited as their last names say", () => {
  const name = fc.constantFrom("a", "b", "c", "é", "0", "-");
  const edits = fc.array(
    fc.record({
      op: fc.constantFrom("remove", "set", "add"),
      path: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`),
      value: fc.constantFrom("s", { k: ["x"] }, null),
    }),
    { minLength: 1, maxLength: 6 },
  ) as fc.Arbitrary<Edit[]>;
  fc.assert(
    fc.property(wildText, edits, (text, list) => {
      const result = edit(text, list);
      expect([APPLIED, UNCHANGED]).toContain(result.status);
      const edited = result.status === UNCHANGED ? text : result.text;
      expect(spelled(edited), edited).toEqual(applyEdits(spelled(text), list));
    }),
    seeded(10_000),
  );
});

test("a value is replaced and nothing else moves by a byte", () => {
  fc.assert(
    fc.property(wildText, wildText, (before, after) => {
      const text = (value: string) => ` {"p" :[ ${before},{"q":\t${value} } ] , "r": ${after}}\n`;
      const edits: Edit[] = [{ op: "set", path: "/p/1/q", value: "new" }];
      expect(edit(text("{}"), edits)).toEqual({ status: APPLIED, text: text('"new"') });
    }),
    seeded(1000),
  );
});

test("very many equal names are dealt with in time in proportion, and inside their memory", () => {
  const many = (name: string) => `"${name}":1,"z":1,`.repeat(100_000);
  const text = `{"b":{${many("c")}"d":2},${many("a")}"e":{"c":1},"a":3}`;
  const result = edit(text, [
    { op: "remove", path: "/a" },
    { op: "remove", path: "/b/c" },
    { op: "remove", path: "/e/c" },
  ]);
  const rest = '"z":1,'.repeat(100_000);
  expect(result).toEqual({ status: APPLIED, text: `{"b":{${rest}"d":2},${rest}"e":{}}` });
});

test("random bytes in a document are refused or edited, never a trap", () => {
  fc.assert(
    fc.property(wildText, fc.nat(), fc.nat(255), (text, at, byte) => {
      const bytes = Buffer.from(text);
      bytes[at % bytes.length] = byte;
      probe.exports.reset();
      for (const path of ["/a", "/b/a", "/c/0"]) {
        probe.exports.edit(KINDS.remove, ...probe.put(path), ...probe.put(""), 0);
      }
      const isValid = firstErrorIn(bytes) === -1;
      expect((probe.exports.apply(...probe.put(bytes)) as number) === INVALID).toBe(!isValid);
    }),
    seeded(5000),
  );
});

const suites = join(root, "..", "shared", "suites", "json");
const files = ["parsing.jsonl", "transform.jsonl"]
  .map((file) => join(suites, file))
  .filter((file) => existsSync(file));

test.skipIf(files.length === 0)(
  "the published cases: what must be taken is, what must be refused is",
  () => {
    let judged = 0;
    for (const line of files.flatMap((file) => readFileSync(file, "utf8").trim().split("\n"))) {
      const { id, expect: wanted, bytes_b64: encoded } = JSON.parse(line) as Record<string, string>;
      const isValid = firstError(Buffer.from(encoded ?? "", "base64"), 100_000) === -1;
      if (wanted !== "accept" && wanted !== "reject") continue;
      judged++;
      expect(isValid, id).toBe(wanted === "accept");
    }
    expect(judged).toBeGreaterThan(100);
  },
);
