// Decodes `call`, `forward` and `parallel`.

import { scratch } from "../abi/memory";
import { equalsText } from "../bytes/text";
import { Kind, NO_NODE } from "../json/tape";
import { Phase } from "../rules/name";
import { isIdentifier } from "../rules/path-template";
import { CallStep, ParallelStep } from "../steps/call";
import { CalloutStep, NO_RESULT } from "../steps/callout-step";
import { Kind as FieldKind } from "../steps/field-edits";
import { ForwardStep } from "../steps/forward";
import { Outgoing } from "../steps/outgoing";
import { MAX_CALLS } from "../stream/exchange";
import { Context } from "./context";
import { decodeFields, decodeHeaderValues } from "./fields";
import { Services } from "./services";
import { integerOf } from "./shape";

/** What of an answer's body is kept where a step does not say: what the host would hold of one. */
const DEFAULT_MAX_BODY: i64 = 1 << 20;
/** Of `forward`, in milliseconds: that of a route in Envoy. */
const FORWARD_TIMEOUT: i32 = 15_000;
const FORWARD_ERROR: i32 = 502;
const LARGEST_BODY: i64 = 64 << 20;

@final
export class CalloutDecoder {
  constructor(
    private readonly context: Context,
    private readonly services: Services,
  ) {}

  decodeCall(value: i32): CallStep {
    const context = this.context;
    const service = this.services.find(context, context.member(value, "service"));
    const request = this.outgoing(value);
    const headers = context.member(value, "headers");
    if (headers != NO_NODE) request.edits = decodeHeaderValues(context, headers);
    const step = new CallStep(service, request);
    step.send = context.headerGlobs(value, "send");
    if (context.phase == Phase.Task && step.send.length > 0)
      context.report.add(context.member(value, "send"), "R312", -1, "a task has no request");
    step.mostBody = this.mostBody(value);
    step.retries = context.integerOr(value, "retries", 0) as i32;
    if (step.retries > 0 && context.phase == Phase.Done)
      context.report.add(
        context.member(value, "retries"),
        "R312",
        -1,
        "nobody waits for the answer",
      );
    decodeWaiting(context, value, step, service.timeoutMs);
    return step;
  }

  /** The request that is made, but for its headers. */
  private outgoing(value: i32): Outgoing {
    const context = this.context;
    const request = new Outgoing();
    request.method = context.templateOr(value, "method");
    request.path = context.templateOr(value, "path");
    request.text = context.templateOr(value, "body");
    const json = context.member(value, "json");
    if (json == NO_NODE) return request;
    request.json = context.jsonTemplate(json);
    if (request.text != null)
      context.report.add(json, "R311", -1, "a callout has body or json, not both");
    return request;
  }

  /** What of the answer's body is kept. */
  private mostBody(value: i32): i32 {
    const context = this.context;
    const size = context.sizeOr(value, "maxBody", DEFAULT_MAX_BODY);
    if (size > LARGEST_BODY)
      context.report.add(context.member(value, "maxBody"), "R308", -1, "64MiB at most");
    return size as i32;
  }

  decodeForward(value: i32): ForwardStep {
    const context = this.context;
    const request = this.outgoing(value);
    const headers = context.member(value, "headers");
    if (headers != NO_NODE) request.edits = decodeFields(context, headers, FieldKind.Headers);
    const step = new ForwardStep(request);
    step.timeoutMs = context.durationOr(value, "timeout", FORWARD_TIMEOUT);
    step.mostBody = this.mostBody(value);
    step.result = decodeResultName(context, value);
    step.errorStatus = context.integerOr(value, "onError", FORWARD_ERROR) as i32;
    // Its answer is the client's: the request itself goes nowhere.
    if (step.result == NO_RESULT) step.isGuard = true;
    return step;
  }

  decodeParallel(value: i32): ParallelStep {
    const context = this.context;
    const tape = context.tape;
    const nodes = context.strings(value);
    const step = new ParallelStep();
    if (nodes.length > MAX_CALLS) context.report.add(value, "R204", -1, "the 33rd callout");
    for (let i = 0; i < nodes.length; i++) {
      const call = this.decodeCall(context.member(nodes[i], "call"));
      call.when = context.condition(nodes[i], "when");
      step.add(call);
    }
    for (let i = 0; i < nodes.length; i++) {
      const needs = context.member(nodes[i], "needs");
      if (needs == NO_NODE) continue;
      const names = context.strings(needs);
      for (let k = 0; k < names.length; k++) {
        const needed = step.indexOf(context.names.call(tape.text(names[k], scratch)));
        if (needed < 0)
          context.report.add(names[k], "R303", -1, "no callout of this list has that name");
        else step.need(i, needed);
      }
    }
    const stuck = step.firstInCycle();
    if (stuck >= 0) {
      const text = "these callouts wait for each other in a circle";
      context.report.add(context.member(nodes[stuck], "needs"), "R303", -1, text);
    }
    return step;
  }
}

/** How long the step waits, where the answer is kept, and what no answer costs. */
export function decodeWaiting(
  context: Context,
  value: i32,
  step: CalloutStep,
  timeoutMs: i32,
): void {
  step.timeoutMs = context.durationOr(value, "timeout", timeoutMs);
  step.result = decodeResultName(context, value);
  step.errorStatus = decodeOnNoAnswer(context, value);
  if (step.errorStatus != 0) step.isGuard = true;
}

/** The status with which the message is refused when there is no answer; 0: it goes on. */
function decodeOnNoAnswer(context: Context, value: i32): i32 {
  const node = context.member(value, "onError");
  if (node == NO_NODE) return 0;
  let status = context.phase == Phase.Request ? 503 : 502;
  if (context.tape.kind(node) == Kind.Number) {
    status = integerOf(context.tape.raw(node)) as i32;
  } else if (!equalsText(context.tape.text(node, scratch), "deny")) {
    return 0;
  }
  if (context.phase > Phase.Response)
    context.report.add(node, "R312", -1, "there is no message to refuse in this phase");
  return status;
}

/** The place of a callout's result; NO_RESULT where nobody names it. */
function decodeResultName(context: Context, value: i32): i32 {
  const node = context.member(value, "as");
  if (node == NO_NODE) return NO_RESULT;
  const name = context.tape.text(node, scratch);
  if (!isIdentifier(name))
    context.report.add(node, "R301", -1, "a callout's name is letters, digits and _");
  if (context.phase == Phase.Done)
    context.report.add(node, "R312", -1, "a stream that is done does not wait for the answer");
  return context.names.call(name);
}
