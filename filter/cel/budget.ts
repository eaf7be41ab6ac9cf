// What an evaluation may cost. Straight code is paid for by its size; loops, and whatever works on
// data, are charged as they go: one unit for an element, a call or a turn of a loop, and for every 16
// bytes that are made or compared. When it is used up, the evaluation ends with an error that nothing absorbs.

/** Units an evaluation has. On one core they last some ten milliseconds, and for the slowest
 * functions (hashes, escaping, short matches of a pattern) less than a hundred. */
export const BUDGET: i32 = 1_000_000;

/** Units for reading an attribute or a member of one: the host may have to be asked. What else it costs
 * to find it, whoever answers charges. */
export const READ_COST: i32 = 32;

let left: i32 = BUDGET;

export function refill(units: i32 = BUDGET): void {
  left = units;
}

/** Takes units; false when there are none left. */
export function charge(units: i32): bool {
  left -= units;
  return left >= 0;
}

/** Takes the units for `n` bytes of work. */
export function chargeBytes(n: i32): bool {
  return charge((n >> 4) + 1);
}

/** Takes the units that a regular expression worked for since `before`. */
export function chargeEffort(before: u64, after: u64): bool {
  return charge(min<u64>(after - before, BUDGET as u64) as i32);
}

/** Units that are left. */
export function remaining(): i32 {
  return max(left, 0);
}

export function isSpent(): bool {
  return left < 0;
}

/** Units taken since `refill`. */
export function spent(): i32 {
  return BUDGET - left;
}
