// Where the next match can begin: at the literal that all matches begin with, or, for want of one, at
// a byte of up to three ranges. 16 places are looked at together. Where what is looked for turns out
// to be common, skipping costs more than the automaton would, and gives up.

import * as literal from "./literal";

const RANGES: i32 = 3;
/** Skips shorter than this on average do not pay. */
const WORTH: i32 = 12;

@final
export class Skip {
  /** What every match begins with, as bytes; empty when it is not known. */
  prefix: StaticArray<u8> = [];
  /** The low and high ends of the ranges of first bytes; empty when there are too many. */
  ranges: StaticArray<u8> = [];
  private balance: i32 = 0;

  get exists(): bool {
    return this.prefix.length > 0 || this.ranges.length > 0;
  }

  /** Bytes that must be there to recognise a beginning. */
  get size(): i32 {
    return max(this.prefix.length, 1);
  }

  /** `next` of a new search; the first one. */
  begin(base: usize, from: i32, to: i32): i32 {
    this.balance = 64;
    const at = this.next(base, from, to);
    return at == literal.GAVE_UP ? from : at;
  }

  /** The first place in [from, to) where a match can begin, or NOT_FOUND or GAVE_UP of literal.ts. */
  next(base: usize, from: i32, to: i32): i32 {
    const at =
      this.prefix.length > 0
        ? literal.find(this.prefix, base, from, to)
        : this.findRange(base, from, to);
    if (at < 0) return at;
    this.balance = min(this.balance + at - from - WORTH, 1 << 20);
    return this.balance < 0 ? literal.GAVE_UP : at;
  }

  private findRange(base: usize, from: i32, to: i32): i32 {
    const ranges = this.ranges;
    const low0 = unchecked(ranges[0]);
    const low1 = unchecked(ranges[2]);
    const low2 = unchecked(ranges[4]);
    const span0 = unchecked(ranges[1]) - low0;
    const span1 = unchecked(ranges[3]) - low1;
    const span2 = unchecked(ranges[5]) - low2;
    const lows0 = i8x16.splat(low0 as i8);
    const lows1 = i8x16.splat(low1 as i8);
    const lows2 = i8x16.splat(low2 as i8);
    const spans0 = i8x16.splat(span0 as i8);
    const spans1 = i8x16.splat(span1 as i8);
    const spans2 = i8x16.splat(span2 as i8);
    let at = from;
    for (; at + 16 <= to; at += 16) {
      const bytes = v128.load(base + at);
      const hits = v128.or(
        i8x16.le_u(i8x16.sub(bytes, lows0), spans0),
        v128.or(
          i8x16.le_u(i8x16.sub(bytes, lows1), spans1),
          i8x16.le_u(i8x16.sub(bytes, lows2), spans2),
        ),
      );
      if (v128.any_true(hits)) return at + ctz(i8x16.bitmask(hits));
    }
    for (; at < to; at++) {
      const c = load<u8>(base + at);
      if (c - low0 <= span0 || c - low1 <= span1 || c - low2 <= span2) return at;
    }
    return literal.NOT_FOUND;
  }

  /** Takes the ranges from a set of bytes (a flag each), if they are few. */
  setFirst(bytes: StaticArray<bool>): void {
    const ranges: u8[] = [];
    for (let c = 0; c < 256; c++) {
      if (!bytes[c] || (c > 0 && bytes[c - 1])) continue;
      if (ranges.length == 2 * RANGES) return;
      let last = c;
      while (last < 255 && bytes[last + 1]) last++;
      ranges.push(c as u8);
      ranges.push(last as u8);
    }
    if (ranges.length == 0) return;
    while (ranges.length < 2 * RANGES) {
      ranges.push(ranges[0]);
      ranges.push(ranges[1]);
    }
    this.ranges = StaticArray.fromArray(ranges);
  }
}
