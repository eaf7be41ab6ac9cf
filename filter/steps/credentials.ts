// What the stream's secret headers hold, for the step at hand: where the same stands elsewhere, in a
// variable, another header or a body that repeats it, it is no less secret.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { GAVE_UP, indexOf } from "../bytes/search";
import { equal, indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap } from "../stream/header-map";
import { stars } from "./parameters";
import { Redaction } from "./redaction";

const MOST: i32 = 32;
/** What is shorter stands in a text for other reasons, and so may short values of cookies: `lang=de-DE`. */
const SHORTEST: i32 = 8;
const SHORTEST_COOKIE: i32 = 16;
/** Bytes that are compared beyond a few for each of the text. */
const MOST_WORK: i32 = 1 << 20;

const texts: Arena = Arena.create();
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;

const setCookie: Span = fromText("set-cookie", texts);
const proxyAuthorization: Span = fromText("proxy-authorization", texts);

const values = new StaticArray<Span>(MOST);
let count = 0;
const out = Writer.create();

/** Takes those of the headers that have been read. */
export function collect(x: Exchange, redaction: Redaction): void {
  count = 0;
  take(x.request, redaction);
  take(x.response, redaction);
}

export function forget(): void {
  count = 0;
}

export function areThere(): bool {
  return count > 0;
}

/** Keeps the longest first: one may be a part of another. */
function add(value: Span, shortest: i32): void {
  if (length(value) < shortest || count == MOST) return;
  let place = count++;
  for (; place > 0 && length(unchecked(values[place - 1])) < length(value); place--)
    unchecked((values[place] = values[place - 1]));
  unchecked((values[place] = value));
}

/** The values of `name=value; …`, the first `most` of them. */
function takeCookies(list: Span, most: i32): void {
  const n = length(list);
  for (let from = 0, i = 0; from < n && i < most; i++) {
    let stop = indexOfByte(list, SEMICOLON, from);
    if (stop < 0) stop = n;
    const pair = sliceUnchecked(list, from, stop);
    const equals = indexOfByte(pair, EQUALS);
    if (equals >= 0)
      add(ascii.trim(sliceUnchecked(pair, equals + 1, length(pair))), SHORTEST_COOKIE);
    from = stop + 1;
  }
}

function take(headers: HeaderMap, redaction: Redaction): void {
  if (!headers.loaded) return;
  for (let i = 0, n = headers.count; i < n; i++) {
    const name = headers.name(i);
    if (!redaction.hidesHeader(name)) continue;
    let value = ascii.trim(headers.value(i));
    if (equal(name, field.authorization) || equal(name, proxyAuthorization))
      value = withoutScheme(value);
    add(value, SHORTEST);
    if (equal(name, field.cookie)) takeCookies(value, i32.MAX_VALUE);
    else if (equal(name, setCookie)) takeCookies(value, 1);
  }
}

/** The credentials of `Bearer …`, `Basic …` (RFC 9110 11.4). */
function withoutScheme(value: Span): Span {
  const blank = indexOfByte(value, 0x20);
  return blank < 0 ? value : ascii.trim(sliceUnchecked(value, blank, length(value)));
}

/** The text with stars for what was taken; the stars alone when memory runs out. */
export function hide(text: Span): Span {
  let current = text;
  for (let i = 0; i < count; i++) current = hideOne(current, unchecked(values[i]));
  return current;
}

/** The text, which was cut off, without what may be the beginning of one at its end. */
export function withoutBeginning(text: Span): Span {
  const n = length(text);
  let cut = 0;
  for (let i = 0; i < count; i++) {
    const value = unchecked(values[i]);
    let work = 0;
    for (let size = min(length(value) - 1, n); size > max(cut, 3); size--) {
      const end = sliceUnchecked(text, n - size, n);
      if (!beginsAlike(end, value, size)) continue;
      work += size;
      if (work < MOST_WORK && !equal(end, sliceUnchecked(value, 0, size))) continue;
      cut = size;
      break;
    }
  }
  return sliceUnchecked(text, 0, n - cut);
}

/** Whether their first bytes, at most 16 of `size`, are the same. */
function beginsAlike(a: Span, b: Span, size: i32): bool {
  const n = min(size, 16);
  return equal(sliceUnchecked(a, 0, n), sliceUnchecked(b, 0, n));
}

function hideOne(text: Span, value: Span): Span {
  let from = 0; // up to here it is in `out`
  let at = indexOf(text, value, 0);
  if (at == -1) return text;
  out.reset();
  for (; at >= 0; at = indexOf(text, value, from)) {
    out.span(sliceUnchecked(text, from, at));
    out.span(stars);
    from = at + length(value);
  }
  // What takes too long to be looked through is not told.
  if (at != GAVE_UP) out.span(sliceUnchecked(text, from, length(text)));
  const hidden = at == GAVE_UP || out.failed ? stars : copy(out.view(), scratch);
  out.reset();
  return hidden == NONE ? stars : hidden;
}
