// What the workers of a real Envoy share: counts that are exact over all of them, values that all see.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, request, type Setup, setUp } from "./envoy.ts";

// Nothing is given back while the test runs.
const RULES = `
ruleway: 1
rules:
  - match: { path: /proxy }
    request:
      - rateLimit: { limit: 50/1d, key: "$(request.headers['x-key'])", burst: 50 }
  - match: { path: /sliding }
    request:
      - rateLimit: { limit: [40/1d, 1000/30d], algorithm: sliding, key: "$(request.headers['x-key'])" }
  - match: { path: /worker }
    request:
      - rateLimit: { limit: 20/1d, scope: worker }
  - match: { path: /put }
    request:
      - store:
          word: "$(request.headers['x-value'])"
          tree: { value: { user: "$(request.headers['x-value'])" } }
          byKey: { value: "$(request.headers['x-value'])", key: "$(request.headers['x-key'])" }
      - respond: { status: 204 }
  - match: { path: /get }
    request:
      - rateLimit: { limit: 20/1d, scope: worker, name: readers, headers: none }
      - respond:
          text: "$(store.word)|$(store.tree.user)|$(store.byKey[request.headers['x-key']])"
`;

describe.skipIf(!envoy)("workers of Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES, {}, { concurrency: 2 });
  });
  afterAll(() => setup?.stop());

  const ask = async (path: string, headers: Record<string, string> = {}) =>
    request(setup.envoy.port, path, { headers });

  /** Statuses of requests on as many connections, so many at a time. */
  async function flood(n: number, path: string, headers: (i: number) => Record<string, string>) {
    const statuses: number[] = [];
    for (let from = 0; from < n; from += 50) {
      const batch = Array.from({ length: Math.min(50, n - from) }, (_, i) =>
        ask(path, headers(from + i)),
      );
      statuses.push(...(await Promise.all(batch)).map(({ status }) => status));
    }
    return statuses;
  }

  const passed = (statuses: number[]) => statuses.filter((status) => status === 200).length;

  test("exactly the limit passes, whichever workers the requests come to", async () => {
    const statuses = await flood(300, "/proxy", () => ({ "x-key": "one" }));
    expect(passed(statuses)).toBe(50);
    expect(statuses.filter((status) => status === 429)).toHaveLength(250);
    expect(passed(await flood(200, "/sliding", () => ({ "x-key": "one" })))).toBe(40);
  });

  test("so it is for keys that are new to both workers at the same moment", async () => {
    const keys = 8;
    const statuses = await flood(keys * 60, "/proxy", (i) => ({ "x-key": `key-${i % keys}` }));
    for (let key = 0; key < keys; key++) {
      expect(passed(statuses.filter((_, i) => i % keys === key))).toBe(50);
    }
  });

  test("a worker's own limit is each worker's", async () => {
    // Both have to take part: on one alone no more than 20 would pass.
    expect(passed(await flood(200, "/worker", () => ({})))).toBe(40);
  });

  test("a refusal says when to come again", async () => {
    await flood(60, "/proxy", () => ({ "x-key": "told" }));
    const { status, headers, body } = await ask("/proxy", { "x-key": "told" });
    expect([status, body]).toEqual([429, "Too Many Requests\n"]);
    expect(headers["ratelimit-limit"]).toBe("50, 50;w=86400");
    expect(headers["ratelimit-remaining"]).toBe("0");
    expect(Number(headers["ratelimit-reset"])).toBeGreaterThan(86_000);
    expect(Number(headers["retry-after"])).toBeGreaterThan(1000);
    expect(Number(headers["retry-after"])).toBeLessThanOrEqual(1728);
    const allowed = await ask("/proxy", { "x-key": "another" });
    expect(allowed.headers["ratelimit-remaining"]).toBe("49");
  });

  test("a value that one worker stores, the other sees", async () => {
    const value = { "x-value": "hello", "x-key": "k" };
    expect((await ask("/put", value)).status).toBe(204);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => ask("/get", { "x-key": "k" })),
    );
    const read = answers.filter(({ status }) => status === 200);
    // Both have answered: one alone would have answered 20 times.
    expect(read).toHaveLength(40);
    for (const { body } of read) expect(body).toBe("hello|hello|hello");
  });
});
