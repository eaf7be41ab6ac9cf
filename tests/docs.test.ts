// What the documents show is what happens: rules compile, links lead somewhere, and the commands of
// the examples, typed as they stand, print what is printed there.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { filterModule, root } from "../compiler/assets.ts";
import { demoAuth, demoUpstream, serve } from "../compiler/gateway/demo.ts";
import { Gateway } from "../compiler/gateway/server.ts";
import { compile } from "../compiler/index.ts";
import { render } from "../compiler/render.ts";
import { clustersOf } from "../compiler/run.ts";
import { redis, startRedis } from "./redis/server.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const examples = readdirSync(join(root, "examples"));
const pages = [
  ...[
    "README.md",
    "ARCHITECTURE.md",
    "RATIONALE.md",
    "CHANGELOG.md",
    "docs/guide/testing-rules.md",
    "docs/reference/expressions.md",
    "docs/reference/limits.md",
  ],
  ...examples.map((name) => `examples/${name}/README.md`),
];

test.each(pages)("the rules in %s compile and its links lead somewhere", (page) => {
  const text = read(page);
  for (const [, rules] of text.matchAll(/```yaml\n(ruleway: 1[\s\S]*?)```/g)) {
    const { diagnostics } = compile(rules!, { file: page });
    // That there are lists of all values is not against reading one.
    expect(diagnostics.filter(({ code }) => code !== "N604")).toEqual([]);
  }
  for (const [, link] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
    expect(existsSync(join(root, dirname(page), link!)), `${page}: ${link}`).toBe(true);
  }
});

test("the mistake in the README gets the words that the README has", () => {
  const file = "examples/quickstart/rules.yaml";
  const text = read(file).replace(/^( +)replace:$/m, "$1repalce:");
  const { diagnostics } = compile(text, { file });
  const rendered = render(diagnostics, "pretty", new Map([[file, text]]));
  expect(read("README.md")).toContain(rendered);
});

test("the bounds in limits.md are those of the constants it names", () => {
  const rows = read("docs/reference/limits.md").matchAll(
    /^\| ([^|]+) \| (?:as )?([\d,]+) ?(KiB|MiB)?[^|]*\| [^|]+ \| `(\w+)` in (\S+) \|$/gm,
  );
  let seen = 0;
  for (const [, what, digits, unit, name, path] of rows) {
    const [, written] = new RegExp(`^(?:export )?const ${name}: \\w+ = ([^;]+);`, "m").exec(
      read(path!),
    )!;
    const plain = written!.replaceAll("_", "");
    expect(plain).toMatch(/^\d+(?: (?:\*|<<) \d+)*$/);
    const [first, ...rest] = plain.split(/ (?=[*<])/);
    const value = rest.reduce((before, each) => {
      const [sign, n] = each.split(" ") as [string, string];
      return sign === "*" ? before * Number(n) : before * 2 ** Number(n);
    }, Number(first));
    const factor = unit === "KiB" ? 1024 : unit === "MiB" ? 1024 ** 2 : 1;
    expect([what, Number(digits!.replaceAll(",", "")) * factor]).toEqual([what, value]);
    seen++;
  }
  const constants = [...read("docs/reference/limits.md").matchAll(/`[A-Z_]+` in filter\//g)].length;
  expect(seen).toBe(constants);
  expect(seen).toBeGreaterThan(10);
});

const LEFT_OUT =
  /^(date|server|connection|keep-alive|transfer-encoding|x-envoy-upstream-service-time): /i;

/** Lines that differ from run to run, or that the READMEs say they leave out. */
function comparable(text: string): string {
  return text
    .replace(/\r/g, "")
    .split("\n")
    .filter((line) => !line.includes('"x-envoy-external-address"'))
    .filter((line) => !LEFT_OUT.test(line))
    .map((line) => line.replace(/"x-request-id": "[^"]*"/, '"x-request-id": "…"'))
    .map((line) => line.replace(/curl\/[\d.]+|127\.0\.0\.1:\d+/g, "…"))
    .join("\n")
    .trim();
}

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

/** Runs a line of a shell without blocking the gateway that it talks to. */
function shell(line: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-c", line], { stdio: ["ignore", "pipe", "ignore"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("close", () => resolve(output));
  });
}

describe.skipIf(!hasCurl)("the commands of the examples (skipped where there is no curl)", () => {
  const isForHigress = (name: string) =>
    compile(read(`examples/${name}/rules.yaml`)).artefact === "ruleway-higress.wasm";
  const all = examples.map((name) => [name, isForHigress(name)] as const);
  // Without a Redis server an example that calls one is left out, visibly.
  const [here, left] = [
    all.filter(([, needs]) => !needs || redis),
    redis ? [] : all.filter(([, needs]) => needs),
  ];
  for (const [name] of left) test.skip(`${name} prints what its README shows`, () => {});

  test.each(here)("%s prints what its README shows", async (name, needsRedis) => {
    const block = /```console\n([\s\S]*?)```/.exec(read(`examples/${name}/README.md`))![1]!;
    const commands = [...block.matchAll(/^\$ (.*curl .*)\n([\s\S]*?)(?=^\$ |$(?![\s\S]))/gm)];
    expect(commands.length).toBeGreaterThan(1);
    const { rules, json, artefact } = compile(read(`examples/${name}/rules.yaml`));
    const server = needsRedis ? await startRedis() : undefined;
    const services = Object.keys((rules!["services"] ?? {}) as object);
    const named = server ? services.map((each) => `${each}=${server.url}`) : [];
    const upstream = await serve(demoUpstream);
    const auth = await serve(demoAuth);
    const gateway = new Gateway({
      module: filterModule(artefact),
      rules: json!,
      upstream: upstream.url,
      clusters: clustersOf(rules!, named, auth.url),
      log: () => {},
    });
    try {
      const port = await gateway.listen(0);
      for (const [, command, shown] of commands) {
        const line = command!
          .replace("127.0.0.1:10000", `127.0.0.1:${port}`)
          .replace("curl ", "curl -s ");
        expect(comparable(await shell(line)), command).toBe(comparable(shown!));
      }
    } finally {
      await gateway.close();
      await upstream.close();
      await auth.close();
      await server?.stop();
    }
  });
});
