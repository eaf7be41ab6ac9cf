// `cookies`: edits of the request's cookies. All Cookie lines become one, as RFC 6265 5.4 has it,
// and only if something changed.

import { scratch } from "../abi/memory";
import { equal, NONE } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as cookies from "../http/cookie";
import { FieldList, MISSING } from "../http/field-list";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Step } from "../stream/program";
import { FieldEdits } from "./field-edits";

const list = new FieldList(scratch);
const line = Writer.create();

@final
export class CookiesStep extends Step {
  constructor(private readonly edits: FieldEdits) {
    super();
  }

  run(x: Exchange): Outcome {
    const request = x.request;
    request.ensureLoaded();
    list.clear(x.arena);
    let lines = 0;
    for (let i = request.find(field.cookie); i != MISSING; i = request.find(field.cookie, i + 1)) {
      cookies.parse(request.value(i), list);
      lines++;
    }
    line.reset();
    cookies.write(list, line);
    const before = line.failed ? NONE : copy(line.view(), scratch);
    this.edits.run(x, list);
    if (list.failed || before == NONE) return Outcome.Next;
    if (list.count == 0) {
      if (lines > 0) {
        request.remove(field.cookie);
        x.reroute();
      }
      return Outcome.Next;
    }
    line.reset();
    cookies.write(list, line);
    if (line.failed || equal(line.view(), before)) return Outcome.Next;
    const kept = copy(line.view(), x.arena);
    if (kept == NONE) return Outcome.Next;
    request.set(field.cookie, kept);
    x.reroute();
    return Outcome.Next;
  }
}
