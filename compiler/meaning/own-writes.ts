// Values that read what another entry of their own step writes. The maps that steps are written as have no
// order: all values are computed from the state before the step, which whoever reads them from top to
// bottom may not expect. An entry that reads its own name can only mean what was there before.

import { escapeSegment, type Source } from "../parse.ts";
import type { Finding } from "./finding.ts";
import { isComputed } from "./walk.ts";

type Tree = Record<string, unknown>;

/** A map of names to what they become. */
interface Written {
  /** How a name of it is read. */
  reads: RegExp;
  pointer: string;
  map: Tree;
}

/** Where there are steps, by the key of the list. */
const PHASES = ["request", "response", "done", "steps"];
/** What an edit of fields may write. */
const OPERATIONS = ["set", "add", "append", "default"];

export function* readsOfOwnWrites({ tree }: Source): Generator<Finding> {
  for (const { step, pointer, phase } of stepsOf(tree as Tree)) {
    const all = writtenBy(step, pointer, phase);
    const names = new Set(all.flatMap(({ map }) => Object.keys(map).map(lower)));
    for (const written of all) yield* readsIn(written, names);
  }
}

interface Place {
  step: Tree;
  pointer: string;
  phase: string;
}

function* stepsOf(tree: Tree): Generator<Place> {
  const entries = (tree["_rules_"] as Tree[] | undefined) ?? [];
  for (const [i, document] of [tree, ...entries].entries()) {
    const at = i === 0 ? "" : `/_rules_/${i - 1}`;
    for (const list of ["rules", "tasks"])
      for (const [k, rule] of ((document[list] as Tree[] | undefined) ?? []).entries())
        for (const phase of PHASES)
          for (const [n, step] of ((rule[phase] as Tree[] | undefined) ?? []).entries())
            yield { step, phase, pointer: `${at}/${list}/${k}/${phase}/${n}` };
  }
}

function writtenBy(step: Tree, pointer: string, phase: string): Written[] {
  const plain = (key: string, reads: RegExp, below?: string): Written[] => {
    const value = step[key] as Tree | undefined;
    const map = (below === undefined ? value : value?.[below]) as Tree | undefined;
    const at = below === undefined ? `${pointer}/${key}` : `${pointer}/${key}/${below}`;
    return map ? [{ reads, map, pointer: at }] : [];
  };
  const fields = (key: string, root: string) =>
    OPERATIONS.flatMap((each) => plain(key, memberOf(root), each));
  const message = phase === "response" ? "response" : "request";
  return [
    ...plain("set", memberOf("ctx")),
    ...plain("store", memberOf("store")),
    ...plain("attributes", memberOf("filter_state"), "filterState"),
    ...fields("headers", `${message}\\.headers`),
    ...fields("query", "request\\.query_params"),
    ...fields("cookies", "request\\.cookies"),
  ];
}

/** `root.NAME` or `root['NAME']`. */
function memberOf(root: string): RegExp {
  return new RegExp(
    `(?<![\\w.])${root}(?:\\.(\\w+)|\\[\\s*(['"])(?:wasm\\.)?(.*?)\\2\\s*\\])`,
    "g",
  );
}

const lower = (text: string) => text.toLowerCase();

function* readsIn({ reads, map, pointer }: Written, names: Set<string>): Generator<Finding> {
  for (const [name, value] of Object.entries(map)) {
    const found = new Set(
      textsIn(value).flatMap((text) =>
        [...text.matchAll(reads)].map(([, plain, , quoted]) => plain ?? quoted ?? ""),
      ),
    );
    const other = [...found].find((each) => names.has(lower(each)) && lower(each) !== lower(name));
    if (other === undefined) continue;
    const message = `reads "${other}", which the same step writes: it gets what was there before`;
    const hint = "where the new value is meant, write it in a step of its own, before this one";
    yield { code: "W514", pointer: `${pointer}/${escapeSegment(name)}`, message, hint };
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return isComputed(value) ? [value.slice(value.indexOf("$("))] : [];
  return value === null || typeof value !== "object" ? [] : Object.values(value).flatMap(textsIn);
}
