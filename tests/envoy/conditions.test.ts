// Conditions on a real Envoy: a client that makes an expression fail gets past no guard.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - name: open
    when: int(request.headers['x-level']) > 8
    final: true
  - name: spelled
    match: { path: /spelled }
    request:
      - headers: { set: { x-made: "$(request.headers['x-text'] + '\\\\r\\\\nx-evil: 1')" } }
      - headers: { set: { x-size: "$(size(request.headers['x-text']))" } }
  - name: search
    match: { path: /search }
    request:
      - respond: { status: 451 }
        when: "!request.headers['x-a'].contains(request.headers['x-b'])"
  - name: closed
    match: { path: /closed }
    request:
      - respond: { status: 401 }
  - name: answers
    match: { path: /answers }
    response:
      - headers: { set: { a: "1" } }
        when: int(request.headers['x-level']) > 8
        onError: deny
`;

describe.skipIf(!envoy)("conditions on Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES, {});
  });
  afterAll(() => setup?.stop());

  const status = async (path: string, headers: Record<string, string>) =>
    (await request(setup.envoy.port, path, { headers })).status;

  test("a final rule whose condition fails keeps no guard from acting", async () => {
    expect(await status("/closed", { "x-level": "9" })).toBe(200);
    expect(await status("/closed", { "x-level": "1" })).toBe(401);
    expect(await status("/closed", { "x-level": "much" })).toBe(401);
    expect(await status("/closed", {})).toBe(401);
  });

  test("a guard acts when the budget ends in its condition", async () => {
    const long = { "x-a": `${"a".repeat(30_000)}c`, "x-b": `${"a".repeat(15_000)}b` };
    expect(await status("/search", long)).toBe(451);
    expect(await status("/search", { "x-a": "abc", "x-b": "b" })).toBe(200);
  });

  test("a response is refused when a condition with onError: deny fails", async () => {
    expect(await status("/answers", { "x-level": "much" })).toBe(502);
  });

  test("what an expression made does not split a header", async () => {
    setup.upstream.length = 0;
    expect(await status("/spelled", { "x-text": "abc" })).toBe(200);
    const headers = setup.upstream[0]?.headers ?? {};
    expect(headers["x-evil"]).toBeUndefined();
    expect(headers["x-made"]).toBeUndefined();
    expect(headers["x-size"]).toBe("3");
  });
});
