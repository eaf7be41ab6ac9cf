// Exposes the decoder of compressed bodies to its tests and to its bench. Not part of the product.

import { Arena, held } from "../bytes/arena";
import { length, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { crc32Of } from "../crypto/crc32";
import { Decoder, Status } from "../inflate";
import { adler32Of } from "../inflate/adler32";

const arena = Arena.create();
const out = Writer.create();
const decoder = Decoder.create()!;
let largest: i32 = 0;

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
}

export function heldBytes(): usize {
  return held();
}

export function open(format: i32, maxTotal: i64, ratio: i64, ratioFrom: i64): void {
  decoder.open(format, maxTotal);
  decoder.limitRatio(ratio, ratioFrom);
  out.reset();
  largest = 0;
}

/** Decodes a piece; NeedsInput, or what is wrong. What came out is added to `result`. */
export function feed(at: usize, n: i32): i32 {
  decoder.feed(n == 0 ? span(at, 0) : span(at, n));
  let status = decoder.step();
  for (; status == Status.Output; status = decoder.step()) {
    largest = max(largest, length(decoder.output));
    out.span(decoder.output);
  }
  return status;
}

/** Decodes a piece and drops what comes out. */
export function drain(at: usize, n: i32): i32 {
  decoder.feed(span(at, n));
  let status = decoder.step();
  while (status == Status.Output) status = decoder.step();
  return status;
}

export function end(): i32 {
  return decoder.end();
}

export function result(): Span {
  return out.failed ? NONE : out.view();
}

/** The largest piece of output since `open`. */
export function largestPiece(): i32 {
  return largest;
}

export function total(): i64 {
  return decoder.total;
}

export function crc32(before: u32, at: usize, n: i32): u32 {
  return crc32Of(before, span(at, n));
}

export function adler32(before: u32, at: usize, n: i32): u32 {
  return adler32Of(before, span(at, n));
}
