// Writing JSON.

import { address, end, Span } from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";

/** Writes the bytes as a JSON string, quotes included. What is not UTF-8 becomes U+FFFD. */
export function writeString(text: Span, out: Writer): void {
  out.byte(0x22);
  const stop = end(text);
  let at = writeMost(address(text), stop, out);
  let from = at;
  while (at < stop) {
    const c = load<u8>(at) as u32;
    if (isPlain(c)) {
      at++;
      continue;
    }
    if (c >= 0x80) {
      const next = skipForeign(at, stop);
      if (next != at) {
        at = next;
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

/** Writes all but the last few bytes, sixteen at a time with what is plain before the first that is not:
 * of JSON inside of JSON, with a quote every few bytes, it takes two fifths of the time of the loop above. The
 * address of the bytes that are left, which are not in the middle of a sequence. */
function writeMost(at: usize, stop: usize, out: Writer): usize {
  while (stop - at >= 16) {
    const place = out.reserve(16);
    if (place == 0) return stop;
    const piece = v128.load(at);
    v128.store(place, piece);
    const others = notPlain(piece);
    if (others == 0) {
      out.size += 16;
      at += 16;
      continue;
    }
    const n = ctz(others);
    out.size += n;
    at += n;
    const c = load<u8>(at) as u32;
    if (c >= 0x80) {
      const next = skipForeign(at, stop);
      out.bytes(at, (next - at) as u32);
      at = next;
      if (at == stop || load<u8>(at) < 0x80) continue;
    }
    writeEscape(load<u8>(at), out);
    at++;
  }
  return at;
}

function isPlain(c: u32): bool {
  return c >= 0x20 && c < 0x80 && c != 0x22 && c != 0x5c;
}

/** A bit for each byte that is not plain; as signed numbers, those from 0x80 on are the least. */
function notPlain(piece: v128): i32 {
  const quotes = i8x16.eq(piece, i8x16.splat(0x22));
  const backslashes = i8x16.eq(piece, i8x16.splat(0x5c));
  const others = i8x16.lt_s(piece, i8x16.splat(0x20));
  return i8x16.bitmask(v128.or(v128.or(quotes, backslashes), others));
}

/** The address after the sequences of UTF-8 that begin at `at`, and what single plain bytes stand between
 * them, such as spaces; `at` itself where none begins. */
function skipForeign(at: usize, stop: usize): usize {
  while (at < stop) {
    const c = load<u8>(at) as u32;
    if (c >= 0x80) {
      const point = utf8.decode(at, stop);
      if (point == utf8.INVALID) return at;
      at += utf8.encodedLength(point);
    } else if (isPlain(c) && at + 1 < stop && load<u8>(at, 1) >= 0x80) {
      at++;
    } else {
      return at;
    }
  }
  return at;
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
    const place = out.reserve(2);
    if (place == 0) return;
    store<u16>(place, (0x5c | (letter << 8)) as u16);
    out.size += 2;
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
