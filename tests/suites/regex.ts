// Runs regex cases in the form of the shared suites through the filter's own engine: compiling,
// all matches with their groups, full matches, which patterns of a set match, replacing, splitting,
// quoting. Every core case is run
// three ways: by the machines the engine chooses, by Pike's simulation alone, and as a yes or no.

import { readFileSync } from "node:fs";
import { loadProbe, type Probe } from "../probe.ts";
import type { SuiteResult } from "./result.ts";

type Place = [number, number] | null;

interface Case {
  id: string;
  class: "core" | "other";
  reasons: string[];
  op?: "replace" | "replace_literal" | "split" | "quote_meta";
  regex?: string;
  regex_b64?: string;
  /** A set: the patterns that match somewhere are those in `match_pattern_ids`. */
  regexes?: string[];
  match_pattern_ids?: number[];
  match_kind?: string;
  search_kind?: string;
  haystack?: string;
  haystack_b64?: string;
  bounds?: [number, number];
  anchored?: boolean;
  case_insensitive?: boolean;
  utf8?: boolean;
  match_limit?: number | null;
  compiles?: boolean;
  captures_asserted?: boolean;
  matches?: Place[][];
  full_match?: Place[] | null;
  replacement?: string;
  input?: string;
  n?: number;
  output?: string | string[] | null;
}

const IGNORE_CASE = 1;
const DOLLAR = 1;
const NO_NOTATION = 0;

/** Pattern or haystack as bytes. */
function bytesOf(text: string | undefined, base64: string | undefined): Uint8Array {
  return base64 === undefined
    ? new TextEncoder().encode(text ?? "")
    : Buffer.from(base64, "base64");
}

/** Reasons for not being core that do not concern RE2, whose syntax and answers are ours. */
const OURS = ["go_rejects_syntax", "go_result_differs", "invalid_utf8_haystack"];
/** And those that do not concern which patterns of a set match somewhere, which is what a set tells. */
const OF_SETS = ["multi_pattern", "match_kind_all", "search_kind_overlapping"];

/** The reasons that are left, in words. */
const WORDS: Record<string, string> = {
  re2_rejects_syntax: "RE2 refuses the pattern",
  re2_compiles: "RE2 takes what the case wants refused",
  go_compiles: "so does Go",
  re2_result_differs: "RE2 gives another answer",
  match_kind_all: "not leftmost-first: all ways to match",
  search_kind_overlapping: "not leftmost-first: overlapping matches",
  search_kind_earliest: "not leftmost-first: the earliest end",
  line_terminator: "RE2 has no other line terminator than \\n",
};

/** Why a case is not run, or null. Everything that RE2 itself does as the case has it is run. */
function reasonToSkip(row: Case): string | null {
  const ours = row.regexes === undefined ? OURS : [...OURS, ...OF_SETS];
  const reasons = row.reasons.filter((reason) => !ours.includes(reason));
  return reasons.length > 0 ? reasons.map((reason) => WORDS[reason] ?? reason).join("; ") : null;
}

function groups(probe: Probe, count: number): Place[] {
  const places: Place[] = [];
  for (let i = 0; i <= count; i++) {
    const from = probe.exports.start(i) as number;
    places.push(from < 0 ? null : [from, probe.exports.end(i) as number]);
  }
  return places;
}

/** Bytes of the character at `at`; 1 where there is no valid one. */
function characterSize(haystack: Uint8Array, at: number): number {
  const c = haystack[at] ?? 0;
  const size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  try {
    new TextDecoder("utf8", { fatal: true }).decode(haystack.subarray(at, at + size));
    return size;
  } catch {
    return 1;
  }
}

/** All matches by the rule of the format, through `find` or `findSimulated`. */
function allMatches(probe: Probe, row: Case, haystack: Uint8Array, find: string): Place[][] {
  const count = row.captures_asserted ? (probe.exports.captureCount() as number) : 0;
  const found: Place[][] = [];
  const limit = row.match_limit ?? Number.POSITIVE_INFINITY;
  const [first, to] = row.bounds ?? [0, haystack.length];
  let from = first;
  let last = -1;
  while (found.length < limit && from <= to) {
    if (!probe.exports[find](from, to)) break;
    const places = groups(probe, count);
    const [start, end] = places[0]!;
    if (row.anchored && start !== from) break;
    if (start === end && end === last) {
      const size = characterSize(haystack, end);
      // Anchored searches go on at the next byte, and no match begins inside a character.
      if (row.anchored && size > 1) break;
      from = end + size;
      continue;
    }
    found.push(places);
    last = end;
    from = end;
  }
  return found;
}

function split(
  haystack: Uint8Array,
  matches: Place[][],
  n: number,
  regex: string,
): string[] | null {
  const text = (from: number, to: number) => new TextDecoder().decode(haystack.slice(from, to));
  if (n === 0) return null;
  if (regex !== "" && haystack.length === 0) return [""];
  const parts: string[] = [];
  let begin = 0;
  let end = 0;
  for (const [place] of matches) {
    if (n > 0 && parts.length === n - 1) break;
    end = place![0];
    if (place![1] !== 0) parts.push(text(begin, end));
    begin = place![1];
  }
  if (end !== haystack.length) parts.push(text(begin, haystack.length));
  return parts;
}

/** What is wrong with the patterns of the set that are told to match, or null. */
function setVerdict(probe: Probe, row: Case, regexes: string[]): string | null {
  const { exports } = probe;
  for (const regex of regexes) exports.addPattern(...probe.put(regex));
  if (exports.compileSet(0) !== regexes.length) return "refused";
  exports.setHaystack(...probe.put(bytesOf(row.haystack, row.haystack_b64)));
  exports.matchSet();
  const found = new Set(regexes.map((_, i) => i).filter((i) => exports.setHas(i)));
  const wanted = new Set(row.match_pattern_ids);
  // Where matches may not overlap, one pattern's can hide another's.
  const free = row.match_kind === "all" && row.search_kind === "overlapping";
  const all = free || wanted.size === 0;
  const right = [...wanted].every((i) => found.has(i)) && (!all || found.size === wanted.size);
  return right ? null : `set: ${[...found]} instead of ${[...wanted]}`;
}

/** What is wrong with the engine's answer, or null. */
function verdict(probe: Probe, row: Case): string | null {
  const { exports } = probe;
  exports.reset();
  if (row.op === "quote_meta") {
    const quoted = probe.text(exports.quoteMeta(...probe.put(row.input ?? "")));
    return quoted === row.output ? null : `quoted as ${quoted}`;
  }
  if (row.regexes !== undefined) return setVerdict(probe, row, row.regexes);
  const flags = row.case_insensitive ? IGNORE_CASE : 0;
  const code = exports.compile(...probe.put(bytesOf(row.regex, row.regex_b64)), flags) as number;
  if ((code === 0) !== (row.compiles ?? true)) {
    return code === 0 ? "compiled" : `refused: ${probe.text(exports.problemText())}`;
  }
  if (code !== 0 || (row.haystack === undefined && row.haystack_b64 === undefined)) return null;
  const haystack = bytesOf(row.haystack, row.haystack_b64);
  exports.setHaystack(...probe.put(haystack));
  if (row.op === "replace" || row.op === "replace_literal") {
    const notation = row.op === "replace" ? DOLLAR : NO_NOTATION;
    const out = probe.text(exports.replaceAll(...probe.put(row.replacement ?? ""), notation, -1));
    return out === row.output ? null : `replaced: ${JSON.stringify(out)}`;
  }
  if (row.op === "split") {
    const matches = allMatches(probe, row, haystack, "find");
    const parts = JSON.stringify(split(haystack, matches, row.n ?? -1, row.regex ?? ""));
    return parts === JSON.stringify(row.output) ? null : `split: ${parts}`;
  }
  const wanted = JSON.stringify(row.matches);
  for (const find of ["find", "findSimulated"]) {
    const found = JSON.stringify(allMatches(probe, row, haystack, find));
    if (found !== wanted) return `${find}: ${found} instead of ${wanted}`;
  }
  if (!row.anchored && !row.bounds && Boolean(exports.isMatch()) !== row.matches!.length > 0)
    return "isMatch";
  if (row.full_match !== undefined) {
    const expected = row.full_match !== null;
    if (Boolean(exports.isFullMatch()) !== expected) return "isFullMatch";
    if (Boolean(exports.findFull()) !== expected) return "findFull";
    if (row.full_match && row.captures_asserted) {
      const found = JSON.stringify(groups(probe, exports.captureCount() as number));
      const places = JSON.stringify(row.full_match);
      if (found !== places) return `findFull: ${found} instead of ${places}`;
    }
  }
  return null;
}

/** Runs the files; prints what fails and, by reason, what is skipped. */
export async function run(files: string[]): Promise<SuiteResult> {
  let probe = await loadProbe("regex");
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const skipped = new Map<string, string[]>();
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      if (line.trim() === "") continue;
      const row = JSON.parse(line) as Case;
      const reason = reasonToSkip(row);
      if (reason !== null) {
        totals.skipped++;
        skipped.set(reason, [...(skipped.get(reason) ?? []), row.id]);
        continue;
      }
      let wrong: string | null;
      try {
        wrong = verdict(probe, row);
      } catch (error) {
        wrong = `trap: ${error}`;
        probe = await loadProbe("regex");
      }
      if (wrong === null) {
        totals.passed++;
      } else {
        totals.failed++;
        console.log(
          `FAILED ${row.id} ${JSON.stringify(row.regex ?? row.regexes ?? row.input ?? null).slice(0, 120)}: ${wrong}`,
        );
      }
    }
    probe.exports.collect();
  }
  for (const [reason, ids] of skipped) {
    for (const id of ids) console.log(`skipped ${id}: ${reason}`);
  }
  return totals;
}
