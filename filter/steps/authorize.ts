// `authorize`: asks a service over HTTP whether the request may go on. The request is paused until
// the answer is there; no answer, a 5xx or nonsense counts as a failure, for which the step says
// what happens (default: refuse). RFC 9110 has 401 and 403 for denials; the service's own answer is
// passed on unless the step has one.
//
// With a `cache` requests of one key ask once: those that come meanwhile wait for the same answer
// (stream/inquiries.ts), which is kept for a while (stream/decisions.ts). Only answers are kept, never
// failures; one that sets cookies is for the request that asked, and so is one that says it is.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { end, equal, length, NONE, Span, sliceUnchecked, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as siphash from "../crypto/siphash";
import * as cacheControl from "../http/cache-control";
import { FieldList, MISSING } from "../http/field-list";
import { failures } from "../rules/expression";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";
import { StatusSet } from "../rules/status-pattern";
import { Absent, Template } from "../rules/template";
import { Answer, HttpAnswer } from "../stream/answer";
import { Reading } from "../stream/body-pipe";
import { send, UNASKABLE } from "../stream/callout";
import { Counter, count } from "../stream/counters";
import * as record from "../stream/decision";
import { Decision, Use } from "../stream/decision";
import { Decisions } from "../stream/decisions";
import { key as describeKey, flag, number, text } from "../stream/description";
import { Exchange, Refusal } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap, isPseudo } from "../stream/header-map";
import { isFraming } from "../stream/hop-by-hop";
import * as inquiries from "../stream/inquiries";
import { Asker, CommonAnswer } from "../stream/inquiries";
import { OnFailure, Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { Service } from "../stream/service";
import { FieldEdits } from "./field-edits";
import { sendAlong } from "./outgoing";
import { repeats } from "./repetition";
import { Response } from "./respond";

/** Of the service's body, this much is passed on to a client that is denied. */
const MAX_DENIAL_BODY: i32 = 64 * 1024;

/** The body is not sent along. */
const NO_BODY: i64 = -1;

const NO_KEY: StaticArray<Template> = [];

/** It begins to wait only now. */
const NO_DEADLINE: i64 = -1;

/** What `onError` says. */
export const enum OnError {
  Deny,
  Allow,
}

const fields = new FieldList(scratch);

/** The callout that `compose` has made; it is for the callback at hand. */
let method: Span = NONE;
let path: Span = NONE;
let body: Span = NONE;
/** A part of the question could not be told, and the step is to act on that. */
let isIncomplete: bool = false;

const key = Writer.create();

/** What a request that asks for itself needs when there is no answer. */
@unmanaged
@final
class Alone {
  /** Milliseconds since the epoch. */
  deadline: i64;
  retries: i32;
}

@final
export class AuthorizeStep extends Step {
  timeoutMs: i32 = 500;
  /** How often a callout without an answer is made again, while there is time. */
  retries: i32 = 0;
  method: Template | null = null;
  path: Template | null = null;
  send: StaticArray<Glob> = NO_GLOBS;
  sendSet: FieldEdits | null = null;
  /** So much of the body is sent along; NO_BODY: it is not. */
  mostBody: i64 = NO_BODY;
  /** Of a larger one the beginning is sent. */
  sendsPart: bool = false;
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
  /** Null: every request asks. */
  decisions: Decisions | null = null;
  /** What tells requests apart that the service may judge differently; none: all that is sent. */
  key: StaticArray<Template> = NO_KEY;
  /** What the answer itself says of being kept counts. */
  obeysCacheControl: bool = false;
  private readonly asker: StepAsker = new StepAsker(this);

  constructor(private readonly service: Service) {
    super();
    this.calls = true;
    this.isGuard = true;
  }

  /** Once all is set. */
  finish(): void {
    this.asker.timeoutMs = this.timeoutMs;
    this.asker.retries = this.retries;
  }

  run(x: Exchange): Outcome {
    if (this.mostBody >= 0) {
      const outcome = this.checkBody(x);
      if (outcome != Outcome.Next) return outcome;
    }
    const decisions = this.decisions;
    if (decisions == null) return this.askAlone(x, NO_DEADLINE);
    // Of what is said twice the key has one, and the service is sent all.
    const isComposed = this.key.length == 0 || repeats(x.request, this.send);
    if (isComposed) this.compose(x);
    if (!this.writeKey(x, decisions, isComposed)) return this.askAlone(x, NO_DEADLINE);
    const low = siphash.low;
    const high = siphash.high;
    const now = host.milliseconds();
    const kept = decisions.fresh(low, high, now);
    if (kept != null) {
      count(Counter.AuthorizeHit);
      return this.apply(x, kept, false);
    }
    count(Counter.AuthorizeMiss);
    return this.askTogether(x, low, high, isComposed);
  }

  // ---- the body

  /** Next when there is as much of the body as is sent, or none. */
  private checkBody(x: Exchange): Outcome {
    const pipe = x.requestBody;
    const isRead = pipe.reading == Reading.Ready || pipe.reading == Reading.Bare;
    const isTooLarge = isRead
      ? !this.sendsPart && (length(pipe.text()) as i64) > this.mostBody
      : pipe.isTooLargeToRead;
    if (isTooLarge) {
      x.refuse(Refusal.Limit, true);
      return Outcome.End;
    }
    // What the service cannot see it has not judged.
    return isRead ? Outcome.Next : this.fail(x, this.onFailure == OnFailure.Skip);
  }

  private bodyOf(x: Exchange): Span {
    const pipe = x.requestBody;
    if (this.mostBody < 0 || pipe.reading != Reading.Ready || pipe.isNone) return NONE;
    const text = pipe.text();
    return sliceUnchecked(text, 0, min(length(text) as i64, this.mostBody) as i32);
  }

  // ---- asking

  /** Makes the callout; the stream is the effective context. */
  private compose(x: Exchange): void {
    const before = failures;
    x.request.ensureLoaded();
    body = this.bodyOf(x);
    const methodOf = this.method;
    const pathOf = this.path;
    const byDefault = body == NONE ? field.get : field.post;
    method = methodOf == null ? byDefault : methodOf.evaluate(x, Absent.Skips, x.arena);
    path = pathOf == null ? x.request.first(field.path) : pathOf.evaluate(x, Absent.Skips, x.arena);
    fields.clear(x.arena);
    sendAlong(x.request, this.send, fields);
    if (body != NONE) this.describeBody(x);
    const edits = this.sendSet;
    if (edits != null) edits.run(x, fields);
    isIncomplete = failures != before && this.onFailure == OnFailure.Act;
  }

  /** The body is sent as it is now: decoded, if it came coded. */
  private describeBody(x: Exchange): void {
    fields.remove(field.contentEncoding);
    const type = x.request.first(field.contentType);
    if (type != NONE) fields.set(field.contentType, type);
  }

  /** Makes the key's hash of what tells this request apart, all that is sent included if it was composed;
   * false when it has no key. */
  private writeKey(x: Exchange, decisions: Decisions, isComposed: bool): bool {
    decisions.begin(key);
    const parts = this.key;
    for (let i = 0; i < parts.length; i++) {
      const part = unchecked(parts[i]).evaluate(x, Absent.Skips, scratch);
      if (part == NONE) return false;
      writePart(part);
    }
    if (!isComposed) return decisions.hash(key);
    if (fields.failed || method == NONE || path == NONE) return false;
    writePart(method);
    writePart(path);
    for (let i = 0; i < fields.count; i++) {
      writePart(fields.name(i));
      writePart(fields.value(i));
    }
    // An even number of parts is followed by one more: with a body and without are not the same.
    if (body != NONE) writePart(body);
    return decisions.hash(key);
  }

  /** Sends what was composed on behalf of the effective context. */
  private dispatch(timeoutMs: i32): i32 {
    if (isIncomplete) return UNASKABLE;
    return send(this.service, method, path, fields, body, timeoutMs);
  }

  /** Sends it on behalf of the plugin, so that it outlives the stream. */
  private dispatchForAll(x: Exchange, timeoutMs: i32): i32 {
    host.setEffectiveContext(x.root);
    const token = this.dispatch(timeoutMs);
    host.setEffectiveContext(x.id);
    return token;
  }

  /** For `x` and whoever wants to know the same. */
  ask(x: Exchange, timeoutMs: i32): i32 {
    this.compose(x);
    return this.dispatchForAll(x, timeoutMs);
  }

  private askTogether(x: Exchange, low: u64, high: u64, isComposed: bool): Outcome {
    const deadline = host.steadyMilliseconds() + (this.timeoutMs as i64);
    if (inquiries.join(low, high, x, deadline)) {
      count(Counter.AuthorizeCoalesced);
      return Outcome.Pause;
    }
    if (!isComposed) this.compose(x);
    const token = this.dispatchForAll(x, this.timeoutMs);
    if (token == UNASKABLE) return this.failUnaskable(x);
    if (token == host.NO_CALL) return this.withoutCallout(x, low, high);
    const begun = inquiries.begin(this.asker, low, high, x, token, deadline);
    return begun ? Outcome.Pause : this.fail(x, this.onError == OnError.Allow);
  }

  /** Asks for this stream only, which waits no longer than until `deadline`, if it has one already. */
  private askAlone(x: Exchange, deadline: i64): Outcome {
    let timeoutMs = this.timeoutMs;
    if (deadline != NO_DEADLINE) timeoutMs = (deadline - host.steadyMilliseconds()) as i32;
    if (timeoutMs <= 0) return this.fail(x, this.onError == OnError.Allow);
    x.stepState = 0;
    if (this.retries > 0) {
      const at = x.arena.allocate(offsetof<Alone>() as i32);
      if (at == 0) return this.fail(x, this.onError == OnError.Allow);
      const alone = changetype<Alone>(at);
      alone.deadline = host.steadyMilliseconds() + (timeoutMs as i64);
      alone.retries = this.retries;
      x.stepState = at;
    }
    this.compose(x);
    const token = this.dispatch(timeoutMs);
    if (token == UNASKABLE) return this.failUnaskable(x);
    const isOut = token != host.NO_CALL && x.wait(token, 0);
    return isOut ? Outcome.Pause : this.fail(x, this.onError == OnError.Allow);
  }

  // ---- answers

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    if (item == inquiries.COMMON) return this.resumeTogether(x, changetype<CommonAnswer>(answer));
    if (this.isNone(answer.status)) {
      const isAgain = x.stepState != 0 && this.retry(x, changetype<Alone>(x.stepState));
      return isAgain ? Outcome.Pause : this.fail(x, this.onError == OnError.Allow);
    }
    const decision = this.decide(changetype<HttpAnswer>(answer), x.arena);
    return decision == null
      ? this.fail(x, this.onError == OnError.Allow)
      : this.apply(x, decision, true);
  }

  private resumeTogether(x: Exchange, common: CommonAnswer): Outcome {
    if (common.isForAnother) return this.askAlone(x, common.deadline);
    if (common.decision == 0) return this.fail(x, this.onError == OnError.Allow);
    if (common.isStale) count(Counter.AuthorizeStale);
    return this.apply(x, changetype<Decision>(common.decision), false);
  }

  /** Sends the callout again, while there is time. */
  private retry(x: Exchange, alone: Alone): bool {
    const left = alone.deadline - host.steadyMilliseconds();
    if (alone.retries == 0 || left <= 0) return false;
    alone.retries--;
    this.compose(x);
    const token = this.dispatch(left as i32);
    if (token < 0 || !x.wait(token, 0)) return false;
    count(Counter.AuthorizeRetried);
    return true;
  }

  /** Whether that is no answer: none at all, or one of which nothing follows. */
  isNone(status: i32): bool {
    return !this.allow.has(status) && (status < 200 || status >= 500);
  }

  /** What all are told who waited for the answer. */
  conclude(low: u64, high: u64, answer: HttpAnswer, common: CommonAnswer): void {
    const decisions = this.decisions;
    const now = host.milliseconds();
    if (this.isNone(answer.status)) {
      if (decisions == null) return;
      const kept = decisions.stale(low, high, now);
      if (kept == null) return;
      // What is kept may go while they are told.
      const at = scratch.allocate(kept.size as i32);
      if (at == 0) return;
      common.decision = changetype<usize>(kept.copyTo(at));
      common.isStale = true;
      return;
    }
    const decision = this.decide(answer, scratch);
    if (decision == null) return;
    if (decisions != null) decisions.keep(low, high, decision, now);
    common.decision = changetype<usize>(decision);
    common.isForAnother = decision.isForOne;
  }

  /** The host has not sent the callout. */
  private withoutCallout(x: Exchange, low: u64, high: u64): Outcome {
    const kept = this.decisions!.stale(low, high, host.milliseconds());
    if (kept == null) return this.fail(x, this.onError == OnError.Allow);
    count(Counter.AuthorizeStale);
    return this.apply(x, kept, false);
  }

  /** What the service may not answer for is no reason to let pass what cannot even be asked about. */
  private failUnaskable(x: Exchange): Outcome {
    return this.fail(x, this.onFailure == OnFailure.Skip);
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

  // ---- decisions

  /** The answer as a decision in the arena; null when memory ran out. */
  private decide(answer: HttpAnswer, arena: Arena): Decision | null {
    const isAllowed = this.allow.has(answer.status);
    const headers = answer.headers;
    let setsCookies = false;
    record.begin();
    for (let i = 0; i < headers.count; i++) {
      const name = headers.name(i);
      const uses = isAllowed ? this.usesOf(name) : this.useOfDenial(name);
      if (uses == 0) continue;
      if (equal(name, field.setCookie)) setsCookies = true;
      record.add(name, headers.value(i), uses);
    }
    const isOwn = isAllowed || this.answersItself;
    const text = isOwn ? NONE : answer.body(MAX_DENIAL_BODY, arena);
    const made = record.end(answer.status, isAllowed, text, arena);
    if (made == null) return null;
    made.isForOne = setsCookies;
    if (this.obeysCacheControl) readCacheControl(headers, made);
    return made;
  }

  /** A denial has a body of our own. */
  private get answersItself(): bool {
    const denied = this.denied;
    return denied != null && (denied.text != null || denied.json != null);
  }

  private usesOf(name: Span): u32 {
    // How the service framed its answer says nothing of the messages that the others get.
    if (isPseudo(name) || isFraming(name)) return 0;
    return (
      (anyMatches(this.upstreamSet, name) ? Use.Set : 0) |
      (anyMatches(this.upstreamAppend, name) ? Use.Append : 0) |
      (anyMatches(this.client, name) ? Use.Client : 0)
    );
  }

  private useOfDenial(name: Span): u32 {
    return isPseudo(name) || isFraming(name) || !anyMatches(this.forward, name) ? 0 : Use.Denial;
  }

  /** Does what was decided. `isOwn`: the decision lies in the stream's arena. */
  private apply(x: Exchange, decision: Decision, isOwn: bool): Outcome {
    if (!decision.isAllowed) {
      count(Counter.AuthorizeDenied);
      this.deny(x, decision);
      return Outcome.End;
    }
    let at = decision.text;
    if (decision.count > 0 && !isOwn) at = decision.copyTexts(x.arena);
    if (at == 0) {
      x.refuse(Refusal.Memory, true);
      return Outcome.End;
    }
    count(Counter.AuthorizeAllowed);
    removeMatching(x.request, this.upstreamSet);
    removeMatching(x.request, this.upstreamRemove);
    for (let i = 0; i < decision.count; i++) {
      const name = span(at, decision.nameSize(i));
      const value = span(end(name), decision.valueSize(i));
      const uses = decision.usesOf(i);
      if (uses & Use.Set) x.request.add(name, value);
      if (uses & Use.Append) x.request.add(name, value);
      if (uses & Use.Client) x.clientHeaders.push(name, value, NONE);
      at = end(value);
    }
    x.reroute();
    return Outcome.Next;
  }

  private deny(x: Exchange, decision: Decision): void {
    fields.clear(x.arena);
    let at = decision.text;
    for (let i = 0; i < decision.count; i++) {
      const name = span(at, decision.nameSize(i));
      const value = span(end(name), decision.valueSize(i));
      fields.push(name, value, NONE);
      at = end(value);
    }
    const status = this.deniedStatus == 0 ? decision.status : this.deniedStatus;
    const denied = this.denied;
    if (denied != null && this.answersItself) {
      // A body of our own is not of the service's type.
      fields.remove(field.contentType);
      denied.sendWith(x, status, fields, reply.denied);
      return;
    }
    if (denied != null) {
      const edits = denied.edits;
      if (edits != null) edits.run(x, fields);
    }
    reply.send(x, status, reply.denied, fields, decision.body);
  }

  override describe(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    number(out, "timeout", this.timeoutMs);
    number(out, "onError", this.onError == OnError.Allow ? 0 : this.errorStatus);
    if (this.retries > 0) number(out, "retries", this.retries);
    if (this.mostBody >= 0) number(out, "sendsBody", this.mostBody);
    flag(out, "sendsPart", this.sendsPart);
    const decisions = this.decisions;
    if (decisions == null) return;
    describeKey(out, "cache");
    out.text('{"ttl":');
    out.integer(decisions.ttl);
    number(out, "denyTtl", decisions.denyTtl);
    number(out, "staleIfError", decisions.staleFor);
    number(out, "maxEntries", decisions.most);
    flag(out, "keyed", this.key.length > 0);
    flag(out, "obeysCacheControl", this.obeysCacheControl);
    out.byte(0x7d);
  }
}

/** The step, as the one who asks for several streams. */
@final
class StepAsker extends Asker {
  constructor(private readonly step: AuthorizeStep) {
    super();
  }

  ask(x: Exchange, timeoutMs: i32): i32 {
    return this.step.ask(x, timeoutMs);
  }

  isNone(status: i32): bool {
    return this.step.isNone(status);
  }

  conclude(low: u64, high: u64, answer: HttpAnswer, common: CommonAnswer): void {
    this.step.conclude(low, high, answer, common);
  }
}

/** What the answer says of being kept. */
function readCacheControl(headers: FieldList, made: Decision): void {
  cacheControl.begin();
  for (let i = headers.find(field.cacheControl); i != MISSING; ) {
    cacheControl.read(headers.value(i));
    i = headers.find(field.cacheControl, i + 1);
  }
  if (cacheControl.isForOne) made.isForOne = true;
  made.isStrict = cacheControl.mustRevalidate;
  const seconds = cacheControl.seconds();
  if (seconds != cacheControl.UNSAID) made.mostAge = seconds * 1000;
}

/** With its length: what two parts are made of can never be taken for two others. */
function writePart(part: Span): void {
  key.word(length(part));
  key.span(part);
}

function removeMatching(headers: HeaderMap, globs: StaticArray<Glob>): void {
  if (globs.length == 0) return;
  headers.ensureLoaded();
  for (let i = headers.count - 1; i >= 0; i = min(i, headers.count) - 1) {
    const name = headers.name(i);
    if (!isPseudo(name) && anyMatches(globs, name)) headers.remove(name);
  }
}
