// Exposes lists of fields to the test of what their edits cost. Not part of the product.

import { Arena } from "../bytes/arena";
import { NONE, Span } from "../bytes/span";
import { fromString } from "../bytes/text";
import { work } from "../bytes/work";
import { FieldList } from "../http/field-list";
import { By, ordered } from "../http/field-order";

const arena = Arena.create();
const list = new FieldList(arena);

export function allocate(n: i32): usize {
  return arena.allocate(n + 1);
}

/** Records looked at or moved so far (bytes/work.ts). */
export function workDone(): i64 {
  return work;
}

/** A list of `n` fields: of one name, or each of its own. */
export function fill(n: i32, isOneName: bool): void {
  arena.reset();
  list.clear(arena);
  for (let i = 0; i < n; i++) list.push(isOneName ? text("a") : number(i), number(i % 7), NONE);
}

function text(value: string): Span {
  return fromString(value, arena);
}

function number(i: i32): Span {
  return fromString(i.toString(), arena);
}

export function count(): i32 {
  return list.count;
}

export function set(): void {
  list.set(text("a"), text("x"));
}

export function remove(): void {
  list.remove(text("a"));
}

/** As edits by name patterns do: all that is of no use goes. */
export function discardAll(): void {
  for (let i = 0; i < list.count; i++) list.discard(i);
  list.sweep();
}

/** All fields become `b`; those that were `b` go. */
export function rename(): void {
  for (let i = 0; i < list.count; i += 2) list.markRenamed(i, text("b"));
  list.makeRoomFor(text("a"));
  list.applyRenames();
}

export function order(isByName: bool): void {
  ordered(list, isByName ? By.Name : By.Value, arena);
}
