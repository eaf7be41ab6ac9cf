// Random matches and requests from a small vocabulary, so that they meet: for the tests that judge the
// choosing of rules.

import type { Random } from "./fuzz/fuzz.ts";
import type { Request } from "./reference/match.ts";

type Tree = Record<string, unknown>;

const LABELS = ["a", "b", "api", "www", "xn--p1ai"];
const SEGMENTS = ["", "a", "b", "users", "*", "**", "A", "%2F", "a%2Fb", "%C3%A9", "users1"];
const NAMES = ["x-a", "x-b", "X-Tier", "accept"];
const VALUES = ["", "1", "2", "10", "gold", "Gold", "golden", "a,b", "present1"];
const PARAMETERS = ["q", "Q", "page"];
const METHODS = ["GET", "POST", "get", "PUT"];
const ROUTES = ["r", "r1", "ns/r", "ns/r1", "ns"];
const CLUSTERS = ["c", "outbound|80||a.dns", "outbound|8080|v1|a.dns", "outbound|80||b", "a|b|c"];
const SERVICES = ["a.dns", "a.dns:80", "b", "b:80", "b:81", "dns"];
const ADDRESSES = ["10.0.0.1", "10.1.2.3", "192.0.2.7", "2001:db8::1", "2001:db8:1::1", "::1"];
const BLOCKS = [
  ...["10.0.0.0/8", "10.0.0.0/31", "10.0.0.1", "0.0.0.0/0", "::/0", "2001:db8::/32"],
  ...["2001:db8::/48", "::1/128", "192.0.2.0/24", "10.1.2.3/9"],
];

const some = <T>(random: Random, make: () => T, most = 3): T | T[] =>
  random.chance(60) ? make() : Array.from({ length: 1 + random.below(most) }, make);

function name(random: Random): string {
  return Array.from({ length: 1 + random.below(3) }, () => random.of(LABELS)).join(".");
}

function hostPattern(random: Random): string {
  const text = name(random);
  if (random.chance(3)) return "*";
  if (random.chance(20)) return `*.${text}`;
  if (random.chance(20)) return `${text}.*`;
  return random.chance(20) ? text.toUpperCase() : random.chance(5) ? "[::1]" : text;
}

function template(random: Random, captures: string[]): string {
  let text = "";
  const n = 1 + random.below(4);
  for (let i = 0; i < n; i++) {
    const free = ["x", "y", "z"].filter((each) => !text.includes(`{${each}`));
    if (random.chance(20)) text += "/*";
    else if (captures.length > 0 && random.chance(30)) text += `/{${random.of(free)}}`;
    else text += `/${random.of(SEGMENTS.filter((each) => !each.includes("*")))}`;
  }
  if (random.chance(15)) return `${text}/**`;
  if (captures.length > 0 && random.chance(10)) return `${text}/{rest=**}`;
  return text;
}

function matcher(random: Random, isPath: boolean): unknown {
  const value = () => (isPath ? path(random) : random.of(VALUES));
  // No path has a run of slashes inside, so that nothing can be said of one (R331).
  const part = (text: string) => (isPath ? text.replace(/\/{2,}/g, "/") : text);
  if (!isPath && random.chance(20)) return random.of(["present", "absent"]);
  if (!isPath && random.chance(30)) return value();
  const tree: Tree = {};
  for (let n = 1 + (random.chance(20) ? 1 : 0); n > 0; n--) {
    const kind = random.of(["exact", "prefix", "suffix", "contains", "regex", "in", "range"]);
    if (kind === "regex") tree["regex"] = random.of(["^/a", "go+ld", "1$", "(a|b)"]);
    else if (isPath && (kind === "in" || kind === "range")) continue;
    else if (kind === "in") tree["in"] = [value(), value()];
    else if (kind === "range")
      tree["range"] = random.of([
        [0, 5],
        [-3, 2],
        [10, 10],
      ]);
    else {
      const text = random.chance(30) ? value().slice(0, 3) : value();
      tree[kind] = kind === "suffix" || kind === "contains" ? part(text) : text;
    }
  }
  if (Object.keys(tree).length === 0) tree["exact"] = value();
  if (random.chance(20)) tree["ignoreCase"] = true;
  if (random.chance(15)) tree["not"] = true;
  return tree;
}

const named = (random: Random, names: string[]): Tree =>
  Object.fromEntries(
    Array.from({ length: random.chance(80) ? 1 : 2 }, () => [
      random.of(names),
      matcher(random, false),
    ]),
  );

/** A match; `captures` says that it may have some. */
export function randomMatch(random: Random, captures = true, depth = 2): Tree {
  const match: Tree = {};
  const keys = [
    ...["host", "host", "host", "path", "path", "path", "pathMatcher", "method", "scheme"],
    ...["headers", "query", "cookies", "route", "routePrefix", "cluster", "service", "source"],
    ...(depth > 0 ? ["any", "all", "not"] : []),
  ];
  const nested = () => randomMatch(random, false, depth - 1);
  for (let n = random.chance(3) ? 0 : 1 + random.below(3); n > 0; n--) {
    const key = random.of(keys);
    if (key === "host") match[key] = some(random, () => hostPattern(random));
    else if (key === "path")
      match[key] = some(random, () => template(random, captures ? ["x"] : []));
    else if (key === "pathMatcher") match["path"] = matcher(random, true);
    else if (key === "method") match[key] = some(random, () => random.of(METHODS));
    else if (key === "scheme") match[key] = random.of(["http", "https"]);
    else if (key === "headers") match[key] = named(random, NAMES);
    else if (key === "query") match[key] = named(random, PARAMETERS);
    else if (key === "cookies") match[key] = named(random, PARAMETERS);
    else if (key === "route") match[key] = some(random, () => random.of(ROUTES));
    else if (key === "routePrefix") match[key] = some(random, () => random.of(ROUTES));
    else if (key === "cluster") match[key] = some(random, () => random.of(CLUSTERS));
    else if (key === "service") match[key] = some(random, () => random.of(SERVICES));
    else if (key === "source") match[key] = some(random, () => random.of(BLOCKS));
    else if (key === "not") match[key] = nested();
    else match[key] = Array.from({ length: 1 + random.below(3) }, nested);
  }
  return match;
}

function path(random: Random): string {
  return Array.from({ length: 1 + random.below(4) }, () => `/${random.of(SEGMENTS)}`).join("");
}

export function randomRequest(random: Random): Request {
  let host = name(random);
  if (random.chance(5)) host = `.${host}`;
  if (random.chance(20)) host = host.toUpperCase();
  if (random.chance(5)) host = "[::1]";
  if (random.chance(20)) host += ":8080";
  let target = path(random);
  if (random.chance(50)) {
    const pair = () =>
      `${random.of([...PARAMETERS, "%71"])}${random.chance(80) ? "=" : ""}${random.of(["", "1", "gold", "Gol%64", "+", "10"])}`;
    target += `?${Array.from({ length: 1 + random.below(3) }, pair).join("&")}`;
  }
  if (random.chance(5)) target += "#part?q=1";
  const headers: Array<[string, string]> = [
    [":authority", host],
    [":path", target],
    [":method", random.of(METHODS)],
    [":scheme", random.of(["http", "https"])],
  ];
  for (let n = random.below(4); n > 0; n--) {
    headers.push([random.of(NAMES).toLowerCase(), random.of(VALUES)]);
  }
  for (let n = random.below(3); n > 0; n--) {
    const cookie = () => `${random.of(PARAMETERS)}=${random.of(["1", "gold", ""])}`;
    headers.push(["cookie", Array.from({ length: 1 + random.below(2) }, cookie).join("; ")]);
  }
  const address = random.of(ADDRESSES);
  const info: Record<string, string> = {
    "source.address": address.includes(":") ? `[${address}]:4000` : `${address}:4000`,
  };
  if (random.chance(70)) info["xds.route_name"] = random.of(ROUTES);
  if (random.chance(70)) info["xds.cluster_name"] = random.of(CLUSTERS);
  return { headers, info };
}
