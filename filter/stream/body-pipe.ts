// The body of one direction of a stream on its way through the edits of the rules that apply.
//
// Streaming edits see each piece as it comes; the piece in the host's buffer is changed and goes on.
// As soon as one edit wants the body as a whole, pieces are collected here and the host's buffer is
// emptied, so that the host's own buffer limit (1 MiB in Envoy, answered 413 or 500 without asking
// us) never applies; the last piece then becomes the whole edited body. Only while a callout is
// out and headers are held does the host collect, because the body must then be reachable from the
// callout's answer.
//
// Where an expression reads the body, the walk over the rules waits until it is collected. The edits
// bound before are carried out first, so that the expression sees them; then the walk goes on.
//
// A compressed body is decoded for edits that ask for it, and for expressions; edits then see what
// it decodes to, piece by piece as well. It goes on decoded, with headers that say so, if an edit
// changed it or its headers had to go on before that was known; else as it came. A body that turns
// out not to be decodable is refused or passed on as it came while its headers are held; else its
// stream is broken off, so that nobody takes what there was for all of it.
//
// content-length stays true: adjusted when the edits' effect is known beforehand or headers are
// held until the body is edited, removed otherwise.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { BufferType, DataAction } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, equal, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Value } from "../cel/index";
import { Tape } from "../json/tape";
import { Capture } from "./capture";
import { Coding, codingOf, declareDecoded } from "./content-coding";
import { Counter, count } from "./counters";
import { ALL, Decoded, Decoding } from "./decoding";
import { Exchange, Refusal } from "./exchange";
import * as field from "./field-names";
import { Content } from "./framing";
import { HeaderMap } from "./header-map";
import { JsonText } from "./json-text";
import { NO_OBSTACLE } from "./obstacle";
import { BodyEdit, Fed, Outcome, Reply, UNLIMITED } from "./program";
import * as representation from "./representation";

/** How the body is treated; set once the headers are through. */
export const enum Mode {
  /** Not looked at. */
  Pass,
  /** Only its size matters. */
  Count,
  /** Edited piece by piece. */
  Stream,
  /** Collected here, edited at its end. */
  Collect,
  /** Collected by the host while a callout is out, then edited at its end. */
  HostCollects,
  /** Not for the message that goes on: none of it does. */
  Swallow,
}

/** What expressions can have of a body. */
export const enum Reading {
  /** Nobody has asked. */
  Unasked,
  /** The walk waits for its end. */
  Waiting,
  /** It is all there. */
  Ready,
  /** The message has none. */
  Bare,
  /** There is one, but not to be read: asking for it fails. */
  Unreadable,
}

/** What is read of a body at the most, where no limit says more: Envoy's own default for buffers. */
export const READ_LIMIT: i64 = 1 << 20;

@unmanaged
@final
class Binding {
  edit: usize; // BodyEdit, kept alive by the exchange's program
  state: usize;
  place: i32; // of its rule among the stream's
}

/** Who is to blame for a refusal, if not a rule by its place: the rule at hand, or none. */
export const AT_HAND: i32 = -1;
export const NOBODY: i32 = -2;

/** What `goOn` says when the body goes on its way. */
const GO_ON: i32 = -1;
const BINDING_SIZE: i32 = offsetof<Binding>() as i32;
const MAX_EDITS: i32 = 64;

@final
export class BodyPipe {
  mode: Mode = Mode.Pass;
  /** Headers of this direction wait for the body. */
  headersHeld: bool = false;
  /** Headers are held in the way that lets the body in, while a callout is out. */
  heldFromHost: bool = false;
  /** The message is headers only. */
  isBare: bool = false;
  /** What the message that goes on has for content; known when the walk is over. */
  content: Content = Content.Any;
  /** All of it has come. */
  hasEnded: bool = false;
  /** Why edits are not for this body, where that was found before a callout went out. */
  obstacle: i32 = NO_OBSTACLE;
  /** Bytes of the body that the host has collected so far. */
  hostCollected: i32 = 0;
  /** What is kept of the body as it came, for whoever tells of it when all is over. */
  readonly capture: Capture = new Capture();
  limit: i64 = UNLIMITED;
  /** What is read of it where nothing limits it. */
  mostRead: i64 = READ_LIMIT;
  /** What is answered when the limit is passed, if a rule has prepared something. */
  refusal: Reply | null = null;
  /** The place of the rule that has set `limit`, or NOBODY. */
  limiting: i32 = NOBODY;
  private guilty: i32 = AT_HAND;
  /** Bytes that have come so far, as they came. */
  private seen: i64 = 0;
  /** Those of them which the host holds, and will show us again with what comes next. */
  private shownAgain: i64 = 0;
  private declared: i64 = -1; // content-length as it arrived, or -1
  private count: i32 = 0;
  private wholes: i32 = 0;
  private base: usize = 0;
  private collected: Writer | null = null;
  reading: Reading = Reading.Unasked;
  /** Grows whenever the body becomes another while it is Ready. */
  version: i32 = 0;
  private readonly parsed: JsonText = new JsonText();
  /** What was collected is no longer what came: edits were carried out on it. */
  private altered: bool = false;
  /** The host's buffer holds what was collected, as it is now; where it was decoded and is not
   * altered, as it came. */
  private isInHost: bool = false;
  private coding: Coding = Coding.None;
  private readonly decoding: Decoding = new Decoding();
  /** The body as it came, beside what was collected of it decoded, while it may still go on so. */
  private raw: Writer | null = null;
  /** It was counted that edits were skipped because of the coding. */
  private isSkipCounted: bool = false;
  private arena: Arena = scratch;

  constructor(private readonly buffer: BufferType) {}

  /** Ready for a new stream. */
  open(arena: Arena): void {
    this.capture.close();
    this.arena = arena;
    this.mode = Mode.Pass;
    this.headersHeld = false;
    this.heldFromHost = false;
    this.isBare = false;
    this.content = Content.Any;
    this.hasEnded = false;
    this.obstacle = NO_OBSTACLE;
    this.hostCollected = 0;
    this.limit = UNLIMITED;
    this.mostRead = READ_LIMIT;
    this.refusal = null;
    this.limiting = NOBODY;
    this.guilty = AT_HAND;
    this.seen = 0;
    this.shownAgain = 0;
    this.declared = -1;
    this.count = 0;
    this.wholes = 0;
    this.base = 0;
    this.reading = Reading.Unasked;
    this.altered = false;
    this.isInHost = false;
    this.coding = Coding.None;
    this.isSkipCounted = false;
  }

  /** Gives back what a body took. */
  close(): void {
    this.dropCollected();
    this.decoding.close();
  }

  private dropCollected(): void {
    this.parsed.forget();
    const collected = this.collected;
    if (collected != null) collected.destroy();
    this.collected = null;
    const raw = this.raw;
    if (raw != null) raw.destroy();
    this.raw = null;
  }

  get isRequest(): bool {
    return this.buffer == BufferType.HttpRequestBody;
  }

  /** Whether the host holds what came so far, and shows it again with the next piece. */
  get isLeftToHost(): bool {
    return this.mode == Mode.HostCollects;
  }

  /** Finds an edit that has the message refused where it cannot be carried out, and blames it. */
  findDenying(): bool {
    for (let i = 0; i < this.count; i++) {
      if (!this.edit(i).denies) continue;
      this.guilty = this.binding(i).place;
      return true;
    }
    return false;
  }

  /** Drops, as the body is a stream of events, the edits that take it for one JSON text: there may be no
   * end to wait for. Refuses the message where one of them denies. */
  dropJsonEdits(): Refusal {
    for (let i = this.count - 1; i >= 0; i--) {
      const edit = this.edit(i);
      if (!edit.readsJson) continue;
      if (edit.denies) return this.blame(i, Refusal.Invalid);
      count(Counter.BodySkippedType);
      this.drop(i);
    }
    return Refusal.None;
  }

  /** Whose refusal it is: the place of a rule, AT_HAND or NOBODY. */
  guiltyOf(why: Refusal): i32 {
    return why == Refusal.Limit && this.guilty < 0 ? this.limiting : this.guilty;
  }

  private blame(i: i32, why: Refusal): Refusal {
    this.guilty = this.binding(i).place;
    return why;
  }

  get hasEdits(): bool {
    return this.count > 0;
  }

  private binding(i: i32): Binding {
    return changetype<Binding>(this.base + i * BINDING_SIZE);
  }

  private edit(i: i32): BodyEdit {
    return changetype<BodyEdit>(this.binding(i).edit);
  }

  /** Adds an edit, of the rule at `place`, whose state is bound. False, and counted, for more than 64 to
   * a body, which are not carried out. */
  add(edit: BodyEdit, state: usize, place: i32): bool {
    if (this.base == 0) this.base = this.arena.allocate(MAX_EDITS * BINDING_SIZE);
    if (this.base == 0 || this.count == MAX_EDITS) {
      count(Counter.OutOfMemory);
      return false;
    }
    const binding = this.binding(this.count++);
    binding.edit = changetype<usize>(edit);
    binding.state = state;
    binding.place = place;
    if (edit.whole) this.wholes++;
    return true;
  }

  /** Forgets the edits: the message has no body, or is none that may be edited. */
  dropEdits(): void {
    this.count = 0;
    this.wholes = 0;
  }

  // ---- headers

  /** Decides how the body will be treated, and makes content-length fit; Refusal.None or why the
   * message is refused now. `mayHold`: headers can still be held back. */
  begin(headers: HeaderMap, endOfStream: bool, mayHold: bool): Refusal {
    this.mode = Mode.Pass;
    if (this.content != Content.Any && !endOfStream) {
      this.describe(headers);
      this.beginToSwallow();
      return Refusal.None;
    }
    if (this.count == 0 && this.limit == UNLIMITED) return Refusal.None;
    if (endOfStream) {
      this.describe(headers);
      return Refusal.None;
    }
    this.look(headers);
    if (this.isOverLimit) return Refusal.Limit;
    const refusal = this.checkCoding();
    if (refusal != Refusal.None) return refusal;
    const mustCount = this.limit != UNLIMITED && this.declared < 0;
    if (this.count == 0) {
      this.mode = mustCount ? Mode.Count : Mode.Pass;
      return Refusal.None;
    }
    if (this.wholes > 0) {
      this.mode = Mode.Collect;
      const refusal = this.checkDeclared();
      if (refusal != Refusal.None) return refusal;
      if (this.count == 0) {
        this.mode = mustCount ? Mode.Count : Mode.Pass;
        return Refusal.None;
      }
    }
    if (this.isCoded && !this.replacesAll && !this.decoding.open(this.coding)) {
      return Refusal.Memory;
    }
    if (this.wholes > 0 && mayHold) {
      this.headersHeld = true;
      return Refusal.None;
    }
    this.mode = this.wholes > 0 ? Mode.Collect : Mode.Stream;
    if (this.wholes == 0 && this.decoding.isOn) this.decoding.stream(this.limit);
    this.settle(headers);
    return Refusal.None;
  }

  /** What the headers say of the body. */
  private look(headers: HeaderMap): void {
    const text = headers.get(field.contentLength);
    this.declared = text == NONE ? -1 : parseLength(text);
    if (this.count > 0) this.coding = codingOf(headers);
  }

  /** Of a message without a body: what a HEAD or 304 announces is one that would have been decoded and
   * edited. */
  private describe(headers: HeaderMap): void {
    this.look(headers);
    const isEdited = this.checkCoding() == Refusal.None && this.count > 0;
    if (isEdited && this.describesBody(headers)) this.settle(headers);
    this.dropEdits();
  }

  /** What comes is not for the message that goes on, and nothing of it matters any more. */
  private beginToSwallow(): void {
    this.mode = Mode.Swallow;
    this.headersHeld = false;
    this.limit = UNLIMITED;
    this.close();
  }

  /** The same once the body, or a part of it, is there. `size` bytes of it are in the host's buffer. */
  private swallowCollected(size: i32, headers: HeaderMap): DataAction {
    if (this.altered && this.content == Content.Described) {
      representation.becomesAnother(headers, this.isRequest, this.arena);
      const isSized = headers.get(field.contentLength) != NONE;
      if (isSized) this.writeLength(headers, length(this.text()));
    }
    this.describe(headers);
    this.beginToSwallow();
    return this.swallow(size);
  }

  private swallow(size: i32): DataAction {
    if (size > 0) host.replaceBufferPrefix(this.buffer, size, host.EMPTY);
    return DataAction.Continue;
  }

  /** Whether an edit makes a body where there is none; those before it have nothing to edit and go. */
  findMaker(): bool {
    let first = 0;
    while (first < this.count && !this.edit(first).makes) first++;
    if (first == this.count) return false;
    for (; first > 0; first--) this.drop(0);
    return true;
  }

  /** The body that the edits make of none, valid until the next callback; empty when they make none. The
   * headers are those of such a body then. */
  make(x: Exchange, headers: HeaderMap): Span {
    const fed = this.feedAll(x, host.EMPTY, true);
    this.dropEdits();
    if (fed != Fed.Changed) return host.EMPTY;
    declareDecoded(headers, this.isRequest, this.arena);
    return this.result;
  }

  /** Whether the headers, which are all of the message, speak of a body that another message has. */
  private describesBody(headers: HeaderMap): bool {
    if (this.declared > 0 || this.isCoded) return true;
    if (this.declared == 0) return this.findMaker();
    return !this.isRequest && !equal(headers.get(field.status), field.noContent);
  }

  private get isCoded(): bool {
    return this.coding != Coding.None;
  }

  /** Whether the edits never look at the body: then its coding is of no matter. */
  private get replacesAll(): bool {
    if (this.count == 0 || this.wholes > 0) return false;
    return this.edit(0).replacesAll && this.edit(0).decodes;
  }

  /** Drops the edits that a coded body is not decoded for, or says that it is refused. */
  private checkCoding(): Refusal {
    if (!this.isCoded) return Refusal.None;
    const isDecodable = this.coding != Coding.Other || this.replacesAll;
    for (let i = this.count - 1; i >= 0; i--) {
      const edit = this.edit(i);
      if (edit.decodes && isDecodable) continue;
      if (edit.rejectsCoding) return this.blame(i, Refusal.Coding);
      this.countCodingSkipped();
      this.drop(i);
    }
    return Refusal.None;
  }

  private countCodingSkipped(): void {
    if (!this.isSkipCounted) count(Counter.BodySkippedEncoding);
    this.isSkipCounted = true;
  }

  /** Before a body of known length is collected: drop or refuse what is larger than an edit holds. */
  private checkDeclared(): Refusal {
    for (let i = this.count - 1; i >= 0; i--) {
      const edit = this.edit(i);
      if (!edit.whole || this.declared <= edit.maxSize) continue;
      if (edit.rejects) return this.blame(i, Refusal.Limit);
      count(Counter.BodySkippedSize);
      this.drop(i);
    }
    return Refusal.None;
  }

  private drop(i: i32): void {
    if (this.edit(i).whole) this.wholes--;
    const at = this.base + i * BINDING_SIZE;
    memory.copy(at, at + BINDING_SIZE, (this.count - i - 1) * BINDING_SIZE);
    this.count--;
  }

  /** Makes the headers fit what the edits will leave, as far as that is known; what is not is removed.
   * Those of a coded body become those of a decoded one. */
  private settle(headers: HeaderMap): void {
    if (this.isCoded) declareDecoded(headers, this.isRequest, this.arena);
    else if (this.count > 0) representation.becomesAnother(headers, this.isRequest, this.arena);
    if (this.declared < 0 || (this.isCoded && !this.replacesAll)) return;
    let after = this.declared;
    for (let i = 0; i < this.count && after >= 0; i++) {
      const binding = this.binding(i);
      after = changetype<BodyEdit>(binding.edit).lengthAfter(binding.state, after);
    }
    if (after == this.declared && !this.isCoded) return;
    this.writeLength(headers, after);
  }

  private writeLength(headers: HeaderMap, size: i64): void {
    if (size < 0) {
      headers.remove(field.contentLength);
      return;
    }
    digits.reset();
    digits.integer(size);
    headers.set(field.contentLength, digits.view());
  }

  // ---- reading

  /** Whether the walk has to wait before an expression may read the body. `bare`: the message has
   * none. `editable`: it is one that can be read, should there be one. */
  mustWait(headers: HeaderMap, bare: bool, editable: bool): bool {
    if (this.reading == Reading.Waiting) return true;
    if (this.reading != Reading.Unasked) return false;
    const text = bare ? NONE : headers.get(field.contentLength);
    this.declared = text == NONE ? -1 : parseLength(text);
    if (bare) {
      this.reading = Reading.Bare;
    } else if (!editable) {
      this.reading = Reading.Unreadable;
    } else if (this.declared > this.readLimit) {
      count(Counter.BodySkippedSize);
      this.reading = Reading.Unreadable;
    } else {
      this.reading = this.canDecode(headers) ? Reading.Waiting : Reading.Unreadable;
    }
    return this.reading == Reading.Waiting;
  }

  private canDecode(headers: HeaderMap): bool {
    this.coding = codingOf(headers);
    if (this.coding == Coding.Other) this.countCodingSkipped();
    return !this.isCoded || (this.coding != Coding.Other && this.decoding.open(this.coding));
  }

  private get readLimit(): i64 {
    return this.limit == UNLIMITED ? this.mostRead : this.limit;
  }

  /** Whether the message is, or announces, more than its limit allows. */
  get isOverLimit(): bool {
    return this.limit != UNLIMITED && max(this.declared, this.seen) > this.limit;
  }

  /** Whether its size, as it is announced or has come, is why it cannot be read. */
  get isTooLargeToRead(): bool {
    return max(max(this.declared, this.seen), length(this.text()) as i64) > this.readLimit;
  }

  /** Headers are held, and the body is collected, until it can be read. */
  beginReading(): void {
    this.mode = Mode.Collect;
    this.headersHeld = true;
  }

  /** All of the body is in the host's buffer: it can be read, or is found not to be readable. */
  readInHost(x: Exchange): Refusal {
    const size = this.hostCollected;
    if (this.seen > this.readLimit) {
      if (this.limit != UNLIMITED) return Refusal.Limit;
      count(Counter.BodySkippedSize);
      this.reading = Reading.Unreadable;
      this.close();
      return Refusal.None;
    }
    const whole = this.read(size);
    if (whole == NONE) return Refusal.Memory;
    if (!this.decoding.isOn) {
      if (!this.keep(whole)) return Refusal.Memory;
    } else {
      if (!this.keepRaw(whole)) return Refusal.Memory;
      this.decoding.feed(whole);
      const decoded = this.decoding.into(this.plain(), this.readLimit, true);
      if (decoded == Decoded.More && this.limit != UNLIMITED) return Refusal.Limit;
      if (decoded != Decoded.All) {
        if (decoded == Decoded.More) count(Counter.BodySkippedSize);
        this.reading = Reading.Unreadable;
        this.close();
        return Refusal.None;
      }
    }
    const refusal = this.becomeReady(x);
    this.isInHost = !this.altered;
    return refusal;
  }

  private keep(piece: Span): bool {
    let collected = this.collected;
    if (collected == null) collected = this.collected = this.newCollector();
    collected.span(piece);
    return !collected.failed;
  }

  private keepRaw(piece: Span): bool {
    let raw = this.raw;
    if (raw == null) raw = this.raw = this.newCollector();
    raw.span(piece);
    return !raw.failed;
  }

  /** Where what is decoded is collected. */
  private plain(): Writer {
    let plain = this.collected;
    if (plain == null) {
      plain = this.collected = Writer.create();
      plain.isForBody = true;
    }
    return plain;
  }

  /** What was collected, as it came where that is the same body. */
  private source(): Span {
    const raw = this.raw;
    return raw == null || this.altered ? this.text() : raw.view();
  }

  /** The body is all there: the edits so far are carried out. */
  private becomeReady(x: Exchange): Refusal {
    this.reading = Reading.Ready;
    return this.applyEdits(x);
  }

  /** The edits so far are carried out on the body, which is Ready: what reads it next sees them. */
  applyEdits(x: Exchange): Refusal {
    if (this.count == 0) return Refusal.None;
    const whole = this.collected!.view();
    const refusal = this.checkCollected(length(whole));
    if (refusal != Refusal.None) return refusal;
    const fed = this.feedAll(x, whole, true);
    this.dropEdits();
    if (fed == Fed.Failed) return failureOf(x);
    if (fed == Fed.Same) return Refusal.None;
    // The result lies in one of our writers; the untouched rest follows it.
    const out = this.result == first.view() ? first : second;
    out.span(sliceUnchecked(whole, this.consumed, length(whole)));
    return !out.failed && this.rewrite(out.view()) ? Refusal.None : Refusal.Memory;
  }

  /** Whether there is nothing in it that could be read. That there is no body, and that a body is
   * empty, is the same (RFC 9110 6.4); what edits have emptied is a text without characters. */
  get isNone(): bool {
    if (this.reading == Reading.Bare) return true;
    return this.reading == Reading.Ready && !this.altered && length(this.text()) == 0;
  }

  /** The body, once it is Ready. */
  text(): Span {
    const collected = this.collected;
    return collected == null ? host.EMPTY : collected.view();
  }

  /** The body, Ready, becomes `edited`; false when memory ran out. */
  rewrite(edited: Span): bool {
    this.parsed.forget();
    this.version++;
    this.altered = true;
    this.isInHost = false;
    const collected = this.newCollector();
    collected.span(edited);
    const before = this.collected;
    if (before != null) before.destroy();
    this.collected = collected;
    return !collected.failed;
  }

  /** The body as JSON in `out`: absent when it is empty, a failure when it is none. */
  readJson(out: Value): void {
    this.parsed.read(this.text(), out, this.arena);
  }

  /** The body, once it is Ready, as JSON; null when it is none. */
  json(): Tape | null {
    return this.parsed.of(this.text());
  }

  /** The walk is over, all of the body is in the host's buffer, and headers are held still. */
  finishReadInHost(x: Exchange, headers: HeaderMap): DataAction {
    const size = this.hostCollected;
    if (this.content != Content.Any) return this.swallowCollected(size, headers);
    const whole = this.text();
    this.headersHeld = true;
    const refusal = this.checkRead(whole);
    if (refusal != Refusal.None) return this.refuse(x, refusal);
    return this.finish(x, whole, size, this.isInHost, headers);
  }

  private checkRead(whole: Span): Refusal {
    if (this.isOverLimit) return Refusal.Limit;
    if (this.limit != UNLIMITED && (length(whole) as i64) > this.limit) return Refusal.Limit;
    return this.checkCollected(length(whole));
  }

  // ---- data

  /** A piece of `size` bytes is in the host's buffer (all of the body so far while the host
   * collects). `waiting`: a callout is out that holds the headers. */
  data(x: Exchange, size: i32, last: bool, headers: HeaderMap, waiting: bool): DataAction {
    if (this.capture.limit > 0) this.capture.take(this.buffer, this.shownAgain as i32, size);
    this.hasEnded = last;
    this.hostCollected = size;
    this.seen += (size as i64) - this.shownAgain;
    this.shownAgain = 0;
    if (waiting) this.mode = Mode.HostCollects;
    if (this.mode == Mode.Pass) return DataAction.Continue;
    if (this.mode == Mode.Swallow) return this.swallow(size);
    if (this.isOverLimit) return this.refuse(x, Refusal.Limit);
    if (waiting) return this.leaveToHost(size);
    switch (this.mode) {
      case Mode.Stream:
        return this.stream(x, size, last);
      case Mode.Collect:
        return this.collect(x, size, last, headers);
      case Mode.HostCollects:
        return last ? this.finishInHost(x, headers) : this.leaveToHost(size);
    }
    return DataAction.Continue;
  }

  private leaveToHost(size: i32): DataAction {
    this.shownAgain = size;
    return DataAction.StopIterationAndBuffer;
  }

  private refuse(x: Exchange, refusal: Refusal): DataAction {
    // No step is at hand while the body goes by.
    if (this.guilty == AT_HAND && refusal != Refusal.Limit)
      this.guilty = this.count > 0 ? this.binding(0).place : NOBODY;
    this.dropEdits();
    this.mode = Mode.Pass;
    x.refuse(refusal, this.isRequest);
    return DataAction.StopIterationNoBuffer;
  }

  /** The piece, copied; an empty span for an empty piece, NONE when memory ran out. */
  private read(size: i32): Span {
    return size == 0 ? host.EMPTY : host.bufferBytes(this.buffer, 0, size, scratch);
  }

  private stream(x: Exchange, size: i32, last: bool): DataAction {
    let piece = this.read(size);
    if (piece == NONE) return this.refuse(x, Refusal.Memory);
    const isCoded = this.decoding.isOn;
    if (isCoded) {
      this.decoding.feed(piece);
      decoded.reset();
      if (this.decoding.into(decoded, ALL, last) == Decoded.Failed) {
        return this.refuse(x, this.decoding.refusal);
      }
      piece = decoded.view();
    }
    const fed = this.feedAll(x, piece, last);
    if (fed == Fed.Failed) return this.refuse(x, failureOf(x));
    this.emit(fed, piece, size, !isCoded);
    // Gives back what a large piece took.
    if (isCoded) decoded.reset();
    return DataAction.Continue;
  }

  /** Result of `feedAll`: `result` stands for the first `consumed` bytes of the piece. */
  private result: Span = NONE;
  private consumed: i32 = 0;

  /** Runs all edits over the piece. Why it is Failed, `failureOf` knows. */
  private feedAll(x: Exchange, piece: Span, last: bool): Fed {
    let current = piece;
    let changed = false;
    this.consumed = 0;
    for (let i = 0; i < this.count; i++) {
      const binding = this.binding(i);
      const edit = changetype<BodyEdit>(binding.edit);
      const out = changed && current == first.view() ? second : first;
      out.reset();
      const fed = edit.feed(x, binding.state, current, last, out);
      if (fed == Fed.Failed) {
        if (edit.denies || edit.breaksOff) {
          this.guilty = binding.place;
          return Fed.Failed;
        }
        count(Counter.BodySkippedInvalid);
        continue;
      }
      if (fed == Fed.Same) continue;
      this.consumed = edit.consumed;
      if (changed || this.count > 1) {
        // Another edit reads all of it, so the untouched rest joins the result.
        out.span(sliceUnchecked(current, edit.consumed, length(current)));
        this.consumed = length(piece);
      }
      if (out.failed) {
        x.outOfMemory = true;
        return Fed.Failed;
      }
      changed = true;
      current = out.view();
    }
    this.result = current;
    return changed ? Fed.Changed : Fed.Same;
  }

  private collect(x: Exchange, size: i32, last: bool, headers: HeaderMap): DataAction {
    const piece = this.read(size);
    if (piece == NONE) return this.refuse(x, Refusal.Memory);
    if (this.decoding.isOn) return this.collectCoded(x, piece, size, last, headers);
    let whole = piece;
    if (!last || this.collected != null || this.reading == Reading.Waiting) {
      if (!this.keep(piece)) return this.refuse(x, Refusal.Memory);
      whole = this.text();
    }
    if (this.reading == Reading.Waiting) {
      const isTooLarge = (length(whole) as i64) > this.readLimit;
      if (isTooLarge || last) {
        const action = this.goOn(x, size, isTooLarge);
        if (action != GO_ON) return action as DataAction;
        if (this.content != Content.Any) return this.swallowCollected(size, headers);
        whole = this.text();
      }
    }
    const refusal = this.checkRead(whole);
    if (refusal != Refusal.None) return this.refuse(x, refusal);
    const isRead = this.reading == Reading.Waiting || this.reading == Reading.Ready;
    if (this.wholes == 0 && !isRead) return this.passCollected(x, whole, size, last, headers);
    if (!last) {
      host.replaceBufferPrefix(this.buffer, size, host.EMPTY);
      return DataAction.StopIterationNoBuffer;
    }
    return this.finish(x, whole, size, this.isHere(whole, size), headers);
  }

  /** Whether the host's buffer, of `size` bytes, is all that was collected, and as it was. */
  private isHere(whole: Span, size: i32): bool {
    return length(whole) == size && !this.altered;
  }

  /** As `collect`, of a body that has to be decoded. What one piece decodes to may be far more than
   * it is: nothing is decoded beyond what may be held. */
  private collectCoded(
    x: Exchange,
    piece: Span,
    size: i32,
    last: bool,
    headers: HeaderMap,
  ): DataAction {
    if (this.headersHeld && !this.keepRaw(piece)) return this.refuse(x, Refusal.Memory);
    this.decoding.feed(piece);
    // Each turn but the last ends with fewer edits, or with one less that reads.
    while (true) {
      const came = this.decoding.into(this.plain(), this.holdLimit, last);
      if (came == Decoded.Failed) return this.passUndecodable(x, size, headers);
      if (this.reading == Reading.Waiting) {
        const isTooLarge = max(length(this.text()) as i64, this.seen) > this.readLimit;
        if (isTooLarge || last) {
          const action = this.goOn(x, size, isTooLarge);
          if (action != GO_ON) return action as DataAction;
          if (this.content != Content.Any) return this.swallowCollected(size, headers);
        }
      }
      const refusal = this.checkRead(this.text());
      if (refusal != Refusal.None) return this.refuse(x, refusal);
      const isRead = this.reading == Reading.Waiting || this.reading == Reading.Ready;
      if (this.wholes == 0 && !isRead) return this.passCoded(x, size, last, headers);
      if (came == Decoded.More) continue;
      if (!last) {
        host.replaceBufferPrefix(this.buffer, size, host.EMPTY);
        return DataAction.StopIterationNoBuffer;
      }
      return this.finish(x, this.text(), size, this.isHere(this.source(), size), headers);
    }
  }

  /** The most that anyone wants to hold. */
  private get holdLimit(): i64 {
    let most: i64 = this.reading == Reading.Waiting ? this.readLimit : 0;
    for (let i = 0; i < this.count; i++) {
      const edit = this.edit(i);
      if (edit.whole) most = max(most, edit.maxSize);
    }
    return this.limit == UNLIMITED ? most : min(most, this.limit);
  }

  /** The body turned out not to be of its coding. */
  private passUndecodable(x: Exchange, size: i32, headers: HeaderMap): DataAction {
    const why = this.decoding.refusal;
    if (!this.headersHeld || why == Refusal.Memory) return this.refuse(x, why);
    if (this.reading == Reading.Waiting) {
      this.reading = Reading.Unreadable;
      const action = this.walkOn(x, size);
      if (action != GO_ON) return action as DataAction;
      if (this.content != Content.Any) return this.swallowCollected(size, headers);
      if (this.isOverLimit) return this.refuse(x, Refusal.Limit);
    }
    for (let i = 0; i < this.count; i++) {
      const edit = this.edit(i);
      if (edit.denies || edit.rejectsCoding) return this.refuse(x, this.blame(i, why));
    }
    if (this.count > 0) count(Counter.BodySkippedInvalid);
    return this.passRaw(size);
  }

  /** The body goes on as it came, and so does what follows of it. */
  private passRaw(size: i32): DataAction {
    const raw = this.raw!.view();
    if (length(raw) != size) host.replaceBufferPrefix(this.buffer, max(size, 1), raw);
    this.dropEdits();
    this.headersHeld = false;
    this.mode = this.limit != UNLIMITED ? Mode.Count : Mode.Pass;
    this.close();
    return DataAction.Continue;
  }

  /** No edit wants the whole any longer: it goes on as it came, or, where there are edits still or
   * its headers have gone on, decoded while it streams. */
  private passCoded(x: Exchange, size: i32, last: bool, headers: HeaderMap): DataAction {
    if (this.headersHeld && this.count == 0) return this.passRaw(size);
    this.mode = Mode.Stream;
    if (this.headersHeld) this.settle(headers);
    this.headersHeld = false;
    this.decoding.stream(this.limit);
    const plain = this.plain();
    if (this.decoding.into(plain, ALL, last) == Decoded.Failed) {
      return this.refuse(x, this.decoding.refusal);
    }
    const fed = this.feedAll(x, plain.view(), last);
    if (fed == Fed.Failed) return this.refuse(x, failureOf(x));
    this.emit(fed, plain.view(), size, false);
    this.dropCollected();
    return DataAction.Continue;
  }

  /** The walk goes on, the body having come to its end or beyond what is read; what to tell the host
   * when the walk does not come to its end, else GO_ON. */
  private goOn(x: Exchange, size: i32, isTooLarge: bool): i32 {
    if (isTooLarge) {
      if (this.limit != UNLIMITED) return this.refuse(x, Refusal.Limit);
      count(Counter.BodySkippedSize);
      this.reading = Reading.Unreadable;
    } else {
      const refusal = this.becomeReady(x);
      if (refusal != Refusal.None) return this.refuse(x, refusal);
    }
    return this.walkOn(x, size);
  }

  private walkOn(x: Exchange, size: i32): i32 {
    const outcome = x.onBodyRead(this.isRequest);
    if (outcome == Outcome.End) return DataAction.StopIterationNoBuffer;
    if (outcome != Outcome.Pause) return GO_ON;
    // Where a callout's answer can reach it.
    const source = this.source();
    this.widenHost();
    host.replaceBufferPrefix(this.buffer, max(size, 1), source);
    this.heldFromHost = true;
    this.hostCollected = length(source);
    this.isInHost = true;
    this.mode = Mode.HostCollects;
    const action = this.leaveToHost(length(source));
    // What will not be read begins anew with the answer.
    if (this.reading == Reading.Unreadable) this.close();
    return action;
  }

  /** Before the host is to hold the body: asks it, should it know how, for as much room as our own limit
   * allows. */
  widenHost(): void {
    if (this.limit == UNLIMITED) return;
    digits.reset();
    digits.integer(this.limit);
    const name = this.isRequest ? field.decoderBufferLimit : field.encoderBufferLimit;
    host.setProperty(name, digits.view());
  }

  private newCollector(): Writer {
    const writer = Writer.create();
    writer.isForBody = true;
    // With a known length, room is made once (a byte more, so that it is never full).
    if (this.declared > 0 && this.declared < 0x40000000) writer.reserve((this.declared as u32) + 1);
    return writer;
  }

  /** Drops or refuses, once the body has grown beyond what an edit holds: as it came, or decoded. */
  private checkCollected(size: i32): Refusal {
    const refusal = this.checkCoding();
    if (refusal != Refusal.None) return refusal;
    const largest = max(size as i64, this.seen);
    for (let i = this.count - 1; i >= 0; i--) {
      const edit = this.edit(i);
      if (!edit.whole || largest <= edit.maxSize) continue;
      if (edit.rejects) return this.blame(i, Refusal.Limit);
      count(Counter.BodySkippedSize);
      this.drop(i);
    }
    return Refusal.None;
  }

  /** No edit wants the whole any longer: what was collected goes on, the rest streams. */
  private passCollected(
    x: Exchange,
    whole: Span,
    size: i32,
    last: bool,
    headers: HeaderMap,
  ): DataAction {
    this.mode = this.count > 0 ? Mode.Stream : this.limit != UNLIMITED ? Mode.Count : Mode.Pass;
    if (this.headersHeld) {
      this.headersHeld = false;
      this.settle(headers);
    }
    const fed = this.feedAll(x, whole, last);
    if (fed == Fed.Failed) return this.refuse(x, failureOf(x));
    this.emit(fed, whole, size, this.isHere(whole, size));
    this.close();
    return DataAction.Continue;
  }

  private finish(
    x: Exchange,
    whole: Span,
    size: i32,
    isHere: bool,
    headers: HeaderMap,
  ): DataAction {
    const fed = this.feedAll(x, whole, true);
    if (fed == Fed.Failed) return this.refuse(x, failureOf(x));
    const raw = this.raw;
    const isChanged = fed == Fed.Changed || this.altered;
    if (raw != null && !isChanged) {
      if (!isHere) host.replaceBufferPrefix(this.buffer, max(size, 1), raw.view());
    } else {
      this.emit(fed, whole, size, isHere && !(this.decoding.isOn && !this.altered));
    }
    if (this.headersHeld && isChanged) {
      if (raw != null) declareDecoded(headers, this.isRequest, this.arena);
      else representation.becomesAnother(headers, this.isRequest, this.arena);
      // What the edits made stands for the first `consumed` bytes.
      const grown = fed == Fed.Changed ? length(this.result) - this.consumed : 0;
      if (this.declared >= 0) this.writeLength(headers, length(whole) + grown);
    }
    this.headersHeld = false;
    this.mode = Mode.Pass;
    this.close();
    return DataAction.Continue;
  }

  /** Puts what `feedAll` made of `whole` into the host's buffer, which has `size` bytes: all of it as
   * it is, or something to be overwritten. */
  private emit(fed: Fed, whole: Span, size: i32, isHere: bool): void {
    if (isHere) {
      if (fed == Fed.Changed) host.replaceBufferPrefix(this.buffer, this.consumed, this.result);
      return;
    }
    if (fed == Fed.Changed) {
      if (this.consumed < length(whole)) {
        // The result lies in one of our writers; the untouched rest follows it.
        const out = this.result == first.view() ? first : second;
        out.span(sliceUnchecked(whole, this.consumed, length(whole)));
        this.result = out.view();
        this.consumed = length(whole);
      }
      host.replaceBufferPrefix(this.buffer, max(size, 1), this.result);
    } else {
      host.replaceBufferPrefix(this.buffer, max(size, 1), whole);
    }
  }

  /** The whole body is in the host's buffer: edits it there. Also called from a callout's answer. */
  finishInHost(x: Exchange, headers: HeaderMap): DataAction {
    const size = this.hostCollected;
    if (this.content != Content.Any) return this.swallow(size);
    const whole = this.read(size);
    if (whole == NONE) return this.refuse(x, Refusal.Memory);
    if (this.decoding.isOn) return this.collectCoded(x, whole, size, true, headers);
    const refusal = this.checkCollected(size);
    if (refusal != Refusal.None) return this.refuse(x, refusal);
    return this.finish(x, whole, size, true, headers);
  }

  /** The body is over: trailers have come, not a last piece. */
  end(): void {
    this.hasEnded = true;
    if (this.seen == 0) this.isBare = true;
  }

  /** The body ended with trailers, not with a last piece; whether they go on. What the host holds is
   * edited there. What is collected here has no buffer to go to any more: the message would go on short,
   * and is refused. */
  trailers(x: Exchange, headers: HeaderMap): bool {
    if (this.content != Content.Any) {
      this.swallow(this.shownAgain as i32);
      x.responseTrailers.removeAll();
      return true;
    }
    if (this.shownAgain > 0)
      return this.data(x, this.shownAgain as i32, true, headers, false) == DataAction.Continue;
    if (this.mode == Mode.Collect || this.mode == Mode.HostCollects) {
      if (this.isBare) return this.goOnBare(x);
      count(Counter.BodySkippedTrailers);
      this.refuse(x, Refusal.Trailers);
      return false;
    }
    if (this.mode != Mode.Stream) return true;
    if (this.decoding.isOn && !this.decoding.isComplete()) {
      this.refuse(x, this.decoding.refusal);
      return false;
    }
    const fed = this.feedAll(x, host.EMPTY, true);
    if (fed == Fed.Failed) {
      this.refuse(x, failureOf(x));
      return false;
    }
    if (fed == Fed.Changed && length(this.result) > 0) {
      count(Counter.BodySkippedTrailers);
      this.refuse(x, Refusal.Trailers);
      return false;
    }
    return true;
  }

  /** The message, which was held for its body, has none: it goes on as one of headers alone would. */
  private goOnBare(x: Exchange): bool {
    if (this.reading == Reading.Waiting) {
      this.reading = Reading.Bare;
      const outcome = x.onBodyRead(this.isRequest);
      if (outcome == Outcome.End) return false;
      this.heldFromHost = outcome == Outcome.Pause;
      if (this.heldFromHost) return false;
    }
    this.dropEdits();
    this.headersHeld = false;
    this.mode = Mode.Pass;
    return true;
  }
}

// Results of the edits of one piece, in turn. Nothing outlives the callback.
const first = Writer.create();
const second = Writer.create();
/** What a piece decodes to. */
const decoded = Writer.create();
const digits = Writer.create();

function failureOf(x: Exchange): Refusal {
  return x.outOfMemory ? Refusal.Memory : Refusal.Invalid;
}

/** A content-length, or -1 when it is not one (the host frames the message some other way then). */
function parseLength(text: Span): i64 {
  const n = length(text);
  if (n == 0 || n > 18) return -1;
  let value: i64 = 0;
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (!ascii.isDigit(c)) return -1;
    value = value * 10 + (c as i64) - 0x30;
  }
  return value;
}
