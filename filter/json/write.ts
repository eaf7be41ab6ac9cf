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

function writeEscape(c: u32, out: Writer): void {
  switch (c) {
    case 0x22:
      out.text('\\"');
      return;
    case 0x5c:
      out.text("\\\\");
      return;
    case 0x08:
      out.text("\\b");
      return;
    case 0x0c:
      out.text("\\f");
      return;
    case 0x0a:
      out.text("\\n");
      return;
    case 0x0d:
      out.text("\\r");
      return;
    case 0x09:
      out.text("\\t");
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
