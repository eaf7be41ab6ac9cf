// `events`: edits of a body that is a stream of server-sent events or of lines of JSON, event by event,
// as they come and for as long as they come. An event is held until it has ended, or the stream has; what
// is larger than `maxSize` passes as it is. What no edit touches keeps its bytes, and what is edited its
// line ends. How the stream was cut into pieces is of no matter.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { address, equal, length, NONE, Span, sliceUnchecked, span } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as events from "../http/events";
import { Field, Format, Framing, Unit } from "../http/events";
import { Expression, Verdict } from "../rules/expression";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { flag, key } from "../stream/description";
import * as current from "../stream/event";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { BodyEdit, Fed, Outcome, Step } from "../stream/program";
import { JsonEdit } from "./body";
import { LogStep } from "./log";
import { SetStep } from "./plain";

const texts: Arena = Arena.create();
const LINE_FEED: Span = fromText("\n", texts);
const edited = Writer.create();
const joined = Writer.create();

@final
export class EventEdit {
  when: Expression | null = null;
  drops: bool = false;
  data: Template | null = null;
  type: Template | null = null;
  id: Template | null = null;
  json: JsonEdit | null = null;
  log: LogStep | null = null;
  set: SetStep | null = null;

  /** Whether it is for the event at hand. What cannot be evaluated is not. */
  isFor(x: Exchange): bool {
    const when = this.when;
    return when == null || when.test(x) == Verdict.Yes;
  }
}

@unmanaged
@final
class State {
  framing: Framing;
  candidate: i32;
  /** Bytes of an event that has not ended: address, size, room. */
  base: usize;
  size: i32;
  capacity: i32;
  /** The event is too large: what is left of it passes. */
  passes: bool;
  /** The last event was dropped. */
  hasDropped: bool;
  index: i64;
}

@final
export class EventsStep extends Step {
  constructor(
    private readonly isResponse: bool,
    private readonly edit: EventsEdit,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    const headers = this.isResponse ? x.response : x.request;
    const state = this.edit.open(x, headers.get(field.contentType));
    const body = this.isResponse ? x.responseBody : x.requestBody;
    if (state != 0) body.add(this.edit, state, x.place);
    return Outcome.Next;
  }

  override describe(out: Writer): void {
    flag(out, "someTypes", this.edit.format == Format.Auto);
    key(out, "edits");
    out.byte(0x5b);
    this.edit.describe(out);
    out.byte(0x5d);
  }
}

@final
export class EventsEdit extends BodyEdit {
  format: Format = Format.Auto;
  largest: i32 = 0;
  readonly edits: EventEdit[] = [];

  /** The state for a body of that content-type; 0 when it is no stream of events. */
  open(x: Exchange, type: Span): usize {
    let format = this.format;
    if (format == Format.Auto) format = events.formatOf(type);
    if (format == Format.Auto) {
      count(Counter.BodySkippedType);
      return 0;
    }
    const at = x.arena.allocate(offsetof<State>() as i32);
    const framing = x.arena.allocate(offsetof<Framing>() as i32);
    if (at == 0 || framing == 0) return 0;
    const state = changetype<State>(at);
    state.framing = changetype<Framing>(framing);
    state.framing.start(format == Format.Lines);
    state.candidate = x.place;
    state.base = 0;
    state.size = 0;
    state.capacity = 0;
    state.passes = false;
    state.hasDropped = false;
    state.index = 0;
    return at;
  }

  get verb(): string {
    return "events";
  }

  override get window(): i64 {
    return this.largest;
  }

  /** Buffers double, and the smaller ones go with the stream. */
  override get memory(): i64 {
    return 4 * this.window;
  }

  bind(x: Exchange): usize {
    return 0; // `open` is what the step calls
  }

  lengthAfter(state: usize, before: i64): i64 {
    return -1;
  }

  feed(x: Exchange, at: usize, piece: Span, last: bool, out: Writer): Fed {
    const state = changetype<State>(at);
    const before = x.enterEvents(state.candidate);
    const fed = this.feedEvents(x, state, piece, last, out);
    x.leaveEvents(before);
    current.end();
    return fed;
  }

  private feedEvents(x: Exchange, state: State, piece: Span, last: bool, out: Writer): Fed {
    const n = length(piece);
    let changed = state.size > 0; // what was held has to be written
    let written = 0; // up to here the piece is in `out`, once something changed
    let from = 0;
    while (true) {
      let stop = state.framing.next(piece, from);
      if (stop < 0) {
        // What the stream ends with is an event too: readers take it for one.
        if (!last || n - from + state.size == 0) break;
        state.framing.unit = Unit.Event;
        stop = n;
      }
      let unit = sliceUnchecked(piece, from, stop);
      const wasHeld = state.size > 0;
      if (wasHeld) {
        if (!this.hold(x, state, unit)) return Fed.Failed;
        unit = span(state.base, state.size);
        state.size = 0;
      }
      const isChanged = this.editUnit(x, state, unit);
      if (isChanged || wasHeld) {
        out.span(sliceUnchecked(piece, written, from));
        out.span(isChanged ? edited.view() : unit);
        written = stop;
        changed = true;
      }
      from = stop;
    }
    const rest = sliceUnchecked(piece, from, n);
    const keeps = length(rest) > 0 && !state.passes;
    if (keeps && state.size + length(rest) <= this.largest) {
      out.span(sliceUnchecked(piece, written, from));
      if (!this.hold(x, state, rest)) return Fed.Failed;
      this.consumed = n;
      return Fed.Changed;
    }
    if (keeps) {
      count(Counter.BodySkippedSize);
      state.passes = true;
    }
    // The rest passes, and before it what was held of the same event.
    if (state.size > 0 && state.passes) {
      out.span(sliceUnchecked(piece, written, from));
      out.span(span(state.base, state.size));
      written = from;
      state.size = 0;
    }
    if (!changed) return Fed.Same;
    this.consumed = written;
    return Fed.Changed;
  }

  /** Whether what the stream is made of becomes another, in `edited`. */
  private editUnit(x: Exchange, state: State, unit: Span): bool {
    if (state.framing.unit == Unit.Mark) return false;
    if (state.framing.unit == Unit.PairEnd) {
      edited.reset();
      return state.hasDropped;
    }
    state.hasDropped = false;
    const passes = state.passes;
    state.passes = false;
    state.index++;
    if (passes) return false;
    if (length(unit) > this.largest) {
      count(Counter.BodySkippedSize);
      return false;
    }
    return this.editEvent(x, state, unit);
  }

  /** Keeps the bytes behind those that are held; false when memory ran out. */
  private hold(x: Exchange, state: State, bytes: Span): bool {
    const size = state.size + length(bytes);
    if (size > state.capacity) {
      // Less than four times the largest event comes to be allocated for a stream.
      const capacity = max(size, state.capacity * 2);
      const base = x.arena.allocate(capacity);
      if (base == 0) {
        x.outOfMemory = true;
        return false;
      }
      memory.copy(base, state.base, state.size);
      state.base = base;
      state.capacity = capacity;
    }
    memory.copy(state.base + state.size, address(bytes), length(bytes));
    state.size = size;
    return true;
  }

  /** Whether the event becomes another, in `edited`. */
  private editEvent(x: Exchange, state: State, event: Span): bool {
    const isLines = state.framing.isLines;
    const index = state.index - 1;
    if (!(isLines ? readLine(event, index) : readEvent(event, index))) return false;
    const data = current.data;
    const type = current.type;
    const id = current.id;
    for (let i = 0, n = this.edits.length; i < n; i++) {
      const edit = unchecked(this.edits[i]);
      if (!edit.isFor(x)) continue;
      const log = edit.log;
      if (log != null) log.run(x);
      const set = edit.set;
      if (set != null) set.run(x);
      if (edit.drops) {
        edited.reset();
        state.hasDropped = true;
        return true;
      }
      change(x, edit, isLines);
    }
    const newData = differs(current.data, data);
    const newType = differs(current.type, type);
    const newId = differs(current.id, id);
    if (!newData && !newType && !newId) return false;
    edited.reset();
    if (isLines) writeLine(event);
    else writeEvent(event, newData, newType, newId);
    return !edited.failed;
  }
}

function differs(a: Span, b: Span): bool {
  return a != b && (b == NONE || !equal(a, b));
}

/** Takes the edit's own view of the event at hand. */
function change(x: Exchange, edit: EventEdit, isLines: bool): void {
  const json = edit.json;
  if (json != null && current.data != NONE) {
    const result = json.edited(x, current.data, scratch);
    if (result != NONE && isLines) events.joinLines(result);
    if (result != NONE) current.setData(result);
  }
  const data = edit.data;
  if (data != null) {
    const text = data.evaluate(x, Absent.Skips, scratch);
    if (text == NONE) count(Counter.EditSkippedAbsent);
    else if (isLines && !events.isOneLine(text)) count(Counter.EditSkippedInvalid);
    else current.setData(text);
  }
  const type = edit.type;
  if (type != null) {
    const text = oneLine(x, type);
    if (text != NONE) current.setType(text);
  }
  const id = edit.id;
  if (id != null) {
    const text = oneLine(x, id);
    if (text != NONE) current.setId(text);
  }
}

function oneLine(x: Exchange, template: Template): Span {
  const text = template.evaluate(x, Absent.Skips, scratch);
  if (text == NONE) {
    count(Counter.EditSkippedAbsent);
  } else if (!events.isOneLine(text)) {
    count(Counter.EditSkippedInvalid);
    return NONE;
  }
  return text;
}

// ---- reading and writing

/** A line of JSON as the event at hand; false when it is blank. */
function readLine(event: Span, index: i64): bool {
  const line = events.jsonLine(event);
  if (length(line) == 0) return false;
  current.begin(index);
  current.setData(line);
  return true;
}

/** A server-sent event as the one at hand; false when there is nothing in it for edits. */
function readEvent(event: Span, index: i64): bool {
  current.begin(index);
  let lines = 0;
  let data = NONE;
  for (let at = 0; events.nextLine(event, at); at = events.after) {
    const text = events.line;
    switch (events.fieldOf(text)) {
      case Field.Data:
        if (lines++ == 0) {
          data = events.valueOf(text);
          break;
        }
        if (lines == 2) {
          joined.reset();
          joined.span(data);
        }
        joined.byte(0x0a);
        joined.span(events.valueOf(text));
        break;
      case Field.Type:
        current.setType(events.valueOf(text));
        break;
      case Field.Id:
        current.setId(events.valueOf(text));
        break;
    }
  }
  if (lines > 1) data = joined.failed ? NONE : copy(joined.view(), scratch);
  current.setData(data);
  return lines > 0 || current.type != NONE || current.id != NONE;
}

function writeLine(event: Span): void {
  edited.span(current.data);
  edited.span(sliceUnchecked(event, length(events.jsonLine(event)), length(event)));
}

// What `writeEvent` still has to write.
let owesData: bool = false;
let owesType: bool = false;
let owesId: bool = false;

/** The event with the fields that changed in the place of the old ones, the new ones at its end. Lines
 * end as its first one does. */
function writeEvent(event: Span, newData: bool, newType: bool, newId: bool): void {
  owesData = newData;
  owesType = newType;
  owesId = newId;
  events.nextLine(event, 0);
  const lineEnd = length(events.lineEnd) > 0 ? events.lineEnd : LINE_FEED;
  for (let at = 0; events.nextLine(event, at); at = events.after) {
    if (length(events.line) == 0) {
      writeOwed(lineEnd);
      edited.span(sliceUnchecked(event, at, length(event)));
      return;
    }
    const kind = events.fieldOf(events.line);
    if (kind == Field.Data && newData) writeNewData(lineEnd, events.lineEnd);
    else if (kind == Field.Type && newType) writeNewType(events.lineEnd);
    else if (kind == Field.Id && newId) writeNewId(events.lineEnd);
    else edited.span(sliceUnchecked(event, at, events.after));
  }
  // The stream has ended before the event has: what is added gets lines of its own.
  if (!owesData && !owesType && !owesId) return;
  const isOpen = length(events.lineEnd) == 0;
  if (isOpen) edited.span(lineEnd);
  writeOwed(lineEnd);
  if (isOpen) edited.cut(length(lineEnd));
}

function writeOwed(lineEnd: Span): void {
  writeNewType(lineEnd);
  writeNewId(lineEnd);
  writeNewData(lineEnd, lineEnd);
}

function writeNewData(lineEnd: Span, lastEnd: Span): void {
  if (owesData) events.writeData(current.data, lineEnd, lastEnd, edited);
  owesData = false;
}

function writeNewType(lineEnd: Span): void {
  if (owesType) writeField("event: ", current.type, lineEnd);
  owesType = false;
}

function writeNewId(lineEnd: Span): void {
  if (owesId) writeField("id: ", current.id, lineEnd);
  owesId = false;
}

function writeField(name: string, value: Span, lineEnd: Span): void {
  edited.text(name);
  edited.span(value);
  edited.span(lineEnd);
}
