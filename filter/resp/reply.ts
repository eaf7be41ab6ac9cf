// A reply of Redis (RESP 2), read where it lies: simple text, error, integer, bulk string, null, array.
// `isReply` is asked once; what it has taken can be walked without looking back. Nothing that a server
// sends leads out of the bytes or deeper than MAX_DEPTH.

import { address, end, NONE, Span, span } from "../bytes/span";

export const enum Kind {
  Null,
  Simple,
  Error,
  Integer,
  Bulk,
  Array,
}

/** Arrays in arrays. */
export const MAX_DEPTH: i32 = 8;

/** The shortest value is two characters and a line end. */
const SHORTEST: i64 = 3;
const CR: u8 = 0x0d;
const LF: u8 = 0x0a;

const counts = new StaticArray<i32>(MAX_DEPTH);

/** Whether the bytes are one whole reply and nothing else. */
export function isReply(bytes: Span): bool {
  reader.open(bytes);
  let depth = 0;
  while (reader.next()) {
    if (reader.kind == Kind.Array && reader.count > 0) {
      if (depth == MAX_DEPTH) return false;
      counts[depth++] = reader.count;
      continue;
    }
    // A value has ended, and maybe the arrays whose last it was.
    while (depth > 0 && --counts[depth - 1] == 0) depth--;
    if (depth == 0) return reader.isAtEnd;
  }
  return false;
}

/** Reads the values of a reply in the order in which they stand. */
@final
export class Reader {
  kind: Kind = Kind.Null;
  /** Of simple and bulk strings and of errors. */
  text: Span = NONE;
  integer: i64 = 0;
  /** Elements of an array, which come next. */
  count: i32 = 0;
  private at: usize = 0;
  private stop: usize = 0;

  open(bytes: Span): void {
    this.at = address(bytes);
    this.stop = end(bytes);
  }

  get isAtEnd(): bool {
    return this.at == this.stop;
  }

  /** The next value; false when the bytes are none. */
  next(): bool {
    if (this.at >= this.stop) return false;
    const type = load<u8>(this.at++) as u32;
    const from = this.at;
    let at = from;
    while (at < this.stop && load<u8>(at) != CR && load<u8>(at) != LF) at++;
    if (this.stop - at < 2 || load<u8>(at) != CR || load<u8>(at, 1) != LF) return false;
    this.at = at + 2;
    switch (type) {
      case 0x2b: // +
        this.kind = Kind.Simple;
        this.text = span(from, (at - from) as i32);
        return true;
      case 0x2d: // -
        this.kind = Kind.Error;
        this.text = span(from, (at - from) as i32);
        return true;
      case 0x3a: // :
        this.kind = Kind.Integer;
        return this.readInteger(from, at);
      case 0x24: // $
        return this.readLength(from, at) && this.readBulk();
      case 0x2a: // *
        return this.readLength(from, at) && this.readArray();
    }
    return false;
  }

  private readBulk(): bool {
    const n = this.integer;
    if (n == -1) return this.setNull();
    // What is left must hold it and its line end.
    const left = (this.stop - this.at) as i64;
    if (n > left - 2) return false;
    const after = this.at + (n as usize);
    if (load<u8>(after) != CR || load<u8>(after, 1) != LF) return false;
    this.kind = Kind.Bulk;
    this.text = span(this.at, n as i32);
    this.at = after + 2;
    return true;
  }

  private readArray(): bool {
    const n = this.integer;
    if (n == -1) return this.setNull();
    if (n > ((this.stop - this.at) as i64) / SHORTEST) return false;
    this.kind = Kind.Array;
    this.count = n as i32;
    return true;
  }

  private setNull(): bool {
    this.kind = Kind.Null;
    return true;
  }

  /** A number without sign, or -1 for null. */
  private readLength(from: usize, to: usize): bool {
    if (!this.readInteger(from, to)) return false;
    return (load<u8>(from) >= 0x30 && this.integer >= 0) || (this.integer == -1 && to - from == 2);
  }

  /** A decimal number with 64 bits. */
  private readInteger(from: usize, to: usize): bool {
    const sign = from < to ? (load<u8>(from) as u32) : 0;
    let at = sign == 0x2d || sign == 0x2b ? from + 1 : from;
    if (at == to) return false;
    // Counted downwards, since there is one more negative number than there are positive ones.
    let value: i64 = 0;
    for (; at < to; at++) {
      const digit = (load<u8>(at) as i64) - 0x30;
      if (digit < 0 || digit > 9) return false;
      if (value < (i64.MIN_VALUE + digit) / 10) return false;
      value = value * 10 - digit;
    }
    if (sign != 0x2d && value == i64.MIN_VALUE) return false;
    this.integer = sign == 0x2d ? value : 0 - value;
    return true;
  }
}

const reader = new Reader();
