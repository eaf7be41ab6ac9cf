// Replacing in a text that comes in pieces, with the result that one pass over the whole would have.
// Between pieces only what may still become part of a match is held back. A pattern whose matches
// have no greatest length could hold back everything, so there is a window, in bytes:
//
// - while at most `window` bytes are held, the result is exactly that of one pass;
// - beyond it, a match that is already certain to be one is taken as long as it is by then, and where
//   there is none, the older half of what is held passes unchanged: no match begins in it.
//
// What is held is looked at again only when it has grown by a quarter, so pieces of a byte each cost
// as much as one piece, up to a constant.

import { Arena } from "../bytes/arena";
import { address, length, Span } from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { Regex } from "./regex";
import { Template } from "./template";

// What is searched: the byte before what is held, what is held, the new piece.
const joined = Writer.create();

/** What a stream needs, in its arena. */
@unmanaged
@final
class State {
  held: usize; // address
  heldSize: i32;
  capacity: i32;
  grown: i32; // bytes added since what is held was last searched
  left: i32; // replacements still allowed; -1 any number
  before: i32; // the byte before what is held, -1 at the beginning of the text
  touches: bool; // the last match ended where what is held begins
}

@final
export class StreamReplacer {
  constructor(
    private readonly regex: Regex,
    private readonly template: Template,
    /** The most bytes that are held back; at least 64. */
    private readonly window: i32,
  ) {}

  /** A state for one text, in `arena`, which must outlive it; 0 at the ceiling. */
  open(arena: Arena, limit: i32 = -1): usize {
    const at = arena.allocate(offsetof<State>() as i32);
    if (at == 0) return 0;
    const state = changetype<State>(at);
    state.held = 0;
    state.heldSize = 0;
    state.capacity = 0;
    state.grown = 0;
    state.left = limit;
    state.before = -1;
    state.touches = false;
    return at;
  }

  /** Takes the next piece, writes what is settled. `last`: nothing follows, so nothing is held. On
   * want of memory `out.failed` is set. Returns how many matches were replaced. */
  feed(at: usize, piece: Span, last: bool, arena: Arena, out: Writer): i32 {
    const state = changetype<State>(at);
    state.grown += length(piece);
    if (!last && state.heldSize > 0 && state.grown < state.heldSize >> 2) {
      if (!this.hold(state, address(piece), length(piece), true, arena)) out.failed = true;
      return 0;
    }
    joined.reset();
    if (state.before >= 0) joined.byte(state.before);
    const first = joined.size as i32;
    if (state.heldSize > 0) joined.bytes(state.held, state.heldSize);
    joined.span(piece);
    if (joined.failed) {
      out.failed = true;
      return 0;
    }
    state.grown = 0;
    return this.search(state, first, last, arena, out);
  }

  private search(state: State, first: i32, last: bool, arena: Arena, out: Writer): i32 {
    const regex = this.regex;
    const text = joined.view();
    const base = address(text);
    const size = length(text);
    // A character that is cut waits for its rest.
    const to = last || regex.isBytes ? size : length(utf8.wholePrefix(text));
    let replaced = 0;
    let written = first;
    let at = first;
    let touches = state.touches;
    let hold = to;
    while (state.left != 0) {
      let found = last ? regex.find(text, at) : regex.findInStream(text, at, to);
      if (!found && !last) {
        hold = max(at, regex.holdFrom);
        if (to - hold <= max(this.window, 64)) break;
        // Too much to hold: what is a match now is one, else the older half goes.
        found = regex.find(text, at, to);
        if (!found || regex.start(0) > to - (this.window >> 1)) {
          hold = max(hold, wholeFrom(base, to - (this.window >> 1), to));
          break;
        }
      }
      if (!found) break;
      const start = regex.start(0);
      const end = regex.end(0);
      if (start == end && touches && start == at) {
        // An empty match that touches the last one is none; the search goes on a character further.
        touches = false;
        hold = to;
        if (at >= to) break;
        at += regex.characterSize(text, at);
        continue;
      }
      out.bytes(base + written, start - written);
      regex.expand(text, this.template, out);
      written = end;
      at = end;
      touches = true;
      hold = to;
      replaced++;
      if (state.left > 0) state.left--;
      if (!last && at >= to) break;
    }
    if (last) hold = size;
    hold = max(hold, at);
    out.bytes(base + written, hold - written);
    state.touches = touches && hold == at;
    state.before = hold > 0 ? (load<u8>(base + hold - 1) as i32) : -1;
    if (!this.hold(state, base + hold, size - hold, false, arena)) out.failed = true;
    return replaced;
  }

  // Keeps `n` bytes, after those held already or instead of them.
  private hold(state: State, from: usize, n: i32, more: bool, arena: Arena): bool {
    const kept = more ? state.heldSize : 0;
    const wanted = kept + n;
    if (wanted > state.capacity) {
      const capacity = max(wanted, state.capacity * 2);
      const fresh = arena.allocate(capacity);
      if (fresh == 0) return false;
      if (kept > 0) memory.copy(fresh, state.held, kept);
      state.held = fresh;
      state.capacity = capacity;
    }
    if (n > 0) memory.copy(state.held + kept, from, n);
    state.heldSize = wanted;
    return true;
  }
}

// The first offset from `at` on that is not inside a UTF-8 sequence, three bytes on at most.
function wholeFrom(base: usize, at: i32, to: i32): i32 {
  let whole = at;
  while (whole < to && whole < at + 3 && (load<u8>(base + whole) & 0xc0) == 0x80) whole++;
  return whole;
}
