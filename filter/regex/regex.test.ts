import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("regex");
});

const seed = Number(process.env.FC_SEED ?? 20261124);
const LATIN1 = 16;

type Bytes = string | Uint8Array;

/** Compiles; "" or what is wrong with the pattern, as `offset: text`. */
function compile(pattern: Bytes, flags = 0): string {
  probe.exports.reset();
  if (probe.exports.compile(...probe.put(pattern), flags) === 0) return "";
  return `${probe.exports.problemOffset()}: ${probe.text(probe.exports.problemText())}`;
}

/** The places of the first match as `0-3 1-2 -`, "none", or the problem; both machines asked. */
function first(pattern: Bytes, haystack: Bytes, flags = 0): string {
  const problem = compile(pattern, flags);
  if (problem !== "") return problem;
  const [at, size] = probe.put(haystack);
  probe.exports.setHaystack(at, size);
  const answers = ["find", "findSimulated"].map((find) => {
    if (!probe.exports[find](0, size)) return "none";
    const places: string[] = [];
    for (let i = 0; i <= probe.exports.captureCount(); i++) {
      const start = probe.exports.start(i);
      places.push(start < 0 ? "-" : `${start}-${probe.exports.end(i)}`);
    }
    return places.join(" ");
  });
  expect(answers[0], `${pattern} on ${haystack}`).toBe(answers[1]);
  expect(Boolean(probe.exports.isMatch())).toBe(answers[0] !== "none");
  return answers[0]!;
}

function replace(pattern: string, haystack: string, template: string, notation = 3): string {
  expect(compile(pattern)).toBe("");
  probe.exports.setHaystack(...probe.put(haystack));
  return probe.text(probe.exports.replaceAll(...probe.put(template), notation, -1));
}

describe("what a pattern matches", () => {
  const cases: [pattern: string, haystack: string, places: string][] = [
    ["abc", "xxabcxx", "2-5"],
    ["", "abc", "0-0"],
    ["a|ab", "ab", "0-1"],
    ["(?:a|ab)$", "ab", "0-2"],
    ["(a+)(b+)?", "xaab", "1-4 1-3 3-4"],
    ["(a)|(b)", "b", "0-1 - 0-1"],
    ["a+?", "aaa", "0-1"],
    ["(?U)a+", "aaa", "0-1"],
    ["(?U)a+?", "aaa", "0-3"],
    ["a{2,3}", "aaaa", "0-3"],
    ["a{2,}b", "aaab", "0-4"],
    ["a{,3}", "a{,3}", "0-5"],
    ["a{0}b", "ab", "1-2"],
    ["(a{2}){2}", "aaaaa", "0-4 2-4"],
    ["(a*)*", "aa", "0-2 0-2"],
    ["(|a)*", "aa", "0-0 0-0"],
    ["(|a)+", "aa", "0-0 0-0"],
    ["(?i)straße", "STRASSE", "none"],
    ["(?i)k", "\u212a", "0-3"],
    ["(?i)[^k]", "\u212aKk", "none"],
    ["(?i)σ", "ς", "0-2"],
    [".", "\n", "none"],
    ["(?s).", "\n", "0-1"],
    [".", "é", "0-2"],
    ["^b", "a\nb", "none"],
    ["(?m)^b$", "a\nb\nc", "2-3"],
    ["\\bfoo\\b", "a foo b", "2-5"],
    ["\\Boo", "foo", "1-3"],
    ["\\B", "é", "0-0"],
    ["\\Ax|\\Ay\\z", "y", "0-1"],
    ["[[:^digit:]x-]+", "12a-x", "2-5"],
    ["[]a]+", "a]", "0-2"],
    ["[^]a]", "]ab", "2-3"],
    ["[\\d-z]", "-", "0-1"],
    ["\\Q.*\\E+", "x.***", "1-5"],
    ["\\x41\\x{1F600}\\101", "A\u{1F600}A", "0-6"],
    ["\\p{Greek}\\P{Lu}\\pN", "αα1", "0-5"],
    ["\\p{^L}", "a1", "1-2"],
    ["(?P<year>\\d{4})-(?<month>\\d\\d)", "on 2024-02", "3-10 3-7 8-10"],
    ["\\C", "é", "0-1"],
    ["\\C$", "é", "1-2"],
    ["(?i:a)b", "Ab AB", "0-2"],
    ["(?:(?i)a)b", "AB Ab", "3-5"],
    ["\\pZ", "\u2028", "0-3"],
    ["[^\\x00-\\x{10FFFF}]", "abc", "none"],
    // Folding goes round the whole orbit, in literals, classes and their opposites.
    ["(?i)K", "\u212a", "0-3"],
    ["(?i)\\x{212a}", "k", "0-1"],
    ["(?i)[a-z]", "ſ", "0-2"],
    ["(?i)ſ", "S", "0-1"],
    ["(?i)[^s]", "ſ", "none"],
    ["(?i)ς", "Σ", "0-2"],
    ["(?i)[Σ]", "ς", "0-2"],
    ["(?i)\\p{Lu}", "a", "0-1"],
    ["(?i)\\P{Lu}", "A", "none"],
    ["(?i)[[:upper:]]", "b", "0-1"],
    ["(?i)[[:^upper:]]", "b", "none"],
    ["(?i)ß", "ẞ", "0-3"],
    ["(?i)İ", "i", "none"],
    ["\\PN", "1a", "1-2"],
    ["\\P{^N}", "a1", "1-2"],
    ["[\\pL\\pN]+", "-é1_", "1-4"],
    ["[^\\pL\\pN]+", "é-_1", "2-4"],
    ["[\\P{Greek}α]+", "βα1", "2-5"],
    // Word characters and boundaries are ASCII.
    ["\\b", "é", "none"],
    ["\\bx", "éx", "2-3"],
    ["\\w", "é", "none"],
    ["\\W", "é", "0-2"],
    ["\\b\\b", "a", "0-0"],
    ["\\B\\b", "a", "none"],
    ["a\\b", "a", "0-1"],
    ["\\B", "", "0-0"],
    ["\\b", "", "none"],
    // Lines end in \n only.
    ["(?m)^$", "\r\n", "2-2"],
    ["(?m)a$", "a\r\n", "none"],
    ["(?m).+$", "a\r\nb", "0-2"],
    ["(?m)$\\n^", "\n\n", "0-1"],
    ["(?m)\\A^b|\\Ab", "a\nb", "none"],
    ["(?m)b\\z", "b\nb", "2-3"],
    ["(?-m)$", "a\n", "2-2"],
    ["(?s).*", "a\nb", "0-3"],
    ["(?s-s).*", "a\nb", "0-1"],
    ["[^a]", "\n", "0-1"],
    // Empty alternatives and empty iterations.
    ["a|", "b", "0-0"],
    ["|a", "a", "0-0"],
    ["(|a)b", "ab", "0-2 0-1"],
    ["a||b", "b", "0-0"],
    ["(?:)", "a", "0-0"],
    ["()", "a", "0-0 0-0"],
    ["(a*)*", "b", "0-0 0-0"],
    ["(a*)+", "b", "0-0 0-0"],
    ["(a*)*b", "aab", "0-3 0-2"],
    ["(a|b)*?c", "abc", "0-3 1-2"],
    ["(a|b)*?", "ab", "0-0 -"],
    ["(|a)*b", "aab", "0-3 1-2"],
    ["(a|)*b", "aab", "0-3 1-2"],
    ["((a)|b)*", "ab", "0-2 1-2 0-1"],
    ["(?:(a)|(b))+", "ab", "0-2 0-1 1-2"],
    ["(a??)*b", "ab", "0-2 0-1"],
    ["(^)*a", "a", "0-1 0-0"],
    ["(?:^|$)+", "a", "0-0"],
    ["(a){0}b", "ab", "1-2 -"],
    ["(a){0,1}?b", "ab", "0-2 0-1"],
    ["(?U)a{1,2}", "aa", "0-1"],
    ["(?U)a{1,2}?", "aa", "0-2"],
    ["(?U:a+)a*", "aaa", "0-3"],
    ["a{1}{", "a{", "0-2"],
    ["a{1000}", "a".repeat(1000), "0-1000"],
    ["a{0,1000}", "aa", "0-2"],
    ["a{01}", "a{01}", "0-5"],
    ["a{1,2", "a{1,2", "0-5"],
    ["a{ 1}", "a{ 1}", "0-5"],
    ["{", "{", "0-1"],
    ["x{,1}", "x{,1}", "0-5"],
    ["}", "}", "0-1"],
    ["]", "]", "0-1"],
    // Escapes.
    ["\\Qa|b", "a|b", "0-3"],
    ["\\Q\\E", "a", "0-0"],
    ["\\Qab\\E+", "abb", "0-3"],
    ["\\Q\\\\E", "\\\\", "0-1"],
    ["\\Q\\Q\\E", "\\Q", "0-2"],
    ["a\\Q\\E*", "aa", "0-2"],
    ["\\141\\0\\07", "a\0\x07", "0-3"],
    ["\\0608", "08", "0-2"],
    ["\\x{0}\\x00", "\0\0", "0-2"],
    ["\\x{10FFFF}", "\u{10ffff}", "0-4"],
    ["\\x{0061}", "a", "0-1"],
    ["\\a\\f\\t\\n\\r\\v", "\x07\f\t\n\r\v", "0-6"],
    ["\\s", "\v", "none"],
    ["[[:space:]]", "\v", "0-1"],
    ["\\_\\-\\!\\/", "_-!/", "0-4"],
    ["[\\b]", "b", "1: unknown escape"],
    // Classes.
    ["[a-]", "-", "0-1"],
    ["[-a]", "-", "0-1"],
    ["[a-b-c]", "-", "0-1"],
    ["[[]", "[", "0-1"],
    ["[[:]", ":", "0-1"],
    ["[[:a]", ":", "0-1"],
    ["[a[:digit:]b]", "5", "0-1"],
    ["[^^]", "^", "none"],
    ["[\\]]", "]", "0-1"],
    ["[\\x41-\\x{43}]+", "ABCD", "0-3"],
    ["[\\Q]\\E]", "]", "1: unknown escape"],
    ["[^\\D\\d]", "a1", "none"],
    ["[\\s\\S]", "\n", "0-1"],
    // Groups.
    ["(?P<a>x)(?<b>y)", "xy", "0-2 0-1 1-2"],
    ["(?i)a(?-i)b", "AB", "none"],
    ["(?i)a(?-i)b", "Ab", "0-2"],
    ["(?:(?i)a|b)c", "Bc", "0-2"],
    ["(?i-s:A.)", "a\n", "none"],
    ["(?)a", "a", "0-1"],
    ["(?:a|(?i))B", "b", "none"],
  ];
  test.each(cases)("%s on %j", (pattern, haystack, places) => {
    expect(first(pattern, haystack)).toBe(places);
  });

  test("in byte mode every byte is a character", () => {
    const pattern = Uint8Array.of(0x5b, 0xe9, 0x5d); // [é] in Latin-1
    expect(first(pattern, Uint8Array.of(0x41, 0xe9), LATIN1)).toBe("1-2");
    expect(first("^.$", Uint8Array.of(0xff), LATIN1)).toBe("0-1");
    expect(first("^.$", Uint8Array.of(0xff))).toBe("none");
  });

  test("a match may be asked to end before the text does, and still sees what follows", () => {
    expect(compile("a+\\b")).toBe("");
    probe.exports.setHaystack(...probe.put("aaa"));
    expect(Boolean(probe.exports.find(0, 2))).toBe(false);
    expect(Boolean(probe.exports.find(0, 3))).toBe(true);
  });

  test("a full match takes another way than the preferred one where only that reaches the end", () => {
    expect(compile("(a|ab)(c|bcd)?")).toBe("");
    probe.exports.setHaystack(...probe.put("abcd"));
    expect(Boolean(probe.exports.isFullMatch())).toBe(true);
    expect(Boolean(probe.exports.findFull())).toBe(true);
    expect([probe.exports.end(1), probe.exports.start(2)]).toEqual([1, 1]);
  });
});

describe("what is refused, and where", () => {
  const deep = (n: number) => "(".repeat(n) + "x" + ")".repeat(n);
  const cases: [pattern: Bytes, problem: string][] = [
    ["(a", "0: a group is not closed: missing )"],
    ["a)", "1: unexpected )"],
    ["x[a", "1: a character class is not closed: missing ]"],
    ["[a-\\d]", "3: unknown escape"],
    ["[b-a]", "1: a range in a character class ends before it begins"],
    ["a\\", "1: a backslash at the end of the pattern"],
    ["\\8", "0: unknown escape"],
    ["(a)\\1", "3: unknown escape"],
    ["\\q", "0: unknown escape"],
    ["\\x{110000}", "0: unknown escape"],
    ["*a", "0: nothing to repeat"],
    ["a|*", "2: nothing to repeat"],
    ["a**", "2: a repetition of a repetition needs a group"],
    [
      "a{1001}",
      "1: a counted repetition must be in order and at most 1000, nested ones multiplied",
    ],
    [
      "(a{100}){11}",
      "8: a counted repetition must be in order and at most 1000, nested ones multiplied",
    ],
    ["a{3,2}", "1: a counted repetition must be in order and at most 1000, nested ones multiplied"],
    ["(?=a)", "0: unknown group syntax; look-around and back references are not supported"],
    ["(?i-)a", "0: unknown group syntax; look-around and back references are not supported"],
    ["a**?", "2: a repetition of a repetition needs a group"],
    ["a{2}{3}", "4: a repetition of a repetition needs a group"],
    ["a+??*", "3: a repetition of a repetition needs a group"],
    ["\\Q\\E*", "4: nothing to repeat"],
    ["(?i)+", "4: nothing to repeat"],
    ["(|*)", "2: nothing to repeat"],
    ["{1}", "0: nothing to repeat"],
    ["[a", "0: a character class is not closed: missing ]"],
    ["[]", "0: a character class is not closed: missing ]"],
    ["[^]", "0: a character class is not closed: missing ]"],
    ["[a-", "0: a character class is not closed: missing ]"],
    ["\\x", "0: unknown escape"],
    ["\\x{", "0: unknown escape"],
    ["\\x{}", "0: unknown escape"],
    ["\\xg0", "0: unknown escape"],
    ["\\Z", "0: unknown escape"],
    ["\\G", "0: unknown escape"],
    ["\\é", "0: unknown escape"],
    ["\\pé", "0: unknown character class"],
    ["\\p", "0: unknown character class"],
    ["\\p{}", "0: unknown character class"],
    ["\\p{Greek", "0: unknown character class"],
    ["\\p{greek}", "0: unknown character class"],
    ["\\p{^^L}", "0: unknown character class"],
    ["(?P<n", "0: a group name is made of letters, digits and _"],
    ["(?P<>x)", "0: a group name is made of letters, digits and _"],
    ["(?P=n)", "0: unknown group syntax; look-around and back references are not supported"],
    ["(?P>n)", "0: unknown group syntax; look-around and back references are not supported"],
    ["(?<=a)", "0: a group name is made of letters, digits and _"],
    ["(?#x)", "0: unknown group syntax; look-around and back references are not supported"],
    ["(?x)a", "0: unknown group syntax; look-around and back references are not supported"],
    ["(?i-i-i)", "0: unknown group syntax; look-around and back references are not supported"],
    ["(?", "0: a group is not closed: missing )"],
    ["(?i", "0: a group is not closed: missing )"],
    ["(?P<a b>x)", "0: a group name is made of letters, digits and _"],
    ["\\p{Klingon}", "0: unknown character class"],
    ["[[:nope:]]", "1: unknown character class"],
    [Uint8Array.of(0x61, 0xff), "1: the pattern is not valid UTF-8"],
    ["a".repeat(65537), "0: the pattern is longer than 65536 bytes"],
    [deep(1001), "1000: groups are nested more than 1000 deep"],
    ["\\pL{1000}", "0: the pattern needs too large a program"],
    ["(?i)" + "\\pL".repeat(1000), "223: the pattern needs too large a program"],
  ];
  test.each(cases)("%.40s", (pattern, problem) => {
    expect(compile(pattern)).toBe(problem);
  });

  test("a pattern of the largest size and nesting compiles and matches", () => {
    expect(first(deep(1000), "x").startsWith("0-1 0-1")).toBe(true);
    expect(first("a".repeat(3000), "b".repeat(10) + "a".repeat(3000))).toBe("10-3010");
  });
});

describe("what a match is replaced with", () => {
  test.each([
    ["a(b)?", "ab a", "[$1]", "[b] []"],
    ["(?P<x>b)", "abc", "$" + "{x}x$x", "abxbc"],
    ["b", "abc", "$0$$\\0", "ab$bc"],
    ["b", "abc", "$nope$" + "{9}\\7$", "a$c"],
    ["a*", "baac", "-", "-b-c-"],
    ["", "é", "-", "-é-"],
    ["(.)(.)", "abcd", "\\2\\1\\\\", "ba\\dc\\"],
    ["(?P<x>a)|(?P<x>b)", "ab", "<$x>", "<a><b>"],
  ])("%s in %j by %s", (pattern, haystack, template, expected) => {
    expect(replace(pattern, haystack, template)).toBe(expected);
  });

  test("only the notation that was asked for means something", () => {
    expect(replace("b", "abc", "\\0$0", 1)).toBe("a\\0bc");
    expect(replace("b", "abc", "\\0$0", 2)).toBe("ab$0c");
  });
});

test("Unicode classes are those of this Node, character by character", () => {
  const sample: number[] = [];
  for (let c = 0; c < 0x30000; c += c < 0x3000 ? 1 : 7)
    if (c < 0xd800 || c > 0xdfff) sample.push(c);
  const text =
    String.fromCodePoint(...sample.slice(0, 20000)) + String.fromCodePoint(...sample.slice(20000));
  for (const name of ["L", "Lu", "Lt", "M", "Nd", "P", "Sc", "Zs", "Cf", "Greek", "Han", "Yi"]) {
    const property = name.length > 2 || name === "Yi" ? `Script=${name}` : name;
    const expected = text.replace(new RegExp(`\\p{${property}}`, "gu"), "");
    expect(replace(`\\p{${name}}`, text, "") === expected, name).toBe(true);
    const folded = text.replace(new RegExp(`[\\p{${property}}]`, "giu"), "");
    expect(replace(`(?i)\\p{${name}}`, text, "") === folded, `(?i)${name}`).toBe(true);
  }
});

// Patterns on which Perl's and JavaScript's rules agree: nothing that can be empty is repeated, and
// no group is remembered inside a repetition.
interface Piece {
  text: string;
  empty: boolean;
  groups: boolean;
}

const piece = (text: string, empty = false, groups = false): Piece => ({ text, empty, groups });
const { pattern } = fc.letrec<{ pattern: Piece; part: Piece; atom: Piece }>((tie) => ({
  atom: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .constantFrom(..."abcé", ".", "[ab]", "[^a]", "[b-é]", "\\w", "\\W", "\\d")
      .map((t) => piece(t)),
    fc.constantFrom("^", "$", "\\b", "\\B", "(?:)").map((t) => piece(t, true)),
    tie("pattern").map((p) => piece(`(?:${p.text})`, p.empty, p.groups)),
    tie("pattern").map((p) => piece(`(${p.text})`, p.empty, true)),
  ),
  part: fc
    .tuple(tie("atom"), fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,3}", "*?", "+?", "??"))
    .map(([atom, times]) =>
      times === "" || atom.empty || atom.groups
        ? atom
        : piece(atom.text + times, times.startsWith("*") || times.startsWith("?")),
    ),
  pattern: fc
    .array(fc.array(tie("part"), { maxLength: 4 }), { minLength: 1, maxLength: 3 })
    .map((ways) =>
      piece(
        ways.map((parts) => parts.map((p) => p.text).join("")).join("|"),
        ways.some((parts) => parts.every((p) => p.empty)),
        ways.some((parts) => parts.some((p) => p.groups)),
      ),
    ),
}));

test(`matches and groups are those of JavaScript's RegExp (seed ${seed})`, () => {
  const haystack = fc.array(fc.constantFrom(..."aabbcé1 \n"), { maxLength: 12 });
  let matched = 0;
  fc.assert(
    fc.property(pattern, haystack, ({ text }, characters) => {
      const source = characters.join("");
      const theirs = new RegExp(text, "du").exec(source);
      const offset = (i: number) => Buffer.byteLength(source.slice(0, i));
      const expected = theirs
        ? theirs.indices!.map((p) => (p ? `${offset(p[0])}-${offset(p[1])}` : "-")).join(" ")
        : "none";
      if (theirs) matched++;
      expect(first(text, source), `/${text}/ on ${JSON.stringify(source)}`).toBe(expected);
    }),
    { seed, numRuns: 600 },
  );
  expect(matched).toBeGreaterThan(200);
  probe.exports.collect();
});

test(`random bytes as pattern and as haystack do not trap, and both machines agree (seed ${seed})`, () => {
  const syntax = fc.constantFrom(
    ..."ab()[]{}|*+?^$.\\-,:<>",
    ...[
      "(?i)",
      "(?:",
      "(?s)",
      "\\b",
      "\\B",
      "\\C",
      "\\pL",
      "\\w",
      "[^",
      "{2}",
      "{0,3}",
      "\\x{e9}",
      "é",
    ],
  );
  const patterns = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.array(syntax, { maxLength: 14 }).map((parts) => new TextEncoder().encode(parts.join(""))),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .array(fc.constantFrom(0x61, 0x62, 0xc3, 0xa9, 10), { maxLength: 40 })
      .map((b) => Uint8Array.from(b)),
  );
  let compiled = 0;
  fc.assert(
    fc.property(patterns, bytes, fc.constantFrom(0, 1, 16, 31), (text, haystack, flags) => {
      if (/^\d+: /.test(first(text, haystack, flags))) return;
      compiled++;
      const full = Boolean(probe.exports.isFullMatch());
      expect(Boolean(probe.exports.findFull())).toBe(full);
    }),
    { seed, numRuns: 1500 },
  );
  expect(compiled).toBeGreaterThan(250);
  probe.exports.collect();
});

/** The haystack replaced in pieces that are cut at `cuts`: what came out, and the most held back. */
function stream(pattern: string, template: string, pieces: string[], window = 65536) {
  expect(compile(pattern)).toBe("");
  probe.exports.newStream(window);
  probe.exports.addReplacement(...probe.put(template), -1);
  return feed(pieces);
}

/** The pieces through the list of replacements that was set up. */
function feed(pieces: string[]) {
  probe.exports.openStream();
  let fed = 0;
  let output = "";
  let held = 0;
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, "latin1");
    output = Buffer.from(probe.get(probe.exports.feed(...probe.put(bytes), 0))).toString("latin1");
    fed += bytes.length;
    held = Math.max(held, fed - output.length);
  }
  output = Buffer.from(probe.get(probe.exports.feed(...probe.put(""), 1))).toString("utf8");
  return { output, held };
}

/** Leftmost match first, the earlier pattern on ties, one pass; limits as in the list. */
function replaceSlowly(source: string, expressions: RegExp[], limits: number[]): string {
  const left = [...limits];
  let output = "";
  let at = 0;
  let touches = false;
  while (true) {
    let best: RegExpExecArray | null = null;
    let which = -1;
    expressions.forEach((expression, i) => {
      if (left[i] === 0) return;
      const find = (from: number) => {
        expression.lastIndex = from;
        return from > source.length ? null : expression.exec(source);
      };
      let match = find(at);
      if (touches && match?.[0] === "" && match.index === at) match = find(at + 1);
      if (match && (!best || match.index < best.index)) {
        best = match;
        which = i;
      }
    });
    if (!best) return output + source.slice(at);
    const { index, 0: text } = best as RegExpExecArray;
    const isRegex = expressions[which]!.unicode;
    output += source.slice(at, index) + (isRegex ? `<${which}${text}>` : `<${which}>`);
    at = index + text.length;
    touches = true;
    left[which]!--;
  }
}

const inBytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

describe("a text in pieces", () => {
  test(`is replaced as the whole would be (seed ${seed})`, () => {
    const characters = fc.array(fc.constantFrom(..."aabbcé1 \n"), { maxLength: 16 });
    fc.assert(
      fc.property(pattern, characters, fc.array(fc.nat(4), { maxLength: 20 }), (p, chars, cuts) => {
        const source = chars.join("");
        const expected = replace(p.text, source, "<$0>");
        const pieces: string[] = [];
        let rest = inBytes(source);
        for (const n of cuts) {
          pieces.push(rest.slice(0, n));
          rest = rest.slice(n);
        }
        pieces.push(rest);
        const name = JSON.stringify([p.text, pieces]);
        expect(stream(p.text, "<$0>", pieces).output, name).toBe(expected);
      }),
      { seed, numRuns: 600 },
    );
    probe.exports.collect();
  });

  test(`is replaced by several at once as a slow reference replaces it (seed ${seed})`, () => {
    const item = fc.record({
      text: fc.oneof(
        pattern.map((p) => ({ regex: p.text })),
        fc
          .array(fc.constantFrom(..."aabc1é"), { minLength: 1, maxLength: 3 })
          .map((c) => ({ literal: c.join("") })),
      ),
      ignoreCase: fc.boolean(),
      limit: fc.constantFrom(-1, -1, 1, 2),
    });
    const characters = fc.array(fc.constantFrom(..."aaAbbcé1 \n"), { maxLength: 16 });
    let replaced = 0;
    fc.assert(
      fc.property(
        fc.array(item, { minLength: 1, maxLength: 4 }),
        characters,
        fc.array(fc.nat(4), { maxLength: 20 }),
        (items, chars, cuts) => {
          const source = chars.join("");
          const expressions = items.map(({ text, ignoreCase }) =>
            "regex" in text
              ? new RegExp(text.regex, "gu")
              : new RegExp(text.literal, ignoreCase ? "gi" : "g"),
          );
          const expected = replaceSlowly(
            source,
            expressions,
            items.map(({ limit }) => limit),
          );
          if (expected !== source) replaced++;
          probe.exports.reset();
          probe.exports.newStream(65536);
          items.forEach(({ text, ignoreCase, limit }, i) => {
            if ("regex" in text) {
              expect(probe.exports.compile(...probe.put(text.regex), 0)).toBe(0);
              probe.exports.addReplacement(...probe.put(`<${i}$0>`), limit);
            } else {
              const value = probe.put(`<${i}>`);
              probe.exports.addLiteral(...probe.put(text.literal), ignoreCase, ...value, limit);
            }
          });
          const pieces: string[] = [];
          let rest = inBytes(source);
          for (const n of cuts) {
            pieces.push(rest.slice(0, n));
            rest = rest.slice(n);
          }
          pieces.push(rest);
          expect(feed(pieces).output, JSON.stringify([items, pieces])).toBe(expected);
        },
      ),
      { seed, numRuns: 600 },
    );
    expect(replaced).toBeGreaterThan(250);
    probe.exports.collect();
  });

  test("passes in linear time where each match could be the last or a longer one", () => {
    const reads = [1000, 4000].map((count) => {
      probe.exports.reset();
      probe.exports.newStream(4096);
      for (const text of ["x.*y", "ax", "b.*z|b"]) {
        expect(compile(text)).toBe("");
        probe.exports.addReplacement(...probe.put("-"), -1);
      }
      const before = probe.exports.bytesRead();
      feed(Array.from({ length: count }, () => "axbaxaxbbb".repeat(10)));
      return Number(probe.exports.bytesRead() - before) / (count * 100);
    });
    expect(reads[1]).toBeLessThan(400);
    expect(reads[1]).toBeLessThan(1.5 * reads[0]! + 8);
  });

  test("is held back only as far as a match may still begin", () => {
    const pieces = [..."a card 1234-5678 and 99-1 more".repeat(50)];
    const { output, held } = stream("\\d{4}-\\d{4}", "---------", pieces);
    expect(output).toBe("a card --------- and 99-1 more".repeat(50));
    expect(held).toBeLessThanOrEqual(9);
  });

  test("passes in bounded memory where matches have no greatest length", () => {
    const pieces = Array.from({ length: 200 }, () => "x".repeat(100));
    const { output, held } = stream("x.*y", "*", [...pieces, "y\n", "x", "y"], 1000);
    expect(held).toBeLessThanOrEqual(1000 + 1000 / 4 + 100);
    expect(output.endsWith("\n*")).toBe(true);
    expect(output.startsWith("x".repeat(18_000))).toBe(true);
  });
});

/** The patterns of a set that match, by index. */
function matching(patterns: string[], haystack: Bytes, flags = 0): number[] {
  probe.exports.reset();
  for (const text of patterns) probe.exports.addPattern(...probe.put(text));
  expect(probe.exports.compileSet(flags)).toBe(patterns.length);
  probe.exports.setHaystack(...probe.put(haystack));
  const count = probe.exports.matchSet();
  const found = patterns.map((_, i) => i).filter((i) => probe.exports.setHas(i));
  expect(found.length).toBe(count);
  return found;
}

describe("which of many patterns match", () => {
  test("is told in one scan", () => {
    const patterns = ["foo", "^bar", "o\\b", "", "z+$", "(?i)BAR", "x|foobar"];
    expect(matching(patterns, "foobar")).toEqual([0, 3, 5, 6]);
    expect(matching(patterns, "bar foo")).toEqual([0, 1, 2, 3, 5]);
    expect(matching(patterns, "")).toEqual([3]);
    expect(matching([], "a")).toEqual([]);
    expect(matching(["a\\B", "b"], "ab")).toEqual([0, 1]);
  });

  test("costs one step for each byte and program, however many they are", () => {
    const patterns = Array.from({ length: 200 }, (_, i) => `/api/v${i}/[a-z]+/${i}$`);
    expect(matching(patterns, "/api/v42/users/42")).toEqual([42]);
    const haystack = "/api/v199/users/199".padStart(100_000, "x");
    expect(matching(patterns, haystack)).toEqual([199]);
  });

  test("names the pattern that is refused", () => {
    for (const text of ["a", "b", "(c"]) probe.exports.addPattern(...probe.put(text));
    expect(probe.exports.compileSet(0)).toBe(-3);
  });

  test(`is what each pattern says for itself (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 6 }),
        fc.array(fc.constantFrom(..."aabbcé1 \n"), { maxLength: 12 }),
        (pieces, characters) => {
          const texts = pieces.map((p) => p.text);
          const source = characters.join("");
          const expected = texts
            .map((_, i) => i)
            .filter((i) => new RegExp(texts[i]!, "u").test(source));
          expect(matching(texts, source), JSON.stringify([texts, source])).toEqual(expected);
        },
      ),
      { seed, numRuns: 600 },
    );
    probe.exports.collect();
  });
});

test("the work for each byte is bounded by the program, on what kills backtrackers", () => {
  const patterns = [
    "(a*)*b",
    "(a|aa)+$",
    "((a{0,20}){0,20})b",
    "(x+x+)+y",
    "(?:a?){30}a{30}b",
    "(.*)(.*)(.*)(.*)(.*)c",
  ];
  for (const pattern of patterns) {
    expect(compile(pattern)).toBe("");
    const size = probe.exports.programSize();
    for (const n of [1000, 20_000]) {
      const [at, length] = probe.put("a".repeat(n) + "!");
      probe.exports.setHaystack(at, length);
      for (const find of ["find", "findSimulated"]) {
        const before = probe.exports.steps();
        probe.exports[find](0, length);
        const steps = Number(probe.exports.steps() - before);
        expect(steps, `${pattern} ${find} ${n}`).toBeLessThanOrEqual(3 * size * (length + 2));
        if (find === "find") expect(steps).toBeLessThan(500 * size);
      }
    }
  }
});

describe("finding all matches", () => {
  const cases: [pattern: string, unit: string, matches: number][] = [
    [".*x", "a", 0],
    ["a.*x|a", "a", 1],
    ["a(?:..)*x|a", "a", 1],
    ["a(?:..|...)*x|a", "a", 1],
    ["(?:a|ab)(?:b.*c)?", "ab", 0.5],
    ["a(?:.{50})*x|a", "a", 1],
    ["\\Ba\\B|a.*c", "a", 1],
  ];
  test.each(cases)("reads each byte a few times: %s", (pattern, unit, each) => {
    const read = [20_000, 320_000].map((n) => {
      expect(compile(pattern)).toBe("");
      probe.exports.setHaystack(...probe.put(unit.repeat(n / unit.length)));
      const before = probe.exports.bytesRead();
      const matches = probe.exports.countMatches(true) as number;
      expect(Math.abs(matches - each * n)).toBeLessThanOrEqual(2);
      return Number(probe.exports.bytesRead() - before) / n;
    });
    // A state's share is at most 8 times 8, whatever the size; the last but one has 50 states.
    expect(read[0]).toBeLessThan(pattern.includes("50") ? 64 * 50 : 128);
    expect(read[1]).toBeLessThan(2 * read[0]! + 8);
  });

  test(`and what is known of an earlier search changes no answer (seed ${seed})`, () => {
    const characters = fc.array(fc.constantFrom(..."aaaab", "xb", "aab"), { maxLength: 200 });
    const patterns = fc.constantFrom(
      ...[
        "a.*x|a",
        "a(?:..)*x|a",
        "(?:a|ab)(?:b.*x)?",
        "a(?:.{7})*b$|a",
        "a.*?xb|a",
        "(a)(.*x\\B)?",
      ],
    );
    fc.assert(
      fc.property(patterns, characters, (text, chars) => {
        const source = chars.join("");
        const theirs = source.replace(new RegExp(text, "gu"), "<$&>");
        expect(replace(text, source, "<$0>"), JSON.stringify([text, source])).toBe(theirs);
      }),
      { seed, numRuns: 1000 },
    );
  });
});
