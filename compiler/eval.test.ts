import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandPath } from "../tests/command.ts";
import { root } from "./assets.ts";

function run(args: string[], input = "") {
  const all = [commandPath, "eval", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, {
    ...{ cwd: root, input, encoding: "utf8" },
  });
  return { status, stdout, stderr };
}

test("eval: 0 and a value, 1 what is wrong with the expression, 2 unreadable or misused", () => {
  const folder = mkdtempSync(join(tmpdir(), "ruleway-eval-"));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  try {
    expect(run(["1 + 1"])).toEqual({ status: 0, stdout: "2\n", stderr: "" });
    expect(run(["-1"]).stdout).toBe("-1\n");
    const nan = run(["0.0 / 0.0"]);
    expect([nan.status, nan.stdout]).toEqual([0, "null\n"]);
    expect(nan.stderr).toMatch(/^ruleway: shown as null: .*NaN/);

    const wrong = run(["1 +"]);
    expect([wrong.status, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toMatch(/^error\[R302\].*\n {2}expression:1:4\n1 \| 1 \+\n/);
    const fails = run(["[][0]"]);
    expect([fails.status, fails.stdout]).toEqual([1, ""]);
    expect(fails.stderr).toContain("error[R320]: index out of range");

    const request = file("request.yaml", "headers: { x-user: ada }\nmatch: { path: / }\n");
    const text = "request.headers['x-user']";
    expect(run([text, "--request", request]).stdout).toBe('"ada"\n');
    expect(run([text, "--request", "-"], '{"headers": {"x-user": "z"}}').stdout).toBe('"z"\n');
    expect(run(["-"], "1 +\n1\n").stdout).toBe("2\n");

    for (const args of [
      [],
      ["1", "2"],
      ["1", "--request"],
      ["1", "--requst", request],
      ["1", "--request", join(folder, "nothing")],
      ["1", "--request", folder],
      ["-", "--request", "-"],
      ["1", "--request", file("bad.yaml", "headers: 1")],
      ["1", "--request", file("wrong.yaml", "match: { path: '/{' }")],
      ["1", "--request", file("other.yaml", "match: { path: /a }")],
    ]) {
      const { status, stdout, stderr } = run(args);
      expect([args, status, stdout]).toEqual([args, 2, ""]);
      expect(stderr).not.toBe("");
    }
    expect(run(["1", "--request", file("key.yaml", "hedaers: {}")]).stderr).toMatch(
      /unknown key "hedaers"\n.*key.yaml:1:1\n1 \| hedaers: \{\}\n {2}\| \^{7} did you mean "headers"/,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
