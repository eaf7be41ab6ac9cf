// `metric`: a counter, gauge or histogram of the host under a name of one's own, with tags in the name.
// Nothing that happens here is of consequence to the message.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { MetricType } from "../abi/numbers";
import { isDecimal, parseDouble } from "../bytes/number";
import { equal, length, NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Kind, Value } from "../cel/index";
import { failures } from "../rules/expression";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { Exchange } from "../stream/exchange";
import { define, defineSeries, Family, NO_METRIC, writeWord } from "../stream/metrics";
import { Outcome, Step } from "../stream/program";

/** What is told of a value at the most: a double holds every integer up to it. */
const MOST: f64 = 9007199254740992;
/** Not a number that can be told. */
const BAD: f64 = NaN;

const value = Value.create();
const name = Writer.create();
/** The value is not there. */
let isAbsent: bool = false;

@final
export class MetricTag {
  /** What the value can be; null: anything. */
  values: StaticArray<Span> | null = null;

  constructor(
    readonly name: Span,
    readonly value: Template,
  ) {}
}

@final
export class MetricStep extends Step {
  /** Null: 1. */
  value: Template | null = null;
  /** The value is what a gauge changes by. */
  isChange: bool = false;
  /** In the order of their names. */
  tags: StaticArray<MetricTag> = [];
  maxSeries: i32 = 100;
  /** The name with all tags `other`. */
  otherwise: Span = NONE;
  /** In the host plus two, of a metric without tags, or of what there was no room for; 0: not yet
   * defined. */
  private id: i32 = 0;

  constructor(private readonly family: Family) {
    super();
  }

  run(x: Exchange): Outcome {
    isAbsent = false;
    const before = failures;
    const amount = Math.round(this.amountOf(x));
    if (isAbsent) {
      count(failures == before ? Counter.EditSkippedAbsent : Counter.MetricFailed);
      return Outcome.Next;
    }
    // A NaN is in no range.
    const isGood = amount <= MOST && amount >= (this.isChange ? -MOST : 0);
    const id = isGood
      ? this.tags.length == 0
        ? this.single(this.family.name)
        : this.tagged(x)
      : 0;
    if (!isGood || id == NO_METRIC) count(Counter.MetricFailed);
    else if (this.isChange || this.family.type == MetricType.Counter)
      host.increment(id, amount as i64);
    else host.record(id, amount as i64);
    return Outcome.Next;
  }

  private amountOf(x: Exchange): f64 {
    const template = this.value;
    if (template == null) return 1;
    if (!template.isSingle) {
      const text = template.evaluate(x, Absent.Skips, scratch);
      return text == NONE ? absent() : numberIn(text);
    }
    template.evaluateSingle(x, value);
    if (value.isNull) return absent();
    switch (value.kind) {
      case Kind.Int:
        return value.int as f64;
      case Kind.Uint:
        return value.bits as f64;
      case Kind.Double:
        return value.double;
      case Kind.Duration:
        return (value.int as f64) / 1_000_000;
      case Kind.String:
        return numberIn(value.bits);
    }
    return BAD;
  }

  private single(name: Span): i32 {
    if (this.id == 0) this.id = define(this.family.type, name) + 2;
    return this.id - 2;
  }

  private tagged(x: Exchange): i32 {
    name.reset();
    name.span(this.family.name);
    for (let i = 0; i < this.tags.length; i++) {
      const tag = unchecked(this.tags[i]);
      name.byte(0x2e);
      name.span(tag.name);
      name.byte(0x2e);
      const text = tag.value.evaluate(x, Absent.Skips, scratch);
      if (isAmong(text, tag.values)) writeWord(text, name);
      else name.text("other");
    }
    if (name.failed) return NO_METRIC;
    const id = defineSeries(this.family, name.view(), this.maxSeries);
    if (id != NO_METRIC) return id;
    count(Counter.MetricOverflow);
    return this.single(this.otherwise);
  }
}

function isAmong(text: Span, values: StaticArray<Span> | null): bool {
  if (values == null || text == NONE) return true;
  for (let i = 0; i < values.length; i++) {
    if (equal(text, unchecked(values[i]))) return true;
  }
  return false;
}

function absent(): f64 {
  isAbsent = true;
  return 0;
}

function numberIn(text: Span): f64 {
  return length(text) <= 40 && isDecimal(text) ? parseDouble(text) : BAD;
}
