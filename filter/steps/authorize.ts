// `authorize`: asks a service over HTTP whether the request may go on. The request is paused until
// the answer is there; no answer, a 5xx or nonsense counts as a failure, for which the step says
// what happens (default: refuse). RFC 9110 has 401 and 403 for denials; the service's own answer is
// passed on unless the step has one.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { equal, NONE } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";
import { StatusSet } from "../rules/status-pattern";
import { Absent, Template } from "../rules/template";
import { Answer, HttpAnswer } from "../stream/answer";
import { send, UNASKABLE } from "../stream/callout";
import { Counter, count } from "../stream/counters";
import { number, text } from "../stream/description";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap, isPseudo } from "../stream/header-map";
import { OnFailure, Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { Service } from "../stream/service";
import { FieldEdits } from "./field-edits";
import { sendAlong } from "./outgoing";
import { Response } from "./respond";

/** Of the service's body, this much is passed on to a client that is denied. */
const MAX_DENIAL_BODY: i32 = 64 * 1024;

/** What `onError` says. */
export const enum OnError {
  Deny,
  Allow,
}

const fields = new FieldList(scratch);

@final
export class AuthorizeStep extends Step {
  timeoutMs: i32 = 500;
  method: Template | null = null;
  path: Template | null = null;
  send: StaticArray<Glob> = NO_GLOBS;
  sendSet: FieldEdits | null = null;
  allow: StatusSet = new StatusSet();
  upstreamSet: StaticArray<Glob> = NO_GLOBS;
  upstreamAppend: StaticArray<Glob> = NO_GLOBS;
  upstreamRemove: StaticArray<Glob> = NO_GLOBS;
  client: StaticArray<Glob> = NO_GLOBS;
  denied: Response | null = null;
  /** Status of `denied`, or 0 for the service's own. */
  deniedStatus: i32 = 0;
  forward: StaticArray<Glob> = NO_GLOBS;
  onError: OnError = OnError.Deny;
  errorStatus: i32 = 403;

  constructor(private readonly service: Service) {
    super();
    this.calls = true;
    this.isGuard = true;
  }

  run(x: Exchange): Outcome {
    const token = this.call(x);
    // What the service may not answer for is no reason to let pass what cannot even be asked about.
    if (token == UNASKABLE) return this.fail(x, this.onFailure == OnFailure.Skip);
    if (token == host.NO_CALL) return this.fail(x, this.onError == OnError.Allow);
    return x.wait(token, 0) ? Outcome.Pause : this.fail(x, this.onError == OnError.Allow);
  }

  private call(x: Exchange): i32 {
    x.request.ensureLoaded();
    const method = this.method;
    const path = this.path;
    const methodText = method == null ? field.get : method.evaluate(x, Absent.Skips, x.arena);
    const pathText =
      path == null ? x.request.first(field.path) : path.evaluate(x, Absent.Skips, x.arena);
    fields.clear(x.arena);
    sendAlong(x.request, this.send, fields);
    const edits = this.sendSet;
    if (edits != null) edits.run(x, fields);
    return send(this.service, methodText, pathText, fields, host.EMPTY, this.timeoutMs);
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    const status = answer.status;
    if (this.allow.has(status)) {
      count(Counter.AuthorizeAllowed);
      this.admit(x, changetype<HttpAnswer>(answer).headers);
      return Outcome.Next;
    }
    if (status < 200 || status >= 500) return this.fail(x, this.onError == OnError.Allow);
    count(Counter.AuthorizeDenied);
    this.deny(x, changetype<HttpAnswer>(answer));
    return Outcome.End;
  }

  override describe(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    number(out, "timeout", this.timeoutMs);
    number(out, "onError", this.onError == OnError.Allow ? 0 : this.errorStatus);
  }

  private fail(x: Exchange, allows: bool): Outcome {
    count(Counter.AuthorizeFailed);
    if (allows) {
      // What the service alone may say must not come from the client instead.
      removeMatching(x.request, this.upstreamSet);
      removeMatching(x.request, this.upstreamRemove);
      return Outcome.Next;
    }
    reply.plain(x, this.errorStatus, reply.authorizeFailed);
    return Outcome.End;
  }

  private admit(x: Exchange, answer: FieldList): void {
    removeMatching(x.request, this.upstreamSet);
    removeMatching(x.request, this.upstreamRemove);
    for (let i = 0; i < answer.count; i++) {
      const name = answer.name(i);
      if (isPseudo(name)) continue;
      const value = answer.value(i);
      if (anyMatches(this.upstreamSet, name)) x.request.add(name, value);
      if (anyMatches(this.upstreamAppend, name)) x.request.add(name, value);
      if (anyMatches(this.client, name)) x.clientHeaders.push(name, value, NONE);
    }
    x.reroute();
  }

  private deny(x: Exchange, answer: HttpAnswer): void {
    fields.clear(x.arena);
    const headers = answer.headers;
    for (let i = 0; i < headers.count; i++) {
      const name = headers.name(i);
      const isFraming = equal(name, field.contentLength) || equal(name, field.transferEncoding);
      if (isPseudo(name) || isFraming || !anyMatches(this.forward, name)) continue;
      fields.push(name, headers.value(i), NONE);
    }
    const status = this.deniedStatus == 0 ? answer.status : this.deniedStatus;
    const denied = this.denied;
    if (denied != null && (denied.text != null || denied.json != null)) {
      // A body of our own is not of the service's type.
      fields.remove(field.contentType);
      denied.sendWith(x, status, fields, reply.denied);
      return;
    }
    if (denied != null) {
      const edits = denied.edits;
      if (edits != null) edits.run(x, fields);
    }
    reply.send(x, status, reply.denied, fields, answer.body(MAX_DENIAL_BODY, x.arena));
  }
}

function removeMatching(headers: HeaderMap, globs: StaticArray<Glob>): void {
  if (globs.length == 0) return;
  headers.ensureLoaded();
  for (let i = headers.count - 1; i >= 0; i = min(i, headers.count) - 1) {
    const name = headers.name(i);
    if (!isPseudo(name) && anyMatches(globs, name)) headers.remove(name);
  }
}
