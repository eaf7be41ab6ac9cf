// Metrics in the statistics of a real Envoy.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - name: orders (v1)
    request:
      - metric: { name: orders.requests, tags: { tenant: "$(request.headers['x-tenant'])" }, maxSeries: 2 }
      - metric: { name: orders.open, type: gauge, add: 1 }
      - metric: { name: orders.length, type: histogram, value: "$(size(request.path))" }
    done:
      - metric: { name: orders.open, type: gauge, add: -1 }
  - name: refuse
    match: { path: /no }
    request:
      - respond: { status: 403 }
  - name: never
    when: request.path == '/never'
    request:
      - headers: { set: { a: "1" } }
`;

async function stats(setup: Setup, filter: string): Promise<Record<string, string>> {
  const text = await setup.envoy.admin(`/stats?filter=${filter}`);
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [name, value] = line.split(/: (.*)/);
      return value === undefined ? [] : [[name!.replace("wasmcustom.", ""), value]];
    }),
  );
}

describe.skipIf(!envoy)("metrics in Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES, {}, { concurrency: 2 });
  });
  afterAll(() => setup?.stop());

  test("are there under their names, and add up over workers", async () => {
    const tenants = ["a", "b.c", "a", "d", "e"];
    for (const tenant of tenants) {
      await request(setup.envoy.port, "/x", { headers: { "x-tenant": tenant } });
    }
    expect((await request(setup.envoy.port, "/no", { headers: { "x-tenant": "a" } })).status).toBe(
      403,
    );
    // Streams may end a moment after their answer.
    for (let i = 0; i < 50 && (await stats(setup, "orders"))["orders.open"] !== "0"; i++)
      await pause(20);
    const own = await stats(setup, "wasmcustom.orders");
    const requests = Object.entries(own).filter(([name]) => name.startsWith("orders.requests."));
    expect(requests.reduce((sum, [, n]) => sum + Number(n), 0)).toBe(6);
    // Each worker has met two tenants at the most.
    expect(requests.length).toBeLessThanOrEqual(5);
    expect(own["orders.requests.tenant.other"] ?? own["orders.requests.tenant.d"]).toBeDefined();
    expect(own["orders.open"]).toBe("0");
    const rules = await stats(setup, "wasmcustom.ruleway.rule");
    expect(rules).toMatchObject({
      "ruleway.rule.orders__v1_.applied": "6",
      "ruleway.rule.refuse.applied": "1",
      "ruleway.rule.refuse.refused": "1",
      "ruleway.rule.never.skipped.when": "5",
    });
    const histogram = await stats(setup, "orders.length");
    expect(Object.keys(histogram)).toContain("orders.length");
    const configuration = await stats(setup, "ruleway.configuration");
    expect(configuration).toMatchObject({
      "ruleway.configuration.ruleway.rules": "3",
      "ruleway.configuration.ruleway.rejected_rules": "0",
    });
    const hash = configuration["ruleway.configuration.ruleway.hash"];
    expect(hash).toMatch(/^\d{10,16}$/);
    expect(setup.envoy.log()).toContain(`configuration ${hash} is in force, 3 rules`);
    // As Prometheus has it, the number is the same.
    const page = await setup.envoy.admin("/stats/prometheus");
    expect(page).toContain(`ruleway_configuration_ruleway_hash{} ${hash}`);
  });
});
