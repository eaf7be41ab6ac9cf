// Where the host puts what it hands us. The host asks `proxy_on_memory_allocate` for room during a
// host call; the answer comes from the arena that the caller has chosen as intake: the scratch
// arena (forgotten at the next callback) unless told otherwise.

import { Arena } from "../bytes/arena";
import { NONE, Span, span } from "../bytes/span";

/** Forgotten on entry of each callback. */
export const scratch: Arena = Arena.create();

let intake: Arena = scratch;

// Cells the host writes results to: an address (or a number), a size, and what guards a shared value.
const RESULT: usize = memory.data(24, 8);

export function resultCell(): usize {
  return RESULT;
}

export function sizeCell(): usize {
  return RESULT + 8;
}

export function casCell(): usize {
  return RESULT + 16;
}

export function cas(): u32 {
  return load<u32>(RESULT, 16);
}

export function clearResult(): void {
  store<u64>(RESULT, 0);
  store<u64>(RESULT, 0, 8);
}

/** What the host wrote as address and size; NONE when it wrote nothing. */
export function resultSpan(): Span {
  const at = load<usize>(RESULT);
  return at == 0 ? NONE : span(at, load<i32>(RESULT, 8));
}

export function result32(): u32 {
  return load<u32>(RESULT);
}

export function result64(): u64 {
  return load<u64>(RESULT);
}

/** Makes the host's next answers land in `arena`; undone by `intakeToScratch`. */
export function intakeTo(arena: Arena): void {
  intake = arena;
}

export function intakeToScratch(): void {
  intake = scratch;
}

/** Exported under this name: the host's way to get memory. 0 (past the ceiling) makes the host call fail. */
export function proxy_on_memory_allocate(n: i32): usize {
  return intake.allocate(max(n, 1));
}
