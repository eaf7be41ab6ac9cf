// Every shape of a message, on a real Envoy, at every guard that asks somebody: nothing reaches the
// upstream, or the client, before the answer is there; then everything does. HTTP/2 frames are sent
// one by one, because the shapes that slip through are those that no ordinary client makes.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoy, pause, raw, type Setup, setUp } from "./envoy.ts";
import { RawRequest } from "./http2.ts";

const GUARDS = ["authorize", "authorize-kept", "call", "parallel"];
const JUDGES = ["nobody", "an-edit", "a-condition", "a-schema"];

const ASKED = { service: "auth", path: "/$(request.headers['x-mode'])" };

const guard: Record<string, object> = {
  authorize: { authorize: ASKED },
  // One question for all that come at the same time.
  "authorize-kept": { authorize: { ...ASKED, cache: { ttl: "1ms" } } },
  call: { call: { ...ASKED, onError: "deny" } },
  parallel: {
    parallel: [
      { call: { service: "auth", path: "/allow" } },
      { call: { ...ASKED, onError: "deny" } },
    ],
  },
};

const judge = (name: string, phase: string): object[] =>
  ({
    "an-edit": [{ body: { json: { set: { "/ok": true } }, onError: "deny" } }],
    "a-condition": [{ respond: { status: 422 }, when: `${phase}.json.bad == true` }],
    "a-schema": [{ validate: { body: { type: "object" }, optional: true } }],
  })[name] ?? [];

function rules(judges: readonly string[], holdHeaders: boolean): string {
  const list = GUARDS.flatMap((each) =>
    judges.flatMap((other) =>
      ["request", "response"]
        .filter((phase) => phase === "request" || !each.startsWith("authorize"))
        .map((phase) => ({
          match: { path: `/${phase}/${each}/${other}` },
          [phase]: [guard[each], ...judge(other, phase)],
        })),
    ),
  );
  const services = { auth: { cluster: "auth", timeout: "700ms" } };
  return JSON.stringify({ ruleway: 1, settings: { holdHeaders }, services, rules: list });
}

type Headers = Array<[string, string]>;
const BODY = '{"a": 1}';
const TRAILERS: Headers = [["x-trailer", "1"]];

const JSON_TYPE: Headers = [["content-type", "application/json"]];

const GRPC: Headers = [["content-type", "application/grpc"]];

/** A name, what is sent, and the body that there then is. */
type Shape = [string, (send: (ends?: boolean, more?: Headers) => RawRequest) => unknown, string];

const SHAPES: Shape[] = [
  ["headers", (send) => send(true), ""],
  ["headers, trailers", (send) => send().headers(TRAILERS, true), ""],
  ["headers, nothing, trailers", (send) => send().data("").headers(TRAILERS, true), ""],
  ["headers, an empty end", (send) => send().data("", true), ""],
  ["headers, data", (send) => send(false, JSON_TYPE).data(BODY, true), BODY],
  [
    "headers, data, data",
    (send) => send(false, JSON_TYPE).data(BODY.slice(0, 3)).data(BODY.slice(3), true),
    BODY,
  ],
];

const OPEN: Shape[] = [
  ["headers, data, trailers", (send) => send().data(BODY).headers(TRAILERS, true), BODY],
  ["headers, data and no end", (send) => send().data(BODY), BODY],
  ["headers and no end", (send) => send(), ""],
];

describe.skipIf(!envoy).each([
  ["headers can be held", JUDGES, true],
  ["headers cannot be held", ["nobody"], false],
] as const)("where %s", (_how, judges, holds) => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(rules(judges, holds), {
      auth: (incoming, response) => {
        if (incoming.url === "/allow") setTimeout(() => response.end(), 250);
        // Anything else: silence.
      },
    });
  });
  afterAll(() => setup?.stop());

  const paths = GUARDS.flatMap((each) => judges.map((other) => `/request/${each}/${other}`));
  const sender = (path: string, mode: string, sent: RawRequest[]) => {
    return (ends = false, more: Headers = []) => {
      const headers: Headers = [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", path],
        [":authority", "a"],
        ["x-mode", mode],
        ...more,
      ];
      const request = new RawRequest(setup.envoy.port, headers, ends);
      sent.push(request);
      return request;
    };
  };

  /** Everything that is sent, by what it is: all at a time. */
  const sendAll = (paths: string[], mode: string, shapes: Shape[]) =>
    paths.flatMap((path) =>
      shapes.map(([name, shape, body]) => {
        const sent: RawRequest[] = [];
        shape(sender(path, mode, sent));
        return { name: `${path}: ${name}`, path, shape: name, body, request: sent[0]! };
      }),
    );
  const upstreamSaw = (from: number) => setup.upstream.slice(from).map(({ url }) => url);

  test("all shapes are held back while nobody answers", async () => {
    const before = setup.upstream.length;
    const sent = sendAll(paths, "silent", [...SHAPES, ...OPEN]);
    await pause(400);
    const early = sent.filter(({ request }) => request.soFar.frames.length > 0);
    expect(early.map(({ name }) => name)).toEqual([]);
    expect(upstreamSaw(before)).toEqual([]);
    const answers = await Promise.all(sent.map(({ request }) => request.answer()));
    for (const { frames } of answers) expect(frames[0]).toBe("headers");
    expect(upstreamSaw(before)).toEqual([]);
  });

  test("all shapes go on whole once they are allowed", async () => {
    const before = setup.upstream.length;
    const sent = sendAll(paths, "allow", [...SHAPES, OPEN[0]!]);
    await pause(100);
    expect(upstreamSaw(before)).toEqual([]);
    const got: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const { name, path, shape, body, request } of sent) {
      // The upstream echoes what it got.
      got[name] = (await request.answer()).body;
      expected[name] = body;
      if (!path.endsWith("an-edit")) continue;
      // A text without characters is no JSON.
      if (shape === "headers, an empty end") expected[name] = "Bad Request\n";
      else if (body) expected[name] = '{"a": 1, "ok": true}';
    }
    expect(got).toEqual(expected);
    const refused = Object.values(expected).filter((body) => body === "Bad Request\n");
    expect(upstreamSaw(before).length).toBe(sent.length - refused.length);
  });

  test("a conversation goes on after its first piece", async () => {
    const one: Shape = ["", (send) => send(false, GRPC).data("first"), ""];
    const before = setup.upstream.length;
    const sent = sendAll(paths, "allow", [one]);
    // Who wants to see or to edit a document refuses what is none: at once, and not for want of another piece.
    const refusing = (path: string) => !path.endsWith("nobody");
    const open = sent.filter(({ path }) => !refusing(path));
    for (let i = 0; i < 200 && setup.upstream.length < before + open.length; i++) await pause(20);
    expect(upstreamSaw(before).sort()).toEqual(open.map(({ path }) => path).sort());
    for (const { path, request } of sent) {
      if (!refusing(path)) request.data(", second", true);
      const { body } = await request.answer();
      expect(body).toBe(refusing(path) ? "" : "first, second");
    }
    expect(setup.upstream.length).toBe(before + open.length);
  });

  test("requests one behind the other are each asked about", async () => {
    const before = setup.upstream.length;
    const one = `POST /request/authorize/${judges[0]} HTTP/1.1\r\nhost: a\r\nx-mode: silent\r\n`;
    const chunked = `${one}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-trailer: 1\r\n\r\n`;
    const text = await raw(setup.envoy.port, `${chunked}${one}content-length: 2\r\n\r\n{}`, 1500);
    expect(text.match(/HTTP\/1.1 403/g)?.length).toBe(2);
    expect(setup.upstream.length).toBe(before);
  });

  test("a response is kept, of headers, data or trailers", async () => {
    const paths = GUARDS.filter((each) => !each.startsWith("authorize")).flatMap((each) =>
      judges.map((other) => `/response/${each}/${other}`),
    );
    const sent = sendAll(paths, "silent", [...SHAPES, OPEN[0]!]);
    await pause(400);
    const early = sent.filter(({ request }) => request.soFar.frames.length > 0);
    expect(early.map(({ name }) => name)).toEqual([]);
    for (const { request } of sent) expect((await request.answer()).body).toBe("Bad Gateway\n");
  });
});
