// Path templates: `/users/{id}/**`. A segment is literal, `*` or `{name}` (exactly one segment, not
// empty); the last may be `**` or `{name=**}` (the rest, which may be empty). Captures are the bytes
// of the path as they arrived, not decoded, so that putting one back gives the same path.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  endsWith,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { copy, fromText, toString } from "../bytes/text";
import * as problem from "./problem";

/** What a segment may be. */
export const enum Part {
  Literal,
  One,
  Rest,
}

/** More captures than this are refused, so that an exchange can hold them in a fixed record. */
export const MAX_CAPTURES: i32 = 16;

@final
export class PathTemplate {
  private readonly parts: Part[] = [];
  private readonly literals: Span[] = [];
  /** For each part, the index of its capture or -1. */
  private readonly captures: i32[] = [];
  readonly names: Span[] = [];
  /** The text it was made from. */
  source: Span = NONE;
  /** Nothing but text: it matches one path. */
  isLiteral: bool = true;

  /** The template for the text, or null with the problem noted. */
  static compile(source: Span, arena: Arena): PathTemplate | null {
    const template = new PathTemplate();
    const text = copy(source, arena);
    template.source = text;
    const n = length(text);
    if (n == 0 || byteAtUnchecked(text, 0) != 0x2f) return refuse(0, "a path begins with /");
    let from = 1;
    while (from <= n) {
      let to = indexOfByte(text, 0x2f, from);
      if (to < 0) to = n;
      const segment = sliceUnchecked(text, from, to);
      if (!template.addSegment(segment, from, to == n, arena)) return null;
      from = to + 1;
    }
    return template;
  }

  private addSegment(segment: Span, at: i32, isLast: bool, arena: Arena): bool {
    const n = length(segment);
    const isBraced =
      n > 1 && byteAtUnchecked(segment, 0) == 0x7b && byteAtUnchecked(segment, n - 1) == 0x7d;
    let part = Part.Literal;
    let capture = -1;
    if (isBraced) {
      let name = sliceUnchecked(segment, 1, n - 1);
      part = Part.One;
      const tail = fromText("=**", arena);
      if (endsWith(name, tail)) {
        name = sliceUnchecked(name, 0, length(name) - 3);
        part = Part.Rest;
      }
      if (!isIdentifier(name)) {
        return problem.fail("R304", at, "a capture is {name} or {name=**}");
      }
      for (let i = 0; i < this.names.length; i++) {
        if (equal(this.names[i], name)) {
          return problem.fail("R304", at, 'the capture "' + toString(name) + '" is there twice');
        }
      }
      if (this.names.length == MAX_CAPTURES) {
        return problem.fail("R304", at, "there are more than 16 captures");
      }
      capture = this.names.length;
      this.names.push(name);
    } else if (n == 1 && byteAtUnchecked(segment, 0) == 0x2a) {
      part = Part.One;
    } else if (
      n == 2 &&
      byteAtUnchecked(segment, 0) == 0x2a &&
      byteAtUnchecked(segment, 1) == 0x2a
    ) {
      part = Part.Rest;
    } else if (
      indexOfByte(segment, 0x2a) >= 0 ||
      indexOfByte(segment, 0x7b) >= 0 ||
      indexOfByte(segment, 0x7d) >= 0
    ) {
      return problem.fail(
        "R304",
        at,
        "a segment is text, * or {name}; for parts of one use {regex: …}",
      );
    } else if (indexOfByte(segment, 0x3f) >= 0) {
      return problem.fail("R304", at, "a path template does not see the query; use match.query");
    }
    if (part == Part.Rest && !isLast) {
      return problem.fail("R304", at, "** stands only at the end");
    }
    if (part != Part.Literal) this.isLiteral = false;
    this.parts.push(part);
    this.literals.push(segment);
    this.captures.push(capture);
    return true;
  }

  get size(): i32 {
    return this.parts.length;
  }

  part(i: i32): Part {
    return this.parts[i];
  }

  /** The text of a segment. */
  segment(i: i32): Span {
    return this.literals[i];
  }

  /** Gives the captures their places among all captures of a rule, by name; false when those are too
   * many. `all` grows by the names that are new. */
  placeCaptures(all: Span[]): bool {
    for (let i = 0; i < this.captures.length; i++) {
      if (this.captures[i] < 0) continue;
      const name = this.names[this.captures[i]];
      let at = 0;
      while (at < all.length && !equal(all[at], name)) at++;
      if (at == MAX_CAPTURES) return false;
      if (at == all.length) all.push(name);
      this.captures[i] = at;
    }
    return true;
  }

  /** Whether the path (without the query) matches; captures go to `out[0..]` if it does, and only then. */
  matches(path: Span, out: StaticArray<Span>): bool {
    if (!this.walk(path, null)) return false;
    if (this.names.length > 0) this.walk(path, out);
    return true;
  }

  private walk(path: Span, out: StaticArray<Span> | null): bool {
    const n = length(path);
    if (n == 0 || byteAtUnchecked(path, 0) != 0x2f) return false;
    let from = 1;
    const count = this.parts.length;
    for (let i = 0; i < count; i++) {
      const part = unchecked(this.parts[i]);
      const capture = unchecked(this.captures[i]);
      if (part == Part.Rest) {
        // `/a/**` matches `/a` too: then the loop has run past the end by one.
        const start = min(from, n);
        if (out != null && capture >= 0) unchecked((out[capture] = sliceUnchecked(path, start, n)));
        return true;
      }
      if (from > n) return false;
      let to = indexOfByte(path, 0x2f, from);
      if (to < 0) to = n;
      const segment = sliceUnchecked(path, from, to);
      if (part == Part.Literal) {
        if (!equal(segment, unchecked(this.literals[i]))) return false;
      } else {
        if (to == from) return false;
        if (out != null && capture >= 0) unchecked((out[capture] = segment));
      }
      from = to + 1;
    }
    return from == n + 1;
  }
}

function refuse(at: i32, message: string): PathTemplate | null {
  problem.fail("R304", at, message);
  return null;
}

export function isIdentifier(s: Span): bool {
  const n = length(s);
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (!(ascii.isAlpha(c) || c == 0x5f || (i > 0 && ascii.isDigit(c)))) return false;
  }
  return n > 0;
}
