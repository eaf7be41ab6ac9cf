// A CEL value: 16 bytes wherever it stands, on the machine's stack, in a list, in a map. Text and bytes
// are spans, containers are addresses in the arena of the evaluation (or of the program, for
// constants); nothing is managed and nothing is changed once it is built, so values may share parts.

import { Arena } from "../bytes/arena";
import * as number from "../bytes/number";
import { address, compare as compareBytes, length, NONE, Span, same, span } from "../bytes/span";
import { copy as copySpan } from "../bytes/text";
import { Kind as JsonKind, Tape } from "../json/tape";
import { charge, chargeBytes } from "./budget";
import { Failure } from "./failure";
import { doubt, Strictness, strictness } from "./strictness";

export const enum Kind {
  /** `aux` is ABSENT when it stands for something that is not there. */
  Null,
  Bool,
  Int,
  Uint,
  /** `bits` are those of the double. */
  Double,
  /** `bits` is a Span, as for Bytes. */
  String,
  Bytes,
  /** `bits` is the seconds since 1970 (signed), `aux` the nanoseconds after that, 0 to 999,999,999. */
  Timestamp,
  /** `bits` is nanoseconds, signed. */
  Duration,
  /** `bits` is the address of { count: i32, unused: i32, values }; `aux` is ABSENT when it is empty
   * because there is nothing. */
  List,
  /** `bits` is the address of { count: i32, index: u32, key and value pairs }; `aux` is OPEN when a
   * member that it does not have is absent instead of an error, OPEN_TO_LISTS when it is an empty list. */
  Map,
  /** `bits` is a TypeId. */
  Type,
  /** `bits` is the address of the value, or 0. */
  Optional,
  /** `bits` is the address of 16 bytes (IPv4 as ::ffff:a.b.c.d), `aux` the family, 4 or 6. */
  Ip,
  /** As Ip; `aux` is family | prefix length << 8. */
  Cidr,
  /** A JSON array or object that nobody has looked into yet: `bits` is tape | node << 32. */
  JsonList,
  JsonMap,
  /** A map that the activation reads member by member: `bits` is the slot. */
  Fields,
  /** A failed evaluation on its way to whoever may absorb it: `aux` is a Failure, `bits` the place. */
  Error,
}

/** What `type(x)` answers; also the names that stand for types. */
export const enum TypeId {
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
  Type,
  Optional,
  Ip,
  Cidr,
}

export const ABSENT: u32 = 1;
export const OPEN: u32 = 1;
export const OPEN_TO_LISTS: u32 = 2;

export const VALUE_SIZE: i32 = 16;
export const HEADER_SIZE: i32 = 8;
/** Comparing text shorter than this is not charged. */
const SHORT: i32 = 64;
/** Maps larger than this have an index. */
const INDEX_FROM: i32 = 8;

/** The list that has nothing. */
const NO_VALUES: usize = emptyList();

function emptyList(): usize {
  const base = heap.alloc(HEADER_SIZE);
  store<u64>(base, 0);
  return base;
}

@unmanaged
@final
export class Value {
  kind: Kind;
  aux: u32;
  bits: u64;

  static create(): Value {
    const value = changetype<Value>(heap.alloc(VALUE_SIZE));
    value.setNull();
    return value;
  }

  @inline
  static at(address: usize): Value {
    return changetype<Value>(address);
  }

  // In halves, which `set` writes whole: a load that is wider than the store before it would wait for
  // it. memory.copy would be a call into the engine at the filter's shrink level.
  @inline
  copyFrom(other: Value): void {
    store<u64>(changetype<usize>(this), load<u64>(changetype<usize>(other)));
    this.bits = other.bits;
  }

  setNull(): void {
    this.set(Kind.Null, 0);
  }

  /** Not there: null, and what is asked of it is answered as for something that is not there. */
  setAbsent(): void {
    store<u64>(changetype<usize>(this), (Kind.Null as u64) | ((ABSENT as u64) << 32));
    this.bits = 0;
  }

  /** An empty list, for something that is not there. */
  setNoValues(): void {
    store<u64>(changetype<usize>(this), (Kind.List as u64) | ((ABSENT as u64) << 32));
    this.bits = NO_VALUES;
  }

  /** Asking for it fails: `failure` is a Failure. */
  setFailure(failure: u32): void {
    this.kind = Kind.Error;
    this.aux = failure;
    this.bits = 0;
  }

  /** Null, or not there: an optional without a value, or with null for one, among it. */
  get isNull(): bool {
    if (this.kind != Kind.Optional) return this.kind == Kind.Null;
    return this.bits == 0 || Value.at(this.bits as usize).isNull;
  }

  get isAbsent(): bool {
    return this.kind == Kind.Null && this.aux == ABSENT;
  }

  /** There is something, be it more than one value. */
  get isThere(): bool {
    return this.aux != ABSENT || (this.kind != Kind.Null && this.kind != Kind.List);
  }

  @inline
  set(kind: Kind, bits: u64): void {
    store<u64>(changetype<usize>(this), kind as u64);
    this.bits = bits;
  }

  @inline
  setBool(value: bool): void {
    this.set(Kind.Bool, value ? 1 : 0);
  }

  setInt(value: i64): void {
    this.set(Kind.Int, value);
  }

  setDouble(value: f64): void {
    this.set(Kind.Double, reinterpret<u64>(value));
  }

  /** NONE is absent. */
  setText(text: Span): void {
    if (text == NONE) this.setAbsent();
    else this.set(Kind.String, text);
  }

  setTimestamp(seconds: i64, nanoseconds: u32): void {
    store<u64>(changetype<usize>(this), (Kind.Timestamp as u64) | ((nanoseconds as u64) << 32));
    this.bits = seconds;
  }

  /** From nanoseconds since the epoch. */
  setTimestampOf(nanoseconds: i64): void {
    let seconds = nanoseconds / 1_000_000_000;
    let rest = nanoseconds % 1_000_000_000;
    if (rest < 0) {
      rest += 1_000_000_000;
      seconds--;
    }
    this.setTimestamp(seconds, rest as u32);
  }

  get int(): i64 {
    return this.bits as i64;
  }

  get double(): f64 {
    return reinterpret<f64>(this.bits);
  }

  get isTrue(): bool {
    return this.kind == Kind.Bool && this.bits != 0;
  }

  get isNumber(): bool {
    return this.kind >= Kind.Int && this.kind <= Kind.Double;
  }

  /** The value of a JSON node; arrays and objects stay as they are until somebody looks. */
  setJson(tape: Tape, node: i32, arena: Arena): void {
    const lazy = (changetype<usize>(tape) as u64) | ((node as u64) << 32);
    switch (tape.kind(node)) {
      case JsonKind.Object:
        this.set(Kind.JsonMap, lazy);
        break;
      case JsonKind.Array:
        this.set(Kind.JsonList, lazy);
        break;
      case JsonKind.String:
        this.setText(tape.text(node, arena));
        if (strictness != Strictness.None && tape.isBroken(node) && doubt())
          this.setFailure(Failure.Ambiguous);
        break;
      case JsonKind.Number:
        this.setNumber(tape.raw(node), tape.isIntegral(node));
        break;
      case JsonKind.Null:
        this.setNull();
        break;
      default:
        this.setBool(tape.kind(node) == JsonKind.True);
    }
  }

  // An integer where the text is one and it fits, else a double: so that large identifiers keep
  // their digits. Numbers compare across types, so rules need not know. What is larger than either is
  // rounded, cut, or kept by readers as they like.
  private setNumber(text: Span, isIntegral: bool): void {
    if (isIntegral && parseInteger(text, this)) return;
    this.setDouble(number.parseDouble(text));
    if (strictness == Strictness.None || (!isIntegral && Number.isFinite(this.double))) return;
    if (doubt()) this.setFailure(Failure.Ambiguous);
  }
}

/** Reads decimal digits with an optional minus as Int, or as Uint when it is too large; false when it
 * is larger still or not that. */
export function parseInteger(text: Span, out: Value): bool {
  let at = address(text);
  const stop = at + length(text);
  const negative = at < stop && load<u8>(at) == 0x2d;
  if (negative) at++;
  if (at == stop) return false;
  let value: u64 = 0;
  for (; at < stop; at++) {
    const digit = (load<u8>(at) as u64) - 0x30;
    if (digit > 9 || value > 1844674407370955161 || (value == 1844674407370955161 && digit > 5))
      return false;
    value = value * 10 + digit;
  }
  if (negative) {
    if (value > 0x8000000000000000) return false;
    out.set(Kind.Int, 0 - value);
  } else {
    out.set(value > (i64.MAX_VALUE as u64) ? Kind.Uint : Kind.Int, value);
  }
  return true;
}

export function tapeOf(value: Value): Tape {
  return changetype<Tape>(value.bits as u32 as usize);
}

export function nodeOf(value: Value): i32 {
  return (value.bits >>> 32) as i32;
}

// ---- lists

/** The number of elements of a List, or of entries of a Map. */
export function countOf(value: Value): i32 {
  return load<i32>(value.bits as usize);
}

/** The element of a List. */
export function elementOf(list: Value, i: i32): Value {
  return Value.at((list.bits as usize) + HEADER_SIZE + i * VALUE_SIZE);
}

/** An empty List in `out` with room for `capacity` elements, to be filled with `push`; false without
 * memory. */
export function startList(out: Value, capacity: i32, arena: Arena): bool {
  const base = allocateValues(capacity, arena);
  if (base == 0) return false;
  store<u64>(base, 0);
  out.set(Kind.List, base);
  return true;
}

function allocateValues(count: i32, arena: Arena): usize {
  if (count > 0x4000000 || !charge(count)) return 0;
  return arena.allocate(HEADER_SIZE + count * VALUE_SIZE);
}

/** The next element of a list that is being built: a place to write to. */
export function push(list: Value): Value {
  const base = list.bits as usize;
  const n = load<i32>(base);
  store<i32>(base, n + 1);
  return Value.at(base + HEADER_SIZE + n * VALUE_SIZE);
}

// ---- maps

export function keyOf(map: Value, i: i32): Value {
  return Value.at((map.bits as usize) + HEADER_SIZE + i * 2 * VALUE_SIZE);
}

export function valueOf(map: Value, i: i32): Value {
  return Value.at((map.bits as usize) + HEADER_SIZE + (i * 2 + 1) * VALUE_SIZE);
}

/** An empty Map in `out` with room for `capacity` entries, to be filled with `insert`. */
export function startMap(out: Value, capacity: i32, arena: Arena): bool {
  const base = allocateValues(capacity * 2, arena);
  if (base == 0) return false;
  store<u64>(base, 0);
  if (capacity > INDEX_FROM) {
    // A table of at least twice as many slots, each the number of an entry and 1, or 0.
    const slots = 1 << (32 - clz(capacity * 2 - 1));
    const index = arena.allocate(slots * 4 + 4);
    if (index == 0) return false;
    memory.fill(index, 0, slots * 4 + 4);
    store<i32>(index, slots - 1);
    store<u32>(base, index as u32, 4);
  }
  out.set(Kind.Map, base);
  return true;
}

/** Whether the value may be a key: bool, int, uint, string; doubles only to look up. */
export function isKey(value: Value): bool {
  const kind = value.kind;
  return (kind >= Kind.Bool && kind <= Kind.Uint) || kind == Kind.String;
}

/** The place for the value of a new key (copied), or null when the key is there already. */
export function insert(map: Value, key: Value): Value | null {
  const base = map.bits as usize;
  const index = load<u32>(base, 4) as usize;
  const n = load<i32>(base);
  if (index == 0) {
    if (scan(map, key) >= 0) return null;
  } else {
    const slot = slotFor(map, index, key);
    if (load<i32>(slot) != 0) return null;
    store<i32>(slot, n + 1);
  }
  store<i32>(base, n + 1);
  keyOf(map, n).copyFrom(key);
  return valueOf(map, n);
}

/** The number of the entry, or -1. Numbers are found across their types. */
export function find(map: Value, key: Value): i32 {
  const index = load<u32>(map.bits as usize, 4) as usize;
  return index == 0 ? scan(map, key) : load<i32>(slotFor(map, index, key)) - 1;
}

function scan(map: Value, key: Value): i32 {
  const isText = key.kind == Kind.String;
  const size = length(key.bits);
  let at = changetype<usize>(keyOf(map, 0));
  for (let i = 0, n = countOf(map); i < n; i++, at += 2 * VALUE_SIZE) {
    const other = Value.at(at);
    // Text of another length takes no call; what is no text is not equal whatever its bits are.
    if (isText && length(other.bits) != size) continue;
    if (equals(other, key)) return i;
  }
  return -1;
}

// Collisions are charged to the budget: an attacker's keys cost no more than it allows.
function slotFor(map: Value, index: usize, key: Value): usize {
  const mask = load<i32>(index);
  let i = (hashOf(key) as i32) & mask;
  while (true) {
    const slot = index + 4 + i * 4;
    const entry = load<i32>(slot);
    if (entry == 0 || equals(keyOf(map, entry - 1), key)) return slot;
    charge(1);
    i = (i + 1) & mask;
  }
}

// Equal values have equal hashes, numbers of different types too: integers that a double holds
// exactly hash as that double.
function hashOf(value: Value): u32 {
  let bits = value.bits;
  switch (value.kind) {
    case Kind.String:
      chargeBytes(length(bits));
      return hashBytes(bits);
    case Kind.Int:
      bits = reinterpret<u64>(bits as i64 as f64);
      break;
    case Kind.Uint:
      bits = reinterpret<u64>(bits as f64);
      break;
    case Kind.Double:
      if (reinterpret<f64>(bits) == 0) bits = 0;
      break;
  }
  bits *= 0x9e3779b97f4a7c15;
  return (bits >>> 32) as u32;
}

function hashBytes(s: Span): u32 {
  let h: u64 = (length(s) as u64) ^ 0x9e3779b97f4a7c15;
  let at = address(s);
  let left = length(s);
  while (left >= 8) {
    h = (h ^ load<u64>(at)) * 0xff51afd7ed558ccd;
    h ^= h >>> 32;
    at += 8;
    left -= 8;
  }
  for (; left > 0; left--) h = (h ^ load<u8>(at++)) * 0xff51afd7ed558ccd;
  return (h >>> 32) as u32;
}

// ---- optionals

/** An optional of `value`, which is copied; `out` may be `value`. */
export function setOptional(out: Value, value: Value, arena: Arena): bool {
  const inner = arena.allocate(VALUE_SIZE);
  if (inner == 0) return false;
  Value.at(inner).copyFrom(value);
  out.set(Kind.Optional, inner);
  return true;
}

// ---- equality and order (CEL specification, "Equality" and "Ordering")

export function equals(a: Value, b: Value): bool {
  const kind = a.kind;
  if (kind != b.kind) {
    if (a.isNumber && b.isNumber) return compareNumbers(a, b) == 0;
    return false;
  }
  switch (kind) {
    case Kind.Null:
      return true;
    case Kind.Double:
      return a.double == b.double;
    case Kind.String:
    case Kind.Bytes: {
      const n = length(a.bits);
      if (n != length(b.bits)) return false;
      return (n < SHORT || chargeBytes(n)) && same(address(a.bits), address(b.bits), n);
    }
    case Kind.Timestamp:
      return a.bits == b.bits && a.aux == b.aux;
    case Kind.Ip:
    case Kind.Cidr:
      return (
        memory.compare(a.bits as usize, b.bits as usize, 16) == 0 &&
        (kind == Kind.Ip || a.aux == b.aux)
      );
    case Kind.Optional:
      if (a.bits == 0 || b.bits == 0) return a.bits == b.bits;
      return equals(Value.at(a.bits as usize), Value.at(b.bits as usize));
    case Kind.List:
      return equalLists(a, b);
    case Kind.Map:
      return equalMaps(a, b);
  }
  return a.bits == b.bits;
}

function equalLists(a: Value, b: Value): bool {
  const n = countOf(a);
  if (n != countOf(b)) return false;
  for (let i = 0; i < n; i++) {
    if (!charge(1) || !equals(elementOf(a, i), elementOf(b, i))) return false;
  }
  return true;
}

function equalMaps(a: Value, b: Value): bool {
  const n = countOf(a);
  if (n != countOf(b)) return false;
  for (let i = 0; i < n; i++) {
    const other = charge(1) ? find(b, keyOf(a, i)) : -1;
    if (other < 0 || !equals(valueOf(a, i), valueOf(b, other))) return false;
  }
  return true;
}

/** What `compare` answers when there is no order: other types, or NaN. */
export const UNORDERED: i32 = 2;

/** -1, 0, 1, or UNORDERED when one is NaN. Both are numbers; exact across types. */
export function compareNumbers(a: Value, b: Value): i32 {
  const ka = a.kind;
  const kb = b.kind;
  if (ka == kb) {
    if (ka == Kind.Int) return sign(a.int < b.int, a.int > b.int);
    if (ka == Kind.Uint) return sign(a.bits < b.bits, a.bits > b.bits);
    return compareDoubles(a.double, b.double);
  }
  if (ka == Kind.Double) return reversed(compareToDouble(b, a.double));
  if (kb == Kind.Double) return compareToDouble(a, b.double);
  if (ka == Kind.Int) return a.int < 0 ? -1 : sign(a.bits < b.bits, a.bits > b.bits);
  return b.int < 0 ? 1 : sign(a.bits < b.bits, a.bits > b.bits);
}

function sign(less: bool, greater: bool): i32 {
  return less ? -1 : greater ? 1 : 0;
}

function reversed(order: i32): i32 {
  return order == UNORDERED ? UNORDERED : -order;
}

function compareDoubles(a: f64, b: f64): i32 {
  if (Number.isNaN(a) || Number.isNaN(b)) return UNORDERED;
  return sign(a < b, a > b);
}

// As the conformance cases have it, by what the integer is as a double: beyond 2^53 neighbours equal
// the same double, and so do integers at the ends of their ranges the doubles there.
function compareToDouble(a: Value, b: f64): i32 {
  if (Number.isNaN(b)) return UNORDERED;
  if (a.kind == Kind.Int) {
    if (b < -9223372036854775808.0) return 1;
    if (b > 9223372036854775807.0) return -1;
  } else {
    if (b < 0) return 1;
    if (b > 18446744073709551615.0) return -1;
  }
  const x = a.kind == Kind.Int ? (a.int as f64) : (a.bits as f64);
  return sign(x < b, x > b);
}

/** -1, 0, 1, or UNORDERED; `ordered` says whether the types have an order at all. */
export let ordered: bool = true;

export function compare(a: Value, b: Value): i32 {
  ordered = true;
  if (a.isNumber && b.isNumber) return compareNumbers(a, b);
  if (a.kind == b.kind) {
    switch (a.kind) {
      case Kind.Bool:
        return sign(a.bits < b.bits, a.bits > b.bits);
      case Kind.String:
      case Kind.Bytes: {
        chargeBytes(min(length(a.bits), length(b.bits)));
        const order = compareBytes(a.bits, b.bits);
        return sign(order < 0, order > 0);
      }
      case Kind.Timestamp:
        if (a.bits == b.bits) return sign(a.aux < b.aux, a.aux > b.aux);
        return sign(a.int < b.int, a.int > b.int);
      case Kind.Duration:
        return sign(a.int < b.int, a.int > b.int);
    }
  }
  ordered = false;
  return UNORDERED;
}

// ---- keeping

let room: i32 = 0;

/** The units of 16 bytes that a copy of the value takes, with all that is in it; -1 when they are more
 * than `most`. What it shares with itself counts each time, as a copy would have it. */
export function weight(value: Value, most: i32): i32 {
  room = most;
  return weigh(value) ? most - room : -1;
}

function weigh(value: Value): bool {
  if (--room < 0) return false;
  switch (value.kind) {
    case Kind.String:
    case Kind.Bytes:
      room -= length(value.bits) >> 4;
      return room >= 0;
    case Kind.Optional:
      return value.bits == 0 || weigh(Value.at(value.bits as usize));
    case Kind.List:
      for (let i = 0, n = countOf(value); i < n; i++) {
        if (!weigh(elementOf(value, i))) return false;
      }
      return true;
    case Kind.Map:
      for (let i = 0, n = countOf(value); i < n; i++) {
        if (!weigh(keyOf(value, i)) || !weigh(valueOf(value, i))) return false;
      }
      return true;
    default:
      return true;
  }
}

/** Copies `from`, and all that it refers to, into `arena`; false without memory. Lazy values must
 * have been resolved. Depth is that of the value, which literals and JSON limit. */
export function deepCopy(from: Value, to: Value, arena: Arena): bool {
  const bits = from.bits;
  to.copyFrom(from);
  switch (from.kind) {
    case Kind.String:
    case Kind.Bytes:
      to.bits = copySpan(bits, arena);
      return to.bits != NONE;
    case Kind.Ip:
    case Kind.Cidr:
      to.bits = address(copySpan(span(bits as usize, 16), arena));
      return to.bits != 0;
    case Kind.Optional: {
      if (bits == 0) return true;
      const inner = arena.allocate(VALUE_SIZE);
      to.bits = inner;
      return inner != 0 && deepCopy(Value.at(bits as usize), Value.at(inner), arena);
    }
    case Kind.List: {
      const n = load<i32>(bits as usize);
      if (!startList(to, n, arena)) return false;
      const source = bits as usize;
      for (let i = 0; i < n; i++) {
        const element = Value.at(source + HEADER_SIZE + i * VALUE_SIZE);
        if (!deepCopy(element, push(to), arena)) return false;
      }
      return true;
    }
    case Kind.Map: {
      const n = load<i32>(bits as usize);
      if (!startMap(to, n, arena)) return false;
      to.aux = from.aux;
      const source = bits as usize;
      const key = Value.at(arena.allocate(VALUE_SIZE));
      if (changetype<usize>(key) == 0) return false;
      for (let i = 0; i < n; i++) {
        const entry = source + HEADER_SIZE + i * 2 * VALUE_SIZE;
        if (!deepCopy(Value.at(entry), key, arena)) return false;
        const value = insert(to, key);
        if (value != null && !deepCopy(Value.at(entry + VALUE_SIZE), value, arena)) return false;
      }
      return true;
    }
  }
  return true;
}

/** Marks the maps in the value: what they do not have is absent, as with everything from outside. */
export function openMaps(value: Value): void {
  if (value.kind == Kind.List) {
    for (let i = 0, n = countOf(value); i < n; i++) openMaps(elementOf(value, i));
  } else if (value.kind == Kind.Map) {
    value.aux = OPEN;
    for (let i = 0, n = countOf(value); i < n; i++) openMaps(valueOf(value, i));
  }
}
