// Equality as JSON Schema has it: numbers by value, strings by their characters however they are
// escaped, objects whatever their order. Hashes agree with it, so that equal values are found
// without comparing all with all. Both charge the budget, and are as deep as documents, whose depth
// is limited.

import { Arena } from "../bytes/arena";
import { address, length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { hashName } from "../json/names";
import { Kind, NO_NODE, Tape } from "../json/tape";
import * as budget from "./budget";
import { Decimal, hashDecimal, hashShort, isShort, shortInteger } from "./decimal";

const left = Decimal.create();
const right = Decimal.create();
const leftDigits = Writer.create();
const rightDigits = Writer.create();

/** The text of a string or key; out of memory spends the budget and gives an empty one. What has
 * escapes is copied, and charged a unit for each byte: branches may ask for it again and again. */
export function textOf(tape: Tape, i: i32, arena: Arena): Span {
  const text = tape.text(i, arena);
  if (address(text) == address(tape.raw(i)) + 1) return text;
  if (text != NONE && budget.charge(length(text))) return text;
  budget.exhaust();
  return tape.raw(0) & 0xffffffff;
}

/** Whether value `a` of one tape equals `b` of another. False when the budget is spent. */
export function equalValues(one: Tape, a: i32, other: Tape, b: i32, arena: Arena): bool {
  if (!budget.charge(1)) return false;
  const kind = one.kind(a);
  const isName = kind == Kind.Key; // as `propertyNames` has it, the text of a name
  if ((isName ? Kind.String : kind) != other.kind(b)) return false;
  switch (kind) {
    case Kind.Key:
    case Kind.String: {
      const text = textOf(other, b, arena);
      return budget.chargeBytes(length(text)) && one.isText(a, text);
    }
    case Kind.Number:
      return equalNumbers(one, a, other, b);
    case Kind.Array:
      return equalArrays(one, a, other, b, arena);
    case Kind.Object:
      return equalObjects(one, a, other, b, arena);
  }
  return true;
}

function equalNumbers(one: Tape, a: i32, other: Tape, b: i32): bool {
  const x = one.raw(a);
  const y = other.raw(b);
  const areShort = one.isIntegral(a) && other.isIntegral(b) && isShort(x) && isShort(y);
  if (areShort) return shortInteger(x) == shortInteger(y);
  if (!budget.chargeBytes(length(x) + length(y))) return false;
  left.read(x, leftDigits);
  right.read(y, rightDigits);
  return left.equals(right);
}

function equalArrays(one: Tape, a: i32, other: Tape, b: i32, arena: Arena): bool {
  const stop = one.after(a);
  const otherStop = other.after(b);
  let at = one.firstChild(a);
  let otherAt = other.firstChild(b);
  for (; at < stop && otherAt < otherStop; at = one.after(at), otherAt = other.after(otherAt)) {
    if (!equalValues(one, at, other, otherAt, arena)) return false;
  }
  return at == stop && otherAt == otherStop;
}

function equalObjects(one: Tape, a: i32, other: Tape, b: i32, arena: Arena): bool {
  const size = other.size(b);
  if (!budget.charge(size) || one.size(a) != size) return false;
  const stop = one.after(a);
  let next = other.firstChild(b); // where the member is if both have one order
  for (let key = one.firstChild(a); key < stop; key = one.after(key + 1)) {
    const name = textOf(one, key, arena);
    let value = next + 1;
    if (next >= other.after(b) || !other.isText(next, name)) {
      if (!budget.charge(size)) return false;
      value = other.member(b, name);
      if (value == NO_NODE) return false;
    }
    if (!equalValues(one, key + 1, other, value, arena)) return false;
    next = other.after(value);
  }
  return true;
}

/** The same for equal values. */
export function hashValue(tape: Tape, i: i32, arena: Arena): u32 {
  if (!budget.charge(1)) return 0;
  const kind = tape.kind(i);
  const stop = tape.after(i);
  switch (kind) {
    case Kind.String:
      return hashText(textOf(tape, i, arena));
    case Kind.Number:
      return hashNumber(tape, i);
    case Kind.Array: {
      let h: u32 = 0x51ed270b;
      for (let child = tape.firstChild(i); child < stop; child = tape.after(child))
        h = (h ^ hashValue(tape, child, arena)) * 0x01000193 + 1;
      return h;
    }
    case Kind.Object: {
      let h: u32 = 0x2545f491;
      for (let key = tape.firstChild(i); key < stop; key = tape.after(key + 1)) {
        const member = hashText(textOf(tape, key, arena)) * 31 + hashValue(tape, key + 1, arena);
        h += member ^ (member >>> 15);
      }
      return h;
    }
  }
  return (kind as u32) * 0x9e3779b9;
}

function hashText(text: Span): u32 {
  budget.chargeBytes(length(text));
  return hashName(text);
}

function hashNumber(tape: Tape, i: i32): u32 {
  const text = tape.raw(i);
  if (tape.isIntegral(i) && isShort(text)) return hashShort(shortInteger(text));
  budget.chargeBytes(length(text));
  left.read(text, leftDigits);
  return hashDecimal(left);
}

/** A pair of equal elements of the array: the second one, or NO_NODE. Linear but for collisions,
 * which the budget bounds. */
export function findRepeated(tape: Tape, array: i32, arena: Arena): i32 {
  const count = tape.size(array);
  if (count < 2 || !budget.charge(count)) return NO_NODE;
  const table = Table.forCount(count, arena);
  if (changetype<usize>(table) == 0) return NO_NODE;
  const stop = tape.after(array);
  for (let child = tape.firstChild(array); child < stop; child = tape.after(child)) {
    const h = hashValue(tape, child, arena);
    for (let place = table.first(h); ; place = table.next(place)) {
      if (budget.isSpent()) return NO_NODE;
      const other = table.node(place);
      if (other == NO_NODE) {
        table.set(place, child, h);
        break;
      }
      if (!budget.charge(1)) return NO_NODE;
      if (table.hash(place) == h && equalValues(tape, other, tape, child, arena)) return child;
    }
  }
  return NO_NODE;
}

/** Nodes by hash, with open addressing; twice the room that is needed at least. */
@unmanaged
@final
class Table {
  base: usize; // pairs of i32: the node or NO_NODE, and its hash
  mask: i32;

  /** Null, with the budget spent, when memory ran out. Tables are not nested: the small one is
   * free. */
  static forCount(count: i32, arena: Arena): Table {
    if (count <= SMALL) return small.prepare(count);
    // A large one is charged for its memory, since branches may ask for it again and again.
    if (!budget.charge(count << 2)) return changetype<Table>(0);
    const at = count < 0x8000000 ? arena.allocate(offsetof<Table>() as i32) : 0;
    const base: usize = at == 0 ? 0 : arena.allocate(capacityFor(count) * 8);
    if (base == 0) {
      budget.exhaust();
      return changetype<Table>(0);
    }
    const table = changetype<Table>(at);
    table.base = base;
    return table.prepare(count);
  }

  /** Empty, for so many; `base` must have the room. */
  prepare(count: i32): Table {
    const capacity = capacityFor(count);
    this.mask = capacity - 1;
    memory.fill(this.base, 0xff, (capacity as usize) << 3);
    return this;
  }

  first(hash: u32): i32 {
    return (hash as i32) & this.mask;
  }

  next(place: i32): i32 {
    return (place + 1) & this.mask;
  }

  node(place: i32): i32 {
    return load<i32>(this.base + ((place as usize) << 3));
  }

  hash(place: i32): u32 {
    return load<u32>(this.base + ((place as usize) << 3), 4);
  }

  set(place: i32, node: i32, hash: u32): void {
    store<i32>(this.base + ((place as usize) << 3), node);
    store<u32>(this.base + ((place as usize) << 3), hash, 4);
  }
}

function capacityFor(count: i32): i32 {
  return 1 << (32 - (clz<i32>(2 * count - 1) as i32));
}

/** Arrays and objects of up to so many children share one table. */
const SMALL: i32 = 64;
const small = changetype<Table>(memory.data(offsetof<Table>(), 8));
small.base = memory.data(2 * SMALL * 8, 8);
