// `call`: asks a service over HTTP and keeps what it says as `calls.NAME`. `parallel`: several callouts
// at a time, some of which may wait for others. The message, or task, waits for the answers; when a
// stream is done nobody does, and the callout goes out for its effect alone.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { NONE } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { Verdict } from "../rules/expression";
import { Glob, NO_GLOBS } from "../rules/glob";
import { Phase } from "../rules/name";
import { Answer, HttpAnswer } from "../stream/answer";
import * as result from "../stream/call-result";
import { send } from "../stream/callout";
import { Counter, count } from "../stream/counters";
import { key, text } from "../stream/description";
import { Exchange, MAX_CALLS } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { Service } from "../stream/service";
import { CalloutStep, NO_RESULT } from "./callout-step";
import { Outgoing, sendAlong } from "./outgoing";

const fields = new FieldList(scratch);

@final
export class CallStep extends CalloutStep {
  /** Headers of the request that are sent along. */
  send: StaticArray<Glob> = NO_GLOBS;
  mostBody: i32 = 0;

  constructor(
    private readonly service: Service,
    private readonly request: Outgoing,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    return this.start(x, 0);
  }

  /** Sends the callout: Pause while it is out, else what the message has to suffer. */
  start(x: Exchange, item: i32): Outcome {
    const token = this.dispatch(x);
    if (x.phase == Phase.Done) {
      count(token < 0 ? Counter.CallFailed : Counter.CallSent);
      return Outcome.Next;
    }
    if (token >= 0 && x.wait(token, item)) return Outcome.Pause;
    if (this.result != NO_RESULT) x.result(this.result).fail(result.notSent);
    return this.fail(x);
  }

  private dispatch(x: Exchange): i32 {
    const request = this.request;
    const body = request.body(x);
    if (request.isLost(body)) return host.NO_CALL;
    const method = request.methodOr(x, body == NONE ? field.get : field.post);
    const path = request.pathOr(x, field.root);
    fields.clear(scratch);
    if (this.send.length > 0) {
      x.request.ensureLoaded();
      sendAlong(x.request, this.send, fields);
    }
    request.finish(x, fields);
    const isDone = x.phase == Phase.Done;
    // It must outlive the stream.
    if (isDone) host.setEffectiveContext(x.root);
    const token = send(this.service, method, path, fields, body, this.timeoutMs);
    if (isDone) host.setEffectiveContext(x.id);
    return token;
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    const isKept =
      this.result == NO_RESULT ||
      x.result(this.result).keep(changetype<HttpAnswer>(answer), this.mostBody);
    // Envoy answers 503 or 504 itself when a service cannot be reached or is late (measured on 1.40):
    // nothing tells that from the service's own.
    if (!isKept || answer.status < 200 || answer.status >= 500) return this.fail(x);
    count(Counter.CallAnswered);
    return Outcome.Next;
  }

  private fail(x: Exchange): Outcome {
    count(Counter.CallFailed);
    x.callFailed = true;
    return this.withoutAnswer(x, reply.callFailed);
  }

  override describe(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    super.describe(out);
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
    progress.over |= 1 << item;
    const outcome = unchecked(this.steps[item]).resume(x, answer, item);
    return outcome == Outcome.End ? outcome : this.advance(x, progress);
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
      const outcome = isAsked ? step.start(x, i) : Outcome.Next;
      if (outcome == Outcome.Pause) {
        i++;
        continue;
      }
      progress.over |= bit;
      if (outcome == Outcome.End) return outcome;
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
