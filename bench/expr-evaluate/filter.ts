// The least a filter must do to have a condition evaluated by Envoy: its configuration is an
// expression, made once with expr_create; each request is given x-when: yes where expr_evaluate says
// true. Without a configuration it does the rest and evaluates nothing. For comparison only.

import {
  proxy_add_header_map_value,
  proxy_call_foreign_function,
  proxy_get_buffer_bytes,
} from "./env";

const OK: i32 = 0;
const REQUEST_HEADERS: i32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;

/** Where the host puts what it hands over; nothing is kept beyond a callback. */
const INTAKE_SIZE: i32 = 4096;
const INTAKE: usize = memory.data(INTAKE_SIZE, 8);
/** Cells for an address and a size. */
const RESULT: usize = memory.data(8, 8);
/** The token of the expression, as an argument. */
const TOKEN: usize = memory.data(4, 4);

const CREATE = String.UTF8.encode("expr_create");
const EVALUATE = String.UTF8.encode("expr_evaluate");
const NAME = String.UTF8.encode("x-when");
const VALUE = String.UTF8.encode("yes");

let evaluates: bool = false;

/** Calls the host's function; whether it succeeded with a result of `size` bytes. */
function call(name: ArrayBuffer, argument: usize, argumentSize: i32, size: i32): bool {
  const status = proxy_call_foreign_function(
    changetype<usize>(name),
    name.byteLength,
    argument,
    argumentSize,
    RESULT,
    RESULT + 4,
  );
  return status == OK && load<i32>(RESULT, 4) == size;
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(n: i32): usize {
  return n <= INTAKE_SIZE ? INTAKE : 0;
}

export function proxy_on_vm_start(_context: i32, _size: i32): i32 {
  return 1;
}

export function proxy_on_configure(_context: i32, size: i32): i32 {
  evaluates = size > 0;
  if (!evaluates) return 1;
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, RESULT, RESULT + 4) != OK) return 0;
  if (!call(CREATE, load<usize>(RESULT), load<i32>(RESULT, 4), 4)) return 0;
  store<u32>(TOKEN, load<u32>(load<usize>(RESULT)));
  return 1;
}

export function proxy_on_context_create(_context: i32, _root: i32): void {}

export function proxy_on_request_headers(_context: i32, _n: i32, _endOfStream: i32): i32 {
  if (evaluates) {
    if (!call(EVALUATE, TOKEN, 4, 1) || load<u8>(load<usize>(RESULT)) == 0) return 0;
  }
  proxy_add_header_map_value(
    REQUEST_HEADERS,
    changetype<usize>(NAME),
    NAME.byteLength,
    changetype<usize>(VALUE),
    VALUE.byteLength,
  );
  return 0;
}
