// Decodes `authorize`.

import { scratch } from "../abi/memory";
import { equalsText, fromText } from "../bytes/text";
import { Kind, NO_NODE } from "../json/tape";
import { Glob } from "../rules/glob";
import { Template } from "../rules/template";
import { AuthorizeStep, OnError } from "../steps/authorize";
import { Response } from "../steps/respond";
import { DEFAULT_DECISIONS, Decisions } from "../stream/decisions";
import { Context } from "./context";
import { decodeHeaderValues } from "./fields";
import { decodeStatuses } from "./match";
import { Services } from "./services";
import { integerOf } from "./shape";

/** Headers of the request that the service sees, and of a denial that the client sees. */
const SENT: string = "authorization cookie";
const FORWARDED: string =
  "content-type location set-cookie www-authenticate proxy-authenticate retry-after";

/** The step; `denied` is what its `denied` says, but for the status. */
export function decodeAuthorize(
  context: Context,
  services: Services,
  value: i32,
  denied: Response | null,
): AuthorizeStep {
  const service = services.find(context, context.member(value, "service"));
  const step = new AuthorizeStep(service);
  step.timeoutMs = context.durationOr(value, "timeout", service.timeoutMs);
  step.retries = context.integerOr(value, "retries", 0) as i32;
  step.method = context.templateOr(value, "method");
  step.path = context.templateOr(value, "path");
  decodeSend(context, context.member(value, "send"), step);
  decodeBody(context, context.member(value, "body"), step);
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
  step.forward = globs(context, FORWARDED);
  step.denied = denied;
  const deniedNode = context.member(value, "denied");
  if (deniedNode != NO_NODE) {
    step.deniedStatus = context.integerOr(deniedNode, "status", 0) as i32;
    if (context.member(deniedNode, "forward") != NO_NODE)
      step.forward = context.headerGlobs(deniedNode, "forward");
  }
  const onError = context.member(value, "onError");
  if (onError != NO_NODE) {
    if (context.tape.kind(onError) == Kind.Number)
      step.errorStatus = integerOf(context.tape.raw(onError)) as i32;
    else if (equalsText(context.tape.text(onError, scratch), "allow")) step.onError = OnError.Allow;
  }
  decodeCache(context, context.member(value, "cache"), step);
  step.finish();
  return step;
}

function decodeSend(context: Context, node: i32, step: AuthorizeStep): void {
  const isGiven = node != NO_NODE && context.member(node, "headers") != NO_NODE;
  step.send = isGiven ? context.headerGlobs(node, "headers") : globs(context, SENT);
  const set = node == NO_NODE ? NO_NODE : context.member(node, "set");
  if (set != NO_NODE) step.sendSet = decodeHeaderValues(context, set);
}

function decodeBody(context: Context, node: i32, step: AuthorizeStep): void {
  if (node == NO_NODE) return;
  const most = context.member(node, "maxBytes");
  step.mostBody = context.size(most);
  if (step.mostBody == 0) context.report.add(most, "R308", -1, "1 byte at least");
  step.sendsPart = context.isTrue(node, "partial");
  // Like a step whose expressions read it.
  context.names.readsBody = true;
}

function decodeCache(context: Context, node: i32, step: AuthorizeStep): void {
  if (node == NO_NODE) return;
  const decisions = new Decisions();
  decisions.ttl = context.duration(context.member(node, "ttl"));
  const denyTtl = context.member(node, "denyTtl");
  const isNone = denyTtl != NO_NODE && isZero(context, denyTtl);
  decisions.denyTtl = isNone ? 0 : denyTtl == NO_NODE ? decisions.ttl : context.duration(denyTtl);
  decisions.staleFor = context.durationOr(node, "staleIfError", 0);
  decisions.most = context.integerOr(node, "maxEntries", DEFAULT_DECISIONS) as i32;
  const key = context.member(node, "key");
  if (key != NO_NODE) {
    const parts = context.strings(key);
    const list = new StaticArray<Template>(parts.length);
    for (let i = 0; i < parts.length; i++) list[i] = context.template(parts[i]);
    step.key = list;
  }
  step.obeysCacheControl = context.isWord(node, "cacheControl", "obey");
  step.decisions = decisions;
  context.configuration.decisions.push(decisions);
}

/** `0s`: a duration that others do not take. */
function isZero(context: Context, node: i32): bool {
  return equalsText(context.tape.text(node, scratch), "0s");
}

/** The names, which are divided by a space each. */
function globs(context: Context, list: string): StaticArray<Glob> {
  const words = list.split(" ");
  const result = new StaticArray<Glob>(words.length);
  for (let i = 0; i < words.length; i++)
    result[i] = new Glob(fromText(words[i], scratch), context.arena);
  return result;
}
