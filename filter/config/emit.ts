// Decodes `emit`: the event, what must not be in it, and its way to a service.

import { scratch } from "../abi/memory";
import { NONE } from "../bytes/span";
import { fromText } from "../bytes/text";
import { EditKind, EditPlan } from "../json/edit";
import { errorOffset, errorText, Path } from "../json/path";
import { NO_NODE } from "../json/tape";
import { Notation, Template as RegexTemplate, Unknown } from "../regex/index";
import { Glob } from "../rules/glob";
import { Phase } from "../rules/name";
import * as quantity from "../rules/quantity";
import { ALL, EmitStep } from "../steps/emit";
import { Redaction, Secret, stars } from "../steps/redaction";
import { Delivery } from "../stream/delivery";
import * as field from "../stream/field-names";
import { Context, hasExpression } from "./context";
import { Services } from "./services";

/** What is told of a body where the step does not say. */
const DEFAULT_MAX_BODY: i64 = 1_000_000;
const LARGEST_BODY: i64 = 16 << 20;
const LARGEST_QUEUE: i64 = 64 << 20;
/** Names whose values are never told unless `redact.headers` says otherwise. */
const SECRET_HEADERS = "authorization proxy-authorization cookie set-cookie x-api-key";

export function decodeEmit(context: Context, services: Services, value: i32): EmitStep {
  const service = services.find(context, context.member(value, "service"));
  const path = context.member(value, "path");
  const delivery = new Delivery(
    context.configuration,
    service,
    path == NO_NODE ? field.root : context.text(path),
  );
  context.configuration.periodics.push(delivery);
  delivery.timeoutMs = context.durationOr(value, "timeout", service.timeoutMs);
  delivery.fields.clear(context.arena);
  delivery.fields.push(field.contentType, field.applicationJson, NONE);
  decodeHeaders(context, value, delivery);
  const batch = context.member(value, "batch");
  if (batch != NO_NODE) {
    delivery.batchCount = context.integerOr(batch, "count", 100) as i32;
    delivery.batchAge = context.durationOr(batch, "age", delivery.batchAge as i32);
  }
  const queue = context.member(value, "queue");
  if (queue != NO_NODE) {
    delivery.mostEvents = context.integerOr(queue, "count", delivery.mostEvents) as i32;
    delivery.mostBytes = context.sizeOr(queue, "bytes", delivery.mostBytes);
    if (delivery.mostBytes > LARGEST_QUEUE)
      context.report.add(context.member(queue, "bytes"), "R308", -1, "64MiB at most");
  }
  delivery.retries = context.integerOr(value, "retries", delivery.retries) as i32;
  const step = new EmitStep(delivery, decodeRedaction(context, context.member(value, "redact")));
  const sample = context.member(value, "sample");
  if (sample != NO_NODE) step.sample = decodeSample(context, sample);
  const json = context.member(value, "json");
  if (json != NO_NODE) {
    step.json = context.jsonTemplate(json);
    const maxBody = context.member(value, "maxBody");
    if (maxBody != NO_NODE)
      context.report.add(
        maxBody,
        "R311",
        -1,
        "an event of your own has no bodies of its own accord",
      );
    return step;
  }
  if (context.phase == Phase.Task)
    context.report.add(value, "R312", -1, "a task has no stream to tell of: its event is json");
  const mostBody = context.sizeOr(value, "maxBody", DEFAULT_MAX_BODY);
  if (mostBody > LARGEST_BODY)
    context.report.add(context.member(value, "maxBody"), "R308", -1, "16MiB at most");
  step.mostBody = mostBody as i32;
  return step;
}

/** Constant headers of the callouts. */
function decodeHeaders(context: Context, value: i32, delivery: Delivery): void {
  const node = context.member(value, "headers");
  if (node == NO_NODE) return;
  const tape = context.tape;
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    const name = context.headerName(key);
    const text = context.text(key + 1);
    if (hasExpression(text))
      context.report.add(key + 1, "R311", -1, "events share their headers: there is no $(…) here");
    delivery.fields.remove(name);
    delivery.fields.push(name, text, NONE);
  }
}

/** `5%`, `0.1%`: parts of a million. */
function decodeSample(context: Context, node: i32): u32 {
  const share = quantity.percent(context.tape.text(node, scratch));
  if (share < 0) context.report.add(node, "R308", -1, "a share is such as 5% or 0.1%");
  return min(share, ALL as i64) as u32;
}

function decodeRedaction(context: Context, node: i32): Redaction {
  const redaction = new Redaction();
  const headers = node == NO_NODE ? NO_NODE : context.member(node, "headers");
  if (headers == NO_NODE) redaction.headers = secretHeaders(context);
  else redaction.headers = context.headerGlobs(node, "headers");
  if (node == NO_NODE) return redaction;
  redaction.query = context.globs(node, "query");
  const json = context.member(node, "json");
  if (json != NO_NODE) redaction.json = decodePaths(context, json);
  const patterns = context.member(node, "patterns");
  if (patterns == NO_NODE) return redaction;
  const nodes = context.strings(patterns);
  for (let i = 0; i < nodes.length; i++) {
    const regex = context.regex(nodes[i], false);
    if (regex == null) continue;
    const template = RegexTemplate.compile(stars, regex, Notation.Both, Unknown.Refuse);
    if (template != null) redaction.patterns.push(new Secret(regex, template));
  }
  return redaction;
}

function secretHeaders(context: Context): StaticArray<Glob> {
  const words = SECRET_HEADERS.split(" ");
  const globs = new StaticArray<Glob>(words.length);
  for (let i = 0; i < words.length; i++)
    globs[i] = new Glob(fromText(words[i], scratch), context.arena);
  return globs;
}

function decodePaths(context: Context, node: i32): EditPlan {
  const plan = new EditPlan();
  const nodes = context.strings(node);
  for (let i = 0; i < nodes.length; i++) {
    const path = Path.compile(context.text(nodes[i]), context.arena);
    if (path == null) context.report.add(nodes[i], "R305", errorOffset, errorText);
    else plan.add(EditKind.Remove, path, null, -1, false);
  }
  return plan;
}
