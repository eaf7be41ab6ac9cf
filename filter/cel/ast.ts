// The syntax tree of an expression: what the parser makes, the checker annotates, and the code
// generator reads. It lives while a rule set is configured, no longer.

import { NONE, Span } from "../bytes/span";
import { Fn } from "./functions";
import { dyn, Type } from "./types";
import { Kind } from "./value";

export const enum NodeKind {
  /** `constant`, `bits`. */
  Literal,
  /** `name`; a leading dot sets `isAbsolute`. */
  Identifier,
  /** args[0].name; `isOptional` for `.?`. */
  Select,
  /** has(args[0].name) */
  Has,
  /** args[0][args[1]]; `isOptional` for `[?`. */
  Index,
  /** `name`(args…), or args[0].`name`(args…) when `isMember`; operators too, by their function. */
  Call,
  List,
  /** args are keys and values by turns. */
  Map,
  /** args[0] ? args[1] : args[2] */
  Conditional,
  /** All args, absorbing errors. */
  And,
  Or,
  /** A loop: `fold` says which. */
  Fold,
  /** args[0] bound to `variable` in args[1]. */
  Bind,
  /** args[0].optMap(variable, args[1]); `isOptional` for optFlatMap. */
  OptionalMap,
  /** All args but the last are bound to @index0, @index1, … in those after them. */
  Block,
}

export const enum Fold {
  All,
  Exists,
  ExistsOne,
  /** args: range, what to make, and optionally which. */
  Map,
  Filter,
  TransformMap,
  TransformMapEntry,
  SortBy,
}

/** What an identifier or a chain of selections turned out to be. */
export const enum Reference {
  None,
  /** A variable of a macro; `local`. */
  Local,
  /** Something that the activation reads; `slot`. */
  Attribute,
  /** A constant of the environment; `bits` is the address of its value. */
  Constant,
  /** The name of a type; `slot` is the TypeId. */
  TypeName,
  /** Nothing: evaluating it fails. Only where checking is off. */
  Unknown,
}

/** A variable that a macro introduces. */
@final
export class Local {
  type: Type = dyn;
  /** Its place on the stack. */
  index: i32 = 0;
  /** How many variables were in scope before it. */
  level: i32 = 0;
  /** That of what it stands for. */
  depth: i32 = 1;

  constructor(readonly name: Span) {}
}

@final
export class Node {
  name: Span = NONE;
  /** Of a literal. */
  constant: Kind = Kind.Null;
  bits: u64 = 0;
  isOptional: bool = false;
  isMember: bool = false;
  isAbsolute: bool = false;
  /** Of list elements and map entries written with `?`. */
  optionals: bool[] = [];
  fn: Fn = Fn.None;
  fold: Fold = Fold.All;
  variable: Local | null = null;
  /** Of an expression of a block: the variable that stands for its value. It may have some of its own. */
  bound: Local | null = null;
  /** Of the macros with two. */
  second: Local | null = null;
  reference: Reference = Reference.None;
  local: Local | null = null;
  slot: i32 = 0;
  type: Type = dyn;
  /** Levels of nesting below and including this node; from the checker on, those of what variables
   * stand for included: no value and no type is deeper. */
  depth: i32 = 1;
  /** Its value is not the same at any time: it reads an attribute, the clock, chance. */
  isVolatile: bool = false;
  /** The lowest level of a local that it uses from outside itself, or FREE. */
  uses: i32 = FREE;

  constructor(
    readonly kind: NodeKind,
    /** Offset in the source. */
    readonly at: i32,
    readonly args: Node[] = [],
  ) {}
}

/** Uses no variable of a macro around it. */
export const FREE: i32 = 0x7fffffff;
