// `validate` on a real Envoy: of a message that is refused, nothing reaches the upstream, however
// its body comes; of one that passes, every byte does.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, raw, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
limits: { requestBody: 8MiB, responseBody: 8MiB }
rules:
  - request:
      - validate:
          body:
            type: object
            required: [list]
            properties: { list: { items: { type: integer }, uniqueItems: true } }
            additionalProperties: false
  - match: { path: /out }
    response:
      - validate: { body: { properties: { list: { maxItems: 3 } } } }
`;

const listOf = (n: number, more = "") =>
  `{"list":[${Array.from({ length: n }, (_, i) => i).join()}${more}]}`;

describe.skipIf(!envoy)("validate on Envoy", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(RULES);
  });
  afterAll(() => setup?.stop());

  /** The ways a body can come. */
  const shapes: Array<[string, (body: string) => Parameters<typeof request>[2]]> = [
    [
      "of known length",
      (body) => ({ pieces: [body], headers: { "content-length": Buffer.byteLength(body) } }),
    ],
    ["chunked", (body) => ({ pieces: [body] })],
    [
      "in many pieces",
      (body) => ({
        pieces: Array.from({ length: 20 }, (_, i) => {
          const size = Math.ceil(body.length / 20);
          return body.slice(i * size, (i + 1) * size);
        }).filter((piece) => piece !== ""),
      }),
    ],
  ];

  const wrong: Array<[string, string]> = [
    ["a wrong type", '{"list":["a"]}'],
    ["a repeated element at the end of two megabytes", listOf(300_000, ",7")],
    ["a name that is not known", '{"list":[],"more":1}'],
    ["a name twice", '{"list":[],"list":["a"]}'],
    ["text", "hello"],
    ["depth", `{"list":${"[".repeat(5000)}${"]".repeat(5000)}}`],
    ["only white space", "   "],
  ];

  for (const [shape, options] of shapes) {
    test.each(wrong)(`${shape}: %s is kept out`, async (_, body) => {
      setup.upstream.length = 0;
      const got = await request(setup.envoy.port, "/", options(body));
      expect(got.status).toBe(400);
      expect(setup.upstream).toEqual([]);
    });

    test(`${shape}: what is right goes on whole`, async () => {
      for (const body of ['{ "list": [1, 2] }', listOf(300_000)]) {
        setup.upstream.length = 0;
        const got = await request(setup.envoy.port, "/", options(body));
        expect(got.status).toBe(200);
        expect((await setup.upstream[0]!.body).toString()).toBe(body);
        expect(got.body).toBe(body);
      }
    });
  }

  test("a request without a body, or with one cut off, is kept out", async () => {
    setup.upstream.length = 0;
    expect((await request(setup.envoy.port, "/")).status).toBe(400);
    await raw(
      setup.envoy.port,
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"list":[1]}',
      200,
    );
    expect(setup.upstream).toEqual([]);
  });

  test("a body with trailers is kept out or judged", async () => {
    setup.upstream.length = 0;
    const text =
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n" +
      '10\r\n{"list":["wrong"\r\n2\r\n]}\r\n0\r\nx: 1\r\n\r\n';
    expect(await raw(setup.envoy.port, text)).toMatch(/^HTTP\/1.1 400 /);
    expect(setup.upstream).toEqual([]);
  });

  test("a response is judged before anything of it goes out", async () => {
    const good = await request(setup.envoy.port, "/out", { pieces: [listOf(3)] });
    expect(good.status).toBe(200);
    expect(good.body).toBe(listOf(3));
    const bad = await request(setup.envoy.port, "/out", { pieces: [listOf(4)] });
    expect(bad.status).toBe(502);
    expect(bad.body).toBe("Bad Gateway\n");
  });

  test("many at once do not mix", async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        request(setup.envoy.port, "/", {
          pieces: ['{"list":[', String(i), i % 2 ? ",1.5]}" : ",1000]}"],
        }),
      ),
    );
    answers.forEach((got, i) => {
      expect(got.status).toBe(i % 2 ? 400 : 200);
    });
    expect(setup.envoy.log()).not.toContain("Uncaught RuntimeError");
  });
});
