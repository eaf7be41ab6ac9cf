// Path templates: `/users/{id}/**`. A segment is literal, `*` or `{name}` (exactly one segment, not
// empty); the last may be `**` or `{name=**}` (the rest, which may be empty). Captures are the bytes
// of the path that goes on, not decoded, so that putting one back gives the same path.
//
// A run of slashes counts as one, in templates as in paths, and literal texts are taken to the form in which
// paths are compared (http/path.ts), so that no way of writing a path is a way around a rule.

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
} from "../bytes/span";
import { copy, equalsText, toString } from "../bytes/text";
import * as paths from "../http/path";
import * as problem from "./problem";

/** What a segment may be. */
export const enum Part {
  Literal,
  One,
  Rest,
}

/** More captures than this are refused, so that an exchange can hold them in a fixed record. */
export const MAX_CAPTURES: i32 = 16;

@unmanaged
@final
class Segment {
  text: Span; // of a capture its name
  part: i32;
  capture: i32; // its place among the captures of the rule, or NO_CAPTURE
}

const SEGMENT_SIZE: i32 = offsetof<Segment>() as i32;
const NO_CAPTURE: i32 = -1;

@final
export class PathTemplate {
  private segments: usize = 0;
  size: i32 = 0;
  private captureCount: i32 = 0;
  /** Nothing but text: it matches one path. */
  isLiteral: bool = true;
  /** Of a literal: the path, as paths are compared. */
  literal: Span = NONE;

  private at(i: i32): Segment {
    return changetype<Segment>(this.segments + (i as usize) * SEGMENT_SIZE);
  }

  /** The template for the text, or null with the problem noted. */
  static compile(source: Span, arena: Arena): PathTemplate | null {
    const text = copy(source, arena);
    const template = new PathTemplate();
    const n = length(text);
    if (n == 0 || byteAtUnchecked(text, 0) != 0x2f) return refuse(0, "a path begins with /");
    let slashes = 0;
    for (let i = 0; i < n; i++) if (byteAtUnchecked(text, i) == 0x2f) slashes++;
    template.segments = arena.allocate(slashes * SEGMENT_SIZE);
    if (template.segments == 0) return refuse(0, "there is no memory for it");
    let from = afterSlashes(text, 0);
    while (from <= n) {
      let to = indexOfByte(text, 0x2f, from);
      if (to < 0) to = n;
      const segment = sliceUnchecked(text, from, to);
      if (!template.addSegment(segment, from, to == n, arena)) return null;
      from = to == n ? n + 1 : afterSlashes(text, to);
    }
    if (template.isLiteral) template.literal = comparablePath(text, arena);
    return template;
  }

  private addSegment(segment: Span, at: i32, isLast: bool, arena: Arena): bool {
    const n = length(segment);
    const isBraced =
      n > 1 && byteAtUnchecked(segment, 0) == 0x7b && byteAtUnchecked(segment, n - 1) == 0x7d;
    let part = Part.Literal;
    let text = segment;
    let capture = NO_CAPTURE;
    if (isBraced) {
      let name = sliceUnchecked(segment, 1, n - 1);
      part = Part.One;
      if (n > 5 && equalsText(sliceUnchecked(segment, n - 4, n), "=**}")) {
        name = sliceUnchecked(segment, 1, n - 4);
        part = Part.Rest;
      }
      if (!isIdentifier(name)) {
        return problem.fail("R304", at, "a capture is {name} or {name=**}");
      }
      for (let i = 0; i < this.size; i++) {
        if (this.at(i).capture != NO_CAPTURE && equal(this.at(i).text, name)) {
          return problem.fail("R304", at, 'the capture "' + toString(name) + '" is there twice');
        }
      }
      if (this.captureCount == MAX_CAPTURES) {
        return problem.fail("R304", at, "there are more than 16 captures");
      }
      capture = this.captureCount++;
      text = name;
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
    } else if (paths.traitsOf(segment) != 0 || isDots(segment)) {
      if (isDots(segment)) {
        return problem.fail("R304", at, "no path has a segment . or .. when it is matched");
      }
      text = comparableText(segment, arena);
    }
    if (part == Part.Rest && !isLast) {
      return problem.fail("R304", at, "** stands only at the end");
    }
    if (part != Part.Literal) this.isLiteral = false;
    const added = this.at(this.size++);
    added.text = text;
    added.part = part;
    added.capture = capture;
    return true;
  }

  part(i: i32): Part {
    return this.at(i).part;
  }

  /** The text of a literal segment. */
  segment(i: i32): Span {
    return this.at(i).text;
  }

  /** Gives the captures their places among all captures of a rule, by name; false when those are too
   * many. `all` grows by the names that are new. */
  placeCaptures(all: Span[]): bool {
    for (let i = 0; i < this.size; i++) {
      const segment = this.at(i);
      if (segment.capture == NO_CAPTURE) continue;
      let at = 0;
      while (at < all.length && !equal(all[at], segment.text)) at++;
      if (at == MAX_CAPTURES) return false;
      if (at == all.length) all.push(segment.text);
      segment.capture = at;
    }
    return true;
  }

  get captures(): bool {
    return this.captureCount > 0;
  }

  /** Whether the path (without the query, as paths are compared) matches. */
  matches(path: Span): bool {
    return this.walk(path, null);
  }

  /** Captures to `out[0..]` from a path that matches, as it goes on. */
  capture(sent: Span, out: StaticArray<Span>): void {
    this.walk(sent, out);
  }

  private walk(path: Span, out: StaticArray<Span> | null): bool {
    const n = length(path);
    if (n == 0 || byteAtUnchecked(path, 0) != 0x2f) return false;
    let from = afterSlashes(path, 0);
    for (let i = 0; i < this.size; i++) {
      const part: Part = this.at(i).part;
      const capture = this.at(i).capture;
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
        // Captures are taken where it is known to match, of a path that may be written otherwise.
        if (out == null && !equal(segment, this.at(i).text)) return false;
      } else {
        if (to == from) return false;
        if (out != null && capture >= 0) unchecked((out[capture] = segment));
      }
      from = to == n ? n + 1 : afterSlashes(path, to);
    }
    return from == n + 1;
  }
}

/** Where the run of slashes at `at` ends. */
function afterSlashes(path: Span, at: i32): i32 {
  const n = length(path);
  while (at < n && byteAtUnchecked(path, at) == 0x2f) at++;
  return at;
}

function isDots(segment: Span): bool {
  const text = paths.normaliseEscapes(segment);
  const n = length(text);
  if (n == 0 || n > 2 || byteAtUnchecked(text, 0) != 0x2e) return false;
  return byteAtUnchecked(text, n - 1) == 0x2e;
}

/** A part of a path as it is compared. */
export function comparableText(text: Span, arena: Arena): Span {
  const normal = copy(paths.normaliseEscapes(text), arena);
  return paths.comparable(normal, paths.traitsOf(normal), arena);
}

/** A whole path, or the beginning of one, as it is compared; what is no path stays what it is. */
export function comparablePath(text: Span, arena: Arena): Span {
  if (length(text) == 0 || byteAtUnchecked(text, 0) != 0x2f) return copy(text, arena);
  const normal = copy(paths.normalise(text, false), arena);
  return paths.comparable(normal, paths.traitsOf(normal), arena);
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
