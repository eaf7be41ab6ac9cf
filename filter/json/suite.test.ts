import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../tests/suites/json.ts";

const FILES = [
  ...["json/parsing.jsonl", "json/transform.jsonl"],
  ...["json-patch/tests.jsonl", "json-pointer/rfc6901.jsonl", "jsonpath/cts.jsonl"],
];
const folder = fileURLToPath(new URL("../../../shared/suites/", import.meta.url));
const files = FILES.map((name) => folder + name).filter((file) => existsSync(file));

test.skipIf(files.length === 0)("the shared cases pass, but for filters in paths", async () => {
  const totals = await run(files);
  expect(totals.failed).toBe(0);
  expect(totals.passed).toBeGreaterThan(400);
});
