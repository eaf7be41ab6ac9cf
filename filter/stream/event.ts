// The event of a stream of events (a server-sent event, or a line of JSON) that edits are looking at.
// There is one, and only while a callback feeds a body: nothing of it outlives the callback.

import { scratch } from "../abi/memory";
import { length, NONE, Span } from "../bytes/span";
import { Failure, Value } from "../cel/index";
import { Tape } from "../json/tape";
import { Source } from "../rules/name";
import { MAX_JSON_DEPTH } from "./json-text";

const tape = Tape.create();

const enum Parsed {
  Unasked,
  Yes,
  No,
}

/** What it carries, without what frames it. */
export let data: Span = NONE;
/** Its name; NONE when it does not say. */
export let type: Span = NONE;
export let id: Span = NONE;
/** How many events came before it in this body. */
export let index: i64 = 0;
let parsed: Parsed = Parsed.Unasked;

export function begin(newIndex: i64): void {
  index = newIndex;
  type = NONE;
  id = NONE;
  setData(NONE);
}

export function end(): void {
  tape.shrink();
}

export function setData(text: Span): void {
  data = text;
  parsed = Parsed.Unasked;
}

export function setType(text: Span): void {
  type = text;
}

export function setId(text: Span): void {
  id = text;
}

/** What the name stands for. */
export function read(source: Source, out: Value): void {
  switch (source) {
    case Source.EventData:
      out.setText(data);
      return;
    case Source.EventType:
      out.setText(type);
      return;
    case Source.EventId:
      out.setText(id);
      return;
    case Source.EventIndex:
      out.setInt(index);
      return;
  }
  if (data == NONE || length(data) == 0) {
    out.setAbsent();
    return;
  }
  if (parsed == Parsed.Unasked) parsed = tape.parse(data, MAX_JSON_DEPTH) ? Parsed.Yes : Parsed.No;
  if (parsed == Parsed.Yes) out.setJson(tape, 0, scratch);
  else out.setFailure(Failure.BadJson);
}
