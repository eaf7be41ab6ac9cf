// JSON Merge Patch (RFC 7396): null takes a member away, an object is merged into the object there (or
// takes the place of what is none), anything else takes the place of what is there.

import { NONE, Span } from "../bytes/span";
import * as document from "./document";
import { arena, firstChild, keyOf, nextChild, tape } from "./document";
import { hashText, sameText, step } from "./equal";
import { Path } from "./path";
import { Kind, NO_NODE } from "./tape";

/** From so many members on, in both, names are looked up in an index. */
const INDEX_FROM: i32 = 16;

/** Merges at a path of names: what is on the way and no object becomes one. */
export function mergeAt(path: Path, patch: i32): void {
  const size = path.size;
  let value = asObject(document.rootValue());
  for (let i = 0; i < size && value != NO_NODE; i++) {
    const selector = path.selector(i);
    const child = document.member(value, selector.name);
    if (i == size - 1) {
      mergeInto(value, child, selector.quoted, patch);
    } else if (child == NO_NODE) {
      const fresh = document.newObject();
      document.addMember(value, selector.quoted, fresh);
      value = fresh;
    } else {
      value = asObject(child);
    }
  }
  if (size == 0 && value != NO_NODE) mergeMembers(value, patch);
}

/** The value, or an empty object in its place. */
function asObject(value: i32): i32 {
  if (document.isObject(value)) return value;
  const fresh = document.newObject();
  document.replace(value, fresh);
  return fresh;
}

/** Merges into a member of `object`, whose value is `child` or NO_NODE; its value then, or NO_NODE. */
function mergeInto(object: i32, child: i32, quoted: Span, patch: i32): i32 {
  if (tape.kind(patch) == Kind.Null) {
    if (child != NO_NODE) document.remove(child);
    return NO_NODE;
  }
  const isMerged = document.isObject(patch);
  let value = child;
  if (!isMerged || child == NO_NODE || !document.isObject(child)) {
    value = isMerged ? document.newObject() : document.newValue(tape.raw(patch));
    if (value == NO_NODE) return NO_NODE;
    if (child == NO_NODE) document.addMember(object, quoted, value);
    else document.replace(child, value);
  }
  if (isMerged) mergeMembers(value, patch);
  return value;
}

/** As deep as the patch, which was parsed with a limit. */
function mergeMembers(object: i32, patch: i32): void {
  const mask = indexFor(object, patch);
  const table: usize = mask == 0 ? 0 : lastTable;
  for (let each = firstChild(patch); each != NO_NODE; each = nextChild(patch, each)) {
    const key = keyOf(each);
    let slot: usize = 0;
    let child = NO_NODE;
    if (table != 0) {
      slot = slotFor(table, mask, key);
      if (slot == 0) return;
      child = load<i32>(slot) - 1;
      if (child != NO_NODE && document.isGone(child)) child = NO_NODE;
    } else {
      const name = tape.text(key, arena);
      if (name == NONE) document.noteFailure();
      else child = document.member(object, name);
    }
    const value = mergeInto(object, child, tape.raw(key), each);
    if (slot != 0 && value != NO_NODE) store<i32>(slot, value + 1);
    if (document.failed) return;
  }
}

let lastTable: usize = 0;

/** An index of the members by name where there are many, in `lastTable`: a record and 1, or 0, in each
 * slot. Its mask, or 0 when there is none. */
function indexFor(object: i32, patch: i32): i32 {
  const n = document.countOf(object);
  const m = document.countOf(patch);
  if (n < INDEX_FROM || m < INDEX_FROM) return 0;
  const slots = 1 << (32 - clz((n + m) * 2 - 1));
  const table = arena.allocate(slots * 4);
  if (table == 0) {
    document.noteFailure();
    return 0;
  }
  memory.fill(table, 0, slots * 4);
  let child = firstChild(object);
  while (child != NO_NODE) {
    const after = nextChild(object, child);
    const slot = slotFor(table, slots - 1, keyOf(child));
    if (slot == 0) return 0;
    // The last of equal names counts.
    if (load<i32>(slot) != 0) document.remove(load<i32>(slot) - 1);
    store<i32>(slot, child + 1);
    child = after;
  }
  lastTable = table;
  return slots - 1;
}

/** The place for the name; 0 when the steps are used up, as names with one hash might. */
function slotFor(table: usize, mask: i32, key: i32): usize {
  let i = (hashText(key) as i32) & mask;
  while (true) {
    const slot = table + (i as usize) * 4;
    const value = load<i32>(slot);
    if (value == 0 || sameText(keyOf(value - 1), key)) return slot;
    if (!step(1)) return 0;
    i = (i + 1) & mask;
  }
}
