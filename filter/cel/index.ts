// The Common Expression Language (https://cel.dev), compiled once and run many times. See
// docs/reference/limits.md for what is bounded, and how.
//
//   const expression = compile(source, environment, arena);
//   if (expression == null) report(problem.offset, problem.message);
//   if (!evaluate(expression, activation, scratch, out)) report(failure, place);

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { refill } from "./budget";
import { Checker } from "./checker";
import { Activation } from "./context";
import { Environment } from "./environment";
import { Generator } from "./generator";
import * as machine from "./machine";
import { Parser } from "./parser";
import * as problem from "./problem";
import { Program } from "./program";
import * as types from "./types";
import { dyn, Type } from "./types";
import { Value } from "./value";

export { chargeBytes, refill, spent } from "./budget";
export { Activation } from "./context";
export { disassemble } from "./disassemble";
export { Environment, Segment } from "./environment";
export { Failure, failureText } from "./failure";
export { refillFolding } from "./generator";
export { parse as parseJson, write as writeJson, writeText } from "./json";
export { settleAll } from "./lazy";
export { closingParenthesis } from "./lexer";
export { failure, failWith, place } from "./machine";
export { message, offset, Stage, stage } from "./problem";
export { Program } from "./program";
export { doubt, doubts, Strictness, setStrictness, strictness } from "./strictness";
export { Kind, Value } from "./value";

/** The type of what was compiled last. */
export let type: Type = dyn;

/** Whether it may be true or false. */
export function isCondition(): bool {
  return types.isAssignable(types.bool_, type);
}

/** It in words. */
export function typeText(): string {
  return types.describe(type);
}

/** For environments: notes that a name is refused, and why. */
export function refuse(at: i32, why: string): void {
  problem.fail(at, why, problem.Stage.Check);
}

/** Compiles; null when the source is refused: see `stage`, `offset` (a byte of the source) and
 * `message`. The program lives in `arena`, and may refer to the source. */
export function compile(source: Span, environment: Environment, arena: Arena): Program | null {
  problem.clear();
  const root = new Parser(source, environment.macros, arena).parse();
  if (root == null) return null;
  type = new Checker(environment, arena).check(root);
  if (problem.stage != problem.Stage.None) return null;
  const program = new Generator(arena, environment.folding).generate(root);
  return problem.stage == problem.Stage.None ? program : null;
}

/** The value of the expression, in `out`; what is new in it is made in `arena`. False when it fails:
 * see `failure` and `place`. */
export function evaluate(
  program: Program,
  activation: Activation | null,
  arena: Arena,
  out: Value,
): bool {
  refill();
  return machine.run(program, 0, activation, arena, out);
}
