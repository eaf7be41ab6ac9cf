// JSON conformance: parsing cases ({expect: accept|reject|any, bytes_b64}) and JSON Patch cases
// ({doc, patch, expect}) in the operations that the edit engine has.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { loadProbe, type Probe } from "../probe.ts";
import type { SuiteResult } from "./result.ts";

interface Case {
  id: string;
  expect: string | { doc?: unknown; error?: unknown };
  bytes_b64?: string;
  doc?: unknown;
  patch?: Array<{ op: string; path: string; value?: unknown }>;
}

/** `replace` of what exists is our `set`; the rest has no counterpart yet. */
const KINDS: Record<string, number> = { remove: 0, replace: 1, add: 2 };

export async function run(files: string[]): Promise<SuiteResult> {
  const probe = await loadProbe("json");
  const result: SuiteResult = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").trim().split("\n")) {
      const each = JSON.parse(line) as Case;
      const verdict = each.patch ? runPatch(probe, each) : runParse(probe, each);
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

/** What is wrong, `skip: …`, or undefined. */
function runParse(probe: Probe, each: Case): string | undefined {
  probe.exports.reset();
  const bytes = Buffer.from(each.bytes_b64 ?? "", "base64");
  const isValid = probe.exports.firstError(...probe.put(bytes), 100_000) === -1;
  if (each.expect !== "accept" && each.expect !== "reject") return undefined;
  if (isValid === (each.expect === "accept")) return undefined;
  return isValid ? "taken, must be refused" : "refused, must be taken";
}

function runPatch(probe: Probe, each: Case): string | undefined {
  const wanted = each.expect as { doc?: unknown; error?: unknown };
  const patch = each.patch ?? [];
  if (wanted.doc === undefined) return "skip: edits that find no place are left out, not errors";
  const unknown = patch.find(({ op }) => KINDS[op] === undefined);
  if (unknown) return `skip: the operation ${unknown.op} is not there yet`;
  let text = JSON.stringify(each.doc);
  for (const { op, path, value } of patch) {
    probe.exports.reset();
    const given = probe.put(op === "remove" ? "" : JSON.stringify(value));
    if (!probe.exports.edit(KINDS[op], ...probe.put(path), ...given))
      return `not a pointer: ${path}`;
    const status = probe.exports.apply(...probe.put(text)) as number;
    if (status === 0) text = probe.text(probe.exports.result());
    else if (status !== 1) return `status ${status}`;
  }
  return isDeepStrictEqual(JSON.parse(text), wanted.doc) ? undefined : `got ${text}`;
}
