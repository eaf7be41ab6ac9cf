// Functions on text: the standard ones and the strings extension. Positions and sizes count code
// points; a byte that is not part of valid UTF-8 (headers may hold such) counts as one.

import {
  address,
  endsWith,
  indexOfByte,
  length,
  Span,
  same,
  sliceUnchecked,
  span,
  startsWith,
} from "../../bytes/span";
import * as utf8 from "../../bytes/utf8";
import { charge, chargeBytes } from "../budget";
import { buffer, heap } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { settle } from "../lazy";
import { countOf, elementOf, Kind, push, startList, Value } from "../value";
import { argument, isInt, isText, take } from "./arguments";

export function call(fn: Fn, base: usize, n: i32): Failure {
  const value = argument(base, 0);
  if (fn == Fn.Join) return join(base, n);
  if (value.kind != Kind.String) return Failure.NoSuchOverload;
  const text = value.bits;
  if (!chargeBytes(length(text))) return Failure.Budget;
  switch (fn) {
    case Fn.StartsWith:
      if (!isText(base, 1)) return Failure.NoSuchOverload;
      value.setBool(startsWith(text, argument(base, 1).bits));
      return Failure.None;
    case Fn.EndsWith:
      if (!isText(base, 1)) return Failure.NoSuchOverload;
      value.setBool(endsWith(text, argument(base, 1).bits));
      return Failure.None;
    case Fn.Contains:
      if (!isText(base, 1)) return Failure.NoSuchOverload;
      value.setBool(find(text, argument(base, 1).bits, 0) >= 0);
      return Failure.None;
    case Fn.CharAt:
      return charAt(value, base);
    case Fn.LowerAscii:
      return mapped(value, 0x41, 0x5a);
    case Fn.UpperAscii:
      return mapped(value, 0x61, 0x7a);
    case Fn.Replace:
      return replace(value, base, n);
    case Fn.Split:
      return split(value, base, n);
    case Fn.Substring:
      return substring(value, base, n);
    case Fn.Trim:
      value.bits = trimmed(text);
      return Failure.None;
    case Fn.IndexOf:
    case Fn.LastIndexOf:
      return indexOf(fn, value, base, n);
    case Fn.Quote:
      return quote(value);
    default:
      return Failure.NoSuchOverload;
  }
}

// ---- code points

/** Bytes of the code point at `at`. */
function widthAt(at: usize, stop: usize): i32 {
  if (load<u8>(at) < 0x80) return 1;
  const point = utf8.decode(at, stop);
  return point == utf8.INVALID ? 1 : utf8.encodedLength(point);
}

/** Code points in the text. */
export function size(text: Span): i32 {
  let at = address(text);
  const stop = at + length(text);
  let count = 0;
  while (at < stop) {
    at += widthAt(at, stop);
    count++;
  }
  return count;
}

/** The offset in bytes of code point `index`; the length for the one after the last; else -1. */
function offsetOf(text: Span, index: i64): i32 {
  if (index < 0) return -1;
  let at = address(text);
  const stop = at + length(text);
  for (let i: i64 = 0; i < index; i++) {
    if (at >= stop) return -1;
    at += widthAt(at, stop);
  }
  return (at - address(text)) as i32;
}

function charAt(value: Value, base: usize): Failure {
  if (!isInt(base, 1)) return Failure.NoSuchOverload;
  const text = value.bits;
  const from = offsetOf(text, argument(base, 1).int);
  if (from < 0) return Failure.IndexOutOfRange;
  const n = length(text);
  const width = from == n ? 0 : widthAt(address(text) + from, address(text) + n);
  value.bits = sliceUnchecked(text, from, from + width);
  return Failure.None;
}

function substring(value: Value, base: usize, n: i32): Failure {
  if (!isInt(base, 1) || (n == 3 && !isInt(base, 2)) || n > 3) return Failure.NoSuchOverload;
  const text = value.bits;
  const from = offsetOf(text, argument(base, 1).int);
  const to = n == 3 ? offsetOf(text, argument(base, 2).int) : length(text);
  if (from < 0 || to < 0) return Failure.IndexOutOfRange;
  if (to < from) return Failure.BadArgument;
  value.bits = sliceUnchecked(text, from, to);
  return Failure.None;
}

// ---- searching

/** The offset of `needle` at or after `from`, or -1: also when the budget is used up, which ends the
 * evaluation before anybody takes that for an answer. Compares at most what it charges for. */
function find(text: Span, needle: Span, from: i32): i32 {
  const n = length(text);
  const m = length(needle);
  if (m == 0) return from;
  const first = load<u8>(address(needle));
  let at = from;
  while (at + m <= n) {
    at = indexOfByte(text, first, at);
    if (at < 0 || at + m > n) return -1;
    if (m == 1 || same(address(text) + at, address(needle), m)) return at;
    if (!charge((m >> 4) + 1)) return -1;
    at++;
  }
  return -1;
}

function findLast(text: Span, needle: Span, from: i32): i32 {
  const m = length(needle);
  if (m == 0) return from;
  const first = load<u8>(address(needle));
  for (let at = min(from, length(text) - m); at >= 0; at--) {
    if (load<u8>(address(text) + at) != first) continue;
    if (same(address(text) + at, address(needle), m)) return at;
    if (!charge((m >> 4) + 1)) return -1;
  }
  return -1;
}

function indexOf(fn: Fn, value: Value, base: usize, n: i32): Failure {
  if (!isText(base, 1) || (n == 3 && !isInt(base, 2)) || n > 3) return Failure.NoSuchOverload;
  const text = value.bits;
  const needle = argument(base, 1).bits;
  const isFirst = fn == Fn.IndexOf;
  let from = isFirst ? 0 : length(text);
  if (n == 3) {
    from = offsetOf(text, argument(base, 2).int);
    if (length(needle) == 0 && from < 0 && argument(base, 2).int >= 0) from = length(text);
    if (from < 0) return Failure.IndexOutOfRange;
  }
  const at = isFirst ? find(text, needle, from) : findLast(text, needle, from);
  value.setInt(at < 0 ? -1 : size(sliceUnchecked(text, 0, at)));
  return Failure.None;
}

// ---- making

/** ASCII letters between `from` and `to` in the other case. */
function mapped(value: Value, from: u32, to: u32): Failure {
  const text = value.bits;
  const n = length(text);
  const base = address(text);
  let i = 0;
  while (i < n && (load<u8>(base + i) < from || load<u8>(base + i) > to)) i++;
  if (i == n) return Failure.None;
  const copy = heap.allocate(n);
  if (copy == 0) return Failure.Memory;
  memory.copy(copy, base, n);
  for (; i < n; i++) {
    const c = load<u8>(copy + i);
    if (c >= from && c <= to) store<u8>(copy + i, c ^ 0x20);
  }
  value.bits = span(copy, n);
  return Failure.None;
}

function replace(value: Value, base: usize, n: i32): Failure {
  if (!isText(base, 1) || !isText(base, 2)) return Failure.NoSuchOverload;
  if ((n == 4 && !isInt(base, 3)) || n > 4 || n < 3) return Failure.NoSuchOverload;
  const text = value.bits;
  const old = argument(base, 1).bits;
  const fresh = argument(base, 2).bits;
  const limit = n == 4 ? argument(base, 3).int : -1;
  if (limit == 0) return Failure.None;
  buffer.reset();
  let copied = 0;
  let from = 0;
  for (let done: i64 = 0; limit < 0 || done < limit; done++) {
    const at = find(text, old, from);
    if (at < 0 || at > length(text)) break;
    buffer.bytes(address(text) + copied, at - copied);
    buffer.span(fresh);
    if (!chargeBytes(length(fresh))) return Failure.Budget;
    copied = at + length(old);
    from = copied;
    if (length(old) > 0) continue;
    // Nothing is found between any two code points, and at both ends.
    if (from == length(text)) {
      from++;
    } else {
      const width = widthAt(address(text) + from, address(text) + length(text));
      buffer.bytes(address(text) + from, width);
      from += width;
      copied = from;
    }
  }
  if (copied < length(text)) buffer.bytes(address(text) + copied, length(text) - copied);
  return take(value);
}

function split(value: Value, base: usize, n: i32): Failure {
  if (!isText(base, 1) || (n == 3 && !isInt(base, 2)) || n > 3) return Failure.NoSuchOverload;
  const text = value.bits;
  const separator = argument(base, 1).bits;
  const limit = n == 3 ? argument(base, 2).int : -1;
  if (limit == 0) return startList(value, 0, heap) ? Failure.None : Failure.Memory;
  // Counted first, so that the list is made once.
  let count: i64 = 1;
  for (let at = nextCut(text, separator, 0); at >= 0; at = nextCut(text, separator, at)) count++;
  if (length(separator) == 0 && length(text) == 0) count = 0;
  if (limit > 0 && count > limit) count = limit;
  if (!startList(value, count as i32, heap)) return Failure.Memory;
  let from = 0;
  for (let i: i64 = 1; i <= count; i++) {
    let to = length(text);
    let next = to;
    if (i < count) {
      next = nextCut(text, separator, from);
      if (next < 0) return Failure.Budget; // found before, so the search was cut short
      to = next - length(separator);
    }
    push(value).set(Kind.String, sliceUnchecked(text, from, to));
    from = next;
  }
  return Failure.None;
}

/** The offset after the next separator, or -1; an empty one lies between code points. */
function nextCut(text: Span, separator: Span, from: i32): i32 {
  if (length(separator) == 0) {
    if (from >= length(text)) return -1;
    const to = from + widthAt(address(text) + from, address(text) + length(text));
    return to < length(text) ? to : -1;
  }
  const at = find(text, separator, from);
  return at < 0 ? -1 : at + length(separator);
}

function join(base: usize, n: i32): Failure {
  const list = argument(base, 0);
  const wrong = settle(list);
  if (wrong != Failure.None) return wrong;
  if (list.kind != Kind.List || n > 2 || (n == 2 && !isText(base, 1))) {
    return Failure.NoSuchOverload;
  }
  buffer.reset();
  for (let i = 0, count = countOf(list); i < count; i++) {
    const element = elementOf(list, i);
    if (element.kind != Kind.String) return Failure.NoSuchOverload;
    if (i > 0 && n == 2) {
      const separator = argument(base, 1).bits;
      if (!chargeBytes(length(separator))) return Failure.Budget;
      buffer.span(separator);
    }
    if (!chargeBytes(length(element.bits))) return Failure.Budget;
    buffer.span(element.bits);
  }
  return take(list);
}

export function reversed(value: Value): Failure {
  const text = value.bits;
  const n = length(text);
  if (!chargeBytes(n)) return Failure.Budget;
  const base = heap.allocate(n);
  if (base == 0) return Failure.Memory;
  let at = address(text);
  const stop = at + n;
  let to = base + n;
  while (at < stop) {
    const width = widthAt(at, stop);
    to -= width;
    memory.copy(to, at, width);
    at += width;
  }
  value.bits = span(base, n);
  return Failure.None;
}

// Unicode's White_Space, without the blanks at both ends.
function trimmed(text: Span): Span {
  let at = address(text);
  let stop = at + length(text);
  while (at < stop) {
    const width = widthAt(at, stop);
    if (!isSpace(utf8.decode(at, stop))) break;
    at += width;
  }
  while (stop > at) {
    let last = stop - 1;
    while (last > at && (load<u8>(last) & 0xc0) == 0x80 && stop - last < 4) last--;
    const point = utf8.decode(last, stop);
    if (!isSpace(point)) break;
    stop = last;
  }
  return span(at, (stop - at) as i32);
}

function isSpace(c: i32): bool {
  if (c < 0x80) return c == 0x20 || (c >= 0x09 && c <= 0x0d);
  if (c == 0x85 || c == 0xa0 || c == 0x1680) return true;
  if (c >= 0x2000 && c <= 0x200a) return true;
  return c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

// In double quotes, with the escapes of the strings extension.
function quote(value: Value): Failure {
  const text = value.bits;
  if (!chargeBytes(length(text) * 4)) return Failure.Budget; // byte by byte
  buffer.reset();
  buffer.byte(0x22);
  let at = address(text);
  const stop = at + length(text);
  while (at < stop) {
    const c = load<u8>(at) as u32;
    const letter = letterFor(c);
    if (letter != 0) {
      buffer.byte(0x5c);
      buffer.byte(letter);
      at++;
    } else if (c >= 0x80 && utf8.decode(at, stop) == utf8.INVALID) {
      utf8.encode(0xfffd, buffer);
      at++;
    } else {
      const width = widthAt(at, stop);
      buffer.bytes(at, width);
      at += width;
    }
  }
  buffer.byte(0x22);
  return take(value);
}

function letterFor(c: u32): u32 {
  switch (c) {
    case 0x07:
      return 0x61;
    case 0x08:
      return 0x62;
    case 0x0c:
      return 0x66;
    case 0x0a:
      return 0x6e;
    case 0x0d:
      return 0x72;
    case 0x09:
      return 0x74;
    case 0x0b:
      return 0x76;
    case 0x5c:
    case 0x22:
      return c;
    default:
      return 0;
  }
}
