// `match` read slowly and obviously, to judge the filter by: every condition is asked of every request,
// and nothing is shared with the filter but the words of the reference.

export interface Request {
  headers: Array<[string, string]>;
  /** Attributes of the host. */
  info: Record<string, string>;
}

type Tree = Record<string, unknown>;

const list = (value: unknown): string[] => (Array.isArray(value) ? value : [value]) as string[];

/** As the host gives the headers to filters: the lines of some names are one. */
const JOINED = ["accept"];

function headersOf({ headers }: Request): Array<[string, string]> {
  const result: Array<[string, string]> = [];
  for (const [name, value] of headers) {
    const first = result.find(([each]) => each === name && JOINED.includes(each));
    if (first) first[1] += `,${value}`;
    else result.push([name, value]);
  }
  return result;
}

const header = (request: Request, name: string): string | undefined =>
  request.headers.find(([each]) => each === name)?.[1];

function hostOf(request: Request): string | undefined {
  const authority = header(request, ":authority")?.toLowerCase();
  return authority?.startsWith("[")
    ? authority.replace(/\].*$/, "]")
    : authority?.replace(/:.*$/, "");
}

function hostMatches(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase();
  if (wanted === "*") return true;
  if (wanted.startsWith("*.")) return host.endsWith(wanted.slice(1));
  if (wanted.endsWith(".*")) return host.startsWith(wanted.slice(0, -1));
  return host === wanted;
}

/** A domain of the Higress envelope. */
export function domainMatches(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase();
  if (wanted.startsWith("*")) return host.endsWith(wanted.slice(1));
  if (wanted.endsWith("*")) return host.startsWith(wanted.slice(0, -1));
  return host === wanted;
}

const byteText = (code: number) => `%${code.toString(16).toUpperCase().padStart(2, "0")}`;

/** The text with each character as RFC 3986 6.2.2 has it in a path: bare where it is unreserved, escaped
 * where a path cannot hold it, escapes in upper case, backslashes as slashes. */
function normalText(text: string): string {
  return text.replace(
    /%([0-9A-Fa-f]{2})|\\|[^!#-;=?-[\]_a-z~]/g,
    (each, hex: string | undefined) => {
      if (each === "\\") return "/";
      if (hex === undefined) return [...Buffer.from(each)].map(byteText).join("");
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9._~-]/.test(character) ? character : each.toUpperCase();
    },
  );
}

/** A path as it goes on: with its dot segments carried out. */
function normalPath(path: string): string {
  const out: string[] = [];
  const segments = normalText(path).slice(1).split("/");
  segments.forEach((segment, i) => {
    const isDots = segment === "." || segment === "..";
    if (segment === "..") out.pop();
    if (!isDots) out.push(segment);
    else if (i === segments.length - 1) out.push("");
  });
  return `/${out.join("/")}`;
}

/** A text of paths as it is compared: a run of slashes is one, and what means the same bare is bare. */
const comparable = (text: string): string =>
  text
    .replace(/\/+/g, "/")
    .replace(/%(21|24|2[6-9A-C]|3A|3B|3D|40)/g, (each) => decodeURIComponent(each));

const comparablePath = (path: string): string =>
  path.startsWith("/") ? comparable(normalPath(path)) : path;

/** The captures, as the path goes on, or undefined when it does not match. */
function capturesOf(template: string, path: string): Record<string, string> | undefined {
  const captures: Record<string, string> = {};
  const wanted = template.slice(1).replace(/^\/+/, "").split(/\/+/);
  const segments = comparablePath(path).slice(1).split("/");
  const sent = normalPath(path).replace(/^\/+/, "");
  for (let i = 0; i < wanted.length; i++) {
    const part = wanted[i]!;
    const rest = /^(?:\*\*|\{(\w+)=\*\*\})$/.exec(part);
    if (rest) {
      const before = new RegExp(`^(?:[^/]*(?:/+|$)){${i}}`);
      if (rest[1]) captures[rest[1]] = sent.replace(before, "");
      return captures;
    }
    const segment = segments[i];
    if (segment === undefined) return undefined;
    const one = /^(?:\*|\{(\w+)\})$/.exec(part);
    if (!one && segment !== comparable(normalText(part))) return undefined;
    if (one && segment === "") return undefined;
    if (one?.[1]) captures[one[1]] = sent.split(/\/+/)[i]!;
  }
  return segments.length === wanted.length ? captures : undefined;
}

/** The texts of a path's matcher as they are compared. */
function comparableMatcher(matcher: Tree): Tree {
  const whole = (text: unknown) => comparablePath(String(text));
  const part = (text: unknown) => comparable(normalText(String(text)));
  const texts: Record<string, (text: unknown) => unknown> = {
    exact: whole,
    prefix: whole,
    in: (all) => (all as unknown[]).map(whole),
    suffix: part,
    contains: part,
  };
  return Object.fromEntries(
    Object.entries(matcher).map(([key, value]) => [key, texts[key]?.(value) ?? value]),
  );
}

function valueMatches(matcher: Tree, value: string, bySegments: boolean): boolean {
  const fold = (text: unknown) =>
    matcher["ignoreCase"] ? String(text).replace(/[A-Z]/g, (c) => c.toLowerCase()) : String(text);
  const { exact, prefix, suffix, contains, regex, in: oneOf, range } = matcher;
  const text = fold(value);
  if (exact !== undefined && text !== fold(exact)) return false;
  if (prefix !== undefined) {
    if (!text.startsWith(fold(prefix))) return false;
    const rest = text.slice(String(prefix).length);
    const isWhole = rest === "" || rest.startsWith("/") || String(prefix).endsWith("/");
    if (bySegments && !isWhole) return false;
  }
  if (suffix !== undefined && !text.endsWith(fold(suffix))) return false;
  if (contains !== undefined && !text.includes(fold(contains))) return false;
  if (
    regex !== undefined &&
    !new RegExp(String(regex), matcher["ignoreCase"] ? "i" : "").test(value)
  )
    return false;
  if (oneOf !== undefined && !list(oneOf).some((each) => fold(each) === text)) return false;
  if (range !== undefined) {
    const [from, to] = range as [number, number];
    if (!/^-?\d{1,18}$/.test(value) || Number(value) < from || Number(value) > to) return false;
  }
  return true;
}

function namedMatches(matchers: Tree, pairs: Array<[string, string]>, lower: boolean): boolean {
  return Object.entries(matchers).every(([name, matcher]) => {
    const wanted = lower ? name.toLowerCase() : name;
    const values = pairs.filter(([each]) => each === wanted).map(([, value]) => value);
    if (matcher === "present") return values.length > 0;
    if (matcher === "absent") return values.length === 0;
    const tree = typeof matcher === "string" ? { exact: matcher } : (matcher as Tree);
    const isThere = values.some((value) => valueMatches(tree, value, false));
    return isThere !== (tree["not"] === true);
  });
}

const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));

function queryOf(request: Request): Array<[string, string]> {
  const query = /^[^?#]*\?([^#]*)/.exec(header(request, ":path") ?? "")?.[1] ?? "";
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [, name, value] = /^([^=]*)=?(.*)$/.exec(pair)!;
      return [decode(name!), decode(value!)];
    });
}

function cookiesOf(request: Request): Array<[string, string]> {
  return request.headers
    .filter(([name]) => name === "cookie")
    .flatMap(([, line]) => line.split(";"))
    .map((pair) => pair.trim().split("="))
    .filter(([name]) => name !== "")
    .map(([name, ...rest]) => [name!, rest.join("=")]);
}

function addressOf(text: string): { family: number; bits: string } {
  if (!text.includes(":")) {
    const bits = text.split(".").map((byte) => Number(byte).toString(2).padStart(8, "0"));
    return { family: 4, bits: bits.join("") };
  }
  const [head, tail] = text.split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array(8 - head!.length - (tail?.length ?? 0)).fill("0");
  const groups = [...head!, ...(tail === undefined ? [] : zeros), ...(tail ?? [])];
  const bits = groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0"));
  return { family: 6, bits: bits.join("") };
}

function sourceMatches(block: string, address: string): boolean {
  const [base, size] = block.split("/");
  const wanted = addressOf(base!);
  const found = addressOf(address);
  const bits = size === undefined ? wanted.bits.length : Number(size);
  return wanted.family === found.family && wanted.bits.slice(0, bits) === found.bits.slice(0, bits);
}

function isService(service: string, cluster: string | undefined): boolean {
  const parts = cluster?.split("|") ?? [];
  return parts.length === 4 && (service === parts[3] || service === `${parts[3]}:${parts[1]}`);
}

/** The captures of the rule's path if the match holds for the request, else undefined. */
export function matches(match: Tree, request: Request): Record<string, string> | undefined {
  let captures: Record<string, string> = {};
  const path = (header(request, ":path") ?? "").replace(/[?#].*$/s, "");
  const host = hostOf(request);
  const route = request.info["xds.route_name"];
  const cluster = request.info["xds.cluster_name"];
  for (const [key, value] of Object.entries(match)) {
    let holds: boolean;
    if (key === "host") {
      holds = host !== undefined && list(value).some((each) => hostMatches(each, host));
    } else if (key === "path" && (typeof value === "string" || Array.isArray(value))) {
      const found = list(value)
        .map((each) => capturesOf(each, path))
        .find((each) => each !== undefined);
      captures = { ...captures, ...found };
      holds = found !== undefined;
    } else if (key === "path") {
      const tree = value as Tree;
      const [wanted, found] = [comparableMatcher(tree), comparablePath(path)];
      holds = valueMatches(wanted, found, true) !== (tree["not"] === true);
    } else if (key === "method" || key === "scheme") {
      holds = list(value).includes(header(request, `:${key}`)!);
    } else if (key === "route") {
      holds = route !== undefined && list(value).includes(route);
    } else if (key === "routePrefix") {
      holds = route !== undefined && list(value).some((each) => route.startsWith(each));
    } else if (key === "cluster") {
      holds = cluster !== undefined && list(value).includes(cluster);
    } else if (key === "service") {
      holds = list(value).some((each) => isService(each, cluster));
    } else if (key === "headers") {
      holds = namedMatches(value as Tree, headersOf(request), true);
    } else if (key === "query") {
      holds = namedMatches(value as Tree, queryOf(request), false);
    } else if (key === "cookies") {
      holds = namedMatches(value as Tree, cookiesOf(request), false);
    } else if (key === "source") {
      const address = request.info["source.address"]!.replace(/^\[?(.*?)\]?:\d+$/, "$1");
      holds = list(value).some((each) => sourceMatches(each, address));
    } else if (key === "not") {
      holds = matches(value as Tree, request) === undefined;
    } else {
      const results = (value as Tree[]).map((each) => matches(each, request) !== undefined);
      holds = key === "any" ? results.includes(true) : !results.includes(false);
    }
    if (!holds) return undefined;
  }
  return captures;
}
