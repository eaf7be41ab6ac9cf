// A compiled pattern, and which machine answers what. A pattern that is a literal is searched for as
// one; else a lazy DFA says where a match ends, a reversed one where it begins, and Pike's machine,
// on that stretch only and only when asked, what the groups hold. A text without the literal that
// every match has is not searched at all. Where the DFA gives up, a machine of bits (bits.ts), for patterns with
// counted repeats, says whether there is a match, and Pike's machine does the rest. Time is
// linear in the haystack whatever the pattern, also for all matches together (hopeless.ts).

import { isOverfull } from "../bytes/heap";
import { address, equal, length, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Bits } from "./bits";
import { encoded, Generator } from "./codegen";
import * as dfa from "./dfa";
import * as hopeless from "./hopeless";
import * as literal from "./literal";
import { Parser } from "./parse";
import * as pike from "./pike";
import * as problem from "./problem";
import { Program } from "./program";
import { quote, quoteIgnoringCase } from "./quote";
import * as scratch from "./scratch";
import { Flag, Syntax } from "./syntax";
import { Template } from "./template";

/** Offsets are kept in 32 bits with room for the arithmetic on them. */
const MAX_HAYSTACK: i32 = 0x7fffff00;

/** What `replaceAll` answers when the searches cost too much. */
export const TOO_COSTLY: i32 = -1;
const LEAST_EFFORT: i64 = 1_000_000;
/** What a search costs whatever its length, in bytes of the automaton. */
const SEARCH_BYTES: i32 = 64;
const quoted = Writer.create();

@final
export class Regex {
  /** Groups, group 0 not counted. */
  readonly captureCount: i32;
  private readonly source: StaticArray<u8>;
  private readonly nameStart: StaticArray<i32>;
  private readonly nameEnd: StaticArray<i32>;
  /** What every match begins with, as bytes. */
  private readonly prefix: StaticArray<u8>;
  private readonly isLiteral: bool;
  /** What every match has somewhere; empty when that is not known. */
  private readonly required: StaticArray<u8>;
  private readonly utf8: bool;
  /** Start and end of each group, of the last match. */
  private readonly places: StaticArray<i32>;
  /** After `findInStream` found nothing: what lies before this offset is in no match. */
  holdFrom: i32 = 0;
  // The haystack whose groups are still to be found, or NONE.
  private pending: Span = NONE;

  private constructor(
    pattern: Span,
    syntax: Syntax,
    /** A set of Flag. */
    readonly flags: u32,
    private readonly program: Program,
    private readonly reversed: Program,
    /** Answers for the DFA when that gives up; null where there is none. */
    private readonly bits: Bits | null,
  ) {
    this.captureCount = syntax.groups - 1;
    this.source = copyOf(pattern);
    this.nameStart = StaticArray.fromArray(syntax.nameStart);
    this.nameEnd = StaticArray.fromArray(syntax.nameEnd);
    const utf8 = (flags & Flag.Latin1) == 0;
    this.utf8 = utf8;
    this.prefix = encoded(syntax.prefix, utf8);
    this.isLiteral = syntax.isLiteral && syntax.prefix.length > 0;
    // A prefix is looked for anyway.
    this.required = syntax.prefix.length > 0 ? [] : encoded(syntax.required, utf8);
    this.places = new StaticArray<i32>(2 * syntax.groups);
  }

  /** Compiles; null when the pattern is refused: see `errorCode`, `errorOffset`, `errorText`. The
   * pattern is copied. `flags` is a set of Flag. */
  static compile(pattern: Span, flags: u32): Regex | null {
    problem.clear();
    if (isOverfull()) {
      problem.report(problem.Problem.OutOfMemory, 0);
      return null;
    }
    const syntax = new Parser(pattern, flags).parse();
    if (!syntax) return null;
    const latin1 = (flags & Flag.Latin1) != 0;
    const program = new Generator(latin1, false, true).generate(syntax);
    if (!program) return null;
    const reversed = new Generator(latin1, true, false).generate(syntax);
    if (!reversed) return null;
    if (!scratch.reserve(program) || !scratch.reserve(reversed)) {
      problem.report(problem.Problem.TooLarge, 0);
      return null;
    }
    return new Regex(pattern, syntax, flags, program, reversed, Bits.of(syntax, latin1));
  }

  /** A pattern that matches exactly `text`, which is UTF-8; null when it is too long. */
  static literal(text: Span, ignoreCase: bool): Regex | null {
    quoted.reset();
    if (ignoreCase) quoteIgnoringCase(text, quoted);
    else quote(text, quoted);
    return Regex.compile(quoted.view(), 0);
  }

  /** The pattern; lives as long as the Regex. */
  get pattern(): Span {
    return span(changetype<usize>(this.source), this.source.length);
  }

  /** The first group of that name, or -1. */
  captureIndex(name: Span): i32 {
    if (length(name) == 0) return -1;
    for (let i = 1; i <= this.captureCount; i++) {
      if (equal(this.captureName(i), name)) return i;
    }
    return -1;
  }

  /** The name of group `i`, NONE when it has none; lives as long as the Regex. */
  captureName(i: i32): Span {
    if (i < 1 || i > this.captureCount) return NONE;
    const from = this.nameStart[i];
    const to = this.nameEnd[i];
    return from == to ? NONE : span(changetype<usize>(this.source) + from, to - from);
  }

  /** Whether each byte is a character. */
  get isBytes(): bool {
    return !this.utf8;
  }

  /** Whether the pattern matches somewhere. */
  isMatch(haystack: Span): bool {
    const size = length(haystack);
    if (size > MAX_HAYSTACK) return false;
    scratch.beginSearch(size);
    const program = this.program;
    if (this.isLiteral) {
      const at = literal.find(this.prefix, address(haystack), 0, size);
      if (at != literal.GAVE_UP) return at >= 0;
    }
    if (this.lacks(haystack, 0, size)) return false;
    const bits = this.bits;
    if (bits) scratch.beginTrial();
    const at = dfa.forward(program, haystack, 0, size, dfa.Want.Some, program.anchored);
    scratch.endTrial();
    if (at != dfa.GAVE_UP) return at != dfa.NO_MATCH;
    if (bits) return bits.isMatch(haystack, 0, size, program.anchored);
    const mode = program.anchored ? pike.Mode.Anchored : pike.Mode.Unanchored;
    return pike.search(program, haystack, 0, size, mode, 0);
  }

  /** Whether what every match has is missing. */
  private lacks(haystack: Span, from: i32, to: i32): bool {
    const required = this.required;
    if (required.length == 0) return false;
    return literal.find(required, address(haystack), from, to) == literal.NOT_FOUND;
  }

  /** Whether the pattern matches the whole haystack. */
  isFullMatch(haystack: Span): bool {
    const size = length(haystack);
    if (size > MAX_HAYSTACK) return false;
    scratch.beginSearch(size);
    if (this.isLiteral) {
      return (
        size == this.prefix.length &&
        memory.compare(address(haystack), changetype<usize>(this.prefix), size) == 0
      );
    }
    const answer = dfa.full(this.program, haystack);
    if (answer != dfa.GAVE_UP) return answer == 1;
    return pike.search(this.program, haystack, 0, size, pike.Mode.Anchored | pike.Mode.ToEnd, 0);
  }

  /** `isFullMatch` that also finds the groups: of the ways to match all, the preferred one. */
  findFull(haystack: Span): bool {
    const size = length(haystack);
    if (size > MAX_HAYSTACK) return false;
    scratch.beginSearch(size);
    return this.findSlowly(haystack, 0, size, pike.Mode.Anchored | pike.Mode.ToEnd);
  }

  /** The leftmost match that begins at byte `from` or after it; `from` may not lie inside a
   * character. Places are then in `start` and `end`; those of groups are worked out when first
   * asked for, so the haystack must still be there. With `to`, the match ends at `to` or before,
   * while `$` and `\b` still see what follows. */
  find(haystack: Span, from: i32, to: i32 = -1): bool {
    const size = length(haystack);
    this.pending = NONE;
    scratch.countBytes(SEARCH_BYTES);
    const stop = to < 0 ? size : to;
    if (from < 0 || from > stop || stop > size || size > MAX_HAYSTACK) return false;
    scratch.beginSearch(stop - from);
    const places = this.places;
    if (this.isLiteral) {
      const at = literal.find(this.prefix, address(haystack), from, stop);
      if (at == literal.NOT_FOUND) return false;
      if (at >= 0) {
        unchecked((places[0] = at));
        unchecked((places[1] = at + this.prefix.length));
        return true;
      }
    }
    const program = this.program;
    if (program.anchored && from > 0) return false;
    if (this.lacks(haystack, from, stop)) return false;
    const end = dfa.forward(program, haystack, from, stop, dfa.Want.First, program.anchored);
    if (end == dfa.NO_MATCH) return false;
    if (end != dfa.GAVE_UP) {
      const start = program.anchored ? from : dfa.backward(this.reversed, haystack, from, end);
      if (start >= 0) {
        unchecked((places[0] = start));
        unchecked((places[1] = end));
        if (this.captureCount > 0) this.pending = haystack;
        return true;
      }
    }
    const bits = this.bits;
    if (bits && !bits.isMatch(haystack, from, stop, program.anchored)) return false;
    const mode = program.anchored ? pike.Mode.Anchored : pike.Mode.Unanchored;
    return this.findSlowly(haystack, from, stop, mode);
  }

  /** `isMatch` by the machine of bits alone, -1 where there is none; for tests. */
  isMatchInBits(haystack: Span): i32 {
    const bits = this.bits;
    if (!bits) return -1;
    return bits.isMatch(haystack, 0, length(haystack), false) ? 1 : 0;
  }

  /** `find` by Pike's machine alone; for tests that hold one machine against the other. */
  findSimulated(haystack: Span, from: i32, to: i32): bool {
    return this.findSlowly(haystack, from, to, pike.Mode.Unanchored);
  }

  /** Instructions of the program: with the haystack's size, the bound of the work. */
  get programSize(): i32 {
    return this.program.size;
  }

  /** `find` in a text of which only what is before `to` is there yet: false also when what is found
   * depends on what follows; then `holdFrom` says from where the text must be kept. */
  findInStream(haystack: Span, from: i32, to: i32): bool {
    this.pending = NONE;
    const program = this.program;
    if (program.anchored && from > 0) {
      this.holdFrom = to;
      return false;
    }
    this.holdFrom = from;
    scratch.beginSearch(to - from);
    const end = dfa.scan(program, haystack, from, to);
    if (end == dfa.GAVE_UP) return false;
    this.holdFrom = dfa.idleAt;
    if (end == dfa.NO_MATCH || dfa.alive) return false;
    const start = dfa.backward(this.reversed, haystack, from, end);
    if (start < 0) return this.findSlowly(haystack, from, to, pike.Mode.Unanchored);
    unchecked((this.places[0] = start));
    unchecked((this.places[1] = end));
    if (this.captureCount > 0) this.pending = haystack;
    return true;
  }

  private findSlowly(haystack: Span, from: i32, to: i32, mode: u32): bool {
    this.pending = NONE;
    const n = this.places.length;
    if (!pike.search(this.program, haystack, from, to, mode, n)) return false;
    this.keepPlaces();
    return true;
  }

  private keepPlaces(): void {
    for (let i = 0, n = this.places.length; i < n; i++) {
      unchecked((this.places[i] = scratch.found[i]));
    }
  }

  // Finds the groups inside the match that the automata found.
  private resolve(): void {
    const haystack = this.pending;
    this.pending = NONE;
    const from = unchecked(this.places[0]);
    const to = unchecked(this.places[1]);
    const n = this.places.length;
    if (pike.search(this.program, haystack, from, to, pike.Mode.Anchored, n)) this.keepPlaces();
  }

  /** Where group `i` of the last match begins (0: the match), in bytes; -1 when it took no part. */
  start(i: i32): i32 {
    if (i < 0 || i > this.captureCount) return -1;
    if (i > 0 && this.pending != NONE) this.resolve();
    return unchecked(this.places[2 * i]);
  }

  /** Where it ends. */
  end(i: i32): i32 {
    if (i < 0 || i > this.captureCount) return -1;
    if (i > 0 && this.pending != NONE) this.resolve();
    return unchecked(this.places[2 * i + 1]);
  }

  /** The next match in an iteration: where the last one ended, but an empty match that touches the
   * last is passed over. `last` is the end of the last match, -1 at the beginning. Meanwhile the
   * haystack does not change. */
  findNext(haystack: Span, last: i32): bool {
    hopeless.enter(haystack, last < 0);
    let found = this.find(haystack, max(last, 0));
    if (found && last >= 0 && this.start(0) == this.end(0) && this.start(0) == last) {
      found = this.find(haystack, last + this.characterSize(haystack, last));
    }
    hopeless.leave();
    return found;
  }

  /** Bytes of the character at `at`; 1 where there is none, or no valid one. */
  characterSize(haystack: Span, at: i32): i32 {
    const size = length(haystack);
    if (!this.utf8 || at >= size) return 1;
    const base = address(haystack);
    let n = 1;
    if (load<u8>(base + at) < 0xc0) return 1;
    while (n < 4 && at + n < size && (load<u8>(base + at + n) & 0xc0) == 0x80) n++;
    return n;
  }

  /** Writes the template filled from the last match in `haystack`. */
  expand(haystack: Span, template: Template, out: Writer): void {
    for (let i = 0, n = template.count; i < n; i++) {
      let group = template.group(i);
      if (group < 0) {
        out.span(template.text(i));
        continue;
      }
      if (template.isNamed(i)) group = this.partaking(group);
      const from = this.start(group);
      if (from >= 0) out.bytes(address(haystack) + from, this.end(group) - from);
    }
  }

  // Of the groups with the name of `group`, the first one that took part.
  private partaking(group: i32): i32 {
    if (this.start(group) >= 0) return group;
    const name = this.captureName(group);
    for (let i = group + 1; i <= this.captureCount; i++) {
      if (this.start(i) >= 0 && equal(this.captureName(i), name)) return i;
    }
    return group;
  }

  /** Writes the haystack with matches replaced, at most `limit` of them (-1: all). Returns how many
   * were; when none, nothing is written. One search is linear, but many in a row need not be: `a+b|a`
   * looks through all of `aaa…` for each a. So when they take more than `most` units of `effort` (-1: as
   * much as one search may, several times over), or one of them is cut, it is TOO_COSTLY and what was written is
   * of no use. */
  replaceAll(
    haystack: Span,
    template: Template,
    out: Writer,
    limit: i32 = -1,
    most: i64 = -1,
  ): i32 {
    if (most < 0) most = LEAST_EFFORT + 4 * (this.programSize as i64) * (length(haystack) as i64);
    const stop = scratch.effort() + (most as u64);
    let replaced = 0;
    let copied = 0;
    let last = -1;
    scratch.beginSearch(0);
    while (replaced != limit && !out.failed && this.findNext(haystack, last)) {
      if (scratch.effort() > stop) return TOO_COSTLY;
      const from = this.start(0);
      last = this.end(0);
      out.bytes(address(haystack) + copied, from - copied);
      this.expand(haystack, template, out);
      copied = last;
      replaced++;
    }
    if (scratch.isCut) return TOO_COSTLY;
    if (replaced > 0) out.bytes(address(haystack) + copied, length(haystack) - copied);
    return replaced;
  }
}

function copyOf(s: Span): StaticArray<u8> {
  const bytes = new StaticArray<u8>(length(s));
  memory.copy(changetype<usize>(bytes), address(s), length(s));
  return bytes;
}
