// One stream through the filter in the embedded host: what goes in, and what comes out on both sides.

import { getHeader, type Headers, type Sink, type StreamInfo } from "../../host/index.ts";
import { ROUTE_PROPERTIES } from "../local-route.ts";
import { type Answer, bodyOf, headersOf } from "./format.ts";

/** Properties of a stream that nobody says otherwise of. */
export const INFO: StreamInfo = {
  "source.address": "127.0.0.1:40000",
  "request.protocol": "HTTP/1.1",
  ...ROUTE_PROPERTIES,
};

export interface Side {
  /** Undefined: nothing has come. */
  headers?: Headers;
  body: Uint8Array[];
}

/** Keeps what the filter lets through. */
export class Recorder implements Sink {
  readonly upstream: Side & { isComplete: boolean } = { body: [], isComplete: false };
  readonly client: Side = { body: [] };
  /** The upstream is not asked any more. */
  isAbandoned = false;
  /** Why the stream was broken off. */
  broken: string | undefined;

  requestHeaders(headers: Headers, end: boolean): void {
    this.upstream.headers = copyOf(headers);
    this.upstream.isComplete = end;
  }

  requestData(data: Uint8Array, end: boolean): void {
    this.upstream.body.push(data.slice());
    this.upstream.isComplete ||= end;
  }

  requestTrailers(): void {
    this.upstream.isComplete = true;
  }

  responseHeaders(headers: Headers): void {
    this.client.headers = copyOf(headers);
  }

  responseData(data: Uint8Array): void {
    this.client.body.push(data.slice());
  }

  responseTrailers(): void {}

  reset(reason: string): void {
    this.broken = reason;
  }

  abandonUpstream(): void {
    this.isAbandoned = true;
  }

  /** Whether the upstream has all of a request to answer. */
  get isAsked(): boolean {
    return this.upstream.headers !== undefined && this.upstream.isComplete && !this.isAbandoned;
  }
}

export function copyOf(headers: Headers): Headers {
  return headers.map(([name, value]) => [name, value]);
}

export function answerHeaders(answer: Answer): Headers {
  return [[":status", String(answer.status ?? 200)], ...headersOf(answer)];
}

/** The pieces of the answer's body to that request; none where HTTP has none (RFC 9110 6.4.1). */
export function answerBody(answer: Answer, request: Headers): Uint8Array[] {
  const isBodiless =
    getHeader(request, ":method") === "HEAD" || answer.status === 204 || answer.status === 304;
  return isBodiless ? [] : bodyOf(answer);
}

/** Feeds a message: its last piece ends the stream, headers do when there is none. */
export function feed(
  onHeaders: (headers: Headers, end: boolean) => void,
  onData: (data: Uint8Array, end: boolean) => void,
  headers: Headers,
  pieces: Uint8Array[],
): void {
  onHeaders(headers, pieces.length === 0);
  pieces.forEach((piece, i) => {
    onData(piece, i === pieces.length - 1);
  });
}
