// A JSON document (RFC 8259) as a tape: one record for each key and value, in the order of the text,
// so that a subtree is a run of records. Built by one pass that also is the validator: what has a
// tape is valid, UTF-8 included. Nothing is decoded or copied until somebody asks.
//
//   const tape = Tape.create();
//   if (!tape.parse(text, 64)) report(tape.errorOffset, tape.errorText);
//   for (let key = tape.firstChild(0); key < tape.after(0); key = tape.after(key + 1)) {
//     tape.text(key, arena); // the member's name; its value is record key + 1
//   }
//
// The walk keeps its place in the records themselves (each knows its parent), so depth costs no
// stack; it is limited all the same, for those who come after. The smallest methods are marked @inline:
// at the filter's shrink level they would stay calls, and a parse would take a fifth longer.

import * as memoryBudget from "../bytes/arena";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  end,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  span,
} from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { spend } from "../bytes/work";
import { Writer } from "../bytes/writer";

export const enum Kind {
  Object,
  Array,
  String,
  Number,
  True,
  False,
  Null,
  /** A member's name; its value is the next record. */
  Key,
}

/** U+FFFD, which half of a surrogate pair is read as. */
const REPLACEMENT: u32 = 0xbdbfef;

/** No such record. */
export const NO_NODE: i32 = -1;
/** More than one of that name. */
export const REPEATED: i32 = -2;
/** One that some readers take for it. */
export const ALIKE: i32 = -3;

/** What a record begins with, as one number: its kind and these. */
const ESCAPED: u32 = 1 << 8;
const INTEGRAL: u32 = 1 << 16;

@unmanaged
@final
class Node {
  kind: u8;
  escaped: bool; // a string or key with a backslash in it
  integral: bool; // a number without fraction and exponent
  flags: u8; // for the use of whoever walks the tape; none to begin with
  start: u32; // offset of the first byte, the quote of a string included
  end: u32; // offset after the last byte
  after: i32; // index of the record after the subtree
  parent: i32;

  /** All of the first four. */
  set head(bits: u32) {
    store<u32>(changetype<usize>(this), bits);
  }
}

const NODE_SIZE: usize = offsetof<Node>();
const FIRST_CAPACITY: i32 = 256;
/** 1.3 GB: no ceiling of a VM of 4 GB is higher. */
const MAX_CAPACITY: i32 = 0x4000000;
const FIRST_BYTES: usize = 256 * NODE_SIZE;

@unmanaged
@final
export class Tape {
  base: usize;
  capacity: i32;
  count: i32;
  source: usize; // address of the text
  errorOffset: i32; // of the first error
  errorCode: JsonError;

  static create(): Tape {
    const tape = changetype<Tape>(heap.alloc(offsetof<Tape>()));
    tape.base = heap.alloc(FIRST_BYTES);
    tape.capacity = FIRST_CAPACITY;
    tape.count = 0;
    return tape;
  }

  destroy(): void {
    this.shrink();
    heap.free(this.base);
    heap.free(changetype<usize>(this));
  }

  /** Gives memory back that a large document took. */
  shrink(): void {
    if (this.capacity == FIRST_CAPACITY) return;
    memoryBudget.giveBack(this.base, (this.capacity as usize) * NODE_SIZE);
    this.base = heap.alloc(FIRST_BYTES);
    this.capacity = FIRST_CAPACITY;
  }

  @inline
  private node(i: i32): Node {
    return changetype<Node>(this.base + (i as usize) * NODE_SIZE);
  }

  // ---- reading; indices must be of this tape

  @inline
  kind(i: i32): Kind {
    return this.node(i).kind as Kind;
  }

  /** Offset of the first byte in the text. */
  start(i: i32): i32 {
    return this.node(i).start;
  }

  /** Offset after the last byte. */
  end(i: i32): i32 {
    return this.node(i).end;
  }

  /** The record after the subtree: the next sibling, while it is before the parent's `after`. */
  after(i: i32): i32 {
    return this.node(i).after;
  }

  /** The containing object or array, or NO_NODE. */
  parent(i: i32): i32 {
    return this.node(i).parent;
  }

  /** The first child of an object (a key) or array; equal to `after(i)` when there is none. */
  firstChild(i: i32): i32 {
    return i + 1;
  }

  flags(i: i32): u32 {
    return this.node(i).flags;
  }

  setFlags(i: i32, flags: u32): void {
    this.node(i).flags = flags as u8;
  }

  /** Puts another record, or what the caller knows by its flags, in the place of the parent. */
  setParent(i: i32, parent: i32): void {
    this.node(i).parent = parent;
  }

  /** The same for the record after the subtree. */
  setAfter(i: i32, after: i32): void {
    this.node(i).after = after;
  }

  isIntegral(i: i32): bool {
    return this.node(i).integral;
  }

  /** The text of the value, quotes included. */
  raw(i: i32): Span {
    const node = this.node(i);
    return span(this.source + node.start, (node.end - node.start) as i32);
  }

  /** A string or key without quotes and escapes: a slice of the text, or a copy in `arena` when there
   * are escapes. NONE at the memory ceiling. */
  text(i: i32, arena: Arena): Span {
    const node = this.node(i);
    const inner = span(this.source + node.start + 1, (node.end - node.start - 2) as i32);
    return node.escaped ? unescape(inner, arena) : inner;
  }

  /** Whether half of a surrogate pair is in the string: readers keep it, replace it, or end there. */
  isBroken(i: i32): bool {
    const node = this.node(i);
    if (!node.escaped) return false;
    writeUnescaped(span(this.source + node.start + 1, (node.end - node.start - 2) as i32));
    return hasHalf;
  }

  /** Whether a key or string is `text`. */
  isText(i: i32, text: Span): bool {
    const node = this.node(i);
    const inner = span(this.source + node.start + 1, (node.end - node.start - 2) as i32);
    return node.escaped ? equalsEscaped(inner, text) : equal(inner, text);
  }

  /** The value of the last member of that name, or NO_NODE. */
  member(i: i32, name: Span): i32 {
    let found = NO_NODE;
    const stop = this.after(i);
    for (let key = this.firstChild(i); key < stop; key = this.after(key + 1)) {
      spend(1);
      if (this.isText(key, name)) found = key + 1;
    }
    return found;
  }

  /** The value of the member of that name; NO_NODE when there is none, REPEATED when there are several.
   * With `isStrict`, ALIKE when there is one that some readers take for it. */
  onlyMember(i: i32, name: Span, isStrict: bool): i32 {
    let found = NO_NODE;
    const stop = this.after(i);
    for (let key = this.firstChild(i); key < stop; key = this.after(key + 1)) {
      const node = this.node(key);
      let text = span(this.source + node.start + 1, (node.end - node.start - 2) as i32);
      if (node.escaped) text = unescapedName(text);
      if (equal(text, name)) {
        if (found != NO_NODE) return REPEATED;
        found = key + 1;
      } else if (isStrict && isAlike(text, name)) {
        return ALIKE;
      }
    }
    return found;
  }

  /** The element at that index of an array, or NO_NODE. */
  element(i: i32, index: i32): i32 {
    const stop = this.after(i);
    let at = 0;
    for (let child = this.firstChild(i); child < stop; child = this.after(child)) {
      spend(1);
      if (at++ == index) return child;
    }
    return NO_NODE;
  }

  /** Members of an object or elements of an array. */
  size(i: i32): i32 {
    const step = this.kind(i) == Kind.Object ? 1 : 0;
    const stop = this.after(i);
    let n = 0;
    for (let child = this.firstChild(i); child < stop; child = this.after(child + step)) n++;
    return n;
  }

  /** Writes the JSON Pointer (RFC 6901) of a value or key. */
  writePointer(i: i32, out: Writer, arena: Arena): void {
    const parent = this.parent(i);
    if (parent == NO_NODE) return;
    this.writePointer(parent, out, arena); // as deep as the document, which `parse` limits
    out.byte(0x2f);
    if (this.kind(parent) == Kind.Object) {
      const key = this.kind(i) == Kind.Key ? i : i - 1;
      writePointerSegment(this.text(key, arena), out);
      return;
    }
    out.integer(this.indexIn(parent, i));
  }

  /** How many elements of the array come before `i`. */
  indexIn(parent: i32, i: i32): i32 {
    let index = 0;
    for (let child = this.firstChild(parent); child < i; child = this.after(child)) index++;
    return index;
  }

  // ---- parsing

  /** Builds the tape; false when the text is not one JSON value nested at most `maxDepth` deep. A byte
   * order mark in front of it is ignored, as RFC 8259 8.1 allows. */
  parse(text: Span, maxDepth: i32): bool {
    this.count = 0;
    this.source = address(text);
    return this.build(text, utf8.startOf(text), maxDepth);
  }

  /** Adds the records of another text, which must stay where it is as long as the first: the index of
   * its value, or NO_NODE. Offsets are from the first text, and wrap. */
  append(text: Span, maxDepth: i32): i32 {
    const root = this.count;
    if (this.build(text, address(text), maxDepth)) return root;
    this.count = root;
    return NO_NODE;
  }

  /** Adds one record for text that is known to be such a key, word, number, string or empty container;
   * NO_NODE at the ceiling. */
  appendOne(kind: Kind, text: Span): i32 {
    const i = this.add(kind, address(text), NO_NODE);
    if (i == NO_NODE) return NO_NODE;
    this.close(i, end(text));
    const isText = kind == Kind.Key || kind == Kind.String;
    this.node(i).escaped = isText && indexOfByte(text, 0x5c) >= 0;
    return i;
  }

  // One loop over keys and values, with what it needs at each byte in locals: calls and the fields of
  // `this` would cost more than the work. Records that are not yet counted are written at `cursor`.
  private build(text: Span, from: usize, maxDepth: i32): bool {
    const source = this.source;
    const stop = end(text);
    let at = skipSpace(from, stop);
    let i = this.count; // the record that comes next
    let cursor = this.base + (i as usize) * NODE_SIZE;
    let limit = this.base + (this.capacity as usize) * NODE_SIZE;
    let parent = NO_NODE;
    let depth = 0;
    let isKey = false; // a key is due at `at`, else a value
    let inObject = false; // what `parent` is
    while (true) {
      if (at >= stop) return this.fail(at, JsonError.End);
      if (cursor == limit) {
        this.count = i;
        if (!this.growFor(at - address(text), length(text))) return this.fail(at, JsonError.Memory);
        cursor = this.base + (i as usize) * NODE_SIZE;
        limit = this.base + (this.capacity as usize) * NODE_SIZE;
      }
      const c = load<u8>(at) as u32;
      const node = changetype<Node>(cursor);
      node.start = (at - source) as u32;
      node.after = i + 1;
      node.parent = parent;
      if (c == 0x22) {
        let head: u32 = isKey ? Kind.Key : Kind.String;
        let p = at + 1;
        while (true) {
          p = skipPlain(p, stop);
          if (p >= stop) return this.fail(stop, JsonError.End);
          const special = load<u8>(p) as u32;
          if (special == 0x22) break;
          if (special >= 0x80) {
            p = skipForeign(p, stop);
            if (p == 0) return this.fail(lastForeign, JsonError.Utf8);
            continue;
          }
          if (special != 0x5c) return this.fail(p, JsonError.Control);
          head |= ESCAPED;
          const size = escapeSize(p, stop);
          if (size == 0) return this.fail(p, p + 1 >= stop ? JsonError.End : JsonError.Escape);
          p += size;
        }
        at = p + 1;
        node.head = head;
        node.end = (at - source) as u32;
        i++;
        cursor += NODE_SIZE;
        if (isKey) {
          if (at >= stop || load<u8>(at) != 0x3a) {
            at = skipSpace(at, stop);
            if (at >= stop) return this.fail(at, JsonError.End);
            if (load<u8>(at) != 0x3a) return this.fail(at, JsonError.Colon);
          }
          at++;
          if (at < stop && load<u8>(at) <= 0x20) at = skipSpace(at, stop);
          isKey = false;
          continue;
        }
      } else if (isKey) {
        return this.fail(at, JsonError.Key);
      } else if (c == 0x7b || c == 0x5b) {
        if (++depth > maxDepth) return this.fail(at, JsonError.Depth);
        node.head = c == 0x7b ? Kind.Object : Kind.Array;
        at++;
        if (at < stop && load<u8>(at) <= 0x20) at = skipSpace(at, stop);
        // The closing bracket is two after the opening one.
        if (at >= stop || (load<u8>(at) as u32) != c + 2) {
          parent = i++;
          cursor += NODE_SIZE;
          isKey = inObject = c == 0x7b;
          continue;
        }
        at++;
        depth--;
        i++;
        cursor += NODE_SIZE;
        node.end = (at - source) as u32;
      } else {
        let head: u32 = Kind.Number;
        if (c == 0x2d || c - 0x30 < 10) {
          let p = c == 0x2d ? at + 1 : at;
          const first = p;
          while (p < stop && (load<u8>(p) as u32) - 0x30 < 10) p++;
          // No digits at all, or a leading zero.
          if (p == first || (load<u8>(first) == 0x30 && p - first > 1))
            return this.fail(first, JsonError.Number);
          head |= INTEGRAL;
          if (p < stop && (load<u8>(p) == 0x2e || (load<u8>(p) | 0x20) == 0x65)) {
            head = Kind.Number;
            p = this.skipFraction(p, stop);
            if (p == 0) return false;
          }
          at = p;
        } else if (c == 0x74 && stop - at >= 4 && load<u32>(at) == 0x65757274) {
          head = Kind.True;
          at += 4;
        } else if (c == 0x6e && stop - at >= 4 && load<u32>(at) == 0x6c6c756e) {
          head = Kind.Null;
          at += 4;
        } else if (c == 0x66 && stop - at >= 5 && load<u32>(at, 1) == 0x65736c61) {
          head = Kind.False;
          at += 5;
        } else {
          return this.fail(at, JsonError.Value);
        }
        node.head = head;
        node.end = (at - source) as u32;
        i++;
        cursor += NODE_SIZE;
      }
      // A value has ended at `at`: commas and closing brackets until another is due.
      while (true) {
        if (at < stop && load<u8>(at) <= 0x20) at = skipSpace(at, stop);
        if (parent == NO_NODE) {
          this.count = i;
          return at == stop || this.fail(at, JsonError.Rest);
        }
        if (at >= stop) return this.fail(at, JsonError.End);
        const next = load<u8>(at);
        if (next == 0x2c) {
          at++;
          if (at < stop && load<u8>(at) <= 0x20) at = skipSpace(at, stop);
          isKey = inObject;
          break;
        }
        if (next != (inObject ? 0x7d : 0x5d)) return this.fail(at, JsonError.Separator);
        at++;
        depth--;
        const closed = this.node(parent);
        closed.end = (at - source) as u32;
        closed.after = i;
        parent = closed.parent;
        inObject = parent != NO_NODE && this.node(parent).kind == Kind.Object;
      }
    }
  }

  /** The address after a fraction or exponent that begins at `p`, or 0. */
  private skipFraction(p: usize, stop: usize): usize {
    if (load<u8>(p) == 0x2e) {
      const from = p + 1;
      p = skipDigits(from, stop);
      if (p == from) {
        this.fail(p, JsonError.Number);
        return 0;
      }
    }
    if (p < stop && (load<u8>(p) | 0x20) == 0x65) {
      p++;
      if (p < stop && (load<u8>(p) == 0x2b || load<u8>(p) == 0x2d)) p++;
      const from = p;
      p = skipDigits(from, stop);
      if (p == from) {
        this.fail(p, JsonError.Number);
        return 0;
      }
    }
    return p;
  }

  private fail(at: usize, code: JsonError): bool {
    this.errorOffset = (at - this.source) as i32;
    this.errorCode = code;
    return false;
  }

  /** A new record that is its own whole subtree so far, or NO_NODE at the ceiling. */
  private add(kind: Kind, at: usize, parent: i32): i32 {
    if (this.count == this.capacity && !this.grow(this.capacity * 2)) return NO_NODE;
    const i = this.count++;
    const node = this.node(i);
    node.kind = kind as u8;
    node.escaped = false;
    node.integral = false;
    node.flags = 0;
    node.start = (at - this.source) as u32;
    node.after = i + 1;
    node.parent = parent;
    return i;
  }

  private close(i: i32, at: usize): void {
    const node = this.node(i);
    node.end = (at - this.source) as u32;
    node.after = this.count;
  }

  /** Room for the rest of a text of `total` bytes, should it be like the first `done`. */
  private growFor(done: usize, total: i32): bool {
    const capacity = this.capacity as u64;
    const expected = (capacity * (total as u64)) / max(done as u64, 1);
    // A little more than that, within bounds: a text may be dense in front and empty behind.
    const wanted = min(min(expected + expected / 8, capacity * 16), MAX_CAPACITY as u64) as i32;
    const before = memoryBudget.refusals();
    if (wanted > this.capacity * 2 && this.grow(wanted)) return true;
    memoryBudget.forgive(before);
    return this.grow(this.capacity * 2);
  }

  private grow(capacity: i32): bool {
    const bytes = (this.capacity as usize) * NODE_SIZE;
    if (capacity > MAX_CAPACITY) memoryBudget.refuse();
    if (capacity > MAX_CAPACITY) return false;
    const fresh = memoryBudget.takeForBody((capacity as usize) * NODE_SIZE);
    if (fresh == 0) return false;
    memory.copy(fresh, this.base, bytes);
    if (this.capacity == FIRST_CAPACITY) heap.free(this.base);
    else memoryBudget.giveBack(this.base, bytes);
    this.base = fresh;
    this.capacity = capacity;
    return true;
  }
}

export const enum JsonError {
  Value,
  Key,
  Colon,
  Separator,
  Rest,
  End,
  Control,
  Escape,
  Number,
  Utf8,
  Depth,
  Memory,
}

/** What the error is, for people. */
export function errorText(code: JsonError): string {
  switch (code) {
    case JsonError.Key:
      return "a key in double quotes is expected";
    case JsonError.Colon:
      return "a colon is expected";
    case JsonError.Separator:
      return "a comma or closing bracket is expected";
    case JsonError.Rest:
      return "there is more after the end";
    case JsonError.End:
      return "it ends too early";
    case JsonError.Control:
      return "a control character in a string must be escaped";
    case JsonError.Escape:
      return "not an escape that JSON knows";
    case JsonError.Number:
      return "not a number that JSON knows";
    case JsonError.Utf8:
      return "not valid UTF-8";
    case JsonError.Depth:
      return "nested too deep";
    case JsonError.Memory:
      return "too large";
  }
  return "a value is expected";
}

/** The first byte at or after `at` that is no white space, or `stop`. */
export function skipSpace(at: usize, stop: usize): usize {
  // Few at first, since indentation alone is long.
  const few = min(stop, at + 4);
  for (; at < few; at++) {
    const c = load<u8>(at);
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return at;
  }
  while (stop - at >= 16) {
    const bytes = v128.load(at);
    const space = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(0x20)), i8x16.eq(bytes, i8x16.splat(0x0a))),
      v128.or(i8x16.eq(bytes, i8x16.splat(0x0d)), i8x16.eq(bytes, i8x16.splat(0x09))),
    );
    const mask = i8x16.bitmask(space) ^ 0xffff;
    if (mask != 0) return at + ctz(mask);
    at += 16;
  }
  for (; at < stop; at++) {
    const c = load<u8>(at);
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) break;
  }
  return at;
}

export function skipDigits(at: usize, stop: usize): usize {
  while (at < stop && ascii.isDigit(load<u8>(at))) at++;
  return at;
}

/** The first quote, backslash, control character or byte of a foreign one at or after `at`, or `stop`. */
export function skipPlain(at: usize, stop: usize): usize {
  while (stop - at >= 16) {
    const bytes = v128.load(at);
    const special = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
      i8x16.lt_s(bytes, i8x16.splat(0x20)), // from 0x80 on they are negative
    );
    const mask = i8x16.bitmask(special);
    if (mask != 0) return at + ctz(mask);
    at += 16;
  }
  while (at < stop) {
    const c = load<u8>(at);
    if (c == 0x22 || c == 0x5c || c < 0x20 || c >= 0x80) return at;
    at++;
  }
  return stop;
}

let lastForeign: usize = 0;

/** The address after a run of characters that are not ASCII; 0 when they are not UTF-8, and
 * `lastForeign` is where. */
function skipForeign(at: usize, stop: usize): usize {
  do {
    const point = utf8.decode(at, stop);
    if (point == utf8.INVALID) {
      lastForeign = at;
      return 0;
    }
    at += utf8.encodedLength(point);
  } while (at < stop && load<u8>(at) >= 0x80);
  return at;
}

function hex4(at: usize): i32 {
  let value = 0;
  for (let i: usize = 0; i < 4; i++) {
    const digit = ascii.hexValue(load<u8>(at + i));
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
}

/** Bytes of the escape at the backslash, or 0 when it is none. A lone surrogate is allowed, as RFC
 * 8259 8.2 leaves it open; it is read as U+FFFD. */
function escapeSize(at: usize, stop: usize): usize {
  if (at + 1 >= stop) return 0;
  switch (load<u8>(at, 1)) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return 2;
    case 0x75:
      return stop - at >= 6 && hex4(at + 2) >= 0 ? 6 : 0;
  }
  return 0;
}

// The results of `readEscape`.
let escapePoint: i32 = 0;
let escapeBytes: usize = 0;
let isHalf: bool = false;

/** Reads the (valid) escape at the backslash, a surrogate pair as one. */
function readEscape(at: usize, stop: usize): void {
  escapeBytes = 2;
  isHalf = false;
  const c = load<u8>(at, 1) as i32;
  switch (c) {
    case 0x62:
      escapePoint = 0x08;
      return;
    case 0x66:
      escapePoint = 0x0c;
      return;
    case 0x6e:
      escapePoint = 0x0a;
      return;
    case 0x72:
      escapePoint = 0x0d;
      return;
    case 0x74:
      escapePoint = 0x09;
      return;
    case 0x75:
      break;
    default:
      escapePoint = c;
      return;
  }
  escapeBytes = 6;
  const unit = hex4(at + 2);
  escapePoint = unit;
  if ((unit & 0xf800) != 0xd800) return;
  escapePoint = 0xfffd;
  isHalf = true;
  if (unit >= 0xdc00 || stop - at < 12 || load<u16>(at, 6) != 0x755c) return;
  const low = hex4(at + 8);
  if ((low & 0xfc00) != 0xdc00) return;
  escapePoint = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
  escapeBytes = 12;
  isHalf = false;
}

const unescaped = Writer.create();
/** Half of a surrogate pair was among what was unescaped. */
let hasHalf: bool = false;

/** Leaves the text without escapes in `unescaped`. */
function writeUnescaped(inner: Span): void {
  unescaped.reset();
  hasHalf = false;
  let at = address(inner);
  const stop = end(inner);
  while (at < stop) {
    let next = at;
    while (next < stop && load<u8>(next) != 0x5c) next++;
    unescaped.bytes(at, (next - at) as u32);
    at = next;
    if (at >= stop) break;
    readEscape(at, stop);
    if (isHalf) hasHalf = true;
    utf8.encode(escapePoint, unescaped);
    at += escapeBytes;
  }
}

function unescape(inner: Span, arena: Arena): Span {
  writeUnescaped(inner);
  const size = unescaped.size;
  const copy: usize = unescaped.failed ? 0 : arena.allocate((size as i32) + 1);
  if (copy == 0) return NONE;
  memory.copy(copy, unescaped.base, size);
  return span(copy, size);
}

/** What is between the quotes of a name without its escapes, until the next is asked for; NONE at the
 * memory ceiling. */
export function unescapedName(inner: Span): Span {
  if (indexOfByte(inner, 0x5c) < 0) return inner;
  writeUnescaped(inner);
  return unescaped.failed ? NONE : unescaped.view();
}

/** Whether some readers take the member `text` for `name`, though it is another: those that ignore the
 * case of letters (Go, .NET; the former with the signs for kelvin and the long s), and those that end
 * at NUL or at half of a surrogate pair. */
function isAlike(text: Span, name: Span): bool {
  const n = length(text);
  let at = 0;
  for (let i = 0, size = length(name); i < size; i++) {
    if (at >= n) return false;
    const c = ascii.lower(byteAtUnchecked(name, i));
    if (ascii.lower(byteAtUnchecked(text, at)) == c) at++;
    else if (c == 0x73 && hasAt(text, at, 0xbfc5, 2)) at += 2;
    else if (c == 0x6b && hasAt(text, at, 0xaa84e2, 3)) at += 3;
    else return false;
  }
  return at == n || byteAtUnchecked(text, at) == 0 || hasAt(text, at, REPLACEMENT, 3);
}

/** Whether the text has those bytes, the first of them lowest in `bytes`, at that place. */
function hasAt(text: Span, at: i32, bytes: u32, size: i32): bool {
  if (at + size > length(text)) return false;
  for (let i = 0; i < size; i++, bytes >>= 8) {
    if (byteAtUnchecked(text, at + i) != (bytes as u8)) return false;
  }
  return true;
}

function equalsEscaped(inner: Span, text: Span): bool {
  writeUnescaped(inner);
  return !unescaped.failed && equal(unescaped.view(), text);
}

/** A reference token with `~` and `/` escaped (RFC 6901 3). */
export function writePointerSegment(segment: Span, out: Writer): void {
  for (let i: usize = 0, n = length(segment) as usize; i < n; i++) {
    const c = load<u8>(address(segment) + i);
    if (c == 0x7e || c == 0x2f) {
      out.byte(0x7e);
      out.byte(c == 0x7e ? 0x30 : 0x31);
    } else {
      out.byte(c);
    }
  }
}
