// The Cookie header of a request (RFC 6265 4.2, read as leniently as 5.4 asks of servers):
// `name=value` pairs between semicolons. A piece without `=` is a value without a name and is kept.

import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "./field-list";

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
