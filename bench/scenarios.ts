// What is compared: for each kind of work our rules, and what does the same with what is in Envoy.

import { envoyFilter } from "../compiler/targets/envoy.ts";

const TYPE = "type.googleapis.com/envoy.extensions.filters.http";

export interface Contender {
  name: string;
  filters: object[];
  /** Virtual hosts of its route table. */
  virtualHosts?: object[];
  /** Of how many rules. */
  rules?: number;
}

/** What differs from request to request. */
export interface Variation {
  path?: string;
  headers: Record<string, string>;
}

export interface Scenario {
  name: string;
  title: string;
  contenders: (wasmPath: string) => Contender[];
  request: { method?: string; path: string; headers?: Record<string, string>; body?: string };
  /** The request for the rule with that number. */
  vary?: (rule: number) => Variation;
  /** Requests a round; fewer where each costs much. */
  count: number;
  /** Throws when the answer and what the upstream got are not as they must be. */
  verify: (
    got: { status: number; body: string },
    upstream: Record<string, string>,
    contender: string,
    rule: number,
  ) => void;
}

const HEADERS = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  accept: "application/json, text/plain, */*",
  "accept-language": "en-GB,en;q=0.8",
  cookie: "sid=0123456789abcdef0123456789abcdef",
  referer: "https://www.example.com/a/b/c",
};

function ours(wasmPath: string, rules: object): Contender {
  const all = { ruleway: 1, settings: { holdHeaders: true }, ...rules };
  return { name: "ruleway", filters: [envoyFilter(all, { wasmPath })] };
}

function native(name: string, type: string, config: object): Contender {
  const typed = { "@type": `${TYPE}.${type}`, ...config };
  return { name, filters: [{ name: `envoy.filters.http.${name}`, typed_config: typed }] };
}

function lua(code: string): Contender {
  return native("lua", "lua.v3.Lua", { default_source_code: { inline_string: code } });
}

const NONE: Contender = { name: "none", filters: [] };

const add = (key: string, value: string, append_action = "APPEND_IF_EXISTS_OR_ADD") => ({
  append: { header: { key, value }, append_action },
});

/** Text with `foo` once in 4 KiB. */
export function text(size: number): string {
  const line = "the quick brown fox jumps over the lazy dog, again and again; ";
  let page = "";
  while (page.length < size) page += `${line.repeat(70).slice(0, 4093)}foo`;
  return page.slice(0, size);
}

const LUA_REPLACE = `
function envoy_on_response(h) local b = h:body(true); local n = b:length()
  if n > 0 then local s, t, i = b:getBytes(0, n), {}, 1
    while true do local a = string.find(s, "foo", i, true); if not a then break end
      t[#t+1] = string.sub(s, i, a - 1); t[#t+1] = "barbaz"; i = a + 3 end
    if i > 1 then t[#t+1] = string.sub(s, i); b:setBytes(table.concat(t)) end end end`;

function replaceScenario(name: string, size: number, count: number): Scenario {
  return {
    name,
    title: `replace foo by barbaz in ${size >> 10} KiB of text, ${size >> 12} matches`,
    contenders: (wasm) => [
      NONE,
      lua(LUA_REPLACE),
      ours(wasm, {
        rules: [{ response: [{ body: { replace: [{ find: "foo", with: "barbaz" }] } }] }],
      }),
    ],
    request: { path: `/text/${size}`, headers: HEADERS },
    count,
    verify: ({ body }, _upstream, contender) => {
      const expected = contender === "none" ? text(size) : text(size).replaceAll("foo", "barbaz");
      if (body !== expected) throw new Error(`got ${body.length} bytes, not ${expected.length}`);
    },
  };
}

const items = Array.from({ length: 110 }, (_, i) => ({
  sku: `sku-${i}`,
  quantity: i,
  price: i * 1.25,
  tags: ["a", 'b\n"c"'],
  ok: true,
}));
const order = { id: 1234567, status: "open", secret: "s3cr3t", user: { name: "Ada" }, items };

// ---- choosing among many rules: each adds its number as a request header

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

export const scenarios: Scenario[] = [
  {
    name: "headers",
    title: "3 request headers added, 1 removed, 2 response headers set",
    contenders: (wasm) => [
      NONE,
      native("header_mutation", "header_mutation.v3.HeaderMutation", {
        mutations: {
          request_mutations: [
            { remove: "x-remove-me" },
            add("x-a", "1"),
            add("x-b", "2"),
            add("x-c", "3"),
          ],
          response_mutations: [
            add("x-set", "new", "OVERWRITE_IF_EXISTS_OR_ADD"),
            add("x-frame-options", "DENY", "OVERWRITE_IF_EXISTS_OR_ADD"),
          ],
        },
      }),
      lua(`
        function envoy_on_request(h) local m = h:headers()
          m:remove("x-remove-me"); m:add("x-a", "1"); m:add("x-b", "2"); m:add("x-c", "3") end
        function envoy_on_response(h) local m = h:headers()
          m:replace("x-set", "new"); m:replace("x-frame-options", "DENY") end`),
      ours(wasm, {
        rules: [
          {
            request: [
              { headers: { remove: ["x-remove-me"], add: { "x-a": "1", "x-b": "2", "x-c": "3" } } },
            ],
            response: [{ headers: { set: { "x-set": "new", "x-frame-options": "DENY" } } }],
          },
        ],
      }),
    ],
    request: { path: "/small", headers: { ...HEADERS, "x-remove-me": "1" } },
    count: 4000,
    verify: (_got, upstream, contender) => {
      const wanted = contender === "none" ? ["1", undefined] : [undefined, "2"];
      if (upstream["x-remove-me"] !== wanted[0] || upstream["x-b"] !== wanted[1])
        throw new Error(JSON.stringify(upstream));
    },
  },
  replaceScenario("replace-64k", 1 << 16, 1500),
  replaceScenario("replace-1m", 1 << 20, 200),
  {
    name: "json",
    title: "10 KiB JSON request body: one member removed, one set, one added",
    contenders: (wasm) => [
      NONE,
      ours(wasm, {
        rules: [
          {
            request: [
              {
                body: {
                  json: {
                    remove: ["/secret"],
                    set: { "/status": "done" },
                    add: { "/trace": "abc" },
                  },
                },
              },
            ],
          },
        ],
      }),
    ],
    request: {
      method: "POST",
      path: "/echo",
      headers: { ...HEADERS, "content-type": "application/json" },
      body: JSON.stringify(order),
    },
    count: 2500,
    verify: ({ body }, _upstream, contender) => {
      const { secret, ...rest } = order;
      const expected =
        contender === "none" ? { ...rest, secret } : { ...rest, status: "done", trace: "abc" };
      const sort = (tree: object) => JSON.stringify(Object.entries(tree).sort());
      if (sort(JSON.parse(body) as object) !== sort(expected)) throw new Error(body.slice(0, 200));
    },
  },
  {
    name: "authorize",
    title: "auth callout over HTTP, allowed",
    contenders: (wasm) => [
      NONE,
      native("ext_authz", "ext_authz.v3.ExtAuthz", {
        allowed_headers: { patterns: [{ exact: "x-token" }] },
        http_service: {
          server_uri: { uri: "http://auth", cluster: "auth", timeout: "1s" },
          path_prefix: "/auth",
          authorization_response: {
            allowed_upstream_headers: { patterns: [{ exact: "x-auth-user" }] },
          },
        },
      }),
      lua(`
        function envoy_on_request(h) local m = h:headers()
          local r, b = h:httpCall("auth", {[":method"] = "GET", [":path"] = "/auth" .. m:get(":path"), [":authority"] = "auth", ["x-token"] = m:get("x-token")}, nil, 1000)
          if r[":status"] ~= "200" then h:respond({[":status"] = r[":status"]}, b or "") return end
          h:headers():replace("x-auth-user", r["x-auth-user"]) end`),
      ours(wasm, {
        services: { auth: { cluster: "auth", timeout: "1s" } },
        rules: [
          {
            request: [
              {
                authorize: {
                  service: "auth",
                  path: "/auth$(request.path)",
                  send: { headers: ["x-token"] },
                  upstream: { set: ["x-auth-user"] },
                },
              },
            ],
          },
        ],
      }),
    ],
    request: { path: "/small", headers: { ...HEADERS, "x-token": "good" } },
    count: 2500,
    verify: (_got, upstream, contender) => {
      if (contender !== "none" && upstream["x-auth-user"] !== "alice")
        throw new Error(JSON.stringify(upstream));
    },
  },
  {
    name: "limit",
    title: "request size limit of 64 KiB, 16 KiB pass",
    contenders: (wasm) => [
      NONE,
      native("buffer", "buffer.v3.Buffer", { max_request_bytes: 65536 }),
      lua(`
        function envoy_on_request(h) local b = h:body()
          if b and b:length() > 65536 then h:respond({[":status"] = "413"}, "too large") end end`),
      ours(wasm, { rules: [{ request: [{ limit: { body: "64KiB" } }] }] }),
    ],
    request: { method: "POST", path: "/echo", headers: HEADERS, body: "x".repeat(16384) },
    count: 2500,
    verify: ({ body }) => {
      if (body.length !== 16384) throw new Error(`got ${body.length} bytes`);
    },
  },
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
