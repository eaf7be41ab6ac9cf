// A proxy-wasm 0.2.1 host on the WebAssembly API of Node and of browsers. It behaves as Envoy does
// around one HTTP filter and knows nothing of what the filter is for.
//
//   const plugin = new Plugin(new WebAssembly.Module(bytes), { log: (level, text) => … });
//   if (!plugin.configure(json)) …              // the guest refused it; its log lines say why
//   const stream = plugin.stream(sink);         // then feed it requestHeaders, requestData, …
//
// A guest that never returns cannot be stopped within its thread: run what you do not trust in a
// worker and end that.

export * from "./abi.ts";
export { type Clock, ManualClock, seededRandom } from "./clock.ts";
export { grpcAnswer, isGrpcRequest } from "./grpc.ts";
export {
  fromBytes,
  getHeader,
  type Headers,
  parsePairs,
  removeHeader,
  serializePairs,
  setHeader,
  toBytes,
} from "./headers.ts";
export { type HostOptions, type HttpCall, Plugin } from "./plugin.ts";
export type { PropertyValue } from "./properties.ts";
export type { RedisBackend, RedisCall, RedisSettings } from "./redis.ts";
export { BadReply, ReplyScanner } from "./resp.ts";
export { Metrics, SharedState } from "./shared.ts";
export { HttpStream, type Sink, type StreamInfo } from "./stream.ts";
export { formatTrace, type TraceEntry } from "./trace.ts";
export type { CallRequest, ForeignFunction, LocalReply } from "./vm.ts";
