// What is wrong with the chain of filters that rules are for.

import type { Diagnostic } from "./diagnostic.ts";
import type { ConnectionManager } from "./envoy-config.ts";
import type { Source } from "./parse.ts";

/** Says of each connection manager that it has the same rules twice. */
export function lintChains(
  source: Source,
  report: (diagnostic: Diagnostic) => void,
  managers: ConnectionManager[],
): void {
  const place = { file: source.file, range: source.rangeOf(""), pointer: "" };
  for (const { name, repeated } of managers) {
    if (repeated.length === 0) continue;
    const message = `the connection manager "${name}" has the same rules twice (${quoted(repeated)}): limits, events and metrics count each request twice, and edits are made twice`;
    const hint = "take one of the filters out of the chain";
    report({ code: "W524", severity: "warning", message, hint, ...place });
  }
}

function quoted(names: string[]): string {
  return [...new Set(names)].map((name) => `"${name}"`).join(", ");
}
