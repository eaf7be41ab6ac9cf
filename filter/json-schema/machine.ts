// Judges a document by a compiled schema: instructions over the tape, without allocating but for
// texts with escapes and tables of `uniqueItems`. The first thing that fails is noted, in the terms
// of the schema, at the place in the document where it failed.
//
// Depth costs stack, so it is limited; work is charged to the budget. Where either is used up, the
// verdict is that there is none, whatever `not` or `anyOf` would make of it.

import { Arena } from "../bytes/arena";
import { address, end, length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { findRepeatedName, GAVE_UP } from "../json/repeated-names";
import { Kind, NO_NODE, Tape, writePointerSegment } from "../json/tape";
import { writeString } from "../json/write";
import { Regex } from "../regex/index";
import * as budget from "./budget";
import { Decimal, isShort, shortInteger } from "./decimal";
import { equalValues, findRepeated, textOf } from "./equality";
import { hasFormat } from "./formats";
import { Keyword, nameOf } from "./keyword";
import {
  ABSENT,
  Elements,
  INSTRUCTION_SIZE,
  Instruction,
  Limit,
  Members,
  NEVER,
  Op,
  Side,
  Type,
} from "./program";
import { Schema } from "./schema";

export const enum Verdict {
  Valid,
  Invalid,
  /** It would cost too much, or is too deep. */
  GaveUp,
}

/** Subschemas that are open at a time: five for each level of the deepest documents. They took less
 * than 400 bytes of stack each when it was measured; V8 gives a VM about 1 MiB. */
const MAX_OPEN: i32 = 1000;

// The document that is being judged, and the schema.
let tape: Tape = changetype<Tape>(0);
let constants: Tape = changetype<Tape>(0);
let arena: Arena = changetype<Arena>(0);
let starts: usize = 0;
let resources: usize = 0;
let anchors: usize = 0;
let tracks: bool = false;
let isDynamic: bool = false;
let regexes: StaticArray<Regex> = [];

let open = 0;
/** The resources of the open subschemas, the outermost first, without repeating the last. */
const scope: usize = memory.data(MAX_OPEN * 4, 4);
let scopeSize = 0;
/** Nodes that open subschemas have evaluated, as i32: children of the instance each is judging. */
const evaluated = Writer.create();

// The first failure.
let failedAt: i32 = NO_NODE;
let failedKeyword: Keyword = Keyword.False;
let failedName: Span = NONE; // of the member that is missing, for `required`
let repeatedKey: bool = false;

const left = Decimal.create();
const right = Decimal.create();
const leftDigits = Writer.create();
const rightDigits = Writer.create();

/** Judges the whole document. With `refusesRepeats`, no object may have a name twice: which of the
 * two counts is up to each reader, so that what was judged need not be what is read. */
export function judge(
  schema: Schema,
  document: Tape,
  memory: Arena,
  refusesRepeats: bool,
): Verdict {
  tape = document;
  arena = memory;
  constants = schema.tape;
  starts = schema.starts;
  resources = schema.resources;
  anchors = schema.anchors;
  tracks = schema.tracks;
  isDynamic = schema.isDynamic;
  regexes = schema.regexes;
  open = 0;
  scopeSize = 0;
  evaluated.reset();
  repeatedKey = false;
  budget.refill(document.end(0));
  if (refusesRepeats) {
    const key = findRepeatedName(document, 0, arena);
    if (key == GAVE_UP) return Verdict.GaveUp;
    if (key != NO_NODE) {
      repeatedKey = true;
      failedAt = key;
      return Verdict.Invalid;
    }
  }
  const isValid = holds(0, 0);
  if (budget.isSpent() || evaluated.failed) return Verdict.GaveUp;
  return isValid ? Verdict.Valid : Verdict.Invalid;
}

/** Writes what failed last: the place in the document as a JSON Pointer in quotes, and the keyword.
 * With `ownOnly`, names that the schema does not have are a `*`: they are the sender's, and may be
 * anything. The document must be there still. */
export function writeFailure(out: Writer, ownOnly: bool): void {
  pointer.reset();
  if (ownOnly) writeOwnPointer(failedAt, 0);
  else tape.writePointer(failedAt, pointer, arena);
  writeString(pointer.view(), out);
  out.text(": ");
  if (repeatedKey) {
    out.text("the name is there twice");
    return;
  }
  out.text(nameOf(failedKeyword));
  if (failedName == NONE) return;
  out.byte(0x20);
  writeString(failedName, out);
}

const pointer = Writer.create();
/** Levels from the failure up whose names are looked for in the schema. */
const MOST_LOOKUPS: i32 = 16;

function writeOwnPointer(i: i32, level: i32): void {
  const parent = tape.parent(i);
  if (parent == NO_NODE) return;
  writeOwnPointer(parent, level + 1); // as deep as the document, which `parse` limits
  pointer.byte(0x2f);
  if (tape.kind(parent) != Kind.Object) {
    pointer.integer(tape.indexIn(parent, i));
    return;
  }
  const name = tape.text(tape.kind(i) == Kind.Key ? i : i - 1, arena);
  if (level < MOST_LOOKUPS && isOwnName(name)) writePointerSegment(name, pointer);
  else pointer.byte(0x2a);
}

/** Whether the schema has a member of that name anywhere. */
function isOwnName(name: Span): bool {
  if (name == NONE) return false;
  for (let i = 0; i < constants.count; i++) {
    if (constants.kind(i) == Kind.Key && constants.isText(i, name)) return true;
  }
  return false;
}

function fail(i: i32, keyword: Keyword): bool {
  failedAt = i;
  failedKeyword = keyword;
  failedName = NONE;
  return false;
}

/** Whether subschema `schema` holds for value or key `i`. */
function holds(schema: i32, i: i32): bool {
  if (schema < 0) return schema != NEVER || fail(i, Keyword.False);
  if (open == MAX_OPEN) {
    budget.exhaust();
    return false;
  }
  open++;
  const outer = scopeSize;
  if (isDynamic) enterResource(schema);
  const result = run(load<usize>(starts + (schema as usize) * sizeof<usize>()), i);
  scopeSize = outer;
  open--;
  return result;
}

/** The same for a part of the value, whose failure is that of `keyword` when the subschema is
 * false; what is evaluated in it is its own matter. */
function holdsForPart(schema: i32, i: i32, keyword: Keyword): bool {
  if (schema < 0) return schema != NEVER || fail(i, keyword);
  const mark = evaluated.size;
  const result = holds(schema, i);
  evaluated.size = mark;
  return result;
}

function enterResource(schema: i32): void {
  const resource = load<i32>(resources + ((schema as usize) << 2));
  if (resource < 0) return;
  if (scopeSize > 0 && load<i32>(scope + (((scopeSize - 1) as usize) << 2)) == resource) return;
  store<i32>(scope + ((scopeSize as usize) << 2), resource);
  scopeSize++;
}

function markEvaluated(i: i32): void {
  const at = evaluated.reserve(4);
  if (at == 0) {
    budget.exhaust();
    return;
  }
  store<i32>(at, i);
  evaluated.size += 4;
}

function run(start: usize, i: i32): bool {
  const key = tape.kind(i);
  const kind = key == Kind.Key ? Kind.String : key;
  const mark = evaluated.size;
  let at = start;
  while (budget.charge(1)) {
    const instruction = changetype<Instruction>(at);
    at += INSTRUCTION_SIZE;
    let isRight = true;
    switch (instruction.op as i32) {
      case Op.End:
        return true;
      case Op.Type:
        isRight = isOfType(i, kind, instruction.a);
        break;
      case Op.Enum:
        isRight = isAmong(i, instruction.a);
        break;
      case Op.Const:
        isRight = equalValues(tape, i, constants, instruction.a, arena);
        break;
      case Op.Limit:
        if (kind == Kind.Number)
          isRight = isWithin(i, changetype<Limit>(instruction.p), instruction.a);
        break;
      case Op.MultipleOf:
        if (kind == Kind.Number) isRight = isMultiple(i, instruction);
        break;
      case Op.Length:
        if (kind == Kind.String)
          isRight = isBetween(countCharacters(textOf(tape, i, arena)), instruction);
        break;
      case Op.Pattern:
        if (kind == Kind.String) isRight = matches(instruction.a, textOf(tape, i, arena));
        break;
      case Op.Format:
        if (kind == Kind.String) {
          const text = textOf(tape, i, arena);
          isRight = budget.chargeBytes(length(text)) && hasFormat(instruction.a, text);
        }
        break;
      case Op.Items:
        if (kind == Kind.Array) isRight = isBetween(sizeOf(i), instruction);
        break;
      case Op.Members:
        if (kind == Kind.Object) isRight = isBetween(sizeOf(i), instruction);
        break;
      case Op.UniqueItems:
        if (kind == Kind.Array) isRight = findRepeated(tape, i, arena) == NO_NODE;
        break;
      case Op.Object:
        if (kind != Kind.Object) break;
        if (!membersHold(changetype<Members>(instruction.p), i, instruction.keyword as Keyword))
          return false;
        break;
      case Op.Array:
        if (kind != Kind.Array) break;
        if (!elementsHold(changetype<Elements>(instruction.p), i)) return false;
        break;
      case Op.IfHas:
        if (kind != Kind.Object || !hasMember(i, load<Span>(instruction.p))) break;
        if (!holdsHere(instruction.a, i, instruction.keyword as Keyword)) return false;
        break;
      case Op.Apply:
        if (!holdsHere(instruction.a, i, instruction.keyword as Keyword)) return false;
        break;
      case Op.Dynamic:
        if (!holds(inScope(instruction), i)) return false;
        break;
      case Op.AnyOf:
        isRight = anyHolds(instruction, i);
        break;
      case Op.OneOf:
        isRight = oneHolds(instruction, i);
        break;
      case Op.Not: {
        const before = evaluated.size;
        isRight = !holds(instruction.a, i);
        evaluated.size = before;
        break;
      }
      case Op.If:
        if (!branchHolds(instruction, i)) return false;
        break;
      case Op.UnevaluatedItems:
        if (kind != Kind.Array) break;
        if (!restHolds(instruction, i, 0, mark)) return false;
        break;
      case Op.UnevaluatedProperties:
        if (kind != Kind.Object) break;
        if (!restHolds(instruction, i, 1, mark)) return false;
        break;
    }
    if (budget.isSpent()) return false;
    if (!isRight) return fail(i, instruction.keyword as Keyword);
  }
  return false;
}

/** The subschema `false` fails as the keyword that has it. */
function holdsHere(schema: i32, i: i32, keyword: Keyword): bool {
  return schema == NEVER ? fail(i, keyword) : holds(schema, i);
}

// ---- any value

function isOfType(i: i32, kind: Kind, types: i32): bool {
  switch (kind) {
    case Kind.Object:
      return (types & Type.Object) != 0;
    case Kind.Array:
      return (types & Type.Array) != 0;
    case Kind.String:
      return (types & Type.String) != 0;
    case Kind.Number:
      return (types & Type.Number) != 0 || ((types & Type.Integer) != 0 && isInteger(i));
    case Kind.Null:
      return (types & Type.Null) != 0;
  }
  return (types & Type.Boolean) != 0;
}

function isAmong(i: i32, list: i32): bool {
  const stop = constants.after(list);
  for (let each = constants.firstChild(list); each < stop; each = constants.after(each)) {
    if (equalValues(tape, i, constants, each, arena)) return true;
  }
  return false;
}

/** The numbers of values between the bounds. */
function isBetween(count: i32, instruction: Instruction): bool {
  return count >= instruction.a && count <= instruction.b;
}

function sizeOf(i: i32): i32 {
  const size = tape.size(i);
  budget.charge(size >> 2);
  return size;
}

// ---- numbers

function readNumber(i: i32): void {
  const text = tape.raw(i);
  budget.chargeBytes(length(text) << 2);
  left.read(text, leftDigits);
  if (leftDigits.failed) budget.exhaust();
}

function isInteger(i: i32): bool {
  if (tape.isIntegral(i)) return true;
  readNumber(i);
  return left.isInteger;
}

function isWithin(i: i32, limit: Limit, side: i32): bool {
  let order = 0;
  if (limit.isShort && tape.isIntegral(i) && isShort(tape.raw(i))) {
    const value = shortInteger(tape.raw(i));
    order = value < limit.short ? -1 : value > limit.short ? 1 : 0;
  } else {
    readNumber(i);
    right.read(limit.text, rightDigits);
    order = left.compare(right);
  }
  switch (side) {
    case Side.AtMost:
      return order <= 0;
    case Side.Below:
      return order < 0;
    case Side.AtLeast:
      return order >= 0;
  }
  return order > 0;
}

function isMultiple(i: i32, instruction: Instruction): bool {
  readNumber(i);
  return left.isMultipleOf(load<u64>(instruction.p), instruction.a);
}

// ---- strings

function countCharacters(text: Span): i32 {
  budget.chargeBytes(length(text));
  let count = 0;
  for (let at = address(text), stop = end(text); at < stop; at++) {
    if ((load<u8>(at) & 0xc0) != 0x80) count++;
  }
  return count;
}

/** Charged as for the slowest of the regex engine's machines, a step for each byte and instruction,
 * of which sixteen are as much work as a unit. */
function matches(pattern: i32, text: Span): bool {
  const regex = unchecked(regexes[pattern]);
  const work = ((length(text) as i64) * regex.programSize) >> 4;
  if (work > i32.MAX_VALUE || !budget.charge(work as i32)) {
    budget.exhaust();
    return false;
  }
  return regex.isMatch(text);
}

// ---- objects

function hasMember(i: i32, name: Span): bool {
  const stop = tape.after(i);
  for (let key = tape.firstChild(i); key < stop; key = tape.after(key + 1)) {
    if (!budget.charge(1)) return false;
    if (tape.isText(key, name)) return true;
  }
  return false;
}

function membersHold(members: Members, i: i32, keyword: Keyword): bool {
  let seen: u64 = 0;
  const stop = tape.after(i);
  for (let key = tape.firstChild(i); key < stop; key = tape.after(key + 1)) {
    if (!budget.charge(1)) return false;
    const value = key + 1;
    const name = textOf(tape, key, arena);
    let isKnown = false;
    if (members.slots != 0) {
      const slot = members.find(name);
      if (changetype<usize>(slot) != 0) {
        if (slot.bit >= 0) seen |= (1 as u64) << slot.bit;
        if (slot.schema != ABSENT) {
          isKnown = true;
          if (!holdsForPart(slot.schema, value, Keyword.Properties)) return false;
        }
      }
    }
    for (let k = 0; k < members.patternCount; k++) {
      const pair = members.patterns + ((k as usize) << 3);
      if (!matches(load<i32>(pair), name)) continue;
      isKnown = true;
      if (!holdsForPart(load<i32>(pair, 4), value, Keyword.PatternProperties)) return false;
    }
    if (!isKnown && members.additional != ABSENT) {
      isKnown = true;
      if (!holdsForPart(members.additional, value, Keyword.AdditionalProperties)) return false;
    }
    if (members.names != ABSENT && !holdsForPart(members.names, key, Keyword.PropertyNames))
      return false;
    if (tracks && isKnown) markEvaluated(value);
  }
  if (budget.isSpent()) return false;
  return seen == members.required || failMissing(members, seen, i, keyword);
}

function failMissing(members: Members, seen: u64, i: i32, keyword: Keyword): bool {
  fail(i, keyword);
  const bit = ctz(members.required & ~seen) as i32;
  for (let place = 0; place <= members.mask; place++) {
    const slot = members.slot(place);
    if (slot.name != NONE && slot.bit == bit) failedName = slot.name;
  }
  return false;
}

// ---- arrays

function elementsHold(elements: Elements, i: i32): bool {
  const stop = tape.after(i);
  let index = 0;
  let count = 0; // elements that `contains` holds for
  for (let child = tape.firstChild(i); child < stop; child = tape.after(child), index++) {
    if (!budget.charge(1)) return false;
    let isEvaluated = true;
    if (index < elements.prefixCount) {
      const schema = load<i32>(elements.prefix + ((index as usize) << 2));
      if (!holdsForPart(schema, child, elements.prefixKeyword)) return false;
    } else if (elements.rest != ABSENT) {
      if (!holdsForPart(elements.rest, child, elements.restKeyword)) return false;
    } else {
      isEvaluated = false;
    }
    const mayCount = tracks || count < elements.least || elements.most != i32.MAX_VALUE;
    if (mayCount && elements.contains != ABSENT) {
      if (holdsForPart(elements.contains, child, Keyword.Contains)) {
        count++;
        if (elements.marks) isEvaluated = true;
      }
      if (budget.isSpent()) return false;
    }
    if (tracks && isEvaluated) markEvaluated(child);
  }
  if (elements.contains == ABSENT) return true;
  if (count < elements.least)
    return fail(i, elements.least == 1 ? Keyword.Contains : Keyword.MinContains);
  return count <= elements.most || fail(i, Keyword.MaxContains);
}

// ---- combinations

/** The subschema that the outermost resource of the dynamic scope has for the anchor. */
function inScope(instruction: Instruction): i32 {
  for (let k = 0; k < scopeSize; k++) {
    const resource = load<i32>(scope + ((k as usize) << 2));
    for (let at = anchors; load<i32>(at) >= 0; at += 12) {
      if (load<i32>(at) == instruction.b && load<i32>(at, 4) == resource) return load<i32>(at, 8);
    }
  }
  return instruction.a;
}

function choice(instruction: Instruction, k: i32): i32 {
  return load<i32>(instruction.p + ((k as usize) << 2));
}

/** All are asked where it matters what each has evaluated. */
function anyHolds(instruction: Instruction, i: i32): bool {
  let isRight = false;
  for (let k = 0; k < instruction.a; k++) {
    const mark = evaluated.size;
    if (holds(choice(instruction, k), i)) {
      isRight = true;
      if (!tracks) break;
    } else {
      evaluated.size = mark;
    }
    if (budget.isSpent()) return false;
  }
  return isRight;
}

function oneHolds(instruction: Instruction, i: i32): bool {
  let count = 0;
  for (let k = 0; k < instruction.a && count < 2; k++) {
    const mark = evaluated.size;
    if (holds(choice(instruction, k), i)) count++;
    else evaluated.size = mark;
    if (budget.isSpent()) return false;
  }
  return count == 1;
}

function branchHolds(instruction: Instruction, i: i32): bool {
  const mark = evaluated.size;
  const isSo = holds(instruction.a, i);
  if (budget.isSpent()) return false;
  if (!isSo) evaluated.size = mark;
  const schema = isSo ? instruction.b : instruction.c;
  return schema == ABSENT || holdsHere(schema, i, isSo ? Keyword.Then : Keyword.Else);
}

/** The flag of a record of the tape. */
const EVALUATED: u32 = 1;

/** Judges the children of `i` that are not among those evaluated since `mark`. `step`: a child is a
 * member, its value behind its key. */
function restHolds(instruction: Instruction, i: i32, step: i32, mark: u32): bool {
  if (!budget.charge((evaluated.size - mark) >> 2)) return false;
  const stop = tape.after(i);
  // Children that are evaluated are marked for the time of this walk: those of `i` and of no other
  // value.
  for (let at = mark; at < evaluated.size; at += 4) {
    tape.setFlags(load<i32>(evaluated.base + at), EVALUATED);
  }
  let isRight = true;
  for (let child = tape.firstChild(i) + step; child < stop; child = tape.after(child) + step) {
    if (tape.flags(child) != 0) {
      tape.setFlags(child, 0);
    } else if (isRight) {
      isRight =
        budget.charge(1) && holdsForPart(instruction.a, child, instruction.keyword as Keyword);
      if (isRight) markEvaluated(child);
    }
  }
  return isRight && !budget.isSpent();
}
