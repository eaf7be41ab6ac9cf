// Decodes steps: one verb each. The shape was checked before, so every key that is read here has the
// type it should have.

import { scratch } from "../abi/memory";
import { LogLevel } from "../abi/numbers";
import { Replacer } from "../bytes/replace";
import { byteAtUnchecked, length, Span, sliceUnchecked } from "../bytes/span";
import { equalsText, fromText } from "../bytes/text";
import { Kind, NO_NODE } from "../json/tape";
import { Glob } from "../rules/glob";
import { Demand, Phase } from "../rules/name";
import { isIdentifier } from "../rules/path-template";
import { Template } from "../rules/template";
import { AuthorizeStep, OnError } from "../steps/authorize";
import { AppendEdit, BodyStep, PrependEdit, ReplaceEdit, TextEdit } from "../steps/body";
import { CookiesStep } from "../steps/cookies";
import { Kind as FieldKind } from "../steps/field-edits";
import { HeadersStep } from "../steps/headers";
import { LimitStep } from "../steps/limit";
import { LogStep, SetStep, StopStep } from "../steps/plain";
import { QueryStep } from "../steps/query";
import { RedirectStep, RespondStep, Response } from "../steps/respond";
import {
  HostStep,
  MethodStep,
  PathPrefixStep,
  PathRegexStep,
  PathStep,
  StatusStep,
} from "../steps/target";
import { OnFailure, Step } from "../stream/program";
import { Context, indexIn } from "./context";
import { decodeFields, decodeHeaderValues } from "./fields";
import { decodeJsonEdits } from "./json-edits";
import { decodeStatuses } from "./match";
import { Services } from "./services";
import { integerOf } from "./shape";

/** What a body edit may hold in memory when it does not say: Envoy's own default for buffers. */
const DEFAULT_MAX_SIZE: i64 = 1 << 20;

@final
export class StepDecoder {
  constructor(
    private readonly context: Context,
    private readonly services: Services,
  ) {}

  /** The steps of one phase of the rule. */
  decode(rule: i32, key: string, phase: Phase): StaticArray<Step> {
    const context = this.context;
    const node = context.member(rule, key);
    if (node == NO_NODE) return [];
    context.phase = phase;
    const steps: Step[] = [];
    if (context.tape.kind(node) != Kind.Array) return [];
    const nodes = context.strings(node);
    for (let i = 0; i < nodes.length; i++) {
      // What has no good shape is reported already.
      if (context.report.hasIn(nodes[i])) continue;
      context.names.readsBody = false;
      const step = this.decodeStep(nodes[i]);
      if (step == null) continue;
      step.readsBody = context.names.readsBody;
      this.decodeCommon(nodes[i], step);
      steps.push(step);
    }
    return StaticArray.fromArray(steps);
  }

  /** What every step may have. */
  private decodeCommon(node: i32, step: Step): void {
    const context = this.context;
    context.names.readsBody = false;
    step.when = context.condition(node, "when");
    step.whenReadsBody = context.names.readsBody;
    if (step.readsBody || step.whenReadsBody) {
      step.judgesBody = true;
      this.requireHold(node);
      if (context.phase == Phase.Response) context.names.demands |= Demand.Request;
    }
    if (step.isGuard) step.onFailure = OnFailure.Act;
    const onError = context.member(node, "onError");
    if (onError == NO_NODE) return;
    const denies = equalsText(context.tape.text(onError, scratch), "deny");
    if (!denies) step.onFailure = OnFailure.Skip;
    else if (!step.isGuard) step.onFailure = OnFailure.Deny;
  }

  private decodeStep(node: i32): Step | null {
    const context = this.context;
    const tape = context.tape;
    const isResponse = context.phase == Phase.Response;
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      const verb = tape.text(key, scratch);
      const value = key + 1;
      if (equalsText(verb, "name") || equalsText(verb, "when") || equalsText(verb, "onError"))
        continue;
      if (equalsText(verb, "headers")) {
        return new HeadersStep(decodeFields(context, value, FieldKind.Headers), isResponse);
      }
      if (equalsText(verb, "query")) {
        return new QueryStep(
          decodeFields(context, value, FieldKind.Query),
          context.isTrue(value, "sort"),
        );
      }
      if (equalsText(verb, "cookies")) {
        return new CookiesStep(decodeFields(context, value, FieldKind.Cookies));
      }
      if (equalsText(verb, "path")) return this.decodePath(value);
      if (equalsText(verb, "host")) return new HostStep(context.template(value));
      if (equalsText(verb, "method")) return new MethodStep(context.template(value));
      if (equalsText(verb, "status")) return new StatusStep(context.template(value));
      if (equalsText(verb, "body")) return this.decodeBody(value, isResponse);
      if (equalsText(verb, "limit")) return this.decodeLimit(value, isResponse);
      if (equalsText(verb, "authorize")) return this.decodeAuthorize(value);
      if (equalsText(verb, "respond")) return new RespondStep(this.decodeResponse(value));
      if (equalsText(verb, "redirect")) return this.decodeRedirect(value);
      if (equalsText(verb, "set")) return this.decodeSet(value);
      if (equalsText(verb, "log")) return this.decodeLog(value);
      if (equalsText(verb, "stop")) return new StopStep();
    }
    return null;
  }

  private decodePath(value: i32): Step {
    const context = this.context;
    if (context.tape.kind(value) == Kind.String) return new PathStep(context.template(value));
    const pattern = context.member(value, "replace");
    if (pattern != NO_NODE) {
      const replacement = context.replacement(pattern);
      return replacement == null ? new StopStep() : new PathRegexStep(replacement);
    }
    const replace = context.member(value, "replacePrefix");
    const prefixNode = context.member(replace, "prefix");
    let prefix = context.text(prefixNode);
    if (byteAtUnchecked(prefix, 0) != 0x2f)
      context.report.add(prefixNode, "R304", 0, "a path begins with /");
    // `/api/` and `/api` are the same prefix of whole segments, but for the path `/api` itself.
    const n = length(prefix);
    if (n > 1 && byteAtUnchecked(prefix, n - 1) == 0x2f) prefix = sliceUnchecked(prefix, 0, n - 1);
    return new PathPrefixStep(prefix, context.template(context.member(replace, "with")));
  }

  // ---- bodies

  private decodeBody(value: i32, isResponse: bool): Step {
    const context = this.context;
    const step = new BodyStep(isResponse);
    // Whether a response is a tunnel's shows only in the request.
    if (isResponse) context.names.demands |= Demand.Request;
    const maxSize = context.sizeOr(value, "maxSize", DEFAULT_MAX_SIZE);
    const overLimit = context.member(value, "overLimit");
    const rejects =
      overLimit != NO_NODE && equalsText(context.tape.text(overLimit, scratch), "reject");
    const onError = context.member(value, "onError");
    const denies = onError != NO_NODE && equalsText(context.tape.text(onError, scratch), "deny");
    step.contentTypes = context.mediaTypeGlobs(value, "contentType");
    const replace = context.member(value, "replace");
    if (replace != NO_NODE) step.edits.push(this.decodeReplace(replace));
    const json = context.member(value, "json");
    if (json != NO_NODE) {
      const edit = decodeJsonEdits(context, json);
      edit.maxSize = maxSize;
      edit.rejects = rejects;
      edit.denies = denies;
      step.judgesBody = rejects || denies;
      step.holdsBody = true;
      step.edits.push(edit);
    }
    const text = context.templateOr(value, "text");
    if (text != null) step.edits.push(new TextEdit(text));
    const prepend = context.templateOr(value, "prepend");
    if (prepend != null) step.edits.push(new PrependEdit(prepend));
    const append = context.templateOr(value, "append");
    if (append != null) step.edits.push(new AppendEdit(append));
    if (step.judgesBody) this.requireHold(value);
    return step;
  }

  /** Whether the host can hold headers, which a step that judges the body needs. */
  holdsHeaders: bool = false;

  /** Reports a node that needs held headers where they cannot be held. */
  requireHold(node: i32): void {
    if (this.holdsHeaders) return;
    this.context.report.add(
      node,
      "R401",
      -1,
      "what depends on the body needs held headers: set settings.holdHeaders where " +
        "the host has allow_on_headers_stop_iteration (ruleway compile --target envoy sets both)",
    );
  }

  private decodeReplace(node: i32): ReplaceEdit {
    const context = this.context;
    const nodes = context.strings(node);
    const replacer = new Replacer(context.arena);
    const values = new StaticArray<Template>(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const find = context.text(context.member(nodes[i], "find"));
      const first = context.member(nodes[i], "first");
      const limit = first == NO_NODE ? i32.MAX_VALUE : (integerOf(context.tape.raw(first)) as i32);
      if (!replacer.add(find, context.isTrue(nodes[i], "ignoreCase"), limit)) {
        context.report.add(
          context.member(nodes[i], "find"),
          "R204",
          -1,
          "longer than 4096 bytes, or the 65th of the list",
        );
      }
      values[i] = context.template(context.member(nodes[i], "with"));
    }
    return new ReplaceEdit(replacer, values);
  }

  private decodeLimit(value: i32, isResponse: bool): Step {
    const context = this.context;
    const step = new LimitStep(isResponse);
    step.body = context.sizeOr(value, "body", step.body);
    const headers = context.member(value, "headers");
    if (headers != NO_NODE) step.headerCount = integerOf(context.tape.raw(headers));
    step.headerBytes = context.sizeOr(value, "headerBytes", step.headerBytes);
    const respond = context.member(value, "respond");
    if (respond != NO_NODE) step.response = this.decodeResponse(respond);
    return step;
  }

  // ---- answers and callouts

  private decodeResponse(value: i32): Response {
    const context = this.context;
    const response = new Response();
    const status = context.member(value, "status");
    if (status != NO_NODE) response.status = integerOf(context.tape.raw(status)) as i32;
    const headers = context.member(value, "headers");
    if (headers != NO_NODE) response.edits = decodeHeaderValues(context, headers);
    this.decodeContent(value, response);
    const details = context.member(value, "details");
    if (details != NO_NODE) response.details = context.text(details);
    return response;
  }

  private decodeContent(value: i32, response: Response): void {
    const context = this.context;
    response.text = context.templateOr(value, "text");
    const json = context.member(value, "json");
    if (json != NO_NODE) response.json = context.jsonTemplate(json);
    if (response.text != null && json != NO_NODE) {
      context.report.add(json, "R311", -1, "an answer has text or json, not both");
    }
    response.contentType = fromText(
      json != NO_NODE ? "application/json" : "text/plain",
      context.arena,
    );
  }

  private decodeRedirect(value: i32): Step {
    const context = this.context;
    const status = context.member(value, "status");
    const code = status == NO_NODE ? 302 : (integerOf(context.tape.raw(status)) as i32);
    return new RedirectStep(context.template(context.member(value, "to")), code);
  }

  private decodeAuthorize(value: i32): Step {
    const context = this.context;
    const serviceNode = context.member(value, "service");
    const service = this.services.find(context, serviceNode);
    const step = new AuthorizeStep(service);
    const timeout = context.member(value, "timeout");
    step.timeoutMs = timeout == NO_NODE ? service.timeoutMs : context.duration(timeout);
    step.method = context.templateOr(value, "method");
    step.path = context.templateOr(value, "path");
    const send = context.member(value, "send");
    step.send = send == NO_NODE ? [] : context.headerGlobs(send, "headers");
    if (send == NO_NODE || context.member(send, "headers") == NO_NODE)
      step.send = this.names("authorization cookie");
    const sendSet = send == NO_NODE ? NO_NODE : context.member(send, "set");
    if (sendSet != NO_NODE) step.sendSet = decodeHeaderValues(context, sendSet);
    const allow = context.member(value, "allow");
    if (allow != NO_NODE) step.allow = decodeStatuses(context, allow);
    else step.allow.addRange(200, 299);
    const upstream = context.member(value, "upstream");
    if (upstream != NO_NODE) {
      step.upstreamSet = context.headerGlobs(upstream, "set");
      step.upstreamAppend = context.headerGlobs(upstream, "append");
      step.upstreamRemove = context.headerGlobs(upstream, "remove");
    }
    step.client = context.headerGlobs(value, "client");
    step.forward = this.names(
      "content-type location set-cookie www-authenticate proxy-authenticate retry-after",
    );
    const denied = context.member(value, "denied");
    if (denied != NO_NODE) this.decodeDenied(denied, step);
    const onError = context.member(value, "onError");
    if (onError != NO_NODE) {
      if (context.tape.kind(onError) == Kind.Number)
        step.errorStatus = integerOf(context.tape.raw(onError)) as i32;
      else if (equalsText(context.tape.text(onError, scratch), "allow"))
        step.onError = OnError.Allow;
    }
    return step;
  }

  private decodeDenied(node: i32, step: AuthorizeStep): void {
    const context = this.context;
    const response = new Response();
    const status = context.member(node, "status");
    if (status != NO_NODE) step.deniedStatus = integerOf(context.tape.raw(status)) as i32;
    const headers = context.member(node, "headers");
    if (headers != NO_NODE) response.edits = decodeHeaderValues(context, headers);
    this.decodeContent(node, response);
    if (context.member(node, "forward") != NO_NODE)
      step.forward = context.headerGlobs(node, "forward");
    step.denied = response;
  }

  private names(list: string): StaticArray<Glob> {
    const words = list.split(" ");
    const globs = new StaticArray<Glob>(words.length);
    for (let i = 0; i < words.length; i++) {
      globs[i] = new Glob(fromText(words[i], scratch), this.context.arena);
    }
    return globs;
  }

  // ---- the small verbs

  private decodeSet(value: i32): Step {
    const context = this.context;
    const tape = context.tape;
    const variables: i32[] = [];
    const values: Template[] = [];
    const stop = tape.after(value);
    for (let key = tape.firstChild(value); key < stop; key = tape.after(key + 1)) {
      const name = tape.text(key, scratch);
      if (!isIdentifier(name))
        context.report.add(key, "R301", -1, "a variable's name is letters, digits and _");
      variables.push(indexIn(context.names.variables, name));
      values.push(context.template(key + 1));
    }
    return new SetStep(StaticArray.fromArray(variables), StaticArray.fromArray(values));
  }

  private decodeLog(value: i32): Step {
    const context = this.context;
    if (context.tape.kind(value) == Kind.String)
      return new LogStep(LogLevel.Info, context.template(value));
    const level = context.member(value, "level");
    const text = context.template(context.member(value, "text"));
    return new LogStep(
      level == NO_NODE ? LogLevel.Info : levelOf(context.tape.text(level, scratch)),
      text,
    );
  }
}

function levelOf(name: Span): LogLevel {
  if (equalsText(name, "trace")) return LogLevel.Trace;
  if (equalsText(name, "debug")) return LogLevel.Debug;
  if (equalsText(name, "warn")) return LogLevel.Warn;
  if (equalsText(name, "error")) return LogLevel.Error;
  if (equalsText(name, "critical")) return LogLevel.Critical;
  return LogLevel.Info;
}
