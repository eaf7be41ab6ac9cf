// `form`: edits of the fields of an urlencoded or multipart form. The walk has waited for the body, so
// that later expressions see what became of it.

import { scratch } from "../abi/memory";
import { equal, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { isMediaType } from "../http/media-type";
import * as multipart from "../http/multipart";
import * as query from "../http/query";
import { Reading } from "../stream/body-pipe";
import { Counter, count } from "../stream/counters";
import { Exchange, Refusal } from "../stream/exchange";
import * as field from "../stream/field-names";
import { OnFailure, Outcome, Step } from "../stream/program";
import { FieldEdits } from "./field-edits";

const list = new FieldList(scratch);
const result = Writer.create();

@final
export class FormStep extends Step {
  constructor(private readonly edits: FieldEdits) {
    super();
    this.readsBody = true;
  }

  run(x: Exchange): Outcome {
    const body = x.requestBody;
    if (body.isNone) return Outcome.Next;
    const type = x.request.get(field.contentType);
    const isReadable = body.reading == Reading.Ready && type != NONE;
    if (isReadable && this.edit(x, type)) {
      const edited = result.view();
      if (!equal(edited, body.text()) && !body.rewrite(edited)) {
        x.refuse(Refusal.Memory, true);
        return Outcome.End;
      }
      return Outcome.Next;
    }
    count(Counter.BodySkippedInvalid);
    if (this.onFailure != OnFailure.Deny) return Outcome.Next;
    x.refuse(Refusal.Invalid, true);
    return Outcome.End;
  }

  /** The form as edited, in `result`; false when it is none. */
  private edit(x: Exchange, type: Span): bool {
    result.reset();
    if (!x.parseForm(list, true)) return false;
    this.edits.run(x, list);
    if (list.failed) return false;
    if (isMediaType(type, field.multipartForm)) return multipart.write(list, result);
    query.closeGap(list);
    query.write(list, result);
    return !result.failed;
  }
}
