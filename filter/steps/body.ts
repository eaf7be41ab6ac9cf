// `body`: edits of the request's or the response's body. The step evaluates what the edits need and
// adds them to the body's pipe; each edit then sees the body as it comes.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { Replacer } from "../bytes/replace";
import { indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { MISSING } from "../http/field-list";
import { essence } from "../http/media-type";
import { hadTwins } from "../json/document";
import { EditPlan, EditStatus, SKIPPED } from "../json/edit";
import { feedStream, HELD_LIMIT, hasBegun, openStream, Streamed } from "../json/stream";
import { StreamPlan } from "../json/stream-plan";
import { StreamReplacer } from "../regex/index";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { flag, key } from "../stream/description";
import { Exchange, Refusal } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap } from "../stream/header-map";
import { BodyEdit, Fed, Outcome, Step } from "../stream/program";
import { JsonTemplate } from "./json-template";

@final
export class BodyStep extends Step {
  contentTypes: StaticArray<Glob> = NO_GLOBS;
  readonly edits: BodyEdit[] = [];

  constructor(private readonly isResponse: bool) {
    super();
  }

  run(x: Exchange): Outcome {
    const headers = this.isResponse ? x.response : x.request;
    if (this.contentTypes.length > 0 && !this.isOfType(headers)) return Outcome.Next;
    const pipe = this.isResponse ? x.responseBody : x.requestBody;
    for (let i = 0, n = this.edits.length; i < n; i++) {
      const edit = unchecked(this.edits[i]);
      const state = edit.bind(x);
      if (state == 0 || pipe.add(edit, state, x.place) || !edit.denies) continue;
      x.refuse(Refusal.Memory, !this.isResponse);
      return Outcome.End;
    }
    return Outcome.Next;
  }

  override describe(out: Writer): void {
    flag(out, "someTypes", this.contentTypes.length > 0);
    key(out, "edits");
    for (let i = 0; i < this.edits.length; i++) {
      out.byte(i == 0 ? 0x5b : 0x2c);
      this.edits[i].describe(out);
    }
    out.text(this.edits.length == 0 ? "[]" : "]");
  }

  /** Whether the media type, without parameters, is one of those asked for. Of several that the message
   * has, in lines or in one, nobody knows which counts: any will do. */
  private isOfType(headers: HeaderMap): bool {
    headers.ensureLoaded();
    for (let i = headers.find(field.contentType); i != MISSING; ) {
      if (this.isAmong(headers.value(i))) return true;
      i = headers.find(field.contentType, i + 1);
    }
    return false;
  }

  private isAmong(list: Span): bool {
    const n = length(list);
    for (let from = 0; from <= n; ) {
      const comma = indexOfByte(list, 0x2c, from);
      const to = comma < 0 ? n : comma;
      const lower = copy(essence(sliceUnchecked(list, from, to)), scratch);
      if (lower == NONE) return true;
      ascii.lowerInPlace(lower);
      if (anyMatches(this.contentTypes, lower)) return true;
      from = to + 1;
    }
    return false;
  }
}

/** State of the edits that put one text somewhere. */
@unmanaged
@final
class TextState {
  text: Span;
  begun: bool;
}

function bindText(x: Exchange, template: Template, absent: Absent): usize {
  const text = template.evaluate(x, absent, x.arena);
  if (text == NONE) {
    count(Counter.EditSkippedAbsent);
    return 0;
  }
  const at = x.arena.allocate(offsetof<TextState>() as i32);
  if (at == 0) return 0;
  const state = changetype<TextState>(at);
  state.text = text;
  state.begun = false;
  return at;
}

/** The body becomes the text: it goes out with the first piece, the pieces themselves are dropped. */
@final
export class TextEdit extends BodyEdit {
  constructor(private readonly template: Template) {
    super();
    this.makes = true;
    this.replacesAll = true;
  }

  get verb(): string {
    return "text";
  }

  bind(x: Exchange): usize {
    return bindText(x, this.template, Absent.IsEmpty);
  }

  lengthAfter(state: usize, before: i64): i64 {
    return length(changetype<TextState>(state).text);
  }

  feed(x: Exchange, at: usize, piece: Span, last: bool, out: Writer): Fed {
    const state = changetype<TextState>(at);
    if (!state.begun) out.span(state.text);
    else if (length(piece) == 0) return Fed.Same;
    state.begun = true;
    this.consumed = length(piece);
    return Fed.Changed;
  }
}

@final
export class PrependEdit extends BodyEdit {
  constructor(private readonly template: Template) {
    super();
    this.makes = true;
  }

  get verb(): string {
    return "prepend";
  }

  bind(x: Exchange): usize {
    return bindText(x, this.template, Absent.Skips);
  }

  lengthAfter(state: usize, before: i64): i64 {
    return before + length(changetype<TextState>(state).text);
  }

  feed(x: Exchange, at: usize, piece: Span, last: bool, out: Writer): Fed {
    const state = changetype<TextState>(at);
    if (state.begun) return Fed.Same;
    state.begun = true;
    out.span(state.text);
    this.consumed = 0;
    return Fed.Changed;
  }
}

@final
export class AppendEdit extends BodyEdit {
  constructor(private readonly template: Template) {
    super();
    this.makes = true;
  }

  get verb(): string {
    return "append";
  }

  bind(x: Exchange): usize {
    return bindText(x, this.template, Absent.Skips);
  }

  lengthAfter(state: usize, before: i64): i64 {
    return before + length(changetype<TextState>(state).text);
  }

  feed(x: Exchange, at: usize, piece: Span, last: bool, out: Writer): Fed {
    if (!last) return Fed.Same;
    out.span(piece);
    out.span(changetype<TextState>(at).text);
    this.consumed = length(piece);
    return Fed.Changed;
  }
}

/** Replaces literals while the body streams. */
@final
export class ReplaceEdit extends BodyEdit {
  constructor(
    private readonly replacer: Replacer,
    private readonly values: StaticArray<Template>,
  ) {
    super();
  }

  get verb(): string {
    return "replace";
  }

  override get window(): i64 {
    return this.replacer.window;
  }

  bind(x: Exchange): usize {
    const state = this.replacer.open(x.arena);
    if (state == 0) return 0;
    for (let i = 0, n = this.values.length; i < n; i++) {
      const value = unchecked(this.values[i]).evaluate(x, Absent.IsEmpty, x.arena);
      if (value == NONE) return 0;
      this.replacer.setValue(state, i, value);
    }
    return state;
  }

  /** Known when every literal is replaced by as many bytes. */
  lengthAfter(state: usize, before: i64): i64 {
    for (let i = 0, n = this.values.length; i < n; i++) {
      if (length(this.replacer.valueAt(state, i)) != this.replacer.sizeOf(i)) return -1;
    }
    return before;
  }

  feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed {
    if (!this.replacer.feed(state, piece, last, out)) return Fed.Same;
    this.consumed = this.replacer.consumed;
    return Fed.Changed;
  }
}

/** Puts a text before or after a literal, which stays as it was written, while the body streams. */
@final
export class InsertEdit extends BodyEdit {
  constructor(
    /** Of one literal. */
    private readonly replacer: Replacer,
    private readonly template: Template,
  ) {
    super();
  }

  get verb(): string {
    return "insert";
  }

  override get window(): i64 {
    return this.replacer.window;
  }

  bind(x: Exchange): usize {
    const text = this.template.evaluate(x, Absent.Skips, x.arena);
    if (text == NONE) {
      count(Counter.EditSkippedAbsent);
      return 0;
    }
    const state = this.replacer.open(x.arena);
    if (state != 0) this.replacer.setValue(state, 0, text);
    return state;
  }

  /** Nobody knows whether the literal is there. */
  lengthAfter(state: usize, before: i64): i64 {
    return length(this.replacer.valueAt(state, 0)) == 0 ? before : -1;
  }

  feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed {
    if (!this.replacer.feed(state, piece, last, out)) return Fed.Same;
    this.consumed = this.replacer.consumed;
    return Fed.Changed;
  }
}

const document = Writer.create();
/** Replaces what patterns match, literals among them, while the body streams. */
@final
export class PatternsEdit extends BodyEdit {
  constructor(
    private readonly replacer: StreamReplacer,
    /** For each pattern what it becomes, or null where that is made of its groups. */
    private readonly values: StaticArray<Template | null>,
  ) {
    super();
  }

  get verb(): string {
    return "replace";
  }

  /** What is held is looked at again when it has grown by a quarter. */
  override get window(): i64 {
    return this.replacer.window + this.replacer.window / 4;
  }

  /** Buffers double, and the smaller ones go with the stream: less than four times the last byte. */
  override get memory(): i64 {
    return 4 * this.window;
  }

  bind(x: Exchange): usize {
    const state = this.replacer.open(x.arena);
    if (state == 0) return 0;
    for (let i = 0, n = this.values.length; i < n; i++) {
      const template = unchecked(this.values[i]);
      if (template == null) continue;
      const value = template.evaluate(x, Absent.IsEmpty, x.arena);
      if (value == NONE) return 0;
      this.replacer.setValue(state, i, value);
    }
    return state;
  }

  lengthAfter(state: usize, before: i64): i64 {
    return -1;
  }

  feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed {
    this.replacer.feed(state, piece, last, x.arena, out);
    if (this.replacer.passed) return Fed.Same;
    this.consumed = length(piece);
    return Fed.Changed;
  }
}

/** The address of a Span of JSON for each value, or 0. */
function bindValues(x: Exchange, values: StaticArray<JsonTemplate>, arena: Arena): usize {
  const n = values.length;
  const state = arena.allocate(max(n, 1) * 8);
  if (state == 0) return 0;
  for (let i = 0; i < n; i++) {
    const value = unchecked(values[i]).evaluateValue(x, arena);
    if (value == NONE) return 0;
    if (value == SKIPPED) count(Counter.EditSkippedAbsent);
    store<Span>(state + i * 8, value);
  }
  return state;
}

/** Edits the body as JSON. */
@final
export class JsonEdit extends BodyEdit {
  constructor(
    private readonly plan: EditPlan,
    private readonly values: StaticArray<JsonTemplate>,
  ) {
    super();
    this.whole = true;
    this.readsJson = true;
  }

  get verb(): string {
    return "json";
  }

  bind(x: Exchange): usize {
    return bindValues(x, this.values, x.arena);
  }

  /** The document with the edits as they are now, kept in `arena`; NONE when there is none. */
  edited(x: Exchange, text: Span, arena: Arena): Span {
    const values = bindValues(x, this.values, arena);
    if (values == 0) return NONE;
    document.reset();
    switch (this.plan.apply(text, values, document)) {
      case EditStatus.Applied:
        return copy(document.view(), arena);
      case EditStatus.Invalid:
      case EditStatus.Refused:
        count(Counter.BodySkippedInvalid);
    }
    return NONE;
  }

  lengthAfter(state: usize, before: i64): i64 {
    return -1;
  }

  feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed {
    const status = this.plan.apply(piece, state, out);
    // Which of two members of one name the sender meant, nobody knows.
    if (this.denies && hadTwins) return Fed.Failed;
    switch (status) {
      case EditStatus.Unchanged:
        return Fed.Same;
      case EditStatus.Applied:
        this.consumed = length(piece);
        return Fed.Changed;
      case EditStatus.OutOfMemory:
        x.outOfMemory = true;
    }
    return Fed.Failed;
  }
}

/** Edits the body as JSON while it streams. */
@final
export class JsonStreamEdit extends BodyEdit {
  constructor(
    private readonly plan: StreamPlan,
    private readonly values: StaticArray<JsonTemplate>,
  ) {
    super();
    this.breaksOff = true;
    this.readsJson = true;
  }

  get verb(): string {
    return "json";
  }

  /** White space beside a member, which may go with it. */
  override get window(): i64 {
    return HELD_LIMIT;
  }

  bind(x: Exchange): usize {
    const values = bindValues(x, this.values, x.arena);
    return values == 0 ? 0 : openStream(this.plan, values, x.arena);
  }

  lengthAfter(state: usize, before: i64): i64 {
    return -1;
  }

  feed(x: Exchange, state: usize, piece: Span, last: bool, out: Writer): Fed {
    // An empty body is no JSON, but nothing of it can be taken for all of it.
    if (last && length(piece) == 0 && !this.denies && !hasBegun(state)) {
      count(Counter.BodySkippedInvalid);
      return Fed.Same;
    }
    switch (feedStream(this.plan, state, piece, last, x.arena, out)) {
      case Streamed.Same:
        return Fed.Same;
      case Streamed.Changed:
        this.consumed = length(piece);
        return Fed.Changed;
      case Streamed.OutOfMemory:
        x.outOfMemory = true;
    }
    return Fed.Failed;
  }
}
