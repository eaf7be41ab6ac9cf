// JSON Pointer (RFC 6901), taken apart once.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  span,
} from "../bytes/span";

/** What a segment is as an array index. */
export const NO_INDEX: i32 = -1;
/** `-`: the place after the last element. */
export const PAST_END: i32 = -2;

@final
export class Pointer {
  private readonly segments: Span[] = [];
  private readonly indices: i32[] = [];

  /** The pointer for the text, which must stay; null when it is none. */
  static compile(text: Span, arena: Arena): Pointer | null {
    const pointer = new Pointer();
    const n = length(text);
    if (n == 0) return pointer;
    if (byteAtUnchecked(text, 0) != 0x2f) return null;
    let from = 1;
    while (from <= n) {
      let to = indexOfByte(text, 0x2f, from);
      if (to < 0) to = n;
      const segment = unescape(sliceUnchecked(text, from, to), arena);
      if (segment == NONE) return null;
      pointer.segments.push(segment);
      pointer.indices.push(indexOf(segment));
      from = to + 1;
    }
    return pointer;
  }

  get size(): i32 {
    return this.segments.length;
  }

  segment(i: i32): Span {
    return unchecked(this.segments[i]);
  }

  /** The segment as an array index, NO_INDEX or PAST_END. */
  index(i: i32): i32 {
    return unchecked(this.indices[i]);
  }

  /** How many segments both begin with. */
  sharedWith(other: Pointer): i32 {
    const n = min(this.size, other.size);
    let i = 0;
    while (i < n && equal(this.segment(i), other.segment(i))) i++;
    return i;
  }
}

function indexOf(segment: Span): i32 {
  const n = length(segment);
  if (n == 1 && byteAtUnchecked(segment, 0) == 0x2d) return PAST_END;
  if (n == 0 || n > 9 || (n > 1 && byteAtUnchecked(segment, 0) == 0x30)) return NO_INDEX;
  let value = 0;
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(segment, i);
    if (!ascii.isDigit(c)) return NO_INDEX;
    value = value * 10 + (c as i32) - 0x30;
  }
  return value;
}

/** `~1` is a slash, `~0` a tilde; NONE when a tilde stands for nothing. */
function unescape(segment: Span, arena: Arena): Span {
  if (indexOfByte(segment, 0x7e) < 0) return segment;
  const n = length(segment);
  const base = arena.allocate(n);
  if (base == 0) return NONE;
  let size = 0;
  for (let i = 0; i < n; i++) {
    let c = byteAtUnchecked(segment, i);
    if (c == 0x7e) {
      const next = i + 1 < n ? byteAtUnchecked(segment, i + 1) : 0;
      if (next != 0x30 && next != 0x31) return NONE;
      c = next == 0x30 ? 0x7e : 0x2f;
      i++;
    }
    store<u8>(base + size++, c);
  }
  return span(base, size);
}
