// Many short lists of small numbers in two runs of memory: where each list begins, and all numbers one
// after the other. Filled in any order of lists and settled once; the numbers of a list keep the order
// in which they were added.

import { Arena } from "./arena";
import { OrderedSet } from "./ordered-set";

@unmanaged
@final
class Pair {
  list: u32;
  number: u32;
}

const PAIR_SIZE: usize = offsetof<Pair>();
const FIRST_CAPACITY: i32 = 32;

@final
export class NumberLists {
  /** Whether memory ran out: the lists are then not complete. */
  failed: bool = false;
  private pairs: usize = 0;
  private pairCount: i32 = 0;
  private pairCapacity: i32 = 0;
  private counts: usize = 0; // u32 for each list; after settling where it ends
  private listCapacity: i32 = 0;
  private numbers: usize = 0;

  constructor(private readonly arena: Arena) {}

  private pair(i: i32): Pair {
    return changetype<Pair>(this.pairs + (i as usize) * PAIR_SIZE);
  }

  private countAt(list: i32): usize {
    return this.counts + ((list as usize) << 2);
  }

  /** How many numbers were added to the list. Before settling. */
  count(list: i32): i32 {
    return list < this.listCapacity ? load<i32>(this.countAt(list)) : 0;
  }

  add(list: i32, number: i32): void {
    if (list >= this.listCapacity) this.growLists(list + 1);
    if (this.pairCount == this.pairCapacity) this.growPairs();
    if (this.failed) return;
    store<i32>(this.countAt(list), load<i32>(this.countAt(list)) + 1);
    const pair = this.pair(this.pairCount++);
    pair.list = list;
    pair.number = number;
  }

  private growPairs(): void {
    const capacity = max(FIRST_CAPACITY, this.pairCapacity * 2);
    const pairs = this.arena.allocate(capacity * (PAIR_SIZE as i32));
    if (pairs == 0) {
      this.failed = true;
      return;
    }
    memory.copy(pairs, this.pairs, (this.pairCount as usize) * PAIR_SIZE);
    this.pairs = pairs;
    this.pairCapacity = capacity;
  }

  private growLists(least: i32): void {
    const capacity = max(least, max(FIRST_CAPACITY, this.listCapacity * 2));
    const counts = this.arena.allocate(capacity << 2);
    if (counts == 0) {
      this.failed = true;
      return;
    }
    const before = (this.listCapacity as usize) << 2;
    memory.copy(counts, this.counts, before);
    memory.fill(counts + before, 0, ((capacity as usize) << 2) - before);
    this.counts = counts;
    this.listCapacity = capacity;
  }

  /** Lays the lists `0` to `n - 1` out in `arena`, where they stay as they are; false at the memory
   * ceiling. */
  settle(n: i32, arena: Arena): bool {
    const ends = arena.allocate(n << 2);
    const numbers = arena.allocate(this.pairCount << 2);
    if (this.failed || ends == 0 || numbers == 0) return false;
    let total: u32 = 0;
    for (let list = 0; list < n; list++) {
      // Where the list begins; filling moves it to where the list ends.
      store<u32>(ends + ((list as usize) << 2), total);
      total += this.count(list);
    }
    for (let i = 0; i < this.pairCount; i++) {
      const pair = this.pair(i);
      const end = ends + ((pair.list as usize) << 2);
      const at = load<u32>(end);
      store<u32>(numbers + ((at as usize) << 2), pair.number);
      store<u32>(end, at + 1);
    }
    this.counts = ends;
    this.listCapacity = n;
    this.numbers = numbers;
    this.pairs = 0;
    this.pairCount = 0;
    this.pairCapacity = 0;
    return true;
  }

  /** Adds the numbers of a list to a set. After settling. */
  addTo(set: OrderedSet, list: i32): void {
    const end = this.countAt(list);
    let at = this.numbers + ((list == 0 ? 0 : (load<u32>(end - 4) as usize)) << 2);
    for (const stop = this.numbers + ((load<u32>(end) as usize) << 2); at < stop; at += 4) {
      set.add(load<i32>(at));
    }
  }
}
