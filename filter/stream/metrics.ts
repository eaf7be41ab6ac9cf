// Metrics under names that rules give. A host never forgets a metric and gives a new id whenever it is
// asked, so each is defined once in a VM, when it is first needed, whatever becomes of the configuration;
// and there is an end to how many. Known ones are found by a hash under a secret key, which stands for
// the name: what clients send cannot be made to meet.

import * as host from "../abi/host";
import { MetricType } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy, fromString, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as siphash from "../crypto/siphash";

/** Metrics of rules in one VM. */
export const MAX_METRICS: i32 = 4096;
/** Bytes of a value that go into a name. */
export const MAX_WORD: i32 = 64;

/** There is no such metric, and there will be none. */
export const NO_METRIC: i32 = host.NO_METRIC;

/** A name, with all the metrics that tags make of it. */
@final
export class Family {
  /** Combinations of tags that were seen. */
  series: i32 = 0;

  constructor(
    readonly type: MetricType,
    readonly name: Span,
  ) {}
}

@unmanaged
@final
class Metric {
  low: u64;
  high: u64;
  id: i32; // in the host, plus two; 0: the slot is free
}

const SIZE: i32 = offsetof<Metric>() as i32;
const FIRST_CAPACITY: i32 = 64;

const arena: Arena = Arena.create();
const families: Map<string, Family> = new Map<string, Family>();
const hashed = Writer.create();
const secret: usize = heap.alloc(16);
let hasSecret: bool = false;
let slots: usize = 0;
/** A power of two, at most half full. */
let capacity: i32 = 0;
let count: i32 = 0;

/** The family of the name, the same in every configuration of the VM; one that is `owner`'s alone when
 * there are too many, since then there are no more metrics for it either. */
export function familyOf(type: MetricType, name: Span, owner: Arena): Family {
  const key = type.toString() + toString(name);
  if (families.has(key)) return families.get(key);
  if (families.size >= MAX_METRICS) return new Family(type, copy(name, owner));
  const made = new Family(type, copy(name, arena));
  families.set(key, made);
  return made;
}

/** The id of the metric, which is defined if need be; NO_METRIC when the host or the VM has no more. */
export function define(type: MetricType, name: Span): i32 {
  const at = find(type, name);
  if (at != 0 && changetype<Metric>(at).id != 0) return changetype<Metric>(at).id - 2;
  return at == 0 || count == MAX_METRICS ? NO_METRIC : add(changetype<Metric>(at), type, name);
}

/** The same for one of the family's, as long as it has fewer than `most`. */
export function defineSeries(family: Family, name: Span, most: i32): i32 {
  const at = find(family.type, name);
  if (at != 0 && changetype<Metric>(at).id != 0) return changetype<Metric>(at).id - 2;
  if (at == 0 || count == MAX_METRICS || family.series >= most) return NO_METRIC;
  family.series++;
  return add(changetype<Metric>(at), family.type, name);
}

function add(metric: Metric, type: MetricType, name: Span): i32 {
  metric.low = siphash.low;
  metric.high = siphash.high;
  metric.id = host.defineMetric(type, name) + 2;
  count++;
  return metric.id - 2;
}

/** The slot in which the metric is or would be; 0 when there is no memory for more. */
function find(type: MetricType, name: Span): usize {
  if (!hasSecret) {
    hasSecret = true;
    if (!host.random(secret, 16)) store<u64>(secret, host.now());
  }
  if ((count + 1) * 2 > capacity && !grow()) return 0;
  hashed.reset();
  hashed.byte(type);
  hashed.span(name);
  if (hashed.failed) return 0;
  siphash.siphash(load<u64>(secret), load<u64>(secret, 8), hashed.view());
  return place(siphash.low, siphash.high);
}

function place(low: u64, high: u64): usize {
  const mask = capacity - 1;
  let i = (low as i32) & mask;
  while (true) {
    const at = slots + i * SIZE;
    const metric = changetype<Metric>(at);
    if (metric.id == 0 || (metric.low == low && metric.high == high)) return at;
    i = (i + 1) & mask;
  }
}

function grow(): bool {
  const before = slots;
  const wasCapacity = capacity;
  const next = max(FIRST_CAPACITY, capacity * 2);
  const fresh = arena.allocate(next * SIZE);
  if (fresh == 0) return false;
  memory.fill(fresh, 0, next * SIZE);
  slots = fresh;
  capacity = next;
  for (let i = 0; i < wasCapacity; i++) {
    const old = changetype<Metric>(before + i * SIZE);
    if (old.id != 0) memory.copy(place(old.low, old.high), before + i * SIZE, SIZE);
  }
  return true;
}

/** Sets a gauge of the filter's own. */
export function setGauge(name: string, value: i64): void {
  host.record(define(MetricType.Gauge, fromString(name, arena)), value);
}

/** Writes the value as a word of a name: it has no dots and none of what a reader of metrics might
 * take for anything else. What is not there is `none`. */
export function writeWord(value: Span, out: Writer): void {
  if (value == NONE || length(value) == 0) {
    out.text("none");
    return;
  }
  const word = sliceUnchecked(value, 0, min(length(value), MAX_WORD));
  for (let i = 0; i < length(word); i++) {
    const c = byteAtUnchecked(word, i);
    out.byte(ascii.isAlphanumeric(c) || c == 0x2d ? c : 0x5f);
  }
}
