// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.

import { address, end, length, Span, span } from "./span";
import { Writer } from "./writer";

/** The byte order mark, U+FEFF, which is no part of the text that it stands in front of. */
export const MARK: StaticArray<u8> = [0xef, 0xbb, 0xbf];

/** Where the text begins: behind a byte order mark. */
export function startOf(text: Span): usize {
  const at = address(text);
  if (length(text) < MARK.length) return at;
  for (let i = 0; i < MARK.length; i++) {
    if (load<u8>(at + i) != unchecked(MARK[i])) return at;
  }
  return at + MARK.length;
}

/** What `decode` answers for bytes that are not UTF-8. */
export const INVALID: i32 = -1;

/** Bytes that the code point takes; 1 to 4. */
export function encodedLength(codePoint: u32): i32 {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}

/** The code point at `at` (`at < stop`), or INVALID. Its length is `encodedLength` of it. */
export function decode(at: usize, stop: usize): i32 {
  const c = load<u8>(at) as u32;
  if (c < 0x80) return c;
  const left = stop - at;
  if (c < 0xc2) return INVALID;
  if (c < 0xe0) {
    if (left < 2) return INVALID;
    const c1 = load<u8>(at, 1) as u32;
    return (c1 & 0xc0) == 0x80 ? ((c & 0x1f) << 6) | (c1 & 0x3f) : INVALID;
  }
  if (c < 0xf0) {
    if (left < 3) return INVALID;
    const c1 = load<u8>(at, 1) as u32;
    const c2 = load<u8>(at, 2) as u32;
    if ((c1 & 0xc0) != 0x80 || (c2 & 0xc0) != 0x80) return INVALID;
    const point = ((c & 0x0f) << 12) | ((c1 & 0x3f) << 6) | (c2 & 0x3f);
    return point < 0x800 || (point >= 0xd800 && point < 0xe000) ? INVALID : point;
  }
  if (c > 0xf4 || left < 4) return INVALID;
  const c1 = load<u8>(at, 1) as u32;
  const c2 = load<u8>(at, 2) as u32;
  const c3 = load<u8>(at, 3) as u32;
  if ((c1 & 0xc0) != 0x80 || (c2 & 0xc0) != 0x80 || (c3 & 0xc0) != 0x80) return INVALID;
  const point = ((c & 0x07) << 18) | ((c1 & 0x3f) << 12) | ((c2 & 0x3f) << 6) | (c3 & 0x3f);
  return point < 0x10000 || point > 0x10ffff ? INVALID : point;
}

/** Writes the code point (a Unicode scalar value) as 1 to 4 bytes. */
export function encode(codePoint: u32, out: Writer): void {
  if (codePoint < 0x80) {
    out.byte(codePoint);
  } else if (codePoint < 0x800) {
    out.byte(0xc0 | (codePoint >> 6));
    out.byte(0x80 | (codePoint & 0x3f));
  } else if (codePoint < 0x10000) {
    out.byte(0xe0 | (codePoint >> 12));
    out.byte(0x80 | ((codePoint >> 6) & 0x3f));
    out.byte(0x80 | (codePoint & 0x3f));
  } else {
    out.byte(0xf0 | (codePoint >> 18));
    out.byte(0x80 | ((codePoint >> 12) & 0x3f));
    out.byte(0x80 | ((codePoint >> 6) & 0x3f));
    out.byte(0x80 | (codePoint & 0x3f));
  }
}

/** The offset of the first byte that is not part of valid UTF-8, or -1. */
export function firstInvalid(s: Span): i32 {
  const base = address(s);
  const stop = end(s);
  let at = base;
  while (at < stop) {
    if (stop - at >= 16 && !v128.any_true(v128.and(v128.load(at), i8x16.splat(0x80 as i8)))) {
      at += 16;
      continue;
    }
    const point = decode(at, stop);
    if (point == INVALID) return (at - base) as i32;
    at += encodedLength(point);
  }
  return -1;
}

export function isValid(s: Span): bool {
  return firstInvalid(s) < 0;
}

/** The longest prefix of `s` that does not cut a sequence; for previews of valid text. */
export function wholePrefix(s: Span): Span {
  const base = address(s);
  let stop = end(s);
  let back = 0;
  while (stop > base && back < 3 && (load<u8>(stop - 1) & 0xc0) == 0x80) {
    stop--;
    back++;
  }
  if (stop > base && load<u8>(stop - 1) >= 0xc0) {
    const lead = load<u8>(stop - 1);
    const need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (back + 1 == need) return s;
    return span(base, (stop - 1 - base) as i32);
  }
  return s;
}
