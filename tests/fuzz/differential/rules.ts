// Random rule files for the two engines: every verb that acts on messages, from a vocabulary small enough that
// rules and traffic meet.

import type { Random } from "../fuzz.ts";

type Tree = Record<string, unknown>;
type Make = (random: Random) => unknown;

export const HEADERS = ["x-a", "x-b", "user-agent", "accept", "cookie", "x-forwarded-for"];
export const ANSWER_HEADERS = ["x-a", "x-b", "set-cookie", "cache-control", "etag", "vary"];
const HOSTS_OWN = ["server", "date", "x-request-id", "via", "x-envoy-upstream-service-time"];
const GLOBS = ["x-*", "x-a", "*o*", "set-cookie", "cookie", "server", "date", "accept*"];
const PARAMETERS = ["a", "b", "page"];

/** What templates read: the same in both engines, or one of them is wrong. */
const READS = [
  ...["request.method", "request.path", "request.host", "request.query", "request.url_path"],
  ...["request.scheme", "client.ip", "request.protocol", "original.path", "source.address"],
  ...["request.headers['x-a']", "request.headers['cookie']", "request.cookies['a']"],
  ...["request.headers['x-forwarded-proto']", "request.headers['x-forwarded-for']"],
  ...["request.query_params['a']", "json.encode(request.headers)", "request.headers['host']"],
];
const ANSWER_READS = [
  ...["response.code", "response.headers['x-a']", "response.headers['set-cookie']"],
  ...["json.encode(response.headers)", "response.headers['content-length']"],
];

const WORDS = ["1", "v", "gold", "a, b", "é", "x=y", "ÿ", ""];

const pick =
  (list: readonly string[]): Make =>
  (random) =>
    random.of(list);

function value(reads: readonly string[]): Make {
  return (random) => {
    if (random.chance(50)) return random.of(WORDS);
    return `${random.of(WORDS)}$(${random.of(reads)})`.replace("$(source.address)", "s");
  };
}

function map(names: readonly string[], make: Make): Make {
  return (random) =>
    Object.fromEntries(
      Array.from({ length: 1 + random.below(2) }, () => [random.of(names), make(random)]),
    );
}

const some = (make: Make, most = 2): Make => {
  return (random) => Array.from({ length: 1 + random.below(most) }, () => make(random));
};

const regexes: Make = (random) => ({
  regex: random.of(["o", "^.*$", "(a)|(b)", "[0-9]+", "$"]),
  with: random.of(["", "<$1>", "é", "zz"]),
});

/** One or two members of the table. */
function members(table: Record<string, Make>): Make {
  return (random) => {
    const tree: Tree = {};
    for (let n = 1 + random.below(2); n > 0; n--) {
      const key = random.of(Object.keys(table));
      tree[key] = table[key]!(random);
    }
    return tree;
  };
}

function headers(names: readonly string[], reads: readonly string[]): Make {
  const own = [...names, ...HOSTS_OWN];
  const one = value(reads);
  const several: Make = (random) => (random.chance(70) ? one(random) : some(one, 3)(random));
  const edits = ["set", "add", "append", "default"].map((key) => [key, map(own, several)]);
  return members({
    ...Object.fromEntries(edits),
    remove: some(pick(GLOBS)),
    keep: some(pick(GLOBS)),
    rename: map(names, pick(names)),
    copy: map(own, pick(names)),
    replace: map(names, regexes),
    dedupe: map(names, pick(["first", "last", "unique"])),
  });
}

function body(reads: readonly string[]): Make {
  const text = value(reads);
  return members({
    text,
    prepend: text,
    append: text,
    replace: some((random) =>
      random.chance(50)
        ? { find: random.of(["o", "foo", "{"]), with: text(random) }
        : { ...(regexes(random) as Tree), regex: random.of(["o+", "[a-c]", "(f)(o)"]) },
    ),
    insert: (random) => ({ [random.of(["before", "after"])]: "o", text: text(random) }),
    json: members({
      set: map(["/a", "/b/0"], text),
      remove: some(pick(["/a", "/items"])),
      default: map(["/c"], text),
    }),
  });
}

const STATUSES = [200, 201, 204, 205, 302, 304, 400, 403, 404, 418, 500, 503];

function respond(reads: readonly string[]): Make {
  return (random) => {
    const tree: Tree = { status: random.of(STATUSES) };
    const bodiless = [204, 205, 304].includes(tree["status"] as number);
    if (!bodiless && random.chance(40)) tree["text"] = value(reads)(random);
    else if (!bodiless && random.chance(30)) tree["json"] = { a: value(reads)(random) };
    if (random.chance(40)) tree["headers"] = map(ANSWER_HEADERS, value(reads))(random);
    return tree;
  };
}

const redirect: Make = (random) => ({
  to: random.of(["/x/$(request.query_params['a'])", "https://b.test$(request.path)", "/y"]),
  status: random.of([301, 302, 303, 307, 308]),
});

const parameters = (reads: readonly string[]): Make =>
  members({
    set: map(PARAMETERS, value(reads)),
    add: map(PARAMETERS, value(reads)),
    default: map(PARAMETERS, value(reads)),
    remove: some(pick(["a", "*", "p*"])),
    keep: some(pick(["a", "p*"])),
    rename: map(PARAMETERS, pick(["c", "d"])),
    copy: map(PARAMETERS, pick(["c", "d"])),
    replace: map(PARAMETERS, regexes),
    dedupe: map(PARAMETERS, pick(["first", "last", "unique"])),
  });

const limit: Make = members({
  body: pick(["0B", "5B", "1KiB"]),
  headers: (random) => random.of([3, 8, 50]),
  headerBytes: pick(["100B", "4KiB"]),
});

const validate: Make = () => ({ body: { type: "object", required: ["a"] } });

const set = (reads: readonly string[]): Make => map(["one", "two"], value(reads));

const REQUEST: Record<string, Make> = {
  headers: headers(HEADERS, READS),
  query: parameters(READS),
  cookies: members({
    set: map(PARAMETERS, pick(["1", "x"])),
    remove: some(pick(["a", "*"])),
    keep: some(pick(["a"])),
    rename: map(PARAMETERS, pick(["c"])),
    dedupe: map(PARAMETERS, pick(["first", "last"])),
  }),
  form: parameters(READS),
  path: pick(["/p", "/p/$(request.method)", "/x?y=$(request.query_params['a'])"]),
  host: pick(["b.test", "B.test:81", "$(request.headers['x-a'])"]),
  method: pick(["PUT", "GET", "HEAD", "POST"]),
  body: body(READS),
  limit,
  validate,
  respond: respond(READS),
  redirect,
  set: set(READS),
  rateLimit: (random) => ({ limit: random.of(["1/1h", "2/1h", "3/1h"]), algorithm: "fixed" }),
  stop: () => true,
};

const ALL_READS = [...READS, ...ANSWER_READS];
const RESPONSE: Record<string, Make> = {
  headers: headers(ANSWER_HEADERS, ALL_READS),
  status: (random) => random.of(STATUSES),
  body: body(ALL_READS),
  limit: members({ body: pick(["5B", "1KiB"]) }),
  validate,
  respond: respond(ALL_READS),
  redirect,
  set: set(ALL_READS),
  stop: () => true,
};

/** Verbs of the schema that stand in neither table, and why. */
export const LEFT_OUT: Record<string, string> = {
  events: "tests/wire/events.test.ts has every cut of a stream through both engines",
  trailers: "tests/wire/trailers.test.ts has both engines",
  authorize: "needs a service: tests/envoy/authorize.test.ts",
  call: "needs a service: tests/envoy/calls.test.ts",
  redis: "needs Redis, which stock Envoy cannot call",
  parallel: "is made of calls",
  forward: "what it sends comes when it comes: tests/envoy/calls.test.ts",
  attributes: "is seen in the access log only: tests/envoy/attributes.test.ts",
  store: "is seen by a later stream only: tests/envoy/state.test.ts",
  log: "is seen in the log only",
  metric: "is seen in the metrics only: tests/envoy/metrics.test.ts",
};

export const VERBS = { request: Object.keys(REQUEST), response: Object.keys(RESPONSE) };

const WHENS = [
  ...["request.method == 'POST'", "request.headers['x-a'] == '1'", "request.path.contains('a')"],
  ...["client.ip.startsWith('127')", "request.body.contains('o')", "has(request.headers.cookie)"],
];
const ANSWER_WHENS = [
  ...["response.code == 200", "response.headers['x-a'] == '1'", "response.body.contains('o')"],
];

function step(table: Record<string, Make>, whens: readonly string[]): Make {
  return (random) => {
    const names = Object.keys(table);
    // Half of all steps are of the verbs that touch most of a message.
    const verb = random.chance(50) ? random.of(["headers", "body"]) : random.of(names);
    const tree: Tree = { [verb]: table[verb]!(random) };
    if (random.chance(verb === "respond" || verb === "redirect" ? 70 : 20)) {
      tree["when"] = random.of(whens);
    }
    return tree;
  };
}

const match: Make = (random) => {
  const tree: Tree = {};
  if (random.chance(40)) tree["path"] = random.of(["/a/**", "/users/{id}", "/*", "/a"]);
  if (random.chance(15)) tree["method"] = random.of(["GET", "POST", "HEAD"]);
  if (random.chance(15)) tree["host"] = random.of(["shop.test", "*.test"]);
  if (random.chance(15)) tree["headers"] = { "x-a": random.of(["1", "present", "absent"]) };
  return tree;
};

/** A rule file as a tree; most are such that `compile` takes them. */
export function randomRules(random: Random): Tree {
  const rules = Array.from({ length: 1 + random.below(2) }, () => {
    const rule: Tree = { match: match(random) };
    const which = random.below(3);
    if (which !== 1) rule["request"] = some(step(REQUEST, WHENS), 3)(random);
    if (which !== 0)
      rule["response"] = some(step(RESPONSE, [...WHENS, ...ANSWER_WHENS]), 3)(random);
    return rule;
  });
  return { ruleway: 1, settings: { holdHeaders: random.chance(60) }, rules };
}
