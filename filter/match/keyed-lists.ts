// A table of keys with, for each, the list of the conditions it leads to.

import { Arena } from "../bytes/arena";
import { KeyTable, NO_ENTRY } from "../bytes/key-table";
import { NumberLists } from "../bytes/number-lists";
import { OrderedSet } from "../bytes/ordered-set";
import { Span } from "../bytes/span";

@final
export class KeyedLists {
  readonly keys: KeyTable;
  private readonly lists: NumberLists;

  constructor(arena: Arena) {
    this.keys = new KeyTable(arena);
    this.lists = new NumberLists(arena);
  }

  get failed(): bool {
    return this.lists.failed;
  }

  get isEmpty(): bool {
    return this.keys.count == 0;
  }

  /** The number of the key, which gets an empty list if it is new. */
  key(hash: u32, tag: u32, key: Span): i32 {
    const i = this.keys.add(hash, tag, key);
    if (i == NO_ENTRY) this.lists.failed = true;
    return max(i, 0);
  }

  add(key: i32, condition: i32): void {
    this.lists.add(key, condition);
  }

  /** Conditions in the list of the key, while the lists are filled. */
  count(key: i32): i32 {
    return this.lists.count(key);
  }

  /** Moves it all into `arena`; false at the memory ceiling. */
  settle(arena: Arena): bool {
    return this.keys.settle(arena) && this.lists.settle(this.keys.count, arena);
  }

  /** Puts the conditions of the key into `hits`, if there is such a key. */
  hit(hash: u32, tag: u32, key: Span, hits: OrderedSet): void {
    const i = this.keys.find(hash, tag, key);
    if (i != NO_ENTRY) this.lists.addTo(hits, i);
  }

  /** Puts the conditions of all keys into `hits`. */
  hitAll(hits: OrderedSet): void {
    for (let i = 0, n = this.keys.count; i < n; i++) this.lists.addTo(hits, i);
  }

  /** The same by the key's number. */
  hitAt(i: i32, hits: OrderedSet): void {
    this.lists.addTo(hits, i);
  }
}
