// A Span is a slice of linear memory packed into one u64: the address in the low half, the length
// in bytes in the high half. It owns nothing; whoever made the memory says how long it lives (an
// arena, a program's constants, the host's buffer). Absent and empty differ: NONE has address 0,
// an empty span has an address. RATIONALE: why spans are u64.

export type Span = u64;

/** Nothing there: no header, no parameter, no value. Never the same as an empty value. */
export const NONE: Span = 0;

/** The span of `length` bytes at `address`; `address` must not be 0. */
export function span(address: usize, length: i32): Span {
  return ((length as u32 as u64) << 32) | (address as u64);
}

export function address(s: Span): usize {
  return s as u32 as usize;
}

export function length(s: Span): i32 {
  return (s >>> 32) as i32;
}

/** The address just past the last byte. */
export function end(s: Span): usize {
  return address(s) + length(s);
}

export function isNone(s: Span): bool {
  return address(s) == 0;
}

/** The bytes from `from` to `to` (offsets inside `s`, not checked). */
export function sliceUnchecked(s: Span, from: i32, to: i32): Span {
  return span(address(s) + from, to - from);
}

/** The byte at offset `i` (not checked). */
export function byteAtUnchecked(s: Span, i: i32): u8 {
  return load<u8>(address(s) + i);
}

/** Same bytes. NONE equals only NONE. */
export function equal(a: Span, b: Span): bool {
  if (a == b) return true;
  const n = length(a);
  if (n != length(b) || isNone(a) || isNone(b)) return false;
  return memory.compare(address(a), address(b), n) == 0;
}

/** Order of bytes, as in memcmp, the shorter one first when it is a prefix of the other. */
export function compare(a: Span, b: Span): i32 {
  const n = length(a);
  const m = length(b);
  const order = memory.compare(address(a), address(b), min(n, m));
  return order != 0 ? order : n - m;
}

export function startsWith(s: Span, prefix: Span): bool {
  const n = length(prefix);
  return n <= length(s) && memory.compare(address(s), address(prefix), n) == 0;
}

export function endsWith(s: Span, suffix: Span): bool {
  const n = length(suffix);
  return n <= length(s) && memory.compare(end(s) - n, address(suffix), n) == 0;
}

/** The offset of the first `byte` at or after `from`, or -1. */
export function indexOfByte(s: Span, byte: u8, from: i32 = 0): i32 {
  const base = address(s);
  const n = length(s);
  let i = from;
  if (i + 16 <= n) {
    const wanted = i8x16.splat(byte);
    for (; i + 16 <= n; i += 16) {
      const found = i8x16.bitmask(i8x16.eq(v128.load(base + i), wanted));
      if (found != 0) return i + ctz(found);
    }
  }
  for (; i < n; i++) {
    if (load<u8>(base + i) == byte) return i;
  }
  return -1;
}

/** The offset of the last `byte`, or -1. */
export function lastIndexOfByte(s: Span, byte: u8): i32 {
  const base = address(s);
  for (let i = length(s) - 1; i >= 0; i--) {
    if (load<u8>(base + i) == byte) return i;
  }
  return -1;
}

/** FNV-1a over the bytes, for tables keyed by short names. Not for keys an attacker may choose
 * without a bound on the table. */
export function hash(s: Span): u32 {
  let h: u32 = 0x811c9dc5;
  for (let at = address(s), stop = end(s); at < stop; at++) {
    h = (h ^ load<u8>(at)) * 0x01000193;
  }
  return h;
}
