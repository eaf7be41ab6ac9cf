// The places of a document that a path names. They are a set: a place that several selectors name is
// there once, because an edit is of places. Each segment looks at each value once, so the time is in
// proportion to the document times the segments, whatever the path and the document.

import { Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as document from "./document";
import { firstChild, isArray, isObject, nextChild, SEEN, tape, WALKED } from "./document";
import { Path, Segment, Select, Selector } from "./path";
import { NO_NODE } from "./tape";

// Records, four bytes each.
let found: Writer = Writer.create();
let next: Writer = Writer.create();

/** How many places the last `select` has found. */
export function count(): i32 {
  return (found.size >> 2) as i32;
}

/** The value at one of them. */
export function at(i: i32): i32 {
  return load<i32>(found.base + i * 4);
}

/** Finds what the first `size` segments of the path name. `document.failed` may be set after. */
export function select(path: Path, size: i32): void {
  found.reset();
  push(found, document.rootValue());
  for (let i = 0; i < size; i++) {
    const segment = unchecked(path.segments[i]);
    next.reset();
    if (segment.descends) descend(segment);
    else for (let k = 0, n = count(); k < n; k++) chooseAll(segment, at(k));
    const spare = found;
    found = next;
    next = spare;
    if (segment.descends || segment.selectors.length > 1) forgetMarks(segment.descends);
  }
}

/** Gives back what many places took. */
export function finish(): void {
  found.reset();
  next.reset();
}

function push(list: Writer, value: i32): void {
  const place = list.reserve(4);
  if (place == 0) {
    document.noteFailure();
    return;
  }
  store<i32>(place, value);
  list.size += 4;
}

function forgetMarks(descended: bool): void {
  if (descended) {
    for (let i = 0, n = tape.count; i < n; i++) {
      const flags = tape.flags(i);
      if (flags & (SEEN | WALKED)) tape.setFlags(i, flags & ~(SEEN | WALKED));
    }
    return;
  }
  for (let k = 0, n = count(); k < n; k++) tape.setFlags(at(k), tape.flags(at(k)) & ~SEEN);
}

/** The places found and all that is in them, each once, in the order of the document. */
function descend(segment: Segment): void {
  for (let k = 0, n = count(); k < n; k++) {
    const top = at(k);
    let value = top;
    while (value != NO_NODE) {
      const isNew = (tape.flags(value) & WALKED) == 0;
      if (isNew) {
        tape.setFlags(value, tape.flags(value) | WALKED);
        chooseAll(segment, value);
      }
      value = following(value, top, isNew);
    }
  }
}

/** The value after this one on a walk through all that is in `top`; `inside`: what is in it first. */
function following(value: i32, top: i32, inside: bool): i32 {
  if (inside && (isObject(value) || isArray(value))) {
    const child = firstChild(value);
    if (child != NO_NODE) return child;
  }
  while (value != top) {
    const parent = document.parentOf(value);
    const sibling = nextChild(parent, value);
    if (sibling != NO_NODE) return sibling;
    value = parent;
  }
  return NO_NODE;
}

function chooseAll(segment: Segment, value: i32): void {
  const selectors = segment.selectors;
  const isSet = segment.descends || selectors.length > 1;
  for (let i = 0, n = selectors.length; i < n; i++) choose(unchecked(selectors[i]), value, isSet);
}

function choose(selector: Selector, value: i32, isSet: bool): void {
  switch (selector.kind) {
    case Select.Wildcard:
      if (isObject(value) || isArray(value)) chooseChildren(value, isSet);
      break;
    case Select.Slice:
      if (isArray(value)) chooseSlice(selector, value, isSet);
      break;
    default:
      add(child(selector, value), isSet);
  }
}

function add(value: i32, isSet: bool): void {
  if (value == NO_NODE) return;
  if (isSet) {
    const flags = tape.flags(value);
    if (flags & SEEN) return;
    tape.setFlags(value, flags | SEEN);
  }
  push(next, value);
}

/** The child that a name, index or token names, or NO_NODE. */
export function child(selector: Selector, value: i32): i32 {
  if (isObject(value)) {
    const name: Span = selector.name;
    return selector.isName ? document.member(value, name) : NO_NODE;
  }
  if (!isArray(value) || selector.kind == Select.Name) return NO_NODE;
  const isPointer = selector.kind == Select.Token;
  // Neither NO_INDEX nor PAST_END is an index of anything.
  return isPointer && selector.index < 0 ? NO_NODE : document.element(value, selector.index);
}

function chooseChildren(value: i32, isSet: bool): void {
  for (let child = firstChild(value); child != NO_NODE; child = nextChild(value, child))
    add(child, isSet);
}

/** RFC 9535 2.3.4.2.2. */
function chooseSlice(selector: Selector, array: i32, isSet: bool): void {
  const step = selector.step;
  if (step == 0) return;
  const n = document.countOf(array) as i64;
  const isForward = step > 0;
  let from: i64 = isForward ? 0 : n - 1;
  let to: i64 = isForward ? n : -1;
  if (selector.hasFrom) from = normal(selector.from, n, isForward);
  if (selector.hasTo) to = normal(selector.to, n, isForward);
  let i: i64 = 0;
  for (let child = firstChild(array); child != NO_NODE; child = nextChild(array, child)) {
    const isInside = isForward ? i >= from && i < to : i <= from && i > to;
    if (isInside && (isForward ? i - from : from - i) % abs(step) == 0) add(child, isSet);
    i++;
  }
}

/** The bound of a slice as a place among `n` elements, -1 or n. */
function normal(index: i64, n: i64, isForward: bool): i64 {
  const place = index < 0 ? n + index : index;
  return isForward ? min(max(place, 0), n) : min(max(place, -1), n - 1);
}
