// The query of a request target: reading parameters, and taking the query apart for edits and
// putting it together again so that what no edit touches keeps its place and its escaping.

import { Arena } from "../bytes/arena";
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
import { decodeComponent, encodeComponent } from "./percent";

const AMPERSAND: u8 = 0x26;
const EQUALS: u8 = 0x3d;
const QUESTION: u8 = 0x3f;
const HASH: u8 = 0x23;

/** The path without query and fragment. */
export function pathOf(target: Span): Span {
  const question = indexOfByte(target, QUESTION);
  const stop = question < 0 ? length(target) : question;
  const hash = indexOfByte(sliceUnchecked(target, 0, stop), HASH);
  return sliceUnchecked(target, 0, hash < 0 ? stop : hash);
}

/** The query without the question mark; NONE when there is none. A fragment has none of its own. */
export function queryOf(target: Span): Span {
  const hash = indexOfByte(target, HASH);
  const stop = hash < 0 ? length(target) : hash;
  const question = indexOfByte(sliceUnchecked(target, 0, stop), QUESTION);
  return question < 0 ? NONE : sliceUnchecked(target, question + 1, stop);
}

/** The first value of the parameter, decoded; NONE when it is not there. */
export function parameter(query: Span, name: Span, arena: Arena): Span {
  if (query == NONE) return NONE;
  let from = 0;
  const n = length(query);
  while (from <= n) {
    let to = indexOfByte(query, AMPERSAND, from);
    if (to < 0) to = n;
    if (to > from) {
      const pair = sliceUnchecked(query, from, to);
      const split = indexOfByte(pair, EQUALS);
      const key = decodeComponent(sliceUnchecked(pair, 0, split < 0 ? length(pair) : split), arena);
      if (equal(key, name)) {
        const start = split < 0 ? length(pair) : split + 1;
        return decodeComponent(sliceUnchecked(pair, start, length(pair)), arena);
      }
    }
    from = to + 1;
  }
  return NONE;
}

/** Fills `list` with the parameters in order, names and values decoded, their text kept as raw. */
export function parse(query: Span, list: FieldList, arena: Arena): void {
  takeApart(query, list, arena, false);
}

/** The same for edits: what is empty between two separators, before the first or after the last is there
 * too, so that `write` gives back the very bytes. */
export function parseAll(query: Span, list: FieldList, arena: Arena): void {
  takeApart(query, list, arena, true);
}

function takeApart(query: Span, list: FieldList, arena: Arena, isForEdits: bool): void {
  list.clear(arena);
  if (query == NONE) return;
  let from = 0;
  const n = length(query);
  while (from <= n) {
    let to = indexOfByte(query, AMPERSAND, from);
    if (to < 0) to = n;
    if (to > from) {
      const pair = sliceUnchecked(query, from, to);
      const split = indexOfByte(pair, EQUALS);
      const stop = split < 0 ? length(pair) : split;
      const start = split < 0 ? length(pair) : split + 1;
      list.push(
        decodeComponent(sliceUnchecked(pair, 0, stop), arena),
        decodeComponent(sliceUnchecked(pair, start, length(pair)), arena),
        pair,
      );
    } else if (isForEdits) {
      const nothing = sliceUnchecked(query, from, from);
      list.push(nothing, nothing, nothing);
    }
    from = to + 1;
  }
}

/** Whether there is nothing but a separator on its other side. */
export function isGap(list: FieldList, i: i32): bool {
  return list.raw(i) != NONE && length(list.raw(i)) == 0;
}

/** Whether any is a parameter. */
export function hasParameters(list: FieldList): bool {
  for (let i = 0; i < list.count; i++) {
    if (!isGap(list, i)) return true;
  }
  return false;
}

/** What edits have added stands in the place of nothing after the last separator, and of a query that is
 * all empty. */
export function closeGap(list: FieldList): void {
  let i = list.count - 1;
  while (i >= 0 && list.raw(i) == NONE) i--;
  if (i >= 0 && i < list.count - 1 && isGap(list, i)) list.removeAt(i);
}

/** Writes the parameters, those that were not edited as they were. */
export function write(list: FieldList, out: Writer): void {
  for (let i = 0; i < list.count; i++) {
    if (i > 0) out.byte(AMPERSAND);
    const raw = list.raw(i);
    if (raw != NONE) {
      out.span(raw);
    } else {
      encodeComponent(list.name(i), out);
      out.byte(EQUALS);
      encodeComponent(list.value(i), out);
    }
  }
}

/** Whether the bytes can stand as a request target: no white space, no control characters. */
export function isTarget(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (c <= 0x20 || c == 0x7f) return false;
  }
  return length(s) > 0;
}
