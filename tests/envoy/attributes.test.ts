// Attributes in the access log of a real Envoy.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, request, type Setup, setUp } from "./envoy.ts";

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
