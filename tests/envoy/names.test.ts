// Two filters of one proxy, each compiled with a name: what one counts is not the other's.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wasmPath } from "../../compiler/assets.ts";
import { compile } from "../../compiler/index.ts";
import { envoyFilter } from "../../compiler/targets/envoy.ts";
import { connectionManager, envoy, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - name: once
    request: [ { rateLimit: { limit: 1/1h } } ]
`;

interface Chain {
  http_filters: object[];
}

describe.skipIf(!envoy)("two filters", () => {
  let setup: Setup;
  beforeAll(async () => {
    const { rules } = compile(RULES);
    const named = (name: string) =>
      envoyFilter(rules!, { wasmPath: wasmPath(), name, ownMetrics: true });
    setup = await setUp(
      RULES,
      {},
      {
        adjust: (bootstrap) => {
          const chain = connectionManager(bootstrap) as unknown as Chain;
          chain.http_filters.splice(0, 1, named("one"), named("two"));
        },
      },
    );
  });
  afterAll(() => setup?.stop());

  test("share neither counts nor metrics", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await request(setup.envoy.port, "/")).status);
    // The third never comes to the second filter, nor does the second.
    expect(statuses).toEqual([200, 429, 429]);
    const stats = await setup.envoy.admin("/stats?filter=rate_limit");
    const numberOf = (name: string) => new RegExp(`ruleway\\.${name}: (\\d+)`).exec(stats)?.[1];
    expect(numberOf("one.rate_limit.limited")).toBe("2");
    expect(numberOf("one.rate_limit.allowed")).toBe("1");
    expect(numberOf("two.rate_limit.allowed")).toBe("1");
    expect(numberOf("rate_limit.allowed")).toBeUndefined();
    expect(await setup.envoy.admin("/stats?filter=rule.once")).toContain("ruleway.one.rule.once");
  });
});
