// Decodes steps: one verb each. The shape was checked before, so every key that is read here has the
// type it should have.

import { scratch } from "../abi/memory";
import { LogLevel } from "../abi/numbers";
import { Place, Replacer } from "../bytes/replace";
import { byteAtUnchecked, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { equalsText, fromText, toString } from "../bytes/text";
import { isAuthority } from "../http/authority";
import { Format } from "../http/events";
import { endOfPath, Trait, traitsOf } from "../http/path";
import { isTarget } from "../http/query";
import { Kind, NO_NODE } from "../json/tape";
import { MIN_WINDOW, Regex, StreamReplacer } from "../regex/index";
import { Demand, Phase } from "../rules/name";
import { comparablePath, isIdentifier } from "../rules/path-template";
import { Template } from "../rules/template";
import {
  AppendEdit,
  BodyStep,
  InsertEdit,
  PatternsEdit,
  PrependEdit,
  ReplaceEdit,
  TextEdit,
} from "../steps/body";
import { CookiesStep } from "../steps/cookies";
import { EventEdit, EventsEdit, EventsStep } from "../steps/events";
import { Kind as FieldKind } from "../steps/field-edits";
import { FormStep } from "../steps/form";
import { HeadersStep } from "../steps/headers";
import { LimitStep } from "../steps/limit";
import { LogStep } from "../steps/log";
import { Assignment, SetStep, StopStep } from "../steps/plain";
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
import { TrailersStep } from "../steps/trailers";
import { ValidateStep } from "../steps/validate";
import { isFraming } from "../stream/hop-by-hop";
import { Accept, BodyEdit, NO_STEPS, OnFailure, Reroute, Step, UNLIMITED } from "../stream/program";
import * as reply from "../stream/reply";
import { decodeAttributes } from "./attributes";
import { decodeAuthorize } from "./authorize";
import { CalloutDecoder } from "./callouts";
import { Context, hasExpression } from "./context";
import { decodeEmit } from "./emit";
import { decodeFields, decodeHeaderValues, decodeRequestHeaders } from "./fields";
import { decodeJsonEdits, decodeJsonStreamEdits } from "./json-edits";
import { decodeMetric } from "./metric";
import { decodeRateLimit } from "./rate-limit";
import { decodeRedact, demandSecrets } from "./redact";
import { decodeRedisStep } from "./redis";
import { decodeSample } from "./sample";
import { Services } from "./services";
import { integerOf } from "./shape";
import { decodeStore } from "./store";

/** What a body edit may hold in memory when it does not say: Envoy's own default for buffers. */
const DEFAULT_MAX_SIZE: i64 = 1 << 20;

/** An event of a stream that is larger passes as it is, when the step does not say otherwise. */
const LARGEST_EVENT: i64 = 256 * 1024;
// Of `replace` with patterns. Items and literals are bounded as where there are only literals.
const DEFAULT_WINDOW: i64 = 64 << 10;
const MAX_WINDOW: i64 = 16 << 20;
const MAX_ITEMS: i32 = 64;
/** Half of the edits that a body may have. */
const MAX_INSERTS: i32 = 32;
const MAX_LITERAL: i32 = 4096;

/** Whether a key of a step is no verb. */
function isCommon(key: Span): bool {
  return (
    equalsText(key, "name") ||
    equalsText(key, "when") ||
    equalsText(key, "onError") ||
    equalsText(key, "reroute")
  );
}

@final
export class StepDecoder {
  private readonly callouts: CalloutDecoder;
  /** What the rule says of routes. */
  reroute: Reroute = Reroute.Inherited;

  constructor(
    private readonly context: Context,
    private readonly services: Services,
  ) {
    this.callouts = new CalloutDecoder(context, services);
  }

  /** The steps of one phase of the rule. */
  decode(rule: i32, key: string, phase: Phase): StaticArray<Step> {
    const context = this.context;
    const node = context.member(rule, key);
    if (node == NO_NODE || context.tape.kind(node) != Kind.Array) return NO_STEPS;
    context.phase = phase;
    const tape = context.tape;
    const steps = new StaticArray<Step>(tape.size(node));
    let count = 0;
    const stop = tape.after(node);
    for (let child = tape.firstChild(node); child < stop; child = tape.after(child)) {
      // What has no good shape is reported already.
      if (context.report.hasIn(child)) continue;
      context.names.readsBody = false;
      context.step = count;
      const step = this.decodeStep(child);
      if (step == null) continue;
      if (context.names.readsBody) step.readsBody = true;
      this.decodeCommon(child, step);
      if (step.accept > this.accept) this.accept = step.accept;
      steps[count++] = step;
    }
    // One that is missing is reported, and the rule is not used.
    return count == steps.length ? steps : NO_STEPS;
  }

  /** What the rule or step says of routes, or what holds if it says nothing. */
  rerouteOf(node: i32, otherwise: Reroute): Reroute {
    const said = this.context.member(node, "reroute");
    if (said == NO_NODE) return otherwise;
    return this.context.tape.kind(said) == Kind.True ? Reroute.Yes : Reroute.No;
  }

  /** What every step may have. */
  private decodeCommon(node: i32, step: Step): void {
    const context = this.context;
    step.reroute = this.rerouteOf(node, this.reroute);
    context.names.readsBody = false;
    step.when = context.condition(node, "when");
    step.whenReadsBody = context.names.readsBody;
    if (step.readsBody || step.whenReadsBody) {
      step.judgesBody = true;
      this.requireHold(node);
      if (context.phase == Phase.Response) {
        context.names.demands |= Demand.Request | Demand.WholeResponse;
        if (step.accept == Accept.Any) step.accept = Accept.Decodable;
      }
    }
    if (step.isGuard) step.onFailure = OnFailure.Act;
    const onError = context.member(node, "onError");
    if (onError == NO_NODE) return;
    const denies = equalsText(context.tape.text(onError, scratch), "deny");
    if (!denies) step.onFailure = OnFailure.Skip;
    // A guard that asks would ask with a part of the question missing.
    else if (!step.isGuard || step.calls || step.answersWell) step.onFailure = OnFailure.Deny;
  }

  private decodeStep(node: i32): Step | null {
    const context = this.context;
    const tape = context.tape;
    const isResponse = context.phase == Phase.Response;
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      const verb = tape.text(key, scratch);
      const value = key + 1;
      if (isCommon(verb)) continue;
      if (equalsText(verb, "headers")) {
        const edits = isResponse
          ? decodeFields(context, value, FieldKind.Headers)
          : decodeRequestHeaders(context, value);
        return new HeadersStep(edits, isResponse);
      }
      if (equalsText(verb, "trailers")) return this.decodeTrailers(value);
      if (equalsText(verb, "query")) {
        return new QueryStep(
          decodeFields(context, value, FieldKind.Query),
          context.isTrue(value, "sort"),
        );
      }
      if (equalsText(verb, "cookies")) {
        return new CookiesStep(decodeFields(context, value, FieldKind.Cookies));
      }
      if (equalsText(verb, "form")) {
        return this.decodeForm(value);
      }
      if (equalsText(verb, "path")) return this.decodePath(value);
      if (equalsText(verb, "host")) return this.decodeHost(value);
      if (equalsText(verb, "method")) return new MethodStep(context.template(value));
      if (equalsText(verb, "status")) {
        // The method says what the response has for a body.
        context.names.demands |= Demand.Request;
        return new StatusStep(context.template(value));
      }
      if (equalsText(verb, "body")) return this.decodeBody(value, isResponse);
      if (equalsText(verb, "events")) return this.decodeEvents(value, isResponse);
      if (equalsText(verb, "limit")) return this.decodeLimit(value, isResponse);
      if (equalsText(verb, "validate")) return this.decodeValidate(value, isResponse);
      if (equalsText(verb, "store")) return decodeStore(context, value);
      if (equalsText(verb, "rateLimit"))
        return decodeRateLimit(context, this.services, value, this.responseOr(value, 429));
      if (equalsText(verb, "authorize"))
        return decodeAuthorize(context, this.services, value, this.deniedOr(value));
      if (equalsText(verb, "call")) return this.callouts.decodeCall(value);
      if (equalsText(verb, "redis")) return decodeRedisStep(context, this.services, value);
      if (equalsText(verb, "attributes")) return decodeAttributes(context, value);
      if (equalsText(verb, "emit")) return this.decodeEmit(value);
      if (equalsText(verb, "forward")) return this.callouts.decodeForward(value);
      if (equalsText(verb, "parallel")) return this.callouts.decodeParallel(value);
      if (equalsText(verb, "respond")) return new RespondStep(this.decodeResponse(value));
      if (equalsText(verb, "redirect")) return this.decodeRedirect(value);
      if (equalsText(verb, "set")) return this.decodeSet(value);
      if (equalsText(verb, "log")) return this.decodeLog(value);
      if (equalsText(verb, "metric")) return decodeMetric(context, value);
      if (equalsText(verb, "stop")) return new StopStep();
    }
    return null;
  }

  private decodePath(value: i32): Step {
    const context = this.context;
    if (context.tape.kind(value) == Kind.String) return new PathStep(this.pathTemplate(value));
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
    prefix = comparablePath(prefix, context.arena);
    const by = context.member(replace, "with");
    const isNothing = context.tape.kind(by) == Kind.String && length(context.text(by)) == 0;
    return new PathPrefixStep(prefix, isNothing ? context.template(by) : this.pathTemplate(by));
  }

  /** A path with values in it; reported when it can be none, whatever they are. */
  private pathTemplate(node: i32): Template {
    const context = this.context;
    const template = context.template(node);
    if (context.report.hasIn(node)) return template;
    const head = template.constant;
    const isFirst = length(head) == 0 && !template.isConstant;
    const begins = isFirst || byteAtUnchecked(head, 0) == 0x2f;
    const path = sliceUnchecked(head, 0, endOfPath(head));
    const isRest = length(path) < length(head) || template.isConstant;
    const traits = traitsOf(path);
    if (!begins || (!isFirst && !isTarget(head)) || (isRest && (traits & Trait.DotSegment) != 0)) {
      context.report.add(
        node,
        "R330",
        -1,
        "a path begins with /, and has neither dot segments nor blanks or control characters",
      );
    }
    return template;
  }

  private decodeHost(value: i32): Step {
    const context = this.context;
    const host = context.template(value);
    if (!context.report.hasIn(value) && host.isConstant && !isAuthority(host.constant)) {
      context.report.add(
        value,
        "R333",
        -1,
        "a host is a name or an address, with or without a port",
      );
    }
    return new HostStep(host);
  }

  // ---- bodies

  private decodeBody(value: i32, isResponse: bool): Step {
    const context = this.context;
    const step = new BodyStep(isResponse);
    // Whether a response is a tunnel's shows only in the request.
    if (isResponse)
      context.names.demands |= Demand.Request | Demand.WholeResponse | Demand.EditedResponse;
    const maxSize = context.sizeOr(value, "maxSize", DEFAULT_MAX_SIZE);
    const streams = context.isWord(value, "overLimit", "stream");
    const denies = context.isWord(value, "onError", "deny");
    const isSaid = context.member(value, "overLimit") != NO_NODE;
    const rejects = context.isWord(value, "overLimit", "reject") || (denies && !isSaid);
    // What fails in its values, and whether it is done at all, is no way around it either.
    if (denies) step.onFailure = OnFailure.Deny;
    step.contentTypes = context.mediaTypeGlobs(value, "contentType");
    const replace = context.member(value, "replace");
    if (replace != NO_NODE) step.edits.push(this.decodeReplace(replace, this.window(value)));
    const insert = context.member(value, "insert");
    if (insert != NO_NODE) this.decodeInserts(insert, step);
    const json = context.member(value, "json");
    if (json != NO_NODE && streams) {
      const edit = decodeJsonStreamEdits(context, json);
      step.edits.push(edit);
    } else if (json != NO_NODE) {
      const edit = decodeJsonEdits(context, json);
      edit.maxSize = maxSize;
      edit.rejects = rejects;
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
    this.decodeEncoding(value, step, denies);
    if (step.judgesBody) this.requireHold(value);
    return step;
  }

  private decodeTrailers(value: i32): Step {
    const context = this.context;
    context.names.demands |= Demand.Request;
    context.names.inTrailers = true;
    const edits = decodeFields(context, value, FieldKind.Headers);
    context.names.inTrailers = false;
    const framing = edits.findWritten(isFraming);
    // The length and the coding are refused as in any headers.
    if (framing != NONE && !context.report.hasIn(value)) {
      const what = toString(framing) + " says how a message is read, and comes before it";
      context.report.add(value, "R323", -1, what);
    }
    return new TrailersStep(edits);
  }

  /** The largest form that the steps decoded so far edit, where one of them says so. */
  formLimit: i64 = 0;

  private decodeForm(value: i32): Step {
    const context = this.context;
    const step = new FormStep(decodeFields(context, value, FieldKind.Form));
    step.maxSize = context.sizeOr(value, "maxSize", UNLIMITED);
    step.rejects = context.isWord(value, "overLimit", "reject");
    step.skips = context.isWord(value, "overLimit", "skip");
    this.formLimit = max(this.formLimit, step.maxSize);
    return step;
  }

  /** What the step does with compressed bodies. */
  private decodeEncoding(value: i32, step: BodyStep, denies: bool): void {
    const context = this.context;
    const isResponse = context.phase == Phase.Response;
    const skips = context.isWord(value, "encoding", "skip");
    const rejects = context.isWord(value, "encoding", "reject");
    const asks = context.isWord(value, "encoding", "identity");
    if (asks && !isResponse) {
      const node = context.member(value, "encoding");
      context.report.add(node, "R312", -1, "identity asks for a response; a request is as it came");
    }
    for (let i = 0; i < step.edits.length; i++) {
      step.edits[i].denies = denies;
      step.edits[i].decodes = !skips && !rejects;
      step.edits[i].rejectsCoding = rejects || (denies && !skips);
    }
    if (!isResponse || skips || rejects) return;
    step.accept = asks ? Accept.Identity : Accept.Decodable;
  }

  /** What the steps decoded so far can read of a response. */
  accept: Accept = Accept.Any;

  /** What the `emit` steps decoded so far tell of bodies. */
  mostCaptured: i32 = 0;

  private decodeEmit(value: i32): Step {
    const step = decodeEmit(this.context, this.services, value);
    this.mostCaptured = max(this.mostCaptured, step.mostBody);
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

  /** What patterns may hold back. */
  private window(node: i32): i32 {
    const context = this.context;
    const size = context.sizeOr(node, "window", DEFAULT_WINDOW);
    if (size >= 0 && (size < MIN_WINDOW || size > MAX_WINDOW))
      context.report.add(context.member(node, "window"), "R308", -1, "from 64 to 16MiB");
    return size as i32;
  }

  private decodeReplace(node: i32, window: i32): BodyEdit {
    const context = this.context;
    const nodes = context.strings(node);
    for (let i = 0; i < nodes.length; i++) {
      if (context.member(nodes[i], "regex") != NO_NODE) return this.decodePatterns(nodes, window);
    }
    const replacer = new Replacer(context.arena);
    const values = new StaticArray<Template>(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const find = context.text(context.member(nodes[i], "find"));
      const ignoreCase = context.isTrue(nodes[i], "ignoreCase");
      if (!replacer.add(find, ignoreCase, this.first(nodes[i]))) this.reportLiteral(nodes[i]);
      values[i] = context.template(context.member(nodes[i], "with"));
    }
    return new ReplaceEdit(replacer, values);
  }

  /** An edit for each, so that each sees what those before have left. */
  private decodeInserts(node: i32, step: BodyStep): void {
    const context = this.context;
    const nodes = context.strings(node);
    for (let i = 0; i < nodes.length; i++) {
      const item = nodes[i];
      const before = context.member(item, "before");
      const place = before != NO_NODE ? Place.Before : Place.After;
      const marker = before != NO_NODE ? before : context.member(item, "after");
      const replacer = new Replacer(context.arena);
      const times = context.member(item, "first") == NO_NODE ? 1 : this.first(item);
      const isTaken =
        i < MAX_INSERTS &&
        replacer.add(context.text(marker), context.isTrue(item, "ignoreCase"), times, place);
      if (!isTaken)
        context.report.add(marker, "R204", -1, "longer than 4096 bytes, or the 33rd of the list");
      step.edits.push(new InsertEdit(replacer, context.template(context.member(item, "text"))));
    }
  }

  private decodeEvents(value: i32, isResponse: bool): Step {
    const context = this.context;
    if (isResponse)
      context.names.demands |= Demand.Request | Demand.WholeResponse | Demand.EditedResponse;
    const edit = new EventsEdit();
    const format = context.member(value, "format");
    if (format != NO_NODE) {
      const isSse = equalsText(context.tape.text(format, scratch), "sse");
      edit.format = isSse ? Format.Sse : Format.Lines;
    }
    const largest = context.sizeOr(value, "maxSize", LARGEST_EVENT);
    edit.largest = min(largest, i32.MAX_VALUE as i64) as i32;
    context.names.inEvents = true;
    const edits = context.strings(context.member(value, "edit"));
    for (let i = 0; i < edits.length; i++) edit.edits.push(this.decodeEventEdit(edits[i]));
    context.names.inEvents = false;
    const step = new EventsStep(isResponse, edit);
    if (isResponse) step.accept = Accept.Decodable;
    return step;
  }

  private decodeEventEdit(node: i32): EventEdit {
    const context = this.context;
    const edit = new EventEdit();
    edit.when = context.condition(node, "when");
    const log = context.templateOr(node, "log");
    if (log != null) edit.log = new LogStep(LogLevel.Info, log);
    edit.drops = context.isTrue(node, "drop");
    edit.data = context.templateOr(node, "data");
    edit.type = context.templateOr(node, "type");
    edit.id = context.templateOr(node, "id");
    const set = context.member(node, "set");
    if (set != NO_NODE) edit.set = this.decodeSet(set);
    const json = context.member(node, "json");
    if (json != NO_NODE) edit.json = decodeJsonEdits(context, json);
    return edit;
  }

  /** How often an item of `replace` may replace. */
  private first(node: i32): i32 {
    return this.context.integerOr(node, "first", i32.MAX_VALUE) as i32;
  }

  private reportLiteral(node: i32): void {
    const find = this.context.member(node, "find");
    this.context.report.add(find, "R204", -1, "longer than 4096 bytes, or the 65th of the list");
  }

  /** A list with a pattern in it: all its items are patterns, literals too. */
  private decodePatterns(nodes: StaticArray<i32>, window: i32): BodyEdit {
    const context = this.context;
    const replacer = new StreamReplacer(window);
    const values: (Template | null)[] = [];
    for (let i = 0; i < nodes.length; i++) {
      const item = nodes[i];
      const ignoreCase = context.isTrue(item, "ignoreCase");
      const value = context.member(item, "with");
      const find = context.member(item, "find");
      if (find != NO_NODE) {
        const text = context.text(find);
        const literal = Regex.literal(text, ignoreCase);
        if (literal == null || length(text) > MAX_LITERAL || i == MAX_ITEMS)
          this.reportLiteral(item);
        else replacer.add(literal, null, this.first(item));
        values.push(context.template(value));
        continue;
      }
      const regex = context.regex(context.member(item, "regex"), ignoreCase);
      if (regex == null) continue;
      if (i == MAX_ITEMS) context.report.add(item, "R204", -1, "the 65th of the list");
      if (hasExpression(context.tape.text(value, scratch)))
        context.report.add(value, "R306", -1, "beside regex, with takes groups and no $(…)");
      const template = context.groupTemplate(value, regex);
      if (template != null) replacer.add(regex, template, this.first(item));
      values.push(null);
    }
    return new PatternsEdit(replacer, StaticArray.fromArray(values));
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

  private decodeValidate(value: i32, isResponse: bool): Step {
    const context = this.context;
    const step = new ValidateStep(isResponse);
    const formats = context.member(value, "formats");
    const asserts = formats == NO_NODE || equalsText(context.tape.text(formats, scratch), "assert");
    const body = context.member(value, "body");
    const headers = context.member(value, "headers");
    if (body == NO_NODE && headers == NO_NODE)
      context.report.add(value, "R202", -1, "a schema for body or headers is missing");
    if (headers != NO_NODE) step.headers = context.schema(headers, asserts);
    if (isResponse) context.names.demands |= Demand.Request;
    step.optional = context.isTrue(value, "optional");
    const respond = context.member(value, "respond");
    if (respond != NO_NODE) step.response = this.decodeResponse(respond);
    const name = context.member(value, "as");
    if (name != NO_NODE) step.variable = this.variable(name);
    if (body != NO_NODE) {
      step.body = context.schema(body, asserts);
      // Like a step whose expressions read it.
      context.names.readsBody = true;
    }
    return step;
  }

  /** The index of the variable named in a string or key. */
  private variable(node: i32): i32 {
    const context = this.context;
    const name = context.tape.text(node, scratch);
    if (!isIdentifier(name))
      context.report.add(node, "R301", -1, "a variable's name is letters, digits and _");
    return context.names.variables.find(name);
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

  /** What the step's `respond` says; null when it has none. */
  private responseOr(step: i32, status: i32): Response | null {
    const node = this.context.member(step, "respond");
    if (node == NO_NODE) return null;
    const response = this.decodeResponse(node);
    if (this.context.member(node, "status") == NO_NODE) response.status = status;
    return response;
  }

  /** What an `authorize` says to those who are denied, but for the status; null: what the service says. */
  private deniedOr(step: i32): Response | null {
    const node = this.context.member(step, "denied");
    return node == NO_NODE ? null : this.decodeResponse(node);
  }

  private decodeContent(value: i32, response: Response): void {
    const context = this.context;
    response.text = context.templateOr(value, "text");
    const json = context.member(value, "json");
    if (json != NO_NODE) response.json = context.jsonTemplate(json);
    const content = json != NO_NODE ? json : context.member(value, "text");
    if (content != NO_NODE && reply.isBodiless(response.status)) {
      const status = response.status.toString();
      context.report.add(content, "R322", -1, "an answer of status " + status + " has no body");
    }
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
    const code = context.integerOr(value, "status", 302) as i32;
    return new RedirectStep(context.template(context.member(value, "to")), code);
  }

  // ---- the small verbs

  private decodeSet(value: i32): SetStep {
    const tape = this.context.tape;
    const list: Assignment[] = [];
    const stop = tape.after(value);
    for (let key = tape.firstChild(value); key < stop; key = tape.after(key + 1))
      list.push(this.decodeAssignment(key));
    return new SetStep(StaticArray.fromArray(list));
  }

  /** Text is a template; everything else has the type that it is written with. */
  private decodeAssignment(key: i32): Assignment {
    const context = this.context;
    const kind = context.tape.kind(key + 1);
    const assignment = new Assignment(this.variable(key));
    if (kind == Kind.Array || kind == Kind.Object) assignment.json = context.jsonTemplate(key + 1);
    else if (kind != Kind.String) assignment.constant = context.names.literal(key + 1);
    if (assignment.json == null && assignment.constant == 0)
      assignment.text = context.template(key + 1);
    return assignment;
  }

  private decodeLog(value: i32): Step {
    const context = this.context;
    if (context.tape.kind(value) == Kind.String) {
      const template = context.template(value);
      if (!template.isConstant) demandSecrets(context);
      return new LogStep(LogLevel.Info, template);
    }
    const level = context.member(value, "level");
    const text = context.template(context.member(value, "text"));
    const step = new LogStep(
      level == NO_NODE ? LogLevel.Info : levelOf(context.tape.text(level, scratch)),
      text,
    );
    step.sample = decodeSample(context, value);
    step.redaction = decodeRedact(context, value);
    return step;
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
