// Media types (RFC 9110 8.3.1) as far as rules ask: the type without its parameters, one of them (as
// other header values have them too), and whether the text is in the one encoding that we read.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { fromText } from "../bytes/text";

const QUOTE: u8 = 0x22;
const ASTERISK: u8 = 0x2a;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const BACKSLASH: u8 = 0x5c;

const texts: Arena = Arena.create();
const CHARSET: Span = fromText("charset", texts);
/** UTF-8 and what is a part of it, in lower case. */
const READ: StaticArray<Span> = [
  fromText("utf-8", texts),
  fromText("utf8", texts),
  fromText("us-ascii", texts),
  fromText("ascii", texts),
];

/** `text/html` of `text/html; charset=utf-8`. */
export function essence(contentType: Span): Span {
  const semicolon = indexOfByte(contentType, 0x3b);
  return ascii.trim(
    sliceUnchecked(contentType, 0, semicolon < 0 ? length(contentType) : semicolon),
  );
}

/** Whether the content-type is `type`, which is written in lower case. */
export function isMediaType(contentType: Span, type: Span): bool {
  return ascii.equalIgnoringCase(essence(contentType), type);
}

/** Whether the text is UTF-8 for everybody: no charset is named, or once one that is. How a parameter
 * that is badly written, split, or there twice is understood differs between readers, so that any
 * further mention of the word makes it another one. */
export function isUtf8(contentType: Span): bool {
  const mentions = mentionsOfCharset(contentType);
  if (mentions != 1) return mentions == 0;
  const charset = parameter(contentType, "charset");
  if (charset == NONE) return false;
  for (let i = 0; i < READ.length; i++) {
    if (ascii.equalIgnoringCase(charset, unchecked(READ[i]))) return true;
  }
  return false;
}

function mentionsOfCharset(contentType: Span): i32 {
  const size = length(CHARSET);
  let mentions = 0;
  for (let at = indexOfByte(contentType, 0x3b), n = length(contentType) - size; at <= n; at++) {
    if (at < 0) break;
    if (ascii.equalIgnoringCase(sliceUnchecked(contentType, at, at + size), CHARSET)) mentions++;
  }
  return mentions;
}

/** The value of a parameter of a header value, quotes taken off, escapes as they are; NONE when it is
 * not there or not well written. */
export function parameter(value: Span, name: string): Span {
  const n = length(value);
  let at = indexOfByte(value, 0x3b);
  while (at >= 0 && at < n) {
    at++;
    while (at < n && ascii.isBlank(byteAtUnchecked(value, at))) at++;
    const equals = indexOfByte(value, 0x3d, at);
    if (equals < 0) return NONE;
    const key = ascii.trim(sliceUnchecked(value, at, equals));
    at = equals + 1;
    let content = NONE;
    if (at < n && byteAtUnchecked(value, at) == QUOTE) {
      const from = ++at;
      while (at < n && byteAtUnchecked(value, at) != QUOTE) {
        at += byteAtUnchecked(value, at) == BACKSLASH ? 2 : 1;
      }
      if (at >= n) return NONE;
      content = sliceUnchecked(value, from, at);
      at = indexOfByte(value, 0x3b, at);
    } else {
      const stop = indexOfByte(value, 0x3b, at);
      content = ascii.trim(sliceUnchecked(value, at, stop < 0 ? n : stop));
      at = stop;
    }
    if (isNamed(key, name)) return content;
  }
  return NONE;
}

// ---- parameters as everybody reads them

/** The one that `nextParameter` has read, quotes taken off. */
export let parameterName: Span = NONE;
export let parameterValue: Span = NONE;

/** Reads the parameter that begins at the semicolon at `at`; the offset after it, or -1 when it is not
 * written so that everybody reads the same: `; name=token` or `; name="text"`, with no escapes and none
 * of the forms of RFC 2231 (`name*`). */
export function nextParameter(value: Span, at: i32): i32 {
  const n = length(value);
  while (at < n && ascii.isBlank(byteAtUnchecked(value, at))) at++;
  if (at >= n || byteAtUnchecked(value, at++) != SEMICOLON) return -1;
  while (at < n && ascii.isBlank(byteAtUnchecked(value, at))) at++;
  const equals = indexOfByte(value, EQUALS, at);
  if (equals < 0 || equals + 1 >= n) return -1;
  parameterName = sliceUnchecked(value, at, equals);
  if (!ascii.isToken(parameterName) || indexOfByte(parameterName, ASTERISK) >= 0) return -1;
  return byteAtUnchecked(value, equals + 1) == QUOTE
    ? readQuoted(value, equals + 2)
    : readToken(value, equals + 1);
}

function readQuoted(value: Span, from: i32): i32 {
  const close = indexOfByte(value, QUOTE, from);
  if (close < 0) return -1;
  parameterValue = sliceUnchecked(value, from, close);
  return indexOfByte(parameterValue, BACKSLASH) < 0 ? close + 1 : -1;
}

function readToken(value: Span, from: i32): i32 {
  const n = length(value);
  let at = from;
  while (at < n && ascii.isTokenChar(byteAtUnchecked(value, at))) at++;
  parameterValue = sliceUnchecked(value, from, at);
  return at > from ? at : -1;
}

/** The value of a parameter that is there once, among parameters that everybody reads the same; else
 * NONE. */
export function onlyParameter(value: Span, name: string): Span {
  let found = NONE;
  const n = length(value);
  let at = indexOfByte(value, SEMICOLON);
  if (at < 0) return NONE;
  while (at < n) {
    at = nextParameter(value, at);
    if (at < 0) return NONE;
    if (!isNamed(parameterName, name)) continue;
    if (found != NONE) return NONE;
    found = parameterValue;
  }
  return found;
}

/** Whether what follows the type is parameters that everybody reads the same, or nothing. */
export function hasPlainParameters(contentType: Span): bool {
  const n = length(contentType);
  let at = indexOfByte(contentType, SEMICOLON);
  while (at >= 0 && at < n) at = nextParameter(contentType, at);
  return at == n || indexOfByte(contentType, SEMICOLON) < 0;
}

function isNamed(key: Span, name: string): bool {
  if (length(key) != name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (ascii.lower(byteAtUnchecked(key, i)) != (name.charCodeAt(i) as u32)) return false;
  }
  return true;
}
