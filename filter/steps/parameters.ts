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
import { anyMatches, Glob } from "../rules/glob";

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

/** The text with stars for the values of parameters that `names`, in lower case, match; the stars alone
 * when memory runs out. Itself where there is none of them. */
export function hide(names: StaticArray<Glob>, text: Span, ends: Ends): Span {
  if (names.length == 0) return text;
  if (indexOfByte(text, EQUALS) < 0 && indexOfByte(text, PERCENT) < 0) return text;
  if (ends == Ends.Auto) ends = hasBlank(text) ? Ends.Text : Ends.Target;
  const n = length(text);
  let written = 0; // up to here it is in `out`
  let isQuery = ends == Ends.Form;
  out.reset();
  for (let i = 0; i < n; i++) {
    let stop = i;
    while (stop < n && !endsName(byteAtUnchecked(text, stop), ends)) stop++;
    const equals = indexIn(text, EQUALS, i, stop);
    if (isHidden(names, text, i, equals, stop, ends)) {
      const from = equals < 0 ? i : equals + 1;
      stop = from;
      while (stop < n && !endsValue(byteAtUnchecked(text, stop), ends, isQuery)) stop++;
      out.span(sliceUnchecked(text, written, from));
      out.span(stars);
      written = stop;
    }
    if (stop < n && ends != Ends.Form) {
      const c = byteAtUnchecked(text, stop);
      if (c == QUESTION) isQuery = true;
      else if (endsUrl(c)) isQuery = false;
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
 * case, without blanks around it, and without what follows in square brackets. */
export function isSecret(names: StaticArray<Glob>, name: Span): bool {
  if (length(name) == 0) return false;
  const decoded = copy(ascii.trim(decodeComponent(name, scratch)), scratch);
  if (decoded == NONE) return true;
  ascii.lowerInPlace(decoded);
  if (anyMatches(names, decoded)) return true;
  const bracket = indexOfByte(decoded, BRACKET);
  return bracket > 0 && anyMatches(names, ascii.trim(sliceUnchecked(decoded, 0, bracket)));
}

function isHidden(
  names: StaticArray<Glob>,
  text: Span,
  from: i32,
  equals: i32,
  stop: i32,
  ends: Ends,
): bool {
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

function endsValue(c: u8, ends: Ends, isQuery: bool): bool {
  if (c == AMPERSAND) return true;
  if (ends == Ends.Form) return false;
  if (c == HASH || (c == QUESTION && !isQuery)) return true;
  return ends == Ends.Text && endsUrl(c);
}

function endsUrl(c: u8): bool {
  return c <= 0x20 || c == 0x22 || c == 0x3c || c == 0x3e;
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
