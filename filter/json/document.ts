// The JSON document that is being edited: the tape of its text, and, for those objects and arrays
// where something changes, lists of what they hold now. Nothing is copied until it is printed;
// what no edit touches is printed as it came, white space, key order, number spelling and escapes
// included, and what comes new is in the style of its neighbours.
//
// An object or array becomes open when its children change; then so are all those around it. The
// record of an open one has the address of its Branch where `after` was, and the record of each of
// its children the address of its Item where `parent` was:
//
//   open record ──after──► Branch ──first──► Item ──next──► Item …
//                                             ▲ └─value─► record of the child
//                                             └──parent── (flag LINKED)
//
// There is one document at a time: `begin`, edits, `print`, `finish`. Memory is an arena of its own.
// When that cannot grow, `failed` is set, edits come to nothing and the caller asks at the end.
//
// Equal names in an object are read as JSON.parse does, the last counts. Since other readers believe
// the first, only the last stays wherever a name is looked up: nothing hides from an edit.

import { Arena } from "../bytes/arena";
import { address, length, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { JsonError, Kind, NO_NODE, Tape } from "./tape";

/** Nesting of documents and of values put in; beyond, the work of later readers would be at risk. */
export const MAX_DEPTH: i32 = 1000;
/** Values of that depth at the end of a path of 100 segments, moved a few times. */
const MAX_PRINTED_DEPTH: i32 = 2000;

const OPEN: u32 = 1;
const LINKED: u32 = 2;
/** For whoever gathers records; see `select.ts`. */
export const SEEN: u32 = 4;
export const WALKED: u32 = 8;

@unmanaged
@final
class Item {
  next: usize; // Item, or 0
  container: i32; // record of the open object or array, NO_NODE for the root
  key: i32; // record of the name; NO_NODE in an array
  value: i32;
  origin: i32; // first record of the child that stood here in the text, NO_NODE for one put in
  gone: bool;
}

@unmanaged
@final
class Branch {
  first: usize; // Item, or 0
  last: usize;
  count: i32; // without those that are gone
  after: i32; // what the record had there
}

const ITEM_SIZE: i32 = offsetof<Item>() as i32;
const BRANCH_SIZE: i32 = offsetof<Branch>() as i32;

export const tape = Tape.create();
export const arena = Arena.create();
/** Memory ran out. */
export let failed: bool = false;
/** Some edit took place. */
export let changed: bool = false;
/** A name that was looked up is there more than once in its object. */
export let hadTwins: bool = false;
/** Why `begin` answered false. */
export let isTooLarge: bool = false;
let root: usize = 0; // Item

/** Begins with the text, which must stay until `finish`; false when it is not JSON or too large. */
export function begin(text: Span): bool {
  failed = false;
  changed = false;
  hadTwins = false;
  const isGood = tape.parse(text, MAX_DEPTH);
  isTooLarge = !isGood && tape.errorCode == JsonError.Memory;
  if (!isGood) return false;
  root = newItem(NO_NODE, NO_NODE, 0, 0);
  return !failed;
}

/** Memory ran out on the way to an edit. */
export function noteFailure(): void {
  failed = true;
}

/** Gives back what the document took. */
export function finish(): void {
  tape.shrink();
  arena.reset();
}

function itemAt(at: usize): Item {
  return changetype<Item>(at);
}

function branchOf(container: i32): Branch {
  return changetype<Branch>(tape.after(container) as usize);
}

function isOpen(i: i32): bool {
  return (tape.flags(i) & OPEN) != 0;
}

function linkOf(i: i32): usize {
  return tape.parent(i) as usize;
}

function newItem(container: i32, key: i32, value: i32, origin: i32): usize {
  const at = arena.allocate(ITEM_SIZE);
  if (at == 0) {
    failed = true;
    return 0;
  }
  const item = itemAt(at);
  item.next = 0;
  item.container = container;
  item.key = key;
  item.origin = origin;
  item.gone = false;
  link(value, at);
  return at;
}

/** Makes the value the one of the item. */
function link(value: i32, at: usize): void {
  itemAt(at).value = value;
  tape.setParent(value, at as i32);
  tape.setFlags(value, tape.flags(value) | LINKED);
}

/** Opens an object or array, and those around it; false when memory ran out. */
function open(container: i32): bool {
  if (isOpen(container)) return true;
  if (!(tape.flags(container) & LINKED) && !open(tape.parent(container))) return false;
  const at = arena.allocate(BRANCH_SIZE);
  if (at == 0) {
    failed = true;
    return false;
  }
  const branch = changetype<Branch>(at);
  const stop = tape.after(container);
  const isObject = tape.kind(container) == Kind.Object;
  branch.first = 0;
  branch.last = 0;
  branch.count = 0;
  branch.after = stop;
  for (let i = container + 1; i < stop; ) {
    const value = isObject ? i + 1 : i;
    const next = tape.after(value);
    const item = newItem(container, isObject ? i : NO_NODE, value, i);
    if (item == 0) return false;
    if (branch.last == 0) branch.first = item;
    else itemAt(branch.last).next = item;
    branch.last = item;
    branch.count++;
    i = next;
  }
  tape.setAfter(container, at as i32);
  tape.setFlags(container, tape.flags(container) | OPEN);
  return true;
}

/** The item of a value; 0 when memory ran out. */
function itemOf(value: i32): usize {
  if (!(tape.flags(value) & LINKED) && !open(tape.parent(value))) return 0;
  return linkOf(value);
}

// ---- reading

export function rootValue(): i32 {
  return itemAt(root).value;
}

export function isObject(i: i32): bool {
  return tape.kind(i) == Kind.Object;
}

export function isArray(i: i32): bool {
  return tape.kind(i) == Kind.Array;
}

/** The first item from `at` on that is there, or 0. */
function present(at: usize): usize {
  while (at != 0 && itemAt(at).gone) at = itemAt(at).next;
  return at;
}

/** The first value in an object or array, or NO_NODE. */
export function firstChild(container: i32): i32 {
  if (isOpen(container)) {
    const at = present(branchOf(container).first);
    return at == 0 ? NO_NODE : itemAt(at).value;
  }
  const first = container + 1;
  if (first == tape.after(container)) return NO_NODE;
  return isObject(container) ? first + 1 : first;
}

/** The value after `child`, or NO_NODE. */
export function nextChild(container: i32, child: i32): i32 {
  if (isOpen(container)) {
    const at = present(itemAt(linkOf(child)).next);
    return at == 0 ? NO_NODE : itemAt(at).value;
  }
  const next = tape.after(child);
  if (next == tape.after(container)) return NO_NODE;
  return isObject(container) ? next + 1 : next;
}

/** The object or array around a value, or NO_NODE. */
export function parentOf(value: i32): i32 {
  return tape.flags(value) & LINKED ? itemAt(linkOf(value)).container : tape.parent(value);
}

/** The record of the name of a value in an object. */
export function keyOf(value: i32): i32 {
  return tape.flags(value) & LINKED ? itemAt(linkOf(value)).key : value - 1;
}

/** Members of an object or elements of an array. */
export function countOf(container: i32): i32 {
  return isOpen(container) ? branchOf(container).count : tape.size(container);
}

/** The element at the index, which counts from the end when negative, or NO_NODE. */
export function element(array: i32, index: i64): i32 {
  if (index < 0) index += countOf(array);
  if (index < 0) return NO_NODE;
  let child = firstChild(array);
  for (let i: i64 = 0; i < index && child != NO_NODE; i++) child = nextChild(array, child);
  return child;
}

/** The value of the last member of that name, or NO_NODE; members before it with the same name go. */
export function member(object: i32, name: Span): i32 {
  let last = NO_NODE;
  let twins = false;
  if (isOpen(object)) {
    for (let at = present(branchOf(object).first); at != 0; at = present(itemAt(at).next)) {
      if (!tape.isText(itemAt(at).key, name)) continue;
      if (last != NO_NODE) twins = true;
      last = itemAt(at).value;
    }
  } else {
    const stop = tape.after(object);
    for (let key = object + 1; key < stop; key = tape.after(key + 1)) {
      if (!tape.isText(key, name)) continue;
      if (last != NO_NODE) twins = true;
      last = key + 1;
    }
  }
  if (twins) removeTwins(object, name, last);
  return last;
}

function removeTwins(object: i32, name: Span, last: i32): void {
  hadTwins = true;
  let child = firstChild(object);
  while (child != NO_NODE && child != last) {
    // Opening changes no record's number.
    if (tape.isText(keyOf(child), name)) remove(child);
    child = nextChild(object, child);
  }
}

/** Whether it was taken away. */
export function isGone(value: i32): bool {
  return (tape.flags(value) & LINKED) != 0 && itemAt(linkOf(value)).gone;
}

/** The characters of a JSON string; NONE when it is none, or memory ran out. */
export function nameOf(quoted: Span): Span {
  const i = newValue(quoted);
  return i == NO_NODE || tape.kind(i) != Kind.String ? NONE : tape.text(i, arena);
}

/** The text of a value as it stands now; NONE when memory ran out or it became too deep. */
export function textOf(value: i32): Span {
  if (!isOpen(value)) return tape.raw(value);
  const out = Writer.create();
  const isGood = print(value, out);
  const at: usize = isGood ? arena.allocate(out.size) : 0;
  const size = out.size;
  if (at != 0) memory.copy(at, out.base, size);
  else if (isGood || out.failed) failed = true;
  out.destroy();
  return at == 0 ? NONE : span(at, size);
}

// ---- new values, not yet anywhere

// What is put between things that are new.
const MARKS: StaticArray<u8> = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x20]; // {}[],: and a space
const OBJECT: i32 = 0;
const ARRAY: i32 = 2;
const COMMA: i32 = 4;
const COLON: i32 = 5;
const SPACE: i32 = 6;

function mark(which: i32, size: i32): Span {
  return span(changetype<usize>(MARKS) + which, size);
}

function noted(i: i32): i32 {
  if (i == NO_NODE) failed = true;
  return i;
}

/** The value of JSON text, which must stay; NO_NODE when it is none, is too deep, or memory ran out. */
export function newValue(text: Span): i32 {
  const value = tape.append(text, MAX_DEPTH);
  if (value == NO_NODE && tape.errorCode == JsonError.Memory) failed = true;
  return value;
}

export function newObject(): i32 {
  return noted(tape.appendOne(Kind.Object, mark(OBJECT, 2)));
}

export function newArray(): i32 {
  return noted(tape.appendOne(Kind.Array, mark(ARRAY, 2)));
}

// ---- edits

/** Puts a new value, or one that was removed, in the place of another. */
export function replace(old: i32, value: i32): void {
  const at = itemOf(old);
  if (at == 0 || value == NO_NODE) return;
  link(value, at);
  changed = true;
}

/** Takes a member or element away. The root stays. */
export function remove(value: i32): void {
  const at = itemOf(value);
  if (at == 0 || at == root || itemAt(at).gone) return;
  itemAt(at).gone = true;
  branchOf(itemAt(at).container).count--;
  changed = true;
}

/** Takes away what `putBack` can put back where nothing else has become of it: its place, or 0. */
export function take(value: i32): usize {
  const at = itemOf(value);
  remove(value);
  return at;
}

export function putBack(at: usize, value: i32): void {
  itemAt(at).gone = false;
  branchOf(itemAt(at).container).count++;
  link(value, at);
}

/** Adds a member at the end; `quoted` is the name as a JSON string, which must stay. */
export function addMember(object: i32, quoted: Span, value: i32): void {
  const key = noted(tape.appendOne(Kind.Key, quoted));
  if (key != NO_NODE) addLast(object, key, value);
}

export function addElement(array: i32, value: i32): void {
  addLast(array, NO_NODE, value);
}

function addLast(container: i32, key: i32, value: i32): void {
  if (value == NO_NODE || !open(container)) return;
  const at = newItem(container, key, value, NO_NODE);
  if (at == 0) return;
  const branch = branchOf(container);
  if (branch.last == 0) branch.first = at;
  else itemAt(branch.last).next = at;
  branch.last = at;
  branch.count++;
  changed = true;
}

/** Adds an element before another, which moves one place on. */
export function addBefore(old: i32, value: i32): void {
  const place = itemOf(old);
  if (place == 0 || value == NO_NODE) return;
  const item = itemAt(place);
  const at = newItem(item.container, NO_NODE, value, NO_NODE);
  if (at == 0) return;
  // The two change places, so that nobody needs to know who comes before.
  const fresh = itemAt(at);
  fresh.next = item.next;
  fresh.origin = item.origin;
  link(old, at);
  item.next = at;
  item.origin = NO_NODE;
  link(value, place);
  const branch = branchOf(item.container);
  if (branch.last == place) branch.last = at;
  branch.count++;
  changed = true;
}

/** Gives a member another name, a JSON string that must stay. */
export function rename(value: i32, quoted: Span): void {
  const at = itemOf(value);
  const key = noted(tape.appendOne(Kind.Key, quoted));
  if (at == 0 || key == NO_NODE) return;
  itemAt(at).key = key;
  changed = true;
}

// ---- printing

// What lies in one piece in memory is copied in one go: bytes from `runFrom` to `runTo` are due.
let sink: Writer = changetype<Writer>(0);
let runFrom: usize = 0;
let runTo: usize = 0;

function emit(from: usize, to: usize): void {
  if (from == runTo) {
    runTo = to;
    return;
  }
  sink.bytes(runFrom, (runTo - runFrom) as u32);
  runFrom = from;
  runTo = to;
}

function emitSpan(text: Span): void {
  emit(address(text), address(text) + length(text));
}

/** Writes the document with `before` and `after` around it: what stood around it in the text. False
 * when there is no memory, or it became too deep. */
export function printAll(text: Span, out: Writer): bool {
  const value = rootValue();
  const start = tape.start(0);
  out.bytes(address(text), start);
  if (!print(value, out)) return false;
  out.bytes(tape.source + tape.end(0), length(text) - tape.end(0));
  return !out.failed;
}

function print(value: i32, out: Writer): bool {
  sink = out;
  runFrom = 0;
  runTo = 0;
  const isGood = printValue(value, 0);
  emit(0, 0);
  return isGood && !out.failed;
}

function printValue(value: i32, depth: i32): bool {
  const start = tape.source + tape.start(value);
  const stop = tape.source + tape.end(value);
  if (!isOpen(value)) {
    emit(start, stop);
    return true;
  }
  if (depth == MAX_PRINTED_DEPTH) return false;
  const branch = branchOf(value);
  const wasEmpty = value + 1 == branch.after;
  const inside = start + 1;
  // The white space before the first child stays in front, that behind the last at the end.
  emit(start, wasEmpty ? inside : tape.source + tape.start(value + 1));
  let isFirst = true;
  for (let at = present(branch.first); at != 0; at = present(itemAt(at).next)) {
    const item = itemAt(at);
    if (!isFirst) printSeparator(value, item);
    isFirst = false;
    if (item.key != NO_NODE) printName(value, item);
    if (!printValue(item.value, depth + 1)) return false;
  }
  emit(wasEmpty ? inside : backOverSpace(stop - 1), stop);
  return true;
}

function isSpace(at: usize): bool {
  return load<u8>(at) <= 0x20;
}

/** Of valid JSON: the end of what stands before the white space that ends at `at`. */
function backOverSpace(at: usize): usize {
  while (isSpace(at - 1)) at--;
  return at;
}

/** What stands before a child that is not the first: as it was, or as it is among its neighbours. */
function printSeparator(container: i32, item: Item): void {
  const origin = item.origin;
  if (origin == NO_NODE || origin == container + 1) {
    printNewSeparator(container);
    return;
  }
  const stop = tape.source + tape.start(origin);
  emit(backOverSpace(backOverSpace(stop) - 1), stop); // over the comma
}

/** The comma and white space between two children, as the document has it between its first two;
 * with one child, as it has it before that one. */
function printNewSeparator(container: i32): void {
  const first = container + 1;
  const stop = branchOf(container).after;
  if (first == stop) {
    emitSpan(mark(COMMA, 1));
    return;
  }
  const isObjectHere = isObject(container);
  const value = isObjectHere ? first + 1 : first;
  const second = isOpen(value) ? branchOf(value).after : tape.after(value);
  if (second < stop) {
    emit(tape.source + tape.end(value), tape.source + tape.start(second));
    return;
  }
  emitSpan(mark(COMMA, 1));
  const before = tape.source + tape.start(container) + 1;
  const to = tape.source + tape.start(first);
  if (hasLineEnd(before, to)) emit(before, to);
  else if (isObjectHere && tape.start(value) - tape.end(first) > 1) emitSpan(mark(SPACE, 1));
}

function hasLineEnd(from: usize, to: usize): bool {
  for (; from < to; from++) {
    if (load<u8>(from) == 0x0a) return true;
  }
  return false;
}

/** The name and the colon with the white space around it. */
function printName(container: i32, item: Item): void {
  emitSpan(tape.raw(item.key));
  if (item.origin == NO_NODE) printNewColon(container);
  else emitColonOf(item.origin);
}

function emitColonOf(key: i32): void {
  const from = tape.source + tape.end(key);
  let to = from;
  while (isSpace(to)) to++;
  to++; // the colon
  while (isSpace(to)) to++;
  emit(from, to);
}

/** A colon in the style of the object's first member; in a new object, of those around it. */
function printNewColon(container: i32): void {
  let at = container;
  while (at != NO_NODE) {
    if (isObject(at) && at + 1 < branchOf(at).after) {
      emitColonOf(at + 1);
      return;
    }
    at = parentOf(at);
  }
  emitSpan(mark(COLON, 1));
}
