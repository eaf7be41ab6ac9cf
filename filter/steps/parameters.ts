// Parameters in text: `name=value` as queries, fragments, forms and matrix parameters have them, wherever
// in a text they stand, with the values of some names replaced by stars. Readers differ in what
// separates parameters, in letter case, and in how often they decode, so a name is taken in each of these
// ways, and what is replaced is rather too much than too little.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
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
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { decodeComponent } from "../http/percent";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";

const PERCENT: u8 = 0x25;
const AMPERSAND: u8 = 0x26;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const QUESTION: u8 = 0x3f;
const HASH: u8 = 0x23;
const BRACKET: u8 = 0x5b;

/** What is coded more often than this is not told. */
const MAX_CODINGS: i32 = 4;

const texts: Arena = Arena.create();
/** What stands for a value. */
export const stars: Span = fromText("***", texts);
const out = Writer.create();
/** Bytes of values that `hide` has looked at. */
let looked: i32 = 0;
/** Between these no value ends. */
let valueFrom: i32 = 0;
let valueStop: i32 = -1;

/** Where values end. */
export const enum Ends {
  /** Of text without blanks as of a target, of any other as of text with URLs in it. */
  Auto,
  /** At `&` and `#`. */
  Target,
  /** At `&`. */
  Form,
  /** At `&`, `#`, and what ends a URL in a text: blanks, quotes, angle brackets. */
  Text,
}

/** What is secret of parameters. */
export abstract class Secrets {
  /** Names of parameters and fields, in lower case. */
  query: StaticArray<Glob> = NO_GLOBS;

  /** Whether values are looked at, whatever their names. */
  abstract get looksAtValues(): bool;
  /** Whether the value, decoded, is not told whatever its name. */
  abstract hidesValue(value: Span): bool;
}

/** The text with stars for the values of parameters that are secret; the stars alone when memory runs
 * out. Itself where there is none of them. */
export function hide(secrets: Secrets, text: Span, ends: Ends): Span {
  if (secrets.query.length == 0 && !secrets.looksAtValues) return text;
  if (indexOfByte(text, EQUALS) < 0 && indexOfByte(text, PERCENT) < 0) return text;
  if (ends == Ends.Auto) ends = hasBlank(text) ? Ends.Text : Ends.Target;
  const n = length(text);
  let written = 0; // up to here it is in `out`
  looked = 0;
  valueFrom = 0;
  valueStop = -1;
  out.reset();
  for (let i = 0; i < n; i++) {
    let stop = i;
    while (stop < n && !endsName(byteAtUnchecked(text, stop), ends)) stop++;
    const equals = indexIn(text, EQUALS, i, stop);
    const from = equals < 0 ? i : equals + 1;
    if (
      isHidden(secrets.query, text, i, equals, stop, ends) ||
      (equals >= 0 && hidesValueAt(secrets, text, from, ends))
    ) {
      stop = valueEnd(text, from, ends);
      out.span(sliceUnchecked(text, written, from));
      out.span(stars);
      written = stop;
    }
    i = stop;
  }
  if (written == 0) return text;
  out.span(sliceUnchecked(text, written, n));
  const hidden = out.failed ? NONE : copy(out.view(), scratch);
  out.reset();
  return hidden == NONE ? stars : hidden;
}

/** Whether the names, in lower case, match the name of a parameter or field, as it came: decoded, in any
 * case, without blanks around it, without what follows in square brackets, and without what would be a
 * parameter before it for others. */
export function isSecret(names: StaticArray<Glob>, name: Span): bool {
  if (length(name) == 0) return false;
  const decoded = copy(decodeComponent(name, scratch), scratch);
  if (decoded == NONE) return true;
  ascii.lowerInPlace(decoded);
  if (matches(names, decoded)) return true;
  let from = length(decoded);
  while (from > 0 && !endsName(byteAtUnchecked(decoded, from - 1), Ends.Target)) from--;
  return from > 0 && matches(names, sliceUnchecked(decoded, from, length(decoded)));
}

function matches(names: StaticArray<Glob>, name: Span): bool {
  const trimmed = ascii.trim(name);
  if (anyMatches(names, trimmed)) return true;
  const bracket = indexOfByte(trimmed, BRACKET);
  return bracket > 0 && anyMatches(names, ascii.trim(sliceUnchecked(trimmed, 0, bracket)));
}

/** Whether the value there is secret, at any depth of coding. Values of several names may end at the same
 * place; in all no more of them is looked at than twice the text. */
function hidesValueAt(secrets: Secrets, text: Span, from: i32, ends: Ends): bool {
  if (!secrets.looksAtValues || from == length(text) || !mayBeginJson(byteAtUnchecked(text, from)))
    return false;
  let value = sliceUnchecked(text, from, valueEnd(text, from, ends));
  looked += length(value);
  if (looked > 2 * length(text)) return true;
  for (let codings = 0; codings <= MAX_CODINGS; codings++) {
    if (secrets.hidesValue(value)) return true;
    const decoded = decodeComponent(value, scratch);
    if (decoded == NONE) return true;
    if (equal(decoded, value)) return false;
    value = decoded;
  }
  return true;
}

/** As it stands, or coded. */
function mayBeginJson(c: u8): bool {
  return c == 0x7b || c == 0x5b || c == PERCENT || c == 0x2b || c <= 0x20;
}

function valueEnd(text: Span, from: i32, ends: Ends): i32 {
  if (from >= valueFrom && from <= valueStop) return valueStop;
  const n = length(text);
  let stop = from;
  while (stop < n && !endsValue(byteAtUnchecked(text, stop), ends)) stop++;
  valueFrom = from;
  valueStop = stop;
  return stop;
}

function isHidden(
  names: StaticArray<Glob>,
  text: Span,
  from: i32,
  equals: i32,
  stop: i32,
  ends: Ends,
): bool {
  if (names.length == 0) return false;
  if (equals >= 0 && isSecret(names, sliceUnchecked(text, from, equals))) return true;
  // The value of a form's field may be a URL as it stands.
  if (ends == Ends.Form && equals >= 0 && indexIn(text, EQUALS, equals + 1, stop) >= 0)
    return holds(names, sliceUnchecked(text, equals + 1, stop), 0);
  if (indexIn(text, PERCENT, from, stop) < 0) return false;
  return holdsCoded(names, sliceUnchecked(text, from, stop), 1);
}

/** Whether there is such a parameter in the text, at any depth of coding. */
function holds(names: StaticArray<Glob>, text: Span, codings: i32): bool {
  for (let i = 0, n = length(text); i < n; i++) {
    let stop = i;
    while (stop < n && !endsName(byteAtUnchecked(text, stop), Ends.Text)) stop++;
    const equals = indexIn(text, EQUALS, i, stop);
    if (equals >= 0 && isSecret(names, sliceUnchecked(text, i, equals))) return true;
    const isCoded = indexIn(text, PERCENT, i, stop) >= 0;
    if (isCoded && holdsCoded(names, sliceUnchecked(text, i, stop), codings + 1)) return true;
    i = stop;
  }
  return false;
}

function holdsCoded(names: StaticArray<Glob>, text: Span, codings: i32): bool {
  const decoded = decodeComponent(text, scratch);
  if (decoded == NONE) return true;
  if (equal(decoded, text)) return false;
  return codings > MAX_CODINGS || holds(names, decoded, codings);
}

function endsName(c: u8, ends: Ends): bool {
  if (c == AMPERSAND || c == SEMICOLON) return true;
  if (ends == Ends.Form) return false;
  if (c <= 0x20) return true;
  switch (c) {
    case QUESTION:
    case HASH:
    case 0x22: // "
    case 0x27: // '
    case 0x28: // (
    case 0x29: // )
    case 0x2c: // ,
    case 0x2f: // /
    case 0x3a: // :
    case 0x3c: // <
    case 0x3e: // >
    case 0x5c: // \
    case 0x7b: // {
    case 0x7c: // |
    case 0x7d: // }
      return true;
  }
  return false;
}

function endsValue(c: u8, ends: Ends): bool {
  if (c == AMPERSAND || ends == Ends.Form) return c == AMPERSAND;
  return c == HASH || (ends == Ends.Text && (c <= 0x20 || c == 0x22 || c == 0x3c || c == 0x3e));
}

function hasBlank(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    if (byteAtUnchecked(s, i) <= 0x20) return true;
  }
  return false;
}

function indexIn(s: Span, byte: u8, from: i32, to: i32): i32 {
  for (let at = address(s) + from, stop = address(s) + to; at < stop; at++) {
    if (load<u8>(at) == byte) return (at - address(s)) as i32;
  }
  return -1;
}
