// What a callout came to, as `calls.NAME` shows it to the steps after it. Pooled with the exchange.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { NONE, Span } from "../bytes/span";
import { fromText } from "../bytes/text";
import { Value } from "../cel/index";
import { FieldList } from "../http/field-list";
import { HttpAnswer } from "./answer";
import { JsonText } from "./json-text";

const texts: Arena = Arena.create();
/** What `calls.NAME.error` says. */
export const unreachable: Span = fromText("no answer", texts);
export const notSent: Span = fromText("not sent", texts);
export const outOfMemory: Span = fromText("out of memory", texts);
export const tooLarge: Span = fromText("body too large", texts);

@final
export class CallResult {
  /** There is a result. */
  isThere: bool = false;
  /** Nobody knows what the service would say: it gave no answer, none that counts or not all of it, or
   * whether to ask could not be decided on. */
  isUnknown: bool = false;
  /** 0: there was no answer. */
  status: i32 = 0;
  readonly headers: FieldList = new FieldList(scratch);
  body: Span = NONE;
  /** Why there is no answer, or not all of it; NONE: there is. */
  error: Span = NONE;
  /** What Redis said; NONE: nothing. */
  reply: Span = NONE;
  private arena: Arena = scratch;
  private readonly json: JsonText = new JsonText();

  /** Ready for a new stream. */
  open(arena: Arena): void {
    this.arena = arena;
    this.isThere = false;
    this.isUnknown = false;
    this.clear();
  }

  private clear(): void {
    this.status = 0;
    this.headers.clear(this.arena);
    this.body = NONE;
    this.error = NONE;
    this.reply = NONE;
    this.close();
  }

  /** Gives back what the JSON took. */
  close(): void {
    this.json.forget();
  }

  /** There was no answer. */
  fail(why: Span): void {
    this.clear();
    this.isThere = true;
    this.isUnknown = why != NONE;
    this.error = why;
  }

  /** Keeps a reply of Redis, which stays where it is. */
  keepReply(reply: Span): void {
    this.fail(NONE);
    this.reply = reply;
  }

  /** Keeps the answer, and its body if that is `mostBody` bytes at most; false, and nothing is kept,
   * when memory ran out: an answer without its body would be another one. */
  keep(answer: HttpAnswer, mostBody: i32): bool {
    this.fail(unreachable);
    if (answer.status == 0) return true;
    this.error = NONE;
    this.status = answer.status;
    const headers = answer.headers;
    this.headers.reserve(headers.count);
    for (let i = 0; i < headers.count; i++)
      this.headers.push(headers.name(i), headers.value(i), NONE);
    const size = answer.bodySize;
    if (size > mostBody) this.error = tooLarge;
    else this.body = answer.body(mostBody, this.arena);
    const isLost = size > 0 && size <= mostBody && this.body == NONE;
    this.isUnknown = this.error != NONE || answer.status < 200 || answer.status >= 500;
    if (isLost || this.headers.failed) this.fail(outOfMemory);
    return this.error != outOfMemory;
  }

  /** The body as JSON in `out`: absent when there is none, a failure when it is no JSON. */
  readJson(out: Value): void {
    this.json.read(this.body, out, this.arena);
  }
}
