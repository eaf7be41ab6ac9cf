// What headers say of the bytes of a body (RFC 9110 8, RFC 9530), made true for a body that edits may
// have changed: digests of the bytes go, a strong validator becomes a weak one, and parts of a body that
// the client cannot know are not offered.

import { Arena } from "../bytes/arena";
import { byteAtUnchecked, length, NONE, startsWith } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";

const weakened = Writer.create();

/** For a body that is not, or may not be, what its sender described. */
export function becomesAnother(headers: HeaderMap, isRequest: bool, arena: Arena): void {
  headers.remove(field.contentMd5);
  headers.remove(field.digest);
  headers.remove(field.contentDigest);
  headers.remove(field.reprDigest);
  if (isRequest) return;
  headers.remove(field.acceptRanges);
  const tag = headers.get(field.etag);
  if (tag == NONE || length(tag) == 0 || startsWith(tag, field.weak)) return;
  if (byteAtUnchecked(tag, 0) != 0x22) {
    // Not an entity tag at all: nobody could compare it.
    headers.remove(field.etag);
    return;
  }
  weakened.reset();
  weakened.span(field.weak);
  weakened.span(tag);
  const text = copy(weakened.view(), arena);
  if (text == NONE) headers.remove(field.etag);
  else headers.set(field.etag, text);
}
