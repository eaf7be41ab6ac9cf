// Decisions that are kept for a while, in the memory of this VM: all in one index, each in the hands of
// the step that made it, and bounded in number for each step, in number and in bytes for all of them. No
// traffic can make it grow: what was not asked for longest goes, of the step that has the most.
//
// Denials are what strangers can have as many of as they like, so when a step is full a quarter of its
// places is for them and no more: who is let in is not pushed out by who is not.
//
// A key is a hash of 128 bits under a seed of this VM (siphash), over the step's own number and all that
// the key is made of, with lengths: nobody outside can make two that meet, and no two steps share one.

import * as host from "../abi/host";
import { forgive, giveBack, refusals, take } from "../bytes/arena";
import { Writer } from "../bytes/writer";
import * as siphash from "../crypto/siphash";
import { Counter, countMany } from "./counters";
import { Decision } from "./decision";
import { RecordIndex } from "./record-index";

/** Decisions of a step, where it does not say; the most that it may say, and of all steps together. */
export const DEFAULT_DECISIONS: i32 = 10_000;
export const MAX_DECISIONS: i32 = 65_536;
/** Bytes of all of them. */
const MAX_BYTES: usize = 32 << 20;
/** A larger one is not kept. */
const MAX_DECISION: usize = 16 * 1024;
/** What the heap needs for each besides. */
const OVERHEAD: usize = 16;

const index = new RecordIndex();
let bytes: usize = 0;
/** Steps that have kept something, until their configuration goes. */
const holders: Decisions[] = [];
let serials: u64 = 0;

const SEED: usize = heap.alloc(16);
let isSeeded: bool = false;

/** Without a seed nothing is kept. */
function seed(): bool {
  if (!isSeeded) isSeeded = host.random(SEED, 16);
  return isSeeded;
}

/** Decisions of one kind, the last one asked for first. */
@final
class Line {
  first: usize = 0;
  last: usize = 0;
  count: i32 = 0;

  push(decision: Decision): void {
    const at = changetype<usize>(decision);
    decision.newer = 0;
    decision.older = this.first;
    if (this.first != 0) changetype<Decision>(this.first).newer = at;
    else this.last = at;
    this.first = at;
    this.count++;
  }

  take(decision: Decision): void {
    const newer = decision.newer;
    const older = decision.older;
    if (newer != 0) changetype<Decision>(newer).older = older;
    else this.first = older;
    if (older != 0) changetype<Decision>(older).newer = newer;
    else this.last = newer;
    this.count--;
  }
}

@final
export class Decisions {
  /** Milliseconds that an allowed one and a denial are good for, 0: not kept; and how much longer they
   * are while the service fails. */
  ttl: i64 = 0;
  denyTtl: i64 = 0;
  staleFor: i64 = 0;
  /** At most MAX_DECISIONS. */
  most: i32 = DEFAULT_DECISIONS;
  private readonly serial: u64 = ++serials;
  private readonly allowed: Line = new Line();
  private readonly denied: Line = new Line();
  private bytes: usize = 0;
  private isHolder: bool = false;

  // ---- keys

  /** Begins a key in `out`: no other step's begins so. */
  begin(out: Writer): void {
    out.reset();
    out.word(this.serial);
  }

  /** Makes of the key its hash (siphash.low and high); false when it cannot stand for anything. */
  hash(key: Writer): bool {
    if (key.failed || !seed()) return false;
    siphash.siphash(load<u64>(SEED), load<u64>(SEED, 8), key.view());
    return true;
  }

  // ---- decisions

  /** The decision of that key that is still good; null when there is none. `now`: milliseconds. */
  fresh(low: u64, high: u64, now: i64): Decision | null {
    const decision = this.find(low, high, now);
    return decision != null && now < decision.expires ? decision : null;
  }

  /** The one that is good while the service fails. */
  stale(low: u64, high: u64, now: i64): Decision | null {
    return this.staleFor > 0 ? this.find(low, high, now) : null;
  }

  /** A decision whose time is over is gone; so is one from the future, since the clock was set back. */
  private find(low: u64, high: u64, now: i64): Decision | null {
    const at = index.find(low, high);
    if (at == 0) return null;
    const decision = changetype<Decision>(at);
    const staleFor = decision.isStrict ? 0 : this.staleFor;
    if (now < decision.since || now >= decision.expires + staleFor) {
      this.drop(decision);
      return null;
    }
    const line = this.lineOf(decision);
    if (line.first != at) {
      line.take(decision);
      line.push(decision);
    }
    return decision;
  }

  /** Keeps a copy in place of the former one, if it is one to be kept; the former one goes in any case,
   * unless the new one says nothing that lasts. */
  keep(low: u64, high: u64, made: Decision, now: i64): void {
    const refused = refusals();
    this.keepIfThereIsRoom(low, high, made, now);
    // What is not kept is asked again.
    forgive(refused);
  }

  private keepIfThereIsRoom(low: u64, high: u64, made: Decision, now: i64): void {
    if (isOfTheMoment(made.status)) return;
    const before = index.find(low, high);
    if (before != 0) this.drop(changetype<Decision>(before));
    let ttl = made.isAllowed ? this.ttl : this.denyTtl;
    if (made.mostAge >= 0) ttl = min(ttl, made.mostAge);
    const size = made.size;
    if (ttl == 0 || made.isForOne || size > MAX_DECISION) return;
    this.makeRoom(made.isAllowed, size + OVERHEAD);
    const at = take(size);
    if (at == 0) return;
    const decision = made.copyTo(at);
    decision.low = low;
    decision.high = high;
    decision.since = now;
    decision.expires = now + ttl;
    if (!index.add(at)) {
      giveBack(at, size);
      return;
    }
    if (!this.isHolder) holders.push(this);
    this.isHolder = true;
    this.lineOf(decision).push(decision);
    this.bytes += size + OVERHEAD;
    bytes += size + OVERHEAD;
  }

  private makeRoom(isAllowed: bool, need: usize): void {
    let evicted = 0;
    while (this.count >= this.most) {
      this.evict(isAllowed);
      evicted++;
    }
    while (index.count >= MAX_DECISIONS || bytes + need > MAX_BYTES) {
      largest().evict(isAllowed);
      evicted++;
    }
    countMany(Counter.AuthorizeEvicted, evicted);
  }

  private get count(): i32 {
    return this.allowed.count + this.denied.count;
  }

  /** There is one. `isAllowed`: what it has to make room for. */
  evict(isAllowed: bool): void {
    const denials = this.denied.count + (isAllowed ? 0 : 1);
    const isDenial = this.denied.count > 0 && denials > this.count / 4;
    const line = isDenial || this.allowed.count == 0 ? this.denied : this.allowed;
    this.drop(changetype<Decision>(line.last));
  }

  private lineOf(decision: Decision): Line {
    return decision.isAllowed ? this.allowed : this.denied;
  }

  private drop(decision: Decision): void {
    const size = decision.size;
    index.remove(changetype<usize>(decision));
    this.lineOf(decision).take(decision);
    giveBack(changetype<usize>(decision), size);
    this.bytes -= size + OVERHEAD;
    bytes -= size + OVERHEAD;
  }

  /** The configuration goes, and what it has kept. */
  clear(): void {
    while (this.allowed.last != 0) this.drop(changetype<Decision>(this.allowed.last));
    while (this.denied.last != 0) this.drop(changetype<Decision>(this.denied.last));
    if (this.isHolder) holders.splice(holders.indexOf(this), 1);
    this.isHolder = false;
  }

  /** Bytes that it holds. */
  get weight(): usize {
    return this.bytes;
  }
}

/** The step that holds the most; something is held. */
function largest(): Decisions {
  let found = holders[0];
  for (let i = 1; i < holders.length; i++) {
    if (holders[i].weight > found.weight) found = holders[i];
  }
  return found;
}

/** Whether the status speaks of the moment (RFC 9110 15.5.9, RFC 8470, RFC 6585): it says nothing of the
 * next request. */
function isOfTheMoment(status: i32): bool {
  return status == 408 || status == 425 || status == 429;
}
