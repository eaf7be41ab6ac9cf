// `attributes`: values for access logs, trace spans and other filters. Envoy keeps a property that is set
// as filter state, `wasm.NAME` for others; Higress gives some names a meaning of their own: spans get
// what is set as `trace_span_tag.NAME`, and access logs show `custom_log`, JSON as it stands inside of a
// JSON string.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { byteAtUnchecked, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { writeString } from "../json/write";
import { Absent, Template } from "../rules/template";
import { Exchange } from "../stream/exchange";
import { Outcome, Step } from "../stream/program";

/** What all of `custom_log` may take. */
const MAX_LOG: i32 = 64 * 1024;

const names: Arena = Arena.create();
const customLog: Span = fromText("custom_log", names);

const object = Writer.create();
const escaped = Writer.create();

/** A name and its value; the name is that of the property, or of the member of the log. */
@final
export class Attribute {
  constructor(
    readonly name: Span,
    readonly value: Template,
  ) {}
}

@final
export class AttributesStep extends Step {
  /** Set as they are. */
  readonly properties: Attribute[] = [];
  readonly log: Attribute[] = [];

  run(x: Exchange): Outcome {
    for (let i = 0; i < this.properties.length; i++) {
      const attribute = unchecked(this.properties[i]);
      const value = attribute.value.evaluate(x, Absent.Skips, scratch);
      // Higress refuses tags without a value.
      if (value != NONE && length(value) > 0) host.setProperty(attribute.name, value);
    }
    if (this.log.length > 0) this.writeLog(x);
    return Outcome.Next;
  }

  private writeLog(x: Exchange): void {
    object.reset();
    for (let i = 0; i < this.log.length; i++) {
      const attribute = unchecked(this.log[i]);
      const value = attribute.value.evaluate(x, Absent.Skips, scratch);
      if (value == NONE) continue;
      object.byte(object.size == 0 ? 0x7b : 0x2c);
      writeString(attribute.name, object);
      object.byte(0x3a);
      writeString(value, object);
    }
    if (object.size == 0) return;
    object.byte(0x7d);
    escaped.reset();
    writeString(object.view(), escaped);
    if (escaped.failed || object.failed) return;
    const quoted = escaped.view();
    const fresh = sliceUnchecked(quoted, 1, length(quoted) - 1);
    // What is there already, also from other filters, stays.
    const before = host.property(customLog, scratch);
    const n = length(before);
    const isObject = n > 2 && byteAtUnchecked(before, 0) == 0x7b;
    object.reset();
    if (isObject) {
      object.span(sliceUnchecked(before, 0, n - 1));
      object.byte(0x2c);
      object.span(sliceUnchecked(fresh, 1, length(fresh)));
    } else {
      object.span(fresh);
    }
    if (!object.failed && (object.size as i32) <= MAX_LOG)
      host.setProperty(customLog, object.view());
  }
}
