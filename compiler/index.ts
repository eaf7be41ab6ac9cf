// The compiler as a library: YAML text in, the checked rule set out, and everything that is wrong
// with it in one run. One way through: parse, check, lint, normalise, admit.

import { lintAddresses } from "./addresses.ts";
import { admit } from "./admit.ts";
import type { Artefact } from "./assets.ts";
import { lintChains } from "./chain.ts";
import { checkShape } from "./check.ts";
import { type Diagnostic, sortDiagnostics } from "./diagnostic.ts";
import type { ConnectionManager } from "./envoy-config.ts";
import { checkJsonSchemas, lintJsonSchemas } from "./json-schema.ts";
import { lint } from "./lint.ts";
import { checkMeaning } from "./meaning/index.ts";
import { escapeSegment, parseSource, type Source } from "./parse.ts";

export type { Diagnostic } from "./diagnostic.ts";

/** Where the rules are to run; it decides what they may ask of the host. */
export type Target = "json" | "envoy" | "higress";
export const TARGETS: readonly Target[] = ["json", "envoy", "higress"];

export interface CompileOptions {
  /** Shown in diagnostics. */
  file?: string;
  /** Default: envoy, or higress for rules that need it. */
  target?: Target;
  /** The connection managers of the Envoy that the rules are for (envoy-config.ts); default: unknown. */
  managers?: ConnectionManager[] | undefined;
}

export interface Compiled {
  /** The rules as the filter takes them; undefined when there are errors. */
  rules?: Record<string, unknown>;
  /** The same as text, minimal. */
  json?: string;
  /** The filter that they were checked with and run in. */
  artefact?: Artefact;
  /** The file they were read from, for whoever wants places in it. */
  source?: Source;
  diagnostics: Diagnostic[];
}

/** Compiles a rule file. Throws only when something of our own is broken. */
export function compile(text: string, options: CompileOptions = {}): Compiled {
  const file = options.file ?? "rules.yaml";
  const diagnostics: Diagnostic[] = [];
  const known = new Set<string>();
  const report = (diagnostic: Diagnostic) => {
    const { code, pointer } = diagnostic;
    if (pointer !== undefined && known.has(`${code} ${pointer}`)) return;
    known.add(`${code} ${pointer}`);
    diagnostics.push(diagnostic);
  };
  const source = parseSource(text.replace(/^\uFEFF/, ""), file, report);
  if (!source) return { diagnostics: sortDiagnostics(diagnostics) };
  const tree = source.tree as Record<string, unknown>;
  const redis = placeOfRedis(tree);
  const target = options.target ?? (redis === undefined ? "envoy" : "higress");
  checkShape(source, report);
  checkJsonSchemas(source, report);
  if (diagnostics.length === 0) {
    lint(source, report, target === "higress");
    lintJsonSchemas(source, report);
    checkMeaning(source, report);
    if (options.target === "envoy") lintAddresses(source, report, options.managers);
    lintChains(source, report, options.managers ?? []);
  }
  const needsHigress = target === "higress" || (target === "json" && redis !== undefined);
  const artefact = needsHigress ? "ruleway-higress.wasm" : "ruleway.wasm";
  if (redis !== undefined && options.target === undefined) {
    const message = `Redis is there for the target higress only, and its filter, dist/${artefact}`;
    const range = source.rangeOf(redis, { key: true });
    report({ code: "N602", severity: "note", message, file, range, pointer: redis });
  }
  const rules = forTarget(tree, target);
  const json = JSON.stringify(rules);
  const isAccepted = admit(json, source, report, artefact);
  if (!isAccepted && !diagnostics.some((each) => each.severity === "error")) {
    const message = "the filter refuses the rules and does not say why";
    report({ code: "R100", severity: "error", message, file });
  }
  const sorted = sortDiagnostics(withoutEchoes(diagnostics));
  if (sorted.some((each) => each.severity === "error")) return { diagnostics: sorted };
  return { rules, json, artefact, source, diagnostics: sorted };
}

/** Without warnings about what is an error: one mistake is one finding. */
function withoutEchoes(diagnostics: Diagnostic[]): Diagnostic[] {
  const errors = diagnostics.filter((each) => each.severity === "error");
  const wrong = new Set(errors.map((each) => each.pointer));
  // A name that is misspelt where it is used is not used where it is right.
  const isMisspelt = errors.some((each) => each.code === "R303");
  return diagnostics.filter(({ code, severity, pointer }) => {
    if (severity === "error") return true;
    return !(code === "W501" && isMisspelt) && (pointer === undefined || !wrong.has(pointer));
  });
}

/** Where the rules define a service that is Redis, which only Higress can call. */
function placeOfRedis(tree: unknown): string | undefined {
  const entries = memberOf(tree, "_rules_");
  const all = [tree, ...(Array.isArray(entries) ? (entries as unknown[]) : [])];
  for (const [i, document] of all.entries()) {
    const place = i === 0 ? "" : `/_rules_/${i - 1}`;
    const services = memberOf(document, "services");
    for (const [name, service] of Object.entries((services ?? {}) as object)) {
      if (memberOf(service, "redis") === undefined) continue;
      return `${place}/services/${escapeSegment(name)}/redis`;
    }
  }
  return undefined;
}

function memberOf(value: unknown, key: string): unknown {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>)[key] : undefined;
}

/** The tree with what the target's host is known to be able to. */
function forTarget(tree: Record<string, unknown>, target: Target): Record<string, unknown> {
  if (target === "json") return tree;
  const settings = tree["settings"];
  const isMap = typeof settings === "object" && settings !== null && !Array.isArray(settings);
  if (settings !== undefined && !isMap) return tree;
  const known = { holdHeaders: true, ...(target === "higress" && { host: "higress" }) };
  return { ...tree, settings: { ...known, ...(settings as object | undefined) } };
}
