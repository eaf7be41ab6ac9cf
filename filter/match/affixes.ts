// Prefixes or suffixes of texts: which of them a text has is found in one pass over as many of its
// bytes as the longest has, asking the table only at lengths that some key has.

import { Arena } from "../bytes/arena";
import { hashBackwards, hashOf, mix, seed } from "../bytes/key-table";
import { OrderedSet } from "../bytes/ordered-set";
import { byteAtUnchecked, length, Span, sliceUnchecked } from "../bytes/span";
import { LONGEST_AFFIX } from "../rules/keys";
import { KeyedLists } from "./keyed-lists";

const ROW: i32 = LONGEST_AFFIX + 1;

@final
export class Affixes {
  readonly lists: KeyedLists;
  /** For each tag the lengths that keys have, a byte each. */
  private readonly lengths: StaticArray<u8>;
  private readonly longest: StaticArray<i32>;

  /** For the tags below `tags`. */
  constructor(
    private readonly atEnd: bool,
    tags: i32,
    arena: Arena,
  ) {
    this.lists = new KeyedLists(arena);
    this.lengths = new StaticArray<u8>(tags * ROW);
    this.longest = new StaticArray<i32>(tags);
  }

  has(tag: i32): bool {
    return unchecked(this.longest[tag]) > 0;
  }

  /** The number of the key, which must not be empty. */
  key(tag: i32, text: Span): i32 {
    const n = length(text);
    const size = min(n, LONGEST_AFFIX);
    const key = this.atEnd ? sliceUnchecked(text, n - size, n) : sliceUnchecked(text, 0, size);
    this.lengths[tag * ROW + size] = 1;
    this.longest[tag] = max(this.longest[tag], size);
    const hash = this.atEnd ? hashBackwards(tag, key) : hashOf(tag, key);
    return this.lists.key(hash, tag, key);
  }

  /** Puts the conditions of all the text's affixes into `hits`. */
  hit(tag: i32, text: Span, hits: OrderedSet): void {
    const n = length(text);
    const row = tag * ROW;
    let hash = seed(tag);
    for (let size = 1, most = min(n, unchecked(this.longest[tag])); size <= most; size++) {
      hash = mix(hash, byteAtUnchecked(text, this.atEnd ? n - size : size - 1));
      if (!unchecked(this.lengths[row + size])) continue;
      const affix = this.atEnd ? sliceUnchecked(text, n - size, n) : sliceUnchecked(text, 0, size);
      this.lists.hit(hash, tag, affix, hits);
    }
  }
}
