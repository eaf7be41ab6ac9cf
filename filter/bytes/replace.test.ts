import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { type Literal, replaceAll } from "../../tests/reference/replace.ts";
import { seeded } from "../../tests/seed.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("replace");
});

const literal = (find: string, value: string, more: Partial<Literal> = {}): Literal => ({
  find,
  with: value,
  ignoreCase: false,
  limit: 2 ** 31 - 1,
  ...more,
});

function setUp(literals: Literal[]): void {
  probe.exports.reset();
  for (const each of literals) {
    const find = probe.put(each.find);
    const value = probe.put(each.with);
    const place = [undefined, "before", "after"].indexOf(each.place);
    expect(probe.exports.add(...find, each.ignoreCase, each.limit, ...value, place)).toBe(1);
  }
  probe.exports.open();
}

/** Feeds the pieces and puts together what goes on, as a host with its buffer would. */
function replaceInPieces(pieces: string[], literals: Literal[]): string {
  setUp(literals);
  let result = "";
  pieces.forEach((piece, i) => {
    const [at, n] = probe.put(piece);
    const out = probe.exports.feed(at, n, i === pieces.length - 1) as bigint;
    if (out === 0n) result += piece;
    else result += probe.text(out) + piece.slice(probe.exports.consumed());
  });
  return result;
}

/** Every way to cut the text. */
function* cuts(text: string): Generator<string[]> {
  for (let bits = 0; bits < 1 << Math.max(0, text.length - 1); bits++) {
    const pieces = [text.slice(0, 1)];
    for (let i = 1; i < text.length; i++) {
      if (bits & (1 << (i - 1))) pieces.push(text[i]!);
      else pieces[pieces.length - 1] += text[i]!;
    }
    yield pieces;
  }
}

test.each([
  ["a match", "xfooxfo", [literal("foo", "barbaz")]],
  ["literals that overlap themselves", "aaabaaab", [literal("aab", "-")]],
  ["the earlier of the list wins", "foobarfoob", [literal("foobar", "1"), literal("foo", "2")]],
  [
    "a shorter one that is earlier wins",
    "foobarfoob",
    [literal("foo", "2"), literal("foobar", "1")],
  ],
  ["leftmost wins over list order", "abcabc", [literal("bc", "1"), literal("ab", "2")]],
  ["case is ignored where said", "FoofOOfo", [literal("foo", "x", { ignoreCase: true })]],
  ["only the first two", "aXaXaXaX", [literal("X", "yy", { limit: 2 })]],
  ["replaced by nothing", "aabbaabb", [literal("ab", "")]],
  ["a value that has the literal in it", "aaaa", [literal("a", "aa")]],
  ["a tail that only began", "xxfoba", [literal("foobar", "1"), literal("oba", "2")]],
  [
    "before, the literal as it was",
    "xFoOfoO",
    [literal("foo", "-", { ignoreCase: true, place: "before" })],
  ],
  [
    "after, the literal as it was",
    "xFoOfoO",
    [literal("foo", "-", { ignoreCase: true, place: "after" })],
  ],
  ["before the first alone", "aXaXa", [literal("X", "yy", { limit: 1, place: "before" })]],
  ["after the first alone", "aXXaX", [literal("X", "XX", { limit: 1, place: "after" })]],
  [
    "before, after and instead, side by side",
    "abcabcb",
    [
      literal("a", "1", { place: "before" }),
      literal("b", "2", { place: "after" }),
      literal("c", "3"),
    ],
  ],
  ["before what is held", "xxaaab", [literal("aab", "-", { place: "before" })]],
  ["used up while a beginning is held", "abxab", [literal("ab", "1", { limit: 1 })]],
])("%s, in every cut", (_name, text, literals) => {
  const expected = replaceAll(text, literals);
  for (const pieces of cuts(text)) {
    expect(replaceInPieces(pieces, literals), JSON.stringify(pieces)).toBe(expected);
  }
});

test("random texts and literals, cut at random, are as the slow reference has them", () => {
  const ab = fc.string({ unit: fc.constantFrom("a", "b", "A"), maxLength: 6 });
  const literals = fc.array(
    fc.record({
      find: fc.string({ unit: fc.constantFrom("a", "b", "A"), minLength: 1, maxLength: 5 }),
      with: ab,
      ignoreCase: fc.boolean(),
      limit: fc.constantFrom(1, 2, 2 ** 31 - 1),
      place: fc.constantFrom(undefined, "before" as const, "after" as const),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "A"), maxLength: 40 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(pieces, literals, (cut, list) => {
      expect(replaceInPieces(cut, list)).toBe(replaceAll(cut.join(""), list));
    }),
    seeded(5000),
  );
});

test("a piece without a match stays where it is, and what follows a match does", () => {
  setUp([literal("foo", "x")]);
  const quiet = probe.put("nothing to see");
  expect(probe.exports.feed(...quiet, false)).toBe(0n);
  const loud = probe.put("a foo and a long rest");
  expect(probe.text(probe.exports.feed(...loud, false))).toBe("a x");
  expect(probe.exports.consumed()).toBe(5);
});

test("the search finds what indexOf finds, also where everything almost matches", () => {
  const unit = fc.constantFrom("a", "b", "c", "\n", "é");
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 200 }),
      fc.string({ unit, minLength: 1, maxLength: 20 }),
      (text, find) => {
        probe.exports.reset();
        probe.exports.setNeedle(...probe.put(find), false);
        const bytes = Buffer.from(text);
        expect(probe.exports.find(...probe.put(text))).toBe(bytes.indexOf(Buffer.from(find)));
      },
    ),
    seeded(3000),
  );
  probe.exports.reset();
  const needle = `${"a".repeat(2000)}b`;
  probe.exports.setNeedle(...probe.put(needle), false);
  const haystack = `${"a".repeat(300_000)}b`;
  expect(probe.exports.find(...probe.put(haystack))).toBe(haystack.length - needle.length);
});

test("the search for what comes with traffic finds what indexOf finds, or gives up in time", () => {
  const unit = fc.constantFrom("a", "a", "b");
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 200 }),
      fc.string({ unit, minLength: 1, maxLength: 20 }),
      fc.nat(40),
      (text, find, from) => {
        const wanted = Buffer.from(text).indexOf(find, from);
        const got = probe.exports.indexFrom(...probe.put(text), ...probe.put(find), from);
        expect(got).toBe(from > text.length ? -1 : wanted);
        probe.exports.reset();
      },
    ),
    seeded(2000),
  );
  const GAVE_UP = -2;
  const almost = probe.put("a".repeat(1_000_000));
  const start = performance.now();
  expect(probe.exports.indexFrom(...almost, ...probe.put(`aa${"b".repeat(50_000)}a`), 0)).toBe(
    GAVE_UP,
  );
  expect(performance.now() - start).toBeLessThan(1000);
  expect(probe.exports.indexFrom(...almost, ...probe.put("b".repeat(20)), 0)).toBe(-1);
});
