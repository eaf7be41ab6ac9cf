// Callouts that are out, and the streams that wait for them. The host answers on the plugin's
// context with a token; a stream that has ended has no entry any more and its answer is dropped.

import { Arena } from "../bytes/arena";

@unmanaged
@final
class Call {
  token: i32;
  context: u32; // 0: the slot is free
}

const SIZE: usize = offsetof<Call>();

const arena: Arena = Arena.create();
let base: usize = 0;
let capacity: i32 = 0;
let used: i32 = 0;

function slot(i: i32): Call {
  return changetype<Call>(base + (i as usize) * SIZE);
}

/** Where the token is or would be: linear probing from its hash. `capacity` is a power of two and
 * at most three quarters full, so the loop ends. */
function place(token: i32): i32 {
  const mask = capacity - 1;
  let i = ((token * 0x9e3779b1) >>> 7) & mask;
  while (slot(i).context != 0 && slot(i).token != token) i = (i + 1) & mask;
  return i;
}

/** Remembers that `context` waits for `token`; false when memory ran out. */
export function remember(token: i32, context: u32): bool {
  if ((used + 1) * 4 > capacity * 3 && !grow()) return false;
  const entry = slot(place(token));
  if (entry.context == 0) used++;
  entry.token = token;
  entry.context = context;
  return true;
}

/** The context that waits for the token, or 0; forgets it. */
export function take(token: i32): u32 {
  if (capacity == 0) return 0;
  const i = place(token);
  const context = slot(i).context;
  if (context != 0) release(i);
  return context;
}

export function forget(token: i32): void {
  take(token);
}

/** Frees slot `i` and moves later entries of its run up, so that no search meets a hole. */
function release(i: i32): void {
  const mask = capacity - 1;
  slot(i).context = 0;
  used--;
  for (let j = (i + 1) & mask; slot(j).context != 0; j = (j + 1) & mask) {
    const token = slot(j).token;
    const context = slot(j).context;
    slot(j).context = 0;
    const entry = slot(place(token));
    entry.token = token;
    entry.context = context;
  }
}

function grow(): bool {
  const before = base;
  const count = capacity;
  const next = max(64, capacity * 2);
  const bytes = next * (SIZE as i32);
  const fresh = arena.allocate(bytes);
  if (fresh == 0) return false;
  memory.fill(fresh, 0, bytes);
  base = fresh;
  capacity = next;
  for (let i = 0; i < count; i++) {
    const old = changetype<Call>(before + (i as usize) * SIZE);
    if (old.context == 0) continue;
    const entry = slot(place(old.token));
    entry.token = old.token;
    entry.context = old.context;
  }
  return true;
}
