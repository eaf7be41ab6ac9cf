// Timestamps and durations: their text, and the parts of a date in a time zone.

import * as ascii from "../../bytes/ascii";
import * as calendar from "../../bytes/calendar";
import { address, byteAtUnchecked, equal, length, Span, sliceUnchecked } from "../../bytes/span";
import { Writer } from "../../bytes/writer";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { FIRST_SECOND, LAST_SECOND } from "../operators";
import { Kind, Value } from "../value";
import { argument, isText } from "./arguments";
import { offsetAt, UNKNOWN } from "./zones";

const SECOND: i64 = 1_000_000_000;

/** getFullYear and its like. */
export function getPart(fn: Fn, base: usize, n: i32): Failure {
  const value = argument(base, 0);
  if (value.kind == Kind.Duration) {
    return n == 1 ? partOfDuration(fn, value) : Failure.NoSuchOverload;
  }
  if (value.kind != Kind.Timestamp || n > 2 || (n == 2 && !isText(base, 1))) {
    return Failure.NoSuchOverload;
  }
  let seconds = value.int;
  if (n == 2) {
    const offset = offsetAt(argument(base, 1).bits, seconds);
    if (offset == UNKNOWN) return Failure.BadTimeZone;
    seconds += offset;
  }
  value.setInt(partOfTime(fn, seconds, value.aux));
  return Failure.None;
}

function partOfDuration(fn: Fn, value: Value): Failure {
  const ns = value.int;
  switch (fn) {
    case Fn.GetHours:
      value.setInt(ns / (3600 * SECOND));
      return Failure.None;
    case Fn.GetMinutes:
      value.setInt(ns / (60 * SECOND));
      return Failure.None;
    case Fn.GetSeconds:
      value.setInt(ns / SECOND);
      return Failure.None;
    case Fn.GetMilliseconds:
      // Of the second, not of the whole (cel-spec, "Timestamps and Durations").
      value.setInt((ns % SECOND) / 1_000_000);
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function partOfTime(fn: Fn, seconds: i64, nanoseconds: u32): i64 {
  const days = calendar.floorDivide(seconds, 86400);
  const time = (seconds - days * 86400) as i32;
  switch (fn) {
    case Fn.GetHours:
      return time / 3600;
    case Fn.GetMinutes:
      return (time / 60) % 60;
    case Fn.GetSeconds:
      return time % 60;
    case Fn.GetMilliseconds:
      return nanoseconds / 1_000_000;
    case Fn.GetDayOfWeek:
      return calendar.weekday(days);
  }
  calendar.fromDays(days);
  switch (fn) {
    case Fn.GetDate:
      return calendar.day;
    case Fn.GetDayOfMonth:
      return calendar.day - 1;
    case Fn.GetMonth:
      return calendar.month - 1;
    case Fn.GetDayOfYear:
      return days - calendar.toDays(calendar.year, 1, 1);
    default:
      return calendar.year;
  }
}

// ---- reading

let text: Span = 0;
let at: i32 = 0;

/** `n` digits, or -1. */
function digits(n: i32): i32 {
  let value = 0;
  for (let i = 0; i < n; i++) {
    const c = peek();
    if (!ascii.isDigit(c)) return -1;
    value = value * 10 + (c as i32) - 0x30;
    at++;
  }
  return value;
}

function peek(): u32 {
  return at < length(text) ? (byteAtUnchecked(text, at) as u32) : 0;
}

function skip(c: u32): bool {
  if (peek() != c) return false;
  at++;
  return true;
}

/** A timestamp from RFC 3339 text. */
export function parseTimestamp(from: Span, out: Value): Failure {
  text = from;
  at = 0;
  const year = digits(4);
  if (year < 0 || !skip(0x2d)) return Failure.BadConversion;
  const month = digits(2);
  if (month < 0 || !skip(0x2d)) return Failure.BadConversion;
  const day = digits(2);
  if (day < 0 || (!skip(0x54) && !skip(0x74))) return Failure.BadConversion;
  const hour = digits(2);
  if (hour < 0 || !skip(0x3a)) return Failure.BadConversion;
  const minute = digits(2);
  if (minute < 0 || !skip(0x3a)) return Failure.BadConversion;
  const second = digits(2);
  if (second < 0 || month < 1 || month > 12) return Failure.BadConversion;
  if (day < 1 || day > calendar.daysIn(year, month)) return Failure.BadConversion;
  if (hour > 23 || minute > 59 || second > 59) return Failure.BadConversion;
  const nanoseconds = skip(0x2e) ? fraction() : 0;
  if (nanoseconds < 0) return Failure.BadConversion;
  let offset = 0;
  if (!skip(0x5a) && !skip(0x7a)) {
    const sign = peek();
    if (sign != 0x2b && sign != 0x2d) return Failure.BadConversion;
    at++;
    const hours = digits(2);
    if (hours < 0 || hours > 23 || !skip(0x3a)) return Failure.BadConversion;
    const minutes = digits(2);
    if (minutes < 0 || minutes > 59) return Failure.BadConversion;
    offset = hours * 3600 + minutes * 60;
    if (sign == 0x2d) offset = -offset;
  }
  if (at != length(text)) return Failure.BadConversion;
  const days = calendar.toDays(year, month, day);
  const seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND) return Failure.OutOfRange;
  out.setTimestamp(seconds, nanoseconds);
  return Failure.None;
}

/** Digits after the point as nanoseconds; those beyond the ninth do not count. -1 when there are none. */
function fraction(): i32 {
  let value = 0;
  let scale = 100_000_000;
  if (!ascii.isDigit(peek())) return -1;
  while (ascii.isDigit(peek())) {
    value += ((peek() as i32) - 0x30) * scale;
    scale /= 10;
    at++;
  }
  return value;
}

/** A duration from text such as `1h30m`, `1.5s`, `-200ms`. */
export function parseDuration(from: Span, out: Value): Failure {
  text = from;
  at = 0;
  const negative = skip(0x2d);
  if (!negative) skip(0x2b);
  if (at == length(text)) return Failure.BadConversion;
  if (equal(sliceUnchecked(text, at, length(text)), ZERO)) {
    out.set(Kind.Duration, 0);
    return Failure.None;
  }
  let total: u64 = 0;
  const most: u64 = negative ? 0x8000000000000000 : 0x7fffffffffffffff;
  while (at < length(text)) {
    const begin = at;
    let whole: u64 = 0;
    while (ascii.isDigit(peek())) {
      if (whole > 922337203685477580) return Failure.OutOfRange;
      whole = whole * 10 + (peek() as u64) - 0x30;
      at++;
    }
    const hasWhole = at > begin;
    const pointAt = at;
    if (skip(0x2e)) while (ascii.isDigit(peek())) at++;
    const stop = at;
    if (!hasWhole && stop - pointAt < 2) return Failure.BadConversion;
    const unit = unitOf();
    if (unit == 0) return Failure.BadConversion;
    if (whole > most / unit) return Failure.OutOfRange;
    const part = whole * unit + partOf(pointAt + 1, stop, unit);
    if (part > most || total > most - part) return Failure.OutOfRange;
    total += part;
  }
  out.set(Kind.Duration, negative ? 0 - total : total);
  return Failure.None;
}

/** The digits from `from` to `stop` as a fraction of the unit. */
function partOf(from: i32, stop: i32, unit: u64): u64 {
  let value: u64 = 0;
  let scale: u64 = 1;
  for (let i = from; i < stop && scale < 10_000_000; i++) {
    value = value * 10 + (byteAtUnchecked(text, i) as u64) - 0x30;
    scale *= 10;
  }
  // Beyond seven digits only units above the microsecond have something left; they go by doubles.
  if (stop - from <= 7) return (value * unit) / scale;
  let exact = 0.0;
  let weight = 0.1;
  for (let i = from; i < stop && i < from + 18; i++) {
    exact += ((byteAtUnchecked(text, i) as f64) - 48) * weight;
    weight /= 10;
  }
  return Math.round(exact * (unit as f64)) as u64;
}

/** Nanoseconds of the unit that stands here, or 0. */
function unitOf(): u64 {
  if (skip(0x68)) return (3600 * SECOND) as u64;
  if (skip(0x6d)) return skip(0x73) ? 1_000_000 : ((60 * SECOND) as u64);
  if (skip(0x73)) return SECOND as u64;
  if (skip(0x6e)) return skip(0x73) ? 1 : 0;
  // us, and µs with either of its two code points
  if (skip(0x75) || (skip(0xc2) && skip(0xb5)) || (skip(0xce) && skip(0xbc))) {
    return skip(0x73) ? 1000 : 0;
  }
  return 0;
}

const ZERO_BYTES: StaticArray<u8> = [0x30];
const ZERO: Span = (changetype<usize>(ZERO_BYTES) as u64) | ((1 as u64) << 32);

// ---- writing

function writeTwo(n: i32, out: Writer): void {
  out.byte(0x30 + n / 10);
  out.byte(0x30 + (n % 10));
}

const NAMES: StaticArray<u8> = [
  0x53, 0x75, 0x6e, 0x4d, 0x6f, 0x6e, 0x54, 0x75, 0x65, 0x57, 0x65, 0x64, 0x54, 0x68, 0x75, 0x46,
  0x72, 0x69, 0x53, 0x61, 0x74, 0x4a, 0x61, 0x6e, 0x46, 0x65, 0x62, 0x4d, 0x61, 0x72, 0x41, 0x70,
  0x72, 0x4d, 0x61, 0x79, 0x4a, 0x75, 0x6e, 0x4a, 0x75, 0x6c, 0x41, 0x75, 0x67, 0x53, 0x65, 0x70,
  0x4f, 0x63, 0x74, 0x4e, 0x6f, 0x76, 0x44, 0x65, 0x63,
];
const MONTHS: i32 = 7; // the months begin after the seven days

function writeName(i: i32, out: Writer): void {
  out.bytes(changetype<usize>(NAMES) + i * 3, 3);
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). */
export function writeHttpDate(value: Value, out: Writer): void {
  const days = calendar.floorDivide(value.int, 86400);
  const time = (value.int - days * 86400) as i32;
  calendar.fromDays(days);
  writeName(calendar.weekday(days), out);
  out.text(", ");
  writeTwo(calendar.day, out);
  out.byte(0x20);
  writeName(MONTHS + calendar.month - 1, out);
  out.byte(0x20);
  writeTwo((calendar.year / 100) as i32, out);
  writeTwo((calendar.year % 100) as i32, out);
  out.byte(0x20);
  writeTwo(time / 3600, out);
  out.byte(0x3a);
  writeTwo((time / 60) % 60, out);
  out.byte(0x3a);
  writeTwo(time % 60, out);
  out.text(" GMT");
}

/** The same form back; the older two that RFC 9110 knows are not read. */
export function parseHttpDate(from: Span, out: Value): Failure {
  text = from;
  if (length(text) != 29 || !endsWithGmt(text)) return Failure.BadConversion;
  at = 5;
  const day = digits(2);
  if (!skip(0x20)) return Failure.BadConversion;
  let month = 0;
  for (let i = 0; i < 12; i++) {
    const name = changetype<usize>(NAMES) + (MONTHS + i) * 3;
    if (memory.compare(address(text) + at, name, 3) == 0) month = i + 1;
  }
  at += 3;
  if (month == 0 || !skip(0x20)) return Failure.BadConversion;
  const year = digits(4);
  if (!skip(0x20)) return Failure.BadConversion;
  const hour = digits(2);
  if (!skip(0x3a)) return Failure.BadConversion;
  const minute = digits(2);
  if (!skip(0x3a)) return Failure.BadConversion;
  const second = digits(2);
  if (year < 1 || day < 1 || day > calendar.daysIn(year, month)) return Failure.BadConversion;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return Failure.BadConversion;
  const days = calendar.toDays(year, month, day);
  out.setTimestamp(days * 86400 + hour * 3600 + minute * 60 + second, 0);
  return Failure.None;
}

function endsWithGmt(text: Span): bool {
  return (
    byteAtUnchecked(text, 26) == 0x47 &&
    byteAtUnchecked(text, 27) == 0x4d &&
    byteAtUnchecked(text, 28) == 0x54
  );
}
