// What keeps a message's body from being edited or read, as its headers tell. Most of that is for the
// sender to write: it must never be a way around somebody who refuses what cannot be edited or read.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, equal, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { MISSING } from "../http/field-list";
import { essence, isUtf8 } from "../http/media-type";
import { Counter } from "./counters";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";
import { parseStatus } from "./view";

/** Nothing does; else it is the Counter of those that are skipped for it. */
export const NO_OBSTACLE: i32 = -1;

/** Of the request, or of its response, with these headers. */
export function obstacleTo(request: HeaderMap, headers: HeaderMap, isRequest: bool): i32 {
  // Without a method it cannot be known what the message is.
  if (request.get(field.method) == NONE || isTunnel(request, headers, isRequest))
    return Counter.BodySkippedUpgrade;
  if (isGrpc(headers)) return Counter.BodySkippedGrpc;
  if (!isRequest && parseStatus(headers.get(field.status)) == 206)
    return Counter.BodySkippedPartial;
  return isInUtf8(headers) ? NO_OBSTACLE : Counter.BodySkippedCharset;
}

/** Whether what follows the headers is no body but another protocol's: after an upgrade, or CONNECT. A
 * request asks for that, and it is one if the response agrees (RFC 9110 7.8, 9.3.6): any other response
 * is an ordinary one. */
function isTunnel(request: HeaderMap, headers: HeaderMap, isRequest: bool): bool {
  const connects = isConnect(request);
  if (isRequest) return connects || request.get(field.upgrade) != NONE;
  const status = parseStatus(headers.get(field.status));
  return status == 101 || (connects && status >= 200 && status < 300);
}

/** Whether the message, whose body cannot be edited for what its headers say, has none that anybody might
 * take for one. A request that asks for a tunnel may have a body before that. */
export function isWithoutBody(request: HeaderMap, headers: HeaderMap, isRequest: bool): bool {
  if (request.get(field.method) == NONE || !isTunnel(request, headers, isRequest)) return false;
  return !isRequest || !announcesBody(headers);
}

function announcesBody(headers: HeaderMap): bool {
  if (headers.get(field.transferEncoding) != NONE) return true;
  const size = headers.get(field.contentLength);
  return size != NONE && !equal(size, field.zero);
}

/** Methods are told apart by letter case (RFC 9110 9.1). */
function isConnect(request: HeaderMap): bool {
  const method = request.get(field.method);
  return method != NONE && equal(method, field.connect);
}

/** Whether the message is a stream of gRPC frames, of gRPC itself or for the web: `application/grpc`, and
 * what a `+`, `-web` or `-web-text` behind it says of them. */
export function isGrpc(headers: HeaderMap): bool {
  const rest = behindGrpc(headers);
  if (rest == NONE) return false;
  return isEndOrSuffix(rest) || isBehind(field.grpcWeb, rest) || isBehind(field.grpcWebText, rest);
}

/** Whether some take it for gRPC, since its type begins so, and others for what else it says: who demands
 * that it be edited cannot know what becomes of it. */
export function isTakenForGrpc(headers: HeaderMap): bool {
  return behindGrpc(headers) != NONE && !isGrpc(headers);
}

/** What follows `application/grpc` in the media type; NONE when that does not begin so. */
function behindGrpc(headers: HeaderMap): Span {
  const value = headers.get(field.contentType);
  if (value == NONE) return NONE;
  const type = essence(value);
  const n = length(field.grpc);
  if (length(type) < n) return NONE;
  const begins = ascii.equalIgnoringCase(sliceUnchecked(type, 0, n), field.grpc);
  return begins ? sliceUnchecked(type, n, length(type)) : NONE;
}

function isBehind(word: Span, rest: Span): bool {
  const n = length(word);
  if (length(rest) < n || !ascii.equalIgnoringCase(sliceUnchecked(rest, 0, n), word)) return false;
  return isEndOrSuffix(sliceUnchecked(rest, n, length(rest)));
}

function isEndOrSuffix(rest: Span): bool {
  return length(rest) == 0 || byteAtUnchecked(rest, 0) == 0x2b;
}

/** Whether no line of content-type names a charset that is not read. */
export function isInUtf8(headers: HeaderMap): bool {
  headers.ensureLoaded();
  for (let i = headers.find(field.contentType); i != MISSING; ) {
    if (!isUtf8(headers.value(i))) return false;
    i = headers.find(field.contentType, i + 1);
  }
  return true;
}
