// Exposes the reader of Redis replies to its tests. Not part of the product.

import { Arena } from "../bytes/arena";
import { Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { refill, Value, writeJson } from "../cel/index";
import * as reply from "../resp/reply";
import { valueOfReply } from "../stream/redis-value";

const texts = Arena.create();
const values = Arena.create();
const out = Writer.create();
const value = Value.create();

export function allocate(n: i32): usize {
  return texts.allocate(n + 1);
}

export function reset(): void {
  texts.reset();
}

export function isReply(at: usize, n: i32): bool {
  return reply.isReply(span(at, n));
}

/** Of a reply that is one: its value as JSON. */
export function json(at: usize, n: i32): Span {
  refill();
  values.reset();
  out.reset();
  if (valueOfReply(span(at, n), value, values)) writeJson(value, out);
  return out.view();
}
