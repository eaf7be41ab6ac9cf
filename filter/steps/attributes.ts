// `attributes`: values for access logs, trace spans and other filters. Envoy keeps a property that is set
// as filter state, `wasm.NAME` for others; Higress gives some names a meaning of their own: spans get
// what is set as `trace_span_tag.NAME`, and access logs show `custom_log`, JSON as it stands inside of a
// JSON string.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { equal, length, NONE, Span, sliceUnchecked, startsWith } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { Kind, Tape } from "../json/tape";
import { writeString } from "../json/write";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { MAX_JSON_DEPTH } from "../stream/json-text";
import { Outcome, Step } from "../stream/program";
import * as credentials from "./credentials";
import * as redacted from "./redacted-scope";
import { Redaction, standard } from "./redaction";

/** What all of `custom_log` may take. */
const MAX_LOG: i32 = 64 * 1024;

const texts: Arena = Arena.create();
export const tagPrefix: Span = fromText("trace_span_tag.", texts);
/** Names that make the host do something, beside those that begin so. */
const RESERVED: StaticArray<Span> = [
  field.clearRouteCache,
  field.decoderBufferLimit,
  field.encoderBufferLimit,
  field.needRebuild,
  field.customLog,
];

/** Whether a property of that name is more than a value: the host acts on it, or reads it as something
 * else. */
export function isReserved(name: Span): bool {
  for (let i = 0; i < RESERVED.length; i++) {
    if (equal(name, RESERVED[i])) return true;
  }
  return startsWith(name, tagPrefix);
}

const object = Writer.create();
const escaped = Writer.create();
const members = new FieldList(scratch);
const tape = Tape.create();

/** A name and its value; the name is that of the property, or of the member of the log. */
@final
export class Attribute {
  /** What `value` came to, for the callback at hand; NONE: it is absent. */
  result: Span = NONE;

  constructor(
    readonly name: Span,
    readonly value: Template,
  ) {}
}

@final
export class AttributesStep extends Step {
  readonly filterState: Attribute[] = [];
  /** Under the names by which the host knows them. */
  readonly tags: Attribute[] = [];
  readonly log: Attribute[] = [];

  redaction: Redaction = standard;

  /** All values are computed before the first is set: expressions read what others set. */
  run(x: Exchange): Outcome {
    credentials.collect(x, this.redaction);
    this.evaluateAll(x, this.filterState);
    this.evaluateAll(x, this.tags);
    this.evaluateAll(x, this.log);
    credentials.forget();
    for (let i = 0; i < this.filterState.length; i++) {
      const attribute = unchecked(this.filterState[i]);
      if (attribute.result != NONE) host.setProperty(attribute.name, attribute.result);
    }
    for (let i = 0; i < this.tags.length; i++) {
      const attribute = unchecked(this.tags[i]);
      const value = attribute.result;
      // Higress refuses tags without a value.
      if (value != NONE && length(value) > 0) host.setProperty(attribute.name, value);
    }
    if (this.log.length > 0) this.writeLog();
    return Outcome.Next;
  }

  private evaluateAll(x: Exchange, list: Attribute[]): void {
    for (let i = 0; i < list.length; i++) {
      const attribute = unchecked(list[i]);
      attribute.result = this.told(x, attribute.value);
    }
  }

  /** The value without what must not leave, on one line: access logs end an entry with a line; NONE when
   * it is absent. */
  private told(x: Exchange, template: Template): Span {
    const value = template.evaluate(redacted.open(x, this.redaction), Absent.Skips, scratch);
    redacted.close();
    if (value == NONE || template.isConstant) return value;
    const told = copy(this.redaction.text(value), scratch);
    if (told != NONE) ascii.blankControls(told);
    return told;
  }

  private writeLog(): void {
    members.clear(scratch);
    for (let i = 0; i < this.log.length; i++) {
      const attribute = unchecked(this.log[i]);
      if (attribute.result != NONE) members.push(attribute.name, attribute.result, NONE);
    }
    if (members.count == 0) return;
    object.reset();
    object.byte(0x7b);
    // What is there already, also from other filters, stays; only an object can be added to.
    if (!writeOthers(host.property(field.customLog, scratch))) {
      count(Counter.AttributesLogForeign);
      return;
    }
    for (let i = 0; i < members.count; i++) {
      if (object.size > 1) object.byte(0x2c);
      writeString(members.name(i), object);
      object.byte(0x3a);
      writeString(members.value(i), object);
    }
    object.byte(0x7d);
    escaped.reset();
    writeString(object.view(), escaped);
    const inside = length(escaped.view()) - 2;
    if (object.failed || escaped.failed || members.failed || inside > MAX_LOG) {
      count(Counter.AttributesLogSize);
      return;
    }
    host.setProperty(field.customLog, sliceUnchecked(escaped.view(), 1, inside + 1));
  }
}

/** Writes the members of the log, as it stands, that are not to be written anew; false when it is not a
 * whole object. */
function writeOthers(log: Span): bool {
  if (log == NONE || length(log) == 0) return true;
  escaped.reset();
  escaped.byte(0x22);
  escaped.span(log);
  escaped.byte(0x22);
  const text = textOf(escaped);
  const isObject = text != NONE && tape.parse(text, MAX_JSON_DEPTH) && tape.kind(0) == Kind.Object;
  if (isObject) {
    const stop = tape.after(0);
    for (let key = tape.firstChild(0); key < stop; key = tape.after(key + 1)) {
      if (isAnew(key)) continue;
      if (object.size > 1) object.byte(0x2c);
      object.span(tape.raw(key));
      object.byte(0x3a);
      object.span(tape.raw(key + 1));
    }
  }
  tape.shrink();
  return isObject;
}

/** The text of what must be one JSON string; NONE when it is not, or memory runs out. */
function textOf(json: Writer): Span {
  if (json.failed || !tape.parse(json.view(), 1) || tape.kind(0) != Kind.String) return NONE;
  return tape.text(0, scratch);
}

function isAnew(key: i32): bool {
  for (let i = 0; i < members.count; i++) {
    if (tape.isText(key, members.name(i))) return true;
  }
  return false;
}
