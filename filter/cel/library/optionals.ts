// Optionals: a value or none.

import { length } from "../../bytes/span";
import { heap } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { settle } from "../lazy";
import { countOf, elementOf, Kind, push, setOptional, startList, Value } from "../value";
import { argument } from "./arguments";

export function call(fn: Fn, base: usize): Failure {
  const value = argument(base, 0);
  switch (fn) {
    case Fn.OptionalNone:
      value.set(Kind.Optional, 0);
      return Failure.None;
    case Fn.OptionalOfNonZero:
      if (isZero(value)) {
        value.set(Kind.Optional, 0);
        return Failure.None;
      }
      return setOptional(value, value, heap) ? Failure.None : Failure.Memory;
    case Fn.OptionalOf:
      return setOptional(value, value, heap) ? Failure.None : Failure.Memory;
    case Fn.HasValue:
      if (value.kind != Kind.Optional) return Failure.NoSuchOverload;
      value.setBool(value.bits != 0);
      return Failure.None;
    case Fn.OptionalValue:
      if (value.kind != Kind.Optional) return Failure.NoSuchOverload;
      if (value.bits == 0) return Failure.NoValue;
      value.copyFrom(Value.at(value.bits as usize));
      return Failure.None;
    default:
      return unwrap(value);
  }
}

/** The default of its type: false, 0, "", an empty list, null. */
function isZero(value: Value): bool {
  settle(value);
  switch (value.kind) {
    case Kind.Null:
      return true;
    case Kind.Double:
      return value.double == 0;
    case Kind.String:
    case Kind.Bytes:
      return length(value.bits) == 0;
    case Kind.List:
    case Kind.Map:
      return countOf(value) == 0;
    case Kind.Timestamp:
      return value.bits == 0 && value.aux == 0;
    case Kind.Bool:
    case Kind.Int:
    case Kind.Uint:
    case Kind.Duration:
    case Kind.Optional:
      return value.bits == 0;
    default:
      return false;
  }
}

/** A list of optionals becomes the list of their values. */
function unwrap(value: Value): Failure {
  settle(value);
  if (value.kind != Kind.List) return Failure.NoSuchOverload;
  const list = Value.at(heap.allocate(16));
  if (changetype<usize>(list) == 0) return Failure.Memory;
  list.copyFrom(value);
  if (!startList(value, countOf(list), heap)) return Failure.Memory;
  for (let i = 0, n = countOf(list); i < n; i++) {
    const element = elementOf(list, i);
    if (element.kind != Kind.Optional) return Failure.NoSuchOverload;
    if (element.bits != 0) push(value).copyFrom(Value.at(element.bits as usize));
  }
  return Failure.None;
}
