// What keeps a message's body from being edited or read, as its headers tell.

import * as ascii from "../bytes/ascii";
import { address, length, NONE, Span } from "../bytes/span";
import { MISSING } from "../http/field-list";
import { isUtf8 } from "../http/media-type";
import { Counter } from "./counters";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";
import { parseStatus } from "./view";

/** Nothing does; else it is the Counter of those that are skipped for it. */
export const NO_OBSTACLE: i32 = -1;

/** Of the request, or of its response, with these headers. */
export function obstacleTo(request: HeaderMap, headers: HeaderMap, isRequest: bool): i32 {
  const upgrade = request.get(field.upgrade);
  if (upgrade != NONE || request.get(field.method) == NONE || isConnect(request))
    return Counter.BodySkippedUpgrade;
  if (isGrpc(headers)) return Counter.BodySkippedGrpc;
  if (!isRequest && parseStatus(headers.get(field.status)) == 206)
    return Counter.BodySkippedPartial;
  return isInUtf8(headers) ? NO_OBSTACLE : Counter.BodySkippedCharset;
}

export function isGrpc(headers: HeaderMap): bool {
  const type = headers.get(field.contentType);
  return type != NONE && startsWithIgnoringCase(type, field.grpc);
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

function isConnect(request: HeaderMap): bool {
  const method = request.get(field.method);
  return method != NONE && ascii.equalIgnoringCase(method, field.connect);
}

function startsWithIgnoringCase(s: Span, prefix: Span): bool {
  const n = length(prefix);
  if (length(s) < n) return false;
  for (let i: usize = 0; i < (n as usize); i++) {
    if (ascii.lower(load<u8>(address(s) + i)) != load<u8>(address(prefix) + i)) return false;
  }
  return true;
}
