// What headers say of the bytes of a body (RFC 9110 8, RFC 9530), made true for a body that edits may
// have changed: digests of the bytes go, a strong validator becomes a weak one, and parts of a body that
// the client cannot know are not offered. What a client says by such a weak validator is said to the upstream
// by the strong one that it was.

import { Arena } from "../bytes/arena";
import { byteAtUnchecked, length, NONE, Span, startsWith } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { MISSING } from "../http/field-list";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";

const weakened = Writer.create();
const restored = Writer.create();

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

/** If-Match compares strongly (RFC 9110 13.1.1): no weak tag ever matches, and who was given one for an edited
 * body could never write. The tag is the upstream's, and its body is what the upstream compares. */
export function restoreTags(request: HeaderMap, arena: Arena): void {
  request.ensureLoaded();
  const first = request.find(field.ifMatch);
  if (first == MISSING) return;
  for (let i = first; i != MISSING; i = request.find(field.ifMatch, i + 1)) {
    if (!strengthen(request.value(i))) continue;
    const tags = copy(restored.view(), arena);
    if (tags != NONE) request.setValueAt(i, tags);
  }
  request.rewritten(field.ifMatch);
}

/** Writes the entity tags without what makes them weak; whether there is any such. */
function strengthen(tags: Span): bool {
  let isInTag = false;
  restored.reset();
  for (let i = 0, n = length(tags); i < n; i++) {
    const c = byteAtUnchecked(tags, i);
    const isWeak = !isInTag && c == 0x57 && i + 2 < n && byteAtUnchecked(tags, i + 2) == 0x22;
    if (isWeak && byteAtUnchecked(tags, i + 1) == 0x2f) {
      i++;
      continue;
    }
    if (c == 0x22) isInTag = !isInTag;
    restored.byte(c);
  }
  return !restored.failed && (restored.size as i32) < length(tags);
}
