// Edits of a JSON document by JSON Pointer, made by splicing its bytes: what no edit touches comes
// out as it was, white space, key order, number spelling and escapes included. New members and
// elements are written in the style of their neighbours.
//
// A plan is compiled once. Its edits act as if one after the other; when none can influence another
// they are made in one pass, else the document is parsed anew for each.
//
// Equal names in an object are read as JSON.parse does, the last counts. Since other readers believe
// the first, only the last stays wherever the pointer of an edit goes by: nothing hides from an edit.

import { Arena } from "../bytes/arena";
import { address, length, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { NO_INDEX, PAST_END, Pointer } from "./pointer";
import { JsonError, Kind, NO_NODE, Tape } from "./tape";
import { writeString } from "./write";

export const enum EditKind {
  /** Take away the member (all of that name) or element; nothing happens when there is none. */
  Remove,
  /** Replace the value, or create the member and the objects on the way to it. */
  Set,
  /** RFC 6902 4.1: insert into an array, create or replace a member; the parent must exist. */
  Add,
}

export const enum EditStatus {
  Applied,
  /** No edit found its place. */
  Unchanged,
  /** Not JSON, or nested too deep. */
  Invalid,
  OutOfMemory,
}

/** Nesting of documents; beyond, the work of later readers would be at risk. */
const MAX_DEPTH: i32 = 1000;

@unmanaged
@final
class Splice {
  start: i32;
  end: i32;
  text: Span; // what stands there instead
}

const SPLICE_SIZE: i32 = offsetof<Splice>() as i32;

const tape = Tape.create();
const inserted = Writer.create(); // texts of splices, as offsets until all are known
const middle = Writer.create();
const other = Writer.create();

@final
export class EditPlan {
  private readonly kinds: EditKind[] = [];
  private readonly pointers: Pointer[] = [];
  private readonly slots: i32[] = [];
  /** For each edit, with how many first segments another edit begins too. */
  private readonly shared: i32[] = [];
  private independent: bool = true;

  /** Adds an edit; `slot` is the index of its value among those given to `apply`, or -1. */
  add(kind: EditKind, pointer: Pointer, slot: i32): void {
    let most = 0;
    for (let i = 0; i < this.pointers.length; i++) {
      const shared = pointer.sharedWith(this.pointers[i]);
      if (!areIndependent(this.pointers[i], pointer, shared)) this.independent = false;
      this.shared[i] = max(this.shared[i], shared);
      most = max(most, shared);
    }
    this.shared.push(most);
    this.kinds.push(kind);
    this.pointers.push(pointer);
    this.slots.push(slot);
  }

  /** Writes the edited document to `out`. `values` is the address of a Span of JSON text for each
   * slot. On Unchanged, Invalid and OutOfMemory `out` is of no use. */
  apply(text: Span, values: usize, out: Writer, arena: Arena): EditStatus {
    const status = this.run(text, values, out, arena);
    // What a large document took is not kept until the next one.
    tape.shrink();
    inserted.reset();
    middle.reset();
    other.reset();
    return status;
  }

  private run(text: Span, values: usize, out: Writer, arena: Arena): EditStatus {
    if (!tape.parse(text, MAX_DEPTH)) return parseFailure();
    const n = this.kinds.length;
    if (this.independent) {
      const pass = openPass(arena, n);
      // Removals first: who inserts must know which neighbours stay.
      for (let turn = 0; turn < 2; turn++) {
        for (let i = 0; i < n; i++) {
          const isRemoval = unchecked(this.kinds[i]) == EditKind.Remove;
          if (isRemoval == (turn == 0)) this.resolve(pass, i, values);
        }
      }
      if (!pass.conflict) return pass.finish(text, out);
    }
    return this.runInTurn(text, values, out, arena);
  }

  private runInTurn(text: Span, values: usize, out: Writer, arena: Arena): EditStatus {
    let current = text;
    let changed = false;
    for (let i = 0, n = this.kinds.length; i < n; i++) {
      const target = current == middle.view() ? other : middle;
      target.reset();
      if (!tape.parse(current, MAX_DEPTH)) return parseFailure();
      const pass = openPass(arena, 1);
      this.resolve(pass, i, values);
      const status = pass.finish(current, target);
      if (status == EditStatus.OutOfMemory) return status;
      if (status == EditStatus.Unchanged) continue;
      changed = true;
      current = target.view();
    }
    if (!changed) return EditStatus.Unchanged;
    out.span(current);
    return out.failed ? EditStatus.OutOfMemory : EditStatus.Applied;
  }

  private resolve(pass: Pass, i: i32, values: usize): void {
    const pointer = unchecked(this.pointers[i]);
    const slot = unchecked(this.slots[i]);
    const value = slot < 0 ? (0 as Span) : load<Span>(values + slot * 8);
    pass.edit(unchecked(this.kinds[i]), pointer, value, unchecked(this.shared[i]));
  }
}

function parseFailure(): EditStatus {
  return tape.errorCode == JsonError.Memory ? EditStatus.OutOfMemory : EditStatus.Invalid;
}

/** Whether edits at the two places, whose first `shared` segments are the same, cannot influence each
 * other: they part at names of an object. */
function areIndependent(a: Pointer, b: Pointer, shared: i32): bool {
  if (shared == a.size || shared == b.size) return false;
  return a.index(shared) == NO_INDEX && b.index(shared) == NO_INDEX;
}

/** One pass over a document: the splices that its edits come to. Reused. */
@final
class Pass {
  status: EditStatus = EditStatus.Applied;
  /** An edit would create objects that another may create too. */
  conflict: bool = false;
  private base: usize = 0;
  private count: i32 = 0;
  private removes: bool = false;
  private arena: Arena = Arena.create();

  open(arena: Arena, edits: i32): void {
    this.status = EditStatus.Applied;
    this.conflict = false;
    this.count = 0;
    this.removes = false;
    this.arena = arena;
    // An edit is one splice; duplicates that it removes add theirs through marks.
    this.base = arena.allocate(edits * SPLICE_SIZE);
    if (this.base == 0) this.status = EditStatus.OutOfMemory;
    inserted.reset();
  }

  private splice(i: i32): Splice {
    return changetype<Splice>(this.base + i * SPLICE_SIZE);
  }

  private replace(start: i32, end: i32, text: Span): void {
    const splice = this.splice(this.count);
    splice.start = start;
    splice.end = end;
    splice.text = text;
    this.count++;
  }

  /** `shared` is how many first segments another edit has too: up to there it may create objects. */
  edit(kind: EditKind, pointer: Pointer, value: Span, shared: i32): void {
    if (this.status != EditStatus.Applied) return;
    const depth = pointer.size;
    if (depth == 0) {
      if (kind != EditKind.Remove) this.replace(tape.start(0), tape.end(0), value);
      return;
    }
    let parent = 0;
    for (let i = 0; i < depth - 1; i++) {
      const child = this.step(parent, pointer, i);
      if (child == NO_NODE) {
        if (kind == EditKind.Set && tape.kind(parent) == Kind.Object) {
          if (i < shared) this.conflict = true;
          this.insertMember(parent, pointer, i, value);
        }
        return;
      }
      parent = child;
    }
    if (tape.kind(parent) == Kind.Object) this.editMember(kind, parent, pointer, value);
    else if (tape.kind(parent) == Kind.Array)
      this.editElement(kind, parent, pointer.index(depth - 1), value);
  }

  /** The child of an object or array that segment `i` names, or NO_NODE. */
  private step(parent: i32, pointer: Pointer, i: i32): i32 {
    if (tape.kind(parent) == Kind.Object) {
      const key = this.onlyKey(parent, pointer.segment(i));
      return key == NO_NODE ? NO_NODE : key + 1;
    }
    if (tape.kind(parent) == Kind.Array && pointer.index(i) >= 0)
      return tape.element(parent, pointer.index(i));
    return NO_NODE;
  }

  /** The last key of that name, or NO_NODE; members before it with the same name are marked to go. */
  private onlyKey(parent: i32, name: Span): i32 {
    const stop = tape.after(parent);
    let last = NO_NODE;
    for (let key = tape.firstChild(parent); key < stop; key = tape.after(key + 1)) {
      if (!tape.isText(key, name)) continue;
      if (last != NO_NODE) this.remove(last);
      last = key;
    }
    return last;
  }

  private remove(child: i32): void {
    tape.mark(child);
    this.removes = true;
  }

  private editMember(kind: EditKind, parent: i32, pointer: Pointer, value: Span): void {
    const key = this.onlyKey(parent, pointer.segment(pointer.size - 1));
    if (kind == EditKind.Remove) {
      if (key != NO_NODE) this.remove(key);
    } else if (key == NO_NODE) {
      this.insertMember(parent, pointer, pointer.size - 1, value);
    } else {
      this.replace(tape.start(key + 1), tape.end(key + 1), value);
    }
  }

  private editElement(kind: EditKind, parent: i32, index: i32, value: Span): void {
    if (index == NO_INDEX) return;
    const element = index == PAST_END ? NO_NODE : tape.element(parent, index);
    const isEnd = index == PAST_END || (kind == EditKind.Add && index == tape.size(parent));
    if (element == NO_NODE) {
      if (isEnd && kind != EditKind.Remove) this.insertLast(parent, value);
      return;
    }
    if (kind == EditKind.Remove) {
      this.remove(element);
    } else if (kind == EditKind.Set) {
      this.replace(tape.start(element), tape.end(element), value);
    } else {
      const from = inserted.size;
      inserted.span(value);
      this.writeSeparator(parent);
      this.insert(tape.start(element), from);
    }
  }

  /** A member that is not there: its name and value, with the objects for segments `from`… around. */
  private insertMember(parent: i32, pointer: Pointer, from: i32, value: Span): void {
    const start = inserted.size;
    const at = this.openLast(parent);
    const depth = pointer.size;
    for (let i = from; i < depth; i++) {
      if (i > from) inserted.byte(0x7b);
      writeString(pointer.segment(i), inserted);
      writeColon(parent);
    }
    inserted.span(value);
    for (let i = from + 1; i < depth; i++) inserted.byte(0x7d);
    this.insert(at, start);
  }

  private insertLast(parent: i32, value: Span): void {
    const from = inserted.size;
    const at = this.openLast(parent);
    inserted.span(value);
    this.insert(at, from);
  }

  /** The place for a new last child. Writes the separator where something stays or comes before. */
  private openLast(parent: i32): i32 {
    const last = lastKept(parent);
    const first = tape.firstChild(parent);
    let at = tape.start(parent) + 1;
    if (last != NO_NODE) at = tape.end(last);
    else if (first < tape.after(parent)) at = tape.start(first);
    if (last != NO_NODE || this.hasInsertion(at)) this.writeSeparator(parent);
    return at;
  }

  /** Whether an edit before this one inserts there; there are only as many as edits by now. */
  private hasInsertion(at: i32): bool {
    for (let i = 0; i < this.count; i++) {
      if (this.splice(i).start == at && this.splice(i).end == at) return true;
    }
    return false;
  }

  /** Puts what was written to `inserted` since `from` at that place of the document. */
  private insert(at: i32, from: u32): void {
    // The writer may move: an offset now, an address once all is written.
    this.replace(at, at, span(from as usize, (inserted.size - from) as i32) | OFFSET);
  }

  /** The comma and white space between two children, as the document has it between its first two;
   * with one child, as it has it before that one. */
  private writeSeparator(parent: i32): void {
    const isObject = tape.kind(parent) == Kind.Object;
    const first = tape.firstChild(parent);
    if (first == tape.after(parent)) {
      inserted.byte(0x2c);
      return;
    }
    const value = isObject ? first + 1 : first;
    const second = tape.after(value);
    if (second < tape.after(parent)) {
      inserted.bytes(tape.source + tape.end(value), tape.start(second) - tape.end(value));
      return;
    }
    inserted.byte(0x2c);
    const before = tape.start(parent) + 1;
    const gap = tape.start(first) - before;
    if (hasLineEnd(before, gap)) inserted.bytes(tape.source + before, gap);
    else if (isObject && tape.start(value) - tape.end(first) > 1) inserted.byte(0x20);
  }

  finish(text: Span, out: Writer): EditStatus {
    if (this.status != EditStatus.Applied) return this.status;
    if (inserted.failed) return EditStatus.OutOfMemory;
    if (this.count == 0 && !this.removes) return EditStatus.Unchanged;
    if (this.removes && !this.addRemovals()) return EditStatus.OutOfMemory;
    if (!this.sort()) return EditStatus.OutOfMemory;
    const base = address(text);
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      const splice = this.splice(i);
      out.bytes(base + at, splice.start - at);
      const isOffset = (splice.text & OFFSET) != 0;
      const piece = splice.text & ~OFFSET;
      out.bytes(isOffset ? inserted.base + address(piece) : address(piece), length(piece));
      at = splice.end;
    }
    out.bytes(base + at, length(text) - at);
    return out.failed ? EditStatus.OutOfMemory : EditStatus.Applied;
  }

  /** Turns the marks into splices, a run of neighbours into one, with the commas that go. */
  private addRemovals(): bool {
    let marks = 0;
    for (let i = 0; i < tape.count; i++) {
      if (tape.isMarked(i)) marks++;
    }
    const capacity = this.count + marks;
    const base = this.arena.allocate(capacity * SPLICE_SIZE);
    if (base == 0) return false;
    memory.copy(base, this.base, this.count * SPLICE_SIZE);
    this.base = base;
    // A container is dealt with at its first mark, which takes all its marks away.
    for (let i = 0; i < tape.count; i++) {
      if (tape.isMarked(i)) this.addRemovalsIn(tape.parent(i));
    }
    return true;
  }

  private addRemovalsIn(parent: i32): void {
    const wide = tape.kind(parent) == Kind.Object ? 1 : 0; // a member is two records
    const stop = tape.after(parent);
    let kept = NO_NODE; // the value before the run
    for (let child = tape.firstChild(parent); child < stop; ) {
      if (!tape.isMarked(child)) {
        kept = child + wide;
        child = tape.after(child + wide);
        continue;
      }
      const from = child;
      let last = child;
      while (child < stop && tape.isMarked(child)) {
        tape.unmark(child);
        last = child + wide;
        child = tape.after(last);
      }
      const none: Span = span(tape.source, 0);
      if (kept != NO_NODE) this.replace(tape.end(kept), tape.end(last), none);
      else if (child < stop) this.replace(tape.start(from), tape.start(child), none);
      else this.replace(tape.start(from), tape.end(last), none);
    }
  }

  /** Merge sort by place, since a document may bring very many equal names; false at the ceiling. */
  private sort(): bool {
    const n = this.count;
    let isSorted = true;
    for (let i = 1; i < n && isSorted; i++)
      isSorted = !comesFirst(this.splice(i), this.splice(i - 1));
    if (isSorted) return true;
    let spare = this.arena.allocate(n * SPLICE_SIZE);
    if (spare == 0) return false;
    for (let width = 1; width < n; width *= 2) {
      for (let from = 0; from < n; from += 2 * width) {
        this.merge(from, min(from + width, n), min(from + 2 * width, n), spare);
      }
      const sorted = spare;
      spare = this.base;
      this.base = sorted;
    }
    return true;
  }

  /** Merges the neighbours [from, middle) and [middle, to) to the same places at `target`. */
  private merge(from: i32, middle: i32, to: i32, target: usize): void {
    let left = from;
    let right = middle;
    for (let i = from; i < to; i++) {
      const isRight =
        left == middle || (right < to && comesFirst(this.splice(right), this.splice(left)));
      const next = this.splice(isRight ? right++ : left++);
      memory.copy(target + i * SPLICE_SIZE, changetype<usize>(next), SPLICE_SIZE);
    }
  }
}

/** Whether `a` must stand before `b`, which was made before it: at one place an insertion goes
 * before what is taken away, and insertions keep their order. */
function comesFirst(a: Splice, b: Splice): bool {
  return a.start < b.start || (a.start == b.start && a.end == a.start && b.end > b.start);
}

/** Marks a splice text whose address is an offset into `inserted`; lengths never use the bit. */
const OFFSET: u64 = 1 << 63;

const pass = new Pass();

function openPass(arena: Arena, edits: i32): Pass {
  pass.open(arena, edits);
  return pass;
}

/** The value of the last child that stays, or NO_NODE. */
function lastKept(parent: i32): i32 {
  const wide = tape.kind(parent) == Kind.Object ? 1 : 0;
  const stop = tape.after(parent);
  let last = NO_NODE;
  for (let child = tape.firstChild(parent); child < stop; child = tape.after(child + wide)) {
    if (!tape.isMarked(child)) last = child + wide;
  }
  return last;
}

/** A colon in the style of the object's first member. */
function writeColon(parent: i32): void {
  const key = tape.firstChild(parent);
  if (key < tape.after(parent)) {
    inserted.bytes(tape.source + tape.end(key), tape.start(key + 1) - tape.end(key));
  } else {
    inserted.byte(0x3a);
  }
}

function hasLineEnd(offset: i32, n: i32): bool {
  for (let i = 0; i < n; i++) {
    if (load<u8>(tape.source + offset + i) == 0x0a) return true;
  }
  return false;
}
