// What a configuration becomes: an immutable Program of rules and steps, made by `config/`, walked by
// the exchange. Its texts lie in the program's arena, which lives as long as the last stream that
// began with it.

import { Arena } from "../bytes/arena";
import { EMPTY_SET } from "../bytes/ordered-set";
import { NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { ClientAddress } from "../http/client-address";
import { Schema } from "../json-schema/index";
import { hits, Index, propose } from "../match/index";
import { Expression } from "../rules/expression";
import { HostPattern } from "../rules/host-pattern";
import { Condition, Facts, Sense } from "../rules/match";
import { Phase } from "../rules/name";
import { PathPolicy } from "../rules/path-policy";
import { StatusSet } from "../rules/status-pattern";
import { Answer } from "./answer";
import { Decisions } from "./decisions";
import { flag, number } from "./description";
import { Exchange } from "./exchange";
import { Holding } from "./holding";
import { RedisService } from "./redis-service";
import { RuleMetrics } from "./rule-metrics";

/** What running a step leads to. */
export const enum Outcome {
  Next,
  /** No further steps or rules in this phase. */
  Stop,
  /** A callout is out; `resume` goes on. */
  Pause,
  /** The body has to be read first; the walk then comes back to the same place. */
  Read,
  /** Answered: nothing further runs for this stream. */
  End,
}

/** What a step does when its condition, or an expression in it, cannot be evaluated. */
export const enum OnFailure {
  /** Nothing. */
  Skip,
  /** It acts, as if the condition were true: guards fail closed. */
  Act,
  /** The message is refused. */
  Deny,
}

/** What a rule can read of the codings a client accepts. */
export const enum Accept {
  Any,
  /** Those that the filter decodes. */
  Decodable,
  /** None: plain bodies. */
  Identity,
}

/** Whether edits of a step make the host choose the route again. */
export const enum Reroute {
  /** As the document has it. */
  Inherited,
  No,
  Yes,
}

export abstract class Step {
  /** Says whether it acts; null: always. */
  when: Expression | null = null;
  onFailure: OnFailure = OnFailure.Skip;
  reroute: Reroute = Reroute.Inherited;
  /** It can refuse, or answers itself, so that the message gets no further: what cannot be decided is
   * decided against the message. */
  isGuard: bool = false;
  /** What it does depends on the path. */
  looksAtTarget: bool = false;
  /** What it answers is no refusal: `onError: deny` asks for one. */
  answersWell: bool = false;
  /** The steps and rules after it are not for the message. */
  stops: bool = false;
  /** Whether its condition, and what it does, read the body. */
  whenReadsBody: bool = false;
  readsBody: bool = false;
  /** Whether it may refuse the message because of its body: then headers must not go on before. */
  judgesBody: bool = false;
  /** Whether it needs the whole body at once. */
  holdsBody: bool = false;
  /** Whether it makes a callout. */
  calls: bool = false;
  /** Of a response: what the request should ask the upstream for. */
  accept: Accept = Accept.Any;

  /** Whether its condition decides if a message passes: it refuses, or keeps those that would from the
   * message. */
  get decidesPassage(): bool {
    return this.isGuard || this.stops || this.onFailure == OnFailure.Deny;
  }

  /** Whether what it reads besides its condition decides if a message passes. */
  get judges(): bool {
    return this.isGuard;
  }

  abstract run(x: Exchange): Outcome;

  /** Whether it leaves something by which guards may judge. */
  get leaves(): bool {
    return false;
  }

  /** It does not act, and nobody knows whether it should: what it would have left is unknown too. */
  leaveUnknown(x: Exchange): void {}

  /** Writes what is particular to it as members of a JSON object (description.ts). */
  describe(out: Writer): void {}

  /** Goes on after a callout of this step; only for steps that answer Pause. `item` says which, where
   * there are several. */
  resume(x: Exchange, answer: Answer, item: i32): Outcome {
    return Outcome.Next;
  }
}

/** A step whose edits wait for the trailers. */
export abstract class TrailersEdit extends Step {
  abstract edit(x: Exchange): void;
}

/** What an edit made of a piece of body. */
export const enum Fed {
  /** The piece passes as it is. */
  Same,
  /** `out` stands for its first `consumed` bytes; the rest passes as it is. */
  Changed,
  /** The body is not what the edit needs; nothing was written. */
  Failed,
}

/** One edit of a body. The object is configuration; what a stream needs lies in a state of its own. */
export abstract class BodyEdit {
  /** Wants the whole body as one piece. */
  whole: bool = false;
  /** Takes the body for one JSON text, which a stream of events is not. */
  readsJson: bool = false;
  /** On failure, refuse the message instead of passing it on unedited. */
  denies: bool = false;
  /** A failure comes in the midst of the result: the message is never passed on after it. */
  breaksOff: bool = false;
  /** Whole bodies: what may be held, and whether a larger one is refused. */
  maxSize: i64 = 0;
  rejects: bool = false;
  /** A compressed body is decoded for it, where its coding allows that. */
  decodes: bool = true;
  /** The message is refused where it stays coded, instead of being passed on unedited. */
  rejectsCoding: bool = false;
  /** What the body was before is of no matter. */
  replacesAll: bool = false;
  /** It makes a body where there was none. */
  makes: bool = false;

  /** Set by `feed` on Changed. */
  consumed: i32 = 0;

  /** Evaluates what the edit needs, now; the address of its state in the exchange's arena, or 0 when
   * there is nothing to do (a value is absent). */
  abstract bind(x: Exchange): usize;

  /** The length of the result for a body of `before` bytes, or -1 when unknown. */
  abstract lengthAfter(state: usize, before: i64): i64;

  abstract feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed;

  /** Its key in the step. */
  abstract get verb(): string;

  /** The most bytes of a body in pieces that are held back between them. */
  get window(): i64 {
    return 0;
  }

  /** What its state may take of memory for them. */
  get memory(): i64 {
    return this.window;
  }

  describe(out: Writer): void {
    out.text('{"edit":"');
    out.text(this.verb);
    out.byte(0x22);
    number(out, "window", this.window);
    number(out, "memory", this.memory);
    if (this.whole) number(out, "maxSize", this.maxSize);
    flag(out, "rejects", this.rejects);
    flag(out, "denies", this.denies);
    flag(out, "decodes", this.decodes);
    flag(out, "rejectsCoding", this.rejectsCoding);
    flag(out, "replacesAll", this.replacesAll);
    out.byte(0x7d);
  }
}

/** No limit. */
export const UNLIMITED: i64 = -1;

/** Whether the first of two limits, either of which may be UNLIMITED, is the smaller. */
export function isTighter(a: i64, b: i64): bool {
  return a != UNLIMITED && (b == UNLIMITED || a < b);
}

/** No steps; shared, as it never changes. */
export const NO_STEPS: StaticArray<Step> = [];

@final
export class Rule {
  name: Span = 0;
  condition: Condition | null = null;
  /** Extra condition of the response phase. */
  status: StatusSet | null = null;
  final: bool = false;
  /** Says whether it applies, once `condition` holds; null: always. */
  when: Expression | null = null;
  /** The phase in which `when` is evaluated: the first with steps. */
  whenPhase: Phase = Phase.Request;
  whenReadsBody: bool = false;
  /** It has steps whose conditions decide if messages pass. */
  hasGuards: bool = false;
  /** It has steps that leave something by which guards may judge. */
  leaves: bool = false;
  /** The condition says the same to every reader. */
  isCertain: bool = true;
  captureCount: i32 = 0;
  /** What becomes of it is counted here; null: nowhere. */
  metrics: RuleMetrics | null = null;
  /** Its place in the list it stands in. */
  place: i32 = 0;
  demands: i32 = 0;
  /** So much of bodies is kept for its `done` steps; 0: nothing. */
  captureLimit: i32 = 0;
  /** What its response steps can read. */
  accept: Accept = Accept.Any;
  requestLimit: i64 = UNLIMITED;
  responseLimit: i64 = UNLIMITED;
  /** What a form that its steps edit may measure; 0 where they do not say. */
  formLimit: i64 = 0;
  request: StaticArray<Step> = NO_STEPS;
  response: StaticArray<Step> = NO_STEPS;
  done: StaticArray<Step> = NO_STEPS;

  /** Whether what it says of a message decides if that passes: it may refuse, or keep the message from
   * rules that would. */
  get judges(): bool {
    return this.hasGuards || this.final;
  }

  /** Whether the condition may hold for one reader and not for another, and that matters. */
  get mayBeDoubtful(): bool {
    return !this.isCertain && (this.judges || this.leaves || this.hasLimits);
  }

  get hasLimits(): bool {
    return this.requestLimit != UNLIMITED || this.responseLimit != UNLIMITED;
  }
}

/** An answer that a rule has prepared. */
export abstract class Reply {
  abstract send(x: Exchange, details: Span): void;
}

@final
export class Program {
  rules: StaticArray<Rule> = [];
  /** Finds the rules that a stream may fulfil; null: each is asked. */
  index: Index | null = null;
  /** What is asked of a rule that was found; null: nothing more. */
  conditions: StaticArray<Condition | null> = [];
  requestLimit: i64 = UNLIMITED;
  responseLimit: i64 = UNLIMITED;
  variableCount: i32 = 0;
  /** Callouts with a result that has a name. */
  callCount: i32 = 0;
  reroute: bool = false;
  /** The host selects the route anew after edits, unless it is told not to. */
  isForHigress: bool = isDefined(HIGRESS);
  /** The host can hold headers while a body comes; Higress always can. */
  holdsHeaders: bool = isDefined(HIGRESS);
  paths: PathPolicy = new PathPolicy();
  /** Whether anything depends on what the path or the host is. */
  looksAtTarget: bool = false;
  /** Where the client's address is read; null: it is that of the connection's other end. */
  clientAddress: ClientAddress | null = null;
  /** Where its own rules stand: a JSON Pointer. */
  place: string = "";
  /** How many rules before them are the global ones. */
  inherited: i32 = 0;
  /** What becomes of its own rules is counted. */
  countsRules: bool = true;

  finish(arena: Arena): void {
    const n = this.rules.length;
    const conditions = new StaticArray<Condition | null>(n);
    for (let i = 0; i < n; i++) conditions[i] = this.rules[i].condition;
    const index = Index.of(conditions, arena);
    this.index = index;
    this.conditions = conditions;
    if (index == null) return;
    for (let i = 0; i < n; i++) {
      if (this.rules[i].judges || this.rules[i].leaves) index.proposesVariants = true;
    }
    // Not to ask again what being found says saves a rule of many its share of cache misses.
    for (let i = 0; i < n; i++) {
      const condition = conditions[i];
      if (condition != null && condition.isWholeKey && !index.isAlways(i)) conditions[i] = null;
    }
  }
}

/** A document of its own for some routes, domains or services. */
@final
export class Entry {
  /** `condition` says which streams it is for; `hosts` are its domains if it is chosen by them. */
  constructor(
    readonly program: Program,
    readonly condition: Condition,
    readonly hosts: StaticArray<HostPattern>,
  ) {}

  /** Of the most specific domain that matches, or -1. */
  rank(facts: Facts): i32 {
    const host = facts.host();
    let best = -1;
    for (let i = 0, n = this.hosts.length; i < n; i++) {
      const pattern = unchecked(this.hosts[i]);
      if (host != NONE && pattern.matches(host)) best = max(best, pattern.rank);
    }
    return best;
  }
}

/** Something that a configuration does by itself, again and again. */
export abstract class Periodic {
  /** How finely it wants to be asked, in milliseconds; 0: not at all. */
  abstract get resolutionMs(): i32;
  /** Time has passed; the plugin's context is the effective one. `now`: milliseconds since the epoch. */
  abstract tick(now: i64): void;
  /** Writes what it is as a JSON object, for `ruleway plan`; nothing when there is nothing to say. */
  describe(out: Writer): void {}
  /** The steps that it takes. */
  get steps(): StaticArray<Step> {
    return NO_STEPS;
  }
  /** The configuration is in force from now on. */
  start(now: i64): void {}
  /** The configuration is no longer its plugin's, or goes; `following` takes what is left, if there is one. */
  stop(following: Configuration | null): void {}
}

/** Whether there is managed memory that nobody uses any more. */
export let hasGarbage: bool = false;

export function setGarbage(isThere: bool): void {
  hasGarbage = isThere;
}

/** Bytes of memory when the first request came to this VM; 0: none has come. */
let memoryAtFirst: i64 = 0;

/** All that one configuration became. It is in use while it is its plugin's or a stream has begun
 * with it; then its arena goes. */
@final
export class Configuration {
  readonly arena: Arena = Arena.create();
  /** Of its `validate` steps; they go with it. */
  readonly schemas: Schema[] = [];
  /** What its `authorize` steps keep of what they were told. */
  readonly decisions: Decisions[] = [];
  /** The servers that its steps call. */
  readonly redis: RedisService[] = [];
  /** What applies where no entry does; null: nothing. */
  global: Program | null = null;
  entries: StaticArray<Entry> = [];
  /** Finds the entries that a stream may fulfil; null: each is asked. */
  index: Index | null = null;
  /** Of several domains the most specific is chosen, not the first. */
  mostSpecificDomain: bool = false;
  /** What it does while it is its plugin's. */
  readonly periodics: Periodic[] = [];
  /** Whether the host holds headers, if the rules say that it does. */
  holding: Holding | null = null;
  /** The plugin's context. */
  root: u32 = 0;
  /** After so many requests, or with so many bytes of memory, a new VM is asked for; 0: never. */
  rebuildAfter: i32 = 0;
  rebuildMemory: i64 = 0;
  /** 0: the host's own. */
  requestsPerCycle: i32 = 0;
  /** Streams that have begun with it. */
  streams: u32 = 0;
  private requests: i32 = 0;
  /** Bytes for which a new VM was asked for last. */
  private memoryBefore: i64 = 0;
  private users: i32 = 0;

  /** Makes the indices, once all rules and entries are there. */
  finish(): void {
    const global = this.global;
    if (global != null) global.finish(this.arena);
    const n = this.entries.length;
    if (n == 0) return;
    const conditions = new StaticArray<Condition | null>(n);
    for (let i = 0; i < n; i++) {
      conditions[i] = this.entries[i].condition;
      this.entries[i].program.finish(this.arena);
    }
    this.index = Index.of(conditions, this.arena);
  }

  /** How many rules there are. */
  get ruleCount(): i32 {
    const global = this.global;
    let n = global == null ? 0 : global.rules.length;
    for (let i = 0; i < this.entries.length; i++) {
      const program = this.entries[i].program;
      n += program.rules.length - program.inherited;
    }
    return n;
  }

  /** The program for the stream, or null. */
  choose(facts: Facts): Program | null {
    const n = this.entries.length;
    if (n == 0) return this.global;
    let chosen: Entry | null = null;
    propose(this.index, n, facts);
    for (let i = hits.take(); i != EMPTY_SET; i = hits.take()) {
      const entry = unchecked(this.entries[i]);
      if (chosen != null && entry.rank(facts) <= chosen.rank(facts)) continue;
      if (!entry.condition.holds(facts, Sense.Plain)) continue;
      chosen = entry;
      if (!this.mostSpecificDomain || entry.hosts.length == 0) break;
    }
    hits.clear();
    return chosen != null ? chosen.program : this.global;
  }

  /** Counts a request; whether it is time to ask for a new VM. Where none comes of it, the next time is
   * after as many requests, or as much memory, again. What a new VM begins with is no reason to ask for
   * another one, whatever the limit: it would ask at once, and so on without end. */
  wantsRebuild(): bool {
    let isTime = false;
    if (this.rebuildAfter > 0 && ++this.requests >= this.rebuildAfter) {
      this.requests = 0;
      isTime = true;
    }
    const size = (memory.size() as i64) << 16;
    if (memoryAtFirst == 0) memoryAtFirst = size;
    // Memory grows by as much as there is: once, and nothing is said by that.
    const isMore = size - this.memoryBefore >= this.rebuildMemory && size > 2 * memoryAtFirst;
    if (this.rebuildMemory > 0 && isMore) {
      this.memoryBefore = size;
      isTime = true;
    }
    return isTime;
  }

  use(): void {
    this.users++;
  }

  /** With the last use the configuration is gone. */
  release(): void {
    if (--this.users > 0) return;
    this.destroy();
    hasGarbage = true;
  }

  destroy(): void {
    for (let i = 0; i < this.schemas.length; i++) this.schemas[i].destroy();
    for (let i = 0; i < this.decisions.length; i++) this.decisions[i].clear();
    this.arena.destroy();
  }
}
