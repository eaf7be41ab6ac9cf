// `rateLimit`: so many requests in so long for each key, and 429 beyond (RFC 6585 4). What all scopes
// have in common: the cost of a request, and how the fields of a response say how matters stand. And the
// scopes `worker` and `proxy`: the algorithm is in stream/rate.ts, where the counts lie in stream/table.ts.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { isDecimal, parseDouble } from "../bytes/number";
import { address, byteAtUnchecked, length, move, NONE, Span, span } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Kind, Value } from "../cel/index";
import * as siphash from "../crypto/siphash";
import { FieldList, MISSING } from "../http/field-list";
import { failures } from "../rules/expression";
import { Absent, Template } from "../rules/template";
import { MAX_TRIES, Saved } from "../stream/buckets";
import { Counter, count, countMany } from "../stream/counters";
import { key as describeKey, text as describeText, flag } from "../stream/description";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { OnFailure, Outcome, Step } from "../stream/program";
import { LARGEST_STATE, NEVER, Rate } from "../stream/rate";
import * as reply from "../stream/reply";
import { Space } from "../stream/space";
import { Table } from "../stream/table";
import { Response } from "./respond";

/** Limits of one step. */
export const MAX_RATES: i32 = 4;
/** What one request may cost; more never fits. */
export const MAX_COST: u64 = 1_000_000;
/** Instead of a cost: it is not known. */
export const UNCOUNTABLE: u64 = u64.MAX_VALUE;

/** Which fields say how matters stand. */
export const enum Style {
  /** ratelimit-limit, -remaining, -reset (draft-ietf-httpapi-ratelimit-headers-03). */
  Plain,
  /** The same with x-, as Envoy writes them. */
  Prefixed,
  /** ratelimit-policy and ratelimit (the draft's later versions). */
  Structured,
  None,
}

/** What counting came to. */
export const enum Verdict {
  Admitted,
  Refused,
  /** The state could not be read or written. */
  Failed,
}

/** Records of a bucket, if they are so small. */
const MOST: i32 = 32;

/** Of the states at hand: some were written before the clock was set back. */
let isSetBack: bool = false;
const states = heap.alloc(MAX_RATES * LARGEST_STATE);
const hashed = Writer.create();
const line = Writer.create();
const value = Value.create();
const headers = new FieldList(scratch);

const texts: Arena = Arena.create();
const limitNames: StaticArray<Span> = names("ratelimit-limit");
const remainingNames: StaticArray<Span> = names("ratelimit-remaining");
const resetNames: StaticArray<Span> = names("ratelimit-reset");
const structured: Span = fromText("ratelimit", texts);
const policyName: Span = fromText("ratelimit-policy", texts);

/** By Style. */
function names(name: string): StaticArray<Span> {
  return [fromText(name, texts), fromText("x-" + name, texts)];
}

export abstract class RateLimitStep extends Step {
  key: Template | null = null;
  /** Null: `fixedCost`. */
  cost: Template | null = null;
  fixedCost: u64 = 1;
  style: Style = Style.Plain;
  response: Response | null = null;
  allowsOnError: bool = false;
  /** Text of the fields that say what the limits are, and of each limit in `ratelimit`. */
  policy: Span = NONE;
  policies: StaticArray<Span> = [];

  constructor(protected readonly rates: StaticArray<Rate>) {
    super();
    this.isGuard = true;
  }

  protected abstract get scope(): string;

  /** What becomes of the request; the rates say how matters stand. */
  protected conclude(x: Exchange, verdict: Verdict): Outcome {
    switch (verdict) {
      case Verdict.Admitted:
        count(Counter.RateLimitAllowed);
        this.tell(x);
        return Outcome.Next;
      case Verdict.Refused:
        count(Counter.RateLimitLimited);
        this.refuse(x);
        return Outcome.End;
    }
    count(Counter.RateLimitFailed);
    if (this.allowsOnError) return Outcome.Next;
    reply.plain(x, 503, reply.rateLimitFailed);
    return Outcome.End;
  }

  /** NONE for those without a key, which are one key together. */
  protected keyOf(x: Exchange): Span {
    const template = this.key;
    return template == null ? NONE : template.evaluate(x, Absent.Skips, scratch);
  }

  /** What the request takes of the limits; UNCOUNTABLE where that is not said in numbers from 0 on. */
  protected costOf(x: Exchange): u64 {
    const template = this.cost;
    if (template == null) return this.fixedCost;
    if (template.isSingle) {
      template.evaluateSingle(x, value);
      if (value.isNull) return 1;
      if (value.kind != Kind.String) return costOfNumber();
      return costIn(value.bits);
    }
    const text = template.evaluate(x, Absent.Skips, scratch);
    return text == NONE ? 1 : costIn(text);
  }

  /** The request cannot be counted: an expression failed, which the step may be told to overlook. */
  protected concludeUncounted(x: Exchange, hasFailed: bool): Outcome {
    const isSkipped = hasFailed && this.onFailure == OnFailure.Skip;
    return isSkipped ? Outcome.Next : this.conclude(x, Verdict.Failed);
  }

  // ---- what the client is told

  /** The limit that is nearest: the longest to wait for, else the one with the least left. */
  private get nearest(): i32 {
    let nearest = 0;
    for (let i = 1; i < this.rates.length; i++) {
      const rate = unchecked(this.rates[i]);
      const other = unchecked(this.rates[nearest]);
      const isNearer =
        rate.wait != other.wait ? rate.wait > other.wait : rate.remaining < other.remaining;
      if (isNearer) nearest = i;
    }
    return nearest;
  }

  /** Of several steps the one with the least left tells. */
  private tell(x: Exchange): void {
    if (this.style == Style.None) return;
    const list = x.clientHeaders;
    if (this.style != Style.Structured) {
      const i = list.find(unchecked(remainingNames[this.style]));
      const left = this.rates[this.nearest].remaining;
      if (i != MISSING && numberIn(list.value(i), 0) <= left) return;
    }
    this.write(x, list);
  }

  private write(x: Exchange, list: FieldList): void {
    const style = this.style;
    const nearest = this.nearest;
    const rate = unchecked(this.rates[nearest]);
    if (style == Style.Structured) {
      list.push(policyName, this.policy, NONE);
      line.reset();
      line.span(unchecked(this.policies[nearest]));
      line.text(";r=");
      line.integer(rate.remaining);
      line.text(";t=");
      line.integer(seconds(rate.reset));
      list.push(structured, copy(line.view(), x.arena), NONE);
      return;
    }
    line.reset();
    line.integer(rate.limit);
    line.span(this.policy);
    list.set(unchecked(limitNames[style]), copy(line.view(), x.arena));
    list.set(unchecked(remainingNames[style]), integer(rate.remaining, x.arena));
    list.set(unchecked(resetNames[style]), integer(seconds(rate.reset), x.arena));
  }

  private refuse(x: Exchange): void {
    headers.clear(x.arena);
    if (this.style != Style.None) this.write(x, headers);
    const wait = unchecked(this.rates[this.nearest]).wait;
    if (wait != NEVER)
      headers.push(field.retryAfter, integer(max(1, seconds(wait)), x.arena), NONE);
    const response = this.response;
    if (response != null) response.sendWith(x, response.status, headers, reply.rateLimited);
    else reply.send(x, 429, reply.rateLimited, headers, reply.tooMany);
  }

  override describe(out: Writer): void {
    describeKey(out, "rates");
    for (let i = 0; i < this.rates.length; i++) {
      const rate = this.rates[i];
      out.text(i == 0 ? "[[" : ",[");
      out.integer(rate.limit);
      out.byte(0x2c);
      out.integer(rate.period / 1_000_000);
      out.byte(0x2c);
      out.integer(rate.algorithm);
      out.byte(0x2c);
      out.integer(rate.burst);
      out.byte(0x5d);
    }
    out.byte(0x5d);
    describeText(out, "scope", fromText(this.scope, scratch));
    flag(out, "keyed", this.key != null);
    flag(out, "allowsOnError", this.allowsOnError);
    describeKey(out, "status");
    const response = this.response;
    out.integer(response == null ? 429 : response.status);
  }
}

/** Counts that the workers share, or that one has for itself. */
@final
export class TableRateLimitStep extends RateLimitStep {
  private readonly low: u64;
  private readonly high: u64;

  /** `identity` is what steps that count together have in common. */
  constructor(
    private readonly space: Space,
    private readonly table: Table,
    rates: StaticArray<Rate>,
    identity: Writer,
  ) {
    super(rates);
    space.hash(identity);
    this.low = siphash.low;
    this.high = siphash.high;
  }

  protected get scope(): string {
    return this.table == this.space.counts ? "proxy" : "worker";
  }

  run(x: Exchange): Outcome {
    const before = failures;
    const cost = this.costOf(x);
    const hasFailed = failures != before;
    if (hasFailed || cost == UNCOUNTABLE) return this.concludeUncounted(x, hasFailed);
    this.hashKey(x);
    const now = host.now() / 1000;
    return this.conclude(x, this.count(siphash.low, siphash.high, now, cost));
  }

  private hashKey(x: Exchange): void {
    const key = this.keyOf(x);
    hashed.reset();
    hashed.word(this.low);
    hashed.word(this.high);
    if (key != NONE) {
      hashed.byte(1);
      hashed.span(key);
    }
    this.space.hash(hashed);
  }

  /** Takes the cost from what the key has left, if it is there in each of the limits. */
  private count(low: u64, high: u64, now: u64, cost: u64): Verdict {
    const table = this.table;
    const size = this.stateSize;
    for (let i = 0; i < MAX_TRIES; i++) {
      if (!table.open(low, high, low as u32)) return Verdict.Failed;
      const kept = table.find();
      if (length(kept) == size) move(states, address(kept), size);
      else memory.fill(states, 0, size);
      const fits = this.take(now, cost);
      if (!isSetBack && !fits) return Verdict.Refused;
      if (!isSetBack && cost == 0) return Verdict.Admitted;
      // A refusal stands, whether or not the time of its state can be kept.
      const otherwise = fits ? Verdict.Failed : Verdict.Refused;
      if (!table.put(now, this.expires, this.share, MOST, span(states, size))) return otherwise;
      const saved = table.save();
      if (saved == Saved.Failed) return otherwise;
      if (saved == Saved.Conflict) continue;
      countMany(Counter.RateLimitEvicted, table.evicted);
      return fits ? Verdict.Admitted : Verdict.Refused;
    }
    return Verdict.Failed;
  }

  /** False when one of the limits has not enough left; then nothing is taken of any. */
  private take(now: u64, cost: u64): bool {
    let fits = true;
    isSetBack = false;
    for (let i = 0, at = states; i < this.rates.length; i++) {
      const rate = unchecked(this.rates[i]);
      if (rate.advance(at, now)) isSetBack = true;
      if (!rate.admits(at, now, cost)) fits = false;
      at += rate.stateSize;
    }
    for (let i = 0, at = states; fits && i < this.rates.length; i++) {
      const rate = unchecked(this.rates[i]);
      rate.take(at, now, cost);
      at += rate.stateSize;
    }
    return fits;
  }

  private get stateSize(): i32 {
    let size = 0;
    for (let i = 0; i < this.rates.length; i++) size += unchecked(this.rates[i]).stateSize;
    return size;
  }

  /** When all states are as good as fresh ones. */
  private get expires(): u64 {
    let latest: u64 = 0;
    for (let i = 0, at = states; i < this.rates.length; i++) {
      const rate = unchecked(this.rates[i]);
      latest = max(latest, rate.expires(at));
      at += rate.stateSize;
    }
    return latest;
  }

  private get share(): u32 {
    let most: u32 = 0;
    for (let i = 0, at = states; i < this.rates.length; i++) {
      const rate = unchecked(this.rates[i]);
      most = max(most, rate.share(at));
      at += rate.stateSize;
    }
    return most;
  }
}

/** What `value`, which is not null, costs. */
function costOfNumber(): u64 {
  if (value.kind == Kind.Double) return costOfDouble(value.double);
  if (!value.isNumber || (value.kind == Kind.Int && value.int < 0)) return UNCOUNTABLE;
  return min(value.bits, MAX_COST + 1);
}

/** The next whole number; of what would never fit, any that never fits. */
function costOfDouble(number: f64): u64 {
  if (!(number >= 0)) return UNCOUNTABLE;
  return Math.ceil(Math.min(number, (MAX_COST as f64) + 1)) as u64;
}

function costIn(text: Span): u64 {
  return isDecimal(text) ? costOfDouble(parseDouble(text)) : UNCOUNTABLE;
}

function seconds(microseconds: u64): u64 {
  return (microseconds + 999_999) / 1_000_000;
}

function integer(value: u64, arena: Arena): Span {
  line.reset();
  line.integer(value);
  return copy(line.view(), arena);
}

/** The number that the digits say; `otherwise` for anything else. */
function numberIn(text: Span, otherwise: u64): u64 {
  const n = length(text);
  if (n == 0 || n > 15) return otherwise;
  let sum: u64 = 0;
  for (let i = 0; i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (!ascii.isDigit(c)) return otherwise;
    sum = sum * 10 + (c as u64) - 0x30;
  }
  return min(sum, MAX_COST + 1);
}
