// How much of the VM's memory is in use, and how much of it a configuration may take while it loads. Proxies end a
// VM that wants more than 1 GiB, with all its streams, so nobody may come near that: a configuration is refused
// instead, and what it has taken is not there for streams.
//
// The heap is AssemblyScript's (TLSF): its blocks lie side by side, each with its size in front, so that what is in
// use can be counted by going over them. What is thrown away while a configuration loads counts until that is over:
// nothing is collected before.

import { held, setCeiling } from "./arena";

const MIB: usize = 1024 * 1024;
/** All together; an eighth below the end, for what is cut up and for tables that grow at once. */
const MOST: usize = 896 * MIB;
/** Of a configuration, while it loads. */
export const MOST_OF_ONE_MIB: i32 = 512;
/** Of all streams together, at most. */
const MOST_OF_STREAMS: usize = 512 * MIB;

/** In front of a block: its size, and in the lowest bits whether it is free. */
const OVERHEAD: usize = 4;
const FREE: usize = 1;
const BITS: usize = 3;
/** So many blocks are gone over for each time that somebody asks. */
const BLOCKS_A_QUESTION: u32 = 16 * 1024;

const first: usize = heap.alloc(16);

let blocks: u32 = 0;

/** Bytes of the heap in use. */
function used(): usize {
  let bytes: usize = 0;
  blocks = 0;
  let at = first - OVERHEAD;
  for (let size = sizeAt(at); size != 0; size = sizeAt(at)) {
    if ((load<usize>(at) & FREE) == 0) bytes += size + OVERHEAD;
    at += size + OVERHEAD;
    blocks++;
  }
  return bytes;
}

/** Of the block there; 0: it is the heap's end. */
function sizeAt(at: usize): usize {
  return load<usize>(at) & ~BITS;
}

/** Where the heap may not go beyond while a configuration loads; 0 while none does. */
let end: usize = 0;
let isFull: bool = false;
let questions: u32 = 0;

/** A configuration begins to load. */
export function beginLoading(): void {
  end = min(used() + (MOST_OF_ONE_MIB as usize) * MIB, MOST);
  isFull = false;
  questions = 0;
}

/** Whether the configuration that loads has taken what it may. Asked before each of its larger parts. */
export function isOverfull(): bool {
  if (end == 0 || isFull) return isFull;
  // As long as all of the memory is no more than that, so is what is in use of it.
  if ((memory.size() as usize) << 16 <= end) return false;
  if (++questions * BLOCKS_A_QUESTION < blocks) return false;
  questions = 0;
  isFull = used() > end;
  return isFull;
}

export function endLoading(): void {
  end = 0;
  isFull = false;
}

/** Leaves streams what configurations do not take. */
export function settle(): void {
  const all = used();
  const others = all - min(held(), all);
  setCeiling(min(MOST_OF_STREAMS, MOST - min(others, MOST)));
}
