// Media types (RFC 9110 8.3.1) as far as rules ask: the type without its parameters.

import * as ascii from "../bytes/ascii";
import { indexOfByte, length, Span, sliceUnchecked } from "../bytes/span";

/** `text/html` of `text/html; charset=utf-8`. */
export function essence(contentType: Span): Span {
  const semicolon = indexOfByte(contentType, 0x3b);
  return ascii.trim(
    sliceUnchecked(contentType, 0, semicolon < 0 ? length(contentType) : semicolon),
  );
}

/** Whether the content-type is `type`, which is written in lower case. */
export function isMediaType(contentType: Span, type: Span): bool {
  return ascii.equalIgnoringCase(essence(contentType), type);
}
