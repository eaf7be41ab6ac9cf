// A service of a document: where callouts go.

import { NONE, Span } from "../bytes/span";
import { RedisService } from "./redis-service";

@final
export class Service {
  cluster: Span = NONE;
  authority: Span = NONE;
  timeoutMs: i32 = 500;
  /** It takes commands, not HTTP. */
  isRedis: bool = false;
  /** Null also where it cannot be used. */
  redis: RedisService | null = null;
}
