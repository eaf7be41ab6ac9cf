// Guards on a real Envoy: while a service is silent, slow, dead or talks nonsense, nothing gets past.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, raw, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
services: { auth: { cluster: auth, timeout: 800ms } }
rules:
  - match: { path: /judged }
    request:
      - authorize: { service: auth, path: "/$(request.headers['x-mode'])" }
      - body: { json: { set: { /ok: true } }, onError: deny }
  - match: { not: { path: /judged } }
    request:
      - authorize: { service: auth, path: "/$(request.headers['x-mode'])" }
`;

describe.skipIf(!envoy)("authorize on Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES, {
      auth: (incoming, response) => {
        switch (incoming.url) {
          case "/allow":
            response.end();
            return;
          case "/garbage":
            response.socket?.end("this is no HTTP\r\n\r\n");
            return;
          case "/reset":
            response.socket?.destroy();
            return;
          case "/half":
            response.writeHead(200, { "content-length": 10 });
            response.write("abc");
            return;
          case "/error":
            response.writeHead(500).end();
            return;
        }
        // Anything else: silence.
      },
    });
  });
  afterAll(() => setup?.stop());

  const shapes: Array<[string, Parameters<typeof request>[2]]> = [
    ["without a body", {}],
    ["with a body of known length", { pieces: ['{"a": 1}'], headers: { "content-length": 8 } }],
    ["with a chunked body", { pieces: ['{"a"', ": 1}"] }],
  ];

  for (const path of ["/plain", "/judged"]) {
    for (const [shape, options] of shapes) {
      test.each(["silent", "garbage", "reset", "half", "error"])(
        `${path} ${shape}: %s keeps out`,
        async (mode) => {
          setup.upstream.length = 0;
          const headers = { ...options?.headers, "x-mode": mode };
          const got = await request(setup.envoy.port, path, { ...options, headers });
          expect(got.status).toBe(403);
          expect(setup.upstream).toEqual([]);
        },
      );

      test(`${path} ${shape}: an allowed one goes on whole`, async () => {
        setup.upstream.length = 0;
        const headers = { ...options?.headers, "x-mode": "allow" };
        const got = await request(setup.envoy.port, path, { ...options, headers });
        expect(got.status).toBe(200);
        const body = (await setup.upstream[0]!.body).toString();
        const expected = path === "/judged" ? '{"a": 1, "ok": true}' : '{"a": 1}';
        expect(body).toBe(options?.pieces ? expected : "");
      });
    }
  }

  test("a body that is refused after the service allowed it never reaches the upstream", async () => {
    setup.upstream.length = 0;
    const headers = { "x-mode": "allow" };
    const got = await request(setup.envoy.port, "/judged", { pieces: ["{nonsense"], headers });
    expect(got.status).toBe(400);
    expect(setup.upstream).toEqual([]);
  });

  test("a client that leaves while the service is asked does no harm", async () => {
    setup.upstream.length = 0;
    const text = "GET /plain HTTP/1.1\r\nhost: a\r\nx-mode: silent\r\n\r\n";
    await Promise.all(Array.from({ length: 50 }, () => raw(setup.envoy.port, text, 50)));
    await pause(1200);
    expect(setup.upstream).toEqual([]);
    const got = await request(setup.envoy.port, "/plain", { headers: { "x-mode": "allow" } });
    expect(got.status).toBe(200);
    expect(setup.envoy.log()).not.toContain("Uncaught RuntimeError");
  });
});
