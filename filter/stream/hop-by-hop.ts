// Fields that are for one connection or about one message (RFC 9110 7.6.1, 8): they do not go along with
// a message that is made of another one.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, equal, length, Span, sliceUnchecked } from "../bytes/span";
import { FieldList, MISSING } from "../http/field-list";
import * as field from "./field-names";

const COMMA: u8 = 0x2c;

/** Whether the field of that name is about one connection, or frames the message. */
export function isFraming(name: Span): bool {
  return (
    equal(name, field.contentLength) ||
    equal(name, field.transferEncoding) ||
    equal(name, field.connection) ||
    equal(name, field.keepAlive) ||
    equal(name, field.te) ||
    equal(name, field.trailer) ||
    equal(name, field.upgrade) ||
    equal(name, field.expect)
  );
}

/** Whether the field of that name ends with the connection: framing, and what proxies say to each other. */
export function isHopByHop(name: Span): bool {
  return (
    isFraming(name) ||
    equal(name, field.proxyConnection) ||
    equal(name, field.proxyAuthenticate) ||
    equal(name, field.proxyAuthorization)
  );
}

/** Whether a line of `connection` names the field as one of the connection. */
export function isNominated(headers: FieldList, name: Span): bool {
  let i = headers.find(field.connection);
  for (; i != MISSING; i = headers.find(field.connection, i + 1)) {
    if (lists(headers.value(i), name)) return true;
  }
  return false;
}

/** Whether `name` is one of the names between the commas, whatever their case. */
function lists(names: Span, name: Span): bool {
  const n = length(names);
  for (let from = 0, at = 0; at <= n; at++) {
    if (at < n && byteAtUnchecked(names, at) != COMMA) continue;
    if (ascii.equalIgnoringCase(ascii.trim(sliceUnchecked(names, from, at)), name)) return true;
    from = at + 1;
  }
  return false;
}

/** Whether the field says how the bytes of a body are coded, cut out, or digested: of another body
 * nothing of it is true. */
export function isOfBytes(name: Span): bool {
  return (
    equal(name, field.contentEncoding) ||
    equal(name, field.contentRange) ||
    equal(name, field.contentMd5) ||
    equal(name, field.contentDigest) ||
    equal(name, field.reprDigest) ||
    equal(name, field.digest)
  );
}

/** Whether the field says what a body is: without one it says nothing. */
export function isOfBody(name: Span): bool {
  return (
    equal(name, field.contentType) ||
    equal(name, field.contentLanguage) ||
    equal(name, field.contentLocation) ||
    isOfBytes(name)
  );
}
