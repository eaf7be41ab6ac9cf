import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../tests/command.ts";
import { root } from "./assets.ts";
import { codes } from "./codes.ts";
import { compile } from "./index.ts";
import { FORMATS, render } from "./render.ts";

const cases = join(root, "tests", "cases", "diagnostics");

describe("diagnostics", () => {
  const names = readdirSync(cases).filter((name) => name.endsWith(".yaml"));

  test.each(names)("%s gets the words that its .txt has", (name) => {
    const text = readFileSync(join(cases, name), "utf8");
    const { diagnostics } = compile(text, { file: name });
    const rendered = render(diagnostics, "pretty", new Map([[name, text]]));
    const golden = join(cases, name.replace(/yaml$/, "txt"));
    if (process.env["UPDATE"]) writeFileSync(golden, rendered);
    expect(rendered).toBe(readFileSync(golden, "utf8"));
    expect(rendered.length).toBeGreaterThan(0);
    for (const { code } of diagnostics) expect(codes, code).toHaveProperty(code);
  });

  const examples = Object.entries(codes).filter(([, { wrong }]) => wrong !== undefined);
  test.each(examples)(
    "%s: what is wrong gets it, and nothing else; what is right gets nothing",
    (code, { wrong, right }) => {
      const found = (rules: string) =>
        compile(`ruleway: 1\n${rules}\n`)
          .diagnostics.map((each) => each.code)
          .filter((each) => each !== "N601");
      expect(found(wrong!)).toEqual([code]);
      expect(found(right!)).toEqual([]);
    },
  );

  test("every format has the place and the message", () => {
    const text = "ruleway: 1\nrulez: []\n";
    const { diagnostics } = compile(text, { file: "a.yaml" });
    for (const format of FORMATS) {
      const rendered = render(diagnostics, format, new Map([["a.yaml", text]]));
      expect(rendered, format).toContain("a.yaml");
      expect(rendered, format).toMatch(/unknown key/);
      expect(rendered, format).toMatch(/line="?:? ?2|:2:1|"line": 2|"startLine": 2/);
    }
  });

  test("hostile text is refused with words, never with a stack trace", () => {
    const hostile = [
      "\0\u0001\u0002",
      "\uFEFFruleway: 2",
      "a: &a [*a]",
      "{".repeat(5000),
      "- ".repeat(5000),
      "ruleway: 1\r\nrules:\r\n  - nope: 1\r\n",
      "? [a, b]\n: c",
      "ruleway: !!binary aGVsbG8=",
      "ruleway: 1\n---\nruleway: 1",
      "__proto__: {x: 1}\nruleway: 1\nrules: []",
      "ruleway: 1\nrules: [{request: [{headers: {set: {__proto__: a}}}]}]",
    ];
    for (const text of hostile) {
      const { diagnostics } = compile(text);
      for (const each of diagnostics) expect(each.message).not.toMatch(/\bat .*:\d+:\d+\)/);
    }
  });
});

describe("the command", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ruleway-"));
    writeFileSync(
      join(folder, "good.yaml"),
      "ruleway: 1\nrules: [{ request: [{ respond: {} }] }]\n",
    );
    writeFileSync(join(folder, "bad.yaml"), "ruleway: 1\nrules: [{ request: [{ respnd: {} }] }]\n");
    writeFileSync(join(folder, "warn.yaml"), "ruleway: 1\nrules: [{ name: a }]\n");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("check: 0 clean, 1 findings, 2 unreadable or misused", async () => {
    const at = (name: string) => join(folder, name);
    expect((await runCommand("check", at("good.yaml"))).status).toBe(0);
    const bad = await runCommand("check", at("bad.yaml"));
    expect(bad.status).toBe(1);
    expect(bad.stdout).toContain("bad.yaml:2:23");
    expect(bad.stdout).toContain('did you mean "respond"?');
    expect((await runCommand("check", at("warn.yaml"))).status).toBe(0);
    expect((await runCommand("check", "--strict", at("warn.yaml"))).status).toBe(1);
    expect((await runCommand("check", folder)).status).toBe(1);
    expect((await runCommand("check", at("none.yaml"))).status).toBe(2);
    expect((await runCommand("check")).status).toBe(2);
    expect((await runCommand("chek", at("good.yaml"))).status).toBe(2);
    expect((await runCommand("check", "--format", "xml", at("good.yaml"))).status).toBe(2);
    expect((await runCommand("compile", "--target", "istio", at("good.yaml"))).status).toBe(2);
  });

  test("compile: the rules as JSON, or the filter's entry for Envoy", async () => {
    const good = join(folder, "good.yaml");
    const json = await runCommand("compile", good);
    expect(JSON.parse(json.stdout)).toEqual({
      ruleway: 1,
      rules: [{ request: [{ respond: {} }] }],
    });
    const envoy = await runCommand("compile", good, "--target", "envoy", "--wasm", "/etc/r.wasm");
    expect(envoy.stdout).toContain("allow_on_headers_stop_iteration: true");
    expect(envoy.stdout).toContain("failure_policy: FAIL_RELOAD");
    expect(envoy.stdout).toContain("filename: /etc/r.wasm");
    expect(envoy.stdout).toContain('"holdHeaders":true');
    const named = await runCommand("compile", good, "--target", "envoy", "--name", "edge-2");
    for (const place of ["name", "root_id", "vm_id"]) {
      expect(named.stdout).toContain(`${place}: edge-2`);
    }
    const bad = await runCommand("compile", good, "--target", "envoy", "--name", "a b");
    expect([bad.status, bad.stdout]).toEqual([2, ""]);
    expect((await runCommand("compile", join(folder, "bad.yaml"))).status).toBe(1);
  });

  test("a step that needs held headers is an error where the host is not said to hold them", () => {
    const text =
      "ruleway: 1\nrules: [{ request: [{ body: { json: { remove: [/a] }, onError: deny } }] }]\n";
    expect(compile(text, { target: "json" }).diagnostics.map(({ code }) => code)).toEqual(["R401"]);
    expect(compile(text, { target: "envoy" }).diagnostics).toEqual([]);
  });
});

test("a step after an answer that has a condition may run", () => {
  const rules = (when: string) => `
ruleway: 1
rules:
  - request:
      - respond: { status: 403 }
${when}
      - log: here
`;
  const codes = (text: string) => compile(text).diagnostics.map(({ code }) => code);
  expect(codes(rules("        when: request.path == '/a'"))).toEqual([]);
  expect(codes(rules(""))).toEqual(["W504"]);
});
