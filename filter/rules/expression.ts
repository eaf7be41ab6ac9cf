// An expression inside `$(…)`: a dotted or indexed name, read when asked. The text is parsed once.
// This class is the seam for the expression language: whoever holds an Expression only compiles it,
// asks which name it reads, and evaluates it against a Scope.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, length, Span, sliceUnchecked } from "../bytes/span";
import { Demand, Name, Names, Phase, resolve, Source } from "./name";
import * as problem from "./problem";
import { Value } from "./value";

/** What can answer for a name: the stream. */
export abstract class Scope {
  /** Fills `out` with what the name is now; null when it is not there. */
  abstract read(name: Name, out: Value): void;
}

const MAX_SEGMENTS: i32 = 16;

@final
export class Expression {
  private constructor(readonly name: Name) {}

  /** The expression for the text in a step of `phase`, or null with the problem noted (its offset is
   * inside `text`). */
  static compile(text: Span, names: Names, phase: Phase, arena: Arena): Expression | null {
    const chain = parseChain(text);
    if (chain == null) return null;
    const name = resolve(chain, names, arena);
    if (name == null) return null;
    if (name.since > phase) {
      problem.fail("R312", 0, "what this name stands for is not known yet in this phase");
      return null;
    }
    if (name.source >= Source.OriginalHeader && name.source <= Source.OriginalCookie) {
      names.demands |= Demand.Original;
    } else if (name.source <= Source.RequestCookie && phase != Phase.Request) {
      names.demands |= Demand.Request;
    }
    return new Expression(name);
  }

  evaluate(scope: Scope, out: Value): void {
    scope.read(this.name, out);
  }
}

function isNameStart(c: u32): bool {
  return ascii.isAlpha(c) || c == 0x5f;
}

/** The segments of `a.b['c'].d`, or null with the problem noted. */
function parseChain(text: Span): Span[] | null {
  const n = length(text);
  const chain: Span[] = [];
  let i = 0;
  while (i < n && ascii.isBlank(byteAtUnchecked(text, i))) i++;
  let stop = n;
  while (stop > i && ascii.isBlank(byteAtUnchecked(text, stop - 1))) stop--;
  if (i == stop) return syntax(i, "an expression is missing");
  let expectName = true;
  while (i < stop) {
    const c = byteAtUnchecked(text, i);
    if (expectName) {
      if (!isNameStart(c)) return syntax(i, "a name is expected here");
      const from = i;
      while (
        i < stop &&
        (isNameStart(byteAtUnchecked(text, i)) || ascii.isDigit(byteAtUnchecked(text, i)))
      )
        i++;
      chain.push(sliceUnchecked(text, from, i));
      expectName = false;
    } else if (c == 0x2e) {
      i++;
      expectName = true;
    } else if (c == 0x5b) {
      const quote = i + 1 < stop ? byteAtUnchecked(text, i + 1) : 0;
      if (quote != 0x27 && quote != 0x22) return syntax(i + 1, "a quoted key is expected here");
      const from = i + 2;
      let to = from;
      while (to < stop && byteAtUnchecked(text, to) != quote) {
        if (byteAtUnchecked(text, to) == 0x5c) return syntax(to, "a key cannot hold a backslash");
        to++;
      }
      if (to + 1 >= stop || byteAtUnchecked(text, to + 1) != 0x5d) {
        return syntax(to, "the key is not closed");
      }
      chain.push(sliceUnchecked(text, from, to));
      i = to + 2;
    } else {
      return syntax(i, "only names such as request.headers['x-a'] can stand here");
    }
    if (chain.length > MAX_SEGMENTS) return syntax(i, "the name is too long");
  }
  if (expectName) return syntax(stop, "a name is expected here");
  return chain;
}

function syntax(at: i32, message: string): Span[] | null {
  problem.fail("R302", at, message);
  return null;
}
