// Edits of headers that do not do what they say: a name twice in other letters, headers that the host
// writes by itself, secrets that everybody can read who can read the file.

import type { Source } from "../parse.ts";
import type { Finding } from "./finding.ts";
import { isComputed, type Seen, walk } from "./walk.ts";

export function* namesInOtherLetters({ tree }: Source): Generator<Finding> {
  const seen = new Map<string, string>();
  for (const { pointer, path, value, kind } of walk(tree)) {
    const isName = kind === "headerName" || (kind === "key" && path.at(-1) === "headers");
    if (!isName || typeof value !== "string" || !pointer.endsWith(value)) continue;
    const map = pointer.slice(0, pointer.lastIndexOf("/"));
    const place = `${map}/${value.toLowerCase()}`;
    const earlier = seen.get(place);
    if (earlier === undefined) {
      seen.set(place, value);
      continue;
    }
    const message = `"${value}" is the header "${earlier}", which stands here already: names have no letter case`;
    yield { code: "W536", pointer, message, key: true };
  }
}

/** Written by Envoy after all filters, or what a message cannot do without. */
const OF_THE_HOST: Record<string, Record<string, string>> = {
  response: {
    server: "Envoy writes it after all filters (server_header_transformation decides)",
    date: "Envoy writes it after all filters",
  },
  request: { host: "a request has a host; the verb `host` gives it another" },
};
const CHANGES = new Set(["remove", "set", "add", "append", "rename", "replace"]);

export function* headersOfTheHost({ tree }: Source): Generator<Finding> {
  for (const { pointer, path, value } of walk(tree)) {
    const phase = path.includes("response") ? "response" : "request";
    const action = path.at(path.lastIndexOf("headers") + 1);
    if (!path.includes("headers") || !CHANGES.has(action ?? "") || typeof value !== "string")
      continue;
    const isName = action === "remove" ? path.at(-1) === "remove" : path.at(-1) === action;
    const why = isName ? OF_THE_HOST[phase]![value.toLowerCase()] : undefined;
    if (why === undefined) continue;
    const message = `the header "${value}" stays what the host makes it: ${why}`;
    yield { code: "W539", pointer, message, key: action !== "remove" };
  }
}

const SECRET_NAMES =
  /(^|[-_.])(pass(word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)($|[-_.])/i;
const SECRET_HEADERS = new Set(["authorization", "proxy-authorization", "cookie", "x-api-key"]);
/** Texts that are secrets wherever they stand. */
const SECRETS =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|:\/\/[^/\s:@]+:[^/\s@]+@|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|\b(Bearer|Basic) [\w.~+/=-]{8,}/;
const SHORTEST = 8;

export function* secretsInTheClear({ tree }: Source): Generator<Finding> {
  for (const seen of walk(tree)) {
    if (typeof seen.value !== "string" || !isSecret(seen, seen.value)) continue;
    const message =
      "this looks like a secret: whoever can read the file, or the proxy's configuration, has it";
    yield { code: "W542", pointer: seen.pointer, message };
  }
}

/** Values that are given to somebody; names of things and conditions are not. */
const GIVES = new Set(["template", "jsonTemplate"]);

function isSecret({ kind, path }: Seen, text: string): boolean {
  if (kind === "key" || kind === "headerName" || kind === "expression") return false;
  if (SECRETS.test(withoutTemplates(text))) return true;
  if (isComputed(text) || text.length < SHORTEST || /\s/.test(text)) return false;
  // apiToken is api-token.
  const name = (path.at(-1) ?? "").replace(/([a-z\d])([A-Z])/g, "$1-$2");
  if (path.at(-2) === "redis" && name === "password") return true;
  if (path[0] === "vars") return SECRET_NAMES.test(name);
  return GIVES.has(kind) && (SECRET_HEADERS.has(name.toLowerCase()) || SECRET_NAMES.test(name));
}

function withoutTemplates(text: string): string {
  return text.replace(/\$\([^)]*\)/g, "");
}
