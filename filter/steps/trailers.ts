// `trailers`: edits of the fields that follow a response's body. The step only says that they are wanted; they
// are carried out when trailers come, with values as of then. A response that ends without any gets none: a
// host tells a filter of trailers only where there are some.

import { Exchange } from "../stream/exchange";
import { Outcome, TrailersEdit } from "../stream/program";
import { FieldEdits } from "./field-edits";

@final
export class TrailersStep extends TrailersEdit {
  constructor(private readonly edits: FieldEdits) {
    super();
  }

  run(x: Exchange): Outcome {
    return x.awaitTrailers(this);
  }

  edit(x: Exchange): void {
    this.edits.run(x, x.responseTrailers);
  }
}
