// What an expression may refer to beyond the language itself; whoever compiles expressions fills it.

import { Span } from "../bytes/span";
import { FunctionEntry } from "./functions";
import { dyn, Type } from "./types";

/** One step of a chain of names such as request.headers['x-a']. */
@final
export class Segment {
  constructor(
    readonly name: Span,
    /** Written as an index: ['name']. */
    readonly isIndex: bool,
    /** Offset in the source. */
    readonly at: i32,
  ) {}
}

export abstract class Environment {
  /** Whether types are checked and unknown names refused; else such things fail when evaluated. */
  strict: bool = true;
  macros: bool = true;
  /** Whether what is constant is computed when the expression is compiled. */
  folding: bool = true;
  /** The namespace that names are looked up in first, such as `com.example`. */
  container: string = "";
  /** Declared for the checker only. */
  functions: FunctionEntry[] = [];

  /** Of the attribute that `lookUp` found: what the activation will be asked for. */
  slot: i32 = -1;
  /** When it is a constant: the address of its value, else 0. */
  constant: usize = 0;
  type: Type = dyn;

  /** How many of the segments, from the first on, name an attribute; as many as can be. 0: none. When
   * the first segment is a root that is known but what follows is not, it notes a problem. */
  abstract lookUp(chain: Segment[]): i32;

  /** What to say of a name that is not known: which ones are near, or nothing. */
  abstract suggestion(name: Span): string;
}
