// Decodes `attributes`.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { equal, indexOfByte, Span, startsWith } from "../bytes/span";
import { copy, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { NO_NODE } from "../json/tape";
import { Attribute, AttributesStep, isReserved, tagPrefix } from "../steps/attributes";
import * as field from "../stream/field-names";
import { Context } from "./context";
import { decodeRedact } from "./redact";

const name = Writer.create();

export function decodeAttributes(context: Context, value: i32): AttributesStep {
  const step = new AttributesStep();
  const filterState = context.member(value, "filterState");
  const trace = context.member(value, "trace");
  refuseNames(context, filterState, true);
  refuseNames(context, trace, false);
  decodeMap(context, filterState, host.EMPTY, step.filterState);
  decodeMap(context, trace, tagPrefix, step.tags);
  decodeMap(context, context.member(value, "log"), host.EMPTY, step.log);
  step.redaction = decodeRedact(context, value);
  return step;
}

function decodeMap(context: Context, node: i32, prefix: Span, list: Attribute[]): void {
  if (node == NO_NODE) return;
  const tape = context.tape;
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    name.reset();
    name.span(prefix);
    name.span(tape.text(key, scratch));
    const kept: Span = copy(name.view(), context.arena);
    list.push(new Attribute(kept, context.template(key + 1)));
  }
}

/** What makes the host do something (if `isState`) must not be set by the way: most of it has a setting. */
function refuseNames(context: Context, node: i32, isState: bool): void {
  if (node == NO_NODE) return;
  const tape = context.tape;
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    const named = tape.text(key, scratch);
    if (indexOfByte(named, 0) >= 0) {
      context.report.add(key + 1, "R321", -1, "a NUL would make this the path of another name");
    } else if (isState && isReserved(named)) {
      const text = `the host gives "${toString(named)}" a meaning of its own`;
      context.report.add(key + 1, "R321", -1, text + insteadOf(named));
    }
  }
}

/** What does the same on purpose. */
function insteadOf(name: Span): string {
  if (equal(name, field.customLog)) return "; `log` adds to it";
  if (startsWith(name, tagPrefix)) return "; `trace` sets tags";
  if (equal(name, field.clearRouteCache))
    return "; settings.reroute says what becomes of the route";
  if (equal(name, field.needRebuild)) return "; settings.rebuild asks for a new VM";
  if (equal(name, field.decoderBufferLimit)) return "; limits.requestBody sets it";
  return equal(name, field.encoderBufferLimit) ? "; limits.responseBody sets it" : "";
}
