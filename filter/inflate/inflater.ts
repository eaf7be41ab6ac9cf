// Decodes deflate streams (RFC 1951), fed in pieces of any size. One object is one stream; it is a
// record of fixed size, so that decoding allocates nothing:
//
//   fields | literal table | distance table | code lengths | output
//
// The output is 64 KiB and is given away when it is full or the input is used up; then its last 32
// KiB, which is as far back as a match can reach, move to its front. So every match is a copy
// inside one buffer. A symbol is decoded as a whole or not at all: what is left of the input waits
// in the bit buffer, and there is no state within symbols.
//
// Whatever the input, each call does work linear in the input taken and the output made.

import { Span, span } from "../bytes/span";
import {
  build,
  DISTANCE_ENTRIES,
  DISTANCE_ROOT,
  END,
  INVALID,
  Kind,
  LENGTH_ROOT,
  LITERAL,
  LITERAL_ENTRIES,
  LITERAL_ROOT,
  SECOND,
} from "./huffman";

/** Why `run` came back. */
export const enum Run {
  /** All input is taken; `pending` may be there. */
  NeedsInput,
  /** `pending` must be given away first. */
  Full,
  /** The last block is over; the bytes that follow are got with `takeByte`. */
  Done,
  /** The input is no deflate stream. */
  Bad,
  /** It did not: for inner use. */
  GoesOn,
}

/** What comes next in the stream. */
const enum State {
  Block,
  StoredSize,
  Stored,
  Counts,
  CodeLengths,
  SymbolLengths,
  Symbols,
  Done,
  Bad,
}

const WINDOW: i32 = 32768;
const OUTPUT: i32 = 65536;
/** What a match that begins within the output writes beyond it, and a wide copy beyond that. */
const SLACK: i32 = 258 + 32;
/** What the fast loop may read and write in one turn: a refill; three literals and a match. */
const FAST_INPUT: usize = 8;

const MAX_LITERALS: i32 = 286;
const MAX_DISTANCES: i32 = 30;
const LENGTHS_SIZE: i32 = 320;

/** The order in which lengths of code lengths are written (RFC 1951 3.2.7). */
const ORDER: StaticArray<u8> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

// The codes of blocks with fixed codes, made when first needed.
const fixedLiterals: StaticArray<u32> = new StaticArray<u32>(1 << LITERAL_ROOT);
const fixedDistances: StaticArray<u32> = new StaticArray<u32>(1 << DISTANCE_ROOT);
let hasFixed: bool = false;

function makeFixed(lengths: usize): void {
  memory.fill(lengths, 8, 288);
  memory.fill(lengths + 144, 9, 112);
  memory.fill(lengths + 256, 7, 24);
  build(Kind.Literals, lengths, 288, changetype<usize>(fixedLiterals), LITERAL_ROOT, 1 << 10);
  memory.fill(lengths, 5, 32);
  build(Kind.Distances, lengths, 32, changetype<usize>(fixedDistances), DISTANCE_ROOT, 1 << 8);
  hasFixed = true;
}

@unmanaged
@final
export class Inflater {
  at: usize; // what is left of the input
  stop: usize;
  bits: u64; // taken from the input and not yet used, the next bit lowest
  bitCount: i32;
  out: usize; // where the next byte of output goes
  given: usize; // the first that was not given away
  origin: usize; // the first that a match may reach
  state: State;
  isLast: bool; // block
  left: i32; // bytes of a stored block
  literalCount: i32;
  distanceCount: i32;
  codeCount: i32;
  have: i32; // lengths read
  literals: usize; // tables of this block
  distances: usize;

  /** How many bytes such a record takes. */
  static bytes(): i32 {
    return Inflater.outputOffset() + OUTPUT + SLACK;
  }

  private static outputOffset(): i32 {
    const tables = (LITERAL_ENTRIES + DISTANCE_ENTRIES) * 4;
    return (offsetof<Inflater>() as i32) + tables + LENGTHS_SIZE;
  }

  private get ownLiterals(): usize {
    return changetype<usize>(this) + offsetof<Inflater>();
  }

  private get ownDistances(): usize {
    return this.ownLiterals + LITERAL_ENTRIES * 4;
  }

  private get lengths(): usize {
    return this.ownDistances + DISTANCE_ENTRIES * 4;
  }

  private get output(): usize {
    return changetype<usize>(this) + Inflater.outputOffset();
  }

  /** Ready for a new stream, without input. */
  open(): void {
    this.at = 0;
    this.stop = 0;
    this.bits = 0;
    this.bitCount = 0;
    this.out = this.output;
    this.given = this.output;
    this.begin();
  }

  /** Ready for a stream that follows the one that is done, in the same input. */
  begin(): void {
    this.origin = this.out;
    this.state = State.Block;
    this.isLast = false;
  }

  /** The next input; what there was must have been taken. It is read until `run` needs input. */
  feed(input: usize, size: i32): void {
    this.at = input;
    this.stop = input + size;
  }

  /** Output that was not given away yet. */
  get pending(): Span {
    return span(this.given, (this.out - this.given) as i32);
  }

  /** The pending output has been given away. */
  give(): void {
    this.given = this.out;
  }

  /** Of the bytes after the stream the next, or -1 when the input is used up. */
  takeByte(): i32 {
    if (this.bitCount >= 8) {
      const byte = (this.bits & 0xff) as i32;
      this.drop(8);
      return byte;
    }
    return this.at < this.stop ? load<u8>(this.at++) : -1;
  }

  /** Puts a byte in front of the stream, which has not begun. Not more than four. */
  putBefore(byte: i32): void {
    this.bits |= (byte as u64) << this.bitCount;
    this.bitCount += 8;
  }

  // ---- bits

  private drop(n: i32): void {
    this.bits >>>= n;
    this.bitCount -= n;
  }

  private take(n: i32): i32 {
    const value = (this.bits as i32) & ((1 << n) - 1);
    this.drop(n);
    return value;
  }

  /** Whether there are `n` bits, 56 at the most. */
  private need(n: i32): bool {
    while (this.bitCount < n) {
      if (this.at == this.stop) return false;
      this.bits |= (load<u8>(this.at++) as u64) << this.bitCount;
      this.bitCount += 8;
    }
    return true;
  }

  // ---- the machine

  /** Goes on until it needs input, room, or is done. */
  run(): Run {
    const limit = this.output + OUTPUT;
    if (this.out >= limit) {
      if (this.given < this.out) return Run.Full;
      this.slide();
    }
    let run = Run.GoesOn;
    while (run == Run.GoesOn) run = this.advance(limit);
    return run;
  }

  private advance(limit: usize): Run {
    switch (this.state) {
      case State.Block:
        if (!this.need(3)) return Run.NeedsInput;
        this.beginBlock();
        break;
      case State.StoredSize:
        if (!this.need(32)) return Run.NeedsInput;
        this.left = this.take(16);
        this.state = (this.take(16) ^ 0xffff) == this.left ? State.Stored : State.Bad;
        break;
      case State.Stored:
        this.copyStored(limit);
        if (this.left > 0) return this.out >= limit ? Run.Full : Run.NeedsInput;
        this.endBlock();
        break;
      case State.Counts:
        if (!this.need(14)) return Run.NeedsInput;
        this.readCounts();
        break;
      case State.CodeLengths:
        if (!this.readCodeLengths()) return Run.NeedsInput;
        break;
      case State.SymbolLengths:
        if (!this.readSymbolLengths()) return Run.NeedsInput;
        break;
      case State.Symbols:
        if (this.stop - this.at >= FAST_INPUT) this.decodeFast(limit);
        if (this.state != State.Symbols) break;
        if (this.out >= limit) return Run.Full;
        if (!this.decodeOne()) return Run.NeedsInput;
        break;
      case State.Done:
        return Run.Done;
      case State.Bad:
        return Run.Bad;
    }
    return Run.GoesOn;
  }

  /** Makes room: what a match can reach stays. */
  private slide(): void {
    const base = this.output;
    const from = this.out - WINDOW;
    memory.copy(base, from, WINDOW);
    this.origin = this.origin > from ? base + (this.origin - from) : base;
    this.out = base + WINDOW;
    this.given = this.out;
  }

  private beginBlock(): void {
    this.isLast = this.take(1) != 0;
    switch (this.take(2)) {
      case 0:
        this.drop(this.bitCount & 7);
        this.state = State.StoredSize;
        break;
      case 1:
        if (!hasFixed) makeFixed(this.lengths);
        this.literals = changetype<usize>(fixedLiterals);
        this.distances = changetype<usize>(fixedDistances);
        this.state = State.Symbols;
        break;
      case 2:
        this.state = State.Counts;
        break;
      default:
        this.state = State.Bad;
    }
  }

  private endBlock(): void {
    if (!this.isLast) {
      this.state = State.Block;
      return;
    }
    this.drop(this.bitCount & 7);
    this.state = State.Done;
  }

  private copyStored(limit: usize): void {
    while (this.left > 0 && this.bitCount > 0 && this.out < limit) {
      store<u8>(this.out++, this.take(8) as u8);
      this.left--;
    }
    if (this.out >= limit) return;
    const n = min<usize>(min<usize>(this.left, this.stop - this.at), limit - this.out);
    memory.copy(this.out, this.at, n);
    this.at += n;
    this.out += n;
    this.left -= n as i32;
  }

  // ---- blocks with codes of their own (RFC 1951 3.2.7)

  private readCounts(): void {
    this.literalCount = this.take(5) + 257;
    this.distanceCount = this.take(5) + 1;
    this.codeCount = this.take(4) + 4;
    this.have = 0;
    memory.fill(this.lengths, 0, 19);
    const isGood = this.literalCount <= MAX_LITERALS && this.distanceCount <= MAX_DISTANCES;
    this.state = isGood ? State.CodeLengths : State.Bad;
  }

  private readCodeLengths(): bool {
    const lengths = this.lengths;
    while (this.have < this.codeCount) {
      if (!this.need(3)) return false;
      store<u8>(lengths + unchecked(ORDER[this.have++]), this.take(3) as u8);
    }
    this.have = 0;
    // The table of the other codes' lengths lies where that of the literals will be.
    const isCode = build(
      Kind.CodeLengths,
      lengths,
      19,
      this.ownLiterals,
      LENGTH_ROOT,
      1 << LENGTH_ROOT,
    );
    this.state = isCode ? State.SymbolLengths : State.Bad;
    return true;
  }

  private readSymbolLengths(): bool {
    const lengths = this.lengths;
    const all = this.literalCount + this.distanceCount;
    while (this.have < all) {
      // The longest: a code of 7 bits and 7 more.
      this.need(14);
      const entry = load<u32>(this.ownLiterals + (((this.bits as u32) & 0x7f) << 2));
      const size = (entry & 0xff) as i32;
      const symbol = (entry >>> 16) as i32;
      const extra = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
      if (size + extra > this.bitCount) return false;
      this.drop(size);
      if (symbol < 16) {
        store<u8>(lengths + this.have++, symbol as u8);
        continue;
      }
      const times = this.take(extra) + (symbol == 18 ? 11 : 3);
      if ((symbol == 16 && this.have == 0) || this.have + times > all) {
        this.state = State.Bad;
        return true;
      }
      const value: u8 = symbol == 16 ? load<u8>(lengths + this.have - 1) : 0;
      memory.fill(lengths + this.have, value, times);
      this.have += times;
    }
    this.beginSymbols();
    return true;
  }

  private beginSymbols(): void {
    const lengths = this.lengths;
    const n = this.literalCount;
    this.literals = this.ownLiterals;
    this.distances = this.ownDistances;
    // Without an end the block could have none.
    const isGood =
      load<u8>(lengths + 256) != 0 &&
      build(Kind.Literals, lengths, n, this.literals, LITERAL_ROOT, LITERAL_ENTRIES) &&
      build(
        Kind.Distances,
        lengths + n,
        this.distanceCount,
        this.distances,
        DISTANCE_ROOT,
        DISTANCE_ENTRIES,
      );
    this.state = isGood ? State.Symbols : State.Bad;
  }

  // ---- symbols

  /** One symbol, where input or room are short; false when its bits are not all there. */
  private decodeOne(): bool {
    this.need(49); // 15 and 5 of a length, 15 and 13 of a distance, and one that need not be there
    let bits = this.bits;
    let used = 0;
    let entry = load<u32>(this.literals + (((bits as u32) & ((1 << LITERAL_ROOT) - 1)) << 2));
    if (entry & SECOND) {
      used = LITERAL_ROOT;
      bits >>>= LITERAL_ROOT;
      entry = second(this.literals, entry, bits);
    }
    used += entry & 0xff;
    if (used > this.bitCount) return false;
    if (entry & (LITERAL | END | INVALID)) {
      this.drop(used);
      if (entry & LITERAL) store<u8>(this.out++, (entry >>> 16) as u8);
      else if (entry & END) this.endBlock();
      else this.state = State.Bad;
      return true;
    }
    bits >>>= entry & 0xff;
    let extra = (entry >>> 8) & 15;
    const length = (entry >>> 16) + ((bits as u32) & ((1 << extra) - 1));
    bits >>>= extra;
    used += extra;
    entry = load<u32>(this.distances + (((bits as u32) & ((1 << DISTANCE_ROOT) - 1)) << 2));
    if (entry & SECOND) {
      used += DISTANCE_ROOT;
      bits >>>= DISTANCE_ROOT;
      entry = second(this.distances, entry, bits);
    }
    extra = (entry >>> 8) & 15;
    used += entry & 0xff;
    if (entry & INVALID) {
      if (used > this.bitCount) return false;
      this.state = State.Bad;
      return true;
    }
    used += extra;
    if (used > this.bitCount) return false;
    bits >>>= entry & 0xff;
    const distance = (entry >>> 16) + ((bits as u32) & ((1 << extra) - 1));
    this.drop(used);
    if ((distance as usize) > this.out - this.origin) {
      this.state = State.Bad;
      return true;
    }
    copyMatch(this.out, distance, length);
    this.out += length;
    return true;
  }

  /** Symbols, as long as there is room and each turn can be sure of its input. A refill leaves 56
   * bits or more; a match takes 48 at the most, a literal of the first table 10. */
  private decodeFast(limit: usize): void {
    const last = this.stop - FAST_INPUT;
    const literals = this.literals;
    const distances = this.distances;
    const origin = this.origin;
    let at = this.at;
    let out = this.out;
    let bits = this.bits;
    let count = this.bitCount;
    while (at <= last && out < limit) {
      bits |= load<u64>(at) << count;
      at += (63 - count) >> 3;
      count |= 56;
      let entry = load<u32>(literals + (((bits as u32) & ((1 << LITERAL_ROOT) - 1)) << 2));
      if (entry & LITERAL) {
        bits >>>= entry & 0xff;
        count -= entry & 0xff;
        store<u8>(out++, (entry >>> 16) as u8);
        entry = load<u32>(literals + (((bits as u32) & ((1 << LITERAL_ROOT) - 1)) << 2));
        if (entry & LITERAL) {
          bits >>>= entry & 0xff;
          count -= entry & 0xff;
          store<u8>(out++, (entry >>> 16) as u8);
          entry = load<u32>(literals + (((bits as u32) & ((1 << LITERAL_ROOT) - 1)) << 2));
          if (entry & LITERAL) {
            bits >>>= entry & 0xff;
            count -= entry & 0xff;
            store<u8>(out++, (entry >>> 16) as u8);
            continue;
          }
        }
        // The entry stays what it is: a refill only adds bits above those there are.
        if (at > last) break;
        bits |= load<u64>(at) << count;
        at += (63 - count) >> 3;
        count |= 56;
      }
      if (entry & SECOND) {
        bits >>>= LITERAL_ROOT;
        count -= LITERAL_ROOT;
        entry = second(literals, entry, bits);
      }
      bits >>>= entry & 0xff;
      count -= entry & 0xff;
      if (entry & (LITERAL | END | INVALID)) {
        if (entry & LITERAL) {
          store<u8>(out++, (entry >>> 16) as u8);
          continue;
        }
        this.state = entry & END ? State.Block : State.Bad;
        break;
      }
      let extra = (entry >>> 8) & 15;
      const length = (entry >>> 16) + ((bits as u32) & ((1 << extra) - 1));
      bits >>>= extra;
      count -= extra;
      entry = load<u32>(distances + (((bits as u32) & ((1 << DISTANCE_ROOT) - 1)) << 2));
      if (entry & SECOND) {
        bits >>>= DISTANCE_ROOT;
        count -= DISTANCE_ROOT;
        entry = second(distances, entry, bits);
      }
      bits >>>= entry & 0xff;
      count -= entry & 0xff;
      extra = (entry >>> 8) & 15;
      const distance = (entry >>> 16) + ((bits as u32) & ((1 << extra) - 1));
      bits >>>= extra;
      count -= extra;
      if (entry & INVALID || (distance as usize) > out - origin) {
        this.state = State.Bad;
        break;
      }
      copyMatch(out, distance, length);
      out += length;
    }
    this.at = at;
    this.out = out;
    // Above the count there may be bits of bytes that were not taken.
    this.bits = bits & (((1 as u64) << count) - 1);
    this.bitCount = count;
    if (this.state == State.Block) this.endBlock();
  }
}

/** The entry in the second table that `entry` leads to. */
function second(table: usize, entry: u32, bits: u64): u32 {
  const i = (entry >>> 16) + ((bits as u32) & ((1 << ((entry >>> 8) & 15)) - 1));
  return load<u32>(table + (i << 2));
}

/** Writes `length` bytes at `to`, each the one `distance` before it; 15 more may be overwritten. */
function copyMatch(to: usize, distance: u32, length: u32): void {
  let from = to - distance;
  const stop = to + length;
  if (distance >= 16) {
    do {
      v128.store(to, v128.load(from));
      to += 16;
      from += 16;
    } while (to < stop);
  } else if (distance >= 8) {
    do {
      store<u64>(to, load<u64>(from));
      to += 8;
      from += 8;
    } while (to < stop);
  } else if (distance == 1) {
    const byte = i8x16.splat(load<u8>(from));
    do {
      v128.store(to, byte);
      to += 16;
    } while (to < stop);
  } else {
    do {
      store<u8>(to++, load<u8>(from++));
    } while (to < stop);
  }
}
