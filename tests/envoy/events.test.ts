// Events and forms on a real Envoy: events go on one by one while the stream is open, and forms arrive
// with a true length.

import http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
rules:
  - match: { path: /sse }
    response:
      - events:
          edit:
            - { when: event.json.secret != null, json: { remove: [/secret] } }
            - { when: event.type == 'internal', drop: true }
            - set: { seen: "$(default(ctx.seen, 0) + 1)" }
    done: [{ log: "events seen: $(ctx.seen)" }]
  - match: { path: /form }
    request:
      - form: { set: { a: "2" }, remove: [secret] }
      - headers: { set: { x-b: "$(request.form.b)" } }
`;

describe.skipIf(!envoy)("events and forms on Envoy", () => {
  let setup: Setup;
  let stream: http.ServerResponse | undefined;
  beforeAll(async () => {
    setup = await setUp(
      RULES,
      {},
      {
        upstream: (incoming, response) => {
          if (incoming.url === "/sse") {
            response.writeHead(200, { "content-type": "text/event-stream" });
            response.flushHeaders();
            stream = response;
          } else {
            response.end();
          }
        },
      },
    );
  });
  afterAll(() => setup?.stop());

  test("each event goes on when it has ended, edited or not, in a stream that stays open", async () => {
    let got = "";
    const incoming = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const outgoing = http.get(
        { host: "127.0.0.1", port: setup.envoy.port, path: "/sse", agent: false },
        resolve,
      );
      outgoing.on("error", reject);
    });
    incoming.on("data", (chunk: Buffer) => {
      got += chunk.toString();
    });
    const until = async (expected: string) => {
      for (let i = 0; i < 100 && got !== expected; i++) await pause(20);
      expect(got).toBe(expected);
    };
    stream!.write('data: {"secret":1,"a":1.0}\n\ndata: half');
    await until('data: {"a":1.0}\n\n');
    stream!.write(" an event\n\nevent: internal\ndata: x\n\n");
    await until('data: {"a":1.0}\n\ndata: half an event\n\n');
    stream!.end(": the end\n\n");
    await until('data: {"a":1.0}\n\ndata: half an event\n\n: the end\n\n');
    await pause(100);
    expect(setup.envoy.log()).toContain("events seen: 2");
  });

  test.each([
    ["application/x-www-form-urlencoded", "a=1&secret=s&b=%41", "a=2&b=%41"],
    [
      "multipart/form-data; boundary=X",
      '--X\r\nContent-Disposition: form-data; name="secret"\r\n\r\ns\r\n--X\r\nContent-Disposition: form-data; name="b"\r\n\r\nA\r\n--X--\r\n',
      '--X\r\nContent-Disposition: form-data; name="b"\r\n\r\nA\r\n--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n--X--\r\n',
    ],
  ])("a form of type %s", async (type, before, after) => {
    for (const headers of [{}, { "content-length": before.length }]) {
      setup.upstream.length = 0;
      const all = { ...headers, "content-type": type };
      await request(setup.envoy.port, "/form", {
        pieces: [before.slice(0, 9), before.slice(9)],
        headers: all,
      });
      const there = setup.upstream[0]!;
      expect((await there.body).toString()).toBe(after);
      expect(there.headers["x-b"]).toBe("A");
      if ("content-length" in headers)
        expect(there.headers["content-length"]).toBe(String(after.length));
    }
  });
});
