// What an Envoy configuration says of the connection managers in it: a bootstrap, a listener, a snippet of
// either, or a config dump, as YAML or JSON, in snake_case or in camelCase, as Envoy itself takes them.

import { parse, parseAllDocuments } from "yaml";
import { Unreadable } from "./files.ts";

type Tree = Record<string, unknown>;

export interface ConnectionManager {
  /** Its stat_prefix, by which its author knows it. */
  name: string;
  /** Whether the client's address is that of the connection, or found in a way that somebody has chosen. */
  knowsClients: boolean;
  /** Names of filters of ours whose rules stand in the chain before them already, enabled or not. */
  repeated: string[];
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
    repeated: repeatedIn(member(tree, "http_filters")),
  };
}

function repeatedIn(filters: unknown): string[] {
  const seen = new Set<string>();
  const repeated: string[] = [];
  for (const filter of Array.isArray(filters) ? filters : []) {
    const [name, rules] = rulesOf(filter);
    if (rules === undefined) continue;
    if (seen.has(rules)) repeated.push(name);
    seen.add(rules);
  }
  return repeated;
}

/** What a filter is called, and the rules in it if it is ours: as text, or in a TypedStruct. */
function rulesOf(filter: unknown): [name: string, rules: string | undefined] {
  const config = pluginConfig(filter);
  if (config === undefined) return ["", undefined];
  const { value } = member(config, "configuration") as { value?: unknown };
  const rules = typeof value === "string" ? parsed(value) : value;
  const isOurs = rules !== null && typeof rules === "object" && "ruleway" in rules;
  return [String(member(config, "name") ?? ""), isOurs ? JSON.stringify(rules) : undefined];
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** The plugin's part of a wasm filter. */
function pluginConfig(filter: unknown): Tree | undefined {
  const typed = member(treeOf(filter), "typed_config");
  const inside = treeOf(typed)["value"] ?? typed;
  const config = treeOf(inside)["config"];
  const hasRules = typeof member(treeOf(config), "configuration") === "object";
  return hasRules && member(treeOf(config), "configuration") !== null ? treeOf(config) : undefined;
}

function treeOf(value: unknown): Tree {
  return value !== null && typeof value === "object" ? (value as Tree) : {};
}

function member(tree: Tree, name: string): unknown {
  return tree[name] ?? tree[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
}

/** A BoolValue, plain or wrapped. */
function isTrue(value: unknown): boolean {
  return value === true || (value as Tree | undefined)?.["value"] === true;
}
