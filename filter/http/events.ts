// Where events end in a stream of bytes that comes in pieces, and what is in one: server-sent events as
// the HTML standard has them ("Server-sent events", parsing an event stream), or lines of JSON.

import { byteAtUnchecked, indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { Writer } from "../bytes/writer";

const LF: u8 = 0x0a;
const CR: u8 = 0x0d;

/** How far the framing has come between two pieces. */
@unmanaged
@final
export class Framing {
  isLines: bool;
  /** The last byte ended a line, or there was none yet. */
  atLineStart: bool;
  /** That byte was a carriage return, which a line feed may follow. */
  afterCarriageReturn: bool;

  start(isLines: bool): void {
    this.isLines = isLines;
    this.atLineStart = true;
    this.afterCarriageReturn = false;
  }

  /** The offset behind the event that ends first in `piece` at or after `from`, or -1. */
  next(piece: Span, from: i32): i32 {
    if (this.isLines) return indexOfByte(piece, LF, from) + 1 || -1;
    for (let i = from, n = length(piece); i < n; i++) {
      const c = byteAtUnchecked(piece, i);
      if (c == LF && this.afterCarriageReturn) {
        this.afterCarriageReturn = false;
        continue;
      }
      if (c != LF && c != CR) {
        this.atLineStart = false;
        this.afterCarriageReturn = false;
        continue;
      }
      const isBlank = this.atLineStart;
      this.atLineStart = true;
      this.afterCarriageReturn = c == CR;
      if (!isBlank) continue;
      const isPair = c == CR && i + 1 < n && byteAtUnchecked(piece, i + 1) == LF;
      if (!isPair) return i + 1;
      this.afterCarriageReturn = false;
      return i + 2;
    }
    return -1;
  }
}

// One line of an event, as `nextLine` found it.
export let line: Span = NONE;
/** The offset behind the line's end. */
export let after: i32 = 0;

/** The line at `from` in `line`, without its end; false when there is none left. */
export function nextLine(event: Span, from: i32): bool {
  const n = length(event);
  if (from >= n) return false;
  let stop = from;
  while (stop < n && byteAtUnchecked(event, stop) != LF && byteAtUnchecked(event, stop) != CR)
    stop++;
  line = sliceUnchecked(event, from, stop);
  after = min(stop + 1, n);
  const isPair =
    after < n && byteAtUnchecked(event, stop) == CR && byteAtUnchecked(event, after) == LF;
  if (isPair) after++;
  return true;
}

export const enum Field {
  Data,
  Type,
  Id,
  /** A comment, `retry`, or what nobody knows. */
  Other,
}

/** Which field the line is. */
export function fieldOf(line: Span): Field {
  const colon = indexOfByte(line, 0x3a);
  const n = colon < 0 ? length(line) : colon;
  if (n == 4 && isWord(line, 0x61746164)) return Field.Data; // data
  if (n == 5 && isWord(line, 0x6e657665) && byteAtUnchecked(line, 4) == 0x74) return Field.Type;
  if (n == 2 && byteAtUnchecked(line, 0) == 0x69 && byteAtUnchecked(line, 1) == 0x64)
    return Field.Id;
  return Field.Other;
}

function isWord(line: Span, word: u32): bool {
  let found: u32 = 0;
  for (let i = 3; i >= 0; i--) found = (found << 8) | (byteAtUnchecked(line, i) as u32);
  return found == word;
}

/** What stands behind the colon, without one space. */
export function valueOf(line: Span): Span {
  const colon = indexOfByte(line, 0x3a);
  if (colon < 0) return sliceUnchecked(line, length(line), length(line));
  const n = length(line);
  const isSpaced = colon + 1 < n && byteAtUnchecked(line, colon + 1) == 0x20;
  return sliceUnchecked(line, colon + (isSpaced ? 2 : 1), n);
}

/** Writes the data as the lines of an event: whatever ends a line in it ends a field, and no other can
 * begin. */
export function writeData(data: Span, out: Writer): void {
  let from = 0;
  const n = length(data);
  while (true) {
    let stop = from;
    while (stop < n && byteAtUnchecked(data, stop) != LF && byteAtUnchecked(data, stop) != CR)
      stop++;
    out.text("data: ");
    out.span(sliceUnchecked(data, from, stop));
    out.byte(LF);
    if (stop >= n) return;
    const isPair =
      byteAtUnchecked(data, stop) == CR && stop + 1 < n && byteAtUnchecked(data, stop + 1) == LF;
    from = stop + (isPair ? 2 : 1);
  }
}

/** Whether the text is one line, as names and identifiers of events, and lines of JSON, must be. */
export function isOneLine(text: Span): bool {
  for (let i = 0, n = length(text); i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (c == LF || c == CR || c == 0) return false;
  }
  return true;
}
