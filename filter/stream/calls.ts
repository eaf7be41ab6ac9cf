// Callouts that are out, and who waits for them. The host answers on the plugin's context with a
// token; who does not wait any more has forgotten it, and the answer is dropped.

import { Arena } from "../bytes/arena";
import { Answer } from "./answer";

/** Somebody who waits for answers: a stream, a task, a queue. It must be kept alive by others while it
 * waits, or forget its tokens before. */
export abstract class Waiter {
  /** The context in which the answer is dealt with. */
  abstract get contextId(): u32;
  /** Where what is read of the answer is kept. */
  abstract get answers(): Arena;
  /** `item` is what was given to `remember`. */
  abstract onAnswer(token: i32, answer: Answer, item: i32): void;
}

@unmanaged
@final
class Call {
  token: i32;
  item: i32;
  waiter: usize; // Waiter; 0: the slot is free
}

const SIZE: usize = offsetof<Call>();
const FIRST_CAPACITY: i32 = 64;

/** The callouts of one kind: each kind has tokens of its own. */
@final
export class Calls {
  private readonly arena: Arena = Arena.create();
  private base: usize = 0;
  private capacity: i32 = 0;
  private used: i32 = 0;
  /** The item of what was taken last. */
  item: i32 = 0;

  private slot(i: i32): Call {
    return changetype<Call>(this.base + (i as usize) * SIZE);
  }

  /** Where the token is or would be: linear probing from its hash. `capacity` is a power of two and
   * at most three quarters full, so the loop ends. */
  private place(token: i32): i32 {
    const mask = this.capacity - 1;
    let i = ((token * 0x9e3779b1) >>> 7) & mask;
    while (this.slot(i).waiter != 0 && this.slot(i).token != token) i = (i + 1) & mask;
    return i;
  }

  /** Remembers that `waiter` waits for `token`; false when memory ran out. */
  remember(token: i32, waiter: Waiter, item: i32): bool {
    if ((this.used + 1) * 4 > this.capacity * 3 && !this.grow()) return false;
    const entry = this.slot(this.place(token));
    if (entry.waiter == 0) this.used++;
    entry.token = token;
    entry.item = item;
    entry.waiter = changetype<usize>(waiter);
    return true;
  }

  /** Who waits for the token, or null; forgets it. */
  take(token: i32): Waiter | null {
    if (this.capacity == 0) return null;
    const i = this.place(token);
    const entry = this.slot(i);
    const waiter = entry.waiter;
    if (waiter == 0) return null;
    this.item = entry.item;
    this.release(i);
    return changetype<Waiter>(waiter);
  }

  forget(token: i32): void {
    this.take(token);
  }

  /** Frees slot `i` and moves later entries of its run up, so that no search meets a hole. */
  private release(i: i32): void {
    const mask = this.capacity - 1;
    this.slot(i).waiter = 0;
    this.used--;
    for (let j = (i + 1) & mask; this.slot(j).waiter != 0; j = (j + 1) & mask)
      this.move(this.slot(j));
  }

  /** Places anew what lies in `from`, which becomes free. */
  private move(from: Call): void {
    const token = from.token;
    const item = from.item;
    const waiter = from.waiter;
    from.waiter = 0;
    const entry = this.slot(this.place(token));
    entry.token = token;
    entry.item = item;
    entry.waiter = waiter;
  }

  private grow(): bool {
    const before = this.base;
    const count = this.capacity;
    const next = max(FIRST_CAPACITY, count * 2);
    const bytes = next * (SIZE as i32);
    const fresh = this.arena.allocate(bytes);
    if (fresh == 0) return false;
    memory.fill(fresh, 0, bytes);
    this.base = fresh;
    this.capacity = next;
    for (let i = 0; i < count; i++) {
      const old = changetype<Call>(before + (i as usize) * SIZE);
      if (old.waiter != 0) this.move(old);
    }
    return true;
  }
}

export const httpCalls: Calls = new Calls();
