// Events on a real Envoy with two workers: what a real HTTP server received is compared, field by field,
// with what was sent and answered.

import { readFileSync } from "node:fs";
import type http from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../compiler/assets.ts";
import { readBody } from "../../compiler/gateway/demo.ts";
import { envoy, type Got, pause, request, type Setup, setUp } from "./envoy.ts";

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
services:
  auth: { cluster: auth }
  ingestion: { cluster: ingestion, timeout: 5s }
rules:
  - match: { path: /refused }
    request: [{ respond: { status: 403, text: no } }]
  - match: { path: /denied }
    request: [{ authorize: { service: auth } }]
  - match: { path: /instead }
    response: [{ respond: { status: 418, json: { a: teapot }, headers: { x-mine: "1" } } }]
  - match: { path: /not-json }
    response: [{ body: { json: { set: { /a: 1 } }, onError: deny } }]
  - match: { path: /edited }
    request: [{ body: { replace: [{ find: old, with: new }] } }]
  - done: [{ emit: { service: ingestion, path: /api/v1/events, maxBody: 1000000 } }]
`;

interface ApiMessage {
  headers: Record<string, string>;
  body: string;
  body_encoding?: string;
  body_truncated?: boolean;
  body_size?: number;
}

interface ApiEvent {
  metadata: { context_id: number; timestamp: number; traffic_source_name: string };
  request: ApiMessage;
  response: ApiMessage;
  source: { ip: string; port: number };
  destination: { ip: string; port: number };
  protocol: string;
}

describe.skipIf(!envoy)("events of a real Envoy", () => {
  let setup: Setup;
  const events: ApiEvent[] = [];
  const refused: string[] = [];

  beforeAll(async () => {
    const ingestion: http.RequestListener = (incoming, response) => {
      readBody(incoming).then(
        (body) => {
          if (incoming.method !== "POST" || incoming.url !== "/api/v1/events")
            refused.push(`${incoming.method} ${incoming.url}`);
          events.push(JSON.parse(body.toString()));
          response.end();
        },
        () => response.destroy(),
      );
    };
    const upstream: http.RequestListener = (incoming, response) => {
      readBody(incoming).then(
        (body) => {
          response.setHeader("set-cookie", ["a=1", "b=2"]);
          response.setHeader("x-answer", "yes");
          response.setHeader("content-type", "application/octet-stream");
          response.statusCode = 201;
          response.end(incoming.method === "HEAD" ? undefined : body);
        },
        () => response.destroy(),
      );
    };
    const auth: http.RequestListener = (_incoming, response) => {
      response.statusCode = 401;
      response.end("who are you?");
    };
    setup = await setUp(RULES, { auth, ingestion }, { concurrency: 2, upstream });
  });
  afterAll(() => setup?.stop());

  /** The event of the request, which has a path of its own. */
  async function eventOf(path: string): Promise<ApiEvent> {
    for (let tries = 0; tries < 250; tries++) {
      const event = events.find((each) => each.request.headers[":path"] === path);
      if (event) return event;
      await pause(20);
    }
    throw new Error(`no event of ${path}`);
  }

  function compare(event: ApiEvent, sent: Record<string, string>, got: Got): void {
    expect(event.request.headers).toMatchObject(sent);
    expect(Object.keys(event.request.headers).filter((name) => name.startsWith("x-envoy"))).toEqual(
      [],
    );
    expect(event.response.headers[":status"]).toBe(String(got.status));
    for (const name of ["content-type", "content-length", "x-answer"])
      expect(event.response.headers[name]).toBe(got.headers[name]);
    expect(event.source.ip).toBe("127.0.0.1");
    expect(event.destination).toMatchObject({ ip: "127.0.0.1", port: setup.envoy.port });
    expect(event.metadata.traffic_source_name).toBe("Envoy");
    expect(Math.abs(event.metadata.timestamp - Date.now() / 1000)).toBeLessThan(60);
    expect(event.protocol).toBe("HTTP/1.1");
  }

  test("text, in pieces", async () => {
    const got = await request(setup.envoy.port, "/text?x=1", {
      headers: { "x-mine": "1", authorization: "Bearer secret" },
      pieces: ["grüß ", "dich"],
    });
    const event = await eventOf("/text?x=1");
    compare(event, { ":method": "POST", "x-mine": "1", authorization: "***" }, got);
    expect([event.request.body, event.response.body]).toEqual(["grüß dich", got.body]);
    expect(event.response.headers["set-cookie"]).toBe("***, ***");
  });

  test("an edited body is told as it came, a binary one as base64", async () => {
    await request(setup.envoy.port, "/edited", { pieces: ["an o", "ld one"] });
    const event = await eventOf("/edited");
    expect([event.request.body, event.response.body]).toEqual(["an old one", "an new one"]);
    const bytes = Buffer.from([0, 255, 254, 1]);
    await request(setup.envoy.port, "/binary", {
      headers: { "content-type": "application/grpc" },
      pieces: [bytes],
    });
    const binary = await eventOf("/binary");
    expect(binary.request).toMatchObject({
      body: bytes.toString("base64"),
      body_encoding: "base64",
    });
  });

  test("three megabytes pass; of them one million bytes are told", async () => {
    const big = "x".repeat(3_000_000);
    const got = await request(setup.envoy.port, "/big", { pieces: [big] });
    expect(got.body.length).toBe(big.length);
    const event = await eventOf("/big");
    for (const message of [event.request, event.response]) {
      expect(message.body.length).toBe(1_000_000);
      expect(message).toMatchObject({ body_truncated: true, body_size: 3_000_000 });
    }
  });

  test("HEAD, and an answer of the filter's own", async () => {
    const head = await request(setup.envoy.port, "/head", { method: "HEAD" });
    expect((await eventOf("/head")).response.headers[":status"]).toBe(String(head.status));
    expect((await eventOf("/head")).response.body).toBe("");
    for (const path of ["/refused", "/denied", "/instead", "/not-json"]) {
      const got = await request(setup.envoy.port, path, { pieces: ["no JSON"] });
      const { response } = await eventOf(path);
      expect([path, response.body]).toEqual([path, got.body]);
      expect(response.headers[":status"]).toBe(String(got.status));
      for (const name of ["content-type", "content-length", "x-mine", "x-answer"])
        expect([path, name, response.headers[name]]).toEqual([path, name, got.headers[name]]);
    }
    await request(setup.envoy.port, "/refused?head", { method: "HEAD" });
    const { response } = await eventOf("/refused?head");
    expect([response.headers[":status"], response.body]).toEqual(["403", ""]);
    expect((await eventOf("/not-json")).response.headers[":status"]).toBe("502");
  });

  test("of hundreds at a time each is told once", async () => {
    const paths = Array.from({ length: 300 }, (_, i) => `/many/${i}`);
    await Promise.all(paths.map((path) => request(setup.envoy.port, path)));
    for (const path of paths) await eventOf(path);
    expect(
      events.filter((each) => each.request.headers[":path"]?.startsWith("/many/")).length,
    ).toBe(300);
    expect(refused).toEqual([]);
  });
});

describe.skipIf(!envoy)("the rules of observe-api-calls in a real Envoy", () => {
  const SECRET = "t0ps3cret";

  test("tell neither the service nor the log a secret, wherever it is", async () => {
    const told: string[] = [];
    const rules = readFileSync(join(root, "examples/observe-api-calls/rules.yaml"), "utf8").replace(
      "percent: 10",
      "percent: 100",
    );
    const service: http.RequestListener = (incoming, response) => {
      readBody(incoming).then(
        (body) => {
          told.push(body.toString());
          response.end();
        },
        () => response.destroy(),
      );
    };
    const upstream: http.RequestListener = (incoming, response) => {
      readBody(incoming).then(
        () => {
          response.statusCode = 302;
          response.setHeader("location", `/next?b=1&api_key=${SECRET}`);
          response.setHeader("set-cookie", `sid=${SECRET}`);
          response.setHeader("content-type", "application/json");
          response.end(`{"user":{"access_token":"${SECRET}","name":"ada"}}`);
        },
        () => response.destroy(),
      );
    };
    const setup = await setUp(
      rules,
      { "ingestion-service": service },
      { concurrency: 2, upstream },
    );
    try {
      const headers = {
        "x-api-key": SECRET,
        "proxy-authorization": SECRET,
        authorization: `Bearer ${SECRET}`,
        cookie: `sid=${SECRET}`,
        "x-auth-token": SECRET,
        "x-csrf-mine": SECRET,
        "x-user": "ada",
        referer: `https://h/?%74oken=${SECRET}#password=${SECRET}`,
        "x-original-url": `/x?token=${SECRET}`,
      };
      const bodies: [string, string[]][] = [
        ["application/json", ['{"pass', `word":"${SECRET}","a":1}`]],
        ["application/json", [`{"p\\u0061ssword":"${SECRET}"}`]],
        ["application/x-www-form-urlencoded", [`a=1&pass`, `word=${SECRET}`]],
        ["text/plain", [`see https://h/x?token=${SECRET}`]],
      ];
      const N = 40;
      for (let i = 0; i < N; i++) {
        const [type, pieces] = bodies[i % bodies.length]!;
        const got = await request(setup.envoy.port, `/x/${i}?a=1&TOKEN=${SECRET};b=${SECRET}`, {
          headers: { ...headers, "content-type": type },
          pieces,
        });
        expect(got.status).toBe(302);
        expect(got.headers.location).toContain(SECRET);
      }
      for (let tries = 0; tries < 250 && told.length < N; tries++) await pause(20);
      expect(told.length).toBe(N);
      expect(told.filter((text) => text.includes(SECRET))).toEqual([]);
      const event = JSON.parse(told[0]!) as ApiEvent;
      expect(event.response.headers["location"]).toBe("/next?b=1&api_key=***");
      expect(event.response.body).toBe('{"user":{"name":"ada"}}');
      const log = setup.envoy.log();
      expect(log).toContain("POST /x/0?a=1&TOKEN=*** 302 of ada");
      expect(log).not.toContain(SECRET);
    } finally {
      await setup.stop();
    }
  });
});
