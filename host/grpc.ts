// How an answer reaches a client that speaks gRPC: HTTP's status is 200, and trailers-only headers say the
// rest, as Envoy's local replies do.

import { getHeader, type Headers } from "./headers.ts";

const INTERNAL = 13;
const UNKNOWN = 2;
const UNAVAILABLE = 14;
const STATUSES: Record<number, number> = {
  ...{ 400: INTERNAL, 401: 16, 403: 7, 404: 12 },
  ...{ 429: UNAVAILABLE, 502: UNAVAILABLE, 503: UNAVAILABLE, 504: UNAVAILABLE },
};

export function isGrpcRequest(headers: Headers): boolean {
  return /^application\/grpc(\+|$)/.test(getHeader(headers, "content-type") ?? "");
}

/** The headers that say what an answer with that status and body would have said. */
export function grpcAnswer(status: number, body: Uint8Array): Headers {
  const headers: Headers = [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", String(STATUSES[status] ?? UNKNOWN)],
  ];
  if (body.length > 0) headers.push(["grpc-message", percentEncoded(body)]);
  return headers;
}

function percentEncoded(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x25;
    return isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
