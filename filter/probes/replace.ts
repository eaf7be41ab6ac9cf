// Exposes search and replace to their tests. Not part of the product.

import { Arena } from "../bytes/arena";
import { Place, Replacer } from "../bytes/replace";
import { indexOf, Needle } from "../bytes/search";
import { NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";

const arena = Arena.create();
const out = Writer.create();
let replacer = new Replacer(arena);
let values: Span[] = [];
let state: usize = 0;
let needle: Needle | null = null;

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
  replacer = new Replacer(arena);
  values = [];
}

export function add(
  at: usize,
  n: i32,
  ignoreCase: bool,
  limit: i32,
  value: usize,
  size: i32,
  place: Place,
): bool {
  values.push(span(value, size));
  return replacer.add(span(at, n), ignoreCase, limit, place);
}

export function open(): void {
  state = replacer.open(arena);
  for (let i = 0; i < values.length; i++) replacer.setValue(state, i, values[i]);
}

/** What replaces the first `consumed()` bytes of the piece; NONE when the piece stays as it is. */
export function feed(at: usize, n: i32, last: bool): Span {
  out.reset();
  return replacer.feed(state, span(at, n), last, out) ? out.view() : NONE;
}

export function consumed(): i32 {
  return replacer.consumed;
}

export function setNeedle(at: usize, n: i32, ignoreCase: bool): void {
  needle = new Needle(span(at, n), ignoreCase, arena);
}

/** Offset of the first match, or -1. */
export function find(at: usize, n: i32): i32 {
  const found = needle!.find(at, at + n);
  return found == 0 ? -1 : ((found - at) as i32);
}

/** What `indexOf` answers for the bytes and a needle, from that offset on. */
export function indexFrom(at: usize, n: i32, needleAt: usize, size: i32, from: i32): i32 {
  return indexOf(span(at, n), span(needleAt, size), from);
}
