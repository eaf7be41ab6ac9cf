// Edits of a JSON document. A plan is compiled once; its edits act one after the other, each on what
// those before have left, on one tape and with one printing at the end (`document.ts`). A plan acts
// as a whole or not at all: when a strict edit (those of a JSON Patch) does not find its place, a
// test fails or memory runs out, nothing is written.

import { NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as document from "./document";
import * as equal from "./equal";
import { mergeAt } from "./merge";
import { PAST_END, Path, Select, Selector } from "./path";
import * as selection from "./select";
import { NO_NODE } from "./tape";

export const enum EditKind {
  /** Take away the member (all of that name) or element. */
  Remove,
  /** Replace the value, or create the member and the objects on the way to it. */
  Set,
  /** RFC 6902 4.1: insert into an array, create or replace a member; the parent must exist. */
  Add,
  /** As Set, where there is nothing. */
  Default,
  /** Add to the end of an array, which is created where there is nothing. */
  Append,
  /** RFC 7396, at a path of names. */
  Merge,
  /** Give a member another name, its value a string; what has that name already goes. */
  Rename,
  /** Set what is at `from`. */
  Copy,
  /** Set what is at `from`, and take it away there. */
  Move,
  /** Leave of equal elements of an array the first. */
  Dedupe,
  /** RFC 6902 4.6: the plan fails where the value is not equal. */
  Test,
}

export const enum EditStatus {
  Applied,
  /** No edit found its place. */
  Unchanged,
  /** Not JSON, or nested too deep. */
  Invalid,
  OutOfMemory,
  /** A test failed, or a strict edit did not find its place. */
  Refused,
}

/** In the place of a value: the edit is skipped. */
export const SKIPPED: Span = 1;

@final
class Edit {
  constructor(
    readonly kind: EditKind,
    readonly path: Path,
    readonly from: Path | null,
    readonly slot: i32,
    readonly strict: bool,
  ) {}
}

@final
export class EditPlan {
  private readonly edits: Edit[] = [];

  /** Adds an edit; `slot` is the index of its value among those given to `apply`, or -1. `strict`: the
   * plan fails when there is no such place. */
  add(kind: EditKind, path: Path, from: Path | null, slot: i32, strict: bool): void {
    this.edits.push(new Edit(kind, path, from, slot, strict));
  }

  /** Writes the edited document to `out`. `values` is the address of a Span of JSON text, or SKIPPED,
   * for each slot. On any status but Applied `out` is of no use. */
  apply(text: Span, values: usize, out: Writer): EditStatus {
    const status = this.run(text, values, out);
    // What a large document took is not kept until the next one.
    document.finish();
    selection.finish();
    return status;
  }

  private run(text: Span, values: usize, out: Writer): EditStatus {
    if (!document.begin(text))
      return document.isTooLarge ? EditStatus.OutOfMemory : EditStatus.Invalid;
    equal.begin();
    for (let i = 0, n = this.edits.length; i < n; i++) {
      const edit = unchecked(this.edits[i]);
      const value = edit.slot < 0 ? NONE : load<Span>(values + edit.slot * 8);
      if (value == SKIPPED) {
        // What cannot be compared is not equal.
        if (edit.kind == EditKind.Test) return EditStatus.Refused;
        continue;
      }
      const found = applyEdit(edit, value);
      if (document.failed) return EditStatus.OutOfMemory;
      if ((edit.strict && !found) || equal.isExhausted()) return EditStatus.Refused;
    }
    if (!document.changed) return EditStatus.Unchanged;
    if (document.printAll(text, out)) return EditStatus.Applied;
    return out.failed ? EditStatus.OutOfMemory : EditStatus.Refused;
  }
}

/** False when there is no such place, or the test fails. */
function applyEdit(edit: Edit, value: Span): bool {
  const path = edit.path;
  if (edit.kind == EditKind.Copy || edit.kind == EditKind.Move) return transfer(edit);
  if (edit.kind == EditKind.Merge) {
    const patch = document.newValue(value);
    if (patch != NO_NODE) mergeAt(path, patch);
    return patch != NO_NODE;
  }
  if (path.isSingle) return applyAt(edit, document.rootValue(), value);
  selection.select(path, path.manifold);
  for (let i = 0, n = selection.count(); i < n && !document.failed; i++) {
    applyAt(edit, selection.at(i), value);
  }
  return true;
}

/** Applies the edit at the single rest of its path, from the place that the manifold part has found. */
function applyAt(edit: Edit, base: i32, value: Span): bool {
  const path = edit.path;
  switch (edit.kind) {
    case EditKind.Set:
      return edit.strict
        ? replaceAt(path, base, value)
        : setAt(path, base, document.newValue(value), false);
    case EditKind.Default:
      return setAt(path, base, NO_NODE, true) && setAt(path, base, document.newValue(value), false);
    case EditKind.Add:
      return addAt(path, base, document.newValue(value));
    case EditKind.Append:
      return appendAt(path, base, value);
  }
  const target = resolve(path, base);
  if (target == NO_NODE) return false;
  switch (edit.kind) {
    case EditKind.Remove:
      document.remove(target);
      return true;
    case EditKind.Rename:
      return renameTo(target, value);
    case EditKind.Dedupe:
      if (document.isArray(target)) equal.dedupe(target);
      return true;
    case EditKind.Test: {
      const other = document.newValue(value);
      return other != NO_NODE && equal.areEqual(target, other);
    }
  }
  return false;
}

/** What the single rest of the path names, or NO_NODE. */
function resolve(path: Path, base: i32): i32 {
  let value = base;
  for (let i = path.manifold, n = path.size; i < n && value != NO_NODE; i++)
    value = selection.child(path.selector(i), value);
  return value;
}

function replaceAt(path: Path, base: i32, value: Span): bool {
  const target = resolve(path, base);
  if (target == NO_NODE) return false;
  document.replace(target, document.newValue(value));
  return true;
}

/** Replaces the value, or creates the member and the objects on the way to it; false when it can do
 * neither. With `onlyAsks` nothing is changed, and it answers whether a member would be created. */
function setAt(path: Path, base: i32, value: i32, onlyAsks: bool): bool {
  if (value == NO_NODE && !onlyAsks) return false;
  let parent = base;
  for (let i = path.manifold, n = path.size; i < n; i++) {
    const selector = path.selector(i);
    const child = selection.child(selector, parent);
    if (child != NO_NODE) {
      parent = child;
      continue;
    }
    if (document.isArray(parent)) {
      const isEnd = i == n - 1 && isPastEnd(selector);
      if (isEnd && !onlyAsks) document.addElement(parent, value);
      return isEnd;
    }
    if (!document.isObject(parent) || !restIsNames(path, i)) return false;
    if (!onlyAsks) create(path, i, parent, value);
    return true;
  }
  if (onlyAsks) return false;
  document.replace(parent, value);
  return true;
}

function isPastEnd(selector: Selector): bool {
  return selector.kind == Select.Token && selector.index == PAST_END;
}

function restIsNames(path: Path, from: i32): bool {
  for (let i = from, n = path.size; i < n; i++) {
    if (!path.selector(i).isName) return false;
  }
  return true;
}

/** Adds the member that segment `from` names to `parent`, with the objects that the rest needs. */
function create(path: Path, from: i32, parent: i32, value: i32): void {
  const last = path.size - 1;
  for (let i = from; i < last; i++) {
    const object = document.newObject();
    if (object == NO_NODE) return;
    document.addMember(parent, path.selector(i).quoted, object);
    parent = object;
  }
  document.addMember(parent, path.selector(last).quoted, value);
}

function addAt(path: Path, base: i32, value: i32): bool {
  if (value == NO_NODE) return false;
  const last = path.size - 1;
  if (last < path.manifold) {
    document.replace(base, value);
    return true;
  }
  let parent = base;
  for (let i = path.manifold; i < last; i++) {
    parent = selection.child(path.selector(i), parent);
    if (parent == NO_NODE) return false;
  }
  const selector = path.selector(last);
  const child = selection.child(selector, parent);
  if (document.isArray(parent)) {
    const isEnd = selector.index == document.countOf(parent) || isPastEnd(selector);
    if (child != NO_NODE) document.addBefore(child, value);
    else if (isEnd) document.addElement(parent, value);
    return child != NO_NODE || isEnd;
  }
  if (!document.isObject(parent) || !selector.isName) return false;
  if (child != NO_NODE) document.replace(child, value);
  else document.addMember(parent, selector.quoted, value);
  return true;
}

function appendAt(path: Path, base: i32, text: Span): bool {
  const target = resolve(path, base);
  if (target != NO_NODE && !document.isArray(target)) return false;
  if (target == NO_NODE && !setAt(path, base, NO_NODE, true)) return false;
  const value = document.newValue(text);
  if (value == NO_NODE) return false;
  if (target != NO_NODE) {
    document.addElement(target, value);
    return true;
  }
  const array = document.newArray();
  if (array == NO_NODE) return false;
  setAt(path, base, array, false);
  document.addElement(array, value);
  return true;
}

function renameTo(target: i32, quoted: Span): bool {
  const object = document.parentOf(target);
  if (object == NO_NODE || !document.isObject(object)) return false;
  const name = document.nameOf(quoted);
  if (name == NONE) return false;
  const twin = document.member(object, name);
  if (twin == target) return true;
  if (twin != NO_NODE) document.remove(twin);
  document.rename(target, quoted);
  return true;
}

/** Copies or moves; from one place, to as many as the path names for a copy. */
function transfer(edit: Edit): bool {
  const from = edit.from!;
  const source = resolve(from, document.rootValue());
  if (source == NO_NODE) return false;
  if (edit.kind == EditKind.Move) return move(edit, source);
  const text = document.textOf(source);
  if (text == NONE) return false;
  const path = edit.path;
  if (path.isSingle) return put(edit, document.rootValue(), document.newValue(text));
  selection.select(path, path.manifold);
  for (let i = 0, n = selection.count(); i < n && !document.failed; i++) {
    put(edit, selection.at(i), document.newValue(text));
  }
  return true;
}

function move(edit: Edit, source: i32): bool {
  // Onto itself: RFC 6902 4.4 has no effect in mind, nor would it come out as it was.
  if (resolve(edit.path, document.rootValue()) == source) return true;
  const place = document.take(source);
  if (place == 0) return false;
  if (put(edit, document.rootValue(), source)) return true;
  document.putBack(place, source);
  return false;
}

function put(edit: Edit, base: i32, value: i32): bool {
  return edit.strict ? addAt(edit.path, base, value) : setAt(edit.path, base, value, false);
}
