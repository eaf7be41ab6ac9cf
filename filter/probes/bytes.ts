// Exposes the bytes layer to its tests. Not part of the product.

import { Arena } from "../bytes/arena";
import * as spans from "../bytes/span";
import { span } from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";

const arena = Arena.create();
const out = Writer.create();

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
}

export function utf8FirstInvalid(at: usize, n: i32): i32 {
  return utf8.firstInvalid(span(at, n));
}

export function integer(value: i64): u64 {
  out.reset();
  out.integer(value);
  return out.view();
}

export function same(a: usize, b: usize, n: i32): bool {
  return spans.same(a, b, n);
}

export function move(to: usize, from: usize, n: i32): void {
  spans.move(to, from, n);
}
