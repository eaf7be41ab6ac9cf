// Callouts of every phase on a real Envoy: nothing goes past one that has no answer, whatever shape the
// message has, and none leaves a message hanging.

import http from "node:http";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, request, type Setup, setUp } from "./envoy.ts";

const SILENT = "{ service: silent, timeout: 700ms, onError: deny }";

const RULES = `
ruleway: 1
services:
  silent: { cluster: silent }
  service: { cluster: service, timeout: 5s }
rules:
  - match: { path: /call }
    request: [{ call: ${SILENT} }]
  - match: { path: /parallel }
    request: [{ parallel: [{ call: { service: service, as: ok } }, { call: ${SILENT}, needs: ok }] }]
  - match: { path: /before-the-body }
    request:
      - call: ${SILENT}
      - respond: { status: 422 }
        when: request.json.bad == true
  - match: { path: /after-the-body }
    request:
      - respond: { status: 422 }
        when: request.body == 'bad'
      - call: ${SILENT}
  - match: { path: /edited }
    request:
      - body: { json: { set: { /a: 1 } } }
      - call: ${SILENT}
  - match: { path: /response }
    response: [{ call: ${SILENT} }]
  - match: { path: /response-body }
    response:
      - respond: { status: 418 }
        when: response.body == 'teapot'
      - call: ${SILENT}
  - match: { path: "/ask/{what}" }
    request:
      - call: { service: service, path: "/$(params.what)", as: said }
      - headers: { set: { x-said: "$(calls.said.status) $(default(calls.said.error, '-'))" } }
  - match: { path: /every-phase }
    request:
      - call: { service: service, path: /one, as: one }
      - respond: { status: 422 }
        when: request.body == ''
      - call: { service: service, path: "/two?$(request.body)", as: two }
      - headers: { set: { x-sum: "$(calls.one.body) $(calls.two.body)" } }
    response:
      - call: { service: service, path: /three, as: three }
      - set: { body: "$(response.body)" }
      - call: { service: service, path: "/four?$(ctx.body)", as: four }
      - headers: { set: { x-sum: "$(calls.three.body) $(calls.four.body)" } }
    done:
      - call: { service: service, path: /five }
`;

describe.skipIf(!envoy)("callouts of a real Envoy", () => {
  let setup: Setup;
  const asked: string[] = [];
  const open = new Set<http.ServerResponse>();

  beforeAll(async () => {
    const silent: http.RequestListener = (_incoming, response) => {
      open.add(response);
      response.on("close", () => open.delete(response));
    };
    const service: http.RequestListener = (incoming, response) => {
      asked.push(incoming.url ?? "");
      if (incoming.url === "/reset") response.destroy();
      else if (incoming.url === "/stall") {
        response.writeHead(200, { "content-length": "100" });
        response.write("a");
        setTimeout(() => response.destroy(), 300);
      } else if (incoming.url === "/garbage") response.socket?.end("what?\r\n\r\n");
      else if (incoming.url === "/large") response.end(Buffer.alloc(10 << 20));
      else response.end(`<${incoming.url}>`);
    };
    setup = await setUp(RULES, { silent, service }, { concurrency: 2 });
  });
  afterAll(() => setup?.stop());

  const SHAPES = {
    "no body": {},
    "a body of known length": { headers: { "content-length": "3" }, pieces: ["{} "] },
    "a body in pieces": { pieces: ["{", " ", "}"] },
    "a gRPC body": { headers: { "content-type": "application/grpc" }, pieces: ["{", "}"] },
    "100-continue": { headers: { expect: "100-continue" }, pieces: ["{}"] },
    HEAD: { method: "HEAD" },
  };

  const guarded = ["/call", "/parallel", "/before-the-body", "/after-the-body", "/edited"];
  test.each(guarded)("%s holds every shape of a request back", async (path) => {
    const before = setup.upstream.length;
    const answers = Object.values(SHAPES).map((shape) => request(setup.envoy.port, path, shape));
    await pause(350);
    expect(setup.upstream.length).toBe(before);
    for (const { status, headers } of await Promise.all(answers)) {
      // What cannot be read as a body is refused at once; all else waits for the end. To gRPC the proxy
      // says it in its own way: 2 is unknown, 7 permission denied, 14 unavailable.
      const said = headers["grpc-status"] ?? status;
      expect([403, 503, "2", "7", "14"]).toContain(said);
    }
    expect(setup.upstream.length).toBe(before);
  });

  test.each(["/response", "/response-body"])("%s lets nothing out", async (path) => {
    let hasBegun = false;
    const answer = request(setup.envoy.port, path, { pieces: ["from the upstream"] });
    answer.then(() => {
      hasBegun = true;
    });
    await pause(350);
    expect(hasBegun).toBe(false);
    const got = await answer;
    expect([got.status, got.body]).toEqual([502, "Bad Gateway\n"]);
  });

  test("calls of all phases, and what later steps make of them", async () => {
    const got = await request(setup.envoy.port, "/every-phase", { pieces: ["x", "y"] });
    expect([got.status, got.body]).toEqual([200, "xy"]);
    expect(got.headers["x-sum"]).toBe("</three> </four?xy>");
    expect(setup.upstream.at(-1)?.headers["x-sum"]).toBe("</one> </two?xy>");
    for (let i = 0; i < 100 && !asked.includes("/five"); i++) await pause(20);
    expect(asked.filter((path) => path === "/five")).toEqual(["/five"]);
  });

  test.each([
    ["reset", "503 -"],
    ["garbage", "502 -"],
    ["stall", "0 no answer"],
    ["large", "200 body too large"],
    ["fine", "200 -"],
  ])("a service that answers %s", async (what, said) => {
    const got = await request(setup.envoy.port, `/ask/${what}`);
    expect(got.status).toBe(200);
    expect(setup.upstream.at(-1)?.headers["x-said"]).toBe(said);
  });

  test("who does not wait for the answer takes nothing with him", async () => {
    const sockets = Array.from({ length: 20 }, () => net.connect(setup.envoy.port, "127.0.0.1"));
    for (const socket of sockets) socket.write("GET /call HTTP/1.1\r\nhost: a\r\n\r\n");
    await pause(200);
    for (const socket of sockets) socket.destroy();
    await pause(800);
    const got = await request(setup.envoy.port, "/ask/fine");
    expect(got.status).toBe(200);
    expect(setup.envoy.log()).not.toMatch(/trap|Function: .*failed|unreachable/);
  });

  test("two thousand at a time are all answered", async () => {
    const agent = new http.Agent({ maxSockets: 2000 });
    const before = setup.upstream.length;
    const answers = await Promise.all(
      Array.from({ length: 2000 }, () =>
        request(setup.envoy.port, "/call").then((got) => got.status),
      ),
    );
    agent.destroy();
    expect(new Set(answers)).toEqual(new Set([503]));
    expect(setup.upstream.length).toBe(before);
  });
});
