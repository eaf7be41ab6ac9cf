// What the service of an `authorize` is told that the key of its cache leaves out: requests that differ in
// it get the same answer. Judged by the text: what is sent has to stand in the key as it is written.

type Tree = Record<string, unknown>;

/** Sent where the rule does not say: schema/ruleway.schema.json. */
const SENT_BY_DEFAULT = ["authorization", "cookie"];

const BODY = /\brequest\.(body|json|form)\b/;

/** What is missing, in the words of the rule; nothing where the rule gives no key. */
export function missingFromKey(authorize: Tree): string[] {
  const cache = authorize["cache"] as Tree | undefined;
  if (cache?.["key"] === undefined) return [];
  const key = [cache["key"]].flat().map(String).join("\n").toLowerCase();
  const { path, method, body } = authorize;
  const send = authorize["send"] as Tree | undefined;
  const headers = [send?.["headers"] ?? SENT_BY_DEFAULT].flat() as string[];
  const templates = [path ?? "$(request.path)", method, ...values(send?.["set"])];
  const missing = [
    ...templates.flatMap(expressionsOf).filter((each) => !key.includes(each.toLowerCase())),
    ...headers.filter((name) => !key.includes(name.toLowerCase().replace(/\*.*$/s, ""))),
    ...(body !== undefined && !BODY.test(key) ? ["the body"] : []),
  ];
  return [...new Set(missing)];
}

/** Of a map of headers to values or lists of them. */
function values(set: unknown): unknown[] {
  return set === null || typeof set !== "object" ? [] : Object.values(set).flat();
}

/** What stands in each `$(…)` of a template. */
export function expressionsOf(template: unknown): string[] {
  const found: string[] = [];
  const text = typeof template === "string" ? template : "";
  for (let at = text.indexOf("$("); at >= 0; at = text.indexOf("$(", at + 2)) {
    if (text[at - 1] === "$") continue;
    const end = closing(text, at + 2);
    found.push(text.slice(at + 2, end).trim());
    at = end;
  }
  return found;
}

/** Where the parenthesis that was opened before `from` is closed, outside of quotes. */
function closing(text: string, from: number): number {
  let depth = 1;
  let quote = "";
  for (let i = from; i < text.length; i++) {
    const c = text[i]!;
    if (quote) {
      if (c === "\\") i++;
      else if (c === quote) quote = "";
    } else if (c === "'" || c === '"') quote = c;
    else if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return i;
  }
  return text.length;
}
