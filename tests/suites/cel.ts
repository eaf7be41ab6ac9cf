// Runs CEL cases in the form of the shared suites through the filter's own engine: compiling, with
// and without the static checker, deducing types, evaluating. Every case that is evaluated is so
// twice, with and without constants folded at compile time, and both have to give the same.

import { readFileSync } from "node:fs";
import { loadProbe, type Probe } from "../probe.ts";
import type { SuiteResult } from "./result.ts";

/** Cases in which the engine knowingly does something else, and why. */
const DEVIATIONS = new Map<string, string>([]);

/** A value with its CEL type, as the shared suites write it. */
export interface Typed {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what it is depends on the type
  value: any;
  bits?: string;
}

interface FunctionDeclaration {
  name: string;
  params: string[];
  result: string;
  member: boolean;
}

interface Case {
  id: string;
  kind: "core" | "proto";
  expr: string;
  container: string;
  disable_check: boolean;
  disable_macros?: boolean;
  check_only?: boolean;
  type_env?: Record<string, string>;
  function_env?: FunctionDeclaration[];
  bindings: Record<string, Typed>;
  expect: { value?: Typed; error?: string; deduced_type?: string };
}

// Flags of an environment.
export const CHECK = 1;
export const NO_MACROS = 2;
export const NO_FOLDING = 4;

export interface Environment {
  flags: number;
  container?: string;
  types?: Record<string, string>;
  functions?: FunctionDeclaration[];
  bindings?: Record<string, Typed>;
}

/** A fresh environment, everything before forgotten; throws when the engine does not understand it. */
export function begin(probe: Probe, environment: Environment): void {
  const { exports } = probe;
  exports.reset();
  exports.begin(...probe.put(environment.container ?? ""), environment.flags);
  for (const [name, type] of Object.entries(environment.types ?? {})) {
    if (!exports.declare(...probe.put(name), ...probe.put(type)))
      throw new Error(`the type ${type} of ${name} is not understood`);
  }
  for (const { name, params, result, member } of environment.functions ?? []) {
    const text = `${member ? "." : ""}(${params.join(", ")}) -> ${result}`;
    exports.declareFunction(...probe.put(name), ...probe.put(text));
  }
  for (const [name, value] of Object.entries(environment.bindings ?? {})) {
    if (!exports.bind(...probe.put(name), ...probe.put(JSON.stringify(value))))
      throw new Error(`the value of ${name} is not understood: ${JSON.stringify(value)}`);
  }
}

/** Compiles; "" or what is wrong, as `offset: text`. */
export function compile(probe: Probe, source: string | Uint8Array): string {
  const { exports } = probe;
  const [at, length] = probe.put(source);
  if (exports.compile(at, length) === 0) return "";
  const offset = exports.errorOffset() as number;
  if (offset < 0 || offset > length) throw new Error(`the error is at ${offset} of ${length}`);
  return `${offset}: ${probe.text(exports.errorText())}`;
}

export type Answer = { value: Typed } | { error: string };

/** Evaluates what was compiled. */
export function evaluate(probe: Probe): Answer {
  const { exports } = probe;
  if (!exports.evaluate()) return { error: probe.text(exports.failure()) };
  return { value: JSON.parse(probe.text(exports.result())) };
}

/** Compiles and evaluates; errors of both kinds are errors. */
export function answer(probe: Probe, source: string): Answer {
  const problem = compile(probe, source);
  return problem === "" ? evaluate(probe) : { error: problem };
}

/** The bits of a double, as 16 hexadecimal digits. */
export function doubleBits(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

/** The double of such bits. */
export function doubleOf(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

/** Nanoseconds of a fraction as it is written, "5" being half a second. */
function fraction(digits = ""): bigint {
  return BigInt(digits.padEnd(9, "0").slice(0, 9));
}

/** Nanoseconds since 1970 of an RFC 3339 text. */
function timestampNanoseconds(text: string): bigint {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!parts) throw new Error(`not a timestamp: ${text}`);
  return BigInt(Date.parse(parts[1]! + parts[3]!)) * 1_000_000n + fraction(parts[2]);
}

/** Nanoseconds of a duration like `-1.5s`. */
function durationNanoseconds(text: string): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(text);
  if (!parts) throw new Error(`not a duration: ${text}`);
  const size = BigInt(parts[2]!) * 1_000_000_000n + fraction(parts[3]);
  return parts[1] ? -size : size;
}

/** Equal for values that are the same in type and value, and for no others. */
export function canonical(value: Typed): string {
  const content = value.value;
  switch (value.type) {
    case "double": {
      // There are many bit patterns of NaN, and which one comes out is nobody's business.
      if (content === "NaN") return "double NaN";
      if (value.bits === undefined) throw new Error(`a double without bits: ${content}`);
      return `double ${value.bits}`;
    }
    case "list":
      return `[${(content as Typed[]).map(canonical).join(", ")}]`;
    case "map": {
      const entries = (content as [Typed, Typed][]).map(
        ([key, each]) => `${canonical(key)}: ${canonical(each)}`,
      );
      return `{${entries.sort().join(", ")}}`;
    }
    case "timestamp":
      return `timestamp ${timestampNanoseconds(content)}`;
    case "duration":
      return `duration ${durationNanoseconds(content)}`;
    case "optional":
      return content === null ? "optional.none" : `optional of ${canonical(content)}`;
    default:
      return `${value.type} ${JSON.stringify(content)}`;
  }
}

const withoutSpaces = (text: string) => text.replace(/\s+/g, "");

/** What is wrong with the engine's answer to a case, or null. */
function verdict(probe: Probe, row: Case): string | null {
  const { value, error, deduced_type: type } = row.expect;
  for (const folding of [0, NO_FOLDING]) {
    const how = folding ? "without folding: " : "";
    begin(probe, {
      flags: (row.disable_check ? 0 : CHECK) | (row.disable_macros ? NO_MACROS : 0) | folding,
      container: row.container,
      types: row.type_env,
      functions: row.function_env,
      bindings: row.bindings,
    });
    const problem = compile(probe, row.expr);
    if (problem !== "") {
      if (error !== undefined) continue;
      return `${how}refused at ${problem}`;
    }
    if (type !== undefined) {
      const deduced = probe.text(probe.exports.deducedType());
      if (withoutSpaces(deduced) !== withoutSpaces(type)) return `${how}has the type ${deduced}`;
    }
    if (row.check_only || (value === undefined && error === undefined)) continue;
    const got = evaluate(probe);
    if ("error" in got) {
      if (error === undefined) return `${how}failed: ${got.error}`;
    } else if (value === undefined) {
      return `${how}gave ${canonical(got.value)}, must fail`;
    } else if (canonical(got.value) !== canonical(value)) {
      return `${how}gave ${canonical(got.value)} instead of ${canonical(value)}`;
    }
  }
  return null;
}

/** Why a case is not run, or null. */
function reasonToSkip(row: Case): string | null {
  return row.kind === "proto" ? "needs protobuf messages" : (DEVIATIONS.get(row.id) ?? null);
}

/** Runs the files; prints what fails and, by reason, what is skipped. */
export async function run(files: string[]): Promise<SuiteResult> {
  let probe = await loadProbe("cel");
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const skipped = new Map<string, string[]>();
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      if (line.trim() === "") continue;
      const row = JSON.parse(line) as Case;
      const reason = reasonToSkip(row);
      if (reason !== null) {
        totals.skipped++;
        skipped.set(reason, [...(skipped.get(reason) ?? []), row.id]);
        continue;
      }
      let wrong: string | null;
      try {
        wrong = verdict(probe, row);
      } catch (error) {
        const isTrap = error instanceof WebAssembly.RuntimeError;
        wrong = isTrap ? `trap: ${error}` : String(error);
        probe = await loadProbe("cel");
      }
      if (wrong === null) {
        totals.passed++;
      } else {
        totals.failed++;
        console.log(`FAILED ${row.id} ${JSON.stringify(row.expr).slice(0, 120)}: ${wrong}`);
      }
      probe.exports.collect();
    }
  }
  for (const [reason, ids] of skipped) {
    for (const id of ids) console.log(`skipped ${id}: ${reason}`);
  }
  return totals;
}
