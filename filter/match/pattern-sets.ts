// Conditions that are known by a pattern alone: their patterns are put into sets, and one scan of a text
// tells for a whole set which of them match.

import { OrderedSet } from "../bytes/ordered-set";
import { Span } from "../bytes/span";
import { Regex, RegexSet } from "../regex/index";

/** Patterns in one set at the most, and sets. Each has states of its own to be kept, of which there is
 * room for 16 at a time (dfa.ts): beyond that, asking one by one costs less. */
const SET_SIZE: i32 = 1024;
const MAX_SETS: i32 = 12;

/** Fewer are asked one by one, each with what speeds up its own search. */
const FEWEST: i32 = 4;

@final
export class PatternSets {
  private patterns: Regex[] = [];
  /** For each pattern the condition that has it. */
  private conditions: i32[] = [];
  private sets: StaticArray<RegexSet> = [];

  add(regex: Regex, condition: i32): void {
    this.patterns.push(regex);
    this.conditions.push(condition);
  }

  /** Makes the sets; conditions whose patterns are in none are added to `others`. */
  settle(others: i32[]): void {
    const sets: RegexSet[] = [];
    const kept: i32[] = [];
    for (let from = 0; from < this.patterns.length; from += SET_SIZE) {
      this.gather(from, min(from + SET_SIZE, this.patterns.length), sets, kept, others);
    }
    this.patterns = [];
    this.conditions = kept;
    this.sets = StaticArray.fromArray(sets);
  }

  /** The patterns from `from` to `to` as a set, or as two where they are too much for one. */
  private gather(from: i32, to: i32, sets: RegexSet[], kept: i32[], others: i32[]): void {
    if (to - from < FEWEST || sets.length == MAX_SETS) {
      for (let i = from; i < to; i++) others.push(this.conditions[i]);
      return;
    }
    const set = RegexSet.of(this.patterns.slice(from, to), 0);
    if (set.isOneScan) {
      sets.push(set);
      for (let i = from; i < to; i++) kept.push(this.conditions[i]);
      return;
    }
    const middle = (from + to) >>> 1;
    this.gather(from, middle, sets, kept, others);
    this.gather(middle, to, sets, kept, others);
  }

  /** Puts the conditions whose patterns match the text into `hits`. */
  hit(text: Span, hits: OrderedSet): void {
    let first = 0;
    for (let k = 0, n = this.sets.length; k < n; k++) {
      const set = unchecked(this.sets[k]);
      const count = set.count;
      if (set.match(text) > 0) {
        for (let i = 0; i < count; i++) {
          if (set.has(i)) hits.add(unchecked(this.conditions[first + i]));
        }
      }
      first += count;
    }
  }
}
