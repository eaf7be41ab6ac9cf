// `emit`: tells a service of the stream once it is done.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { NONE } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Delivery } from "../stream/delivery";
import { number } from "../stream/description";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";
import { writeApiEvent } from "./api-event";
import * as credentials from "./credentials";
import { JsonTemplate } from "./json-template";
import * as redacted from "./redacted-scope";
import { Redaction } from "./redaction";
import { everything, Sample } from "./sample";

const out = Writer.create();

@final
export class EmitStep extends Step {
  /** An event of the rule's own; null: the event `api`. */
  json: JsonTemplate | null = null;
  /** Of which streams. */
  sample: Sample = everything;
  /** Of bodies, so much is told. */
  mostBody: i32 = 0;

  constructor(
    private readonly delivery: Delivery,
    private readonly redaction: Redaction,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    if (!this.sample.isDrawn(x)) return Outcome.Next;
    if (this.json == null) {
      x.request.ensureLoaded();
      x.response.ensureLoaded();
    }
    credentials.collect(x, this.redaction);
    this.tell(x);
    credentials.forget();
    return Outcome.Next;
  }

  private tell(x: Exchange): void {
    const json = this.json;
    const now = host.milliseconds();
    if (json != null) {
      const made = json.evaluate(redacted.open(x, this.redaction), scratch);
      redacted.close();
      const event = made == NONE ? NONE : this.redaction.document(made);
      if (event != NONE) this.delivery.add(event, now, x.id);
      else this.delivery.lose();
      return;
    }
    out.reset();
    writeApiEvent(x, this.redaction, out);
    if (out.failed) this.delivery.lose();
    else this.delivery.add(out.view(), now, x.id);
  }

  override describe(out: Writer): void {
    this.delivery.describeTo(out);
    number(out, "sample", this.sample.share);
    number(out, "maxBody", this.mostBody);
  }
}
