// What a configuration becomes: an immutable Program of rules and steps, made by `config/`, walked by
// the exchange. Its texts lie in the program's arena, which lives as long as the last stream that
// began with it.

import { Arena } from "../bytes/arena";
import { equal, NONE, Span, startsWith } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Schema } from "../json-schema/index";
import { Expression } from "../rules/expression";
import { HostPattern } from "../rules/host-pattern";
import { Condition, Facts, isService } from "../rules/match";
import { Phase } from "../rules/name";
import { StatusSet } from "../rules/status-pattern";
import { Exchange } from "./exchange";

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

/** The answer to a callout, while it is delivered. */
export abstract class Answer {
  /** 0 when there is none: refused, timed out, reset. */
  status: i32 = 0;
  abstract header(name: Span): Span;
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

export abstract class Step {
  /** Says whether it acts; null: always. */
  when: Expression | null = null;
  onFailure: OnFailure = OnFailure.Skip;
  /** It can refuse: what cannot be decided is decided against the message. */
  isGuard: bool = false;
  /** Whether its condition, and what it does, read the body. */
  whenReadsBody: bool = false;
  readsBody: bool = false;
  /** Whether it may refuse the message because of its body: then headers must not go on before. */
  judgesBody: bool = false;
  /** Whether it needs the whole body at once. */
  holdsBody: bool = false;
  /** Whether it makes a callout. */
  calls: bool = false;

  abstract run(x: Exchange): Outcome;

  /** Goes on after a callout of this step; only for steps that answer Pause. */
  resume(x: Exchange, answer: Answer): Outcome {
    return Outcome.Next;
  }
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
  /** On failure, refuse the message instead of passing it on unedited. */
  denies: bool = false;
  /** Whole bodies: what may be held, and whether a larger one is refused. */
  maxSize: i64 = 0;
  rejects: bool = false;

  /** Set by `feed` on Changed. */
  consumed: i32 = 0;

  /** Evaluates what the edit needs, now; the address of its state in the exchange's arena, or 0 when
   * there is nothing to do (a value is absent). */
  abstract bind(x: Exchange): usize;

  /** The length of the result for a body of `before` bytes, or -1 when unknown. */
  abstract lengthAfter(state: usize, before: i64): i64;

  abstract feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed;
}

/** No limit. */
export const UNLIMITED: i64 = -1;

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
  captureCount: i32 = 0;
  demands: i32 = 0;
  requestLimit: i64 = UNLIMITED;
  responseLimit: i64 = UNLIMITED;
  request: StaticArray<Step> = [];
  response: StaticArray<Step> = [];
  done: StaticArray<Step> = [];
}

/** An answer that a rule has prepared. */
export abstract class Reply {
  abstract send(x: Exchange, details: Span): void;
}

@final
export class Program {
  rules: StaticArray<Rule> = [];
  requestLimit: i64 = UNLIMITED;
  responseLimit: i64 = UNLIMITED;
  variableCount: i32 = 0;
  reroute: bool = false;
  holdsHeaders: bool = false;
}

/** How an entry of `_rules_` is chosen; the keys that are not of its category are ignored, as the
 * Higress Go SDK has it. */
export const enum Category {
  Route,
  RouteAndService,
  Host,
  Service,
  RoutePrefix,
}

/** A document of its own for some routes, domains or services. */
@final
export class Entry {
  category: Category = Category.Route;
  routes: StaticArray<Span> = [];
  prefixes: StaticArray<Span> = [];
  services: StaticArray<Span> = [];
  hosts: StaticArray<HostPattern> = [];

  constructor(readonly program: Program) {}

  /** Whether the entry is for the stream; for domains `rank` says how specific it is. */
  matches(facts: Facts): bool {
    switch (this.category) {
      case Category.Route:
        return isAmong(facts.route(), this.routes);
      case Category.RouteAndService:
        return (
          isAmong(facts.route(), this.routes) && isServiceAmong(facts.cluster(), this.services)
        );
      case Category.Host:
        return this.rank(facts) >= 0;
      case Category.Service:
        return isServiceAmong(facts.cluster(), this.services);
    }
    const route = facts.route();
    for (let i = 0, n = this.prefixes.length; i < n; i++) {
      if (route != NONE && startsWith(route, unchecked(this.prefixes[i]))) return true;
    }
    return false;
  }

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

function isAmong(value: Span, list: StaticArray<Span>): bool {
  for (let i = 0, n = list.length; i < n; i++) {
    if (equal(value, unchecked(list[i]))) return true;
  }
  return false;
}

function isServiceAmong(cluster: Span, list: StaticArray<Span>): bool {
  for (let i = 0, n = list.length; i < n; i++) {
    if (cluster != NONE && isService(cluster, unchecked(list[i]))) return true;
  }
  return false;
}

/** All that one configuration became. It is in use while it is its plugin's or a stream has begun
 * with it; then its arena goes. */
@final
export class Configuration {
  readonly arena: Arena = Arena.create();
  /** Of its `validate` steps; they go with it. */
  readonly schemas: Schema[] = [];
  /** What applies where no entry does; null: nothing. */
  global: Program | null = null;
  entries: StaticArray<Entry> = [];
  mostSpecificDomain: bool = false;
  private users: i32 = 0;

  /** The program for the stream, or null. */
  choose(facts: Facts): Program | null {
    const entries = this.entries;
    let chosen: Program | null = null;
    let bestRank = -1;
    for (let i = 0, n = entries.length; i < n; i++) {
      const entry = unchecked(entries[i]);
      if (!entry.matches(facts)) continue;
      if (!this.mostSpecificDomain || entry.category != Category.Host) {
        if (chosen == null) return entry.program;
        continue;
      }
      const rank = entry.rank(facts);
      if (rank <= bestRank) continue;
      bestRank = rank;
      chosen = entry.program;
    }
    return chosen != null ? chosen : this.global;
  }

  use(): void {
    this.users++;
  }

  /** True when that was the last use: the configuration is gone. */
  release(): bool {
    if (--this.users > 0) return false;
    this.destroy();
    return true;
  }

  destroy(): void {
    for (let i = 0; i < this.schemas.length; i++) this.schemas[i].destroy();
    this.arena.destroy();
  }
}
