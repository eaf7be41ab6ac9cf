import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LogLevel } from "../host/index.ts";
import { runCommand } from "../tests/command.ts";
import { Filter } from "../tests/filter/run.ts";
import { root } from "./assets.ts";
import { conjuncts, isLiteral, operands } from "./explaining/terms.ts";

const folder = "tests/cases/explain";
const json = ["-H", "content-type: application/json"];

/** Each is one command line, and its output the golden file of that name. */
const cases: Array<[golden: string, file: string, ...args: string[]]> = [
  [
    ...(["everything", `${folder}/everything.yaml`, "/p?q=7", "-H", "x-a: one"] as const),
    ...["-H", "x-n: 4", "-H", "cookie: s=a; t=b", "--response-body", '{"a":1}'],
    ...["--response-header", "content-type: application/json"],
    ...["--service", "a={status: 201, delay: 30, json: {x: 1}}", "--service", "b={delay: 900}"],
  ],
  ["entry", `${folder}/entries.yaml`, "http://a.shop.com/"],
  ["no-entry", `${folder}/entries.yaml`, "/"],
  ["bodies", `${folder}/bodies.yaml`, "/", ...json, "-d", '{"n": 1, "name": "cat"}'],
  ["body-that-is-none", `${folder}/bodies.yaml`, "/", ...json, "-d", "{"],
  [
    ...(["auth-allowed", "examples/auth-callout/rules.yaml", "/orders?x=1"] as const),
    ...["-H", "authorization: Bearer t", "--service", "auth={delay: 20, headers: {x-user: ada}}"],
  ],
  ["auth-denied", "examples/auth-callout/rules.yaml", "/orders", "--service", "auth=401"],
  ["auth-down", "examples/auth-callout/rules.yaml", "/orders", "--service", "auth=fail"],
  ["auth-unsaid", "examples/auth-callout/rules.yaml", "/recommendations/1"],
  ["auth-final", "examples/auth-callout/rules.yaml", "/public/a"],
  [
    ...(["conditions", "examples/conditions/rules.yaml", "/t/acme/models/x"] as const),
    ...["-d", '{"model": "huge"}', "-H", "content-type: application/json"],
  ],
  [
    ...(["redis", "examples/redis-counter/rules.yaml", "/api/x", "-H", "x-api-key: k"] as const),
    ...["--service", "counts={replies: [101], delay: 3}"],
  ],
  [
    ...(["redis-down", "examples/redis-counter/rules.yaml", "/api/x"] as const),
    ...["-H", "x-api-key: k", "--service", "counts=fail"],
  ],
  ["redis-unsaid", "examples/redis-counter/rules.yaml", "/api/x", "-H", "x-api-key: k"],
  ["client", "examples/conditions/rules.yaml", "/admin/x", "--client", "10.1.1.1"],
  ["quickstart", "examples/quickstart/rules.yaml", "/hello", "--response-body", "a demo upstream."],
];

describe("an explanation", () => {
  test.each(cases)("%s has the words of its golden file", async (golden, ...args) => {
    const { status, stdout, stderr } = await runCommand("explain", ...args);
    expect([status, stderr]).toEqual([0, ""]);
    const path = join(root, folder, `${golden}.txt`);
    if (process.env["UPDATE"] || !existsSync(path)) writeFileSync(path, stdout);
    expect(stdout).toBe(readFileSync(path, "utf8"));
  });

  test("as data has the same, and of one rule alone if that is wanted", async () => {
    const args = [`${folder}/everything.yaml`, "/p", "--format", "json", "--rule", "edits"];
    const { rules, walk } = JSON.parse((await runCommand("explain", ...args)).stdout);
    expect(rules).toHaveLength(1);
    expect(rules[0]).toMatchObject({ name: "edits", verdict: { is: "applied" } });
    expect(rules[0].steps[2]).toMatchObject({
      verb: "path",
      changes: [{ name: ":path", before: ["/p?q=9"], after: ["/new?q=9"] }],
    });
    expect(walk.chosen).toContain("/rules/19");
  });

  test("asks a service that is there once, whatever else it has to find out", async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers["x-device-id"]}`);
      response.writeHead(200, { "x-user": "ada" }).end();
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const args = ["examples/auth-callout/rules.yaml", "/orders", "-H", "x-device-id: d"];
      const { stdout } = await runCommand("explain", ...args, "--service", `auth=${url}`);
      expect(stdout).toContain('x-user: absent → "ada"');
      expect(asked).toEqual(["GET /check/orders d"]);
    } finally {
      await new Promise((done) => server.close(done));
    }
  });

  test("cannot act on a terminal", async () => {
    const args = [`${folder}/everything.yaml`, "/p", "-H", "x-a: \u001b[31m\u202e"];
    const { stdout } = await runCommand("explain", ...args);
    expect(stdout).toContain("header-prefix");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test("1 for rules with errors, 2 for what cannot be meant", async () => {
    const bad = "tests/cases/explain/everything.txt";
    expect((await runCommand("explain", bad, "/")).status).toBe(1);
    const good = `${folder}/entries.yaml`;
    for (const args of [
      [good],
      [good, "no-url"],
      ["none.yaml", "/"],
      [good, "/", "-H", "no header"],
      [good, "/", "-d", "@none"],
      [good, "/", "--response-status", "99"],
      [good, "/", "--service", "a"],
      [good, "/", "--service", "a={stats: 1}"],
      [good, "/", "--service", "a=[1]"],
      [good, "/", "--service", "a={status: x}"],
      [good, "/", "--rule", "none"],
      [good, "/", "--format", "xml"],
    ]) {
      expect((await runCommand("explain", ...args)).status, args.join(" ")).toBe(2);
    }
  });
});

describe("terms of a condition", () => {
  test.each([
    ["a && b", ["a", "b"]],
    ["(a && (b && c))", ["a", "b", "c"]],
    ["a || b && c", ["a || b && c"]],
    ["a ? b && c : d", ["a ? b && c : d"]],
    ["'&&' == x && r'\\' == y", ["'&&' == x", "r'\\' == y"]],
    ['"""a"&&""" == x', ['"""a"&&""" == x']],
    ["f(a && b)", ["f(a && b)"]],
    ["(a) && (b)", ["a", "b"]],
    ["a // && x\n && b", ["a // && x", "b"]],
  ])("%s", (text, terms) => {
    expect(conjuncts(text)).toEqual(terms);
  });

  test.each([
    ["a.b == 'x'", ["a.b", "'x'"]],
    ["a <= b", ["a", "b"]],
    ["x in [1, 2]", ["x", "[1, 2]"]],
    ["minimum", []],
    ["!(a)", ["(a)"]],
    ["a['x.y'].startsWith(b)", ["a['x.y']", "b"]],
    ["a || b", ["a", "b"]],
  ])("%s looks at its operands", (text, parts) => {
    expect(operands(text)).toEqual(parts);
  });

  test("literals say their value themselves", () => {
    for (const text of ["1", "-1.5e3", "true", "'a b'", "[1, 'x']", '"""a"""']) {
      expect(isLiteral(text), text).toBe(true);
    }
    for (const text of ["a", "'a' + b", "[a]", "f(1)"]) expect(isLiteral(text), text).toBe(false);
  });
});

describe("the filter's marks", () => {
  const rules = { ruleway: 1, rules: [{ request: [{ headers: { set: { a: "secret-value" } } }] }] };

  test("are for those who log at trace, and hold nothing of the stream", () => {
    const filter = new Filter();
    filter.configure(rules);
    filter.open().request({ ":path": "/secret-path" });
    expect(filter.marks).toEqual([
      "trace chosen /rules/0 0 0 0",
      "trace enter /rules/0 0 0 1",
      "trace step /rules/0 0 0 1",
      "trace end /rules/0 0 0 0",
    ]);
  });

  test("cost others no call of the host", () => {
    const calls: string[] = [];
    const filter = new Filter({
      logLevel: LogLevel.Debug,
      trace: ({ kind, name }) => kind === "host" && calls.push(name),
    });
    filter.configure({ ...rules, settings: { ruleMetrics: false } });
    calls.length = 0;
    filter.open().request({ ":path": "/" });
    expect(calls).toEqual(["proxy_replace_header_map_value"]);
    expect(filter.marks).toEqual([]);
  });
});
