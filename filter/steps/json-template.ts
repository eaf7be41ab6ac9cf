// JSON with `$(…)` in its strings, compiled to the JSON text around the strings and the strings'
// templates. A string that is nothing but one `$(…)` becomes the value with its type (null when it
// is absent); in any other string values are text, escaped. So the result is JSON whatever the values.

import { Arena } from "../bytes/arena";
import { length, NONE, Span, span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { Failure, Value, writeJson } from "../cel/index";
import { SKIPPED } from "../json/edit";
import { writeString } from "../json/write";
import { failAsJson, Scope } from "../rules/expression";
import { Absent, Template } from "../rules/template";

const value = Value.create();
const text = Writer.create();
const out = Writer.create();

@final
export class JsonTemplate {
  /** texts[0] strings[0] texts[1] …; the texts are pieces of JSON. */
  private readonly texts: Span[] = [];
  private readonly strings: Template[] = [];

  /** Adds JSON text and the template of the string that follows it. */
  push(before: Span, string: Template): void {
    this.texts.push(before);
    this.strings.push(string);
  }

  /** Adds the JSON text after the last string. */
  finish(rest: Span): void {
    this.texts.push(rest);
  }

  /** The same as the value of an edit: SKIPPED when all of it is one string with expressions, and an
   * expression has no value: what it asks for is absent or null, or it failed. */
  evaluateValue(scope: Scope, arena: Arena): Span {
    if (!this.isOneString) return this.evaluate(scope, arena);
    const template = unchecked(this.strings[0]);
    out.reset();
    if (template.isSingle) {
      template.evaluateSingle(scope, value);
      if (value.isNull) return SKIPPED;
      const wrong = writeJson(value, out);
      if (wrong != Failure.None) {
        failAsJson(wrong);
        return SKIPPED;
      }
    } else {
      text.reset();
      if (!template.write(scope, Absent.Skips, text)) return text.failed ? NONE : SKIPPED;
      writeString(span(text.base, text.size), out);
    }
    return out.failed ? NONE : copy(out.view(), arena);
  }

  private get isOneString(): bool {
    return this.strings.length == 1 && length(this.texts[0]) == 0 && length(this.texts[1]) == 0;
  }

  /** The JSON, kept in `arena`; NONE when memory ran out. */
  evaluate(scope: Scope, arena: Arena): Span {
    if (this.strings.length == 0) return unchecked(this.texts[0]);
    out.reset();
    for (let i = 0, n = this.strings.length; i < n; i++) {
      out.span(unchecked(this.texts[i]));
      writeValue(scope, unchecked(this.strings[i]));
    }
    out.span(unchecked(this.texts[this.strings.length]));
    return out.failed ? NONE : copy(out.view(), arena);
  }
}

function writeValue(scope: Scope, template: Template): void {
  if (template.isSingle) {
    template.evaluateSingle(scope, value);
    const before = out.size;
    const wrong = writeJson(value, out);
    if (wrong == Failure.None) return;
    // What has no form in JSON, such as infinity, or is endless to write.
    failAsJson(wrong);
    out.size = before;
    out.text("null");
    return;
  }
  text.reset();
  template.write(scope, Absent.IsEmpty, text);
  writeString(span(text.base, text.size), out);
}
