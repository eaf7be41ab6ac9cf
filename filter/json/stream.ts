// Edits a JSON document (RFC 8259) while it passes, in pieces cut anywhere: each byte is looked at once
// and goes on as it came unless an edit takes it away. What has been sent cannot be called back, so a
// text that turns out not to be JSON is reported where that is seen, and nothing after it is written.
//
// Two machines run over the same bytes. The lexer knows the grammar; its whole state is what it is in,
// and one bit for each open bracket. Above it, a frame for each bracket on the way to a place that an
// edit names has the edits that are still possible there. Inside anything else there is no frame, and
// bytes only pass the lexer.
//
// Directly inside a frame's brackets what stands between values is held back until the next child is
// known, since the comma goes with a child that is removed: white space, the comma, and a name, which
// is given up as soon as it is longer than any that is looked for. So at most HELD_LIMIT bytes of
// white space and six times the longest name are held, however large the document.
//
// Members of one name: a removal takes all, a value is put in each, so that no reader finds another.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { address, end, equal, length, NONE, Span, span } from "../bytes/span";
import { MARK } from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { MAX_DEPTH } from "./document";
import { EditKind, SKIPPED } from "./edit";
import { Select, Selector } from "./path";
import { StreamEdit, StreamPlan } from "./stream-plan";
import { skipDigits, skipPlain, skipSpace, unescapedName } from "./tape";

/** White space that is held back beside a member or element. */
export const HELD_LIMIT: i32 = 64 * 1024;
/** White space around a comma or colon that new members imitate; longer is not imitated. */
const STYLE_SIZE: i32 = 64;

export const enum Streamed {
  /** The piece goes on as it is. */
  Same,
  Changed,
  Invalid,
  OutOfMemory,
}

const enum Lex {
  /** A value is due. */
  Value,
  ValueOrClose,
  Key,
  KeyOrClose,
  Colon,
  /** A value has ended: a comma or closing bracket, or at the top the end. */
  After,
  String,
  Escape,
  Hex,
  /** Inside a character of several bytes. */
  Foreign,
  Word,
  Minus,
  Zero,
  Integer,
  Point,
  Fraction,
  Exponent,
  ExponentSign,
  ExponentDigits,
}

/** Where bytes go. */
const enum Flow {
  Pass,
  Hold,
  Drop,
}

/** An open bracket on the way to some place. */
@unmanaged
@final
class Frame {
  edits: u64; // a bit for each that is possible here
  seen: u64; // those of them whose child was there
  children: i64;
  kept: i64; // those of them that went on
  isObject: bool;
  leadSize: i32; // white space before the first child; STYLE_SIZE + 1 when it is longer
  commaSize: i32; // the comma between the first two with white space
  colonSize: i32; // the colon of the first member with white space
  style: usize; // address of three times STYLE_SIZE bytes
}

const FRAME_SIZE: i32 = (offsetof<Frame>() + 7) & ~7;
const LEVEL_SIZE: i32 = FRAME_SIZE + 3 * STYLE_SIZE;
const BITS_SIZE: i32 = ((MAX_DEPTH >> 3) + 8) & ~7;
const LEAD: i32 = 0;
const COMMA: i32 = STYLE_SIZE;
const COLON: i32 = 2 * STYLE_SIZE;

@unmanaged
@final
class State {
  values: usize; // a Span for each slot
  edits: u64; // those whose value is not skipped
  next: u64; // edits possible inside the value that is due
  held: usize; // address
  heldSize: i32;
  capacity: i32;
  heldKey: i32; // bytes held before the name; -1 while none is held
  replaced: i32; // the edit whose value takes the place of the one that is due, or -1
  lex: i32;
  flow: i32;
  depth: i32; // open brackets
  level: i32; // frames; while it is `depth`, the innermost bracket has one
  wordAt: i32; // in WORDS
  wordEnd: i32;
  count: i32; // digits of \u, or bytes of a character, still due
  low: i32; // bounds of its next byte
  high: i32;
  isKey: bool; // of the string
  inColon: bool; // between the first name and its value
  hasBegun: bool;
  marked: i32; // bytes of a byte order mark that have come; all of them where there is none
  isFailed: bool;
  bits: usize; // a bit for each open bracket, set for an object
  frames: usize;

  frame(i: i32): Frame {
    return changetype<Frame>(this.frames + i * LEVEL_SIZE);
  }

  get top(): Frame {
    return this.frame(this.level - 1);
  }

  get isInFrame(): bool {
    return this.level == this.depth && this.depth > 0;
  }

  get inObject(): bool {
    const at = this.depth - 1;
    return (load<u8>(this.bits + (at >> 3)) & (1 << (at & 7))) != 0;
  }

  push(isObject: bool): void {
    const at = this.depth++;
    const byte = this.bits + (at >> 3);
    const bit = 1 << (at & 7);
    const rest = load<u8>(byte) & ~bit;
    store<u8>(byte, (isObject ? rest | bit : rest) as u8);
  }
}

const STATE_SIZE: i32 = (offsetof<State>() + 7) & ~7;

// truefalsenull
const WORDS: StaticArray<u8> = [
  0x74, 0x72, 0x75, 0x65, 0x66, 0x61, 0x6c, 0x73, 0x65, 0x6e, 0x75, 0x6c, 0x6c,
];

// Of the piece at hand.
let plan: StreamPlan = new StreamPlan();
let state: State = changetype<State>(0);
let out: Writer = changetype<Writer>(0);
let arena: Arena = changetype<Arena>(0);
/** Bytes that pass are due from here; while some are held or dropped, up to where that began. */
let runFrom: usize = 0;
let holdFrom: usize = 0;
/** The text of the first colon is to be noted from here. */
let colonFrom: usize = 0;
let isTouched: bool = false;
let isOutOfMemory: bool = false;

/** A state for one document, in `arena`, or 0 at the ceiling. `values` is the address of a Span of JSON
 * text, or SKIPPED, for each slot. */
export function openStream(plan: StreamPlan, values: usize, arena: Arena): usize {
  const levels = plan.depth * LEVEL_SIZE;
  const at = arena.allocate(STATE_SIZE + BITS_SIZE + levels);
  if (at == 0) return 0;
  memory.fill(at, 0, STATE_SIZE);
  const fresh = changetype<State>(at);
  fresh.values = values;
  fresh.bits = at + STATE_SIZE;
  fresh.frames = fresh.bits + BITS_SIZE;
  fresh.heldKey = -1;
  fresh.replaced = -1;
  for (let i = 0; i < plan.edits.length; i++) {
    const edit = plan.edits[i];
    if (edit.slot >= 0 && load<Span>(values + edit.slot * 8) == SKIPPED) continue;
    fresh.edits |= (1 as u64) << i;
    if (edit.path.size == 0 && edit.kind != EditKind.Default) fresh.replaced = i;
  }
  fresh.next = fresh.edits;
  return at;
}

/** Takes the next piece; `last`: nothing follows. Unless it answers Same, what stands for the piece is
 * in `target`. */
export function feedStream(
  edits: StreamPlan,
  at: usize,
  piece: Span,
  last: bool,
  within: Arena,
  target: Writer,
): Streamed {
  plan = edits;
  state = changetype<State>(at);
  out = target;
  arena = within;
  if (state.isFailed) return Streamed.Invalid;
  if (length(piece) > 0) state.hasBegun = true;
  isOutOfMemory = false;
  runFrom = address(piece);
  holdFrom = runFrom;
  colonFrom = runFrom;
  isTouched = state.flow != Flow.Pass;
  const stop = end(piece);
  const from = state.marked < MARK.length ? skipMark(runFrom, stop) : runFrom;
  const isGood = from != 0 && lex(from, stop) && settle(stop) && (!last || isComplete());
  if (isOutOfMemory || out.failed) return Streamed.OutOfMemory;
  if (!isGood) {
    state.isFailed = true;
    return Streamed.Invalid;
  }
  return isTouched ? Streamed.Changed : Streamed.Same;
}

/** Where the document begins, or goes on: a byte order mark in front of it passes (RFC 8259 8.1); 0 when
 * only a part of one has come. */
function skipMark(from: usize, stop: usize): usize {
  let at = from;
  while (at < stop && load<u8>(at) == unchecked(MARK[state.marked])) {
    at++;
    if (++state.marked == MARK.length) return at;
  }
  if (at == stop) return at;
  const isPart = state.marked > 0;
  state.marked = MARK.length;
  return isPart ? 0 : at;
}

/** Whether the document has had a byte so far. */
export function hasBegun(at: usize): bool {
  return changetype<State>(at).hasBegun;
}

/** At the end of a piece: what is held is kept, what passes is written. */
function settle(stop: usize): bool {
  if (state.inColon && state.lex <= Lex.Colon) noteStyle(state.top, COLON, colonFrom, stop);
  if (state.flow == Flow.Hold) {
    if (state.heldKey < 0) {
      if (heldBytes(stop) > HELD_LIMIT) return false;
    } else if (isTooLongKey(stop)) {
      // Whatever it is, it is none that is looked for.
      chooseChild(NONE, stop);
    }
  }
  if (state.flow == Flow.Hold) {
    isTouched = true;
    out.bytes(runFrom, (holdFrom - runFrom) as u32);
    return keep(holdFrom, stop);
  }
  if (state.flow == Flow.Pass && isTouched) out.bytes(runFrom, (stop - runFrom) as u32);
  return true;
}

function isComplete(): bool {
  if (state.depth > 0) return false;
  switch (state.lex) {
    case Lex.After:
    case Lex.Zero:
    case Lex.Integer:
    case Lex.Fraction:
    case Lex.ExponentDigits:
      return true;
  }
  return false;
}

// ---- where bytes go

/** From `at` on bytes are held. */
function hold(at: usize): void {
  if (state.flow == Flow.Drop) runFrom = at;
  holdFrom = at;
  state.flow = Flow.Hold;
}

function heldBytes(at: usize): i32 {
  return state.heldSize + ((at - holdFrom) as i32);
}

/** Adds bytes to those that are held from pieces before. */
function keep(from: usize, to: usize): bool {
  const n = (to - from) as i32;
  const wanted = state.heldSize + n;
  if (wanted > state.capacity) {
    const capacity = max(max(wanted, state.capacity * 2), 64);
    const fresh = arena.allocate(capacity);
    if (fresh == 0) {
      isOutOfMemory = true;
      return false;
    }
    memory.copy(fresh, state.held, state.heldSize);
    state.held = fresh;
    state.capacity = capacity;
  }
  memory.copy(state.held + state.heldSize, from, n);
  state.heldSize = wanted;
  return true;
}

/** What was held passes, but for its first `without` bytes. */
function release(without: i32): void {
  const held = state.heldSize;
  if (held > 0 || without > 0) {
    isTouched = true;
    out.bytes(runFrom, (holdFrom - runFrom) as u32);
    const skipped = min(without, held);
    out.bytes(state.held + skipped, held - skipped);
    runFrom = holdFrom + (without - skipped);
    state.heldSize = 0;
  }
  state.flow = Flow.Pass;
}

/** What was held, and what follows, goes. */
function discard(): void {
  isTouched = true;
  out.bytes(runFrom, (holdFrom - runFrom) as u32);
  state.heldSize = 0;
  state.flow = Flow.Drop;
}

/** Writes what has been passing, to be followed by something new; while bytes are held, before them. */
function cut(at: usize): void {
  isTouched = true;
  const to = state.flow == Flow.Hold ? holdFrom : at;
  out.bytes(runFrom, (to - runFrom) as u32);
  runFrom = to;
}

// ---- children

function childDue(at: usize): bool {
  const frame = state.top;
  const before = heldBytes(at);
  if (before > HELD_LIMIT) return false;
  if (frame.children < 2) noteHeld(frame, frame.children == 0 ? LEAD : COMMA, at);
  if (frame.children == 0) {
    // White space before the first child stays, whatever becomes of it.
    release(0);
    hold(at);
  }
  state.heldKey = heldBytes(at);
  return true;
}

function isTooLongKey(at: usize): bool {
  return heldBytes(at) - state.heldKey - 1 > 6 * plan.longest;
}

/** The name that is held, without quotes and escapes; NONE when it is too long to be looked for. */
function heldName(at: usize): Span {
  if (isTooLongKey(at - 1)) return NONE;
  let from = holdFrom + state.heldKey;
  let to = at;
  if (state.heldSize > 0) {
    if (!keep(holdFrom, at)) return NONE;
    // Of the piece nothing is held any more.
    runFrom = at;
    holdFrom = at;
    from = state.held + state.heldKey;
    to = state.held + state.heldSize;
  }
  const name = unescapedName(span(from + 1, (to - from - 2) as i32));
  if (name == NONE) isOutOfMemory = true;
  return name;
}

/** The child that is due has this name, or one that nobody looks for; in an array the next index. */
function chooseChild(name: Span, at: usize): void {
  const frame = state.top;
  const level = state.level;
  let next: u64 = 0;
  let isRemoved = false;
  for (let rest = frame.edits; rest != 0; rest &= rest - 1) {
    const i = ctz(rest) as i32;
    const edit = unchecked(plan.edits[i]);
    if (!selects(edit, level - 1, frame, name)) continue;
    const bit = (1 as u64) << i;
    frame.seen |= bit;
    if (edit.path.size > level) next |= bit;
    else if (edit.kind == EditKind.Remove) isRemoved = true;
    else if (edit.kind != EditKind.Default) state.replaced = i;
  }
  const offset = state.heldKey;
  state.heldKey = -1;
  state.inColon = frame.isObject && frame.children == 0;
  frame.children++;
  state.next = next;
  if (isRemoved) {
    state.next = 0;
    state.replaced = -1;
    discard();
    return;
  }
  release(frame.kept == 0 ? offset : 0);
  frame.kept++;
}

function selects(edit: StreamEdit, segment: i32, frame: Frame, name: Span): bool {
  const selectors = unchecked(edit.path.segments[segment]).selectors;
  for (let i = 0, n = selectors.length; i < n; i++) {
    const selector = unchecked(selectors[i]);
    if (selector.kind == Select.Wildcard) return true;
    if (frame.isObject) {
      if (selector.isName && name != NONE && equal(selector.name, name)) return true;
    } else if (selectsIndex(selector, frame.children)) {
      return true;
    }
  }
  return false;
}

function selectsIndex(selector: Selector, index: i64): bool {
  if (selector.kind == Select.Name) return false;
  if (selector.kind != Select.Slice) return selector.index == index;
  if (selector.step == 0 || selector.from > index) return false;
  return (!selector.hasTo || index < selector.to) && (index - selector.from) % selector.step == 0;
}

/** A value begins at `at`. */
function valueBegins(at: usize): bool {
  if (state.inColon) {
    noteStyle(state.top, COLON, colonFrom, at);
    state.inColon = false;
  }
  if (state.isInFrame && !state.top.isObject) {
    if (!childDue(at)) return false;
    chooseChild(NONE, at);
  }
  const replaced = state.replaced;
  if (replaced < 0) return true;
  state.replaced = -1;
  state.next = 0;
  cut(at);
  out.span(valueOf(unchecked(plan.edits[replaced])));
  state.flow = Flow.Drop;
  return true;
}

function valueOf(edit: StreamEdit): Span {
  return load<Span>(state.values + edit.slot * 8);
}

/** A value has ended before `at`. */
function valueEnded(at: usize): void {
  state.lex = Lex.After;
  if (state.level != state.depth) return;
  if (state.depth > 0) {
    hold(at);
  } else if (state.flow == Flow.Drop) {
    runFrom = at;
    state.flow = Flow.Pass;
  }
}

// ---- brackets

/** An opening bracket ends before `at`. */
function open(isObject: bool, at: usize): bool {
  if (state.depth == MAX_DEPTH) return false;
  state.push(isObject);
  state.lex = isObject ? Lex.KeyOrClose : Lex.ValueOrClose;
  let edits = state.next;
  if (edits == 0) return true;
  state.next = 0;
  edits &= unchecked((isObject ? plan.inObjects : plan.inArrays)[state.level]);
  if (edits == 0) return true;
  const frame = state.frame(state.level++);
  frame.edits = edits;
  frame.seen = 0;
  frame.children = 0;
  frame.kept = 0;
  frame.isObject = isObject;
  frame.leadSize = 0;
  frame.commaSize = 0;
  frame.colonSize = 0;
  frame.style = changetype<usize>(frame) + FRAME_SIZE;
  hold(at);
  return true;
}

/** A closing bracket stands at `at`. */
function close(at: usize): bool {
  if (state.isInFrame) {
    if (heldBytes(at) > HELD_LIMIT) return false;
    makeMissing(state.top, at);
    release(0);
    state.level--;
  }
  state.depth--;
  valueEnded(at + 1);
  return true;
}

// ---- what is missing

/** Adds what edits make in the object or array that closes. */
function makeMissing(frame: Frame, at: usize): void {
  let missing: u64 = 0;
  const segment = state.level - 1;
  for (let rest = frame.edits & ~frame.seen; rest != 0; rest &= rest - 1) {
    const edit = unchecked(plan.edits[ctz(rest) as i32]);
    const isMade = frame.isObject
      ? edit.makesFrom <= segment
      : edit.addsLast && edit.path.size == state.level;
    if (isMade) missing |= rest & -rest;
  }
  if (missing == 0) return;
  cut(at);
  if (frame.isObject) {
    makeMembers(missing, segment, frame);
    return;
  }
  for (; missing != 0; missing &= missing - 1) {
    writeSeparator(frame);
    out.span(valueOf(unchecked(plan.edits[ctz(missing) as i32])));
  }
}

/** The members that these edits name in their segment; `frame`: in an object of the text. */
function makeMembers(edits: u64, segment: i32, frame: Frame): void {
  const isOfText = segment == state.level - 1;
  for (let isFirst = true; edits != 0; isFirst = false) {
    const first = unchecked(plan.edits[ctz(edits) as i32]);
    const selector = first.path.selector(segment);
    const group = sameName(edits, selector, segment);
    edits &= ~group;
    if (isOfText) writeSeparator(frame);
    else if (!isFirst) out.byte(0x2c);
    out.span(selector.quoted);
    writeColon();
    if (first.path.size == segment + 1) {
      out.span(valueOf(first));
      continue;
    }
    out.byte(0x7b);
    makeMembers(group, segment + 1, frame);
    out.byte(0x7d);
  }
}

function sameName(edits: u64, selector: Selector, segment: i32): u64 {
  let group: u64 = 0;
  for (let rest = edits; rest != 0; rest &= rest - 1) {
    const other = unchecked(plan.edits[ctz(rest) as i32]).path.selector(segment);
    if (equal(other.name, selector.name)) group |= rest & -rest;
  }
  return group;
}

// As `document.ts` does: what comes new is in the style of its neighbours.

/** Notes bytes of the text, which may come in pieces, as long as they have room. */
function noteStyle(frame: Frame, which: i32, from: usize, to: usize): void {
  if (!plan.makes) return;
  const before = sizeOf(frame, which);
  const n = (to - from) as i32;
  if (before + n > STYLE_SIZE) {
    setSize(frame, which, STYLE_SIZE + 1);
    return;
  }
  memory.copy(frame.style + which + before, from, n);
  setSize(frame, which, before + n);
}

function noteHeld(frame: Frame, which: i32, at: usize): void {
  noteStyle(frame, which, state.held, state.held + state.heldSize);
  noteStyle(frame, which, holdFrom, at);
}

function sizeOf(frame: Frame, which: i32): i32 {
  return which == LEAD ? frame.leadSize : which == COMMA ? frame.commaSize : frame.colonSize;
}

function setSize(frame: Frame, which: i32, size: i32): void {
  if (which == LEAD) frame.leadSize = size;
  else if (which == COMMA) frame.commaSize = size;
  else frame.colonSize = size;
}

function isNoted(size: i32): bool {
  return size > 0 && size <= STYLE_SIZE;
}

function writeSeparator(frame: Frame): void {
  if (frame.kept++ == 0) return;
  if (frame.children > 1 && isNoted(frame.commaSize)) {
    out.bytes(frame.style + COMMA, frame.commaSize);
    return;
  }
  out.byte(0x2c);
  if (frame.children != 1) return;
  if (isNoted(frame.leadSize) && hasLineEnd(frame.style + LEAD, frame.leadSize)) {
    out.bytes(frame.style + LEAD, frame.leadSize);
  } else if (frame.isObject && frame.colonSize > 1) {
    out.byte(0x20);
  }
}

function hasLineEnd(from: usize, n: i32): bool {
  for (let i = 0; i < n; i++) {
    if (load<u8>(from + i) == 0x0a) return true;
  }
  return false;
}

function writeColon(): void {
  for (let i = state.level - 1; i >= 0; i--) {
    const frame = state.frame(i);
    if (!frame.isObject || frame.children == 0) continue;
    if (!isNoted(frame.colonSize)) break;
    out.bytes(frame.style + COLON, frame.colonSize);
    return;
  }
  out.byte(0x3a);
}

// ---- the lexer

/** Runs over the bytes; false where they are no JSON. */
function lex(at: usize, stop: usize): bool {
  while (at < stop) {
    if (state.lex <= Lex.After) {
      at = skipSpace(at, stop);
      if (at == stop) return true;
      if (!structure(load<u8>(at), at)) return false;
      at++;
      continue;
    }
    const c = load<u8>(at) as i32;
    switch (state.lex) {
      case Lex.String:
        at = skipPlain(at, stop);
        if (at == stop) return true;
        if (!special(load<u8>(at), at)) return false;
        break;
      case Lex.Escape:
        if (!escape(c)) return false;
        break;
      case Lex.Hex:
        if (ascii.hexValue(c) < 0) return false;
        if (--state.count == 0) state.lex = Lex.String;
        break;
      case Lex.Foreign:
        if (c < state.low || c > state.high) return false;
        state.low = 0x80;
        state.high = 0xbf;
        if (--state.count == 0) state.lex = Lex.String;
        break;
      case Lex.Word:
        if (unchecked(WORDS[state.wordAt]) != c) return false;
        if (++state.wordAt == state.wordEnd) valueEnded(at + 1);
        break;
      case Lex.Integer:
      case Lex.Fraction:
      case Lex.ExponentDigits:
        at = skipDigits(at, stop);
        if (at == stop) return true;
        if (!afterDigits(load<u8>(at))) {
          valueEnded(at);
          continue;
        }
        break;
      default:
        if (!number(c)) {
          if (state.lex != Lex.After) return false;
          valueEnded(at);
          continue;
        }
    }
    at++;
  }
  return true;
}

/** A byte outside of strings, words and numbers that is no white space. */
function structure(c: i32, at: usize): bool {
  switch (state.lex) {
    case Lex.KeyOrClose:
      return c == 0x7d ? close(at) : beginKey(c, at);
    case Lex.Key:
      return beginKey(c, at);
    case Lex.Colon:
      state.lex = Lex.Value;
      return c == 0x3a;
    case Lex.After:
      if (state.depth == 0) return false;
      if (c != 0x2c) return c == (state.inObject ? 0x7d : 0x5d) && close(at);
      state.lex = state.inObject ? Lex.Key : Lex.Value;
      return true;
    case Lex.ValueOrClose:
      if (c == 0x5d) return close(at);
  }
  return valueBegins(at) && beginValue(c, at);
}

function beginKey(c: i32, at: usize): bool {
  if (c != 0x22 || (state.isInFrame && !childDue(at))) return false;
  state.isKey = true;
  state.lex = Lex.String;
  return true;
}

function beginValue(c: i32, at: usize): bool {
  switch (c) {
    case 0x22:
      state.isKey = false;
      state.lex = Lex.String;
      return true;
    case 0x7b:
    case 0x5b:
      return open(c == 0x7b, at + 1);
    case 0x74:
      return word(1, 4);
    case 0x66:
      return word(5, 9);
    case 0x6e:
      return word(10, 13);
    case 0x2d:
      state.lex = Lex.Minus;
      return true;
    case 0x30:
      state.lex = Lex.Zero;
      return true;
  }
  state.lex = Lex.Integer;
  return c > 0x30 && c <= 0x39;
}

function word(from: i32, to: i32): bool {
  state.lex = Lex.Word;
  state.wordAt = from;
  state.wordEnd = to;
  return true;
}

/** A byte of a string that is not plain. */
function special(c: i32, at: usize): bool {
  if (c == 0x22) {
    if (!state.isKey) {
      valueEnded(at + 1);
      return true;
    }
    state.lex = Lex.Colon;
    // A name that was too long has been given up before.
    if (state.heldKey >= 0) chooseChild(heldName(at + 1), at + 1);
    colonFrom = at + 1;
    return !isOutOfMemory;
  }
  if (c == 0x5c) {
    state.lex = Lex.Escape;
    return true;
  }
  return c >= 0xc2 && foreign(c);
}

/** The first byte of a character of several (RFC 3629 4). */
function foreign(c: i32): bool {
  state.lex = Lex.Foreign;
  state.low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
  state.high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
  state.count = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
  return c <= 0xf4;
}

function escape(c: i32): bool {
  state.lex = Lex.String;
  switch (c) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true;
    case 0x75:
      state.lex = Lex.Hex;
      state.count = 4;
      return true;
  }
  return false;
}

/** A byte in a number that is not one of several digits; false when it is none of it: then the number
 * ended well if `lex` is After. */
function number(c: i32): bool {
  const isDigit = c >= 0x30 && c <= 0x39;
  switch (state.lex) {
    case Lex.Minus:
      state.lex = c == 0x30 ? Lex.Zero : Lex.Integer;
      return isDigit;
    case Lex.Point:
      state.lex = Lex.Fraction;
      return isDigit;
    case Lex.Exponent:
      state.lex = c == 0x2b || c == 0x2d ? Lex.ExponentSign : Lex.ExponentDigits;
      return isDigit || state.lex == Lex.ExponentSign;
    case Lex.ExponentSign:
      state.lex = Lex.ExponentDigits;
      return isDigit;
  }
  return afterDigits(c);
}

/** What follows the digits of a number; false when it is none of it, and the number has ended. */
function afterDigits(c: i32): bool {
  const lex = state.lex;
  if (c == 0x2e && (lex == Lex.Zero || lex == Lex.Integer)) state.lex = Lex.Point;
  else if ((c | 0x20) == 0x65 && lex != Lex.ExponentDigits) state.lex = Lex.Exponent;
  else state.lex = Lex.After;
  return state.lex != Lex.After;
}
