// `ruleway plan`: what each rule holds, buffers, streams and waits for, and what a stream may take of
// memory for it at the worst.

import { type Command, Option } from "commander";
import type { Diagnostic } from "./diagnostic.ts";
import { expandPaths, isRuleTest, isYaml, readText, Unreadable } from "./files.ts";
import { compile, TARGETS, type Target } from "./index.ts";
import { tellOfDone, tellOfWaits, waits } from "./planning/callouts.ts";
import { type MemoryTerm, memoryOfAll, size, sum } from "./planning/memory.ts";
import {
  DIRECTIONS,
  type Direction,
  type PlannedRule,
  type PlannedTask,
  planRules,
} from "./planning/plan.ts";
import { type Told, tell, tellTask } from "./planning/sentences.ts";
import { render } from "./render.ts";

export interface Planned extends PlannedRule {
  request: Told;
  response: Told;
  /** Milliseconds that a stream waits for callouts at the worst. */
  waits: Record<Direction, number>;
  /** Upper bound of what a stream keeps in memory for the rule. */
  bytes: number;
}

interface Options {
  target?: Target;
  format: "text" | "json";
}

export function registerPlan(program: Command): void {
  program
    .command("plan")
    .description("what each rule holds, streams and waits for, and its worst case in memory")
    .argument("<file...>", "rule files, folders of them, or - for standard input")
    .addOption(new Option("--target <name>", "where the rules will run").choices(TARGETS))
    .addOption(
      new Option("--format <name>", "how to say it").choices(["text", "json"]).default("text"),
    )
    .action(plan);
}

function plan(paths: string[], { target, format }: Options): void {
  const files = expandPaths(paths, (name) => isYaml(name) && !isRuleTest(name));
  if (files.length === 0) throw new Unreadable("there are no rule files there");
  const plans: Array<Array<Planned | PlannedTask>> = [];
  const texts: string[] = [];
  for (const file of files) {
    const text = readText(file);
    const { rules, tasks = [], diagnostics } = planFile(text, file, target);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    process.stderr.write(render(errors, "pretty", new Map([[file, text]])));
    if (!rules) {
      process.exitCode = 1;
      continue;
    }
    plans.push([...rules, ...tasks]);
    texts.push(renderPlan(rules, tasks));
  }
  process.stdout.write(
    format === "json" ? `${JSON.stringify(plans.flat(), null, 2)}\n` : texts.join("\n"),
  );
}

/** The plan of a rule file; no rules when it has errors. */
export function planFile(
  text: string,
  file: string,
  target?: Target,
): { rules?: Planned[]; tasks?: PlannedTask[]; diagnostics: Diagnostic[] } {
  const { source, json, artefact, diagnostics } = compile(text, { file, target });
  if (!source || !json) return { diagnostics };
  const { rules, tasks } = planRules(json, source, artefact);
  return { rules: rules.map(planned), tasks, diagnostics };
}

function planned(rule: PlannedRule): Planned {
  const request = tell(rule, "request");
  const response = tell(rule, "response");
  const bytes = sum([...request.memory, ...response.memory]);
  return { ...rule, request, response, waits: waits(rule.filter), bytes };
}

/** The rules of a file, what they come to together, and its tasks. */
export function renderPlan(rules: Planned[], tasks: PlannedTask[] = []): string {
  const parts = rules.map(renderRule);
  if (rules.length > 1) {
    const head = `${rules[0]!.file} all rules together, on a stream that each of them is for\n`;
    const memory = DIRECTIONS.map((direction) => memoryOfAll(rules, direction));
    const waiting = tellOfWaits(rules.map((rule) => rule.waits));
    const waitRow = waiting === undefined ? "" : row("waits", waiting);
    parts.push(head + waitRow + row("memory", tellOfMemory(memory)));
  }
  return [...parts, ...tasks.map(renderTask)].join("\n");
}

function renderTask({ file, line, filter }: PlannedTask): string {
  const rows = tellTask(filter).map((each, i) => row(i === 0 ? "task" : "", each));
  return `${file}${line === undefined ? "" : `:${line}`} ${filter.task}\n${rows.join("")}`;
}

function renderRule(rule: Planned): string {
  const { filter, file, line } = rule;
  const rows = [row("match", filter.asked ? "asked on every request" : "looked up")];
  for (const direction of DIRECTIONS) {
    const { sentences } = rule[direction];
    const isQuiet = sentences.length === 0 && filter[direction].length > 0;
    const said = isQuiet ? ["nothing of bodies, and nothing is waited for"] : sentences;
    rows.push(...said.map((each, i) => row(i === 0 ? direction : "", each)));
  }
  rows.push(...tellOfDone(filter.done).map((each) => row("done", each)));
  const waiting = tellOfWaits([rule.waits]);
  if (waiting !== undefined) rows.push(row("waits", waiting));
  rows.push(row("memory", tellOfMemory(DIRECTIONS.map((direction) => rule[direction].memory))));
  return `${file}${line === undefined ? "" : `:${line}`} ${filter.name}\n${rows.join("")}`;
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(10)}${text}\n`;
}

/** The sum, and for each direction what it is of. */
function tellOfMemory(directions: MemoryTerm[][]): string {
  const parts = directions.flatMap((terms, i) => {
    const sums = terms.map(({ what, bytes }) => `${size(bytes)} ${what}`).join(" + ");
    return terms.length > 0 ? [`${DIRECTIONS[i]}: ${sums}`] : [];
  });
  if (parts.length === 0) return "nothing of bodies";
  return `at most ${size(sum(directions.flat()))} (${parts.join("; ")})`;
}
