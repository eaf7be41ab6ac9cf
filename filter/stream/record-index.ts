// Finds records by a hash of 128 bits that each begins with: linear probing from the hash, which must be
// one that nobody outside can aim (siphash under a seed of our own). It grows by doubling and never
// beyond twice what it holds.

import { giveBack, take } from "../bytes/arena";

/** What each record begins with. */
@unmanaged
export class Hashed {
  low: u64;
  high: u64;
}

const SLOT: usize = sizeof<usize>();
const FIRST_CAPACITY: i32 = 64;

@final
export class RecordIndex {
  count: i32 = 0;
  private slots: usize = 0;
  /** A power of two; at most three quarters are in use, so that every search ends. */
  private capacity: i32 = 0;

  private at(i: i32): usize {
    return load<usize>(this.slots + (i as usize) * SLOT);
  }

  private put(i: i32, record: usize): void {
    store<usize>(this.slots + (i as usize) * SLOT, record);
  }

  /** Where the record of that hash is or would be. */
  private place(low: u64, high: u64): i32 {
    const mask = this.capacity - 1;
    let i = (low as i32) & mask;
    while (true) {
      const at = this.at(i);
      if (at == 0) return i;
      const record = changetype<Hashed>(at);
      if (record.low == low && record.high == high) return i;
      i = (i + 1) & mask;
    }
  }

  /** The address of the record, or 0. */
  find(low: u64, high: u64): usize {
    return this.count == 0 ? 0 : this.at(this.place(low, high));
  }

  /** Adds a record whose hash is not there yet; false when memory ran out. */
  add(record: usize): bool {
    if ((this.count + 1) * 4 > this.capacity * 3 && !this.grow()) return false;
    this.link(record);
    this.count++;
    return true;
  }

  private link(record: usize): void {
    const hashed = changetype<Hashed>(record);
    this.put(this.place(hashed.low, hashed.high), record);
  }

  /** Takes the record out, if it is there, and moves those behind it up, so that no search meets a hole. */
  remove(record: usize): void {
    if (this.count == 0) return;
    const mask = this.capacity - 1;
    const hashed = changetype<Hashed>(record);
    const hole = this.place(hashed.low, hashed.high);
    if (this.at(hole) != record) return;
    this.put(hole, 0);
    this.count--;
    for (let i = (hole + 1) & mask; this.at(i) != 0; i = (i + 1) & mask) {
      const other = this.at(i);
      this.put(i, 0);
      this.link(other);
    }
  }

  private grow(): bool {
    const before = this.slots;
    const n = this.capacity;
    const next = max(FIRST_CAPACITY, n * 2);
    const fresh = take((next as usize) * SLOT);
    if (fresh == 0) return false;
    memory.fill(fresh, 0, (next as usize) * SLOT);
    this.slots = fresh;
    this.capacity = next;
    for (let i = 0; i < n; i++) {
      const record = load<usize>(before + (i as usize) * SLOT);
      if (record != 0) this.link(record);
    }
    if (before != 0) giveBack(before, (n as usize) * SLOT);
    return true;
  }
}
