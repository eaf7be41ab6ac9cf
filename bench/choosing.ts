// Choosing among many rules: each adds its number as a request header, and requests are for all of them
// evenly. Ten rules and ten thousand are contenders of one comparison, so that they can be compared.

import {
  add,
  type Contender,
  HEADERS,
  lua,
  NONE,
  ours,
  type Scenario,
  TYPE,
  type Variation,
} from "./contenders.ts";

const COUNTS = [10, 10_000];

const hostOf = (rule: number) => `h${rule}.example.com`;
const pathOf = (rule: number) => `/v${rule % 10}/items`;
const mark = (rule: number) => [{ headers: { add: { "x-rule": String(rule) } } }];
const numbers = (n: number) => Array.from({ length: n }, (_, rule) => rule);

const route = (match: object, rule?: number) => ({
  match,
  route: { cluster: "upstream", timeout: "0s" },
  ...(rule !== undefined && {
    request_headers_to_add: [{ header: { key: "x-rule", value: String(rule) } }],
  }),
});

/** Header mutation where an exact host says which, as Envoy's matching has it. */
function matcherTree(n: number): object {
  const action = (rule: number) => ({
    action: {
      name: "mark",
      typed_config: {
        "@type": `${TYPE}.composite.v3.ExecuteFilterAction`,
        typed_config: {
          name: "mark",
          typed_config: {
            "@type": `${TYPE}.header_mutation.v3.HeaderMutation`,
            mutations: { request_mutations: [add("x-rule", String(rule))] },
          },
        },
      },
    },
  });
  return {
    name: "matcher",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
      extension_config: {
        name: "composite",
        typed_config: { "@type": `${TYPE}.composite.v3.Composite` },
      },
      xds_matcher: {
        matcher_tree: {
          input: {
            name: "host",
            typed_config: {
              "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
              header_name: ":authority",
            },
          },
          exact_match_map: {
            map: Object.fromEntries(numbers(n).map((rule) => [hostOf(rule), action(rule)])),
          },
        },
      },
    },
  };
}

function hostContenders(wasm: string, n: number): Contender[] {
  const table = numbers(n).map((rule) => `["${hostOf(rule)}"]="${rule}"`);
  const rules = numbers(n).map((rule) => ({
    match: { host: hostOf(rule) },
    request: mark(rule),
  }));
  return [
    {
      name: "route table",
      filters: [],
      virtualHosts: numbers(n).map((rule) => ({
        name: hostOf(rule),
        domains: [hostOf(rule)],
        routes: [route({ prefix: "/" }, rule)],
      })),
    },
    { name: "matcher", filters: [matcherTree(n)] },
    lua(`
      local T = {${table.join(",")}}
      function envoy_on_request(h) local m = h:headers(); local v = T[m:get(":authority")]
        if v then m:add("x-rule", v) end end`),
    ours(wasm, { rules }),
  ].map((each) => ({ ...each, name: `${each.name} ${n}`, rules: n }));
}

/** Ten rules to a host, told apart by path, for one value of a header. */
function pathContenders(wasm: string, n: number): Contender[] {
  const host = (rule: number) => hostOf(Math.floor(rule / 10));
  const tier = { name: "x-tier", string_match: { exact: "gold" } };
  const hosts = numbers(n / 10).map((i) => ({
    name: hostOf(i),
    domains: [hostOf(i)],
    routes: [
      ...numbers(10).map((k) => route({ prefix: `${pathOf(k)}/`, headers: [tier] }, i * 10 + k)),
      route({ prefix: "/" }),
    ],
  }));
  const table = numbers(n).map((rule) => `["${host(rule)}${pathOf(rule)}"]="${rule}"`);
  const rules = numbers(n).map((rule) => ({
    match: { host: host(rule), path: `${pathOf(rule)}/{id}/**`, headers: { "x-tier": "gold" } },
    request: mark(rule),
  }));
  return [
    { name: "route table", filters: [], virtualHosts: hosts },
    lua(`
      local T = {${table.join(",")}}
      function envoy_on_request(h) local m = h:headers()
        local p = string.match(m:get(":path"), "^(/[^/]*/[^/]*)/[^/]+")
        local v = p and T[m:get(":authority") .. p]
        if v and m:get("x-tier") == "gold" then m:add("x-rule", v) end end`),
    ours(wasm, { rules }),
  ].map((each) => ({ ...each, name: `${each.name} ${n}`, rules: n }));
}

function choosing(
  name: string,
  title: string,
  contenders: (wasm: string, n: number) => Contender[],
  vary: (rule: number) => Variation,
  isHit = true,
): Scenario {
  return {
    name,
    title,
    contenders: (wasm) => [NONE, ...COUNTS.flatMap((n) => contenders(wasm, n))],
    request: { path: "/small", headers: HEADERS },
    vary,
    count: 3000,
    verify: (_got, upstream, contender, rule) => {
      const wanted = isHit && contender !== "none" ? String(rule) : undefined;
      if (upstream["x-rule"] !== wanted) throw new Error(`${contender}: ${upstream["x-rule"]}`);
    },
  };
}

export const choices: Scenario[] = [
  choosing(
    "hosts",
    "rules with an exact host each, 10 and 10,000; hosts hit evenly",
    hostContenders,
    (rule) => ({ headers: { host: hostOf(rule) } }),
  ),
  choosing(
    "hosts-miss",
    "the same rules, and a host that none is for",
    hostContenders,
    () => ({ headers: { host: "no.such.host" } }),
    false,
  ),
  choosing(
    "hosts-paths",
    "rules with host, path template and header, ten to a host; hit evenly",
    pathContenders,
    (rule) => ({
      path: `${pathOf(rule)}/7/parts`,
      headers: { host: hostOf(Math.floor(rule / 10)), "x-tier": "gold" },
    }),
  ),
];
