// The path of a request target in its one normal form, so that a rule judges the path that an upstream will
// see: RFC 3986 6.2.2 as Envoy's `normalize_path` has it (escapes of unreserved characters undone, dot
// segments carried out, backslashes made slashes, what a path cannot hold escaped), with the letters of
// escapes in upper case besides. The query is never looked into.
//
// A normal path costs one scan. Normal paths stay what they are: doing it twice changes nothing. What does
// not begin with a slash (`*`, an authority) is no path and is left alone.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  span,
} from "../bytes/span";
import { Writer } from "../bytes/writer";
import { hexDigit, isUnreserved } from "./percent";

/** What a path has that somebody may want to know of: bits. */
export const enum Trait {
  /** It is not in its normal form. */
  NotNormal = 1,
  /** Slashes stand side by side. */
  SlashRun = 2,
  /** An escaped slash or backslash. */
  EscapedSlash = 4,
  /** An escaped NUL, where many a server stops reading. */
  EscapedNul = 8,
  /** An escaped character that means the same bare: `%3A` is `:` to nearly everybody. */
  EscapedBare = 16,
  /** A segment `.` or `..`. */
  DotSegment = 32,
}

/** What to do with `%2F` and `%5C`. */
export const enum EscapedSlashes {
  Keep,
  Reject,
  Unescape,
}

const SLASH: u8 = 0x2f;
const DOT: u8 = 0x2e;
const PERCENT: u8 = 0x25;
const BACKSLASH: u8 = 0x5c;
const QUESTION: u8 = 0x3f;
const HASH: u8 = 0x23;

/** The value of the escape at `i`, or -1 where there is none. */
function escapeAt(s: Span, i: i32): i32 {
  if (i + 2 >= length(s)) return -1;
  const high = ascii.hexValue(byteAtUnchecked(s, i + 1));
  const low = ascii.hexValue(byteAtUnchecked(s, i + 2));
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}

/** Characters that a path may hold bare and that mean no more than they would escaped: sub-delims, `:` and
 * `@` (RFC 3986 3.3). */
function isBare(c: u32): bool {
  if (c == 0x21 || c == 0x24 || c == 0x3a || c == 0x3b || c == 0x3d || c == 0x40) return true;
  return c >= 0x26 && c <= 0x2c;
}

/** What a path may hold only escaped. */
function isForbidden(c: u32): bool {
  if (c <= 0x20 || c >= 0x7f) return true;
  if (c == 0x22 || c == 0x3c || c == 0x3e || c == 0x5e || c == 0x60) return true;
  return c >= 0x7b && c <= 0x7d;
}

function isSlash(c: u32): bool {
  return c == SLASH || c == BACKSLASH;
}

/** What the path, without a query, has: bits of Trait. */
export function traitsOf(path: Span): i32 {
  const n = length(path);
  let traits = 0;
  let i = 0;
  while (i < n) {
    const c = byteAtUnchecked(path, i);
    if (c == PERCENT) {
      traits |= traitsOfEscape(path, i);
      i += escapeAt(path, i) < 0 ? 1 : 3;
      continue;
    }
    if (c == SLASH) {
      if (i + 1 < n) traits |= traitsOfSlash(path, i, n);
    } else if (c == BACKSLASH || isForbidden(c)) {
      traits |= Trait.NotNormal;
    }
    i++;
  }
  return traits;
}

function traitsOfSlash(path: Span, i: i32, n: i32): i32 {
  const next = byteAtUnchecked(path, i + 1);
  if (next == SLASH) return Trait.SlashRun;
  if (next != DOT) return 0;
  const at = i + 2 < n && byteAtUnchecked(path, i + 2) == DOT ? i + 3 : i + 2;
  const isWhole = at == n || byteAtUnchecked(path, at) == SLASH;
  return isWhole ? Trait.NotNormal | Trait.DotSegment : 0;
}

function traitsOfEscape(path: Span, i: i32): i32 {
  const c = escapeAt(path, i);
  if (c < 0) return 0;
  if (isUnreserved(c)) return Trait.NotNormal;
  let traits =
    isLower(byteAtUnchecked(path, i + 1)) || isLower(byteAtUnchecked(path, i + 2))
      ? Trait.NotNormal
      : 0;
  if (isSlash(c)) traits |= Trait.EscapedSlash;
  if (c == 0) traits |= Trait.EscapedNul;
  if (isBare(c)) traits |= Trait.EscapedBare;
  return traits;
}

function isLower(c: u32): bool {
  return c >= 0x61;
}

const buffer = Writer.create();

/** The path in its normal form, in a buffer that the next call uses again; NONE without memory. */
export function normalise(path: Span, unescapesSlashes: bool): Span {
  buffer.reset();
  writeEscapes(path, unescapesSlashes);
  if (buffer.failed) return NONE;
  return withoutDots(buffer.view());
}

/** The same without the second thought for dot segments: for parts of paths. */
export function normaliseEscapes(text: Span): Span {
  buffer.reset();
  writeEscapes(text, false);
  return buffer.failed ? NONE : buffer.view();
}

/** Writes each character as it is in a normal path. */
function writeEscapes(path: Span, unescapesSlashes: bool): void {
  // Where a `%` stands that is no escape: with what comes after it, it must not become one.
  let percent = -1;
  for (let i = 0, n = length(path); i < n; i++) {
    const c = byteAtUnchecked(path, i);
    const escaped = c == PERCENT ? escapeAt(path, i) : -1;
    if (escaped >= 0) i += 2;
    else if (c == PERCENT) percent = buffer.size as i32;
    const value: u32 = escaped >= 0 ? escaped : c;
    const isSlashHere = escaped < 0 ? c == BACKSLASH : unescapesSlashes && isSlash(value);
    if (isSlashHere) buffer.byte(SLASH);
    else if (escaped < 0 ? !isForbidden(c) : isUnreserved(value)) buffer.byte(value);
    else writeEscape(value);
    if (percent >= 0 && (buffer.size as i32) >= percent + 3) {
      if (!buffer.failed) keepBare(percent);
      percent = -1;
    }
  }
}

function writeEscape(c: u32): void {
  buffer.byte(PERCENT);
  buffer.byte(hexDigit(c >> 4));
  buffer.byte(hexDigit(c & 15));
}

/** Escapes the `%` at `at` if what was written after it would make it an escape. */
function keepBare(at: i32): void {
  const rest = (buffer.size as i32) - at - 1;
  if (escapeAt(buffer.view(), at) < 0 || buffer.reserve(2) == 0) return;
  const from = buffer.base + at + 1;
  memory.copy(from + 2, from, rest);
  store<u16>(from, 0x3532); // 25
  buffer.size += 2;
}

/** The path with its dot segments carried out where it lies (RFC 3986 5.2.4): what goes above the root
 * stays there. */
function withoutDots(path: Span): Span {
  const base = path as u32 as usize;
  const n = length(path);
  let size = 0;
  let from = 0;
  while (from < n) {
    let to = indexOfByte(path, SLASH, from + 1);
    if (to < 0) to = n;
    const dots = dotsOf(path, from + 1, to);
    if (dots == 0) {
      memory.copy(base + size, base + from, to - from);
      size += to - from;
    } else {
      if (dots == 2) while (size > 0 && load<u8>(base + --size) != SLASH) {}
      if (to == n) store<u8>(base + size++, SLASH);
    }
    from = to;
  }
  return span(base, size);
}

/** How many dots a segment of nothing else has: 1 or 2; else 0. */
function dotsOf(path: Span, from: i32, to: i32): i32 {
  const n = to - from;
  if (n == 0 || n > 2 || byteAtUnchecked(path, from) != DOT) return 0;
  return byteAtUnchecked(path, to - 1) == DOT ? n : 0;
}

/** Writes the path with each run of slashes as one. */
export function writeMerged(path: Span, out: Writer): void {
  let before: u32 = 0;
  for (let i = 0, n = length(path); i < n; i++) {
    const c = byteAtUnchecked(path, i);
    if (c != SLASH || before != SLASH) out.byte(c);
    before = c;
  }
}

/** A normal path as it is compared: runs of slashes are one, and characters that may stand bare do. Kept in
 * `arena` where it differs; NONE without memory. */
export function comparable(path: Span, traits: i32, arena: Arena): Span {
  if ((traits & (Trait.SlashRun | Trait.EscapedBare)) == 0) return path;
  const n = length(path);
  const base = arena.allocate(n);
  if (base == 0) return NONE;
  let size = 0;
  let before: u32 = 0;
  for (let i = 0; i < n; i++) {
    let c: u32 = byteAtUnchecked(path, i);
    if (c == SLASH && before == SLASH) continue;
    before = c;
    const escaped = c == PERCENT ? escapeAt(path, i) : -1;
    if (escaped >= 0 && isBare(escaped)) {
      c = escaped;
      i += 2;
    }
    store<u8>(base + size++, c as u8);
  }
  return span(base, size);
}

/** Where the path of the target ends: at its query, or at a fragment, which no request has. */
export function endOfPath(target: Span): i32 {
  for (let i = 0, n = length(target); i < n; i++) {
    const c = byteAtUnchecked(target, i);
    if (c == QUESTION || c == HASH) return i;
  }
  return length(target);
}

/** The target without its fragment, which no request has. */
export function withoutFragment(target: Span): Span {
  const hash = indexOfByte(target, HASH);
  return hash < 0 ? target : sliceUnchecked(target, 0, hash);
}

/** Where in the path a prefix of whole segments ends, a run of slashes counting as one; -1 when it is none. */
export function endOfPrefix(path: Span, prefix: Span): i32 {
  const n = length(path);
  const m = length(prefix);
  let i = 0;
  for (let k = 0; k < m; k++) {
    const c = byteAtUnchecked(prefix, k);
    if (i == n || byteAtUnchecked(path, i++) != c) return -1;
    if (c != SLASH) continue;
    while (i < n && k + 1 < m && byteAtUnchecked(path, i) == SLASH) i++;
  }
  const isWhole =
    i == n ||
    byteAtUnchecked(path, i) == SLASH ||
    (m > 0 && byteAtUnchecked(prefix, m - 1) == SLASH);
  return isWhole ? i : -1;
}
