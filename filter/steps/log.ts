// `log`: a line in the host's log.

import * as host from "../abi/host";
import { LogLevel } from "../abi/numbers";
import * as ascii from "../bytes/ascii";
import { Writer } from "../bytes/writer";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";
import * as credentials from "./credentials";
import { Ends } from "./parameters";
import * as redacted from "./redacted-scope";
import { Redaction, standard } from "./redaction";
import { everything, Sample } from "./sample";

const line = Writer.create();

/** More of a line than this is cut off: a log is no place to copy a body to. */
const MAX_LINE: u32 = 8 * 1024;

@final
export class LogStep extends Step {
  sample: Sample = everything;
  redaction: Redaction = standard;

  constructor(
    private readonly level: LogLevel,
    private readonly text: Template,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    if (!this.sample.isDrawn(x)) return Outcome.Next;
    line.reset();
    if (!this.text.isConstant) credentials.collect(x, this.redaction);
    this.text.write(redacted.open(x, this.redaction), Absent.IsEmpty, line);
    const text = line.view();
    const told = this.redaction.text(text, Ends.Text);
    if (told != text) {
      line.reset();
      line.span(told);
    }
    redacted.close();
    credentials.forget();
    neutralise();
    host.log(this.level, line.view());
    return Outcome.Next;
  }
}

/** Cuts a log line to size. A value from outside must not be able to end it and begin another. */
function neutralise(): void {
  if (line.size > MAX_LINE) line.size = MAX_LINE;
  ascii.blankControls(line.view());
}
