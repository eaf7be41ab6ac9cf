// A value at run time: what a name reads as, what a template is made of. One record is filled again
// and again; its spans point into the exchange's or the scratch arena and are not kept.

import { NONE, Span } from "../bytes/span";
import * as utc from "../bytes/utc";
import { Writer } from "../bytes/writer";

export const enum Kind {
  Null,
  Text,
  Integer,
  Boolean,
  /** Text that is JSON: a constant that is a list, a map or a number with a fraction. */
  Json,
  /** Nanoseconds. */
  Duration,
  /** Nanoseconds since the epoch. */
  Timestamp,
}

@final
export class Value {
  kind: Kind = Kind.Null;
  text: Span = NONE;
  integer: i64 = 0;

  setNull(): void {
    this.kind = Kind.Null;
  }

  /** NONE is null. */
  setText(text: Span): void {
    this.kind = text == NONE ? Kind.Null : Kind.Text;
    this.text = text;
  }

  setJson(text: Span): void {
    this.kind = Kind.Json;
    this.text = text;
  }

  setNumber(kind: Kind, value: i64): void {
    this.kind = kind;
    this.integer = value;
  }

  /** As text in a header, a path, a body; nothing for null. */
  writeText(out: Writer): void {
    switch (this.kind) {
      case Kind.Text:
      case Kind.Json:
        out.span(this.text);
        break;
      case Kind.Integer:
        out.integer(this.integer);
        break;
      case Kind.Boolean:
        out.text(this.integer != 0 ? "true" : "false");
        break;
      case Kind.Duration:
        utc.writeDuration(this.integer, out);
        break;
      case Kind.Timestamp:
        utc.writeTimestamp(this.integer, out);
        break;
    }
  }
}
