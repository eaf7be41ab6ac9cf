// What must not leave with an event: values of headers and query parameters, members of JSON bodies,
// whatever a pattern finds. What cannot be looked into is left out as a whole.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { decodeComponent } from "../http/percent";
import { EditPlan, EditStatus } from "../json/edit";
import { Regex, Template as RegexTemplate } from "../regex/index";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";

const QUESTION: u8 = 0x3f;
const AMPERSAND: u8 = 0x26;
const EQUALS: u8 = 0x3d;

const texts: Arena = Arena.create();
/** What stands for a value. */
export const stars: Span = fromText("***", texts);
const edited = Writer.create();

/** A pattern, and the stars that its matches become. */
@final
export class Secret {
  constructor(
    readonly regex: Regex,
    readonly template: RegexTemplate,
  ) {}
}

@final
export class Redaction {
  headers: StaticArray<Glob> = NO_GLOBS;
  query: StaticArray<Glob> = NO_GLOBS;
  /** Removes members; null: bodies stay. */
  json: EditPlan | null = null;
  patterns: Secret[] = [];

  /** Whether bodies are looked into. */
  get readsBodies(): bool {
    return this.json != null || this.patterns.length > 0;
  }

  /** The value of the header; `name` is `:path` of the target. */
  header(name: Span, value: Span, isTarget: bool): Span {
    if (anyMatches(this.headers, name)) return stars;
    return this.text(isTarget && this.query.length > 0 ? this.target(value) : value);
  }

  private target(target: Span): Span {
    const at = indexOfByte(target, QUESTION);
    if (at < 0) return target;
    edited.reset();
    edited.span(sliceUnchecked(target, 0, at + 1));
    for (let from = at + 1, n = length(target); from <= n; ) {
      let to = indexOfByte(target, AMPERSAND, from);
      if (to < 0) to = n;
      this.parameter(sliceUnchecked(target, from, to));
      if (to < n) edited.byte(AMPERSAND);
      from = to + 1;
    }
    return edited.failed ? stars : copy(edited.view(), scratch);
  }

  private parameter(pair: Span): void {
    const at = indexOfByte(pair, EQUALS);
    const name = decodeComponent(at < 0 ? pair : sliceUnchecked(pair, 0, at), scratch);
    if (at < 0 || !anyMatches(this.query, name)) {
      edited.span(pair);
      return;
    }
    edited.span(sliceUnchecked(pair, 0, at + 1));
    edited.span(stars);
  }

  /** What may be told of the body, or NONE where it has to be left out. `isWhole`: nothing of it is
   * missing; `isPlain`: it is not coded. */
  body(body: Span, isWhole: bool, isPlain: bool, isJson: bool): Span {
    if (!this.readsBodies || length(body) == 0) return body;
    if (!isPlain || !utf8.isValid(isWhole ? body : utf8.wholePrefix(body))) return NONE;
    const plan = this.json;
    if (plan == null || !(isJson || looksLikeJson(body))) return this.text(body);
    if (!isWhole) return NONE;
    edited.reset();
    const status = plan.apply(body, 0, edited);
    if (status == EditStatus.Applied) return this.text(copy(edited.view(), scratch));
    return status == EditStatus.Unchanged ? this.text(body) : NONE;
  }

  /** The text with stars for what the patterns find. */
  text(text: Span): Span {
    let current = text;
    for (let i = 0; i < this.patterns.length; i++) {
      const secret = unchecked(this.patterns[i]);
      edited.reset();
      const n = secret.regex.replaceAll(current, secret.template, edited);
      // What takes too long to be looked through is not told.
      if (n < 0 || edited.failed) return stars;
      if (n > 0) current = copy(edited.view(), scratch);
      if (current == NONE) return stars;
    }
    return current;
  }
}

/** Whether the bytes begin as a JSON object or array does. */
function looksLikeJson(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if (ascii.isBlank(c) || c == 0x0a || c == 0x0d) continue;
    return c == 0x7b || c == 0x5b || c == 0xef;
  }
  return false;
}
