// Where events end in a stream of bytes that comes in pieces, and what is in one: server-sent events as
// the HTML standard has them ("Server-sent events", parsing an event stream), or lines of JSON.

import { Arena } from "../bytes/arena";
import {
  address,
  byteAtUnchecked,
  end,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { fromText } from "../bytes/text";
import { MARK } from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { isMediaType } from "./media-type";

const LF: u8 = 0x0a;
const CR: u8 = 0x0d;

export const enum Format {
  /** No stream of events, or as the content-type says. */
  Auto,
  Sse,
  Lines,
}

const texts: Arena = Arena.create();
const EVENT_STREAM: Span = fromText("text/event-stream", texts);
/** Lines of JSON have no registered type; these are in use. */
const LINES: StaticArray<Span> = [
  fromText("application/x-ndjson", texts),
  fromText("application/ndjson", texts),
  fromText("application/jsonl", texts),
  fromText("application/x-jsonl", texts),
  fromText("application/json-lines", texts),
  fromText("application/jsonlines", texts),
  fromText("application/x-jsonlines", texts),
  fromText("application/stream+json", texts),
];

/** What a body of that content-type is, or Auto. */
export function formatOf(type: Span): Format {
  if (type == NONE) return Format.Auto;
  if (isMediaType(type, EVENT_STREAM)) return Format.Sse;
  for (let i = 0; i < LINES.length; i++) {
    if (isMediaType(type, unchecked(LINES[i]))) return Format.Lines;
  }
  return Format.Auto;
}

/** What a stream of events is made of. */
export const enum Unit {
  /** An event: its lines and the blank one behind them, or a line of JSON. */
  Event,
  /** The line feed of a pair whose carriage return has ended an event: both may come in pieces of
   * their own, and what ended with the first must not wait for the second. */
  PairEnd,
  /** The byte order mark in front of all. */
  Mark,
}

/** How far the framing has come between two pieces. */
@unmanaged
@final
export class Framing {
  isLines: bool;
  /** The last byte ended a line, or there was none yet. */
  atLineStart: bool;
  /** That byte was a carriage return, which a line feed may follow. */
  afterCarriageReturn: bool;
  /** Nothing has come of the unit that is due. */
  atUnitStart: bool;
  /** Bytes of the mark that have come; all of them where there is none. */
  marked: i32;
  /** What `next` has found. */
  unit: Unit;

  start(isLines: bool): void {
    this.isLines = isLines;
    this.atLineStart = true;
    this.afterCarriageReturn = false;
    this.atUnitStart = true;
    this.marked = 0;
    this.unit = Unit.Event;
  }

  /** The offset behind the unit that ends first in `piece` at or after `from`, or -1. Where a unit ends
   * does not depend on how the stream is cut. */
  next(piece: Span, from: i32): i32 {
    let at = from;
    for (const n = length(piece); at < n && this.marked < MARK.length; at++) {
      if (byteAtUnchecked(piece, at) != unchecked(MARK[this.marked])) {
        // What looked like one is the beginning of a line.
        if (this.marked > 0) this.takeText();
        this.marked = MARK.length;
        break;
      }
      if (++this.marked == MARK.length) return this.found(Unit.Mark, at + 1);
    }
    return this.isLines ? this.nextJsonLine(piece, at) : this.nextEvent(piece, at);
  }

  private found(unit: Unit, stop: i32): i32 {
    this.unit = unit;
    this.atUnitStart = true;
    return stop;
  }

  private takeText(): void {
    this.atLineStart = false;
    this.afterCarriageReturn = false;
    this.atUnitStart = false;
  }

  private nextJsonLine(piece: Span, from: i32): i32 {
    const at = indexOfByte(piece, LF, from);
    return at < 0 ? -1 : this.found(Unit.Event, at + 1);
  }

  private nextEvent(piece: Span, from: i32): i32 {
    for (let i = from, n = length(piece); i < n; i++) {
      const c = byteAtUnchecked(piece, i);
      if (c != LF && c != CR) {
        this.takeText();
        continue;
      }
      const endsPair = c == LF && this.afterCarriageReturn;
      this.afterCarriageReturn = c == CR;
      if (endsPair) {
        if (this.atUnitStart) return this.found(Unit.PairEnd, i + 1);
        continue;
      }
      if (this.atLineStart) return this.found(Unit.Event, i + 1);
      this.atLineStart = true;
    }
    return -1;
  }
}

// One line of an event, as `nextLine` found it.
export let line: Span = NONE;
/** What ends it: nothing, where the stream has ended in its midst. */
export let lineEnd: Span = NONE;
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
  lineEnd = sliceUnchecked(event, stop, after);
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
 * begin. Lines end with `lineEnd`, the last one with `lastEnd`. */
export function writeData(data: Span, lineEnd: Span, lastEnd: Span, out: Writer): void {
  let from = 0;
  const n = length(data);
  while (true) {
    let stop = from;
    while (stop < n && byteAtUnchecked(data, stop) != LF && byteAtUnchecked(data, stop) != CR)
      stop++;
    out.text("data: ");
    out.span(sliceUnchecked(data, from, stop));
    out.span(stop < n ? lineEnd : lastEnd);
    if (stop >= n) return;
    const isPair =
      byteAtUnchecked(data, stop) == CR && stop + 1 < n && byteAtUnchecked(data, stop + 1) == LF;
    from = stop + (isPair ? 2 : 1);
  }
}

/** The line of JSON in an event of such a stream, without its end. A carriage return within is white
 * space of the JSON. */
export function jsonLine(event: Span): Span {
  let n = length(event);
  if (n > 0 && byteAtUnchecked(event, n - 1) == LF) n--;
  if (n > 0 && byteAtUnchecked(event, n - 1) == CR) n--;
  return sliceUnchecked(event, 0, n);
}

/** Makes JSON one line, where it lies: line ends in it are white space between its values. */
export function joinLines(json: Span): void {
  for (let at = address(json), stop = end(json); at < stop; at++) {
    const c = load<u8>(at);
    if (c == LF || c == CR) store<u8>(at, 0x20);
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
