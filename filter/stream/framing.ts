// Which responses have no content, whatever they were made of (RFC 9110 6.4.1, 8.6, 9.3.2, 15.3.6; RFC 9112
// 6.3): that follows from the final status and from the method that the client asked with, and not from what
// an upstream, which may have been asked with another one, has sent. A host writes whatever body a filter
// lets through, and the bytes of one that must not be there are the next response of the connection.

import { NONE } from "../bytes/span";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";

/** What a response has for content. */
export const enum Content {
  /** What comes, which may be nothing. */
  Any,
  /** None; its headers describe that of another response (to HEAD, 304). */
  Described,
  /** None, and no length either (1xx, 204). */
  None,
  /** None, and a length of 0 (205). */
  Empty,
}

export function contentOf(status: i32, isToHead: bool): Content {
  if (status == 204 || (status >= 100 && status < 200)) return Content.None;
  if (status == 205) return Content.Empty;
  return isToHead || status == 304 ? Content.Described : Content.Any;
}

/** Makes the headers frame what there is. `isBare`: no body comes. `isForeign`: what they say of a body is not
 * of the one that the response, were it to have any, would have. */
export function frame(headers: HeaderMap, content: Content, isBare: bool, isForeign: bool): void {
  switch (content) {
    case Content.None:
      headers.remove(field.contentLength);
      headers.remove(field.transferEncoding);
      return;
    case Content.Empty:
      headers.set(field.contentLength, field.zero);
      headers.remove(field.transferEncoding);
      return;
    case Content.Described:
      if (isForeign) headers.remove(field.contentLength);
      return;
  }
  // What described the content of another response would be waited for.
  if (!isBare) return;
  if (headers.get(field.contentLength) != NONE) headers.set(field.contentLength, field.zero);
  headers.remove(field.transferEncoding);
}
