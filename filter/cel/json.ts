// Values as JSON text, and back.

import * as number from "../bytes/number";
import { length, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as base64 from "../crypto/base64";
import { findRepeatedName, GAVE_UP } from "../json/repeated-names";
import { NO_NODE, Tape } from "../json/tape";
import { writeString } from "../json/write";
import { charge, chargeBytes } from "./budget";
import { heap } from "./context";
import { Failure } from "./failure";
import { settle, settleAll } from "./lazy";
import { writePlain } from "./library/convert";
import { countOf, elementOf, Kind, keyOf, nodeOf, tapeOf, Value, valueOf } from "./value";

/** Levels of nesting that text may have. */
const MAX_DEPTH: i32 = 64;

/** Writes the value as JSON: bytes as base64, timestamps and the like as strings, none as null. What
 * came from a document and was not looked into is written as it stood there. */
export function write(value: Value, out: Writer): Failure {
  switch (value.kind) {
    case Kind.Null:
      out.text("null");
      return Failure.None;
    case Kind.Bool:
    case Kind.Int:
    case Kind.Uint:
      writePlain(value, out);
      return Failure.None;
    case Kind.Double:
      if (!Number.isFinite(value.double)) return Failure.NoForm; // NaN and infinity have no form
      number.writeDouble(value.double, out);
      return Failure.None;
    case Kind.String:
      if (!chargeBytes(length(value.bits))) return Failure.Budget;
      writeString(value.bits, out);
      return Failure.None;
    case Kind.Bytes:
      out.byte(0x22);
      base64.encode(value.bits, out, false, true);
      out.byte(0x22);
      return chargeBytes(length(value.bits)) ? Failure.None : Failure.Budget;
    case Kind.JsonList:
    case Kind.JsonMap: {
      const raw = tapeOf(value).raw(nodeOf(value));
      if (!chargeBytes(length(raw))) return Failure.Budget;
      const repeated = findRepeatedName(tapeOf(value), nodeOf(value), heap);
      if (repeated != NO_NODE) return repeated == GAVE_UP ? Failure.Budget : Failure.RepeatedKey;
      out.span(raw);
      return Failure.None;
    }
    case Kind.Fields: {
      const wrong = settle(value);
      return wrong == Failure.None ? writeMap(value, out) : wrong;
    }
    case Kind.List:
      return writeList(value, out);
    case Kind.Map:
      return writeMap(value, out);
    case Kind.Optional:
      if (value.bits != 0) return write(Value.at(value.bits as usize), out);
      out.text("null");
      return Failure.None;
    case Kind.Type:
      return Failure.NoForm;
    case Kind.Error:
      return value.aux as Failure;
    default:
      out.byte(0x22);
      writePlain(value, out);
      out.byte(0x22);
      return Failure.None;
  }
}

function writeList(list: Value, out: Writer): Failure {
  out.byte(0x5b);
  for (let i = 0, n = countOf(list); i < n; i++) {
    if (i > 0) out.byte(0x2c);
    if (!charge(1)) return Failure.Budget;
    const wrong = write(elementOf(list, i), out);
    if (wrong != Failure.None) return wrong;
  }
  out.byte(0x5d);
  return Failure.None;
}

function writeMap(map: Value, out: Writer): Failure {
  out.byte(0x7b);
  for (let i = 0, n = countOf(map); i < n; i++) {
    if (i > 0) out.byte(0x2c);
    if (!charge(1)) return Failure.Budget;
    writeKey(keyOf(map, i), out);
    out.byte(0x3a);
    const wrong = write(valueOf(map, i), out);
    if (wrong != Failure.None) return wrong;
  }
  out.byte(0x7d);
  return Failure.None;
}

function writeKey(key: Value, out: Writer): void {
  if (key.kind == Kind.String) {
    chargeBytes(length(key.bits));
    writeString(key.bits, out);
    return;
  }
  out.byte(0x22);
  writePlain(key, out);
  out.byte(0x22);
}

/** Writes the value as text stands in a header or a body: text as it is, nothing for null, lists and
 * maps as JSON. */
export function writeText(value: Value, out: Writer): Failure {
  switch (value.kind) {
    case Kind.Null:
      return Failure.None;
    case Kind.List:
    case Kind.Map:
    case Kind.JsonList:
    case Kind.JsonMap:
    case Kind.Fields:
      return write(value, out);
    case Kind.Optional:
      return value.bits == 0 ? Failure.None : writeText(Value.at(value.bits as usize), out);
    case Kind.Type:
      return Failure.NoForm;
    default:
      writePlain(value, out);
      return Failure.None;
  }
}

const tape = Tape.create();

/** The value of JSON text. */
export function parse(source: Span, out: Value): Failure {
  if (!chargeBytes(length(source) * 4)) return Failure.Budget;
  if (!tape.parse(source, MAX_DEPTH)) return Failure.BadJson;
  out.setJson(tape, 0, heap);
  const wrong = settleAll(out);
  tape.shrink();
  return wrong;
}
