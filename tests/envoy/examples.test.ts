// Each example does the same in the embedded host and in a real Envoy.

import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../compiler/assets.ts";
import { readText } from "../../compiler/files.ts";
import { compile } from "../../compiler/index.ts";
import { runRuleTests } from "../../compiler/test.ts";
import { envoy } from "./envoy.ts";

const folders = readdirSync(join(root, "examples")).map((name) => join(root, "examples", name));

describe.each(folders.map((folder) => [relative(root, folder), folder]))("%s", (_name, folder) => {
  test("has rules without problems, tests and a README", () => {
    const { diagnostics } = compile(readText(join(folder, "rules.yaml")));
    // A note, that a rule is asked on every request, is no problem.
    expect(diagnostics.filter(({ severity }) => severity !== "note")).toEqual([]);
    expect(existsSync(join(folder, "rules.test.yaml"))).toBe(true);
    expect(existsSync(join(folder, "README.md"))).toBe(true);
  });

  test("does what its tests say in the embedded host", async () => {
    await check("node");
  });

  // Redis is there in Higress only; tests/redis has a real server for such an example.
  const isForHigress = compile(readText(join(folder, "rules.yaml"))).artefact !== "ruleway.wasm";

  test.skipIf(!envoy || isForHigress)("does the same in Envoy", async () => {
    await check("envoy");
  });

  async function check(engine: "node" | "envoy"): Promise<void> {
    const results = await runRuleTests(join(folder, "rules.test.yaml"), { engine });
    expect(results.length).toBeGreaterThan(0);
    const failed = results.filter(({ problems }) => problems.length > 0);
    expect(failed).toEqual([]);
  }
});
