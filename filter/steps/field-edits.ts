// The operations that headers, query parameters and cookies share, over a FieldList. They are
// carried out in a fixed order, since the maps they are written as have none:
// keep, remove, rename, copy, replace, set, default, add, append, dedupe. All values are computed before
// the first of them.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { equal, length, NONE, Span } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as cookie from "../http/cookie";
import { FieldList, MISSING } from "../http/field-list";
import { By, ordered } from "../http/field-order";
import * as query from "../http/query";
import { Regex, Template as RegexTemplate } from "../regex/index";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { isFieldValue, isPseudo } from "../stream/header-map";
import { locationOf, NoLocation, noLocation } from "./location";

/** What the list holds, for what a value may be and what `keep` never removes. */
export const enum Kind {
  Headers,
  Query,
  Cookies,
  Form,
}

export const enum Dedupe {
  First,
  Last,
  Unique,
}

/** A name and the values it gets. */
@final
export class Assignment {
  /** What the values came to, NONE for those that are absent; for the callback at hand. */
  readonly results: StaticArray<Span>;
  isConstant: bool = true;
  /** It is the header that says where a client is to go. */
  isLocation: bool = false;

  constructor(
    readonly name: Span,
    readonly values: StaticArray<Template>,
  ) {
    this.results = new StaticArray<Span>(values.length);
    for (let i = 0; i < values.length; i++) {
      this.results[i] = values[i].constant;
      if (!values[i].isConstant) this.isConstant = false;
    }
  }

  evaluate(x: Exchange): void {
    if (this.isConstant) return;
    for (let i = 0, n = this.values.length; i < n; i++) {
      const template = unchecked(this.values[i]);
      const result = this.isLocation
        ? locationIn(x, template)
        : template.evaluate(x, Absent.Skips, x.arena);
      unchecked((this.results[i] = result));
    }
  }
}

@final
export class Move {
  constructor(
    readonly from: Span,
    readonly to: Span,
  ) {}
}

/** A pattern and what its matches become. */
@final
export class Replacement {
  /** The name of the field whose values it is for. */
  name: Span = NONE;

  constructor(
    private readonly regex: Regex,
    private readonly template: RegexTemplate,
  ) {}

  /** The text with all matches replaced, kept in `arena`; NONE when there is no match, or when a text
   * made to that end would take too long. */
  replace(text: Span, arena: Arena): Span {
    joined.reset();
    if (this.regex.replaceAll(text, this.template, joined) <= 0) return NONE;
    return joined.failed ? NONE : copy(joined.view(), arena);
  }
}

@final
export class Deduplication {
  constructor(
    readonly name: Span,
    readonly strategy: Dedupe,
  ) {}
}

// What most edits have none of; shared, as they never change.
export const NO_MOVES: StaticArray<Move> = [];
export const NO_REPLACEMENTS: StaticArray<Replacement> = [];
export const NO_ASSIGNMENTS: StaticArray<Assignment> = [];
export const NO_DEDUPLICATIONS: StaticArray<Deduplication> = [];

const joined = Writer.create();
const COMMA = 0x2c;

@final
export class FieldEdits {
  keep: StaticArray<Glob> = NO_GLOBS;
  remove: StaticArray<Glob> = NO_GLOBS;
  rename: StaticArray<Move> = NO_MOVES;
  copy: StaticArray<Move> = NO_MOVES;
  replace: StaticArray<Replacement> = NO_REPLACEMENTS;
  set: StaticArray<Assignment> = NO_ASSIGNMENTS;
  fallback: StaticArray<Assignment> = NO_ASSIGNMENTS; // `default`
  add: StaticArray<Assignment> = NO_ASSIGNMENTS;
  append: StaticArray<Assignment> = NO_ASSIGNMENTS;
  dedupe: StaticArray<Deduplication> = NO_DEDUPLICATIONS;
  /** It is the request that goes on whose headers these are. */
  isOfRequest: bool = false;

  constructor(private readonly kind: Kind) {}

  run(x: Exchange, list: FieldList): void {
    evaluateAll(x, this.set);
    this.evaluateFallbacks(x, list);
    evaluateAll(x, this.add);
    evaluateAll(x, this.append);
    if (this.keep.length > 0) this.runKeep(list);
    if (this.remove.length > 0) this.runRemove(list);
    if (this.rename.length > 0) this.runRename(list);
    if (this.copy.length > 0) this.runCopy(list);
    for (let i = 0, n = this.replace.length; i < n; i++) {
      this.runReplace(x, list, unchecked(this.replace[i]));
    }
    for (let i = 0, n = this.set.length; i < n; i++) this.runSet(list, unchecked(this.set[i]));
    for (let i = 0, n = this.fallback.length; i < n; i++) {
      const assignment = unchecked(this.fallback[i]);
      list.ensureLoaded();
      if (list.find(assignment.name) == MISSING) this.runSet(list, assignment);
    }
    for (let i = 0, n = this.add.length; i < n; i++) this.runAdd(list, unchecked(this.add[i]));
    for (let i = 0, n = this.append.length; i < n; i++)
      this.runAppend(x, list, unchecked(this.append[i]));
    for (let i = 0, n = this.dedupe.length; i < n; i++) runDedupe(list, unchecked(this.dedupe[i]));
  }

  /** A name that an edit may bring in and `is` holds for; NONE when there is none. */
  findWritten(is: (name: Span) => bool): Span {
    const moves = this.rename.concat<StaticArray<Move>>(this.copy);
    for (let i = 0; i < moves.length; i++) if (is(moves[i].to)) return moves[i].to;
    const sets = this.set
      .concat<StaticArray<Assignment>>(this.fallback)
      .concat<StaticArray<Assignment>>(this.add)
      .concat<StaticArray<Assignment>>(this.append);
    for (let i = 0; i < sets.length; i++) if (is(sets[i].name)) return sets[i].name;
    return NONE;
  }

  /** Those of `default` are made only where they may be wanted: what fails in one that is not is nobody's
   * concern. */
  private evaluateFallbacks(x: Exchange, list: FieldList): void {
    for (let i = 0, n = this.fallback.length; i < n; i++) {
      const assignment = unchecked(this.fallback[i]);
      if (assignment.isConstant) continue;
      list.ensureLoaded();
      if (this.takesAway || list.find(assignment.name) == MISSING) assignment.evaluate(x);
    }
  }

  /** Whether a name that is there may be gone when `default` looks for it. */
  private get takesAway(): bool {
    const moves = this.rename.length + this.copy.length + this.replace.length;
    return this.keep.length + this.remove.length + moves > 0;
  }

  /** What is not for a pattern to take away: of headers what frames the message, or what the host routes it
   * by; parts of a form that are no text fields, which have no name, and neither has nothing between two
   * separators. */
  private isUntouchable(list: FieldList, i: i32): bool {
    const name = list.name(i);
    if (this.kind == Kind.Headers) return isFraming(name) || (this.isOfRequest && isRoutedBy(name));
    if (length(name) > 0) return false;
    return this.kind == Kind.Form || (this.kind == Kind.Query && query.isGap(list, i));
  }

  private runKeep(list: FieldList): void {
    list.ensureLoaded();
    for (let i = list.count - 1; i >= 0; i--) {
      const name = list.name(i);
      if (!this.isUntouchable(list, i) && !anyMatches(this.keep, name)) list.discard(i);
    }
    list.sweep();
  }

  private runRemove(list: FieldList): void {
    let hasGlob = false;
    for (let i = 0, n = this.remove.length; i < n; i++) {
      const glob = unchecked(this.remove[i]);
      if (glob.exact) list.remove(glob.name);
      else hasGlob = true;
    }
    if (!hasGlob) return;
    list.ensureLoaded();
    for (let i = list.count - 1; i >= 0; i--) {
      const name = list.name(i);
      if (!this.isUntouchable(list, i) && anyMatches(this.remove, name)) list.discard(i);
    }
    list.sweep();
  }

  private runRename(list: FieldList): void {
    list.ensureLoaded();
    let isAny = false;
    for (let i = 0, n = this.rename.length; i < n; i++) {
      if (markRenamed(list, unchecked(this.rename[i]))) isAny = true;
    }
    if (!isAny) return;
    for (let i = 0, n = this.rename.length; i < n; i++) {
      const move = unchecked(this.rename[i]);
      if (list.find(move.from) != MISSING) list.makeRoomFor(move.to);
    }
    list.applyRenames();
    for (let i = 0, n = this.rename.length; i < n; i++) {
      const move = unchecked(this.rename[i]);
      list.rewritten(move.from);
      list.rewritten(move.to);
    }
  }

  private runCopy(list: FieldList): void {
    list.ensureLoaded();
    // All sources are read before any target is written.
    const copies = readCopies(list, this.copy);
    for (let i = 0, n = this.copy.length; i < n; i++) {
      const move = unchecked(this.copy[i]);
      if (copies.find(move.to) != MISSING) list.remove(move.to);
    }
    for (let i = 0; i < copies.count; i++) list.add(copies.name(i), copies.value(i));
  }

  private runReplace(x: Exchange, list: FieldList, replacement: Replacement): void {
    list.ensureLoaded();
    let changed = false;
    const name = replacement.name;
    for (let i = list.find(name); i != MISSING; i = list.find(name, i + 1)) {
      const value = replacement.replace(list.value(i), x.arena);
      if (value == NONE || !this.isValue(value)) continue;
      changed = true;
      // A line that says nothing any more is none: `set-cookie:` would set a cookie without a name.
      if (this.kind == Kind.Headers && length(value) == 0 && !isPseudo(name)) list.drop(i);
      else list.setValueAt(i, value);
    }
    if (!changed) return;
    list.sweep();
    list.rewritten(name);
  }

  /** Whether the bytes can stand as a value; counted when not. */
  private isValue(value: Span): bool {
    const isGood =
      this.kind == Kind.Headers
        ? isFieldValue(value)
        : this.kind == Kind.Cookies
          ? cookie.isValue(value)
          : true;
    if (!isGood) count(Counter.EditSkippedInvalid);
    return isGood;
  }

  /** The value, or NONE, counted, where there is none that could stand there. */
  private valueAt(assignment: Assignment, i: i32): Span {
    const value = unchecked(assignment.results[i]);
    if (value == NONE) {
      count(Counter.EditSkippedAbsent);
      return NONE;
    }
    // A constant was checked when it was compiled.
    if (unchecked(assignment.values[i]).isConstant) return value;
    if (!this.isValue(value)) return NONE;
    if (this.isOfRequest && isRoutedBy(assignment.name) && !isScheme(value)) {
      count(Counter.EditSkippedInvalid);
      return NONE;
    }
    return value;
  }

  private runSet(list: FieldList, assignment: Assignment): void {
    let isFirst = true;
    for (let i = 0, n = assignment.values.length; i < n; i++) {
      const value = this.valueAt(assignment, i);
      if (value == NONE) continue;
      if (isFirst) list.set(assignment.name, value);
      else list.add(assignment.name, value);
      isFirst = false;
    }
  }

  private runAdd(list: FieldList, assignment: Assignment): void {
    for (let i = 0, n = assignment.values.length; i < n; i++) {
      const value = this.valueAt(assignment, i);
      if (value != NONE) list.add(assignment.name, value);
    }
  }

  private runAppend(x: Exchange, list: FieldList, assignment: Assignment): void {
    list.ensureLoaded();
    for (let i = 0, n = assignment.values.length; i < n; i++) {
      const value = this.valueAt(assignment, i);
      if (value == NONE) continue;
      const last = findLast(list, assignment.name);
      if (last == MISSING) {
        list.add(assignment.name, value);
        continue;
      }
      joined.reset();
      joined.span(list.value(last));
      if (length(list.value(last)) > 0) {
        joined.byte(COMMA);
        joined.byte(0x20);
      }
      joined.span(value);
      const text = copy(joined.view(), x.arena);
      if (text == NONE) return;
      list.setValueAt(last, text);
      list.rewritten(assignment.name);
    }
  }
}

/** Whether there are fields of the name that moves. */
function markRenamed(list: FieldList, move: Move): bool {
  const first = list.find(move.from);
  for (let at = first; at != MISSING; at = list.find(move.from, at + 1)) {
    list.markRenamed(at, move.to);
  }
  return first != MISSING;
}

/** Headers without which a message is another one, or none (RFC 9112 6, 9110 7.6.1 and 7.8). */
function isFraming(name: Span): bool {
  if (isPseudo(name) || equal(name, field.contentLength)) return true;
  if (equal(name, field.transferEncoding) || equal(name, field.connection)) return true;
  return equal(name, field.upgrade) || equal(name, field.te);
}

/** Headers of a request without which Envoy finds no route for it: it answers 404 (measured on 1.40). */
export function isRoutedBy(name: Span): bool {
  return equal(name, field.forwardedProto);
}

/** What x-forwarded-proto may be for Envoy to find a route. */
export function isScheme(value: Span): bool {
  return equal(value, field.http) || equal(value, field.https);
}

const texts: Arena = Arena.create();
/** What no field can have for a value. */
const NO_VALUE: Span = fromText("\n", texts);

/** The location that the template makes; what is no value where it would lead elsewhere than the rule says. */
function locationIn(x: Exchange, template: Template): Span {
  const location = locationOf(x, template, Absent.Skips);
  return location == NONE && noLocation == NoLocation.Invalid ? NO_VALUE : location;
}

function evaluateAll(x: Exchange, list: StaticArray<Assignment>): void {
  for (let i = 0, n = list.length; i < n; i++) unchecked(list[i]).evaluate(x);
}

const copyList = new FieldList(scratch);

function readCopies(list: FieldList, moves: StaticArray<Move>): FieldList {
  copyList.clear(scratch);
  for (let i = 0, n = moves.length; i < n; i++) {
    const move = unchecked(moves[i]);
    for (let at = list.find(move.from); at != MISSING; at = list.find(move.from, at + 1)) {
      copyList.push(move.to, list.value(at), NONE);
    }
  }
  return copyList;
}

function findLast(list: FieldList, name: Span): i32 {
  let last = MISSING;
  for (let i = list.find(name); i != MISSING; i = list.find(name, i + 1)) last = i;
  return last;
}

function runDedupe(list: FieldList, deduplication: Deduplication): void {
  list.ensureLoaded();
  const name = deduplication.name;
  const before = list.count;
  const first = list.find(name);
  if (first == MISSING) return;
  const last = findLast(list, name);
  if (first == last) return;
  if (deduplication.strategy == Dedupe.Unique) dropRepeated(list, name);
  else dropOthers(list, name, deduplication.strategy == Dedupe.First ? first : last);
  list.sweep();
  if (list.count != before) list.rewritten(name);
}

function dropOthers(list: FieldList, name: Span, kept: i32): void {
  for (let i = list.find(name); i != MISSING; i = list.find(name, i + 1)) {
    if (i != kept) list.drop(i);
  }
}

/** Drops those whose value an earlier one of the name has; ordered, equal values are side by side. */
function dropRepeated(list: FieldList, name: Span): void {
  const order = ordered(list, By.Value, scratch);
  if (order == 0) {
    list.failed = true;
    return;
  }
  let last = MISSING;
  for (let k = 0; k < list.count; k++) {
    const i = load<i32>(order + (k << 2));
    if (!equal(list.name(i), name)) continue;
    if (last != MISSING && equal(list.value(i), list.value(last))) list.drop(i);
    else last = i;
  }
}
