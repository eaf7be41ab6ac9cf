// What an Envoy configuration says of the connection managers in it: a bootstrap, a listener, a snippet of
// either, or a config dump, as YAML or JSON, in snake_case or in camelCase, as Envoy itself takes them.

import { parseAllDocuments } from "yaml";
import { Unreadable } from "./files.ts";

type Tree = Record<string, unknown>;

export interface ConnectionManager {
  /** Its stat_prefix, by which its author knows it. */
  name: string;
  /** Whether the client's address is that of the connection, or found in a way that somebody has chosen. */
  knowsClients: boolean;
}

/** The connection managers of the text, in its order. Throws Unreadable when there is none. */
export function connectionManagers(text: string, file: string): ConnectionManager[] {
  const found: ConnectionManager[] = [];
  for (const document of parseAllDocuments(text)) {
    if (document.errors[0])
      throw new Unreadable(`${file} is not YAML: ${document.errors[0].message}`);
    collect(document.toJS(), found);
  }
  if (found.length === 0) throw new Unreadable(`there is no HTTP connection manager in ${file}`);
  return found;
}

function collect(value: unknown, found: ConnectionManager[]): void {
  if (value === null || typeof value !== "object") return;
  if (Array.isArray(value)) {
    for (const each of value) collect(each, found);
    return;
  }
  const tree = value as Tree;
  if (String(tree["@type"] ?? "").endsWith(".HttpConnectionManager")) found.push(managerOf(tree));
  for (const each of Object.values(tree)) collect(each, found);
}

function managerOf(tree: Tree): ConnectionManager {
  const detection = member(tree, "original_ip_detection_extensions");
  return {
    name: String(member(tree, "stat_prefix") ?? "without a stat_prefix"),
    knowsClients:
      isTrue(member(tree, "use_remote_address")) ||
      (Array.isArray(detection) && detection.length > 0),
  };
}

function member(tree: Tree, name: string): unknown {
  return tree[name] ?? tree[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
}

/** A BoolValue, plain or wrapped. */
function isTrue(value: unknown): boolean {
  return value === true || (value as Tree | undefined)?.["value"] === true;
}
