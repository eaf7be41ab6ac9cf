// Checks a configuration against the shape of the rule language, as the generated table has it from
// the JSON Schema: types, keys, enums, bounds, one verb a step. Reports everything it finds. What
// passes can be decoded without asking for types again.

import { scratch } from "../abi/memory";
import { byteAtUnchecked, equal, length, NONE, Span, span } from "../bytes/span";
import { distance, toString } from "../bytes/text";
import { ALTERNATIVES, NAMES, NODES, PROPERTIES, VALUES } from "../generated/schema";
import { Kind, Tape } from "../json/tape";
import { Report } from "./report";

const enum Type {
  Object = 1,
  Array = 2,
  String = 4,
  Number = 8,
  Integer = 16,
  Boolean = 32,
  Null = 64,
}

// The twelve numbers of a node of the table.
const enum At {
  Types,
  OneVerb,
  Properties,
  PropertyCount,
  Additional,
  Items,
  Values,
  ValueCount,
  Alternatives,
  AlternativeCount,
  Least,
  Most,
}

const NODE_WIDTH: i32 = 12;
const FORBIDDEN: i32 = -1;
const ANYTHING: i32 = -2;
const REQUIRED: i32 = 1;
const VERB: i32 = 2;

function at(node: i32, field: At): i32 {
  return unchecked(NODES[node * NODE_WIDTH + field]);
}

/** A name of the table as a span over the static data. */
function name(offset: i32): Span {
  const base = changetype<usize>(NAMES) + offset;
  return span(base + 1, load<u8>(base));
}

/** A number as an integer: `5`, `5.0` and `5e0` are one (control planes send doubles).
 * NOT_INTEGER when it has a fraction or does not fit 53 bits. */
export const NOT_INTEGER: i64 = i64.MIN_VALUE;

export function integerOf(raw: Span): i64 {
  const n = length(raw);
  let i = 0;
  const isNegative = byteAtUnchecked(raw, 0) == 0x2d;
  if (isNegative) i++;
  let value: i64 = 0;
  let scale = 0;
  let inFraction = false;
  for (; i < n; i++) {
    const c = byteAtUnchecked(raw, i);
    if (c == 0x2e) {
      inFraction = true;
    } else if ((c | 0x20) == 0x65) {
      break;
    } else {
      if (value > 900719925474099) return NOT_INTEGER;
      value = value * 10 + (c as i64) - 0x30;
      if (inFraction) scale--;
    }
  }
  if (i < n) {
    i++;
    const isDown = byteAtUnchecked(raw, i) == 0x2d;
    if (isDown || byteAtUnchecked(raw, i) == 0x2b) i++;
    let exponent = 0;
    for (; i < n && exponent < 100; i++)
      exponent = exponent * 10 + (byteAtUnchecked(raw, i) as i32) - 0x30;
    scale += isDown ? -exponent : exponent;
  }
  for (; scale < 0 && value != 0; scale++) {
    if (value % 10 != 0) return NOT_INTEGER;
    value /= 10;
  }
  for (; scale > 0 && value != 0; scale--) {
    if (value > 900719925474099) return NOT_INTEGER;
    value *= 10;
  }
  return isNegative ? -value : value;
}

function typeOf(tape: Tape, i: i32): Type {
  switch (tape.kind(i)) {
    case Kind.Object:
      return Type.Object;
    case Kind.Array:
      return Type.Array;
    case Kind.String:
      return Type.String;
    case Kind.Number:
      return integerOf(tape.raw(i)) == NOT_INTEGER ? Type.Number : Type.Integer;
    case Kind.Null:
      return Type.Null;
  }
  return Type.Boolean;
}

function typeNames(types: i32): string {
  let text = "";
  if (types & Type.Object) text += " or a map";
  if (types & Type.Array) text += " or a list";
  if (types & Type.String) text += " or text";
  if (types & Type.Number) text += " or a number";
  else if (types & Type.Integer) text += " or an integer";
  if (types & Type.Boolean) text += " or true or false";
  if (types & Type.Null) text += " or null";
  return text.substring(4);
}

/** Reports what is wrong with value `i` of the tape, which should be as table node `node` says. The
 * recursion is as deep as the table's own shapes, and the tape is limited in depth. */
export function check(tape: Tape, i: i32, node: i32, report: Report): void {
  const type = typeOf(tape, i);
  const types = at(node, At.Types);
  if (!(types & type)) {
    report.add(i, "R201", -1, "expected " + typeNames(types) + ", found " + typeNames(type));
    return;
  }
  const alternatives = at(node, At.AlternativeCount);
  if (alternatives > 0) {
    const first = at(node, At.Alternatives);
    for (let k = 0; k < alternatives; k++) {
      const alternative = unchecked(ALTERNATIVES[first + k]) as i32;
      if (at(alternative, At.Types) & type) {
        check(tape, i, alternative, report);
        return;
      }
    }
  }
  if (at(node, At.ValueCount) > 0) checkValue(tape, i, node, report);
  switch (type) {
    case Type.Object:
      checkObject(tape, i, node, report);
      break;
    case Type.Array:
      checkArray(tape, i, node, report);
      break;
    case Type.String:
      if (at(node, At.Least) > 0 && length(tape.text(i, scratch)) < at(node, At.Least)) {
        report.add(i, "R206", -1, "must not be empty");
      }
      break;
    case Type.Integer:
      checkBounds(tape, i, node, report);
      break;
    case Type.Boolean:
      if (at(node, At.Least) == 1 && tape.kind(i) != Kind.True) {
        report.add(i, "R203", -1, "only true can stand here");
      }
      break;
  }
}

function checkBounds(tape: Tape, i: i32, node: i32, report: Report): void {
  if (at(node, At.ValueCount) > 0) return;
  const least = at(node, At.Least);
  const most = at(node, At.Most);
  const value = integerOf(tape.raw(i));
  if (value < least && (least != 0 || most != 0)) {
    report.add(i, "R204", -1, "must be at least " + least.toString());
  } else if (most != 0 && value > most) {
    report.add(i, "R204", -1, "must be at most " + most.toString());
  }
}

function checkValue(tape: Tape, i: i32, node: i32, report: Report): void {
  const first = at(node, At.Values);
  const n = at(node, At.ValueCount);
  const value = tape.kind(i) == Kind.String ? tape.text(i, scratch) : tape.raw(i);
  let list = "";
  for (let k = 0; k < n; k++) {
    const allowed = name(unchecked(VALUES[first + k]));
    if (equal(value, allowed)) return;
    if (tape.kind(i) == Kind.Number && integerOf(value) == integerOf(allowed)) return;
    list += (k == 0 ? "" : ", ") + toString(allowed);
  }
  report.add(i, "R203", -1, "must be one of " + list);
}

function checkArray(tape: Tape, i: i32, node: i32, report: Report): void {
  const n = tape.size(i);
  if (n < at(node, At.Least))
    report.add(i, "R206", -1, "needs at least " + at(node, At.Least).toString() + " items");
  const most = at(node, At.Most);
  if (most != 0 && n > most)
    report.add(i, "R204", -1, "at most " + most.toString() + " items can stand here");
  const items = at(node, At.Items);
  if (items == ANYTHING) return;
  const stop = tape.after(i);
  for (let child = tape.firstChild(i); child < stop; child = tape.after(child)) {
    check(tape, child, items, report);
  }
}

function checkObject(tape: Tape, i: i32, node: i32, report: Report): void {
  const first = at(node, At.Properties);
  const n = at(node, At.PropertyCount);
  const additional = at(node, At.Additional);
  const stop = tape.after(i);
  let seen: u64 = 0; // a bit for each property; the language has fewer than 64 to an object
  let members = 0;
  let verbs = 0;
  let hasUnknown = false;
  let verbNames = "";
  for (let key = tape.firstChild(i); key < stop; key = tape.after(key + 1)) {
    members++;
    const text = tape.text(key, scratch);
    const at = find(text, first, n);
    if (at < 0) {
      if (hasEarlier(tape, i, key, text)) {
        report.add(key, "R101", -1, 'the key "' + toString(text) + '" is there twice');
      }
      if (additional == FORBIDDEN) {
        hasUnknown = true;
        report.add(
          key,
          "R200",
          -1,
          'unknown key "' + toString(text) + '"' + nearest(text, first, n),
        );
      } else if (additional != ANYTHING) {
        check(tape, key + 1, additional, report);
      }
      continue;
    }
    const bit: u64 = (1 as u64) << at;
    if (seen & bit) report.add(key, "R101", -1, 'the key "' + toString(text) + '" is there twice');
    else if (unchecked(PROPERTIES[(first + at) * 3 + 2]) & VERB) {
      verbs++;
      verbNames += (verbs == 1 ? "" : " and ") + toString(text);
    }
    seen |= bit;
    check(tape, key + 1, unchecked(PROPERTIES[(first + at) * 3 + 1]) as i32, report);
  }
  for (let k = 0; k < n; k++) {
    const flags = unchecked(PROPERTIES[(first + k) * 3 + 2]);
    if (flags & REQUIRED && !(seen & ((1 as u64) << k))) {
      const missing = toString(name(unchecked(PROPERTIES[(first + k) * 3])));
      report.add(i, "R202", -1, 'the key "' + missing + '" is missing');
    }
  }
  if (at(node, At.OneVerb) && verbs != 1 && !hasUnknown) {
    const found = verbs == 0 ? "none" : verbNames;
    report.add(i, "R205", -1, "exactly one verb is expected here, found " + found);
  }
  if (members < at(node, At.Least)) report.add(i, "R206", -1, "must not be empty");
}

/** Index among the properties, or -1. */
function find(text: Span, first: i32, n: i32): i32 {
  for (let k = 0; k < n; k++) {
    if (equal(text, name(unchecked(PROPERTIES[(first + k) * 3])))) return k;
  }
  return -1;
}

/** Whether the object has the key before record `key` as well. Free-form maps of a rule are short;
 * very large ones are not searched, the last of equal keys counts. */
function hasEarlier(tape: Tape, object: i32, key: i32, text: Span): bool {
  if (key - object > 4096) return false;
  for (let other = tape.firstChild(object); other < key; other = tape.after(other + 1)) {
    if (tape.isText(other, text)) return true;
  }
  return false;
}

function nearest(text: Span, first: i32, n: i32): string {
  let best = NONE;
  let bestDistance = 3;
  for (let k = 0; k < n; k++) {
    const candidate = name(unchecked(PROPERTIES[(first + k) * 3]));
    const d = distance(text, candidate, 2);
    if (d < bestDistance && d * 2 < length(candidate)) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best == NONE ? "" : ', did you mean "' + toString(best) + '"?';
}
