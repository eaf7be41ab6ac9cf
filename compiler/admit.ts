// The last word: the real filter loads the rules in the embedded host. What it says in its log is
// brought back to the YAML by JSON Pointer and offset. So nothing means one thing to the compiler
// and another to the filter.

import { LogLevel, Plugin } from "../host/index.ts";
import { type Artefact, filterModule } from "./assets.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Source } from "./parse.ts";

const CONFIG_ERROR =
  /^ruleway(?: \[[^\]]*\])?: config (?:error|note) ([RN]\d+) ("(?:[^"\\]|\\.)*")(?: ([+@])(\d+))?: (.*)$/s;
const SUGGESTION = /^(.*), (did you mean "[^"]*"\?)$/s;

/** Whether the filter takes the configuration; what it finds wrong goes to `report`. */
export function admit(
  json: string,
  source: Source,
  report: (diagnostic: Diagnostic) => void,
  artefact?: Artefact,
): boolean {
  const lines: string[] = [];
  const plugin = new Plugin(filterModule(artefact), {
    // Notes are for those who ask for them.
    logLevel: LogLevel.Debug,
    log: (_level, text) => lines.push(text),
    onTrap: (error) => {
      throw new Error(`the filter trapped while it read the rules: ${error.message}`);
    },
  });
  const isAccepted = plugin.configure(json);
  if (plugin.hasFailed) throw new Error("the filter trapped while it read the rules");
  for (const line of lines) {
    const match = CONFIG_ERROR.exec(line);
    if (!match) continue;
    const pointer = JSON.parse(match[2]!) as string;
    const split = SUGGESTION.exec(match[5]!);
    report({
      code: match[1]!,
      severity: match[1]!.startsWith("N") ? "note" : "error",
      message: split?.[1] ?? match[5]!,
      hint: split?.[2],
      file: source.file,
      range: source.rangeOf(pointer, rangeOptions(match[1]!, match[3], match[4])),
      pointer,
    });
  }
  return isAccepted;
}

/** Problems with a key are shown at the key, those inside a text at their place in it. */
function rangeOptions(
  code: string,
  sign: string | undefined,
  offset: string | undefined,
): { key?: boolean; offset?: number } {
  if (offset !== undefined) return { key: sign === "@", offset: Number(offset) };
  return { key: code === "R200" || code === "R101" || code === "N601" };
}
