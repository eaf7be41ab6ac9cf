// What a scan of a body costs in Node: the filter's regex engine, compiled to WebAssembly, beside
// JavaScript's RegExp and RE2's own WebAssembly build; and that time for each byte stays flat on what
// kills backtrackers. Nothing of Envoy is in these figures.

import { createRequire } from "node:module";
import { loadProbe, type Probe } from "../tests/probe.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 5);
const MIB = 1 << 20;

interface Row {
  name: string;
  /** One pattern, or many to be looked for at once. */
  patterns: string[];
  groups?: boolean;
}

const ROWS: Row[] = [
  { name: "literal", patterns: ["session-token"] },
  { name: "three literals", patterns: ["password|session-token|authorization"] },
  { name: "mail address", patterns: ["[a-z]+@[a-z]+\\.com"] },
  { name: "digits", patterns: ["\\d{3}-\\d{4}"] },
  { name: "with groups", patterns: ["(\\w+)=(\\d+)"], groups: true },
  { name: "ignoring case", patterns: ["(?i)session-token"] },
  { name: "unicode class", patterns: ["\\p{Greek}+"] },
  { name: "any word", patterns: ["\\w+"] },
  {
    name: "set of 200",
    patterns: Array.from({ length: 200 }, (_, i) => `/api/v${i}/[a-z]+-${i % 7}\\b`),
  },
];

const WORDS =
  "request forwarded to upstream cluster from client the gateway a connection was and closed after timeout retry host path of".split(
    " ",
  );
const RARE = [
  "session-token",
  "Session-Token",
  "ann@example.com",
  "555-1234",
  "status=200",
  "/api/v7/users-0",
  "λόγος",
  "password",
];

/** Lines of log-like text; `matches`: now and then something that one of the rows looks for. */
function text(size: number, matches: boolean): string {
  let random = 1;
  const next = (n: number) => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 8) % n;
  };
  let out = "";
  while (out.length < size) {
    out += matches && next(40) === 0 ? RARE[next(RARE.length)] : WORDS[next(WORDS.length)];
    out += next(12) === 0 ? ".\n" : " ";
  }
  return out.slice(0, size);
}

const { WrappedRE2 } = createRequire(import.meta.url)("re2-wasm/build/wasm/re2.js") as {
  WrappedRE2: new (
    pattern: string,
    ignoreCase: boolean,
    multiline: boolean,
    dotAll: boolean,
  ) => { match(input: string, start: number, groups: boolean): { index: number } };
};

function milliseconds(work: () => unknown, rounds = ROUNDS): number {
  const times = Array.from({ length: rounds + 1 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.slice(1).sort((a, b) => a - b)[rounds >> 1]!;
}

/** Compiles for the probe: what scans the haystack once. */
function ours(probe: Probe, row: Row): () => number {
  const { exports } = probe;
  if (row.patterns.length === 1) {
    if (exports.compile(...probe.put(row.patterns[0]!), 0) !== 0) throw new Error(row.name);
    return () => exports.countMatches(row.groups ?? false);
  }
  for (const pattern of row.patterns) exports.addPattern(...probe.put(pattern));
  if (exports.compileSet(0) !== row.patterns.length) throw new Error(row.name);
  return () => exports.matchSet();
}

function theirs(row: Row): RegExp {
  const source = row.patterns.join("|").replaceAll("\\p{Greek}", "\\p{Script=Greek}");
  return source.startsWith("(?i)")
    ? new RegExp(source.slice(4), "giu")
    : new RegExp(source, row.groups ? "dgu" : "gu");
}

const rate = (size: number, ms: number) => (size / 1e3 / ms).toFixed(0);

async function scans(print: (line: string) => void): Promise<void> {
  print(`\nregex: MB/s over 1 MiB in Node ${process.versions.node}, medians of ${ROUNDS}`);
  print(`  ${"".padEnd(16)} ${"all matches".padStart(18)}   ${"no match".padStart(27)}`);
  const heads = ["ruleway", "RegExp"].map((name) => name.padStart(8)).join("  ");
  print(`  ${"".padEnd(16)} ${heads}   ${heads} ${"RE2".padStart(8)} ${"matches".padStart(9)}`);
  const with_ = text(MIB, true);
  const without = text(MIB, false);
  for (const row of ROWS) {
    const cells: string[] = [];
    let matches = 0;
    for (const haystack of [with_, without]) {
      const probe = await loadProbe("regex");
      const scan = ours(probe, row);
      const bytes = Buffer.byteLength(haystack);
      probe.exports.setHaystack(...probe.put(haystack));
      cells.push(rate(bytes, milliseconds(scan)));
      const regexp = theirs(row);
      const count = () => [...haystack.matchAll(regexp)].length;
      if (haystack === with_) matches = count();
      if (row.patterns.length === 1 && scan() !== count())
        throw new Error(`${row.name}: ${scan()} matches instead of ${count()}`);
      cells.push(rate(bytes, milliseconds(count)));
    }
    const re2 = new WrappedRE2(row.patterns.join("|"), false, false, false);
    if (re2.match(without, 0, false).index < 0)
      cells.push(
        rate(
          MIB,
          milliseconds(() => re2.match(without, 0, false)),
        ),
      );
    else cells.push("-");
    const [a, b, c, d, e] = cells.map((cell) => cell.padStart(8));
    print(`  ${row.name.padEnd(16)} ${a}  ${b}   ${c}  ${d} ${e} ${String(matches).padStart(9)}`);
  }
  print("  RE2's figures include the conversion of the string to UTF-8 by its package.");
}

const KILLERS: [pattern: string, unit: string, end: string][] = [
  ["(a*)*b", "a", "!"], // answered by the missing b; those below have no literal to look for
  ["(a*)*[bB]", "a", "!"],
  ["(a|aa)+$", "a", "!"],
  ["((a{0,20}){0,20}){0,2}[bB]", "a", "!"],
  ["(x+x+)+[yY]", "x", "!"],
  ["(?:a?){30}a{30}b", "a", "!"],
  ["(.*)(.*)(.*)(.*)(.*)[cC]", "a", "!"],
  ["[01]*1[01]{12}[cC]", "0110", "!"],
];

/** Ordinary patterns, and words of which a text can be made that is for ever about to match. */
export const NEAR: [pattern: string, words: string[]][] = [
  ["(?i)<script[^>]{0,500}src", ["<script", "x", " ", "<scrip"]],
  ["\\.\\./(?:.{0,200}\\.\\./){3,}etc", ["../", "a", "et", "./"]],
  ["union.{1,100}select.{1,100}from", ["union", "select", " ", "fro"]],
  ["(?i)(?:password|secret|token)[\"':= ]{1,10}[a-z0-9]{16,64}!", ["password", "=", ":", "abc1"]],
  ["[A-Z0-9]{20}:[A-Za-z0-9/+]{40}=", ["AKIA", "Z9", ":", "a/"]],
  ["eyJ[\\w-]{10,500}\\.[\\w-]{10,500}\\.[\\w-]{10,500}$", ["eyJ", "a", ".", "-_"]],
];

/** A text of those words in an order that repeats itself only after long. */
export function nearly(words: string[], size: number): string {
  let random = 1;
  const out: string[] = [];
  for (let n = 0; n < size; n += out.at(-1)!.length) {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    out.push(words[(random >>> 16) % words.length]!);
  }
  return out.join("").slice(0, size);
}

async function near(print: (line: string) => void): Promise<void> {
  print(
    "\nregex: a text of 1 MB for ever about to match, MB/s; ms that a callback is held at most",
  );
  print(
    `  ${"".padEnd(58)} ${["ruleway", "RE2", "held"].map((name) => name.padStart(8)).join(" ")}`,
  );
  for (const [pattern, words] of NEAR) {
    const text = nearly(words, 1e6);
    const probe = await loadProbe("regex");
    if (probe.exports.compile(...probe.put(pattern), 0) !== 0) throw new Error(pattern);
    probe.exports.setHaystack(...probe.put(text));
    const whole = milliseconds(() => probe.exports.isMatch(), 3);
    const held = milliseconds(() => {
      probe.exports.beginCallback();
      probe.exports.isMatch();
    }, 3);
    const cut = probe.exports.isCut() ? " (cut)" : "";
    const re2 = new WrappedRE2(
      pattern.replace("(?i)", ""),
      pattern.startsWith("(?i)"),
      false,
      false,
    );
    const theirs = milliseconds(() => re2.match(text, 0, false), 3);
    const cells = [rate(1e6, whole), rate(1e6, theirs), held.toFixed(1)];
    print(`  ${pattern.padEnd(58)} ${cells.map((cell) => cell.padStart(8)).join(" ")}${cut}`);
  }
}

/** Finding all where each search could look to the end in vain. */
const FIND_ALL: [pattern: string, unit: string, end: string][] = [
  [".*x", "a", ""],
  ["a.*x|a", "a", ""],
  ["a(?:..)*x|a", "a", ""],
  ["a[^z]*z|a", "ab", ""],
  ["(a)(b.*c)?", "ab", ""],
  ["\\Ba\\B|a.*c", "a", ""],
];

const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7];

async function flat(print: (line: string) => void): Promise<void> {
  const head = SIZES.map((size) => `${size / 1e3} KB`.padStart(9)).join(" ");
  for (const [title, rows, all] of [
    ["one search", KILLERS, false],
    ["all matches", FIND_ALL, true],
  ] as const) {
    print(`\nregex: ns/byte, ${title}\n  ${"".padEnd(26)} ${head}`);
    for (const [pattern, unit, end] of rows) {
      const probe = await loadProbe("regex");
      const cells = SIZES.map((size) => {
        probe.exports.reset();
        probe.exports.compile(...probe.put(pattern), 0);
        probe.exports.setHaystack(...probe.put(unit.repeat(size / unit.length) + end));
        const scan = all ? () => probe.exports.countMatches(true) : () => probe.exports.isMatch();
        const times = Math.ceil(1e5 / size);
        const many = () => {
          for (let i = 0; i < times; i++) scan();
        };
        return ((milliseconds(many, size > 1e5 ? 1 : ROUNDS) * 1e6) / times / size)
          .toFixed(2)
          .padStart(9);
      });
      print(`  ${pattern.padEnd(26)} ${cells.join(" ")}`);
    }
  }
}

/** Prints both tables. */
export async function benchRegex(print: (line: string) => void): Promise<void> {
  await scans(print);
  await near(print);
  await flat(print);
}
