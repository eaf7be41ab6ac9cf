// Callouts in every phase, several at a time, and those that wait for each other.

import { expect, test } from "vitest";
import type { HttpCall } from "../../host/index.ts";
import { Filter } from "./run.ts";

const services = { a: { cluster: "a" }, b: { cluster: "b", authority: "b.internal" } };

function filter(request: unknown[], response: unknown[] = [], extra: object = {}): Filter {
  const made = new Filter();
  const rules = [{ name: "r", request, response }];
  const settings = { holdHeaders: true };
  const accepted = made.configure({ ruleway: 1, services, settings, rules, ...extra });
  expect([accepted, made.errors]).toEqual([true, []]);
  return made;
}

function at(f: Filter, i: number): HttpCall {
  const call = f.calls[i];
  if (!call) throw new Error(`there is no callout ${i}`);
  return call;
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const header = (headers: [string, string][], name: string) =>
  headers.find(([each]) => each === name)?.[1];

test("what a call says is seen by the steps after it, in this phase and in later ones", () => {
  const f = filter(
    [
      {
        call: {
          service: "b",
          path: "/u$(request.path)",
          json: { id: "$(request.method)" },
          as: "one",
        },
      },
      { headers: { set: { "x-one": "$(calls.one.status)/$(calls.one.headers['x-h'])" } } },
    ],
    [{ headers: { set: { "x-later": "$(calls.one.json.v)" } } }],
  );
  const s = f.open().request({ ":path": "/p" });
  expect(s.upstream).toBeUndefined();
  const call = at(f, 0);
  expect(call.cluster).toBe("b");
  expect(header(call.headers, ":path")).toBe("/u/p");
  expect(header(call.headers, ":method")).toBe("POST");
  expect(header(call.headers, ":authority")).toBe("b.internal");
  expect(header(call.headers, "content-type")).toBe("application/json");
  expect(Buffer.from(call.body).toString()).toBe('{"id":"GET"}');
  call.respond({
    headers: [
      [":status", "201"],
      ["x-h", "eins"],
    ],
    body: json({ v: 7 }),
  });
  expect(s.sent("x-one")).toEqual(["201/eins"]);
  s.respond();
  expect(s.got("x-later")).toEqual(["7"]);
  expect(f.traps).toEqual([]);
});

test("no answer is status 0 and an error; onError: deny refuses", () => {
  const f = filter([
    { call: { service: "a", as: "x" } },
    { headers: { set: { "x-x": "$(calls.x.status) $(calls.x.error)" } } },
  ]);
  const s = f.open().request();
  at(f, 0).fail();
  expect(s.sent("x-x")).toEqual(["0 no answer"]);
  const g = filter([{ call: { service: "a", onError: "deny" } }]);
  const t = g.open().request();
  g.clock.advance(500);
  expect([t.status, t.upstream]).toEqual(["503", undefined]);
  expect(g.plugin.pendingCalls).toBe(0);
  // Envoy answers for a service that it cannot reach.
  const u = g.open().request();
  at(g, 1).respond({ headers: [[":status", "504"]] });
  expect([u.status, u.upstream]).toEqual(["503", undefined]);
});

test("a response waits for its call, headers and body", () => {
  const f = filter(
    [],
    [
      { call: { service: "a", as: "x" } },
      { headers: { set: { "x-x": "$(calls.x.body)" } } },
      { body: { append: "!" } },
    ],
  );
  const s = f.open().request().respond({}, "one ", "two");
  expect([s.response, s.responseBody]).toEqual([undefined, ""]);
  at(f, 0).respond({ headers: [[":status", "200"]], body: new TextEncoder().encode("yes") });
  expect(s.got("x-x")).toEqual(["yes"]);
  expect(s.responseBody).toBe("one two!");
  expect(s.responseEnded).toBe(true);
});

test("a response whose body is judged after the call lets nothing out before", () => {
  const f = filter(
    [],
    [
      { call: { service: "a", as: "x" } },
      { respond: { status: 502 }, when: "response.json.bad == true" },
    ],
  );
  const s = f.open().request().respond({}, '{"bad":', "true}");
  at(f, 0).respond({ headers: [[":status", "200"]] });
  expect([s.status, s.responseBody]).toEqual(["502", ""]);
  const t = f.open().request();
  t.stream.responseHeaders([[":status", "200"]], false);
  t.stream.responseData(new TextEncoder().encode('{"bad":'), false);
  expect(t.response).toBeUndefined();
  at(f, 1).respond({ headers: [[":status", "200"]] });
  expect(t.response).toBeUndefined();
  t.stream.responseData(new TextEncoder().encode("false}"), true);
  expect([t.status, t.responseBody]).toEqual(["200", '{"bad":false}']);
});

test("calls in parallel go out at once, and what needs another when that is answered", () => {
  const f = filter([
    {
      parallel: [
        {
          call: { service: "b", path: "/$(calls.two.json.id)", as: "three" },
          needs: ["two", "one"],
        },
        { call: { service: "a", path: "/1", as: "one" } },
        { call: { service: "a", path: "/2", as: "two" } },
        { call: { service: "a", path: "/never", as: "four" }, when: "request.method == 'PUT'" },
        { call: { service: "a", path: "/5", as: "five" }, needs: "four" },
      ],
    },
    {
      headers: { set: { "x-all": "$(calls.one.status)$(calls.two.status)$(calls.three.status)" } },
    },
    { headers: { set: { "x-four": "$(calls.four.status)" } } },
  ]);
  const s = f.open().request();
  expect(f.calls.map((call) => header(call.headers, ":path"))).toEqual(["/1", "/2", "/5"]);
  at(f, 1).respond({ headers: [[":status", "202"]], body: json({ id: 9 }) });
  at(f, 2).fail();
  expect(f.calls.length).toBe(3);
  at(f, 0).respond({ headers: [[":status", "201"]] });
  expect(header(at(f, 3).headers, ":path")).toBe("/9");
  expect(s.upstream).toBeUndefined();
  at(f, 3).respond({ headers: [[":status", "203"]] });
  expect(s.sent("x-all")).toEqual(["201202203"]);
  expect(s.sent("x-four")).toEqual([]);
});

test("a stream that ends forgets its calls; a done stream calls without waiting", () => {
  const f = filter([{ parallel: [{ call: { service: "a" } }, { call: { service: "b" } }] }]);
  const s = f.open().request();
  s.close();
  for (const call of f.calls) call.respond({ headers: [[":status", "200"]] });
  expect([s.upstream, f.traps]).toEqual([undefined, []]);
  const g = filter([], [], {
    rules: [{ done: [{ call: { service: "a", path: "/bye/$(response.code)" } }] }],
  });
  const t = g.open({ "response.code": 204n }).request().respond({ ":status": "204" });
  t.close();
  expect(g.calls.map((call) => header(call.headers, ":path"))).toEqual(["/bye/204"]);
  at(g, 0).respond({ headers: [[":status", "200"]] });
  expect(g.traps).toEqual([]);
  expect(g.metrics["ruleway.call.sent"]).toBe(1);
});

test("what cannot be is refused where it stands", () => {
  const made = new Filter();
  const cycle = [
    { call: { service: "a", as: "one" }, needs: "two" },
    { call: { service: "a", as: "two" }, needs: "one" },
  ];
  made.configure({
    ruleway: 1,
    services,
    rules: [
      { request: [{ parallel: cycle }, { call: { service: "c" } }] },
      { request: [{ call: { service: "a", body: "x", json: 1 } }] },
      { request: [{ headers: { set: { a: "$(calls.none.status)" } } }] },
      { request: [{ headers: { set: { a: "$(calls.one.states)" } } }] },
      { done: [{ call: { service: "a", as: "late" } }] },
    ],
  });
  expect(made.errors).toEqual([
    'R303 "/rules/0/request/0/parallel/0/needs": these callouts wait for each other in a circle',
    'R303 "/rules/0/request/1/call/service": no such service: "c"; there are a, b',
    'R311 "/rules/1/request/0/call/json": a callout has body or json, not both',
    'R301 "/rules/2/request/0/headers/set/a" +2: no callout has the name "none"',
    'R301 "/rules/3/request/0/headers/set/a" +2: unknown name "calls.one.states", did you mean "status"?',
    'R312 "/rules/4/done/0/call/as": a stream that is done does not wait for the answer',
  ]);
});

const INFO = { "xds.cluster_name": "shop" };

test("forward asks the route's upstream, and its answer is the client's", () => {
  const f = filter([
    {
      forward: {
        method: "POST",
        path: "/other?x=$(request.path)",
        headers: { set: { "x-a": "1" }, remove: ["cookie"] },
        json: { b: "$(request.headers['x-b'])" },
      },
    },
  ]);
  const s = f.open(INFO).request({ "x-b": "2", cookie: "c=1", "content-type": "text/plain" });
  const call = at(f, 0);
  expect(call.cluster).toBe("shop");
  const sent = Object.fromEntries(call.headers);
  expect(sent).toMatchObject({
    ":method": "POST",
    ":path": "/other?x=/",
    ":authority": "example.com",
    "x-a": "1",
    "x-b": "2",
    "content-type": "application/json",
  });
  expect(sent["cookie"]).toBeUndefined();
  expect(Buffer.from(call.body).toString()).toBe('{"b":"2"}');
  call.respond({
    headers: [
      [":status", "404"],
      ["x-found", "no"],
      ["connection", "close"],
      ["content-length", "3"],
    ],
    body: new TextEncoder().encode("404"),
  });
  expect([s.status, s.got("x-found"), s.got("connection"), s.responseBody]).toEqual([
    "404",
    ["no"],
    [],
    "404",
  ]);
  expect(s.upstream).toBeUndefined();
});

test("forward without a cluster, an answer, or with too much of one: the status that is set", () => {
  const f = filter([{ forward: { maxBody: 4, onError: 599, timeout: "2s" } }]);
  expect(f.open({ "xds.cluster_name": "" }).request().status).toBe("599");
  const s = f.open(INFO).request();
  f.clock.advance(2000);
  expect(s.status).toBe("599");
  const t = f.open(INFO).request();
  at(f, 1).respond({ headers: [[":status", "200"]], body: new TextEncoder().encode("12345") });
  expect([t.status, t.responseBody]).toEqual(["599", ""]);
  expect(f.plugin.pendingCalls).toBe(0);
});

test("forward with a name keeps the answer and goes on", () => {
  const f = filter([
    { forward: { path: "/v", as: "own" } },
    { headers: { set: { "x-v": "$(calls.own.json.v)" } } },
  ]);
  const s = f.open(INFO).request();
  at(f, 0).respond({ headers: [[":status", "200"]], body: json({ v: 1 }) });
  expect(s.sent("x-v")).toEqual(["1"]);
});

const names = (headers: [string, string][]) =>
  headers.map(([name]) => name).filter((name) => !name.startsWith(":"));

/** What the client says of its connection and of its body. */
const OF_HOP_AND_BODY = {
  connection: "close, X-Hop ,x-other",
  "x-hop": "1",
  "proxy-connection": "keep-alive",
  "proxy-authorization": "basic abc",
  "keep-alive": "timeout=5",
  te: "trailers",
  "content-type": "text/plain",
  "content-encoding": "gzip",
  "content-language": "de",
  digest: "sha-256=abc",
  "content-digest": "sha-256=:abc:",
  "repr-digest": "sha-256=:abc:",
  "content-md5": "abc",
  "x-end": "1",
};

test("forward passes on nothing of the client's connection, nor of a body that is not sent", () => {
  const sent = (forward: object) => {
    const f = filter([{ forward }]);
    f.open(INFO).request(OF_HOP_AND_BODY);
    return at(f, 0).headers;
  };
  expect(names(sent({}))).toEqual(["x-end"]);
  const json = sent({ json: 1 });
  expect(names(json)).toEqual(["x-end", "content-type"]);
  expect(header(json, "content-type")).toBe("application/json");
  // A text is of the request's type, unless the rule says another.
  const text = sent({ body: "$(request.method)" });
  expect(names(text)).toEqual(["content-type", "content-language", "x-end"]);
  const own = sent({ json: 1, headers: { set: { "content-type": "application/ld+json" } } });
  expect(own.filter(([name]) => name === "content-type")).toEqual([
    ["content-type", "application/ld+json"],
  ]);
});

test("forward passes on nothing of the upstream's connection", () => {
  const f = filter([{ forward: {} }]);
  const s = f.open(INFO).request();
  at(f, 0).respond({
    headers: [
      [":status", "200"],
      ["x-a", "1"],
      ["connection", "x-hop"],
      ["connection", "close, x-second"],
      ["x-hop", "1"],
      ["x-second", "1"],
      ["proxy-connection", "close"],
      ["proxy-authenticate", "basic"],
      ["transfer-encoding", "chunked"],
    ],
  });
  expect(names(s.response ?? []).filter((name) => name !== "content-length")).toEqual(["x-a"]);
});

test("call with json says so once, whatever is sent along", () => {
  const f = filter([{ call: { service: "a", send: ["content-*", "digest"], json: [1] } }]);
  f.open().request(OF_HOP_AND_BODY);
  const { headers } = at(f, 0);
  expect(headers.filter(([name]) => name === "content-type")).toEqual([
    ["content-type", "application/json"],
  ]);
  expect(names(headers).sort()).toEqual(["content-language", "content-type"]);
});

/** The last bodies find the filter's memory full: it holds half a gigabyte at the most. */
test("an answer whose body is lost to memory is none", () => {
  const call = (_: unknown, i: number) => ({
    call: { service: "a", maxBody: "64MiB", as: `c${i}` },
  });
  const parallel = Array.from({ length: 9 }, call);
  const said = { headers: { set: { "x-said": "$(calls.last.status) $(calls.last.error)" } } };
  const run = (...steps: object[]) => {
    const f = filter([{ parallel }, ...steps]);
    const s = f.open(INFO).request();
    const body = new Uint8Array(60 << 20);
    for (let i = 0; i < 10; i++) at(f, i).respond({ headers: [[":status", "200"]], body });
    expect(f.traps).toEqual([]);
    return { f, s };
  };
  const called = run({ call: { service: "a", maxBody: "64MiB", as: "last" } }, said);
  expect(called.s.sent("x-said")).toEqual(["0 out of memory"]);
  expect(called.f.metrics["ruleway.call.failed"]).toBe(3);
  const guarded = run({ call: { service: "a", maxBody: "64MiB", as: "last", onError: "deny" } });
  expect([guarded.s.status, guarded.s.upstream]).toEqual(["503", undefined]);
  for (const forward of [{ maxBody: "64MiB" }, { maxBody: "64MiB", as: "last" }]) {
    const { s } = run({ forward });
    expect([s.status, s.upstream]).toEqual(["503", undefined]);
  }
});

test("a call without an answer is made again, within the one deadline", () => {
  const call = { service: "a", json: { p: "$(request.path)" }, as: "x", retries: 2, timeout: "1s" };
  const after = { headers: { set: { "x-x": "$(calls.x.status)" } } };
  const f = filter([{ call }, after]);
  const s = f.open().request({ ":path": "/p" });
  f.clock.advance(100);
  at(f, 0).respond({ headers: [[":status", "503"]] });
  expect([s.upstream, at(f, 1).timeout]).toEqual([undefined, 900]);
  expect([at(f, 1).headers, at(f, 1).body]).toEqual([at(f, 0).headers, at(f, 0).body]);
  at(f, 1).fail();
  at(f, 2).respond({ headers: [[":status", "404"]] });
  expect(s.sent("x-x")).toEqual(["404"]);
  expect(f.metrics["ruleway.call.retried"]).toBe(2);
  const t = f.open().request();
  for (const i of [3, 4, 5]) at(f, i).respond({ headers: [[":status", "500"]] });
  expect([t.sent("x-x"), f.calls.length]).toEqual([["500"], 6]);
  const u = f.open().request();
  f.clock.advance(1000);
  expect([u.sent("x-x"), f.calls.length]).toEqual([["0"], 7]);
  const v = f.open().request();
  at(f, 7).fail();
  v.close();
  at(f, 8).respond({ headers: [[":status", "200"]] });
  expect([v.upstream, f.traps]).toEqual([undefined, []]);
});

test("calls of a list are made again each by itself; what waits for one waits on", () => {
  const f = filter([
    {
      parallel: [
        { call: { service: "a", as: "x", retries: 1 } },
        { call: { service: "a", as: "y" } },
        {
          call: { service: "b", path: "/$(calls.x.status)", as: "z", retries: 1, onError: "deny" },
          needs: ["x"],
        },
      ],
    },
    { headers: { set: { "x-x": "$(calls.x.status) $(calls.y.status) $(calls.z.status)" } } },
  ]);
  const s = f.open().request();
  expect(f.calls).toHaveLength(2);
  at(f, 0).fail();
  at(f, 1).fail();
  expect(f.calls).toHaveLength(3);
  at(f, 2).respond({ headers: [[":status", "201"]] });
  expect(header(at(f, 3).headers, ":path")).toBe("/201");
  at(f, 3).fail();
  at(f, 4).respond({ headers: [[":status", "200"]] });
  expect(s.sent("x-x")).toEqual(["201 0 200"]);
  const t = f.open().request();
  at(f, 5).respond({ headers: [[":status", "200"]] });
  at(f, 7).fail();
  at(f, 8).fail();
  expect([t.status, t.upstream]).toEqual(["503", undefined]);
  expect(f.traps).toEqual([]);
});

test("where the stream is done nobody waits, and nothing is made again", () => {
  const f = new Filter();
  const rules = [{ done: [{ call: { service: "a", retries: 1 } }] }];
  expect(f.configure({ ruleway: 1, services, rules })).toBe(false);
  expect(f.errors.join()).toContain("R312");
});
