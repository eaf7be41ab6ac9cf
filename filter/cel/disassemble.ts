// A program as text, for tests and for people who wonder.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Failure } from "./failure";
import { table } from "./functions";
import * as json from "./json";
import { INSTRUCTION_SIZE, Op, Program } from "./program";

const NAMES =
  "return constant attribute present local store select has index jump jump-unless and-left or-left and-right or-right negate not operator call call-regex start-list start-map append insert iterate next next-pair start-list-for start-map-for all-step exists-step exists-one-step filter-step append-to insert-to answer answer-one merge unwrap wrap expect-optional or-else default fail".split(
    " ",
  );

/** A line for each instruction: number, name, a, b, and what they refer to; then the handlers. */
export function disassemble(program: Program, arena: Arena): Span {
  const out = Writer.create();
  out.text("stack " + program.stack.toString() + ", locals " + program.locals.toString() + "\n");
  for (let i = 0; i < program.size; i++) {
    const at = program.code + i * INSTRUCTION_SIZE;
    const op = load<u16>(at) as Op;
    const a = load<u16>(at, 2) as i32;
    const b = load<i32>(at, 4);
    out.text(i.toString() + " " + NAMES[op] + " " + a.toString() + " " + b.toString());
    if (op == Op.Constant || op == Op.Select || op == Op.Has) {
      out.byte(0x20);
      if (json.write(program.constant(b), out) != Failure.None) out.text("?");
    } else if (op == Op.Operator) {
      out.text(" " + table()[a].name);
    } else if (op == Op.Call) {
      out.text(" " + table()[b].name);
    }
    out.byte(0x0a);
  }
  for (let i = 0; i < program.handlers.length; i++) {
    const handler = program.handlers[i];
    const range = handler.from.toString() + "-" + (handler.to - 1).toString();
    out.text("failures of " + range + " go to " + handler.target.toString() + "\n");
  }
  const text = copy(out.view(), arena);
  out.destroy();
  return text;
}
