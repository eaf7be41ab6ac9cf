// What became of each rule for one request, put together from the walk: which applied, which did not and
// why, what each step changed, called and answered.

import type { Source } from "../parse.ts";
import {
  OUTCOME,
  PHASES,
  type PhaseName,
  type Recorded,
  type RuleWalk,
  type Situation,
  type StepWalk,
  type Walk,
  walk,
} from "./walk.ts";
import { type MatchReason, nodeAt, Prober, type WhenReason } from "./why.ts";

type Tree = Record<string, unknown>;

export type RuleVerdict =
  | { is: "applied" }
  | { is: "guards only"; when: string; failures: string[] }
  | { is: "disabled" }
  | { is: "elsewhere" }
  | { is: "no match"; reason: MatchReason }
  | { is: "after final"; rule: string }
  | { is: "when false"; why: WhenReason }
  | { is: "status"; wanted: unknown; status: string }
  | { is: "not reached"; ended: Ending | undefined };

/** The step that ended a phase. */
export interface Ending {
  rule: string;
  phase: PhaseName;
  step: number;
  how: "stop" | "answer";
}

export interface StepReport extends StepWalk {
  verb: string;
  name?: string;
  /** Why its own condition did not let it act. */
  why?: WhenReason;
  /** Its expression failed, and its policy decided. */
  whenFailed?: true;
  body?: { before: Uint8Array; after: Uint8Array };
}

export interface RuleReport {
  rule: string;
  name: string;
  line: number | undefined;
  final: boolean;
  verdict: RuleVerdict;
  steps: StepReport[];
}

export interface Report {
  file: string;
  situation: Situation;
  rules: RuleReport[];
  walk: Walk;
}

const NOT_A_VERB = ["name", "when", "onError"];
const BODY_VERBS = ["body", "form", "events"];

export async function explain(
  rules: Tree,
  source: Source,
  situation: Situation,
  only?: string,
): Promise<Report> {
  const recorded: Recorded = new Map();
  const walked = await walk(JSON.stringify(rules), situation, recorded);
  if (!walked) throw new Error("the filter refuses the rules that it has taken");
  const reporter = new Reporter(rules, source, situation, walked, recorded);
  const reports: RuleReport[] = [];
  for (const pointer of pointersOf(rules)) {
    if (only === undefined || only === nameOf(rules, pointer)) {
      reports.push(await reporter.rule(pointer));
    }
  }
  return { file: source.file, situation, rules: reports, walk: walked };
}

/** All rules of the file, in its order. */
export function pointersOf(rules: Tree): string[] {
  const entries = (rules["_rules_"] ?? []) as Tree[];
  const lists = ["/rules", ...entries.map((_, i) => `/_rules_/${i}/rules`)];
  return lists.flatMap((list) => {
    const own = (nodeAt(rules, list) ?? []) as Tree[];
    return own.map((_, i) => `${list}/${i}`);
  });
}

export function nameOf(rules: Tree, pointer: string): string {
  const name = (nodeAt(rules, pointer) as Tree)["name"];
  return typeof name === "string" ? name : pointer.slice(1).replace(/\/(\d+)$/, "[$1]");
}

class Reporter {
  private readonly prober: Prober;

  constructor(
    private readonly rules: Tree,
    private readonly source: Source,
    private readonly situation: Situation,
    private readonly walk: Walk,
    recorded: Recorded,
  ) {
    this.prober = new Prober(rules, situation, recorded);
  }

  async rule(rule: string): Promise<RuleReport> {
    const node = nodeAt(this.rules, rule) as Tree;
    const verdict = await this.verdict(rule, node);
    const steps: StepReport[] = [];
    for (const step of this.walk.steps) {
      if (step.rule === rule) steps.push(await this.step(step, node));
    }
    return {
      ...{ rule, name: nameOf(this.rules, rule), line: this.source.rangeOf(rule)?.start.line },
      ...{ final: node["final"] === true, verdict, steps },
    };
  }

  private async verdict(rule: string, node: Tree): Promise<RuleVerdict> {
    const { chosen, entered } = this.walk;
    if (node["enabled"] === false) return { is: "disabled" };
    if (!chosen.includes(rule)) return this.notChosen(rule, node);
    const own = entered.filter((each) => each.rule === rule);
    const failed = own.find(({ applies }) => applies === 3);
    if (failed) {
      return { is: "guards only", when: String(node["when"]), failures: failed.failures };
    }
    const withSteps = (each: RuleWalk) => ((node[each.phase] ?? []) as unknown[]).length > 0;
    if (own.some((each) => each.enters && withSteps(each))) return { is: "applied" };
    const refused = own.find(({ applies }) => applies === 2);
    if (refused) {
      const place = { rule, phase: refused.phase };
      return { is: "when false", why: await this.prober.whenReason(place, String(node["when"])) };
    }
    const status = (node["match"] as Tree | undefined)?.["status"];
    if (status !== undefined && own.some((each) => !each.enters && each.phase !== "request")) {
      return { is: "status", wanted: status, status: this.status() };
    }
    const phases = PHASES.filter((phase) => node[phase] !== undefined);
    if (own.some(({ enters }) => enters) && phases.length === 0) return { is: "applied" };
    const ended = this.ending(phases[0] ?? "request");
    const final = ended ? undefined : this.finalBefore(rule);
    return final ? { is: "after final", rule: final } : { is: "not reached", ended };
  }

  private async notChosen(rule: string, node: Tree): Promise<RuleVerdict> {
    const { rules, chosen } = this.walk;
    const list = (pointer: string) => pointer.slice(0, pointer.lastIndexOf("/"));
    const others = chosen.filter((each) => list(each) !== "/rules");
    if (list(rule) !== "/rules" && others.every((each) => list(each) !== list(rule))) {
      return { is: "elsewhere" };
    }
    const reason = await this.prober.matchReason((node["match"] ?? {}) as Tree);
    if (reason) return { is: "no match", reason };
    const last = chosen.at(-1);
    const isFinal = last !== undefined && (nodeAt(this.rules, last) as Tree)["final"] === true;
    if (isFinal && rules.indexOf(last) < rules.indexOf(rule)) {
      return { is: "after final", rule: last };
    }
    return { is: "elsewhere" };
  }

  private status(): string {
    const status = this.walk.client?.headers.find(([name]) => name === ":status")?.[1];
    return status ?? String(this.situation.upstream.status ?? 200);
  }

  /** What ended the phase, or one before it. */
  private ending(phase: PhaseName): Ending | undefined {
    for (const step of this.walk.steps) {
      if (PHASES.indexOf(step.phase) > PHASES.indexOf(phase)) continue;
      const isStop = step.outcome === OUTCOME.stop && step.phase === phase;
      const isAnswer = step.outcome === OUTCOME.end || step.reply !== undefined;
      if (isStop) return { ...step, how: "stop" };
      if (isAnswer) return { ...step, how: "answer" };
    }
    return undefined;
  }

  /** The final rule with a condition that applied before that one, and so ended the list. */
  private finalBefore(rule: string): string | undefined {
    const { entered, rules } = this.walk;
    const isFinal = (each: RuleWalk) => (nodeAt(this.rules, each.rule) as Tree)["final"] === true;
    const ends = entered.filter((each) => each.enters && each.applies === 1 && isFinal(each));
    return ends.find((each) => rules.indexOf(each.rule) < rules.indexOf(rule))?.rule;
  }

  private async step(step: StepWalk, rule: Tree): Promise<StepReport> {
    const node = (rule[step.phase] as Tree[])[step.step]!;
    const verb = Object.keys(node).find((key) => !NOT_A_VERB.includes(key))!;
    const name = node["name"];
    const report: StepReport = { ...step, verb, ...(typeof name === "string" && { name }) };
    const when = node["when"];
    if (when !== undefined && step.failures.length > 0) report.whenFailed = true;
    if (!step.acted && when !== undefined && !report.whenFailed && step.phase !== "done") {
      report.why = await this.prober.whenReason(step, String(when));
    }
    if (step.acted && BODY_VERBS.includes(verb) && step.phase !== "done") {
      const after = await this.prober.bodyAfter(step);
      // Without the step, the walk ends in front of it.
      const before = await this.prober.bodyAfter({ ...step, step: step.step - 1 });
      if (before && after) report.body = { before, after };
    }
    return report;
  }
}
