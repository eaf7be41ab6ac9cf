// What a schema is compiled to. Each subschema is a run of instructions that ends with End; all of
// them must hold. Subschemas know each other by number. Records lie in the configuration's arena
// and do not change after compiling.

import { NONE, Span } from "../bytes/span";
import { hashName, isSameName } from "../json/names";
import { Keyword } from "./keyword";

/** In place of a subschema's number. */
export const ABSENT: i32 = -1;
/** The schema `true`. */
export const ALWAYS: i32 = -2;
/** The schema `false`. */
export const NEVER: i32 = -3;

/** Types as bits; an integer is also a number. */
export const enum Type {
  Object = 1,
  Array = 2,
  String = 4,
  Number = 8,
  Integer = 16,
  Boolean = 32,
  Null = 64,
}

export const enum Op {
  End,
  /** One of the types `a`. */
  Type,
  /** Equal to one of the values of the array `a` of the schema's own tape. */
  Enum,
  /** Equal to value `a` of the schema's own tape. */
  Const,
  /** Numbers: against Limit `p`; `a` says which way. */
  Limit,
  /** Numbers: a multiple of `p`, a u64, times 10^`a`. */
  MultipleOf,
  /** Strings: `a` to `b` code points. */
  Length,
  /** Strings: pattern `a`. */
  Pattern,
  /** Strings: format `a`. */
  Format,
  /** Arrays: `a` to `b` elements. */
  Items,
  UniqueItems,
  /** Objects: `a` to `b` members. */
  Members,
  /** Objects: the members as Members `p` has it. */
  Object,
  /** Arrays: the elements as Elements `p` has it. */
  Array,
  /** Objects that have the member `p` (a Span): subschema `a`. */
  IfHas,
  /** Subschema `a`. */
  Apply,
  /** Subschema `a`, or what the dynamic scope has for anchor `b`. */
  Dynamic,
  /** The `a` subschemas at `p`: at least one, exactly one. */
  AnyOf,
  OneOf,
  /** Not subschema `a`. */
  Not,
  /** If subschema `a`, then `b`, else `c`. */
  If,
  /** What no subschema of this one has evaluated: subschema `a`. */
  UnevaluatedItems,
  UnevaluatedProperties,
}

@unmanaged
@final
export class Instruction {
  op: u8;
  keyword: u8; // Keyword, for the failure
  a: i32;
  b: i32;
  c: i32;
  p: usize;
}

export const INSTRUCTION_SIZE: usize = offsetof<Instruction>();

/** Which side of a limit is right. */
export const enum Side {
  AtMost,
  Below,
  AtLeast,
  Above,
}

@unmanaged
@final
export class Limit {
  text: Span;
  short: i64; // if `isShort`
  isShort: bool;
}

/** How the members of an object are judged, in one walk. */
@unmanaged
@final
export class Members {
  required: u64; // the bits of names that must be there
  slots: usize; // Slot, as many as a power of two, or 0
  mask: i32; // less one
  patternCount: i32;
  patterns: usize; // pairs of i32: pattern, subschema
  additional: i32; // subschema of the other members
  names: i32; // subschema of all names

  /** The slot of that name, or null. */
  find(name: Span): Slot {
    let place = (hashName(name) as i32) & this.mask;
    while (true) {
      const slot = this.slot(place);
      if (slot.name == NONE) return changetype<Slot>(0);
      if (isSameName(slot.name, name)) return slot;
      place = (place + 1) & this.mask;
    }
  }

  slot(place: i32): Slot {
    return changetype<Slot>(this.slots + (place as usize) * offsetof<Slot>());
  }
}

@unmanaged
@final
export class Slot {
  name: Span; // NONE: free
  schema: i32;
  bit: i32; // in `required`, or -1
}

/** How the elements of an array are judged. */
@unmanaged
@final
export class Elements {
  prefix: usize; // i32: subschemas of the first elements
  prefixCount: i32;
  rest: i32; // subschema of the others
  contains: i32; // subschema
  least: i32; // how many elements `contains` holds for
  most: i32;
  restKeyword: Keyword;
  prefixKeyword: Keyword;
  marks: bool; // whether what `contains` holds for counts as evaluated
}
