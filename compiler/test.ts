// `ruleway test`: the rule tests beside the rules.

import { type Command, Option } from "commander";
import type { Diagnostic } from "./diagnostic.ts";
import { expandPaths, isRuleTest, readText, Unreadable } from "./files.ts";
import { findEnvoy } from "./gateway/envoy.ts";
import { type Compiled, compile } from "./index.ts";
import { render } from "./render.ts";
import { EnvoyEngine } from "./rule-test/envoy-engine.ts";
import { compare } from "./rule-test/expect.ts";
import { lengthOf, type RuleTest, type RuleTestFile, readRuleTests } from "./rule-test/format.ts";
import { type Cut, runInNode } from "./rule-test/node-engine.ts";
import { refuseHigress } from "./run.ts";

export type EngineName = "node" | "envoy";

export interface TestResult {
  file: string;
  name: string;
  /** Empty: passed. */
  problems: string[];
  /** Why it was not run. */
  skipped?: string;
}

export function registerTest(program: Command): void {
  program
    .command("test")
    .description("run the rule tests beside the rules (*.test.yaml)")
    .argument("[path...]", "test files, or folders of them", ["."])
    .addOption(
      new Option("--engine <name>", "what runs the filter")
        .choices(["node", "envoy"])
        .default("node"),
    )
    .option("--only <text>", "only tests whose name has this in it")
    .action(async (paths: string[], options: { engine: EngineName; only?: string }) => {
      const files = expandPaths(paths, isRuleTest);
      if (files.length === 0) throw new Unreadable("there are no *.test.yaml files there");
      let failed = 0;
      let passed = 0;
      let skipped = 0;
      for (const file of files) {
        for (const result of await runRuleTests(file, options)) {
          if (result.skipped !== undefined) skipped++;
          else if (result.problems.length === 0) passed++;
          else failed++;
          printResult(result);
        }
      }
      const left = skipped > 0 ? `, ${skipped} skipped` : "";
      process.stdout.write(`${passed} passed, ${failed} failed${left}\n`);
      process.exitCode = failed > 0 ? 1 : 0;
    });
}

function printResult({ file, name, problems, skipped }: TestResult): void {
  if (skipped !== undefined) {
    process.stdout.write(`- ${file}: ${name} (skipped: ${skipped})\n`);
    return;
  }
  process.stdout.write(`${problems.length ? "✗" : "✓"} ${file}: ${name}\n`);
  for (const problem of problems)
    process.stdout.write(`    ${problem.replaceAll("\n", "\n    ")}\n`);
}

/** Runs the tests of a file. What is wrong with the file or its rules is a failed test of its own. */
export async function runRuleTests(
  file: string,
  options: { engine: EngineName; only?: string; seed?: number },
): Promise<TestResult[]> {
  const diagnostics: Diagnostic[] = [];
  const parsed = readRuleTests(file, (each) => diagnostics.push(each));
  if (!parsed) return [fileProblem(file, diagnostics, file)];
  const text = readText(parsed.rulesFile);
  const compiled = compile(text, { file: parsed.rulesFile });
  if (!compiled.json) return [fileProblem(file, compiled.diagnostics, parsed.rulesFile)];
  const tests = parsed.tests.filter((each) => each.name.includes(options.only ?? ""));
  if (options.engine === "envoy") return runWithEnvoy(file, compiled, tests);
  return tests.map((test) => ({
    file,
    name: test.name,
    problems: runEveryWay(compiled, parsed, test, options.seed ?? 1),
  }));
}

function fileProblem(file: string, diagnostics: Diagnostic[], culprit: string): TestResult {
  const texts = new Map([[culprit, readText(culprit)]]);
  return { file, name: "(the file)", problems: [render(diagnostics, "pretty", texts)] };
}

/** Service names by cluster. */
function servicesOf(compiled: Compiled): Record<string, string> {
  const services = (compiled.rules?.["services"] ?? {}) as Record<string, { cluster: string }>;
  return Object.fromEntries(Object.entries(services).map(([name, { cluster }]) => [cluster, name]));
}

/** Bodies as they are, in single bytes, and cut at random: the result must not depend on it. */
function runEveryWay(
  compiled: Compiled,
  _file: RuleTestFile,
  test: RuleTest,
  seed: number,
): string[] {
  const ways: Array<[string, Cut]> = [
    ["", (pieces) => pieces],
    ["with bodies in single bytes: ", (pieces) => cutAt(pieces, () => 1)],
  ];
  const random = generator(seed);
  for (let i = 0; i < 3; i++) {
    ways.push([
      `with bodies cut at random (seed ${seed}): `,
      (pieces) => cutAt(pieces, () => 1 + random(97)),
    ]);
  }
  const problems: string[] = [];
  for (const [prefix, cut] of ways) {
    const { json, artefact } = compiled;
    const outcome = runInNode(json!, servicesOf(compiled), test, cut, { artefact });
    problems.push(...compare(test, outcome).map((each) => prefix + each));
    if (problems.length > 0) break;
  }
  return problems;
}

/** Beyond this, cutting into single bytes would only take long. */
const MAX_CUT = 64 * 1024;

function cutAt(pieces: Uint8Array[], size: () => number): Uint8Array[] {
  const total = pieces.reduce((n, piece) => n + piece.length, 0);
  if (total > MAX_CUT) return pieces;
  return pieces.flatMap((piece) => {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < piece.length; ) {
      const n = size();
      parts.push(piece.subarray(at, at + n));
      at += n;
    }
    return parts.length ? parts : [piece];
  });
}

/** Numbers below a bound, the same for the same seed. */
function generator(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** More time than this, in milliseconds, does not pass in a test on Envoy, where it is real. */
const LONGEST_WAIT = 20_000;

/** Tests of rules with tasks, which run all the time: each on an Envoy of its own. */
async function runEachWithEnvoy(
  envoy: string,
  file: string,
  compiled: Compiled,
  tests: RuleTest[],
): Promise<TestResult[]> {
  const results: TestResult[] = [];
  for (const test of tests) {
    const { name } = test;
    const wait = (test.before ?? []).reduce((sum, each) => sum + lengthOf(each), 0);
    if (wait > LONGEST_WAIT) {
      results.push({ file, name, problems: [], skipped: "on Envoy it would take over 20 seconds" });
      continue;
    }
    const services = servicesOf(compiled);
    const engine = await EnvoyEngine.start(envoy, compiled.rules!, services, [test], true);
    try {
      results.push({ file, name, problems: compare(test, await engine.run(test)) });
    } finally {
      await engine.stop();
    }
  }
  return results;
}

async function runWithEnvoy(
  file: string,
  compiled: Compiled,
  tests: RuleTest[],
): Promise<TestResult[]> {
  const envoy = findEnvoy();
  if (!envoy)
    throw new Unreadable("no Envoy found: npm test installs one, or set ENVOY to a binary");
  refuseHigress(compiled.artefact);
  const hasTasks = compiled.rules?.["tasks"] !== undefined;
  if (hasTasks || tests.some(({ before }) => before !== undefined)) {
    return runEachWithEnvoy(envoy, file, compiled, tests);
  }
  const engine = await EnvoyEngine.start(envoy, compiled.rules!, servicesOf(compiled), tests);
  try {
    const results: TestResult[] = [];
    for (const test of tests) {
      results.push({ file, name: test.name, problems: compare(test, await engine.run(test)) });
    }
    return results;
  } finally {
    await engine.stop();
  }
}
