// Which upstream of a real Envoy a request goes to, when rules change what its route was chosen by: always
// the one that the changed request has, whatever `reroute` says, since Envoy forgets the route at each
// edit by a filter of this ABI (its release notes for 1.33; measured on 1.40). Should that change, it shows
// here. What the filter asks for is in tests/filter/operation.test.ts.

import type http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bootstrap, connectionManager, envoy, request, type Setup, setUp } from "./envoy.ts";

const rules = (reroute: boolean) => `
ruleway: 1
settings: { reroute: ${reroute} }
services: { auth: { cluster: auth } }
rules:
  - match: { query: { do: header } }
    request: [{ headers: { set: { x-tier: gold } } }]
  - match: { query: { do: cookie } }
    request: [{ cookies: { set: { tier: gold } } }]
  - match: { query: { do: path } }
    request: [{ path: /gold }]
  - match: { query: { do: query } }
    request: [{ query: { set: { tier: gold } } }]
  - match: { query: { do: method } }
    request: [{ method: PUT }]
  - match: { query: { do: authorize } }
    request: [{ authorize: { service: auth, upstream: { set: [x-tier] } } }]
  - match: { query: { do: call } }
    request:
      - call: { service: auth, as: said }
      - headers: { set: { x-tier: "$(calls.said.headers['x-tier'])" } }
  - match: { query: { do: body } }
    request: [{ headers: { set: { x-tier: gold } }, when: "request.body == 'gold'" }]
  - match: { query: { do: away } }
    request: [{ headers: { remove: [x-tier] } }]
  - match: { query: { do: response } }
    response: [{ headers: { set: { x-tier: gold } } }]
`;

/** Routes by everything that a rule can change but the host. */
function addRoutes(bootstrap: Bootstrap): void {
  const exact = (value: string) => ({ string_match: { exact: value } });
  const gold = (match: object) => ({
    match: { prefix: "/", ...match },
    route: { cluster: "gold" },
  });
  connectionManager(bootstrap).route_config.virtual_hosts.unshift({
    name: "tiers",
    domains: ["tiers.example"],
    routes: [
      gold({ headers: [{ name: "x-tier", ...exact("gold") }] }),
      gold({ headers: [{ name: "cookie", ...exact("tier=gold") }] }),
      gold({ headers: [{ name: ":method", ...exact("PUT") }] }),
      gold({ query_parameters: [{ name: "tier", ...exact("gold") }] }),
      gold({ prefix: "/gold" }),
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  });
}

describe.skipIf(!envoy).each([true, false])("with reroute: %s", (reroute) => {
  let setup: Setup;
  const services: Record<string, http.RequestListener> = {
    gold: (_incoming, response) => response.end("gold"),
    auth: (_incoming, response) => response.writeHead(200, { "x-tier": "gold" }).end(),
  };

  beforeAll(async () => {
    const upstream: http.RequestListener = (_incoming, response) => response.end("plain");
    setup = await setUp(rules(reroute), services, { adjust: addRoutes, upstream });
  });
  afterAll(() => setup?.stop());

  const ask = async (path: string, headers: Record<string, string> = {}, body?: string) => {
    const all = { headers: { host: "tiers.example", ...headers }, pieces: body ? [body] : [] };
    return (await request(setup.envoy.port, path, all)).body;
  };

  test("the routes are what they seem", async () => {
    expect(await ask("/")).toBe("plain");
    expect(await ask("/", { "x-tier": "gold" })).toBe("gold");
  });

  test.each(["header", "cookie", "path", "query", "method", "authorize", "call"])(
    "what changes by %s",
    async (what) => {
      expect(await ask(`/?do=${what}`)).toBe("gold");
    },
  );

  test("what a body decides", async () => {
    expect(await ask("/?do=body", {}, "gold")).toBe("gold");
    expect(await ask("/?do=body", {}, "else")).toBe("plain");
  });

  test("what is taken away", async () => {
    expect(await ask("/?do=away", { "x-tier": "gold" })).toBe("plain");
  });

  test("a response changes nothing of it", async () => {
    expect(await ask("/?do=response")).toBe("plain");
  });
});

const NOBODY = `
ruleway: 1
services: { nobody: { cluster: nobody }, deaf: { cluster: deaf } }
rules:
  - { match: { path: /authorize }, request: [{ authorize: { service: nobody } }] }
  - { match: { path: /allow }, request: [{ authorize: { service: nobody, onError: allow } }] }
  - { match: { path: /status }, request: [{ authorize: { service: nobody, onError: 599 } }] }
  - { match: { path: /deaf }, request: [{ authorize: { service: deaf } }] }
  - { match: { path: /call }, request: [{ call: { service: nobody, onError: deny } }] }
  - { match: { path: /call-deaf }, request: [{ call: { service: deaf, onError: deny } }] }
  - match: { path: /parallel }
    request: [{ parallel: [{ call: { service: nobody, onError: deny } }, { call: { service: deaf } }] }]
  - { match: { path: /response }, response: [{ call: { service: nobody, onError: deny } }] }
  - match: { path: /say }
    request:
      - call: { service: nobody, as: said }
      - headers: { set: { x-said: "$(calls.said.status) $(calls.said.error)" } }
`;

describe.skipIf(!envoy)("services that nobody stands for", () => {
  let setup: Setup;
  beforeAll(async () => {
    const adjust = ({ static_resources }: Bootstrap) => {
      const bare = (name: string, endpoints: object[]) => ({
        ...{ name, type: "STATIC", connect_timeout: "1s" },
        load_assignment: { cluster_name: name, endpoints },
      });
      const address = { socket_address: { address: "127.0.0.1", port_value: 1 } };
      const endpoint = { lb_endpoints: [{ endpoint: { address } }] };
      // One has no endpoints at all, the other one at which nobody listens.
      static_resources.clusters.push(bare("nobody", []), bare("deaf", [endpoint]));
    };
    setup = await setUp(NOBODY, {}, { adjust });
  });
  afterAll(() => setup?.stop());

  const closed: [string, number][] = [
    ["/authorize", 403],
    ["/status", 599],
    ["/deaf", 403],
    ["/call", 503],
    ["/call-deaf", 503],
    ["/parallel", 503],
  ];
  test.each(closed)("%s is closed", async (path, status) => {
    const before = setup.upstream.length;
    for (const pieces of [[], ["a", "b"]]) {
      expect((await request(setup.envoy.port, path, { pieces })).status).toBe(status);
    }
    expect(setup.upstream.length).toBe(before);
  });

  test("a response is not let out", async () => {
    const { status, body } = await request(setup.envoy.port, "/response", { pieces: ["secret"] });
    expect([status, body]).toEqual([502, "Bad Gateway\n"]);
  });

  test("what may go on without an answer goes on", async () => {
    expect((await request(setup.envoy.port, "/allow")).status).toBe(200);
    expect((await request(setup.envoy.port, "/say")).status).toBe(200);
    expect(setup.upstream.at(-1)?.headers["x-said"]).toBe("0 not sent");
  });
});
