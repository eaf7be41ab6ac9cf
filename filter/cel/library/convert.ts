// Conversions between types, and what a value is as text.

import * as number from "../../bytes/number";
import { byteAtUnchecked, length, Span, sliceUnchecked } from "../../bytes/span";
import { equalsText } from "../../bytes/text";
import * as utc from "../../bytes/utc";
import * as utf8 from "../../bytes/utf8";
import { Writer } from "../../bytes/writer";
import { chargeBytes } from "../budget";
import { buffer } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { settle } from "../lazy";
import { FIRST_SECOND, LAST_SECOND } from "../operators";
import { Kind, parseInteger, TypeId, Value } from "../value";
import { take } from "./arguments";
import * as network from "./network";
import * as time from "./time";

export function call(fn: Fn, value: Value): Failure {
  const kind = value.kind;
  if (kind == Kind.String && !chargeBytes(length(value.bits))) return Failure.Budget;
  switch (fn) {
    case Fn.ToBool:
      return kind == Kind.Bool ? Failure.None : kind == Kind.String ? boolOf(value) : none();
    case Fn.ToBytes:
      if (kind == Kind.String) value.kind = Kind.Bytes;
      return value.kind == Kind.Bytes ? Failure.None : none();
    case Fn.ToDouble:
      return toDouble(value);
    case Fn.ToDuration:
      if (kind == Kind.Duration) return Failure.None;
      return kind == Kind.String ? time.parseDuration(value.bits, value) : none();
    case Fn.ToDyn:
      return Failure.None;
    case Fn.ToInt:
      return toInt(value);
    case Fn.ToString:
      return toText(value);
    case Fn.ToTimestamp:
      return toTimestamp(value);
    case Fn.ToType: {
      const wrong = settle(value);
      if (wrong == Failure.None) value.set(Kind.Type, typeOf(value));
      return wrong;
    }
    default:
      return toUint(value);
  }
}

function none(): Failure {
  return Failure.NoSuchOverload;
}

export function typeOf(value: Value): TypeId {
  switch (value.kind) {
    case Kind.Null:
      return TypeId.Null;
    case Kind.Bool:
      return TypeId.Bool;
    case Kind.Int:
      return TypeId.Int;
    case Kind.Uint:
      return TypeId.Uint;
    case Kind.Double:
      return TypeId.Double;
    case Kind.String:
      return TypeId.String;
    case Kind.Bytes:
      return TypeId.Bytes;
    case Kind.Timestamp:
      return TypeId.Timestamp;
    case Kind.Duration:
      return TypeId.Duration;
    case Kind.List:
    case Kind.JsonList:
      return TypeId.List;
    case Kind.Type:
      return TypeId.Type;
    case Kind.Optional:
      return TypeId.Optional;
    case Kind.Ip:
      return TypeId.Ip;
    case Kind.Cidr:
      return TypeId.Cidr;
    default:
      return TypeId.Map;
  }
}

function boolOf(value: Value): Failure {
  const text = value.bits;
  const isTrue =
    equalsText(text, "1") ||
    equalsText(text, "t") ||
    equalsText(text, "T") ||
    equalsText(text, "true") ||
    equalsText(text, "TRUE") ||
    equalsText(text, "True");
  const isFalse =
    equalsText(text, "0") ||
    equalsText(text, "f") ||
    equalsText(text, "F") ||
    equalsText(text, "false") ||
    equalsText(text, "FALSE") ||
    equalsText(text, "False");
  if (!isTrue && !isFalse) return Failure.BadConversion;
  value.setBool(isTrue);
  return Failure.None;
}

function toDouble(value: Value): Failure {
  switch (value.kind) {
    case Kind.Double:
      return Failure.None;
    case Kind.Int:
      value.setDouble(value.int as f64);
      return Failure.None;
    case Kind.Uint:
      value.setDouble(value.bits as f64);
      return Failure.None;
    case Kind.String:
      return doubleOf(value);
    default:
      return Failure.NoSuchOverload;
  }
}

function doubleOf(value: Value): Failure {
  const text = value.bits;
  if (number.isDecimal(text)) {
    value.setDouble(number.parseDouble(text));
    return Number.isFinite(value.double) ? Failure.None : Failure.Overflow;
  }
  const signed =
    length(text) > 0 && (byteAtUnchecked(text, 0) == 0x2d || byteAtUnchecked(text, 0) == 0x2b);
  const word = signed ? sliceUnchecked(text, 1, length(text)) : text;
  const negative = signed && byteAtUnchecked(text, 0) == 0x2d;
  if (isWord(word, "infinity") || isWord(word, "inf")) {
    value.setDouble(negative ? -Infinity : Infinity);
  } else if (!signed && isWord(word, "nan")) {
    value.setDouble(NaN);
  } else {
    return Failure.BadConversion;
  }
  return Failure.None;
}

/** The same, whatever the case. */
function isWord(text: Span, word: string): bool {
  if (length(text) != word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if ((byteAtUnchecked(text, i) | 0x20) != (word.charCodeAt(i) as u8)) return false;
  }
  return true;
}

function toInt(value: Value): Failure {
  switch (value.kind) {
    case Kind.Int:
      return Failure.None;
    case Kind.Uint:
      if (value.bits > (i64.MAX_VALUE as u64)) return Failure.Overflow;
      value.kind = Kind.Int;
      return Failure.None;
    case Kind.Double: {
      const x = value.double;
      // Both ends are excluded, as the doubles there may have been integers beyond them.
      if (!(x > -9223372036854775808.0 && x < 9223372036854775808.0)) return Failure.Overflow;
      value.setInt(x as i64);
      return Failure.None;
    }
    case Kind.String: {
      const text = unsigned(value.bits);
      if (!parseInteger(text, value)) return Failure.BadConversion;
      return value.kind == Kind.Int ? Failure.None : Failure.Overflow;
    }
    case Kind.Timestamp:
      value.setInt(value.int);
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

/** Without a plus before digits. */
function unsigned(text: Span): Span {
  const n = length(text);
  const plus = n > 1 && byteAtUnchecked(text, 0) == 0x2b && byteAtUnchecked(text, 1) != 0x2d;
  return plus ? sliceUnchecked(text, 1, n) : text;
}

function toUint(value: Value): Failure {
  switch (value.kind) {
    case Kind.Uint:
      return Failure.None;
    case Kind.Int:
      if (value.int < 0) return Failure.Overflow;
      value.kind = Kind.Uint;
      return Failure.None;
    case Kind.Double: {
      const x = value.double;
      if (!(x >= 0 && x < 18446744073709551616.0)) return Failure.Overflow;
      value.set(Kind.Uint, x as u64);
      return Failure.None;
    }
    case Kind.String: {
      const text = value.bits;
      if (length(text) > 0 && byteAtUnchecked(text, 0) == 0x2d) return Failure.BadConversion;
      if (!parseInteger(text, value)) return Failure.BadConversion;
      value.kind = Kind.Uint;
      return Failure.None;
    }
    default:
      return Failure.NoSuchOverload;
  }
}

function toTimestamp(value: Value): Failure {
  switch (value.kind) {
    case Kind.Timestamp:
      return Failure.None;
    case Kind.Int: {
      const seconds = value.int;
      if (seconds < FIRST_SECOND || seconds > LAST_SECOND) return Failure.OutOfRange;
      value.setTimestamp(seconds, 0);
      return Failure.None;
    }
    case Kind.String:
      return time.parseTimestamp(value.bits, value);
    default:
      return Failure.NoSuchOverload;
  }
}

function toText(value: Value): Failure {
  switch (value.kind) {
    case Kind.String:
      return Failure.None;
    case Kind.Bytes:
      if (!utf8.isValid(value.bits)) return Failure.NotUtf8;
      value.kind = Kind.String;
      return Failure.None;
    case Kind.Bool:
    case Kind.Int:
    case Kind.Uint:
    case Kind.Double:
    case Kind.Timestamp:
    case Kind.Duration:
    case Kind.Ip:
    case Kind.Cidr:
      buffer.reset();
      writePlain(value, buffer);
      return take(value);
    default:
      return Failure.NoSuchOverload;
  }
}

/** The text of a value that is neither a container nor null. */
export function writePlain(value: Value, out: Writer): void {
  switch (value.kind) {
    case Kind.Bool:
      out.text(value.bits != 0 ? "true" : "false");
      break;
    case Kind.Int:
      out.integer(value.int);
      break;
    case Kind.Uint:
      writeUnsigned(value.bits, out);
      break;
    case Kind.Double:
      number.writeDouble(value.double, out);
      break;
    case Kind.String:
    case Kind.Bytes:
      out.span(value.bits);
      break;
    case Kind.Timestamp:
      utc.writeTime(value.int, value.aux, out);
      break;
    case Kind.Duration:
      utc.writeDuration(value.int, out);
      break;
    case Kind.Ip:
    case Kind.Cidr:
      network.write(value, out);
      break;
  }
}

export function writeUnsigned(value: u64, out: Writer): void {
  if (value > 9_999_999_999) out.integer((value / 10_000_000_000) as i64);
  if (value <= 9_999_999_999) {
    out.integer(value as i64);
    return;
  }
  // The lower ten digits, with their zeros.
  const low = value % 10_000_000_000;
  for (let unit: u64 = 1_000_000_000; unit > 0; unit /= 10) {
    out.byte((0x30 + ((low / unit) % 10)) as u32);
  }
}
