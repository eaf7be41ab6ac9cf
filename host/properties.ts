// The properties a stream has by itself: Envoy's request.*, response.* and what the embedder tells
// about connection, route and cluster; encoded as the ABI has them.

import type { Direction } from "./direction.ts";
import { getHeader, type Headers, toBytes } from "./headers.ts";

/** A property: text as its bytes, bigint as 8 bytes little-endian, boolean as one byte. */
export type PropertyValue = string | bigint | boolean | Uint8Array;

export function encodeProperty(value: PropertyValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return toBytes(value);
  if (typeof value === "boolean") return Uint8Array.of(value ? 1 : 0);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value, true);
  return bytes;
}

/** Names and values, as Envoy counts them. */
function bytesOf(headers: Headers): bigint {
  return BigInt(headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0));
}

/** What content-length says, else what has come. */
function sizeOf(message: Direction): bigint {
  const declared = getHeader(message.headers, "content-length");
  return declared && /^\d+$/.test(declared) ? BigInt(declared) : BigInt(message.received);
}

const FROM_HEADER: Record<string, string> = {
  path: ":path",
  host: ":authority",
  method: ":method",
  scheme: ":scheme",
  useragent: "user-agent",
  referer: "referer",
  id: "x-request-id",
};

/** `request.…` that is read from the headers: there only while the filter may see them. */
export function requestProperty(path: string[], request: Direction): PropertyValue | undefined {
  if (!request.headersAccessible) return undefined;
  const member = path[1] ?? "";
  if (member === "headers_bytes") return bytesOf(request.headers);
  if (member === "total_size") return bytesOf(request.headers) + BigInt(request.received);
  if (member === "size") return sizeOf(request);
  if (member === "headers" && path[2]) return getHeader(request.headers, path[2]);
  const target = getHeader(request.headers, ":path");
  if (member === "url_path") return target?.split("?", 1)[0];
  if (member === "query") return target?.split("?").slice(1).join("?") ?? "";
  const name = FROM_HEADER[member];
  return name ? getHeader(request.headers, name) : undefined;
}

/** `response.code`, `response.headers.NAME`, and `response.backend_latency` once the upstream has said all. */
export function responseProperty(path: string[], response: Direction): PropertyValue | undefined {
  if (!response.begun) return undefined;
  if (path[1] === "backend_latency") return response.ended ? 0n : undefined;
  if (path[1] === "code") return BigInt(getHeader(response.headers, ":status") ?? "0");
  if (path[1] === "headers" && path[2] && response.headersAccessible) {
    return getHeader(response.headers, path[2]);
  }
  return undefined;
}
