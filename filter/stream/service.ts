// A service of a document: where callouts go.

import * as host from "../abi/host";
import { LogLevel } from "../abi/numbers";
import { NONE, Span } from "../bytes/span";
import { toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { RedisService } from "./redis-service";

const MINUTE: i64 = 60_000;

/** When each cluster was last warned of, in milliseconds since the epoch; configurations bound how many. */
const warned: Map<string, i64> = new Map<string, i64>();
const line = Writer.create();

/** A clock that was set back makes nothing recent. */
function isRecent(then: i64, now: i64): bool {
  return then != 0 && then <= now && now - then < MINUTE;
}

@final
export class Service {
  cluster: Span = NONE;
  authority: Span = NONE;
  timeoutMs: i32 = 500;
  /** It takes commands, not HTTP. */
  isRedis: bool = false;
  /** Null also where it cannot be used. */
  redis: RedisService | null = null;
  private warnedAt: i64 = 0;

  /** Says that the host refuses callouts to the cluster, which it does where it has none of the name: once a
   * minute for a cluster, however many services name it. */
  warnOfCluster(): void {
    const now = host.milliseconds();
    if (isRecent(this.warnedAt, now)) return;
    this.warnedAt = now;
    const name = toString(this.cluster);
    if (warned.has(name) && isRecent(warned.get(name), now)) return;
    warned.set(name, now);
    line.reset();
    line.text("ruleway: the host refuses callouts to the cluster ");
    line.span(this.cluster);
    line.text(": it has none of that name, or not yet");
    host.log(LogLevel.Warn, line.view());
  }
}
