// What is allowed but cannot be meant: warnings.

import { missingFromKey } from "./cache-keys.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { escapeSegment, type Source } from "./parse.ts";
import { contradiction, type Demand, demandsOf, implies } from "./reach.ts";

type Tree = Record<string, unknown>;

const ENDS_THE_PHASE = ["respond", "redirect", "stop"];

/** Reports warnings about a tree whose shape is right; `isForHigress`: it is for that host for sure. */
export function lint(
  source: Source,
  report: (diagnostic: Diagnostic) => void,
  isForHigress: boolean,
): void {
  const warn = (code: string, pointer: string, message: string, key = false) => {
    const range = source.rangeOf(pointer, { key });
    report({ code, severity: "warning", message, file: source.file, range, pointer });
  };
  const tree = source.tree as Tree;
  lintServices(tree, warn);
  lintRedactSets(tree, "", warn);
  if (!isForHigress) lintRoutes(tree, warn);
  lintRules(tree["rules"] as Tree[] | undefined, "/rules", warn);
  const entries = (tree["_rules_"] as Tree[] | undefined) ?? [];
  entries.forEach((entry, i) => {
    lintRedactSets(entry, `/_rules_/${i}`, warn);
    lintRules(entry["rules"] as Tree[] | undefined, `/_rules_/${i}/rules`, warn);
  });
}

type Warn = (code: string, pointer: string, message: string, key?: boolean) => void;

/** What cannot be had where the host is not said to be Higress. */
function lintRoutes(tree: Tree, warn: Warn): void {
  const entries = (tree["_rules_"] as Tree[] | undefined) ?? [];
  const ofAll = tree["settings"] as Tree | undefined;
  for (const [i, document] of [tree, ...entries].entries()) {
    const settings = document["settings"] as Tree | undefined;
    const host = settings?.["host"] ?? ofAll?.["host"];
    if (settings?.["reroute"] !== false || host === "higress") continue;
    const place = i === 0 ? "" : `/_rules_/${i - 1}`;
    const message =
      "Envoy selects the route anew after each edit of a request, and cannot be told not to";
    warn("W510", `${place}/settings/reroute`, message, true);
  }
}

function lintServices(tree: Tree, warn: Warn): void {
  const used = new Set<string>();
  collectServices(tree, used);
  for (const name of Object.keys((tree["services"] as Tree | undefined) ?? {})) {
    if (used.has(name)) continue;
    const message = `no step calls the service "${name}"`;
    warn("W501", `/services/${escapeSegment(name)}`, message, true);
  }
}

function collectServices(value: unknown, used: Set<string>): void {
  if (Array.isArray(value)) for (const each of value) collectServices(each, used);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === "service" && typeof each === "string") used.add(each);
    collectServices(each, used);
  }
}

/** Who thinks that something is hidden wants to know that it is not. */
function lintRedactSets(document: Tree, pointer: string, warn: Warn): void {
  const used = new Set<string>();
  collectRedactSets(document, used);
  for (const name of Object.keys((document["redact"] as Tree | undefined) ?? {})) {
    if (used.has(name)) continue;
    const message = `no step names the redact set "${name}"`;
    warn("W501", `${pointer}/redact/${escapeSegment(name)}`, message, true);
  }
}

function collectRedactSets(value: unknown, used: Set<string>): void {
  if (Array.isArray(value)) for (const each of value) collectRedactSets(each, used);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === "redact" && typeof each === "string") used.add(each);
    collectRedactSets(each, used);
  }
}

function lintRules(rules: Tree[] | undefined, pointer: string, warn: Warn): void {
  const names = new Set<string>();
  const finals = new Finals();
  rules?.forEach((rule, i) => {
    const at = `${pointer}/${i}`;
    const name = rule["name"] as string | undefined;
    if (name !== undefined) {
      if (names.has(name)) warn("W502", `${at}/name`, `an earlier rule is named "${name}" too`);
      names.add(name);
    }
    const phases = ["request", "response", "done"].filter((phase) => rule[phase] !== undefined);
    if (phases.length === 0 && rule["limits"] === undefined && !rule["final"]) {
      warn("W503", at, "this rule has no steps");
    }
    for (const phase of phases) lintSteps(rule[phase] as Tree[], `${at}/${phase}`, warn);
    lintBodies(rule, at, warn);
    if (rule["enabled"] === false) return;
    const match = (rule["match"] as Tree | undefined) ?? {};
    const demands = demandsOf(match);
    const contradicted = contradiction(demands);
    if (contradicted !== undefined) {
      warn("W506", `${at}/match`, `never applies: ${contradicted}`, true);
    }
    const earlier = finals.covering(demands);
    if (earlier) {
      const which = earlier.demands.length > 0 ? "that this one does" : "";
      const message = `never applies: the rule ${earlier.name} is final and matches every request`;
      warn("W505", at, `${message} ${which}`.trim());
    }
    // A final rule with a condition of its own, or of the response, does not always end the list.
    const ends = rule["final"] === true && rule["when"] === undefined && !("status" in match);
    if (ends) finals.add({ name: name ? `"${name}"` : String(i + 1), demands });
  });
}

/** Methods of requests that have no content, but for odd clients. */
const WITHOUT_CONTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
/** Edits that make a body where there is none. */
const MAKERS = ["text", "prepend", "append"];
const BODILESS = [204, 205, 304];

/** Edits of bodies that cannot be there. */
function lintBodies(rule: Tree, pointer: string, warn: Warn): void {
  const match = rule["match"] as Tree | undefined;
  const methods = [match?.["method"] ?? []].flat();
  const isBare = methods.length > 0 && methods.every((each) => WITHOUT_CONTENT.includes(`${each}`));
  const requests = isBare ? ((rule["request"] as Tree[] | undefined) ?? []) : [];
  requests.forEach((step, i) => {
    const maker = MAKERS.find((verb) => Object.hasOwn((step["body"] as Tree) ?? {}, verb));
    if (maker === undefined) return;
    const message = `a request of ${methods.join(" or ")} has no body, and gets none`;
    warn("W511", `${pointer}/request/${i}/body/${maker}`, message, true);
  });
  const steps = (rule["response"] as Tree[] | undefined) ?? [];
  const last = steps.filter((step) => Object.hasOwn(step, "status")).at(-1);
  if (!last || Object.hasOwn(last, "when") || !BODILESS.includes(Number(last["status"]))) return;
  steps.forEach((step, i) => {
    const verb = ["body", "events"].find((each) => Object.hasOwn(step, each));
    if (verb === undefined) return;
    const message = `a response of status ${last["status"]} has no body`;
    warn("W512", `${pointer}/response/${i}/${verb}`, message, true);
  });
}

interface Final {
  name: string;
  demands: Demand[];
}

/** How many final rules each rule is compared with, beside those for its own host. */
const MAX_FINALS = 50;

/** The final rules so far, those for exact hosts by host: many rules are to be compared with few. */
class Finals {
  private readonly byHost = new Map<string, Final[]>();
  private readonly others: Final[] = [];

  add(final: Final): void {
    const hosts = exactHosts(final.demands);
    if (!hosts) this.others.push(final);
    for (const host of hosts ?? []) {
      const list = this.byHost.get(host);
      if (list) list.push(final);
      else this.byHost.set(host, [final]);
    }
  }

  /** The first one that matches every request that the demands hold for. */
  covering(demands: Demand[]): Final | undefined {
    const host = exactHosts(demands)?.[0];
    const own = host === undefined ? [] : (this.byHost.get(host) ?? []);
    return [...this.others.slice(0, MAX_FINALS), ...own.slice(0, MAX_FINALS)].find((final) =>
      implies(demands, final.demands),
    );
  }
}

/** The hosts that the demands name, when they name them exactly. */
function exactHosts(demands: Demand[]): string[] | undefined {
  const list = demands.find((each) => each.on === "host")?.list;
  return list?.some((each) => each.includes("*")) ? undefined : list;
}

function lintSteps(steps: Tree[], pointer: string, warn: Warn): void {
  steps.forEach((step, i) => {
    lintKey(step["authorize"] as Tree | undefined, `${pointer}/${i}/authorize`, warn);
  });
  const last = steps.findIndex(
    (step) =>
      !Object.hasOwn(step, "when") && ENDS_THE_PHASE.some((verb) => Object.hasOwn(step, verb)),
  );
  if (last < 0 || last === steps.length - 1) return;
  const verb = ENDS_THE_PHASE.find((each) => Object.hasOwn(steps[last]!, each));
  warn("W504", `${pointer}/${last + 1}`, `never runs: the ${verb} before it ends the phase`);
}

function lintKey(authorize: Tree | undefined, pointer: string, warn: Warn): void {
  const missing = authorize ? missingFromKey(authorize) : [];
  if (missing.length === 0) return;
  const what = missing.join(", ");
  const message = `the service is told ${what}, which the key leaves out: what it says for one is said to others`;
  warn("W509", `${pointer}/cache/key`, message, true);
}
