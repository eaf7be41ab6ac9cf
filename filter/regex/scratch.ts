// What the machines need while they run, shared because matching is synchronous: marks of what was
// visited, the stack of the closure, thread lists. Sized for the largest program when it is compiled,
// so that nothing is allocated while matching.

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

export function countBytes(n: i32): void {
  bytes += n;
}

/** What was done since the VM began: a unit for a closure step, and for 16 bytes of the automaton. */
export function effort(): u64 {
  return steps + (bytes >> 4);
}
