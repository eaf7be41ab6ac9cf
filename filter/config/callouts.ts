// Decodes `call` and `parallel`.

import { scratch } from "../abi/memory";
import { equalsText } from "../bytes/text";
import { Kind, NO_NODE } from "../json/tape";
import { Phase } from "../rules/name";
import { isIdentifier } from "../rules/path-template";
import { CallStep, OnNoAnswer, ParallelStep } from "../steps/call";
import { Kind as FieldKind } from "../steps/field-edits";
import { ForwardStep } from "../steps/forward";
import { MAX_CALLS } from "../stream/exchange";
import { Context } from "./context";
import { decodeFields, decodeHeaderValues } from "./fields";
import { Services } from "./services";
import { integerOf } from "./shape";

/** What of an answer's body is kept where a step does not say: what the host would hold of one. */
const DEFAULT_MAX_BODY: i64 = 1 << 20;
/** Of `forward`, in milliseconds: that of a route in Envoy. */
const FORWARD_TIMEOUT: i32 = 15_000;
const LARGEST_BODY: i64 = 64 << 20;

@final
export class CalloutDecoder {
  constructor(
    private readonly context: Context,
    private readonly services: Services,
  ) {}

  decodeCall(value: i32): CallStep {
    const context = this.context;
    const serviceNode = context.member(value, "service");
    const service = this.services.find(context, serviceNode);
    const step = new CallStep(service);
    const timeout = context.member(value, "timeout");
    step.timeoutMs = timeout == NO_NODE ? service.timeoutMs : context.duration(timeout);
    step.method = context.templateOr(value, "method");
    step.path = context.templateOr(value, "path");
    step.send = context.headerGlobs(value, "send");
    if (context.phase == Phase.Task && step.send.length > 0)
      context.report.add(context.member(value, "send"), "R312", -1, "a task has no request");
    const headers = context.member(value, "headers");
    if (headers != NO_NODE) step.fields = decodeHeaderValues(context, headers);
    step.text = context.templateOr(value, "body");
    const json = context.member(value, "json");
    if (json != NO_NODE) step.json = context.jsonTemplate(json);
    if (json != NO_NODE && step.text != null)
      context.report.add(json, "R311", -1, "a callout has body or json, not both");
    step.mostBody = this.mostBody(value);
    const name = context.member(value, "as");
    if (name != NO_NODE) step.result = decodeResultName(context, name);
    const status = decodeOnNoAnswer(context, value);
    if (status != 0) {
      step.onNoAnswer = OnNoAnswer.Refuse;
      step.errorStatus = status;
      step.isGuard = true;
    }
    return step;
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
    const step = new ForwardStep();
    const timeout = context.member(value, "timeout");
    step.timeoutMs = timeout == NO_NODE ? FORWARD_TIMEOUT : context.duration(timeout);
    step.method = context.templateOr(value, "method");
    step.path = context.templateOr(value, "path");
    const headers = context.member(value, "headers");
    if (headers != NO_NODE) step.fields = decodeFields(context, headers, FieldKind.Headers);
    step.text = context.templateOr(value, "body");
    const json = context.member(value, "json");
    if (json != NO_NODE) step.json = context.jsonTemplate(json);
    if (json != NO_NODE && step.text != null)
      context.report.add(json, "R311", -1, "a callout has body or json, not both");
    step.mostBody = this.mostBody(value);
    const name = context.member(value, "as");
    if (name != NO_NODE) step.result = decodeResultName(context, name);
    const onError = context.member(value, "onError");
    if (onError != NO_NODE) step.errorStatus = integerOf(context.tape.raw(onError)) as i32;
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

/** The status with which the message is refused when there is no answer; 0: it goes on. */
export function decodeOnNoAnswer(context: Context, value: i32): i32 {
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

/** The place of a callout's result. */
export function decodeResultName(context: Context, node: i32): i32 {
  const name = context.tape.text(node, scratch);
  if (!isIdentifier(name))
    context.report.add(node, "R301", -1, "a callout's name is letters, digits and _");
  if (context.phase == Phase.Done)
    context.report.add(node, "R312", -1, "a stream that is done does not wait for the answer");
  return context.names.call(name);
}
