// Percent-encoding (RFC 3986 2.1) as query strings and forms use it: `+` is a space when decoding.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { address, byteAtUnchecked, indexOfByte, length, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";

/** The bytes meant by a name or value of a query: itself when nothing is encoded, else decoded into
 * `arena` (NONE at the ceiling). A `%` that is not followed by two digits stands for itself. */
export function decodeComponent(s: Span, arena: Arena): Span {
  if (indexOfByte(s, 0x25) < 0 && indexOfByte(s, 0x2b) < 0) return s;
  const n = length(s);
  const base = arena.allocate(n + 1);
  if (base == 0) return NONE;
  let size = 0;
  for (let i = 0; i < n; i++) {
    let c = byteAtUnchecked(s, i);
    if (c == 0x2b) {
      c = 0x20;
    } else if (c == 0x25 && i + 2 < n) {
      const high = ascii.hexValue(byteAtUnchecked(s, i + 1));
      const low = ascii.hexValue(byteAtUnchecked(s, i + 2));
      if (high >= 0 && low >= 0) {
        c = ((high << 4) | low) as u8;
        i += 2;
      }
    }
    store<u8>(base + size++, c);
  }
  return span(base, size);
}

/** Unreserved characters (RFC 3986 2.3), which never need encoding. */
export function isUnreserved(c: u32): bool {
  return ascii.isAlphanumeric(c) || c == 0x2d || c == 0x2e || c == 0x5f || c == 0x7e;
}

/** Whether a `%XX` begins at `i` that stands for what needs no escape, or for NUL: as long as it is not
 * decoded, it hides something. */
export function isNeedlessEscape(s: Span, i: i32): bool {
  if (i + 2 >= length(s)) return false;
  const high = ascii.hexValue(byteAtUnchecked(s, i + 1));
  const low = ascii.hexValue(byteAtUnchecked(s, i + 2));
  if (high < 0 || low < 0) return false;
  const c = (high << 4) | low;
  return c == 0 || isUnreserved(c);
}

/** Writes a name or value of a query: unreserved characters as they are, the rest as `%XX`. */
export function encodeComponent(s: Span, out: Writer): void {
  for (let at = address(s), stop = at + length(s); at < stop; at++) {
    const c = load<u8>(at) as u32;
    if (isUnreserved(c)) {
      out.byte(c);
    } else {
      out.byte(0x25);
      out.byte(hexDigit(c >> 4));
      out.byte(hexDigit(c & 15));
    }
  }
}

/** Upper case, as RFC 3986 2.1 wants escapes. */
export function hexDigit(value: u32): u32 {
  return value < 10 ? 0x30 + value : 0x37 + value;
}
