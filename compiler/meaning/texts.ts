// Texts that mean something in another language than the one they stand in: placeholders of other
// tools where `$(…)` is meant, and `$(…)` where a text is taken as it is.

import type { Source } from "../parse.ts";
import type { Finding } from "./finding.ts";
import { isComputed, type Seen, walk } from "./walk.ts";

/** Placeholders as shells and JavaScript, Mustache and Jinja, and Envoy's access logs have them. */
const FOREIGN =
  /\$\{\s*([^}]*?)\s*\}|\{\{\s*(.*?)\s*\}\}|%([A-Z][A-Z0-9_]*)(?:\([^)%]*\))?(?::\d+)?%/;
/** What a name begins with that can only be one of ours. */
const OUR_ROOTS = /^(request|response|original|client|params|vars|ctx|calls|store|rule)\b/;
/** Keys whose texts are pages and scripts as often as not: there only our own names are told. */
const BODIES = new Set(["text", "prepend", "append", "insert", "with", "find"]);
/** Groups of a pattern, in what it is replaced by. */
const GROUP = /^\$\{\w+\}$/;

export function* foreignPlaceholders({ tree }: Source): Generator<Finding> {
  for (const seen of walk(tree)) {
    const found = typeof seen.value === "string" ? foreignIn(seen, seen.value) : undefined;
    if (found === undefined) continue;
    const message = `"${found}" is no placeholder here, and is sent as it stands`;
    const hint = "values are put in with $(…), such as $(request.method)";
    yield { code: "W537", pointer: seen.pointer, message, hint };
  }
}

function foreignIn({ kind, path }: Seen, text: string): string | undefined {
  if (kind !== "template" && kind !== "jsonTemplate" && kind !== "text") return undefined;
  const match = FOREIGN.exec(text);
  if (!match) return undefined;
  const key = path.at(-1) ?? "";
  if (key === "with" && GROUP.test(match[0])) return undefined;
  if (path[0] === "vars" || path[0] === "tables") return undefined;
  const name = match[1] ?? match[2] ?? match[3]!;
  return BODIES.has(key) && !OUR_ROOTS.test(name) && !text.startsWith("%") ? undefined : match[0];
}

/** Texts that nobody evaluates, such as the name of a cluster. */
export function* idleTemplates({ tree }: Source): Generator<Finding> {
  for (const { pointer, path, value, kind } of walk(tree)) {
    const isPlain = kind === "text" || kind === "headerName" || kind === "key";
    if (!isPlain || typeof value !== "string" || !isComputed(value)) continue;
    if (path.at(-1) === "with" || path[0] === "vars" || path[0] === "tables") continue;
    const message = "$(…) is not evaluated here: the text is taken as it stands";
    yield { code: "W538", pointer, message, hint: insteadOf(path), key: kind !== "text" };
  }
}

function insteadOf(path: readonly string[]): string | undefined {
  if (path.includes("match")) return "what is computed is compared with `when`";
  if (path.at(-1) === "cluster") return "a cluster has one name; `when` on steps chooses services";
  return undefined;
}
