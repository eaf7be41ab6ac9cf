// `forward`: asks the route's own upstream, by a callout, with a request made for that, and answers the
// client with what it says; or keeps that as `calls.NAME`. Nothing of the request itself goes on.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { equal, length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { Absent, Template } from "../rules/template";
import { Answer, HttpAnswer } from "../stream/answer";
import { sendTo } from "../stream/callout";
import { Counter, count } from "../stream/counters";
import { number } from "../stream/description";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { isPseudo } from "../stream/header-map";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { FieldEdits } from "./field-edits";
import { JsonTemplate } from "./json-template";

/** The answer has no name: it is the client's. */
const NO_RESULT: i32 = -1;

const fields = new FieldList(scratch);

@final
export class ForwardStep extends Step {
  timeoutMs: i32 = 0;
  method: Template | null = null;
  path: Template | null = null;
  fields: FieldEdits | null = null;
  /** At most one of the two. */
  text: Template | null = null;
  json: JsonTemplate | null = null;
  mostBody: i32 = 0;
  result: i32 = NO_RESULT;
  errorStatus: i32 = 502;

  constructor() {
    super();
    this.calls = true;
  }

  run(x: Exchange): Outcome {
    const cluster = x.cluster();
    const token =
      cluster == NONE || length(cluster) == 0 ? host.NO_CALL : this.dispatch(x, cluster);
    return token >= 0 && x.wait(token, 0) ? Outcome.Pause : this.fail(x);
  }

  private dispatch(x: Exchange, cluster: Span): i32 {
    const request = x.request;
    request.ensureLoaded();
    const method = this.method;
    const path = this.path;
    const methodText =
      method == null ? request.first(field.method) : method.evaluate(x, Absent.Skips, scratch);
    const pathText =
      path == null ? request.first(field.path) : path.evaluate(x, Absent.Skips, scratch);
    const text = this.text;
    const json = this.json;
    let body = NONE;
    if (text != null) body = text.evaluate(x, Absent.IsEmpty, scratch);
    else if (json != null) body = json.evaluate(x, scratch);
    fields.clear(scratch);
    for (let i = 0; i < request.count; i++) {
      const name = request.name(i);
      if (isPseudo(name) || isFraming(name)) continue;
      if (json != null && equal(name, field.contentType)) continue;
      fields.push(name, request.value(i), NONE);
    }
    if (json != null) fields.push(field.contentType, field.applicationJson, NONE);
    const edits = this.fields;
    if (edits != null) edits.run(x, fields);
    const authority = request.first(field.authority);
    return sendTo(
      cluster,
      authority == NONE ? cluster : authority,
      methodText,
      pathText,
      fields,
      body,
      this.timeoutMs,
    );
  }

  override resume(x: Exchange, given: Answer, item: i32): Outcome {
    const answer = changetype<HttpAnswer>(given);
    if (answer.status == 0 || answer.bodySize > this.mostBody) return this.fail(x);
    count(Counter.CallAnswered);
    if (this.result != NO_RESULT) {
      x.result(this.result).keep(answer, this.mostBody);
      return Outcome.Next;
    }
    fields.clear(x.arena);
    const headers = answer.headers;
    for (let i = 0; i < headers.count; i++) {
      const name = headers.name(i);
      if (!isPseudo(name) && !isFraming(name)) fields.push(name, headers.value(i), NONE);
    }
    reply.send(x, answer.status, reply.forwarded, fields, answer.body(this.mostBody, x.arena));
    return Outcome.End;
  }

  private fail(x: Exchange): Outcome {
    count(Counter.CallFailed);
    reply.plain(x, this.errorStatus, reply.forwardFailed);
    return Outcome.End;
  }

  override describe(out: Writer): void {
    number(out, "timeout", this.timeoutMs);
    number(out, "onError", this.errorStatus);
  }
}

/** Whether the field is about one hop or one message only (RFC 9110 7.6.1, 8.6). */
function isFraming(name: Span): bool {
  return (
    equal(name, field.contentLength) ||
    equal(name, field.transferEncoding) ||
    equal(name, field.connection) ||
    equal(name, field.keepAlive) ||
    equal(name, field.te) ||
    equal(name, field.trailer) ||
    equal(name, field.upgrade) ||
    equal(name, field.expect)
  );
}
