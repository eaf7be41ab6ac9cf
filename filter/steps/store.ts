// `store`: values that every worker sees, for as long as the proxy runs or until they expire.

import { scratch } from "../abi/memory";
import { length, NONE, Span, sliceUnchecked } from "../bytes/span";
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

/** One name of the step; without a template the value is taken away. */
@final
export class Assignment {
  text: Template | null = null;
  json: JsonTemplate | null = null;
  key: Template | null = null;
  /** Microseconds; 0 is for ever. */
  ttl: u64 = 0;

  constructor(readonly stored: Stored) {}

  run(x: Exchange): void {
    let key = NONE;
    const keyTemplate = this.key;
    if (keyTemplate != null) {
      key = keyTemplate.evaluate(x, Absent.Skips, x.arena);
      if (key == NONE) {
        count(Counter.EditSkippedAbsent);
        return;
      }
    }
    data.reset();
    const text = this.text;
    const json = this.json;
    if (text == null && json == null) {
      this.stored.write(key, NONE, 0);
      return;
    }
    const isThere = text != null ? writeValue(x, text) : writeTemplate(json!.evaluate(x, scratch));
    if (!isThere) count(Counter.EditSkippedAbsent);
    else if (data.failed || !isReadable()) count(Counter.StoreRejected);
    else this.stored.write(key, data.view(), this.ttl);
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
    for (let i = 0, n = this.assignments.length; i < n; i++) unchecked(this.assignments[i]).run(x);
    return Outcome.Next;
  }
}
