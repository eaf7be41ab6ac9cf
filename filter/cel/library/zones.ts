// Time zones: `+02:00`, `-09:30`, and names of the tz database. A rule in the table is an offset in
// minutes, or two offsets and two changes: `60 120 3.5.0.120 10.5.0.180` is +1 hour until the last (5)
// Sunday (0) of March, 120 minutes after local midnight, then +2 hours until October. The rules are
// those in force now, for all years: history would take a hundred times the space.

import * as ascii from "../../bytes/ascii";
import * as calendar from "../../bytes/calendar";
import {
  address,
  byteAtUnchecked,
  equal,
  length,
  Span,
  sliceUnchecked,
  span,
} from "../../bytes/span";
import { ZONES } from "../../generated/zones";

/** No such zone. */
export const UNKNOWN: i32 = 0x7fffffff;

/** Seconds to add to UTC at that time, or UNKNOWN. */
export function offsetAt(zone: Span, seconds: i64): i32 {
  const n = length(zone);
  if (n == 0) return UNKNOWN;
  const first = byteAtUnchecked(zone, 0);
  if (first == 0x2b || first == 0x2d || ascii.isDigit(first)) return numeric(zone);
  const rule = find(zone);
  if (rule == 0) return UNKNOWN;
  return follow(rule, seconds);
}

function numeric(zone: Span): i32 {
  const first = byteAtUnchecked(zone, 0);
  const from = ascii.isDigit(first) ? 0 : 1;
  if (length(zone) != from + 5 || byteAtUnchecked(zone, from + 2) != 0x3a) return UNKNOWN;
  let value = 0;
  for (let i = from; i < from + 5; i++) {
    if (i == from + 2) continue;
    const c = byteAtUnchecked(zone, i);
    if (!ascii.isDigit(c)) return UNKNOWN;
    value = value * 10 + (c as i32) - 0x30;
  }
  const hours = value / 100;
  const minutes = value % 100;
  if (hours > 23 || minutes > 59) return UNKNOWN;
  const offset = hours * 3600 + minutes * 60;
  return first == 0x2d ? -offset : offset;
}

// The zone that was asked for last, so that a rule with one zone searches once.
let lastName: Span = 0;
let lastRule: usize = 0;
const lastBytes = memory.data(64);

/** The address of the rule of the zone, or 0. */
function find(zone: Span): usize {
  if (equal(zone, lastName)) return lastRule;
  const base = changetype<usize>(ZONES);
  const stop = base + ZONES.length;
  let rule = base;
  let region: Span = span(base, 0);
  let at = base;
  let isRule = true;
  while (at < stop) {
    const from = at;
    while (at < stop && !isBreak(load<u8>(at))) at++;
    const c = load<u8>(at);
    const word = span(from, (at - from) as i32);
    at++;
    if (isRule) {
      rule = from;
      isRule = false;
    } else if (c == 0x3a) {
      region = word;
    } else if (isZone(zone, region, word)) {
      remember(zone, rule);
      return rule;
    }
    if (c == 0x0a) isRule = true;
  }
  return 0;
}

function isBreak(c: u8): bool {
  return c == 0x3b || c == 0x3a || c == 0x2c || c == 0x0a;
}

function isZone(zone: Span, region: Span, name: Span): bool {
  const before = length(region) == 0 ? 0 : length(region) + 1;
  if (length(zone) != before + length(name)) return false;
  if (!equal(sliceUnchecked(zone, before, length(zone)), name)) return false;
  if (before == 0) return true;
  return (
    byteAtUnchecked(zone, before - 1) == 0x2f && equal(sliceUnchecked(zone, 0, before - 1), region)
  );
}

function remember(zone: Span, rule: usize): void {
  if (length(zone) > 64) return;
  memory.copy(lastBytes, address(zone), length(zone));
  lastName = span(lastBytes, length(zone));
  lastRule = rule;
}

let cursor: usize = 0;

/** The next number of the rule; leaves the cursor after the character that ends it. */
function number(): i32 {
  const negative = load<u8>(cursor) == 0x2d;
  if (negative) cursor++;
  let value = 0;
  while (ascii.isDigit(load<u8>(cursor))) value = value * 10 + (load<u8>(cursor++) as i32) - 0x30;
  cursor++;
  return negative ? -value : value;
}

function follow(rule: usize, seconds: i64): i32 {
  cursor = rule;
  const first = number() * 60;
  if (load<u8>(cursor - 1) != 0x20) return first;
  const second = number() * 60;
  calendar.fromDays(calendar.floorDivide(seconds + first, 86400));
  const year = calendar.year;
  const toSecond = change(year) - first;
  const toFirst = change(year) - second;
  return seconds >= toSecond && seconds < toFirst ? second : first;
}

/** The local time of the change in that year, in seconds; reads `month.week.weekday.minute`. */
function change(year: i64): i64 {
  const month = number();
  const week = number();
  const weekday = number();
  const minute = number();
  const start = calendar.toDays(year, month, 1);
  const days = calendar.daysIn(year, month);
  let day = ((weekday - calendar.weekday(start) + 7) % 7) + (week - 1) * 7;
  while (day >= days) day -= 7;
  return (start + day) * 86400 + minute * 60;
}
