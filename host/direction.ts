// One direction of a stream (request or response) on its way through the filter, with Envoy's rules
// for one filter in the chain: what a callback's answer holds back, what is buffered, when headers,
// data and trailers go on. Follows FilterManager's commonHandleAfter…Callback and commonContinue
// (envoy source/common/http/filter_manager.cc) and the buffering of Context::decodeData
// (source/extensions/common/wasm/context.cc).

import { DataStatus, HeadersStatus } from "./abi.ts";
import type { Headers } from "./headers.ts";

/** Calls into the filter, and what goes on behind it. */
export interface Ends {
  callHeaders(count: number, endOfStream: boolean): HeadersStatus;
  callData(size: number, endOfStream: boolean): DataStatus;
  callTrailers(count: number): number;
  passHeaders(headers: Headers, endOfStream: boolean): void;
  passData(data: Uint8Array, endOfStream: boolean): void;
  passTrailers(trailers: Headers): void;
  /** The filter buffered more than the host allows: Envoy answers 413 or 500 by itself. */
  overflow(): void;
  /** Whether the stream is over (answered locally, reset): nothing goes on any more. */
  isOver(): boolean;
}

type Iteration = "continue" | "stopped" | "stoppedAll";

export class Direction {
  headers: Headers = [];
  trailers: Headers | undefined;
  /** Whether the filter may read and write the headers now. Envoy takes them away from a filter that
   * let them go on. */
  headersAccessible = false;
  trailersAccessible = false;
  /** Bytes of the body that have come. */
  received = 0;
  private iteration: Iteration = "continue";
  private headersPassed = false;
  private sawEnd = false;
  private buffered: Uint8Array | undefined;
  /** The data callback's own buffer, while it runs. */
  private current: Uint8Array | undefined;
  /** The last answer was StopIterationAndBuffer: the callback sees all that is buffered. */
  private buffering = false;

  constructor(
    private readonly ends: Ends,
    private readonly bufferLimit: number,
  ) {}

  /** Whether all of it has come. */
  get ended(): boolean {
    return this.sawEnd || this.trailers !== undefined;
  }

  get begun(): boolean {
    return this.headers.length > 0 || this.headersPassed;
  }

  onHeaders(headers: Headers, endOfStream: boolean): void {
    this.headers = headers;
    this.headersAccessible = true;
    this.sawEnd = endOfStream;
    const status = this.ends.callHeaders(headers.length, endOfStream);
    if (this.ends.isOver()) return;
    if (status === HeadersStatus.Continue) {
      this.headersAccessible = false;
      this.headersPassed = true;
      this.ends.passHeaders(headers, endOfStream);
    } else {
      this.iteration = status === HeadersStatus.StopIteration ? "stopped" : "stoppedAll";
    }
  }

  onData(data: Uint8Array, endOfStream: boolean): void {
    if (this.ends.isOver()) return;
    this.sawEnd = this.sawEnd || endOfStream;
    this.received += data.length;
    if (this.iteration === "stoppedAll") {
      this.append(data);
      return;
    }
    this.runData(data, endOfStream);
  }

  private runData(data: Uint8Array, endOfStream: boolean): void {
    this.current = data;
    if (this.buffering) {
      this.append(data);
      this.current = new Uint8Array();
      if (this.buffered!.length > this.bufferLimit) {
        this.ends.overflow();
        return;
      }
    }
    const status = this.ends.callData(this.buffer().length, endOfStream);
    const rest = this.current;
    this.current = undefined;
    this.buffering = status === DataStatus.StopIterationAndBuffer;
    if (this.ends.isOver()) return;
    if (status === DataStatus.Continue) {
      if (this.iteration === "continue") {
        this.ends.passData(rest, endOfStream);
        return;
      }
      this.append(rest);
      this.continue();
      return;
    }
    this.iteration = "stopped";
    if (status !== DataStatus.StopIterationNoBuffer) {
      this.append(rest);
      if (this.buffering && this.buffered!.length > this.bufferLimit) this.ends.overflow();
    } else if (endOfStream && !this.trailers && !this.buffered) {
      // So that a later continue still ends the stream.
      this.buffered = new Uint8Array();
    }
  }

  onTrailers(trailers: Headers): void {
    if (this.ends.isOver()) return;
    this.trailers = trailers;
    if (this.iteration !== "stoppedAll") this.runTrailers();
  }

  private runTrailers(): void {
    this.trailersAccessible = true;
    const status = this.ends.callTrailers(this.trailers!.length);
    if (this.ends.isOver()) return;
    if (status !== 0) {
      if (this.iteration === "continue") this.iteration = "stopped";
      return;
    }
    this.trailersAccessible = false;
    if (this.iteration === "continue") this.ends.passTrailers(this.trailers!);
    else this.continue();
  }

  /** What proxy_continue_stream does, and a Continue after a stop. */
  continue(): void {
    if (this.iteration === "continue" || this.ends.isOver()) return;
    const wasStoppedAll = this.iteration === "stoppedAll";
    this.iteration = "continue";
    if (!this.headersPassed) {
      this.headersPassed = true;
      const ends = this.sawEnd && !this.buffered && !this.trailers;
      this.ends.passHeaders(this.headers, ends);
    }
    const hadTrailers = this.trailers !== undefined;
    if (this.buffered) {
      const data = this.buffered;
      this.buffered = undefined;
      const ends = this.sawEnd && !hadTrailers;
      // After StopAll the filter has not seen its data yet.
      if (wasStoppedAll) this.runData(data, ends);
      else this.ends.passData(data, ends);
    }
    if (!hadTrailers || this.ends.isOver()) return;
    if (wasStoppedAll) this.runTrailers();
    else this.ends.passTrailers(this.trailers!);
  }

  private append(data: Uint8Array): void {
    const before = this.buffered ?? new Uint8Array();
    const joined = new Uint8Array(before.length + data.length);
    joined.set(before);
    joined.set(data, before.length);
    this.buffered = joined;
  }

  /** What the filter sees as the body now. */
  buffer(): Uint8Array {
    if (this.buffering) return this.buffered ?? new Uint8Array();
    return this.current ?? new Uint8Array();
  }

  get hasBuffer(): boolean {
    return this.buffering || this.current !== undefined;
  }

  /** Puts something else in its place. */
  setBuffer(bytes: Uint8Array): void {
    if (this.buffering) {
      this.buffered = bytes;
      if (bytes.length > this.bufferLimit) this.ends.overflow();
    } else {
      this.current = bytes;
    }
  }
}
