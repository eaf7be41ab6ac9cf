// Matches and conditions that can be read but hold for no request, or for each, which nobody means: the
// rule looks like a guard and lets everything by.

import type { Source } from "../parse.ts";
import type { Finding } from "./finding.ts";
import { isComputed, type Seen, walk } from "./walk.ts";

/** Methods in use (RFC 9110 9.1, RFC 5789, WebDAV). Methods are case-sensitive. */
const METHODS = new Set([
  ...["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"],
  ...["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"],
]);
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

export function* methods({ tree }: Source): Generator<Finding> {
  for (const { pointer, path, value } of walk(tree)) {
    if (path.at(-1) !== "method" || typeof value !== "string" || isComputed(value)) continue;
    const upper = value.trim().toUpperCase();
    if (value !== upper && METHODS.has(upper)) {
      const message = `no request has the method "${value}": methods are case-sensitive`;
      yield { code: "W532", pointer, message, hint: `write ${upper}` };
    } else if (!TOKEN.test(value)) {
      const words = value.split(/[\s,|]+/).filter(Boolean);
      const hint = words.length > 1 ? `a list is [${words.join(", ").toUpperCase()}]` : undefined;
      const message = `"${value}" is not a method, so that no request has it`;
      yield { code: "W532", pointer, message, hint };
    }
  }
}

export function* constantConditions({ tree }: Source): Generator<Finding> {
  for (const { pointer, value, kind } of walk(tree)) {
    if (kind !== "expression" || typeof value !== "string" || readsSomething(value)) continue;
    const message = "the condition reads nothing, so that it is the same for all requests";
    yield { code: "W533", pointer, message, hint: "to switch a rule off, write enabled: false" };
  }
}

/** Whether there is a name in the expression, outside of its strings. */
function readsSomething(expression: string): boolean {
  const bare = expression.replace(
    /[rRbB]*("""[\s\S]*?"""|'''[\s\S]*?'''|"(\\.|[^"\\])*"|'(\\.|[^'\\])*')/g,
    "",
  );
  return /[A-Za-z_]\w*/.test(bare.replace(/\b(true|false|null|in)\b|\b\d\w*/g, ""));
}

/** What stands in paths of other routers and in regular expressions. */
const FOREIGN_SEGMENTS: Array<[pattern: RegExp, instead: (found: string) => string]> = [
  [/^:([A-Za-z_]\w*)\??$/, (name) => `a segment of any value is {${name}}`],
  [/^<(?:\w+:)?([A-Za-z_]\w*)>$/, (name) => `a segment of any value is {${name}}`],
  [/^\[(?:\.\.\.)?([A-Za-z_]\w*)\]$/, (name) => `a segment of any value is {${name}}`],
  [/^\*([A-Za-z_]\w*)$/, (name) => `the rest of a path is {${name}=**}`],
  [/^\.[*+]\??\$?$|\\[dws]|\(\?|\[[^\]]*-[^\]]*\]|\$$/, () => "a pattern is path: { regex: … }"],
];

export function* paths({ tree }: Source): Generator<Finding> {
  for (const seen of walk(tree)) {
    if (typeof seen.value !== "string") continue;
    const hint = isMatchedPath(seen) ? foreignPath(seen, seen.value) : undefined;
    if (hint !== undefined) {
      const message = `"${seen.value}" is taken as it stands, and hardly a path has that in it`;
      yield { code: "W534", pointer: seen.pointer, message, hint };
    }
  }
}

const PLAIN = new Set(["exact", "prefix", "suffix", "contains"]);

function isMatchedPath({ kind, path }: Seen): boolean {
  if (kind === "pathTemplate") return true;
  return path.includes("match") && path.at(-2) === "path" && PLAIN.has(path.at(-1)!);
}

function foreignPath({ path }: Seen, text: string): string | undefined {
  const key = path.at(-1);
  if ((key === "exact" || key === "prefix") && !text.startsWith("/")) return `write /${text}`;
  if (key !== "path" && /^\S*\?./.test(text))
    return "the query is no part of a path: match it with query: { … }";
  if (text.startsWith("^")) return "a pattern is path: { regex: … }";
  for (const segment of text.split("/")) {
    for (const [pattern, instead] of FOREIGN_SEGMENTS) {
      const match = pattern.exec(segment);
      if (match) return instead(match[1] ?? "");
    }
  }
  return undefined;
}
