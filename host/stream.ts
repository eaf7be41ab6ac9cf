// One HTTP stream through the filter. The embedder feeds what client and upstream send; what the
// filter lets on comes out at the sink. Local replies, callouts and the end of the stream follow
// Envoy (Context in source/extensions/common/wasm/context.cc).

import {
  BufferType,
  type DataStatus,
  HeaderMapType,
  HeadersStatus,
  Status,
  StreamType,
} from "./abi.ts";
import { Direction } from "./direction.ts";
import { grpcAnswer, isGrpcRequest } from "./grpc.ts";
import { getHeader, type Headers, setHeader } from "./headers.ts";
import { addLine, joined } from "./joined.ts";
import type { Plugin } from "./plugin.ts";
import {
  encodeProperty,
  type PropertyValue,
  requestProperty,
  responseProperty,
} from "./properties.ts";
import type { CallRequest, Context, LocalReply } from "./vm.ts";

/** Where a stream's messages go on. */
export interface Sink {
  requestHeaders(headers: Headers, endOfStream: boolean): void;
  requestData(data: Uint8Array, endOfStream: boolean): void;
  requestTrailers(trailers: Headers): void;
  responseHeaders(headers: Headers, endOfStream: boolean): void;
  responseData(data: Uint8Array, endOfStream: boolean): void;
  responseTrailers(trailers: Headers): void;
  /** The stream is broken off: nothing more comes, and the client must see that. */
  reset(reason: string): void;
  /** The request is not wanted any more: an answer was given without the upstream. */
  abandonUpstream(details: string, status: number): void;
}

/** What the embedder knows of a stream: properties by dotted name. */
export type StreamInfo = Record<string, PropertyValue>;

export class HttpStream implements Context {
  readonly request: Direction;
  readonly response: Direction;
  private over = false;
  private reply: LocalReply | undefined;
  private replied = false;
  private responseBegun = false;
  private isLogging = false;
  private depth = 0;
  readonly filterState = new Map<string, Uint8Array>();

  /** Made by `Plugin.stream`. */
  constructor(
    readonly id: number,
    private readonly plugin: Plugin,
    private readonly sink: Sink,
    private readonly info: StreamInfo,
  ) {
    const isOver = () => this.over;
    this.request = new Direction(
      {
        callHeaders: (count, end) =>
          this.headersStatus(this.call("proxy_on_request_headers", count, Number(end))),
        callData: (size, end) =>
          this.call("proxy_on_request_body", size, Number(end)) as DataStatus,
        callTrailers: (count) => this.call("proxy_on_request_trailers", count),
        passHeaders: (headers, end) => sink.requestHeaders(headers, end),
        passData: (data, end) => sink.requestData(data, end),
        passTrailers: (trailers) => sink.requestTrailers(trailers),
        overflow: () => this.hostReply(413, "Payload Too Large", "request_payload_too_large"),
        isOver: () => this.over || this.replied,
      },
      plugin.options.bufferLimit,
    );
    this.response = new Direction(
      {
        callHeaders: (count, end) =>
          this.headersStatus(this.call("proxy_on_response_headers", count, Number(end))),
        callData: (size, end) =>
          this.call("proxy_on_response_body", size, Number(end)) as DataStatus,
        callTrailers: (count) => this.call("proxy_on_response_trailers", count),
        passHeaders: (headers, end) => this.sendHeaders(headers, end),
        passData: (data, end) => sink.responseData(data, end),
        passTrailers: (trailers) => sink.responseTrailers(trailers),
        overflow: () => this.hostReply(500, "Internal Server Error", "response_payload_too_large"),
        isOver,
      },
      plugin.options.bufferLimit,
    );
  }

  // ---- what the embedder feeds

  requestHeaders(headers: Headers, endOfStream: boolean): void {
    this.isToHead = getHeader(headers, ":method") === "HEAD";
    this.isOfGrpc = isGrpcRequest(headers);
    this.plugin.enter(() => {
      if (!this.over) this.request.onHeaders(joined(headers, true), endOfStream);
    });
  }

  requestData(data: Uint8Array, endOfStream: boolean): void {
    this.plugin.enter(() => {
      if (!this.replied) this.request.onData(data, endOfStream);
    });
  }

  requestTrailers(trailers: Headers): void {
    this.plugin.enter(() => {
      if (!this.replied) this.request.onTrailers(trailers);
    });
  }

  responseHeaders(headers: Headers, endOfStream: boolean): void {
    if (this.over || this.replied) return;
    this.responseBegun = true;
    this.plugin.enter(() => this.response.onHeaders(joined(headers, false), endOfStream));
  }

  responseData(data: Uint8Array, endOfStream: boolean): void {
    this.plugin.enter(() => {
      if (!this.replied) this.response.onData(data, endOfStream);
    });
  }

  responseTrailers(trailers: Headers): void {
    this.plugin.enter(() => {
      if (!this.replied) this.response.onTrailers(trailers);
    });
  }

  /** The stream has ended, in whatever way: the guest is told, in the order done, log, delete. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.over = true;
    this.isLogging = true;
    this.request.headersAccessible = true;
    this.response.headersAccessible = this.response.begun;
    this.plugin.endStream(this);
  }

  private isClosed = false;

  // ---- calling the guest

  private call(name: string, ...args: number[]): number {
    this.depth++;
    let result = 0;
    try {
      result = this.plugin.call(this.id, name, ...args);
    } catch {
      // A trap: the filter is gone for this stream.
      this.depth--;
      this.onTrap();
      return 0;
    }
    this.depth--;
    this.afterGuest();
    return result;
  }

  /** Runs a callback of the plugin on behalf of this stream (a callout's answer). */
  afterGuest(): void {
    if (this.depth > 0 || !this.reply) return;
    const reply = this.reply;
    this.reply = undefined;
    this.answer(reply);
  }

  onTrap(): void {
    if (this.plugin.options.failurePolicy === "open") return;
    this.hostReply(503, "", "wasm_fail_stream");
  }

  private headersStatus(status: number): HeadersStatus {
    const holds = this.plugin.options.allowOnHeadersStopIteration;
    if (status === HeadersStatus.StopIteration && !holds) {
      return HeadersStatus.StopAllIterationAndWatermark;
    }
    return status;
  }

  // ---- local replies

  private hostReply(status: number, body: string, details: string): void {
    this.answer({ status, details, headers: [], body: new TextEncoder().encode(body) });
  }

  /** Envoy's sendLocalReply: through the response callbacks while no response has begun, in its place
   * while its headers are not sent, and else only by breaking the stream off. */
  private answer(reply: LocalReply): void {
    if (this.over || this.replied) return;
    this.replied = true;
    if (this.headersSent) {
      this.over = true;
      this.sink.reset(reply.details);
      return;
    }
    this.sink.abandonUpstream(reply.details, reply.status);
    const isGrpc = this.isOfGrpc;
    const headers: Headers = isGrpc
      ? grpcAnswer(reply.status, reply.body)
      : [[":status", String(reply.status)]];
    if (reply.body.length > 0 && !isGrpc) {
      headers.push(["content-length", String(reply.body.length)], ["content-type", "text/plain"]);
    }
    for (const [name, value] of reply.headers) {
      if (isGrpc && (name === "content-type" || (name === "grpc-message" && reply.body.length)))
        continue;
      // What the guest says of gRPC's status itself stays.
      if (name === "content-type" || (isGrpc && name === "grpc-status"))
        setHeader(headers, name, value);
      else addLine(headers, name, value, false);
    }
    const hasBody = reply.body.length > 0 && !this.isToHead && !isGrpc;
    this.details = reply.details;
    if (this.responseBegun) {
      this.over = true;
      this.response.headers = headers;
      this.sendHeaders(headers, !hasBody);
      if (hasBody) this.sink.responseData(reply.body, true);
      return;
    }
    this.responseBegun = true;
    this.response.onHeaders(headers, !hasBody);
    if (hasBody) this.response.onData(reply.body, true);
  }

  private details = "via_upstream";
  /** What the client asked for, whatever the filter has made of it. */
  private isToHead = false;
  private isOfGrpc = false;
  private headersSent = false;

  private sendHeaders(headers: Headers, endOfStream: boolean): void {
    this.headersSent = true;
    this.sink.responseHeaders(headers, endOfStream);
  }

  // ---- Context

  private direction(type: number): Direction {
    return type === HeaderMapType.RequestHeaders || type === HeaderMapType.RequestTrailers
      ? this.request
      : this.response;
  }

  headerMap(type: number): Headers | undefined {
    switch (type) {
      case HeaderMapType.RequestHeaders:
      case HeaderMapType.ResponseHeaders: {
        const direction = this.direction(type);
        return direction.headersAccessible ? direction.headers : undefined;
      }
      case HeaderMapType.RequestTrailers:
      case HeaderMapType.ResponseTrailers: {
        const direction = this.direction(type);
        return direction.trailersAccessible || this.isLogging ? direction.trailers : undefined;
      }
    }
    return this.plugin.callHeaders(type);
  }

  isWritable(type: number): boolean {
    return type <= HeaderMapType.ResponseTrailers && !this.isLogging;
  }

  buffer(type: number): Uint8Array | undefined {
    const direction =
      type === BufferType.HttpRequestBody
        ? this.request
        : type === BufferType.HttpResponseBody
          ? this.response
          : undefined;
    if (!direction) return this.plugin.buffer(type);
    return direction.hasBuffer ? direction.buffer() : undefined;
  }

  setBuffer(type: number, bytes: Uint8Array): Status {
    if (type === BufferType.HttpRequestBody) this.request.setBuffer(bytes);
    else if (type === BufferType.HttpResponseBody) this.response.setBuffer(bytes);
    else return Status.BadArgument;
    return Status.Ok;
  }

  property(path: string[]): Uint8Array | undefined {
    const value =
      path[0] === "request"
        ? requestProperty(path, this.request)
        : path[0] === "response"
          ? this.responseValue(path)
          : undefined;
    const found = value ?? this.info[path.join(".")];
    if (found !== undefined) return encodeProperty(found);
    const key = path[0] === "filter_state" ? path.slice(2).join(".") : path.join(".");
    return this.filterState.get(key) ?? this.plugin.property(path);
  }

  private responseValue(path: string[]): PropertyValue | undefined {
    if (path[1] === "code_details") return this.responseBegun ? this.details : undefined;
    return responseProperty(path, this.response);
  }

  setProperty(name: string, value: Uint8Array): Status {
    this.filterState.set(name, value);
    return Status.Ok;
  }

  sendLocalResponse(reply: LocalReply): Status {
    if (this.isLogging) return Status.BadArgument;
    this.reply = reply;
    if (this.depth === 0) this.plugin.afterCall(() => this.afterGuest());
    return Status.Ok;
  }

  continueStream(type: number): Status {
    if (type !== StreamType.Request && type !== StreamType.Response) return Status.BadArgument;
    const direction = type === StreamType.Request ? this.request : this.response;
    // Envoy goes on once the guest has returned.
    this.plugin.afterCall(() => direction.continue());
    return Status.Ok;
  }

  closeStream(): Status {
    this.plugin.afterCall(() => {
      if (this.over) return;
      this.over = true;
      this.sink.reset("closed_by_filter");
    });
    return Status.Ok;
  }

  httpCall(request: CallRequest): number {
    return this.plugin.httpCall(request, this.id);
  }

  redisInit(upstream: string, user: string, password: string, timeout: number): Status {
    return this.plugin.redisInit(upstream, user, password, timeout);
  }

  redisCall(cluster: string, command: Uint8Array): number {
    return this.plugin.redisCall(cluster, command, this.id);
  }

  setTickPeriod(): Status {
    return Status.BadArgument;
  }
}
