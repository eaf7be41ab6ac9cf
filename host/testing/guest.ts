// A guest that does what its configuration says, for testing the host. The configuration is
// semicolon-separated `callback=actions`, with these actions, comma-separated:
//   a number      what the callback returns
//   c0 c1         continue the request, the response
//   r418          send a local response with that status
//   h             replace request header x-guest by "1";  H the response's
//   b<text>       put <text> in place of the whole body at hand
//   call          make a callout to the cluster "service"
//   trap          trap;  grow: read the body (asks for memory)
// Callbacks: rh rb rt sh sb st (request/response headers, body, trailers), cr (callout's answer).

import {
  proxy_http_call as call,
  proxy_continue_stream as continueStream,
  proxy_get_buffer_bytes as getBuffer,
  proxy_log as log,
  proxy_replace_header_map_value as replace,
  proxy_send_local_response as reply,
  proxy_set_buffer_bytes as setBuffer,
  proxy_set_effective_context as setContext,
} from "./env";

let script = "";
let caller: i32 = 0;
const CELL: usize = memory.data(16);

export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(n: usize): usize {
  return heap.alloc(n);
}
export function proxy_on_vm_start(_a: i32, _b: i32): i32 {
  return 1;
}
export function proxy_on_configure(_a: i32, n: i32): i32 {
  if (n === 0 || getBuffer(7, 0, n, CELL, CELL + 4) !== 0) return 0;
  const text = String.UTF8.decodeUnsafe(load<usize>(CELL), load<i32>(CELL, 4));
  if (text === "refuse") return 0;
  script = text;
  return 1;
}
export function proxy_on_context_create(_a: i32, _b: i32): void {}

function say(text: string): void {
  const bytes = String.UTF8.encode(text);
  log(2, changetype<usize>(bytes), bytes.byteLength);
}

function put(text: string): usize {
  return changetype<usize>(String.UTF8.encode(text));
}

function httpCall(id: i32): void {
  const names = [":method", "GET", ":path", "/", ":authority", "a"];
  let size = 4 + 24;
  for (let i = 0; i < names.length; i++) size += names[i].length + 1;
  const at = heap.alloc(size);
  store<u32>(at, 3);
  let data = at + 28;
  for (let i = 0; i < 3; i++) {
    for (let k = 0; k < 2; k++) {
      const text = names[i * 2 + k];
      store<u32>(at + 4 + i * 8 + k * 4, text.length);
      memory.copy(data, put(text), text.length);
      data += text.length;
      store<u8>(data++, 0);
    }
  }
  store<u32>(CELL, 0);
  caller = id;
  const status = call(put("service"), 7, at, size, CELL, 0, CELL, 4, 100, CELL + 8);
  say(`call ${status.toString()}`);
}

function act(name: string, id: i32, buffer: i32, size: i32): i32 {
  const parts = script.split(";");
  let result = 0;
  for (let i = 0; i < parts.length; i++) {
    if (!parts[i].startsWith(`${name}=`)) continue;
    const actions = parts[i].substring(name.length + 1).split(",");
    for (let k = 0; k < actions.length; k++) {
      const action = actions[k];
      if (action === "trap") unreachable();
      else if (action === "call") httpCall(id);
      else if (action === "c0") continueStream(0);
      else if (action === "c1") continueStream(1);
      else if (action === "h") say(`h ${replace(0, put("x-guest"), 7, put("1"), 1).toString()}`);
      else if (action === "H") say(`H ${replace(2, put("x-guest"), 7, put("1"), 1).toString()}`);
      else if (action.startsWith("r")) {
        store<u32>(CELL, 0);
        reply(I32.parseInt(action.substring(1)), CELL, 0, put("local"), 5, CELL, 4, -1);
      } else if (action.startsWith("b")) {
        const text = action.substring(1);
        setBuffer(buffer, 0, size, put(text), text.length);
      } else result = I32.parseInt(action);
    }
  }
  say(`${name} ${size.toString()}`);
  return result;
}

export function proxy_on_request_headers(id: i32, _n: i32, end: i32): i32 {
  return act("rh", id, 0, end);
}
export function proxy_on_request_body(id: i32, n: i32, end: i32): i32 {
  return act(end && script.includes("rB=") ? "rB" : "rb", id, 0, n);
}
export function proxy_on_request_trailers(id: i32, n: i32): i32 {
  return act("rt", id, 0, n);
}
export function proxy_on_response_headers(id: i32, _n: i32, end: i32): i32 {
  return act("sh", id, 1, end);
}
export function proxy_on_response_body(id: i32, n: i32, end: i32): i32 {
  return act(end && script.includes("sB=") ? "sB" : "sb", id, 1, n);
}
export function proxy_on_response_trailers(id: i32, n: i32): i32 {
  return act("st", id, 1, n);
}
export function proxy_on_http_call_response(
  _root: i32,
  _token: i32,
  h: i32,
  _b: i32,
  _t: i32,
): void {
  setContext(caller);
  act("cr", caller, 0, h);
}
export function proxy_on_log(_id: i32): void {
  say("log");
}
export function proxy_on_delete(_id: i32): void {
  say("delete");
}
