// Sizes, durations and rates as rules write them: `10MiB`, `64KiB`, `500`; `500ms`, `15s`, `5m`, `1h`;
// `100/1m`, `5000/1d`.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, length, Span, sliceUnchecked } from "../bytes/span";
import { equalsText } from "../bytes/text";

/** What the parsers answer for text that is no quantity. */
export const INVALID: i64 = -1;

// Larger ones are meant as "no limit"; this keeps sums far from overflow.
const MOST: i64 = 1 << 53;

/** Bytes, or INVALID. */
export function size(text: Span): i64 {
  const digits = countDigits(text);
  const unit = sliceUnchecked(text, digits, length(text));
  if (digits == 0 || digits > 15) return INVALID;
  let factor: i64 = 0;
  if (length(unit) == 0 || equalsText(unit, "B")) factor = 1;
  else if (equalsText(unit, "KiB")) factor = 1 << 10;
  else if (equalsText(unit, "MiB")) factor = 1 << 20;
  else if (equalsText(unit, "GiB")) factor = 1 << 30;
  else if (equalsText(unit, "KB")) factor = 1000;
  else if (equalsText(unit, "MB")) factor = 1_000_000;
  else if (equalsText(unit, "GB")) factor = 1_000_000_000;
  const count = value(text, digits);
  return factor == 0 || count > MOST / factor ? INVALID : count * factor;
}

/** Milliseconds, or INVALID. At most a day: it is for time-outs. */
export function duration(text: Span): i64 {
  const digits = countDigits(text);
  const unit = sliceUnchecked(text, digits, length(text));
  if (digits == 0 || digits > 9) return INVALID;
  let factor: i64 = 0;
  if (equalsText(unit, "ms")) factor = 1;
  else if (equalsText(unit, "s")) factor = 1000;
  else if (equalsText(unit, "m")) factor = 60_000;
  else if (equalsText(unit, "h")) factor = 3_600_000;
  const ms = value(text, digits) * factor;
  return factor == 0 || ms > 86_400_000 ? INVALID : ms;
}

/** What the last `rate` that was one has after the slash, in seconds. */
export let ratePeriod: i64 = 0;

/** The count of a rate, or INVALID: 1 to 1,000,000 in 1 second to 31 days. */
export function rate(text: Span): i64 {
  const digits = countDigits(text);
  const n = length(text);
  if (digits == 0 || digits > 7 || digits == n || byteAtUnchecked(text, digits) != 0x2f)
    return INVALID;
  const period = sliceUnchecked(text, digits + 1, n);
  const periodDigits = countDigits(period);
  if (periodDigits == 0 || periodDigits > 7 || periodDigits + 1 != length(period)) return INVALID;
  let factor: i64 = 0;
  const unit = byteAtUnchecked(period, periodDigits);
  if (unit == 0x73) factor = 1;
  else if (unit == 0x6d) factor = 60;
  else if (unit == 0x68) factor = 3600;
  else if (unit == 0x64) factor = 86_400;
  ratePeriod = value(period, periodDigits) * factor;
  const count = value(text, digits);
  const isRate = count > 0 && count <= 1_000_000 && ratePeriod > 0 && ratePeriod <= 31 * 86_400;
  return isRate ? count : INVALID;
}

function countDigits(text: Span): i32 {
  let i = 0;
  while (i < length(text) && ascii.isDigit(byteAtUnchecked(text, i))) i++;
  return i;
}

function value(text: Span, digits: i32): i64 {
  let sum: i64 = 0;
  for (let i = 0; i < digits; i++) sum = sum * 10 + (byteAtUnchecked(text, i) as i64) - 0x30;
  return sum;
}
