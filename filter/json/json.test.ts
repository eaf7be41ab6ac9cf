import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import {
  applyEdits,
  type Path,
  type Edit as PathEdit,
  parseTree,
  printPath,
  printTree,
  type Segment,
  type Selector,
} from "../../tests/reference/json-edit.ts";
import { seeded } from "../../tests/seed.ts";

const KINDS = { remove: 0, set: 1, add: 2 } as const;
const APPLIED = 0;
const UNCHANGED = 1;
const INVALID = 2;
const REFUSED = 4;

interface Edit {
  op: keyof typeof KINDS;
  path: string;
  value?: unknown;
}

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

/** Bytes as a JSON string, one after another: each that begins no sequence of UTF-8 is U+FFFD. */
function escapedAsText(bytes: Uint8Array): string {
  const strict = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const size = [1, 2, 3, 4].find((n) => {
      try {
        return [...strict.decode(bytes.subarray(i, i + n))].length === 1 && i + n <= bytes.length;
      } catch {
        return false;
      }
    });
    text += size === undefined ? "\ufffd" : strict.decode(bytes.subarray(i, i + size));
    i += size ?? 1;
  }
  return JSON.stringify(text);
}

test("whatever bytes are written as a string, wherever the special ones are", () => {
  const written = (bytes: Uint8Array) => {
    probe.exports.reset();
    return probe.text(probe.exports.escaped(...probe.put(bytes)));
  };
  const encode = (text: string) => new TextEncoder().encode(text);
  for (const special of ['"', "\\", "\n", "\u0001", "\x7f", "ü", "€", "😀", "é€😀"]) {
    for (let before = 0; before < 36; before++) {
      const text = "a".repeat(before) + special + "b".repeat(35 - before);
      expect(written(encode(text))).toBe(JSON.stringify(text));
      // Cut in the midst of a sequence, at the end.
      const cut = encode("a".repeat(before) + special).subarray(0, -1);
      expect(written(cut)).toBe(escapedAsText(cut));
    }
  }
  const piece = fc.oneof(
    fc.string({ maxLength: 30 }).map(encode),
    fc.string({ unit: "binary", maxLength: 12 }).map(encode),
    fc.uint8Array({ maxLength: 6 }),
    fc.constantFrom('"', "\\", "\t", "\0", "€€€€").map(encode),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      expect(written(bytes)).toBe(escapedAsText(bytes));
    }),
    seeded(1000),
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

const KIND_NUMBERS: Record<string, number> = {
  ...{ remove: 0, set: 1, add: 2, default: 3, append: 4, merge: 5, rename: 6, copy: 7, move: 8 },
  ...{ dedupe: 9, test: 10 },
};

/** Runs the plan; undefined when it is refused. */
function applyPlan(text: string, edits: PathEdit[]): string | undefined {
  probe.exports.reset();
  for (const { op, path, from, value, strict } of edits) {
    const place = probe.put(printPath(path));
    const wrong = from
      ? probe.exports.transfer(
          KIND_NUMBERS[op],
          ...probe.put(printPath(from)),
          ...place,
          strict ? 1 : 0,
        )
      : probe.exports.edit(KIND_NUMBERS[op], ...place, ...probe.put(value ?? ""), strict ? 1 : 0);
    expect(wrong, printPath(path)).toBe(-1);
  }
  const status = probe.exports.apply(...probe.put(text)) as number;
  if (status === REFUSED) return undefined;
  expect([APPLIED, UNCHANGED]).toContain(status);
  return status === UNCHANGED ? text : probe.text(probe.exports.result());
}

const names = fc.constantFrom("a", "b", "c", "é", "0", "-");
const token = fc.constantFrom("a", "b", "c", "é", "0", "1", "-").map((each) => ({ token: each }));
const index = fc.integer({ min: -3, max: 3 });
const single: fc.Arbitrary<Selector> = fc.oneof(
  names.map((name) => ({ name })),
  index.map((at) => ({ index: at })),
);
const selector: fc.Arbitrary<Selector> = fc.oneof(
  { weight: 4, arbitrary: single },
  { weight: 2, arbitrary: fc.constant<Selector>({ wildcard: true }) },
  fc.record({ from: index, to: index, step: index }, { requiredKeys: [] }),
);
const segment: fc.Arbitrary<Segment> = fc.oneof(
  { weight: 3, arbitrary: single.map((each) => ({ selectors: [each] })) },
  fc.record({
    descends: fc.constantFrom(false, false, true),
    selectors: fc.array(selector, { minLength: 1, maxLength: 3 }),
  }),
);
const pointer = fc
  .array(token, { minLength: 1, maxLength: 3 })
  .map((tokens): Path => tokens.map((each) => ({ selectors: [each] })));
const singlePath = fc
  .array(single, { minLength: 1, maxLength: 3 })
  .map((selectors): Path => selectors.map((each) => ({ selectors: [each] })));
const anyPath: fc.Arbitrary<Path> = fc.oneof(
  pointer,
  fc.array(segment, { minLength: 1, maxLength: 3 }),
);
/** Ends in one place, which can be made. */
const makingPath = fc.tuple(anyPath, single).map(([path, last]): Path => {
  const isPointer = path.every(({ selectors }) => "token" in selectors[0]!);
  return isPointer ? path : [...path, { selectors: [last] }];
});
const value = fc.constantFrom("1", '"s"', '{"k":["x"],"a":{}}', "null", "[1,1.0]", '{"a":1,"a":2}');
const strict = fc.constantFrom(false, false, false, true);

const pathEdit: fc.Arbitrary<PathEdit> = fc.oneof(
  fc.record({ op: fc.constantFrom("remove", "dedupe"), path: anyPath }),
  fc.record({ op: fc.constantFrom("set", "append"), path: anyPath, value }),
  fc.record({ op: fc.constantFrom("default", "add"), path: makingPath, value }),
  fc.record({
    op: fc.constant("rename"),
    path: fc.tuple(anyPath, names).map(([path, name]): Path => {
      const isPointer = path.every(({ selectors }) => "token" in selectors[0]!);
      return [...path, { selectors: [isPointer ? { token: name } : { name }] }];
    }),
    value: names.map((name) => JSON.stringify(name)),
  }),
  fc.record({ op: fc.constant("copy"), from: fc.oneof(pointer, singlePath), path: anyPath }),
  fc.record({ op: fc.constant("move"), from: fc.oneof(pointer, singlePath), path: pointer }),
  fc.record({ op: fc.constantFrom("remove"), path: pointer, strict }),
  fc.record({ op: fc.constantFrom("set", "add", "test"), path: pointer, value, strict }),
  fc.record({ op: fc.constantFrom("copy", "move"), from: pointer, path: pointer, strict }),
);

test("random plans do to random texts what the slow reference does, spellings and order included", () => {
  let refused = 0;
  let same = 0;
  const runs = 5000;
  fc.assert(
    fc.property(wildText, fc.array(pathEdit, { minLength: 1, maxLength: 6 }), (text, edits) => {
      const wanted = applyEdits(text, edits);
      const got = applyPlan(text, edits);
      if (wanted === undefined) refused++;
      if (got === text) same++;
      expect(got && printTree(parseTree(got)), `${got} from ${text}`).toBe(wanted);
    }),
    seeded(runs),
  );
  // They are of some use: most change something.
  expect(refused).toBeGreaterThan(100);
  expect(refused + same).toBeLessThan(runs * 0.8);
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

/** RFC 7396 2, as its pseudocode has it. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result = isObject ? { ...target } : ({} as Record<string, unknown>);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete (result as Record<string, unknown>)[name];
    else
      (result as Record<string, unknown>)[name] = mergePatch(
        (result as Record<string, unknown>)[name],
        value,
      );
  }
  return result;
}

function plan(text: string, ...edits: [op: string, path: string, value?: string][]) {
  probe.exports.reset();
  for (const [op, path, value = ""] of edits) {
    const [at, size] = probe.put(value);
    const wrong = probe.exports.edit(KIND_NUMBERS[op], ...probe.put(path), at, size, 0);
    expect(wrong, path).toBe(-1);
  }
  const status = probe.exports.apply(...probe.put(text)) as number;
  return { status, text: status === APPLIED ? probe.text(probe.exports.result()) : text };
}

test("merges are as RFC 7396 has them", () => {
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, null, 1, "x", true),
      fc.array(fc.constantFrom(1, null), { maxLength: 2 }),
      tie("object"),
    ),
    object: fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), tie("value"), { maxKeys: 5 }),
  }));
  fc.assert(
    fc.property(tree.value, tree.object, (target, patch) => {
      const { text } = plan(JSON.stringify(target), ["merge", "", JSON.stringify(patch)]);
      expect(JSON.parse(text)).toEqual(mergePatch(target, patch));
    }),
    seeded(3000),
  );
});

test("merges of very many members find them in an index, equal names and all", () => {
  const member = (i: number, value: unknown) => `"m${i}":${JSON.stringify(value)}`;
  const many = Array.from({ length: 20_000 }, (_, i) => i);
  const text = `{${many.map((i) => member(i, i)).join()},"m1":"twin"}`;
  const patch = `{${many.map((i) => member(i * 2, i % 2 ? null : { x: i })).join()},"m1":{"y":1}}`;
  const merged = plan(text, ["merge", "", patch]).text;
  expect(JSON.parse(merged)).toEqual(mergePatch(JSON.parse(text), JSON.parse(patch)));
  expect(merged.match(/"m1":/g)).toHaveLength(1);
});

test.each<[string, string, [string, string, string?][], string]>([
  [
    "every place of a path, and the rest to the byte",
    '{ "items": [ {"id":1.0, "secret" : "x"}, {"secret":"y"} , 7 ] }',
    [["remove", "$.items[*].secret"]],
    '{ "items": [ {"id":1.0}, {} , 7 ] }',
  ],
  [
    "what a path makes is made in each of its places",
    '[{"a":{"b":1}},{"a":{}},{},3]',
    [["set", "$[*].a.b", "2"]],
    '[{"a":{"b":2}},{"a":{"b":2}},{"a":{"b":2}},3]',
  ],
  ["negative indices and slices", "[0, 1, 2, 3, 4]", [["remove", "$[-1,:3:2]"]], "[1, 3]"],
  ["descendants", '{"a":1,"b":[{"a":{"a":2}}]}', [["set", "$..a", "0"]], '{"a":0,"b":[{"a":0}]}'],
  [
    "a default is for what is not there, and null is there",
    '[{"a":null},{}]',
    [["default", "$[*].a", "1"]],
    '[{"a":null},{"a":1}]',
  ],
  [
    "append makes the array, and leaves alone what is none",
    '{"b":[1, 2],"c":"x"}',
    [
      ["append", "/b", "3"],
      ["append", "/a/d", "4"],
      ["append", "/c", "5"],
    ],
    '{"b":[1, 2, 3],"c":"x","a":{"d":[4]}}',
  ],
  [
    "a renamed member keeps its place and its value's spelling",
    '{"a" : 1.0, "b":2 ,"c":3}',
    [["rename", "/a", '"c"']],
    '{"c" : 1.0, "b":2}',
  ],
  [
    "equal elements, by value",
    '[1, 1.0, 10e-1, "1", {"a":1,"b":[2]}, {"b":[2.0],"a":1}, {"a":1}, "\\u0061", "a", null, null]',
    [["dedupe", ""]],
    '[1, "1", {"a":1,"b":[2]}, {"a":1}, "\\u0061", null]',
  ],
  [
    "integers that no double holds are told apart",
    "[9007199254740993, 9007199254740992, 9007199254740993.0, 1e400, 10e399, -0, 0]",
    [["dedupe", "$"]],
    "[9007199254740993, 9007199254740992, 1e400, -0]",
  ],
  [
    "an edit sees what those before have left",
    '{"a":1}',
    [
      ["set", "/b", '{"c":[1]}'],
      ["append", "/b/c", "2"],
      ["remove", "/a"],
      ["add", "/b/c/0", "0"],
    ],
    '{"b":{"c":[0,1,2]}}',
  ],
  [
    "no twin is left behind",
    '{"role":"admin","x":{"role":"a"},"role":"user","x":{"role":"b"}}',
    [
      ["set", "/role", '"none"'],
      ["set", "$..x.role", '"none"'],
    ],
    '{"role":"none","x":{"role":"none"}}',
  ],
  [
    "wildcards reach both twins",
    '{"a":{"s":1},"a":{"s":2,"k":3}}',
    [["remove", "$.*.s"]],
    '{"a":{},"a":{"k":3}}',
  ],
])("paths: %s", (_name, text, edits, wanted) => {
  expect(plan(text, ...edits)).toEqual({ status: APPLIED, text: wanted });
});

test("a plan that is refused has done nothing, and none of it is left for the next", () => {
  probe.exports.reset();
  const set = probe.put("/a");
  expect(probe.exports.edit(KIND_NUMBERS["set"], ...set, ...probe.put("2"), 0)).toBe(-1);
  expect(probe.exports.edit(KIND_NUMBERS["test"], ...set, ...probe.put("3"), 1)).toBe(-1);
  expect(probe.exports.apply(...probe.put('{"a":1}'))).toBe(REFUSED);
  expect(plan('{"a":1}', ["set", "/b", "1"]).text).toBe('{"a":1,"b":1}');
});

test("10,000 places, and descents into descents, take time in proportion", () => {
  const items = Array.from({ length: 10_000 }, (_, i) => `{"id":${i},"s":"${"x".repeat(80)}"}`);
  const { text } = plan(`[${items.join()}]`, ["remove", "$[*].s"], ["set", "$..id", "0"]);
  expect(text).toBe(`[${items.map(() => '{"id":0}').join()}]`);
  // Cubic in the depth, were each match followed by itself.
  const deep = `${'{"a":'.repeat(999)}1${"}".repeat(999)}`;
  expect(plan(deep, ["remove", "$..a..a..a..a..a"]).text).toBe('{"a":{"a":{"a":{"a":{}}}}}');
});

test("what was made to be costly to compare is refused", () => {
  const names = Array.from({ length: 5000 }, (_, i) => `"${i}":0`);
  const text = `[{${names.join()}},{${names.reverse().join()}}]`;
  expect(plan(text, ["dedupe", "$"]).status).toBe(REFUSED);
});

test("edits that put values into one another end at the depth that readers bear", () => {
  const deep = `/${Array.from({ length: 100 }, (_, i) => i).join("/")}`;
  probe.exports.reset();
  const root = probe.put("");
  for (let i = 0; i < 14; i++) {
    probe.exports.transfer(KIND_NUMBERS["copy"], ...root, ...probe.put(deep), 0);
    probe.exports.transfer(KIND_NUMBERS["move"], ...probe.put("/0"), ...probe.put(`${deep}/x`), 0);
  }
  expect([APPLIED, REFUSED]).toContain(probe.exports.apply(...probe.put("{}")) as number);
  const flat = `/${"a/".repeat(100)}`;
  expect(probe.exports.edit(KIND_NUMBERS["remove"], ...probe.put(flat), ...root, 0)).toBe(0);
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

// ---- names in paths

test.each(["'", '"'])("a path in %s names every character by each of its escapes", (quote) => {
  const SHORT: Record<string, string> = {
    "\b": "b",
    "\f": "f",
    "\n": "n",
    "\r": "r",
    "\t": "t",
    "/": "/",
    "\\": "\\",
    [quote]: quote,
  };
  const hex = (unit: number) => `\\u${unit.toString(16).padStart(4, "0")}`;
  const characters = [
    ...Array.from({ length: 0x80 }, (_, i) => String.fromCharCode(i)),
    ...["é", "\u2028", "\uffff", "☺", "🎉"],
  ];
  for (const character of characters) {
    const units = [...Array(character.length).keys()].map((i) => character.charCodeAt(i));
    const forms = [
      units.map(hex).join(""),
      units.map(hex).join("").toUpperCase().replaceAll("U", "u"),
    ];
    if (SHORT[character]) forms.push(`\\${SHORT[character]}`);
    if (character >= " " && character !== quote && character !== "\\") forms.push(character);
    for (const form of forms) {
      probe.exports.reset();
      const path = probe.put(`$[${quote}${form}${quote}]`);
      const document = probe.put(JSON.stringify({ [character]: 1, [`${character}x`]: 2 }));
      const found = probe.exports.find(...path, ...document) as bigint;
      expect([form, found === 0n ? undefined : probe.text(found)]).toEqual([
        form,
        `${JSON.stringify(`/${character.replace("~", "~0").replace("/", "~1")}`)}\n`,
      ]);
    }
  }
});
