// Pike's simulation: all threads advance over the text together, in order of preference, each with the
// places of its groups; an instruction is visited once for each byte, so time is at most program size
// times text. Finds the leftmost match, of those the preferred one (Perl's), with groups.
//
// Memory is scratch.ts; the answer is `scratch.found`, valid until the next search.

import { address, length, Span } from "../bytes/span";
import { isContinuation, isWordByte } from "./codegen";
import { Code, Program } from "./program";
import * as scratch from "./scratch";
import { Look } from "./syntax";

/** How to search; a bit set. */
export const enum Mode {
  Unanchored = 0,
  /** The match begins at `from`. */
  Anchored = 1,
  /** The match ends where the text ends. */
  ToEnd = 2,
}

let base: usize = 0;
let size: i32 = 0;
let count: i32 = 0; // threads in scratch.threadsNext, or in scratch.threads while seeding
let slotCount: i32 = 0;
let program: Program = new Program();

/** The first match at or after `from` and ending at `to` or before; looks see the whole haystack.
 * `slots` places are kept: 0 when only the fact matters, 2 for the match, or all. */
export function search(
  p: Program,
  haystack: Span,
  from: i32,
  to: i32,
  mode: u32,
  slots: i32,
): bool {
  base = address(haystack);
  size = length(haystack);
  program = p;
  slotCount = slots;
  let current = 0; // threads in scratch.threads
  let stamp = scratch.freshStamp();
  let matched = false;
  for (let at = from; ; at++) {
    if (scratch.isSpent()) return false;
    const seeding = !matched && ((mode & Mode.Anchored) == 0 || at == from);
    if (seeding) {
      for (let i = 0; i < slots; i++) unchecked((scratch.work[i] = -1));
      scratch.swapThreads();
      count = current;
      add(p.start, at, stamp);
      current = count;
      scratch.swapThreads();
    } else if (current == 0 && (matched || (mode & Mode.Anchored) != 0)) {
      break;
    }
    stamp = scratch.freshStamp();
    count = 0;
    for (let i = 0; i < current; i++) {
      const pc = unchecked(scratch.threads[i]);
      if (p.code(pc) == Code.Match) {
        if ((mode & Mode.ToEnd) != 0 && at != size) continue;
        matched = true;
        if (slots == 0) return true;
        const kept = (unchecked(p.leaves[pc]) as i32) * slots;
        for (let k = 0; k < slots; k++) {
          unchecked((scratch.found[k] = scratch.slots[kept + k]));
        }
        unchecked((scratch.found[1] = at));
        break;
      }
      if (at >= to || !p.takes(pc, load<u8>(base + at))) continue;
      const kept = (unchecked(p.leaves[pc]) as i32) * slots;
      for (let k = 0; k < slots; k++) unchecked((scratch.work[k] = scratch.slots[kept + k]));
      add(p.x(pc), at + 1, stamp);
    }
    scratch.swapThreads();
    current = count;
    if (at >= to) break;
  }
  return matched;
}

// Follows everything that reads nothing from `pc` and lists the leaves in `threadsNext`. The stack
// holds instructions, and ~slot over its old value where a Save is to be undone.
function add(pc: i32, at: i32, stamp: u32): void {
  if (slotCount > 0 && unchecked(scratch.work[0]) < 0) unchecked((scratch.work[0] = at));
  let top = 0;
  let next = pc;
  while (true) {
    if (unchecked(scratch.seen[next]) != stamp) {
      unchecked((scratch.seen[next] = stamp));
      scratch.countStep();
      const code = program.code(next);
      switch (code) {
        case Code.Nop:
          next = program.x(next);
          continue;
        case Code.Split:
          unchecked((scratch.stack[top++] = program.y(next)));
          next = program.x(next);
          continue;
        case Code.Look:
          if (holds(program.arg(next), at)) {
            next = program.x(next);
            continue;
          }
          break;
        case Code.Save: {
          const slot = program.arg(next);
          if (slot < slotCount) {
            unchecked((scratch.stack[top++] = scratch.work[slot]));
            unchecked((scratch.stack[top++] = ~slot));
            unchecked((scratch.work[slot] = at));
          }
          next = program.x(next);
          continue;
        }
        default: {
          unchecked((scratch.threadsNext[count++] = next));
          const kept = (unchecked(program.leaves[next]) as i32) * slotCount;
          for (let k = 0; k < slotCount; k++) {
            unchecked((scratch.slotsNext[kept + k] = scratch.work[k]));
          }
        }
      }
    }
    // Back to the last choice, undoing what was saved since.
    while (true) {
      if (top == 0) return;
      const entry = unchecked(scratch.stack[--top]);
      if (entry >= 0) {
        next = entry;
        break;
      }
      unchecked((scratch.work[~entry] = scratch.stack[--top]));
    }
  }
}

function holds(look: i32, at: i32): bool {
  switch (look) {
    case Look.TextStart:
      return at == 0;
    case Look.TextEnd:
      return at == size;
    case Look.LineStart:
      return at == 0 || load<u8>(base + at - 1) == 10;
    case Look.LineEnd:
      return at == size || load<u8>(base + at) == 10;
    default: {
      const before = at > 0 && isWordByte(load<u8>(base + at - 1));
      const after = at < size && isWordByte(load<u8>(base + at));
      if (before != after) return look == Look.WordBoundary;
      return look == Look.NotWordBoundary && !(program.minds && isInside(at));
    }
  }
}

// Whether the byte before and the one at `at` can belong to one character.
function isInside(at: i32): bool {
  if (at == 0 || at == size) return false;
  return load<u8>(base + at - 1) >= 0x80 && isContinuation(load<u8>(base + at));
}
