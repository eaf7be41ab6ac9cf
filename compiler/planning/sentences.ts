// What a plan means, for people: sentences for one direction of a rule, in the order of its steps, and
// the memory that it may take there. The rule is told as if it were alone and all its steps ran.

import { tellOfParallel, withoutAnswer, worstWait } from "./callouts.ts";
import { type MemoryTerm, memoryTerms, readsBody, size } from "./memory.ts";
import {
  DIRECTIONS,
  type Direction,
  type FilterCache,
  type FilterCall,
  type FilterEdit,
  type FilterStep,
  type FilterTask,
  ON_FAILURE,
  type PlannedRule,
} from "./plan.ts";

export interface Told {
  sentences: string[];
  memory: MemoryTerm[];
}

/** What a task does, and for how long it may take. */
export function tellTask({ every, jitter, onStart, leader, steps }: FilterTask): string[] {
  const who = leader ? "one worker of the proxy" : "each worker, and the main thread of Envoy";
  const start = onStart ? ", and at the start" : "";
  const late = jitter > 0 ? `, at most ${jitter} ms later` : "";
  const asked = steps.flatMap(
    (step): Array<Pick<FilterStep, "cluster" | "timeout" | "queueEvents">> =>
      step.timeout === undefined ? (step.calls ?? []) : [step],
  );
  const calls = asked.map(({ cluster, timeout, queueEvents }) =>
    queueEvents === undefined
      ? `asks ${cluster}, ${timeout} ms at most`
      : `tells ${cluster}, and does not wait; ${queueEvents} events may`,
  );
  return [`every ${every} ms${late}${start}, by ${who}`, ...calls];
}

export function tell(rule: PlannedRule, direction: Direction): Told {
  return new Teller(rule, direction).tell();
}

const STATUSES = {
  request: { tooLarge: 413, invalid: 400, coding: 415 },
  response: { tooLarge: 502, invalid: 502, coding: 502 },
};

class Teller {
  private readonly sentences: string[] = [];
  private readonly steps: FilterStep[];
  private readonly verbs: string[];
  private readonly status: (typeof STATUSES)[Direction];
  /** What holds for the body where the walk is; -1 is no limit. */
  private limit: number;
  /** What a limit that may not apply would allow. */
  private perhaps = 0;
  /** The most that is read and collected of the body; 0 when it is not. */
  private read = 0;
  private collected = 0;

  constructor(
    private readonly rule: PlannedRule,
    private readonly direction: Direction,
  ) {
    this.steps = rule.filter[direction];
    this.verbs = rule.verbs[direction];
    this.status = STATUSES[direction];
    const at = DIRECTIONS.indexOf(direction);
    const own = rule.filter.ownLimits[at]!;
    this.limit = own >= 0 ? own : rule.filter.limits[at]!;
    if (this.limit < 0) return;
    const whose = own >= 0 ? "the rule's limit" : "the document's limit";
    const { tooLarge } = this.status;
    this.say(`a body larger than ${size(this.limit)} is refused with ${tooLarge} (${whose})`);
  }

  tell(): Told {
    const { filter } = this.rule;
    if (this.direction === "request") this.tellOfAsking();
    if (filter.whenReadsBody === DIRECTIONS.indexOf(this.direction)) {
      this.tellOfReading("the rule's when", "only guards act");
    }
    this.steps.forEach((step, i) => {
      this.tellStep(step, i);
    });
    const edits = this.steps.flatMap((step) => step.edits ?? []);
    this.tellOfCoding(edits);
    const memory = memoryTerms([this.rule], edits, this.read, this.collected);
    return { sentences: this.sentences, memory };
  }

  private say(sentence: string): void {
    this.sentences.push(sentence);
  }

  /** What the upstream is asked for, because of the response. */
  private tellOfAsking(): void {
    const { accept, asksForAll } = this.rule.filter;
    if (accept === 1) this.say("of accept-encoding only gzip, deflate and identity go on");
    if (accept === 2) this.say("accept-encoding becomes identity");
    if (asksForAll) this.say("range and if-range are removed");
  }

  private tellStep(step: FilterStep, i: number): void {
    const verb = this.verbs[i]!;
    if (step.whenReadsBody) {
      const otherwise: Record<number, string> = {
        [ON_FAILURE.skip]: "it is skipped",
        [ON_FAILURE.act]: "it acts",
        [ON_FAILURE.deny]: "the message is refused",
      };
      this.tellOfReading(`the when of ${verb}`, otherwise[step.onFailure]!);
    }
    if (step.readsBody) {
      const judges = verb === "validate" || step.sendsBody !== undefined;
      const refuses = judges || step.onFailure === ON_FAILURE.deny;
      this.tellOfReading(verb, refuses ? "the message is refused" : "what it needs is absent");
    }
    if (step.sendsBody !== undefined) this.tellOfSending(step, step.sendsBody);
    if (step.cache) this.tellOfCache(step.cache);
    if (step.timeout !== undefined || step.calls) this.tellOfCallout(step, i);
    if (step.rates) this.tellOfRates(step, step.rates);
    for (const [name, keys] of step.stores ?? []) this.tellOfStore(name, keys);
    if (verb === "limit") this.tellOfLimit(step);
    for (const edit of step.edits ?? []) this.tellEdit(edit, step, verb);
  }

  /** Somebody reads the body; `otherwise` is what becomes of it when that cannot be. */
  private tellOfReading(who: string, otherwise: string): void {
    if (this.read > 0) {
      this.say(`${who} reads the body that is there`);
      return;
    }
    const isLimited = this.limit >= 0;
    this.read = isLimited ? this.limit : Math.max(this.rule.filter.readLimit, this.perhaps);
    this.collected = Math.max(this.collected, this.read);
    const beyond = isLimited ? this.status.tooLarge : otherwise;
    const most = size(this.read);
    this.say(`${who} waits for the body (at most ${most}, else ${beyond}), headers are held`);
  }

  private tellOfCallout(step: FilterStep, i: number): void {
    // A body that was read has to be where the callout's answer finds it.
    const isJudgedLater = this.steps.slice(i + 1).some(({ judgesBody }) => judgesBody);
    const waits =
      this.read > 0 || (this.rule.filter.holdsHeaders && isJudgedLater)
        ? "the host keeps the body meanwhile, within its own buffer limit"
        : `until then the ${this.direction} is held`;
    if (step.calls) {
      this.say(`${tellOfParallel(step, this.direction)}; ${worstWait(step)} ms in all; ${waits}`);
      return;
    }
    const call = step as FilterStep & FilterCall;
    const whom = call.cluster ?? "the route's upstream";
    const again = step.retries ? ` and ${step.retries} times again` : "";
    const asked = `${this.verbs[i]} asks ${whom}${again}, ${call.timeout} ms at most`;
    const failed = withoutAnswer(call, this.direction);
    this.say(`${asked}; without an answer: ${failed}; ${waits}`);
  }

  private tellOfSending({ sendsPart }: FilterStep, most: number): void {
    const otherwise = sendsPart
      ? "of a larger one the beginning"
      : `a larger one is refused with ${this.status.tooLarge}`;
    this.say(`authorize sends the body along, ${size(most)} at most; ${otherwise}`);
  }

  private tellOfCache(cache: FilterCache): void {
    const { ttl, denyTtl, staleIfError, maxEntries, keyed } = cache;
    const key = keyed ? "of one key" : "of which it is told the same";
    const denials = denyTtl === 0 ? "denials not at all" : `denials for ${denyTtl} ms`;
    const stale = staleIfError > 0 ? `, ${staleIfError} ms more while the service fails` : "";
    this.say(`authorize asks the service once for requests ${key} that come at the same time`);
    const most = cache.obeysCacheControl ? ", no longer than it says itself" : "";
    this.say(
      `what it is told is kept for ${ttl} ms, ${denials}${most}${stale}; ${maxEntries} answers in each worker`,
    );
  }

  private tellOfRates(step: FilterStep, rates: NonNullable<FilterStep["rates"]>): void {
    const limits = rates.map(([count, seconds, algorithm, burst]) => {
      const at = algorithm === 0 ? ` (at most ${burst} at once)` : "";
      return `${count} in ${period(seconds)}${at}`;
    });
    const apart = step.keyed ? "of each key" : "of all requests together";
    const places = {
      ...{ cluster: "over all proxies", proxy: "over all workers", worker: "in each worker" },
    };
    const where = places[step.scope ?? "proxy"];
    const failed = step.allowsOnError ? "the request goes on" : "503";
    const calls = step.scope === "proxy" ? `; two host calls; without an answer: ${failed}` : "";
    this.say(
      `rateLimit lets through ${limits.join(" and ")} ${apart}, ${where}, ` +
        `and refuses what is beyond with ${step.status}${calls}`,
    );
  }

  private tellOfStore(name: string, keys: number): void {
    const most = keys > 0 ? `at most ${keys} keys of at most 64 KiB` : "at most 64 KiB";
    this.say(`store keeps ${name} for all workers: ${most}, in the host's memory`);
  }

  private tellOfLimit(step: FilterStep): void {
    const { body = -1, headers = -1, headerBytes = -1 } = step;
    const condition = step.conditional ? ", where its when holds" : "";
    if (body >= 0) {
      const answer = step.answers ? "its own answer" : this.status.tooLarge;
      this.say(`limit refuses a body larger than ${size(body)} with ${answer}${condition}`);
      if (step.conditional) this.perhaps = Math.max(this.perhaps, body);
      else this.limit = tighter(this.limit, body);
    }
    if (headers >= 0) this.say(`limit refuses more than ${headers} header lines${condition}`);
    if (headerBytes >= 0) {
      this.say(`limit refuses headers larger than ${size(headerBytes)}${condition}`);
    }
  }

  private tellEdit(edit: FilterEdit, step: FilterStep, verb: string): void {
    const types = step.someTypes ? " (of some content types)" : "";
    const name = `${verb === edit.edit ? verb : `${verb}.${edit.edit}`}${types}`;
    if (edit.maxSize !== undefined) {
      this.tellOfWhole(edit, edit.maxSize, name);
    } else if (edit.replacesAll) {
      this.say(`${name} replaces the body, of which nothing is held`);
    } else if (edit.edit === "events") {
      const most = size(edit.window);
      this.say(`${name} streams: holds an event (at most ${most}, else it passes unedited)`);
    } else {
      const held = edit.window > 0 ? `at most ${size(edit.window)}` : "nothing";
      this.say(`${name} streams: holds back ${held} between pieces`);
    }
  }

  private tellOfWhole(edit: FilterEdit, maxSize: number, name: string): void {
    const limit = this.limitAtEnd();
    const most = limit >= 0 ? Math.min(limit, maxSize) : maxSize;
    this.collected = Math.max(this.collected, most);
    const refuses = edit.rejects || (limit >= 0 && limit <= maxSize);
    const beyond = refuses ? this.status.tooLarge : "it passes unedited";
    const headers = this.rule.filter.holdsHeaders ? "are held" : "go on before";
    const wrong = edit.denies ? `is refused with ${this.status.invalid}` : "passes unedited";
    this.say(
      `${name} takes the whole body (at most ${size(most)}, else ${beyond}), headers ${headers}; ` +
        `what it cannot edit ${wrong}`,
    );
  }

  /** Edits act when all steps have run, and so under the limits of later ones too, unless the walk stops
   * or waits for the body before them. */
  private limitAtEnd(): number {
    if (readsBody(this.rule, this.direction) || this.verbs.includes("stop")) return this.limit;
    return this.steps.reduce(
      (limit, { body = -1, conditional }) =>
        body >= 0 && !conditional ? tighter(limit, body) : limit,
      this.limit,
    );
  }

  private tellOfCoding(edits: FilterEdit[]): void {
    const { coding } = this.status;
    const refusesOthers = edits.some(({ rejectsCoding }) => rejectsCoding);
    if (this.read > 0 || edits.some(({ decodes, replacesAll }) => decodes && !replacesAll)) {
      const others = refusesOthers ? `, other codings refused with ${coding}` : "";
      this.say(`gzip and deflate are decoded, in ${size(this.rule.filter.decoder)}${others}`);
    } else if (edits.some(({ decodes }) => !decodes)) {
      this.say(
        `a compressed body ${refusesOthers ? `is refused with ${coding}` : "passes unedited"}`,
      );
    }
  }
}

function period(seconds: number): string {
  for (const [size, unit] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "m"],
  ] as const) {
    if (seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}

function tighter(limit: number, other: number): number {
  return limit < 0 ? other : Math.min(limit, other);
}
