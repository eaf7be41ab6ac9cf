// Replacing literals in a body that comes in pieces, with the result that one pass over the whole
// would have: leftmost match first, the earlier in the list where two begin together, what was put in
// not searched again. A literal may also be kept as it was written, with a text put before or after
// it. Between pieces only a tail is held back that is the beginning of a literal; so at most the
// longest literal less a byte.
//
// A piece without a match, with nothing held before or after, is left alone. Else the result says
// how far into the piece it reaches, so that the caller can leave what follows where it is.

import { Arena } from "./arena";
import { Needle } from "./search";
import { address, length, Span } from "./span";
import { Writer } from "./writer";

const MAX_NEEDLES: i32 = 64;
const MAX_NEEDLE_SIZE: i32 = 4096;

// Where each literal occurs next in the piece at hand, as an offset; `size` when it does not.
const nextMatch: StaticArray<i32> = new StaticArray<i32>(MAX_NEEDLES);
const joined = Writer.create();

/** Where a value goes. */
export const enum Place {
  /** In the literal's place. */
  Instead,
  Before,
  After,
}

/** What a stream needs: what is held back, and how often each literal may still be replaced. */
@unmanaged
@final
class State {
  held: usize; // address of the held bytes
  heldSize: i32;
  values: usize; // Span of each replacement
  left: usize; // i32 of each literal: replacements left
}

/** The literals of one `replace`; immutable once they are added. */
@final
export class Replacer {
  private readonly needles: Needle[] = [];
  private readonly limits: i32[] = [];
  private readonly places: Place[] = [];
  private longest: i32 = 0;

  /** The literals are kept in `arena`. */
  constructor(private readonly arena: Arena) {}

  /** Set by `feed` when it changes something: how many bytes of the piece `out` stands for. */
  consumed: i32 = 0;

  /** Adds a literal, whose value is put in at most `limit` times; false when it or the list is too
   * long. */
  add(find: Span, ignoreCase: bool, limit: i32, place: Place = Place.Instead): bool {
    const n = length(find);
    if (n == 0 || n > MAX_NEEDLE_SIZE || this.needles.length == MAX_NEEDLES) return false;
    this.needles.push(new Needle(find, ignoreCase, this.arena));
    this.limits.push(limit);
    this.places.push(place);
    this.longest = max(this.longest, n);
    return true;
  }

  get count(): i32 {
    return this.needles.length;
  }

  /** The most bytes that are held back. */
  get window(): i32 {
    return this.longest - 1;
  }

  /** Length of the literal at that index. */
  sizeOf(i: i32): i32 {
    return this.needles[i].size;
  }

  /** A state for a stream in `arena`; `setValue` must follow for each literal. 0 at the ceiling. */
  open(arena: Arena): usize {
    const n = this.needles.length;
    const base = arena.allocate((offsetof<State>() as i32) + n * 12 + this.longest);
    if (base == 0) return 0;
    const state = changetype<State>(base);
    state.values = base + ((offsetof<State>() + 7) & ~7);
    state.left = state.values + n * 8;
    state.held = state.left + n * 4;
    state.heldSize = 0;
    for (let i = 0; i < n; i++) store<i32>(state.left + i * 4, this.limits[i]);
    return base;
  }

  /** What is put in for the literal; must live as long as the state. */
  setValue(address: usize, i: i32, value: Span): void {
    store<Span>(changetype<State>(address).values + i * 8, value);
  }

  valueAt(address: usize, i: i32): Span {
    return load<Span>(changetype<State>(address).values + i * 8);
  }

  /** Takes the next piece; true when something changes: then `out` stands for the first `consumed`
   * bytes of the piece. `last`: nothing follows, so nothing is held back. */
  feed(at: usize, piece: Span, last: bool, out: Writer): bool {
    const state = changetype<State>(at);
    const heldSize = state.heldSize;
    let base = address(piece);
    let size = length(piece);
    if (heldSize > 0) {
      joined.reset();
      joined.bytes(state.held, heldSize);
      joined.span(piece);
      if (joined.failed) {
        out.failed = true;
        return true;
      }
      base = joined.base;
      size = joined.size;
    }
    const n = this.needles.length;
    for (let i = 0; i < n; i++) unchecked((nextMatch[i] = -1));
    let position = 0; // where the search goes on
    let written = 0; // how much of the text `out` stands for
    let hold = size;
    let changed = heldSize > 0;
    while (true) {
      const which = this.nextLiteral(state, base, size, position);
      const start = which < 0 ? size : unchecked(nextMatch[which]);
      if (!last) {
        hold = this.beginningAtEnd(state, base, size, position, start, which);
        if (hold <= start && hold < size) break;
      }
      if (which < 0) break;
      const left = state.left + which * 4;
      store<i32>(left, load<i32>(left) - 1);
      position = start + unchecked(this.needles[which]).size;
      const place = unchecked(this.places[which]);
      const cut = place == Place.After ? position : start; // where the value goes
      out.bytes(base + written, cut - written);
      out.span(load<Span>(state.values + which * 8));
      changed = true;
      written = place == Place.Instead ? position : cut;
    }
    if (hold < size) {
      out.bytes(base + written, hold - written);
      state.heldSize = size - hold;
      memory.copy(state.held, base + hold, size - hold);
      this.consumed = length(piece);
      return true;
    }
    state.heldSize = 0;
    if (!changed) return false;
    if (written < heldSize) {
      // What was held turned out to be nothing: it goes before the piece.
      out.bytes(base + written, heldSize - written);
      written = heldSize;
    }
    this.consumed = written - heldSize;
    return true;
  }

  /** The literal that matches leftmost at or after `position`, the earlier of the list on ties; -1. */
  private nextLiteral(state: State, base: usize, size: i32, position: i32): i32 {
    let best = -1;
    let bestStart = size;
    for (let i = 0, n = this.needles.length; i < n; i++) {
      if (load<i32>(state.left + i * 4) == 0) continue;
      let start = unchecked(nextMatch[i]);
      if (start < position) {
        const found = unchecked(this.needles[i]).find(base + position, base + size);
        start = found == 0 ? size : ((found - base) as i32);
        unchecked((nextMatch[i] = start));
      }
      if (start < bestStart) {
        best = i;
        bestStart = start;
      }
    }
    return best;
  }

  /** Where a literal begins that the end of the text cuts off and that would win over the match at
   * `start` (of literal `which`): at a smaller place, or at the same with an earlier literal. `size`
   * when there is none. */
  private beginningAtEnd(
    state: State,
    base: usize,
    size: i32,
    position: i32,
    start: i32,
    which: i32,
  ): i32 {
    const n = this.needles.length;
    const to = min(start, size - 1);
    for (let p = max(position, size - this.longest + 1); p <= to; p++) {
      const c = load<u8>(base + p);
      for (let i = 0; i < n; i++) {
        if (p == start && i > which) break;
        const needle = unchecked(this.needles[i]);
        if (needle.size <= size - p || load<i32>(state.left + i * 4) == 0) continue;
        if (needle.mayStartWith(c) && needle.startsAt(base + p, size - p)) return p;
      }
    }
    return size;
  }
}
