// `call`: asks a service over HTTP and keeps what it says as `calls.NAME`. `parallel`: several callouts
// at a time, some of which may wait for others. The message, or task, waits for the answers; when a
// stream is done nobody does, and the callout goes out for its effect alone.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { forgive, refusals } from "../bytes/arena";
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
import { key, number, text } from "../stream/description";
import { Exchange, MAX_CALLS } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { Service } from "../stream/service";
import { CalloutStep, NO_RESULT } from "./callout-step";
import { Outgoing, sendAlong } from "./outgoing";

const fields = new FieldList(scratch);

/** What is left to a callout that is out: times to make it again, and until when. */
@unmanaged
@final
class Attempts {
  /** Milliseconds since the epoch. */
  deadline: i64;
  left: i32;
}

const ATTEMPTS: i32 = offsetof<Attempts>() as i32;

@final
export class CallStep extends CalloutStep {
  /** Headers of the request that are sent along. */
  send: StaticArray<Glob> = NO_GLOBS;
  mostBody: i32 = 0;
  /** How often a callout without an answer is made again, while there is time. */
  retries: i32 = 0;

  constructor(
    private readonly service: Service,
    private readonly request: Outgoing,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    x.stepState = this.retries > 0 && x.phase != Phase.Done ? x.arena.allocate(ATTEMPTS) : 0;
    return this.start(x, 0, x.stepState);
  }

  /** Sends the callout: Pause while it is out, else what the message has to suffer. `attempts`: room for
   * Attempts, or 0 where it is not made again. */
  start(x: Exchange, item: i32, attempts: usize): Outcome {
    const token = this.dispatch(x, this.timeoutMs);
    if (x.phase == Phase.Done) {
      count(token < 0 ? Counter.CallFailed : Counter.CallSent);
      return Outcome.Next;
    }
    if (attempts != 0) {
      const kept = changetype<Attempts>(attempts);
      kept.left = this.retries;
      kept.deadline = host.steadyMilliseconds() + (this.timeoutMs as i64);
    }
    if (token >= 0 && x.wait(token, item)) return Outcome.Pause;
    if (this.result != NO_RESULT) x.result(this.result).fail(result.notSent);
    return this.fail(x);
  }

  private dispatch(x: Exchange, timeoutMs: i32): i32 {
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
    const token = send(this.service, method, path, fields, body, timeoutMs);
    if (isDone) host.setEffectiveContext(x.id);
    return token;
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    return this.hear(x, answer, item, x.stepState);
  }

  /** Goes on with the answer; Pause when the callout was made again. */
  hear(x: Exchange, answer: Answer, item: i32, attempts: usize): Outcome {
    // Envoy answers 503 or 504 itself when a service cannot be reached or is late (measured on 1.40):
    // nothing tells that from the service's own.
    const isNone = answer.status < 200 || answer.status >= 500;
    if (isNone && attempts != 0 && this.again(x, item, changetype<Attempts>(attempts)))
      return Outcome.Pause;
    if (!this.keep(x, changetype<HttpAnswer>(answer)) || isNone) return this.fail(x);
    count(Counter.CallAnswered);
    return Outcome.Next;
  }

  /** False when there is no memory for the answer: that is a call without one, as `onError` has it. */
  private keep(x: Exchange, answer: HttpAnswer): bool {
    if (this.result == NO_RESULT) return true;
    const refused = refusals();
    if (x.result(this.result).keep(answer, this.mostBody)) return true;
    count(Counter.OutOfMemory);
    forgive(refused);
    return false;
  }

  private again(x: Exchange, item: i32, attempts: Attempts): bool {
    const time = attempts.deadline - host.steadyMilliseconds();
    if (attempts.left == 0 || time <= 0) return false;
    attempts.left--;
    const token = this.dispatch(x, time as i32);
    if (token < 0 || !x.wait(token, item)) return false;
    count(Counter.CallRetried);
    return true;
  }

  private fail(x: Exchange): Outcome {
    count(Counter.CallFailed);
    x.callFailed = true;
    return this.withoutAnswer(x, reply.callFailed);
  }

  override describe(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    super.describe(out);
    if (this.retries > 0) number(out, "retries", this.retries);
  }
}

/** What has become of the callouts of a ParallelStep: bits. */
@unmanaged
@final
class Progress {
  started: u32;
  over: u32;
  /** Attempts of each of them, one after another; 0: none is made again. */
  attempts: usize;
}

@final
export class ParallelStep extends Step {
  private readonly steps: CallStep[] = [];
  /** One of them is made again where there is no answer. */
  private retries: bool = false;
  /** For each the callouts, as bits, that it waits for. */
  private readonly needs: StaticArray<u32> = new StaticArray<u32>(MAX_CALLS);

  constructor() {
    super();
    this.calls = true;
  }

  // ---- while it is decoded

  add(step: CallStep): void {
    this.steps.push(step);
    if (step.retries > 0) this.retries = true;
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
    progress.attempts = this.retries ? x.arena.allocate(this.steps.length * ATTEMPTS) : 0;
    x.stepState = at;
    return this.advance(x, progress);
  }

  override get leaves(): bool {
    for (let i = 0; i < this.steps.length; i++) {
      if (this.steps[i].leaves) return true;
    }
    return false;
  }

  override leaveUnknown(x: Exchange): void {
    for (let i = 0; i < this.steps.length; i++) unchecked(this.steps[i]).leaveUnknown(x);
  }

  override resume(x: Exchange, answer: Answer, item: i32): Outcome {
    const progress = changetype<Progress>(x.stepState);
    const outcome = unchecked(this.steps[item]).hear(x, answer, item, attemptsOf(progress, item));
    if (outcome == Outcome.Pause) return outcome;
    progress.over |= 1 << item;
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
      if (verdict == Verdict.Failed) step.leaveUnknown(x);
      const outcome = isAsked ? step.start(x, i, attemptsOf(progress, i)) : Outcome.Next;
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

/** Where the Attempts of that callout are; 0: it has none. */
function attemptsOf(progress: Progress, i: i32): usize {
  return progress.attempts == 0 ? 0 : progress.attempts + i * ATTEMPTS;
}
