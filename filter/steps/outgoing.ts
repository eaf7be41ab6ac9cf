// The request of a callout, as a rule makes it. What is evaluated is for the callback at hand.

import { scratch } from "../abi/memory";
import { NONE, Span } from "../bytes/span";
import { FieldList } from "../http/field-list";
import { anyMatches, Glob } from "../rules/glob";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { HeaderMap, isPseudo } from "../stream/header-map";
import { isFraming, isOfBytes } from "../stream/hop-by-hop";
import { FieldEdits } from "./field-edits";
import { JsonTemplate } from "./json-template";

@final
export class Outgoing {
  method: Template | null = null;
  path: Template | null = null;
  edits: FieldEdits | null = null;
  /** At most one of the two. */
  text: Template | null = null;
  json: JsonTemplate | null = null;

  /** NONE when the rule gives none. */
  body(x: Exchange): Span {
    const text = this.text;
    const json = this.json;
    if (text != null) return text.evaluate(x, Absent.IsEmpty, scratch);
    return json != null ? json.evaluate(x, scratch) : NONE;
  }

  /** Whether memory ran out for the body, so that `body` answered NONE for one that the rule gives. */
  isLost(body: Span): bool {
    return body == NONE && (this.text != null || this.json != null);
  }

  methodOr(x: Exchange, otherwise: Span): Span {
    const method = this.method;
    return method == null ? otherwise : method.evaluate(x, Absent.Skips, scratch);
  }

  pathOr(x: Exchange, otherwise: Span): Span {
    const path = this.path;
    return path == null ? otherwise : path.evaluate(x, Absent.Skips, scratch);
  }

  /** Makes of the fields that are sent along all that are sent. */
  finish(x: Exchange, fields: FieldList): void {
    if (this.text != null || this.json != null) dropFieldsOfBytes(fields);
    if (this.json != null) fields.set(field.contentType, field.applicationJson);
    const edits = this.edits;
    if (edits != null) edits.run(x, fields);
  }
}

/** What the request said of its own bytes is not true of those that are sent instead. */
function dropFieldsOfBytes(fields: FieldList): void {
  for (let i = 0; i < fields.count; i++) {
    if (isOfBytes(fields.name(i))) fields.drop(i);
  }
  fields.sweep();
}

/** Adds the headers of the request that are sent along; what says how that one is framed is not. */
export function sendAlong(request: HeaderMap, names: StaticArray<Glob>, fields: FieldList): void {
  for (let i = 0; i < request.count; i++) {
    const name = request.name(i);
    if (isPseudo(name) || isFraming(name) || !anyMatches(names, name)) continue;
    fields.push(name, request.value(i), NONE);
  }
}
