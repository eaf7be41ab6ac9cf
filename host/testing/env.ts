// The imports of the test guest, under the names of the ABI (this file's name is their module).

export declare function proxy_get_buffer_bytes(t: i32, s: i32, n: i32, at: usize, size: usize): i32;
export declare function proxy_set_buffer_bytes(t: i32, s: i32, n: i32, at: usize, size: i32): i32;
export declare function proxy_continue_stream(t: i32): i32;
export declare function proxy_replace_header_map_value(
  t: i32,
  k: usize,
  n: i32,
  v: usize,
  m: i32,
): i32;
export declare function proxy_send_local_response(
  s: i32,
  d: usize,
  dn: i32,
  b: usize,
  bn: i32,
  h: usize,
  hn: i32,
  g: i32,
): i32;
export declare function proxy_http_call(
  u: usize,
  un: i32,
  h: usize,
  hn: i32,
  b: usize,
  bn: i32,
  t: usize,
  tn: i32,
  ms: i32,
  token: usize,
): i32;
export declare function proxy_set_effective_context(id: i32): i32;
export declare function proxy_log(level: i32, at: usize, n: i32): i32;
