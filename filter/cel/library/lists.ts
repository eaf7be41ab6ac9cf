// Functions on lists, and sets, which are lists whose order and repetitions do not count.

import { length } from "../../bytes/span";
import { charge, chargeBytes, isSpent } from "../budget";
import { heap } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { settle, settleAll } from "../lazy";
import {
  compare,
  countOf,
  elementOf,
  equals,
  Kind,
  push,
  setOptional,
  startList,
  UNORDERED,
  Value,
} from "../value";
import { argument, isInt } from "./arguments";
import * as strings from "./strings";

export function size(value: Value): Failure {
  const wrong = settle(value);
  if (wrong != Failure.None) return wrong;
  switch (value.kind) {
    case Kind.String:
      if (!chargeBytes(length(value.bits))) return Failure.Budget;
      value.setInt(strings.size(value.bits));
      return Failure.None;
    case Kind.Bytes:
      value.setInt(length(value.bits));
      return Failure.None;
    case Kind.List:
    case Kind.Map:
      value.setInt(countOf(value));
      return Failure.None;
    default:
      return Failure.NoSuchOverload;
  }
}

export function reverse(value: Value): Failure {
  if (value.kind == Kind.String) return strings.reversed(value);
  const list = source(value);
  if (list.kind != Kind.List) return Failure.NoSuchOverload;
  const n = countOf(list);
  if (!startList(value, n, heap)) return memoryOrBudget();
  for (let i = n - 1; i >= 0; i--) push(value).copyFrom(elementOf(list, i));
  return Failure.None;
}

const kept = Value.create();

/** The value, settled, kept aside so that its place can take the result. */
function source(value: Value): Value {
  settle(value);
  kept.copyFrom(value);
  return kept;
}

function memoryOrBudget(): Failure {
  return isSpent() ? Failure.Budget : Failure.Memory;
}

export function call(fn: Fn, base: usize, n: i32): Failure {
  const value = argument(base, 0);
  if (fn == Fn.Range) return range(value);
  if (fn >= Fn.SetsContains) return sets(fn, value, argument(base, 1));
  const list = source(value);
  if (list.kind != Kind.List) return Failure.NoSuchOverload;
  switch (fn) {
    case Fn.Distinct:
      return distinct(list, value);
    case Fn.Flatten:
      return flatten(list, value, base, n);
    case Fn.Slice:
      return slice(list, value, base);
    case Fn.Sort:
      return sort(list, list, value);
    case Fn.SortByKeys:
      return sort(list, argument(base, 1), value);
    default:
      return end(fn, list, value);
  }
}

function range(value: Value): Failure {
  if (value.kind != Kind.Int) return Failure.NoSuchOverload;
  const n = value.int;
  if (n > (i32.MAX_VALUE as i64)) return Failure.Budget;
  const count = n < 0 ? 0 : (n as i32);
  if (!startList(value, count, heap)) return memoryOrBudget();
  for (let i = 0; i < count; i++) push(value).setInt(i);
  return Failure.None;
}

function end(fn: Fn, list: Value, value: Value): Failure {
  const n = countOf(list);
  if (n == 0) {
    value.set(Kind.Optional, 0);
    return Failure.None;
  }
  const element = elementOf(list, fn == Fn.First ? 0 : n - 1);
  return setOptional(value, element, heap) ? Failure.None : Failure.Memory;
}

function distinct(list: Value, value: Value): Failure {
  const wrong = settleAll(list);
  if (wrong != Failure.None) return wrong;
  const n = countOf(list);
  if (!startList(value, n, heap)) return memoryOrBudget();
  for (let i = 0; i < n; i++) {
    const element = elementOf(list, i);
    if (!holds(value, element)) push(value).copyFrom(element);
    if (isSpent()) return Failure.Budget;
  }
  return Failure.None;
}

function holds(list: Value, element: Value): bool {
  for (let i = 0, n = countOf(list); i < n; i++) {
    if (!charge(1)) return false;
    if (equals(elementOf(list, i), element)) return true;
  }
  return false;
}

function flatten(list: Value, value: Value, base: usize, n: i32): Failure {
  let levels: i64 = 1;
  if (n == 2) {
    if (!isInt(base, 1)) return Failure.NoSuchOverload;
    levels = argument(base, 1).int;
  }
  if (levels < 0) return Failure.BadArgument;
  const total = flatSize(list, levels);
  if (total < 0) return Failure.Budget;
  if (!startList(value, total, heap)) return memoryOrBudget();
  flattenInto(list, levels, value);
  return Failure.None;
}

/** Elements after flattening, or -1 when there are too many. Recursion is as deep as the value. */
function flatSize(list: Value, levels: i64): i32 {
  let total = 0;
  for (let i = 0, n = countOf(list); i < n; i++) {
    const element = elementOf(list, i);
    if (levels > 0) settle(element);
    const more = levels > 0 && element.kind == Kind.List ? flatSize(element, levels - 1) : 1;
    if (more < 0 || !charge(1)) return -1;
    total += more;
  }
  return total;
}

function flattenInto(list: Value, levels: i64, out: Value): void {
  for (let i = 0, n = countOf(list); i < n; i++) {
    const element = elementOf(list, i);
    if (levels > 0 && element.kind == Kind.List) flattenInto(element, levels - 1, out);
    else push(out).copyFrom(element);
  }
}

function slice(list: Value, value: Value, base: usize): Failure {
  if (!isInt(base, 1) || !isInt(base, 2)) return Failure.NoSuchOverload;
  const from = argument(base, 1).int;
  const to = argument(base, 2).int;
  if (from < 0 || to < from || to > (countOf(list) as i64)) return Failure.IndexOutOfRange;
  if (!startList(value, (to - from) as i32, heap)) return memoryOrBudget();
  for (let i = from as i32; (i as i64) < to; i++) push(value).copyFrom(elementOf(list, i));
  return Failure.None;
}

// ---- sorting

/** The elements in the order of their keys; stable. A merge sort from the bottom up. */
function sort(list: Value, keys: Value, value: Value): Failure {
  const n = countOf(list);
  for (let i = 0; i < n; i++) {
    if (!isSortable(elementOf(keys, i), elementOf(keys, 0))) return Failure.NoSuchOverload;
  }
  let order = heap.allocate(n * 4);
  let other = heap.allocate(n * 4);
  if (order == 0 || other == 0) return Failure.Memory;
  for (let i = 0; i < n; i++) store<i32>(order + i * 4, i);
  for (let width = 1; width < n; width *= 2) {
    if (!charge(n)) return Failure.Budget;
    for (let from = 0; from < n && !isSpent(); from += 2 * width) {
      mergeRuns(keys, order, other, from, min(from + width, n), min(from + 2 * width, n));
    }
    const swap = order;
    order = other;
    other = swap;
  }
  const from = list.bits;
  if (!startList(value, n, heap)) return memoryOrBudget();
  kept.set(Kind.List, from);
  for (let i = 0; i < n; i++) push(value).copyFrom(elementOf(kept, load<i32>(order + i * 4)));
  return Failure.None;
}

function isSortable(value: Value, first: Value): bool {
  switch (value.kind) {
    case Kind.Bool:
    case Kind.Int:
    case Kind.Uint:
    case Kind.Double:
    case Kind.String:
    case Kind.Bytes:
    case Kind.Timestamp:
    case Kind.Duration:
      return value.kind == first.kind;
    default:
      return false;
  }
}

function mergeRuns(keys: Value, from: usize, to: usize, start: i32, middle: i32, stop: i32): void {
  let left = start;
  let right = middle;
  for (let i = start; i < stop; i++) {
    let useLeft = left < middle;
    // Without budget it only has to end.
    if (useLeft && right < stop && !isSpent()) {
      const a = elementOf(keys, load<i32>(from + left * 4));
      const b = elementOf(keys, load<i32>(from + right * 4));
      const order = compare(a, b);
      useLeft = order <= 0 || order == UNORDERED;
    }
    store<i32>(to + i * 4, load<i32>(from + (useLeft ? left++ : right++) * 4));
  }
}

// ---- sets

function sets(fn: Fn, a: Value, b: Value): Failure {
  let wrong = settleAll(a);
  if (wrong == Failure.None) wrong = settleAll(b);
  if (wrong != Failure.None) return wrong;
  if (a.kind != Kind.List || b.kind != Kind.List) return Failure.NoSuchOverload;
  let answer = false;
  if (fn == Fn.SetsIntersects) answer = shares(a, b);
  else answer = covers(a, b) && (fn == Fn.SetsContains || covers(b, a));
  a.setBool(answer);
  return isSpent() ? Failure.Budget : Failure.None;
}

/** Whether each of `b` is in `a`. */
function covers(a: Value, b: Value): bool {
  for (let i = 0, n = countOf(b); i < n; i++) {
    if (!holds(a, elementOf(b, i))) return false;
  }
  return true;
}

function shares(a: Value, b: Value): bool {
  for (let i = 0, n = countOf(b); i < n; i++) {
    if (holds(a, elementOf(b, i))) return true;
  }
  return false;
}
