// A stream as events and log lines may tell of it: expressions read stars where there is something
// secret, so nothing made of it gets out either. There is one, for the step at hand.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { equal, length, NONE, Span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Failure, Kind, Value } from "../cel/index";
import { countOf, keyOf, valueOf } from "../cel/value";
import { Scope } from "../rules/expression";
import { Name, Source } from "../rules/name";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { JsonText } from "../stream/json-text";
import { Ends, stars } from "./parameters";
import { Redaction, standard } from "./redaction";

/** JSON that an expression has asked for, without what is not told. */
@final
class Parsed {
  source: Source = Source.Constant;
  index: i32 = 0;
  readonly json: JsonText = new JsonText();
}

@final
class RedactedScope extends Scope {
  stream: Exchange | null = null;
  redaction: Redaction = standard;
  /** Of these the first `count` are of the step at hand. */
  private readonly parsed: Parsed[] = [];
  private count: i32 = 0;
  /** What the JSON at hand is in as a text. */
  private readonly behind: Name = new Name();

  close(): void {
    for (let i = 0; i < this.count; i++) unchecked(this.parsed[i]).json.forget();
    this.count = 0;
    this.stream = null;
  }

  read(name: Name, out: Value): void {
    if (this.redaction.json != null && isJson(name.source)) this.readJson(name, out);
    else this.stream!.read(name, out);
    this.hide(name.source, name.key, out);
  }

  has(name: Name, out: Value): bool {
    return this.stream!.has(name, out);
  }

  member(name: Name, key: Span, out: Value): void {
    this.stream!.member(name, key, out);
    this.hide(name.source, key, out);
  }

  whole(name: Name, out: Value, arena: Arena): bool {
    if (!this.stream!.whole(name, out, arena)) return false;
    for (let i = 0, n = countOf(out); i < n; i++)
      this.hide(name.source, keyOf(out, i).bits, valueOf(out, i));
    return true;
  }

  /** Leaves of a text what may be told of what it was read from; `key` names it there. */
  private hide(source: Source, key: Span, out: Value): void {
    if (out.kind != Kind.String) return;
    const text: Span = out.bits;
    const told = this.isSecret(source, key)
      ? stars
      : this.redaction.text(text, endsOf(source, key));
    if (told != text) out.setText(told);
  }

  private isSecret(source: Source, key: Span): bool {
    switch (source) {
      case Source.RequestHeader:
      case Source.OriginalHeader:
      case Source.ResponseHeader:
      case Source.ResponseTrailer:
      case Source.CallHeader:
        return this.redaction.hidesHeader(lowered(key));
      case Source.RequestCookie:
      case Source.OriginalCookie:
        return this.redaction.hidesHeader(field.cookie);
      case Source.RequestQueryParameter:
      case Source.OriginalQueryParameter:
      case Source.RequestForm:
        return key != NONE && this.redaction.hidesField(key);
    }
    return false;
  }

  private readJson(name: Name, out: Value): void {
    const behind = this.behind;
    behind.source = name.source == Source.EventJson ? Source.EventData : name.source - 1;
    behind.index = name.index;
    this.stream!.read(behind, out);
    if (out.kind != Kind.String) return;
    const text: Span = out.bits;
    if (length(text) == 0) {
      out.setAbsent();
      return;
    }
    let i = 0;
    while (i < this.count && !this.isOf(i, name)) i++;
    const isNew = i == this.count;
    if (isNew) {
      if (i == this.parsed.length) this.parsed.push(new Parsed());
      this.count++;
    }
    const parsed = unchecked(this.parsed[i]);
    parsed.source = name.source;
    parsed.index = name.index;
    const told = isNew ? this.redaction.document(text) : text;
    if (told == NONE) out.setFailure(Failure.BadJson);
    else parsed.json.read(told, out, scratch);
  }

  private isOf(i: i32, name: Name): bool {
    const parsed = unchecked(this.parsed[i]);
    return parsed.source == name.source && parsed.index == name.index;
  }
}

const scope = new RedactedScope();

/** The stream as it may be told of, until `close`. */
export function open(x: Exchange, redaction: Redaction): Scope {
  scope.stream = x;
  scope.redaction = redaction;
  return scope;
}

export function close(): void {
  scope.close();
}

function isJson(source: Source): bool {
  return (
    source == Source.RequestJson ||
    source == Source.ResponseJson ||
    source == Source.CallJson ||
    source == Source.EventJson
  );
}

function endsOf(source: Source, key: Span): Ends {
  switch (source) {
    case Source.RequestQuery:
    case Source.OriginalQuery:
    case Source.RequestUrlPath:
    case Source.OriginalUrlPath:
      return Ends.Target;
    case Source.RequestHeader:
    case Source.OriginalHeader:
      return equal(key, field.path) ? Ends.Target : Ends.Auto;
  }
  return Ends.Auto;
}

function lowered(name: Span): Span {
  const lower = copy(name, scratch);
  if (lower != NONE) ascii.lowerInPlace(lower);
  return lower;
}
