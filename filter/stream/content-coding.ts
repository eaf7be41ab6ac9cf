// What headers say of the coding of a body (RFC 9110 8.4), and how they are made to fit a body that
// is sent on decoded.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { MISSING } from "../http/field-list";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";
import { Accept } from "./program";
import { becomesAnother } from "./representation";

export const enum Coding {
  None,
  Gzip,
  Deflate,
  /** One that is not decoded, or several: in which order several were meant is not guessed. */
  Other,
}

export function codingOf(headers: HeaderMap): Coding {
  headers.ensureLoaded();
  const at = headers.find(field.contentEncoding);
  if (at == MISSING) return Coding.None;
  if (headers.find(field.contentEncoding, at + 1) != MISSING) return Coding.Other;
  const value = ascii.trim(headers.value(at));
  if (length(value) == 0) return Coding.None;
  const coding = named(value);
  return coding == NOT_KNOWN ? Coding.Other : (coding as Coding);
}

const NOT_KNOWN: i32 = -1;

/** The coding of the name; `x-gzip` is gzip (RFC 9110 8.4.1.3). */
function named(name: Span): i32 {
  if (ascii.equalIgnoringCase(name, field.gzip)) return Coding.Gzip;
  if (ascii.equalIgnoringCase(name, field.xGzip)) return Coding.Gzip;
  if (ascii.equalIgnoringCase(name, field.deflate)) return Coding.Deflate;
  return ascii.equalIgnoringCase(name, field.identity) ? Coding.None : NOT_KNOWN;
}

/** The headers are those of the same message with its body decoded, but for content-length, which is
 * gone. `vary` stays. */
export function declareDecoded(headers: HeaderMap, isRequest: bool, arena: Arena): void {
  headers.remove(field.contentEncoding);
  headers.remove(field.contentLength);
  becomesAnother(headers, isRequest, arena);
}

/** Makes the request ask only for what the rules can read: nothing but the codings that are decoded,
 * or none at all. A client that names no coding is sent none by its own doing. */
export function narrowAccept(request: HeaderMap, accept: Accept, arena: Arena): void {
  if (accept == Accept.Identity) {
    request.set(field.acceptEncoding, field.identity);
    return;
  }
  request.ensureLoaded();
  let at = request.find(field.acceptEncoding);
  if (at == MISSING) return;
  text.reset();
  let isNarrower = false;
  for (; at != MISSING; at = request.find(field.acceptEncoding, at + 1)) {
    if (keepDecodable(request.value(at))) isNarrower = true;
  }
  if (!isNarrower) return;
  const kept = length(text.view()) == 0 ? field.identity : copy(text.view(), arena);
  request.set(field.acceptEncoding, kept == NONE ? field.identity : kept);
}

/** Adds those members of the list that name what can be decoded; whether there were others. */
function keepDecodable(list: Span): bool {
  let hasOthers = false;
  const n = length(list);
  for (let from = 0; from <= n; ) {
    const comma = indexOfByte(list, 0x2c, from);
    const to = comma < 0 ? n : comma;
    const member = ascii.trim(sliceUnchecked(list, from, to));
    from = to + 1;
    if (length(member) == 0) continue;
    const semicolon = indexOfByte(member, 0x3b);
    const end = semicolon < 0 ? length(member) : semicolon;
    if (named(ascii.trim(sliceUnchecked(member, 0, end))) == NOT_KNOWN) {
      hasOthers = true;
      continue;
    }
    if (length(text.view()) > 0) text.text(", ");
    text.span(member);
  }
  return hasOthers;
}

// Nothing outlives the call.
const text = Writer.create();
