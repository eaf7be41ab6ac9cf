// Exposes the JSON Schema engine to its tests, suite and benchmark. Not part of the product.

import { Arena } from "../bytes/arena";
import { Span, span } from "../bytes/span";
import { fromString } from "../bytes/text";
import { work } from "../bytes/work";
import { Writer } from "../bytes/writer";
import { errorText, Tape } from "../json/tape";
import { judge, problems, Schema, Verdict, writeFailure } from "../json-schema/index";

const rules = Arena.create();
const arena = Arena.create();
const texts = Arena.create();
const out = Writer.create();
const tape = Tape.create();
let schema: Schema | null = null;

export function allocate(n: i32): usize {
  return texts.allocate(n + 1);
}

export function reset(): void {
  texts.reset();
}

/** Records looked at so far (bytes/work.ts). */
export function workDone(): i64 {
  return work;
}

export function collect(): void {
  __collect();
}

/** How many problems the schema has; 0: it is ready to judge. */
export function compile(at: usize, n: i32, assertsFormats: bool): i32 {
  if (schema) schema!.destroy();
  rules.reset();
  schema = Schema.compile(span(at, n), assertsFormats, rules);
  return problems().length;
}

/** `NODE+OFFSET: MESSAGE` of a problem. */
export function problemText(i: i32): Span {
  const each = problems()[i];
  const place = each.node.toString() + "+" + each.offset.toString() + ": ";
  return fromString(place + each.message, texts);
}

/** The verdict, or -1 when the text is no JSON. */
export function validate(at: usize, n: i32, refusesRepeats: bool): i32 {
  arena.reset();
  if (!tape.parse(span(at, n), 200)) {
    out.reset();
    out.text(errorText(tape.errorCode));
    return -1;
  }
  return judge(schema!, tape, arena, refusesRepeats);
}

/** The place and keyword of the last failure. */
export function failure(): Span {
  out.reset();
  writeFailure(out, false);
  return out.view();
}

export function parseMany(at: usize, n: i32, times: i32): void {
  for (let i = 0; i < times; i++) tape.parse(span(at, n), 200);
}

/** Parses and judges so many times; how many were valid. */
export function validateMany(at: usize, n: i32, times: i32, refusesRepeats: bool): i32 {
  let valid = 0;
  for (let i = 0; i < times; i++) {
    if (validate(at, n, refusesRepeats) == Verdict.Valid) valid++;
  }
  return valid;
}
