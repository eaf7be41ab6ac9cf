// Tables for the Huffman codes of deflate (RFC 1951 3.2). A table is looked up with the next `root`
// bits; codes longer than that lead on to a table of their own behind it. An entry says all that
// the decoder needs of a symbol, so that the loop never looks anything else up:
//
//   bits 0-7    how many bits the code takes (in a second table: beyond `root`)
//   bits 8-11   how many extra bits follow; or how many bits the second table is looked up with
//   bit 12      no symbol has this code
//   bit 13      the end of the block
//   bit 14      a second table follows, at entry `value` of this one
//   bits 16-30  value: the literal, the base of the length or of the distance
//   bit 31      a literal

export const LITERAL: u32 = 1 << 31;
export const SECOND: u32 = 1 << 14;
export const END: u32 = 1 << 13;
export const INVALID: u32 = 1 << 12;

export const LITERAL_ROOT: i32 = 10;
export const DISTANCE_ROOT: i32 = 8;
export const LENGTH_ROOT: i32 = 7;
/** Entries at the most; complete codes of 288 and of 32 symbols need no more than 1,334 and 402. */
export const LITERAL_ENTRIES: i32 = 1536;
export const DISTANCE_ENTRIES: i32 = 512;

const MAX_BITS: i32 = 15;

/** What the symbols of a code are. */
export const enum Kind {
  /** Lengths of other codes. */
  CodeLengths,
  /** Literals, the end of the block, and lengths of matches. */
  Literals,
  Distances,
}

const LENGTH_BASE: StaticArray<u16> = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_EXTRA: StaticArray<u8> = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const LENGTHS: i32 = 29;
const DISTANCES: i32 = 30;

// Used within one call of `build` only.
const counts: StaticArray<i32> = new StaticArray<i32>(MAX_BITS + 1);
const places: StaticArray<i32> = new StaticArray<i32>(MAX_BITS + 2);
const sorted: StaticArray<u16> = new StaticArray<u16>(320);

/** Builds the table of the code whose symbols have the `n` lengths at `lengths`, a byte each, of 15
 * at the most; false when they are no code. As zlib has it, a code must be complete, but for one
 * single symbol of one bit, and for none at all where nothing uses it. */
export function build(
  kind: Kind,
  lengths: usize,
  n: i32,
  table: usize,
  root: i32,
  entries: i32,
): bool {
  counts.fill(0);
  for (let i = 0; i < n; i++) unchecked(counts[load<u8>(lengths + i)]++);
  let longest = MAX_BITS;
  while (longest > 0 && unchecked(counts[longest]) == 0) longest--;
  let left = 1;
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    left = left * 2 - unchecked(counts[bits]);
    if (left < 0) return false;
  }
  if (left > 0) {
    if (kind == Kind.CodeLengths || longest > 1) return false;
    for (let i = 0; i < 1 << root; i++) store<u32>(table + (i << 2), INVALID | 1);
  }
  sort(lengths, n);
  return fill(kind, table, root, entries, longest);
}

/** Symbols in the order of their codes: by length, then by number. */
function sort(lengths: usize, n: i32): void {
  unchecked((places[1] = 0));
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    unchecked((places[bits + 1] = places[bits] + counts[bits]));
  }
  for (let symbol = 0; symbol < n; symbol++) {
    const bits = load<u8>(lengths + symbol);
    if (bits != 0) unchecked((sorted[places[bits]++] = symbol as u16));
  }
}

/** Gives the symbols their codes, which are written from the highest bit while streams are read from
 * the lowest: `code` is kept reversed. */
function fill(kind: Kind, table: usize, root: i32, entries: i32, longest: i32): bool {
  const mask = (1 << root) - 1;
  let used = 1 << root;
  let code = 0;
  let next = 0;
  let prefix = -1; // of the second table that is being filled
  let second = 0; // where that begins
  let size = 0; // and how many bits it is looked up with
  for (let bits = 1; bits <= longest; bits++) {
    for (let rest = unchecked(counts[bits]); rest > 0; rest--) {
      const entry = entryOf(kind, unchecked(sorted[next++]));
      if (bits <= root) {
        spread(table, code, 1 << root, bits, entry | bits);
      } else {
        if ((code & mask) != prefix) {
          prefix = code & mask;
          size = bits - root;
          let room = (1 << size) - rest;
          while (room > 0 && root + size < longest) {
            size++;
            room = room * 2 - unchecked(counts[root + size]);
          }
          second = used;
          used += 1 << size;
          if (used > entries) return false;
          store<u32>(table + (prefix << 2), SECOND | (second << 16) | (size << 8) | root);
        }
        const at = table + (second << 2);
        spread(at, code >> root, 1 << size, bits - root, entry | (bits - root));
      }
      // One more, from the highest bit of the code, which is the highest here too.
      let bit = 1 << (bits - 1);
      while (code & bit) bit >>= 1;
      code = bit == 0 ? 0 : (code & (bit - 1)) | bit;
    }
  }
  return true;
}

/** Writes the entry wherever the low `bits` of the index are `code`. */
function spread(table: usize, code: i32, size: i32, bits: i32, entry: u32): void {
  for (let i = code; i < size; i += 1 << bits) store<u32>(table + (i << 2), entry);
}

function entryOf(kind: Kind, symbol: i32): u32 {
  if (kind == Kind.CodeLengths) return symbol << 16;
  if (kind == Kind.Distances) {
    if (symbol >= DISTANCES) return INVALID;
    if (symbol < 4) return (symbol + 1) << 16;
    const extra = (symbol >> 1) - 1;
    return ((((2 | (symbol & 1)) << extra) + 1) << 16) | (extra << 8);
  }
  if (symbol < 256) return LITERAL | (symbol << 16);
  if (symbol == 256) return END;
  const i = symbol - 257;
  if (i >= LENGTHS) return INVALID;
  return ((unchecked(LENGTH_BASE[i]) as u32) << 16) | ((unchecked(LENGTH_EXTRA[i]) as u32) << 8);
}
