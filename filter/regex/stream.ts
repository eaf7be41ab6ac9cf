// Replacing what any of several patterns match in a text that comes in pieces, with the result that
// one pass over the whole would have: leftmost match first, the earlier in the list where two begin
// together, what was put in not searched again; an empty match that touches the last one is none.
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
import { address, length, NONE, Span } from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import * as hopeless from "./hopeless";
import { Regex } from "./regex";
import { Template } from "./template";

export const MIN_WINDOW: i32 = 64;

// What is searched: the byte before what is held, what is held, the new piece.
const joined = Writer.create();

/** What the search at hand knows of a pattern. */
const enum Known {
  /** It is to be searched for. */
  Nothing = 0,
  /** Its next match, which nothing that follows can change. */
  Match = 1,
  /** No match is certain; one may begin at `holds` or after it. */
  Open = 2,
}

/** What a stream needs, in its arena. */
@unmanaged
@final
class State {
  held: usize; // address
  heldSize: i32;
  capacity: i32;
  grown: i32; // bytes added since what is held was last searched
  before: i32; // the byte before what is held, -1 at the beginning of the text
  touches: bool; // the last match ended where what is held begins
  values: usize; // a Span for each pattern: what is put in, NONE where its template says
  left: usize; // i32 for each: replacements still allowed; -1 any number
}

@final
export class StreamReplacer {
  private readonly regexes: Regex[] = [];
  private readonly templates: (Template | null)[] = [];
  private readonly limits: i32[] = [];
  // Of the search at hand, for each pattern.
  private known: StaticArray<i32> = [];
  private holds: StaticArray<i32> = [];
  /** Bytes that may be searched again although nothing was found in them. */
  private budget: i32 = 0;

  /** Whether the last `feed` left its piece as it is, nothing held before or after. */
  passed: bool = false;

  constructor(
    /** The most bytes that are held back. */
    readonly window: i32,
  ) {}

  /** Adds a pattern, to be replaced at most `limit` times (-1: any number) by what the template says,
   * or, without one, by a value that `setValue` sets for each text. */
  add(regex: Regex, template: Template | null, limit: i32 = -1): void {
    this.regexes.push(regex);
    this.templates.push(template);
    this.limits.push(limit);
    this.known = new StaticArray<i32>(this.regexes.length);
    this.holds = new StaticArray<i32>(this.regexes.length);
  }

  /** A state for one text, in `arena`, which must outlive it; 0 at the ceiling. */
  open(arena: Arena): usize {
    const n = this.regexes.length;
    const values = (offsetof<State>() + 7) & ~7;
    const at = arena.allocate((values as i32) + n * 12);
    if (at == 0) return 0;
    const state = changetype<State>(at);
    state.held = 0;
    state.heldSize = 0;
    state.capacity = 0;
    state.grown = 0;
    state.before = -1;
    state.touches = false;
    state.values = at + values;
    state.left = state.values + n * 8;
    for (let i = 0; i < n; i++) {
      store<Span>(state.values + i * 8, NONE);
      store<i32>(state.left + i * 4, this.limits[i]);
    }
    return at;
  }

  /** What pattern `i` is replaced by; must live as long as the state. */
  setValue(at: usize, i: i32, value: Span): void {
    store<Span>(changetype<State>(at).values + i * 8, value);
  }

  /** Takes the next piece, writes what is settled. `last`: nothing follows, so nothing is held. On
   * want of memory `out.failed` is set. Returns how many matches were replaced. */
  feed(at: usize, piece: Span, last: bool, arena: Arena, out: Writer): i32 {
    const state = changetype<State>(at);
    state.grown += length(piece);
    this.passed = false;
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
    const text = joined.view();
    hopeless.enter(text, true);
    const held = state.heldSize;
    const replaced = this.search(state, text, first, last, arena, out);
    hopeless.leave();
    this.passed = replaced == 0 && held == 0 && state.heldSize == 0;
    return replaced;
  }

  private search(state: State, text: Span, first: i32, last: bool, arena: Arena, out: Writer): i32 {
    const base = address(text);
    const size = length(text);
    // A character that is cut waits for its rest.
    const to = last || this.regexes[0].isBytes ? size : length(utf8.wholePrefix(text));
    this.known.fill(Known.Nothing);
    this.budget = 8 * (size - first) + 65536;
    let replaced = 0;
    let written = first;
    let at = first;
    let touches = state.touches;
    let hold = to;
    while (true) {
      let best = this.leftmost(state, text, at, to, last, touches);
      hold = this.openUpTo(state, best, to);
      if (hold < to && to - hold > this.window) {
        // Too much to hold: what is a match now is one, else the older half goes.
        const half = wholeFrom(base, to - (this.window >> 1), to);
        this.force(state, text, at, to, half);
        best = this.leftmost(state, text, at, to, last, touches);
        hold = max(hold, half);
        if (best >= 0 && this.regexes[best].start(0) < half) hold = to;
      }
      if (best < 0 || hold < to) break;
      const regex = unchecked(this.regexes[best]);
      const end = regex.end(0);
      out.bytes(base + written, regex.start(0) - written);
      this.put(state, best, text, out);
      written = end;
      at = end;
      touches = true;
      replaced++;
      const left = state.left + best * 4;
      if (load<i32>(left) > 0) store<i32>(left, load<i32>(left) - 1);
      unchecked((this.known[best] = Known.Nothing));
    }
    if (last) hold = size;
    hold = max(hold, at);
    out.bytes(base + written, hold - written);
    state.touches = touches && hold == at;
    state.before = hold > 0 ? (load<u8>(base + hold - 1) as i32) : -1;
    if (!this.hold(state, base + hold, size - hold, false, arena)) out.failed = true;
    return replaced;
  }

  private put(state: State, i: i32, text: Span, out: Writer): void {
    const template = unchecked(this.templates[i]);
    if (template) unchecked(this.regexes[i]).expand(text, template, out);
    else out.span(load<Span>(state.values + i * 8));
  }

  // The pattern whose next certain match is leftmost, the earlier in the list on ties; -1.
  private leftmost(state: State, text: Span, at: i32, to: i32, last: bool, touches: bool): i32 {
    let best = -1;
    let bestStart = i32.MAX_VALUE;
    for (let i = 0, n = this.regexes.length; i < n; i++) {
      if (load<i32>(state.left + i * 4) == 0) continue;
      this.look(i, text, at, to, last, touches);
      if (unchecked(this.known[i]) != Known.Match) continue;
      const start = unchecked(this.regexes[i]).start(0);
      if (start < bestStart) {
        best = i;
        bestStart = start;
      }
    }
    return best;
  }

  // Makes sure that what is known of pattern `i` holds from `at` on.
  private look(i: i32, text: Span, at: i32, to: i32, last: bool, touches: bool): void {
    const regex = unchecked(this.regexes[i]);
    const known = unchecked(this.known[i]);
    const holds = unchecked(this.holds[i]);
    if (known == Known.Match && this.counts(regex, at, touches)) return;
    if (known == Known.Open) {
      if (holds >= at) return;
      // What lies between is searched once more, unless that has been done too often.
      if (this.budget < 0) {
        unchecked((this.holds[i] = at));
        return;
      }
      this.budget -= to - at;
    }
    if (!this.seek(i, text, at, to, last)) return;
    if (this.counts(regex, at, touches)) return;
    // An empty match that touches the last one is none; the search goes on a character further.
    if (at < to) this.seek(i, text, at + regex.characterSize(text, at), to, last);
    else this.leave(i, to);
  }

  // Whether the match it has found begins where one may.
  private counts(regex: Regex, at: i32, touches: bool): bool {
    const start = regex.start(0);
    return start > at || (start == at && !(touches && regex.end(0) == at));
  }

  private seek(i: i32, text: Span, at: i32, to: i32, last: bool): bool {
    const regex = unchecked(this.regexes[i]);
    const found = last ? regex.find(text, at) : regex.findInStream(text, at, to);
    unchecked((this.known[i] = found ? Known.Match : Known.Open));
    unchecked((this.holds[i] = last ? i32.MAX_VALUE : max(at, regex.holdFrom)));
    return found;
  }

  private leave(i: i32, holds: i32): void {
    unchecked((this.known[i] = Known.Open));
    unchecked((this.holds[i] = holds));
  }

  // From where the text must be kept because a match may begin that would come before the next
  // certain one, which is `best`'s; `to` when nothing is in its way.
  private openUpTo(state: State, best: i32, to: i32): i32 {
    const start = best < 0 ? to : unchecked(this.regexes[best]).start(0);
    let hold = i32.MAX_VALUE;
    for (let i = 0, n = this.regexes.length; i < n; i++) {
      if (unchecked(this.known[i]) != Known.Open || load<i32>(state.left + i * 4) == 0) continue;
      const from = unchecked(this.holds[i]);
      if (from < start || (from == start && (best < 0 || i < best))) hold = min(hold, from);
    }
    return min(hold, to);
  }

  // Settles what is open: the match that there is now, or none before `half`.
  private force(state: State, text: Span, at: i32, to: i32, half: i32): void {
    for (let i = 0, n = this.regexes.length; i < n; i++) {
      if (unchecked(this.known[i]) != Known.Open || load<i32>(state.left + i * 4) == 0) continue;
      if (unchecked(this.holds[i]) >= half) continue;
      if (unchecked(this.regexes[i]).find(text, max(at, this.holds[i]), to)) {
        unchecked((this.known[i] = Known.Match));
      } else {
        this.leave(i, half);
      }
    }
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
