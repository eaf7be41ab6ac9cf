// What an answer says of being kept (RFC 9111 5.2.2), as far as a cache that many share asks. Fields of the
// name are read one after another; what is not understood, or badly written, is read as the strictest.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, indexOfByte, length, Span, sliceUnchecked } from "../bytes/span";
import { fromText } from "../bytes/text";

const COMMA: u8 = 0x2c;
const EQUALS: u8 = 0x3d;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;

const names: Arena = Arena.create();
const NO_STORE: Span = fromText("no-store", names);
const NO_CACHE: Span = fromText("no-cache", names);
const PRIVATE: Span = fromText("private", names);
const MUST_REVALIDATE: Span = fromText("must-revalidate", names);
const PROXY_REVALIDATE: Span = fromText("proxy-revalidate", names);
const MAX_AGE: Span = fromText("max-age", names);
const SHARED_MAX_AGE: Span = fromText("s-maxage", names);

/** Nothing is said of an age. */
export const UNSAID: i64 = -1;
/** RFC 9111 1.2.2: more is as much. */
const MOST: i64 = 1 << 31;

/** It may be given to nobody else. */
export let isForOne: bool = false;
/** It is not good for longer than its age, whatever fails. */
export let mustRevalidate: bool = false;
let age: i64 = UNSAID;
let sharedAge: i64 = UNSAID;

export function begin(): void {
  isForOne = false;
  mustRevalidate = false;
  age = UNSAID;
  sharedAge = UNSAID;
}

/** For how many seconds it is good, or UNSAID. */
export function seconds(): i64 {
  return sharedAge != UNSAID ? sharedAge : age;
}

/** Reads one more field of the name. */
export function read(value: Span): void {
  let isQuoted = false;
  let from = 0;
  const n = length(value);
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(value, i);
    if (isQuoted && c == BACKSLASH) i++;
    else if (c == QUOTE) isQuoted = !isQuoted;
    else if (c == COMMA && !isQuoted) {
      directive(ascii.trim(sliceUnchecked(value, from, i)));
      from = i + 1;
    }
  }
  directive(ascii.trim(sliceUnchecked(value, min(from, n), n)));
}

function directive(text: Span): void {
  const equals = indexOfByte(text, EQUALS);
  const n = length(text);
  const name = ascii.trim(equals < 0 ? text : sliceUnchecked(text, 0, equals));
  const value = sliceUnchecked(text, equals < 0 ? n : equals + 1, n);
  if (is(name, NO_STORE) || is(name, NO_CACHE) || is(name, PRIVATE)) isForOne = true;
  else if (is(name, MUST_REVALIDATE) || is(name, PROXY_REVALIDATE)) mustRevalidate = true;
  else if (is(name, MAX_AGE)) age = shorter(age, secondsOf(value));
  else if (is(name, SHARED_MAX_AGE)) {
    sharedAge = shorter(sharedAge, secondsOf(value));
    mustRevalidate = true;
  }
}

function is(name: Span, known: Span): bool {
  return ascii.equalIgnoringCase(name, known);
}

function shorter(a: i64, b: i64): i64 {
  return a == UNSAID ? b : min(a, b);
}

/** Digits, perhaps in quotes; anything else is no time at all. */
function secondsOf(text: Span): i64 {
  let digits = ascii.trim(text);
  const n = length(digits);
  if (n >= 2 && byteAtUnchecked(digits, 0) == QUOTE && byteAtUnchecked(digits, n - 1) == QUOTE)
    digits = sliceUnchecked(digits, 1, n - 1);
  if (length(digits) == 0) return 0;
  let sum: i64 = 0;
  for (let i = 0; i < length(digits); i++) {
    const c = byteAtUnchecked(digits, i);
    if (!ascii.isDigit(c)) return 0;
    sum = min(sum * 10 + (c as i64) - 0x30, MOST);
  }
  return sum;
}
