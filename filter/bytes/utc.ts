// Durations and points in time as text: `0.25s` and RFC 3339 in UTC, from nanoseconds.

import { Writer } from "./writer";

const SECOND: i64 = 1_000_000_000;

/** Seconds with as many decimals as it takes: `1s`, `0.25s`, `-3.000000001s`. */
export function writeDuration(nanoseconds: i64, out: Writer): void {
  if (nanoseconds < 0) out.byte(0x2d);
  // As unsigned, so that the smallest i64 has its magnitude.
  const magnitude = nanoseconds < 0 ? 0 - (nanoseconds as u64) : (nanoseconds as u64);
  out.integer((magnitude / SECOND) as i64);
  writeFraction((magnitude % SECOND) as u32, out);
  out.byte(0x73);
}

/** `2024-02-29T12:00:00.5Z`. */
export function writeTimestamp(nanoseconds: i64, out: Writer): void {
  let seconds = nanoseconds / SECOND;
  let fraction = nanoseconds % SECOND;
  if (fraction < 0) {
    fraction += SECOND;
    seconds--;
  }
  let day = seconds / 86400;
  let time = seconds % 86400;
  if (time < 0) {
    time += 86400;
    day--;
  }
  writeDate(day, out);
  out.byte(0x54);
  writeTwoDigits((time / 3600) as u32, out);
  out.byte(0x3a);
  writeTwoDigits(((time / 60) % 60) as u32, out);
  out.byte(0x3a);
  writeTwoDigits((time % 60) as u32, out);
  writeFraction(fraction as u32, out);
  out.byte(0x5a);
}

// Days since 1970-01-01 to a date of the proleptic Gregorian calendar, counting years from March so
// that the leap day is the last of its year; 146,097 days are 400 years.
function writeDate(day: i64, out: Writer): void {
  const shifted = day + 719468;
  const era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const monthFromMarch = (5 * dayOfYear + 2) / 153;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  writeTwoDigits((year / 100) as u32, out);
  writeTwoDigits((year % 100) as u32, out);
  out.byte(0x2d);
  writeTwoDigits(month as u32, out);
  out.byte(0x2d);
  writeTwoDigits((dayOfYear - (153 * monthFromMarch + 2) / 5 + 1) as u32, out);
}

function writeTwoDigits(n: u32, out: Writer): void {
  out.byte(0x30 + ((n / 10) % 10));
  out.byte(0x30 + (n % 10));
}

function writeFraction(nanoseconds: u32, out: Writer): void {
  if (nanoseconds == 0) return;
  out.byte(0x2e);
  let rest = nanoseconds;
  for (let unit: u32 = 100_000_000; rest > 0; unit /= 10) {
    out.byte(0x30 + rest / unit);
    rest %= unit;
  }
}
