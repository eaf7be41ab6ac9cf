// Everything the filter asks of a proxy, in the filter's terms: spans in, spans out, NONE for what
// is not there. No other file calls the imports, but for those of Higress alone (higress/host.ts).

import { Arena } from "../bytes/arena";
import { address, length, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as env from "./env";
import * as higress from "./higress/host";
import * as memory from "./memory";
import { BufferType, HeaderMapType, LogLevel, MetricType, Status, StreamType } from "./numbers";
import * as wasi from "./wasi_snapshot_preview1";

/** An empty but present value. */
export const EMPTY: Span = span(memory.resultCell(), 0);

export function log(level: LogLevel, text: Span): void {
  env.proxy_log(level, address(text), length(text));
}

/** The least severe level that the host keeps: what is below need not be written. */
export function logLevel(): LogLevel {
  if (isDefined(HIGRESS)) return higress.logLevel();
  memory.clearResult();
  if (env.proxy_get_log_level(memory.resultCell()) != Status.Ok) return LogLevel.Info;
  return memory.result32() as LogLevel;
}

/** The host's level may be another one from now on. */
export function forgetLogLevel(): void {
  if (isDefined(HIGRESS)) higress.forgetLogLevel();
}

/** Wall clock in nanoseconds since the epoch. */
export function now(): u64 {
  if (isDefined(HIGRESS)) return higress.now();
  memory.clearResult();
  env.proxy_get_current_time_nanoseconds(memory.resultCell());
  return memory.result64();
}

/** The same in milliseconds. */
export function milliseconds(): i64 {
  return (now() / 1_000_000) as i64;
}

const MONOTONIC: i32 = 1;

/** Microseconds of a clock that nobody sets, the same for all workers of the process; of the wall clock where
 * the host has none. */
export function steadyMicroseconds(): u64 {
  memory.clearResult();
  const failed = wasi.clock_time_get(MONOTONIC, 1, memory.resultCell()) != 0;
  return (failed ? now() : memory.result64()) / 1000;
}

/** The same in milliseconds: for deadlines. */
export function steadyMilliseconds(): i64 {
  return (steadyMicroseconds() / 1000) as i64;
}

/** Fills `n` bytes with what nobody can foresee; false when the host has no such source. */
export function random(at: usize, n: i32): bool {
  return wasi.random_get(at, n) == 0;
}

/** How often, in milliseconds, the effective context, which must be a plugin's, is woken; 0: never. */
export function setTickPeriod(ms: i32): void {
  env.proxy_set_tick_period_milliseconds(ms);
}

// ---- headers

/** All pairs of the map in the ABI's serialised form, kept in `arena`; NONE if unreadable. */
export function headerPairs(map: HeaderMapType, arena: Arena): Span {
  memory.clearResult();
  memory.intakeTo(arena);
  const status = env.proxy_get_header_map_pairs(map, memory.resultCell(), memory.sizeCell());
  memory.intakeToScratch();
  return status == Status.Ok ? memory.resultSpan() : NONE;
}

export function addHeader(map: HeaderMapType, name: Span, value: Span): bool {
  return (
    env.proxy_add_header_map_value(
      map,
      address(name),
      length(name),
      address(value),
      length(value),
    ) == Status.Ok
  );
}

/** Sets the one value of the name; further lines of it go (measured on Envoy 1.40). */
export function replaceHeader(map: HeaderMapType, name: Span, value: Span): bool {
  return (
    env.proxy_replace_header_map_value(
      map,
      address(name),
      length(name),
      address(value),
      length(value),
    ) == Status.Ok
  );
}

/** Removes all lines of the name. */
export function removeHeader(map: HeaderMapType, name: Span): bool {
  return env.proxy_remove_header_map_value(map, address(name), length(name)) == Status.Ok;
}

// ---- bodies

/** `n` bytes of the buffer from `start`, copied into `arena`; NONE if there are none. */
export function bufferBytes(buffer: BufferType, start: i32, n: i32, arena: Arena): Span {
  memory.clearResult();
  memory.intakeTo(arena);
  const status = env.proxy_get_buffer_bytes(
    buffer,
    start,
    n,
    memory.resultCell(),
    memory.sizeCell(),
  );
  memory.intakeToScratch();
  return status == Status.Ok ? memory.resultSpan() : NONE;
}

/** Replaces the first `n` bytes of the buffer by `bytes` (0 prepends). */
export function replaceBufferPrefix(buffer: BufferType, n: i32, bytes: Span): bool {
  return env.proxy_set_buffer_bytes(buffer, 0, n, address(bytes), length(bytes)) == Status.Ok;
}

// ---- the stream

/** Answers the request now. `headers` is serialised pairs. */
export function sendLocalResponse(status: i32, details: Span, headers: Span, body: Span): bool {
  return (
    env.proxy_send_local_response(
      status,
      address(details),
      length(details),
      address(body),
      length(body),
      address(headers),
      length(headers),
      -1,
    ) == Status.Ok
  );
}

export function continueStream(stream: StreamType): void {
  env.proxy_continue_stream(stream);
}

export function setEffectiveContext(context: u32): bool {
  return env.proxy_set_effective_context(context) == Status.Ok;
}

/** What `httpCall` answers when the host refused: unknown cluster, bad headers. */
export const NO_CALL: i32 = -1;

/** Starts a callout; answers its token, or NO_CALL. */
export function httpCall(cluster: Span, headers: Span, body: Span, timeoutMs: i32): i32 {
  memory.clearResult();
  // No trailers, in serialised form: a count of 0.
  store<u32>(memory.sizeCell(), 0);
  const status = env.proxy_http_call(
    address(cluster),
    length(cluster),
    address(headers),
    length(headers),
    address(body),
    length(body),
    memory.sizeCell(),
    4,
    timeoutMs,
    memory.resultCell(),
  );
  return status == Status.Ok ? (memory.result32() as i32) : NO_CALL;
}

// ---- properties

/** The property at `path` (segments separated by NUL), kept in `arena`; NONE if not found. */
export function property(path: Span, arena: Arena): Span {
  memory.clearResult();
  memory.intakeTo(arena);
  const status = env.proxy_get_property(
    address(path),
    length(path),
    memory.resultCell(),
    memory.sizeCell(),
  );
  memory.intakeToScratch();
  if (status != Status.Ok) return NONE;
  const value = memory.resultSpan();
  return value == NONE ? EMPTY : value;
}

export function setProperty(path: Span, value: Span): bool {
  return (
    env.proxy_set_property(address(path), length(path), address(value), length(value)) == Status.Ok
  );
}

/** Calls a function of the host by name; false if the host does not know it or it failed. */
export function callForeign(name: Span, argument: Span): bool {
  memory.clearResult();
  return (
    env.proxy_call_foreign_function(
      address(name),
      length(name),
      address(argument),
      length(argument),
      memory.resultCell(),
      memory.sizeCell(),
    ) == Status.Ok
  );
}

// ---- data that all VMs of one id share

/** What `sharedData` and `setSharedData` came to last. */
export let sharedStatus: Status = Status.Ok;
/** The number that guards the value that `sharedData` gave last; 0 when there was none. */
export let sharedCas: u32 = 0;

/** The value of the key, kept in `arena`; NONE when there is none or it cannot be had. */
export function sharedData(key: Span, arena: Arena): Span {
  memory.clearResult();
  store<u32>(memory.casCell(), 0);
  memory.intakeTo(arena);
  sharedStatus = env.proxy_get_shared_data(
    address(key),
    length(key),
    memory.resultCell(),
    memory.sizeCell(),
    memory.casCell(),
  );
  memory.intakeToScratch();
  sharedCas = sharedStatus == Status.Ok ? memory.cas() : 0;
  if (sharedStatus != Status.Ok) return NONE;
  const value = memory.resultSpan();
  return value == NONE ? EMPTY : value;
}

/** Sets the key's value, if the number is still the one that guards it, or 0; a key that is not there
 * takes any number (Envoy; other hosts may want 0). */
export function setSharedData(key: Span, value: Span, cas: u32): bool {
  sharedStatus = env.proxy_set_shared_data(
    address(key),
    length(key),
    address(value),
    length(value),
    cas,
  );
  return sharedStatus == Status.Ok;
}

// ---- metrics

/** What `defineMetric` answers when the host has no metrics. */
export const NO_METRIC: i32 = -1;

/** The id of the metric, or NO_METRIC. The host never forgets one, and gives a new id each time. */
export function defineMetric(type: MetricType, name: Span): i32 {
  memory.clearResult();
  const status = env.proxy_define_metric(type, address(name), length(name), memory.resultCell());
  return status == Status.Ok ? (memory.result32() as i32) : NO_METRIC;
}

/** Adds to a counter or gauge; counters only grow. */
export function increment(metric: i32, by: i64): void {
  if (metric != NO_METRIC) env.proxy_increment_metric(metric, by);
}

/** Sets a gauge, or records a value of a histogram. */
export function record(metric: i32, value: i64): void {
  if (metric != NO_METRIC) env.proxy_record_metric(metric, value);
}

// ---- serialised pairs: u32 count, then u32 name size and u32 value size for each pair, then each
// name and value followed by a NUL

/** Builds the ABI's serialised pairs from what `add` was given since `begin`. */
export class PairsBuilder {
  private sizes: Writer = Writer.create();
  private data: Writer = Writer.create();
  private count: u32 = 0;

  begin(): void {
    this.sizes.reset();
    this.data.reset();
    this.count = 0;
    this.word(0);
  }

  add(name: Span, value: Span): void {
    this.word(length(name));
    this.word(length(value));
    this.data.span(name);
    this.data.byte(0);
    this.data.span(value);
    this.data.byte(0);
    this.count++;
  }

  private word(value: u32): void {
    const at = this.sizes.reserve(4);
    if (at == 0) return;
    store<u32>(at, value);
    this.sizes.size += 4;
  }

  /** The pairs, valid until the next `begin`; NONE when memory ran out. */
  end(): Span {
    store<u32>(this.sizes.base, this.count);
    this.sizes.span(this.data.view());
    return this.sizes.failed || this.data.failed ? NONE : this.sizes.view();
  }
}
