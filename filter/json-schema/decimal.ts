// Numbers of JSON as exact decimals: what `==`, limits and multiples mean must not depend on how
// many digits a double holds. A number is its significant digits and the place of their point;
// integers of up to 18 digits, which nearly all are, take a shorter way.

import { isDigit } from "../bytes/ascii";
import { address, byteAtUnchecked, end, equal, length, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";

/** Digits that always fit an i64. */
const SHORT_DIGITS: i32 = 18;
/** Beyond it, exponents are as good as equal: nobody can write out such numbers. */
const MAX_EXPONENT: i64 = 1 << 60;

@unmanaged
@final
export class Decimal {
  /** Digits without leading and trailing zeros; empty for zero. */
  digits: Span;
  /** The value is 0.DIGITS * 10^point. */
  point: i64;
  negative: bool;

  static create(): Decimal {
    return changetype<Decimal>(heap.alloc(offsetof<Decimal>()));
  }

  get isZero(): bool {
    return length(this.digits) == 0;
  }

  /** Whether it has no fraction. */
  get isInteger(): bool {
    return this.isZero || this.point >= length(this.digits);
  }

  /** Power of ten of the last digit. */
  get scale(): i64 {
    return this.point - length(this.digits);
  }

  /** Reads a number of JSON. Its digits lie in `kept`, or where they were. */
  read(text: Span, kept: Writer): void {
    let at = address(text);
    const stop = end(text);
    this.negative = load<u8>(at) == 0x2d;
    if (this.negative) at++;
    kept.reset();
    let whole: i64 = 0; // digits before the point, leading zeros not counted
    let leading: i64 = 0; // zeros between the point and the first digit
    let pastPoint = false;
    let last: u32 = 0; // size without trailing zeros
    for (; at < stop; at++) {
      const c = load<u8>(at);
      if (c == 0x2e) {
        pastPoint = true;
        continue;
      }
      if (!isDigit(c)) break;
      if (kept.size == 0 && c == 0x30) {
        if (pastPoint) leading++;
        continue;
      }
      kept.byte(c);
      if (!pastPoint) whole++;
      if (c != 0x30) last = kept.size;
    }
    const exponent: i64 = at < stop ? readExponent(at + 1, stop) : 0;
    this.digits = span(kept.base, last);
    this.point = (whole > 0 ? whole : -leading) + exponent;
    if (last == 0) {
      this.point = 0;
      this.negative = false;
    }
  }

  /** Negative, 0 or positive as this is less than, equal to or greater than the other. */
  compare(other: Decimal): i32 {
    if (this.negative != other.negative) return this.negative ? -1 : 1;
    const order = this.compareMagnitude(other);
    return this.negative ? -order : order;
  }

  private compareMagnitude(other: Decimal): i32 {
    if (this.isZero || other.isZero) return (this.isZero ? 0 : 1) - (other.isZero ? 0 : 1);
    if (this.point != other.point) return this.point < other.point ? -1 : 1;
    const n = length(this.digits);
    const m = length(other.digits);
    const order = memory.compare(address(this.digits), address(other.digits), min(n, m));
    return order != 0 ? order : n - m;
  }

  equals(other: Decimal): bool {
    return (
      this.point == other.point &&
      this.negative == other.negative &&
      equal(this.digits, other.digits)
    );
  }

  /** Whether it is an integer times `divisor` * 10^`scale`; `divisor` is below 10^18 and not
   * divisible by ten. */
  isMultipleOf(divisor: u64, scale: i64): bool {
    if (this.isZero) return true;
    // With fewer trailing zeros than the divisor has, a number is none of its multiples.
    if (this.scale < scale) return false;
    let rest: u64 = 0;
    for (let i = 0, n = length(this.digits); i < n; i++) {
      rest = (rest * 10 + (byteAtUnchecked(this.digits, i) - 0x30)) % divisor;
    }
    // A divisor of 60 bits has no more than 60 factors of two and of five each: what that many tens
    // do not make divisible, no more of them will.
    for (let tens = min(this.scale - scale, 60); tens > 0 && rest != 0; tens--) {
      rest = (rest * 10) % divisor;
    }
    return rest == 0;
  }
}

function readExponent(from: usize, stop: usize): i64 {
  let at = from;
  const isNegative = load<u8>(at) == 0x2d;
  if (isNegative || load<u8>(at) == 0x2b) at++;
  let value: i64 = 0;
  for (; at < stop; at++) {
    if (value < MAX_EXPONENT / 16) value = value * 10 + (load<u8>(at) - 0x30);
  }
  return isNegative ? -value : value;
}

/** Whether `shortInteger` can read the number, which is integral as it is written. */
export function isShort(text: Span): bool {
  return length(text) <= SHORT_DIGITS;
}

/** The integer, written as such. */
export function shortInteger(text: Span): i64 {
  let at = address(text);
  const stop = end(text);
  const isNegative = load<u8>(at) == 0x2d;
  if (isNegative) at++;
  let value: i64 = 0;
  for (; at < stop; at++) value = value * 10 + (load<u8>(at) - 0x30);
  return isNegative ? -value : value;
}

/** A hash that equal numbers share, however they are written. */
export function hashShort(value: i64): u32 {
  if (value == 0) return 0;
  let rest = value;
  let zeros = 0;
  while (rest % 10 == 0) {
    rest /= 10;
    zeros++;
  }
  return mix(rest, zeros);
}

export function hashDecimal(number: Decimal): u32 {
  const n = length(number.digits);
  if (n == 0) return 0;
  let value: i64 = 0;
  // Digits beyond the 18th only make collisions likelier.
  for (let i = 0; i < min(n, SHORT_DIGITS); i++)
    value = value * 10 + (byteAtUnchecked(number.digits, i) - 0x30);
  return mix(number.negative ? -value : value, number.scale as i32);
}

function mix(digits: i64, scale: i32): u32 {
  const h = ((digits as u64) ^ ((scale as u64) << 48)) * 0x9e3779b97f4a7c15;
  return (h >>> 32) as u32;
}
