// CRC-32 as gzip, zlib and PNG have it (RFC 1952 8): polynomial 0xEDB88320, lowest bit first. Sixteen
// bytes a step ("slicing by 16"): a table for each distance of a byte from the end of the step.

import { address, end, Span } from "../bytes/span";

const SLICE: usize = 1024;
/** What each byte does to the remainder, at each of sixteen places: 16 × 256 words, made once. */
const TABLE: usize = memory.data(16384, 8);

function fillTable(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (0xedb88320 & -(rest & 1));
    store<u32>(TABLE + (byte << 2), rest);
  }
  for (let at = TABLE + SLICE; at < TABLE + 16 * SLICE; at += 4) {
    const before = load<u32>(at - SLICE);
    store<u32>(at, (before >>> 8) ^ word(before, 0));
  }
}
fillTable();

/** The word of the low byte of `value` in table `slice`. */
function word(value: u32, slice: usize): u32 {
  return load<u32>(TABLE + slice * SLICE + ((value & 0xff) << 2));
}

/** What four bytes do that end `slice` bytes before the end of the step, the low one first. */
function four(value: u32, slice: usize): u32 {
  return (
    word(value, slice + 3) ^
    word(value >>> 8, slice + 2) ^
    word(value >>> 16, slice + 1) ^
    word(value >>> 24, slice)
  );
}

export function crc32(s: Span): u32 {
  return crc32Of(0, s);
}

/** The checksum of what `before` is the checksum of (0: of nothing), followed by `s`. */
export function crc32Of(before: u32, s: Span): u32 {
  let rest = ~before;
  let at = address(s);
  const stop = end(s);
  for (; stop - at >= 16; at += 16) {
    const a = rest ^ load<u32>(at);
    const b = load<u32>(at, 4);
    const c = load<u32>(at, 8);
    const d = load<u32>(at, 12);
    rest = four(a, 12) ^ four(b, 8) ^ four(c, 4) ^ four(d, 0);
  }
  for (; at < stop; at++) rest = (rest >>> 8) ^ word(rest ^ load<u8>(at), 0);
  return ~rest;
}
