// The small verbs: `set`, `stop`.

import { scratch } from "../abi/memory";
import { Writer } from "../bytes/writer";
import { enter } from "../cel/context";
import { doubts, Failure, parseJson, refill, Value } from "../cel/index";
import { VALUE_SIZE } from "../cel/value";
import { failures } from "../rules/expression";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";
import { JsonTemplate } from "./json-template";

const value = Value.create();
const kept = Value.create();
const line = Writer.create();

/** A variable, and what it becomes: one of the three. */
@final
export class Assignment {
  text: Template | null = null;
  json: JsonTemplate | null = null;
  /** The address of a Value. */
  constant: usize = 0;

  constructor(readonly variable: i32) {}

  /** Whether what it came to is sure. */
  private isKnown: bool = false;

  /** The value, kept, as of now. */
  evaluate(x: Exchange, out: Value): void {
    const before = failures;
    const doubtsBefore = doubts;
    const isMade = this.make(x);
    if (!isMade) value.setAbsent();
    this.isKnown = x.keep(value, out) && isMade && failures == before && doubts == doubtsBefore;
  }

  assign(x: Exchange, kept: Value): void {
    x.assign(this.variable, kept, this.isKnown);
  }

  /** Makes `value`; false when it cannot be had. */
  private make(x: Exchange): bool {
    const text = this.text;
    const json = this.json;
    if (text != null) return makeText(x, text);
    if (json != null) return makeJson(x, json);
    value.copyFrom(Value.at(this.constant));
    return true;
  }
}

function makeText(x: Exchange, text: Template): bool {
  if (text.isSingle) {
    text.evaluateSingle(x, value);
    return true;
  }
  line.reset();
  if (text.write(x, Absent.Skips, line)) value.setText(line.view());
  else value.setAbsent();
  return !line.failed;
}

function makeJson(x: Exchange, json: JsonTemplate): bool {
  const text = json.evaluate(x, scratch);
  refill();
  enter(scratch, null);
  return parseJson(text, value) == Failure.None;
}

/** All values are computed from the state before the step: the map they are written as has no order. */
@final
export class SetStep extends Step {
  constructor(private readonly assignments: StaticArray<Assignment>) {
    super();
  }

  run(x: Exchange): Outcome {
    const n = this.assignments.length;
    const values = n == 1 ? changetype<usize>(kept) : scratch.allocate(n * VALUE_SIZE);
    if (values == 0) {
      this.leaveUnknown(x);
      return Outcome.Next;
    }
    for (let i = 0; i < n; i++) {
      unchecked(this.assignments[i]).evaluate(x, Value.at(values + i * VALUE_SIZE));
    }
    for (let i = 0; i < n; i++) {
      unchecked(this.assignments[i]).assign(x, Value.at(values + i * VALUE_SIZE));
    }
    return Outcome.Next;
  }

  override get leaves(): bool {
    return true;
  }

  override leaveUnknown(x: Exchange): void {
    for (let i = 0, n = this.assignments.length; i < n; i++)
      x.doubt(unchecked(this.assignments[i]).variable);
  }
}

@final
export class StopStep extends Step {
  constructor() {
    super();
    this.stops = true;
  }

  run(x: Exchange): Outcome {
    return Outcome.Stop;
  }
}
