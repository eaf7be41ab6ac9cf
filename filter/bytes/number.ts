// Doubles as decimal text and back, exactly: reading rounds correctly, writing finds the shortest
// digits that read back, as JavaScript does, or the exact expansion rounded half to even, as C does.
//
// Ordinary numbers take a few floating-point operations that are known not to round. All others are
// a fraction of two large integers, numerator / denominator, whose quotient is taken a bit (reading)
// or a digit (writing) at a time: slower, but one piece of arithmetic without tables.

import { isDigit } from "./ascii";
import { address, end, Span } from "./span";
import { Writer } from "./writer";

// 10^0 to 10^22: the powers of ten that a double holds exactly.
const EXACT_POWERS: usize = memory.data<f64>([
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]);
const EXACT_POWER_MAX = 22;
const EXACT_INTEGER_MAX: u64 = 1 << 53;

// What lies halfway between two doubles has at most 767 significant digits. Of those behind this
// many it only matters whether all are zero.
const DIGITS_MAX = 800;

const SIGN_BIT: u64 = 1 << 63;
const HIDDEN_BIT: u64 = 1 << 52;
const LOG10_OF_2: f64 = 0.30102999566398119521;

function exactPower(n: i32): f64 {
  return load<f64>(EXACT_POWERS + ((n as usize) << 3));
}

// ── Large integers ──

// The largest are 801 digits as read, 2,661 bits, and a power of five for as many decimals.
const LIMBS = 96;
const BIGNUM_BYTES = 4 + 4 * LIMBS;
const FIVE_TO_13: u32 = 1220703125; // the largest power of five in 32 bits

/** A natural number: `count` limbs of 32 bits follow, lowest first, the highest not 0. */
@unmanaged
@final
class Bignum {
  count: i32;

  // Inlined, since neither the compiler at this size nor the VM would, in the innermost loops.
  @inline
  limb(i: i32): u32 {
    return load<u32>(changetype<usize>(this) + ((i as usize) << 2), 4);
  }

  @inline
  setLimb(i: i32, value: u32): void {
    store<u32>(changetype<usize>(this) + ((i as usize) << 2), value, 4);
  }

  private push(limb: u32): void {
    if (limb != 0) this.setLimb(this.count++, limb);
  }

  set(value: u64): void {
    this.count = 0;
    if (value == 0) return;
    this.setLimb(0, value as u32);
    this.count = 1;
    this.push((value >>> 32) as u32);
  }

  copy(other: Bignum): void {
    memory.copy(changetype<usize>(this), changetype<usize>(other), 4 + 4 * other.count);
  }

  bitLength(): i32 {
    const n = this.count;
    return n == 0 ? 0 : 32 * n - (clz<u32>(this.limb(n - 1)) as i32);
  }

  /** Negative, 0 or positive as this is less than, equal to or greater than the other. */
  compare(other: Bignum): i32 {
    if (this.count != other.count) return this.count - other.count;
    for (let i = this.count - 1; i >= 0; i--) {
      const a = this.limb(i);
      const b = other.limb(i);
      if (a != b) return a < b ? -1 : 1;
    }
    return 0;
  }

  multiplyAdd(factor: u32, addend: u32): void {
    let carry = addend as u64;
    for (let i = 0, n = this.count; i < n; i++) {
      carry += (this.limb(i) as u64) * factor;
      this.setLimb(i, carry as u32);
      carry >>>= 32;
    }
    this.push(carry as u32);
  }

  multiplyByPowerOfFive(n: i32): void {
    let left = n;
    for (; left >= 13; left -= 13) this.multiplyAdd(FIVE_TO_13, 0);
    let factor: u32 = 1;
    for (; left > 0; left--) factor *= 5;
    if (factor != 1) this.multiplyAdd(factor, 0);
  }

  shiftLeft(n: i32): void {
    if (this.count == 0 || n == 0) return;
    this.multiplyAdd(1 << (n & 31), 0);
    const limbs = n >>> 5;
    if (limbs == 0) return;
    const first = changetype<usize>(this) + 4;
    memory.copy(first + 4 * limbs, first, 4 * this.count);
    memory.fill(first, 0, 4 * limbs);
    this.count += limbs;
  }

  add(other: Bignum): void {
    for (; this.count < other.count; this.count++) this.setLimb(this.count, 0);
    let carry: u64 = 0;
    for (let i = 0, n = this.count; i < n; i++) {
      carry += this.limb(i);
      if (i < other.count) carry += other.limb(i);
      this.setLimb(i, carry as u32);
      carry >>>= 32;
    }
    this.push(carry as u32);
  }

  /** The other must not be greater. */
  subtract(other: Bignum): void {
    let borrow: i64 = 0;
    for (let i = 0, n = this.count; i < n; i++) {
      borrow += this.limb(i);
      if (i < other.count) borrow -= other.limb(i);
      this.setLimb(i, borrow as u32);
      borrow >>= 32;
    }
    while (this.count > 0 && this.limb(this.count - 1) == 0) this.count--;
  }
}

const numerator = changetype<Bignum>(memory.data(BIGNUM_BYTES, 8));
const denominator = changetype<Bignum>(memory.data(BIGNUM_BYTES, 8));
const margin = changetype<Bignum>(memory.data(BIGNUM_BYTES, 8));
const scratch = changetype<Bignum>(memory.data(BIGNUM_BYTES, 8));

/** Multiplies the fraction by 5^`fives` * 2^`twos`; either may be negative. */
function scaleFraction(fives: i32, twos: i32): void {
  if (fives >= 0) numerator.multiplyByPowerOfFive(fives);
  else denominator.multiplyByPowerOfFive(-fives);
  if (twos >= 0) numerator.shiftLeft(twos);
  else denominator.shiftLeft(-twos);
}

/** The whole part of the fraction, which must be small; leaves the rest. */
function takeWhole(): u32 {
  let whole: u32 = 0;
  while (numerator.compare(denominator) >= 0) {
    numerator.subtract(denominator);
    whole++;
  }
  return whole;
}

// ── Reading ──

/** Whether the text is `[+-]?digits?(.digits?)?([eE][+-]?digits)?` with a digit before any `e`; so
 * `.5` and `5.` are. */
export function isDecimal(text: Span): bool {
  const stop = end(text);
  const first = skipSign(address(text), stop);
  let at = skipDigits(first, stop);
  let digits = at - first;
  if (at < stop && load<u8>(at) == 0x2e) {
    const fraction = at + 1;
    at = skipDigits(fraction, stop);
    digits += at - fraction;
  }
  if (digits == 0) return false;
  return at == stop || isExponent(at, stop);
}

function isExponent(from: usize, stop: usize): bool {
  if ((load<u8>(from) | 0x20) != 0x65) return false;
  const first = skipSign(from + 1, stop);
  return first < stop && skipDigits(first, stop) == stop;
}

function skipSign(at: usize, stop: usize): usize {
  if (at == stop) return at;
  const c = load<u8>(at);
  return c == 0x2b || c == 0x2d ? at + 1 : at;
}

function skipDigits(from: usize, stop: usize): usize {
  let at = from;
  while (at < stop && isDigit(load<u8>(at))) at++;
  return at;
}

/** The double nearest to the decimal, of two as near the even one; too large gives an infinity, too
 * small a zero of its sign. The text must satisfy `isDecimal`. */
export function parseDouble(text: Span): f64 {
  const from = address(text);
  const stop = end(text);
  const magnitude = parseMagnitude(skipSign(from, stop), stop);
  return load<u8>(from) == 0x2d ? -magnitude : magnitude;
}

function parseMagnitude(from: usize, stop: usize): f64 {
  let lead: u64 = 0; // the first 19 significant digits: more may not fit
  let count = 0; // of significant digits
  let scale: i64 = 0; // the value is the digits as an integer, times 10^scale
  let pastPoint: i64 = 0;
  let at = from;
  for (; at < stop; at++) {
    const c = load<u8>(at);
    if (c == 0x2e) {
      pastPoint = 1;
      continue;
    }
    if (!isDigit(c)) break;
    scale -= pastPoint;
    if (count == 0 && c == 0x30) continue;
    if (count < 19) lead = lead * 10 + (c - 0x30);
    count++;
  }
  if (count == 0) return 0;
  if (at < stop) scale += readExponent(at + 1, stop);
  // Then there are no more digits, and both operands are exact, so that the one operation rounds
  // correctly.
  if (lead <= EXACT_INTEGER_MAX) {
    if (scale >= 0 && scale <= EXACT_POWER_MAX) return (lead as f64) * exactPower(scale as i32);
    if (scale < 0 && scale >= -EXACT_POWER_MAX) return (lead as f64) / exactPower(-scale as i32);
  }
  // The value is at least 10^(size - 1) and less than 10^size.
  const size = scale + count;
  if (size > 309) return Infinity;
  if (size < -323) return 0;
  if (count <= 19) numerator.set(lead);
  else readDigits(from, at);
  return nearestDouble((scale + max(count - DIGITS_MAX - 1, 0)) as i32);
}

/** The exponent with its sign; large ones are cut, at more than any text has digits. */
function readExponent(from: usize, stop: usize): i64 {
  let value: i64 = 0;
  for (let at = skipSign(from, stop); at < stop; at++) {
    if (value < 10_000_000_000) value = value * 10 + (load<u8>(at) - 0x30);
  }
  return load<u8>(from) == 0x2d ? -value : value;
}

/** Sets the numerator to the significant digits; if there are more than DIGITS_MAX, to that many and
 * one that tells whether the rest is zero. */
function readDigits(from: usize, stop: usize): void {
  numerator.set(0);
  let count = 0;
  let rest: u32 = 0;
  let chunk: u32 = 0; // digits not yet in the numerator: nine go in at once
  let unit: u32 = 1;
  for (let at = from; at < stop; at++) {
    const c = load<u8>(at);
    if (c == 0x2e || (count == 0 && c == 0x30)) continue;
    if (count++ >= DIGITS_MAX) {
      if (c != 0x30) rest = 1;
      continue;
    }
    chunk = chunk * 10 + (c - 0x30);
    unit *= 10;
    if (unit < 1_000_000_000) continue;
    numerator.multiplyAdd(unit, chunk);
    chunk = 0;
    unit = 1;
  }
  numerator.multiplyAdd(unit, chunk);
  if (count > DIGITS_MAX) numerator.multiplyAdd(10, rest);
}

/** The double nearest to numerator * 10^`scale`; the numerator is not 0. */
function nearestDouble(scale: i32): f64 {
  denominator.set(1);
  scaleFraction(scale, 0);
  // 1 <= fraction < 2, and the value is fraction * 2^exponent.
  let shift = denominator.bitLength() - numerator.bitLength();
  scaleFraction(0, shift);
  if (numerator.compare(denominator) < 0) {
    numerator.shiftLeft(1);
    shift++;
  }
  const exponent = scale - shift;
  if (exponent > 1023) return Infinity;
  // Below the normal range doubles have fewer bits: at 2^-1075 none, and it is for rounding to say.
  let significand: u64 = 0;
  for (let bits = min(53, 1075 + exponent); bits > 0; bits--) {
    significand = (significand << 1) | takeWhole();
    numerator.shiftLeft(1);
  }
  const order = exponent < -1075 ? -1 : numerator.compare(denominator);
  if (order > 0 || (order == 0 && (significand & 1) != 0)) significand++;
  // The hidden bit adds one to the exponent's field, and so does a carry, up to infinity.
  return reinterpret<f64>(significand + ((max(exponent + 1022, 0) as u64) << 52));
}

// ── Writing ──

// The digits found, in ASCII, and how many of them are before the point: 0.DIGITS * 10^point. All
// places around them are zeros; zero itself has no digits.
const DIGITS: usize = memory.data(DIGITS_MAX);
let digitCount = 0;
let point = 1;

/** The shortest decimal that reads back as `value`, of those the nearest, written as JavaScript
 * writes it: `1`, `0.1`, `1e+21`, `1.5e-7`. But for -0, which is `-0`. */
export function writeDouble(value: f64, out: Writer): void {
  if (!writeSign(value, out)) return;
  const magnitude = abs(value);
  if (magnitude < (EXACT_INTEGER_MAX as f64) && magnitude == trunc(magnitude)) {
    out.integer(magnitude as i64);
    return;
  }
  if (!findShort(magnitude)) findShortest(magnitude);
  if (point > -6 && point <= 21) writePlain(max(digitCount - point, 0), out);
  else writeScientific(digitCount - 1, 1, out);
}

/** The same digits, never with an exponent. */
export function writePlainDouble(value: f64, out: Writer): void {
  if (!writeSign(value, out)) return;
  const magnitude = abs(value);
  if (magnitude < (EXACT_INTEGER_MAX as f64) && magnitude == trunc(magnitude)) {
    out.integer(magnitude as i64);
    return;
  }
  if (!findShort(magnitude)) findShortest(magnitude);
  writePlain(max(digitCount - point, 0), out);
}

/** As printf's `%.Nf`: `precision` decimals (0 or more), exactly, half to even. What has no digits is
 * written as `writeDouble` does. */
export function writeFixed(value: f64, precision: i32, out: Writer): void {
  if (!writeSign(value, out)) return;
  findExact(abs(value), precision, false);
  writePlain(precision, out);
}

/** As printf's `%.Ne`: `1.052033e+03`, exactly, half to even. */
export function writeExponent(value: f64, precision: i32, out: Writer): void {
  if (!writeSign(value, out)) return;
  findExact(abs(value), precision, true);
  writeScientific(precision, 2, out);
}

/** Writes what comes before digits, or all of what has none; then false. */
function writeSign(value: f64, out: Writer): bool {
  if (Number.isNaN(value)) {
    out.text("NaN");
    return false;
  }
  if ((reinterpret<u64>(value) & SIGN_BIT) != 0) out.byte(0x2d);
  if (Number.isFinite(value)) return true;
  out.text("Infinity");
  return false;
}

function writePlain(decimals: i32, out: Writer): void {
  if (point > 0) writePlaces(0, point, out);
  else out.byte(0x30);
  writeDecimals(point, decimals, out);
}

function writeScientific(decimals: i32, exponentDigits: i32, out: Writer): void {
  writePlaces(0, 1, out);
  writeDecimals(1, decimals, out);
  const exponent = point - 1;
  out.byte(0x65);
  out.byte(exponent < 0 ? 0x2d : 0x2b);
  if (exponentDigits == 2 && abs(exponent) < 10) out.byte(0x30);
  out.integer(abs(exponent));
}

function writeDecimals(from: i32, count: i32, out: Writer): void {
  if (count == 0) return;
  out.byte(0x2e);
  writePlaces(from, from + count, out);
}

function writePlaces(from: i32, to: i32, out: Writer): void {
  const base = out.reserve(to - from);
  if (base == 0) return;
  for (let i = from; i < to; i++) {
    const isPlaced = i >= 0 && i < digitCount;
    store<u8>(base + (i - from), isPlaced ? load<u8>(DIGITS + i) : 0x30);
  }
  out.size += to - from;
}

function pushDigit(digit: u32): void {
  store<u8>(DIGITS + digitCount++, 0x30 + digit);
}

/** Finds the shortest digits if there are at most 15 and few decimals; else false. So few digits
 * are told apart by any double, so that what reads back is the only such decimal. */
function findShort(x: f64): bool {
  for (let decimals = 1; decimals <= EXACT_POWER_MAX; decimals++) {
    const power = exactPower(decimals);
    const integer = nearest(x * power);
    if (integer >= 1e15) return false;
    if (integer / power == x) {
      setDigits(integer as u64, decimals);
      return true;
    }
  }
  return false;
}

function setDigits(integer: u64, decimals: i32): void {
  digitCount = 0;
  for (let left = integer; left > 0; left /= 10) digitCount++;
  let left = integer;
  for (let i = digitCount - 1; i >= 0; i--) {
    store<u8>(DIGITS + i, (0x30 + (left % 10)) as u8);
    left /= 10;
  }
  point = digitCount - decimals;
}

// A positive double is significand * 2^exponent, both integers.

function significandOf(x: f64): u64 {
  const bits = reinterpret<u64>(x);
  const fraction = bits & (HIDDEN_BIT - 1);
  return bits < HIDDEN_BIT ? fraction : fraction | HIDDEN_BIT;
}

function exponentOf(x: f64): i32 {
  return max((reinterpret<u64>(x) >>> 52) as i32, 1) - 1075;
}

/** Sets the fraction to significand * 2^exponent / 10^(point - 1), with digits forgotten and `point`
 * right or one too large. */
function startDigits(significand: u64, exponent: i32): void {
  const log2 = 63 - (clz(significand) as i32) + exponent;
  const log10 = (floor((log2 as f64) * LOG10_OF_2) as i32) + 1;
  digitCount = 0;
  point = log10 + 1;
  numerator.set(significand);
  denominator.set(1);
  scaleFraction(-log10, exponent - log10);
}

// Steele and White's free-format algorithm: digits until the rest is within the margin, half of the
// distance to the neighbours, in which any decimal reads back as x.
function findShortest(x: f64): void {
  const significand = significandOf(x);
  const exponent = exponentOf(x);
  const isEven = (significand & 1) == 0; // then rounding gives x from the very edge of the margin
  const narrowBelow = significand == HIDDEN_BIT && exponent > -1074;
  startDigits(significand << 1, exponent - 1);
  startMargin(exponent - 1);
  if (!reachesAbove(isEven)) {
    point--;
    nextPlace();
  }
  while (true) {
    const digit = takeWhole();
    const above = reachesAbove(isEven);
    const below = reachesBelow(isEven, narrowBelow);
    if (!above && !below) {
      pushDigit(digit);
      nextPlace();
      continue;
    }
    const roundsUp = above && (!below || restRoundsUp(digit));
    pushDigit(roundsUp ? digit + 1 : digit); // never 10: the place before would have reached
    return;
  }
}

/** Sets the margin to 2^exponent in the terms of the numerator. */
function startMargin(exponent: i32): void {
  const log10 = point - 1;
  margin.set(1);
  margin.multiplyByPowerOfFive(max(-log10, 0));
  margin.shiftLeft(max(exponent - log10, 0));
}

function nextPlace(): void {
  numerator.multiplyAdd(10, 0);
  margin.multiplyAdd(10, 0);
}

/** Whether the next greater digit would read back as the same. */
function reachesAbove(inclusive: bool): bool {
  scratch.copy(numerator);
  scratch.add(margin);
  const order = scratch.compare(denominator);
  return order > 0 || (inclusive && order == 0);
}

/** Whether leaving out the rest would read back as the same. Below a power of two doubles are twice
 * as close. */
function reachesBelow(inclusive: bool, narrow: bool): bool {
  scratch.copy(numerator);
  if (narrow) scratch.shiftLeft(1);
  const order = scratch.compare(margin);
  return order < 0 || (inclusive && order == 0);
}

/** Whether the rest behind `digit` is more than a half, or a half and the digit is odd. */
function restRoundsUp(digit: u32): bool {
  scratch.copy(numerator);
  scratch.shiftLeft(1);
  const order = scratch.compare(denominator);
  return order > 0 || (order == 0 && (digit & 1) != 0);
}

/** Finds the digits of x rounded to `decimals` behind the point, or behind the first digit. */
function findExact(x: f64, decimals: i32, behindFirst: bool): void {
  digitCount = 0;
  point = 1;
  if (x == 0) return;
  startDigits(significandOf(x), exponentOf(x));
  if (numerator.compare(denominator) < 0) {
    point--;
    numerator.multiplyAdd(10, 0);
  }
  takeDigits(decimals + (behindFirst ? 1 : point));
}

/** The first `count` digits, rounded. If `count` is 0 the value may still round up to a 1; if it is
 * negative the value is less than a tenth of the last place. */
function takeDigits(count: i32): void {
  if (count < 0) return;
  let digit: u32 = 0;
  while (digitCount < count) {
    if (numerator.count == 0) return;
    digit = takeWhole();
    pushDigit(digit);
    numerator.multiplyAdd(10, 0);
  }
  // The numerator is ten times the rest.
  denominator.multiplyAdd(5, 0);
  const order = numerator.compare(denominator);
  if (order > 0 || (order == 0 && (digit & 1) != 0)) roundUp();
}

function roundUp(): void {
  // Nines become zeros, which need no digit.
  while (digitCount > 0 && load<u8>(DIGITS + digitCount - 1) == 0x39) digitCount--;
  if (digitCount == 0) {
    pushDigit(1);
    point++;
    return;
  }
  const last = DIGITS + digitCount - 1;
  store<u8>(last, load<u8>(last) + 1);
}
