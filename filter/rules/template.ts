// Text with `$(…)` in it, compiled once. `$$(` is a literal `$(`. Parentheses and quoted strings
// inside an expression nest, so `$(f(')'))` is one.

import { Arena } from "../bytes/arena";
import { byteAtUnchecked, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as cel from "../cel/index";
import { closingParenthesis, Failure, Kind, Value, writeText } from "../cel/index";
import { Expression, failAsJson, Scope } from "./expression";
import { Names, Phase } from "./name";
import * as problem from "./problem";

/** What an absent value does to the text around it. */
export const enum Absent {
  /** The whole text is absent: an edit with it is skipped. */
  Skips,
  /** It is empty: for texts that are read by people. */
  IsEmpty,
}

const value = Value.create();

// Shared, as they never change: most templates are plain text.
const NO_TEXTS: StaticArray<Span> = [];
const NO_EXPRESSIONS: StaticArray<Expression> = [];

// The parts of the template that is being compiled.
const literal = Writer.create();
const texts: Span[] = [];
const expressions: Expression[] = [];

@final
export class Template {
  /** Literal texts and, between them, expressions: head expressions[0] texts[0] expressions[1] … */
  private constructor(
    private readonly head: Span,
    private readonly texts: StaticArray<Span>,
    private readonly expressions: StaticArray<Expression>,
  ) {}

  /** The template for the text, or null with the problem noted (its offset is inside `source`). */
  static compile(source: Span, names: Names, phase: Phase, arena: Arena): Template | null {
    const n = length(source);
    let i = 0;
    literal.reset();
    texts.length = 0;
    expressions.length = 0;
    while (i < n) {
      const c = byteAtUnchecked(source, i);
      if (c != 0x24) {
        literal.byte(c);
        i++;
      } else if (isAt(source, i + 1, 0x24) && isAt(source, i + 2, 0x28)) {
        literal.byte(0x24);
        literal.byte(0x28);
        i += 3;
      } else if (isAt(source, i + 1, 0x28)) {
        const stop = closingParenthesis(source, i + 2);
        if (stop < 0) {
          const isLexical = cel.stage != cel.Stage.None;
          if (isLexical) problem.fail("R302", i + 2 + cel.offset, cel.message);
          else problem.fail("R302", i, "this $( is never closed");
          return null;
        }
        const inner = sliceUnchecked(source, i + 2, stop);
        const expression = Expression.compile(inner, names, phase, arena);
        if (expression == null) {
          problem.fail(problem.code, problem.offset + i + 2, problem.message);
          return null;
        }
        texts.push(copy(literal.view(), arena));
        expressions.push(expression);
        literal.reset();
        i = stop + 1;
      } else {
        literal.byte(c);
        i++;
      }
    }
    const last = copy(literal.view(), arena);
    if (expressions.length == 0) return new Template(last, NO_TEXTS, NO_EXPRESSIONS);
    const head = texts.shift();
    texts.push(last);
    return new Template(head, StaticArray.fromArray(texts), StaticArray.fromArray(expressions));
  }

  /** Stands in for one that could not be compiled, so that the rest can be looked at. */
  static empty(arena: Arena): Template {
    return new Template(fromText("", arena), NO_TEXTS, NO_EXPRESSIONS);
  }

  /** No expression in it. */
  get isConstant(): bool {
    return this.expressions.length == 0;
  }

  /** The text of a constant template; of others what stands before the first value. */
  get constant(): Span {
    return this.head;
  }

  // ---- its parts, for those who write values in a way of their own: `constant`, and for each value what
  // follows it

  get count(): i32 {
    return this.expressions.length;
  }

  textAfter(i: i32): Span {
    return this.texts[i];
  }

  /** Whether the value is written as a request target already. */
  isOfTarget(i: i32): bool {
    return this.expressions[i].isOfTarget;
  }

  /** Writes one value; false when it is absent. */
  writeValue(scope: Scope, i: i32, out: Writer): bool {
    unchecked(this.expressions[i]).evaluate(scope, value);
    const wrong = writeText(value, out);
    if (wrong != Failure.None) failAsJson(wrong);
    return !value.isNull && wrong == Failure.None;
  }

  /** Nothing but one expression: then its value keeps its type where types are kept. */
  get isSingle(): bool {
    return this.expressions.length == 1 && length(this.head) == 0 && length(this.texts[0]) == 0;
  }

  /** The value of a single expression. */
  evaluateSingle(scope: Scope, out: Value): void {
    this.expressions[0].evaluate(scope, out);
  }

  /** Writes the text; false when it is absent (what was written so far is then of no use). */
  write(scope: Scope, absent: Absent, out: Writer): bool {
    out.span(this.head);
    for (let i = 0, n = this.expressions.length; i < n; i++) {
      const isThere = this.writeValue(scope, i, out);
      if (!isThere && absent == Absent.Skips) return false;
      out.span(unchecked(this.texts[i]));
    }
    return !out.failed;
  }

  /** The text, kept in `arena` (or the template's own constant); NONE when it is absent. */
  evaluate(scope: Scope, absent: Absent, arena: Arena): Span {
    if (this.expressions.length == 0) return this.head;
    if (this.isSingle && unchecked(this.expressions[0]).isName) {
      this.evaluateSingle(scope, value);
      if (value.kind == Kind.String) return value.bits;
    }
    buffer.reset();
    return this.write(scope, absent, buffer) ? copy(buffer.view(), arena) : NONE;
  }
}

const buffer = Writer.create();

function isAt(s: Span, i: i32, byte: u8): bool {
  return i < length(s) && byteAtUnchecked(s, i) == byte;
}
