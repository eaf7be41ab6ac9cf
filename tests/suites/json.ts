// JSON conformance. What a case is shows in its keys:
//   {bytes_b64, expect: accept|reject|any|informative}      parsing
//   {document, pointer, expect: {value}|{error}}             JSON Pointer (RFC 6901)
//   {doc, patch, expect: {doc}|{error}|{ok}}                 JSON Patch (RFC 6902)
//   {selector, document?, expect: {result_paths}|…}          JSONPath (RFC 9535)

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { loadProbe, type Probe } from "../probe.ts";
import type { SuiteResult } from "./result.ts";

interface Case {
  id: string;
  expect: unknown;
  bytes_b64?: string;
  document?: unknown;
  pointer?: string;
  uri_fragment?: string;
  doc?: unknown;
  patch?: Operation[];
  disabled?: boolean;
  selector?: string;
}

interface Operation {
  op: string;
  path?: unknown;
  from?: unknown;
  value?: unknown;
}

/** What is wrong, `skip: …`, or undefined. */
type Verdict = string | undefined;

export async function run(files: string[]): Promise<SuiteResult> {
  const probe = await loadProbe("json");
  const result: SuiteResult = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").trim().split("\n")) {
      const each = JSON.parse(line) as Case;
      const verdict = judge(probe, each);
      if (verdict === undefined) {
        result.passed++;
        continue;
      }
      const isSkip = verdict.startsWith("skip: ");
      result[isSkip ? "skipped" : "failed"]++;
      process.stdout.write(
        `${isSkip ? "skipped" : "FAILED"} ${each.id}: ${verdict.replace("skip: ", "")}\n`,
      );
    }
  }
  return result;
}

function judge(probe: Probe, each: Case): Verdict {
  if (each.selector !== undefined) return runPath(probe, each, each.selector);
  if (each.pointer !== undefined) return runPointer(probe, each, each.pointer);
  if (each.patch) return runPatch(probe, each, each.patch);
  if (each.bytes_b64 !== undefined) return runParse(probe, each);
  return "not a kind of case that is known";
}

function runParse(probe: Probe, each: Case): Verdict {
  probe.exports.reset();
  const bytes = Buffer.from(each.bytes_b64 ?? "", "base64");
  const isValid = probe.exports.firstError(...probe.put(bytes), 100_000) === -1;
  if (each.expect !== "accept" && each.expect !== "reject") return undefined;
  if (isValid === (each.expect === "accept")) return undefined;
  return isValid ? "taken, must be refused" : "refused, must be taken";
}

/** Places that a path names, as JSON Pointers in the document's order; undefined when it is no path. */
function find(probe: Probe, path: string, document: unknown): string[] | undefined {
  probe.exports.reset();
  const given = probe.put(path);
  const found = probe.exports.find(...given, ...probe.put(JSON.stringify(document))) as bigint;
  if (found === 0n) return undefined;
  const lines = probe.text(found).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as string);
}

function valueAt(document: unknown, pointer: string): unknown {
  return pointer
    .split("/")
    .slice(1)
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document);
}

function runPointer(probe: Probe, each: Case, pointer: string): Verdict {
  const wanted = each.expect as { value?: unknown; error?: string };
  const found = find(probe, pointer, each.document);
  if (wanted.error !== undefined) {
    return found === undefined || found.length === 0 ? undefined : `found ${found}`;
  }
  if (found === undefined) return "not a pointer";
  if (found.length !== 1) return `found ${found.length} places`;
  const value = valueAt(each.document, found[0]!);
  return isDeepStrictEqual(value, wanted.value) ? undefined : `got ${JSON.stringify(value)}`;
}

// ---- JSON Patch, operation by operation as the decoder of rules has it

const KINDS: Record<string, number> = { remove: 0, replace: 1, add: 2, copy: 7, move: 8, test: 10 };

/** Adds the operation to the plan; what is wrong with its form, or undefined. */
function addOperation(probe: Probe, { op, path, from, value }: Operation): Verdict {
  const kind = KINDS[op];
  if (kind === undefined) return `no operation ${op}`;
  if (typeof path !== "string") return "no path";
  if (op === "copy" || op === "move") {
    if (typeof from !== "string") return "no from";
    const given = probe.put(from);
    const at = probe.exports.transfer(kind, ...given, ...probe.put(path), 1) as number;
    return at === -1 ? undefined : "not a pointer";
  }
  if (op !== "remove" && value === undefined) return "no value";
  const given = probe.put(path);
  const text = probe.put(op === "remove" ? "" : JSON.stringify(value));
  return probe.exports.edit(kind, ...given, ...text, 1) === -1 ? undefined : "not a pointer";
}

function runPatch(probe: Probe, each: Case, patch: Operation[]): Verdict {
  if (each.disabled) return "skip: disabled by its authors: the same key twice in the patch";
  const wanted = each.expect as { doc?: unknown; error?: unknown };
  probe.exports.reset();
  for (const operation of patch) {
    const wrong = addOperation(probe, operation);
    if (wrong) return wanted.error === undefined ? wrong : undefined;
  }
  const text = JSON.stringify(each.doc);
  const status = probe.exports.apply(...probe.put(text)) as number;
  if (wanted.error !== undefined) return status === 4 ? undefined : `status ${status}, must fail`;
  if (status > 1) return `status ${status}`;
  const edited = status === 0 ? probe.text(probe.exports.result()) : text;
  if (wanted.doc === undefined) return undefined;
  return isDeepStrictEqual(JSON.parse(edited), wanted.doc) ? undefined : `got ${edited}`;
}

// ---- JSONPath

/** A normalized path of RFC 9535 2.7 as a JSON Pointer. */
function asPointer(path: string): string {
  let pointer = "";
  for (const [, name, index] of path.matchAll(/\[(?:'((?:[^'\\]|\\.)*)'|(\d+))\]/gs)) {
    const text = name?.replace(/\\u([0-9a-f]{4})|\\(.)/gs, (_all, hex: string, letter: string) =>
      hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (SHORT[letter] ?? letter),
    );
    pointer += `/${(text ?? index ?? "").replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }
  return pointer;
}

const SHORT: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function runPath(probe: Probe, each: Case, selector: string): Verdict {
  const wanted = each.expect as {
    invalid_selector?: boolean;
    result_paths?: string[];
    results_paths?: string[][];
  };
  // An empty text is the JSON Pointer of the document; what does not begin with $ is no path.
  if (!selector.startsWith("$")) {
    if (!wanted.invalid_selector) return "must be taken";
    return "skip: a text that does not begin with $ is read as a JSON Pointer";
  }
  const found = find(probe, selector, each.document ?? null);
  if (found === undefined) {
    const [, message] = /^\d+ (.*)$/s.exec(probe.text(probe.exports.pathError()))!;
    if (message === "filters (?) are not supported") return "skip: filters are not supported";
    return wanted.invalid_selector ? undefined : `refused: ${message}`;
  }
  if (wanted.invalid_selector) return "taken, must be refused";
  // Places are a set for edits: order and repetition are not compared.
  const got = new Set(found);
  const choices = wanted.results_paths ?? [wanted.result_paths ?? []];
  const isGood = choices.some((paths) => isDeepStrictEqual(new Set(paths.map(asPointer)), got));
  return isGood && got.size === found.length ? undefined : `found ${found.join(" ")}`;
}
