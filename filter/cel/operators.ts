// Arithmetic, comparison and membership (CEL specification, "Standard Definitions"). `left` becomes the
// result. Integers do not wrap: what does not fit is an error.

import { address, length, move, span } from "../bytes/span";
import { charge, chargeBytes, isSpent } from "./budget";
import { heap } from "./context";
import { Failure } from "./failure";
import { Fn } from "./functions";
import { presenceOf, readMember, settle, settleAll } from "./lazy";
import {
  compare,
  countOf,
  elementOf,
  equals,
  find,
  HEADER_SIZE,
  isKey,
  Kind,
  ordered,
  startList,
  VALUE_SIZE,
  Value,
} from "./value";

/** What `asIndex` answers for something that is no index. */
export const NO_INDEX: i64 = i64.MIN_VALUE;

/** The index that a number means; doubles too, where they are whole. */
export function asIndex(value: Value): i64 {
  switch (value.kind) {
    case Kind.Int:
      return value.int;
    case Kind.Uint:
      return value.bits > (i64.MAX_VALUE as u64) ? i64.MAX_VALUE : value.int;
    case Kind.Double: {
      const whole = Math.trunc(value.double);
      return whole == value.double && abs(whole) < 9e18 ? (whole as i64) : NO_INDEX;
    }
    default:
      return NO_INDEX;
  }
}

export function negate(value: Value): Failure {
  if (value.kind == Kind.Int) {
    if (value.int == i64.MIN_VALUE) return Failure.Overflow;
    value.setInt(-value.int);
    return Failure.None;
  }
  if (value.kind != Kind.Double) return Failure.NoSuchOverload;
  value.setDouble(-value.double);
  return Failure.None;
}

export function apply(fn: Fn, left: Value, right: Value): Failure {
  switch (fn) {
    case Fn.Equal:
    case Fn.NotEqual:
      return equality(fn == Fn.Equal, left, right);
    case Fn.Less:
    case Fn.LessOrEqual:
    case Fn.Greater:
    case Fn.GreaterOrEqual:
      return comparison(fn, left, right);
    case Fn.In:
      return membership(left, right);
    case Fn.Add:
      return add(left, right);
    case Fn.Subtract:
      return subtract(left, right);
    default:
      return arithmetic(fn, left, right);
  }
}

function equality(wanted: bool, left: Value, right: Value): Failure {
  if (left.kind >= Kind.List || right.kind >= Kind.List) {
    let wrong = settleAll(left);
    if (wrong == Failure.None) wrong = settleAll(right);
    if (wrong != Failure.None) return wrong;
  }
  left.setBool(equals(left, right) == wanted);
  return isSpent() ? Failure.Budget : Failure.None;
}

function comparison(fn: Fn, left: Value, right: Value): Failure {
  const order = compare(left, right);
  if (!ordered) return Failure.NoSuchOverload;
  let answer = false;
  switch (fn) {
    case Fn.Less:
      answer = order == -1;
      break;
    case Fn.LessOrEqual:
      answer = order <= 0;
      break;
    case Fn.Greater:
      answer = order == 1;
      break;
    default:
      answer = order == 0 || order == 1;
  }
  left.setBool(answer);
  return isSpent() ? Failure.Budget : Failure.None;
}

function membership(left: Value, right: Value): Failure {
  switch (right.kind) {
    case Kind.Map:
      // A value that cannot be a key is in no map.
      left.setBool((isKey(left) || left.kind == Kind.Double) && find(right, left) >= 0);
      return isSpent() ? Failure.Budget : Failure.None;
    case Kind.JsonMap:
    case Kind.Fields:
      if (left.kind == Kind.String) {
        readMember(right, left.bits, left);
        return presenceOf(left);
      }
      left.setBool(false);
      return Failure.None;
    case Kind.List:
    case Kind.JsonList:
      return isElement(left, right);
    case Kind.Null:
      // Nothing is in what is not there.
      if (!right.isAbsent) return Failure.NoSuchOverload;
      left.setBool(false);
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function isElement(left: Value, list: Value): Failure {
  let wrong = settle(list);
  if (wrong == Failure.None && left.kind >= Kind.List) {
    wrong = settleAll(list);
    if (wrong == Failure.None) wrong = settleAll(left);
  }
  if (wrong != Failure.None) return wrong;
  const n = countOf(list);
  const i = indexOf(list, n, left);
  left.setBool(i < n);
  // Charged afterwards: making the list was charged for as much.
  return charge(i + 1) ? Failure.None : Failure.Budget;
}

/** Where the value is among the first `n` elements; `n` when it is not. */
function indexOf(list: Value, n: i32, value: Value): i32 {
  const isText = value.kind == Kind.String;
  const size = length(value.bits);
  let at = changetype<usize>(elementOf(list, 0));
  for (let i = 0; i < n; i++, at += VALUE_SIZE) {
    const element = Value.at(at);
    // Text of another length takes no call; what is no text is not equal whatever its bits are.
    if (isText && length(element.bits) != size) continue;
    if (equals(value, element)) return i;
  }
  return n;
}

// ---- arithmetic

function add(left: Value, right: Value): Failure {
  const kind = left.kind;
  if (kind == right.kind) {
    switch (kind) {
      case Kind.Int:
      case Kind.Duration: {
        const a = left.int;
        const b = right.int;
        const sum = a + b;
        // Only two of one sign can make the other.
        if (((a ^ sum) & (b ^ sum)) < 0) return overflow(kind);
        left.set(kind, sum);
        return Failure.None;
      }
      case Kind.Uint: {
        const sum = left.bits + right.bits;
        if (sum < left.bits) return Failure.Overflow;
        left.bits = sum;
        return Failure.None;
      }
      case Kind.Double:
        left.setDouble(left.double + right.double);
        return Failure.None;
      case Kind.String:
      case Kind.Bytes:
        return concatenate(left, right);
    }
  }
  if (kind == Kind.Timestamp && right.kind == Kind.Duration) return shift(left, right.int, left);
  if (kind == Kind.Duration && right.kind == Kind.Timestamp) return shift(right, left.int, left);
  const wrong = bothLists(left, right);
  return wrong == Failure.None ? joinLists(left, right) : wrong;
}

function overflow(kind: Kind): Failure {
  return kind == Kind.Duration ? Failure.OutOfRange : Failure.Overflow;
}

function concatenate(left: Value, right: Value): Failure {
  const n = length(left.bits);
  const m = length(right.bits);
  if (m == 0) return Failure.None;
  if ((n as i64) + (m as i64) > (i32.MAX_VALUE as i64) || !chargeBytes(n + m))
    return Failure.Budget;
  const base = heap.allocate(n + m);
  if (base == 0) return Failure.Memory;
  move(base, address(left.bits), n);
  move(base + n, address(right.bits), m);
  left.bits = span(base, n + m);
  return Failure.None;
}

function bothLists(left: Value, right: Value): Failure {
  const wrong = settle(left);
  if (wrong != Failure.None) return wrong;
  const other = settle(right);
  if (other != Failure.None) return other;
  return left.kind == Kind.List && right.kind == Kind.List ? Failure.None : Failure.NoSuchOverload;
}

function joinLists(left: Value, right: Value): Failure {
  const n = countOf(left);
  const m = countOf(right);
  if (m == 0) return Failure.None;
  const first = left.bits as usize;
  if (!startList(left, n + m, heap)) return isSpent() ? Failure.Budget : Failure.Memory;
  const base = (left.bits as usize) + HEADER_SIZE;
  memory.copy(base, first + HEADER_SIZE, n * VALUE_SIZE);
  memory.copy(base + n * VALUE_SIZE, (right.bits as usize) + HEADER_SIZE, m * VALUE_SIZE);
  store<i32>(left.bits as usize, n + m);
  return Failure.None;
}

function subtract(left: Value, right: Value): Failure {
  const kind = left.kind;
  if (kind == right.kind) {
    switch (kind) {
      case Kind.Int:
      case Kind.Duration: {
        const a = left.int;
        const b = right.int;
        const difference = a - b;
        if (((a ^ b) & (a ^ difference)) < 0) return overflow(kind);
        left.set(kind, difference);
        return Failure.None;
      }
      case Kind.Uint:
        if (right.bits > left.bits) return Failure.Overflow;
        left.bits -= right.bits;
        return Failure.None;
      case Kind.Double:
        left.setDouble(left.double - right.double);
        return Failure.None;
      case Kind.Timestamp:
        return between(left, right);
    }
  }
  if (kind == Kind.Timestamp && right.kind == Kind.Duration) {
    if (right.int == i64.MIN_VALUE) return Failure.OutOfRange;
    return shift(left, -right.int, left);
  }
  return Failure.NoSuchOverload;
}

const SECOND: i64 = 1_000_000_000;
/** The first and the last second of the years 1 to 9999. */
export const FIRST_SECOND: i64 = -62135596800;
export const LAST_SECOND: i64 = 253402300799;

function shift(time: Value, nanoseconds: i64, out: Value): Failure {
  let seconds = time.int + nanoseconds / SECOND;
  let rest = (time.aux as i64) + (nanoseconds % SECOND);
  if (rest < 0) {
    rest += SECOND;
    seconds--;
  } else if (rest >= SECOND) {
    rest -= SECOND;
    seconds++;
  }
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND) return Failure.OutOfRange;
  out.setTimestamp(seconds, rest as u32);
  return Failure.None;
}

function between(left: Value, right: Value): Failure {
  const seconds = left.int - right.int;
  const rest = (left.aux as i64) - (right.aux as i64);
  // A duration holds some 292 years.
  if (abs(seconds) > 9223372035) return Failure.OutOfRange;
  left.set(Kind.Duration, seconds * SECOND + rest);
  left.aux = 0;
  return Failure.None;
}

function arithmetic(fn: Fn, left: Value, right: Value): Failure {
  if (left.kind != right.kind) return Failure.NoSuchOverload;
  switch (left.kind) {
    case Kind.Int:
      return ofInts(fn, left, right.int);
    case Kind.Uint:
      return ofUints(fn, left, right.bits);
    case Kind.Double:
      if (fn == Fn.Multiply) left.setDouble(left.double * right.double);
      else if (fn == Fn.Divide) left.setDouble(left.double / right.double);
      else return Failure.NoSuchOverload;
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

function ofInts(fn: Fn, left: Value, b: i64): Failure {
  const a = left.int;
  if (fn == Fn.Multiply) {
    if (a == 0 || b == 0) {
      left.setInt(0);
      return Failure.None;
    }
    if ((a == -1 && b == i64.MIN_VALUE) || (b == -1 && a == i64.MIN_VALUE)) return Failure.Overflow;
    const product = a * b;
    if (product / b != a) return Failure.Overflow;
    left.setInt(product);
    return Failure.None;
  }
  if (b == 0) return Failure.DivideByZero;
  if (a == i64.MIN_VALUE && b == -1) return Failure.Overflow;
  left.setInt(fn == Fn.Divide ? a / b : a % b);
  return Failure.None;
}

function ofUints(fn: Fn, left: Value, b: u64): Failure {
  const a = left.bits;
  if (fn == Fn.Multiply) {
    if (a != 0 && b > u64.MAX_VALUE / a) return Failure.Overflow;
    left.bits = a * b;
    return Failure.None;
  }
  if (b == 0) return Failure.DivideByZero;
  left.bits = fn == Fn.Divide ? a / b : a % b;
  return Failure.None;
}
