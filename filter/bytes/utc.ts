// Durations and points in time as text: `0.25s` and RFC 3339 in UTC, from nanoseconds.

import * as calendar from "./calendar";
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

/** `2024-02-29T12:00:00.5Z`, from seconds since the epoch, of the years 0 to 9999, and nanoseconds
 * after that. */
export function writeTime(seconds: i64, nanoseconds: u32, out: Writer): void {
  const day = calendar.floorDivide(seconds, 86400);
  const time = seconds - day * 86400;
  writeDate(day, out);
  out.byte(0x54);
  writeTwoDigits((time / 3600) as u32, out);
  out.byte(0x3a);
  writeTwoDigits(((time / 60) % 60) as u32, out);
  out.byte(0x3a);
  writeTwoDigits((time % 60) as u32, out);
  writeFraction(nanoseconds, out);
  out.byte(0x5a);
}

function writeDate(day: i64, out: Writer): void {
  calendar.fromDays(day);
  writeTwoDigits((calendar.year / 100) as u32, out);
  writeTwoDigits((calendar.year % 100) as u32, out);
  out.byte(0x2d);
  writeTwoDigits(calendar.month, out);
  out.byte(0x2d);
  writeTwoDigits(calendar.day, out);
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
