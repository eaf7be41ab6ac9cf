// Guards that ask somebody: nothing goes past them, whatever shape a message has, and none of its parts
// is lost while they wait.

import { expect, test } from "vitest";
import { encode, Filter, type Stream } from "./run.ts";

const services = { a: { cluster: "a" }, b: { cluster: "b" } };

function filter(request: unknown[], response: unknown[] = []): Filter {
  return configured([{ request, response }]);
}

function configured(rules: object[]): Filter {
  const made = new Filter();
  const accepted = made.configure({ ruleway: 1, services, settings: { holdHeaders: true }, rules });
  expect([accepted, made.errors]).toEqual([true, []]);
  return made;
}

/** A request whose headers have come, and no more. */
function post(f: Filter, headers: Record<string, string> = {}): Stream {
  const s = f.open();
  const all = { ":authority": "a", ":path": "/", ":method": "POST", ...headers };
  s.stream.requestHeaders(Object.entries(all), false);
  return s;
}

// What may follow a callout that guards, in the same phase: nothing, or somebody who judges the body.
const JUDGES: Record<string, (phase: string) => object[]> = {
  nobody: () => [],
  "an edit that denies": () => [{ body: { json: { set: { "/ok": true } }, onError: "deny" } }],
  "a condition": (phase) => [{ respond: { status: 422 }, when: `${phase}.json.bad == true` }],
  "a schema": () => [{ validate: { body: { type: "object" } } }],
};

const GUARDS: Record<string, object> = {
  authorize: { authorize: { service: "a" } },
  "authorize, its answers kept": { authorize: { service: "a", cache: { ttl: "1ms" } } },
  call: { call: { service: "a", onError: "deny" } },
  parallel: {
    parallel: [{ call: { service: "a", onError: "deny" } }, { call: { service: "b" } }],
  },
};

const matrix = (phase: string) =>
  Object.keys(GUARDS)
    .filter((guard) => phase === "request" || !guard.startsWith("authorize"))
    .flatMap((guard) => Object.keys(JUDGES).map((judge): [string, string] => [guard, judge]));
const allow = (f: Filter) => {
  for (const call of f.calls.splice(0)) call.respond({ headers: [[":status", "200"]] });
};
const TRAILERS: [string, string][] = [["t", "1"]];

test.each(matrix("request"))("trailers wait for %s, then %s", (guard, judge) => {
  const f = filter([GUARDS[guard]!, ...JUDGES[judge]!("request")]);
  for (const body of ["", '{"a": 1}']) {
    const open = () => {
      const s = post(f);
      if (body) s.stream.requestData(encode(body), false);
      s.stream.requestTrailers(TRAILERS);
      return s;
    };
    const s = open();
    expect([s.upstream, s.upstreamEnded, s.response]).toEqual([undefined, false, undefined]);
    allow(f);
    const edited = judge === "an edit that denies" && body ? '{"a": 1, "ok": true}' : body;
    // A message of which a schema is wanted, and that has no body, is refused.
    if (judge === "a schema" && !body) expect([s.upstream, s.status]).toEqual([undefined, "400"]);
    else expect([s.upstreamBody, s.upstreamEnded, s.status]).toEqual([edited, true, undefined]);
    // What was kept is not good any more.
    f.clock.advance(10);
    const t = open();
    f.clock.advance(500);
    f.calls.length = 0;
    expect(t.upstream).toBeUndefined();
    expect(["403", "503"]).toContain(t.status);
  }
  expect(f.traps).toEqual([]);
});

test.each(matrix("response"))("a response's trailers wait for %s, then %s", (guard, judge) => {
  const f = filter([], [GUARDS[guard]!, ...JUDGES[judge]!("response")]);
  for (const body of ["", '{"a": 1}']) {
    const open = () => {
      const s = f.open().request();
      s.stream.responseHeaders([[":status", "200"]], false);
      if (body) s.stream.responseData(encode(body), false);
      s.stream.responseTrailers(TRAILERS);
      return s;
    };
    const s = open();
    expect([s.response, s.responseEnded]).toEqual([undefined, false]);
    allow(f);
    const edited = judge === "an edit that denies" && body ? '{"a": 1, "ok": true}' : body;
    if (judge === "a schema" && !body) expect(s.status).toBe("502");
    else expect([s.status, s.responseBody, s.responseEnded]).toEqual(["200", edited, true]);
    const t = open();
    f.clock.advance(500);
    f.calls.length = 0;
    expect(t.status).toBe("502");
  }
  expect(f.traps).toEqual([]);
});

test.each(matrix("request"))(
  "a piece while %s is asked, the trailers after it, then %s",
  (...row) => {
    const [guard, judge] = row;
    const f = filter([GUARDS[guard]!, ...JUDGES[judge]!("request")]);
    const s = post(f);
    s.stream.requestData(encode('{"a":'), false);
    s.stream.requestData(encode(" 1}"), false);
    allow(f);
    s.stream.requestTrailers(TRAILERS);
    const edited = judge === "an edit that denies" ? '{"a": 1, "ok": true}' : '{"a": 1}';
    expect([s.upstreamBody, s.upstreamEnded, s.status]).toEqual([edited, true, undefined]);
  },
);

test("a message of headers and trailers has no body, whoever waits for one", () => {
  const f = filter([
    { headers: { set: { "x-body": "$(default(request.body, 'none'))" } } },
    { body: { json: { set: { "/ok": true } } } },
  ]);
  const s = post(f);
  expect(s.upstream).toBeUndefined();
  s.stream.requestTrailers(TRAILERS);
  expect([s.sent("x-body"), s.upstreamBody, s.upstreamEnded]).toEqual([["none"], "", true]);
  const g = filter([
    { respond: { status: 422 }, when: "request.body == 'x'" },
    GUARDS.call!,
    { body: { json: { set: { "/ok": true } } } },
  ]);
  const t = post(g);
  expect(g.calls.length).toBe(0);
  t.stream.requestTrailers(TRAILERS);
  expect([g.calls.length, t.upstream]).toEqual([1, undefined]);
  allow(g);
  expect([t.upstreamEnded, t.status]).toEqual([true, undefined]);
});

test.each([
  ["gRPC", { "content-type": "application/grpc" }],
  ["a WebSocket", { upgrade: "websocket", connection: "upgrade" }],
  ["CONNECT", { ":method": "CONNECT" }],
])("%s waits for the guard, not for another piece", (_what, headers) => {
  const f = filter([
    GUARDS.authorize!,
    // What it is told to be afterwards does not make it a document.
    { headers: { set: { "content-type": "application/json" } } },
    { body: { json: { set: { "/ok": true } } } },
    { headers: { set: { "x-b": "$(request.body)" } } },
  ]);
  const s = post(f, headers as Record<string, string>);
  s.stream.requestData(encode("one"), false);
  expect(s.upstream).toBeUndefined();
  allow(f);
  expect(s.upstreamBody).toBe("one");
  s.stream.requestData(encode("two"), false);
  expect([s.upstreamBody, s.upstreamEnded]).toEqual(["onetwo", false]);
});

test("a callout of the response leaves an upload alone", () => {
  const judge = { when: "request.method == 'PUT'", request: JUDGES["a condition"]!("request") };
  const f = configured([{ request: [GUARDS.call!], response: [GUARDS.call!] }, judge]);
  const s = post(f);
  s.stream.requestData(encode("a"), false);
  allow(f);
  s.stream.requestData(encode("b"), false);
  expect(s.upstreamBody).toBe("ab");
  s.stream.responseHeaders([[":status", "200"]], false);
  expect([f.calls.length, s.response]).toEqual([1, undefined]);
  s.stream.requestData(encode("c"), false);
  expect([s.upstreamBody, s.response]).toEqual(["abc", undefined]);
  allow(f);
  expect(s.status).toBe("200");
});

const BAD = { headers: { "x-n": "$(int(request.headers['n']))" } };

test.each([
  ["a call", { call: { service: "a", ...BAD } }],
  ["a call that guards", { call: { service: "a", ...BAD, onError: "deny" } }],
  [
    "one of several",
    { parallel: [{ call: { service: "b" } }, { call: { service: "a", ...BAD } }] },
  ],
  ["authorize", { authorize: { service: "a" }, when: "int(request.headers['n']) == 1" }],
])("an expression of %s fails: refused, not asked with a part missing", (_what, step) => {
  const f = filter([{ ...step, onError: "deny" }]);
  const s = f.open().request({ n: "x" });
  expect([s.status, s.upstream]).toEqual(["403", undefined]);
  allow(f);
  expect(s.upstream).toBeUndefined();
  expect(f.open().request({ n: "1" }).status).toBeUndefined();
});
