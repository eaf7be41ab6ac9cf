// Metrics under names that rules give. A host never forgets a metric and gives a new id whenever it is
// asked, so each is defined once in a VM, when it is first needed, whatever becomes of the configuration;
// and there is an end to how many. Known ones are found by a hash under a secret key, which stands for
// the name: what clients send cannot be made to meet.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { MetricType } from "../abi/numbers";
import { Arena, forgive, refusals } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy, fromString, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as siphash from "../crypto/siphash";
import { Hashed, RecordIndex } from "./record-index";

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
class Metric extends Hashed {
  id: i32; // in the host, or NO_METRIC
}

const SIZE: i32 = offsetof<Metric>() as i32;

const arena: Arena = Arena.create();
const families: Map<string, Family> = new Map<string, Family>();
const index = new RecordIndex();
const hashed = Writer.create();
const secret: usize = heap.alloc(16);
let hasSecret: bool = false;
/** Room for the next one; 0: none yet. */
let spare: usize = 0;

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
  if (!hash(type, name)) return NO_METRIC;
  const at = index.find(siphash.low, siphash.high);
  return at != 0 ? changetype<Metric>(at).id : add(type, name);
}

/** The same for one of the family's, as long as it has fewer than `most`. */
export function defineSeries(family: Family, name: Span, most: i32): i32 {
  if (!hash(family.type, name)) return NO_METRIC;
  const at = index.find(siphash.low, siphash.high);
  if (at != 0) return changetype<Metric>(at).id;
  if (family.series >= most) return NO_METRIC;
  const before = index.count;
  const id = add(family.type, name);
  family.series += index.count - before;
  return id;
}

/** Adds the metric whose hash is at hand. Traffic does not depend on it. */
function add(type: MetricType, name: Span): i32 {
  const refused = refusals();
  const id = addIfThereIsRoom(type, name);
  forgive(refused);
  return id;
}

function addIfThereIsRoom(type: MetricType, name: Span): i32 {
  if (index.count == MAX_METRICS) return NO_METRIC;
  if (spare == 0) spare = arena.allocate(SIZE);
  if (spare == 0) return NO_METRIC;
  const metric = changetype<Metric>(spare);
  metric.low = siphash.low;
  metric.high = siphash.high;
  if (!index.add(spare)) return NO_METRIC;
  spare = 0;
  metric.id = host.defineMetric(type, name);
  return metric.id;
}

/** Makes of the name its hash (siphash.low and high); false when memory runs out. */
function hash(type: MetricType, name: Span): bool {
  if (!hasSecret) {
    hasSecret = true;
    if (!host.random(secret, 16)) store<u64>(secret, host.now());
  }
  hashed.reset();
  hashed.byte(type);
  hashed.span(name);
  if (hashed.failed) return false;
  siphash.siphash(load<u64>(secret), load<u64>(secret, 8), hashed.view());
  return true;
}

/** Sets a gauge of the filter's own. */
export function setGauge(name: string, value: i64): void {
  host.record(define(MetricType.Gauge, fromString(name, scratch)), value);
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
