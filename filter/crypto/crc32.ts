// CRC-32 as gzip, zlib and PNG have it (RFC 1952 8): polynomial 0xEDB88320, lowest bit first.

import { address, end, Span } from "../bytes/span";

/** What each byte does to the remainder: 256 words, made once. */
const TABLE: usize = memory.data(1024, 8);

function fillTable(): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (0xedb88320 & -(rest & 1));
    store<u32>(TABLE + (byte << 2), rest);
  }
}
fillTable();

export function crc32(s: Span): u32 {
  let rest: u32 = ~0;
  for (let at = address(s), stop = end(s); at < stop; at++) {
    rest = (rest >>> 8) ^ load<u32>(TABLE + (((rest ^ load<u8>(at)) & 0xff) << 2));
  }
  return ~rest;
}
