// The members of a field's value (RFC 9110 5.3, 5.6.1): several lines of one name mean the same as one
// with commas, and whoever forwards a message may make one of the other. A field that is defined to
// have one value may have commas in it, and is not taken apart.

import { Arena } from "../bytes/arena";
import { byteAtUnchecked, equal, length, Span } from "../bytes/span";
import { fromText } from "../bytes/text";

const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const BACKSLASH: u8 = 0x5c;

const SINGLETONS: string =
  "age authorization content-disposition content-length content-location content-range content-type " +
  "cookie date etag expires from host if-modified-since if-range if-unmodified-since last-modified " +
  "location max-forwards origin proxy-authenticate proxy-authorization referer retry-after server " +
  "set-cookie user-agent www-authenticate";

const texts: Arena = Arena.create();
const singletons: StaticArray<Span> = spans(SINGLETONS.split(" "));

function spans(names: string[]): StaticArray<Span> {
  const list = new StaticArray<Span>(names.length);
  for (let i = 0; i < names.length; i++) list[i] = fromText(names[i], texts);
  return list;
}

/** Whether commas are part of the one value of the field, whose name is in lower case. */
export function isSingleton(name: Span): bool {
  if (length(name) > 0 && byteAtUnchecked(name, 0) == COLON) return true;
  for (let i = 0, n = singletons.length; i < n; i++) {
    if (equal(name, unchecked(singletons[i]))) return true;
  }
  return false;
}

/** Whether each quoted text of the value is closed. If one is not, no quote is taken for one. */
export function closesQuotes(value: Span): bool {
  let isQuoted = false;
  for (let at = 0, n = length(value); at < n; at++) {
    const c = byteAtUnchecked(value, at);
    if (c == QUOTE) isQuoted = !isQuoted;
    else if (isQuoted && c == BACKSLASH) at++;
  }
  return !isQuoted;
}

/** Where the member ends that begins at `from`: at the next comma, or at the end. `quotes`: commas in
 * quoted texts are not meant. */
export function memberEnd(value: Span, from: i32, quotes: bool): i32 {
  const n = length(value);
  let isQuoted = false;
  for (let at = from; at < n; at++) {
    const c = byteAtUnchecked(value, at);
    if (quotes && c == QUOTE) isQuoted = !isQuoted;
    else if (isQuoted && c == BACKSLASH) at++;
    else if (!isQuoted && c == COMMA) return at;
  }
  return n;
}
