// IP addresses and CIDR blocks in text form: strict, no zones, no leading zeros, no IPv4 in dotted form
// inside IPv6. IPv4 is kept as ::ffff:a.b.c.d, so that equal addresses are equal bytes.

import { Arena } from "./arena";
import * as ascii from "./ascii";
import {
  byteAtUnchecked,
  indexOfByte,
  lastIndexOfByte,
  length,
  Span,
  sliceUnchecked,
  span,
} from "./span";
import { fromText } from "./text";
import { Writer } from "./writer";

/** Bytes of an address. */
export const ADDRESS_SIZE: i32 = 16;

/** Reads an address into the 16 bytes at `out`; the family (4 or 6), or 0 when it is none. */
export function parseAddress(text: Span, out: usize): u32 {
  memory.fill(out, 0, ADDRESS_SIZE);
  if (indexOfByte(text, 0x3a) >= 0) return parseV6(text, out) ? 6 : 0;
  store<u16>(out, 0xffff, 10);
  return parseV4(text, out) ? 4 : 0;
}

function parseV4(text: Span, out: usize): bool {
  const n = length(text);
  let i = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (i == n || byteAtUnchecked(text, i++) != 0x2e)) return false;
    const from = i;
    let value = 0;
    while (i < n && ascii.isDigit(byteAtUnchecked(text, i)) && i < from + 3) {
      value = value * 10 + (byteAtUnchecked(text, i++) as i32) - 0x30;
    }
    // No leading zeros: some read them as octal.
    if (i == from || value > 255 || (i > from + 1 && byteAtUnchecked(text, from) == 0x30))
      return false;
    store<u8>(out + 12 + part, value as u8);
  }
  return i == n;
}

function parseV6(text: Span, out: usize): bool {
  const n = length(text);
  let i = 0;
  let groups = 0;
  let gap = -1;
  if (n >= 2 && byteAtUnchecked(text, 0) == 0x3a) {
    if (byteAtUnchecked(text, 1) != 0x3a) return false;
    gap = 0;
    i = 2;
  }
  while (i < n) {
    if (groups == 8) return false;
    let value = 0;
    const from = i;
    while (i < n && i < from + 4 && ascii.hexValue(byteAtUnchecked(text, i)) >= 0) {
      value = (value << 4) | ascii.hexValue(byteAtUnchecked(text, i++));
    }
    if (i == from) return false;
    store<u16>(out + groups * 2, bswap<u16>(value as u16));
    groups++;
    if (i == n) break;
    if (byteAtUnchecked(text, i++) != 0x3a || i == n) return false;
    if (byteAtUnchecked(text, i) == 0x3a) {
      if (gap >= 0) return false;
      gap = groups;
      i++;
    }
  }
  if (gap < 0) return groups == 8;
  if (groups > 7) return false;
  const tail = (groups - gap) * 2;
  memory.copy(out + 16 - tail, out + gap * 2, tail);
  memory.fill(out + gap * 2, 0, 16 - tail - gap * 2);
  return true;
}

/** Reads `address/bits` into the 16 bytes at `out`; family | bits << 8 (of the text's family), or 0. */
export function parseCidr(text: Span, out: usize): u32 {
  const slash = indexOfByte(text, 0x2f);
  if (slash < 0) return 0;
  const family = parseAddress(sliceUnchecked(text, 0, slash), out);
  const n = length(text);
  if (family == 0 || slash + 1 == n || n > slash + 4) return 0;
  let bits: u32 = 0;
  for (let i = slash + 1; i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (!ascii.isDigit(c) || (c == 0x30 && i == slash + 1 && n > slash + 2)) return 0;
    bits = bits * 10 + c - 0x30;
  }
  return bits > (family == 4 ? 32 : 128) ? 0 : family | (bits << 8);
}

/** Whether the first `bits` bits of two addresses are the same. */
export function sharesPrefix(a: usize, b: usize, bits: i32): bool {
  const whole = bits >> 3;
  if (memory.compare(a, b, whole) != 0) return false;
  const rest = bits & 7;
  if (rest == 0) return true;
  return (load<u8>(a + whole) ^ load<u8>(b + whole)) >> (8 - rest) == 0;
}

/** Clears the bits of the address from `bits` on. */
export function maskAddress(at: usize, bits: i32): void {
  const whole = bits >> 3;
  if (whole == ADDRESS_SIZE) return;
  store<u8>(at + whole, load<u8>(at + whole) & ~((0xff as u8) >> ((bits & 7) as u8)));
  memory.fill(at + whole + 1, 0, ADDRESS_SIZE - 1 - whole);
}

/** Whether the 16 bytes are an IPv4 address, `::ffff:a.b.c.d`. */
export function isV4(at: usize): bool {
  return load<u64>(at) == 0 && load<u32>(at, 8) == 0xffff0000;
}

/** Reads the address of a peer as hosts write it; false when it is none, as of a pipe. A zone does not
 * count, and IPv4 inside IPv6, as sockets for both families have it, is IPv4. */
export function parsePeer(text: Span, out: usize): bool {
  const zone = indexOfByte(text, 0x25);
  const bare = zone < 0 ? text : sliceUnchecked(text, 0, zone);
  if (parseAddress(bare, out) != 0) return true;
  // ::ffff:10.0.0.1, in whatever way its first half is written: as an address it ends with that.
  const colon = lastIndexOfByte(bare, 0x3a);
  if (colon < 2 || parseAddress(sliceUnchecked(bare, colon + 1, length(bare)), out) != 4)
    return false;
  const tail = load<u32>(out, 12);
  if (!parseMapped(sliceUnchecked(bare, 0, colon), out)) return false;
  store<u32>(out, tail, 12);
  return true;
}

/** Whether six groups, of which zeros may be left out, are those before IPv4 in IPv6. */
function parseMapped(head: Span, out: usize): bool {
  if (ascii.equalIgnoringCase(head, MAPPED) || ascii.equalIgnoringCase(head, MAPPED_IN_FULL)) {
    parseAddress(ANY_V4, out);
    return true;
  }
  return false;
}

const forms: Arena = Arena.create();
const MAPPED: Span = fromText("::ffff", forms);
const MAPPED_IN_FULL: Span = fromText("0:0:0:0:0:ffff", forms);
const ANY_V4: Span = fromText("0.0.0.0", forms);

/** Writes the IPv4 address of the 16 bytes. */
export function writeV4(at: usize, out: Writer): void {
  for (let i = 12; i < ADDRESS_SIZE; i++) {
    if (i > 12) out.byte(0x2e);
    out.integer(load<u8>(at + i));
  }
}

/** Room for the one address that is at hand. */
export const peer: usize = memory.data(16);

/** A block of addresses of one family. */
@unmanaged
@final
export class Block {
  high: u64; // the address, with zeros after its bits
  low: u64;
  bits: i32; // of all 128

  /** The block for `address/bits` or an address alone, in `arena`; null when the text is neither. */
  static parse(text: Span, arena: Arena): Block | null {
    const at = arena.allocate(offsetof<Block>() as i32);
    if (at == 0) return null;
    const block = changetype<Block>(at);
    if (parseAddress(text, at) != 0) {
      block.bits = 128;
      return block;
    }
    const cidr = parseCidr(text, at);
    if (cidr == 0) return null;
    block.bits = ((cidr >> 8) as i32) + ((cidr & 0xff) == 4 ? 96 : 0);
    maskAddress(at, block.bits);
    return block;
  }

  /** The bytes of the address. */
  get bytes(): Span {
    return span(changetype<usize>(this), ADDRESS_SIZE);
  }

  /** Whether the address is in it; a block of IPv6 holds no IPv4. */
  holds(address: usize): bool {
    const at = changetype<usize>(this);
    const isOfV4 = this.bits >= 96 && isV4(at);
    return isOfV4 == isV4(address) && sharesPrefix(at, address, this.bits);
  }
}
