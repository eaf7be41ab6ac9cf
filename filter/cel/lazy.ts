// Values that are read only where somebody looks: JSON arrays and objects, and maps of attributes.

import { length, Span } from "../bytes/span";
import { ALIKE, NO_NODE, REPEATED } from "../json/tape";
import { charge, chargeBytes, isSpent, READ_COST } from "./budget";
import { activation, heap } from "./context";
import { Failure } from "./failure";
import { doubt, Strictness, strictness } from "./strictness";
import {
  countOf,
  elementOf,
  insert,
  Kind,
  nodeOf,
  OPEN,
  OPEN_TO_LISTS,
  push,
  startList,
  startMap,
  tapeOf,
  VALUE_SIZE,
  Value,
  valueOf,
} from "./value";

/** Makes a lazy list or map one of values; their own containers stay lazy. What a lazy map does not have
 * is absent, and stays so. */
export function settle(value: Value): Failure {
  switch (value.kind) {
    case Kind.JsonList:
      return settleList(value);
    case Kind.JsonMap:
      return settleMap(value);
    case Kind.Fields: {
      const from = activation;
      if (from == null || !from.whole(value.bits as i32, value, heap)) return Failure.Memory;
      if (value.kind == Kind.Error) return value.aux as Failure;
      if (value.aux != OPEN_TO_LISTS) value.aux = OPEN;
      return Failure.None;
    }
    default:
      return Failure.None;
  }
}

function settleList(value: Value): Failure {
  const tape = tapeOf(value);
  const node = nodeOf(value);
  const n = tape.size(node);
  if (!startList(value, n, heap)) return Failure.Memory;
  const stop = tape.after(node);
  for (let child = tape.firstChild(node); child < stop; child = tape.after(child)) {
    const element = push(value);
    element.setJson(tape, child, heap);
    if (element.kind == Kind.Error) return element.aux as Failure;
  }
  return Failure.None;
}

function settleMap(value: Value): Failure {
  const tape = tapeOf(value);
  const node = nodeOf(value);
  const key = Value.at(heap.allocate(VALUE_SIZE));
  if (changetype<usize>(key) == 0) return Failure.Memory;
  if (!startMap(value, tape.size(node), heap)) return Failure.Memory;
  const stop = tape.after(node);
  for (let child = tape.firstChild(node); child < stop; child = tape.after(child + 1)) {
    key.setText(tape.text(child, heap));
    const place = insert(value, key);
    if (isSpent()) return Failure.Budget; // names made to collide
    if (place == null) return Failure.RepeatedKey; // which of the two counts, readers do not agree
    place.setJson(tape, child + 1, heap);
    if (place.kind == Kind.Error) return place.aux as Failure;
  }
  value.aux = OPEN;
  return Failure.None;
}

/** Makes the value, and all that is in it, independent of documents and attributes. */
export function settleAll(value: Value): Failure {
  // Values share parts: what is small to make may be large to walk through.
  if (!charge(1)) return Failure.Budget;
  if (value.kind == Kind.Error) return value.aux as Failure;
  let failure = settle(value);
  if (value.kind == Kind.List) {
    for (let i = 0, n = countOf(value); i < n && failure == Failure.None; i++) {
      failure = settleAll(elementOf(value, i));
    }
  } else if (value.kind == Kind.Map) {
    for (let i = 0, n = countOf(value); i < n && failure == Failure.None; i++) {
      failure = settleAll(valueOf(value, i));
    }
  } else if (value.kind == Kind.Optional && value.bits != 0) {
    failure = settleAll(Value.at(value.bits as usize));
  }
  return failure;
}

/** The member of a lazy map in `out`, absent when there is none; a failure, in `out` too, when it cannot
 * be told. */
export function readMember(map: Value, key: Span, out: Value): Failure {
  if (map.kind == Kind.Fields) {
    const from = activation;
    charge(READ_COST);
    if (from != null && chargeBytes(length(key))) from.member(map.bits as i32, key, out);
    else out.setAbsent();
    return failureOf(out);
  }
  const tape = tapeOf(map);
  charge(tape.size(nodeOf(map)));
  const isStrict = strictness != Strictness.None;
  let node = tape.onlyMember(nodeOf(map), key, isStrict);
  if (node == ALIKE && !doubt()) node = tape.onlyMember(nodeOf(map), key, false);
  if (node == NO_NODE) out.setAbsent();
  else if (node < 0) out.setFailure(node == REPEATED ? Failure.RepeatedKey : Failure.Ambiguous);
  else out.setJson(tape, node, heap);
  return failureOf(out);
}

/** The element of a lazy list, in the same way. */
export function readElement(list: Value, index: i32, out: Value): Failure {
  const tape = tapeOf(list);
  charge(index >> 4);
  const node = tape.element(nodeOf(list), index);
  if (node == NO_NODE) out.setAbsent();
  else out.setJson(tape, node, heap);
  return failureOf(out);
}

/** `value`, which was read, becomes whether it is there: what is there several times is, whatever it
 * says. */
export function presenceOf(value: Value): Failure {
  const wrong = failureOf(value);
  if (wrong != Failure.None && wrong != Failure.SeveralValues) return wrong;
  value.setBool(wrong != Failure.None || value.isThere);
  return Failure.None;
}

export function failureOf(value: Value): Failure {
  return value.kind == Kind.Error ? (value.aux as Failure) : Failure.None;
}
