// Adler-32, the checksum of zlib streams (RFC 1950 8.2): two sums modulo 65521, the second of the
// first's values.

import { address, end, Span } from "../bytes/span";

const BASE: u32 = 65521;
/** So many bytes can be summed in 32 bits before a remainder has to be taken. */
const RUN: usize = 5552;

/** The checksum of what `before` is the checksum of (1: of nothing), followed by `s`. */
export function adler32Of(before: u32, s: Span): u32 {
  let a = before & 0xffff;
  let b = before >>> 16;
  let at = address(s);
  const stop = end(s);
  while (at < stop) {
    const pause = min(stop, at + RUN);
    // With the sums of eight bytes: b grows by 8a and by each byte as often as it is still in a.
    for (; pause - at >= 8; at += 8) {
      const c0 = load<u8>(at) as u32;
      const c1 = load<u8>(at, 1) as u32;
      const c2 = load<u8>(at, 2) as u32;
      const c3 = load<u8>(at, 3) as u32;
      const c4 = load<u8>(at, 4) as u32;
      const c5 = load<u8>(at, 5) as u32;
      const c6 = load<u8>(at, 6) as u32;
      const c7 = load<u8>(at, 7) as u32;
      b += 8 * (a + c0) + 7 * c1 + 6 * c2 + 5 * c3 + 4 * c4 + 3 * c5 + 2 * c6 + c7;
      a += c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7;
    }
    for (; at < pause; at++) {
      a += load<u8>(at);
      b += a;
    }
    a %= BASE;
    b %= BASE;
  }
  return (b << 16) | a;
}
