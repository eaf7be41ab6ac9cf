// What the walk over a stream's rules comes to, mark by mark, for those who look for it (`ruleway
// explain` does): lines at the level trace that hold places and numbers, and nothing of the stream.
//
//   trace step /rules/0 0 2 1      what, which rule, the phase, the step, what came of it
//
// The level is asked for when a configuration is taken, so that a stream pays for one look at a flag.

import * as host from "../abi/host";
import { LogLevel } from "../abi/numbers";
import { Writer } from "../bytes/writer";
import { Program } from "./program";

export let tracing: bool = false;

const line = Writer.create();

export function readTracing(): void {
  tracing = host.logLevel() == LogLevel.Trace;
}

export function mark(
  what: string,
  program: Program,
  rule: i32,
  phase: i32,
  step: i32,
  n: i32,
): void {
  line.reset();
  line.text("trace ");
  line.text(what);
  line.byte(0x20);
  // Inherited rules stand in the document above.
  line.text(rule < program.inherited ? "/rules" : program.place);
  line.byte(0x2f);
  line.integer(program.rules[rule].place);
  line.byte(0x20);
  line.integer(phase);
  line.byte(0x20);
  line.integer(step);
  line.byte(0x20);
  line.integer(n);
  host.log(LogLevel.Trace, line.view());
}
