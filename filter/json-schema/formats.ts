// The formats that are asserted, each by its grammar; names not in the list say nothing. No format
// is looked up anywhere: a hostname need not exist.

import { hexValue, isAlpha, isAlphanumeric, isDigit } from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  end,
  indexOfByte,
  lastIndexOfByte,
  length,
  Span,
  sliceUnchecked,
} from "../bytes/span";

export const NO_FORMAT: i32 = -1;

const enum Format {
  DateTime,
  Date,
  Time,
  Duration,
  Email,
  Hostname,
  Ipv4,
  Ipv6,
  Uri,
  UriReference,
  Uuid,
  JsonPointer,
  RelativeJsonPointer,
}

const NAMES: StaticArray<string> = [
  "date-time",
  "date",
  "time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uri",
  "uri-reference",
  "uuid",
  "json-pointer",
  "relative-json-pointer",
];

/** The format of that name, or NO_FORMAT when it is none that is asserted. */
export function formatOf(name: string): i32 {
  return NAMES.indexOf(name);
}

/** Whether the text is as the format has it. */
export function hasFormat(format: i32, text: Span): bool {
  switch (format) {
    case Format.DateTime:
      return isDateTime(text);
    case Format.Date:
      return isDate(text);
    case Format.Time:
      return isTime(text);
    case Format.Duration:
      return isDuration(text);
    case Format.Email:
      return isEmail(text);
    case Format.Hostname:
      return isHostname(text);
    case Format.Ipv4:
      return isIpv4(text);
    case Format.Ipv6:
      return isIpv6(text);
    case Format.Uri:
      return isUri(text, false);
    case Format.UriReference:
      return isUri(text, true);
    case Format.Uuid:
      return isUuid(text);
    case Format.JsonPointer:
      return isJsonPointer(text);
    case Format.RelativeJsonPointer:
      return isRelativeJsonPointer(text);
  }
  return true;
}

function at(s: Span, i: i32): u32 {
  return i < length(s) ? (byteAtUnchecked(s, i) as u32) : 0;
}

/** The number that the digits at `from` make, -1 when not all are digits. */
function digits(s: Span, from: i32, count: i32): i32 {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const c = at(s, i);
    if (!isDigit(c)) return -1;
    value = value * 10 + ((c - 0x30) as i32);
  }
  return value;
}

// RFC 3339 5.6

function isDate(s: Span): bool {
  if (length(s) != 10 || at(s, 4) != 0x2d || at(s, 7) != 0x2d) return false;
  const year = digits(s, 0, 4);
  const month = digits(s, 5, 2);
  const day = digits(s, 8, 2);
  return year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

function daysOf(year: i32, month: i32): i32 {
  if (month != 2) return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
}

function isTime(s: Span): bool {
  const hour = digits(s, 0, 2);
  const minute = digits(s, 3, 2);
  const second = digits(s, 6, 2);
  if (at(s, 2) != 0x3a || at(s, 5) != 0x3a) return false;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return false;
  let i = 8;
  if (at(s, i) == 0x2e) {
    const from = ++i;
    while (isDigit(at(s, i))) i++;
    if (i == from) return false;
  }
  let offset = 0;
  const sign = at(s, i);
  if ((sign | 0x20) == 0x7a) {
    if (i + 1 != length(s)) return false;
  } else {
    const hours = digits(s, i + 1, 2);
    const minutes = digits(s, i + 4, 2);
    if ((sign != 0x2b && sign != 0x2d) || at(s, i + 3) != 0x3a || i + 6 != length(s)) return false;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
    offset = (hours * 60 + minutes) * (sign == 0x2d ? -1 : 1);
  }
  // Leap seconds are at the end of a day in UTC.
  return second < 60 || (hour * 60 + minute - offset + 2880) % 1440 == 1439;
}

function isDateTime(s: Span): bool {
  if (length(s) < 20 || (at(s, 10) | 0x20) != 0x74) return false;
  return isDate(sliceUnchecked(s, 0, 10)) && isTime(sliceUnchecked(s, 11, length(s)));
}

/** RFC 3339, appendix A: units in order without a gap within date and time; weeks by themselves. */
function isDuration(s: Span): bool {
  const n = length(s);
  if (at(s, 0) != 0x50) return false;
  let i = 1;
  let inTime = false;
  let rank = 0; // Y M D are 1 2 3, H M S are 4 5 6
  let before = 0;
  let units = 0;
  while (i < n) {
    if (at(s, i) == 0x54) {
      if (inTime || i + 1 == n) return false;
      inTime = true;
      before = 0;
      i++;
      continue;
    }
    const from = i;
    while (isDigit(at(s, i))) i++;
    if (i == from) return false;
    const unit = at(s, i++);
    if (unit == 0x57) return units == 0 && !inTime && i == n;
    rank = rankOf(unit, inTime);
    if (rank == 0 || (before != 0 && rank != before + 1)) return false;
    before = rank;
    units++;
  }
  return units > 0;
}

function rankOf(unit: u32, inTime: bool): i32 {
  if (unit == 0x4d) return inTime ? 5 : 2;
  if (inTime) return unit == 0x48 ? 4 : unit == 0x53 ? 6 : 0;
  return unit == 0x59 ? 1 : unit == 0x44 ? 3 : 0;
}

// RFC 5321 4.1.2, without comments and folding

function isEmail(s: Span): bool {
  const cut = lastIndexOfByte(s, 0x40);
  if (cut < 1 || cut > 64) return false;
  if (!isLocalPart(sliceUnchecked(s, 0, cut))) return false;
  const domain = sliceUnchecked(s, cut + 1, length(s));
  const n = length(domain);
  if (at(domain, 0) != 0x5b) return isHostname(domain);
  if (at(domain, n - 1) != 0x5d) return false;
  const literal = sliceUnchecked(domain, 1, n - 1);
  const isTagged = length(literal) > 5 && at(literal, 4) == 0x3a && (at(literal, 0) | 0x20) == 0x69;
  return isTagged ? isIpv6(sliceUnchecked(literal, 5, length(literal))) : isIpv4(literal);
}

function isLocalPart(s: Span): bool {
  const n = length(s);
  if (at(s, 0) == 0x22) {
    if (n < 3 || at(s, n - 1) != 0x22) return false;
    for (let i = 1; i < n - 1; i++) {
      let c = at(s, i);
      if (c == 0x22) return false;
      if (c == 0x5c) c = ++i < n - 1 ? at(s, i) : 0;
      if (c < 0x20 || c > 0x7e) return false;
    }
    return true;
  }
  let wasDot = true;
  for (let i = 0; i < n; i++) {
    const c = at(s, i);
    if (c == 0x2e) {
      if (wasDot) return false;
      wasDot = true;
      continue;
    }
    wasDot = false;
    if (!isAlphanumeric(c) && !isAnyOf(c, "!#$%&'*+-/=?^_`{|}~")) return false;
  }
  return !wasDot;
}

function isAnyOf(c: u32, characters: string): bool {
  for (let i = 0; i < characters.length; i++) {
    if ((characters.charCodeAt(i) as u32) == c) return true;
  }
  return false;
}

/** RFC 1123 2.1: labels of letters, digits and inner hyphens. With RFC 5890 2.3.1, two hyphens at
 * the third place are of labels that begin with `xn--` and have something behind it. */
function isHostname(s: Span): bool {
  const n = length(s);
  if (n == 0 || n > 253) return false;
  let from = 0;
  for (let i = 0; i <= n; i++) {
    const c = at(s, i);
    if (i < n && c != 0x2e) {
      if (!isAlphanumeric(c) && c != 0x2d) return false;
      continue;
    }
    if (i == from || i - from > 63 || at(s, from) == 0x2d || at(s, i - 1) == 0x2d) return false;
    if (at(s, from + 2) == 0x2d && at(s, from + 3) == 0x2d && i > from + 3) {
      if ((at(s, from) | 0x20) != 0x78 || (at(s, from + 1) | 0x20) != 0x6e) return false;
    }
    from = i + 1;
  }
  return true;
}

/** RFC 2673 3.2. */
function isIpv4(s: Span): bool {
  const n = length(s);
  let parts = 0;
  let from = 0;
  for (let i = 0; i <= n; i++) {
    if (i < n && at(s, i) != 0x2e) continue;
    const size = i - from;
    if (size < 1 || size > 3 || (size > 1 && at(s, from) == 0x30)) return false;
    const value = digits(s, from, size);
    if (value < 0 || value > 255) return false;
    parts++;
    from = i + 1;
  }
  return parts == 4;
}

/** RFC 4291 2.2. */
function isIpv6(s: Span): bool {
  const n = length(s);
  let groups = 0;
  let hasGap = false;
  let i = 0;
  if (at(s, 0) == 0x3a) {
    if (at(s, 1) != 0x3a) return false;
    hasGap = true;
    i = 2;
    if (i == n) return true;
  }
  while (true) {
    const from = i;
    while (hexValue(at(s, i)) >= 0 && i - from < 5) i++;
    if (at(s, i) == 0x2e) {
      groups += 2;
      if (!isIpv4(sliceUnchecked(s, from, n))) return false;
      break;
    }
    if (i == from || i - from > 4) return false;
    groups++;
    if (i == n) break;
    if (at(s, i) != 0x3a || ++i == n) return false;
    if (at(s, i) == 0x3a) {
      if (hasGap) return false;
      hasGap = true;
      if (++i == n) break;
    }
  }
  return hasGap ? groups < 8 : groups == 8;
}

/** RFC 3986 3 and 4.1. */
function isUri(s: Span, mayBeRelative: bool): bool {
  const n = length(s);
  const scheme = schemeSize(s);
  if (scheme == 0 && !mayBeRelative) return false;
  let i = scheme;
  if (at(s, i) == 0x2f && at(s, i + 1) == 0x2f) {
    const from = i + 2;
    i = from;
    while (i < n && !isAnyOf(at(s, i), "/?#")) i++;
    if (!isAuthority(sliceUnchecked(s, from, i))) return false;
  } else if (scheme == 0) {
    // The first segment of a relative path has no colon, which would end a scheme.
    for (let k = 0; k < n && !isAnyOf(at(s, k), "/?#"); k++) if (at(s, k) == 0x3a) return false;
  }
  let place = 0; // 0 path, 1 query, 2 fragment
  for (; i < n; i++) {
    const c = at(s, i);
    if (c == 0x3f && place == 0) place = 1;
    else if (c == 0x23 && place < 2) place = 2;
    else if (c == 0x25) {
      if (!isEscape(s, i)) return false;
      i += 2;
    } else if (!isUriCharacter(c) && c != 0x2f && c != 0x3f && c != 0x3a && c != 0x40) return false;
  }
  return true;
}

function schemeSize(s: Span): i32 {
  if (!isAlpha(at(s, 0))) return 0;
  for (let i = 1; i < length(s); i++) {
    const c = at(s, i);
    if (c == 0x3a) return i + 1;
    if (!isAlphanumeric(c) && !isAnyOf(c, "+-.")) return 0;
  }
  return 0;
}

function isAuthority(s: Span): bool {
  const user = lastIndexOfByte(s, 0x40);
  if (user >= 0 && !isUriText(sliceUnchecked(s, 0, user))) return false;
  let host = sliceUnchecked(s, user + 1, length(s));
  const literalEnd = indexOfByte(host, 0x5d);
  const colon = literalEnd >= 0 ? literalEnd + 1 : lastIndexOfByte(host, 0x3a);
  if (colon >= 0 && colon < length(host)) {
    if (at(host, colon) != 0x3a) return false;
    for (let i = colon + 1; i < length(host); i++) if (!isDigit(at(host, i))) return false;
    host = sliceUnchecked(host, 0, colon);
  }
  if (at(host, 0) == 0x5b) {
    const n = length(host);
    if (at(host, n - 1) != 0x5d) return false;
    const literal = sliceUnchecked(host, 1, n - 1);
    if ((at(literal, 0) | 0x20) != 0x76) return isIpv6(literal);
    const dot = indexOfByte(literal, 0x2e);
    return dot > 1 && isUriText(sliceUnchecked(literal, dot + 1, length(literal)));
  }
  return indexOfByte(host, 0x3a) < 0 && isUriText(host);
}

/** `unreserved`, `sub-delims`, escapes and colons. */
function isUriText(s: Span): bool {
  for (let i = 0; i < length(s); i++) {
    const c = at(s, i);
    if (c == 0x25) {
      if (!isEscape(s, i)) return false;
      i += 2;
    } else if (!isUriCharacter(c) && c != 0x3a) return false;
  }
  return true;
}

function isUriCharacter(c: u32): bool {
  return isAlphanumeric(c) || isAnyOf(c, "-._~!$&'()*+,;=");
}

function isEscape(s: Span, i: i32): bool {
  return hexValue(at(s, i + 1)) >= 0 && hexValue(at(s, i + 2)) >= 0;
}

/** RFC 4122 3. */
function isUuid(s: Span): bool {
  if (length(s) != 36) return false;
  for (let i = 0; i < 36; i++) {
    const isHyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (isHyphen ? at(s, i) != 0x2d : hexValue(at(s, i)) < 0) return false;
  }
  return true;
}

/** RFC 6901 3. */
function isJsonPointer(s: Span): bool {
  if (length(s) > 0 && at(s, 0) != 0x2f) return false;
  for (let from = address(s), i = from, stop = end(s); i < stop; i++) {
    if (load<u8>(i) != 0x7e) continue;
    const next = at(s, ((i - from) as i32) + 1);
    if (next != 0x30 && next != 0x31) return false;
  }
  return true;
}

function isRelativeJsonPointer(s: Span): bool {
  let i = 0;
  while (isDigit(at(s, i))) i++;
  if (i == 0 || (i > 1 && at(s, 0) == 0x30)) return false;
  if (at(s, i) == 0x23) return i + 1 == length(s);
  return isJsonPointer(sliceUnchecked(s, i, length(s)));
}
