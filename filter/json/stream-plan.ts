// Which edits of JSON can be made while a document passes, and what `stream.ts` needs to know of each.
// An edit qualifies when nothing that comes later in the document can change what it does here, and a
// plan when its edits do not meet: then all at once, in one pass, is the same as one after the other.
//
// `add` answers why an edit does not qualify, or "" when it does. It may refuse a little too much,
// never too little: paths are compared without a document.

import { equal, length } from "../bytes/span";
import { EditKind } from "./edit";
import { NO_INDEX, PAST_END, Path, Segment, Select, Selector } from "./path";

/** Edits of one plan: a bit each. */
export const MAX_EDITS: i32 = 64;
const NEVER: i32 = i32.MAX_VALUE;

@final
export class StreamEdit {
  /** The first segment whose member it may make where that is missing; NEVER when it makes none. */
  readonly makesFrom: i32;
  /** Adds to the end of an array. */
  readonly addsLast: bool;

  constructor(
    readonly kind: EditKind,
    readonly path: Path,
    /** The index of its value, or -1. */
    readonly slot: i32,
  ) {
    this.makesFrom = makesFrom(kind, path);
    this.addsLast = isSetter(kind) && path.size > path.manifold && isPastEnd(lastOf(path));
  }
}

@final
export class StreamPlan {
  readonly edits: StreamEdit[] = [];
  /** For each segment, the edits that can select something there in an object, and in an array. */
  readonly inObjects: u64[] = [];
  readonly inArrays: u64[] = [];
  /** Whether any of them can make a member or element. */
  makes: bool = false;
  /** Segments of the longest path. */
  depth: i32 = 0;
  /** Bytes of the longest name. */
  longest: i32 = 0;

  add(kind: EditKind, path: Path, slot: i32, strict: bool): string {
    const edit = new StreamEdit(kind, path, slot);
    const reason = this.reasonAgainst(edit, strict);
    if (reason.length > 0) return reason;
    const bit = (1 as u64) << this.edits.length;
    this.edits.push(edit);
    if (edit.makesFrom != NEVER || edit.addsLast) this.makes = true;
    for (let i = 0; i < path.size; i++) this.note(i, path.segments[i].selectors, bit);
    return "";
  }

  private note(segment: i32, selectors: Selector[], bit: u64): void {
    if (segment == this.depth) {
      this.depth++;
      this.inObjects.push(0);
      this.inArrays.push(0);
    }
    for (let i = 0; i < selectors.length; i++) {
      const selector = selectors[i];
      const isAny = selector.kind == Select.Wildcard;
      if (selector.isName) this.longest = max(this.longest, length(selector.name));
      if (selector.isName || isAny) this.inObjects[segment] |= bit;
      if (isAny || isIndexed(selector)) this.inArrays[segment] |= bit;
    }
  }

  private reasonAgainst(edit: StreamEdit, strict: bool): string {
    if (strict) return "a patch acts as a whole or not at all";
    if (!isStreamed(edit.kind)) {
      return "only remove, set, default and add can be done while a body streams";
    }
    const path = edit.path;
    for (let i = 0; i < path.size; i++) {
      const reason = reasonAgainstSegment(path.segments[i]);
      if (reason.length > 0) return reason;
    }
    if (edit.kind == EditKind.Add && path.size > 0 && lastOf(path).index != NO_INDEX) {
      return "add with an index can insert; set replaces, and adds at /-";
    }
    if (this.edits.length == MAX_EDITS) return "there are at most 64 edits";
    for (let i = 0; i < this.edits.length; i++) {
      const reason = reasonAgainstPair(this.edits[i], edit);
      if (reason.length > 0) return reason;
    }
    return "";
  }
}

function isStreamed(kind: EditKind): bool {
  return kind == EditKind.Remove || kind == EditKind.Add || isSetter(kind);
}

function isSetter(kind: EditKind): bool {
  return kind == EditKind.Set || kind == EditKind.Default;
}

function lastOf(path: Path): Selector {
  return path.segments[path.size - 1].selectors[0];
}

function isPastEnd(selector: Selector): bool {
  return selector.kind == Select.Token && selector.index == PAST_END;
}

function makesFrom(kind: EditKind, path: Path): i32 {
  if (kind == EditKind.Remove || path.size == path.manifold) return NEVER;
  // What cannot be streamed is asked for as well, before it is refused.
  const first = kind == EditKind.Add ? path.size - 1 : path.manifold;
  let from = path.size;
  while (from > first && path.selector(from - 1).isName) from--;
  return from == path.size ? NEVER : from;
}

function reasonAgainstSegment(segment: Segment): string {
  if (segment.descends) return "descendants (..) can be anywhere";
  for (let i = 0; i < segment.selectors.length; i++) {
    const selector = segment.selectors[i];
    if (selector.kind == Select.Index && selector.index < 0) {
      return "a negative index counts from an end that has not come yet";
    }
    if (selector.kind != Select.Slice) continue;
    if (selector.from < 0 || selector.to < 0 || selector.step < 0) {
      return "a negative bound or step counts from an end that has not come yet";
    }
  }
  return "";
}

function reasonAgainstPair(a: StreamEdit, b: StreamEdit): string {
  const most = min(a.path.size, b.path.size);
  let shared = 0;
  while (shared < most && canMeet(a.path.segments[shared], b.path.segments[shared])) shared++;
  if (shared == most) return "it can meet the place of another edit";
  if (shifts(a, b, shared) || shifts(b, a, shared)) {
    return "a removal from the same array changes what the index means";
  }
  if (a.kind == EditKind.Remove || b.kind == EditKind.Remove) return "";
  if (a.makesFrom != b.makesFrom && min(a.makesFrom, b.makesFrom) < shared) {
    return "another edit may make what this one looks for";
  }
  return "";
}

/** Whether what `a` removes gives an index of `b` another meaning. */
function shifts(a: StreamEdit, b: StreamEdit, shared: i32): bool {
  const last = a.path.size - 1;
  if (a.kind != EditKind.Remove || shared < last || b.path.size <= last) return false;
  return hasIndex(a.path.segments[last]) && hasIndex(b.path.segments[last]);
}

function hasIndex(segment: Segment): bool {
  for (let i = 0; i < segment.selectors.length; i++) {
    if (isIndexed(segment.selectors[i])) return true;
  }
  return false;
}

/** Whether it selects in arrays only some; the end of one counts. */
function isIndexed(selector: Selector): bool {
  return selector.kind == Select.Slice || selector.index != NO_INDEX;
}

/** Whether there may be a child that both select. */
function canMeet(a: Segment, b: Segment): bool {
  for (let i = 0; i < a.selectors.length; i++) {
    for (let k = 0; k < b.selectors.length; k++) {
      if (selectorsMeet(a.selectors[i], b.selectors[k])) return true;
    }
  }
  return false;
}

function selectorsMeet(a: Selector, b: Selector): bool {
  if (a.kind == Select.Wildcard || b.kind == Select.Wildcard) return true;
  if (a.isName && b.isName && equal(a.name, b.name)) return true;
  if (!isIndexed(a) || !isIndexed(b)) return false;
  if (a.kind == Select.Slice || b.kind == Select.Slice) return true;
  // The end of an array can be at any index.
  return a.index == b.index || a.index == PAST_END || b.index == PAST_END;
}
