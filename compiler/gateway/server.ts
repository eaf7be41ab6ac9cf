// A local HTTP gateway: Node's HTTP server in front, the filter in the embedded host in the middle,
// an upstream behind. Bodies stream both ways with back pressure. Details that rules can see (header
// order and case, x-request-id, attributes, answers when the upstream fails) follow Envoy.

import { randomUUID } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import {
  type Clock,
  getHeader,
  grpcAnswer,
  type Headers,
  type HttpCall,
  type HttpStream,
  isGrpcRequest,
  LogLevel,
  Plugin,
  removeHeader,
  type Sink,
} from "../../host/index.ts";
import { ROUTE_PROPERTIES, UPSTREAM } from "../local-route.ts";
import { RedisServers } from "./redis.ts";

export interface GatewayOptions {
  module: WebAssembly.Module;
  /** The rules as JSON. */
  rules: string;
  /** Where requests go. */
  upstream: string;
  /** Cluster name -> URL of what answers callouts; `redis://host:port` is for commands. */
  clusters: Record<string, string>;
  /** A line for each request, and the lines that rules log. */
  log: (line: string) => void;
  logLevel?: LogLevel;
  /** Whether headers can be held while the body is read, which Envoy must be told; default true. */
  holdsHeaders?: boolean;
}

/** Methods of which a request without a body does not say so. */
const BODILESS = new Set(["GET", "HEAD", "DELETE", "TRACE", "CONNECT"]);

/** What Envoy, where clients speak to it directly, believes nobody but itself. */
const FOR_ENVOY = new Set([
  ...["x-envoy-decorator-operation", "x-envoy-downstream-service-cluster"],
  ...["x-envoy-downstream-service-node", "x-envoy-expected-rq-timeout-ms", "x-envoy-force-trace"],
  ...["x-envoy-hedge-on-per-try-timeout", "x-envoy-ip-tags", "x-envoy-max-retries"],
  ...["x-envoy-original-path", "x-envoy-original-url", "x-envoy-retriable-header-names"],
  ...["x-envoy-retriable-status-codes", "x-envoy-retry-grpc-on", "x-envoy-retry-on"],
  ...["x-envoy-upstream-alt-stat-name", "x-envoy-upstream-rq-per-try-timeout-ms"],
  ...["x-envoy-upstream-rq-timeout-alt-response", "x-envoy-upstream-rq-timeout-ms"],
  "x-forwarded-client-cert",
]);

/** Statuses that have no name in Envoy, though they have one in Node. */
const NAMELESS = new Set([103, 306, 418, 451, 509]);

function reasonOf(status: number): string {
  if (status === 599) return "Last Unassigned Server Error Code";
  return (NAMELESS.has(status) ? undefined : http.STATUS_CODES[status]) ?? "Unknown";
}

/** Bytes that wait for an upgrade; then the client is read no more. */
const MOST_EARLY = 1 << 16;

/** Fields that belong to one connection (RFC 9110 7.6.1) and that rules do not see; transfer-encoding they do, as
 * Envoy shows it. */
const HOP_BY_HOP = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "upgrade"],
  "http2-settings",
]);

const realClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

export class Gateway {
  private readonly server: http.Server;
  private readonly agent = new http.Agent({ keepAlive: true });
  private readonly secureAgent = new https.Agent({ keepAlive: true });
  private readonly redis: RedisServers;
  private plugin: Plugin;

  /** Throws when the filter refuses the rules. */
  constructor(private readonly options: GatewayOptions) {
    const servers = Object.entries(options.clusters).filter(([, url]) => isRedis(url));
    this.redis = new RedisServers(Object.fromEntries(servers), options.log);
    this.plugin = this.newPlugin();
    if (!this.plugin.configure(options.rules)) throw new Error("the filter refuses the rules");
    this.server = http.createServer(
      { maxHeaderSize: MOST_HEADER_BYTES, requireHostHeader: false },
      (request, response) => this.serve(request, response),
    );
    this.server.on("checkContinue", (request, response) => this.serveExpecting(request, response));
    this.server.on("upgrade", (request, socket, head) => this.serveUpgrade(request, socket, head));
    this.server.on("clientError", (error, socket) => refuseUnread(error, socket));
  }

  private newPlugin(): Plugin {
    const { log, module } = this.options;
    return new Plugin(module, {
      allowOnHeadersStopIteration: this.options.holdsHeaders ?? true,
      clock: realClock,
      random: (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
      logLevel: this.options.logLevel ?? LogLevel.Info,
      log: (level, text) => log(`  ${LogLevel[level].toLowerCase()}: ${text}`),
      hasCluster: (name) => this.urlOf(name) !== undefined,
      httpCall: (call) => this.callOut(call),
      redis: this.redis,
      onTrap: (error) => log(`  the filter trapped: ${error.message}`),
      name: "ruleway",
      properties: { "xds.node.id": "local" },
    });
  }

  /** Takes requests on loopback; port 0 picks a free one. The port is the answer. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, "127.0.0.1", () => {
        resolve((this.server.address() as AddressInfo).port);
      });
    });
  }

  /** Swaps the rules; false when the filter refuses them, and then the old ones stay. */
  reload(rules: string): boolean {
    return this.plugin.configure(rules);
  }

  close(): Promise<void> {
    this.plugin.close();
    this.redis.close();
    this.agent.destroy();
    this.secureAgent.destroy();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** Bytes that the filter's memory takes. */
  get filterMemory(): number {
    return this.plugin.memorySize;
  }

  get metrics(): Record<string, number> {
    return this.plugin.options.metrics.snapshot();
  }

  // ---- a request

  private serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (isRefusedUnseen(request, response)) return;
    new Exchange(this.plugin, this.connector(), this.options.log, request).start(
      new ServerAnswer(response),
    );
  }

  /** A client that waits for leave to send its body has it, unless the headers alone are refused. */
  private serveExpecting(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (!refusalOf(request)) response.writeContinue();
    this.serve(request, response);
  }

  private serveUpgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
    new Exchange(this.plugin, this.connector(), this.options.log, request).start(
      new TunnelAnswer(socket, head),
    );
  }

  private connector(): Connect {
    const { upstream } = this.options;
    return (headers, hasBody) => this.connect(upstream, headers, hasBody);
  }

  /** Opens a request with the header map's own method, path and authority. */
  private connect(url: string, headers: Headers, hasBody: boolean): http.ClientRequest {
    const { protocol, hostname, port } = new URL(url);
    const isSecure = protocol === "https:";
    const fields = headers.filter(([name]) => !/^(:|transfer-encoding$)/.test(name));
    const framed = fields.some(([name]) => name === "content-length");
    const authority = getHeader(headers, ":authority") ?? hostname;
    const names: string[] = ["host", authority];
    for (const [name, value] of fields) names.push(name, value);
    // What follows a handshake is no body: it belongs to whatever the connection becomes.
    const isHandshake = fields.some(([name]) => name === "upgrade");
    if (!framed && hasBody && !isHandshake) names.push("transfer-encoding", "chunked");
    if (!framed && !hasBody && !BODILESS.has(getHeader(headers, ":method") ?? "GET")) {
      names.push("content-length", "0");
    }
    return (isSecure ? https : http).request({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port || (isSecure ? 443 : 80),
      method: getHeader(headers, ":method") ?? "GET",
      path: getHeader(headers, ":path") ?? "/",
      headers: names as unknown as http.OutgoingHttpHeaders,
      agent: isSecure ? this.secureAgent : this.agent,
      setHost: false,
      ...(isSecure && { servername: hostname }),
    });
  }

  // ---- callouts

  /** Where callouts to the cluster go. That of the route can be called too, if none has its name. */
  private urlOf(cluster: string): string | undefined {
    const { clusters, upstream } = this.options;
    const url = Object.hasOwn(clusters, cluster) ? clusters[cluster] : undefined;
    if (url !== undefined) return isRedis(url) ? undefined : url;
    return cluster === UPSTREAM ? upstream : undefined;
  }

  private callOut(call: HttpCall): void {
    const headers: Headers = [...call.headers, ["content-length", String(call.body.length)]];
    const outgoing = this.connect(this.urlOf(call.cluster)!, headers, true);
    call.onCancel = () => outgoing.destroy();
    outgoing.on("error", () => call.fail());
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", () => call.fail());
      incoming.on("end", () =>
        call.respond({ headers: responseHeaders(incoming), body: Buffer.concat(chunks) }),
      );
    });
    outgoing.end(call.body);
  }
}

/** Whether the URL is of a Redis server. */
export function isRedis(url: string): boolean {
  return url.startsWith("redis:");
}

type Connect = (headers: Headers, hasBody: boolean) => http.ClientRequest;

/** Where the client's answer is written to: a response, or the bare socket of an upgrade. */
interface Answer {
  begin(status: number, headers: Headers, endOfStream: boolean): void;
  /** False when the client does not keep up. */
  write(data: Uint8Array, endOfStream: boolean): boolean;
  trailers(trailers: Headers): void;
  /** The connection ends with this answer. */
  endConnection(): void;
  destroy(): void;
  onDrain(callback: () => void): void;
  onClose(callback: () => void): void;
  /** What the client sends after an upgrade. */
  tunnel?: { socket: Duplex; head: Buffer };
}

class ServerAnswer implements Answer {
  constructor(private readonly response: http.ServerResponse) {
    response.sendDate = false;
  }

  begin(status: number, headers: Headers, endOfStream: boolean): void {
    const names: string[] = [];
    for (const [name, value] of headers) {
      if (name === "server") names.push(name, "envoy");
      else if (name !== "connection") names.push(name, value);
    }
    if (!headers.some(([name]) => name === "date")) names.push("date", new Date().toUTCString());
    if (!headers.some(([name]) => name === "server")) names.push("server", "envoy");
    // Node would write `Connection: keep-alive`, which HTTP/1.1 takes for granted.
    this.response.removeHeader("connection");
    if (!this.response.shouldKeepAlive) names.push("connection", "close");
    if (!headers.some(([name]) => name === "content-length" || name === "transfer-encoding")) {
      names.push(...this.framing(status, endOfStream));
    }
    this.response.writeHead(status, reasonOf(status), names as unknown as http.OutgoingHttpHeaders);
    if (endOfStream) this.response.end();
    // Not flushHeaders, which writes them as UTF-8: they are bytes. An answer to HEAD ends with them.
    else if (this.response.req.method === "HEAD") this.response.end();
    else this.response.write(new Uint8Array());
  }

  /** The field that tells where a body of unknown length ends, or that there is none. */
  private framing(status: number, endOfStream: boolean): string[] {
    if (status === 204 || status === 304) return [];
    const isToHead = this.response.req.method === "HEAD";
    return endOfStream && !isToHead ? ["content-length", "0"] : ["transfer-encoding", "chunked"];
  }

  write(data: Uint8Array, endOfStream: boolean): boolean {
    if (this.response.writableEnded) return true;
    const keepsUp = data.length === 0 || this.response.write(data);
    if (endOfStream) this.response.end();
    return keepsUp;
  }

  endConnection(): void {
    this.response.shouldKeepAlive = false;
  }

  trailers(trailers: Headers): void {
    if (this.response.writableEnded) return;
    this.response.addTrailers(trailers as never);
    this.response.end();
  }

  destroy(): void {
    this.response.destroy();
  }

  onDrain(callback: () => void): void {
    this.response.on("drain", callback);
  }

  onClose(callback: () => void): void {
    this.response.on("close", callback);
  }
}

/** An upgrade: the answer's head is written by hand, then bytes go as they come. */
class TunnelAnswer implements Answer {
  readonly tunnel: { socket: Duplex; head: Buffer };

  constructor(
    private readonly socket: Duplex,
    head: Buffer,
  ) {
    this.tunnel = { socket, head };
    socket.on("error", () => socket.destroy());
  }

  begin(status: number, headers: Headers, endOfStream: boolean): void {
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const close = status === 101 ? "" : "connection: close\r\n";
    const reason = reasonOf(status);
    this.socket.write(`HTTP/1.1 ${status} ${reason}\r\n${lines}${close}\r\n`, "latin1");
    if (endOfStream && status !== 101) this.socket.end();
  }

  write(data: Uint8Array, endOfStream: boolean): boolean {
    const keepsUp = this.socket.write(data);
    if (endOfStream) this.socket.end();
    return keepsUp;
  }

  endConnection(): void {}

  trailers(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  onDrain(callback: () => void): void {
    this.socket.on("drain", callback);
  }

  onClose(callback: () => void): void {
    this.socket.on("close", callback);
  }
}

/** One request on its way. */
class Exchange implements Sink {
  private stream!: HttpStream;
  private answer!: Answer;
  private outgoing: http.ClientRequest | undefined;
  private incoming: http.IncomingMessage | Duplex | undefined;
  private status = 0;
  private readonly started = performance.now();
  private readonly line: string;

  constructor(
    private readonly plugin: Plugin,
    private readonly connect: Connect,
    private readonly log: (line: string) => void,
    private readonly request: http.IncomingMessage,
  ) {
    this.line = `${request.method} ${request.url}`;
  }

  start(answer: Answer): void {
    this.answer = answer;
    const { socket } = this.request;
    this.stream = this.plugin.stream(this, {
      "source.address": `${socket.remoteAddress}:${socket.remotePort}`,
      "source.port": BigInt(socket.remotePort ?? 0),
      "destination.address": `${socket.localAddress}:${socket.localPort}`,
      "destination.port": BigInt(socket.localPort ?? 0),
      "request.protocol": `HTTP/${this.request.httpVersion}`,
      "request.time": BigInt(Date.now()) * 1_000_000n,
      "connection.mtls": false,
      ...ROUTE_PROPERTIES,
      "xds.virtual_host_name": "all",
    });
    answer.onClose(() => this.end());
    answer.onDrain(() => this.incoming?.resume());
    const headers = requestHeaders(this.request, answer.tunnel !== undefined);
    const size = this.request.headers["content-length"];
    const chunked = this.request.headers["transfer-encoding"] !== undefined;
    const hasBody = answer.tunnel !== undefined || chunked || (size !== undefined && size !== "0");
    this.isRequestWhole = !hasBody;
    this.stream.requestHeaders(headers, !hasBody);
    const source = answer.tunnel?.socket ?? this.request;
    if (answer.tunnel?.head.length) this.stream.requestData(answer.tunnel.head, false);
    source.on("data", (chunk: Buffer) => this.stream.requestData(chunk, false));
    if (!hasBody) return;
    source.on("end", () => {
      this.isRequestWhole = true;
      const trailers = answer.tunnel ? [] : pairs(this.request.rawTrailers);
      if (trailers.length) this.stream.requestTrailers(trailers);
      else this.stream.requestData(new Uint8Array(), true);
    });
    source.on("error", () => this.end());
  }

  /** The client has its answer, or is gone. */
  private end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.outgoing?.destroy();
    const ms = (performance.now() - this.started).toFixed(1);
    this.log(`${this.line} → ${this.status || "broken off"} ${ms} ms`);
    this.stream.close();
  }

  private hasEnded = false;
  private isRequestWhole = false;

  // ---- towards the upstream

  requestHeaders(headers: Headers, endOfStream: boolean): void {
    // The router frames the body anew, and rules that look back see the request without it.
    removeHeader(headers, "transfer-encoding");
    const outgoing = this.connect(headers, !endOfStream);
    this.outgoing = outgoing;
    this.asked = performance.now();
    outgoing.on("error", (error) => this.upstreamFailed(error));
    outgoing.on("drain", () => this.request.resume());
    outgoing.on("response", (incoming) => this.onResponse(incoming));
    outgoing.on("upgrade", (incoming, socket, head) => this.onUpgrade(incoming, socket, head));
    if (endOfStream) outgoing.end();
    else if (this.answer.tunnel) outgoing.flushHeaders();
  }

  requestData(data: Uint8Array, endOfStream: boolean): void {
    if (this.upgraded) {
      this.upgraded.write(data);
      if (endOfStream) this.upgraded.end();
      return;
    }
    if (this.answer.tunnel && !framesBody(this.outgoing)) {
      this.sendOnceUpgraded(data, endOfStream);
      return;
    }
    const keepsUp = data.length === 0 || this.outgoing?.write(data);
    if (keepsUp === false) this.request.pause();
    if (endOfStream) this.outgoing?.end();
  }

  /** What the client says before the upstream has agreed to the upgrade waits for that. */
  private sendOnceUpgraded(data: Uint8Array, endOfStream: boolean): void {
    if (data.length) this.early.push(data);
    this.endsEarly = endOfStream;
    const size = this.early.reduce((sum, { length }) => sum + length, 0);
    if (size > MOST_EARLY) this.answer.tunnel!.socket.pause();
  }

  private readonly early: Uint8Array[] = [];
  private endsEarly = false;

  requestTrailers(trailers: Headers): void {
    this.outgoing?.addTrailers(trailers as never);
    this.outgoing?.end();
  }

  abandonUpstream(_details: string, status: number): void {
    this.abandoned = true;
    // Envoy takes a client whose request it answers so for one that does not know where messages end.
    if (status === 400) this.answer.endConnection();
    this.outgoing?.destroy();
    // What the client still sends is of no interest, but must not stop its connection.
    this.request.resume();
  }

  private abandoned = false;
  private upgraded: Duplex | undefined;

  private onResponse(incoming: http.IncomingMessage): void {
    this.incoming = incoming;
    // The upstream may have been asked with another method than the client's.
    const isBodiless =
      this.outgoing?.method === "HEAD" ||
      incoming.statusCode === 204 ||
      incoming.statusCode === 304 ||
      incoming.headers["content-length"] === "0";
    this.stream.responseHeaders(this.timed(responseHeaders(incoming)), isBodiless);
    incoming.on("data", (chunk: Buffer) => this.stream.responseData(chunk, false));
    incoming.on("error", () => this.reset());
    incoming.on("end", () => {
      if (isBodiless) return;
      const trailers = pairs(incoming.rawTrailers);
      if (trailers.length) this.stream.responseTrailers(trailers);
      else this.stream.responseData(new Uint8Array(), true);
    });
  }

  /** With how long the upstream took, as Envoy's router tells it to the filters. */
  private timed(headers: Headers): Headers {
    const ms = Math.round(performance.now() - this.asked);
    putInPlace(headers, "x-envoy-upstream-service-time", String(ms));
    return headers;
  }

  private asked = 0;

  private onUpgrade(incoming: http.IncomingMessage, socket: Duplex, head: Buffer): void {
    this.upgraded = socket;
    this.incoming = socket;
    for (const data of this.early.splice(0)) socket.write(data);
    if (this.endsEarly) socket.end();
    this.answer.tunnel!.socket.resume();
    this.stream.responseHeaders(this.timed(responseHeaders(incoming)), false);
    if (head.length) this.stream.responseData(head, false);
    socket.on("data", (chunk: Buffer) => this.stream.responseData(chunk, false));
    socket.on("end", () => this.stream.responseData(new Uint8Array(), true));
    socket.on("error", () => this.reset());
    this.answer.onClose(() => socket.destroy());
  }

  private upstreamFailed(error: NodeJS.ErrnoException): void {
    if (this.abandoned || this.hasEnded) return;
    if (this.incoming) {
      this.reset();
      return;
    }
    const isEnd = error.code === "ECONNRESET";
    const text = `upstream connect error or disconnect/reset before headers${isEnd ? ". reset reason: connection termination" : ""}`;
    const body = new TextEncoder().encode(text);
    const headers: Headers = [
      [":status", "503"],
      ["content-length", String(body.length)],
      ["content-type", "text/plain"],
    ];
    this.stream.responseHeaders(headers, false);
    this.stream.responseData(body, true);
  }

  // ---- towards the client

  responseHeaders(headers: Headers, endOfStream: boolean): void {
    this.status = Number(getHeader(headers, ":status") ?? 0);
    // How the body is framed on the client's connection is decided there.
    const isTunnel = this.answer.tunnel !== undefined;
    const fields = headers.filter(([name]) => isTunnel || name === "te" || !HOP_BY_HOP.has(name));
    // Envoy does not wait for the rest of a request that has its answer.
    if (!this.isRequestWhole) this.answer.endConnection();
    this.answer.begin(
      this.status,
      fields.filter(([name]) => !/^(:|transfer-encoding$)/.test(name)),
      endOfStream,
    );
  }

  responseData(data: Uint8Array, endOfStream: boolean): void {
    if (!this.answer.write(data, endOfStream)) this.incoming?.pause();
  }

  responseTrailers(trailers: Headers): void {
    this.answer.trailers(trailers);
  }

  reset(): void {
    this.answer.destroy();
  }
}

/** Whether the request says where its body ends. */
function framesBody(outgoing: http.ClientRequest | undefined): boolean {
  return !!outgoing?.hasHeader("content-length") || !!outgoing?.hasHeader("transfer-encoding");
}

/** What Envoy takes of request headers by default: lines, and bytes of all of them (max_request_headers_kb). */
const MOST_LINES = 100;
const MOST_HEADER_BYTES = 60 << 10;

/** The status with which Envoy refuses a request before a filter sees it, and what it says; else undefined. */
function refusalOf(request: http.IncomingMessage): [status: number, body: string] | undefined {
  const { httpVersion, url = "", rawHeaders, method, headers } = request;
  if (httpVersion === "1.0") return [426, "Upgrade Required"];
  if (rawHeaders.length > 2 * MOST_LINES) return [431, "Request Header Fields Too Large"];
  const isTarget = /^(\/|https?:\/\/)/i.test(url) || (url === "*" && method === "OPTIONS");
  if (!isTarget) return [400, "Bad Request"];
  if (headers.host === undefined) return [400, ""];
  return url.includes("#") ? [400, ""] : undefined;
}

/** Answers what no filter sees, and ends the connection. */
function isRefusedUnseen(request: http.IncomingMessage, response: http.ServerResponse): boolean {
  const refusal = refusalOf(request);
  if (!refusal) return false;
  const [status, text] = refusal;
  const answer = new ServerAnswer(response);
  answer.endConnection();
  const body = Buffer.from(text);
  // Bytes that are refused as they are read are answered before anybody asks what the client speaks.
  const isGrpc = text === "" && isGrpcRequest(pairs(request.rawHeaders));
  const described: Headers = [
    ["content-length", String(body.length)],
    ["content-type", "text/plain"],
  ];
  const headers = isGrpc ? grpcAnswer(status, body).slice(1) : text ? described : [];
  answer.begin(isGrpc ? 200 : status, headers, isGrpc || !text);
  if (text && !isGrpc) answer.write(body, true);
  request.resume();
  return true;
}

/** Answers bytes that are no request. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const isLarge = error.code === "HPE_HEADER_OVERFLOW";
  const status = isLarge ? 431 : 400;
  const text = http.STATUS_CODES[status]!;
  const lines = [
    `HTTP/1.1 ${status} ${text}`,
    ...[`content-length: ${text.length}`, "content-type: text/plain"],
    ...[`date: ${new Date().toUTCString()}`, "server: envoy", "connection: close"],
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${text}`);
}

/** Flat name, value, name, value … as pairs with names in lower case. */
function pairs(raw: string[]): Headers {
  const result: Headers = [];
  for (let i = 0; i + 1 < raw.length; i += 2) result.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return result;
}

function requestHeaders(request: http.IncomingMessage, isUpgrade: boolean): Headers {
  const nominated = isUpgrade ? new Set() : nominatedIn(request.headers.connection ?? "");
  const fields = pairs(request.rawHeaders).filter(
    ([name, value]) =>
      name !== "host" &&
      !nominated.has(name) &&
      (!HOP_BY_HOP.has(name) || (name === "te" ? value.trim() === "trailers" : isUpgrade)),
  );
  // Envoy makes one line of whatever lines of te ask for trailers.
  const te = fields.findIndex(([name]) => name === "te");
  const own = fields.filter(([name], i) => name !== "te" || i === te);
  // Of an absolute target, what it says of the host counts (RFC 9112 3.2.2).
  const [, named, rest] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url ?? "") ?? [];
  const hosts = pairs(request.rawHeaders).filter(([name]) => name === "host");
  const authority = (named ?? hosts.map(([, value]) => value).join(",")).replace(
    /\.(?=$|:\d+$)/,
    "",
  );
  const path = named === undefined ? (request.url ?? "/") : rest!.replace(/^(?!\/)/, "/");
  const headers: Headers = [
    [":authority", authority],
    [":path", path],
    [":method", request.method ?? "GET"],
    [":scheme", "http"],
    ...own,
  ];
  addForwardedFor(headers, request.socket.remoteAddress ?? "");
  // What a client writes there is not believed, as with Envoy's use_remote_address.
  putInPlace(headers, "x-forwarded-proto", "http");
  putInPlace(headers, "x-envoy-external-address", request.socket.remoteAddress ?? "");
  putInPlace(headers, "x-request-id", randomUUID());
  return headers.filter(([name, value]) => !isForEnvoy(name, value));
}

/** Fields that are for this connection only, as the client says (RFC 9110 7.6.1). */
function nominatedIn(connection: string): Set<string> {
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

/** What Envoy takes for its own, and keeps. */
function isForEnvoy(name: string, value: string): boolean {
  return FOR_ENVOY.has(name) || (name === "expect" && value.toLowerCase() === "100-continue");
}

/** The address of the connection's other end comes last in x-forwarded-for, as Envoy adds it. */
function addForwardedFor(headers: Headers, address: string): void {
  const before = headers.flatMap(([name, value]) => (name === "x-forwarded-for" ? [value] : []));
  putInPlace(headers, "x-forwarded-for", [...before, address].join(","));
}

/** One line of the name, where its first has been, else as the last. */
function putInPlace(headers: Headers, name: string, value: string): void {
  const at = headers.findIndex(([each]) => each === name);
  removeHeader(headers, name);
  headers.splice(at < 0 ? headers.length : at, 0, [name, value]);
}

function responseHeaders(incoming: http.IncomingMessage): Headers {
  return [[":status", String(incoming.statusCode ?? 0)], ...pairs(incoming.rawHeaders)];
}
