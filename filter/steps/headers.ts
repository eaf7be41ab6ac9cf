// `headers`: edits of the request's or the response's headers.

import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";
import { FieldEdits } from "./field-edits";

@final
export class HeadersStep extends Step {
  constructor(
    private readonly edits: FieldEdits,
    private readonly isResponse: bool,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    this.edits.run(x, this.isResponse ? x.response : x.request);
    if (!this.isResponse) x.reroute();
    return Outcome.Next;
  }
}
