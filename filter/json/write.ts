// Writing JSON.

import { address, end, Span } from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";

/** Writes the bytes as a JSON string, quotes included. What is not UTF-8 becomes U+FFFD. */
export function writeString(text: Span, out: Writer): void {
  out.byte(0x22);
  let at = address(text);
  const stop = end(text);
  let from = at;
  while (at < stop) {
    const c = load<u8>(at) as u32;
    if (c >= 0x20 && c < 0x80 && c != 0x22 && c != 0x5c) {
      at++;
      continue;
    }
    if (c >= 0x80) {
      const point = utf8.decode(at, stop);
      if (point != utf8.INVALID) {
        at += utf8.encodedLength(point);
        continue;
      }
    }
    out.bytes(from, (at - from) as u32);
    writeEscape(c, out);
    from = ++at;
  }
  out.bytes(from, (at - from) as u32);
  out.byte(0x22);
}

/** The letter of the short escape for the character (RFC 8259 7), or 0. */
function shortEscape(c: u32): u32 {
  switch (c) {
    case 0x22:
    case 0x5c:
      return c;
    case 0x08:
      return 0x62;
    case 0x0c:
      return 0x66;
    case 0x0a:
      return 0x6e;
    case 0x0d:
      return 0x72;
    case 0x09:
      return 0x74;
  }
  return 0;
}

function writeEscape(c: u32, out: Writer): void {
  const letter = shortEscape(c);
  if (letter != 0) {
    out.byte(0x5c);
    out.byte(letter);
    return;
  }
  if (c >= 0x80) {
    utf8.encode(0xfffd, out);
    return;
  }
  out.text("\\u00");
  out.byte(c < 0x10 ? 0x30 : 0x31);
  const low = c & 15;
  out.byte(low < 10 ? 0x30 + low : 0x57 + low);
}
