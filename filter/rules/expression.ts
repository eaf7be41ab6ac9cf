// An expression over a stream: CEL with the names of name.ts. Whoever holds an Expression only compiles
// it, evaluates it against a Scope, or tests it as a condition.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as cel from "../cel/index";
import { Activation, Environment, Failure, Kind, Program, Segment, Value } from "../cel/index";
import {
  Demand,
  Name,
  Names,
  Phase,
  resolve,
  resolvedSegments,
  rootSuggestion,
  Source,
} from "./name";
import * as problem from "./problem";

/** What can answer for a name: the stream. */
export abstract class Scope {
  /** What is read decides whether a message passes: what has several values, or is not read alike by
   * everybody, fails then. Edits read the first of several. */
  judging: bool = false;
  /** Somebody may come to judge by what is made of it: doubts are counted. */
  watching: bool = false;

  get strictness(): cel.Strictness {
    if (this.judging) return cel.Strictness.Full;
    return this.watching ? cel.Strictness.Watched : cel.Strictness.None;
  }

  /** Fills `out` with what the name is now; absent when it is not there. */
  abstract read(name: Name, out: Value): void;
  /** Whether the name, a map, is there; else `out` is absent, or fails. */
  abstract has(name: Name, out: Value): bool;
  /** Of a name that is a map: one member. */
  abstract member(name: Name, key: Span, out: Value): void;
  /** The same as a whole: a Map in `arena`; false without memory. */
  abstract whole(name: Name, out: Value, arena: Arena): bool;
}

/** What a condition says. */
export const enum Verdict {
  No,
  Yes,
  /** It could not be evaluated. */
  Failed,
}

/** The place of what failed after the evaluation. */
const NO_PLACE: i32 = -1;

/** Expressions that failed since the filter began; whoever counts compares. */
export let failures: u32 = 0;

@final
class RuleEnvironment extends Environment {
  readonly slots: Name[] = [];
  /** Of a name that was refused. */
  code: string = "";

  constructor(
    private readonly names: Names,
    private readonly phase: Phase,
    private readonly arena: Arena,
  ) {
    super();
  }

  lookUp(chain: Segment[]): i32 {
    if (rootSuggestion(chain[0].name, true).length == 0) return 0;
    const spans: Span[] = [];
    for (let i = 0; i < chain.length; i++) spans.push(chain[i].name);
    const name = resolve(spans, this.names, this.arena);
    if (name == null) return this.refuse(chain, problem.code, problem.message);
    if (this.phase == Phase.Task && name.isOfStream) {
      const text = "a task has no stream: there is neither a request nor a response";
      return this.refuse(chain, "R312", text);
    }
    if (name.since > this.phase) {
      return this.refuse(chain, "R312", "what this name stands for is not known yet in this phase");
    }
    if (name.isOfBody && name.since != this.phase) {
      const text =
        "a body is read in its own phase only; a set step there keeps what is needed later";
      return this.refuse(chain, "R312", text);
    }
    this.demand(name);
    this.constant = name.constant;
    this.type = name.type;
    this.slot = this.slots.length;
    this.slots.push(name);
    return resolvedSegments;
  }

  private refuse(chain: Segment[], code: string, message: string): i32 {
    if (cel.stage == cel.Stage.None) this.code = code;
    cel.refuse(chain[0].at, message);
    return 0;
  }

  private demand(name: Name): void {
    if (name.isOfBody) this.names.readsBody = true;
    if (name.source <= Source.OriginalCookie) this.names.readsRequest = true;
    if (name.source >= Source.OriginalHeader && name.source <= Source.OriginalCookie) {
      this.names.demands |= Demand.Original;
    } else if (name.source <= Source.RequestCookie && this.phase != Phase.Request) {
      this.names.demands |= Demand.Request;
    }
  }

  suggestion(name: Span): string {
    return rootSuggestion(name, false);
  }
}

/** Brings the slots of the expression at hand together with the stream at hand. */
@final
class StreamActivation extends Activation {
  slots: StaticArray<Name> = [];
  scope: Scope | null = null;

  read(slot: i32, out: Value): void {
    const name = unchecked(this.slots[slot]);
    if (name.isMap && this.scope!.has(name, out)) out.set(Kind.Fields, slot);
    else if (!name.isMap) this.scope!.read(name, out);
  }

  member(slot: i32, key: Span, out: Value): void {
    this.scope!.member(unchecked(this.slots[slot]), key, out);
  }

  whole(slot: i32, out: Value, arena: Arena): bool {
    return this.scope!.whole(unchecked(this.slots[slot]), out, arena);
  }

  random(at: usize, n: i32): bool {
    return host.random(at, n);
  }
}

const activation = new StreamActivation();
const tested = Value.create();

@final
export class Expression {
  /** When it is nothing but a name that is read from the stream: that one. */
  private readonly name: Name | null;

  private constructor(
    private readonly program: Program,
    private readonly slots: StaticArray<Name>,
  ) {
    const slot = program.attribute;
    const isOne = slot >= 0 && !slots[slot].isMap && slots[slot].source != Source.Store;
    this.name = isOne ? slots[slot] : null;
  }

  /** The expression for the text in a step of `phase`, or null with the problem noted (its offset is
   * inside `text`). */
  static compile(text: Span, names: Names, phase: Phase, arena: Arena): Expression | null {
    const environment = new RuleEnvironment(names, phase, arena);
    const program = cel.compile(copy(text, arena), environment, arena);
    if (program != null) return new Expression(program, StaticArray.fromArray(environment.slots));
    const code = environment.code.length > 0 ? environment.code : codeOf(cel.stage);
    problem.fail(code, cel.offset, cel.message);
    return null;
  }

  /** The same for a condition: it must be true or false. */
  static condition(text: Span, names: Names, phase: Phase, arena: Arena): Expression | null {
    const expression = Expression.compile(text, names, phase, arena);
    if (expression == null || cel.isCondition()) return expression;
    problem.fail("R313", 0, "a condition is true or false, but this is " + cel.typeText());
    return null;
  }

  /** The value, in `out`; what is new in it lies in the scratch arena. When it fails it is absent, and
   * counted. */
  evaluate(scope: Scope, out: Value): void {
    const name = this.name;
    cel.setStrictness(scope.strictness);
    if (name != null) {
      cel.refill(); // for whoever goes on with the value
      scope.read(name, out);
      if (out.kind != Kind.Error) return;
      cel.failWith(out.aux as Failure, 0);
      fail();
      out.setAbsent();
      return;
    }
    activation.slots = this.slots;
    activation.scope = scope;
    if (cel.evaluate(this.program, activation, scratch, out)) return;
    fail();
    out.setAbsent();
  }

  /** What it says as a condition. */
  test(scope: Scope): Verdict {
    cel.setStrictness(scope.strictness);
    activation.slots = this.slots;
    activation.scope = scope;
    if (cel.evaluate(this.program, activation, scratch, tested) && tested.kind == Kind.Bool) {
      return tested.bits != 0 ? Verdict.Yes : Verdict.No;
    }
    fail();
    return Verdict.Failed;
  }

  /** Whether all that it reads is of the request's target, or the author's own: then its value is written as a
   * target already. */
  get isOfTarget(): bool {
    for (let i = 0; i < this.slots.length; i++) if (!this.slots[i].isOfTarget) return false;
    return true;
  }

  /** Whether its value is read as it stands: nothing is made that would have to be kept. */
  get isName(): bool {
    const name = this.name;
    return name != null ? !name.isOfBody : this.program.isConstant;
  }
}

function codeOf(stage: cel.Stage): string {
  switch (stage) {
    case cel.Stage.Name:
      return "R301";
    case cel.Stage.Check:
      return "R313";
    case cel.Stage.Pattern:
      return "R306";
    case cel.Stage.Limit:
      return "R314";
    default:
      return "R302";
  }
}

function fail(): void {
  failures++;
}

/** Notes and counts that a value has no form in JSON where JSON, or a text, is made of it. */
export function failAsJson(why: Failure): void {
  cel.failWith(why, NO_PLACE);
  fail();
}

/** Why the last expression failed, in words, with its place in the source. */
export function writeFailure(out: Writer): void {
  const failure = cel.failure == Failure.None ? Failure.NotACondition : cel.failure;
  const at = cel.place == NO_PLACE ? "as JSON" : "at " + cel.place.toString();
  out.text(at + ": " + cel.failureText(failure));
}
