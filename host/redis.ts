// The Redis client of a host such as Higress: clusters are made ready once and then called; each answer
// comes back under the call's token, raw. What speaks to servers is the embedder's.

import { Status } from "./abi.ts";
import type { Clock } from "./clock.ts";
import { isCommand } from "./resp.ts";

/** How a cluster is to be spoken to. */
export interface RedisSettings {
  cluster: string;
  user: string;
  password: string;
  /** Milliseconds for connecting, and for each answer. */
  timeout: number;
  /** What stands after the cluster's name, such as `db` and `buffer_flush_timeout`. */
  parameters: Record<string, string>;
}

/** A command that waits for the embedder's answer. Only the first answer counts. */
export interface RedisCall {
  cluster: string;
  /** A RESP array of bulk strings. */
  command: Uint8Array;
  /** Brings the server's reply as it came. */
  respond(reply: Uint8Array): void;
  /** The server could not be reached, or broke off. */
  fail(): void;
  /** Called when the answer is not wanted any more (time-out, plugin gone). */
  onCancel?: () => void;
}

/** What the embedder does for Redis. */
export interface RedisBackend {
  /** Makes a cluster ready, again if it was before; false when there is no such cluster. */
  init(settings: RedisSettings): boolean;
  call(call: RedisCall): void;
}

/** What `proxy_on_redis_call_response` says when there is no reply. */
const UNREACHABLE = 1;

/** Gives an answer to the guest: on the root context that `root` is, with a status and the reply. */
type Deliver = (root: number, token: number, status: number, reply: Uint8Array) => void;

interface Pending {
  root: number;
  call: RedisCall;
  cancelTimer: () => void;
}

export class RedisCalls {
  private readonly timeouts = new Map<string, number>();
  private readonly pending = new Map<number, Pending>();
  // Of its own: tokens of HTTP callouts may be the same.
  private lastToken = 0;

  constructor(
    private readonly backend: RedisBackend | undefined,
    private readonly clock: Clock,
    private readonly deliver: Deliver,
  ) {}

  /** `upstream` is a cluster's name and, after a question mark, parameters. */
  init(upstream: string, user: string, password: string, timeout: number): Status {
    const split = upstream.indexOf("?");
    const cluster = split < 0 ? upstream : upstream.slice(0, split);
    const query = split < 0 ? "" : upstream.slice(split + 1);
    const parameters = Object.fromEntries(new URLSearchParams(query));
    if (!this.backend?.init({ cluster, user, password, timeout, parameters })) {
      return Status.BadArgument;
    }
    this.timeouts.set(cluster, timeout);
    return Status.Ok;
  }

  /** A token, or -1 when the cluster is not ready or the command is none. */
  call(root: number, cluster: string, command: Uint8Array, send: (go: () => void) => void): number {
    const timeout = this.timeouts.get(cluster);
    if (timeout === undefined || !isCommand(command)) return -1;
    const token = ++this.lastToken;
    const call: RedisCall = {
      ...{ cluster, command },
      respond: (reply) => this.finish(token, 0, reply),
      fail: () => this.finish(token, UNREACHABLE, new Uint8Array()),
    };
    const cancelTimer = this.clock.after(timeout, () => {
      this.pending.get(token)?.call.onCancel?.();
      call.fail();
    });
    this.pending.set(token, { root, call, cancelTimer });
    send(() => {
      if (this.pending.has(token)) this.backend?.call(call);
    });
    return token;
  }

  private finish(token: number, status: number, reply: Uint8Array): void {
    const pending = this.pending.get(token);
    if (!pending) return;
    pending.cancelTimer();
    this.pending.delete(token);
    this.deliver(pending.root, token, status, reply);
  }

  /** Lets go of all calls; clusters have to be made ready again. */
  close(): void {
    for (const { call, cancelTimer } of this.pending.values()) {
      cancelTimer();
      call.onCancel?.();
    }
    this.pending.clear();
    this.timeouts.clear();
  }

  get size(): number {
    return this.pending.size;
  }
}
