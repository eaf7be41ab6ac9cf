// The program as a deterministic automaton built while it runs: a state is the list of instructions
// where threads stand, in order of preference, and what the byte before was; each transition is
// worked out once and remembered. Answers whether and where a match ends, not what the groups hold.
//
// A match is noticed one byte late, because conditions such as \b and $ need the byte that follows:
// "matched" is a property of a transition and means that a match ended before its byte.
//
// States live in slabs of fixed size, a small pool for all programs, taken over by use: memory is
// bounded whatever the rules and the traffic. A full slab is emptied; when that happens too often the
// search gives up, and the caller uses Pike's machine. Either way the work for each byte is bounded
// by the program's size.

import { address, length, Span } from "../bytes/span";
import { isWordByte } from "./codegen";
import * as literal from "./literal";
import { Code, Program } from "./program";
import * as scratch from "./scratch";
import { Look } from "./syntax";

/** No match. */
export const NO_MATCH: i32 = -1;
/** The cache does not suit this program and text. */
export const GAVE_UP: i32 = -2;

export const enum Want {
  /** Any match: where it is first noticed. */
  Some = 0,
  /** The end of the leftmost, preferred match. */
  First = 1,
  /** From `from`, the longest: the farthest place where a match ends. */
  Longest = 2,
}

// --- slabs

const SLAB_BYTES: u32 = 128 * 1024; // offsets / 8 fit the 14 bits of a transition
const SLABS: i32 = 32; // 4 MiB together
const BUCKETS: u32 = 512;
const STARTS: u32 = BUCKETS * 2; // u16 for each set of flags
const FIRST_STATE: u32 = STARTS + 64 * 2;
const MAX_STATE_BYTES: u32 = SLAB_BYTES / 4;

const slabs: StaticArray<usize> = new StaticArray<usize>(SLABS);
const owners: StaticArray<u32> = new StaticArray<u32>(SLABS);
const lastUse: StaticArray<u32> = new StaticArray<u32>(SLABS);
let uses: u32 = 0;

// The slab at hand, and the next free byte in each.
let slab: usize = 0;
let slabIndex: i32 = 0;
const tops: StaticArray<u32> = new StaticArray<u32>(SLABS);
let flushes: i32 = 0;
let rowBytes: u32 = 0;
let program: Program = new Program();

// Transitions: the state's offset / 8, with
const MATCHED: u32 = 0x8000; // a match ended before the byte
const IDLE: u32 = 0x4000; // the state has no threads: skip to the next literal; alone: unknown
const UNKNOWN: u32 = 0x4000;
const STATE: u32 = 0x3fff;
const DEAD: u32 = 0;
const NO_ROOM: u32 = 0xffff;

// What a state knows besides its threads.
const TEXT_START: u32 = 1;
const AFTER_NEWLINE: u32 = 2;
const AFTER_WORD: u32 = 4;
const SEEDS: u32 = 8; // threads begin at every byte
const LONGEST: u32 = 16; // a match does not end the threads it was preferred to

const ALL: u32 = 32; // of a set: among the threads are marks of the patterns that just matched

/** A mark is a thread beyond any instruction: this and the pattern's number. */
const MARK: i32 = 60_000;
export const MAX_PATTERNS: i32 = 5000;

/** A state: this, then a row of u16 transitions by byte class and the end, then the threads. */
@unmanaged
@final
class State {
  chain: u16; // next in the bucket
  count: u16; // threads
  flags: u16;
  unused: u16;

  static at(id: u32): State {
    return changetype<State>(slab + (id << 3));
  }
}

function row(id: u32): usize {
  return slab + (id << 3) + offsetof<State>();
}

function thread(state: State, i: i32): i32 {
  return load<u16>(changetype<usize>(state) + offsetof<State>() + rowBytes + ((i as usize) << 1));
}

function enter(p: Program): void {
  program = p;
  rowBytes = ((p.classCount + 1) as u32) << 1;
  let index = p.slab;
  if (unchecked(owners[index]) != p.id) {
    // The slab that was not used for longest; unused ones have 0.
    index = 0;
    for (let i = 1; i < SLABS; i++) {
      if (unchecked(lastUse[i]) < unchecked(lastUse[index])) index = i;
    }
    if (unchecked(slabs[index]) == 0) unchecked((slabs[index] = heap.alloc(SLAB_BYTES)));
    unchecked((owners[index] = p.id));
    p.slab = index;
    slab = unchecked(slabs[index]);
    slabIndex = index;
    clear();
  }
  slab = unchecked(slabs[index]);
  slabIndex = index;
  unchecked((lastUse[index] = ++uses));
  if (uses == 0xffffffff) uses = 1;
  flushes = 0;
}

function clear(): void {
  memory.fill(slab, 0, FIRST_STATE);
  unchecked((tops[slabIndex] = FIRST_STATE));
}

// --- sets of patterns

/** Marks in `hits` (bytes, one a pattern, cleared by the caller) which patterns of a set match
 * somewhere; `left` are there to find. How many were found, or GAVE_UP. */
export function matchSet(p: Program, haystack: Span, hits: StaticArray<u8>): i32 {
  enter(p);
  const base = address(haystack);
  const size = length(haystack);
  let found = 0;
  let state = start(SEEDS | ALL | TEXT_START);
  if (state == NO_ROOM) return GAVE_UP;
  let counted: u32 = DEAD; // the last state whose matches were counted
  for (let at = 0; at <= size; at++) {
    const c = at < size ? (load<u8>(base + at) as i32) : -1;
    const kind = c < 0 ? (p.classCount as u32) : (unchecked(p.byteClass[c]) as u32);
    let next = load<u16>(row(state) + (kind << 1)) as u32;
    if (next == UNKNOWN) {
      next = step(state, kind, c);
      if (next == NO_ROOM || flushes > 16 + (at >> 14)) return GAVE_UP;
    }
    state = next & STATE;
    if ((next & MATCHED) == 0 || state == counted) continue;
    counted = state;
    const known = State.at(state);
    for (let i = 0, n = known.count as i32; i < n; i++) {
      const id = thread(known, i) - MARK;
      if (id < 0 || unchecked(hits[id]) != 0) continue;
      unchecked((hits[id] = 1));
      if (++found == hits.length) return found;
    }
  }
  return found;
}

// --- searching

/** Whether the class of programs is served at all. */
export function suits(p: Program, utf8: bool): bool {
  // \B holds between the bytes of a character, where no match may be.
  return !utf8 || (p.looks & ((1 as u32) << Look.NotWordBoundary)) == 0;
}

/** Searches [from, to) with looks that see the whole haystack: where a match ends, NO_MATCH, or
 * GAVE_UP. `prefix` is what every match begins with, or empty. */
export function forward(
  p: Program,
  haystack: Span,
  from: i32,
  to: i32,
  want: Want,
  anchored: bool,
  prefix: StaticArray<u8>,
): i32 {
  reached = to;
  const result = search(p, haystack, from, to, want, anchored, prefix);
  scratch.countBytes(reached - from);
  return result;
}

// Where the last search stopped looking: it may be far behind the match that it found.
let reached: i32 = 0;

function search(
  p: Program,
  haystack: Span,
  from: i32,
  to: i32,
  want: Want,
  anchored: bool,
  prefix: StaticArray<u8>,
): i32 {
  enter(p);
  const base = address(haystack);
  const flags = (anchored ? 0 : SEEDS) | (want == Want.Longest ? LONGEST : 0);
  let skipping = !anchored && prefix.length > 0;
  let result = NO_MATCH;
  let at = from;
  if (skipping) {
    const next = literal.find(prefix, base, at, to);
    if (next == literal.NOT_FOUND) return NO_MATCH;
    if (next == literal.GAVE_UP) skipping = false;
    else at = next;
  }
  let state = start(flags | before(base, at));
  if (state == NO_ROOM) return GAVE_UP;
  const classes = changetype<usize>(p.byteClass);
  while (at < to) {
    const c = load<u8>(base + at) as u32;
    const kind = load<u8>(classes + c) as u32;
    let next = load<u16>(row(state) + (kind << 1)) as u32;
    if (next - 1 >= STATE) {
      if (next == UNKNOWN) {
        next = step(state, kind, c as i32);
        if (next == NO_ROOM || flushes > 16 + ((at - from) >> 14)) return GAVE_UP;
      }
      if ((next & MATCHED) != 0) {
        result = at;
        if (want == Want.Some) {
          reached = at;
          return at;
        }
      }
      const idle = (next & IDLE) != 0;
      next &= STATE;
      if (next == DEAD) {
        reached = at;
        return result;
      }
      if (idle && skipping) {
        const place = literal.find(prefix, base, at + 1, to);
        if (place == literal.NOT_FOUND) return result;
        if (place == literal.GAVE_UP) {
          skipping = false;
        } else {
          at = place;
          state = start(flags | before(base, at));
          if (state == NO_ROOM) return GAVE_UP;
          continue;
        }
      }
    }
    state = next;
    at++;
  }
  // What follows decides whether a match ends at `to`.
  const c = to < length(haystack) ? (load<u8>(base + to) as i32) : -1;
  const kind = c < 0 ? (p.classCount as u32) : (load<u8>(classes + c) as u32);
  let last = load<u16>(row(state) + (kind << 1)) as u32;
  if (last == UNKNOWN) last = step(state, kind, c);
  if (last == NO_ROOM) return GAVE_UP;
  return (last & MATCHED) != 0 ? to : result;
}

/** After `scan`: whether threads were alive at the end, so that its answer may yet change. */
export let alive: bool = false;
/** After `scan`: no match that is still possible begins before this offset. */
export let idleAt: i32 = 0;

/** The end of the first match in [from, to), for a text that goes on after `to`: what would match
 * only because the text ended is not told. NO_MATCH or GAVE_UP as `forward`. */
export function scan(p: Program, haystack: Span, from: i32, to: i32, prefix: StaticArray<u8>): i32 {
  enter(p);
  const base = address(haystack);
  let skipping = prefix.length > 0;
  let result = NO_MATCH;
  alive = false;
  idleAt = from;
  let at = from;
  let state = start(SEEDS | before(base, at));
  if (state == NO_ROOM) return GAVE_UP;
  while (at < to) {
    if (State.at(state).count == 0) {
      idleAt = at;
      if (skipping) {
        let place = literal.find(prefix, base, at, to);
        // The literal may still be cut off by the end.
        if (place == literal.NOT_FOUND) place = max(at, to - prefix.length + 1);
        else if (place == literal.GAVE_UP) place = at;
        skipping = place != at || load<u8>(base + at) == unchecked(prefix[0]);
        if (place > at) {
          at = place;
          state = start(SEEDS | before(base, at));
          if (state == NO_ROOM) return GAVE_UP;
          continue;
        }
      }
    }
    const c = load<u8>(base + at) as u32;
    const kind = unchecked(p.byteClass[c]) as u32;
    let next = load<u16>(row(state) + (kind << 1)) as u32;
    if (next == UNKNOWN) {
      next = step(state, kind, c as i32);
      if (next == NO_ROOM || flushes > 16 + ((at - from) >> 14)) return GAVE_UP;
    }
    if ((next & MATCHED) != 0) result = at;
    state = next & STATE;
    if (state == DEAD) return result;
    at++;
  }
  alive = State.at(state).count != 0;
  if (!alive) idleAt = to;
  return result;
}

/** Whether the whole haystack matches: 1, 0, or GAVE_UP. */
export function full(p: Program, haystack: Span): i32 {
  const size = length(haystack);
  const end = forward(p, haystack, 0, size, Want.Longest, true, NOTHING);
  return end == GAVE_UP ? GAVE_UP : end == size ? 1 : 0;
}

export const NOTHING: StaticArray<u8> = [];

/** With a reversed program: the first place, not before `from`, where a match begins that ends at
 * `to`; NO_MATCH or GAVE_UP. */
export function backward(p: Program, haystack: Span, from: i32, to: i32): i32 {
  enter(p);
  const base = address(haystack);
  const size = length(haystack);
  const after = to < size ? (load<u8>(base + to) as i32) : -1;
  let state = start(LONGEST | context(after));
  if (state == NO_ROOM) return GAVE_UP;
  let result = NO_MATCH;
  for (let at = to; at >= from; at--) {
    const c = at > 0 ? (load<u8>(base + at - 1) as i32) : -1;
    const kind = c < 0 ? (program.classCount as u32) : (unchecked(p.byteClass[c]) as u32);
    let next = load<u16>(row(state) + (kind << 1)) as u32;
    if (next == UNKNOWN) next = step(state, kind, c);
    if (next == NO_ROOM) return GAVE_UP;
    if ((next & MATCHED) != 0) result = at;
    state = next & STATE;
    if (state == DEAD) return result;
    if (flushes > 16) return GAVE_UP;
  }
  return result;
}

function context(c: i32): u32 {
  if (c < 0) return TEXT_START;
  const looks = program.looks;
  let flags: u32 = 0;
  if (c == 10 && (looks & ((1 << Look.LineStart) | (1 << Look.LineEnd))) != 0) {
    flags = AFTER_NEWLINE;
  }
  if ((looks & ((1 << Look.WordBoundary) | (1 << Look.NotWordBoundary))) != 0 && isWordByte(c)) {
    flags |= AFTER_WORD;
  }
  return flags;
}

function before(base: usize, at: i32): u32 {
  return context(at > 0 ? (load<u8>(base + at - 1) as i32) : -1);
}

// --- building states

// The state at the start of a search, kept for each set of flags.
function start(flags: u32): u32 {
  const kept = slab + STARTS + (flags << 1);
  const known = load<u16>(kept) as u32;
  if (known != DEAD) return known;
  scratch.threads[0] = program.start;
  const state = intern(flags, (flags & SEEDS) != 0 ? 0 : 1);
  if (state != NO_ROOM) store<u16>(kept, state as u16);
  return state;
}

// Works out a transition and remembers it. `c` is the byte, or -1 at the end of the text.
function step(from: u32, kind: u32, c: i32): u32 {
  const state = State.at(from);
  const flags = state.flags as u32;
  const visited = scratch.freshStamp();
  taken = scratch.freshStamp();
  takenCount = 0;
  let matched = false;
  const count = state.count as i32;
  for (let i = 0; i < count; i++) {
    const pc = thread(state, i);
    if (pc >= MARK) continue;
    if (follow(pc, c, flags, visited)) {
      matched = true;
      if ((flags & (LONGEST | ALL)) == 0) break;
    }
  }
  let seeds = flags & SEEDS;
  if (seeds != 0 && (!matched || (flags & ALL) != 0)) {
    if (follow(program.start, c, flags, visited)) matched = true;
  }
  if (matched && (flags & ALL) == 0) seeds = 0;
  const flag = matched ? MATCHED : 0;
  let next: u32 = DEAD;
  if ((c >= 0 && (takenCount > 0 || seeds != 0)) || (flags & ALL) != 0) {
    const flushed = flushes;
    next = intern(context(c) | seeds | (flags & (LONGEST | ALL)), takenCount);
    if (next == NO_ROOM) return NO_ROOM;
    next |= flag | (seeds != 0 && takenCount == 0 && program.hasPrefix ? IDLE : 0);
    if (flushed != flushes) return next; // the state we came from is gone
  } else {
    next |= flag;
  }
  store<u16>(row(from) + (kind << 1), next as u16);
  return next;
}

let taken: u32 = 0; // stamp of what is in scratch.threads
let takenCount: i32 = 0;

function take(pc: i32): void {
  if (unchecked(scratch.listed[pc]) == taken) return;
  unchecked((scratch.listed[pc] = taken));
  unchecked((scratch.threads[takenCount++] = pc));
}

// Follows what reads nothing from `pc`, lists where threads go that read `c`; true at a match.
function follow(pc: i32, c: i32, flags: u32, visited: u32): bool {
  let top = 0;
  let next = pc;
  let matched = false;
  while (true) {
    if (unchecked(scratch.seen[next]) != visited) {
      unchecked((scratch.seen[next] = visited));
      scratch.countStep();
      switch (program.code(next)) {
        case Code.Nop:
        case Code.Save:
          next = program.x(next);
          continue;
        case Code.Split:
          unchecked((scratch.stack[top++] = program.y(next)));
          next = program.x(next);
          continue;
        case Code.Look:
          if (holds(program.arg(next), flags, c)) {
            next = program.x(next);
            continue;
          }
          break;
        case Code.Match:
          if ((flags & ALL) != 0) {
            unchecked((scratch.threads[takenCount++] = MARK + program.arg(next)));
          } else if ((flags & LONGEST) == 0) {
            return true;
          }
          matched = true;
          break;
        default:
          if (c >= 0 && program.takes(next, c)) {
            take(program.x(next));
          }
      }
    }
    if (top == 0) return matched;
    next = unchecked(scratch.stack[--top]);
  }
}

function holds(look: i32, flags: u32, next: i32): bool {
  switch (look) {
    case Look.TextStart:
      return (flags & TEXT_START) != 0;
    case Look.TextEnd:
      return next < 0;
    case Look.LineStart:
      return (flags & (TEXT_START | AFTER_NEWLINE)) != 0;
    case Look.LineEnd:
      return next < 0 || next == 10;
    default: {
      const boundary = ((flags & AFTER_WORD) != 0) != (next >= 0 && isWordByte(next));
      return boundary == (look == Look.WordBoundary);
    }
  }
}

// The state with those flags and the first `count` of scratch.threads, made if it is new.
function intern(flags: u32, count: i32): u32 {
  let hash: u32 = flags * 0x9e3779b1;
  for (let i = 0; i < count; i++) {
    hash = (rotl<u32>(hash, 5) ^ (unchecked(scratch.threads[i]) as u32)) * 0x9e3779b1;
  }
  const bucket = (hash >> 23) << 1; // BUCKETS of them
  let id = load<u16>(slab + bucket) as u32;
  while (id != DEAD) {
    const state = State.at(id);
    if ((state.flags as u32) == flags && (state.count as i32) == count && sameThreads(state)) {
      return id;
    }
    id = state.chain;
  }
  const bytes = ((offsetof<State>() as u32) + rowBytes + ((count as u32) << 1) + 7) & ~7;
  if (bytes > MAX_STATE_BYTES) return NO_ROOM;
  let top = unchecked(tops[slabIndex]);
  if (top + bytes > SLAB_BYTES) {
    clear();
    flushes++;
    top = FIRST_STATE;
  }
  unchecked((tops[slabIndex] = top + bytes));
  id = top >> 3;
  const state = State.at(id);
  state.chain = load<u16>(slab + bucket);
  state.count = count as u16;
  state.flags = flags as u16;
  store<u16>(slab + bucket, id as u16);
  const transitions = row(id);
  for (let i: u32 = 0; i < rowBytes; i += 2) store<u16>(transitions + i, UNKNOWN as u16);
  const list = transitions + rowBytes;
  for (let i = 0; i < count; i++) {
    store<u16>(list + ((i as usize) << 1), unchecked(scratch.threads[i]) as u16);
  }
  return id;
}

function sameThreads(state: State): bool {
  for (let i = 0, n = state.count as i32; i < n; i++) {
    if (thread(state, i) != unchecked(scratch.threads[i])) return false;
  }
  return true;
}
