// Finding one literal in bytes, 16 positions at a time: the two bytes of the needle that are rarest
// in text are compared at once at their distance, and only where both agree the rest is looked at.
// Needles and haystacks that agree almost everywhere would make that quadratic, so the work spent on
// looking is counted, and beyond a few bytes for each byte scanned the search goes on with Knuth,
// Morris and Pratt's, which is linear whatever the input.

import { Arena } from "./arena";
import * as ascii from "./ascii";
import { address, byteAtUnchecked, length, Span, same } from "./span";

/** How common a byte is in text and markup, roughly; ties are fine. */
function commonness(c: u32): i32 {
  if (c == 0x20) return 9;
  switch (c) {
    case 0x65:
    case 0x74:
    case 0x61:
    case 0x6f:
    case 0x69:
    case 0x6e:
    case 0x73:
    case 0x72:
      return 8;
    case 0x68:
    case 0x6c:
    case 0x64:
    case 0x63:
    case 0x75:
    case 0x6d:
    case 0x70:
      return 7;
    case 0x22:
    case 0x2c:
    case 0x2f:
    case 0x3a:
    case 0x3c:
    case 0x3e:
    case 0x0a:
    case 0x2e:
      return 6;
  }
  if (c - 0x61 < 26 || ascii.isDigit(c)) return 5;
  if (c - 0x41 < 26) return 3;
  return 2;
}

@final
export class Needle {
  size: i32 = 0;
  private bytes: usize = 0;
  private one: i32 = 0; // offsets of the two rare bytes
  private two: i32 = 0;
  /** For KMP: the length of the longest proper border of each prefix. */
  private borders: StaticArray<i32> = [];

  /** `text` is kept (folded to lower case if the case is ignored) in `arena`; not empty. */
  constructor(
    text: Span,
    readonly ignoreCase: bool,
    arena: Arena,
  ) {
    const n = length(text);
    this.size = n;
    this.bytes = arena.allocate(n);
    for (let i = 0; i < n; i++) {
      const c = byteAtUnchecked(text, i);
      store<u8>(this.bytes + i, ignoreCase ? (ascii.lower(c) as u8) : c);
    }
    let one = 0;
    for (let i = 1; i < n; i++) {
      if (commonness(this.byte(i)) < commonness(this.byte(one))) one = i;
    }
    let two = one == 0 ? n - 1 : 0;
    for (let i = 0; i < n; i++) {
      if (i != one && commonness(this.byte(i)) < commonness(this.byte(two))) two = i;
    }
    this.one = one;
    this.two = two;
    this.borders = new StaticArray<i32>(n);
    let border = 0;
    for (let i = 1; i < n; i++) {
      while (border > 0 && this.byte(i) != this.byte(border)) border = this.borders[border - 1];
      if (this.byte(i) == this.byte(border)) border++;
      this.borders[i] = border;
    }
  }

  private byte(i: i32): u8 {
    return load<u8>(this.bytes + i);
  }

  private fold(c: u32): u32 {
    return this.ignoreCase ? ascii.lower(c) : c;
  }

  /** Whether the first `n` bytes at `at` are those of the needle. */
  startsAt(at: usize, n: i32): bool {
    if (!this.ignoreCase) return memory.compare(at, this.bytes, n) == 0;
    for (let i = 0; i < n; i++) {
      if (ascii.lower(load<u8>(at + i)) != this.byte(i)) return false;
    }
    return true;
  }

  /** The first byte, folded; a quick test before `startsAt`. */
  mayStartWith(c: u32): bool {
    return this.fold(c) == this.byte(0);
  }

  /** The address of the first match that lies in [from, stop), or 0. */
  find(from: usize, stop: usize): usize {
    const n = this.size;
    if (stop - from < (n as usize) || stop < from) return 0;
    const last = stop - n; // the last address where it could start
    let at = from;
    let work: usize = 1024; // bytes that may be compared beyond those scanned
    const byteOne = this.byte(this.one);
    const byteTwo = this.byte(this.two);
    const one = i8x16.splat(byteOne as i8);
    const two = i8x16.splat(byteTwo as i8);
    const upperOne = i8x16.splat(this.upper(byteOne) as i8);
    const upperTwo = i8x16.splat(this.upper(byteTwo) as i8);
    while (at + 15 <= last) {
      const first = v128.load(at + this.one);
      const second = v128.load(at + this.two);
      let agree = v128.and(i8x16.eq(first, one), i8x16.eq(second, two));
      if (this.ignoreCase) {
        agree = v128.and(
          v128.or(i8x16.eq(first, one), i8x16.eq(first, upperOne)),
          v128.or(i8x16.eq(second, two), i8x16.eq(second, upperTwo)),
        );
      }
      let mask = i8x16.bitmask(agree);
      while (mask != 0) {
        const candidate = at + ctz(mask);
        if (this.startsAt(candidate, n)) return candidate;
        if (work < (n as usize)) return this.findLinear(candidate, stop);
        work -= n;
        mask &= mask - 1;
      }
      at += 16;
      work += 64;
    }
    // Too few positions left for a vector: at most 15, each compared at most once.
    for (; at <= last; at++) {
      if (this.mayStartWith(load<u8>(at)) && this.startsAt(at, n)) return at;
    }
    return 0;
  }

  private upper(c: u8): u8 {
    return c - 0x61 < 26 ? c ^ 0x20 : c;
  }

  private findLinear(from: usize, stop: usize): usize {
    let matched = 0;
    for (let at = from; at < stop; at++) {
      const c = this.fold(load<u8>(at));
      while (matched > 0 && c != this.byte(matched)) matched = unchecked(this.borders[matched - 1]);
      if (c == this.byte(matched)) matched++;
      if (matched == this.size) return at + 1 - matched;
    }
    return 0;
  }
}

/** What `indexOf` answers when there are too many places that are nearly it. */
export const GAVE_UP: i32 = -2;

/** The offset of the first place at or after `from` where `needle`, not empty, stands; -1 when there is
 * none. For needles that come with traffic, of which nothing is known beforehand: their first and last
 * bytes are compared at once, and the work is bounded. */
export function indexOf(haystack: Span, needle: Span, from: i32): i32 {
  const n = length(needle);
  const base = address(haystack);
  if (length(haystack) - from < n) return -1;
  const wanted = address(needle);
  const last = base + length(haystack) - n; // where it could start at the latest
  const firstByte = load<u8>(wanted);
  const first = i8x16.splat(firstByte as i8);
  const end = i8x16.splat(load<i8>(wanted + n - 1));
  let work: i64 = 1 << 16; // bytes that may be compared beyond those scanned
  let at = base + from;
  for (; at + 15 <= last; at += 16) {
    const agree = v128.and(i8x16.eq(v128.load(at), first), i8x16.eq(v128.load(at + n - 1), end));
    for (let mask = i8x16.bitmask(agree); mask != 0; mask &= mask - 1) {
      const candidate = at + ctz(mask);
      if (same(candidate, wanted, n)) return (candidate - base) as i32;
      work -= n;
      if (work < 0) return GAVE_UP;
    }
    work += 64;
  }
  for (; at <= last; at++) {
    if (load<u8>(at) == firstByte && same(at, wanted, n)) return (at - base) as i32;
  }
  return -1;
}

/** Whether the span holds the needle. */
export function contains(haystack: Span, needle: Needle): bool {
  const from = address(haystack);
  return needle.find(from, from + length(haystack)) != 0;
}
