// What the machines need while they run, shared because matching is synchronous: marks of what was
// visited, the stack of the closure, thread lists. Sized for the largest program when it is compiled,
// so that nothing is allocated while matching.

import { refuse } from "../bytes/arena";
import { Program } from "./program";

/** Capture slots of all threads of one list, for one program: 4 MiB. */
const MAX_CAPTURE_SLOTS: i32 = 1 << 20;

/** Stamps: an instruction is visited when its stamp is the current one. */
export let seen: StaticArray<u32> = [];
export let listed: StaticArray<u32> = [];
export let stack: StaticArray<i32> = [];
/** Thread lists: instructions in order of preference, and the slots of each by leaf. */
export let threads: StaticArray<i32> = [];
export let threadsNext: StaticArray<i32> = [];
export let slots: StaticArray<i32> = [];
export let slotsNext: StaticArray<i32> = [];
/** Slots of the thread at hand, and of the match found. */
export let work: StaticArray<i32> = [];
export let found: StaticArray<i32> = [];

/** Closure steps since the VM began; tests bound them by the input. */
export let steps: u64 = 0;
/** Bytes that the automata have read since then. */
export let bytes: u64 = 0;

let stamp: u32 = 0;

/** Makes room for the program; false when its groups would need too much. */
export function reserve(program: Program): bool {
  const size = program.size;
  const captured = (program.leafCount as i64) * (program.slots as i64);
  if (captured > MAX_CAPTURE_SLOTS) return false;
  if (size > seen.length) {
    seen = new StaticArray<u32>(size);
    listed = new StaticArray<u32>(size);
    // Each instruction visited leaves at most three words.
    stack = new StaticArray<i32>(3 * size + 8);
    threads = new StaticArray<i32>(size);
    threadsNext = new StaticArray<i32>(size);
    stamp = 0;
  }
  if ((captured as i32) > slots.length) {
    slots = new StaticArray<i32>(captured as i32);
    slotsNext = new StaticArray<i32>(captured as i32);
  }
  if (program.slots > work.length) {
    work = new StaticArray<i32>(program.slots);
    found = new StaticArray<i32>(program.slots);
  }
  return true;
}

/** A stamp that no mark has. */
export function freshStamp(): u32 {
  if (stamp == 0xffffffff) {
    memory.fill(changetype<usize>(seen), 0, seen.length << 2);
    memory.fill(changetype<usize>(listed), 0, listed.length << 2);
    stamp = 0;
  }
  return ++stamp;
}

export function swapThreads(): void {
  const list = threads;
  threads = threadsNext;
  threadsNext = list;
  const captured = slots;
  slots = slotsNext;
  slotsNext = captured;
}

export function countStep(): void {
  steps++;
}

export function countSteps(n: i32): void {
  steps += n;
}

export function countBytes(n: i32): void {
  bytes += n;
}

/** What was done since the VM began: a unit for a closure step, and for 16 bytes of the automaton. */
export function effort(): u64 {
  return steps + (bytes >> 4);
}

// --- what may be done
//
// A unit is some 10 to 40 ns on one core of a server, the more the larger the program is. A search may take
// a floor, for automata that are still to be built, and so much for each byte; all searches of a callback
// together what is over in some 50 to 110 ms (measured), so that nobody holds a worker for longer. A search
// that would go on is cut: that is noted as memory is that ran out (bytes/arena.ts), so that whoever does
// not ask does not act on half an answer.

/** Of all searches in a callback. */
const CALLBACK: u64 = 2_000_000;
const FLOOR: u64 = 100_000;
const PER_BYTE: u64 = 4;

const NEVER: u64 = u64.MAX_VALUE;
let callbackEnd: u64 = NEVER;
let searchEnd: u64 = NEVER;
/** The last search was cut: its answer means nothing. */
export let isCut: bool = false;

/** A callback begins. */
export function beginCallback(): void {
  callbackEnd = effort() + CALLBACK;
}

/** A search of so many bytes begins. */
export function beginSearch(size: i32): void {
  isCut = false;
  if (callbackEnd == NEVER) return;
  searchEnd = min(callbackEnd, effort() + FLOOR + PER_BYTE * (size as u64));
}

/** Whether the search at hand has done what it may. */
export function isSpent(): bool {
  if (steps + (bytes >> 4) < searchEnd) return false;
  if (!isCut) refuse();
  isCut = true;
  return true;
}

/** Closure steps that the DFA may take before a machine of bits takes over. */
const TRIAL: u64 = 24_000;
let trialEnd: u64 = NEVER;

/** The DFA is tried, where there is another machine. */
export function beginTrial(): void {
  trialEnd = steps + TRIAL;
}

export function endTrial(): void {
  trialEnd = NEVER;
}

/** Whether the DFA has built states for so long that the other machine is to take over. */
export function isTrialOver(): bool {
  return steps > trialEnd;
}

/** Searches may do `units` from now on, if that is less than what is left to them; for `endLimit`. */
export function beginLimit(units: u64): u64 {
  const before = callbackEnd;
  isCut = false;
  callbackEnd = min(callbackEnd, effort() + units);
  return before;
}

export function endLimit(before: u64): void {
  callbackEnd = before;
  searchEnd = before;
}
