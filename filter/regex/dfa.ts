// The program as a deterministic automaton built while it runs: a state is the list of instructions
// where threads stand, in order of preference, and what the byte before was; each transition is
// worked out once and remembered. Answers whether and where a match ends, not what the groups hold.
//
// A match is noticed one byte late, because conditions such as \b and $ need the byte that follows:
// "matched" is a property of a transition and means that a match ended before its byte.
//
// States live in slabs of fixed size, a small pool for all programs, taken over by use and counted
// against the ceiling of all arenas: memory is bounded whatever the rules and the traffic. A full slab
// is emptied; when that happens too often, or there is no memory for a slab, the search gives up, and
// the caller uses Pike's machine. Either way the work for each byte is bounded
// by the program's size, and all work by what a search may do (scratch.ts).

import * as arena from "../bytes/arena";
import { address, length, Span } from "../bytes/span";
import { isContinuation, isWordByte } from "./codegen";
import * as hopeless from "./hopeless";
import { Outcome } from "./hopeless";
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

const SLAB_BYTES: u32 = 256 * 1024;
const SLABS: i32 = 16; // 4 MiB together
const BUCKETS: u32 = 512;
const STARTS: u32 = BUCKETS * 4; // a state for each set of flags
const FIRST_STATE: u32 = STARTS + 128 * 4;
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

// Transitions: a state's address, which is a multiple of 8, with
const MATCHED: u32 = 1; // a match ended before the byte
const IDLE: u32 = 2; // the state has no threads: skip to where a match can begin
// and without a state:
const UNKNOWN: u32 = 4;
const DEAD: u32 = 6;
const FLAGS: u32 = 7;
const NO_ROOM: u32 = 0xffffffff;

// What a state knows besides its threads.
const TEXT_START: u32 = 1;
const AFTER_NEWLINE: u32 = 2;
const AFTER_WORD: u32 = 4;
const SEEDS: u32 = 8; // threads begin at every byte
const LONGEST: u32 = 16; // a match does not end the threads it was preferred to
const ALL: u32 = 32; // of a set: among the threads are marks of the patterns that just matched
const MAYBE_INSIDE: u32 = 64; // the next byte decides whether this is inside a character

/** A mark is a thread beyond any instruction: this and the pattern's number. */
const MARK: i32 = 60_000;
export const MAX_PATTERNS: i32 = 5000;

/** A state: this, then a row of transitions by byte class and the end, then the threads. */
@unmanaged
@final
class State {
  chain: u32; // address of the next in the bucket, or 0
  count: u16; // threads
  flags: u16;

  static at(address: u32): State {
    return changetype<State>(address as usize);
  }
}

/** The transition of the state at `address` for bytes of class `kind`. */
function transition(address: u32, kind: u32): u32 {
  return load<u32>((address + (kind << 2)) as usize, offsetof<State>());
}

function thread(state: State, i: i32): i32 {
  return load<u16>(changetype<usize>(state) + offsetof<State>() + rowBytes + ((i as usize) << 1));
}

/** Makes the program's slab the one at hand; false when there is no memory for it. */
function enter(p: Program): bool {
  program = p;
  rowBytes = ((p.classCount + 1) as u32) << 2;
  let index = p.slab;
  if (unchecked(owners[index]) != p.id) {
    // The slab that was not used for longest; unused ones have 0.
    index = 0;
    for (let i = 1; i < SLABS; i++) {
      if (unchecked(lastUse[i]) < unchecked(lastUse[index])) index = i;
    }
    if (unchecked(slabs[index]) == 0) {
      const before = arena.refusals();
      const fresh = arena.take(SLAB_BYTES);
      arena.forgive(before);
      if (fresh == 0) return false;
      unchecked((slabs[index] = fresh));
    }
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
  return true;
}

function clear(): void {
  memory.fill(slab, 0, FIRST_STATE);
  unchecked((tops[slabIndex] = FIRST_STATE));
  hopeless.forget();
}

// --- sets of patterns

/** Marks in `hits` (bytes, one a pattern, cleared by the caller) which patterns of a set match
 * somewhere, and stops when it has seen `enough`. How many were found, or GAVE_UP. */
export function matchSet(p: Program, haystack: Span, hits: StaticArray<u8>, enough: i32): i32 {
  if (!enter(p)) return GAVE_UP;
  const base = address(haystack);
  const size = length(haystack);
  const classes = changetype<usize>(p.byteClass);
  let found = 0;
  let state = start(SEEDS | ALL | TEXT_START);
  if (state == NO_ROOM) return GAVE_UP;
  let counted: u32 = DEAD; // the last state whose matches were counted
  for (let at = 0; at <= size; at++) {
    const c = at < size ? (load<u8>(base + at) as i32) : -1;
    const kind = c < 0 ? (p.classCount as u32) : (load<u8>(classes + c) as u32);
    let next = transition(state, kind);
    if (next == UNKNOWN) {
      next = step(state, kind, c);
      if (next == NO_ROOM || flushes > 16 + (at >> 14)) return GAVE_UP;
    }
    state = next & ~FLAGS;
    if ((next & MATCHED) == 0 || state == counted) continue;
    counted = state;
    const known = State.at(state);
    for (let i = 0, n = known.count as i32; i < n; i++) {
      const id = thread(known, i) - MARK;
      if (id < 0 || unchecked(hits[id]) != 0) continue;
      unchecked((hits[id] = 1));
      if (++found == enough) return found;
    }
  }
  return found;
}

// --- searching

// The kinds of searches whose ends hopeless.ts tells apart; bit 2 is free in a state's address.
const TO_THE_END: u32 = 0;
const SO_FAR: u32 = 4;

/** Searches [from, to) with looks that see the whole haystack: where a match ends, NO_MATCH, or
 * GAVE_UP. */
export function forward(
  p: Program,
  haystack: Span,
  from: i32,
  to: i32,
  want: Want,
  anchored: bool,
): i32 {
  if (!enter(p)) return GAVE_UP;
  const base = address(haystack);
  const flags = (anchored ? 0 : SEEDS) | (want == Want.Longest ? LONGEST : 0);
  const marking = hopeless.active && want == Want.First;
  const skip = p.skip;
  let skipping = !anchored && skip.exists;
  let result = NO_MATCH;
  let at = from;
  if (skipping) {
    at = skip.begin(base, from, to);
    if (at < 0) return NO_MATCH;
  }
  let state = start(flags | before(base, at));
  if (state == NO_ROOM) return GAVE_UP;
  const classes = changetype<usize>(p.byteClass);
  let stop = to; // where to ask whether it is worth going on
  // A transition to an idle state is nothing special where skipping does not pay.
  let special = skipping ? FLAGS : FLAGS & ~IDLE;
  while (true) {
    if (at >= stop) {
      if (at >= to) break;
      if (hopeless.ask(at, state, TO_THE_END) != Outcome.Unknown) {
        hopeless.settle(Outcome.Nothing);
        return done(at - from, result);
      }
      stop = min(to, hopeless.next(at));
    }
    const c = load<u8>(base + at) as u32;
    const kind = load<u8>(classes + c) as u32;
    let next = transition(state, kind);
    if ((next & special) != 0) {
      if (next == UNKNOWN) {
        next = step(state, kind, c as i32);
        if (next == NO_ROOM || flushes > 16 + ((at - from) >> 14)) return GAVE_UP;
      }
      if ((next & MATCHED) != 0) {
        result = at;
        if (want == Want.Some) return done(at - from, at);
        if (marking) stop = min(to, hopeless.matched(at));
      }
      const flag = next & FLAGS;
      next &= ~FLAGS;
      if (next == 0) {
        if (marking) hopeless.settle(Outcome.Nothing);
        return done(at - from, result);
      }
      if ((flag & IDLE) != 0 && skipping) {
        const place = skip.next(base, at + 1, to);
        if (place == literal.NOT_FOUND) return done(at - from, result);
        if (place == literal.GAVE_UP) {
          skipping = false;
          special &= ~IDLE;
        } else if (place > at + 1) {
          at = place;
          state = start(flags | before(base, at));
          if (state == NO_ROOM) return GAVE_UP;
          continue;
        }
      }
    }
    state = next & ~IDLE;
    at++;
  }
  // What follows decides whether a match ends at `to`.
  const c = to < length(haystack) ? (load<u8>(base + to) as i32) : -1;
  const kind = c < 0 ? (p.classCount as u32) : (load<u8>(classes + c) as u32);
  let last = transition(state, kind);
  if (last == UNKNOWN) last = step(state, kind, c);
  if (last == NO_ROOM) return GAVE_UP;
  if ((last & MATCHED) != 0) return done(at - from, to);
  if (marking) hopeless.settle(Outcome.Nothing);
  return done(at - from, result);
}

/** After `scan`: whether threads were alive at the end, so that its answer may yet change. */
export let alive: bool = false;
/** After `scan`: no match that is still possible begins before this offset. */
export let idleAt: i32 = 0;

/** The end of the first match in [from, to), for a text that goes on after `to`: what would match
 * only because the text ended is not told. NO_MATCH or GAVE_UP as `forward`. */
export function scan(p: Program, haystack: Span, from: i32, to: i32): i32 {
  alive = false;
  idleAt = from;
  if (!enter(p)) return GAVE_UP;
  const base = address(haystack);
  const skip = p.skip;
  const marking = hopeless.active;
  let skipping = skip.exists;
  let result = NO_MATCH;
  let at = from;
  if (skipping) skip.begin(base, from, from);
  let state = start(SEEDS | before(base, at));
  if (state == NO_ROOM) return GAVE_UP;
  const classes = changetype<usize>(p.byteClass);
  let stop = to;
  while (true) {
    if (at >= stop) {
      if (at >= to) break;
      const outcome = hopeless.ask(at, state, SO_FAR);
      if (outcome != Outcome.Unknown) {
        hopeless.settle(outcome);
        alive = outcome == Outcome.Alive;
        return done(at - from, result);
      }
      stop = min(to, hopeless.next(at));
    }
    if (State.at(state).count == 0) {
      idleAt = at;
      if (skipping) {
        let place = skip.next(base, at, to);
        // The literal may still be cut off by the end.
        if (place == literal.NOT_FOUND) place = max(at, to - skip.size + 1);
        else if (place == literal.GAVE_UP) skipping = false;
        if (place > at) {
          at = place;
          state = start(SEEDS | before(base, at));
          if (state == NO_ROOM) return GAVE_UP;
          idleAt = at;
          if (at >= to) break;
        }
      }
    }
    const c = load<u8>(base + at) as u32;
    const kind = load<u8>(classes + c) as u32;
    let next = transition(state, kind);
    if ((next & FLAGS) != 0) {
      if (next == UNKNOWN) {
        next = step(state, kind, c as i32);
        if (next == NO_ROOM || flushes > 16 + ((at - from) >> 14)) return GAVE_UP;
      }
      if ((next & MATCHED) != 0) {
        result = at;
        if (marking) stop = min(to, hopeless.matched(at));
      }
      next &= ~FLAGS;
      if (next == 0) {
        if (marking) hopeless.settle(Outcome.Nothing);
        return done(at - from, result);
      }
    }
    state = next;
    at++;
  }
  alive = State.at(state).count != 0;
  if (!alive) idleAt = to;
  if (marking) hopeless.settle(alive ? Outcome.Alive : Outcome.Nothing);
  return done(at - from, result);
}

/** Whether the whole haystack matches: 1, 0, or GAVE_UP. */
export function full(p: Program, haystack: Span): i32 {
  const size = length(haystack);
  const end = forward(p, haystack, 0, size, Want.Longest, true);
  return end == GAVE_UP ? GAVE_UP : end == size ? 1 : 0;
}

/** With a reversed program: the first place, not before `from`, where a match begins that ends at
 * `to`; NO_MATCH or GAVE_UP. */
export function backward(p: Program, haystack: Span, from: i32, to: i32): i32 {
  if (!enter(p)) return GAVE_UP;
  const base = address(haystack);
  const size = length(haystack);
  const after = to < size ? (load<u8>(base + to) as i32) : -1;
  let state = start(LONGEST | context(after));
  if (state == NO_ROOM) return GAVE_UP;
  let result = NO_MATCH;
  for (let at = to; at >= from; at--) {
    const c = at > 0 ? (load<u8>(base + at - 1) as i32) : -1;
    const kind = c < 0 ? (program.classCount as u32) : (unchecked(p.byteClass[c]) as u32);
    let next = transition(state, kind);
    if (next == UNKNOWN) next = step(state, kind, c);
    if (next == NO_ROOM) return GAVE_UP;
    if ((next & MATCHED) != 0) result = at;
    state = next & ~FLAGS;
    if (state == 0) return done(to - at, result);
    if (flushes > 16 + ((to - at) >> 14)) return GAVE_UP;
  }
  return done(to - from, result);
}

function context(c: i32): u32 {
  if (c < 0) return TEXT_START;
  const looks = program.looks;
  let flags: u32 = 0;
  if (c == 10 && (looks & ((1 << Look.LineStart) | (1 << Look.LineEnd))) != 0) {
    flags = AFTER_NEWLINE;
  }
  if ((looks & ((1 << Look.WordBoundary) | (1 << Look.NotWordBoundary))) != 0) {
    if (isWordByte(c)) flags |= AFTER_WORD;
    if (program.minds && (program.reversed ? isContinuation(c) : c >= 0x80)) flags |= MAYBE_INSIDE;
  }
  return flags;
}

function before(base: usize, at: i32): u32 {
  return context(at > 0 ? (load<u8>(base + at - 1) as i32) : -1);
}

function done(bytes: i32, result: i32): i32 {
  scratch.countBytes(bytes);
  return result;
}

// --- building states

// The state at the start of a search, kept for each set of flags.
function start(flags: u32): u32 {
  const kept = slab + STARTS + (flags << 2);
  const known = load<u32>(kept);
  if (known != 0) return known;
  scratch.threads[0] = program.start;
  const state = intern(flags, (flags & SEEDS) != 0 ? 0 : 1);
  if (state != NO_ROOM) store<u32>(kept, state);
  return state;
}

// Works out a transition and remembers it. `c` is the byte, or -1 at the end of the text.
function step(from: u32, kind: u32, c: i32): u32 {
  if (scratch.isTrialOver() || scratch.isSpent()) return NO_ROOM;
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
    next |= flag | (seeds != 0 && takenCount == 0 && program.skip.exists ? IDLE : 0);
    if (flushed != flushes) return next; // the state we came from is gone
  } else {
    next |= flag;
  }
  store<u32>((from + (kind << 2)) as usize, next, offsetof<State>());
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
      if (boundary || look == Look.WordBoundary) return boundary == (look == Look.WordBoundary);
      if ((flags & MAYBE_INSIDE) == 0 || next < 0) return true;
      return program.reversed ? next < 0x80 : !isContinuation(next);
    }
  }
}

// The state with those flags and the first `count` of scratch.threads, made if it is new.
function intern(flags: u32, count: i32): u32 {
  let hash: u32 = flags * 0x9e3779b1;
  for (let i = 0; i < count; i++) {
    hash = (rotl<u32>(hash, 5) ^ (unchecked(scratch.threads[i]) as u32)) * 0x9e3779b1;
  }
  const bucket = (hash >> 23) << 2; // BUCKETS of them
  let id = load<u32>(slab + bucket);
  while (id != 0) {
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
  id = (slab as u32) + top;
  const state = State.at(id);
  state.chain = load<u32>(slab + bucket);
  state.count = count as u16;
  state.flags = flags as u16;
  store<u32>(slab + bucket, id);
  const transitions = (id as usize) + offsetof<State>();
  for (let i: u32 = 0; i < rowBytes; i += 4) store<u32>(transitions + i, UNKNOWN);
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
