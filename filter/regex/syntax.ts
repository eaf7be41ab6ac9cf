// What the parser leaves for the code generator: a pattern in postfix order. Each operation takes its
// operands from a stack, so neither stage recurses, however deep a pattern is nested.

import { CharClass } from "./char-class";

/** Options of `Regex.compile`; the first four are the flags `i`, `m`, `s`, `U` of the syntax. */
export const enum Flag {
  IgnoreCase = 1,
  MultiLine = 2,
  DotAll = 4,
  Ungreedy = 8,
  /** Pattern and haystack are bytes, each a character of its own. */
  Latin1 = 16,
}

export const enum Op {
  /** Matches the empty string. */
  Empty = 0,
  /** One character of `set`. */
  Class = 1,
  /** Any byte (`\C`). */
  AnyByte = 2,
  /** A condition between characters: `low` is a Look. */
  Look = 3,
  /** The last `low` operands, one after another. */
  Concat = 4,
  /** The last `low` operands, the first that matches. */
  Alternate = 5,
  /** The operand, its place remembered as group `low`. */
  Capture = 6,
  /** The operand `low` to `high` times (-1: any number); `greedy` or not. */
  Repeat = 7,
  /** One character: `low`. */
  Literal = 8,
}

export const enum Look {
  TextStart = 0,
  TextEnd = 1,
  LineStart = 2,
  LineEnd = 3,
  WordBoundary = 4,
  NotWordBoundary = 5,
}

@final
export class Term {
  set: CharClass | null = null;
  greedy: bool = true;

  constructor(
    readonly op: Op,
    readonly low: i32 = 0,
    readonly high: i32 = 0,
  ) {}
}

/** A parsed pattern. */
@final
export class Syntax {
  /** Postfix; the whole is one operand. */
  readonly terms: Term[] = [];
  /** Where the name of each group lies in the pattern, by group; empty when it has none. */
  readonly nameStart: i32[] = [0];
  readonly nameEnd: i32[] = [0];
  /** Characters that every match begins with; all of it when `isLiteral`. */
  readonly prefix: i32[] = [];
  /** Characters that every match has somewhere, one after another; the longest such run. */
  required: i32[] = [];
  isLiteral: bool = false;
  /** `\C` occurs, so matches may begin and end inside a character. */
  hasAnyByte: bool = false;

  /** Groups, group 0 (the whole match) included. */
  get groups(): i32 {
    return this.nameStart.length;
  }
}
