// What a condition can be looked up by. A condition names keys so that every stream it holds for has at
// least one of them; whoever indexes conditions gets them through `Keys`. The keys only propose: the
// condition itself decides, so a key may be wider than the condition, never narrower.

import { Block } from "../bytes/ip-address";
import { Span } from "../bytes/span";
import { Regex } from "../regex/index";
import { HostPattern } from "./host-pattern";
import { Field, Values } from "./match";
import { PathTemplate } from "./path-template";

/** The weight of a condition that every stream may fulfil. */
export const UNBOUNDED: i32 = i32.MAX_VALUE;

/** Longer prefixes and suffixes are looked up by so many of their bytes: the text of a stream may be
 * long. */
export const LONGEST_AFFIX: i32 = 255;

/** Takes the keys of a condition. Each method answers false when it cannot look up by such a key. */
export abstract class Keys {
  /** Keys are weighed, not taken. */
  weighs: bool = false;
  /** Of the keys weighed: how many conditions they are shared by, and what asking for them costs. */
  weight: i32 = 0;

  abstract host(pattern: HostPattern): bool;
  abstract path(template: PathTemplate): bool;
  abstract exact(field: Field, text: Span): bool;
  abstract prefix(field: Field, text: Span): bool;
  abstract suffix(field: Field, text: Span): bool;
  /** The text has a match of the pattern. */
  abstract pattern(field: Field, regex: Regex): bool;
  /** A value of the name is there. */
  abstract named(values: Values, name: Span): bool;
  /** One of the name's values is `value`. */
  abstract namedValue(values: Values, name: Span, value: Span): bool;
  /** The client's address lies in the block. */
  abstract source(block: Block): bool;
}
