// Base 16 (RFC 4648 8): written in lower case, read in either.

import * as ascii from "../bytes/ascii";
import { address, end, length, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";

function digit(value: u32): u8 {
  return (value < 10 ? 0x30 + value : 0x61 - 10 + value) as u8;
}

export function encode(s: Span, out: Writer): void {
  const n = (length(s) as u32) * 2;
  let to = out.reserve(n);
  if (to == 0) return;
  for (let at = address(s), stop = end(s); at < stop; at++) {
    const byte = load<u8>(at) as u32;
    store<u8>(to, digit(byte >>> 4));
    store<u8>(to, digit(byte & 15), 1);
    to += 2;
  }
  out.size += n;
}

/** False for an odd number of characters, foreign ones, and when there is no room (then
 * `out.failed`); `out` has then gained nothing. */
export function decode(s: Span, out: Writer): bool {
  const n = length(s);
  if ((n & 1) != 0) return false;
  let to = out.reserve(n >> 1);
  if (to == 0) return false;
  for (let at = address(s), stop = end(s); at < stop; at += 2) {
    // -1, for no digit, has all bits set: it survives the or.
    const byte = (ascii.hexValue(load<u8>(at)) << 4) | ascii.hexValue(load<u8>(at, 1));
    if (byte < 0) return false;
    store<u8>(to++, byte as u8);
  }
  out.size += n >> 1;
  return true;
}
