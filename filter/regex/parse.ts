// RE2 syntax (https://github.com/google/re2/wiki/Syntax, the Perl-like flavour) to postfix terms.
// Open groups are an explicit stack, so nesting costs no stack of ours; pattern length, nesting,
// repeat counts and the sizes of classes are bounded here, the program's size in codegen.ts.

import { address, byteAtUnchecked, length, Span, sliceUnchecked } from "../bytes/span";
import * as utf8 from "../bytes/utf8";
import { CharClass, LAST, LAST_BYTE } from "./char-class";
import { Problem, report } from "./problem";
import { Flag, Look, Op, Syntax, Term } from "./syntax";
import * as unicode from "./unicode";

const MAX_PATTERN: i32 = 65536;
const MAX_DEPTH: i32 = 1000; // as RE2 and Go
const MAX_REPEAT: i32 = 1000; // as RE2 and Go
/** Ranges of all classes together; `\pL` has about 650. */
const MAX_RANGES: i32 = 100_000;

/** An open group, or the whole pattern. */
@final
class Frame {
  /** Operands since the last `|`. */
  operands: i32 = 0;
  alternatives: i32 = 0;
  /** The largest product of nested repeat counts inside, for the limit. */
  product: i32 = 1;

  constructor(
    /** The group's number, or -1 when it does not capture. */
    readonly group: i32,
    /** Flags to return to after the group. */
    readonly flags: u32,
    readonly offset: i32,
  ) {}
}

@final
export class Parser {
  private readonly out: Syntax = new Syntax();
  private readonly frames: Frame[] = [];
  /** The product of repeat counts in each operand of the open groups, as MAX_REPEAT bounds it. */
  private readonly products: i32[] = [];
  private frame: Frame = new Frame(-1, 0, 0);
  private at: i32 = 0;
  private readonly size: i32;
  private readonly latin1: bool;
  private readonly last: i32;
  private ranges: i32 = 0;
  private failed: bool = false;
  /** Every match begins with what was read until here. */
  private prefixOpen: bool = true;
  /** Literals outside of groups that came one after another. */
  private run: i32[] = [];
  /** Offset just after the last repetition, where another one may not follow. */
  private repeatEnd: i32 = -1;

  constructor(
    private readonly pattern: Span,
    private flags: u32,
  ) {
    this.size = length(pattern);
    this.latin1 = (flags & Flag.Latin1) != 0;
    this.last = this.latin1 ? LAST_BYTE : LAST;
  }

  /** The postfix form, or null and a problem reported. */
  parse(): Syntax | null {
    if (this.size > MAX_PATTERN) return this.refuse(Problem.PatternTooLong, 0);
    if (!this.latin1) {
      const invalid = utf8.firstInvalid(this.pattern);
      if (invalid >= 0) return this.refuse(Problem.InvalidUtf8, invalid);
    }
    while (this.at < this.size && !this.failed) this.item();
    if (this.failed) return null;
    if (this.frames.length > 0) return this.refuse(Problem.MissingParen, this.frame.offset);
    this.endAlternatives();
    this.endRun();
    if (this.frame.alternatives > 1) {
      this.out.prefix.length = 0;
      this.out.required.length = 0;
    }
    this.out.isLiteral = this.prefixOpen && this.frame.alternatives <= 1;
    return this.out;
  }

  private refuse(problem: Problem, offset: i32): Syntax | null {
    this.fail(problem, offset);
    return null;
  }

  private fail(problem: Problem, offset: i32): void {
    if (this.failed) return;
    this.failed = true;
    report(problem, offset);
  }

  private byte(ahead: i32 = 0): u32 {
    const i = this.at + ahead;
    return i < this.size ? (byteAtUnchecked(this.pattern, i) as u32) : 0xffff;
  }

  /** The next character, consumed; only when there is one. */
  private character(): i32 {
    const from = address(this.pattern) + this.at;
    const c = this.latin1
      ? (load<u8>(from) as i32)
      : utf8.decode(from, address(this.pattern) + this.size);
    this.at += this.latin1 ? 1 : utf8.encodedLength(c);
    return c;
  }

  // --- operands and operators

  private push(term: Term, product: i32 = 1): void {
    this.out.terms.push(term);
    this.frame.operands++;
    this.products.push(product);
    if (term.op == Op.Literal && this.frames.length == 0) {
      this.run.push(term.low);
      return;
    }
    this.endRun();
    if (term.op != Op.Literal) this.prefixOpen = false;
  }

  private endRun(): void {
    if (this.run.length > this.out.required.length) this.out.required = this.run;
    if (this.run.length > 0) this.run = [];
  }

  private pushClass(set: CharClass): void {
    set.normalize();
    set.clip(this.last);
    this.ranges += set.count;
    if (this.ranges > MAX_RANGES) return this.fail(Problem.TooLarge, this.at);
    const term = new Term(Op.Class);
    term.set = set;
    this.push(term);
  }

  private literal(c: i32): void {
    if ((this.flags & Flag.IgnoreCase) != 0 && unicode.nextFold(c) != c) {
      const set = new CharClass();
      set.add(c, c);
      set.foldCase();
      return this.pushClass(set);
    }
    if (this.prefixOpen) {
      // A literal in a group is not followed further: the group may be repeated.
      if (this.frames.length == 0 && this.frame.alternatives == 0) this.out.prefix.push(c);
      else this.prefixOpen = false;
    }
    this.push(new Term(Op.Literal, c));
  }

  private item(): void {
    const start = this.at;
    const c = this.byte();
    switch (c) {
      case 0x28:
        return this.open(); // (
      case 0x29:
        return this.close(); // )
      case 0x7c: // |
        this.at++;
        this.prefixOpen = false;
        return this.endAlternative();
      case 0x2a: // *
        this.at++;
        return this.repeat(start, 0, -1);
      case 0x2b: // +
        this.at++;
        return this.repeat(start, 1, -1);
      case 0x3f: // ?
        this.at++;
        return this.repeat(start, 0, 1);
      case 0x7b: // {
        if (this.counted()) return;
        break;
      case 0x5b: // [
        return this.bracket();
      case 0x2e: // .
        this.at++;
        return this.dot();
      case 0x5e: // ^
        this.at++;
        return this.look((this.flags & Flag.MultiLine) != 0 ? Look.LineStart : Look.TextStart);
      case 0x24: // $
        this.at++;
        return this.look((this.flags & Flag.MultiLine) != 0 ? Look.LineEnd : Look.TextEnd);
      case 0x5c: // backslash
        return this.backslash();
    }
    this.literal(this.character());
  }

  private look(look: Look): void {
    this.push(new Term(Op.Look, look));
  }

  private dot(): void {
    const set = new CharClass();
    if ((this.flags & Flag.DotAll) != 0) {
      set.add(0, this.last);
    } else {
      set.add(0, 9);
      set.add(11, this.last);
    }
    this.pushClass(set);
  }

  private endAlternative(): void {
    const frame = this.frame;
    const n = frame.operands;
    if (n == 0) this.out.terms.push(new Term(Op.Empty));
    else if (n > 1) this.out.terms.push(new Term(Op.Concat, n));
    for (let i = 0; i < n; i++) frame.product = max(frame.product, this.products.pop());
    frame.operands = 0;
    frame.alternatives++;
  }

  private endAlternatives(): void {
    this.endAlternative();
    const n = this.frame.alternatives;
    if (n > 1) this.out.terms.push(new Term(Op.Alternate, n));
  }

  private repeat(start: i32, least: i32, most: i32): void {
    if (this.frame.operands == 0) return this.fail(Problem.NothingToRepeat, start);
    if (this.repeatEnd == start) return this.fail(Problem.RepeatOfRepeat, start);
    let greedy = true;
    if (this.byte() == 0x3f) {
      this.at++;
      greedy = false;
    }
    if ((this.flags & Flag.Ungreedy) != 0) greedy = !greedy;
    this.repeatEnd = this.at;
    // What may be missing is not required, and what may come again is followed by nothing known.
    if (this.run.length > 0 && least == 0) this.run.pop();
    this.endRun();
    const term = new Term(Op.Repeat, least, most);
    term.greedy = greedy;
    this.out.terms.push(term);
    if (this.prefixOpen) {
      this.out.prefix.pop();
      this.prefixOpen = false;
    }
  }

  // {n}, {n,}, {n,m}; anything else is literal text.
  private counted(): bool {
    const start = this.at;
    this.at++;
    const least = this.count();
    let most = least;
    if (least >= 0 && this.byte() == 0x2c) {
      this.at++;
      most = this.byte() == 0x7d ? -1 : this.count();
      if (most == -2) most = -3;
    }
    if (least < 0 || most < -1 || this.byte() != 0x7d) {
      this.at = start;
      return false;
    }
    this.at++;
    const times = most < 0 ? least : most;
    if (least > MAX_REPEAT || most > MAX_REPEAT || (most >= 0 && most < least)) {
      this.fail(Problem.RepeatTooLarge, start);
      return true;
    }
    if (this.frame.operands > 0 && times > 0) {
      const top = this.products.length - 1;
      const product = this.products[top] * times;
      if (product > MAX_REPEAT) {
        this.fail(Problem.RepeatTooLarge, start);
        return true;
      }
      this.products[top] = product;
    }
    this.repeat(start, least, most);
    return true;
  }

  // A decimal number without leading zeros, held at a million; -2 when there is none.
  private count(): i32 {
    const start = this.at;
    let value = 0;
    while (this.byte() - 0x30 < 10) {
      value = min(value * 10 + ((this.byte() - 0x30) as i32), 1_000_000);
      this.at++;
    }
    const digits = this.at - start;
    if (digits == 0) return -2;
    if (digits > 1 && byteAtUnchecked(this.pattern, start) == 0x30) return -2;
    return value;
  }

  // --- groups

  private open(): void {
    const start = this.at++;
    this.endRun();
    if (this.frames.length >= MAX_DEPTH) return this.fail(Problem.NestedTooDeep, start);
    const before = this.flags;
    let group = -1;
    if (this.byte() == 0x3f) {
      this.at++;
      const isP = this.byte() == 0x50 && this.byte(1) == 0x3c;
      if (isP || this.byte() == 0x3c) {
        this.at += isP ? 2 : 1;
        group = this.named(start);
        if (group < 0) return;
      } else if (!this.flagGroup(start)) {
        return;
      }
    } else {
      group = this.out.groups;
      this.out.nameStart.push(0);
      this.out.nameEnd.push(0);
    }
    this.frames.push(this.frame);
    this.frame = new Frame(group, before, start);
    this.prefixOpen = false;
  }

  private named(start: i32): i32 {
    const from = this.at;
    while (isWord(this.byte())) this.at++;
    const to = this.at;
    if (to == from || this.byte() != 0x3e) {
      this.fail(Problem.BadGroupName, start);
      return -1;
    }
    this.at++;
    // Two groups may have one name, as in Go; RE2 refuses it.
    const out = this.out;
    out.nameStart.push(from);
    out.nameEnd.push(to);
    return out.groups - 1;
  }

  // Flags after `(?`: true when a group follows, false when they hold from here, or are wrong.
  private flagGroup(start: i32): bool {
    let flags = this.flags;
    let negative = false;
    let seen = false;
    while (true) {
      const c = this.byte();
      this.at++;
      let flag: u32 = 0;
      switch (c) {
        case 0x69:
          flag = Flag.IgnoreCase;
          break;
        case 0x6d:
          flag = Flag.MultiLine;
          break;
        case 0x73:
          flag = Flag.DotAll;
          break;
        case 0x55:
          flag = Flag.Ungreedy;
          break;
        case 0x2d:
          if (negative) {
            this.fail(Problem.BadGroup, start);
            return false;
          }
          negative = true;
          seen = false;
          continue;
        case 0x3a:
        case 0x29:
          if (negative && !seen) {
            this.fail(Problem.BadGroup, start);
            return false;
          }
          this.flags = flags;
          return c == 0x3a;
        default:
          this.fail(c == 0xffff ? Problem.MissingParen : Problem.BadGroup, start);
          return false;
      }
      seen = true;
      flags = negative ? flags & ~flag : flags | flag;
    }
  }

  private close(): void {
    if (this.frames.length == 0) return this.fail(Problem.UnexpectedParen, this.at);
    this.at++;
    this.endAlternatives();
    const frame = this.frame;
    this.frame = this.frames.pop();
    this.flags = frame.flags;
    if (frame.group >= 0) this.out.terms.push(new Term(Op.Capture, frame.group));
    this.frame.operands++;
    this.products.push(frame.product);
  }

  // --- escapes

  private backslash(): void {
    const start = this.at;
    const c = this.byte(1);
    switch (c) {
      case 0x41: // \A
        this.at += 2;
        return this.look(Look.TextStart);
      case 0x7a: // \z
        this.at += 2;
        return this.look(Look.TextEnd);
      case 0x62: // \b
        this.at += 2;
        return this.look(Look.WordBoundary);
      case 0x42: // \B
        this.at += 2;
        return this.look(Look.NotWordBoundary);
      case 0x43: // \C
        this.at += 2;
        this.out.hasAnyByte = true;
        return this.push(new Term(Op.AnyByte));
      case 0x51: // \Q
        this.at += 2;
        while (this.at < this.size) {
          if (this.byte() == 0x5c && this.byte(1) == 0x45) {
            this.at += 2;
            return;
          }
          this.literal(this.character());
        }
        return;
    }
    const set = new CharClass();
    if (this.classEscape(set)) {
      if (!this.failed) this.pushClass(set);
      return;
    }
    const literal = this.escape(start);
    if (!this.failed) this.literal(literal);
  }

  // \d \s \w \pN and their opposites, at a backslash: added to `out`, folded if the flags say so.
  private classEscape(out: CharClass): bool {
    const start = this.at;
    const c = this.byte(1);
    const part = new CharClass();
    let negative = c < 0x60;
    switch (c | 0x20) {
      case 0x64: // d
        part.add(0x30, 0x39);
        this.at += 2;
        break;
      case 0x73: // s
        part.add(9, 10);
        part.add(12, 13);
        part.add(0x20, 0x20);
        this.at += 2;
        break;
      case 0x77: // w
        addWord(part);
        this.at += 2;
        break;
      case 0x70: {
        // p
        this.at += 2;
        if (this.byte() == 0xffff) {
          this.fail(Problem.UnknownClass, start);
          return true;
        }
        let from = this.at;
        let to: i32;
        if (this.byte() == 0x7b) {
          from++;
          while (this.byte() != 0x7d && this.at < this.size) this.at++;
          to = this.at;
          if (to == this.size) {
            this.fail(Problem.UnknownClass, start);
            return true;
          }
          this.at++;
          if (from < to && byteAtUnchecked(this.pattern, from) == 0x5e) {
            negative = !negative;
            from++;
          }
        } else {
          this.character();
          to = this.at;
        }
        if (!unicode.addNamed(sliceUnchecked(this.pattern, from, to), part)) {
          this.fail(Problem.UnknownClass, start);
          return true;
        }
        break;
      }
      default:
        return false;
    }
    this.addPart(part, negative, out);
    return true;
  }

  private addPart(part: CharClass, negative: bool, out: CharClass): void {
    if ((this.flags & Flag.IgnoreCase) != 0) part.foldCase();
    if (negative) part.negate(LAST);
    this.ranges += part.count;
    if (this.ranges > MAX_RANGES) return this.fail(Problem.TooLarge, this.at);
    out.addAll(part);
  }

  // The character that an escape stands for; reports what is none.
  private escape(start: i32): i32 {
    this.at = start + 1;
    if (this.at == this.size) {
      this.fail(Problem.TrailingBackslash, start);
      return 0;
    }
    const c = this.character();
    if (c >= 0x30 && c < 0x38) {
      // \0 to \777 octal; a single digit but 0 would be a back reference.
      if (c == 0x30 || this.byte() - 0x30 < 8) {
        let value = c - 0x30;
        for (let i = 0; i < 2 && this.byte() - 0x30 < 8; i++) {
          value = value * 8 + ((this.byte() - 0x30) as i32);
          this.at++;
        }
        if (value > this.last) this.fail(Problem.BadEscape, start);
        return value;
      }
    }
    switch (c) {
      case 0x61:
        return 7;
      case 0x66:
        return 12;
      case 0x6e:
        return 10;
      case 0x72:
        return 13;
      case 0x74:
        return 9;
      case 0x76:
        return 11;
      case 0x78:
        return this.hexadecimal(start);
    }
    if (c < 0x80 && (!isWord(c) || c == 0x5f)) return c;
    this.fail(Problem.BadEscape, start);
    return 0;
  }

  // \x7F or \x{10FFFF}
  private hexadecimal(start: i32): i32 {
    let value = 0;
    if (this.byte() == 0x7b) {
      this.at++;
      const from = this.at;
      while (hexDigit(this.byte()) >= 0) {
        value = min(value * 16 + hexDigit(this.byte()), LAST + 1);
        this.at++;
      }
      if (this.at == from || this.byte() != 0x7d || value > this.last) {
        this.fail(Problem.BadEscape, start);
      }
      this.at++;
      return value;
    }
    const high = hexDigit(this.byte());
    const low = hexDigit(this.byte(1));
    if (high < 0 || low < 0) {
      this.fail(Problem.BadEscape, start);
      return 0;
    }
    this.at += 2;
    return high * 16 + low;
  }

  // --- bracketed classes

  private bracket(): void {
    const start = this.at++;
    const set = new CharClass();
    let negative = false;
    if (this.byte() == 0x5e) {
      negative = true;
      this.at++;
    }
    for (let first = true; first || this.byte() != 0x5d; first = false) {
      if (this.at >= this.size) return this.fail(Problem.MissingBracket, start);
      this.bracketItem(start, set);
      if (this.failed) return;
    }
    this.at++;
    if (negative) set.negate(LAST);
    this.pushClass(set);
  }

  private bracketItem(open: i32, set: CharClass): void {
    const start = this.at;
    if (this.byte() == 0x5b && this.byte(1) == 0x3a && this.posixClass(set)) return;
    if (this.byte() == 0x5c && this.classEscape(set)) return;
    const low = this.bracketCharacter(open);
    let high = low;
    if (this.byte() == 0x2d && this.at + 1 < this.size && this.byte(1) != 0x5d) {
      this.at++;
      high = this.bracketCharacter(open);
      if (high < low) return this.fail(Problem.BadRange, start);
    }
    if (this.failed) return;
    const part = new CharClass();
    part.add(low, high);
    this.addPart(part, false, set);
  }

  private bracketCharacter(open: i32): i32 {
    if (this.at >= this.size) {
      this.fail(Problem.MissingBracket, open);
      return 0;
    }
    return this.byte() == 0x5c ? this.escape(this.at) : this.character();
  }

  // [:alpha:] and [:^alpha:]; false when it is no such thing but a plain [.
  private posixClass(out: CharClass): bool {
    const start = this.at;
    let close = start + 2;
    while (close + 1 < this.size) {
      if (
        byteAtUnchecked(this.pattern, close) == 0x3a &&
        byteAtUnchecked(this.pattern, close + 1) == 0x5d
      ) {
        break;
      }
      close++;
    }
    if (close + 1 >= this.size) return false;
    let from = start + 2;
    let negative = false;
    if (from < close && byteAtUnchecked(this.pattern, from) == 0x5e) {
      negative = true;
      from++;
    }
    const part = new CharClass();
    if (!addPosix(sliceUnchecked(this.pattern, from, close), part)) {
      this.fail(Problem.UnknownClass, start);
      return true;
    }
    this.at = close + 2;
    this.addPart(part, negative, out);
    return true;
  }
}

function isWord(c: u32): bool {
  return c - 0x30 < 10 || (c | 0x20) - 0x61 < 26 || c == 0x5f;
}

function hexDigit(c: u32): i32 {
  if (c - 0x30 < 10) return (c - 0x30) as i32;
  const letter = (c | 0x20) - 0x61;
  return c < 0x80 && letter < 6 ? (letter as i32) + 10 : -1;
}

function addWord(out: CharClass): void {
  out.add(0x30, 0x39);
  out.add(0x41, 0x5a);
  out.add(0x5f, 0x5f);
  out.add(0x61, 0x7a);
}

// The POSIX classes, by name: name and pairs of ends, each class ended by a 0.
const POSIX: StaticArray<string> = [
  "alnum",
  "09AZaz",
  "alpha",
  "AZaz",
  "ascii",
  "\0\x7f",
  "blank",
  "\t\t  ",
  "cntrl",
  "\0\x1f\x7f\x7f",
  "digit",
  "09",
  "graph",
  "!~",
  "lower",
  "az",
  "print",
  " ~",
  "punct",
  "!/:@[`{~",
  "space",
  "\t\r  ",
  "upper",
  "AZ",
  "word",
  "09AZ__az",
  "xdigit",
  "09AFaf",
];

function addPosix(name: Span, out: CharClass): bool {
  const n = length(name);
  for (let i = 0; i < POSIX.length; i += 2) {
    const known = POSIX[i];
    if (known.length != n) continue;
    let j = 0;
    while (j < n && (known.charCodeAt(j) as u32) == (byteAtUnchecked(name, j) as u32)) j++;
    if (j < n) continue;
    const ends = POSIX[i + 1];
    for (let k = 0; k + 1 < ends.length; k += 2)
      out.add(ends.charCodeAt(k), ends.charCodeAt(k + 1));
    return true;
  }
  return false;
}
