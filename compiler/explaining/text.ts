// The explanation for people. Whatever comes from outside is shown as JSON texts, so that it cannot act on
// a terminal.

import type { Report, RuleReport, RuleVerdict, StepReport } from "./report.ts";
import type { Call, HeaderChange, Message } from "./walk.ts";
import type { MatchReason, Valued, WhenReason } from "./why.ts";

const MOST_TEXT = 300;
/** What is the same on both sides of a change is shown no further than this. */
const AROUND = 30;

type Paint = (colour: "green" | "red" | "dim" | "bold", text: string) => string;

const CODES = { green: 32, red: 31, dim: 2, bold: 1 };

export const plain: Paint = (_colour, text) => text;
export const coloured: Paint = (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;

export function renderReport(report: Report, paint: Paint): string {
  const teller = new Teller(report, paint);
  return teller.tell();
}

class Teller {
  private readonly lines: string[] = [];

  constructor(
    private readonly report: Report,
    private readonly paint: Paint,
  ) {}

  tell(): string {
    const { rules, situation, walk } = this.report;
    const value = (name: string) => situation.headers.find(([each]) => each === name)?.[1] ?? "";
    const method = shown(value(":method"));
    this.say(
      0,
      `${method} ${shown(`${value(":scheme")}://${value(":authority")}${value(":path")}`)}`,
    );
    for (const rule of rules) this.rule(rule);
    this.say(0, "");
    if (walk.reply) {
      const { status, details } = walk.reply;
      this.say(0, `refused    ${status}, outside of the steps: ${shown(details)}`);
    }
    for (const call of walk.calls) this.call(call, 0);
    this.message("upstream", walk.upstream, "got nothing");
    this.message("client", walk.client, `got nothing: ${shown(walk.broken ?? "")}`);
    if (walk.waited > 0) this.say(0, `waited     ${walk.waited} ms for callouts`);
    const counted = Object.entries(walk.counted).map(([name, n]) => `${shown(name)} ${n}`);
    if (counted.length > 0) this.say(0, `counted    ${counted.join(", ")}`);
    return `${this.lines.join("\n")}\n`;
  }

  private say(depth: number, text: string): void {
    this.lines.push("  ".repeat(depth) + text);
  }

  private rule(rule: RuleReport): void {
    const { file } = this.report;
    const [mark, sentence] = this.verdict(rule.verdict);
    const at = `${file}${rule.line === undefined ? "" : `:${rule.line}`}`;
    const sign = this.paint(mark === "+" ? "green" : "red", mark);
    this.say(0, "");
    this.say(0, `${sign} ${this.paint("bold", shown(rule.name))}  ${this.paint("dim", at)}`);
    this.say(1, sentence + (rule.final && rule.verdict.is === "applied" ? "; final" : ""));
    const { verdict } = rule;
    if (verdict.is === "no match") this.parts(verdict.reason, 2);
    if (verdict.is === "when false") this.operands(verdict.why, 2);
    for (const step of rule.steps) this.step(step);
  }

  private nameOf(pointer: string): string {
    const rule = this.report.rules.find((each) => each.rule === pointer);
    return shown(rule?.name ?? pointer);
  }

  private verdict(verdict: RuleVerdict): ["+" | "-" | "!", string] {
    switch (verdict.is) {
      case "applied":
        return ["+", "applied"];
      case "guards only": {
        const why = verdict.failures.map((each) => `, it failed ${shown(each)}`).join("");
        return ["!", `only its guards act: when ${shown(verdict.when)} cannot be evaluated${why}`];
      }
      case "disabled":
        return ["-", "not in force: enabled is false"];
      case "elsewhere":
        return ["-", "not asked: it is of another part of the file than this request"];
      case "no match":
        return ["-", `does not match: ${reasonOf(verdict.reason)}`];
      case "after final":
        return ["-", `not asked: ${this.nameOf(verdict.rule)} is final`];
      case "when false":
        return ["-", `does not apply: ${whenOf(verdict.why)}`];
      case "status":
        return [
          "-",
          `does not match: match.status: ${verdict.status} is not ${json(verdict.wanted)}`,
        ];
      case "not reached": {
        const { ended } = verdict;
        if (!ended) return ["-", "not come to: the walk ended before it"];
        const how = ended.how === "stop" ? "stopped the phase" : "answered";
        const step = `step ${ended.step + 1} of its ${ended.phase}`;
        return ["-", `not come to: ${this.nameOf(ended.rule)} ${how} (${step})`];
      }
    }
  }

  private parts(reason: MatchReason, depth: number): void {
    for (const part of reason.parts ?? []) {
      this.say(depth, reasonOf(part));
      this.parts(part, depth + 1);
    }
  }

  private operands(why: WhenReason, depth: number): void {
    for (const operand of why.operands) this.say(depth, valued(operand));
  }

  private step(step: StepReport): void {
    const name = step.name === undefined ? "" : ` ${shown(step.name)}`;
    const head = `${step.phase} ${step.step + 1} ${step.verb}${name}`;
    if (!step.acted) {
      const why = step.why ? whenOf(step.why) : step.whenFailed ? "its when failed" : "not a guard";
      this.say(1, `${this.paint("dim", head)}: skipped: ${why}`);
      if (step.why) this.operands(step.why, 3);
    } else {
      this.say(1, head + (step.whenFailed ? ": acts, because its when failed" : ""));
    }
    for (const failure of step.failures) this.say(2, `an expression failed ${shown(failure)}`);
    for (const call of step.calls) this.call(call, 2);
    if (step.calls.some(({ failure }) => failure !== undefined)) {
      const policy = step.reply ? "the message is refused" : "the walk goes on";
      this.say(2, `without an answer: ${policy}`);
    }
    for (const change of step.changes) this.change(change);
    if (step.body) {
      const { before, after } = step.body;
      const isSame = Buffer.compare(before, after) === 0;
      if (isSame) this.say(2, "the body stays as it is");
      else {
        const [from, to] = difference(decoded(before), decoded(after));
        this.edit("body", from, to);
      }
    }
    for (const line of step.log) this.say(2, `logs ${shown(line)}`);
    if (step.reply) {
      const { status, details, body } = step.reply;
      const text = body === "" ? "" : ` ${shown(body.trim())}`;
      this.say(2, `answers ${status}${text} (${shown(details)})`);
    }
  }

  private change({ name, before, after }: HeaderChange): void {
    const all = (values: string[]) =>
      values.length === 0 ? "absent" : values.map((each) => json(utf8(each))).join(", ");
    this.edit(shown(name), all(before), all(after));
  }

  private edit(what: string, before: string, after: string): void {
    this.say(2, `${what}: ${this.paint("red", before)} → ${this.paint("green", after)}`);
  }

  private call(call: Call, depth: number): void {
    const value = (name: string) => call.headers.find(([each]) => each === name)?.[1] ?? "";
    const words = call.command?.map((word) =>
      /^[\w:.-]+$/.test(word) ? word : JSON.stringify(word),
    );
    const target = shown(`${value(":authority")}${value(":path")}`);
    const what = words ? shown(words.join(" ")) : `${shown(value(":method"))} ${target}`;
    this.say(depth, `calls ${shown(call.cluster)}: ${what}`);
    const took = call.took === undefined ? "" : ` after ${call.took} ms`;
    const most = `(of ${call.timeout} at most)`;
    if (call.failure !== undefined) this.say(depth + 1, `${call.failure}${took} ${most}`);
    else if (call.reply !== undefined) this.say(depth + 1, `${json(call.reply)}${took} ${most}`);
    else if (call.status !== undefined) {
      const body = call.answer && call.answer.length > 0 ? ` ${text(call.answer)}` : "";
      this.say(depth + 1, `${call.status}${body}${took} ${most}`);
    } else this.say(depth + 1, "nobody waits for the answer");
  }

  private message(who: string, message: Message | undefined, otherwise: string): void {
    const label = who.padEnd(11);
    if (!message) {
      this.say(0, label + otherwise);
      return;
    }
    const status = message.headers.find(([name]) => name === ":status")?.[1];
    const body = message.body.length === 0 ? "no body" : `body ${text(message.body)}`;
    this.say(0, `${label}got ${status === undefined ? "the request" : status}, ${body}`);
  }
}

/** Why a part of `match` does not hold, in one line. */
export function reasonOf({ at, wanted, value, parts }: MatchReason): string {
  if (parts) return `${at}: none of these holds`;
  if (/\.not$/.test(at)) return `${at}: ${json(wanted)} holds`;
  const seen = value === undefined ? "what is there" : value === "null" ? "absent" : shown(value);
  if (wanted === "present") return `${at} is absent`;
  if (wanted === "absent") return `${at} is ${seen}, and should be absent`;
  const list = Array.isArray(wanted) ? wanted : [wanted];
  return `${at}: ${seen} is not ${list.map(json).join(" or ")}`;
}

function whenOf({ when, term }: WhenReason): string {
  const said =
    term.failure !== undefined
      ? `cannot be evaluated, ${shown(term.failure)}`
      : `is ${term.value === undefined ? "not true" : shown(term.value)}`;
  if (term.text === when) return `when ${shown(when)} ${said}`;
  return `when ${shown(when)}: ${shown(term.text)} ${said}`;
}

function valued({ text: name, value, failure }: Valued): string {
  return `${shown(name)} ${value === undefined ? `fails ${shown(failure ?? "")}` : `is ${shown(value)}`}`;
}

function json(value: unknown): string {
  return shown(JSON.stringify(value));
}

/** A header as people read it. */
function utf8(value: string): string {
  return Buffer.from(value, "latin1").toString();
}

/** Without what would act on a terminal, and not without end. */
function shown(value: string): string {
  const one = value.replaceAll(/\s*\n\s*/g, " ");
  const safe = one.replaceAll(/[^\P{Cc}]|[\u202A-\u202E\u2066-\u2069]/gu, "\uFFFD");
  return safe.length <= MOST_TEXT ? safe : `${safe.slice(0, MOST_TEXT)}… (${safe.length})`;
}

/** The text of a body, or undefined when it is none. */
function decoded(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

function text(body: Uint8Array): string {
  const value = decoded(body);
  return value === undefined ? `of ${body.length} bytes that are no text` : json(value);
}

/** The two with what they have in common cut down. */
function difference(before: string | undefined, after: string | undefined): [string, string] {
  if (before === undefined || after === undefined) {
    const of = (value: string | undefined) => (value === undefined ? "bytes" : json(value));
    return [of(before), of(after)];
  }
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const rest = Math.min(before.length, after.length) - head;
  while (tail < rest && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const from = Math.max(0, head - AROUND);
  const cut = (value: string) => {
    const to = Math.min(value.length, value.length - tail + AROUND);
    const piece = json(value.slice(from, to));
    return `${from > 0 ? "…" : ""}${piece}${to < value.length ? "…" : ""}`;
  };
  return [cut(before), cut(after)];
}

/** The report as data; bodies as text, or in base64. */
export function reportAsJson(report: Report): string {
  const bytes = (value: unknown) =>
    value instanceof Uint8Array ? (decoded(value) ?? { base64: fromBase64(value) }) : value;
  const { file, rules, walk } = report;
  return `${JSON.stringify(
    { file, rules, walk: { ...walk, steps: undefined } },
    (_key, value) => {
      // A Buffer has been made to an object already.
      if (value?.type === "Buffer" && Array.isArray(value.data))
        return bytes(Buffer.from(value.data));
      return bytes(value);
    },
    2,
  )}\n`;
}

function fromBase64(value: Uint8Array): string {
  return Buffer.from(value).toString("base64");
}
