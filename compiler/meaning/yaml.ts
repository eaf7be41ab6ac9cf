// Values that readers of YAML disagree on. Files are read here as YAML 1.2; the tools of Kubernetes and the
// console of Higress read 1.1, where `no` is false and 12:30:45 a number. What both read alike but no
// longer as it was written, such as the version 1.10, is told where a text is meant.

import { parseDocument } from "yaml";
import type { PlainScalar, Source } from "../parse.ts";
import type { Finding } from "./finding.ts";
import { walk } from "./walk.ts";

/** How a plain scalar begins, or what it is, that may be read in two ways. */
const DOUBTFUL = /^(?:[-+.\d].*|[yYnN]|yes|no|on|off|~|=|<<|null|true|false|inf|nan)$/i;

export function* otherReaders(
  source: Source,
): Generator<Finding & { range: PlainScalar["range"] }> {
  for (const scalar of source.plainScalars()) {
    if (!DOUBTFUL.test(scalar.text)) continue;
    if (!isReadInTwoWays(scalar.text, scalar.value)) continue;
    const message = `other readers of YAML take ${scalar.text} for ${asYaml11(scalar.text)}`;
    const hint = `write "${scalar.text}" for the text, or the value that is meant`;
    yield { code: "W530", pointer: "", message, hint, range: scalar.range };
  }
}

function isReadInTwoWays(text: string, value: unknown): boolean {
  return asYaml11(text) !== JSON.stringify(value);
}

const read = new Map<string, string>();

/** What YAML 1.1 makes of it, as JSON. */
function asYaml11(text: string): string {
  let value = read.get(text);
  if (value === undefined) {
    value = JSON.stringify(parseDocument(text, { version: "1.1" }).toJS()) ?? "nothing";
    if (read.size > 10_000) read.clear();
    read.set(text, value);
  }
  return value;
}

export function* changedNumbers(source: Source): Generator<Finding> {
  for (const { pointer, value, kind } of walk(source.tree)) {
    if (typeof value !== "number" || kind !== "text") continue;
    if (!isForText(pointer)) continue;
    const range = source.rangeOf(pointer);
    const written = range && source.text.slice(range.start.offset, range.end.offset);
    if (written === undefined || written === String(value) || isReadInTwoWays(written, value)) {
      continue;
    }
    const message = `the number ${written} goes out as ${value}`;
    yield { code: "W531", pointer, message, hint: `write "${written}" for the text` };
  }
}

/** Where a number becomes a text: values of headers, parameters, cookies and fields of forms. */
function isForText(pointer: string): boolean {
  return (
    /\/(headers|query|cookies|form)\/(set|add|append|default|replace)\//.test(pointer) ||
    /\/(headers|send\/add|add)\/[^/]+(\/\d+)?$/.test(pointer)
  );
}
