// Decodes `store`, and finds the names of all such steps beforehand: a rule may read what a later one
// stores.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { equal, Span } from "../bytes/span";
import { copy, toString } from "../bytes/text";
import { Kind, NO_NODE, Tape } from "../json/tape";
import { isIdentifier } from "../rules/path-template";
import { Assignment, StoreStep } from "../steps/store";
import { spaceOfPlugin } from "../stream/space";
import { Stored } from "../stream/stored";
import { Context, memberOf } from "./context";
import { integerOf } from "./shape";

/** Names of a configuration. */
const MAX_NAMES: i32 = 64;
const DEFAULT_KEYS: i32 = 1000;

/** The name's record, or null. */
export function findStored(list: Stored[], name: Span): Stored | null {
  for (let i = 0; i < list.length; i++) {
    if (equal(list[i].name, name)) return list[i];
  }
  return null;
}

/** Adds the names of the step's value, an object, to the list. */
export function collectStored(tape: Tape, step: i32, list: Stored[], arena: Arena): void {
  const stop = tape.after(step);
  for (let key = tape.firstChild(step); key < stop; key = tape.after(key + 1)) {
    const name = tape.text(key, scratch);
    if (list.length < MAX_NAMES && findStored(list, name) == null)
      list.push(new Stored(copy(name, arena), spaceOfPlugin(), keysOf(tape, key + 1)));
  }
}

/** How many keys the name may have; 0 for a name without. */
function keysOf(tape: Tape, value: i32): i32 {
  if (tape.kind(value) != Kind.Object || memberOf(tape, value, "key") == NO_NODE) return 0;
  const most = memberOf(tape, value, "maxKeys");
  if (most == NO_NODE || tape.kind(most) != Kind.Number) return DEFAULT_KEYS;
  return clamp(integerOf(tape.raw(most)));
}

function clamp(n: i64): i32 {
  return max(1, min(n, 65536)) as i32;
}

export function decodeStore(context: Context, node: i32): StoreStep {
  const tape = context.tape;
  const list: Assignment[] = [];
  // A rule's last good version may store what today's document does not.
  collectStored(tape, node, context.names.stores, context.arena);
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    const assignment = decodeAssignment(context, key);
    if (assignment != null) list.push(assignment);
  }
  return new StoreStep(StaticArray.fromArray(list));
}

function decodeAssignment(context: Context, key: i32): Assignment | null {
  const tape = context.tape;
  const report = context.report;
  const name = tape.text(key, scratch);
  const node = key + 1;
  if (!isIdentifier(name)) report.add(key, "R301", -1, "a stored name is letters, digits and _");
  const stored = findStored(context.names.stores, name);
  if (stored == null) {
    report.add(key, "R204", -1, "the 65th stored name");
    return null;
  }
  const keys = keysOf(tape, node);
  if (keys != stored.maxKeys) {
    const other = stored.isKeyed ? stored.maxKeys.toString() + " keys" : "no key";
    report.add(key, "R311", -1, 'elsewhere "' + toString(name) + '" has ' + other);
  }
  const assignment = new Assignment(stored);
  if (tape.kind(node) != Kind.Object) {
    decodeValue(context, node, assignment);
    return assignment;
  }
  assignment.key = context.templateOr(node, "key");
  const most = context.member(node, "maxKeys");
  if (most != NO_NODE && keys == 0) report.add(most, "R311", -1, "maxKeys goes with key");
  const ttl = context.member(node, "ttl");
  if (ttl != NO_NODE) assignment.ttl = (context.duration(ttl) as u64) * 1000;
  decodeValue(context, context.member(node, "value"), assignment);
  return assignment;
}

function decodeValue(context: Context, node: i32, assignment: Assignment): void {
  const kind = context.tape.kind(node);
  if (kind == Kind.String) assignment.text = context.template(node);
  else if (kind != Kind.Null) assignment.json = context.jsonTemplate(node);
}
