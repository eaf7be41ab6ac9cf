// `validate`: refuses a message whose body or headers are not as a JSON Schema has them. A guard:
// what cannot be judged is refused. The body is that which an expression would read, collected with
// the headers held, so that nothing of a message has gone on before it was judged.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { LogLevel } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { length, NONE, Span, span } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import * as utf8 from "../bytes/utf8";
import { Writer } from "../bytes/writer";
import { Value } from "../cel/index";
import { FieldList } from "../http/field-list";
import { Tape } from "../json/tape";
import { writeString } from "../json/write";
import { judge, Schema, Verdict, writeFailure } from "../json-schema/index";
import { Reading } from "../stream/body-pipe";
import { Counter, count } from "../stream/counters";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Content, contentOf } from "../stream/framing";
import { HeaderMap, isPseudo } from "../stream/header-map";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { parseStatus } from "../stream/view";
import { Response } from "./respond";

/** The variable is not asked for. */
export const NO_VARIABLE: i32 = -1;
/** Of names in the document, as much as this goes into an answer. */
const MAX_REASON: u32 = 512;
const MAX_HEADER_DEPTH: i32 = 2;

/** Why, as the sender is told. */
const reason = Writer.create();
/** The same without names that are the sender's own, for logs and whatever rules make of it. */
const told = Writer.create();
const line = Writer.create();
const headersText = Writer.create();
const headersTape = Tape.create();
const answer = new FieldList(scratch);
const variableValue = Value.create();
const texts = Arena.create();
const plainText: Span = fromText("text/plain", texts);

@final
export class ValidateStep extends Step {
  body: Schema | null = null;
  headers: Schema | null = null;
  /** A message without a body passes. */
  optional: bool = false;
  response: Response | null = null;
  /** Gets the reason of a refusal. */
  variable: i32 = NO_VARIABLE;

  constructor(private readonly isResponse: bool) {
    super();
    this.isGuard = true;
  }

  run(x: Exchange): Outcome {
    const headers = this.headers;
    if (headers != null && !this.headersHold(x, headers)) return this.refuse(x);
    const body = this.body;
    if (body != null && !this.bodyHolds(x, body)) return this.refuse(x);
    return Outcome.Next;
  }

  private bodyHolds(x: Exchange, schema: Schema): bool {
    begin("body");
    const pipe = this.isResponse ? x.responseBody : x.requestBody;
    if (pipe.isNone || (pipe.reading == Reading.Ready && length(pipe.text()) == 0))
      return this.optional || (this.isResponse && hasNoContent(x)) || because("there is none");
    if (pipe.reading != Reading.Ready) return because("it cannot be read");
    const tape = pipe.json();
    return tape == null ? because("it is not JSON") : holds(schema, tape);
  }

  private headersHold(x: Exchange, schema: Schema): bool {
    begin("headers");
    writeHeaders(this.isResponse ? x.response : x.request);
    const text = headersText.view();
    const isRead = !headersText.failed && headersTape.parse(text, MAX_HEADER_DEPTH);
    const result = isRead ? holds(schema, headersTape) : because("they cannot be read");
    headersTape.shrink();
    return result;
  }

  private refuse(x: Exchange): Outcome {
    count(Counter.RefusedSchema);
    shorten(reason);
    shorten(told);
    this.log(x);
    if (this.variable != NO_VARIABLE) {
      variableValue.setText(copy(told.view(), x.arena));
      x.assign(this.variable, variableValue, true);
    }
    const response = this.response;
    if (response != null) {
      response.send(x, reply.validateFailed);
    } else if (this.isResponse) {
      // What is wrong with a response is not the client's business.
      reply.plain(x, 502, reply.validateFailed);
    } else {
      reason.byte(0x0a);
      answer.clear(x.arena);
      answer.push(field.contentType, plainText, NONE);
      reply.send(x, 400, reply.validateFailed, answer, reason.view());
    }
    return Outcome.End;
  }

  private log(x: Exchange): void {
    if (host.logLevel() > LogLevel.Debug) return;
    line.reset();
    line.text("rule ");
    line.span(x.ruleName());
    line.text(this.isResponse ? ": response refused: " : ": request refused: ");
    line.span(told.view());
    ascii.blankControls(line.view());
    host.log(LogLevel.Debug, line.view());
  }
}

/** A message that never has content: the answer to HEAD, 204, 205 and 304 (RFC 9110 6.4.1). */
function hasNoContent(x: Exchange): bool {
  return contentOf(parseStatus(x.response.get(field.status)), x.isToHead) != Content.Any;
}

function begin(what: string): void {
  reason.reset();
  told.reset();
  say(what);
}

function say(words: string): void {
  reason.text(words);
  told.text(words);
}

function because(words: string): bool {
  say(": ");
  say(words);
  return false;
}

function shorten(text: Writer): void {
  if (text.size <= MAX_REASON) return;
  text.size = length(utf8.wholePrefix(span(text.base, MAX_REASON)));
  text.text("...");
}

/** Whether the document is as the schema has it; else `reason` and `told` say where it is not. */
function holds(schema: Schema, tape: Tape): bool {
  const verdict = judge(schema, tape, scratch, true);
  if (verdict == Verdict.Valid) return true;
  if (verdict == Verdict.GaveUp) {
    count(Counter.ValidateGaveUp);
    return because("judging it would cost too much");
  }
  say(" ");
  writeFailure(reason, false);
  writeFailure(told, true);
  return false;
}

/** The headers as an object: names in lower case, values as text, several lines of a name joined
 * with `, ` (RFC 9110 5.3) so that a pattern sees all of them. Pseudo-headers are left out. */
function writeHeaders(headers: HeaderMap): void {
  headers.ensureLoaded();
  headersText.reset();
  headersText.byte(0x7b);
  for (let i = 0; i < headers.count; i++) {
    const name = headers.name(i);
    if (isPseudo(name) || headers.find(name) < i) continue;
    if (headersText.size > 1) headersText.byte(0x2c);
    writeString(name, headersText);
    headersText.byte(0x3a);
    line.reset();
    for (let k = i; k >= 0; k = headers.find(name, k + 1)) {
      if (k > i) line.text(", ");
      line.span(headers.value(k));
    }
    writeString(line.view(), headersText);
  }
  headersText.byte(0x7d);
}
