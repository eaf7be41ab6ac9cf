// What servers read differently in names and values that come urlencoded, as cookies or as fields: the
// name that one of them takes for another, the escape that one decodes and one leaves. Whoever decides
// something by such a value cannot know what the server behind will see, so it is told here.
//
// The servers are those in wide use: PHP turns `.`, blanks and `[` in names into `_`, drops blanks in
// front, and makes a list of `a[]`; ASP.NET ignores letter case; CGI and WSGI write `-` as `_`; older
// Python, Ruby and Perl separate parameters by `;` too; Go drops pairs with a `;` or a bad escape.

import { Arena } from "../bytes/arena";
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
import { fromText } from "../bytes/text";
import { FieldList } from "./field-list";
import { decodeComponent } from "./percent";

const NUL: u8 = 0;
const BLANK: u8 = 0x20;
const PERCENT: u8 = 0x25;
const DOT: u8 = 0x2e;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const BRACKET: u8 = 0x5b;
const UNDERSCORE: u8 = 0x5f;

const texts: Arena = Arena.create();
const CHARSET: Span = fromText("_charset_", texts);
const UTF8: Span = fromText("utf-8", texts);

/** Whether some server takes the parameter `other` for `name`, though it is another one. */
export function isAlike(name: Span, other: Span): bool {
  const n = length(other);
  let at = 0;
  while (at < n && byteAtUnchecked(other, at) == BLANK) at++;
  for (let i = 0, size = length(name); i < size; i++, at++) {
    if (at == n || mangled(byteAtUnchecked(name, i)) != mangled(byteAtUnchecked(other, at)))
      return false;
  }
  const ends =
    at == n || byteAtUnchecked(other, at) == BRACKET || byteAtUnchecked(other, at) == NUL;
  return ends && !equal(name, other);
}

function mangled(c: u32): u32 {
  return c == DOT || c == BLANK || c == BRACKET ? 0x5f : ascii.lower(c);
}

/** The same of a header's name, in lower case. */
function isAlikeHeader(name: Span, other: Span): bool {
  const n = length(name);
  if (length(other) != n || indexOfByte(other, UNDERSCORE) < 0 || equal(name, other)) return false;
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(other, i);
    if (byteAtUnchecked(name, i) != c && (c != 0x5f || byteAtUnchecked(name, i) != 0x2d))
      return false;
  }
  return true;
}

/** Whether there is a header that some servers take for that of the name; for NONE, for any other. */
export function isDoubtfulHeader(list: FieldList, name: Span): bool {
  for (let i = 0; i < list.count; i++) {
    const other = list.name(i);
    if (name == NONE ? indexOfByte(other, UNDERSCORE) >= 0 : isAlikeHeader(name, other))
      return true;
  }
  return false;
}

/** Whether servers may differ in what the parameter is, or any of them for NONE; `list` has what
 * `query.parse` found. */
export function isDoubtfulParameter(list: FieldList, name: Span, arena: Arena): bool {
  if (name == NONE) return !arePairsPlain(list);
  for (let i = 0; i < list.count; i++) {
    const raw = list.raw(i);
    const isNamed = equal(list.name(i), name);
    if (isNamed ? !isPlainPair(raw) : isAlike(name, list.name(i))) return true;
    if (!isNamed && hidesParameter(raw, name, arena)) return true;
  }
  return false;
}

function arePairsPlain(list: FieldList): bool {
  for (let i = 0; i < list.count; i++) {
    if (!isPlainPair(list.raw(i)) || !isPlainName(list.name(i))) return false;
  }
  return true;
}

/** Nobody takes it for another one, but for the case of letters. */
function isPlainName(name: Span): bool {
  for (let i = 0, n = length(name); i < n; i++) {
    const c = byteAtUnchecked(name, i);
    if (c == NUL || c == BLANK || c == DOT || c == BRACKET) return false;
  }
  return true;
}

/** Whether a field of the form says that it is in another charset than UTF-8, which some obey (HTML,
 * "_charset_"). */
export function namesCharset(list: FieldList): bool {
  for (let i = 0; i < list.count; i++) {
    if (equal(list.name(i), CHARSET) && !ascii.equalIgnoringCase(list.value(i), UTF8)) return true;
  }
  return false;
}

/** Whether the pair of another name has, for some, the parameter in it. */
function hidesParameter(raw: Span, name: Span, arena: Arena): bool {
  const equals = indexOfByte(raw, EQUALS);
  // The escapes of .NET and others (`%u0061`) may make it any name.
  if (!areEscapesGood(sliceUnchecked(raw, 0, equals < 0 ? length(raw) : equals))) return true;
  let at = indexOfByte(raw, SEMICOLON);
  while (at >= 0) {
    const next = indexOfByte(raw, SEMICOLON, at + 1);
    const pair = sliceUnchecked(raw, at + 1, next < 0 ? length(raw) : next);
    const split = indexOfByte(pair, EQUALS);
    const key = decodeComponent(sliceUnchecked(pair, 0, split < 0 ? length(pair) : split), arena);
    if (equal(key, name) || isAlike(name, key)) return true;
    at = next;
  }
  return false;
}

/** No separator of other readers, no bad escape, and no NUL. */
function isPlainPair(raw: Span): bool {
  return indexOfByte(raw, SEMICOLON) < 0 && areEscapesGood(raw);
}

function areEscapesGood(s: Span): bool {
  const n = length(s);
  for (let at = indexOfByte(s, PERCENT); at >= 0; at = indexOfByte(s, PERCENT, at + 3)) {
    if (at + 2 >= n) return false;
    const high = ascii.hexValue(byteAtUnchecked(s, at + 1));
    const low = ascii.hexValue(byteAtUnchecked(s, at + 2));
    if (high < 0 || low < 0 || (high | low) == 0) return false;
  }
  return true;
}
