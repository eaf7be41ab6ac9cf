// `form`: edits of the fields of an urlencoded or multipart form. The walk has waited for the body, so
// that later expressions see what became of it.

import { scratch } from "../abi/memory";
import { equal, length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { isMediaType } from "../http/media-type";
import * as multipart from "../http/multipart";
import * as query from "../http/query";
import { BodyPipe, Reading } from "../stream/body-pipe";
import { Counter, count } from "../stream/counters";
import { Exchange, Refusal } from "../stream/exchange";
import * as field from "../stream/field-names";
import { OnFailure, Outcome, Step, UNLIMITED } from "../stream/program";
import { FieldEdits } from "./field-edits";

const list = new FieldList(scratch);
const result = Writer.create();

@final
export class FormStep extends Step {
  /** What is held of a form; UNLIMITED: what is read of any body. */
  maxSize: i64 = UNLIMITED;
  /** A larger one is refused, or passed on whatever else fails. */
  rejects: bool = false;
  skips: bool = false;

  constructor(private readonly edits: FieldEdits) {
    super();
    this.readsBody = true;
  }

  run(x: Exchange): Outcome {
    const body = x.requestBody;
    if (body.isNone) return Outcome.Next;
    if (this.isTooLarge(body)) return this.passOver(x);
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

  /** Of what cannot be read, whether that is why. */
  private isTooLarge(body: BodyPipe): bool {
    if (body.reading != Reading.Ready) return body.isTooLargeToRead;
    return this.maxSize != UNLIMITED && (length(body.text()) as i64) > this.maxSize;
  }

  private passOver(x: Exchange): Outcome {
    if (this.rejects || (this.onFailure == OnFailure.Deny && !this.skips)) {
      x.refuse(Refusal.Limit, true);
      return Outcome.End;
    }
    // What could not be read is counted already.
    if (x.requestBody.reading == Reading.Ready) count(Counter.BodySkippedSize);
    return Outcome.Next;
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
