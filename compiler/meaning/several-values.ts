// Where a guard asks for one value of what a client can send several times: it acts when they differ,
// which its author may not know. Said once for each kind of values, at the first place.

import type { Source } from "../parse.ts";
import type { Finding } from "./finding.ts";

type Tree = Record<string, unknown>;

const LISTS: Record<string, string> = {
  headers: "header_values",
  query_params: "query_values",
  cookies: "cookie_values",
  form: "form_values",
};

/** Headers that are one line by definition, or that hosts make one of. */
const SINGLE =
  /^(:.*|accept|authorization|content-(type|length)|cookie|host|origin|referer|user-agent|x-forwarded-(for|proto)|x-request-id)$/i;

const READ =
  /\b(request|original|response)\.(headers|query_params|cookies|form)\b(?:\.(\w+)|\[\s*(['"])([^'"]*)\4\s*\])?/g;

/** Steps that are guards whatever they say. */
const GUARDS = ["authorize", "limit", "rateLimit", "validate"];
/** Steps that make a callout, and are guards where no answer refuses the message. */
const CALLS = ["call", "redis", "parallel"];

interface Place {
  pointer: string;
  when: string;
}

export function* singleValues({ tree }: Source): Generator<Finding> {
  const found = new Map<string, { pointer: string; count: number }>();
  for (const { pointer, when } of guardConditions(tree as Tree)) {
    for (const name of namesRead(when)) {
      const known = found.get(name);
      if (known) known.count++;
      else found.set(name, { pointer, count: 1 });
    }
  }
  for (const [name, { pointer, count }] of found) {
    const [root, member] = name.split(".") as [string, string];
    const more = count > 1 ? ` (and in ${count - 1} more)` : "";
    const message = `a guard reads one value of ${name}${more}: where there are several that differ, it acts`;
    const hint = `${root}.${LISTS[member]} has all of them`;
    yield { code: "N604", severity: "note", pointer, message, hint };
  }
}

/** The names in the expression that stand for one of several values, each once. */
function namesRead(when: string): Set<string> {
  const names = new Set<string>();
  for (const match of when.matchAll(READ)) {
    const [, root, member, dotted, , quoted] = match;
    const before = when.slice(0, match.index);
    const key = dotted ?? quoted;
    // Whether there is any does not depend on how many there are.
    if (/\bhas\(\s*$/.test(before) || (key === undefined && /\bin\s+$/.test(before))) continue;
    if (member === "headers" && key !== undefined && SINGLE.test(key)) continue;
    names.add(`${root}.${member}`);
  }
  return names;
}

function* guardConditions(tree: Tree): Generator<Place> {
  const documents: Array<[Tree, string]> = [
    [tree, ""],
    ...((tree["_rules_"] as Tree[] | undefined) ?? []).map(
      (entry, i) => [entry, `/_rules_/${i}`] as [Tree, string],
    ),
  ];
  for (const [document, at] of documents) {
    for (const [i, rule] of ((document["rules"] as Tree[] | undefined) ?? []).entries()) {
      yield* ofRule(rule, `${at}/rules/${i}`);
    }
  }
}

function* ofRule(rule: Tree, at: string): Generator<Place> {
  const steps = ["request", "response"].flatMap((phase) =>
    ((rule[phase] as Tree[] | undefined) ?? []).map(
      (step, i) => [step, `${at}/${phase}/${i}`] as const,
    ),
  );
  const guards = steps.filter(([step]) => isGuard(step));
  const when = rule["when"];
  if (typeof when === "string" && (guards.length > 0 || rule["final"] === true))
    yield { pointer: `${at}/when`, when };
  for (const [step, pointer] of guards) {
    const when = step["when"];
    if (typeof when === "string") yield { pointer: `${pointer}/when`, when };
  }
}

function isGuard(step: Tree): boolean {
  if (GUARDS.some((verb) => Object.hasOwn(step, verb))) return true;
  const respond = step["respond"] as Tree | undefined;
  if (typeof respond?.["status"] === "number") return respond["status"] >= 400;
  return CALLS.some((verb) => {
    const onError = (step[verb] as Tree | undefined)?.["onError"];
    return onError !== undefined && onError !== "continue";
  });
}
