// The math extension.

import { charge } from "../budget";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { settle } from "../lazy";
import { compareNumbers, countOf, elementOf, Kind, Value } from "../value";
import { argument } from "./arguments";

export function call(fn: Fn, base: usize, n: i32): Failure {
  if (fn == Fn.Greatest || fn == Fn.Least) return extreme(fn == Fn.Greatest, base, n);
  const value = argument(base, 0);
  if (fn >= Fn.BitAnd) return bits(fn, value, argument(base, 1));
  if (fn == Fn.Abs) return magnitude(value);
  if (fn == Fn.Sign) return sign(value);
  if (fn == Fn.Sqrt) {
    if (!value.isNumber) return Failure.NoSuchOverload;
    value.setDouble(Math.sqrt(asDouble(value)));
    return Failure.None;
  }
  if (value.kind != Kind.Double) return Failure.NoSuchOverload;
  const x = value.double;
  switch (fn) {
    case Fn.Ceil:
      value.setDouble(Math.ceil(x));
      break;
    case Fn.Floor:
      value.setDouble(Math.floor(x));
      break;
    case Fn.Round: {
      // Halves go away from zero.
      const whole = Math.trunc(x);
      const up = Math.abs(x - whole) >= 0.5;
      value.setDouble(up ? whole + Math.sign(x) : whole);
      break;
    }
    case Fn.Trunc:
      value.setDouble(Math.trunc(x));
      break;
    case Fn.IsNaN:
      value.setBool(Number.isNaN(x));
      break;
    case Fn.IsInf:
      value.setBool(x == Infinity || x == -Infinity);
      break;
    default:
      value.setBool(Number.isFinite(x));
  }
  return Failure.None;
}

export function asDouble(value: Value): f64 {
  switch (value.kind) {
    case Kind.Int:
      return value.int as f64;
    case Kind.Uint:
      return value.bits as f64;
    default:
      return value.double;
  }
}

/** The first of the greatest, or of the least. */
function extreme(isGreatest: bool, base: usize, n: i32): Failure {
  const first = argument(base, 0);
  const wrong = settle(first);
  if (wrong != Failure.None) return wrong;
  const isList = n == 1 && first.kind == Kind.List;
  const count = isList ? countOf(first) : n;
  if (count == 0) return Failure.BadArgument;
  let best = isList ? elementOf(first, 0) : first;
  for (let i = 0; i < count; i++) {
    const one = isList ? elementOf(first, i) : argument(base, i);
    if (!one.isNumber) return Failure.NoSuchOverload;
    if (!charge(1)) return Failure.Budget;
    if (compareNumbers(one, best) == (isGreatest ? 1 : -1)) best = one;
  }
  first.copyFrom(best);
  return Failure.None;
}

function magnitude(value: Value): Failure {
  switch (value.kind) {
    case Kind.Int:
      if (value.int == i64.MIN_VALUE) return Failure.Overflow;
      if (value.int < 0) value.setInt(-value.int);
      return Failure.None;
    case Kind.Uint:
      return Failure.None;
    case Kind.Double:
      value.setDouble(Math.abs(value.double));
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function sign(value: Value): Failure {
  switch (value.kind) {
    case Kind.Int:
      value.setInt(value.int > 0 ? 1 : value.int < 0 ? -1 : 0);
      return Failure.None;
    case Kind.Uint:
      value.bits = value.bits > 0 ? 1 : 0;
      return Failure.None;
    case Kind.Double:
      value.setDouble(Math.sign(value.double));
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function bits(fn: Fn, value: Value, other: Value): Failure {
  if (value.kind != Kind.Int && value.kind != Kind.Uint) return Failure.NoSuchOverload;
  if (fn == Fn.BitNot) {
    value.bits = ~value.bits;
    return Failure.None;
  }
  if (fn >= Fn.BitShiftLeft) {
    if (other.kind != Kind.Int) return Failure.NoSuchOverload;
    const by = other.int;
    if (by < 0) return Failure.BadArgument;
    if (by > 63) value.bits = 0;
    else if (fn == Fn.BitShiftLeft) value.bits <<= by;
    else value.bits >>>= by; // no sign: the extension shifts zeros in
    return Failure.None;
  }
  if (other.kind != value.kind) return Failure.NoSuchOverload;
  if (fn == Fn.BitAnd) value.bits &= other.bits;
  else if (fn == Fn.BitOr) value.bits |= other.bits;
  else value.bits ^= other.bits;
  return Failure.None;
}
