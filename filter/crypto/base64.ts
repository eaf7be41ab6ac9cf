// Base 64 (RFC 4648 4) and its alphabet for URLs and file names (RFC 4648 5).

import * as ascii from "../bytes/ascii";
import { address, end, length, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";

const PAD: u8 = 0x3d;

/** The character for six bits. */
function digit(value: u32, url: bool): u8 {
  if (value < 26) return (0x41 + value) as u8;
  if (value < 52) return (0x61 - 26 + value) as u8;
  if (value < 62) return (0x30 - 52 + value) as u8;
  if (value == 62) return url ? 0x2d : 0x2b;
  return url ? 0x5f : 0x2f;
}

/** The six bits a character stands for, or -1. */
function valueOf(c: u32, url: bool): i32 {
  if (ascii.isAlpha(c)) return (c < 0x61 ? c - 0x41 : c - 0x61 + 26) as i32;
  if (ascii.isDigit(c)) return (c - 0x30 + 52) as i32;
  if (c == (url ? 0x2d : 0x2b)) return 62;
  return c == (url ? 0x5f : 0x2f) ? 63 : -1;
}

/** Writes `s` in base 64; `url` chooses the alphabet, `padded` fills the last group up with `=`. */
export function encode(s: Span, out: Writer, url: bool, padded: bool): void {
  const n = length(s) as u32;
  const base = out.reserve(((n + 2) / 3) << 2);
  if (base == 0) return;
  let to = base;
  let bits: u32 = 0;
  let count: u32 = 0;
  for (let at = address(s), stop = end(s); at < stop; at++) {
    bits = (bits << 8) | load<u8>(at);
    count += 8;
    for (; count >= 6; to++) {
      count -= 6;
      store<u8>(to, digit((bits >>> count) & 63, url));
    }
  }
  if (count > 0) store<u8>(to++, digit((bits << (6 - count)) & 63, url));
  if (padded) for (; ((to - base) & 3) != 0; to++) store<u8>(to, PAD);
  out.size += (to - base) as u32;
}

/** The text without the `=` that fill it up to groups of four. Any others stay, and are foreign. */
function withoutPadding(s: Span): usize {
  let stop = end(s);
  if (length(s) == 0 || (length(s) & 3) != 0) return stop;
  if (load<u8>(stop - 1) == PAD) stop--;
  if (load<u8>(stop - 1) == PAD) stop--;
  return stop;
}

/** Writes what base 64 in `s` stands for, with padding or without. False for all that `encode` would
 * not have written (RFC 4648 3.2 to 3.5): wrong padding, foreign characters, bits set beyond the
 * last byte; and when there is no room (then `out.failed`). `out` has then gained nothing. */
export function decode(s: Span, out: Writer, url: bool): bool {
  const stop = withoutPadding(s);
  const base = out.reserve((((length(s) as u32) + 3) >>> 2) * 3);
  if (base == 0) return false;
  let to = base;
  let bits: u32 = 0;
  let count: u32 = 0;
  for (let at = address(s); at < stop; at++) {
    const value = valueOf(load<u8>(at), url);
    if (value < 0) return false;
    bits = (bits << 6) | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      store<u8>(to++, (bits >>> count) as u8);
    }
  }
  // Six bits left over: a last group of a single character, which makes no byte.
  if (count == 6 || (bits & ((1 << count) - 1)) != 0) return false;
  out.size += (to - base) as u32;
  return true;
}
