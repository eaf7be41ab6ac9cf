// The Cookie header of a request (RFC 6265 4.2, read as leniently as 5.4 asks of servers):
// `name=value` pairs between semicolons. A piece without `=` is a value without a name and is kept.

import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { Writer } from "../bytes/writer";
import { isAlike } from "./ambiguity";
import { FieldList } from "./field-list";
import { isNeedlessEscape } from "./percent";

const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;

function nameOf(pair: Span): Span {
  const split = indexOfByte(pair, EQUALS);
  return split < 0 ? sliceUnchecked(pair, 0, 0) : ascii.trim(sliceUnchecked(pair, 0, split));
}

function valueOf(pair: Span): Span {
  const split = indexOfByte(pair, EQUALS);
  return split < 0 ? pair : ascii.trim(sliceUnchecked(pair, split + 1, length(pair)));
}

/** The value of the first cookie of the name in one Cookie line; NONE when it is not there. */
export function cookie(line: Span, name: Span): Span {
  const n = length(line);
  let from = 0;
  while (from < n) {
    let to = indexOfByte(line, SEMICOLON, from);
    if (to < 0) to = n;
    const pair = ascii.trim(sliceUnchecked(line, from, to));
    if (indexOfByte(pair, EQUALS) >= 0 && equal(nameOf(pair), name)) return valueOf(pair);
    from = to + 1;
  }
  return NONE;
}

/** Adds the cookies of one Cookie line to the list, in order. */
export function parse(line: Span, list: FieldList): void {
  const n = length(line);
  let from = 0;
  while (from < n) {
    let to = indexOfByte(line, SEMICOLON, from);
    if (to < 0) to = n;
    const pair = ascii.trim(sliceUnchecked(line, from, to));
    if (length(pair) > 0) list.push(nameOf(pair), valueOf(pair), pair);
    from = to + 1;
  }
}

/** Writes the cookies as one line. */
export function write(list: FieldList, out: Writer): void {
  for (let i = 0; i < list.count; i++) {
    if (i > 0) {
      out.byte(SEMICOLON);
      out.byte(0x20);
    }
    const raw = list.raw(i);
    if (raw != NONE) {
      out.span(raw);
    } else {
      out.span(list.name(i));
      out.byte(EQUALS);
      out.span(list.value(i));
    }
  }
}

/** Whether the bytes can stand as a cookie's value: no semicolon, control character or white space
 * at the ends (RFC 6265 4.1.1, without its ban on quotes and commas, which clients send). */
export function isValue(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (c < 0x20 || c == 0x7f || c == SEMICOLON) return false;
  }
  return true;
}

// ---- what servers read differently

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const PERCENT: u8 = 0x25;
const BACKSLASH: u8 = 0x5c;

/** Whether servers may differ in what the line says of the cookie. Some take quotes off values, some
 * read quoted texts with semicolons in them, some separate cookies by blanks and commas too, some
 * decode escapes, and with `$Version` in front some read by rules of their own. */
export function isDoubtful(line: Span, name: Span): bool {
  const n = length(line);
  let from = 0;
  while (from < n) {
    let to = indexOfByte(line, SEMICOLON, from);
    if (to < 0) to = n;
    const pair = ascii.trim(sliceUnchecked(line, from, to));
    if (length(pair) > 0 && isDoubtfulFor(pair, name)) return true;
    from = to + 1;
  }
  return false;
}

/** Whether servers may differ in any cookie of the line. */
export function isDoubtfulLine(line: Span): bool {
  const n = length(line);
  let from = 0;
  while (from < n) {
    let to = indexOfByte(line, SEMICOLON, from);
    if (to < 0) to = n;
    const pair = ascii.trim(sliceUnchecked(line, from, to));
    if (length(pair) > 0 && !isPlainPair(pair)) return true;
    from = to + 1;
  }
  return false;
}

function isPlainPair(pair: Span): bool {
  const split = indexOfByte(pair, EQUALS);
  if (split <= 0 || !ascii.isToken(sliceUnchecked(pair, 0, split))) return false;
  return !isVersion(nameOf(pair)) && isPlainValue(sliceUnchecked(pair, split + 1, length(pair)));
}

function isDoubtfulFor(pair: Span, name: Span): bool {
  const split = indexOfByte(pair, EQUALS);
  if (split < 0) return equal(pair, name) || hidesCookie(pair, name);
  if (equal(sliceUnchecked(pair, 0, split), name))
    return !isPlainValue(sliceUnchecked(pair, split + 1, length(pair)));
  const key = nameOf(pair);
  if (equal(key, name) || isAlike(name, key) || isVersion(key)) return true;
  return isOpenQuote(valueOf(pair)) || hidesCookie(pair, name);
}

/** `$Version`, in any case. */
function isVersion(name: Span): bool {
  const n = length(name);
  if (n != 8 || byteAtUnchecked(name, 0) != 0x24) return false;
  return (load<u64>(address(name)) | 0x2020202020202000) == 0x6e6f697372657624;
}

/** Whether a quoted text begins that does not end where the value does, for some. */
function isOpenQuote(value: Span): bool {
  const n = length(value);
  if (n == 0 || byteAtUnchecked(value, 0) != QUOTE) return false;
  return indexOfByte(value, QUOTE, 1) != n - 1 || indexOfByte(value, BACKSLASH) >= 0;
}

/** Whether the pair of another name has, for some, the cookie in it: after a blank, comma or quote. */
function hidesCookie(pair: Span, name: Span): bool {
  const n = length(pair);
  const size = length(name);
  for (let i = 1; i + size <= n; i++) {
    if (!isSeparator(byteAtUnchecked(pair, i - 1))) continue;
    if (!equal(sliceUnchecked(pair, i, i + size), name)) continue;
    let at = i + size;
    while (at < n && ascii.isBlank(byteAtUnchecked(pair, at))) at++;
    if (at == n || byteAtUnchecked(pair, at) == EQUALS) return true;
  }
  return false;
}

function isSeparator(c: u8): bool {
  return ascii.isBlank(c) || c == COMMA || c == QUOTE;
}

/** RFC 6265 4.1.1, and without escapes of what nobody escapes, which only some readers decode. */
function isPlainValue(value: Span): bool {
  for (let i = 0, n = length(value); i < n; i++) {
    const c = byteAtUnchecked(value, i);
    if (c < 0x21 || c > 0x7e || c == QUOTE || c == COMMA || c == BACKSLASH) return false;
    if (c == PERCENT && isNeedlessEscape(value, i)) return false;
  }
  return true;
}
