// Rules through the real filter in the embedded host, for tests that look closer than rule tests can.

import { type Artefact, filterModule } from "../../compiler/assets.ts";
import {
  formatTrace,
  type Headers,
  type HostOptions,
  type HttpCall,
  type HttpStream,
  LogLevel,
  ManualClock,
  Plugin,
  type Sink,
  type StreamInfo,
} from "../../host/index.ts";

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

type Piece = string | Uint8Array;

const bytesOf = (piece: Piece) =>
  typeof piece === "string" ? encode(piece) : Uint8Array.from(piece);

/** A filter with its rules, and what it logs and calls. */
export class Filter {
  readonly log: string[] = [];
  readonly trace: string[] = [];
  /** What the filter says of its walk over the rules. */
  readonly marks: string[] = [];
  readonly calls: HttpCall[] = [];
  readonly clock = new ManualClock();
  readonly plugin: Plugin;
  readonly traps: Error[] = [];

  constructor(options: HostOptions = {}, artefact?: Artefact | WebAssembly.Module) {
    const isModule = artefact instanceof WebAssembly.Module;
    this.plugin = new Plugin(isModule ? artefact : filterModule(artefact), {
      allowOnHeadersStopIteration: true,
      clock: this.clock,
      logLevel: LogLevel.Trace,
      log: (_level, text) => {
        if (text.startsWith("trace ")) this.marks.push(text);
        else this.log.push(text);
      },
      trace: (entry) => this.trace.push(formatTrace(entry)),
      httpCall: (call) => this.calls.push(call),
      onTrap: (error) => this.traps.push(error),
      ...options,
    });
  }

  configure(rules: unknown): boolean {
    return this.plugin.configure(typeof rules === "string" ? rules : JSON.stringify(rules));
  }

  /** The config errors that the last configuration led to. */
  get errors(): string[] {
    return this.log.flatMap((line) => /config error (.*)$/.exec(line)?.[1] ?? []);
  }

  open(info: StreamInfo = {}): Stream {
    return new Stream(this.plugin, info);
  }

  get metrics(): Record<string, number> {
    return this.plugin.options.metrics.snapshot();
  }
}

/** A stream, with everything that came out of it. */
export class Stream implements Sink {
  upstream: Headers | undefined;
  upstreamBytes = Buffer.alloc(0);
  upstreamEnded = false;
  response: Headers | undefined;
  responseBytes = Buffer.alloc(0);
  responseEnded = false;
  wasReset = false;
  readonly stream: HttpStream;

  constructor(plugin: Plugin, info: StreamInfo) {
    this.stream = plugin.stream(this, { "source.address": "10.0.0.1:4000", ...info });
  }

  /** Sends the request: headers, then the pieces, the last of which ends it. */
  request(headers: Record<string, string> = {}, ...pieces: Piece[]): this {
    const all: Headers = Object.entries({
      ":authority": "example.com",
      ":path": "/",
      ":method": pieces.length ? "POST" : "GET",
      ":scheme": "http",
      ...headers,
    });
    this.stream.requestHeaders(all, pieces.length === 0);
    pieces.forEach((piece, i) => {
      this.stream.requestData(bytesOf(piece), i === pieces.length - 1);
    });
    return this;
  }

  respond(headers: Record<string, string> = {}, ...pieces: Piece[]): this {
    this.stream.responseHeaders(
      Object.entries({ ":status": "200", ...headers }),
      pieces.length === 0,
    );
    pieces.forEach((piece, i) => {
      this.stream.responseData(bytesOf(piece), i === pieces.length - 1);
    });
    return this;
  }

  close(): void {
    this.stream.close();
  }

  get upstreamBody(): string {
    return this.upstreamBytes.toString();
  }

  get responseBody(): string {
    return this.responseBytes.toString();
  }

  /** What was set as filter state of that name. */
  property(name: string): string | undefined {
    const value = this.stream.filterState.get(name);
    return value && new TextDecoder().decode(value);
  }

  get status(): string | undefined {
    return this.response?.find(([name]) => name === ":status")?.[1];
  }

  /** The status that an answer tells: gRPC has it in a field of its own, here as a number of HTTP. */
  get told(): string | undefined {
    const told = this.response?.find(([name]) => name === "grpc-status")?.[1];
    const statuses: Record<string, string> = { 7: "403", 13: "400" };
    return told === undefined ? this.status : (statuses[told] ?? `gRPC ${told}`);
  }

  /** The body of an answer, or what it says in gRPC. */
  get toldBody(): string {
    const message = this.response?.find(([name]) => name === "grpc-message")?.[1];
    return message === undefined ? this.responseBody : decodeURIComponent(message);
  }

  sent(name: string): string[] {
    return (this.upstream ?? []).filter(([each]) => each === name).map(([, value]) => value);
  }

  got(name: string): string[] {
    return (this.response ?? []).filter(([each]) => each === name).map(([, value]) => value);
  }

  requestHeaders(headers: Headers, end: boolean): void {
    this.upstream = headers.map(([name, value]) => [name, value]);
    this.upstreamEnded = end;
  }

  requestData(data: Uint8Array, end: boolean): void {
    this.upstreamBytes = Buffer.concat([this.upstreamBytes, data]);
    this.upstreamEnded ||= end;
  }

  requestTrailers(): void {
    this.upstreamEnded = true;
  }

  responseHeaders(headers: Headers, end: boolean): void {
    this.response = headers.map(([name, value]) => [name, value]);
    this.responseEnded = end;
  }

  responseData(data: Uint8Array, end: boolean): void {
    this.responseBytes = Buffer.concat([this.responseBytes, data]);
    this.responseEnded ||= end;
  }

  responseTrailers(): void {
    this.responseEnded = true;
  }

  reset(): void {
    this.wasReset = true;
  }

  abandonUpstream(): void {}
}
