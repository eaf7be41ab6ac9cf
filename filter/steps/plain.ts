// The small verbs: `set`, `log`, `stop`.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { LogLevel } from "../abi/numbers";
import { Writer } from "../bytes/writer";
import { Value } from "../cel/index";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";

const value = Value.create();
const line = Writer.create();

/** More of a line than this is cut off: a log is no place to copy a body to. */
const MAX_LINE: u32 = 8 * 1024;

@final
export class SetStep extends Step {
  constructor(
    private readonly variables: StaticArray<i32>,
    private readonly values: StaticArray<Template>,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    for (let i = 0, n = this.variables.length; i < n; i++) {
      const template = unchecked(this.values[i]);
      if (template.isSingle) {
        template.evaluateSingle(x, value);
      } else {
        value.setText(template.evaluate(x, Absent.Skips, scratch)); // copied below
      }
      x.setVariable(unchecked(this.variables[i]), value);
    }
    return Outcome.Next;
  }
}

@final
export class LogStep extends Step {
  constructor(
    private readonly level: LogLevel,
    private readonly text: Template,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    line.reset();
    this.text.write(x, Absent.IsEmpty, line);
    neutralise();
    host.log(this.level, line.view());
    return Outcome.Next;
  }
}

/** Cuts a log line to size. A value from outside must not be able to end it and begin another. */
function neutralise(): void {
  if (line.size > MAX_LINE) line.size = MAX_LINE;
  for (let at = line.base, stop = at + line.size; at < stop; at++) {
    if (load<u8>(at) < 0x20) store<u8>(at, 0x20);
  }
}

@final
export class StopStep extends Step {
  run(x: Exchange): Outcome {
    return Outcome.Stop;
  }
}
