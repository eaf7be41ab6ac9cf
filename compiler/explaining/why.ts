// Why something did not hold. Nothing is judged here: the filter is asked again with rules made for the
// question, such as the rules of the file with an answer in front of the step in question, which tells
// what an expression is worth just there.

import { conjuncts, isLiteral, operands } from "./terms.ts";
import type { PhaseName, Recorded, Situation, Walk } from "./walk.ts";
import { walk } from "./walk.ts";

type Tree = Record<string, unknown>;

export interface Valued {
  text: string;
  /** As JSON; undefined when the filter cannot say it. */
  value?: string;
  /** Why it has none. */
  failure?: string;
}

/** A condition that did not hold: the first term of it that did not, and what that looks at. */
export interface WhenReason {
  when: string;
  term: Valued;
  operands: Valued[];
}

/** A part of `match` that did not hold. */
export interface MatchReason {
  /** Below the rule, such as `match.headers.x-a`. */
  at: string;
  wanted: unknown;
  /** As JSON; null where nothing is there, undefined where the filter has no name for it. */
  value?: string;
  /** Of `any`: why none of them holds. */
  parts?: MatchReason[];
}

export interface Place {
  rule: string;
  phase: PhaseName;
  /** undefined: before the rule. */
  step?: number;
}

const DETAILS = "ruleway_explain";
const MOST_OPERANDS = 6;

export class Prober {
  constructor(
    private readonly rules: Tree,
    private readonly situation: Situation,
    private readonly recorded: Recorded,
  ) {}

  private walk(rules: Tree): Promise<Walk | undefined> {
    return walk(JSON.stringify(rules), this.situation, this.recorded);
  }

  /** What the expression is worth at the place. */
  async valueAt(place: Place, text: string): Promise<Valued> {
    const comment = text.includes("//") ? "\n" : "";
    const respond = { json: `$(${text}${comment})`, details: DETAILS };
    const walked = await this.walk(withStep(this.rules, place, { respond }));
    const steps = walked?.steps ?? [];
    const step = steps.find(({ reply }) => reply?.details === DETAILS);
    if (!step?.reply) return { text };
    const failure = step.failures.at(-1);
    return failure === undefined ? { text, value: step.reply.body } : { text, failure };
  }

  /** Why the condition does not hold there, or cannot be said. */
  async whenReason(place: Place, when: string): Promise<WhenReason> {
    const terms = conjuncts(when);
    let term: Valued = { text: when };
    for (const text of terms) {
      term = await this.valueAt(place, text);
      if (term.value !== "true") break;
    }
    const looked: Valued[] = [];
    for (const text of lookedAt(term.text)) {
      const valued = await this.valueAt(place, text);
      if (valued.value !== undefined || valued.failure !== undefined) looked.push(valued);
    }
    return { when, term, operands: looked };
  }

  /** The body as it is once the steps up to that one have done what they do. */
  async bodyAfter({ rule, phase, step }: Place): Promise<Uint8Array | undefined> {
    const place = { rule, phase, step: step! + 1 };
    const walked = await this.walk(withStep(this.rules, place, { stop: true }));
    return phase === "request" ? walked?.upstream?.body : walked?.client?.body;
  }

  /** The first part of the rule's `match` that does not hold; undefined when all do. */
  async matchReason(match: Tree): Promise<MatchReason | undefined> {
    const parts = partsOf(match, "match");
    const holds = await this.judge(parts.flatMap(flat));
    const reason = firstFailed(parts, holds);
    if (reason) await this.fillValues(reason);
    return reason;
  }

  /** Whether each part by itself holds. */
  private async judge(parts: Part[]): Promise<Set<Part>> {
    const rules = parts.map(({ match }) => ({ match, request: [{ stop: true }] }));
    const walked = await this.walk({ ...this.frame(), rules });
    const chosen = new Set(walked?.chosen);
    return new Set(parts.filter((_, i) => chosen.has(`/rules/${i}`)));
  }

  private frame(): Tree {
    return { ruleway: this.rules["ruleway"] ?? 1 };
  }

  private async fillValues(reason: MatchReason): Promise<void> {
    for (const part of reason.parts ?? []) await this.fillValues(part);
    const name = factOf(reason.at);
    if (name === undefined) return;
    const respond = { json: `$(${name})`, details: DETAILS };
    const walked = await this.walk({ ...this.frame(), rules: [{ request: [{ respond }] }] });
    const reply = walked?.steps.find((step) => step.reply?.details === DETAILS)?.reply;
    if (reply) reason.value = reply.body;
  }
}

/** What a term looks at, and what that looks at: parts whose text does not say their value. */
function lookedAt(term: string): string[] {
  const found: string[] = [];
  for (const queue = [term]; queue.length > 0 && found.length < MOST_OPERANDS; ) {
    for (const text of operands(queue.shift()!)) {
      if (text.length === 0 || isLiteral(text) || found.includes(text)) continue;
      found.push(text);
      queue.push(text);
    }
  }
  return found.slice(0, MOST_OPERANDS);
}

/** The rules with one more step at the place, in a rule of its own when it is before the rule. */
function withStep(rules: Tree, { rule, phase, step }: Place, more: object): Tree {
  const copy = structuredClone(rules);
  const split = rule.lastIndexOf("/");
  const list = nodeAt(copy, rule.slice(0, split)) as Tree[];
  const at = Number(rule.slice(split + 1));
  const node = list[at]!;
  if (step === undefined) {
    const match = node["match"];
    list.splice(at, 0, { ...(match !== undefined && { match }), [phase]: [more] });
  } else {
    (node[phase] as object[]).splice(step, 0, more);
  }
  return copy;
}

export function nodeAt(tree: unknown, pointer: string): unknown {
  let node = tree;
  for (const key of pointer.split("/").slice(1)) {
    node = (node as Tree)[key.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return node;
}

/** A piece of a `match` that can be judged by itself. */
interface Part {
  at: string;
  wanted: unknown;
  match: Tree;
  kind: "leaf" | "any" | "not";
  /** Of `any`: a list for each alternative. */
  alternatives: Part[][];
}

const NAMED = ["headers", "query", "cookies"];

function partsOf(match: Tree, at: string): Part[] {
  return Object.entries(match).flatMap(([key, wanted]): Part[] => {
    const here = `${at}.${key}`;
    const part = (piece: Partial<Part>): Part => ({
      ...{ at: here, wanted, match: { [key]: wanted }, kind: "leaf", alternatives: [] },
      ...piece,
    });
    // Asked of the response, in its own time.
    if (key === "status") return [];
    if (NAMED.includes(key)) {
      return Object.entries(wanted as Tree).map(([name, matcher]) =>
        part({ at: `${here}.${name}`, wanted: matcher, match: { [key]: { [name]: matcher } } }),
      );
    }
    const list = (wanted as Tree[]) ?? [];
    if (key === "all") return list.flatMap((each, i) => partsOf(each, `${here}[${i}]`));
    if (key === "any") {
      const alternatives = list.map((each, i) => partsOf(each, `${here}[${i}]`));
      return [part({ kind: "any", alternatives })];
    }
    return [part({ kind: key === "not" ? "not" : "leaf" })];
  });
}

function flat(part: Part): Part[] {
  return [part, ...part.alternatives.flat().flatMap(flat)];
}

function firstFailed(parts: Part[], holds: Set<Part>): MatchReason | undefined {
  const part = parts.find((each) => !holds.has(each));
  if (!part) return undefined;
  const reason: MatchReason = { at: part.at, wanted: part.wanted };
  if (part.kind !== "any") return reason;
  const reasons = part.alternatives.flatMap((each) => firstFailed(each, holds) ?? []);
  return { ...reason, parts: reasons };
}

/** The name, in expressions, of what a part of `match` looks at. */
function factOf(at: string): string | undefined {
  const [, kind, name] = /\b(headers|query|cookies)\.([^.]+(?:\..*)?)$/.exec(at) ?? [];
  if (kind !== undefined && name !== undefined) {
    const map = kind === "query" ? "query_params" : kind;
    const key = kind === "headers" ? name.toLowerCase() : name;
    return `request.${map}[${JSON.stringify(key)}]`;
  }
  const facts: Record<string, string> = {
    host: "request.host",
    path: "request.url_path",
    method: "request.method",
    scheme: "request.scheme",
    source: "client.ip",
    route: "xds.route_name",
    routePrefix: "xds.route_name",
    cluster: "xds.cluster_name",
    service: "xds.cluster_name",
  };
  return facts[at.slice(at.lastIndexOf(".") + 1)];
}
