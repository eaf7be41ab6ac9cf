// Exposes the expression engine to its tests. Not part of the product. Values come and go as the
// typed JSON of the conformance suites: {"type": "int", "value": "1"}.

import { Arena } from "../bytes/arena";
import * as number from "../bytes/number";
import { Span, span } from "../bytes/span";
import { copy, fromString, fromText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { TYPE_NAMES } from "../cel/checker";
import { enter } from "../cel/context";
import { Fn, FunctionEntry, Overload } from "../cel/functions";
import * as cel from "../cel/index";
import { Activation, Environment, Failure, Kind, Program, Segment, Value } from "../cel/index";
import { settle } from "../cel/lazy";
import { writePlain, writeUnsigned } from "../cel/library/convert";
import * as network from "../cel/library/network";
import * as time from "../cel/library/time";
import * as types from "../cel/types";
import { dyn, Type } from "../cel/types";
import {
  countOf,
  elementOf,
  insert,
  keyOf,
  push,
  startList,
  startMap,
  VALUE_SIZE,
  valueOf,
} from "../cel/value";
import * as base64 from "../crypto/base64";
import { Kind as JsonKind, NO_NODE, Tape } from "../json/tape";
import { writeString } from "../json/write";

const arena = Arena.create();
const scratch = Arena.create();
const out = Writer.create();
const tape = Tape.create();
const value = Value.create();
let program: Program | null = null;
let units: i32 = 0;

@final
class Variable {
  type: Type = dyn;
  value: usize = 0;
  constructor(readonly name: string) {}
}

@final
class TestEnvironment extends Environment {
  readonly variables: Variable[] = [];

  lookUp(chain: Segment[]): i32 {
    let name = "";
    let best = 0;
    for (let i = 0; i < chain.length && !chain[i].isIndex; i++) {
      name += (i > 0 ? "." : "") + toString(chain[i].name);
      const found = this.indexOf(name);
      if (found < 0) continue;
      best = i + 1;
      this.slot = found;
      this.type = this.variables[found].type;
      this.constant = 0;
    }
    return best;
  }

  indexOf(name: string): i32 {
    for (let i = 0; i < this.variables.length; i++) {
      if (this.variables[i].name == name) return i;
    }
    return -1;
  }

  suggestion(name: Span): string {
    return "";
  }
}

@final
class TestActivation extends Activation {
  read(slot: i32, out: Value): void {
    const at = environment.variables[slot].value;
    if (at == 0) out.setAbsent();
    else out.copyFrom(Value.at(at));
  }
  member(slot: i32, key: Span, out: Value): void {
    out.setAbsent();
  }
  whole(slot: i32, out: Value, arena: Arena): bool {
    return false;
  }
  random(at: usize, n: i32): bool {
    memory.fill(at, 0x5a, n);
    return true;
  }
}

let environment = new TestEnvironment();
const activation = new TestActivation();

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
  program = null;
  environment = new TestEnvironment();
}

export function collect(): void {
  program = null;
  environment = new TestEnvironment();
  __collect();
}

/** flags: 1 check, 2 macros off, 4 no constant folding. */
export function begin(at: usize, n: i32, flags: i32): void {
  environment = new TestEnvironment();
  environment.container = toString(span(at, n));
  environment.strict = (flags & 1) != 0;
  environment.macros = (flags & 2) == 0;
  environment.folding = (flags & 4) == 0;
}

function variable(name: string): Variable {
  const i = environment.indexOf(name);
  if (i >= 0) return environment.variables[i];
  const fresh = new Variable(name);
  environment.variables.push(fresh);
  return fresh;
}

export function declare(at: usize, n: i32, typeAt: usize, typeSize: i32): bool {
  const type = types.parse(span(typeAt, typeSize));
  if (type == null) return false;
  variable(toString(span(at, n))).type = type;
  return true;
}

export function declareFunction(at: usize, n: i32, textAt: usize, textSize: i32): bool {
  const text = toString(span(textAt, textSize)).trim();
  const arrow = text.indexOf("->");
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")", arrow);
  if (arrow < 0 || open < 0 || close < 0) return false;
  const entry = new FunctionEntry(toString(span(at, n)), Fn.ToDyn);
  const list = types.parse(fromString("x" + text.substring(open, close + 1), arena));
  const result = types.parse(fromString(text.substring(arrow + 2).trim(), arena));
  if (list == null || result == null) return false;
  entry.overloads.push(new Overload(text.startsWith("."), list.parameters, result));
  environment.functions.push(entry);
  return true;
}

export function bind(at: usize, n: i32, jsonAt: usize, jsonSize: i32): bool {
  if (!tape.parse(span(jsonAt, jsonSize), 200)) return false;
  const place = arena.allocate(VALUE_SIZE);
  const failure = decode(0, Value.at(place));
  if (!failure) return false;
  variable(toString(span(at, n))).value = place;
  return true;
}

function decode(node: i32, to: Value): bool {
  // New values are made where the binding lives.
  enter(arena, null);
  const typeNode = tape.member(node, fromText("type", arena));
  const at = tape.member(node, fromText("value", arena));
  if (typeNode == NO_NODE) return false;
  const type = toString(tape.text(typeNode, arena));
  if (type == "null") {
    to.setNull();
    return true;
  }
  if (type == "bool") {
    to.setBool(tape.kind(at) == JsonKind.True);
    return true;
  }
  if (type == "list") return decodeList(at, to);
  if (type == "map") return decodeMap(at, to);
  if (at == NO_NODE || tape.kind(at) != JsonKind.String) return false;
  const text = copy(tape.text(at, arena), arena);
  const string = toString(text);
  if (type == "int") to.set(Kind.Int, I64.parseInt(string) as u64);
  else if (type == "uint") to.set(Kind.Uint, U64.parseInt(string));
  else if (type == "double") {
    const bits = tape.member(node, fromText("bits", arena));
    if (bits != NO_NODE) to.set(Kind.Double, U64.parseInt(toString(tape.text(bits, arena)), 16));
    else if (number.isDecimal(text)) to.setDouble(number.parseDouble(text));
    else to.setDouble(string == "NaN" ? NaN : string == "Infinity" ? Infinity : -Infinity);
  } else if (type == "string") to.set(Kind.String, text);
  else if (type == "bytes") {
    out.reset();
    if (!base64.decode(text, out, false)) return false;
    to.set(Kind.Bytes, copy(out.view(), arena));
  } else if (type == "timestamp") return time.parseTimestamp(text, to) == Failure.None;
  else if (type == "duration") return time.parseDuration(text, to) == Failure.None;
  else if (type == "type") {
    const id = TYPE_NAMES.indexOf(string);
    if (id < 0) return false;
    to.set(Kind.Type, id);
  } else return false;
  return true;
}

function decodeList(node: i32, to: Value): bool {
  if (!startList(to, tape.size(node), arena)) return false;
  for (let i = tape.firstChild(node); i < tape.after(node); i = tape.after(i)) {
    if (!decode(i, push(to))) return false;
  }
  return true;
}

function decodeMap(node: i32, to: Value): bool {
  if (!startMap(to, tape.size(node), arena)) return false;
  for (let i = tape.firstChild(node); i < tape.after(node); i = tape.after(i)) {
    const key = Value.at(arena.allocate(VALUE_SIZE));
    if (!decode(tape.element(i, 0), key)) return false;
    const place = insert(to, key);
    if (place == null || !decode(tape.element(i, 1), place)) return false;
  }
  return true;
}

/** 0 fine, 1 syntax, 2 check, 3 limit. */
export function compile(at: usize, n: i32): i32 {
  cel.refillFolding();
  program = cel.compile(span(at, n), environment, arena);
  return program == null ? (cel.stage as i32) : 0;
}

export function errorOffset(): i32 {
  return cel.offset;
}

export function errorText(): Span {
  return fromString(cel.message, arena);
}

export function deducedType(): Span {
  return fromString(types.format(cel.type), arena);
}

export function evaluate(): bool {
  scratch.reset();
  const good = cel.evaluate(program!, activation, scratch, value);
  units = cel.spent();
  return good;
}

export function evaluateMany(n: i32): i32 {
  let good = 0;
  for (let i = 0; i < n; i++) if (evaluate()) good++;
  return good;
}

export function cost(): i64 {
  return units;
}

export function failure(): Span {
  return fromString(cel.failureText(cel.failure), arena);
}

export function failurePlace(): i32 {
  return cel.place;
}

export function disassembly(): Span {
  return cel.disassemble(program!, arena);
}

export function result(): Span {
  out.reset();
  encode(value);
  return copy(out.view(), arena);
}

function tag(type: string): void {
  out.text('{"type":"' + type + '","value":');
}

/** A result larger than this is cut off: it may be small to make and endless to write. */
const MAX_RESULT: u32 = 1 << 20;

function encode(value: Value): void {
  if (out.size > MAX_RESULT) return;
  settle(value);
  switch (value.kind) {
    case Kind.Null:
      out.text('{"type":"null","value":null}');
      return;
    case Kind.Bool:
      tag("bool");
      writePlain(value, out);
      break;
    case Kind.Int:
      tag("int");
      out.byte(0x22);
      out.integer(value.int);
      out.byte(0x22);
      break;
    case Kind.Uint:
      tag("uint");
      out.byte(0x22);
      writeUnsigned(value.bits, out);
      out.byte(0x22);
      break;
    case Kind.Double: {
      tag("double");
      out.byte(0x22);
      number.writeDouble(value.double, out);
      out.text('","bits":"');
      for (let shift = 60; shift >= 0; shift -= 4) {
        out.text(((value.bits >> shift) & 15).toString(16));
      }
      out.byte(0x22);
      break;
    }
    case Kind.String:
      tag("string");
      writeString(value.bits, out);
      break;
    case Kind.Bytes:
      tag("bytes");
      out.byte(0x22);
      base64.encode(value.bits, out, false, true);
      out.byte(0x22);
      break;
    case Kind.Timestamp:
    case Kind.Duration:
      tag(value.kind == Kind.Timestamp ? "timestamp" : "duration");
      out.byte(0x22);
      writePlain(value, out);
      out.byte(0x22);
      break;
    case Kind.Type:
      tag("type");
      out.text('"' + TYPE_NAMES[value.bits as i32] + '"');
      break;
    case Kind.Ip:
    case Kind.Cidr:
      tag(value.kind == Kind.Ip ? "net.IP" : "net.CIDR");
      out.byte(0x22);
      network.write(value, out);
      out.byte(0x22);
      break;
    case Kind.Optional:
      tag("optional");
      if (value.bits == 0) out.text("null");
      else encode(Value.at(value.bits as usize));
      break;
    case Kind.List:
      tag("list");
      out.byte(0x5b);
      for (let i = 0, n = countOf(value); i < n && out.size <= MAX_RESULT; i++) {
        if (i > 0) out.byte(0x2c);
        encode(elementOf(value, i));
      }
      out.byte(0x5d);
      break;
    case Kind.Map:
      tag("map");
      out.byte(0x5b);
      for (let i = 0, n = countOf(value); i < n && out.size <= MAX_RESULT; i++) {
        out.text(i > 0 ? ",[" : "[");
        encode(keyOf(value, i));
        out.byte(0x2c);
        encode(valueOf(value, i));
        out.byte(0x5d);
      }
      out.byte(0x5d);
      break;
  }
  out.byte(0x7d);
}
