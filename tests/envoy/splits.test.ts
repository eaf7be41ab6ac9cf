// Bodies that come in parts while a callout is out, on a real Envoy: what a later step might have had to
// judge is edited, bounded and passed on whole however the parts and the answer meet. And charsets.

import http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBody } from "../../compiler/gateway/demo.ts";
import { envoy, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
services: { auth: { cluster: auth, timeout: 10s } }
rules:
  - match: { path: /plain }
    request:
      - authorize: { service: auth }
      - respond: { status: 409 }
        when: request.headers['x-judge'] == 'yes' && request.json.a == 1
  - match: { path: /edited }
    request:
      - authorize: { service: auth }
      - body: { replace: [{ find: foo, with: barbaz }], append: "!" }
      - body: { json: { set: { /a: 1 } }, onError: deny, contentType: application/json }
  - match: { path: /bounded }
    limits: { requestBody: 8 }
    request:
      - authorize: { service: auth }
      - body: { json: { set: { /a: 1 } }, onError: deny, contentType: application/json }
  - match: { path: /charset }
    request: [body: { replace: [{ find: foo, with: bar }] }]
    response: [body: { text: new }]
  - match: { path: /judged }
    request: [validate: { body: {} }]
`;

describe.skipIf(!envoy)("bodies in parts on Envoy", () => {
  let setup: Setup;
  let whenAsked: (answer: () => void) => void = (answer) => answer();
  beforeAll(async () => {
    setup = await setUp(
      RULES,
      { auth: (_incoming, response) => whenAsked(() => response.end()) },
      {
        upstream: (incoming, response) => {
          const type = incoming.headers["content-type"];
          if (type) response.setHeader("content-type", type);
          // Not before all of it is there: a limit passed once the response has begun can only break it off.
          readBody(incoming).then(
            (body) => response.end(body),
            () => response.destroy(),
          );
        },
      },
    );
  });
  afterAll(() => setup?.stop());

  /** Sends the parts; the service answers once so many of them are sent, give or take. */
  function send(path: string, parts: string[], answered: number): Promise<[number, string]> {
    return new Promise((resolve, reject) => {
      const outgoing = http.request({
        host: "127.0.0.1",
        port: setup.envoy.port,
        path,
        method: "POST",
        agent: false,
        timeout: 15_000,
      });
      outgoing.on("error", reject);
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 15 s")));
      outgoing.on("response", (incoming) => {
        readBody(incoming).then(
          (body) => resolve([incoming.statusCode ?? 0, body.toString()]),
          reject,
        );
      });
      let answer: (() => void) | undefined;
      let isDue = false;
      whenAsked = (each) => {
        answer = each;
        if (isDue) each();
      };
      const step = (i: number) => {
        if (i === answered) {
          isDue = true;
          answer?.();
        }
        if (i === parts.length) {
          outgoing.end();
          if (answered > i) setTimeout(() => step(i + 1), 30);
        } else if (i < parts.length) {
          outgoing.write(parts[i]);
          setTimeout(() => step(i + 1), 30);
        } else {
          isDue = true;
          answer?.();
        }
      };
      outgoing.flushHeaders();
      step(0);
    });
  }

  const parts = ["a f", "oo b", " fo", "o c"];
  test.each([0, 1, 2, 3, 4, 5])("the answer comes after %s parts", async (answered) => {
    expect(await send("/plain", parts, answered)).toEqual([200, "a foo b foo c"]);
    expect(await send("/edited", parts, answered)).toEqual([200, "a barbaz b barbaz c!"]);
    expect((await send("/bounded", parts, answered))[0]).toBe(413);
    expect(await send("/bounded", ["a", "b"], answered)).toEqual([200, "ab"]);
  });

  test("a body in another charset passes as it is, and is refused where it is judged", async () => {
    const post = (path: string, type: string) =>
      request(setup.envoy.port, path, { headers: { "content-type": type }, pieces: ["foo"] });
    const utf8 = await post("/charset", 'text/plain; charset="UTF-8"');
    expect([utf8.status, utf8.body]).toEqual([200, "new"]);
    const latin = await post("/charset", "text/plain; charset=iso-8859-1");
    expect([latin.status, latin.body]).toEqual([200, "foo"]);
    expect(latin.headers["content-type"]).toBe("text/plain; charset=iso-8859-1");
    expect((await post("/judged", "application/json; charset=utf-16")).status).toBe(400);
  });
});
