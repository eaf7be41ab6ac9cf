// What must not leave with an event or a log line: values of headers, of parameters and fields of
// forms, members of JSON, whatever a pattern finds. What cannot be looked into is left out as a whole.

import { scratch } from "../abi/memory";
import { Arena, forgive, refusals } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  indexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  startsWith,
} from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import * as events from "../http/events";
import { FieldList } from "../http/field-list";
import { isMediaType } from "../http/media-type";
import * as multipart from "../http/multipart";
import { EditPlan, EditStatus } from "../json/edit";
import { JsonError, Kind, Tape } from "../json/tape";
import { writeString } from "../json/write";
import { Regex, Template as RegexTemplate, TOO_COSTLY } from "../regex/index";
import { anyMatches, Glob } from "../rules/glob";
import * as field from "../stream/field-names";
import * as credentials from "./credentials";
import { Ends, hide, isSecret, Secrets, stars } from "./parameters";

const LF: u8 = 0x0a;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const EQUALS: u8 = 0x3d;
const PERCENT: u8 = 0x25;

/** JSON in strings of JSON, and so on: what is nested deeper is not told. */
const MAX_LEVELS: i32 = 4;
/** JSON in one text, lines of it and strings that are JSON: each takes a microsecond or two. */
const MAX_DOCUMENTS: i32 = 20_000;
/** Nesting of one document. */
const MAX_DEPTH: i32 = 1000;

/** Headers whose values are never told. */
const SECRET_HEADERS = "authorization proxy-authorization cookie set-cookie x-api-key";

const texts: Arena = Arena.create();
const json: Span = fromText("json", texts);
const dashes: Span = fromText("--", texts);
const formData: Span = fromText("form-data", texts);
const byteOrderMark: Span = fromText("\xef\xbb\xbf", texts);

/** What one level of JSON in JSON needs. */
@final
class Level {
  readonly tape: Tape = Tape.create();
  readonly values: Writer = Writer.create();
  readonly lines: Writer = Writer.create();
}

const levels: StaticArray<Level> = [new Level(), new Level(), new Level(), new Level()];
const edited = Writer.create();
const fields = new FieldList(scratch);
/** That were looked into, of the text at hand. */
let documents: i32 = 0;
/** The fields of a form are being looked at. */
let isInForm: bool = false;

/** A pattern, and the stars that its matches become. */
@final
export class Secret {
  /** It has something in it that may ask for the ends of the text. */
  readonly isAnchored: bool;

  constructor(
    readonly regex: Regex,
    readonly template: RegexTemplate,
  ) {
    this.isAnchored = mayAskForEnds(regex.pattern);
  }
}

/** Whether there is `^`, `$`, `\A`, `\z`, `\b` or `\B` in the pattern. */
function mayAskForEnds(pattern: Span): bool {
  for (let i = 0, n = length(pattern); i < n; i++) {
    const c = byteAtUnchecked(pattern, i);
    if (c == 0x5e || c == 0x24) return true;
    if (c != BACKSLASH || ++i == n) continue;
    const escaped = byteAtUnchecked(pattern, i);
    if (ascii.lower(escaped) == 0x62 || escaped == 0x41 || escaped == 0x7a) return true;
  }
  return false;
}

@final
export class Redaction extends Secrets {
  /** Names of headers, in lower case. */
  headers: StaticArray<Glob> = secretHeaders;
  /** Removes members; null: they stay. */
  json: EditPlan | null = null;
  patterns: Secret[] = [];

  /** Whether texts are looked into. */
  get looksInto(): bool {
    return this.query.length > 0 || this.json != null || this.patterns.length > 0;
  }

  get looksAtValues(): bool {
    return this.json != null;
  }

  /** Of JSON with members that are removed. */
  hidesValue(value: Span): bool {
    const plan = this.json;
    if (plan == null || !looksLikeJson(value)) return false;
    edited.reset();
    const status = plan.apply(value, 0, edited);
    if (status == EditStatus.Invalid) return beginsJson(value);
    return status != EditStatus.Unchanged;
  }

  hidesHeader(name: Span): bool {
    return anyMatches(this.headers, name);
  }

  /** Whether the value of the parameter, or field of a form, is not told. */
  hidesField(name: Span): bool {
    return this.query.length > 0 && isSecret(this.query, name);
  }

  /** What may be told of the header's value. */
  header(name: Span, value: Span, ends: Ends = Ends.Auto): Span {
    return this.hidesHeader(name) ? stars : this.text(value, ends);
  }

  /** What may be told of a text, whatever it is. */
  text(text: Span, ends: Ends = Ends.Auto): Span {
    documents = 0;
    return this.looksInto ? this.look(text, 0, ends) : credentials.hide(text);
  }

  /** What may be told of JSON, which stays JSON; NONE when it is none, or memory ran out. */
  document(text: Span): Span {
    // Without escapes what there is to hide stands as it is.
    const isBare = indexOfByte(text, BACKSLASH) < 0;
    if (!this.looksInto && isBare && credentials.hide(text) == text) return text;
    documents = 0;
    const told = this.one(text, 0);
    return told == stars ? NONE : told;
  }

  /** What may be told of the body, or NONE where it has to be left out. `isWhole`: nothing of it is
   * missing; `isPlain`: it is not coded; `type`: its content-type, or NONE. */
  body(body: Span, isWhole: bool, isPlain: bool, type: Span): Span {
    if (!isWhole) body = credentials.withoutBeginning(body);
    if (!this.looksInto || length(body) == 0) return credentials.hide(body);
    documents = 0;
    if (!isPlain || !utf8.isValid(isWhole ? body : utf8.wholePrefix(body))) return NONE;
    const told = this.plainBody(body, isWhole, type);
    return told == NONE ? NONE : this.find(told);
  }

  private plainBody(body: Span, isWhole: bool, type: Span): Span {
    body = withoutMark(body);
    if (type != NONE) {
      if (isMediaType(type, field.multipartForm))
        return isWhole ? this.multipart(body, multipart.boundaryOf(type), 0) : NONE;
      const format = events.formatOf(type);
      if (format == events.Format.Sse) return this.texts(wholeLines(body, isWhole), true, 0);
      if (format == events.Format.Lines && !isWhole)
        return this.lines(wholeLines(body, isWhole), 0);
    }
    if ((type != NONE && holds(type, json)) || looksLikeJson(body)) {
      const told = isWhole ? this.values(body) : NONE;
      if (told != NONE) return told;
      // Without its end, or wrong, it can be searched if it is what it looks like.
      if (this.json != null || hasEscapes(body)) return NONE;
    }
    const isForm = type != NONE && isMediaType(type, field.form);
    if (isForm) return hide(this, body, Ends.Form);
    return this.json == null ? hide(this, body, Ends.Text) : this.texts(body, false, 0);
  }

  private values(body: Span): Span {
    const told = this.one(body, 0);
    return told != NONE ? told : this.lines(body, 0);
  }

  /** Text fields of a form; files are for the patterns. A form within a form is not looked into. */
  private multipart(body: Span, boundary: Span, level: i32): Span {
    if (this.query.length == 0 && this.json == null) return body;
    if (boundary == NONE || isInForm || !multipart.parse(body, boundary, fields, scratch))
      return NONE;
    isInForm = true;
    for (let i = 0; i < fields.count; i++) {
      const value = fields.value(i);
      const told = this.hidesField(fields.name(i)) ? stars : this.look(value, level, Ends.Auto);
      if (told != value) fields.setValueAt(i, told);
    }
    isInForm = false;
    edited.reset();
    return multipart.write(fields, edited) ? copy(edited.view(), scratch) : NONE;
  }

  /** Lines, or the values of their fields (`isEvents`, or `data:`), that may be JSON each. JSON that is
   * spread over several is not looked into: NONE. */
  private texts(body: Span, isEvents: bool, level: i32): Span {
    const out = unchecked(levels[level]).lines;
    let from = 0; // up to here it is in `out`
    out.reset();
    for (let at = 0; events.nextLine(body, at); ) {
      const line = events.line;
      const next = events.after;
      const isField = isEvents || events.fieldOf(line) == events.Field.Data;
      const data = isField ? events.valueOf(line) : line;
      let told = looksLikeJson(data) ? this.one(data, level) : NONE;
      if (told == NONE && this.json != null && beginsJson(data)) return NONE;
      if (told == NONE) told = hide(this, data, Ends.Text);
      if (told != data) {
        const end = at + length(line);
        out.span(sliceUnchecked(body, from, end - length(data)));
        out.span(told);
        from = end;
      }
      at = next;
    }
    if (from == 0) return body;
    out.span(sliceUnchecked(body, from, length(body)));
    return taken(out);
  }

  /** Lines of JSON; NONE when one of them is no JSON. */
  private lines(text: Span, level: i32): Span {
    const out = unchecked(levels[level]).lines;
    out.reset();
    for (let from = 0, n = length(text); from < n; ) {
      let stop = indexOfByte(text, LF, from);
      if (stop < 0) stop = n;
      const line = sliceUnchecked(text, from, stop);
      if (isBlank(line)) {
        out.span(line);
      } else {
        const told = this.one(line, level);
        if (told == NONE) return NONE;
        out.span(told);
      }
      if (stop < n) out.byte(LF);
      from = stop + 1;
    }
    return taken(out);
  }

  /** One JSON document without what must not be told; NONE when it is none, the stars alone where it
   * cannot be looked into. */
  private one(text: Span, level: i32): Span {
    if (++documents > MAX_DOCUMENTS) return stars;
    let current = text;
    const plan = this.json;
    if (plan != null) {
      edited.reset();
      const status = plan.apply(text, 0, edited);
      if (status == EditStatus.Invalid) return NONE;
      if (status == EditStatus.Applied) current = copy(edited.view(), scratch);
      else if (status != EditStatus.Unchanged) return stars;
      if (current == NONE) return stars;
    }
    const tape = unchecked(levels[level]).tape;
    if (!tape.parse(current, MAX_DEPTH)) return tape.errorCode == JsonError.Memory ? stars : NONE;
    const told = this.rewritten(tape, current, level);
    tape.shrink();
    return told;
  }

  /** The document of the tape with each name, text and number as it may be told. */
  private rewritten(tape: Tape, document: Span, level: i32): Span {
    // Most documents have nothing in them that needs a look at each text.
    const isBare = indexOfByte(document, BACKSLASH) < 0;
    const hides =
      !isBare || indexOfByte(document, EQUALS) >= 0 || indexOfByte(document, PERCENT) >= 0;
    const finds = !isBare || this.hasAnchors || this.find(document) != document;
    const looksAtAll = hides || finds;
    if (!looksAtAll && this.json == null) return document;
    const out = unchecked(levels[level]).values;
    let from = 0; // up to here it is in `out`
    out.reset();
    for (let i = 0, n = tape.count; i < n; i++) {
      const kind = tape.kind(i);
      let text = NONE;
      let told = NONE;
      if (kind == Kind.Key || kind == Kind.String) {
        if (!looksAtAll && !mayBeJson(tape.raw(i))) continue;
        text = tape.text(i, scratch);
        told = text == NONE ? stars : this.look(text, level + 1, Ends.Auto, finds);
      } else if (kind == Kind.Number && finds) {
        text = tape.raw(i);
        told = this.find(text);
      }
      if (told == text) continue;
      out.span(sliceUnchecked(document, from, tape.start(i)));
      writeString(told, out);
      from = tape.end(i);
    }
    if (from == 0) return document;
    out.span(sliceUnchecked(document, from, length(document)));
    const all = taken(out);
    return all == NONE ? stars : all;
  }

  /** Whether a pattern may be found in a text that is not found in what is around it. */
  private get hasAnchors(): bool {
    for (let i = 0; i < this.patterns.length; i++) {
      if (unchecked(this.patterns[i]).isAnchored) return true;
    }
    return false;
  }

  /** A text, which may be anything. */
  private look(text: Span, level: i32, ends: Ends, finds: bool = true): Span {
    text = withoutMark(text);
    let told = level < MAX_LEVELS ? this.inside(text, level) : text;
    if (told == NONE) return stars;
    if (told == text) {
      if (level == MAX_LEVELS && beginsJson(text)) return stars;
      told = hide(this, text, ends);
    }
    return finds ? this.find(told) : told;
  }

  /** What is in a text that is JSON, lines or events of it, or a form with a boundary; itself where it is
   * none of them, NONE where it is but cannot be looked into. */
  private inside(text: Span, level: i32): Span {
    if (looksLikeJson(text)) {
      let told = this.one(text, level);
      if (told == NONE && indexOfByte(text, LF) > 0) told = this.lines(text, level);
      if (told != NONE) return told;
      return this.json != null && beginsJson(text) ? NONE : text;
    }
    if (indexOfByte(text, LF) < 0) return text;
    const boundary = boundaryIn(text);
    if (boundary != NONE) return this.multipart(text, boundary, level);
    return this.json != null ? this.texts(text, false, level) : text;
  }

  /** The text with stars for what the patterns find, and for credentials. */
  private find(text: Span): Span {
    let current = credentials.hide(text);
    for (let i = 0; i < this.patterns.length; i++) {
      const secret = unchecked(this.patterns[i]);
      edited.reset();
      const refused = refusals();
      const n = secret.regex.replaceAll(current, secret.template, edited);
      if (n == TOO_COSTLY) forgive(refused);
      // What takes too long to be looked through is not told.
      if (n < 0 || edited.failed) return stars;
      if (n > 0) current = copy(edited.view(), scratch);
      if (current == NONE) return stars;
    }
    return current;
  }
}

/** What hides no more than the headers that are never told. */
const secretHeaders: StaticArray<Glob> = globsOf(SECRET_HEADERS);
export const standard: Redaction = new Redaction();

function globsOf(names: string): StaticArray<Glob> {
  const words = names.split(" ");
  const globs = new StaticArray<Glob>(words.length);
  for (let i = 0; i < words.length; i++) globs[i] = new Glob(fromText(words[i], texts), texts);
  return globs;
}

/** What was written, kept; NONE without memory. */
function taken(out: Writer): Span {
  const text = out.failed ? NONE : copy(out.view(), scratch);
  out.reset();
  return text;
}

/** The lines that have an end, of a text that was cut. */
function wholeLines(text: Span, isWhole: bool): Span {
  if (isWhole) return text;
  let stop = length(text);
  while (stop > 0 && byteAtUnchecked(text, stop - 1) != LF) stop--;
  return sliceUnchecked(text, 0, stop);
}

function isBlank(line: Span): bool {
  for (let i = 0, n = length(line); i < n; i++) {
    if (byteAtUnchecked(line, i) > 0x20) return false;
  }
  return true;
}

/** Whether the bytes begin as a JSON object or array does, in UTF-16 too. */
function looksLikeJson(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (ascii.isBlank(c) || c == LF || c == 0x0d) continue;
    return c == 0x7b || c == 0x5b || c == 0;
  }
  return false;
}

/** Whether a string without escapes may be JSON itself. */
function mayBeJson(quoted: Span): bool {
  const c = byteAtUnchecked(quoted, 1);
  return c == 0x7b || c == 0x5b || c <= 0x20 || c == 0xef;
}

/** Whether text that is no JSON may be the beginning of some, with names in it or after it. `[DONE]` is
 * not, nor is `[::1]:80`. */
function beginsJson(s: Span): bool {
  if (!looksLikeJson(s)) return false;
  let open = 0;
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (c == QUOTE) return true;
    if (c == 0x7b || c == 0x5b) open++;
    else if (c == 0x7d || c == 0x5d) open--;
  }
  return open > 0;
}

/** The boundary of a text that is a form; NONE when it does not look like one. */
function boundaryIn(text: Span): Span {
  if (!startsWith(text, dashes) || !holds(text, formData)) return NONE;
  const line = sliceUnchecked(text, 2, indexOfByte(text, LF));
  return ascii.trim(withoutReturn(line));
}

/** Readers of JSON skip the mark. */
function withoutMark(text: Span): Span {
  return startsWith(text, byteOrderMark) ? sliceUnchecked(text, 3, length(text)) : text;
}

function withoutReturn(line: Span): Span {
  const n = length(line);
  return n > 0 && byteAtUnchecked(line, n - 1) == 0x0d ? sliceUnchecked(line, 0, n - 1) : line;
}

/** Whether the JSON has escapes that a search would have to know. */
function hasEscapes(s: Span): bool {
  for (let i = indexOfByte(s, BACKSLASH); i >= 0; i = indexOfByte(s, BACKSLASH, i + 2)) {
    if (i + 1 >= length(s)) return true;
    const c = byteAtUnchecked(s, i + 1);
    if (c == 0x75 || c == QUOTE || c == BACKSLASH) return true;
  }
  return false;
}

function holds(s: Span, word: Span): bool {
  const n = length(word);
  for (let i = 0; i + n <= length(s); i++) {
    if (ascii.equalIgnoringCase(sliceUnchecked(s, i, i + n), word)) return true;
  }
  return false;
}
