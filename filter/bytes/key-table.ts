// Keys to numbers: a hash table that is built when a configuration is read and only asked after that.
// A key is some bytes under a tag, so that one table serves several kinds of keys. Entries are
// numbered in the order they were added, from 0.
//
// ASCII letters are folded: `A` and `a` are one key. Whoever asks has to compare again anyway where
// case matters; whoever does not care about case can use the same table.
//
// Keys come from configurations, only questions from traffic: a table never grows while it is asked,
// and a question costs its hash and the few entries beside its slot.

import { Arena } from "./arena";
import * as ascii from "./ascii";
import { address, end, length, Span } from "./span";

@unmanaged
@final
class Entry {
  hash: u32;
  tag: u32;
  key: Span;
}

const ENTRY_SIZE: u32 = offsetof<Entry>() as u32;
const FIRST_CAPACITY: u32 = 16; // entries; there are twice as many slots

/** No such key. */
export const NO_ENTRY: i32 = -1;

/** The hash of no bytes under the tag: FNV-1a goes on from here, byte by byte. */
export function seed(tag: u32): u32 {
  return 0x811c9dc5 ^ (tag * 0x9e3779b1);
}

export function mix(hash: u32, byte: u32): u32 {
  return (hash ^ ascii.lower(byte)) * 0x01000193;
}

export function hashOf(tag: u32, key: Span): u32 {
  let hash = seed(tag);
  for (let at = address(key), stop = end(key); at < stop; at++) hash = mix(hash, load<u8>(at));
  return hash;
}

/** The hash as `hashOf` has it, of the bytes from the last to the first. */
export function hashBackwards(tag: u32, key: Span): u32 {
  let hash = seed(tag);
  for (let at = end(key), stop = address(key); at > stop; ) hash = mix(hash, load<u8>(--at));
  return hash;
}

@final
export class KeyTable {
  count: i32 = 0;
  /** Length of the longest key: longer questions need not be hashed. */
  longest: i32 = 0;
  private entries: usize = 0;
  private slots: usize = 0; // number of the entry + 1, or 0
  private capacity: u32 = 0;

  constructor(private readonly arena: Arena) {}

  private entry(i: i32): Entry {
    return changetype<Entry>(this.entries + (i as usize) * ENTRY_SIZE);
  }

  /** The slot of the hash; the low bits of FNV-1a spread worst over short keys. */
  private place(hash: u32): u32 {
    return (hash ^ (hash >>> 15)) & (this.capacity * 2 - 1);
  }

  /** The number of the key whose hash is `hash`, or NO_ENTRY. */
  find(hash: u32, tag: u32, key: Span): i32 {
    if (this.count == 0) return NO_ENTRY;
    const mask = this.capacity * 2 - 1;
    let slot = this.place(hash);
    let i = load<i32>(this.slots + (slot << 2)) - 1;
    // At least half of the slots are empty: the search ends.
    while (i >= 0 && !this.isAt(i, hash, tag, key)) {
      slot = (slot + 1) & mask;
      i = load<i32>(this.slots + (slot << 2)) - 1;
    }
    return i; // NO_ENTRY for an empty slot
  }

  private isAt(i: i32, hash: u32, tag: u32, key: Span): bool {
    const entry = this.entry(i);
    return entry.hash == hash && entry.tag == tag && ascii.equalIgnoringCase(entry.key, key);
  }

  /** The number of the key, which is added if it is new; it must stay where it is. NO_ENTRY at the
   * memory ceiling. */
  add(hash: u32, tag: u32, key: Span): i32 {
    const known = this.find(hash, tag, key);
    if (known != NO_ENTRY) return known;
    if ((this.count as u32) == this.capacity) {
      const isRoom = this.resize(max(FIRST_CAPACITY, this.capacity * 2), this.arena);
      if (!isRoom) return NO_ENTRY;
    }
    const i = this.count++;
    const entry = this.entry(i);
    entry.hash = hash;
    entry.tag = tag;
    entry.key = key;
    this.longest = max(this.longest, length(key));
    this.link(i);
    return i;
  }

  private link(i: i32): void {
    const mask = this.capacity * 2 - 1;
    let slot = this.place(this.entry(i).hash);
    while (load<i32>(this.slots + (slot << 2)) != 0) slot = (slot + 1) & mask;
    store<i32>(this.slots + (slot << 2), i + 1);
  }

  private resize(capacity: u32, arena: Arena): bool {
    const entries = arena.allocate(capacity * ENTRY_SIZE);
    const slots = arena.allocate(capacity * 8);
    if (entries == 0 || slots == 0) return false;
    memory.copy(entries, this.entries, (this.count as u32) * ENTRY_SIZE);
    memory.fill(slots, 0, capacity * 8);
    this.entries = entries;
    this.slots = slots;
    this.capacity = capacity;
    for (let i = 0; i < this.count; i++) this.link(i);
    return true;
  }

  /** Moves the table into `arena`, where it stays as it is; false at the memory ceiling. */
  settle(arena: Arena): bool {
    return this.count == 0 || this.resize(this.capacity, arena);
  }
}
