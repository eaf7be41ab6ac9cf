// ASCII classes and case folding, as HTTP uses them (RFC 9110 5.6). Bytes above 0x7F belong to no
// class and fold to themselves.

import { address, length, Span, span } from "./span";

export function lower(c: u32): u32 {
  return c - 0x41 < 26 ? c | 0x20 : c;
}

export function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

export function isAlpha(c: u32): bool {
  return (c | 0x20) - 0x61 < 26;
}

export function isAlphanumeric(c: u32): bool {
  return isAlpha(c) || isDigit(c);
}

/** The value of a hexadecimal digit, or -1. */
export function hexValue(c: u32): i32 {
  if (isDigit(c)) return (c - 0x30) as i32;
  const letter = (c | 0x20) - 0x61;
  return letter < 6 ? ((letter + 10) as i32) : -1;
}

/** White space of HTTP field values: space and horizontal tab. */
export function isBlank(c: u32): bool {
  return c == 0x20 || c == 0x09;
}

/** tchar of RFC 9110 5.6.2: what a field name or method is made of. */
export function isTokenChar(c: u32): bool {
  if (isAlphanumeric(c)) return true;
  switch (c) {
    case 0x21:
    case 0x23:
    case 0x24:
    case 0x25:
    case 0x26:
    case 0x27:
    case 0x2a:
    case 0x2b:
    case 0x2d:
    case 0x2e:
    case 0x5e:
    case 0x5f:
    case 0x60:
    case 0x7c:
    case 0x7e:
      return true;
  }
  return false;
}

export function isToken(s: Span): bool {
  const n = length(s);
  for (let i = 0; i < n; i++) {
    if (!isTokenChar(load<u8>(address(s) + i))) return false;
  }
  return n > 0;
}

/** Equal but for the case of ASCII letters. */
export function equalIgnoringCase(a: Span, b: Span): bool {
  const n = length(a);
  if (n != length(b)) return false;
  const p = address(a);
  const q = address(b);
  for (let i = 0; i < n; i++) {
    if (lower(load<u8>(p + i)) != lower(load<u8>(q + i))) return false;
  }
  return true;
}

/** Folds the bytes to lower case where they lie. */
export function lowerInPlace(s: Span): void {
  for (let at = address(s), stop = at + length(s); at < stop; at++) {
    store<u8>(at, lower(load<u8>(at)) as u8);
  }
}

/** Puts a blank in the place of each control character (those of UTF-8 too: U+0085 ends a line for some),
 * where they lie. */
export function blankControls(s: Span): void {
  for (let at = address(s), stop = at + length(s); at < stop; at++) {
    const c = load<u8>(at);
    if (c < 0x20 || c == 0x7f) {
      store<u8>(at, 0x20);
    } else if (c == 0xc2 && at + 1 < stop && load<u8>(at, 1) < 0xa0) {
      store<u16>(at, 0x2020);
    }
  }
}

/** Without the blanks at both ends. */
export function trim(s: Span): Span {
  let from = address(s);
  let to = from + length(s);
  while (from < to && isBlank(load<u8>(from))) from++;
  while (to > from && isBlank(load<u8>(to - 1))) to--;
  return span(from, (to - from) as i32);
}
