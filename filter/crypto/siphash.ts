// SipHash-2-4 with 128 bits of result (https://www.aumasson.jp/siphash/siphash.pdf): a hash under a key of
// 16 bytes. Who does not know the key cannot choose data that meet, so that a table of what clients send
// may be filed under it, and the result may stand for the data.

import { address, end, length, Span } from "../bytes/span";

/** Halves of the last result. */
export let low: u64 = 0;
export let high: u64 = 0;

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

/** The hash of the bytes under the key, in `low` and `high`. */
export function siphash(key0: u64, key1: u64, s: Span): void {
  v0 = key0 ^ 0x736f6d6570736575;
  v1 = key1 ^ 0x646f72616e646f6d ^ 0xee;
  v2 = key0 ^ 0x6c7967656e657261;
  v3 = key1 ^ 0x7465646279746573;
  let at = address(s);
  const stop = end(s);
  for (; stop - at >= 8; at += 8) absorb(load<u64>(at));
  let last: u64 = (length(s) as u64) << 56;
  for (let shift: u64 = 0; at < stop; at++, shift += 8) last |= (load<u8>(at) as u64) << shift;
  absorb(last);
  v2 ^= 0xee;
  low = finish();
  v1 ^= 0xdd;
  high = finish();
}

function absorb(word: u64): void {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
}

function finish(): u64 {
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

function round(): void {
  v0 += v1;
  v1 = rotl(v1, 13) ^ v0;
  v0 = rotl(v0, 32);
  v2 += v3;
  v3 = rotl(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl(v1, 17) ^ v2;
  v2 = rotl(v2, 32);
}
