// Helpers for library functions: arguments by number, and results that are made of bytes.

import { length, NONE, Span } from "../../bytes/span";
import { copy } from "../../bytes/text";
import { chargeBytes } from "../budget";
import { buffer, heap } from "../context";
import { Failure } from "../failure";
import { Kind, VALUE_SIZE, Value } from "../value";

export function argument(base: usize, i: i32): Value {
  return Value.at(base + i * VALUE_SIZE);
}

export function isText(base: usize, i: i32): bool {
  return argument(base, i).kind == Kind.String;
}

export function isInt(base: usize, i: i32): bool {
  return argument(base, i).kind == Kind.Int;
}

/** Text or bytes. */
export function isRun(value: Value): bool {
  return value.kind == Kind.String || value.kind == Kind.Bytes;
}

/** What is in the buffer, kept, becomes the value. */
export function take(out: Value, kind: Kind = Kind.String): Failure {
  return keep(buffer.view(), out, kind);
}

/** A copy of `text` becomes the value. */
export function keep(text: Span, out: Value, kind: Kind = Kind.String): Failure {
  if (buffer.failed) return Failure.Memory;
  if (!chargeBytes(length(text))) return Failure.Budget;
  const kept = copy(text, heap);
  if (kept == NONE) return Failure.Memory;
  out.set(kind, kept);
  return Failure.None;
}
