// Finding a short literal, 16 positions at a time by its first and last byte. Text made to agree with
// both everywhere would make that quadratic, so the work is counted and the search gives up: the
// caller goes on with an automaton, which is linear.

export const NOT_FOUND: i32 = -1;
export const GAVE_UP: i32 = -2;

/** The first offset in [from, to) where the literal begins and ends before `to`. */
export function find(literal: StaticArray<u8>, base: usize, from: i32, to: i32): i32 {
  const n = literal.length;
  const bytes = changetype<usize>(literal);
  const last = to - n;
  let at = from;
  let work = 1024;
  const first = i8x16.splat(load<u8>(bytes) as i8);
  const final = i8x16.splat(load<u8>(bytes + n - 1) as i8);
  while (at + 15 <= last) {
    const here = v128.load(base + at);
    const there = v128.load(base + at + n - 1);
    let mask = i8x16.bitmask(v128.and(i8x16.eq(here, first), i8x16.eq(there, final)));
    while (mask != 0) {
      const candidate = at + ctz(mask);
      if (memory.compare(base + candidate, bytes, n) == 0) return candidate;
      work -= n;
      if (work < 0) return GAVE_UP;
      mask &= mask - 1;
    }
    at += 16;
    work = min(work + 64, 1 << 20);
  }
  // Fewer than 16 positions.
  const head = load<u8>(bytes);
  for (; at <= last; at++) {
    if (load<u8>(base + at) == head && memory.compare(base + at, bytes, n) == 0) return at;
  }
  return NOT_FOUND;
}
