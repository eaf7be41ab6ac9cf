// Decodes `rateLimit`.

import { scratch } from "../abi/memory";
import { fingerprint } from "../bytes/fingerprint";
import { Span } from "../bytes/span";
import { copy, fromString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as hex from "../crypto/hex";
import { Kind, NO_NODE } from "../json/tape";
import * as quantity from "../rules/quantity";
import { ClusterRateLimitStep } from "../steps/cluster-rate-limit";
import { MAX_COST, RateLimitStep, Style, TableRateLimitStep } from "../steps/rate-limit";
import { Response } from "../steps/respond";
import { Algorithm, Rate } from "../stream/rate";
import { pluginName, spaceOfPlugin } from "../stream/space";
import { Context } from "./context";
import { refuseRedis } from "./redis";
import { Services } from "./services";
import { integerOf } from "./shape";

const MICROSECONDS: u64 = 1_000_000;

const identity = Writer.create();
const line = Writer.create();
const number = Writer.create();

/** The step, or null, reported; `response` is what its `respond` says. */
export function decodeRateLimit(
  context: Context,
  services: Services,
  node: i32,
  response: Response | null,
): RateLimitStep | null {
  const algorithm = algorithmOf(context, node);
  const rates = decodeRates(context, node, algorithm);
  writeIdentity(context, node, rates);
  const step = stepOf(context, services, node, rates);
  if (step == null) return null;
  step.key = context.templateOr(node, "key");
  const cost = context.member(node, "cost");
  if (cost != NO_NODE && context.tape.kind(cost) == Kind.Number) {
    step.fixedCost = min(integerOf(context.tape.raw(cost)) as u64, MAX_COST);
  } else if (cost != NO_NODE) {
    step.cost = context.template(cost);
  }
  if (context.isWord(node, "headers", "x-ratelimit")) step.style = Style.Prefixed;
  else if (context.isWord(node, "headers", "structured")) step.style = Style.Structured;
  else if (context.isWord(node, "headers", "none")) step.style = Style.None;
  step.allowsOnError = context.isWord(node, "onError", "allow");
  step.response = response;
  writePolicies(context, node, rates, step);
  return step;
}

/** The step of the scope that is asked for, `identity` written; null, reported, where it cannot be had. */
function stepOf(
  context: Context,
  services: Services,
  node: i32,
  rates: StaticArray<Rate>,
): RateLimitStep | null {
  const service = context.member(node, "service");
  const scope = context.member(node, "scope");
  if (context.isWord(node, "scope", "cluster")) {
    if (!isDefined(HIGRESS)) {
      refuseRedis(scope, context.report);
      return null;
    }
    if (service == NO_NODE) {
      const text =
        'the key "service" is missing: the scope cluster counts in a service that is Redis';
      context.report.add(node, "R202", -1, text);
      return null;
    }
    const redis = services.findRedis(context, service);
    if (redis == null) return null;
    return new ClusterRateLimitStep(redis, rates, keyPrefix(context, node), context.arena);
  }
  if (service != NO_NODE)
    context.report.add(service, "R311", -1, "only the scope cluster counts in a service");
  const space = spaceOfPlugin();
  const table = context.isWord(node, "scope", "worker") ? space.localCounts : space.counts;
  return new TableRateLimitStep(space, table, rates, identity);
}

/** What the keys of the step begin with in Redis: whose it is, for those who look there, and a fingerprint
 * of `identity`, which has the limits too. */
function keyPrefix(context: Context, node: i32): Span {
  const name = context.member(node, "name");
  line.reset();
  line.text("ruleway:");
  line.span(fromString(pluginName(), scratch));
  line.text(":rate:");
  if (name != NO_NODE) {
    line.span(context.tape.text(name, scratch));
  } else {
    line.span(context.owner);
    line.byte(0x2f);
    line.integer(context.step);
  }
  line.byte(0x3a);
  // Bytes of the number, the low one first.
  number.reset();
  number.word(fingerprint(identity.view()));
  hex.encode(number.view(), line);
  line.byte(0x3a);
  return copy(line.view(), context.arena);
}

function algorithmOf(context: Context, node: i32): Algorithm {
  if (context.isWord(node, "algorithm", "fixed")) return Algorithm.Fixed;
  if (context.isWord(node, "algorithm", "sliding")) return Algorithm.Sliding;
  return Algorithm.Token;
}

function decodeRates(context: Context, node: i32, algorithm: Algorithm): StaticArray<Rate> {
  const nodes = context.strings(context.member(node, "limit"));
  const burst = context.member(node, "burst");
  if (burst != NO_NODE && (algorithm != Algorithm.Token || nodes.length > 1)) {
    const text = "burst goes with one limit and the algorithm token";
    context.report.add(burst, "R311", -1, text);
  }
  const rates = new StaticArray<Rate>(nodes.length);
  for (let i = 0; i < nodes.length; i++) {
    let count = quantity.rate(context.tape.text(nodes[i], scratch));
    if (count < 0) {
      const text = "a rate is such as 10/1s, 100/1m, 5000/1d: 1 to 1000000 in 1s to 31d";
      context.report.add(nodes[i], "R308", -1, text);
      count = 1;
    }
    const most = burst == NO_NODE ? count : integerOf(context.tape.raw(burst));
    const period = (max(1, quantity.ratePeriod) as u64) * MICROSECONDS;
    rates[i] = new Rate(algorithm, count, period, most);
  }
  return rates;
}

/** What counts together: the same name, else the same place; with the same limits, since what is
 * counted means something only under them. */
function writeIdentity(context: Context, node: i32, rates: StaticArray<Rate>): void {
  const name = context.member(node, "name");
  identity.reset();
  identity.byte(name == NO_NODE ? 0x70 : 0x6e);
  if (name != NO_NODE) {
    identity.span(context.tape.text(name, scratch));
  } else {
    identity.span(context.owner);
    identity.byte(0);
    identity.integer(context.step);
  }
  for (let i = 0; i < rates.length; i++) {
    identity.word(rates[i].algorithm);
    identity.word(rates[i].limit);
    identity.word(rates[i].period);
    identity.word(rates[i].burst);
  }
}

/** `, 100;w=60, 5000;w=86400` or `"100/1m";q=100;w=60, …`. */
function writePolicies(
  context: Context,
  node: i32,
  rates: StaticArray<Rate>,
  step: RateLimitStep,
): void {
  const isStructured = step.style == Style.Structured;
  const nodes = context.strings(context.member(node, "limit"));
  const names = new StaticArray<Span>(rates.length);
  line.reset();
  for (let i = 0; i < rates.length; i++) {
    if (i > 0 || !isStructured) line.text(", ");
    if (isStructured) {
      names[i] = quoted(context.tape.text(nodes[i], scratch), context);
      line.span(names[i]);
      line.text(";q=");
    }
    line.integer(rates[i].limit);
    line.text(";w=");
    line.integer(rates[i].period / MICROSECONDS);
  }
  step.policy = copy(line.view(), context.arena);
  step.policies = names;
}

function quoted(text: Span, context: Context): Span {
  const out = Writer.create();
  out.byte(0x22);
  out.span(text);
  out.byte(0x22);
  const result = copy(out.view(), context.arena);
  out.destroy();
  return result;
}
