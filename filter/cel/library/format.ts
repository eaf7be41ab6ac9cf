// "…".format([…]) of the strings extension: %s %d %f %e %x %X %o %b and %%, %.3f with a precision.

import * as ascii from "../../bytes/ascii";
import * as number from "../../bytes/number";
import { address, byteAtUnchecked, compare, length } from "../../bytes/span";
import { Writer } from "../../bytes/writer";
import { charge, chargeBytes } from "../budget";
import { TYPE_NAMES } from "../checker";
import { buffer } from "../context";
import { Failure } from "../failure";
import { settle } from "../lazy";
import { countOf, elementOf, Kind, keyOf, TypeId, Value, valueOf } from "../value";
import { take } from "./arguments";
import { writePlain } from "./convert";
import { asDouble } from "./maths";

const DEFAULT_PRECISION: i32 = 6;
const MAX_PRECISION: i32 = 100;
/** Units for each digit of %f and %e. */
const DIGIT_COST: u32 = 16;

export function format(value: Value, list: Value): Failure {
  const wrong = settle(list);
  if (wrong != Failure.None) return wrong;
  if (value.kind != Kind.String || list.kind != Kind.List) return Failure.NoSuchOverload;
  const text = value.bits;
  const n = length(text);
  buffer.reset();
  let next = 0;
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (c != 0x25) {
      buffer.byte(c);
      continue;
    }
    if (++i == n) return Failure.BadFormat;
    if (byteAtUnchecked(text, i) == 0x25) {
      buffer.byte(0x25);
      continue;
    }
    let precision = DEFAULT_PRECISION;
    if (byteAtUnchecked(text, i) == 0x2e) {
      const from = ++i;
      precision = 0;
      while (i < n && ascii.isDigit(byteAtUnchecked(text, i)) && precision <= MAX_PRECISION) {
        precision = precision * 10 + (byteAtUnchecked(text, i++) as i32) - 0x30;
      }
      if (i == from || i == n || precision > MAX_PRECISION) return Failure.BadFormat;
    }
    if (next == countOf(list)) return Failure.BadFormat;
    const failed = write(byteAtUnchecked(text, i), elementOf(list, next++), precision);
    if (failed != Failure.None) return failed;
    if (!charge(1)) return Failure.Budget;
  }
  return take(value);
}

function write(verb: u8, value: Value, precision: i32): Failure {
  switch (verb) {
    case 0x73: // s
      return writeAny(value, buffer);
    case 0x64: // d
      return writeDecimal(value);
    case 0x66: // f
    case 0x65: // e
      return writeDouble(verb == 0x66, value, precision);
    case 0x78: // x
    case 0x58: // X
      return writeHex(value, verb == 0x58);
    case 0x6f: // o
      return isWhole(value) ? writeDigits(value, 3, false) : Failure.BadFormat;
    case 0x62: // b
      if (value.kind == Kind.Bool) {
        buffer.byte(0x30 + (value.bits as u32));
        return Failure.None;
      }
      return isWhole(value) ? writeDigits(value, 1, false) : Failure.BadFormat;
    default:
      return Failure.BadFormat;
  }
}

function isWhole(value: Value): bool {
  return value.kind == Kind.Int || value.kind == Kind.Uint;
}

function writeDecimal(value: Value): Failure {
  return value.isNumber ? writeAny(value, buffer) : Failure.BadFormat;
}

function writeDouble(isFixed: bool, value: Value, precision: i32): Failure {
  if (!value.isNumber) return Failure.BadFormat;
  const before = buffer.size;
  if (isFixed) number.writeFixed(asDouble(value), precision, buffer);
  else number.writeExponent(asDouble(value), precision, buffer);
  // Exact digits take long to find.
  return charge(((buffer.size - before) * DIGIT_COST) as i32) ? Failure.None : Failure.Budget;
}

function writeHex(value: Value, upper: bool): Failure {
  if (isWhole(value)) return writeDigits(value, 4, upper);
  if (value.kind != Kind.String && value.kind != Kind.Bytes) return Failure.BadFormat;
  if (!chargeBytes(length(value.bits) * 8)) return Failure.Budget;
  for (let at = address(value.bits), stop = at + length(value.bits); at < stop; at++) {
    buffer.byte(hexDigit(load<u8>(at) >> 4, upper));
    buffer.byte(hexDigit(load<u8>(at) & 15, upper));
  }
  return Failure.None;
}

function hexDigit(digit: u32, upper: bool): u32 {
  return digit < 10 ? 0x30 + digit : (upper ? 0x37 : 0x57) + digit;
}

/** The digits of a whole number in base 1 << shift, with a sign. */
function writeDigits(value: Value, shift: i32, upper: bool): Failure {
  let magnitude = value.bits;
  if (value.kind == Kind.Int && value.int < 0) {
    buffer.byte(0x2d);
    magnitude = 0 - magnitude;
  }
  let places = 0;
  for (let rest = magnitude; rest > 0; rest >>= shift) places += shift;
  for (let at = max(places - shift, 0); at >= 0; at -= shift) {
    buffer.byte(hexDigit(((magnitude >> at) & ((1 << shift) - 1)) as u32, upper));
  }
  return Failure.None;
}

/** As `%s` writes it: lists and maps too, the keys of maps in order. */
export function writeAny(value: Value, out: Writer): Failure {
  const wrong = settle(value);
  if (wrong != Failure.None) return wrong;
  if (!charge(1)) return Failure.Budget;
  switch (value.kind) {
    case Kind.Null:
      out.text("null");
      return Failure.None;
    case Kind.Type:
      out.text(TYPE_NAMES[value.bits as TypeId]);
      return Failure.None;
    case Kind.List:
      return writeList(value, out);
    case Kind.Map:
      return writeMap(value, out);
    case Kind.Optional:
      return Failure.BadFormat;
    case Kind.Double:
      number.writePlainDouble(value.double, out);
      return Failure.None;
    case Kind.String:
    case Kind.Bytes:
      if (!chargeBytes(length(value.bits))) return Failure.Budget;
      out.span(value.bits);
      return Failure.None;
    default:
      writePlain(value, out);
      return Failure.None;
  }
}

function writeList(list: Value, out: Writer): Failure {
  out.byte(0x5b);
  for (let i = 0, n = countOf(list); i < n; i++) {
    if (i > 0) out.text(", ");
    const wrong = writeAny(elementOf(list, i), out);
    if (wrong != Failure.None) return wrong;
  }
  out.byte(0x5d);
  return Failure.None;
}

function writeMap(map: Value, out: Writer): Failure {
  out.byte(0x7b);
  let last = -1;
  for (let n = countOf(map), i = 0; i < n; i++) {
    const next = following(map, last);
    if (next < 0) return Failure.Budget;
    if (i > 0) out.text(", ");
    let wrong = writeAny(keyOf(map, next), out);
    if (wrong != Failure.None) return wrong;
    out.text(": ");
    wrong = writeAny(valueOf(map, next), out);
    if (wrong != Failure.None) return wrong;
    last = next;
  }
  out.byte(0x7d);
  return Failure.None;
}

const one = Writer.create();
const other = Writer.create();

/** The entry whose key has the next greater text; -1 when the budget is used up. */
function following(map: Value, last: i32): i32 {
  let best = -1;
  for (let i = 0, n = countOf(map); i < n; i++) {
    if (!charge(1)) return -1;
    if (last >= 0 && orderOf(keyOf(map, i), keyOf(map, last)) <= 0) continue;
    if (best < 0 || orderOf(keyOf(map, i), keyOf(map, best)) < 0) best = i;
  }
  return best;
}

function orderOf(a: Value, b: Value): i32 {
  if (a.kind == Kind.String && b.kind == Kind.String) return compare(a.bits, b.bits);
  one.reset();
  other.reset();
  writePlain(a, one);
  writePlain(b, other);
  const order = compare(one.view(), other.view());
  // 1 and 1u cannot be in one map; "1" and 1 can.
  return order != 0 ? order : (a.kind as i32) - (b.kind as i32);
}
