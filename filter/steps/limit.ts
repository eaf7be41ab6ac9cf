// `limit`: refuses what is too large. The body's limit is kept by the body's pipe, at once when
// content-length tells, else while the body is counted; the headers are judged here.

import { length } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Counter, count } from "../stream/counters";
import { flag, number } from "../stream/description";
import { Exchange } from "../stream/exchange";
import { isPseudo } from "../stream/header-map";
import { isTighter, Outcome, Step, UNLIMITED } from "../stream/program";
import * as reply from "../stream/reply";
import { Response } from "./respond";

@final
export class LimitStep extends Step {
  body: i64 = UNLIMITED;
  headerCount: i64 = UNLIMITED;
  headerBytes: i64 = UNLIMITED;
  response: Response | null = null;

  constructor(private readonly isResponse: bool) {
    super();
    this.isGuard = true;
  }

  run(x: Exchange): Outcome {
    if (this.body != UNLIMITED) {
      const pipe = this.isResponse ? x.responseBody : x.requestBody;
      if (isTighter(this.body, pipe.limit)) {
        pipe.limit = this.body;
        pipe.limiting = x.place;
        const response = this.response;
        pipe.refusal = response;
      }
    }
    if (this.headerCount == UNLIMITED && this.headerBytes == UNLIMITED) return Outcome.Next;
    return this.areHeadersWithin(x) ? Outcome.Next : this.refuse(x);
  }

  override describe(out: Writer): void {
    number(out, "body", this.body);
    number(out, "headers", this.headerCount);
    number(out, "headerBytes", this.headerBytes);
    flag(out, "answers", this.response != null);
  }

  private areHeadersWithin(x: Exchange): bool {
    const headers = this.isResponse ? x.response : x.request;
    headers.ensureLoaded();
    let lines: i64 = 0;
    let bytes: i64 = 0;
    for (let i = 0; i < headers.count; i++) {
      if (!isPseudo(headers.name(i))) lines++;
      bytes += length(headers.name(i)) + length(headers.value(i));
    }
    if (this.headerCount != UNLIMITED && lines > this.headerCount) return false;
    return this.headerBytes == UNLIMITED || bytes <= this.headerBytes;
  }

  private refuse(x: Exchange): Outcome {
    count(Counter.RefusedLimit);
    const response = this.response;
    if (response != null) response.send(x, reply.headersTooLarge);
    else reply.plain(x, this.isResponse ? 502 : 431, reply.headersTooLarge);
    return Outcome.End;
  }
}
