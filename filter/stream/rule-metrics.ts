// What became of each rule, under its name: `ruleway.rule.NAME.applied` and so on, a host call for each.
// Rules of one name count together, in every version of the configuration.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { MetricType } from "../abi/numbers";
import { Span } from "../bytes/span";
import { fromString, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { family } from "./counters";
import { writeWord } from "./metrics";

export const enum RuleEvent {
  /** Of streams: its steps were begun. */
  Applied,
  /** Its `when` was false, or could not be evaluated: then its guards have acted. */
  SkippedWhen,
  SkippedWhenFailed,
  /** The response has another status. */
  SkippedStatus,
  /** An expression of it failed. */
  Failed,
  /** It has answered with 400 or more. */
  Refused,
  Count,
}

const NAMES: StaticArray<string> = [
  "applied",
  "skipped.when",
  "skipped.when_failed",
  "skipped.status",
  "failed",
  "refused",
];

/** Names of rules in one VM; those that come later count together as `other`. */
export const MAX_NAMES: i32 = 1024;

@final
export class RuleMetrics {
  /** Ids in the host plus two; 0 is not yet defined. */
  private readonly ids: StaticArray<i32> = new StaticArray<i32>(RuleEvent.Count);

  constructor(private readonly name: string) {}

  count(event: RuleEvent, n: i32): void {
    let id = unchecked(this.ids[event]);
    if (id == 0) {
      const name = family + "rule." + this.name + "." + NAMES[event];
      id = host.defineMetric(MetricType.Counter, fromString(name, scratch)) + 2;
      unchecked((this.ids[event] = id));
    }
    host.increment(id - 2, n);
  }
}

const all: Map<string, RuleMetrics> = new Map<string, RuleMetrics>();
const others = new RuleMetrics("other");
const word = Writer.create();

/** Those of the rule's name. */
export function ruleMetrics(rule: Span): RuleMetrics {
  word.reset();
  writeWord(rule, word);
  const name = toString(word.view());
  if (all.has(name)) return all.get(name);
  if (all.size >= MAX_NAMES) return others;
  const made = new RuleMetrics(name);
  all.set(name, made);
  return made;
}
