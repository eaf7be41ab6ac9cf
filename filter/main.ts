// The filter's face to the host: the callbacks of proxy-wasm 0.2.1. Each finds whom it is for and
// hands on; nothing is decided here. Managed garbage (of configurations that are gone) is collected
// on entry of a callback, when the wasm stack holds no references (plugin/entry.ts).

import * as host from "./abi/host";
import { scratch } from "./abi/memory";
import { DataAction, HeadersAction } from "./abi/numbers";
import { ranOut } from "./bytes/arena";
import * as contexts from "./plugin/contexts";
import { enter } from "./plugin/entry";
import { readVmName } from "./plugin/vm";
import { HttpAnswer } from "./stream/answer";
import { httpCalls } from "./stream/calls";
import { HeaderMap } from "./stream/header-map";
import { setGarbage } from "./stream/program";
import { refuseUnseen } from "./stream/reply";

export { proxy_on_memory_allocate } from "./abi/memory";

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_vm_start(root: u32, configurationSize: i32): i32 {
  enter();
  if (configurationSize > 0) readVmName(configurationSize);
  return 1;
}

export function proxy_on_context_create(id: u32, parent: u32): void {
  enter();
  if (parent == 0) {
    contexts.addPlugin(id);
    return;
  }
  const owner = contexts.plugin(parent);
  if (owner != null) contexts.openExchange(id, owner);
}

export function proxy_on_configure(root: u32, configurationSize: i32): i32 {
  enter();
  // Higress's test host configures a context that it has not created.
  contexts.addPlugin(root);
  const plugin = contexts.plugin(root);
  setGarbage(true);
  return plugin != null && plugin.configure(configurationSize) ? 1 : 0;
}

export function proxy_on_tick(root: u32): void {
  enter();
  const plugin = contexts.plugin(root);
  if (plugin != null) plugin.tick();
}

export function proxy_on_request_headers(id: u32, count: i32, endOfStream: i32): i32 {
  enter();
  const exchange = contexts.exchange(id);
  if (exchange == null) return refuseUnseen();
  const action = exchange.onRequestHeaders(endOfStream != 0);
  return ranOut() && exchange.giveUp(true) ? HeadersAction.StopIteration : action;
}

export function proxy_on_request_body(id: u32, size: i32, endOfStream: i32): i32 {
  enter();
  const exchange = contexts.exchange(id);
  if (exchange == null) return DataAction.StopIterationNoBuffer;
  const action = exchange.onRequestBody(size, endOfStream != 0);
  return ranOut() && exchange.giveUp(true) ? DataAction.StopIterationNoBuffer : action;
}

export function proxy_on_request_trailers(id: u32, count: i32): i32 {
  enter();
  const exchange = contexts.exchange(id);
  const goesOn = exchange != null && exchange.onRequestTrailers();
  return goesOn && !(ranOut() && exchange!.giveUp(true)) ? 0 : 1;
}

export function proxy_on_response_headers(id: u32, count: i32, endOfStream: i32): i32 {
  enter();
  const exchange = contexts.exchange(id);
  if (exchange == null) return HeadersAction.Continue;
  const action = exchange.onResponseHeaders(endOfStream != 0);
  return ranOut() && exchange.giveUp(false) ? HeadersAction.StopIteration : action;
}

export function proxy_on_response_body(id: u32, size: i32, endOfStream: i32): i32 {
  enter();
  const exchange = contexts.exchange(id);
  if (exchange == null) return DataAction.Continue;
  const action = exchange.onResponseBody(size, endOfStream != 0);
  return ranOut() && exchange.giveUp(false) ? DataAction.StopIterationNoBuffer : action;
}

export function proxy_on_response_trailers(id: u32, count: i32): i32 {
  enter();
  const exchange = contexts.exchange(id);
  if (exchange == null) return 0;
  const goesOn = exchange.onResponseTrailers();
  return goesOn && !(ranOut() && exchange.giveUp(false)) ? 0 : 1;
}

const answer = new HttpAnswer(new HeaderMap(scratch));

export function proxy_on_http_call_response(
  root: u32,
  token: i32,
  headers: i32,
  bodySize: i32,
  trailers: i32,
): void {
  enter();
  const waiter = httpCalls.take(token);
  if (waiter == null) return;
  answer.open(headers, bodySize, waiter.answers);
  host.setEffectiveContext(waiter.contextId);
  waiter.onAnswer(token, answer, httpCalls.item);
}

// proxy_on_done is not exported: its answer would always be yes, which is what hosts take for
// granted where it is missing, and each callback costs a request 0.3 to 0.6 µs in Envoy.

export function proxy_on_log(id: u32): void {
  enter();
  const exchange = contexts.exchange(id);
  if (exchange != null) exchange.onDone();
}

export function proxy_on_delete(id: u32): void {
  enter();
  if (!contexts.closeExchange(id)) contexts.removePlugin(id);
}
