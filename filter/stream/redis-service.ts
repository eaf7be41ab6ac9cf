// A Redis server as Higress's client has it: made ready once, when the rules are taken, and again when it
// turns out not to be. That it is not there is no fault of the rules, so nothing is refused for it; and it
// is not asked for more often than once a second.

import * as higress from "../abi/higress/host";
import * as host from "../abi/host";
import { equal, NONE, Span } from "../bytes/span";

/** Nanoseconds between attempts to make it ready. */
const PAUSE: u64 = 1_000_000_000;

@final
export class RedisService {
  cluster: Span = NONE;
  /** The cluster and how to speak to it, as the host's client wants it. */
  upstream: Span = NONE;
  username: Span = host.EMPTY;
  password: Span = host.EMPTY;
  timeoutMs: i32 = 500;
  /** How often it was made ready. */
  generation: i32 = 0;
  /** When it was last said that it is a node of a Redis Cluster; 0: never. */
  toldAt: i64 = 0;
  private isReady: bool = false;
  private triedAt: u64 = 0;

  /** Whether it speaks to its server in the same way. */
  isLike(other: RedisService): bool {
    return (
      equal(this.upstream, other.upstream) &&
      equal(this.username, other.username) &&
      equal(this.password, other.password) &&
      this.timeoutMs == other.timeoutMs
    );
  }

  /** Makes it ready, unless that was tried a moment ago. */
  prepare(): bool {
    const now = host.now();
    // A clock that was set back is no reason to wait for it.
    if (this.triedAt != 0 && now >= this.triedAt && now - this.triedAt < PAUSE) return false;
    this.triedAt = now;
    this.isReady = higress.redisInit(this.upstream, this.username, this.password, this.timeoutMs);
    if (this.isReady) this.generation++;
    return this.isReady;
  }

  /** Sends a command (RESP); answers its token, or NO_CALL. */
  call(command: Span): i32 {
    if (!this.isReady && !this.prepare()) return host.NO_CALL;
    return higress.redisCall(this.cluster, command);
  }
}
