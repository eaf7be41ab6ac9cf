// Exposes the reading and writing of doubles to its tests. Not part of the product.

import { Arena } from "../bytes/arena";
import * as number from "../bytes/number";
import { span } from "../bytes/span";
import { Writer } from "../bytes/writer";

const arena = Arena.create();
const out = Writer.create();

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
}

export function isDecimal(at: usize, n: i32): bool {
  return number.isDecimal(span(at, n));
}

export function parse(at: usize, n: i32): f64 {
  return number.parseDouble(span(at, n));
}

export function shortest(value: f64): u64 {
  out.reset();
  number.writeDouble(value, out);
  return out.view();
}

export function fixed(value: f64, precision: i32): u64 {
  out.reset();
  number.writeFixed(value, precision, out);
  return out.view();
}

export function exponent(value: f64, precision: i32): u64 {
  out.reset();
  number.writeExponent(value, precision, out);
  return out.view();
}
