// Exposes the JSON engine to its tests. Not part of the product.

import { Arena, held } from "../bytes/arena";
import { NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as document from "../json/document";
import { EditKind, EditPlan, EditStatus, SKIPPED } from "../json/edit";
import { errorOffset, errorText, Path } from "../json/path";
import * as selection from "../json/select";
import { feedStream, openStream, Streamed } from "../json/stream";
import { StreamPlan } from "../json/stream-plan";
import { Tape, writePointerSegment } from "../json/tape";
import { writeString } from "../json/write";

const arena = Arena.create();
const out = Writer.create();
const place = Writer.create();
const tape = Tape.create();
let plan = new EditPlan();
let streamPlan = new StreamPlan();
let streamReason = "";
const streamArena = Arena.create();
let stream: usize = 0;
let values: Span[] = [];

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
  plan = new EditPlan();
  streamPlan = new StreamPlan();
  streamReason = "";
  values = [];
}

/** Offset of the first error, or -1 when the text is JSON nested at most `depth` deep. */
export function firstError(at: usize, n: i32, depth: i32): i32 {
  const isValid = tape.parse(span(at, n), depth);
  const offset = isValid ? -1 : tape.errorOffset;
  tape.shrink();
  return offset;
}

/** The text of the (string) document without quotes and escapes. */
export function unescaped(at: usize, n: i32): Span {
  return tape.parse(span(at, n), 10) ? tape.text(0, arena) : NONE;
}

export function escaped(at: usize, n: i32): Span {
  out.reset();
  writeString(span(at, n), out);
  return out.view();
}

/** Adds an edit without a source: -1, or the offset of what is wrong with the path. A value of length
 * -1 is one that is skipped. */
export function edit(kind: i32, at: usize, n: i32, value: usize, size: i32, strict: bool): i32 {
  const path = Path.compile(span(at, n), arena);
  if (path == null) return errorOffset;
  const hasValue = kind != EditKind.Remove && kind != EditKind.Dedupe;
  plan.add(kind as EditKind, path, null, hasValue ? values.length : -1, strict);
  if (streamReason.length == 0)
    streamReason = streamPlan.add(kind as EditKind, path, hasValue ? values.length : -1, strict);
  if (hasValue) values.push(size < 0 ? SKIPPED : span(value, size));
  return -1;
}

/** Adds a copy or move. */
export function transfer(kind: i32, from: usize, m: i32, at: usize, n: i32, strict: bool): i32 {
  const source = Path.compile(span(from, m), arena);
  if (source == null) return errorOffset;
  const path = Path.compile(span(at, n), arena);
  if (path == null) return errorOffset;
  plan.add(kind as EditKind, path, source, -1, strict);
  return -1;
}

let slots: usize = 0;

export function apply(at: usize, n: i32): EditStatus {
  slots = arena.allocate(values.length * 8 + 8);
  for (let i = 0; i < values.length; i++) store<Span>(slots + i * 8, values[i]);
  return applyAgain(at, n);
}

/** The same plan, which `apply` has made ready, once more. */
export function applyAgain(at: usize, n: i32): EditStatus {
  out.reset();
  return plan.apply(span(at, n), slots, out);
}

/** Why the edits so far cannot be made while a document streams; empty when they can. */
export function reason(): Span {
  out.reset();
  out.text(streamReason);
  return out.view();
}

/** Begins a document that comes in pieces. */
export function beginStream(): bool {
  streamArena.reset();
  const slots = streamArena.allocate(values.length * 8 + 8);
  for (let i = 0; i < values.length; i++) store<Span>(slots + i * 8, values[i]);
  stream = openStream(streamPlan, slots, streamArena);
  return stream != 0;
}

/** The next piece; `result` is what stands for it, unless it is Same. */
export function feed(at: usize, n: i32, last: bool): Streamed {
  out.reset();
  return feedStream(streamPlan, stream, span(at, n), last, streamArena, out);
}

/** What the pieces of this document have taken so far, all in all. */
export function heldBytes(): u32 {
  return held() as u32;
}

export function result(): Span {
  return out.view();
}

/** What the path names in the document, one JSON Pointer, as a JSON string, a line; NONE when it is no path, whose error
 * `pathError` then has. */
export function find(at: usize, n: i32, text: usize, size: i32): Span {
  const path = Path.compile(span(at, n), arena);
  if (path == null) return NONE;
  out.reset();
  if (!document.begin(span(text, size))) return NONE;
  selection.select(path, path.manifold);
  for (let i = 0; i < selection.count(); i++) {
    let value = selection.at(i);
    for (let k = path.manifold; k < path.size && value >= 0; k++)
      value = selection.child(path.selector(k), value);
    if (value < 0) continue;
    place.reset();
    writePlace(value);
    writeString(place.view(), out);
    out.byte(0x0a);
  }
  document.finish();
  selection.finish();
  return out.view();
}

// By what the document says, since the tape's own way to write pointers ends at open containers.
function writePlace(value: i32): void {
  const parent = document.parentOf(value);
  if (parent < 0) return;
  writePlace(parent);
  place.byte(0x2f);
  if (document.isObject(parent)) {
    writePointerSegment(document.tape.text(document.keyOf(value), arena), place);
    return;
  }
  let index = 0;
  for (
    let child = document.firstChild(parent);
    child != value;
    child = document.nextChild(parent, child)
  )
    index++;
  place.integer(index);
}

export function pathError(): Span {
  out.reset();
  out.integer(errorOffset);
  out.byte(0x20);
  out.text(errorText);
  return out.view();
}
