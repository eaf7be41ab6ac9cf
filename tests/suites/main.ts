// npm run suite -- cel|regex|json|json-schema FILE.jsonl…: published conformance cases through the filter's engines.

import type { SuiteResult } from "./result.ts";

const suites: Record<string, () => Promise<{ run(files: string[]): Promise<SuiteResult> }>> = {
  cel: () => import("./cel.ts"),
  json: () => import("./json.ts"),
  "json-schema": () => import("./json-schema.ts"),
  regex: () => import("./regex.ts"),
};

const [name = "", ...files] = process.argv.slice(2);
const load = suites[name];
if (!load || files.length === 0) {
  process.stderr.write(`usage: npm run suite -- ${Object.keys(suites).join("|")} FILE.jsonl…\n`);
  process.exit(2);
}
const { passed, failed, skipped } = await (await load()).run(files);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed > 0 ? 1 : 0;
