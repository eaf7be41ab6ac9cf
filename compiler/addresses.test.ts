import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { runCommand } from "../tests/command.ts";
import { compile } from "./index.ts";
import { envoyBootstrap } from "./targets/envoy.ts";

const DECIDES: Record<string, string> = {
  "match.source":
    "rules: [{ match: { source: 10.0.0.0/8 }, request: [{ respond: { status: 403 } }] }]",
  "in any":
    "rules: [{ match: { any: [{ source: 10.0.0.0/8 }] }, request: [{ respond: { status: 403 } }] }]",
  when: "rules: [{ when: client.ip == '10.0.0.1', request: [{ respond: { status: 403 } }] }]",
  "a key": 'rules: [{ request: [{ rateLimit: { limit: 1/s, key: "$(client.ip)" } }] }]',
  "an entry":
    "_rules_: [{ _match_domain_: [a.example], rules: [{ match: { source: 10.0.0.0/8 }, request: [{ stop: true }] }] }]",
};
const DOES_NOT: Record<string, string> = {
  "another source": "rules: [{ request: [{ set: { source: a } }] }]",
  clientIp: `settings: { clientIp: { header: x-real-ip } }\n${DECIDES["match.source"]}`,
};

const found = (rules: string, options: object) =>
  compile(`ruleway: 1\n${rules}\n`, options)
    .diagnostics.map(({ code }) => code)
    .filter((code) => code === "N606" || code === "W516");
const manager = (knowsClients: boolean) => ({ name: "ingress", knowsClients, repeated: [] });

describe("where an address decides", () => {
  test.each(Object.entries(DECIDES))("%s", (_, rules) => {
    expect(found(rules, {})).toEqual([]);
    expect(found(rules, { target: "envoy" })).toEqual(["N606"]);
    const managers = [manager(true), manager(false)];
    expect(found(rules, { target: "envoy", managers })).toEqual(["W516"]);
    expect(found(rules, { target: "envoy", managers: [manager(true)] })).toEqual([]);
  });
  test.each(Object.entries(DOES_NOT))("not: %s", (_, rules) => {
    expect(found(rules, { target: "envoy", managers: [manager(false)] })).toEqual([]);
  });
});

describe("check --envoy-config", () => {
  const folder = mkdtempSync(join(tmpdir(), "ruleway-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const rules = file("rules.yaml", `ruleway: 1\n${DECIDES["match.source"]}\n`);
  const options = {
    adminPort: 1,
    port: 2,
    rules: {},
    wasmPath: "",
    upstream: "http://127.0.0.1:3",
  };
  const bootstrap = JSON.stringify(envoyBootstrap(options as never));
  const without = bootstrap.replace('"use_remote_address":true,', "");
  const dotless = without.replace(
    '"stat_prefix"',
    '"useRemoteAddress":{"value":true},"stat_prefix"',
  );

  test.each([
    ["as run has it", bootstrap, ""],
    ["as YAML", stringify(JSON.parse(bootstrap)), ""],
    ["in camelCase", dotless, ""],
    ["without it", without, "W516"],
    ["no manager", "static_resources: {}", "there is no HTTP connection manager"],
    ["no YAML", "a: [", "is not YAML"],
  ])("%s", async (_, text, says) => {
    const config = file("envoy.yaml", text);
    const { stdout, stderr } = await runCommand("check", rules, "--envoy-config", config);
    if (says === "") expect(stdout).toContain("no problems");
    else expect(stdout + stderr).toContain(says);
  });
});
