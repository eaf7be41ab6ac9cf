#!/usr/bin/env node
// The `ruleway` command. Exit status: 0 clean, 1 findings, 2 usage or unreadable input, 3 our fault.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { stringify } from "yaml";
import { root, wasmPath } from "./assets.ts";
import { connectionManagers } from "./envoy-config.ts";
import { registerEval } from "./eval.ts";
import { registerExplain } from "./explain.ts";
import { expandPaths, isRuleTest, isYaml, readText, Unreadable } from "./files.ts";
import { compile, TARGETS, type Target } from "./index.ts";
import { registerPlan } from "./plan.ts";
import { FORMATS, type Format, render } from "./render.ts";
import { registerRun } from "./run.ts";
import { envoyFilter } from "./targets/envoy.ts";
import { registerTest } from "./test.ts";

const LATER_TARGETS = ["istio", "envoy-gateway"];

function version(): string {
  const text = readFileSync(join(root, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function target(name: string | undefined): Target | undefined {
  if (name === undefined) return undefined;
  if ((TARGETS as readonly string[]).includes(name)) return name as Target;
  const known = TARGETS.join(", ");
  if (LATER_TARGETS.includes(name)) {
    throw new Unreadable(`the target ${name} is not there yet; there are ${known}`);
  }
  throw new Unreadable(`there is no target ${name}; there are ${known}`);
}

const targetOption = () => new Option("--target <name>", "where the rules will run");

const program = new Command("ruleway")
  .description("Change HTTP traffic with rules: one WebAssembly filter for Envoy, no code.")
  .version(version())
  .exitOverride()
  .showHelpAfterError();

interface CheckOptions {
  target?: string;
  format: Format;
  strict?: boolean;
  envoyConfig?: string;
}

program
  .command("check")
  .description("say everything that is wrong with rule files")
  .argument("<file...>", "rule files, folders of them, or - for standard input")
  .addOption(targetOption())
  .addOption(new Option("--format <name>", "how to say it").choices(FORMATS).default("pretty"))
  .option("--strict", "warnings are findings too")
  .option("--envoy-config <file>", "an Envoy configuration to look at too (implies target envoy)")
  .action((paths: string[], options: CheckOptions) => {
    const files = expandPaths(paths, (name) => isYaml(name) && !isRuleTest(name));
    if (files.length === 0) throw new Unreadable("there are no rule files there");
    const texts = new Map(files.map((file) => [file, readText(file)]));
    const config = options.envoyConfig;
    const managers =
      config === undefined ? undefined : connectionManagers(readText(config), config);
    const where = target(options.target ?? (managers && "envoy"));
    const diagnostics = files.flatMap(
      (file) => compile(texts.get(file)!, { file, target: where, managers }).diagnostics,
    );
    process.stdout.write(render(diagnostics, options.format, texts));
    const errors = diagnostics.filter((each) => each.severity === "error").length;
    const warnings = diagnostics.filter((each) => each.severity === "warning").length;
    const notes = diagnostics.length - errors - warnings;
    if (options.format === "pretty") {
      const counts = diagnostics.length
        ? `${plural(errors, "error")}, ${plural(warnings, "warning")}${notes > 0 ? `, ${plural(notes, "note")}` : ""}`
        : "no problems";
      process.stdout.write(
        `${files.length === 1 ? files[0] : `${files.length} files`}: ${counts}\n`,
      );
    }
    process.exitCode = errors > 0 || (options.strict && warnings > 0) ? 1 : 0;
  });

interface CompileOptions {
  output?: string;
  wasm?: string;
  name?: string;
  target: string;
}

/** The name as Envoy's logs and metrics can have it. */
function nameOf(name: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) return name;
  throw new Unreadable(`${JSON.stringify(name)} is no name: letters, digits, - _ and . make one`);
}

program
  .command("compile")
  .description("the checked rules, or the whole envelope that a target needs")
  .argument("<file>", "a rule file, or - for standard input")
  .option("-o, --output <file>", "write there instead of to standard output")
  .option("--wasm <path>", "where the proxy finds the filter (target envoy)")
  .option("--name <name>", "the plugin's own name among several in one proxy (target envoy)")
  .addOption(targetOption().default("json"))
  .action((file: string, options: CompileOptions) => {
    const text = readText(file);
    const compiled = compile(text, { file, target: target(options.target) });
    process.stderr.write(render(compiled.diagnostics, "pretty", new Map([[file, text]])));
    if (!compiled.rules || !compiled.json) {
      process.exitCode = 1;
      return;
    }
    const filter = () =>
      envoyFilter(compiled.rules!, {
        wasmPath: options.wasm ?? wasmPath(),
        ...(options.name !== undefined && { name: nameOf(options.name), ownMetrics: true }),
      });
    // Higress takes the rules as they are: as a plugin's configuration, in its console or a WasmPlugin.
    const isEnvoy = options.target === "envoy";
    const output = isEnvoy ? stringify([filter()]) : `${compiled.json}\n`;
    if (options.output === undefined) process.stdout.write(output);
    else writeFileSync(options.output, output);
  });

function plural(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

registerEval(program);
registerExplain(program);
registerPlan(program);
registerRun(program);
registerTest(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof Unreadable) {
    process.stderr.write(`ruleway: ${error.message}\n`);
    process.exitCode = 2;
  } else {
    const { message, stack } = error as Error;
    process.stderr.write(`ruleway: this is a fault of ruleway itself: ${message}\n`);
    if (process.env["RULEWAY_DEBUG"]) process.stderr.write(`${stack}\n`);
    process.exitCode = 3;
  }
}
