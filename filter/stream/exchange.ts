// One HTTP stream: which rules apply to it, which step is next, what waits for what. The object is
// pooled; everything that belongs to the stream lies in its arena and is gone when it closes.
//
// A phase is a walk over the candidate rules and their steps. Header steps act at once; body steps
// add edits to the body's pipe; a callout pauses the walk and its answer resumes it at the same place.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { BufferType, DataAction, HeadersAction, LogLevel, StreamType } from "../abi/numbers";
import { Arena, ranOut } from "../bytes/arena";
import { EMPTY_SET } from "../bytes/ordered-set";
import { equal, length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { doubts, Failure, Value } from "../cel/index";
import { isDoubtfulParameter, namesCharset } from "../http/ambiguity";
import { Format, formatOf } from "../http/events";
import { FieldList } from "../http/field-list";
import { hasPlainParameters, isMediaType } from "../http/media-type";
import * as multipart from "../http/multipart";
import * as query from "../http/query";
import { hits, propose } from "../match/index";
import { Expression, failures, Verdict, writeFailure } from "../rules/expression";
import { captures, Sense } from "../rules/match";
import { Demand, Name, Phase, Source } from "../rules/name";
import { Answer } from "./answer";
import { AT_HAND, BodyPipe, NOBODY, Reading } from "./body-pipe";
import { httpCalls, Waiter } from "./calls";
import { narrowAccept } from "./content-coding";
import { Counter, count, countMany } from "./counters";
import * as field from "./field-names";
import { Content, contentOf, frame } from "./framing";
import { HeaderMap } from "./header-map";
import * as inquiries from "./inquiries";
import {
  isGrpc,
  isInUtf8,
  isTakenForGrpc,
  isWithoutBody,
  NO_OBSTACLE,
  obstacleTo,
} from "./obstacle";
import {
  Accept,
  Configuration,
  isTighter,
  OnFailure,
  Outcome,
  Program,
  Reroute,
  Rule,
  Step,
  TrailersEdit,
  UNLIMITED,
} from "./program";
import * as redisCalls from "./redis-calls";
import * as reply from "./reply";
import { restoreTags } from "./representation";
import { RuleEvent } from "./rule-metrics";
import { mark, tracing } from "./trace";
import { BadTarget, parseStatus, View } from "./view";

/** Why a message is refused because of its body. */
export const enum Refusal {
  None,
  Limit,
  Invalid,
  Memory,
  Trailers,
  /** It is coded in a way that a rule does not take. */
  Coding,
  /** It is in a charset that a rule does not take. */
  Charset,
  /** It is none that could be edited, as a rule demands. */
  Type,
}

/** What a candidate's `when` has said. */
const enum Applies {
  Unknown,
  Yes,
  No,
  /** It could not be evaluated: guards act, nothing else. */
  GuardsOnly,
}

/** How far readers agree that the rule is for the message. */
const enum Certainty {
  /** All do. */
  Sure,
  /** It is, as edits read it; but not for each. */
  Plain,
  /** It is for some, so guards act, and nothing else. */
  Possible,
}

@unmanaged
@final
class Candidate {
  rule: u32;
  captures: usize; // Span[captureCount], or 0
  applies: Applies;
  isCounted: i32; // 1: as applied or skipped
  certainty: Certainty;
  isUnsure: i32; // 1: what says that it applies has read what guards must not trust
}

/** Edits that wait for the trailers. */
@unmanaged
@final
class Awaited {
  edit: usize; // TrailersEdit, kept alive by the exchange's program
  place: i32; // of its rule among the stream's
  next: usize; // or 0
}

const CANDIDATE_SIZE: i32 = offsetof<Candidate>() as i32;
/** Rules that a stream has room for at first. */
const FIRST_CANDIDATES: i32 = 4;

/** Callouts that a stream may have out at a time. */
export const MAX_CALLS: i32 = 32;

/** In place of a token: what it waits for together with other streams. */
const TOGETHER: i32 = i32.MIN_VALUE;

/** The stream, as the one who waits for its callouts. */
@final
class StreamWaiter extends Waiter {
  constructor(private readonly x: Exchange) {
    super();
  }

  get contextId(): u32 {
    return this.x.id;
  }

  get answers(): Arena {
    return this.x.arena;
  }

  onAnswer(token: i32, answer: Answer, item: i32): void {
    this.x.onAnswer(token, answer, item);
    this.x.giveUpIfBlind();
  }
}

/** No body has this version. */
const NO_VERSION: i32 = -1;

const noProgram = new Program();
const line = Writer.create();

@final
export class Exchange extends View {
  id: u32 = 0;
  private configuration: Configuration | null = null;
  program: Program = noProgram;
  readonly requestBody: BodyPipe = new BodyPipe(BufferType.HttpRequestBody);
  readonly responseBody: BodyPipe = new BodyPipe(BufferType.HttpResponseBody);
  /** Headers to add to the response, from an authorize step: pairs of spans. */
  readonly clientHeaders: FieldList = new FieldList(scratch);
  /** Tokens of the callouts that the walk waits for. */
  private readonly tokens: StaticArray<i32> = new StaticArray<i32>(MAX_CALLS);
  private tokenCount: i32 = 0;
  /** Its place among those that wait together (inquiries.ts), or 0. */
  private together: usize = 0;
  /** What the step at hand keeps while it waits: an address in the arena. */
  stepState: usize = 0;
  readonly waiter: StreamWaiter = new StreamWaiter(this);
  outOfMemory: bool = false;
  /** Answered by us: our own answer passes untouched. */
  private ended: bool = false;
  /** The response's headers have gone on: what is answered after that breaks the stream off. */
  private isResponseSent: bool = false;
  /** A rule asks for the response's headers as they arrive. */
  private keepsResponse: bool = false;
  phase: Phase = Phase.Request;

  private candidates: usize = 0;
  private candidateCount: i32 = 0;
  private candidateCapacity: i32 = 0;
  private candidateAt: i32 = 0;
  private stepAt: i32 = 0;
  /** The same in the phase at hand, by a step that stops. */
  private stoppedFrom: i32 = i32.MAX_VALUE;
  /** From this candidate on only guards act. */
  private guardsFrom: i32 = i32.MAX_VALUE;
  /** The step's condition holds: what is left is to read the body that the step itself reads. */
  private isDecided: bool = false;
  /** What said so has read what guards must not trust. */
  private isUnsure: bool = false;
  private failuresBefore: u32 = 0;
  /** The candidate that a refusal is counted for, AT_HAND or NOBODY. */
  private blamed: i32 = AT_HAND;
  /** The request's form, as of that version of the body. */
  private readonly formList: FieldList = new FieldList(scratch);
  private formVersion: i32 = NO_VERSION;
  private isFormGood: bool = false;
  /** What waits for the response's trailers: the first and the last Awaited, or 0. */
  private awaited: usize = 0;
  private lastAwaited: usize = 0;
  /** What the client asked with, where a step has changed it. */
  private askedWith: Span = NONE;
  /** The response's status before a step has changed it, else 0. */
  private statusBefore: i32 = 0;
  private isFormMultipart: bool = false;
  /** While it waits for a body and it is not known whether the host holds headers (holding.ts). */
  isUnshown: bool = false;
  /** It is the request that waits. */
  isUnshownRequest: bool = false;
  bytesWhenHeld: i64 = 0;
  bytesSeen: i64 = 0;
  /** Since when nothing more has come, in milliseconds since the epoch. */
  quietSince: i64 = 0;
  heldBefore: Exchange | null = null;
  heldAfter: Exchange | null = null;

  /** Ready for the stream `id`, which keeps to `configuration` whatever comes after it. */
  open(id: u32, configuration: Configuration): void {
    const arena = this.arena;
    this.id = id;
    this.openView();
    this.configuration = configuration;
    configuration.use();
    this.requestBody.open(arena);
    this.responseBody.open(arena);
    this.clientHeaders.clear(arena);
    this.tokenCount = 0;
    this.outOfMemory = false;
    this.ended = false;
    this.isResponseSent = false;
    this.keepsResponse = false;
    this.phase = Phase.Request;
    this.candidates = 0;
    this.candidateCount = 0;
    this.candidateCapacity = 0;
    this.candidateAt = 0;
    this.stepAt = 0;
    this.guardsFrom = i32.MAX_VALUE;
    this.stoppedFrom = i32.MAX_VALUE;
    this.isDecided = false;
    this.isUnsure = false;
    this.blamed = AT_HAND;
    this.formVersion = NO_VERSION;
    this.awaited = 0;
    this.lastAwaited = 0;
    this.askedWith = NONE;
    this.statusBefore = 0;
    this.keepsRoute = false;
  }

  /** The plugin's context. */
  get root(): u32 {
    return this.configuration!.root;
  }

  /** Lets go of everything; the object can be opened again. */
  close(): void {
    this.forgetHolding();
    this.forgetCalls();
    this.closeResults();
    this.requestBody.close();
    this.responseBody.close();
    this.requestBody.capture.close();
    this.responseBody.capture.close();
    this.program = noProgram;
    this.arena.reset();
    const configuration = this.configuration;
    this.configuration = null;
    if (configuration != null) configuration.release();
  }

  // ---- the request

  onRequestHeaders(endOfStream: bool): HeadersAction {
    this.requestBody.isBare = endOfStream;
    this.requestBody.hasEnded = endOfStream;
    const configuration = this.configuration;
    if (configuration == null) return HeadersAction.Continue;
    if (configuration.wantsRebuild()) host.setProperty(field.needRebuild, field.yes);
    const program = configuration.choose(this);
    if (program != null) {
      this.follow(program);
      this.choose();
    }
    if (!this.ended && this.badTarget != BadTarget.None) this.refuseTarget();
    if (program == null && !this.ended) return HeadersAction.Continue;
    if (this.ended) return HeadersAction.StopIteration;
    return this.hold(this.afterHeaders(this.run()), this.requestBody);
  }

  /** Makes room for what the program's steps leave. */
  private follow(program: Program): void {
    this.program = program;
    this.variableCount = program.variableCount;
    this.clientAddress = program.clientAddress;
    this.openResults(program.callCount);
    this.watching = program.variableCount + program.callCount > 0;
  }

  /** Which rules are for this request, in order. */
  private choose(): void {
    const program = this.program;
    const rules = program.rules;
    let demands = 0;
    this.requestBody.limit = program.requestLimit;
    this.responseBody.limit = program.responseLimit;
    let ownRequestLimit = UNLIMITED;
    let ownResponseLimit = UNLIMITED;
    let accept = Accept.Any;
    if (program.looksAtTarget) this.settlePath(program.paths);
    if (this.badTarget != BadTarget.None) return;
    propose(program.index, rules.length, this);
    for (let i = hits.take(); i != EMPTY_SET; i = hits.take()) {
      const rule = unchecked(rules[i]);
      const condition = unchecked(program.conditions[i]);
      let certainty = Certainty.Sure;
      if (rule.captureCount > 0) captures.fill(NONE);
      if (condition != null && !condition.holds(this, Sense.Plain)) {
        if (!rule.mayBeDoubtful || !(rule.hasGuards || rule.leaves || rule.hasLimits)) continue;
        if (!condition.holds(this, Sense.Possibly)) continue;
        certainty = Certainty.Possible;
      } else if (rule.mayBeDoubtful && !condition!.holds(this, Sense.Surely)) {
        certainty = Certainty.Plain;
      }
      const candidate = this.addCandidate();
      if (candidate == null) break;
      candidate.rule = i;
      if (tracing) mark("chosen", program, i, Phase.Request, 0, 0);
      candidate.captures = this.keepCaptures(rule.captureCount);
      candidate.applies = rule.when == null ? Applies.Yes : Applies.Unknown;
      candidate.isCounted = 0;
      candidate.certainty = certainty;
      candidate.isUnsure = certainty == Certainty.Sure ? 0 : 1;
      demands |= rule.demands;
      if (rule.captureLimit > 0) this.capture(rule.captureLimit);
      if (rule.accept > accept) accept = rule.accept;
      this.requestBody.mostRead = max(this.requestBody.mostRead, rule.formLimit);
      const place = this.candidateCount - 1;
      if (isTighter(rule.requestLimit, ownRequestLimit)) {
        ownRequestLimit = rule.requestLimit;
        this.requestBody.limiting = place;
      }
      if (isTighter(rule.responseLimit, ownResponseLimit)) {
        ownResponseLimit = rule.responseLimit;
        this.responseBody.limiting = place;
      }
      const isSure = certainty == Certainty.Sure;
      if (rule.final && isSure && rule.status == null && rule.when == null) break;
    }
    hits.clear();
    if (this.ended || this.badTarget != BadTarget.None) return;
    if (ownRequestLimit != UNLIMITED) this.requestBody.limit = ownRequestLimit;
    if (ownResponseLimit != UNLIMITED) this.responseBody.limit = ownResponseLimit;
    if (demands & Demand.Request) this.request.ensureLoaded();
    if (demands & Demand.Original) this.keepOriginal();
    this.keepsResponse = (demands & Demand.OriginalResponse) != 0;
    // Edits for the filter's own sake never choose another route.
    const asks = demands & (Demand.WholeResponse | Demand.EditedResponse);
    if (asks || accept != Accept.Any) this.prepareRoute(false);
    if (demands & Demand.WholeResponse) this.askForAll();
    if (demands & Demand.EditedResponse) restoreTags(this.request, this.arena);
    if (accept != Accept.Any) narrowAccept(this.request, accept, this.arena);
  }

  private capture(limit: i32): void {
    const request = this.requestBody.capture;
    const response = this.responseBody.capture;
    request.limit = max(request.limit, limit);
    response.limit = max(response.limit, limit);
    // Some hosts forget them before the end, when they are told.
    this.request.ensureLoaded();
  }

  /** The rule at hand, for whoever comes back to it later. */
  get place(): i32 {
    return this.candidateAt;
  }

  /** Edits of events of the rule at `place` begin, and evaluate what they need one by one; answers what
   * `leaveEvents` wants. */
  enterEvents(place: i32): i32 {
    const before = this.candidateAt;
    this.candidateAt = place;
    this.values = scratch;
    this.failuresBefore = failures;
    return before;
  }

  leaveEvents(before: i32): void {
    if (failures != this.failuresBefore) this.countFailures(this.failuresBefore);
    this.values = this.arena;
    this.candidateAt = before;
  }

  /** A part of a body could be neither edited nor judged, so that asking for parts would be a way
   * around: the upstream is asked for the whole. */
  private askForAll(): void {
    this.request.ensureLoaded();
    this.request.remove(field.range);
    this.request.remove(field.ifRange);
  }

  captured(i: i32): Span {
    const kept = this.candidate(this.candidateAt).captures;
    return kept == 0 ? NONE : load<Span>(kept + i * 8);
  }

  ruleName(): Span {
    return this.ruleAt(this.candidateAt).name;
  }

  /** A record for one more candidate, or null when there is no memory: the stream is answered then. */
  private addCandidate(): Candidate | null {
    const n = this.candidateCount;
    if (n == this.candidateCapacity) {
      const capacity = max(FIRST_CANDIDATES, n * 2);
      const fresh = this.arena.allocate(capacity * CANDIDATE_SIZE);
      if (fresh == 0) {
        this.runOutOfMemory();
        return null;
      }
      memory.copy(fresh, this.candidates, n * CANDIDATE_SIZE);
      this.candidates = fresh;
      this.candidateCapacity = capacity;
    }
    this.candidateCount++;
    return this.candidate(n);
  }

  private candidate(i: i32): Candidate {
    return changetype<Candidate>(this.candidates + i * CANDIDATE_SIZE);
  }

  private keepCaptures(n: i32): usize {
    if (n == 0) return 0;
    const at = this.arena.allocate(n * 8);
    if (at == 0) return 0;
    for (let i = 0; i < n; i++) store<Span>(at + i * 8, unchecked(captures[i]));
    return at;
  }

  /** Walks on from where the phase stands. Where that of a response ends, it is known what it is. */
  private run(): Outcome {
    const outcome = this.walk();
    const isOver = outcome == Outcome.Next || outcome == Outcome.Stop;
    if (isOver && this.phase == Phase.Response) this.frameResponse();
    return outcome;
  }

  private walk(): Outcome {
    const phase = this.phase;
    while (this.candidateAt < this.candidateCount) {
      const rule = this.ruleAt(this.candidateAt);
      if (this.stepAt == 0) {
        if (rule.whenReadsBody && this.isUndecided(rule)) {
          const outcome = this.readBodyFirst();
          if (outcome != Outcome.Next) return outcome;
        }
        const enters = this.entersRule(rule);
        if (tracing) this.mark(enters ? "enter" : "pass", this.candidate(this.candidateAt).applies);
        if (rule.metrics != null) this.countRule(rule, enters);
        if (!enters) {
          this.candidateAt++;
          continue;
        }
      }
      const steps = stepsOf(rule, phase);
      while (this.stepAt < steps.length) {
        const outcome = this.runStep(unchecked(steps[this.stepAt]));
        if (outcome == Outcome.Pause || outcome == Outcome.Read) return outcome;
        this.stepAt++;
        if (outcome == Outcome.Next || (outcome == Outcome.Stop && this.stopsOthersOnly()))
          continue;
        return outcome;
      }
      this.candidateAt++;
      this.stepAt = 0;
    }
    return Outcome.Next;
  }

  /** Whether readers differ in whether the rule that stops the walk is for the message: then guards go on. */
  private stopsOthersOnly(): bool {
    if (this.candidate(this.candidateAt).certainty == Certainty.Sure) return false;
    this.stoppedFrom = min(this.stoppedFrom, this.candidateAt);
    return true;
  }

  /** Runs the step if its condition says so; what fails in it is counted and has the step's policy. */
  private runStep(step: Step): Outcome {
    if (this.isDeniedUndecided(step)) return this.denyFailed();
    const before = failures;
    let outcome = Outcome.Next;
    if (!this.isDecided) {
      if (step.whenReadsBody) outcome = this.readBodyFirst();
      if (outcome == Outcome.Next) {
        this.isDecided = this.decides(step);
        if (tracing) this.mark("step", this.isDecided ? 1 : 0);
      }
    }
    if (this.isDecided) {
      if (step.readsBody) outcome = this.readBodyFirst();
      if (outcome == Outcome.Read) return outcome;
      this.isDecided = false;
      if (outcome == Outcome.Next) {
        if (this.phase == Phase.Request) this.enterStep(step);
        this.judging = step.judges;
        outcome = step.run(this);
        this.judging = false;
        if (this.isUnsure) step.leaveUnknown(this);
      }
    }
    if (failures != before) outcome = this.afterFailure(step, outcome, before);
    if (tracing) this.mark("end", outcome);
    return outcome;
  }

  /** Of the step at hand, for those who look at the walk. */
  private mark(what: string, n: i32): void {
    const rule = this.candidate(this.candidateAt).rule;
    mark(what, this.program, rule, this.phase, this.stepAt, n);
  }

  /** Expressions of the step have failed, which `outcome` does not show yet. What was sent with a part
   * missing is answered to nobody. */
  private afterFailure(step: Step, outcome: Outcome, before: u32): Outcome {
    this.countFailures(before);
    const denies = step.onFailure == OnFailure.Deny && this.phase <= Phase.Response;
    if (!denies || (outcome != Outcome.Next && outcome != Outcome.Pause)) return outcome;
    return this.denyFailed();
  }

  private denyFailed(): Outcome {
    this.forgetCalls();
    reply.plain(this, this.phase == Phase.Response ? 502 : 403, reply.expressionFailed);
    return Outcome.End;
  }

  /** Whether nobody knows if the rule applies, and the step refuses the message then. */
  private isDeniedUndecided(step: Step): bool {
    if (step.onFailure != OnFailure.Deny || step.isGuard) return false;
    return this.phase <= Phase.Response && this.isForGuards;
  }

  /** Whether the step acts, as its condition and the rule's have it. */
  private decides(step: Step): bool {
    if (!step.isGuard && this.isForGuards) return this.leavesUnknown(step);
    const when = step.when;
    this.isUnsure = this.candidate(this.candidateAt).isUnsure != 0;
    if (when == null) return true;
    const before = doubts;
    const verdict = this.ask(when, step.decidesPassage);
    if (verdict == Verdict.Failed)
      return step.onFailure == OnFailure.Act || this.leavesUnknown(step);
    if (!step.decidesPassage && doubts != before) this.isUnsure = true;
    return verdict == Verdict.Yes || (this.isUnsure && this.leavesUnknown(step));
  }

  /** The step does not act though it might have had to. */
  private leavesUnknown(step: Step): bool {
    step.leaveUnknown(this);
    return false;
  }

  /** Whether of the rule at hand only guards act. */
  private get isForGuards(): bool {
    const candidate = this.candidate(this.candidateAt);
    if (candidate.applies == Applies.GuardsOnly) return true;
    if (candidate.certainty == Certainty.Possible) return true;
    return this.candidateAt >= min(this.guardsFrom, this.stoppedFrom);
  }

  /** What the condition says; `judges`: for a guard. */
  private ask(when: Expression, judges: bool): Verdict {
    this.judging = judges;
    const verdict = when.test(this);
    this.judging = false;
    return verdict;
  }

  /** Next when the body of this phase can be read, or never will be; Read when the walk has to wait
   * for it; End when the message was refused. */
  private readBodyFirst(): Outcome {
    if (this.phase > Phase.Response) return Outcome.Next;
    const pipe = this.pipe;
    if (pipe.reading == Reading.Waiting) return Outcome.Read;
    if (pipe.reading == Reading.Ready) return this.goOnUnless(pipe.applyEdits(this));
    if (pipe.reading != Reading.Unasked) return Outcome.Next;
    const headers = this.phaseHeaders;
    const isReadable =
      pipe.isBare || (!hasNoEnd(pipe, headers) && this.isBodyEditable(pipe, headers));
    if (!pipe.mustWait(headers, pipe.isBare, isReadable)) {
      return this.goOnUnless(pipe.isOverLimit ? Refusal.Limit : Refusal.None);
    }
    if (!pipe.heldFromHost || !pipe.hasEnded) return Outcome.Read;
    // It came as a whole while a callout was out.
    return this.goOnUnless(pipe.readInHost(this));
  }

  private goOnUnless(refusal: Refusal): Outcome {
    if (refusal == Refusal.None) return Outcome.Next;
    this.refuse(refusal, this.phase == Phase.Request);
    return Outcome.End;
  }

  /** The body that the walk waited for is there, or will not be read: the walk goes on. */
  onBodyRead(isRequest: bool): Outcome {
    return isRequest == (this.phase == Phase.Request) ? this.run() : Outcome.Next;
  }

  readBody(name: Name, out: Value): void {
    const isRequest = name.source <= Source.RequestForm;
    const pipe = isRequest ? this.requestBody : this.responseBody;
    if (pipe.reading == Reading.Unreadable) {
      out.setFailure(Failure.Unreadable);
    } else if (pipe.reading != Reading.Ready || pipe.isNone) {
      out.setAbsent();
    } else if (name.source == Source.RequestJson || name.source == Source.ResponseJson) {
      pipe.readJson(out);
    } else if (name.source != Source.RequestForm) {
      out.setText(pipe.text());
    } else if (this.form() == null) {
      out.setFailure(Failure.BadForm);
    } else if (name.key == NONE) {
      out.setText(pipe.text());
    } else {
      this.readField(name, name.key, out);
    }
  }

  protected isDoubtfulField(key: Span): bool {
    return this.isFormMultipart
      ? multipart.isDoubtful(this.formList, key)
      : isDoubtfulParameter(this.formList, key, scratch);
  }

  form(): FieldList | null {
    const version = this.requestBody.version;
    if (this.formVersion != version) {
      this.formVersion = version;
      this.isFormGood = this.parseForm(this.formList, false);
    }
    return this.isFormGood ? this.formList : null;
  }

  /** Fills `list` with the fields of the request's form, which the body, Ready, is, and for edits with what
   * is between them; false when it is none. */
  parseForm(list: FieldList, isForEdits: bool): bool {
    const type = this.request.get(field.contentType);
    const body = this.requestBody.text();
    // What the body is taken for, is what one of several types says, or one of several parameters.
    if (
      type == NONE ||
      !this.request.agrees(field.contentType, this.request.find(field.contentType))
    )
      return false;
    this.isFormMultipart = isMediaType(type, field.multipartForm);
    if (this.isFormMultipart) {
      const boundary = multipart.boundaryOf(type);
      return boundary != NONE && multipart.parse(body, boundary, list, this.arena);
    }
    if (!isMediaType(type, field.form) || !hasPlainParameters(type)) return false;
    if (isForEdits) query.parseAll(body, list, this.arena);
    else query.parse(body, list, this.arena);
    return !list.failed && !namesCharset(list);
  }

  /** Counts expressions that failed since there were `before` of them; the last one is described in
   * the log of those who look for it. */
  private countFailures(before: u32): void {
    countMany(Counter.ExpressionFailed, failures - before);
    const metrics = this.ruleAt(this.candidateAt).metrics;
    if (metrics != null) metrics.count(RuleEvent.Failed, failures - before);
    if (host.logLevel() > LogLevel.Debug) return;
    line.reset();
    line.text("rule ");
    line.span(this.ruleName());
    line.text(": an expression failed ");
    writeFailure(line);
    host.log(LogLevel.Debug, line.view());
  }

  private ruleAt(i: i32): Rule {
    return unchecked(this.program.rules[this.candidate(i).rule]);
  }

  /** Counts, once for a stream, whether the rule applies, in the first phase that has steps of it. */
  private countRule(rule: Rule, enters: bool): void {
    const candidate = this.candidate(this.candidateAt);
    const phase = this.phase;
    if (candidate.isCounted != 0 || phase < rule.whenPhase) return;
    if (phase > rule.whenPhase && stepsOf(rule, phase).length == 0) return;
    candidate.isCounted = 1;
    let event = RuleEvent.Applied;
    if (candidate.applies == Applies.GuardsOnly) event = RuleEvent.SkippedWhenFailed;
    else if (candidate.applies == Applies.No) event = RuleEvent.SkippedWhen;
    else if (!enters) event = RuleEvent.SkippedStatus;
    rule.metrics!.count(event, 1);
  }

  private isUndecided(rule: Rule): bool {
    const isUnknown = this.candidate(this.candidateAt).applies == Applies.Unknown;
    return isUnknown && this.phase >= rule.whenPhase;
  }

  /** Whether the rule applies in this phase; a final one with a status ends the list then. */
  private entersRule(rule: Rule): bool {
    const status = rule.status;
    const when = rule.when;
    if (status == null && when == null) {
      if (rule.final) this.leaveOutRest();
      return true;
    }
    if (status != null) {
      if (this.phase == Phase.Request || !status.has(this.responseStatus)) return false;
    }
    if (when != null && !this.applies(rule, when)) return false;
    // A rule whose `when` failed has not applied: the guards after it are still to act.
    const hasApplied = this.candidate(this.candidateAt).applies != Applies.GuardsOnly;
    if (rule.final && hasApplied) this.leaveOutRest();
    return true;
  }

  /** The rule at hand, a final one, applies: those after it do not. Where it is not sure that it does,
   * guards among them are still to act. */
  private leaveOutRest(): void {
    const certainty = this.candidate(this.candidateAt).certainty;
    if (certainty == Certainty.Sure) this.candidateCount = this.candidateAt + 1;
    else if (certainty == Certainty.Plain)
      this.guardsFrom = min(this.guardsFrom, this.candidateAt + 1);
  }

  /** What the rule's `when` says: it is asked once, in the first phase in which the rule has steps. */
  private applies(rule: Rule, when: Expression): bool {
    const candidate = this.candidate(this.candidateAt);
    if (candidate.applies == Applies.Unknown) {
      if (this.phase < rule.whenPhase) return false;
      const before = failures;
      const doubtsBefore = doubts;
      const verdict = this.ask(when, rule.judges);
      const isSure = rule.judges || doubts == doubtsBefore;
      if (!isSure) candidate.isUnsure = 1;
      if (verdict == Verdict.Yes) candidate.applies = Applies.Yes;
      // What its steps would have left is unknown then; there is no guard among them.
      else if (verdict == Verdict.No && isSure) candidate.applies = Applies.No;
      else candidate.applies = Applies.GuardsOnly;
      if (failures != before) this.countFailures(before);
    }
    return candidate.applies != Applies.No;
  }

  /** The pipe and the headers of the phase, which is that of the request or of the response. */
  private get pipe(): BodyPipe {
    return this.phase == Phase.Request ? this.requestBody : this.responseBody;
  }

  private get phaseHeaders(): HeaderMap {
    return this.phase == Phase.Request ? this.request : this.response;
  }

  /** What becomes of the headers, the walk having come to `outcome` while they are shown. */
  private afterHeaders(outcome: Outcome): HeadersAction {
    const pipe = this.pipe;
    if (outcome == Outcome.Pause) return this.pauseHeaders(pipe);
    if (outcome == Outcome.End) return HeadersAction.StopIteration;
    if (outcome == Outcome.Read) {
      pipe.beginReading();
      return HeadersAction.StopIteration;
    }
    const refusal = this.beginBody(this.program.holdsHeaders);
    if (refusal != Refusal.None) {
      this.refuse(refusal, pipe.isRequest);
      return HeadersAction.StopIteration;
    }
    return pipe.headersHeld || this.ended ? HeadersAction.StopIteration : HeadersAction.Continue;
  }

  /** How the message waits for a callout. Where a later step judges the body, headers are held in
   * the way that lets the body in, so that they stay held until the body was judged; the callbacks of
   * the body and of the trailers then hold those too. Else nothing at all gets in. A body that is not
   * for editing is judged by nobody: it may be a conversation, whose other side waits for its first
   * piece. That it is none is kept, whatever becomes of its headers meanwhile. */
  private pauseHeaders(pipe: BodyPipe): HeadersAction {
    if (this.program.holdsHeaders && !pipe.hasEnded && this.laterStepJudgesBody()) {
      pipe.obstacle = obstacleTo(this.request, this.phaseHeaders, pipe.isRequest);
      pipe.heldFromHost = pipe.obstacle == NO_OBSTACLE;
    }
    if (!pipe.heldFromHost) return HeadersAction.StopAllIterationAndWatermark;
    pipe.widenHost();
    return HeadersAction.StopIteration;
  }

  private laterStepJudgesBody(): bool {
    const phase = this.phase;
    for (let i = this.candidateAt; i < this.candidateCount; i++) {
      const rule = this.ruleAt(i);
      if (rule.whenReadsBody && rule.whenPhase == phase) return true;
      const steps = stepsOf(rule, phase);
      for (let j = i == this.candidateAt ? this.stepAt : 0; j < steps.length; j++) {
        if (unchecked(steps[j]).judgesBody) return true;
      }
    }
    return false;
  }

  private beginBody(mayHold: bool): Refusal {
    const pipe = this.pipe;
    const headers = this.phaseHeaders;
    const refusal = this.keepEditable(pipe, headers, pipe.isBare || pipe.content != Content.Any);
    if (refusal != Refusal.None) return refusal;
    if (pipe.isBare && pipe.content == Content.Any && pipe.findMaker()) this.makeBody(pipe);
    return this.ended ? Refusal.None : pipe.begin(headers, pipe.isBare, mayHold);
  }

  // ---- what a message has for a body

  /** The method is about to be another one: what the client asked with still says what the answer has. */
  keepMethod(): void {
    if (this.askedWith == NONE) this.askedWith = this.request.get(field.method);
  }

  private get clientMethod(): Span {
    return this.askedWith != NONE ? this.askedWith : this.request.get(field.method);
  }

  /** Whether the client asked for headers only. */
  get isToHead(): bool {
    const method = this.clientMethod;
    return method != NONE && equal(method, field.head);
  }

  /** Whether the response has made a tunnel of the connection, which has no messages any more. */
  get isTunnel(): bool {
    const status = parseStatus(this.response.get(field.status));
    if (status == 101) return true;
    const method = this.clientMethod;
    return method != NONE && equal(method, field.connect) && status >= 200 && status < 300;
  }

  /** The response gets another status; false when it must keep its own. */
  setStatus(status: Span): bool {
    if (this.isTunnel) return false;
    if (this.statusBefore == 0) this.statusBefore = parseStatus(this.response.get(field.status));
    this.response.set(field.status, status);
    return true;
  }

  /** Settles what the response has for content, if what was done to it may have changed that. */
  private frameResponse(): void {
    const pipe = this.responseBody;
    const before = this.statusBefore;
    const isAnother = before != 0 || this.askedWith != NONE;
    if ((!isAnother && !pipe.hasEdits) || this.isTunnel) return;
    const status = parseStatus(this.response.get(field.status));
    pipe.content = contentOf(status, this.isToHead);
    if (pipe.content >= Content.None) pipe.dropEdits();
    const isForeign = before == 304 || (before != 0 && status == 304);
    if (isAnother || pipe.content != Content.Any)
      frame(this.response, pipe.content, pipe.isBare, isForeign);
  }

  /** Gives a message that has no body the one that its edits make. A host has no buffer for it: a response
   * is answered once more, with its own headers; a request goes on without. */
  private makeBody(pipe: BodyPipe): void {
    if (pipe.isRequest || isGrpc(this.request)) {
      count(Counter.BodySkippedNone);
      pipe.dropEdits();
      return;
    }
    const made = pipe.make(this, this.response);
    if (this.outOfMemory) this.refuse(Refusal.Memory, false);
    else if (length(made) > 0) {
      const status = parseStatus(this.response.get(field.status));
      reply.send(this, status, reply.bodyMade, this.response, made);
    }
  }

  // ---- callouts

  /** The walk waits for the callout of that token too; false when it cannot, and the answer will not
   * come. `item` is what the step's `resume` is given. */
  wait(token: i32, item: i32): bool {
    if (this.tokenCount == MAX_CALLS || !httpCalls.remember(token, this.waiter, item)) {
      this.outOfMemory = true;
      return false;
    }
    unchecked((this.tokens[this.tokenCount++] = token));
    return true;
  }

  /** The same for a command, which is remembered already. */
  waitBeside(name: i32): bool {
    if (this.tokenCount == MAX_CALLS) {
      this.forget(name);
      return false;
    }
    unchecked((this.tokens[this.tokenCount++] = name));
    return true;
  }

  /** The same for an answer that others wait for too; `place` is its place among them. */
  waitTogether(place: usize): bool {
    if (this.tokenCount == MAX_CALLS) return false;
    this.together = place;
    unchecked((this.tokens[this.tokenCount++] = TOGETHER));
    return true;
  }

  /** What all of them are told; the stream is the effective context. */
  onCommonAnswer(answer: Answer): void {
    this.together = 0;
    this.onAnswer(TOGETHER, answer, inquiries.COMMON);
    this.giveUpIfBlind();
  }

  private forgetCalls(): void {
    while (this.tokenCount > 0) this.forget(unchecked(this.tokens[--this.tokenCount]));
  }

  private forget(token: i32): void {
    if (token == TOGETHER) inquiries.leave(this.together);
    else if (isDefined(HIGRESS) && token < 0) redisCalls.forget(token);
    else httpCalls.forget(token);
  }

  private forgetCall(token: i32): void {
    for (let i = 0; i < this.tokenCount; i++) {
      if (unchecked(this.tokens[i]) != token) continue;
      unchecked((this.tokens[i] = this.tokens[--this.tokenCount]));
      return;
    }
  }

  /** The answer to a callout the walk waits for; the stream is the effective context. */
  onAnswer(token: i32, answer: Answer, item: i32): void {
    this.forgetCall(token);
    if (this.ended) return;
    const step = unchecked(stepsOf(this.ruleAt(this.candidateAt), this.phase)[this.stepAt]);
    if (this.phase == Phase.Request) this.enterStep(step);
    const before = failures;
    this.judging = step.judges;
    let outcome = step.resume(this, answer, item);
    this.judging = false;
    if (this.isUnsure) step.leaveUnknown(this);
    if (failures != before) outcome = this.afterFailure(step, outcome, before);
    if (tracing) this.mark("end", outcome);
    if (outcome == Outcome.Next) {
      this.stepAt++;
      outcome = this.run();
    }
    if (outcome == Outcome.Pause) return;
    if (this.phase > Phase.Response) {
      this.abandonTask();
      return;
    }
    if (outcome == Outcome.End) return;
    const pipe = this.pipe;
    const headers = this.phaseHeaders;
    if (outcome == Outcome.Read) {
      pipe.beginReading();
      return;
    }
    const stream = pipe.isRequest ? StreamType.Request : StreamType.Response;
    if (pipe.reading == Reading.Ready) {
      if (pipe.finishReadInHost(this, headers) == DataAction.Continue) this.goOn(stream);
      return;
    }
    const wasHeld = pipe.heldFromHost;
    const isCollected = pipe.isLeftToHost;
    const refusal = this.beginBody(wasHeld);
    if (refusal != Refusal.None) {
      this.refuse(refusal, pipe.isRequest);
      return;
    }
    if (this.ended) return;
    if (wasHeld && pipe.hasEnded) {
      // It came as a whole while the callout was out: no callback will show it, it is edited now.
      if (pipe.finishInHost(this, headers) != DataAction.Continue) return;
    } else if (isCollected || pipe.headersHeld) {
      // The next piece is shown with all that the host has, and lets it go. Were the stream continued
      // here, what the host has would go by unedited, and Envoy would lose the next piece: it adds
      // that to what it collects, and then goes on without it.
      return;
    }
    this.goOn(stream);
  }

  private goOn(stream: StreamType): void {
    this.forgetHolding();
    if (ranOut()) return; // `giveUpIfBlind` comes next
    if (stream == StreamType.Response) this.isResponseSent = true;
    host.continueStream(stream);
  }

  onRequestBody(size: i32, endOfStream: bool): DataAction {
    if (this.ended) return DataAction.StopIterationNoBuffer;
    return this.onBody(this.requestBody, this.request, size, endOfStream);
  }

  private onBody(pipe: BodyPipe, headers: HeaderMap, size: i32, endOfStream: bool): DataAction {
    if (this.isUnshown) this.noteShown(pipe);
    return pipe.data(this, size, endOfStream, headers, this.isWaiting(pipe));
  }

  /** Whether a callout is out that keeps the message of the pipe, which comes in while it waits. */
  private isWaiting(pipe: BodyPipe): bool {
    return pipe.heldFromHost && this.tokenCount > 0 && pipe == this.pipe;
  }

  onRequestTrailers(): bool {
    if (this.ended) return false;
    return this.onTrailers(this.requestBody, this.request);
  }

  /** Whether the trailers, and all that is held, go on. */
  private onTrailers(pipe: BodyPipe, headers: HeaderMap): bool {
    if (this.isUnshown) this.noteShown(pipe);
    pipe.end();
    // The answer finds the message complete, and lets it go.
    return !this.isWaiting(pipe) && pipe.trailers(this, headers);
  }

  // ---- the response

  onResponseHeaders(endOfStream: bool): HeadersAction {
    if (this.ended) {
      // Our own answer comes by as the host has made it: to HEAD, or in gRPC, it has no body.
      this.responseBody.capture.replace(host.EMPTY);
      return HeadersAction.Continue;
    }
    const action = this.runResponseHeaders(endOfStream);
    this.isResponseSent = action == HeadersAction.Continue;
    return action;
  }

  private runResponseHeaders(endOfStream: bool): HeadersAction {
    this.enter(Phase.Response);
    this.responseBody.isBare = endOfStream;
    this.responseBody.hasEnded = endOfStream;
    this.request.writable = false;
    if (this.keepsResponse) this.keepOriginalResponse();
    for (let i = 0; i < this.clientHeaders.count; i++) {
      this.response.add(this.clientHeaders.name(i), this.clientHeaders.value(i));
    }
    if (this.candidateCount == 0) return this.afterHeaders(Outcome.Next);
    this.responseStatus = this.readStatus();
    return this.hold(this.afterHeaders(this.run()), this.responseBody);
  }

  private enter(phase: Phase): void {
    // A response that comes while a callout is out is the host's own (too much to buffer, a timeout):
    // the request goes nowhere any more, and the answer has no step left to go on with.
    this.forgetCalls();
    this.phase = phase;
    this.candidateAt = 0;
    this.stepAt = 0;
    this.stoppedFrom = i32.MAX_VALUE;
    this.isDecided = false;
  }

  /** Read only if a rule asks for the status. */
  private readStatus(): i32 {
    for (let i = 0; i < this.candidateCount; i++) {
      if (this.ruleAt(i).status != null) return parseStatus(this.response.get(field.status));
    }
    return 0;
  }

  onResponseBody(size: i32, endOfStream: bool): DataAction {
    const pipe = this.responseBody;
    if (this.ended) {
      if (this.phase == Phase.Request) pipe.capture.take(BufferType.HttpResponseBody, 0, size);
      return DataAction.Continue;
    }
    const action = this.onBody(pipe, this.response, size, endOfStream);
    if (action == DataAction.Continue) this.isResponseSent = true;
    return action;
  }

  onResponseTrailers(): bool {
    if (this.ended) return true;
    if (this.awaited != 0) this.editTrailers();
    const goesOn = this.onTrailers(this.responseBody, this.response);
    if (goesOn) this.isResponseSent = true;
    return goesOn;
  }

  /** The edits of the step at hand are carried out should trailers come. */
  awaitTrailers(edit: TrailersEdit): Outcome {
    const at = this.arena.allocate(offsetof<Awaited>() as i32);
    if (at == 0) {
      this.refuse(Refusal.Memory, false);
      return Outcome.End;
    }
    // What their values read of the headers is to be read before the host forgets it.
    this.response.ensureLoaded();
    const awaited = changetype<Awaited>(at);
    awaited.edit = changetype<usize>(edit);
    awaited.place = this.candidateAt;
    awaited.next = 0;
    if (this.awaited == 0) this.awaited = at;
    else changetype<Awaited>(this.lastAwaited).next = at;
    this.lastAwaited = at;
    return Outcome.Next;
  }

  private editTrailers(): void {
    const before = this.candidateAt;
    const failuresBefore = failures;
    for (let at = this.awaited; at != 0; at = changetype<Awaited>(at).next) {
      this.candidateAt = changetype<Awaited>(at).place;
      changetype<TrailersEdit>(changetype<Awaited>(at).edit).edit(this);
      if (failures != failuresBefore) this.countFailures(failuresBefore);
    }
    this.candidateAt = before;
  }

  // ---- the end

  onDone(): void {
    if (this.candidateCount == 0) return;
    this.request.writable = false;
    this.response.writable = false;
    this.responseTrailers.writable = false;
    this.enter(Phase.Done);
    if (this.ended && !this.isResponseSent) {
      // What the upstream said, if it said anything, is not what the client got.
      this.forgetResponse();
      this.responseStatus = this.readStatus();
    }
    this.run();
  }

  // ---- tasks

  /** Whether a task's walk waits for an answer. */
  isBusy: bool = false;
  /** A callout of this walk had no good answer. */
  callFailed: bool = false;

  /** Walks over the steps of a task, which are those of the program's one rule; `id` is the plugin's
   * context, the effective one. */
  runTask(id: u32, configuration: Configuration, program: Program): void {
    this.open(id, configuration);
    this.follow(program);
    this.phase = Phase.Task;
    this.callFailed = false;
    this.request.loaded = true;
    this.response.loaded = true;
    const candidate = this.addCandidate();
    if (candidate == null) {
      this.callFailed = true;
      this.close();
      return;
    }
    candidate.rule = 0;
    candidate.captures = 0;
    candidate.isUnsure = 0;
    candidate.applies = Applies.Yes;
    candidate.certainty = Certainty.Sure;
    this.isBusy = this.run() == Outcome.Pause;
    if (!this.isBusy) this.close();
  }

  /** Ends the task's walk, whatever it waits for. */
  abandonTask(): void {
    if (!this.isBusy) return;
    this.isBusy = false;
    this.close();
  }

  // ---- refusing

  /** Marks the stream as answered with that body, and with that status, or 0 where it does not count as a
   * refusal. */
  end(status: i32, body: Span): void {
    this.ended = true;
    this.forgetHolding();
    const place = this.blamed == AT_HAND ? this.candidateAt : this.blamed;
    if (status >= 400 && place >= 0 && place < this.candidateCount) {
      const metrics = this.ruleAt(place).metrics;
      if (metrics != null) metrics.count(RuleEvent.Refused, 1);
    }
    if (!this.isResponseSent)
      this.responseBody.capture.replace(this.isAnsweredBare ? host.EMPTY : body);
    this.requestBody.dropEdits();
    this.responseBody.dropEdits();
  }

  /** Whether the host leaves out the body of what we answer: to HEAD, and in gRPC. */
  private get isAnsweredBare(): bool {
    const capture = this.responseBody.capture;
    if (capture.limit == 0) return true;
    return this.isToHead || isGrpc(this.request);
  }

  /** Answers because of the body of the request or of the response. */
  refuse(why: Refusal, isRequest: bool): void {
    const pipe = isRequest ? this.requestBody : this.responseBody;
    this.blamed = why == Refusal.Memory ? NOBODY : pipe.guiltyOf(why);
    switch (why) {
      case Refusal.Limit: {
        count(Counter.RefusedLimit);
        const prepared = pipe.refusal;
        if (prepared != null) {
          prepared.send(this, isRequest ? reply.requestTooLarge : reply.responseTooLarge);
          return;
        }
        reply.plain(
          this,
          isRequest ? 413 : 502,
          isRequest ? reply.requestTooLarge : reply.responseTooLarge,
        );
        break;
      }
      case Refusal.Invalid:
        count(Counter.RefusedInvalid);
        reply.plain(
          this,
          isRequest ? 400 : 502,
          isRequest ? reply.requestInvalid : reply.responseInvalid,
        );
        break;
      case Refusal.Coding:
        count(Counter.RefusedEncoding);
        reply.plain(this, isRequest ? 415 : 502, reply.codingRefused);
        break;
      case Refusal.Charset:
        count(Counter.RefusedCharset);
        reply.plain(this, isRequest ? 415 : 502, reply.charsetRefused);
        break;
      case Refusal.Type:
        count(Counter.RefusedType);
        reply.plain(this, isRequest ? 415 : 502, reply.typeRefused);
        break;
      case Refusal.Trailers:
        reply.plain(this, isRequest ? 400 : 502, reply.trailersRefused);
        break;
      default:
        reply.withoutMemory(this);
    }
  }

  // ---- what the host holds

  /** Lets headers wait for the body if the host can hold them; refuses the message if it cannot. */
  private hold(action: HeadersAction, pipe: BodyPipe): HeadersAction {
    if (action != HeadersAction.StopIteration || this.ended || pipe.hasEnded) return action;
    const holding = this.configuration!.holding;
    if (holding == null) return action;
    this.forgetHolding();
    this.isUnshownRequest = pipe.isRequest;
    if (!holding.admits(this)) this.refuseUnheld();
    return action;
  }

  /** The message that waits will never be shown; the stream is the effective context. */
  refuseUnheld(): void {
    this.forgetCalls();
    this.blamed = NOBODY;
    count(Counter.RefusedUnheld);
    reply.plain(this, 503, reply.headersNotHeld);
  }

  private noteShown(pipe: BodyPipe): void {
    const holding = this.configuration!.holding;
    if (holding != null && pipe.isRequest == this.isUnshownRequest) holding.onShown();
  }

  private forgetHolding(): void {
    if (this.isUnshown) this.configuration!.holding!.remove(this);
  }

  /** Answers because nobody can tell what is asked for, or of whom. */
  private refuseTarget(): void {
    if (this.badTarget == BadTarget.Memory) return this.runOutOfMemory();
    count(Counter.RefusedTarget);
    this.blamed = NOBODY;
    reply.plain(this, 400, reply.targetInvalid);
  }

  private runOutOfMemory(): void {
    this.outOfMemory = true;
    this.refuse(Refusal.Memory, true);
  }

  /** Memory was refused in the callback that ends: a guard may have seen a part of what there is, or nothing.
   * The message is refused, unless it has an answer already; false where it has. */
  giveUp(isRequest: bool): bool {
    if (this.ended || this.phase > Phase.Response) return false;
    this.forgetCalls();
    this.refuse(Refusal.Memory, isRequest);
    return true;
  }

  /** The same at the end of a callback that is of neither message: an answer to a callout. */
  giveUpIfBlind(): void {
    if (!ranOut()) return;
    if (this.phase == Phase.Task) this.callFailed = true;
    this.giveUp(this.phase == Phase.Request);
  }

  // ---- bodies that are not for editing

  /** Forgets the edits of a body that they are not for. What the body is, is for the sender to say, so
   * that it must not be a way around an edit that denies: the message is refused then. */
  private keepEditable(pipe: BodyPipe, headers: HeaderMap, isBare: bool): Refusal {
    if (!pipe.hasEdits) return Refusal.None;
    const isEditable = this.isBodyEditable(pipe, headers);
    const isSafe = isEditable && !isTakenForGrpc(headers);
    if (isSafe) {
      const isOfEvents = !isBare && formatOf(headers.get(field.contentType)) != Format.Auto;
      return isOfEvents ? pipe.dropJsonEdits() : Refusal.None;
    }
    const isNone = isBare || isWithoutBody(this.request, headers, pipe.isRequest);
    const isRefused = !isNone && pipe.findDenying();
    if (isRefused || !isEditable) pipe.dropEdits();
    if (!isRefused) return Refusal.None;
    const isForeign = pipe.obstacle == Counter.BodySkippedCharset || !isInUtf8(headers);
    return isForeign ? Refusal.Charset : Refusal.Type;
  }

  /** Whether the body is one that edits are for; counts the reason when not. */
  private isBodyEditable(pipe: BodyPipe, headers: HeaderMap): bool {
    const known = pipe.obstacle;
    const obstacle =
      known != NO_OBSTACLE ? known : obstacleTo(this.request, headers, pipe.isRequest);
    if (obstacle == NO_OBSTACLE) return true;
    count(obstacle as Counter);
    return false;
  }

  // ---- the route

  /** Whether edits of the step at hand choose the route again. */
  private reroutes: bool = false;
  /** What a host that chooses by itself was told: that it must not. */
  private keepsRoute: bool = false;

  private enterStep(step: Step): void {
    const own = step.reroute;
    this.reroutes = own == Reroute.Inherited ? this.program.reroute : own == Reroute.Yes;
    this.prepareRoute(this.reroutes);
  }

  /** Higress chooses the route again with every edit of the headers, unless it is told before. */
  private prepareRoute(isChosenAgain: bool): void {
    if (!this.program.isForHigress || this.keepsRoute != isChosenAgain) return;
    this.keepsRoute = !isChosenAgain;
    host.setProperty(field.clearRouteCache, isChosenAgain ? field.on : field.off);
  }

  /** Makes the host choose the route again, where that is wanted after edits. */
  reroute(): void {
    if (this.reroutes) host.callForeign(field.clearRouteCache, host.EMPTY);
  }
}

/** Whether the body is a stream of events that may go on for ever, and so is not waited for. Lines of JSON
 * that a client sends are an upload, which ends. */
function hasNoEnd(pipe: BodyPipe, headers: HeaderMap): bool {
  const format = formatOf(headers.get(field.contentType));
  return format == Format.Sse || (format == Format.Lines && !pipe.isRequest);
}

function stepsOf(rule: Rule, phase: Phase): StaticArray<Step> {
  return phase == Phase.Request || phase == Phase.Task
    ? rule.request
    : phase == Phase.Response
      ? rule.response
      : rule.done;
}
