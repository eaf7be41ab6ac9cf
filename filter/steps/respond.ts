// `respond` and `redirect`: answers of the filter's own. They end the stream's rules.

import { scratch } from "../abi/memory";
import { NONE, Span } from "../bytes/span";
import { FieldList } from "../http/field-list";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Reply, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { FieldEdits } from "./field-edits";
import { JsonTemplate } from "./json-template";
import { locationOf } from "./location";

const headers = new FieldList(scratch);

/** What is answered; also used by steps that refuse. */
@final
export class Response extends Reply {
  status: i32 = 200;
  edits: FieldEdits | null = null;
  /** At most one of the two. */
  text: Template | null = null;
  json: JsonTemplate | null = null;
  contentType: Span = NONE; // default for the body, unless the headers have one
  details: Span = NONE;

  /** Answers with it. */
  send(x: Exchange, details: Span): void {
    headers.clear(x.arena);
    this.sendWith(x, this.status, headers, details);
  }

  /** Answers with it on top of the fields that are already in `fields`. */
  sendWith(x: Exchange, status: i32, fields: FieldList, details: Span): void {
    const edits = this.edits;
    if (edits != null) edits.run(x, fields);
    let body = NONE;
    const text = this.text;
    const json = this.json;
    if (reply.isBodiless(status)) body = NONE;
    else if (text != null) body = text.evaluate(x, Absent.IsEmpty, x.arena);
    else if (json != null) body = json.evaluate(x, x.arena);
    if (body != NONE && fields.find(field.contentType) < 0)
      fields.add(field.contentType, this.contentType);
    reply.send(x, status, this.details != NONE ? this.details : details, fields, body);
  }
}

@final
export class RespondStep extends Step {
  constructor(private readonly response: Response) {
    super();
    this.isGuard = true;
    this.answersWell = response.status < 400;
  }

  /** What it says to the client decides nothing. */
  override get judges(): bool {
    return false;
  }

  run(x: Exchange): Outcome {
    this.response.send(x, reply.responded);
    return Outcome.End;
  }
}

@final
export class RedirectStep extends Step {
  constructor(
    private readonly to: Template,
    private readonly status: i32,
  ) {
    super();
    this.isGuard = true;
    this.answersWell = true;
  }

  /** Where the client is sent decides nothing. */
  override get judges(): bool {
    return false;
  }

  run(x: Exchange): Outcome {
    const location = locationOf(x, this.to, Absent.IsEmpty);
    headers.clear(x.arena);
    if (location != NONE) {
      headers.add(field.location, location);
      reply.send(x, this.status, reply.redirected, headers, NONE);
    } else {
      reply.plain(x, 400, reply.redirected);
    }
    return Outcome.End;
  }
}
