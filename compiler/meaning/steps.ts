// Steps that defeat themselves: a redirect that leads to itself, a limit whose key the client chooses.

import type { Source } from "../parse.ts";
import type { Finding } from "./finding.ts";

type Tree = Record<string, unknown>;

interface Step {
  rule: Tree;
  earlier: Tree[];
  step: Tree;
  pointer: string;
}

function* requestSteps(tree: Tree): Generator<Step> {
  const entries = (tree["_rules_"] as Tree[] | undefined) ?? [];
  for (const [i, document] of [tree, ...entries].entries()) {
    const at = i === 0 ? "" : `/_rules_/${i - 1}`;
    for (const [k, rule] of ((document["rules"] as Tree[] | undefined) ?? []).entries()) {
      const steps = (rule["request"] as Tree[] | undefined) ?? [];
      for (const [n, step] of steps.entries()) {
        const pointer = `${at}/rules/${k}/request/${n}`;
        yield { rule, earlier: steps.slice(0, n), step, pointer };
      }
    }
  }
}

export function* redirectsToThemselves({ tree }: Source): Generator<Finding> {
  for (const { rule, step, pointer } of requestSteps(tree as Tree)) {
    const to = (step["redirect"] as Tree | undefined)?.["to"];
    if (typeof to !== "string" || rule["when"] !== undefined || step["when"] !== undefined)
      continue;
    if (!leadsBack((rule["match"] as Tree | undefined) ?? {}, to)) continue;
    const message = "the rule is for where this leads too: a client is sent round in circles";
    const hint = "leave that place out of the match, or say `when` the redirect is due";
    yield { code: "W540", pointer: `${pointer}/redirect/to`, message, hint };
  }
}

const SAME_PLACE = /^(?:(https?):\/\/\$\(\s*request\.host\s*\))?\$\(\s*request\.path\s*\)$/;

/** Whether a request for `to` is sure to be one that the match holds for. */
function leadsBack(match: Tree, to: string): boolean {
  const { path, scheme, ...others } = match;
  const same = SAME_PLACE.exec(to);
  if (same) return scheme === undefined || scheme === same[1] || same[1] === undefined;
  if (Object.keys(others).length > 0 || scheme !== undefined) return false;
  if (!to.startsWith("/") || to.startsWith("//") || to.includes("$(")) return false;
  const target = to.replace(/[?#].*$/s, "");
  if (path === undefined) return true;
  const templates = typeof path === "string" || Array.isArray(path) ? [path].flat() : [];
  if (templates.length > 0) return templates.some((each) => matches(String(each), target));
  return holds(path as Tree, target);
}

/** Whether a path template is for the path. */
function matches(template: string, path: string): boolean {
  const segments = template.split("/").slice(1);
  const parts = path.split("/").slice(1);
  for (const [i, segment] of segments.entries()) {
    if (segment === "**" || segment.endsWith("=**}")) return true;
    if (i >= parts.length) return false;
    if (segment !== "*" && !segment.startsWith("{") && segment !== parts[i]) return false;
  }
  return segments.length === parts.length;
}

function holds(matcher: Tree, path: string): boolean {
  const { exact, prefix, ...others } = matcher;
  if (Object.keys(others).length > 0) return false;
  if (exact !== undefined) return exact === path;
  const start = String(prefix).replace(/\/$/, "");
  return path === start || path.startsWith(`${start}/`);
}

/** What a client writes as it likes. */
const WRITTEN =
  /^(?:original|request)\.(?:headers?|query|cookies|path|url_path|useragent|referer|form|json|body)/;
/** Steps that find out who the client is. */
const JUDGES = ["authorize", "call", "parallel", "redis", "validate"];

export function* limitsByWhatIsWritten({ tree }: Source): Generator<Finding> {
  for (const { earlier, step, pointer } of requestSteps(tree as Tree)) {
    const key = (step["rateLimit"] as Tree | undefined)?.["key"];
    if (typeof key !== "string" || earlier.some((each) => JUDGES.some((verb) => verb in each)))
      continue;
    const reads = [...key.matchAll(/\b[a-z_]+\.[\w.]+/g)].map(([name]) => name);
    if (reads.length === 0 || !reads.every((name) => WRITTEN.test(name))) continue;
    const message = "the client writes what the key is made of: another value is another limit";
    const hint = "limit by client.ip too, or check the value in an earlier step";
    yield { code: "N610", pointer: `${pointer}/rateLimit/key`, message, hint, severity: "note" };
  }
}
