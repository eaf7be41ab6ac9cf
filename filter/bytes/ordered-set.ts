// A set of small numbers that gives them back in order: 64 to a word, and above each level of words
// another with a bit for each word that is not zero. Adding and taking cost a few loads whatever the
// range; a set that nothing was added to is empty at the cost of one. Nothing is allocated but by
// `reserve`, which is for configure time.

/** What `take` answers when the set is empty. */
export const EMPTY_SET: i32 = -1;

/** 64^4 numbers: more than a configuration has room for rules. */
const MAX_LEVELS: i32 = 4;

@unmanaged
@final
export class OrderedSet {
  range: i32;
  levels: i32;
  level0: usize; // addresses of the words of each level, in a row for `words`
  level1: usize;
  level2: usize;
  level3: usize;

  /** An empty set for the numbers below 64; `reserve` makes room for more. */
  static create(): OrderedSet {
    const set = changetype<OrderedSet>(heap.alloc(offsetof<OrderedSet>()));
    set.range = 0;
    set.level0 = 0;
    set.reserve(64);
    return set;
  }

  private words(level: i32): usize {
    return load<usize>(
      changetype<usize>(this) + (level as usize) * sizeof<usize>(),
      offsetof<OrderedSet>("level0"),
    );
  }

  /** Makes room for the numbers below `n`. The set must be empty. */
  reserve(n: i32): void {
    if (n <= this.range) return;
    if (this.level0 != 0) heap.free(this.level0);
    let total: usize = 0;
    let count: usize = n;
    let levels = 0;
    do {
      count = (count + 63) >>> 6;
      total += count;
      levels++;
    } while (count > 1 && levels < MAX_LEVELS);
    let at = heap.alloc(total << 3);
    memory.fill(at, 0, total << 3);
    this.range = n;
    this.levels = levels;
    count = n;
    for (let level = 0; level < levels; level++) {
      store<usize>(
        changetype<usize>(this) + (level as usize) * sizeof<usize>(),
        at,
        offsetof<OrderedSet>("level0"),
      );
      count = (count + 63) >>> 6;
      at += count << 3;
    }
  }

  /** Adds a number below the range; more than once is once. */
  add(value: i32): void {
    let i = value as u32;
    for (let level = 0; level < this.levels; level++) {
      const word = this.words(level) + ((i >>> 6) << 3);
      const before = load<u64>(word);
      store<u64>(word, before | ((1 as u64) << (i & 63)));
      // The levels above know of this word already.
      if (before != 0) return;
      i >>>= 6;
    }
  }

  /** Removes the smallest and answers it; EMPTY_SET when there is none. */
  take(): i32 {
    const top = this.levels - 1;
    if (load<u64>(this.words(top)) == 0) return EMPTY_SET;
    let i: u32 = 0;
    for (let level = top; level >= 0; level--) {
      i = (i << 6) | (ctz<u64>(load<u64>(this.words(level) + (i << 3))) as u32);
    }
    const taken = i;
    for (let level = 0; level <= top; level++) {
      const word = this.words(level) + ((i >>> 6) << 3);
      const left = load<u64>(word) & ~((1 as u64) << (i & 63));
      store<u64>(word, left);
      if (left != 0) break;
      i >>>= 6;
    }
    return taken as i32;
  }

  /** Removes all there are. */
  clear(): void {
    while (this.take() != EMPTY_SET) {}
  }
}
