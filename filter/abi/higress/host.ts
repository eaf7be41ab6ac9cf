// What only `dist/ruleway-higress.wasm` asks of its proxy: Higress's Redis client, and time and log
// level in the ways that Higress's own test host has too. A module that imports the Redis calls is
// refused by every other proxy, so nothing here is reached unless the build defines HIGRESS.

import { address, length, Span } from "../../bytes/span";
import { fromText } from "../../bytes/text";
import * as env from "../env";
import * as memory from "../memory";
import { LogLevel, Status } from "../numbers";
import * as wasi from "../wasi_snapshot_preview1";
import * as higress from "./env";

const REALTIME: i32 = 0;

/** Wall clock in nanoseconds since the epoch. */
export function now(): u64 {
  memory.clearResult();
  wasi.clock_time_get(REALTIME, 1, memory.resultCell());
  return memory.result64();
}

const UNKNOWN: i32 = -1;

// A call by name for every line that is not logged would cost more than the line.
let level: i32 = UNKNOWN;

/** The host's level may be another one now. */
export function forgetLogLevel(): void {
  level = UNKNOWN;
}

export function logLevel(): LogLevel {
  if (level == UNKNOWN) level = askLogLevel();
  return level as LogLevel;
}

function askLogLevel(): LogLevel {
  const name = fromText("get_log_level", memory.scratch);
  memory.clearResult();
  const status = env.proxy_call_foreign_function(
    address(name),
    length(name),
    memory.resultCell(),
    0,
    memory.resultCell(),
    memory.sizeCell(),
  );
  const answer = memory.resultSpan();
  if (status != Status.Ok || length(answer) < 4) return LogLevel.Info;
  return load<u32>(address(answer)) as LogLevel;
}

/** Makes the cluster's client ready; `upstream` is its name and how to speak to it, as a query. */
export function redisInit(upstream: Span, user: Span, password: Span, timeoutMs: i32): bool {
  return (
    higress.proxy_redis_init(
      address(upstream),
      length(upstream),
      address(user),
      length(user),
      address(password),
      length(password),
      timeoutMs,
    ) == Status.Ok
  );
}

/** Sends the command, a RESP array of bulk strings; answers its token, or -1 when the host refuses. */
export function redisCall(cluster: Span, command: Span): i32 {
  memory.clearResult();
  const status = higress.proxy_redis_call(
    address(cluster),
    length(cluster),
    address(command),
    length(command),
    memory.resultCell(),
  );
  return status == Status.Ok ? (memory.result32() as i32) : -1;
}
