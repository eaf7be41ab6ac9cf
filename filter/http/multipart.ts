// Forms as multipart/form-data (RFC 7578, RFC 2046 5.1): the text fields as a FieldList, to be edited
// and put together again. What no edit touches keeps its bytes: files (parts with a filename), parts that
// are no form fields, the text before the first part and after the last.
//
// Whoever reads a form otherwise than the one behind us could be made to see other fields, so a form
// is taken as it must be written, or not at all: delimiters of whole lines, parts with headers, an end.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  span,
  startsWith,
} from "../bytes/span";
import { fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { FieldList } from "./field-list";
import { parameter } from "./media-type";

const CR: u8 = 0x0d;
const LF: u8 = 0x0a;
const DASH: u8 = 0x2d;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
/** RFC 2046 5.1.1. */
const MAX_BOUNDARY: i32 = 70;
/** Parts of one form; more are refused. */
const MAX_PARTS: i32 = 10_000;

const texts: Arena = Arena.create();
const EMPTY: Span = fromText("", texts);
const DISPOSITION: Span = fromText("content-disposition", texts);

// What `parse` found, for `write`.
let delimiter: Span = NONE; // --boundary
let preamble: Span = NONE;
let epilogue: Span = NONE; // from the last delimiter on

/** The boundary parameter of a content-type, quotes taken off; NONE when there is none that is good. */
export function boundaryOf(contentType: Span): Span {
  const boundary = parameter(contentType, "boundary");
  if (boundary == NONE || length(boundary) == 0 || length(boundary) > MAX_BOUNDARY) return NONE;
  for (let i = 0, n = length(boundary); i < n; i++) {
    const c = byteAtUnchecked(boundary, i);
    if (c < 0x20 || c > 0x7e || c == QUOTE || c == BACKSLASH) return NONE;
  }
  return byteAtUnchecked(boundary, length(boundary) - 1) == 0x20 ? NONE : boundary;
}

/** Fills `list` with the form's fields in order: names and values of text fields, and parts that edits
 * must not touch under the empty name. False when it is no such form. */
export function parse(body: Span, boundary: Span, list: FieldList, arena: Arena): bool {
  list.clear(arena);
  const base = arena.allocate(length(boundary) + 2);
  if (base == 0) return false;
  store<u16>(base, 0x2d2d);
  memory.copy(base + 2, address(boundary), length(boundary));
  delimiter = span(base, length(boundary) + 2);
  let at = nextDelimiter(body, 0);
  if (at < 0) return false;
  preamble = sliceUnchecked(body, 0, at);
  while (true) {
    const line = at + length(delimiter);
    if (isClosed(body, line)) {
      epilogue = sliceUnchecked(body, at, length(body));
      return !list.failed;
    }
    const start = afterLine(body, line);
    const stop = start < 0 ? -1 : nextDelimiter(body, start);
    // The line end before a delimiter belongs to it.
    if (stop < 0 || stop - 2 < start || list.count == MAX_PARTS) return false;
    const part = sliceUnchecked(body, at, stop);
    if (!push(sliceUnchecked(body, start, stop - 2), part, list, arena)) return false;
    at = stop;
  }
}

/** Where the next line begins that starts with the delimiter, or -1. */
function nextDelimiter(body: Span, from: i32): i32 {
  let at = from;
  while (true) {
    if (startsWith(sliceUnchecked(body, at, length(body)), delimiter)) return at;
    do {
      at = indexOfByte(body, LF, at) + 1;
      if (at == 0) return -1;
    } while (at < 2 || byteAtUnchecked(body, at - 2) != CR);
  }
}

function isClosed(body: Span, at: i32): bool {
  return (
    at + 1 < length(body) &&
    byteAtUnchecked(body, at) == DASH &&
    byteAtUnchecked(body, at + 1) == DASH
  );
}

/** The offset after a line that has only blanks left; -1 when there is more. */
function afterLine(body: Span, from: i32): i32 {
  let at = from;
  while (at < length(body) && ascii.isBlank(byteAtUnchecked(body, at))) at++;
  const isEnd =
    at + 1 < length(body) && byteAtUnchecked(body, at) == CR && byteAtUnchecked(body, at + 1) == LF;
  return isEnd ? at + 2 : -1;
}

/** Adds the part: headers, an empty line, the content. */
function push(part: Span, raw: Span, list: FieldList, arena: Arena): bool {
  let name = NONE;
  let isText = true;
  let at = 0;
  while (true) {
    const stop = lineEnd(part, at);
    if (stop < 0) return false;
    const line = sliceUnchecked(part, at, stop);
    at = stop + 2;
    if (length(line) == 0) break;
    const colon = indexOfByte(line, 0x3a);
    // Folded lines and what has no name are read in different ways by different readers.
    if (colon <= 0 || !ascii.isToken(sliceUnchecked(line, 0, colon))) return false;
    if (!ascii.equalIgnoringCase(sliceUnchecked(line, 0, colon), DISPOSITION)) continue;
    if (name != NONE) return false;
    const value = ascii.trim(sliceUnchecked(line, colon + 1, length(line)));
    if (parameter(value, "filename") != NONE || parameter(value, "filename*") != NONE)
      isText = false;
    name = parameter(value, "name");
    if (name == NONE) return false;
    name = unescape(name, arena);
    if (name == NONE) return false;
  }
  if (name == NONE || !isText) list.push(EMPTY, EMPTY, raw);
  else list.push(name, sliceUnchecked(part, at, length(part)), raw);
  return true;
}

/** Where the line ends, at its CR LF; -1 when it does not. */
function lineEnd(part: Span, from: i32): i32 {
  let at = indexOfByte(part, LF, from);
  if (at <= from || byteAtUnchecked(part, at - 1) != CR) return -1;
  at--;
  return at;
}

/** A name without its backslashes. */
function unescape(name: Span, arena: Arena): Span {
  if (indexOfByte(name, BACKSLASH) < 0) return name;
  const n = length(name);
  const base = arena.allocate(n);
  if (base == 0) return NONE;
  let size = 0;
  for (let i = 0; i < n; i++) {
    let c = byteAtUnchecked(name, i);
    if (c == BACKSLASH && i + 1 < n) c = byteAtUnchecked(name, ++i);
    store<u8>(base + size++, c);
  }
  return span(base, size);
}

/** Writes what was parsed last, with the fields as they are now; false when a value holds what would end
 * its part. */
export function write(list: FieldList, out: Writer): bool {
  out.span(preamble);
  for (let i = 0; i < list.count; i++) {
    const raw = list.raw(i);
    if (raw != NONE) {
      out.span(raw);
      continue;
    }
    const value = list.value(i);
    if (nextDelimiter(value, 0) >= 0) return false;
    out.span(delimiter);
    out.text('\r\nContent-Disposition: form-data; name="');
    writeName(list.name(i), out);
    out.text('"\r\n\r\n');
    out.span(value);
    out.text("\r\n");
  }
  out.span(epilogue);
  return !out.failed;
}

/** As browsers write names (HTML, "Multipart form data"). */
function writeName(name: Span, out: Writer): void {
  for (let i = 0, n = length(name); i < n; i++) {
    const c = byteAtUnchecked(name, i);
    if (c == CR) out.text("%0D");
    else if (c == LF) out.text("%0A");
    else if (c == QUOTE) out.text("%22");
    else out.byte(c);
  }
}
