// What rules do to streams, where rule tests cannot look: phases, holds, callouts, odd messages.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

const auth = { services: { auth: { cluster: "auth" } }, settings: { holdHeaders: true } };
const guard = { authorize: { service: "auth" } };
const judge = { body: { json: { set: { "/ok": true } }, onError: "deny" } };

test.each([
  ["a guard", [guard], true],
  ["a guard before a step that judges the body", [guard, judge], true],
  ["a guard on a host that cannot hold headers", [guard], false],
])("%s: while the service is silent, nothing reaches the upstream", (_name, request, holds) => {
  const filter = new Filter({ allowOnHeadersStopIteration: holds });
  const settings = { holdHeaders: holds };
  expect(filter.configure({ ruleway: 1, ...auth, settings, rules: [{ request }] })).toBe(true);
  for (const pieces of [[], ["{}"], ["{", '"a":', "1}"]]) {
    const stream = filter.open().request({}, ...pieces);
    expect(stream.upstream).toBeUndefined();
    filter.clock.advance(499);
    expect(stream.status).toBeUndefined();
    filter.clock.advance(1);
    expect(stream.status).toBe("403");
    expect(stream.upstream).toBeUndefined();
    stream.close();
  }
});

test("a body that came while the service was asked is judged before anything goes on", () => {
  const filter = new Filter();
  filter.configure({ ruleway: 1, ...auth, rules: [{ request: [guard, judge] }] });
  const good = filter.open().request({ "content-length": "7" }, '{"a":', "1}");
  filter.calls[0]!.respond({ headers: [[":status", "200"]] });
  expect(good.upstreamBody).toBe('{"a":1,"ok":true}');
  expect(good.sent("content-length")).toEqual(["17"]);
  const bad = filter.open().request({}, '{"a":', "1");
  filter.calls[1]!.respond({ headers: [[":status", "200"]] });
  expect(bad.status).toBe("400");
  expect(bad.upstream).toBeUndefined();
});

test("a body that comes after the service has answered is judged too", () => {
  const filter = new Filter();
  filter.configure({ ruleway: 1, ...auth, rules: [{ request: [guard, judge] }] });
  const stream = filter.open();
  stream.stream.requestHeaders(
    [
      [":authority", "a"],
      [":path", "/"],
      [":method", "POST"],
    ],
    false,
  );
  stream.stream.requestData(new TextEncoder().encode('{"a"'), false);
  filter.calls[0]!.respond({ headers: [[":status", "200"]] });
  expect(stream.upstream).toBeUndefined();
  stream.stream.requestData(new TextEncoder().encode(":1}"), true);
  expect(stream.upstreamBody).toBe('{"a":1,"ok":true}');
});

test("an answer for a stream that has gone is dropped", () => {
  const filter = new Filter();
  filter.configure({ ruleway: 1, ...auth, rules: [{ request: [guard] }] });
  const gone = filter.open().request();
  gone.close();
  filter.calls[0]!.respond({ headers: [[":status", "200"]] });
  expect(filter.traps).toEqual([]);
  const other = filter.open().request();
  filter.calls[1]!.respond({ headers: [[":status", "200"]] });
  expect(other.upstream).toBeDefined();
});

test("2,000 streams that wait at once each get their own answer", () => {
  const filter = new Filter();
  const step = { authorize: { service: "auth", upstream: { set: ["x-user"] } } };
  filter.configure({ ruleway: 1, ...auth, rules: [{ request: [step] }] });
  const streams = Array.from({ length: 2000 }, () => filter.open().request());
  filter.calls.forEach((call, i) => {
    call.respond({
      headers: [
        [":status", "200"],
        ["x-user", `u${i}`],
      ],
    });
  });
  streams.forEach((stream, i) => {
    expect(stream.sent("x-user")).toEqual([`u${i}`]);
    stream.close();
  });
});

test.each([
  ["no status", []],
  ["a status that is no number", [[":status", "abc"]]],
  ["a status out of range", [[":status", "99"]]],
  ["an informational status", [[":status", "101"]]],
] as Array<[string, Array<[string, string]>]>)(
  "an answer with %s counts as a failure",
  (_name, headers) => {
    const filter = new Filter();
    filter.configure({ ruleway: 1, ...auth, rules: [{ request: [guard] }] });
    const stream = filter.open().request();
    filter.calls[0]!.respond({ headers });
    expect(stream.status).toBe("403");
  },
);

test("a callout whose path a client could break is not made, and the request is refused", () => {
  const filter = new Filter();
  const step = { authorize: { service: "auth", path: "/check?u=$(request.query_params.u)" } };
  filter.configure({ ruleway: 1, ...auth, rules: [{ request: [step] }] });
  const stream = filter.open().request({ ":path": "/?u=a%20HTTP/1.1%0d%0ax:y" });
  expect(filter.calls).toEqual([]);
  expect(stream.status).toBe("403");
  expect(stream.upstream).toBeUndefined();
});

test("tunnels, gRPC, bodies of other codings and partial ones pass untouched, and are counted", () => {
  const filter = new Filter();
  const body = { body: { replace: [{ find: "a", with: "b" }] } };
  filter.configure({ ruleway: 1, rules: [{ request: [body], response: [body] }] });
  const send = (request: Record<string, string>, response: Record<string, string>) => {
    const stream = filter.open().request({ "content-length": "1", ...request }, "a");
    stream.respond({ "content-length": "1", ...response }, "a");
    stream.close();
    return [stream.upstreamBody, stream.responseBody, ...stream.got("content-length")];
  };
  expect(send({}, {})).toEqual(["b", "b", "1"]);
  const upgrade = { upgrade: "websocket", connection: "upgrade" };
  expect(send(upgrade, { ":status": "101" })).toEqual(["a", "a", "1"]);
  // The upstream did not agree: that is an ordinary response, whatever the client has asked for.
  expect(send(upgrade, {})).toEqual(["a", "b", "1"]);
  expect(send({ ":method": "CONNECT" }, {})).toEqual(["a", "a", "1"]);
  expect(
    send({ "content-type": "application/grpc+proto" }, { "content-type": "application/grpc" }),
  ).toEqual(["a", "a", "1"]);
  expect(send({ "content-encoding": "zstd" }, { "content-encoding": "br" })).toEqual([
    "a",
    "a",
    "1",
  ]);
  expect(send({ "content-encoding": "identity" }, { "content-encoding": "" })).toEqual([
    "b",
    "b",
    "1",
  ]);
  expect(send({}, { ":status": "206" })).toEqual(["b", "a", "1"]);
  expect(filter.metrics).toMatchObject({
    "ruleway.body_skipped.upgrade": 5,
    "ruleway.body_skipped.grpc": 2,
    "ruleway.body_skipped.content_encoding": 2,
    "ruleway.body_skipped.partial_content": 1,
  });
});

test("HEAD and empty responses never announce a length that is not there", () => {
  const filter = new Filter();
  filter.configure({
    ruleway: 1,
    rules: [{ response: [{ body: { replace: [{ find: "a", with: "bb" }] } }] }],
  });
  const head = filter.open().request({ ":method": "HEAD" }).respond({ "content-length": "5" });
  expect(head.got("content-length")).toEqual([]);
  const empty = filter.open().request().respond({ "content-length": "0" });
  expect(empty.got("content-length")).toEqual(["0"]);
});

test("a body that ends in trailers is never passed on short", () => {
  const filter = new Filter();
  filter.configure({
    ruleway: 1,
    rules: [{ response: [{ body: { replace: [{ find: "foo", with: "x" }] } }] }],
  });
  const clean = filter.open().request();
  clean.stream.responseHeaders([[":status", "200"]], false);
  clean.stream.responseData(new TextEncoder().encode("a foo b"), false);
  clean.stream.responseTrailers([["t", "1"]]);
  expect([clean.responseBody, clean.wasReset]).toEqual(["a x b", false]);
  const cut = filter.open().request();
  cut.stream.responseHeaders([[":status", "200"]], false);
  cut.stream.responseData(new TextEncoder().encode("a fo"), false);
  cut.stream.responseTrailers([["t", "1"]]);
  expect(cut.wasReset).toBe(true);
});

test("values from outside cannot end a header, a log line or a redirect", () => {
  const filter = new Filter();
  filter.configure({
    ruleway: 1,
    rules: [
      {
        match: { path: "/r" },
        request: [{ redirect: { to: "/$(request.query_params.to)" } }],
      },
      {
        request: [
          { headers: { set: { x: "$(request.query_params.q)" } } },
          { log: "q=$(request.query_params.q)" },
          { path: "/p/$(request.query_params.q)" },
        ],
      },
    ],
  });
  const stream = filter.open().request({ ":path": "/a?q=1%0d%0aevil:%201" });
  expect(stream.sent("x")).toEqual([]);
  expect(stream.sent(":path")).toEqual(["/p/1%0D%0Aevil%3A%201?q=1%0d%0aevil:%201"]);
  expect(filter.log).toContain("q=1  evil: 1");
  expect(filter.metrics["ruleway.edit_skipped.invalid_value"]).toBe(1);
  expect(filter.open().request({ ":path": "/r?to=%0d%0ax" }).status).toBe("400");
});

test("1,000 headers, megabyte values and bodies in single bytes are nothing special", () => {
  const filter = new Filter();
  const rule = {
    request: [
      { headers: { remove: ["x-1*"], rename: { "x-2": "y-2" }, dedupe: { "x-3": "first" } } },
      { body: { json: { set: { "/b": 2 } } } },
    ],
  };
  filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules: [rule] });
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x-${i}`, "v"]));
  const stream = filter.open().request({ ...many, big: "v".repeat(1 << 20) }, ...'{"a": "x"}');
  expect(stream.sent("y-2")).toEqual(["v"]);
  expect(stream.upstream!.some(([name]) => name.startsWith("x-1"))).toBe(false);
  expect(stream.sent("big")[0]!.length).toBe(1 << 20);
  expect(stream.upstreamBody).toBe('{"a": "x", "b": 2}');
});

test("the host answers by itself while a callout is out: what the service says then is of no matter", () => {
  const filter = new Filter();
  const authorize = { authorize: { service: "auth" } };
  filter.configure({
    ruleway: 1,
    services: { auth: { cluster: "auth" } },
    rules: [
      { request: [authorize, { headers: { set: { a: "b" } } }], response: [{ status: 418 }] },
    ],
  });
  for (const answer of ["200", "403"]) {
    const stream = filter.open().request({}, "body");
    stream.respond({ ":status": "408" }, "timeout");
    filter.calls.shift()!.respond({ headers: [[":status", answer]], body: new Uint8Array() });
    expect([stream.status, stream.upstream]).toEqual(["418", undefined]);
    stream.close();
  }
  expect(filter.traps).toEqual([]);
});
