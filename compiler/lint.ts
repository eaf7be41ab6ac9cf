// What is allowed but cannot be meant: warnings.

import type { Diagnostic } from "./diagnostic.ts";
import { escapeSegment, type Source } from "./parse.ts";

type Tree = Record<string, unknown>;

const ENDS_THE_PHASE = ["respond", "redirect", "stop"];

/** Reports warnings about a tree whose shape is right. */
export function lint(source: Source, report: (diagnostic: Diagnostic) => void): void {
  const warn = (code: string, pointer: string, message: string, key = false) => {
    const range = source.rangeOf(pointer, { key });
    report({ code, severity: "warning", message, file: source.file, range, pointer });
  };
  const tree = source.tree as Tree;
  lintServices(tree, warn);
  lintRules(tree["rules"] as Tree[] | undefined, "/rules", warn);
  const entries = (tree["_rules_"] as Tree[] | undefined) ?? [];
  entries.forEach((entry, i) => {
    lintRules(entry["rules"] as Tree[] | undefined, `/_rules_/${i}/rules`, warn);
  });
}

type Warn = (code: string, pointer: string, message: string, key?: boolean) => void;

function lintServices(tree: Tree, warn: Warn): void {
  const used = new Set<string>();
  collectServices(tree, used);
  for (const name of Object.keys((tree["services"] as Tree | undefined) ?? {})) {
    if (used.has(name)) continue;
    const message = `no step calls the service "${name}"`;
    warn("W501", `/services/${escapeSegment(name)}`, message, true);
  }
}

function collectServices(value: unknown, used: Set<string>): void {
  if (Array.isArray(value)) for (const each of value) collectServices(each, used);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === "service" && typeof each === "string") used.add(each);
    collectServices(each, used);
  }
}

function lintRules(rules: Tree[] | undefined, pointer: string, warn: Warn): void {
  const names = new Set<string>();
  let endedBy: string | undefined;
  rules?.forEach((rule, i) => {
    const at = `${pointer}/${i}`;
    const name = rule["name"] as string | undefined;
    if (name !== undefined) {
      if (names.has(name)) warn("W502", `${at}/name`, `an earlier rule is named "${name}" too`);
      names.add(name);
    }
    if (endedBy !== undefined) {
      warn("W505", at, `never applies: the rule ${endedBy} is final and matches every request`);
    }
    const phases = ["request", "response", "done"].filter((phase) => rule[phase] !== undefined);
    if (phases.length === 0 && rule["limits"] === undefined && !rule["final"]) {
      warn("W503", at, "this rule has no steps");
    }
    for (const phase of phases) lintSteps(rule[phase] as Tree[], `${at}/${phase}`, warn);
    const matchesAll = Object.keys((rule["match"] as Tree | undefined) ?? {}).length === 0;
    if (rule["final"] === true && matchesAll && rule["enabled"] !== false) {
      endedBy ??= name ? `"${name}"` : String(i + 1);
    }
  });
}

function lintSteps(steps: Tree[], pointer: string, warn: Warn): void {
  const last = steps.findIndex((step) => ENDS_THE_PHASE.some((verb) => Object.hasOwn(step, verb)));
  if (last < 0 || last === steps.length - 1) return;
  const verb = ENDS_THE_PHASE.find((each) => Object.hasOwn(steps[last]!, each));
  warn("W504", `${pointer}/${last + 1}`, `never runs: the ${verb} before it ends the phase`);
}
