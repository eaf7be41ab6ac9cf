// Where an edit of JSON applies: a JSON Pointer (RFC 6901), or a JSONPath (RFC 9535) that begins with
// `$`, taken apart once. Of JSONPath there is all but filters: names (`.a`, `['a b']`), indices
// (`[0]`, `[-1]`), wildcards (`.*`, `[*]`), slices (`[1:5:2]`), unions (`['a', 2, 4:]`) and
// descendants (`..a`). `?` is refused with its place.
//
// A path has a manifold part, up to its last segment that can match several places, and a single
// rest: what is missing on the way can only be made in the rest.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { copy } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { writeString } from "./write";

export const enum Select {
  /** Of a JSON Pointer: the name in an object, the index in an array. */
  Token,
  Name,
  Index,
  Wildcard,
  Slice,
}

/** What a token is as an array index. */
export const NO_INDEX: i64 = i64.MIN_VALUE;
/** `-`: the place after the last element. */
export const PAST_END: i64 = i64.MAX_VALUE;

/** Segments of a path, and selectors in one of them. */
const MAX_PARTS: i32 = 100;
const TOO_LONG: string = "a path has at most 100 segments, and selectors in one of them";
/** RFC 9535 2.1: integers of paths are those that a double holds exactly. */
const MAX_INTEGER: i64 = 9007199254740991;

@final
export class Selector {
  /** The name, and as a JSON string; NONE when it is none. */
  name: Span = NONE;
  quoted: Span = NONE;
  /** Negative ones count from the end, but in a pointer. */
  index: i64 = NO_INDEX;
  /** Of a slice; `hasFrom` and `hasTo` say whether they are given. */
  from: i64 = 0;
  to: i64 = 0;
  step: i64 = 1;
  hasFrom: bool = false;
  hasTo: bool = false;

  constructor(readonly kind: Select) {}

  get isName(): bool {
    return this.name != NONE;
  }
}

@final
export class Segment {
  readonly selectors: Selector[] = [];

  /** `descends`: of the node and of all that is in it. */
  constructor(readonly descends: bool) {}

  get isSingle(): bool {
    if (this.descends || this.selectors.length > 1) return false;
    return this.selectors[0].kind <= Select.Index;
  }

  /** Selects members by name only. */
  get hasOnlyNames(): bool {
    for (let i = 0; i < this.selectors.length; i++) {
      if (!this.selectors[i].isName) return false;
    }
    return true;
  }
}

/** Why `Path.compile` answered null: the place in the text, and what is wrong there. */
export let errorOffset: i32 = 0;
export let errorText: string = "";

@final
export class Path {
  readonly segments: Segment[] = [];
  /** How many first segments there are up to the last that can match several places. */
  manifold: i32 = 0;

  /** The path for the text, or null with the error noted. */
  static compile(text: Span, arena: Arena): Path | null {
    const path = new Path();
    const isGood =
      length(text) > 0 && byteAtUnchecked(text, 0) == 0x24
        ? new Parser(text, path, arena).parse()
        : parsePointer(text, path, arena);
    if (!isGood) return null;
    if (path.segments.length > MAX_PARTS) {
      fail(0, TOO_LONG);
      return null;
    }
    for (let i = 0; i < path.segments.length; i++) {
      if (!path.segments[i].isSingle) path.manifold = i + 1;
    }
    return path;
  }

  /** The path of one member of the root. */
  static ofName(name: Span, arena: Arena): Path {
    const path = new Path();
    path.pushName(name, arena);
    return path;
  }

  /** A path one name longer. */
  childOf(name: Span, arena: Arena): Path {
    const path = new Path();
    for (let i = 0; i < this.segments.length; i++) path.segments.push(this.segments[i]);
    path.pushName(name, arena);
    return path;
  }

  private pushName(name: Span, arena: Arena): void {
    const segment = new Segment(false);
    segment.selectors.push(nameSelector(Select.Name, name, arena));
    this.segments.push(segment);
  }

  get size(): i32 {
    return this.segments.length;
  }

  /** Matches one place at the most. */
  get isSingle(): bool {
    return this.manifold == 0;
  }

  /** The selector of a segment of the single rest. */
  selector(i: i32): Selector {
    return unchecked(unchecked(this.segments[i]).selectors[0]);
  }

  /** Whether both are single and `other` lies inside what this one names, or is the same. */
  contains(other: Path): bool {
    if (!this.isSingle || !other.isSingle || other.size < this.size) return false;
    for (let i = 0; i < this.size; i++) {
      const a = this.selector(i);
      const b = other.selector(i);
      if (a.isName != b.isName) return false;
      if (a.isName ? !equal(a.name, b.name) : a.index != b.index) return false;
    }
    return true;
  }
}

const buffer = Writer.create();

function nameSelector(kind: Select, name: Span, arena: Arena): Selector {
  const selector = new Selector(kind);
  selector.name = name;
  buffer.reset();
  writeString(name, buffer);
  selector.quoted = copy(buffer.view(), arena);
  return selector;
}

function fail(at: i32, text: string): bool {
  errorOffset = at;
  errorText = text;
  return false;
}

// ---- JSON Pointer

const POINTER_FORM: string =
  "a place is a JSON Pointer (empty, or /a/b, with ~0 for ~ and ~1 for /) or a path such as $.a[*].b";

function parsePointer(text: Span, path: Path, arena: Arena): bool {
  const n = length(text);
  if (n == 0) return true;
  if (byteAtUnchecked(text, 0) != 0x2f) return fail(0, POINTER_FORM);
  let from = 1;
  while (from <= n) {
    let to = indexOfByte(text, 0x2f, from);
    if (to < 0) to = n;
    buffer.reset();
    for (let i = from; i < to; i++) {
      let c = byteAtUnchecked(text, i);
      if (c == 0x7e) {
        const next = i + 1 < to ? byteAtUnchecked(text, i + 1) : 0;
        if (next != 0x30 && next != 0x31) return fail(i, "in a JSON Pointer, ~ is ~0 and / is ~1");
        c = next == 0x30 ? 0x7e : 0x2f;
        i++;
      }
      buffer.byte(c);
    }
    const segment = new Segment(false);
    const selector = nameSelector(Select.Token, copy(buffer.view(), arena), arena);
    selector.index = indexOf(selector.name);
    segment.selectors.push(selector);
    path.segments.push(segment);
    from = to + 1;
  }
  return true;
}

/** The token as an array index, NO_INDEX or PAST_END. */
function indexOf(token: Span): i64 {
  const n = length(token);
  if (n == 1 && byteAtUnchecked(token, 0) == 0x2d) return PAST_END;
  if (n == 0 || n > 9 || (n > 1 && byteAtUnchecked(token, 0) == 0x30)) return NO_INDEX;
  let value: i64 = 0;
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(token, i);
    if (!ascii.isDigit(c)) return NO_INDEX;
    value = value * 10 + (c as i64) - 0x30;
  }
  return value;
}

// ---- JSONPath

/** A recursive descent over the grammar of RFC 9535, which is regular without filters. */
@final
class Parser {
  private at: i32 = 1;
  private readonly n: i32;

  constructor(
    private readonly text: Span,
    private readonly path: Path,
    private readonly arena: Arena,
  ) {
    this.n = length(text);
  }

  /** The byte at the place, or 0 at the end. */
  private get byte(): u32 {
    return this.at < this.n ? byteAtUnchecked(this.text, this.at) : 0;
  }

  private skipBlank(): void {
    while (this.at < this.n) {
      const c = this.byte;
      if (c != 0x20 && c != 0x09 && c != 0x0a && c != 0x0d) return;
      this.at++;
    }
  }

  private take(c: u32): bool {
    if (this.at >= this.n || this.byte != c) return false;
    this.at++;
    return true;
  }

  parse(): bool {
    while (this.at < this.n) {
      const before = this.at;
      this.skipBlank();
      if (this.at == this.n) return fail(before, "white space cannot end a path");
      if (!this.parseSegment()) return false;
    }
    return true;
  }

  private parseSegment(): bool {
    if (this.take(0x5b)) return this.parseBrackets(new Segment(false));
    if (!this.take(0x2e)) return fail(this.at, "a segment begins with . or [");
    const segment = new Segment(this.take(0x2e));
    if (segment.descends && this.take(0x5b)) return this.parseBrackets(segment);
    if (this.take(0x2a)) segment.selectors.push(new Selector(Select.Wildcard));
    else if (!this.parseShorthand(segment)) return false;
    this.path.segments.push(segment);
    return true;
  }

  private parseShorthand(segment: Segment): bool {
    const from = this.at;
    while (this.at < this.n) {
      const c = this.byte;
      const isFirst = ascii.isAlpha(c) || c == 0x5f || c >= 0x80;
      if (!isFirst && (this.at == from || !ascii.isDigit(c))) break;
      this.at++;
    }
    if (this.at == from) {
      return fail(from, "a name is due: letters, digits and _, any other as ['name']");
    }
    const name = copy(sliceUnchecked(this.text, from, this.at), this.arena);
    segment.selectors.push(nameSelector(Select.Name, name, this.arena));
    return true;
  }

  private parseBrackets(segment: Segment): bool {
    while (true) {
      this.skipBlank();
      if (!this.parseSelector(segment)) return false;
      if (segment.selectors.length > MAX_PARTS) {
        return fail(this.at, TOO_LONG);
      }
      this.skipBlank();
      if (this.take(0x5d)) break;
      if (!this.take(0x2c)) return fail(this.at, "a comma or ] is due");
    }
    this.path.segments.push(segment);
    return true;
  }

  private parseSelector(segment: Segment): bool {
    const c = this.byte;
    if (c == 0x27 || c == 0x22) return this.parseQuoted(segment, c);
    if (this.take(0x2a)) {
      segment.selectors.push(new Selector(Select.Wildcard));
      return true;
    }
    if (c == 0x3f) return fail(this.at, "filters (?) are not supported");
    if (c == 0x28) return fail(this.at, "script expressions are not supported");
    if (c == 0x2d || c == 0x3a || ascii.isDigit(c)) return this.parseIndexOrSlice(segment);
    return fail(this.at, "a selector is due: 'name', an index, a slice such as 1:3, or *");
  }

  private parseIndexOrSlice(segment: Segment): bool {
    const selector = new Selector(Select.Slice);
    if (this.byte != 0x3a) {
      if (!this.parseInteger()) return false;
      selector.from = this.integer;
      selector.hasFrom = true;
      const after = this.at;
      this.skipBlank();
      if (this.byte != 0x3a) {
        this.at = after;
        const index = new Selector(Select.Index);
        index.index = this.integer;
        segment.selectors.push(index);
        return true;
      }
    }
    this.at++; // the colon
    this.skipBlank();
    if (this.isInteger) {
      if (!this.parseInteger()) return false;
      selector.to = this.integer;
      selector.hasTo = true;
      this.skipBlank();
    }
    if (this.take(0x3a)) {
      this.skipBlank();
      if (this.isInteger) {
        if (!this.parseInteger()) return false;
        selector.step = this.integer;
      }
    }
    segment.selectors.push(selector);
    return true;
  }

  private integer: i64 = 0;

  private get isInteger(): bool {
    return this.byte == 0x2d || ascii.isDigit(this.byte);
  }

  private parseInteger(): bool {
    const from = this.at;
    const isNegative = this.take(0x2d);
    const first = this.at;
    let value: i64 = 0;
    while (ascii.isDigit(this.byte)) {
      value = value * 10 + (this.byte as i64) - 0x30;
      if (value > MAX_INTEGER) return fail(from, "an index is at most 9007199254740991");
      this.at++;
    }
    if (this.at == first) return fail(first, "a digit is due");
    if (byteAtUnchecked(this.text, first) == 0x30 && (this.at - first > 1 || isNegative)) {
      return fail(from, "no zero stands in front, nor a minus before 0");
    }
    this.integer = isNegative ? -value : value;
    return true;
  }

  private parseQuoted(segment: Segment, quote: u32): bool {
    this.at++;
    buffer.reset();
    while (true) {
      if (this.at >= this.n) return fail(this.at, "the quotes are never closed");
      const c = this.byte;
      if (c == quote) break;
      if (c < 0x20) return fail(this.at, "a control character in a string must be escaped");
      if (c == 0x5c) {
        if (!this.parseEscape(quote)) return false;
      } else {
        buffer.byte(c);
        this.at++;
      }
    }
    this.at++;
    const name = copy(buffer.view(), this.arena);
    segment.selectors.push(nameSelector(Select.Name, name, this.arena));
    return true;
  }

  private parseEscape(quote: u32): bool {
    const from = this.at++;
    const c = this.byte;
    this.at++;
    if (c == quote || c == 0x5c || c == 0x2f) buffer.byte(c);
    else if (c == 0x62) buffer.byte(0x08);
    else if (c == 0x66) buffer.byte(0x0c);
    else if (c == 0x6e) buffer.byte(0x0a);
    else if (c == 0x72) buffer.byte(0x0d);
    else if (c == 0x74) buffer.byte(0x09);
    else if (c == 0x75) return this.parseUnicode(from);
    else return fail(from, "not an escape that paths know");
    return true;
  }

  private parseUnicode(from: i32): bool {
    let point = this.hex4();
    if ((point & 0xfc00) == 0xd800) {
      const isPair = this.take(0x5c) && this.take(0x75);
      const low = isPair ? this.hex4() : -1;
      if ((low & 0xfc00) != 0xdc00) return fail(from, "half of a surrogate pair");
      point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
    } else if (point < 0 || (point & 0xfc00) == 0xdc00) {
      return fail(from, "\\u takes four hexadecimal digits of a character");
    }
    utf8.encode(point, buffer);
    return true;
  }

  /** Four hexadecimal digits, or -1. */
  private hex4(): i32 {
    if (this.n - this.at < 4) return -1;
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const digit = ascii.hexValue(load<u8>(address(this.text) + this.at + i));
      if (digit < 0) return -1;
      value = (value << 4) | digit;
    }
    this.at += 4;
    return value;
  }
}
