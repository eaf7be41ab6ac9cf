// What a rule test says when metrics are not as it expects; that they are is for the examples to show.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findEnvoy } from "./gateway/envoy.ts";
import { type EngineName, runRuleTests } from "./test.ts";

const RULES = `ruleway: 1
rules:
  - name: r
    request: [{ metric: { name: a.requests } }]
    done: [{ metric: { name: a.open, type: gauge, add: 2 } }]
`;

const TESTS = `tests:
  - name: t
    before: [{ request: { path: /before }, times: 3 }]
    expect:
      metrics: { a.requests: 2, a.open: 2, a.none: 1, ruleway.rule.r.applied: 1, ruleway.rule.r.failed: 0 }
`;

async function failsIn(engine: EngineName): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "metrics-"));
  try {
    writeFileSync(join(folder, "rules.yaml"), RULES);
    writeFileSync(join(folder, "rules.test.yaml"), TESTS);
    const [result] = await runRuleTests(join(folder, "rules.test.yaml"), { engine });
    expect([...new Set(result!.problems.map((line) => line.replace(/^with .*?: /, "")))]).toEqual([
      "metrics.a.requests: expected 2, got 1",
      "metrics.a.none: expected 1, got 0",
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("metrics that are others fail a test in the embedded host", () => failsIn("node"));

test.skipIf(!findEnvoy())("metrics that are others fail a test in Envoy", () => failsIn("envoy"));
