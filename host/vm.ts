// One instance of the guest: its memory, and the imports it calls. The imports check what they are
// given (addresses, enums, the effective context) and hand on to whatever the context is; they know
// no streams, only the Context interface.

import { HeaderMapType, LogLevel, MetricType, Status } from "./abi.ts";
import {
  fromBytes,
  type Headers,
  parsePairs,
  serializePairs,
  setHeader,
  toBytes,
} from "./headers.ts";
import { addLine } from "./joined.ts";
import type { Metrics, SharedState } from "./shared.ts";
import type { TraceEntry } from "./trace.ts";

/** What the imports need from the context a guest call is for: a plugin or a stream. */
export interface Context {
  /** The map if it can be read now. */
  headerMap(type: number): Headers | undefined;
  isWritable(type: number): boolean;
  buffer(type: number): Uint8Array | undefined;
  setBuffer(type: number, bytes: Uint8Array): Status;
  property(path: string[]): Uint8Array | undefined;
  setProperty(name: string, value: Uint8Array): Status;
  sendLocalResponse(reply: LocalReply): Status;
  continueStream(type: number): Status;
  closeStream(type: number): Status;
  /** A token, or -1 when the host refuses. */
  httpCall(request: CallRequest): number;
  redisInit(upstream: string, user: string, password: string, timeout: number): Status;
  /** A token, or -1 when the host refuses. */
  redisCall(cluster: string, command: Uint8Array): number;
  setTickPeriod(milliseconds: number, contextId: number): Status;
}

export interface LocalReply {
  status: number;
  details: string;
  headers: Headers;
  body: Uint8Array;
}

export interface CallRequest {
  cluster: string;
  headers: Headers;
  body: Uint8Array;
  timeout: number;
}

/** A function of the host that guests call by name; a number is a status, bytes are a result. */
export type ForeignFunction = (argument: Uint8Array) => Uint8Array | Status;

export interface VmOptions {
  shared: SharedState;
  metrics: Metrics;
  now: () => number;
  steady: () => number;
  random: (bytes: Uint8Array) => void;
  log: (level: LogLevel, text: string) => void;
  logLevel: LogLevel;
  foreign: Record<string, ForeignFunction>;
  trace: ((entry: TraceEntry) => void) | undefined;
  /** The context that host calls are for now. */
  context: (id: number) => Context | undefined;
}

/** The guest refers to memory it does not have. */
class OutOfBounds extends Error {}

type GuestFunction = (...args: number[]) => number | undefined;

export class Vm {
  /** Set once a callback trapped; a failed VM is not called again. */
  failure: Error | undefined;
  private readonly exports: Record<string, GuestFunction>;
  private readonly memory: WebAssembly.Memory;
  private effective = 0;

  /** Instantiates the module; throws, naming it, when an import is not known. */
  constructor(
    module: WebAssembly.Module,
    private readonly options: VmOptions,
  ) {
    const env = this.imports();
    const wasi = this.wasi();
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      const known = from === "env" ? env : from.startsWith("wasi_") ? wasi : {};
      if (!(name in known)) throw new Error(`the guest wants an unknown import: ${from}.${name}`);
    }
    const instance = new WebAssembly.Instance(module, {
      env,
      wasi_snapshot_preview1: wasi,
      wasi_unstable: wasi,
    });
    this.exports = instance.exports as unknown as Record<string, GuestFunction>;
    this.memory = instance.exports["memory"] as WebAssembly.Memory;
    if (!this.memory) throw new Error("the guest exports no memory");
    if (!("proxy_abi_version_0_2_1" in this.exports || "proxy_abi_version_0_2_0" in this.exports)) {
      throw new Error("the guest does not say that it is of proxy-wasm ABI 0.2");
    }
    for (const start of ["_initialize", "_start"]) if (start in this.exports) this.call(0, start);
  }

  has(name: string): boolean {
    return name in this.exports;
  }

  /** Bytes of linear memory that the guest has. */
  get memorySize(): number {
    return this.memory.buffer.byteLength;
  }

  /** Calls a guest function for a context. A trap marks the VM as failed and is thrown on. */
  call(contextId: number, name: string, ...args: number[]): number {
    const fn = this.exports[name];
    if (!fn) return 0;
    if (this.failure) throw this.failure;
    const before = this.effective;
    this.effective = contextId;
    this.options.trace?.({ kind: "enter", name, args });
    try {
      const result = fn(...args) ?? 0;
      this.options.trace?.({ kind: "leave", name, args: [], result });
      return result;
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      throw this.failure;
    } finally {
      this.effective = before;
    }
  }

  // ---- memory

  private view(): DataView {
    return new DataView(this.memory.buffer);
  }

  private read(at: number, size: number): Uint8Array {
    const from = at >>> 0;
    const length = size >>> 0;
    if (from + length > this.memory.buffer.byteLength) throw new OutOfBounds();
    return new Uint8Array(this.memory.buffer, from, length);
  }

  private text(at: number, size: number): string {
    return fromBytes(this.read(at, size));
  }

  private write32(at: number, value: number): void {
    if ((at >>> 0) + 4 > this.memory.buffer.byteLength) throw new OutOfBounds();
    this.view().setUint32(at >>> 0, value, true);
  }

  private write64(at: number, value: bigint): void {
    if ((at >>> 0) + 8 > this.memory.buffer.byteLength) throw new OutOfBounds();
    this.view().setBigUint64(at >>> 0, BigInt.asUintN(64, value), true);
  }

  /** Puts bytes into memory that the guest gives, and their address and size where it wants them. */
  private give(bytes: Uint8Array, addressAt: number, sizeAt: number): Status {
    let at = 0;
    if (bytes.length > 0) {
      const allocate = this.exports["proxy_on_memory_allocate"] ?? this.exports["malloc"];
      at = (allocate?.(bytes.length) ?? 0) >>> 0;
      if (at === 0) return Status.InvalidMemoryAccess;
      this.read(at, bytes.length).set(bytes);
    }
    this.write32(addressAt, at);
    this.write32(sizeAt, bytes.length);
    return Status.Ok;
  }

  // ---- imports

  /** Runs an import: bad addresses become a status, and the trace hears of it. */
  private run(
    name: string,
    args: ReadonlyArray<number | bigint | string>,
    body: () => Status,
    value?: () => string,
  ): Status {
    let status: Status;
    try {
      status = body();
    } catch (error) {
      if (!(error instanceof OutOfBounds)) throw error;
      status = Status.InvalidMemoryAccess;
    }
    const brought = status === Status.Ok ? value?.() : undefined;
    this.options.trace?.({ kind: "host", name, args, result: status, value: brought });
    return status;
  }

  private context(): Context | undefined {
    return this.options.context(this.effective);
  }

  private describe(at: number, size: number): string {
    if (!this.options.trace) return "";
    try {
      return this.text(at, size);
    } catch {
      return `<${at}+${size}>`;
    }
  }

  private imports(): Record<string, (...args: never[]) => number> {
    return {
      ...this.logImports(),
      ...this.headerImports(),
      ...this.bufferImports(),
      ...this.streamImports(),
      ...this.propertyImports(),
      ...this.sharedImports(),
      ...this.metricImports(),
      ...this.callImports(),
      ...this.redisImports(),
    };
  }

  private logImports() {
    return {
      proxy_log: (level: number, at: number, size: number) =>
        this.run("proxy_log", [level, this.describe(at, size)], () => {
          if (!(level in LogLevel)) return Status.BadArgument;
          const text = new TextDecoder().decode(this.read(at, size));
          if (level >= this.options.logLevel) this.options.log(level, text);
          return Status.Ok;
        }),
      proxy_get_log_level: (at: number) =>
        this.run("proxy_get_log_level", [], () => {
          this.write32(at, this.options.logLevel);
          return Status.Ok;
        }),
      proxy_get_current_time_nanoseconds: (at: number) =>
        this.run("proxy_get_current_time_nanoseconds", [], () => {
          this.write64(at, BigInt(Math.round(this.options.now() * 1000)) * 1000n);
          return Status.Ok;
        }),
      proxy_set_effective_context: (id: number) =>
        this.run("proxy_set_effective_context", [id], () => {
          if (!this.options.context(id)) return Status.BadArgument;
          this.effective = id;
          return Status.Ok;
        }),
      proxy_done: () => this.run("proxy_done", [], () => Status.NotFound),
      proxy_get_status: (codeAt: number, addressAt: number, sizeAt: number) =>
        this.run("proxy_get_status", [], () => {
          this.write32(codeAt, 0);
          return this.give(new Uint8Array(), addressAt, sizeAt);
        }),
    };
  }

  private headerImports() {
    const edit = (
      name: string,
      type: number,
      [key, keySize, at, size]: [number, number, number, number],
      change: (map: Headers, key: string, value: string) => void,
    ) =>
      this.run(name, [type, this.describe(key, keySize), this.describe(at, size)], () => {
        const map = this.context()?.headerMap(type);
        if (!map || !this.context()?.isWritable(type)) return Status.BadArgument;
        change(map, this.text(key, keySize).toLowerCase(), this.text(at, size));
        return Status.Ok;
      });
    return {
      proxy_get_header_map_pairs: (type: number, addressAt: number, sizeAt: number) =>
        this.run("proxy_get_header_map_pairs", [type], () =>
          this.give(serializePairs(this.context()?.headerMap(type) ?? []), addressAt, sizeAt),
        ),
      proxy_get_header_map_size: (type: number, sizeAt: number) =>
        this.run("proxy_get_header_map_size", [type], () => {
          const map = this.context()?.headerMap(type);
          this.write32(sizeAt, map ? serializePairs(map).length : 0);
          return map ? Status.Ok : Status.BadArgument;
        }),
      proxy_set_header_map_pairs: (type: number, at: number, size: number) =>
        this.run("proxy_set_header_map_pairs", [type], () => {
          const map = this.context()?.headerMap(type);
          const pairs = parsePairs(this.read(at, size));
          if (!map || !pairs || !this.context()?.isWritable(type)) return Status.BadArgument;
          map.splice(0, map.length, ...pairs);
          return Status.Ok;
        }),
      proxy_get_header_map_value: (
        type: number,
        key: number,
        keySize: number,
        addressAt: number,
        sizeAt: number,
      ) =>
        this.run("proxy_get_header_map_value", [type, this.describe(key, keySize)], () => {
          const name = this.text(key, keySize).toLowerCase();
          const found = this.context()
            ?.headerMap(type)
            ?.filter(([each]) => each === name);
          if (!found?.length) return Status.NotFound;
          const value = found.map(([, each]) => each).join(",");
          return this.give(toBytes(value), addressAt, sizeAt);
        }),
      proxy_add_header_map_value: (type: number, ...at: [number, number, number, number]) =>
        edit("proxy_add_header_map_value", type, at, (map, key, value) =>
          addLine(map, key, value, type <= HeaderMapType.RequestTrailers),
        ),
      proxy_replace_header_map_value: (type: number, ...at: [number, number, number, number]) =>
        edit("proxy_replace_header_map_value", type, at, setHeader),
      proxy_remove_header_map_value: (type: number, key: number, keySize: number) =>
        edit("proxy_remove_header_map_value", type, [key, keySize, 0, 0], (map, name) => {
          for (let i = map.length - 1; i >= 0; i--) if (map[i]![0] === name) map.splice(i, 1);
        }),
    };
  }

  private bufferImports() {
    return {
      proxy_get_buffer_bytes: (
        type: number,
        start: number,
        length: number,
        addressAt: number,
        sizeAt: number,
      ) =>
        this.run("proxy_get_buffer_bytes", [type, start, length], () => {
          const buffer = this.context()?.buffer(type);
          if (!buffer) return Status.NotFound;
          const from = start >>> 0;
          if (from > buffer.length) return Status.BadArgument;
          return this.give(buffer.subarray(from, from + (length >>> 0)), addressAt, sizeAt);
        }),
      proxy_get_buffer_status: (type: number, sizeAt: number, flagsAt: number) =>
        this.run("proxy_get_buffer_status", [type], () => {
          const buffer = this.context()?.buffer(type);
          if (!buffer) return Status.NotFound;
          this.write32(sizeAt, buffer.length);
          this.write32(flagsAt, 0);
          return Status.Ok;
        }),
      proxy_set_buffer_bytes: (
        type: number,
        start: number,
        length: number,
        at: number,
        size: number,
      ) =>
        this.run("proxy_set_buffer_bytes", [type, start, length, this.describe(at, size)], () => {
          const context = this.context();
          const buffer = context?.buffer(type);
          if (!context || !buffer) return Status.NotFound;
          const bytes = splice(buffer, start >>> 0, length >>> 0, this.read(at, size));
          return bytes ? context.setBuffer(type, bytes) : Status.BadArgument;
        }),
    };
  }

  private streamImports() {
    return {
      proxy_send_local_response: (
        status: number,
        detailsAt: number,
        detailsSize: number,
        bodyAt: number,
        bodySize: number,
        headersAt: number,
        headersSize: number,
        _grpc: number,
      ) =>
        this.run(
          "proxy_send_local_response",
          [status, this.describe(detailsAt, detailsSize), this.describe(bodyAt, bodySize)],
          () => {
            const headers = parsePairs(this.read(headersAt, headersSize));
            if (!headers) return Status.BadArgument;
            return (
              this.context()?.sendLocalResponse({
                status,
                details: this.text(detailsAt, detailsSize),
                headers,
                body: this.read(bodyAt, bodySize).slice(),
              }) ?? Status.BadArgument
            );
          },
        ),
      proxy_continue_stream: (type: number) =>
        this.run(
          "proxy_continue_stream",
          [type],
          () => this.context()?.continueStream(type) ?? Status.BadArgument,
        ),
      proxy_close_stream: (type: number) =>
        this.run(
          "proxy_close_stream",
          [type],
          () => this.context()?.closeStream(type) ?? Status.BadArgument,
        ),
      proxy_set_tick_period_milliseconds: (period: number) =>
        this.run(
          "proxy_set_tick_period_milliseconds",
          [period],
          () => this.context()?.setTickPeriod(period >>> 0, this.effective) ?? Status.BadArgument,
        ),
    };
  }

  private propertyImports() {
    return {
      proxy_get_property: (at: number, size: number, addressAt: number, sizeAt: number) => {
        let found: Uint8Array | undefined;
        const path = this.describe(at, size).replaceAll("\0", ".");
        return this.run(
          "proxy_get_property",
          [path],
          () => {
            found = this.context()?.property(splitPath(this.text(at, size)));
            return found ? this.give(found, addressAt, sizeAt) : Status.NotFound;
          },
          () => fromBytes(found ?? new Uint8Array()),
        );
      },
      proxy_set_property: (at: number, size: number, valueAt: number, valueSize: number) =>
        this.run(
          "proxy_set_property",
          [this.describe(at, size), this.describe(valueAt, valueSize)],
          () => {
            const name = splitPath(this.text(at, size)).join(".");
            const value = this.read(valueAt, valueSize).slice();
            return this.context()?.setProperty(name, value) ?? Status.BadArgument;
          },
        ),
      proxy_call_foreign_function: (
        nameAt: number,
        nameSize: number,
        at: number,
        size: number,
        addressAt: number,
        sizeAt: number,
      ) =>
        this.run("proxy_call_foreign_function", [this.describe(nameAt, nameSize)], () => {
          const fn = this.options.foreign[this.text(nameAt, nameSize)];
          if (!fn) return Status.NotFound;
          const result = fn(this.read(at, size).slice());
          return result instanceof Uint8Array ? this.give(result, addressAt, sizeAt) : result;
        }),
    };
  }

  private sharedImports() {
    const { shared } = this.options;
    return {
      proxy_get_shared_data: (
        keyAt: number,
        keySize: number,
        addressAt: number,
        sizeAt: number,
        casAt: number,
      ) =>
        this.run("proxy_get_shared_data", [this.describe(keyAt, keySize)], () => {
          const entry = shared.get(this.text(keyAt, keySize));
          if (!entry) return Status.NotFound;
          this.write32(casAt, entry.cas);
          return this.give(entry.value, addressAt, sizeAt);
        }),
      proxy_set_shared_data: (
        keyAt: number,
        keySize: number,
        at: number,
        size: number,
        cas: number,
      ) =>
        this.run("proxy_set_shared_data", [this.describe(keyAt, keySize), cas], () =>
          shared.set(this.text(keyAt, keySize), this.read(at, size), cas >>> 0),
        ),
      proxy_register_shared_queue: (nameAt: number, nameSize: number, idAt: number) =>
        this.run("proxy_register_shared_queue", [this.describe(nameAt, nameSize)], () => {
          this.write32(idAt, shared.registerQueue(this.text(nameAt, nameSize)));
          return Status.Ok;
        }),
      proxy_resolve_shared_queue: (
        _vmAt: number,
        _vmSize: number,
        nameAt: number,
        nameSize: number,
        idAt: number,
      ) =>
        this.run("proxy_resolve_shared_queue", [this.describe(nameAt, nameSize)], () => {
          const id = shared.resolveQueue(this.text(nameAt, nameSize));
          if (id === undefined) return Status.NotFound;
          this.write32(idAt, id);
          return Status.Ok;
        }),
      proxy_enqueue_shared_queue: (id: number, at: number, size: number) =>
        this.run("proxy_enqueue_shared_queue", [id], () => shared.enqueue(id, this.read(at, size))),
      proxy_dequeue_shared_queue: (id: number, addressAt: number, sizeAt: number) =>
        this.run("proxy_dequeue_shared_queue", [id], () => {
          const item = shared.dequeue(id);
          return item instanceof Uint8Array ? this.give(item, addressAt, sizeAt) : item;
        }),
    };
  }

  private metricImports() {
    const { metrics } = this.options;
    return {
      proxy_define_metric: (type: number, at: number, size: number, idAt: number) =>
        this.run("proxy_define_metric", [type, this.describe(at, size)], () => {
          if (!(type in MetricType)) return Status.BadArgument;
          this.write32(idAt, metrics.define(type, this.text(at, size)));
          return Status.Ok;
        }),
      proxy_increment_metric: (id: number, by: bigint) =>
        this.run("proxy_increment_metric", [id, by], () => metrics.increment(id, by)),
      proxy_record_metric: (id: number, value: bigint) =>
        this.run("proxy_record_metric", [id, value], () => metrics.record(id, value)),
      proxy_get_metric: (id: number, at: number) =>
        this.run("proxy_get_metric", [id], () => {
          const value = metrics.get(id);
          if (value === undefined) return Status.NotFound;
          this.write64(at, value);
          return Status.Ok;
        }),
    };
  }

  private callImports() {
    const unimplemented = (name: string) => () => this.run(name, [], () => Status.Unimplemented);
    return {
      proxy_http_call: (
        clusterAt: number,
        clusterSize: number,
        headersAt: number,
        headersSize: number,
        bodyAt: number,
        bodySize: number,
        _trailersAt: number,
        _trailersSize: number,
        timeout: number,
        tokenAt: number,
      ) =>
        this.run("proxy_http_call", [this.describe(clusterAt, clusterSize), timeout], () => {
          const headers = parsePairs(this.read(headersAt, headersSize));
          const needed = [":method", ":path", ":authority"];
          if (!headers || needed.some((name) => !headers.some(([each]) => each === name))) {
            return Status.BadArgument;
          }
          const result = this.context()?.httpCall({
            cluster: this.text(clusterAt, clusterSize),
            headers,
            body: this.read(bodyAt, bodySize).slice(),
            timeout: timeout >>> 0,
          });
          if (result === undefined || result < 0) return Status.BadArgument;
          this.write32(tokenAt, result);
          return Status.Ok;
        }),
      proxy_grpc_call: unimplemented("proxy_grpc_call"),
      proxy_grpc_stream: unimplemented("proxy_grpc_stream"),
      proxy_grpc_send: unimplemented("proxy_grpc_send"),
      proxy_grpc_cancel: unimplemented("proxy_grpc_cancel"),
      proxy_grpc_close: unimplemented("proxy_grpc_close"),
    };
  }

  /** Higress's: other hosts refuse a module that wants them. */
  private redisImports() {
    return {
      proxy_redis_init: (
        upstreamAt: number,
        upstreamSize: number,
        userAt: number,
        userSize: number,
        passwordAt: number,
        passwordSize: number,
        timeout: number,
      ) =>
        this.run("proxy_redis_init", [this.describe(upstreamAt, upstreamSize), timeout], () => {
          const [upstream, user, password] = [
            this.text(upstreamAt, upstreamSize),
            this.text(userAt, userSize),
            this.text(passwordAt, passwordSize),
          ];
          return (
            this.context()?.redisInit(upstream, user, password, timeout >>> 0) ?? Status.BadArgument
          );
        }),
      proxy_redis_call: (
        clusterAt: number,
        clusterSize: number,
        at: number,
        size: number,
        tokenAt: number,
      ) =>
        this.run(
          "proxy_redis_call",
          [this.describe(clusterAt, clusterSize), this.describe(at, size)],
          () => {
            const cluster = this.text(clusterAt, clusterSize);
            const result = this.context()?.redisCall(cluster, this.read(at, size).slice());
            if (result === undefined || result < 0) return Status.BadArgument;
            this.write32(tokenAt, result);
            return Status.Ok;
          },
        ),
    };
  }

  /** The few calls of WASI preview 1 that a proxy offers; numbers are WASI's errno. */
  private wasi(): Record<string, (...args: never[]) => number> {
    const OK = 0;
    const BADF = 8;
    return {
      clock_time_get: (id: number, _precision: bigint, at: number) => {
        const time = id === 1 ? this.options.steady() : this.options.now();
        this.write64(at, BigInt(Math.round(time * 1000)) * 1000n);
        return OK;
      },
      random_get: (at: number, size: number) => {
        this.options.random(this.read(at, size));
        return OK;
      },
      fd_write: (fd: number, vectors: number, count: number, writtenAt: number) => {
        if (fd !== 1 && fd !== 2) return BADF;
        let written = 0;
        for (let i = 0; i < count; i++) {
          const at = this.view().getUint32(vectors + i * 8, true);
          const size = this.view().getUint32(vectors + i * 8 + 4, true);
          this.options.log(LogLevel.Info, new TextDecoder().decode(this.read(at, size)));
          written += size;
        }
        this.write32(writtenAt, written);
        return OK;
      },
      environ_sizes_get: (countAt: number, sizeAt: number) => {
        this.write32(countAt, 0);
        this.write32(sizeAt, 0);
        return OK;
      },
      environ_get: () => OK,
      args_sizes_get: (countAt: number, sizeAt: number) => {
        this.write32(countAt, 0);
        this.write32(sizeAt, 0);
        return OK;
      },
      args_get: () => OK,
      fd_close: () => BADF,
      fd_seek: () => BADF,
      fd_read: () => BADF,
      fd_fdstat_get: () => BADF,
      proc_exit: () => {
        throw new Error("the guest called proc_exit");
      },
    };
  }
}

/** The cpp host's Buffer::copyFrom: prepend, replace a prefix or all, append; undefined elsewhere. */
function splice(
  buffer: Uint8Array,
  start: number,
  length: number,
  bytes: Uint8Array,
): Uint8Array | undefined {
  let parts: Uint8Array[];
  if (start === 0) parts = [bytes, buffer.subarray(Math.min(length, buffer.length))];
  else if (start >= buffer.length) parts = [buffer, bytes];
  else return undefined;
  const joined = new Uint8Array(parts[0]!.length + parts[1]!.length);
  joined.set(parts[0]!);
  joined.set(parts[1]!, parts[0]!.length);
  return joined;
}

/** Segments of a property path, which NULs separate (one at the end is allowed). */
function splitPath(path: string): string[] {
  const segments = path.split("\0");
  if (segments.at(-1) === "") segments.pop();
  return segments;
}
