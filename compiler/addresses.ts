// Where a client's address decides, and what has to be so in Envoy for it to be the client's: without
// `use_remote_address` it is what the client itself writes into x-forwarded-for.

import type { Diagnostic } from "./diagnostic.ts";
import type { ConnectionManager } from "./envoy-config.ts";
import { escapeSegment, type Source } from "./parse.ts";

type Tree = Record<string, unknown>;

const READ = /\bclient\s*\.\s*ip\b|\bsource\s*\.\s*address\b/;

/** Says it once a file, at the first place; `managers`: what the Envoy configuration has, where it is known. */
export function lintAddresses(
  source: Source,
  report: (diagnostic: Diagnostic) => void,
  managers: ConnectionManager[] | undefined,
): void {
  const places = [...undecided(source.tree as Tree)];
  const pointer = places[0];
  if (pointer === undefined) return;
  const place = { file: source.file, range: source.rangeOf(pointer), pointer };
  const more = places.length > 1 ? ` (and in ${places.length - 1} more places)` : "";
  const hint = "set it there, or say with settings.clientIp which header tells the address";
  if (managers === undefined) {
    const message = `the client's address decides here${more}: it is what the client writes, unless Envoy's connection manager has use_remote_address: true`;
    report({ code: "N606", severity: "note", message, hint, ...place });
    return;
  }
  const open = managers.filter((each) => !each.knowsClients).map((each) => `"${each.name}"`);
  if (open.length === 0) return;
  const message = `the client's address decides here${more}, and is what the client writes: the connection manager ${open.join(", ")} lacks use_remote_address: true`;
  report({ code: "W516", severity: "warning", message, hint, ...place });
}

/** Pointers of what goes by the address in documents that do not say where it is read. */
function* undecided(tree: Tree): Generator<string> {
  const entries = (tree["_rules_"] as Tree[] | undefined) ?? [];
  const ofAll = hasClientIp(tree);
  if (!ofAll) yield* reads({ ...tree, _rules_: undefined }, "");
  for (const [i, entry] of entries.entries()) {
    if (!ofAll && !hasClientIp(entry)) yield* reads(entry, `/_rules_/${i}`);
  }
}

function hasClientIp(document: Tree): boolean {
  return (document["settings"] as Tree | undefined)?.["clientIp"] !== undefined;
}

function* reads(value: unknown, pointer: string): Generator<string> {
  if (typeof value === "string" && READ.test(value)) yield pointer;
  if (value === null || typeof value !== "object") return;
  for (const [key, each] of Object.entries(value)) {
    const place = `${pointer}/${escapeSegment(key)}`;
    if (key === "source" && /\/match(\/|$)/.test(pointer)) yield place;
    else yield* reads(each, place);
  }
}
