// What a callout came to, while the host delivers it: nothing of it can be read afterwards.

import * as host from "../abi/host";
import { BufferType, HeaderMapType } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import { NONE, Span } from "../bytes/span";
import * as field from "./field-names";
import { HeaderMap } from "./header-map";
import { parseStatus } from "./view";

export abstract class Answer {
  /** 0 when there is none: refused, timed out, reset. */
  status: i32 = 0;
}

/** The answer of an HTTP callout. */
@final
export class HttpAnswer extends Answer {
  bodySize: i32 = 0;

  constructor(readonly headers: HeaderMap) {
    super();
  }

  /** Ready for the answer being delivered, of so many headers and bytes of body; what is read of it is
   * kept in `arena`. */
  open(headers: i32, bodySize: i32, arena: Arena): void {
    this.status = 0;
    this.bodySize = bodySize;
    this.headers.open(HeaderMapType.HttpCallResponseHeaders, arena);
    if (headers == 0) return;
    const status = this.headers.get(field.status);
    if (status != NONE) this.status = parseStatus(status);
  }

  /** The first `most` bytes of the body, kept in `arena`; NONE when there are none. */
  body(most: i32, arena: Arena): Span {
    const size = min(this.bodySize, most);
    if (size == 0) return NONE;
    return host.bufferBytes(BufferType.HttpCallResponseBody, 0, size, arena);
  }
}
