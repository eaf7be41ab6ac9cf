// Whether a rule can apply at all: what one match says about another. Everything here errs on the side of
// silence: `implies` and `contradiction` answer only what is certain from the words of the matches.

type Tree = Record<string, unknown>;

/** One thing that a match asks; all of them must hold. */
export type Demand =
  | { on: "host"; list: string[] }
  | { on: "source"; list: string[] }
  | { on: "method" | "scheme" | "route" | "routePrefix" | "cluster" | "service"; list: string[] }
  | { on: "path"; list: string[] }
  | { on: "pathMatcher"; matcher: Tree }
  | { on: "headers" | "query" | "cookies"; name: string; matcher: unknown }
  | { on: "any"; alternatives: Demand[][] }
  | { on: "not"; inner: Demand[] };

// `any` inside `any` multiplies what there is to look at; and what asks for so much is not looked at.
const MAX_DEPTH = 3;
const MAX_DEMANDS = 64;

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value : [value]) as string[];

/** What the match asks of a request; what it asks of the response is left out. */
export function demandsOf(match: Tree): Demand[] {
  return Object.entries(match).flatMap(([key, value]): Demand[] => {
    switch (key) {
      case "status":
        return [];
      case "all":
        return (value as Tree[]).flatMap(demandsOf);
      case "any":
        return [{ on: "any", alternatives: (value as Tree[]).map(demandsOf) }];
      case "not":
        return [{ on: "not", inner: demandsOf(value as Tree) }];
      case "headers":
      case "query":
      case "cookies":
        return Object.entries(value as Tree).map(([name, matcher]) => ({
          on: key,
          name: key === "headers" ? name.toLowerCase() : name,
          matcher,
        }));
      case "path":
        return typeof value === "string" || Array.isArray(value)
          ? [{ on: "path", list: listOf(value) }]
          : [{ on: "pathMatcher", matcher: value as Tree }];
      case "host":
        return [{ on: "host", list: listOf(value).map((each) => each.toLowerCase()) }];
      default:
        return [{ on: key, list: listOf(value) } as Demand];
    }
  });
}

/** Whether every request for which all of `narrow` holds is one for which all of `wide` does. */
export function implies(narrow: Demand[], wide: Demand[], depth = MAX_DEPTH): boolean {
  return wide.every((each) => impliesOne(narrow, each, depth));
}

function impliesOne(narrow: Demand[], wide: Demand, depth: number): boolean {
  if (narrow.some((each) => covers(wide, each))) return true;
  if (depth === 0) return false;
  const deeper = depth - 1;
  if (wide.on === "any" && wide.alternatives.some((each) => implies(narrow, each, deeper))) {
    return true;
  }
  // What rules the inner match out implies that it does not hold.
  if (wide.on === "not" && contradiction([...narrow, ...wide.inner], deeper)) return true;
  return narrow.some(
    (each) => each.on === "any" && each.alternatives.every((one) => impliesOne(one, wide, deeper)),
  );
}

/** Whether the one demand implies the other by itself. */
function covers(wide: Demand, narrow: Demand): boolean {
  if (isEqual(wide, narrow)) return true;
  const all = (
    holds: (wide: string, narrow: string) => boolean,
    wider: string[],
    list: string[],
  ): boolean => list.every((each) => wider.some((one) => holds(one, each)));
  switch (wide.on) {
    case "host":
      return narrow.on === "host" && all(hostCovers, wide.list, narrow.list);
    case "source":
      return narrow.on === "source" && all(blockCovers, wide.list, narrow.list);
    case "path":
      if (narrow.on === "path") return all(templateCovers, wide.list, narrow.list);
      return (
        narrow.on === "pathMatcher" && wide.list.some((one) => templateHolds(one, narrow.matcher))
      );
    case "pathMatcher":
      if (narrow.on === "path") {
        return narrow.list.every((one) => matcherHoldsTemplate(wide.matcher, one));
      }
      return narrow.on === "pathMatcher" && matcherCovers(wide.matcher, narrow.matcher, true);
    case "routePrefix":
      return (
        (narrow.on === "routePrefix" || narrow.on === "route") &&
        all((one, each) => each.startsWith(one), wide.list, narrow.list)
      );
    case "method":
    case "scheme":
    case "route":
    case "cluster":
    case "service":
      return narrow.on === wide.on && all((one, each) => one === each, wide.list, narrow.list);
    case "headers":
    case "query":
    case "cookies":
      if (narrow.on !== wide.on || narrow.name !== wide.name) return false;
      if (wide.matcher === "present") return needsValue(narrow.matcher);
      if (wide.matcher === "absent" || narrow.matcher === "absent") return false;
      return (
        needsValue(narrow.matcher) &&
        matcherCovers(asTree(wide.matcher), asTree(narrow.matcher), false)
      );
  }
  return false;
}

/** Why the demands hold for no request together, in words; undefined when they may. */
export function contradiction(demands: Demand[], depth = MAX_DEPTH): string | undefined {
  if (demands.length > MAX_DEMANDS) return undefined;
  for (const [i, each] of demands.entries()) {
    const others = demands.filter((_, k) => k !== i);
    if (isImpossible(each) || others.some((other) => exclude(each, other)))
      return `what it asks of ${words(each)} holds for no request`;
    if (depth === 0) continue;
    const deeper = depth - 1;
    if (each.on === "not" && implies(others, each.inner, deeper))
      return "what `not` excludes is all that the rest of the match lets in";
    const isNone = (one: Demand[]) => contradiction([...one, ...others], deeper) !== undefined;
    if (each.on === "any" && each.alternatives.every(isNone))
      return "none of the alternatives of `any` holds beside the rest of the match";
  }
  return undefined;
}

function words(demand: Demand): string {
  switch (demand.on) {
    case "headers":
      return `the header "${demand.name}"`;
    case "query":
      return `the parameter "${demand.name}"`;
    case "cookies":
      return `the cookie "${demand.name}"`;
    case "source":
      return "the client's address";
    case "path":
    case "pathMatcher":
      return "the path";
  }
  return `the ${demand.on}`;
}

/** Whether the demand holds for no request. */
function isImpossible(demand: Demand): boolean {
  if (demand.on === "pathMatcher") return isImpossibleMatcher(demand.matcher, true);
  if (demand.on !== "headers" && demand.on !== "query" && demand.on !== "cookies") return false;
  return isImpossibleMatcher(asTree(demand.matcher), false);
}

/** A matcher is about one value, which all its keys must hold for. */
function isImpossibleMatcher(matcher: Tree, bySegments: boolean): boolean {
  const values = valuesOf(matcher);
  if (matcher["not"] === true || !values) return false;
  return !values.some((value) => holdsFor(matcher, value, bySegments) !== false);
}

/** Whether the two hold for no request together. */
function exclude(a: Demand, b: Demand): boolean {
  const apart = (
    touch: (a: string, b: string) => boolean,
    one: string[],
    other: string[],
  ): boolean => !one.some((each) => other.some((next) => touch(each, next)));
  switch (a.on) {
    case "host":
      return b.on === "host" && apart(hostsTouch, a.list, b.list);
    case "source":
      return (
        b.on === "source" && apart((x, y) => blockCovers(x, y) || blockCovers(y, x), a.list, b.list)
      );
    case "path":
      if (b.on === "path") return apart(templatesTouch, a.list, b.list);
      return b.on === "pathMatcher" && a.list.every((each) => excludesTemplate(b.matcher, each));
    case "pathMatcher":
      return b.on === "pathMatcher" && matchersExclude(a.matcher, b.matcher);
    case "method":
    case "scheme":
    case "route":
    case "cluster":
      return b.on === a.on && apart((x, y) => x === y, a.list, b.list);
    case "headers":
    case "query":
    case "cookies":
      // Of several values one may be for the one matcher and one for the other.
      return b.on === a.on && a.name === b.name && a.matcher === "absent" && needsValue(b.matcher);
  }
  return false;
}

// ---- hosts: a name, *.suffix, prefix.*, *

const suffixOf = (pattern: string) => (pattern.startsWith("*.") ? pattern.slice(1) : undefined);
const prefixOf = (pattern: string) => (pattern.endsWith(".*") ? pattern.slice(0, -1) : undefined);

function hostCovers(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === "*") return true;
  if (narrow === "*") return false;
  const [suffix, prefix] = [suffixOf(wide), prefixOf(wide)];
  if (suffix !== undefined) {
    if (prefixOf(narrow) !== undefined) return false;
    return (suffixOf(narrow) ?? narrow).endsWith(suffix);
  }
  if (prefix === undefined || suffixOf(narrow) !== undefined) return false;
  return (prefixOf(narrow) ?? narrow).startsWith(prefix);
}

function hostsTouch(a: string, b: string): boolean {
  if (hostCovers(a, b) || hostCovers(b, a)) return true;
  // One that begins so and ends so may be there.
  const isEnded = suffixOf(a) !== undefined || suffixOf(b) !== undefined;
  return isEnded && (prefixOf(a) !== undefined || prefixOf(b) !== undefined);
}

// ---- addresses

function blockOf(text: string): { family: number; bits: string } {
  const [address, size] = text.split("/");
  const group = (part: string, base: number, width: number) =>
    Number.parseInt(part, base).toString(2).padStart(width, "0");
  let bits: string;
  if (address!.includes(":")) {
    const [head, tail] = address!.split("::").map((half) => half.split(":").filter(Boolean));
    const zeros = Math.max(0, 8 - head!.length - (tail?.length ?? 0));
    const groups = [...head!, ...Array<string>(zeros).fill("0"), ...(tail ?? [])];
    bits = groups.map((part) => group(part, 16, 16)).join("");
  } else {
    bits = address!
      .split(".")
      .map((part) => group(part, 10, 8))
      .join("");
  }
  const block = size === undefined ? bits : bits.slice(0, Number(size));
  // IPv4 inside IPv6 is IPv4.
  const mapped = "0".repeat(80) + "1".repeat(16);
  if (bits.length === 128 && block.startsWith(mapped)) return { family: 32, bits: block.slice(96) };
  return { family: bits.length, bits: block };
}

function blockCovers(wide: string, narrow: string): boolean {
  const [a, b] = [blockOf(wide), blockOf(narrow)];
  return a.family === b.family && b.bits.startsWith(a.bits);
}

// ---- paths

const isRest = (segment: string) => /^(?:\*\*|\{\w+=\*\*\})$/.test(segment);
const isAny = (segment: string) => /^(?:\*|\{\w+\})$/.test(segment);
const segmentsOf = (template: string) => template.slice(1).split("/");

function templateCovers(wide: string, narrow: string): boolean {
  const [a, b] = [segmentsOf(wide), segmentsOf(narrow)];
  for (const [i, part] of a.entries()) {
    if (isRest(part)) return true;
    const other = b[i];
    if (other === undefined || isRest(other)) return false;
    if (isAny(part) ? other === "" : part !== other) return false;
  }
  return a.length === b.length;
}

function templatesTouch(a: string, b: string): boolean {
  const [one, other] = [segmentsOf(a), segmentsOf(b)];
  for (let i = 0; ; i++) {
    const [x, y] = [one[i], other[i]];
    if (x === undefined && y === undefined) return true;
    if ((x !== undefined && isRest(x)) || (y !== undefined && isRest(y))) return true;
    if (x === undefined || y === undefined) return false;
    if (isAny(x) ? y === "" : isAny(y) ? x === "" : x !== y) return false;
  }
}

const isLiteral = (template: string) =>
  !segmentsOf(template).some((each) => isRest(each) || isAny(each));

/** The text that every path of the template begins with: whole segments. */
function headOf(template: string): string {
  const segments = segmentsOf(template);
  const stop = segments.findIndex((each) => isRest(each) || isAny(each));
  return (stop < 0 ? segments : segments.slice(0, stop)).map((each) => `/${each}`).join("");
}

const isPathPrefix = (path: string, prefix: string) =>
  path.startsWith(prefix) &&
  (path.length === prefix.length || path[prefix.length] === "/" || prefix.endsWith("/"));

/** Whether the template matches every path that the matcher does. */
function templateHolds(template: string, matcher: Tree): boolean {
  if (matcher["not"] === true || matcher["ignoreCase"] === true) return false;
  const values = valuesOf(matcher);
  if (values)
    return values.every(
      (value) => value.startsWith("/") && templateCovers(template, value) && !hasStars(value),
    );
  const prefix = matcher["prefix"] as string | undefined;
  const segments = segmentsOf(template);
  if (prefix === undefined || prefix.endsWith("/") || !isRest(segments.at(-1)!)) return false;
  const head = headOf(template);
  return segments.length === head.split("/").length && isPathPrefix(prefix, head);
}

/** Text that would be read as a template if it stood as one. */
const hasStars = (value: string) => segmentsOf(value).some((each) => isRest(each) || isAny(each));

/** Whether the matcher holds for every path of the template. */
function matcherHoldsTemplate(matcher: Tree, template: string): boolean {
  if (matcher["not"] === true) return false;
  if (isLiteral(template)) return holdsFor(matcher, template, true) === true;
  const { prefix, ...others } = matcher;
  return (
    typeof prefix === "string" &&
    Object.keys(others).length === 0 &&
    isPathPrefix(headOf(template), prefix)
  );
}

/** Whether the matcher holds for no path of the template. */
function excludesTemplate(matcher: Tree, template: string): boolean {
  const isNot = matcher["not"] === true;
  if (isLiteral(template)) return holdsFor(matcher, template, true) === isNot;
  const values = isNot || matcher["ignoreCase"] === true ? undefined : valuesOf(matcher);
  return (
    values?.every(
      (value) => !value.startsWith("/") || (!hasStars(value) && !templateCovers(template, value)),
    ) ?? false
  );
}

function matchersExclude(a: Tree, b: Tree): boolean {
  if (a["not"] === true || a["ignoreCase"] === true) return false;
  const values = valuesOf(a);
  if (values) {
    const isNot = b["not"] === true;
    return values.every((value) => holdsFor(b, value, true) === isNot);
  }
  const [one, other] = [a["prefix"], b["prefix"]];
  if (typeof one !== "string" || typeof other !== "string") return false;
  if (b["not"] === true || b["ignoreCase"] === true) return false;
  return !one.startsWith(other) && !other.startsWith(one);
}

// ---- values

const asTree = (matcher: unknown): Tree =>
  typeof matcher !== "string"
    ? (matcher as Tree)
    : matcher === "present" || matcher === "absent"
      ? {}
      : { exact: matcher };

/** Whether the matcher of a name holds only where the name has a value. */
const needsValue = (matcher: unknown): boolean =>
  matcher !== "absent" && asTree(matcher)["not"] !== true;

/** The values that the matcher can hold for, when they are few and known. */
function valuesOf(matcher: Tree): string[] | undefined {
  if (typeof matcher["exact"] === "string") return [matcher["exact"]];
  return matcher["in"] as string[] | undefined;
}

/** Whether the keys of the matcher but `not` hold for the value; undefined when that is not certain. */
function holdsFor(matcher: Tree, value: string, bySegments: boolean): boolean | undefined {
  const fold = (text: unknown) =>
    matcher["ignoreCase"] === true
      ? String(text).replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      : String(text);
  const text = fold(value);
  const { exact, prefix, suffix, contains, in: oneOf, range } = matcher;
  if (exact !== undefined && text !== fold(exact)) return false;
  if (oneOf !== undefined && !(oneOf as string[]).some((each) => fold(each) === text)) return false;
  if (prefix !== undefined) {
    const head = fold(prefix);
    if (!(bySegments ? isPathPrefix(text, head) : text.startsWith(head))) return false;
  }
  if (suffix !== undefined && !text.endsWith(fold(suffix))) return false;
  if (contains !== undefined && !text.includes(fold(contains))) return false;
  if (range !== undefined) {
    const [from, to] = range as [number, number];
    if (!/^-?\d{1,15}$/.test(value)) return /^-?\d{16,18}$/.test(value) ? undefined : false;
    if (Number(value) < from || Number(value) > to) return false;
  }
  return matcher["regex"] === undefined ? true : undefined;
}

/** Whether `wide` holds for every value that `narrow` does. */
function matcherCovers(wide: Tree, narrow: Tree, bySegments: boolean): boolean {
  if (isEqual(wide, narrow)) return true;
  if (wide["not"] === true || narrow["not"] === true || narrow["ignoreCase"] === true) return false;
  const values = valuesOf(narrow);
  if (values) return values.every((value) => holdsFor(wide, value, bySegments) === true);
  return Object.entries(wide).every(([key, value]) => {
    const own = narrow[key];
    if (key === "ignoreCase" && value === false) return true;
    if (own === undefined) return false;
    switch (key) {
      case "prefix":
        return bySegments
          ? isPathPrefix(own as string, value as string)
          : (own as string).startsWith(value as string);
      case "suffix":
        return (own as string).endsWith(value as string);
      case "contains":
        return (own as string).includes(value as string);
      case "range": {
        const [from, to] = value as [number, number];
        const [ownFrom, ownTo] = own as [number, number];
        return from <= ownFrom && ownTo <= to;
      }
      case "regex":
        return own === value;
    }
    return false;
  });
}

function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return (
    keys.length === others.length &&
    keys.every((key) => isEqual((a as Tree)[key], (b as Tree)[key]))
  );
}
