// The proxy-wasm 0.2.1 imports, by their own names and signatures (module `env` is this file's
// name). Only what is called is linked. Pointers to results are addresses the host writes to.
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1

export declare function proxy_log(level: i32, message: usize, size: i32): i32;
export declare function proxy_get_log_level(level: usize): i32;
export declare function proxy_get_current_time_nanoseconds(time: usize): i32;
export declare function proxy_get_property(path: usize, n: i32, value: usize, size: usize): i32;
export declare function proxy_set_property(path: usize, n: i32, value: usize, size: i32): i32;
export declare function proxy_get_header_map_pairs(map: i32, pairs: usize, size: usize): i32;
export declare function proxy_set_header_map_pairs(map: i32, pairs: usize, size: i32): i32;
export declare function proxy_add_header_map_value(
  map: i32,
  key: usize,
  keySize: i32,
  value: usize,
  size: i32,
): i32;
export declare function proxy_replace_header_map_value(
  map: i32,
  key: usize,
  keySize: i32,
  value: usize,
  size: i32,
): i32;
export declare function proxy_remove_header_map_value(map: i32, key: usize, keySize: i32): i32;
export declare function proxy_get_buffer_bytes(
  buffer: i32,
  start: i32,
  n: i32,
  value: usize,
  size: usize,
): i32;
export declare function proxy_set_buffer_bytes(
  buffer: i32,
  start: i32,
  n: i32,
  value: usize,
  size: i32,
): i32;
export declare function proxy_send_local_response(
  status: i32,
  details: usize,
  detailsSize: i32,
  body: usize,
  bodySize: i32,
  headers: usize,
  headersSize: i32,
  grpcStatus: i32,
): i32;
export declare function proxy_continue_stream(stream: i32): i32;
export declare function proxy_close_stream(stream: i32): i32;
export declare function proxy_http_call(
  upstream: usize,
  upstreamSize: i32,
  headers: usize,
  headersSize: i32,
  body: usize,
  bodySize: i32,
  trailers: usize,
  trailersSize: i32,
  timeoutMs: i32,
  token: usize,
): i32;
export declare function proxy_set_effective_context(context: i32): i32;
export declare function proxy_call_foreign_function(
  name: usize,
  nameSize: i32,
  argument: usize,
  size: i32,
  result: usize,
  resultSize: usize,
): i32;
export declare function proxy_get_shared_data(
  key: usize,
  keySize: i32,
  value: usize,
  size: usize,
  cas: usize,
): i32;
export declare function proxy_set_shared_data(
  key: usize,
  keySize: i32,
  value: usize,
  size: i32,
  cas: u32,
): i32;
export declare function proxy_define_metric(kind: i32, name: usize, size: i32, id: usize): i32;
export declare function proxy_increment_metric(id: i32, by: i64): i32;
export declare function proxy_record_metric(id: i32, value: i64): i32;
export declare function proxy_set_tick_period_milliseconds(period: i32): i32;
