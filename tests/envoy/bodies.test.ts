// Bodies through a real Envoy: its buffer limit never surprises, framing is always right, and what is
// not for editing passes.

import http from "node:http";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, raw, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - match: { path: /replace }
    request: [{ body: { replace: [{ find: foo, with: barbaz }] } }]
    response: [{ body: { replace: [{ find: barbaz, with: foo }] } }]
  - match: { path: /json }
    request: [{ body: { json: { set: { /ok: true } }, maxSize: 8MiB } }]
  - match: { path: /json-response }
    response: [{ body: { json: { remove: [/pad] }, maxSize: 8MiB } }]
  - match: { path: /json-stream }
    request: [{ body: { json: { remove: ["$[*].secret"] }, overLimit: stream } }]
    response: [{ body: { json: { set: { "$[*].seen": true } }, overLimit: stream } }]
  - match: { path: /headers }
    request: [{ headers: { remove: [x-1*], rename: { x-2: y-2 } } }]
  - match: { path: /ws }
    request: [{ body: { text: no } }]
    response: [{ body: { text: no } }]
`;

describe.skipIf(!envoy)("bodies on Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES);
  });
  afterAll(() => setup?.stop());

  test("a body of 5 MB, larger than what Envoy buffers, is edited both ways while it streams", async () => {
    const text = "some text with foo in it, ".repeat(200_000);
    const got = await request(setup.envoy.port, "/replace", { pieces: [text] });
    expect(got.status).toBe(200);
    expect((await setup.upstream.at(-1)!.body).toString()).toBe(text.replaceAll("foo", "barbaz"));
    expect(got.body).toBe(text);
  });

  test("a JSON body of 3 MB is held by the filter, not by Envoy, and its length is true", async () => {
    const text = JSON.stringify({ pad: "x".repeat(3_000_000), n: 1 });
    const headers = { "content-length": text.length };
    const got = await request(setup.envoy.port, "/json", { pieces: [text], headers });
    expect(got.status).toBe(200);
    const expected = `${text.slice(0, -1)},"ok":true}`;
    expect(got.body).toBe(expected);
    expect(setup.upstream.at(-1)!.headers["content-length"]).toBe(String(expected.length));
    const chunked = await request(setup.envoy.port, "/json", { pieces: [text] });
    expect(chunked.body).toBe(expected);
  });

  test("a JSON response of 3 MB too", async () => {
    const text = JSON.stringify({ n: 1, pad: "x".repeat(3_000_000) });
    const got = await request(setup.envoy.port, "/json-response", { pieces: [text] });
    expect([got.status, got.body]).toEqual([200, '{"n":1}']);
  });

  const secrets = JSON.stringify(
    Array.from({ length: 60_000 }, (_, id) => ({ id, secret: `s${id}`, text: "x".repeat(60) })),
  );

  test("a JSON array of 6 MB is edited both ways while it streams, and held by nobody", async () => {
    const headers = { "content-length": secrets.length };
    const got = await request(setup.envoy.port, "/json-stream", { pieces: [secrets], headers });
    const sent = secrets.replaceAll(/,"secret":"s\d+"/g, "");
    const seen = setup.upstream.at(-1)!;
    expect((await seen.body).toString() === sent).toBe(true);
    expect(seen.headers["content-length"]).toBeUndefined();
    expect(got.status).toBe(200);
    expect(got.body === sent.replaceAll("}", ',"seen":true}')).toBe(true);
  });

  test("one that stops being JSON after 3 MB is broken off", async () => {
    const half = secrets.length / 2;
    const pieces = [`${secrets.slice(0, half)}\u0000${secrets.slice(half)}`];
    const got = await request(setup.envoy.port, "/json-stream", { pieces }).catch(() => undefined);
    expect(got?.status ?? 400).toBe(400);
    await expect(setup.upstream.at(-1)!.body).rejects.toThrow();
  });

  test("as many headers as Envoy takes are edited, and so is a body in single bytes", async () => {
    const headers = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, "v"]));
    await request(setup.envoy.port, "/headers", { headers });
    const seen = Object.keys(setup.upstream.at(-1)!.headers);
    expect(seen.filter((name) => name.startsWith("x-1"))).toEqual([]);
    expect(seen).toContain("y-2");
    const got = await request(setup.envoy.port, "/replace", {
      pieces: [..."a foo, a fo and a foo"],
    });
    expect((await setup.upstream.at(-1)!.body).toString()).toBe("a barbaz, a fo and a barbaz");
    expect(got.body).toBe("a foo, a fo and a foo");
  });

  test("a request that ends early harms nobody", async () => {
    const text = "POST /json HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{";
    await raw(setup.envoy.port, text, 100);
    const got = await request(setup.envoy.port, "/json", { pieces: ["{}"] });
    expect(got.body).toBe('{"ok":true}');
  });

  test("HEAD gets no length that is not the body's", async () => {
    const got = await request(setup.envoy.port, "/replace", { method: "HEAD" });
    expect([got.status, got.body]).toEqual([200, ""]);
  });

  test("a WebSocket passes untouched", async () => {
    const upstream = http.createServer();
    upstream.on("upgrade", (_request, socket) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
      );
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const { port } = upstream.address() as net.AddressInfo;
    const { startEnvoy } = await import("../../compiler/gateway/envoy.ts");
    const { envoyBootstrap } = await import("../../compiler/targets/envoy.ts");
    const { wasmPath } = await import("../../compiler/assets.ts");
    const { compile } = await import("../../compiler/index.ts");
    const running = await startEnvoy({
      envoy: envoy!,
      bootstrap: (ports) =>
        envoyBootstrap({
          ...ports,
          ...{ rules: compile(RULES).rules!, wasmPath: wasmPath() },
          upstream: `http://127.0.0.1:${port}`,
        }),
    });
    try {
      const answer = await new Promise<string>((resolve) => {
        const socket = net.connect(running.port, "127.0.0.1");
        socket.write(
          "GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
            "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        );
        let text = "";
        socket.on("data", (chunk) => {
          if (text === "") socket.write("ping over the tunnel");
          text += chunk.toString();
          if (!text.includes("tunnel")) return;
          socket.destroy();
          resolve(text);
        });
      });
      expect(answer).toContain("101 Switching Protocols");
      expect(answer).toContain("ping over the tunnel");
    } finally {
      await running.stop();
      upstream.closeAllConnections();
      upstream.close();
    }
  });

  test("nothing of all that made the filter trap", () => {
    expect(setup.envoy.log()).not.toMatch(/wasm.*(trap|Uncaught|unreachable)/i);
  });
});

describe.skipIf(!envoy)("headers on Envoy", () => {
  const HEADER_RULES = `
ruleway: 1
rules:
  - match: { path: /set }
    request:
      - headers: { set: { x-a: one, x-b: [b1, b2] }, remove: [x-c], append: { x-d: more } }
  - match: { path: /blind-set }
    final: true
  - request:
      - headers: { set: { x-a: one } }
    response:
      - headers: { set: { x-up: one } }
`;

  test("set leaves one line where there were several, also in a map that nobody has read", async () => {
    const setup = await setUp(
      "ruleway: 1\nrules: [{ request: [{ headers: { set: { x-a: one } } }], response: [{ headers: { set: { x-up: one } } }] }]",
      {},
      {
        upstream: (_request, response) => {
          response.writeHead(200, ["x-up", "1", "x-up", "2"] as never).end();
        },
      },
    );
    try {
      const text =
        "GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nX-A: 2\r\nx-a: 3\r\nconnection: close\r\n\r\n";
      const answer = await raw(setup.envoy.port, text);
      expect(setup.upstream[0]!.headers["x-a"]).toBe("one");
      expect(answer.match(/^x-up: .*$/gm)).toEqual(["x-up: one\r".trim()]);
    } finally {
      await setup.stop();
    }
  });

  test("lists are several lines, append joins, remove takes all lines", async () => {
    const setup = await setUp(HEADER_RULES);
    try {
      const text =
        "GET /set HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-a: 2\r\nx-b: 0\r\nx-c: 1\r\nx-c: 2\r\nx-d: some\r\nconnection: close\r\n\r\n";
      await raw(setup.envoy.port, text);
      const { headers } = setup.upstream[0]!;
      expect([headers["x-a"], headers["x-b"], headers["x-c"], headers["x-d"]]).toEqual([
        "one",
        "b1, b2",
        undefined,
        "some, more",
      ]);
    } finally {
      await setup.stop();
    }
  });
});
