// The small verbs: `set`, `stop`.

import { scratch } from "../abi/memory";
import { Value } from "../cel/index";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";

const value = Value.create();

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
export class StopStep extends Step {
  run(x: Exchange): Outcome {
    return Outcome.Stop;
  }
}
