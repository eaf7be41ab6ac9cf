// Tasks on a real Envoy with two workers: one leader asks in each period, every worker runs what none leads.
// One worker cannot be made to die alone here: tests/filter/tasks.test.ts does that in the embedded host.

import type http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
services:
  auth: { cluster: auth, timeout: 5s }
  every: { cluster: every, timeout: 5s }
  flaky: { cluster: flaky, timeout: 5s }
tasks:
  - name: lead
    every: 1s
    onStart: true
    leader: true
    steps: [{ call: { service: auth, path: "/$(rule.name)" } }]
  - name: each
    every: 1s
    steps: [{ call: { service: every } }]
  - name: flaky
    every: 1h
    onStart: true
    leader: true
    steps: [{ call: { service: flaky } }]
rules:
  - request: [{ respond: { status: 200, text: ok } }]
`;

describe.skipIf(!envoy)("tasks in Envoy", () => {
  let setup: Setup;
  const seen: Record<string, number[]> = { auth: [], every: [], flaky: [] };
  const service =
    (name: string): http.RequestListener =>
    (incoming, response) => {
      expect(incoming.method).toBe("GET");
      seen[name]?.push(Date.now());
      // The first two of them fail.
      if (name === "flaky") response.statusCode = (seen["flaky"]?.length ?? 0) < 3 ? 503 : 200;
      response.end();
    };

  beforeAll(async () => {
    const services = { auth: service("auth"), every: service("every"), flaky: service("flaky") };
    setup = await setUp(RULES, services, { concurrency: 2 });
  });
  afterAll(() => setup?.stop());

  test("one leader asks once a period, and each worker of the others", async () => {
    const until = async (name: string, n: number) => {
      while ((seen[name]?.length ?? 0) < n) await pause(20);
    };
    await until("every", 10);
    await until("flaky", 3);
    const auth = seen["auth"] ?? [];
    // Five periods and the start: whatever a busy machine does to times, no period has two.
    expect(auth.length).toBeGreaterThanOrEqual(3);
    expect(auth.length).toBeLessThanOrEqual(8);
    const leads = setup.envoy.log().match(/the task lead is run by this worker/g) ?? [];
    expect(leads.length).toBe(1);
    expect(seen["flaky"]?.length).toBe(3);
    expect((await request(setup.envoy.port, "/")).body).toBe("ok");
  }, 60_000);
});
