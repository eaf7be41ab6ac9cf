// What a configuration says of itself, as members of a JSON object. Each begins with a comma: the object
// has a first member already.

import { Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { writeString } from "../json/write";

/** Nothing is written for what is not so. */
export function flag(out: Writer, name: string, is: bool): void {
  if (!is) return;
  key(out, name);
  out.text("true");
}

export function number(out: Writer, name: string, value: i64): void {
  key(out, name);
  out.integer(value);
}

export function text(out: Writer, name: string, value: Span): void {
  key(out, name);
  writeString(value, out);
}

export function key(out: Writer, name: string): void {
  out.text(',"');
  out.text(name);
  out.text('":');
}
