// Names with `*` for any run of characters, as in `remove: [x-internal-*]`. Compiled to the pieces
// between the stars; matching is one pass with one point of return, so linear times the pieces.

import { Arena } from "../bytes/arena";
import {
  endsWith,
  equal,
  indexOfByte,
  length,
  Span,
  sliceUnchecked,
  startsWith,
} from "../bytes/span";
import { copy } from "../bytes/text";

/** No patterns; shared, as it never changes. */
export const NO_GLOBS: StaticArray<Glob> = [];

@final
export class Glob {
  /** The text before the first star, or all of it when there is none. */
  readonly exact: bool;
  private readonly pieces: Span[] = [];

  constructor(pattern: Span, arena: Arena) {
    const kept = copy(pattern, arena);
    let from = 0;
    for (let star = indexOfByte(kept, 0x2a); star >= 0; star = indexOfByte(kept, 0x2a, from)) {
      this.pieces.push(sliceUnchecked(kept, from, star));
      from = star + 1;
    }
    this.pieces.push(sliceUnchecked(kept, from, length(kept)));
    this.exact = this.pieces.length == 1;
  }

  /** The name itself, of an exact one. */
  get name(): Span {
    return unchecked(this.pieces[0]);
  }

  matches(text: Span): bool {
    if (this.exact) return equal(text, this.name);
    const last = this.pieces.length - 1;
    const head = unchecked(this.pieces[0]);
    const tail = unchecked(this.pieces[last]);
    if (length(text) < length(head) + length(tail)) return false;
    if (!startsWith(text, head) || !endsWith(text, tail)) return false;
    let from = length(head);
    const stop = length(text) - length(tail);
    // The leftmost place for each inner piece leaves most room for the next.
    for (let i = 1; i < last; i++) {
      from = indexAfter(text, unchecked(this.pieces[i]), from, stop);
      if (from < 0) return false;
    }
    return true;
  }
}

/** The offset after the first `piece` inside text[from, stop), or -1. */
function indexAfter(text: Span, piece: Span, from: i32, stop: i32): i32 {
  const n = length(piece);
  for (let at = from; at + n <= stop; at++) {
    if (equal(sliceUnchecked(text, at, at + n), piece)) return at + n;
  }
  return -1;
}

/** Whether one of the globs matches. */
export function anyMatches(globs: StaticArray<Glob>, text: Span): bool {
  for (let i = 0, n = globs.length; i < n; i++) {
    if (unchecked(globs[i]).matches(text)) return true;
  }
  return false;
}
