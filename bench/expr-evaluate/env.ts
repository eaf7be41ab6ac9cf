// The imports that filter.ts needs, in the module of this file's name.

export declare function proxy_get_buffer_bytes(
  buffer: i32,
  start: i32,
  n: i32,
  value: usize,
  size: usize,
): i32;
export declare function proxy_call_foreign_function(
  name: usize,
  nameSize: i32,
  argument: usize,
  size: i32,
  result: usize,
  resultSize: usize,
): i32;
export declare function proxy_add_header_map_value(
  map: i32,
  key: usize,
  keySize: i32,
  value: usize,
  size: i32,
): i32;
