// What is counted, under the names the host shows (Envoy: `wasmcustom.ruleway.…`). A counter is
// defined in the host when it is first needed.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { MetricType } from "../abi/numbers";
import { fromText } from "../bytes/text";

export const enum Counter {
  BodySkippedUpgrade,
  BodySkippedGrpc,
  BodySkippedEncoding,
  BodySkippedCharset,
  BodySkippedPartial,
  BodySkippedType,
  BodySkippedSize,
  BodySkippedInvalid,
  BodySkippedTrailers,
  BodySkippedNone,
  BodyDecoded,
  DecodeFailedData,
  DecodeFailedChecksum,
  DecodeFailedTruncated,
  DecodeFailedRatio,
  EditSkippedAbsent,
  EditSkippedInvalid,
  ExpressionFailed,
  RefusedLimit,
  RefusedInvalid,
  RefusedTarget,
  RefusedEncoding,
  RefusedCharset,
  RefusedType,
  RefusedSchema,
  RefusedUnheld,
  ValidateGaveUp,
  AttributesLogForeign,
  AttributesLogSize,
  AuthorizeAllowed,
  AuthorizeDenied,
  AuthorizeFailed,
  AuthorizeHit,
  AuthorizeMiss,
  AuthorizeStale,
  AuthorizeEvicted,
  AuthorizeCoalesced,
  AuthorizeRetried,
  CallAnswered,
  CallFailed,
  CallRetried,
  CallSent,
  TaskRun,
  TaskFailed,
  TaskSkipped,
  TaskLeader,
  RateLimitAllowed,
  RateLimitLimited,
  RateLimitFailed,
  RateLimitEvicted,
  StoreEvicted,
  StoreRejected,
  StoreFailed,
  RedisAnswered,
  RedisFailed,
  RedisSent,
  RedisMoved,
  EventSent,
  EventUnconfirmed,
  EventQueueFull,
  EventUndelivered,
  EventStopped,
  EventTooLarge,
  BodyNotCaptured,
  MetricFailed,
  MetricOverflow,
  OutOfMemory,
  ConfigurationAccepted,
  ConfigurationRejected,
  RuleSkipped,
  Count,
}

const NAMES: StaticArray<string> = [
  "body_skipped.upgrade",
  "body_skipped.grpc",
  "body_skipped.content_encoding",
  "body_skipped.charset",
  "body_skipped.partial_content",
  "body_skipped.content_type",
  "body_skipped.size",
  "body_skipped.invalid",
  "body_skipped.trailers",
  "body_skipped.none",
  "body_decoded",
  "decode_failed.data",
  "decode_failed.checksum",
  "decode_failed.truncated",
  "decode_failed.ratio",
  "edit_skipped.absent",
  "edit_skipped.invalid_value",
  "expression_failed",
  "refused.limit",
  "refused.invalid_body",
  "refused.target",
  "refused.content_encoding",
  "refused.charset",
  "refused.type",
  "refused.schema",
  "refused.headers_not_held",
  "validate.gave_up",
  "attributes_log_skipped.foreign",
  "attributes_log_skipped.size",
  "authorize.allowed",
  "authorize.denied",
  "authorize.failed",
  "authorize.cache.hit",
  "authorize.cache.miss",
  "authorize.cache.stale",
  "authorize.cache.evicted",
  "authorize.coalesced",
  "authorize.retried",
  "call.answered",
  "call.failed",
  "call.retried",
  "call.sent",
  "task.run",
  "task.failed",
  "task.skipped",
  "task.leader",
  "rate_limit.allowed",
  "rate_limit.limited",
  "rate_limit.failed",
  "rate_limit.evicted",
  "store.evicted",
  "store.rejected",
  "store.failed",
  "redis.answered",
  "redis.failed",
  "redis.sent",
  "redis.moved",
  "event.sent",
  "event.unconfirmed",
  "event.dropped.queue_full",
  "event.dropped.undelivered",
  "event.dropped.stopped",
  "event.dropped.too_large",
  "body_not_captured",
  "metric.failed",
  "metric.overflow",
  "out_of_memory",
  "configuration.accepted",
  "configuration.rejected",
  "rule_skipped",
];

/** Ids in the host plus two; 0 is not yet defined. */
const ids: StaticArray<i32> = new StaticArray<i32>(Counter.Count);

/** What the names of our own metrics begin with. */
export let family: string = "ruleway.";

/** Metrics of a VM that is one plugin's alone are told apart from those of others by its name. */
export function nameFamily(plugin: string): void {
  family = "ruleway." + plugin + ".";
}

export function count(counter: Counter): void {
  countMany(counter, 1);
}

export function countMany(counter: Counter, n: i32): void {
  if (n == 0) return;
  let id = unchecked(ids[counter]);
  if (id == 0) {
    id = host.defineMetric(MetricType.Counter, fromText(family + NAMES[counter], scratch)) + 2;
    unchecked((ids[counter] = id));
  }
  host.increment(id - 2, n);
}
