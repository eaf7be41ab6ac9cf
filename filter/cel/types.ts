// Types as the checker sees them, and how they go together: type parameters are bound as they are met,
// `dyn` goes with everything, null with what may be null. The rules are those of the CEL
// specification ("Gradual Type Checking"), bindings are undone when an overload turns out not to fit.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, length, Span, sliceUnchecked } from "../bytes/span";
import { toString } from "../bytes/text";

export const enum TypeKind {
  Dyn,
  Null,
  Bool,
  Int,
  Uint,
  Double,
  String,
  Bytes,
  Timestamp,
  Duration,
  List,
  Map,
  /** The type of a type. */
  Type,
  /** By its name, with any parameters: optional_type(int), net.IP. */
  Opaque,
  /** A basic type or null: what may be absent. */
  Wrapper,
  /** To be found out. */
  Parameter,
}

@final
export class Type {
  /** Of a parameter: what it stands for by now. */
  binding: Type | null = null;

  constructor(
    readonly kind: TypeKind,
    /** Of opaque types and of parameters. */
    readonly name: string = "",
    readonly parameters: Type[] = [],
  ) {}
}

export const dyn = new Type(TypeKind.Dyn);
export const nullType = new Type(TypeKind.Null);
export const bool_ = new Type(TypeKind.Bool);
export const int = new Type(TypeKind.Int);
export const uint = new Type(TypeKind.Uint);
export const double = new Type(TypeKind.Double);
export const string_ = new Type(TypeKind.String);
export const bytes = new Type(TypeKind.Bytes);
export const timestamp = new Type(TypeKind.Timestamp);
export const duration = new Type(TypeKind.Duration);
export const ip = new Type(TypeKind.Opaque, "net.IP");
export const cidr = new Type(TypeKind.Opaque, "net.CIDR");
/** Text that may be absent: a header, a parameter, a cookie. */
export const maybeString = new Type(TypeKind.Wrapper, "", [string_]);
export const maybeInt = new Type(TypeKind.Wrapper, "", [int]);
export const maybeBool = new Type(TypeKind.Wrapper, "", [bool_]);

export function list(element: Type): Type {
  return new Type(TypeKind.List, "", [element]);
}

export function map(key: Type, value: Type): Type {
  return new Type(TypeKind.Map, "", [key, value]);
}

export function typeOf(type: Type): Type {
  return new Type(TypeKind.Type, "", [type]);
}

export function optional(type: Type): Type {
  return new Type(TypeKind.Opaque, "optional_type", [type]);
}

let fresh: i32 = 0;

/** A new parameter, to be bound. */
export function parameter(): Type {
  return new Type(TypeKind.Parameter, "@" + (fresh++).toString());
}

/** Whether there are parameters in it. */
export function isGeneric(type: Type): bool {
  if (type.kind == TypeKind.Parameter) return true;
  for (let i = 0; i < type.parameters.length; i++) {
    if (isGeneric(type.parameters[i])) return true;
  }
  return false;
}

export function isOptional(type: Type): bool {
  return type.kind == TypeKind.Opaque && type.name == "optional_type";
}

// ---- bounds

/** Steps that going through types may take in one check. Parameters may stand for types that hold
 * others twice, which hold others twice, … */
const MAX_STEPS: i32 = 2_000_000;
/** Levels, of types and of what their parameters stand for. */
const MAX_LEVEL: i32 = 2500;

let steps: i32 = 0;
let level: i32 = 0;
/** Whether one of them was exceeded since `begin`: then answers are of no use. */
export let exhausted: bool = false;

/** Before the types of an expression are looked at. */
export function begin(): void {
  steps = 0;
  level = 0;
  exhausted = false;
}

/** Goes a level down, `leave` up again; false when there is nothing to be found there any more. */
function enter(): bool {
  level++;
  if (++steps > MAX_STEPS || level > MAX_LEVEL) exhausted = true;
  return !exhausted;
}

function leave(): void {
  level--;
}

// ---- bindings

// Parameters bound since the last commit, to be undone if need be.
const trail: Type[] = [];
const before: (Type | null)[] = [];

function bind(parameter: Type, to: Type): void {
  trail.push(parameter);
  before.push(parameter.binding);
  parameter.binding = to;
}

function undo(mark: i32): void {
  while (trail.length > mark) {
    const was = before.pop();
    trail.pop().binding = was;
  }
}

/** What is known of the type by now: bound parameters replaced, the others by dyn if `final`. */
export function resolved(type: Type, final: bool): Type {
  const known = enter() ? replaced(type, final) : dyn;
  leave();
  return known;
}

function replaced(type: Type, final: bool): Type {
  if (type.kind == TypeKind.Parameter) {
    const to = type.binding;
    if (to == null) return final ? dyn : type;
    return resolved(to, final);
  }
  if (type.parameters.length == 0) return type;
  const parameters: Type[] = [];
  for (let i = 0; i < type.parameters.length; i++) {
    parameters.push(resolved(type.parameters[i], final));
  }
  return new Type(type.kind, type.name, parameters);
}

/** The type with its parameters renamed to new ones. */
export function instantiated(type: Type, names: string[], fresh: Type[]): Type {
  if (type.kind == TypeKind.Parameter) {
    const known = names.indexOf(type.name);
    if (known >= 0) return fresh[known];
    names.push(type.name);
    fresh.push(parameter());
    return fresh[fresh.length - 1];
  }
  if (type.parameters.length == 0) return type;
  const parameters: Type[] = [];
  for (let i = 0; i < type.parameters.length; i++) {
    parameters.push(instantiated(type.parameters[i], names, fresh));
  }
  return new Type(type.kind, type.name, parameters);
}

export function same(a: Type, b: Type): bool {
  if (a === b) return true;
  if (++steps > MAX_STEPS) {
    exhausted = true;
    return true;
  }
  if (a.kind != b.kind || a.name != b.name || a.parameters.length != b.parameters.length)
    return false;
  for (let i = 0; i < a.parameters.length; i++) {
    if (!same(a.parameters[i], b.parameters[i])) return false;
  }
  return true;
}

/** Whether a value of type `from` may stand where `to` is expected; binds parameters if so. */
export function isAssignable(to: Type, from: Type): bool {
  const mark = trail.length;
  if (fits(to, from)) return true;
  undo(mark);
  return false;
}

/** The same for each; all or nothing. */
export function areAssignable(to: Type[], from: Type[]): bool {
  const mark = trail.length;
  for (let i = 0; i < to.length; i++) {
    if (fits(to[i], from[i])) continue;
    undo(mark);
    return false;
  }
  return true;
}

/** Bindings made so far stay. */
export function commit(): void {
  trail.length = 0;
  before.length = 0;
}

function fits(a: Type, b: Type): bool {
  const good = !enter() || goesWith(a, b);
  leave();
  return good;
}

function goesWith(a: Type, b: Type): bool {
  if (b.kind == TypeKind.Parameter) {
    const bound = b.binding != null;
    if (substitutes(a, b)) return true;
    if (bound) return false;
  }
  if (a.kind == TypeKind.Parameter) return substitutes(b, a);
  if (a.kind == TypeKind.Dyn || b.kind == TypeKind.Dyn) return true;
  if (a.kind == TypeKind.Null) return mayBeNull(b);
  if (b.kind == TypeKind.Null) return mayBeNull(a);
  if (a.kind == TypeKind.Wrapper || b.kind == TypeKind.Wrapper) {
    return same(
      a.kind == TypeKind.Wrapper ? a.parameters[0] : a,
      b.kind == TypeKind.Wrapper ? b.parameters[0] : b,
    );
  }
  if (a.kind != b.kind) return false;
  if (a.kind == TypeKind.Type) return true;
  if (a.name != b.name || a.parameters.length != b.parameters.length) return false;
  for (let i = 0; i < a.parameters.length; i++) {
    if (!fits(a.parameters[i], b.parameters[i])) return false;
  }
  return true;
}

/** Whether the parameter may stand for `type`; when it stands for something already, for the more
 * general of the two from now on. */
function substitutes(type: Type, parameter: Type): bool {
  if (type === parameter) return true;
  const to = parameter.binding;
  if (to == null) {
    if (occurs(parameter, type)) return false;
    bind(parameter, type);
    return true;
  }
  if (type === to) return true;
  if (!fits(type, to)) return false;
  const general = moreGeneral(type, to);
  if (general !== to && !occurs(parameter, general)) bind(parameter, general);
  return true;
}

function occurs(parameter: Type, type: Type): bool {
  const found = !enter() || isPartOf(parameter, type);
  leave();
  return found;
}

function isPartOf(parameter: Type, type: Type): bool {
  if (type === parameter) return true;
  if (type.kind == TypeKind.Parameter) {
    const to = type.binding;
    return to != null && occurs(parameter, to);
  }
  for (let i = 0; i < type.parameters.length; i++) {
    if (occurs(parameter, type.parameters[i])) return true;
  }
  return false;
}

function mayBeNull(type: Type): bool {
  switch (type.kind) {
    case TypeKind.Null:
    case TypeKind.Opaque:
    case TypeKind.Duration:
    case TypeKind.Timestamp:
    case TypeKind.Wrapper:
      return true;
    default:
      return false;
  }
}

/** Of two types that go together, the one that says less. */
export function moreGeneral(a: Type, b: Type): Type {
  return isLessSpecific(a, b) ? a : b;
}

function isLessSpecific(a: Type, b: Type): bool {
  if (++steps > MAX_STEPS) {
    exhausted = true;
    return true;
  }
  if (a.kind == TypeKind.Dyn || a.kind == TypeKind.Parameter) return true;
  if (b.kind == TypeKind.Dyn || b.kind == TypeKind.Parameter) return false;
  if (b.kind == TypeKind.Null && mayBeNull(a)) return true;
  if (a.kind == TypeKind.Wrapper && b.kind != TypeKind.Wrapper) return true;
  if (a.kind != b.kind || a.name != b.name || a.parameters.length != b.parameters.length)
    return false;
  if (a.kind == TypeKind.Null || a.kind == TypeKind.Type) return true;
  for (let i = 0; i < a.parameters.length; i++) {
    if (!isLessSpecific(a.parameters[i], b.parameters[i])) return false;
  }
  return true;
}

// ---- notation

const BASIC = "dyn,null_type,bool,int,uint,double,string,bytes,timestamp,duration".split(",");

/** The type as people write it: `map(string, list(int))`. */
export function format(type: Type): string {
  return textOf(type, false);
}

/** The same for people: a value that may be null has the type of what it is otherwise. */
export function describe(type: Type): string {
  return textOf(type, true);
}

function textOf(type: Type, plain: bool): string {
  const text = enter() ? written(type, plain) : "…";
  leave();
  return text;
}

function written(type: Type, plain: bool): string {
  let name = type.name;
  switch (type.kind) {
    case TypeKind.Parameter: {
      const to = type.binding;
      return to == null ? "dyn" : textOf(to, plain);
    }
    case TypeKind.List:
      name = "list";
      break;
    case TypeKind.Map:
      name = "map";
      break;
    case TypeKind.Type:
      name = "type";
      break;
    case TypeKind.Wrapper:
      if (plain) return textOf(type.parameters[0], plain);
      name = "wrapper";
      break;
    case TypeKind.Opaque:
      break;
    default:
      return BASIC[type.kind];
  }
  if (type.parameters.length == 0) return name;
  let text = name + "(";
  for (let i = 0; i < type.parameters.length; i++) {
    if (i > 0) text += ", ";
    text += textOf(type.parameters[i], plain);
  }
  return text + ")";
}

/** Reads the same notation; names of one capital letter are parameters. Null when it is none. */
export function parse(text: Span): Type | null {
  const reader = new Reader(text);
  const type = reader.type();
  return reader.isAtEnd ? type : null;
}

@final
class Reader {
  private i: i32 = 0;

  constructor(private readonly text: Span) {}

  get isAtEnd(): bool {
    this.skip();
    return this.i == length(this.text);
  }

  private skip(): void {
    while (this.i < length(this.text) && byteAtUnchecked(this.text, this.i) == 0x20) this.i++;
  }

  private take(c: u8): bool {
    this.skip();
    if (this.i == length(this.text) || byteAtUnchecked(this.text, this.i) != c) return false;
    this.i++;
    return true;
  }

  type(): Type | null {
    this.skip();
    const from = this.i;
    while (this.i < length(this.text) && isNamePart(byteAtUnchecked(this.text, this.i))) this.i++;
    const name = toString(sliceUnchecked(this.text, from, this.i));
    const parameters: Type[] = [];
    if (this.take(0x28)) {
      while (!this.take(0x29)) {
        const parameter = this.type();
        if (parameter == null) return null;
        parameters.push(parameter);
        if (!this.take(0x2c) && !this.take(0x29)) return null;
        if (byteAtUnchecked(this.text, this.i - 1) == 0x29) break;
      }
    }
    return named(name, parameters);
  }
}

function isNamePart(c: u32): bool {
  return ascii.isAlphanumeric(c) || c == 0x5f || c == 0x2e;
}

function named(name: string, parameters: Type[]): Type | null {
  const basic = BASIC.indexOf(name);
  if (basic >= 0 && parameters.length == 0) return new Type(basic as TypeKind);
  if (name == "null") return nullType;
  if (name == "google.protobuf.Timestamp") return timestamp;
  if (name == "google.protobuf.Duration") return duration;
  if (name == "any" || name == "google.protobuf.Any") return dyn;
  if (name == "list") return list(parameters.length == 1 ? parameters[0] : dyn);
  if (name == "map") {
    return parameters.length == 2 ? map(parameters[0], parameters[1]) : map(dyn, dyn);
  }
  if (name == "type") return typeOf(parameters.length == 1 ? parameters[0] : dyn);
  if (name == "wrapper") {
    return parameters.length == 1 ? new Type(TypeKind.Wrapper, "", parameters) : null;
  }
  if (name.length == 1 && name >= "A" && name <= "Z") return new Type(TypeKind.Parameter, name);
  return name.length ? new Type(TypeKind.Opaque, name, parameters) : null;
}
