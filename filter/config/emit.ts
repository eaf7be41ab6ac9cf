// Decodes `emit`: the event, what must not be in it, and its way to a service.

import { NONE } from "../bytes/span";
import { NO_NODE } from "../json/tape";
import { Phase } from "../rules/name";
import { EmitStep } from "../steps/emit";
import { Delivery } from "../stream/delivery";
import * as field from "../stream/field-names";
import { Context, hasExpression } from "./context";
import { decodeRedact } from "./redact";
import { decodeSample } from "./sample";
import { Services } from "./services";

/** What is told of a body where the step does not say. */
const DEFAULT_MAX_BODY: i64 = 1_000_000;
const LARGEST_BODY: i64 = 16 << 20;
const LARGEST_QUEUE: i64 = 64 << 20;
const LARGEST_BATCH: i64 = 16 << 20;
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
    delivery.batchBytes = context.sizeOr(batch, "bytes", delivery.batchBytes);
    if (delivery.batchBytes > LARGEST_BATCH)
      context.report.add(context.member(batch, "bytes"), "R308", -1, "16MiB at most");
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
  const step = new EmitStep(delivery, decodeRedact(context, value));
  step.sample = decodeSample(context, value);
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
