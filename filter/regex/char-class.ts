// Sets of code points while a pattern is compiled: pairs [low, high] in a growing list. Building is
// append-only; `normalize` sorts and joins. Sizes are bounded by the pattern length times the largest
// Unicode table. Managed: configure time only.

import * as unicode from "./unicode";

export const LAST: i32 = 0x10ffff;
/** The largest code point in byte mode. */
export const LAST_BYTE: i32 = 0xff;

@final
export class CharClass {
  /** low, high, low, high, … */
  readonly bounds: i32[] = [];

  add(low: i32, high: i32): void {
    this.bounds.push(low);
    this.bounds.push(high);
  }

  addAll(other: CharClass): void {
    for (let i = 0; i < other.bounds.length; i++) this.bounds.push(other.bounds[i]);
  }

  get count(): i32 {
    return this.bounds.length >> 1;
  }

  low(i: i32): i32 {
    return this.bounds[2 * i];
  }

  high(i: i32): i32 {
    return this.bounds[2 * i + 1];
  }

  /** Sorted, without overlaps and without neighbours that touch. */
  normalize(): void {
    const b = this.bounds;
    const n = this.count;
    if (n < 2) return;
    if (!this.isSorted()) sortPairs(b, n);
    let kept = 0;
    for (let i = 1; i < n; i++) {
      if (b[2 * i] <= b[2 * kept + 1] + 1) {
        b[2 * kept + 1] = max(b[2 * kept + 1], b[2 * i + 1]);
      } else {
        kept++;
        b[2 * kept] = b[2 * i];
        b[2 * kept + 1] = b[2 * i + 1];
      }
    }
    b.length = 2 * (kept + 1);
  }

  private isSorted(): bool {
    for (let i = 1; i < this.count; i++) if (this.low(i) < this.low(i - 1)) return false;
    return true;
  }

  /** The complement up to `last`; normalizes. */
  negate(last: i32): void {
    this.normalize();
    const old = this.bounds.slice();
    this.bounds.length = 0;
    let from = 0;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] > from) this.add(from, old[i] - 1);
      from = old[i + 1] + 1;
    }
    if (from <= last) this.add(from, last);
  }

  /** Adds everything that differs from a member only in case; normalizes. */
  foldCase(): void {
    this.normalize();
    unicode.addFolds(this);
    this.normalize();
  }

  /** Drops what lies beyond `last`; of a normalized set. */
  clip(last: i32): void {
    const b = this.bounds;
    let n = this.count;
    while (n > 0 && b[2 * n - 2] > last) n--;
    b.length = 2 * n;
    if (n > 0 && b[2 * n - 1] > last) b[2 * n - 1] = last;
  }
}

// Heap sort of n pairs by their low end: in place, no worst case, no closure.
function sortPairs(b: i32[], n: i32): void {
  for (let i = (n >> 1) - 1; i >= 0; i--) sink(b, i, n);
  for (let last = n - 1; last > 0; last--) {
    swap(b, 0, last);
    sink(b, 0, last);
  }
}

function sink(b: i32[], from: i32, n: i32): void {
  let root = from;
  while (true) {
    let child = 2 * root + 1;
    if (child >= n) return;
    if (child + 1 < n && b[2 * child + 2] > b[2 * child]) child++;
    if (b[2 * root] >= b[2 * child]) return;
    swap(b, root, child);
    root = child;
  }
}

function swap(b: i32[], i: i32, j: i32): void {
  const low = b[2 * i];
  const high = b[2 * i + 1];
  b[2 * i] = b[2 * j];
  b[2 * i + 1] = b[2 * j + 1];
  b[2 * j] = low;
  b[2 * j + 1] = high;
}
