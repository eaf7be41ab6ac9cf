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
  return same(address(a), address(b), n);
}

/** Whether `n` bytes are the same. Eight at a time wherever they lie, where memory.compare goes byte by
 * byte unless both begin at the same place in a word; what is left is compared with bytes before it. */
export function same(a: usize, b: usize, n: i32): bool {
  if (n >= 8) {
    const last = n - 8;
    for (let i = 0; i < last; i += 8) {
      if (load<u64>(a + i) != load<u64>(b + i)) return false;
    }
    return load<u64>(a + last) == load<u64>(b + last);
  }
  if (n >= 4) {
    const last = n - 4;
    return load<u32>(a) == load<u32>(b) && load<u32>(a + last) == load<u32>(b + last);
  }
  if (n <= 0) return true;
  // The first, the middle and the last are all there are of three.
  const middle = n >> 1;
  const last = n - 1;
  return (
    load<u8>(a) == load<u8>(b) &&
    load<u8>(a + middle) == load<u8>(b + middle) &&
    load<u8>(a + last) == load<u8>(b + last)
  );
}

/** Copies `n` bytes, which may overlap. A short run, and most names and values are short, is two loads
 * and two stores; memory.copy is a call into the engine, some 8 ns. */
export function move(to: usize, from: usize, n: i32): void {
  if (n > 32) {
    memory.copy(to, from, n);
  } else if (n >= 16) {
    const last = v128.load(from + n - 16);
    v128.store(to, v128.load(from));
    v128.store(to + n - 16, last);
  } else if (n >= 8) {
    const last = load<u64>(from + n - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + n - 8, last);
  } else if (n >= 4) {
    const last = load<u32>(from + n - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + n - 4, last);
  } else if (n > 0) {
    const middle = load<u8>(from + (n >> 1));
    const last = load<u8>(from + n - 1);
    store<u8>(to, load<u8>(from));
    store<u8>(to + (n >> 1), middle);
    store<u8>(to + n - 1, last);
  }
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
  return n <= length(s) && same(address(s), address(prefix), n);
}

export function endsWith(s: Span, suffix: Span): bool {
  const n = length(suffix);
  return n <= length(s) && same(end(s) - n, address(suffix), n);
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
