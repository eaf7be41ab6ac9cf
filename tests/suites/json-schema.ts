// JSON Schema conformance: {draft, schema, data, expect: {valid}}. A schema without `$schema` is
// given that of its draft. Formats are asserted in the cases about them, and annotate elsewhere, as
// the suite has it.

import { readFileSync } from "node:fs";
import { loadProbe, type Probe } from "../probe.ts";
import type { SuiteResult } from "./result.ts";

interface Case {
  id: string;
  draft: string;
  file: string;
  optional: boolean;
  remote_ref: boolean;
  group: string;
  test: string;
  schema: boolean | Record<string, unknown>;
  data: unknown;
  expect: { valid: boolean };
}

const DRAFTS: Record<string, string> = {
  draft7: "http://json-schema.org/draft-07/schema#",
  "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
};

/** What is not there, by the file of the case and a part of its name, with the reason. */
const LEFT_OUT: Array<[file: string, part: string, reason: string]> = [
  ["optional/format/idn-email", "", "idn-email is not asserted"],
  ["optional/format/idn-hostname", "", "idn-hostname is not asserted"],
  ["optional/format/iri", "", "iri and iri-reference are not asserted"],
  ["optional/format/uri-template", "", "uri-template is not asserted"],
  ["optional/format/ecmascript-regex", "", "regex is not asserted"],
  ["optional/format/regex", "", "regex is not asserted"],
  ["optional/format/hostname", "punycode", "what A-labels stand for is not looked at"],
];

const VERDICTS: Record<number, string> = { 0: "valid", 1: "invalid", 2: "gave up" };

export async function run(files: string[]): Promise<SuiteResult> {
  const probe = await loadProbe("json-schema");
  const result: SuiteResult = { passed: 0, failed: 0, skipped: 0 };
  const reasons = new Map<string, number>();
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").trim().split("\n")) {
      const each = JSON.parse(line) as Case;
      const problem = judge(probe, each, line);
      if (problem === undefined) {
        result.passed++;
        continue;
      }
      const reason = reasonFor(each);
      if (reason !== undefined) {
        result.skipped++;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        continue;
      }
      result.failed++;
      process.stdout.write(`FAILED ${each.id}: ${problem}\n`);
    }
  }
  for (const [reason, count] of reasons) process.stdout.write(`skipped ${count}: ${reason}\n`);
  return result;
}

/** Why a case may fail, if it may. */
function reasonFor(each: Case): string | undefined {
  if (each.remote_ref) return "needs a document that is not there: nothing is fetched";
  return LEFT_OUT.find(
    ([file, part]) => each.file.startsWith(file) && `${each.group}/${each.test}`.includes(part),
  )?.[2];
}

/** What is wrong, or undefined. */
function judge(probe: Probe, each: Case, line: string): string | undefined {
  probe.exports.reset();
  const schema =
    typeof each.schema === "object" && !("$schema" in each.schema)
      ? { $schema: DRAFTS[each.draft], ...each.schema }
      : each.schema;
  const asserts = each.file.startsWith("optional/format");
  const problems = probe.exports.compile(...probe.put(JSON.stringify(schema)), asserts) as number;
  if (problems > 0) return `refused: ${probe.text(probe.exports.problemText(0))}`;
  const verdict = probe.exports.validate(...probe.put(dataOf(line, each)), false) as number;
  if (verdict === (each.expect.valid ? 0 : 1)) return undefined;
  const failure = verdict === 1 ? ` (${probe.text(probe.exports.failure())})` : "";
  return `${VERDICTS[verdict]}, not ${each.expect.valid ? "valid" : "invalid"}${failure}`;
}

/** The document as it is written in the line: numbers keep their digits, and names that are there
 * twice are. */
function dataOf(line: string, each: Case): string {
  const from = line.indexOf(
    '"data":',
    line.indexOf('"schema":') + JSON.stringify(each.schema).length,
  );
  const to = line.lastIndexOf(',"expect":');
  const text = from < 0 ? "" : line.slice(from + 7, to);
  try {
    if (JSON.stringify(JSON.parse(text)) === JSON.stringify(each.data)) return text;
  } catch {}
  return JSON.stringify(each.data);
}
