// Decodes `attributes`.

import { scratch } from "../abi/memory";
import { Span } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { NO_NODE } from "../json/tape";
import { Attribute, AttributesStep } from "../steps/attributes";
import { Context } from "./context";

const name = Writer.create();

export function decodeAttributes(context: Context, value: i32): AttributesStep {
  const step = new AttributesStep();
  decodeMap(context, context.member(value, "filterState"), "", step.properties);
  decodeMap(context, context.member(value, "trace"), "trace_span_tag.", step.properties);
  decodeMap(context, context.member(value, "log"), "", step.log);
  return step;
}

function decodeMap(context: Context, node: i32, prefix: string, list: Attribute[]): void {
  if (node == NO_NODE) return;
  const tape = context.tape;
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    name.reset();
    name.span(fromText(prefix, scratch));
    name.span(tape.text(key, scratch));
    const kept: Span = copy(name.view(), context.arena);
    list.push(new Attribute(kept, context.template(key + 1)));
  }
}
