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
    steps:
      - call: { service: auth, path: "/$(rule.name)", as: token }
      - store: { token: "$(calls.token.headers['authorization'])" }
  - name: each
    every: 1s
    steps: [{ call: { service: every } }]
  - name: flaky
    every: 1h
    onStart: true
    leader: true
    steps: [{ call: { service: flaky } }]
rules:
  - request:
      - rateLimit: { limit: 20/1d, scope: worker, headers: none }
      - respond: { status: 200, text: ok, headers: { x-auth: $(store.token) } }
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
      if (name === "auth") response.setHeader("authorization", "Bearer t");
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
    // Every response has the token, and both workers have answered: one alone would not have so often.
    const all = Array.from({ length: 200 }, () => request(setup.envoy.port, "/"));
    const answers = (await Promise.all(all)).filter(({ status }) => status === 200);
    expect(answers.length).toBe(40);
    expect(new Set(answers.map(({ headers }) => headers["x-auth"]))).toEqual(new Set(["Bearer t"]));
  }, 60_000);
});
