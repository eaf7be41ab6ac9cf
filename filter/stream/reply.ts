// Answers that the filter gives itself.

import * as host from "../abi/host";
import { HeadersAction } from "../abi/numbers";
import { Arena, ranOut } from "../bytes/arena";
import { equal, NONE, Span } from "../bytes/span";
import { fromText } from "../bytes/text";
import { FieldList } from "../http/field-list";
import { Counter, count } from "./counters";
import { Exchange } from "./exchange";
import * as field from "./field-names";
import { Content, contentOf } from "./framing";
import { isPseudo } from "./header-map";

const texts: Arena = Arena.create();

// Response code details, which access logs show; RFC 9110 has no place for them.
export const requestTooLarge: Span = fromText("ruleway_request_body_over_limit", texts);
export const responseTooLarge: Span = fromText("ruleway_response_body_over_limit", texts);
export const targetInvalid: Span = fromText("ruleway_request_target_invalid", texts);
export const requestInvalid: Span = fromText("ruleway_request_body_invalid", texts);
export const responseInvalid: Span = fromText("ruleway_response_body_invalid", texts);
export const headersTooLarge: Span = fromText("ruleway_request_headers_over_limit", texts);
export const codingRefused: Span = fromText("ruleway_content_encoding_refused", texts);
export const charsetRefused: Span = fromText("ruleway_charset_refused", texts);
export const typeRefused: Span = fromText("ruleway_body_type_refused", texts);
export const trailersRefused: Span = fromText("ruleway_trailers_after_held_body", texts);
export const headersNotHeld: Span = fromText("ruleway_headers_not_held", texts);
export const outOfMemory: Span = fromText("ruleway_out_of_memory", texts);
export const responded: Span = fromText("ruleway_respond", texts);
export const bodyMade: Span = fromText("ruleway_body_made", texts);
export const redirected: Span = fromText("ruleway_redirect", texts);
export const denied: Span = fromText("ruleway_authorize_denied", texts);
export const authorizeFailed: Span = fromText("ruleway_authorize_failed", texts);
export const forwarded: Span = fromText("ruleway_forwarded", texts);
export const forwardFailed: Span = fromText("ruleway_forward_failed", texts);
export const callFailed: Span = fromText("ruleway_call_failed", texts);
export const redisFailed: Span = fromText("ruleway_redis_failed", texts);
export const validateFailed: Span = fromText("ruleway_validate_failed", texts);
export const rateLimited: Span = fromText("ruleway_rate_limited", texts);
export const rateLimitFailed: Span = fromText("ruleway_rate_limit_failed", texts);
export const expressionFailed: Span = fromText("ruleway_expression_failed", texts);

const builder = new host.PairsBuilder();

/** The answer to what could not be judged, or answered, for lack of memory. */
export function withoutMemory(x: Exchange): void {
  count(Counter.OutOfMemory);
  builder.begin();
  x.end(503, unavailable);
  host.sendLocalResponse(503, outOfMemory, builder.end(), unavailable);
}

/** An answer with a body that names its status, and no headers of its own. */
export function plain(x: Exchange, status: i32, details: Span): void {
  // What was decided with a part missing is no decision.
  if (ranOut()) return withoutMemory(x);
  const body = bodyOf(status);
  builder.begin();
  x.end(status, body);
  host.sendLocalResponse(status, details, builder.end(), body);
}

/** Whether an answer of that status is never one with a body. */
export function isBodiless(status: i32): bool {
  return contentOf(status, false) != Content.Any;
}

/** Whether the host writes the field by itself, as the answer has it. */
function isOfHost(name: Span): bool {
  return isPseudo(name) || equal(name, field.contentLength) || equal(name, field.transferEncoding);
}

/** Answers a request that there was no memory to look at; it goes nowhere. Its response, which is this
 * answer, passes. */
export function refuseUnseen(): HeadersAction {
  count(Counter.OutOfMemory);
  builder.begin();
  host.sendLocalResponse(503, outOfMemory, builder.end(), unavailable);
  return HeadersAction.StopIteration;
}

/** An answer with the fields of `headers`; `body` may be NONE. */
export function send(
  x: Exchange,
  status: i32,
  details: Span,
  headers: FieldList,
  body: Span,
): void {
  builder.begin();
  for (let i = 0; i < headers.count; i++) {
    if (!isOfHost(headers.name(i))) builder.add(headers.name(i), headers.value(i));
  }
  const pairs = builder.end();
  if (pairs == NONE || headers.failed || ranOut()) return withoutMemory(x);
  if (body == NONE || isBodiless(status)) body = host.EMPTY;
  // What an upstream says of a request that went there is no refusal of ours.
  x.end(details == forwarded || details == bodyMade ? 0 : status, body);
  host.sendLocalResponse(status, details, pairs, body);
}

const badRequest: Span = fromText("Bad Request\n", texts);
const forbidden: Span = fromText("Forbidden\n", texts);
const unsupported: Span = fromText("Unsupported Media Type\n", texts);
const tooLarge: Span = fromText("Content Too Large\n", texts);
const fieldsTooLarge: Span = fromText("Request Header Fields Too Large\n", texts);
export const tooMany: Span = fromText("Too Many Requests\n", texts);
const badGateway: Span = fromText("Bad Gateway\n", texts);
const unavailable: Span = fromText("Service Unavailable\n", texts);

/** The reason phrase (RFC 9110 15, RFC 6585 5) of the statuses we answer with by ourselves. */
function bodyOf(status: i32): Span {
  switch (status) {
    case 400:
      return badRequest;
    case 403:
      return forbidden;
    case 413:
      return tooLarge;
    case 415:
      return unsupported;
    case 431:
      return fieldsTooLarge;
    case 502:
      return badGateway;
    case 503:
      return unavailable;
  }
  return host.EMPTY;
}
