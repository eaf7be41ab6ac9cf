// What each rule of a checked rule file will do: the real filter reads the rules in the embedded
// host and says it, rule by rule (filter/config/plan.ts). Here its lines get their places in the YAML back.

import { LogLevel, Plugin } from "../../host/index.ts";
import { type Artefact, filterModule } from "../assets.ts";
import type { Source } from "../parse.ts";

export type Direction = "request" | "response";
/** In the order of the filter's pairs and phases. */
export const DIRECTIONS: readonly Direction[] = ["request", "response"];

export interface FilterEdit {
  edit: "replace" | "insert" | "json" | "text" | "prepend" | "append" | "events";
  /** The most bytes held back between pieces, and the memory that this may take. */
  window: number;
  memory: number;
  /** Of an edit that wants the whole body. */
  maxSize?: number;
  rejects?: true;
  denies?: true;
  decodes?: true;
  rejectsCoding?: true;
  replacesAll?: true;
}

/** What a step does when something it needs cannot be evaluated; the filter's numbers. */
export const ON_FAILURE = { skip: 0, act: 1, deny: 2 } as const;

export interface FilterCall {
  cluster: string;
  timeout: number;
  /** A status, or 0: the message goes on. */
  onError: number;
  /** How often it is made again. */
  retries?: number;
}

export interface FilterCache {
  ttl: number;
  /** 0: denials are not kept. */
  denyTtl: number;
  staleIfError: number;
  maxEntries: number;
  /** The rule says what the key is. */
  keyed?: true;
  obeysCacheControl?: true;
}

export interface FilterStep {
  step: number;
  conditional?: true;
  whenReadsBody?: true;
  readsBody?: true;
  judgesBody?: true;
  onFailure: number;
  edits?: FilterEdit[];
  someTypes?: true;
  /** Of `limit`; -1 is none. */
  body?: number;
  headers?: number;
  headerBytes?: number;
  answers?: true;
  /** Of `rateLimit`: counts, seconds, algorithm, burst of each limit; the status of a refusal. */
  rates?: Array<[count: number, seconds: number, algorithm: number, burst: number]>;
  scope?: "proxy" | "worker" | "cluster";
  keyed?: true;
  allowsOnError?: true;
  status?: number;
  /** Of `store`: names, and the keys that each may have, 0 being none. */
  stores?: Array<[name: string, keys: number]>;
  /** Of `emit`: the bytes of each body that are told. */
  maxBody?: number;
  /** How many events of it wait at the most. */
  queueEvents?: number;
  /** Of a callout. */
  cluster?: string;
  timeout?: number;
  /** A status, or 0: the message goes on. */
  onError?: number;
  /** How often it is made again. */
  retries?: number;
  /** Of `authorize`: bytes of the body that are sent, and whether of a larger one the beginning is;
   * answers that are kept, times in milliseconds. */
  sendsBody?: number;
  sendsPart?: true;
  cache?: FilterCache;
  /** Of `parallel`; `needs` has a bit for each that has to be over before. */
  calls?: Array<FilterCall & { needs: number }>;
}

/** A rule in the filter's own words. */
export interface FilterRule {
  rule: string;
  name: string;
  asked?: true;
  holdsHeaders?: true;
  limits: [request: number, response: number];
  ownLimits: [request: number, response: number];
  /** The phase in which the rule's `when` does: 0 request, 1 response. */
  whenReadsBody?: number;
  asksForAll?: true;
  /** What the upstream may send: 0 anything, 1 what the filter decodes, 2 plain bodies. */
  accept: number;
  /** What decoding one body takes. */
  decoder: number;
  /** What is read of a body where no limit says more. */
  readLimit: number;
  request: FilterStep[];
  response: FilterStep[];
  done: FilterStep[];
}

/** A task in the filter's own words; times are milliseconds. */
export interface FilterTask {
  task: string;
  every: number;
  jitter: number;
  onStart?: true;
  leader?: true;
  steps: FilterStep[];
}

export interface PlannedTask {
  file: string;
  line: number | undefined;
  filter: FilterTask;
}

export interface PlannedRule {
  file: string;
  line: number | undefined;
  /** The verb of each step, as the YAML has it. */
  verbs: Record<Direction, string[]>;
  filter: FilterRule;
}

const PLAN = /^ruleway(?: \[[^\]]*\])?: plan (\{.*\})$/s;
const NOT_A_VERB = ["name", "when", "onError"];

/** The rules and tasks in force, in the order of the file. Throws only when something of our own is
 * broken. */
export function planRules(
  json: string,
  source: Source,
  artefact?: Artefact,
): { rules: PlannedRule[]; tasks: PlannedTask[] } {
  const lines: string[] = [];
  const plugin = new Plugin(filterModule(artefact), {
    logLevel: LogLevel.Debug,
    log: (_level, text) => lines.push(text),
  });
  if (!plugin.configure(json)) throw new Error("the filter refuses the rules that it has taken");
  const plans = lines.flatMap((line) => {
    const text = PLAN.exec(line)?.[1];
    return text === undefined ? [] : [JSON.parse(text) as FilterRule | FilterTask];
  });
  const { file, tree } = source;
  const named = ((tree as Record<string, unknown>)["tasks"] ?? []) as Array<{ name: string }>;
  const tasks = plans.flatMap((filter) => {
    if (!("task" in filter)) return [];
    const place = `/tasks/${named.findIndex(({ name }) => name === filter.task)}`;
    return [{ file, line: source.rangeOf(place)?.start.line, filter }];
  });
  const rules = plans.flatMap((filter) => {
    if ("task" in filter) return [];
    const yaml = nodeAt(source.tree, filter.rule);
    const rule = {
      file: source.file,
      line: source.rangeOf(filter.rule)?.start.line,
      verbs: { request: verbsOf(yaml, "request"), response: verbsOf(yaml, "response") },
      filter,
    };
    return [rule];
  });
  return { rules, tasks };
}

function nodeAt(tree: unknown, pointer: string): Record<string, unknown> {
  let node = tree;
  for (const key of pointer.split("/").slice(1)) node = (node as Record<string, unknown>)[key];
  return node as Record<string, unknown>;
}

function verbsOf(rule: Record<string, unknown>, phase: Direction): string[] {
  const steps = (rule[phase] ?? []) as object[];
  return steps.map((step) => Object.keys(step).find((key) => !NOT_A_VERB.includes(key))!);
}
