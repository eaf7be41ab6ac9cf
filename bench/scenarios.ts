// What is compared: for each kind of work our rules, and what does the same with what is in Envoy.

import { choices } from "./choosing.ts";
import { conditions } from "./conditions.ts";
import { add, HEADERS, lua, NONE, native, ours, type Scenario } from "./contenders.ts";
import { events } from "./events.ts";
import { rateLimits } from "./rate-limits.ts";

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
    name: "authorize-kept",
    title: "the same, the answer kept by token",
    contenders: (wasm) => [
      NONE,
      ours(wasm, {
        services: { auth: { cluster: "auth", timeout: "1s" } },
        rules: [
          {
            request: [
              {
                authorize: {
                  service: "auth",
                  path: "/auth",
                  send: { headers: ["x-token"] },
                  upstream: { set: ["x-auth-user"] },
                  cache: { key: "$(request.headers['x-token'])", ttl: "1h" },
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
  ...rateLimits,
  ...events,
  {
    name: "metrics",
    title: "20 rules that apply, counted or not, and 20 that have a metric step with a tag",
    contenders: (wasm) => {
      const rules = Array.from({ length: 20 }, (_, i) => ({
        name: `rule-${i}`,
        request: [{ set: { a: "1" } }],
      }));
      const metric = { name: "requests", tags: { agent: "$(request.headers['referer'])" } };
      const told = rules.map(({ name }) => ({ name, request: [{ metric }] }));
      const settings = { ruleMetrics: false };
      return [
        NONE,
        ours(wasm, { rules, settings }, "not counted"),
        ours(wasm, { rules }, "counted"),
        ours(wasm, { rules: told, settings }, "metric steps"),
      ];
    },
    request: { path: "/small", headers: HEADERS },
    count: 2500,
    roundsEach: 3,
    verify: ({ status }) => {
      if (status !== 200) throw new Error(`got ${status}`);
    },
    differences: [
      ["not counted", "counted"],
      ["not counted", "metric steps"],
    ],
  },
  ...conditions,
  ...choices,
];
