// When two values of the document are equal, as JSON Patch (RFC 6902 4.6) has it: strings by their
// characters, numbers by their value (exactly, at any size), arrays element by element, objects by
// their members in any order. And the hash that goes with it, so that an array is freed of equal
// elements in time in proportion.
//
// Comparing objects whose members are in another order, and what was made to have equal hashes, costs
// more than looking at each value once; so steps are counted, and when there were far more than a
// document of that size needs, the edits fail as a whole.

import * as ascii from "../bytes/ascii";
import { address, end, length, NONE, Span } from "../bytes/span";
import * as document from "./document";
import { arena, firstChild, keyOf, nextChild, tape } from "./document";
import { Kind, NO_NODE } from "./tape";

/** Steps for any document, about 20 ms, and more for each of its values. */
const FREE_STEPS: i32 = 2_000_000;
const STEPS_A_VALUE: i32 = 4;
/** As deep as documents may be, and then what was put into one another. */
const MAX_NESTING: i32 = 2000;

let left: i32 = 0;

/** For the document that was begun. */
export function begin(): void {
  left = FREE_STEPS + min(tape.count, 0x10000000) * STEPS_A_VALUE;
}

/** More was to compare than is allowed: what was found is of no use. */
export function isExhausted(): bool {
  return left < 0;
}

/** Takes steps; false when there are no more. */
export function step(n: i32): bool {
  left -= n;
  if (left >= 0) return true;
  left = -1;
  return false;
}

export function areEqual(a: i32, b: i32): bool {
  return equal(a, b, 0);
}

function equal(a: i32, b: i32, depth: i32): bool {
  if (a == b) return true;
  if (!step(1) || (depth == MAX_NESTING && !step(i32.MAX_VALUE))) return false;
  const kind = tape.kind(a);
  if (kind != tape.kind(b)) return false;
  switch (kind) {
    case Kind.String:
      return sameText(a, b);
    case Kind.Number:
      return sameNumber(a, b);
    case Kind.Array:
      return sameArrays(a, b, depth);
    case Kind.Object:
      return sameObjects(a, b, depth);
  }
  return true;
}

/** Whether two strings or names are the same. */
export function sameText(a: i32, b: i32): bool {
  const text = tape.text(a, arena);
  if (text == NONE) document.noteFailure();
  return text != NONE && step(length(text) >> 6) && tape.isText(b, text);
}

function sameArrays(a: i32, b: i32, depth: i32): bool {
  let x = firstChild(a);
  let y = firstChild(b);
  while (x != NO_NODE && y != NO_NODE) {
    if (!equal(x, y, depth + 1)) return false;
    x = nextChild(a, x);
    y = nextChild(b, y);
  }
  return x == y;
}

function sameObjects(a: i32, b: i32, depth: i32): bool {
  if (document.countOf(a) != document.countOf(b)) return false;
  // Nearly always they come from one writer, with their members in one order.
  let x = firstChild(a);
  let y = firstChild(b);
  while (x != NO_NODE && sameText(keyOf(x), keyOf(y))) {
    if (!equal(x, y, depth + 1)) return false;
    x = nextChild(a, x);
    y = nextChild(b, y);
  }
  if (x == NO_NODE) return true;
  // With equal names in one of them, one direction would not do.
  return isWithin(a, b, depth) && isWithin(b, a, depth);
}

/** Whether each member of `a` is in `b`. */
function isWithin(a: i32, b: i32, depth: i32): bool {
  for (let x = firstChild(a); x != NO_NODE; x = nextChild(a, x)) {
    let y = firstChild(b);
    while (y != NO_NODE && !sameText(keyOf(x), keyOf(y))) {
      if (!step(1)) return false;
      y = nextChild(b, y);
    }
    if (y == NO_NODE || !equal(x, y, depth + 1)) return false;
  }
  return true;
}

// ---- numbers

/** A number taken apart: its value is 0.DIGITS × 10 ^ exponent, with no zero at either end. */
@unmanaged
@final
class Decimal {
  at: usize; // the first digit that is not 0
  stop: usize; // after the last such digit; a point may lie between
  exponent: i64;
  negative: bool;

  static create(): Decimal {
    return changetype<Decimal>(heap.alloc(offsetof<Decimal>()));
  }

  /** False for zero. */
  read(text: Span): bool {
    let at = address(text);
    const stop = end(text);
    this.negative = load<u8>(at) == 0x2d;
    if (this.negative) at++;
    let places: i64 = 0; // digits before the point
    let first: i64 = -1; // the place of the first digit that is not 0, counted from the left
    let place: i64 = 0;
    let sawPoint = false;
    this.stop = at;
    for (; at < stop; at++) {
      const c = load<u8>(at);
      if (c == 0x2e) {
        sawPoint = true;
        continue;
      }
      if (!ascii.isDigit(c)) break;
      if (!sawPoint) places++;
      if (c != 0x30) {
        if (first < 0) {
          first = place;
          this.at = at;
        }
        this.stop = at + 1;
      }
      place++;
    }
    if (first < 0) return false;
    this.exponent = places - first + (at < stop ? exponentOf(at + 1, stop) : 0);
    return true;
  }
}

/** The digits after the `e`; far beyond what any digits could make up for they are all one. */
function exponentOf(at: usize, stop: usize): i64 {
  const isDown = load<u8>(at) == 0x2d;
  if (isDown || load<u8>(at) == 0x2b) at++;
  let value: i64 = 0;
  for (; at < stop; at++) {
    if (value < 1_000_000_000_000_000) value = value * 10 + (load<u8>(at) as i64) - 0x30;
  }
  return isDown ? -value : value;
}

const one = Decimal.create();
const another = Decimal.create();

function sameNumber(a: i32, b: i32): bool {
  const isSomething = one.read(tape.raw(a));
  if (another.read(tape.raw(b)) != isSomething) return false;
  if (!isSomething) return true;
  if (one.negative != another.negative || one.exponent != another.exponent) return false;
  let x = one.at;
  let y = another.at;
  while (x < one.stop && y < another.stop) {
    if (load<u8>(x) == 0x2e) x++;
    else if (load<u8>(y) == 0x2e) y++;
    else if (load<u8>(x++) != load<u8>(y++)) return false;
  }
  return x == one.stop && y == another.stop;
}

// ---- hashes

const PRIME: u64 = 0xff51afd7ed558ccd;

function mix(h: u64, value: u64): u64 {
  h = (h ^ value) * PRIME;
  return h ^ (h >>> 32);
}

/** Of a string or name. */
export function hashText(i: i32): u64 {
  const text = tape.text(i, arena);
  if (text == NONE) {
    document.noteFailure();
    return 0;
  }
  let h: u64 = 2;
  let at = address(text);
  const stop = end(text);
  for (; stop - at >= 8; at += 8) h = mix(h, load<u64>(at));
  for (; at < stop; at++) h = mix(h, load<u8>(at));
  return h;
}

function hashNumber(i: i32): u64 {
  if (!one.read(tape.raw(i))) return 3;
  let h = mix(one.negative ? 4 : 5, one.exponent);
  for (let at = one.at; at < one.stop; at++) {
    if (load<u8>(at) != 0x2e) h = mix(h, load<u8>(at));
  }
  return h;
}

function hashOf(i: i32, depth: i32): u64 {
  const kind = tape.kind(i);
  let h: u64 = 16 + kind;
  if (depth == MAX_NESTING) return h;
  switch (kind) {
    case Kind.String:
      return hashText(i);
    case Kind.Number:
      return hashNumber(i);
    case Kind.Array:
      for (let x = firstChild(i); x != NO_NODE; x = nextChild(i, x))
        h = mix(h, hashOf(x, depth + 1));
      return h;
    case Kind.Object:
      // A sum, since members have no order.
      for (let x = firstChild(i); x != NO_NODE; x = nextChild(i, x))
        h += mix(hashText(keyOf(x)), hashOf(x, depth + 1));
      return h;
  }
  return h;
}

/** Takes away the elements that an earlier one equals. */
export function dedupe(array: i32): void {
  const n = document.countOf(array);
  if (n < 2) return;
  // A table of at least twice as many slots: a record and 1, or 0, and the upper half of its hash.
  const slots = 1 << (32 - clz(n * 2 - 1));
  const table = arena.allocate(slots * 8);
  if (table == 0) {
    document.noteFailure();
    return;
  }
  memory.fill(table, 0, slots * 8);
  let element = firstChild(array);
  while (element != NO_NODE) {
    const after = nextChild(array, element);
    const h = hashOf(element, 0);
    if (!insert(table, slots - 1, element, h)) {
      document.remove(element);
    }
    if (isExhausted()) return;
    element = after;
  }
}

/** False when an equal one is there. */
function insert(table: usize, mask: i32, element: i32, h: u64): bool {
  const tag = (h >>> 32) as i32;
  let i = (h as i32) & mask;
  while (true) {
    const slot = table + (i as usize) * 8;
    const other = load<i32>(slot) - 1;
    if (other < 0) {
      store<i32>(slot, element + 1);
      store<i32>(slot, tag, 4);
      return true;
    }
    if (load<i32>(slot, 4) == tag && areEqual(element, other)) return false;
    if (!step(1)) return true;
    i = (i + 1) & mask;
  }
}
