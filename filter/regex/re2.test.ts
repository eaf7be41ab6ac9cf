// The engine against RE2 itself, as its authors built it for WebAssembly: which patterns compile, and
// what a pattern matches, with groups. That build is of 2021, so what has changed in RE2 since is left
// out: `(?<name>`, and how often something empty is repeated.

import { createRequire } from "node:module";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";

interface Theirs {
  ok(): boolean;
  error(): string;
  match(
    input: string,
    start: number,
    groups: boolean,
  ): { match: string; index: number; groups: (string | null)[] };
  delete(): void;
}
type TheirClass = new (
  pattern: string,
  ignoreCase: boolean,
  multiline: boolean,
  dotAll: boolean,
) => Theirs;
const { WrappedRE2 } = createRequire(import.meta.url)("re2-wasm/build/wasm/re2.js") as {
  WrappedRE2: TheirClass;
};

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("regex");
});

const bytesBefore = (text: string, index: number) => Buffer.byteLength(text.slice(0, index));

/** What ours finds: the offset and the groups' texts, "none", or "refused". */
function ours(pattern: string, haystack: string): string {
  const { exports } = probe;
  exports.reset();
  if (exports.compile(...probe.put(pattern), 0) !== 0) return "refused";
  const bytes = Buffer.from(haystack);
  exports.setHaystack(...probe.put(haystack));
  if (!exports.find(0, bytes.length)) return "none";
  const texts = Array.from({ length: exports.captureCount() + 1 }, (_, i) =>
    exports.start(i) < 0 ? null : bytes.subarray(exports.start(i), exports.end(i)).toString(),
  );
  return JSON.stringify([exports.start(0), ...texts]);
}

function theirs(pattern: string, haystack: string): string {
  const re2 = new WrappedRE2(pattern, false, false, false);
  try {
    if (!re2.ok()) return "refused";
    const { match, index, groups } = re2.match(haystack, 0, true);
    if (index < 0) return "none";
    return JSON.stringify([bytesBefore(haystack, index), match, ...groups]);
  } finally {
    re2.delete();
  }
}

interface Piece {
  text: string;
  empty: boolean;
}
const piece = (text: string, empty = false): Piece => ({ text, empty });

const ATOMS = [
  ..."abkKé",
  ...[".", "[ab]", "[^a]", "[b-é]", "[[:alpha:]]", "[[:^lower:]_]", "[^[:^alpha:]b]", "[\\W\\d]"],
  ...[
    "\\w",
    "\\W",
    "\\d",
    "\\s",
    "\\S",
    "\\x{e9}",
    "\\x6b",
    "\\101",
    "\\n",
    "[\\n-\\x20]",
    "\\Qa.\\E",
    "\\x{212a}",
    "ſ",
    "Σ",
  ],
  ...["\\p{Any}", "[[:word:]]", "[]a]", "[a-]", "[^\\x{0}-\\x{60}]", "{", "a{,2}", "\\Qb"],
];
// RE2's own build takes 100 ms for some of these, so they are rare.
const UNICODE = ["\\p{Greek}", "[\\p{Greek}a]", "\\P{Greek}", "\\p{^Greek}", "\\pN"];
const LOOKS = [
  "^",
  "$",
  "\\b",
  "\\B",
  "\\A",
  "\\z",
  "(?:)",
  "(?i)",
  "(?m)",
  "(?s)",
  "(?U)",
  "(?-i)",
];
const TIMES = ["*", "+", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "*?", "+?", "??", "{1,2}?", "{0}"];
const OPENS = ["(?:", "(", "(", "(?P<n>", "(?i:", "(?s:", "(?m:", "(?U:", "(?i-s:", "(?ms-U:"];

const { pattern } = fc.letrec<{ pattern: Piece; part: Piece; atom: Piece }>((tie) => ({
  atom: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 24, arbitrary: fc.constantFrom(...ATOMS).map((t) => piece(t)) },
    { weight: 1, arbitrary: fc.constantFrom(...UNICODE).map((t) => piece(t)) },
    { weight: 8, arbitrary: fc.constantFrom(...LOOKS).map((t) => piece(t, true)) },
    {
      weight: 12,
      arbitrary: fc
        .tuple(fc.constantFrom(...OPENS), tie("pattern"))
        .map(([open, inner]) =>
          piece(`${open}${inner.text}${inner.text.endsWith("\\Qb") ? "\\E" : ""})`, inner.empty),
        ),
    },
  ),
  part: fc.tuple(tie("atom"), fc.option(fc.constantFrom(...TIMES))).map(([atom, times]) => {
    if (times === null || atom.empty) return atom;
    const quoting = atom.text.endsWith("\\Qb") ? "\\E" : "";
    return piece(atom.text + quoting + times, /^[*?]|^\{0/.test(times));
  }),
  pattern: fc
    .array(fc.array(tie("part"), { maxLength: 4 }), { minLength: 1, maxLength: 3 })
    .map((ways) =>
      piece(
        ways.map((parts) => parts.map((p) => p.text).join("")).join("|"),
        ways.some((parts) => parts.every((p) => p.empty)),
      ),
    ),
}));

const haystacks = fc
  .array(fc.constantFrom(..."aabbkKé1 \n_.ſΣςσ\u212a\r{|"), { maxLength: 12 })
  .map((characters) => characters.join(""));

test("matches and groups are RE2's", () => {
  const counts = { matched: 0, none: 0 };
  fc.assert(
    fc.property(pattern, haystacks, ({ text }, characters) => {
      // To RE2 \\B holds inside a character; to Go and to us no condition does.
      const haystack = text.includes("\\B") ? characters.replace(/[^ -~]/g, "") : characters;
      const expected = theirs(text, haystack);
      if (expected === "none") counts.none++;
      else if (expected !== "refused") counts.matched++;
      expect(ours(text, haystack), `${JSON.stringify(text)} on ${JSON.stringify(haystack)}`).toBe(
        expected,
      );
    }),
    seeded(800),
  );
  probe.exports.collect();
  expect(counts.matched).toBeGreaterThan(350);
  expect(counts.none).toBeGreaterThan(100);
});

test("what compiles is what RE2 compiles, for anything that looks like a pattern", () => {
  const tokens = [
    ..."ab09(()))[[]]{{}}|*+?^$.\\\\-,:<>=!PiQEpL",
    ...[
      "(?",
      "(?P<",
      "(?:",
      "(?i",
      "[^",
      "[:",
      ":]",
      "{2",
      "{2}",
      "{1,",
      "{3,2}",
      "{1001}",
      "\\p{",
    ],
    ...[
      "[:alpha:]",
      "[:^digit:]",
      "\\x{",
      "\\x",
      "\\Q",
      "\\E",
      "\\pN",
      "Greek}",
      "a-z",
      "z-a",
      "é",
    ],
  ];
  const patterns = fc
    .array(fc.constantFrom(...tokens), { maxLength: 9 })
    .map((parts) => parts.join(""))
    .filter((text) => !text.includes("(?<"));
  let compiled = 0;
  fc.assert(
    fc.property(patterns, (text) => {
      const expected = theirs(text, "") === "refused";
      if (!expected) compiled++;
      expect(ours(text, "") === "refused", JSON.stringify(text)).toBe(expected);
    }),
    seeded(3000),
  );
  probe.exports.collect();
  expect(compiled).toBeGreaterThan(500);
});
