// An ordered list of named values with several values to a name allowed: the form in which headers,
// query parameters and cookies are edited. Records live in an arena; the list object is reused.
//
// Edits go through `set`, `add`, `remove`, `discard` and `sweep`, or change records in place and then call
// `rewritten`; a list that stands for something elsewhere (the host's header map) carries them over there.
//
// Whoever sends a message decides how many fields it has: no edit costs more than its passes over the
// list, so what is to go is marked first and goes in one pass.

import { Arena } from "../bytes/arena";
import { equal, NONE, Span } from "../bytes/span";
import { spend } from "../bytes/work";

/** What a search answers when there is nothing. */
export const MISSING: i32 = -1;

@unmanaged
@final
class Field {
  name: Span;
  value: Span;
  raw: Span; // how it was written, name and value; NONE once edited
  renamed: Span; // the name it is about to get, NONE, or DROPPED
}

/** In place of a name: the field is about to go. */
const DROPPED: Span = u64.MAX_VALUE;

const FIELD_SIZE: i32 = offsetof<Field>() as i32;

export class FieldList {
  count: i32 = 0;
  protected arena: Arena;
  private base: usize = 0;
  private capacity: i32 = 0;
  /** Whether memory ran out: the list is then not complete and must not be written anywhere. */
  failed: bool = false;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Empties the list; its records will be taken from `arena`. */
  clear(arena: Arena): void {
    this.arena = arena;
    this.base = 0;
    this.capacity = 0;
    this.count = 0;
    this.failed = false;
  }

  private at(i: i32): Field {
    return changetype<Field>(this.base + i * FIELD_SIZE);
  }

  name(i: i32): Span {
    return this.at(i).name;
  }

  value(i: i32): Span {
    return this.at(i).value;
  }

  raw(i: i32): Span {
    return this.at(i).raw;
  }

  /** Room for `n` fields without growing. */
  reserve(n: i32): void {
    if (n <= this.capacity) return;
    const base = this.arena.allocate(n * FIELD_SIZE);
    if (base == 0) {
      this.failed = true;
      return;
    }
    spend(this.count);
    memory.copy(base, this.base, this.count * FIELD_SIZE);
    this.base = base;
    this.capacity = n;
  }

  push(name: Span, value: Span, raw: Span): void {
    if (this.count == this.capacity) this.reserve(max(16, this.capacity * 2));
    if (this.failed) return;
    const field = this.at(this.count++);
    field.name = name;
    field.value = value;
    field.raw = raw;
    field.renamed = NONE;
  }

  /** The index of the first field of the name at or after `from`, or MISSING. */
  find(name: Span, from: i32 = 0): i32 {
    for (let i = from; i < this.count; i++) {
      spend(1);
      if (equal(this.at(i).name, name)) return i;
    }
    return MISSING;
  }

  /** The first value of the name, or NONE. */
  first(name: Span): Span {
    const i = this.find(name);
    return i == MISSING ? NONE : this.value(i);
  }

  /** Marks a field that goes with the next `sweep`. */
  drop(i: i32): void {
    this.at(i).renamed = DROPPED;
  }

  /** The same, of one whose name nothing keeps. */
  discard(i: i32): void {
    this.drop(i);
  }

  /** Closes the gaps that `drop` has left. */
  sweep(): void {
    let kept = 0;
    spend(this.count);
    for (let i = 0; i < this.count; i++) {
      if (this.at(i).renamed == DROPPED) continue;
      if (kept < i)
        memory.copy(this.base + kept * FIELD_SIZE, this.base + i * FIELD_SIZE, FIELD_SIZE);
      kept++;
    }
    this.count = kept;
  }

  /** Whether all values of the name are those of its first, at `i`. */
  agrees(name: Span, i: i32): bool {
    const value = this.value(i);
    for (let k = this.find(name, i + 1); k != MISSING; k = this.find(name, k + 1)) {
      if (!equal(this.value(k), value)) return false;
    }
    return true;
  }

  removeAt(i: i32): void {
    const field = this.base + i * FIELD_SIZE;
    memory.copy(field, field + FIELD_SIZE, (this.count - i - 1) * FIELD_SIZE);
    this.count--;
  }

  setValueAt(i: i32, value: Span): void {
    const field = this.at(i);
    field.value = value;
    field.raw = NONE;
  }

  /** Marks a field for `applyRenames`. */
  markRenamed(i: i32, name: Span): void {
    this.at(i).renamed = name;
  }

  /** Drops the fields of the name that are not about to get another one. */
  makeRoomFor(name: Span): void {
    spend(this.count);
    for (let i = 0; i < this.count; i++) {
      const field = this.at(i);
      if (field.renamed == NONE && equal(field.name, name)) field.renamed = DROPPED;
    }
  }

  /** Gives all marked fields their new names at once. */
  applyRenames(): void {
    this.sweep();
    spend(this.count);
    for (let i = 0; i < this.count; i++) {
      const field = this.at(i);
      if (field.renamed == NONE) continue;
      field.name = field.renamed;
      field.renamed = NONE;
      field.raw = NONE;
    }
  }

  /** The name has this one value, at the place of its first. */
  set(name: Span, value: Span): void {
    const i = this.find(name);
    if (i == MISSING) {
      this.push(name, value, NONE);
      return;
    }
    this.setValueAt(i, value);
    this.removeFrom(name, i + 1);
  }

  add(name: Span, value: Span): void {
    this.push(name, value, NONE);
  }

  remove(name: Span): void {
    this.removeFrom(name, 0);
  }

  private removeFrom(name: Span, from: i32): void {
    let i = this.find(name, from);
    if (i == MISSING) return;
    for (; i != MISSING; i = this.find(name, i + 1)) this.drop(i);
    this.sweep();
  }

  /** Says that fields of the name were changed in place. */
  rewritten(name: Span): void {}

  /** Makes sure that the fields are there to be read. */
  ensureLoaded(): void {}
}
