// Exposes the JSON engine to its tests. Not part of the product.

import { Arena } from "../bytes/arena";
import { NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { EditKind, EditPlan, EditStatus } from "../json/edit";
import { Pointer } from "../json/pointer";
import { Tape } from "../json/tape";
import { writeString } from "../json/write";

const arena = Arena.create();
const out = Writer.create();
const tape = Tape.create();
let plan = new EditPlan();
let values: Span[] = [];

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
  plan = new EditPlan();
  values = [];
}

/** Offset of the first error, or -1 when the text is JSON nested at most `depth` deep. */
export function firstError(at: usize, n: i32, depth: i32): i32 {
  const isValid = tape.parse(span(at, n), depth);
  const offset = isValid ? -1 : tape.errorOffset;
  tape.shrink();
  return offset;
}

/** The text of the (string) document without quotes and escapes. */
export function unescaped(at: usize, n: i32): Span {
  return tape.parse(span(at, n), 10) ? tape.text(0, arena) : NONE;
}

export function escaped(at: usize, n: i32): Span {
  out.reset();
  writeString(span(at, n), out);
  return out.view();
}

/** Adds an edit; false when the pointer is none. */
export function edit(kind: i32, at: usize, n: i32, value: usize, size: i32): bool {
  const pointer = Pointer.compile(span(at, n), arena);
  if (pointer == null) return false;
  plan.add(kind as EditKind, pointer, kind == EditKind.Remove ? -1 : values.length);
  if (kind != EditKind.Remove) values.push(span(value, size));
  return true;
}

export function apply(at: usize, n: i32): EditStatus {
  const slots = arena.allocate(values.length * 8 + 8);
  for (let i = 0; i < values.length; i++) store<Span>(slots + i * 8, values[i]);
  out.reset();
  return plan.apply(span(at, n), slots, out, arena);
}

export function result(): Span {
  return out.view();
}
