// What steps that ask somebody have in common: how long they wait, where the answer is kept, and what the
// message has to suffer when there is none.

import { Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { number } from "../stream/description";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";

/** The answer has no name. */
export const NO_RESULT: i32 = -1;

export abstract class CalloutStep extends Step {
  timeoutMs: i32 = 500;
  /** Among the program's callouts with a name. */
  result: i32 = NO_RESULT;
  /** With what the message is refused when there is no answer; 0: it goes on. */
  errorStatus: i32 = 0;

  constructor() {
    super();
    this.calls = true;
  }

  /** What the message has to suffer without an answer. */
  protected withoutAnswer(x: Exchange, details: Span): Outcome {
    if (this.errorStatus == 0) return Outcome.Next;
    reply.plain(x, this.errorStatus, details);
    return Outcome.End;
  }

  override get leaves(): bool {
    return this.result != NO_RESULT;
  }

  override leaveUnknown(x: Exchange): void {
    if (this.result != NO_RESULT) x.result(this.result).isUnknown = true;
  }

  override describe(out: Writer): void {
    number(out, "timeout", this.timeoutMs);
    number(out, "onError", this.errorStatus);
  }
}
