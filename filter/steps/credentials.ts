// Credentials that stand in a text as such. What the stream's secret headers hold, for the step at hand:
// where the same stands elsewhere, in a variable, another header or a body that repeats it, it is no less
// secret. And those in URLs (RFC 3986 3.2.1): `https://user:password@host`.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { GAVE_UP, indexOf } from "../bytes/search";
import {
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as base64 from "../crypto/base64";
import { FieldList } from "../http/field-list";
import { encodeComponent } from "../http/percent";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { stars } from "./parameters";
import { Redaction } from "./redaction";

const MOST: i32 = 64;
/** What is shorter stands in a text for other reasons, and so may short values of cookies: `lang=de-DE`. */
const SHORTEST: i32 = 8;
const SHORTEST_COOKIE: i32 = 16;
/** Bytes that are compared beyond a few for each of the text. */
const MOST_WORK: i32 = 1 << 20;

const texts: Arena = Arena.create();
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;

const COLON: u8 = 0x3a;
const SLASH: u8 = 0x2f;
const AT: u8 = 0x40;
/** Of the user's part of a URL. */
const LONGEST_USER: i32 = 4096;

const scheme: Span = fromText("://", texts);
const basic: Span = fromText("basic", texts);
const QUOTE: u8 = 0x22;

const values = new StaticArray<Span>(MOST);
let count = 0;
const out = Writer.create();
const encoded = Writer.create();

/** Takes those of the headers as they arrived, wherever edits have put them since, and of the headers as
 * they are now, where they have been read. */
export function collect(x: Exchange, redaction: Redaction): void {
  count = 0;
  take(x.original, redaction);
  take(x.originalResponse, redaction);
  if (x.request.loaded) take(x.request, redaction);
  if (x.response.loaded) take(x.response, redaction);
}

export function forget(): void {
  count = 0;
}

/** Takes the value as it is, without quotes around it, and as it stands in a URL. */
function add(value: Span, shortest: i32): void {
  addOne(value, shortest);
  const n = length(value);
  const isQuoted =
    n > 1 && byteAtUnchecked(value, 0) == QUOTE && byteAtUnchecked(value, n - 1) == QUOTE;
  const bare = isQuoted ? sliceUnchecked(value, 1, n - 1) : value;
  if (isQuoted) addOne(bare, shortest);
  encoded.reset();
  encodeComponent(bare, encoded);
  if (encoded.size == (length(bare) as u32)) return;
  const kept = encoded.failed ? NONE : copy(encoded.view(), scratch);
  if (kept != NONE) addOne(kept, shortest);
}

/** Keeps the longest first: one may be a part of another. */
function addOne(value: Span, shortest: i32): void {
  if (length(value) < shortest || count == MOST) return;
  for (let i = 0; i < count; i++) {
    if (equal(unchecked(values[i]), value)) return;
  }
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

function take(headers: FieldList, redaction: Redaction): void {
  for (let i = 0, n = headers.count; i < n; i++) {
    const name = headers.name(i);
    if (!redaction.hidesHeader(name)) continue;
    let value = ascii.trim(headers.value(i));
    if (equal(name, field.authorization) || equal(name, field.proxyAuthorization)) {
      const token = withoutScheme(value);
      if (startsWithIgnoringCase(value, basic)) takePassword(token);
      value = token;
    }
    add(value, SHORTEST);
    if (equal(name, field.cookie)) takeCookies(value, i32.MAX_VALUE);
    else if (equal(name, field.setCookie)) takeCookies(value, 1);
  }
}

/** The credentials of `Bearer …`, `Basic …` (RFC 9110 11.4). */
function withoutScheme(value: Span): Span {
  for (let i = 0, n = length(value); i < n; i++) {
    if (ascii.isBlank(byteAtUnchecked(value, i))) return ascii.trim(sliceUnchecked(value, i, n));
  }
  return value;
}

/** The password that Basic credentials hold (RFC 7617 2), and it with its user. */
function takePassword(token: Span): void {
  encoded.reset();
  if (!base64.decode(token, encoded, false) || encoded.failed) return;
  const pair = copy(encoded.view(), scratch);
  if (pair == NONE) return;
  add(pair, SHORTEST);
  const colon = indexOfByte(pair, COLON);
  if (colon >= 0) add(sliceUnchecked(pair, colon + 1, length(pair)), SHORTEST);
}

function startsWithIgnoringCase(s: Span, prefix: Span): bool {
  const n = length(prefix);
  return length(s) > n && ascii.equalIgnoringCase(sliceUnchecked(s, 0, n), prefix);
}

/** The text with stars for what was taken, and for passwords in URLs; the stars alone when memory runs
 * out. */
export function hide(text: Span): Span {
  let current = hideInUrls(text);
  for (let i = 0; i < count; i++) current = hideOne(current, unchecked(values[i]));
  return current;
}

function hideInUrls(text: Span): Span {
  let from = 0; // up to here it is in `out`
  let at = indexOf(text, scheme, 0);
  for (; at >= 0; at = indexOf(text, scheme, at)) {
    at += length(scheme);
    const stop = userEnd(text, at);
    if (stop < 0) continue;
    const colon = indexOfByte(sliceUnchecked(text, at, stop), COLON);
    if (from == 0) out.reset();
    out.span(sliceUnchecked(text, from, colon < 0 ? at : at + colon + 1));
    out.span(stars);
    from = stop;
  }
  if (from == 0) return at == GAVE_UP ? stars : text;
  return finished(text, from, at == GAVE_UP);
}

/** Where the `@` of the authority is that begins there, or -1. */
function userEnd(text: Span, from: i32): i32 {
  let end = -1;
  const stop = min(length(text), from + LONGEST_USER);
  for (let i = from; i < stop; i++) {
    const c = byteAtUnchecked(text, i);
    if (c == AT) end = i;
    const isEnd = c <= 0x20 || c == SLASH || c == 0x3f || c == 0x23;
    if (isEnd || c == 0x22 || c == 0x3c || c == 0x3e || c == 0x5c) break;
  }
  return end;
}

/** What is in `out`, and the rest of the text. */
function finished(text: Span, from: i32, gaveUp: bool): Span {
  out.span(sliceUnchecked(text, from, length(text)));
  const hidden = out.failed || gaveUp ? NONE : copy(out.view(), scratch);
  out.reset();
  return hidden == NONE ? stars : hidden;
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
  return finished(text, from, at == GAVE_UP);
}
