// The program that both machines run (pike.ts, dfa.ts): instructions over bytes, so a character above
// U+007F is a path of two to four of them. Immutable once codegen.ts is done.
//
// An instruction is four words: code (and for Range its bounds in bits 8-15 and 16-23), x, y, arg.
// `x` is where to go on; Split prefers x to y.

import { Skip } from "./skip";

export const enum Code {
  /** Go on at x. */
  Nop = 0,
  /** The next byte lies between `low` and `high`. */
  Range = 1,
  /** The next byte is in set `arg`, 256 bits. */
  Set = 2,
  /** Try x, then y. */
  Split = 3,
  /** Remember the place in slot `arg`: group * 2, + 1 for its end. */
  Save = 4,
  /** The condition `arg` (a Look) holds here. */
  Look = 5,
  Match = 6,
}

export const WORDS: i32 = 4; // an instruction
export const SET_WORDS: i32 = 8;

let programs: u32 = 0;

@final
export class Program {
  /** Never 0 and never used again: what the DFA's cache knows the program by. */
  readonly id: u32 = ++programs;
  /** Where in its pool the DFA last kept this program's states. */
  slab: i32 = 0;
  /** Instructions, WORDS words each. */
  words: StaticArray<u32> = [];
  /** Bit sets of bytes, SET_WORDS words each. */
  sets: StaticArray<u32> = [];
  /** For each instruction that reads a byte or matches, its place among them; else 0. */
  leaves: StaticArray<u16> = [];
  leafCount: i32 = 0;
  start: i32 = 0;
  /** Capture slots that Save uses: two for each group. */
  slots: i32 = 2;
  /** A bit for each Look that occurs. */
  looks: u32 = 0;
  /** Every match begins where the text begins. */
  anchored: bool = false;
  /** Reads the text from its end. */
  reversed: bool = false;
  /** \\B occurs, and holds between characters only, not inside them. */
  minds: bool = false;
  /** Where a search without threads may skip to. */
  skip: Skip = new Skip();
  /** Bytes that no instruction tells apart have the same class. */
  byteClass: StaticArray<u8> = [];
  classCount: i32 = 0;

  get size(): i32 {
    return this.words.length / WORDS;
  }

  code(pc: i32): Code {
    return (unchecked(this.words[pc * WORDS]) & 0xff) as Code;
  }

  x(pc: i32): i32 {
    return unchecked(this.words[pc * WORDS + 1]) as i32;
  }

  y(pc: i32): i32 {
    return unchecked(this.words[pc * WORDS + 2]) as i32;
  }

  arg(pc: i32): i32 {
    return unchecked(this.words[pc * WORDS + 3]) as i32;
  }

  /** Whether the instruction, one that reads a byte, takes `c`. */
  takes(pc: i32, c: u32): bool {
    const word = unchecked(this.words[pc * WORDS]);
    if ((word & 0xff) == Code.Range) {
      const low = (word >> 8) & 0xff;
      return c - low <= (word >> 16) - low;
    }
    const set = this.arg(pc) * SET_WORDS;
    return ((unchecked(this.sets[set + ((c >> 5) as i32)]) >> (c & 31)) & 1) != 0;
  }
}
