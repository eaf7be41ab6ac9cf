// `call`: asks a service over HTTP and keeps what it says as `calls.NAME`. `parallel`: several callouts
// at a time, some of which may wait for others. The message, or task, waits for the answers; when a
// stream is done nobody does, and the callout goes out for its effect alone.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { Verdict } from "../rules/expression";
import { anyMatches, Glob, NO_GLOBS } from "../rules/glob";
import { Phase } from "../rules/name";
import { Absent, Template } from "../rules/template";
import { Answer, HttpAnswer } from "../stream/answer";
import * as result from "../stream/call-result";
import { send } from "../stream/callout";
import { Counter, count } from "../stream/counters";
import { key, number, text } from "../stream/description";
import { Exchange, MAX_CALLS } from "../stream/exchange";
import * as field from "../stream/field-names";
import { isPseudo } from "../stream/header-map";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { Service } from "../stream/service";
import { FieldEdits } from "./field-edits";
import { JsonTemplate } from "./json-template";

/** What a message has to suffer when there is no answer. */
export const enum OnNoAnswer {
  GoOn,
  Refuse,
}

/** No name was given. */
const NO_RESULT: i32 = -1;

const fields = new FieldList(scratch);

@final
export class CallStep extends Step {
  timeoutMs: i32 = 500;
  method: Template | null = null;
  path: Template | null = null;
  /** Headers of the request that are sent along. */
  send: StaticArray<Glob> = NO_GLOBS;
  fields: FieldEdits | null = null;
  /** At most one of the two. */
  text: Template | null = null;
  json: JsonTemplate | null = null;
  mostBody: i32 = 0;
  /** Among the program's callouts with a name. */
  result: i32 = NO_RESULT;
  onNoAnswer: OnNoAnswer = OnNoAnswer.GoOn;
  errorStatus: i32 = 503;

  constructor(private readonly service: Service) {
    super();
    this.calls = true;
  }

  run(x: Exchange): Outcome {
    return this.start(x, 0) ? Outcome.Pause : this.outcome(x);
  }

  /** Sends the callout; false when no answer will come, or nobody waits for it. */
  start(x: Exchange, item: i32): bool {
    this.hasFailed = false;
    if (x.phase == Phase.Done) {
      const token = this.dispatch(x);
      count(token < 0 ? Counter.CallFailed : Counter.CallSent);
      return false;
    }
    const token = this.dispatch(x);
    if (token >= 0 && x.wait(token, item)) return true;
    this.fail(x, result.notSent);
    return false;
  }

  private dispatch(x: Exchange): i32 {
    const body = this.body(x);
    const method = this.method;
    const path = this.path;
    const methodText =
      method != null
        ? method.evaluate(x, Absent.Skips, scratch)
        : body == NONE
          ? field.get
          : field.post;
    const pathText = path != null ? path.evaluate(x, Absent.Skips, scratch) : field.root;
    fields.clear(scratch);
    if (this.send.length > 0) {
      x.request.ensureLoaded();
      for (let i = 0; i < x.request.count; i++) {
        const name = x.request.name(i);
        if (!isPseudo(name) && anyMatches(this.send, name))
          fields.push(name, x.request.value(i), NONE);
      }
    }
    if (this.json != null) fields.push(field.contentType, field.applicationJson, NONE);
    const edits = this.fields;
    if (edits != null) edits.run(x, fields);
    if (x.phase != Phase.Done)
      return send(this.service, methodText, pathText, fields, body, this.timeoutMs);
    // It must outlive the stream.
    host.setEffectiveContext(x.root);
    const token = send(this.service, methodText, pathText, fields, body, this.timeoutMs);
    host.setEffectiveContext(x.id);
    return token;
  }

  private body(x: Exchange): Span {
    const text = this.text;
    const json = this.json;
    if (text != null) return text.evaluate(x, Absent.IsEmpty, scratch);
    return json != null ? json.evaluate(x, scratch) : NONE;
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    this.keep(x, answer);
    return this.outcome(x);
  }

  /** Keeps what came. */
  keep(x: Exchange, answer: Answer): void {
    // Envoy answers 503 or 504 itself when a service cannot be reached or is late (measured on 1.40):
    // nothing tells that from the service's own.
    this.hasFailed = answer.status < 200 || answer.status >= 500;
    count(this.hasFailed ? Counter.CallFailed : Counter.CallAnswered);
    if (this.hasFailed) x.callFailed = true;
    if (this.result != NO_RESULT)
      x.result(this.result).keep(changetype<HttpAnswer>(answer), this.mostBody);
  }

  private fail(x: Exchange, why: Span): void {
    count(Counter.CallFailed);
    this.hasFailed = true;
    x.callFailed = true;
    if (this.result != NO_RESULT) x.result(this.result).fail(why);
  }

  /** Whether the callout that was dealt with last had no answer. */
  hasFailed: bool = false;

  /** What the message has to suffer, the callout being over. */
  outcome(x: Exchange): Outcome {
    if (!this.hasFailed || this.onNoAnswer == OnNoAnswer.GoOn) return Outcome.Next;
    reply.plain(x, this.errorStatus, reply.callFailed);
    return Outcome.End;
  }

  override describe(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    number(out, "timeout", this.timeoutMs);
    number(out, "onError", this.onNoAnswer == OnNoAnswer.GoOn ? 0 : this.errorStatus);
  }
}

/** What has become of the callouts of a ParallelStep: bits. */
@unmanaged
@final
class Progress {
  started: u32;
  over: u32;
}

@final
export class ParallelStep extends Step {
  private readonly steps: CallStep[] = [];
  /** For each the callouts, as bits, that it waits for. */
  private readonly needs: StaticArray<u32> = new StaticArray<u32>(MAX_CALLS);

  constructor() {
    super();
    this.calls = true;
  }

  // ---- while it is decoded

  add(step: CallStep): void {
    this.steps.push(step);
    if (step.isGuard) this.isGuard = true;
  }

  /** The callout that leaves its result there, or -1. */
  indexOf(result: i32): i32 {
    for (let i = 0; i < this.steps.length; i++) {
      if (result >= 0 && this.steps[i].result == result) return i;
    }
    return -1;
  }

  need(i: i32, needed: i32): void {
    this.needs[i] |= 1 << needed;
  }

  /** The first callout that would never start, or -1. */
  firstInCycle(): i32 {
    let over: u32 = 0;
    for (let round = 0; round < this.steps.length; round++) {
      for (let i = 0; i < this.steps.length; i++) {
        if ((this.needs[i] & ~over) == 0) over |= 1 << i;
      }
    }
    for (let i = 0; i < this.steps.length; i++) {
      if ((over & (1 << i)) == 0) return i;
    }
    return -1;
  }

  // ---- while it runs

  run(x: Exchange): Outcome {
    const at = x.arena.allocate(offsetof<Progress>() as i32);
    if (at == 0) {
      x.outOfMemory = true;
      reply.plain(x, 503, reply.outOfMemory);
      return Outcome.End;
    }
    const progress = changetype<Progress>(at);
    progress.started = 0;
    progress.over = 0;
    x.stepState = at;
    return this.advance(x, progress);
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    const progress = changetype<Progress>(x.stepState);
    const step = unchecked(this.steps[item]);
    step.keep(x, answer);
    progress.over |= 1 << item;
    return step.outcome(x) == Outcome.End ? Outcome.End : this.advance(x, progress);
  }

  /** Starts what waits for nothing any more, until nothing is left to start. */
  private advance(x: Exchange, progress: Progress): Outcome {
    const n = this.steps.length;
    for (let i = 0; i < n; ) {
      const bit: u32 = 1 << i;
      const isReady = (unchecked(this.needs[i]) & ~progress.over) == 0;
      if ((progress.started & bit) != 0 || !isReady) {
        i++;
        continue;
      }
      progress.started |= bit;
      const step = unchecked(this.steps[i]);
      const when = step.when;
      const verdict = when == null ? Verdict.Yes : when.test(x);
      const isAsked = verdict == Verdict.Yes || (verdict == Verdict.Failed && step.isGuard);
      if (isAsked && step.start(x, i)) {
        i++;
        continue;
      }
      progress.over |= bit;
      if (isAsked && step.outcome(x) == Outcome.End) return Outcome.End;
      // Others may have waited for it.
      i = 0;
    }
    const all: u32 = n == 32 ? u32.MAX_VALUE : (1 << n) - 1;
    return progress.over == all ? Outcome.Next : Outcome.Pause;
  }

  override describe(out: Writer): void {
    key(out, "calls");
    for (let i = 0; i < this.steps.length; i++) {
      out.text(i == 0 ? '[{"needs":' : ',{"needs":');
      out.integer(unchecked(this.needs[i]));
      this.steps[i].describe(out);
      out.byte(0x7d);
    }
    out.byte(0x5d);
  }
}
