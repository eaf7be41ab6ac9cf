// `forward`: asks the route's own upstream, by a callout, with a request made for that, and answers the
// client with what it says; or keeps that as `calls.NAME`. Nothing of the request itself goes on.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { length, NONE, Span } from "../bytes/span";
import { FieldList } from "../http/field-list";
import { Answer, HttpAnswer } from "../stream/answer";
import { send } from "../stream/callout";
import { Counter, count } from "../stream/counters";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { isPseudo } from "../stream/header-map";
import { isHopByHop, isNominated, isOfBody, isOfBytes } from "../stream/hop-by-hop";
import { Outcome } from "../stream/program";
import * as reply from "../stream/reply";
import { Service } from "../stream/service";
import { CalloutStep, NO_RESULT } from "./callout-step";
import { Outgoing } from "./outgoing";

const fields = new FieldList(scratch);
/** The upstream of the route at hand. */
const upstream = new Service();

/** Without a name the answer is the client's. */
@final
export class ForwardStep extends CalloutStep {
  mostBody: i32 = 0;

  constructor(private readonly request: Outgoing) {
    super();
  }

  /** What is asked decides nothing. */
  override get judges(): bool {
    return false;
  }

  run(x: Exchange): Outcome {
    const cluster = x.cluster();
    const token =
      cluster == NONE || length(cluster) == 0 ? host.NO_CALL : this.dispatch(x, cluster);
    return token >= 0 && x.wait(token, 0) ? Outcome.Pause : this.fail(x);
  }

  private dispatch(x: Exchange, cluster: Span): i32 {
    const headers = x.request;
    headers.ensureLoaded();
    const request = this.request;
    const body = request.body(x);
    if (request.isLost(body)) return host.NO_CALL;
    const method = request.methodOr(x, headers.first(field.method));
    const path = request.pathOr(x, headers.first(field.path));
    const isText = request.text != null;
    fields.clear(scratch);
    for (let i = 0; i < headers.count; i++) {
      const name = headers.name(i);
      // A text is most likely the request's own, decoded: it is still of that type.
      if (!goesOn(headers, name) || (isText ? isOfBytes(name) : isOfBody(name))) continue;
      fields.push(name, headers.value(i), NONE);
    }
    request.finish(x, fields);
    const authority = headers.first(field.authority);
    upstream.cluster = cluster;
    upstream.authority = authority == NONE ? cluster : authority;
    return send(upstream, method, path, fields, body, this.timeoutMs);
  }

  override resume(x: Exchange, given: Answer, item: i32): Outcome {
    const answer = changetype<HttpAnswer>(given);
    if (answer.status == 0 || answer.bodySize > this.mostBody) return this.fail(x);
    if (this.result != NO_RESULT) {
      if (!x.result(this.result).keep(answer, this.mostBody)) return this.fail(x);
      count(Counter.CallAnswered);
      return Outcome.Next;
    }
    const body = answer.body(this.mostBody, x.arena);
    if (body == NONE && answer.bodySize > 0) return this.fail(x);
    count(Counter.CallAnswered);
    fields.clear(x.arena);
    const headers = answer.headers;
    for (let i = 0; i < headers.count; i++) {
      const name = headers.name(i);
      if (goesOn(headers, name)) fields.push(name, headers.value(i), NONE);
    }
    reply.send(x, answer.status, reply.forwarded, fields, body);
    return Outcome.End;
  }

  private fail(x: Exchange): Outcome {
    count(Counter.CallFailed);
    return this.withoutAnswer(x, reply.forwardFailed);
  }
}

/** Whether the field of a message is for whoever it is passed on to. */
function goesOn(headers: FieldList, name: Span): bool {
  return !isPseudo(name) && !isHopByHop(name) && !isNominated(headers, name);
}
