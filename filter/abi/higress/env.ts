// Higress's Redis client (module `env` is this file's name). A module that imports these is refused by
// every other proxy, so only `dist/ruleway-higress.wasm` may reach them.

export declare function proxy_redis_init(
  upstream: usize,
  upstreamSize: i32,
  user: usize,
  userSize: i32,
  password: usize,
  passwordSize: i32,
  timeoutMs: i32,
): i32;
export declare function proxy_redis_call(
  upstream: usize,
  upstreamSize: i32,
  query: usize,
  querySize: i32,
  token: usize,
): i32;
