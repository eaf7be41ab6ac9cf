// The value of an expression: the real filter answers a request with it, as a rule of one step would.
// So there is no second parser, no second engine and no second set of names.

import { LogLevel, ManualClock } from "../../host/index.ts";
import { admit } from "../admit.ts";
import { type Diagnostic, sortDiagnostics } from "../diagnostic.ts";
import type { Source } from "../parse.ts";
import type { Answer, Message } from "../rule-test/format.ts";
import { runInNode } from "../rule-test/node-engine.ts";
import type { EvaluationRequest } from "./request.ts";

/** What the expression is called in diagnostics. */
export const EXPRESSION = "expression";

export interface Evaluation {
  /** The value as JSON; undefined when there is none, and then the diagnostics say why. */
  json?: string;
  /** Why the value is shown as null although it is not. */
  withoutForm?: string;
  diagnostics: Diagnostic[];
}

/** The rule that evaluates; its name is how its log lines are known. */
const RULE = "ruleway-eval";
/** Where the values of `ctx` and `store` come from. */
const CTX = "ruleway_eval_ctx";
const STORE = "ruleway_eval_store";
const FAILED = new RegExp(`^rule ${RULE}: an expression failed at (\\d+): (.*)$`, "s");
const WITHOUT_FORM = new RegExp(`^rule ${RULE}: an expression failed as JSON: (.*)$`, "s");

/** What is wrong with the parts of the request that are of the rule language. */
export function checkRequest(source: Source): Diagnostic[] {
  const places: Array<[RegExp, string]> = [
    [/^\/rules\/\d+\/match/, "/match"],
    [/^\/rules\/0\/request\/\d\/set/, "/ctx"],
    [/^\/rules\/0\/request\/\d\/store/, "/store"],
    [new RegExp(`^/vars/${CTX}`), "/ctx"],
    [new RegExp(`^/vars/${STORE}`), "/store"],
  ];
  const here = (pointer: string) =>
    places.reduce((path, [rule, name]) => path.replace(rule, name), pointer);
  const mapped: Source = {
    ...source,
    rangeOf: (pointer, options) => source.rangeOf(here(pointer), options),
  };
  const diagnostics: Diagnostic[] = [];
  const rules = document(source.tree as EvaluationRequest, { stop: true });
  admit(rules, mapped, (each) => diagnostics.push({ ...each, pointer: here(each.pointer ?? "") }));
  return sortDiagnostics(diagnostics);
}

/** Evaluates; the request's rule parts have been checked. Throws only when something of our own is
 * broken. */
export function evaluate(text: string, request: EvaluationRequest): Evaluation {
  // As a condition the whole text is the expression, whatever is in it. That it is none is no matter,
  // and where other types are at fault, it is found again below.
  const problems = refusals(text, document(request, { when: text, stop: true }), 0);
  if (problems.some((each) => each.code !== "R313")) {
    return { diagnostics: problems.map((each) => withHint(each, request)) };
  }
  // A comment must not hide the parenthesis.
  const template = `$(${text}${text.includes("//") ? "\n" : ""})`;
  const rules = document(request, { respond: { json: template } });
  const diagnostics = refusals(text, rules, "$(".length);
  return diagnostics.length > 0 ? { diagnostics } : run(text, rules, request);
}

function withHint(each: Diagnostic, { response }: EvaluationRequest): Diagnostic {
  if (each.code !== "R312" || response) return each;
  return { ...each, hint: "it needs a request file with a response" };
}

/** The rules that come to the step, as JSON. */
function document(request: EvaluationRequest, step: object): string {
  const { vars, tables, ctx, store, match, response } = request;
  const before = [...stepOf("set", CTX, ctx), ...stepOf("store", STORE, store)];
  return JSON.stringify({
    ruleway: 1,
    settings: { holdHeaders: true },
    ...((vars || ctx || store) && {
      vars: { ...vars, ...(ctx && { [CTX]: ctx }), ...(store && { [STORE]: store }) },
    }),
    tables,
    rules: [
      ...(before.length > 0 ? [{ name: "before", request: before }] : []),
      { name: RULE, match, [response ? "response" : "request"]: [step] },
    ],
  });
}

/** The step that gives names their values, if there are any. */
function stepOf(verb: string, from: string, values: Record<string, unknown> = {}): object[] {
  const names = Object.keys(values);
  const entries = names.map((name) => [name, `$(vars.${from}[${JSON.stringify(name)}])`]);
  return names.length > 0 ? [{ [verb]: Object.fromEntries(entries) }] : [];
}

/** What the filter finds wrong with the expression, which begins `shift` bytes into its text. */
function refusals(text: string, rules: string, shift: number): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const source: Source = {
    ...{ file: EXPRESSION, text, tree: undefined },
    rangeOf: (_pointer, { offset = 0 } = {}) => rangeAt(text, Math.max(0, offset - shift)),
    *plainScalars() {},
  };
  const isAccepted = admit(rules, source, (each) => diagnostics.push({ ...each, pointer: "" }));
  if (!isAccepted && diagnostics.length === 0) {
    throw new Error("the filter refuses an expression and does not say why");
  }
  return diagnostics;
}

/** The character at a byte offset. */
function rangeAt(text: string, byteOffset: number): Diagnostic["range"] {
  const before = Buffer.from(text).subarray(0, byteOffset).toString();
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  const offset = before.length;
  const width = (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  const start = { offset, line, column };
  return { start, end: { offset: offset + width, line, column: column + width } };
}

function run(text: string, rules: string, request: EvaluationRequest): Evaluation {
  let body: string | undefined;
  const outcome = runInNode(
    rules,
    {},
    {
      name: EXPRESSION,
      request: asBytes(request),
      upstream: asBytes<Answer>(request.response ?? {}),
      expect: {},
    },
    (pieces) => pieces,
    {
      options: {
        clock: new ManualClock(Date.now()),
        random: (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
        logLevel: LogLevel.Debug,
        // The answer as the filter gives it: what a client gets has no body if it asked with HEAD.
        trace: ({ name, args }) => {
          if (name === "proxy_send_local_response") body = String(args[2]);
        },
      },
      info: Object.fromEntries(
        Object.entries(request.attributes ?? {}).map(([name, value]) => [
          name,
          typeof value === "number" ? BigInt(value) : value,
        ]),
      ),
    },
  );
  const trap = outcome.violations.find((each) => each.startsWith("the filter trapped"));
  if (trap) throw new Error(trap);
  const find = (form: RegExp) => outcome.log.map((each) => form.exec(each)).find(Boolean);
  const failed = find(FAILED);
  if (failed) return failure(text, Number(failed[1]), failed[2]!);
  if (body === undefined) return { diagnostics: [] };
  const json = Buffer.from(body, "latin1").toString();
  const reason = find(WITHOUT_FORM)?.[1];
  // What is too large to be written is no answer.
  if (reason && !reason.includes("no form")) return failure(text, 0, reason);
  return { json, withoutForm: reason, diagnostics: [] };
}

function failure(text: string, at: number, message: string): Evaluation {
  const [file, range] = [EXPRESSION, rangeAt(text, at)];
  return { diagnostics: [{ code: "R320", severity: "error", message, file, range }] };
}

/** Texts of headers are byte strings for the host; in the file they are UTF-8. */
function asBytes<T extends Message & { host?: string; path?: string }>(message: T): T {
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  const headers = Object.fromEntries(
    Object.entries(message.headers ?? {}).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(bytes) : bytes(value),
    ]),
  );
  const { host, path } = message;
  return {
    ...message,
    headers,
    ...(host !== undefined && { host: bytes(host) }),
    ...(path !== undefined && { path: bytes(path) }),
  };
}
