// Forms as multipart/form-data (RFC 7578, RFC 2046 5.1): the text fields as a FieldList, to be edited
// and put together again. What no edit touches keeps its bytes: files (parts with a filename).
//
// Servers differ in all that senders are not supposed to write: text before the first delimiter or after
// the last, line feeds alone, more on the line of a delimiter, parameters in other spellings or twice,
// codings of parts. Each of them could be made to see other fields than we do, so a form is taken as
// browsers and client libraries write it, or not at all.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  address,
  byteAtUnchecked,
  endsWith,
  equal,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  span,
  startsWith,
} from "../bytes/span";
import { fromText } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { isAlike, namesCharset } from "./ambiguity";
import { FieldList } from "./field-list";
import {
  essence,
  isUtf8,
  nextParameter,
  onlyParameter,
  parameterName,
  parameterValue,
} from "./media-type";

const CR: u8 = 0x0d;
const LF: u8 = 0x0a;
const DASH: u8 = 0x2d;
const QUOTE: u8 = 0x22;
const PERCENT: u8 = 0x25;
const SLASH: u8 = 0x2f;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
/** RFC 2046 5.1.1. */
const MAX_BOUNDARY: i32 = 70;
/** Parts of one form; more are refused. */
const MAX_PARTS: i32 = 10_000;

const texts: Arena = Arena.create();
/** The name of those parts in lists that are no text fields, known by its address. */
export const FILE: Span = fromText("", texts);
const CRLF: Span = fromText("\r\n", texts);
const DISPOSITION: Span = fromText("content-disposition", texts);
const ENCODING: Span = fromText("content-transfer-encoding", texts);
const TYPE: Span = fromText("content-type", texts);
const FORM_DATA: Span = fromText("form-data", texts);
const NAME: Span = fromText("name", texts);
const FILENAME: Span = fromText("filename", texts);
const BINARY: Span = fromText("application/octet-stream", texts);
/** Codings that leave the bytes as they are. */
const IDENTITIES: StaticArray<Span> = [
  fromText("7bit", texts),
  fromText("8bit", texts),
  fromText("binary", texts),
];
/** Types of parts that are no text of one field. */
const COMPOSITES: StaticArray<Span> = [fromText("multipart", texts), fromText("message", texts)];

// What `parse` found, for `write`.
let delimiter: Span = NONE; // --boundary
let epilogue: Span = NONE; // from the last delimiter on

/** The boundary parameter of a content-type, quotes taken off; NONE when there is none that everybody
 * reads the same. */
export function boundaryOf(contentType: Span): Span {
  const boundary = onlyParameter(contentType, "boundary");
  if (boundary == NONE || length(boundary) == 0 || length(boundary) > MAX_BOUNDARY) return NONE;
  for (let i = 0, n = length(boundary); i < n; i++) {
    if (!isBoundaryChar(byteAtUnchecked(boundary, i))) return NONE;
  }
  return boundary;
}

/** RFC 2046 5.1.1, without the blank. */
function isBoundaryChar(c: u32): bool {
  if (ascii.isAlphanumeric(c)) return true;
  // ' ( ) + , - . / : = ? _
  return (c >= 0x27 && c <= 0x3a && c != 0x2a) || c == 0x3d || c == 0x3f || c == 0x5f;
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
  if (!startsWith(body, delimiter)) return false;
  let at = 0;
  while (true) {
    const line = at + length(delimiter);
    const rest = sliceUnchecked(body, line, length(body));
    if (isEnd(rest)) {
      epilogue = sliceUnchecked(body, at, length(body));
      return !list.failed && !namesCharset(list);
    }
    const start = line + 2;
    const stop = startsWith(rest, CRLF) ? nextDelimiter(body, start) : -1;
    // The line end before a delimiter belongs to it.
    if (stop - 2 < start || list.count == MAX_PARTS) return false;
    if (byteAtUnchecked(body, stop - 2) != CR || byteAtUnchecked(body, stop - 1) != LF)
      return false;
    const part = sliceUnchecked(body, start, stop - 2);
    if (!push(part, sliceUnchecked(body, at, stop), list, arena)) return false;
    at = stop;
  }
}

/** Where the delimiter is next, wherever in a line, or -1. */
function nextDelimiter(body: Span, from: i32): i32 {
  const n = length(body);
  let at = from;
  while (true) {
    at = indexOfByte(body, DASH, at);
    if (at < 0) return -1;
    if (startsWith(sliceUnchecked(body, at, n), delimiter)) return at;
    at++;
  }
}

/** Whether a delimiter that is followed by that is the last, with nothing after its line. */
function isEnd(rest: Span): bool {
  const n = length(rest);
  if (n != 2 && n != 4) return false;
  const isClosed = byteAtUnchecked(rest, 0) == DASH && byteAtUnchecked(rest, 1) == DASH;
  return isClosed && (n == 2 || endsWith(rest, CRLF));
}

// What the headers of the part at hand say.
let name: Span = NONE;
let isFile: bool = false;
/** A file without a name, as browsers send it where none was chosen. */
let isUnchosen: bool = false;
let type: Span = NONE;
let isDispositioned: bool = false;

/** Adds the part: headers, an empty line, the content. */
function push(part: Span, raw: Span, list: FieldList, arena: Arena): bool {
  const from = readHeaders(part);
  if (from < 0 || name == NONE) return false;
  const value = sliceUnchecked(part, from, length(part));
  // A file without a name is a text for some: there must be nothing in it.
  if (isUnchosen && (length(value) > 0 || !isBinary())) return false;
  if (isFile) list.push(FILE, FILE, raw);
  else if (isText(value)) list.push(name, value, raw);
  else return false;
  return true;
}

/** Reads the headers of a part; the offset of its content, or -1 when they are not as everybody reads
 * them. */
function readHeaders(part: Span): i32 {
  name = NONE;
  type = NONE;
  isFile = false;
  isUnchosen = false;
  isDispositioned = false;
  let at = 0;
  while (true) {
    const stop = indexOfByte(part, CR, at);
    if (stop < 0 || stop + 1 >= length(part) || byteAtUnchecked(part, stop + 1) != LF) return -1;
    const line = sliceUnchecked(part, at, stop);
    at = stop + 2;
    if (length(line) == 0) return at;
    if (!readHeader(line)) return -1;
  }
}

function readHeader(line: Span): bool {
  const colon = indexOfByte(line, 0x3a);
  // Folded lines and what has no name are read in different ways by different readers.
  if (colon <= 0 || hasControl(line)) return false;
  const key = sliceUnchecked(line, 0, colon);
  const value = ascii.trim(sliceUnchecked(line, colon + 1, length(line)));
  if (!ascii.isToken(key)) return false;
  if (ascii.equalIgnoringCase(key, DISPOSITION)) return readDisposition(value);
  if (ascii.equalIgnoringCase(key, ENCODING)) return isIdentity(value);
  if (!ascii.equalIgnoringCase(key, TYPE)) return true;
  if (type != NONE) return false;
  type = value;
  return true;
}

function hasControl(line: Span): bool {
  for (let i = 0, n = length(line); i < n; i++) {
    const c = byteAtUnchecked(line, i);
    if ((c < 0x20 && c != 0x09) || c == 0x7f) return true;
  }
  return false;
}

function isIdentity(coding: Span): bool {
  for (let i = 0; i < IDENTITIES.length; i++) {
    if (ascii.equalIgnoringCase(coding, unchecked(IDENTITIES[i]))) return true;
  }
  return false;
}

/** `form-data; name="…"`, with a filename perhaps, and nothing else. */
function readDisposition(value: Span): bool {
  if (isDispositioned || !startsWith(value, FORM_DATA)) return false;
  isDispositioned = true;
  const n = length(value);
  let at = length(FORM_DATA);
  while (at < n) {
    at = nextParameter(value, at);
    // Careless readers look for semicolons without looking at quotes.
    if (at < 0 || indexOfByte(parameterValue, SEMICOLON) >= 0) return false;
    if (equal(parameterName, NAME) && name == NONE && isGoodName(parameterValue)) {
      name = parameterValue;
    } else if (equal(parameterName, FILENAME) && !isFile) {
      isFile = true;
      isUnchosen = length(parameterValue) == 0;
    } else {
      return false;
    }
  }
  return name != NONE;
}

/** Not empty, in UTF-8, nothing like another parameter, and without an escape, which some readers decode,
 * but for those that browsers write. */
function isGoodName(text: Span): bool {
  if (length(text) == 0 || !utf8.isValid(text) || indexOfByte(text, EQUALS) >= 0) return false;
  for (let at = indexOfByte(text, PERCENT); at >= 0; at = indexOfByte(text, PERCENT, at + 1)) {
    const escaped = escapedAt(text, at);
    if (escaped >= 0 && escaped != QUOTE && escaped != CR && escaped != LF) return false;
  }
  return true;
}

/** What the `%XX` at that place stands for; -1 when it is none. */
function escapedAt(text: Span, at: i32): i32 {
  if (at + 2 >= length(text)) return -1;
  const high = ascii.hexValue(byteAtUnchecked(text, at + 1));
  const low = ascii.hexValue(byteAtUnchecked(text, at + 2));
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}

function isBinary(): bool {
  return type != NONE && ascii.equalIgnoringCase(essence(type), BINARY);
}

/** Whether the content of the part at hand is a text, and the same one for everybody. */
function isText(value: Span): bool {
  if (indexOfByte(value, 0) >= 0) return false;
  if (type == NONE) return true;
  // One reader takes such a part for a file, whatever else it says.
  if (isBinary()) return false;
  const media = essence(type);
  const slash = indexOfByte(media, SLASH);
  for (let i = 0; i < COMPOSITES.length && slash > 0; i++) {
    const major = sliceUnchecked(media, 0, slash);
    if (ascii.equalIgnoringCase(major, unchecked(COMPOSITES[i]))) return false;
  }
  return slash > 0 && (isUtf8(type) || isAscii(value));
}

/** Whether the charset, which is one of those that have ASCII in them or else is not honest, is of no
 * matter. */
function isAscii(value: Span): bool {
  if (!isLatin(type)) return false;
  for (let i = 0, n = length(value); i < n; i++) {
    if (byteAtUnchecked(value, i) >= 0x80) return false;
  }
  return true;
}

const LATIN: Span = fromText("iso-8859-1", texts);

function isLatin(contentType: Span): bool {
  const charset = onlyParameter(contentType, "charset");
  return charset != NONE && ascii.equalIgnoringCase(charset, LATIN);
}

/** Whether servers may differ in what the field of the name is, though the form is well written:
 * there is a name that some take for it, or a file with the name. */
export function isDoubtful(list: FieldList, key: Span): bool {
  if (key == NONE) return false;
  for (let i = 0; i < list.count; i++) {
    let other = list.name(i);
    const raw = list.raw(i);
    if (other == FILE) {
      readHeaders(sliceUnchecked(raw, indexOfByte(raw, LF) + 1, length(raw)));
      other = name;
      if (equal(other, key)) return true;
    }
    if (other != NONE && isAlike(key, other)) return true;
  }
  return false;
}

/** Writes what was parsed last, with the fields as they are now; false when a value holds what would end
 * its part. */
export function write(list: FieldList, out: Writer): bool {
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
