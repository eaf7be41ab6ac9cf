// A plugin (root context) with its VM: configuration, streams, callouts, ticks, and what happens
// when the guest traps. The VM is remade by the failure policy; configurations are swapped as a
// proxy does it: a new root context in the same VM, and the old one goes with its last stream.

import { BufferType, HeaderMapType, LogLevel, Status } from "./abi.ts";
import { type Clock, ManualClock, seededRandom } from "./clock.ts";
import type { Headers } from "./headers.ts";
import { encodeProperty, type PropertyValue } from "./properties.ts";
import { type RedisBackend, RedisCalls } from "./redis.ts";
import { Metrics, SharedState } from "./shared.ts";
import { HttpStream, type Sink, type StreamInfo } from "./stream.ts";
import type { TraceEntry } from "./trace.ts";
import { type CallRequest, type Context, type ForeignFunction, Vm } from "./vm.ts";

/** A callout that waits for the embedder's answer. Only the first answer counts. */
export interface HttpCall extends CallRequest {
  /** The context that asked: a stream's, or the plugin's. */
  contextId: number;
  respond(answer: { headers: Headers; body?: Uint8Array; trailers?: Headers }): void;
  /** The service could not be reached, or broke off. */
  fail(): void;
  /** Called when the answer is not wanted any more (time-out, plugin gone). */
  onCancel?: () => void;
}

export interface HostOptions {
  /** Envoy's PluginConfig.allow_on_headers_stop_iteration; default false. */
  allowOnHeadersStopIteration?: boolean;
  /** What a trap costs: `reload` (default) answers that stream 503 and makes a new VM, `closed` answers
   * all later ones 503, `open` lets all later ones pass. */
  failurePolicy?: "reload" | "closed" | "open";
  /** Bytes that may be buffered for a filter; default 1 MiB. */
  bufferLimit?: number;
  /** Default: a ManualClock. */
  clock?: Clock;
  /** Default: seeded. */
  random?: (bytes: Uint8Array) => void;
  log?: (level: LogLevel, text: string) => void;
  /** Lines below are not logged; default info. */
  logLevel?: LogLevel;
  trace?: (entry: TraceEntry) => void;
  /** Properties that do not depend on a stream. */
  properties?: Record<string, PropertyValue>;
  /** Callouts go here; without it every call is refused. */
  httpCall?: (call: HttpCall) => void;
  /** Which clusters there are; default: any, if there is `httpCall`. */
  hasCluster?: (name: string) => boolean;
  /** Redis, as Higress has it; without it no cluster can be made ready. */
  redis?: RedisBackend;
  foreign?: Record<string, ForeignFunction>;
  shared?: SharedState;
  metrics?: Metrics;
  name?: string;
  rootId?: string;
  onTrap?: (error: Error) => void;
}

export type ResolvedOptions = Required<
  Omit<HostOptions, "trace" | "httpCall" | "redis" | "onTrap">
> &
  Pick<HostOptions, "trace" | "httpCall" | "redis" | "onTrap">;

/** A root context: one configuration. */
interface Root {
  id: number;
  streams: number;
}

export class Plugin implements Context {
  readonly options: ResolvedOptions;
  private readonly module: WebAssembly.Module;
  private vm: Vm;
  private root: Root;
  private readonly contexts = new Map<number, Context>();
  private readonly owners = new Map<number, Root>();
  private readonly calls = new Map<number, { call: HttpCall; cancelTimer: () => void }>();
  private readonly redisCalls: RedisCalls;
  private reply: Uint8Array | undefined;
  private configuration: Uint8Array = new Uint8Array();
  private lastId = 0;
  private lastToken = 0;
  /** Of root contexts: what ends their ticks. */
  private readonly ticks = new Map<number, () => void>();
  private answer: { headers: Headers; body: Uint8Array; trailers: Headers } | undefined;
  private readonly queue: Array<() => void> = [];
  private nesting = 0;
  /** Callouts to be sent once whatever the embedder fed has been dealt with. */
  private readonly outbox: Array<() => void> = [];
  private entries = 0;

  /** Makes the VM and an empty root context. Throws when the module cannot be instantiated. */
  constructor(module: WebAssembly.Module, options: HostOptions = {}) {
    this.module = module;
    this.options = {
      allowOnHeadersStopIteration: false,
      failurePolicy: "reload",
      bufferLimit: 1 << 20,
      clock: new ManualClock(),
      random: seededRandom(1),
      log: () => {},
      logLevel: LogLevel.Info,
      properties: {},
      hasCluster: () => true,
      foreign: {},
      shared: new SharedState(),
      metrics: new Metrics(),
      name: "plugin",
      rootId: "",
      ...options,
    };
    const { redis, clock } = this.options;
    this.redisCalls = new RedisCalls(redis, clock, (root, token, status, reply) =>
      this.deliverReply(root, token, status, reply),
    );
    this.vm = this.newVm();
    this.root = this.newRoot();
  }

  private newVm(): Vm {
    const { clock, shared, metrics, random, log, logLevel, trace } = this.options;
    const foreign = {
      clear_route_cache: () => Status.Ok,
      // Higress's.
      get_log_level: () => new Uint8Array(new Uint32Array([logLevel]).buffer),
      ...this.options.foreign,
    };
    return new Vm(this.module, {
      ...{ shared, metrics, random, log, logLevel, foreign, trace },
      now: () => clock.now(),
      steady: () => clock.steady?.() ?? clock.now(),
      context: (id) => this.contexts.get(id),
    });
  }

  private newRoot(): Root {
    const root = { id: ++this.lastId, streams: 0 };
    this.contexts.set(root.id, this);
    this.vm.call(root.id, "proxy_on_context_create", root.id, 0);
    if (root.id === 1) this.vm.call(root.id, "proxy_on_vm_start", root.id, 0);
    return root;
  }

  /** Gives the plugin a configuration; false when it refuses it, and then the old one stays. */
  configure(configuration: Uint8Array | string): boolean {
    const bytes =
      typeof configuration === "string" ? new TextEncoder().encode(configuration) : configuration;
    const before = { root: this.root, configuration: this.configuration };
    this.configuration = bytes;
    try {
      const root = before.configuration.length ? this.newRoot() : before.root;
      if (this.call(root.id, "proxy_on_configure", root.id, bytes.length) === 1) {
        this.root = root;
        if (root !== before.root) this.retire(before.root);
        return true;
      }
      this.configuration = before.configuration;
      if (root !== before.root) this.retire(root);
    } catch {
      this.configuration = before.configuration;
    }
    return false;
  }

  /** Ends a root context once its last stream is gone. */
  private retire(root: Root): void {
    if (root.streams > 0 || root === this.root) return;
    try {
      this.call(root.id, "proxy_on_done", root.id);
      this.call(root.id, "proxy_on_delete", root.id);
    } catch {
      // The VM is gone, and the context with it.
    }
    this.setTickPeriod(0, root.id);
    this.contexts.delete(root.id);
  }

  /** A stream through this plugin. `info` are its properties by dotted name. */
  stream(sink: Sink, info: StreamInfo = {}): HttpStream {
    if (this.vm.failure && this.options.failurePolicy === "reload") this.reload();
    const id = ++this.lastId;
    const stream = new HttpStream(id, this, sink, info);
    this.contexts.set(id, stream);
    this.owners.set(id, this.root);
    this.root.streams++;
    if (!this.vm.failure) this.tryCall(id, "proxy_on_context_create", id, this.root.id);
    return stream;
  }

  private reload(): void {
    for (const token of [...this.calls.keys()]) this.cancel(token);
    this.endTicks();
    this.redisCalls.close();
    this.contexts.clear();
    this.lastId = 0;
    this.vm = this.newVm();
    this.root = this.newRoot();
    if (this.configuration.length) {
      this.tryCall(this.root.id, "proxy_on_configure", this.root.id, this.configuration.length);
    }
  }

  /** Tells the guest that the stream has ended. */
  endStream(stream: HttpStream): void {
    const owner = this.owners.get(stream.id);
    this.owners.delete(stream.id);
    if (this.contexts.get(stream.id) !== stream) return;
    for (const name of ["proxy_on_done", "proxy_on_log", "proxy_on_delete"]) {
      this.tryCall(stream.id, name, stream.id);
    }
    this.contexts.delete(stream.id);
    if (!owner) return;
    owner.streams--;
    if (owner !== this.root) this.retire(owner);
  }

  // ---- calling the guest

  /** Calls the guest; throws when it traps. */
  call(contextId: number, name: string, ...args: number[]): number {
    if (this.vm.failure && this.options.failurePolicy === "open") return 0;
    this.nesting++;
    try {
      const isStream = this.owners.has(contextId);
      return this.vm.call(contextId, name, ...(isStream ? [contextId, ...args] : args));
    } catch (error) {
      if (this.vm.failure === error) this.options.onTrap?.(error as Error);
      throw error;
    } finally {
      this.nesting--;
      if (this.nesting === 0) this.runQueue();
    }
  }

  private tryCall(contextId: number, name: string, ...args: number[]): void {
    try {
      this.nesting++;
      this.vm.call(contextId, name, ...args);
    } catch (error) {
      this.options.onTrap?.(error as Error);
    } finally {
      this.nesting--;
      if (this.nesting === 0) this.runQueue();
    }
  }

  /** Deals with something that comes from outside; callouts that it leads to go out afterwards, as
   * they do on a proxy's event loop. */
  enter(action: () => void): void {
    this.entries++;
    try {
      action();
    } finally {
      this.entries--;
    }
    if (this.entries > 0) return;
    for (let send = this.outbox.shift(); send; send = this.outbox.shift()) send();
  }

  /** Does something once the guest has returned. */
  afterCall(action: () => void): void {
    this.queue.push(action);
    if (this.nesting === 0) this.runQueue();
  }

  private runQueue(): void {
    for (let action = this.queue.shift(); action; action = this.queue.shift()) action();
  }

  /** Bytes of linear memory that the guest has. */
  get memorySize(): number {
    return this.vm.memorySize;
  }

  get hasFailed(): boolean {
    return this.vm.failure !== undefined;
  }

  // ---- callouts

  httpCall(request: CallRequest, contextId = this.root.id): number {
    const send = this.options.httpCall;
    if (!send || !this.options.hasCluster(request.cluster)) return -1;
    const token = ++this.lastToken;
    const call: HttpCall = {
      ...request,
      contextId,
      respond: ({ headers, body, trailers }) =>
        this.deliver(token, { headers, body: body ?? new Uint8Array(), trailers: trailers ?? [] }),
      fail: () => this.deliver(token, undefined),
    };
    const cancelTimer = this.options.clock.after(request.timeout, () => {
      this.calls.get(token)?.call.onCancel?.();
      this.deliver(token, undefined);
    });
    this.calls.set(token, { call, cancelTimer });
    this.post(() => {
      if (this.calls.has(token)) send(call);
    });
    return token;
  }

  private post(send: () => void): void {
    this.outbox.push(send);
    // Outside of `enter` nobody else would send it.
    if (this.entries === 0) this.afterCall(() => this.enter(() => {}));
  }

  private deliver(token: number, answer: Plugin["answer"]): void {
    const pending = this.calls.get(token);
    if (!pending) return;
    pending.cancelTimer();
    this.calls.delete(token);
    const counts = answer
      ? [answer.headers.length, answer.body.length, answer.trailers.length]
      : [0, 0, 0];
    this.enter(() => {
      this.answer = answer;
      this.tryCall(this.root.id, "proxy_on_http_call_response", this.root.id, token, ...counts);
      this.answer = undefined;
    });
  }

  private cancel(token: number): void {
    const pending = this.calls.get(token);
    this.calls.delete(token);
    pending?.cancelTimer();
    pending?.call.onCancel?.();
  }

  /** HTTP callouts of a stream that have no answer yet. */
  pendingCallsOf(stream: HttpStream): number {
    const pending = [...this.calls.values()];
    return pending.filter(({ call }) => call.contextId === stream.id).length;
  }

  /** Callouts that have no answer yet. */
  get pendingCalls(): number {
    return this.calls.size + this.redisCalls.size;
  }

  redisInit(upstream: string, user: string, password: string, timeout: number): Status {
    return this.redisCalls.init(upstream, user, password, timeout);
  }

  redisCall(cluster: string, command: Uint8Array, context = this.root.id): number {
    const root = this.owners.get(context)?.id ?? context;
    return this.redisCalls.call(root, cluster, command, (send) => this.post(send));
  }

  private deliverReply(root: number, token: number, status: number, reply: Uint8Array): void {
    // Nobody of that configuration is there to hear it.
    if (!this.contexts.has(root)) return;
    this.enter(() => {
      this.reply = reply;
      this.tryCall(root, "proxy_on_redis_call_response", root, token, status, reply.length);
      this.reply = undefined;
    });
  }

  callHeaders(type: number): Headers | undefined {
    if (type === HeaderMapType.HttpCallResponseHeaders) return this.answer?.headers;
    if (type === HeaderMapType.HttpCallResponseTrailers) return this.answer?.trailers;
    return undefined;
  }

  // ---- ticks

  setTickPeriod(milliseconds: number, root: number): Status {
    this.ticks.get(root)?.();
    this.ticks.delete(root);
    if (milliseconds > 0) this.scheduleTick(milliseconds, root);
    return Status.Ok;
  }

  private scheduleTick(period: number, root: number): void {
    const cancel = this.options.clock.after(period, () => {
      this.scheduleTick(period, root);
      if (!this.vm.failure) this.enter(() => this.tryCall(root, "proxy_on_tick", root));
    });
    this.ticks.set(root, cancel);
  }

  private endTicks(): void {
    for (const root of [...this.ticks.keys()]) this.setTickPeriod(0, root);
  }

  /** Stops what would otherwise keep going: ticks and callouts. */
  close(): void {
    this.endTicks();
    for (const token of [...this.calls.keys()]) this.cancel(token);
    this.redisCalls.close();
  }

  // ---- Context of the root

  headerMap(type: number): Headers | undefined {
    return this.callHeaders(type);
  }

  isWritable(): boolean {
    return false;
  }

  buffer(type: number): Uint8Array | undefined {
    switch (type) {
      case BufferType.PluginConfiguration:
        return this.configuration;
      case BufferType.VmConfiguration:
        return new Uint8Array();
      case BufferType.HttpCallResponseBody:
        return this.answer?.body;
      case BufferType.RedisCallResponse:
        return this.reply;
    }
    return undefined;
  }

  setBuffer(): Status {
    return Status.BadArgument;
  }

  property(path: string[]): Uint8Array | undefined {
    const name = path.join(".");
    const value =
      name === "plugin_name"
        ? this.options.name
        : name === "plugin_root_id"
          ? this.options.rootId
          : name === "plugin_vm_id"
            ? ""
            : this.options.properties[name];
    return value === undefined ? undefined : encodeProperty(value);
  }

  setProperty(): Status {
    return Status.BadArgument;
  }

  sendLocalResponse(): Status {
    return Status.BadArgument;
  }

  continueStream(): Status {
    return Status.BadArgument;
  }

  closeStream(): Status {
    return Status.BadArgument;
  }
}
