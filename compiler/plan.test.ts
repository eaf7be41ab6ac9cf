import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LogLevel } from "../host/index.ts";
import { runCommand } from "../tests/command.ts";
import { Filter } from "../tests/filter/run.ts";
import { root } from "./assets.ts";
import { planFile, renderPlan } from "./plan.ts";

const cases = join(root, "tests", "cases", "plan");

function expectGolden(text: string, file: string, golden: string): void {
  const { rules, tasks } = planFile(text, file);
  const rendered = renderPlan(rules!, tasks);
  const path = join(cases, golden);
  if (process.env["UPDATE"] || !existsSync(path)) writeFileSync(path, rendered);
  expect(rendered).toBe(readFileSync(path, "utf8"));
  expect(rendered.length).toBeGreaterThan(0);
}

describe("a plan", () => {
  const names = readdirSync(cases).filter((name) => name.endsWith(".yaml"));
  test.each(names)("of %s is in the words that its .txt has", (name) => {
    expectGolden(readFileSync(join(cases, name), "utf8"), name, name.replace(/yaml$/, "txt"));
  });

  const examples = readdirSync(join(root, "examples"));
  test.each(examples)("of the example %s is in the words of its golden file", (name) => {
    const file = `examples/${name}/rules.yaml`;
    expectGolden(readFileSync(join(root, file), "utf8"), file, `example-${name}.txt`);
  });

  test("of edits that stream says what the filter holds back, to the byte", () => {
    const body = (edit: object) => ({ request: [{ body: edit }] });
    const held = (rule: object, ...pieces: string[]): { most: number; said: number } => {
      const rules = { ruleway: 1, rules: [rule] };
      const { rules: planned } = planFile(JSON.stringify(rules), "a.yaml");
      const filter = new Filter();
      expect(filter.configure(rules)).toBe(true);
      const stream = filter.open();
      const headers = { ":path": "/", ":method": "POST", "content-type": "application/x-ndjson" };
      stream.stream.requestHeaders(Object.entries(headers), false);
      let most = 0;
      let sent = 0;
      for (const piece of pieces) {
        stream.stream.requestData(Buffer.from(piece), false);
        sent += piece.length;
        most = Math.max(most, sent - stream.upstreamBody.length);
      }
      return { most, said: planned![0]!.filter.request[0]!.edits![0]!.window };
    };
    const literal = held(
      body({
        replace: [
          { find: "abcde", with: "" },
          { find: "ab", with: "" },
        ],
      }),
      "xabcd",
    );
    expect(literal).toEqual({ most: 4, said: 4 });
    const insert = held(body({ insert: { after: "</head>", text: "x" } }), "<p></head");
    expect(insert).toEqual({ most: 6, said: 6 });
    const regex = body({ replace: [{ regex: "a[a-z]*!", with: "" }], window: 64 });
    const open = held(regex, ...Array<string>(400).fill("a"));
    expect(open.said).toBe(80);
    expect(open.most).toBeLessThanOrEqual(80);
    expect(open.most).toBeGreaterThan(64);
    const events = { request: [{ events: { maxSize: 100, edit: [{ drop: true }] } }] };
    expect(held(events, ...Array<string>(120).fill("a"))).toEqual({ most: 100, said: 100 });
  });

  test("is said by the filter to those who look, and to nobody else", () => {
    const rules = {
      ruleway: 1,
      _plugin_id_: "p",
      rules: [{ name: 'a "b"', request: [{ stop: true }] }],
    };
    const said = (logLevel: LogLevel) => {
      const filter = new Filter({ logLevel });
      expect(filter.configure(rules)).toBe(true);
      return filter.log.filter((line) => line.includes(": plan {"));
    };
    expect(said(LogLevel.Info)).toEqual([]);
    const lines = said(LogLevel.Debug);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^ruleway \[p\]: plan \{"rule":"\/rules\/0","name":"a \\"b\\""/);
  });
});

test("plan: 0 and the rules, 1 errors, 2 unreadable or misused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ruleway-plan-"));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  try {
    const good = file(
      "good.yaml",
      "ruleway: 1\nrules:\n  - name: a\n    request: [{ respond: {} }]\n",
    );
    const bad = file("bad.yaml", "ruleway: 1\nrules: [{ request: [{ respnd: {} }] }]\n");
    const text = await runCommand("plan", good);
    expect([text.status, text.stderr]).toEqual([0, ""]);
    expect(text.stdout).toMatch(/good\.yaml:3 a\n {2}match {5}asked on every request\n/);
    const json = await runCommand("plan", "--format", "json", good);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { file: good, line: 3, bytes: 0, verbs: { request: ["respond"] }, filter: { name: "a" } },
    ]);
    const wrong = await runCommand("plan", folder);
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('did you mean "respond"?');
    expect(wrong.stdout).toContain("good.yaml:3 a");
    expect((await runCommand("plan", bad)).stdout).toBe("");
    for (const args of [
      [],
      [join(folder, "none")],
      ["--format", "xml", good],
      ["--target", "x", good],
    ]) {
      expect((await runCommand("plan", ...args)).status, args.join(" ")).toBe(2);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
