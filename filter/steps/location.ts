// Where a template sends a client. What the rule itself says of the place holds, whatever values say: a path
// stays a path of this origin, and a host that the rule names is not made another one.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  startsWith,
} from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";

const names: Arena = Arena.create();
const TWO_SLASHES: Span = fromText("//", names);

const location = Writer.create();

/** Why there is no location. */
export const enum NoLocation {
  /** A value is not there. */
  Absent,
  /** It would lead elsewhere than the rule says, or is no URI reference. */
  Invalid,
}

/** Of the last NONE. */
export let noLocation: NoLocation = NoLocation.Absent;

/** The location that the template makes, in the stream's arena, or NONE. */
export function locationOf(x: Exchange, template: Template, absent: Absent): Span {
  noLocation = NoLocation.Absent;
  if (template.isConstant) return template.constant;
  location.reset();
  if (!write(x, template, absent)) return NONE;
  noLocation = NoLocation.Invalid;
  const isOfHost = startsWith(template.constant, TWO_SLASHES);
  const text = isOfHost ? location.view() : asPath(location.view());
  return location.failed || !isReference(text) ? NONE : copy(text, x.arena);
}

/** A URI reference has no control characters; a line end would end the field. */
export function isReference(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (c <= 0x20 || c == 0x7f) return false;
  }
  return true;
}

function write(x: Exchange, template: Template, absent: Absent): bool {
  location.span(template.constant);
  for (let i = 0, n = template.count; i < n; i++) {
    const from = location.size as i32;
    const isOpen = endsInAuthority(location.view());
    if (!template.writeValue(x, i, location)) {
      if (absent == Absent.Skips) return false;
      location.size = from;
    }
    if (isOpen && !keepsAuthority(location.view(), from, template.textAfter(i))) {
      noLocation = NoLocation.Invalid;
      return false;
    }
    location.span(template.textAfter(i));
  }
  return true;
}

/** Of what begins with slashes or backslashes, which browsers read as the beginning of a host: with one. */
function asPath(text: Span): Span {
  const n = length(text);
  if (n < 2 || !isSlash(byteAtUnchecked(text, 0))) return text;
  let i = 1;
  while (i < n && isSlash(byteAtUnchecked(text, i))) i++;
  // The last of them is the one that stays.
  if (i > 1) store<u8>(location.base + i - 1, SLASH);
  return sliceUnchecked(text, i - 1, n);
}

const SLASH: u8 = 0x2f;
const COLON: u8 = 0x3a;

function isSlash(c: u32): bool {
  return c == SLASH || c == 0x5c;
}

/** What ends an authority; browsers take a backslash for a slash. */
function endsAuthority(c: u32): bool {
  return isSlash(c) || c == 0x3f || c == 0x23;
}

/** Where the authority of the text begins, behind `//` or `scheme://`; -1 when it has none so far. */
function startOfAuthority(text: Span): i32 {
  if (startsWith(text, TWO_SLASHES)) return 2;
  const colon = indexOfByte(text, COLON);
  const n = length(text);
  if (colon < 1 || colon + 2 >= n) return -1;
  for (let i = 0; i < colon; i++) if (!ascii.isAlphanumeric(byteAtUnchecked(text, i))) return -1;
  return startsWith(sliceUnchecked(text, colon + 1, n), TWO_SLASHES) ? colon + 3 : -1;
}

/** Whether what is written next is in the authority, or right behind it. */
function endsInAuthority(text: Span): bool {
  const from = startOfAuthority(text);
  if (from < 0) return false;
  for (let i = from, n = length(text); i < n; i++) {
    if (endsAuthority(byteAtUnchecked(text, i))) return false;
  }
  return true;
}

/** Whether the value that stands from `from` on leaves the authority before it as it is: it goes on with the
 * path, or is a part of a name that the rule ends, or all of the name. */
function keepsAuthority(text: Span, from: i32, after: Span): bool {
  const n = length(text);
  const start = startOfAuthority(text);
  const isFirst = start == from;
  if (n == from) return !isFirst;
  if (endsAuthority(byteAtUnchecked(text, from)))
    return !isFirst && byteAtUnchecked(text, from) != 0x5c;
  for (let i = from; i < n; i++) if (!isOfHost(byteAtUnchecked(text, i))) return false;
  if (isFirst || byteAtUnchecked(text, from - 1) == COLON) return true;
  return length(after) > 0 && isOfHost(byteAtUnchecked(after, 0));
}

function isOfHost(c: u32): bool {
  if (ascii.isAlphanumeric(c) || c == 0x2d || c == 0x2e || c == 0x5f) return true;
  return c == COLON || c == 0x5b || c == 0x5d;
}
