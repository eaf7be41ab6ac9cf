// `store`: values that every worker sees, for as long as the proxy runs or until they expire.

import { scratch } from "../abi/memory";
import { length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Failure, Kind, Value, writeJson } from "../cel/index";
import { Tape } from "../json/tape";
import { writeString } from "../json/write";
import { failAsJson } from "../rules/expression";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { key as describeKey } from "../stream/description";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";
import { JSON, MAX_VALUE, Stored, TEXT } from "../stream/stored";
import { JsonTemplate } from "./json-template";

const value = Value.create();
const data = Writer.create();
const tape = Tape.create();

/** Levels of JSON that can be read again (`json.parse`). */
const MAX_DEPTH: i32 = 64;

/** One name of the step; without a template the value is taken away. All of a step are evaluated before
 * one of them is written. */
@final
export class Assignment {
  text: Template | null = null;
  json: JsonTemplate | null = null;
  key: Template | null = null;
  /** Microseconds; 0 is for ever. */
  ttl: u64 = 0;

  constructor(readonly stored: Stored) {}

  /** What `evaluate` came to, for the callback at hand: whether there is anything to write, under which
   * key, and what it is, NONE to take it away. */
  private isDue: bool = false;
  private keyText: Span = NONE;
  private content: Span = NONE;

  evaluate(x: Exchange): void {
    const key = this.key;
    this.content = NONE;
    this.keyText = key == null ? NONE : key.evaluate(x, Absent.Skips, scratch);
    this.isDue = key == null || this.keyText != NONE;
    if (!this.isDue) {
      count(Counter.EditSkippedAbsent);
      return;
    }
    if (this.text != null || this.json != null) this.isDue = this.evaluateContent(x);
  }

  private evaluateContent(x: Exchange): bool {
    const text = this.text;
    data.reset();
    const isThere =
      text != null ? writeValue(x, text) : writeTemplate(this.json!.evaluate(x, scratch));
    if (!isThere) {
      count(Counter.EditSkippedAbsent);
      return false;
    }
    this.content = !data.failed && isReadable() ? copy(data.view(), scratch) : NONE;
    if (this.content == NONE) count(Counter.StoreRejected);
    return this.content != NONE;
  }

  write(): void {
    if (this.isDue) this.stored.write(this.keyText, this.content, this.ttl);
  }
}

function writeTemplate(json: Span): bool {
  data.byte(JSON);
  data.span(json);
  return json != NONE;
}

/** Writes text, or JSON for a single expression whose value is not text; false when there is none. */
function writeValue(x: Exchange, template: Template): bool {
  if (!template.isSingle) {
    data.byte(TEXT);
    return template.write(x, Absent.Skips, data);
  }
  template.evaluateSingle(x, value);
  if (value.isNull) return false;
  data.byte(value.kind == Kind.String ? TEXT : JSON);
  if (value.kind == Kind.String) {
    data.span(value.bits);
    return true;
  }
  const wrong = writeJson(value, data);
  if (wrong != Failure.None) failAsJson(wrong);
  return wrong == Failure.None;
}

/** Whether what is JSON will be taken for it when it is read. */
function isReadable(): bool {
  const written = data.view();
  if (length(written) > MAX_VALUE || load<u8>(data.base) == (TEXT as u8)) return true;
  const isGood = tape.parse(sliceUnchecked(written, 1, length(written)), MAX_DEPTH);
  tape.shrink();
  return isGood;
}

@final
export class StoreStep extends Step {
  constructor(private readonly assignments: StaticArray<Assignment>) {
    super();
  }

  override describe(out: Writer): void {
    describeKey(out, "stores");
    for (let i = 0; i < this.assignments.length; i++) {
      const stored = this.assignments[i].stored;
      out.text(i == 0 ? "[[" : ",[");
      writeString(stored.name, out);
      out.byte(0x2c);
      out.integer(stored.maxKeys);
      out.byte(0x5d);
    }
    out.byte(0x5d);
  }

  run(x: Exchange): Outcome {
    const list = this.assignments;
    for (let i = 0, n = list.length; i < n; i++) unchecked(list[i]).evaluate(x);
    for (let i = 0, n = list.length; i < n; i++) unchecked(list[i]).write();
    return Outcome.Next;
  }
}
