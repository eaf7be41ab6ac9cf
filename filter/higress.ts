// The filter for Higress: the callbacks of main.ts, and the one that brings answers from Redis.

// First, so that what it is made of begins in the same order.
export * from "./main";

import { enter } from "./plugin/entry";
import { deliver } from "./stream/redis-calls";

export function proxy_on_redis_call_response(root: u32, token: i32, status: i32, size: i32): void {
  enter();
  deliver(token, status, size);
}
