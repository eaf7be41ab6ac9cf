// Attributes in the access log and in the spans of a real Envoy.

import type http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBody } from "../../compiler/gateway/demo.ts";
import {
  type Bootstrap,
  connectionManager,
  envoy,
  pause,
  request,
  type Setup,
  setUp,
} from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - request:
      - attributes:
          filterState: { tenant: "$(request.headers['x-tenant'])", absent: "$(request.headers['x-none'])", empty: "" }
          log: { code: none, user: 'a "quoted" $(request.path)' }
          trace: { tenant: "$(request.headers['x-tenant'])" }
    response:
      - attributes: { log: { code: "$(response.headers[':status'])", none: "$(response.headers['x-none'])" } }
`;

const FORMAT =
  "attributes: %FILTER_STATE(wasm.tenant:PLAIN)% %FILTER_STATE(wasm.absent:PLAIN)% <%FILTER_STATE(wasm.empty:PLAIN)%> %FILTER_STATE(wasm.custom_log:PLAIN)%\n";

describe.skipIf(!envoy)("attributes in Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES, {}, { accessLog: FORMAT });
  });
  afterAll(() => setup?.stop());

  test("the access log shows them, and the log of several steps is one object", async () => {
    await request(setup.envoy.port, "/p", { headers: { "x-tenant": "acme" } });
    const line = () => /attributes: (\S+) (\S+) (<.*?>) (.*)/.exec(setup.envoy.log());
    for (let i = 0; i < 100 && !line(); i++) await pause(20);
    const [, tenant, absent, empty, log] = line() ?? [];
    expect([tenant, absent, empty]).toEqual(["acme", "-", "<>"]);
    // As it stands, it is the inside of a JSON string.
    expect(JSON.parse(JSON.parse(`"${log}"`))).toEqual({ user: 'a "quoted" /p', code: "200" });
  });
});

const TAGS = `
ruleway: 1
rules:
  - request: [{ attributes: { trace: { tenant: "$(default(request.headers['x-tenant'], 'nobody'))", empty: "" } } }]
    response:
      - attributes: { trace: { tenant: "$(default(request.headers['x-tenant'], 'nobody')) $(response.code)" } }
`;

interface Span {
  name: string;
  tags: Record<string, string>;
}

describe.skipIf(!envoy)("tags in spans of Envoy", () => {
  let setup: Setup;
  const spans: Span[] = [];

  beforeAll(async () => {
    const zipkin: http.RequestListener = (incoming, response) => {
      readBody(incoming).then(
        (body) => {
          spans.push(...(JSON.parse(body.toString()) as Span[]));
          response.writeHead(202).end();
        },
        () => response.destroy(),
      );
    };
    const adjust = (bootstrap: Bootstrap) => {
      const value = (tag: string) => `%FILTER_STATE(wasm.trace_span_tag.${tag}:PLAIN)%`;
      connectionManager(bootstrap).tracing = {
        random_sampling: { value: 100 },
        custom_tags: ["tenant", "empty"].map((tag) => ({ tag, value: value(tag) })),
        provider: {
          name: "envoy.tracers.zipkin",
          typed_config: {
            "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
            ...{ collector_cluster: "zipkin", collector_endpoint: "/api/v2/spans" },
            collector_endpoint_version: "HTTP_JSON",
          },
        },
      };
      const immediately = { "tracing.zipkin.min_flush_spans": 1 };
      bootstrap.layered_runtime = { layers: [{ name: "test", static_layer: immediately }] };
    };
    setup = await setUp(TAGS, { zipkin }, { adjust });
  });
  afterAll(() => setup?.stop());

  // Higress puts them there by itself; to Envoy they are filter state, which a custom tag can have.
  test("the span of a request has them, set in any phase before its end", async () => {
    await request(setup.envoy.port, "/p", { headers: { "x-tenant": "acme" } });
    await request(setup.envoy.port, "/p");
    for (let i = 0; i < 100 && spans.length < 2; i++) await pause(20);
    expect(spans.map(({ tags }) => [tags["tenant"], tags["empty"]])).toEqual([
      ["acme 200", undefined],
      ["nobody 200", undefined],
    ]);
  });
});
