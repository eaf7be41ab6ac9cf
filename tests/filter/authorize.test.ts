// `authorize` beyond the one question and its answer: answers that are kept, requests that wait for the
// same one, a service that fails, retries, bodies.

import { describe, expect, test } from "vitest";
import { type HostOptions, type HttpCall, LogLevel } from "../../host/index.ts";
import { encode, Filter, type Stream } from "./run.ts";

const services = { auth: { cluster: "auth", timeout: "1s" }, other: { cluster: "other" } };

const TOKEN = "$(request.headers.authorization)";

function rulesOf(authorize: object, after: object[] = []): object {
  const request = [{ authorize: { service: "auth", path: "/check", ...authorize } }, ...after];
  return { ruleway: 1, services, settings: { holdHeaders: true }, rules: [{ request }] };
}

function filter(authorize: object, after: object[] = [], options: HostOptions = {}): Filter {
  const made = new Filter(options);
  const accepted = made.configure(rulesOf(authorize, after));
  expect([accepted, made.errors]).toEqual([true, []]);
  return made;
}

function at(f: Filter, i: number): HttpCall {
  const call = f.calls[i];
  if (!call) throw new Error(`there is no callout ${i}`);
  return call;
}

type Fields = Record<string, string>;

function answer(call: HttpCall, status: number, headers: Fields = {}, body?: string): void {
  const all: [string, string][] = [[":status", String(status)], ...Object.entries(headers)];
  call.respond({ headers: all, ...(body === undefined ? {} : { body: encode(body) }) });
}

const as = (f: Filter, authorization: string, headers: Fields = {}): Stream =>
  f.open().request({ authorization, ...headers });

const counted = (f: Filter, name: string): number => f.metrics[`ruleway.authorize.${name}`] ?? 0;

/** What became of it: where it went on, or with what it was answered. */
const fate = (s: Stream): string | undefined => (s.upstream ? "passed" : s.told);

/** ATTACKER_KEYS=1000000 takes a minute, and comes to the same. */
const MANY = Number(process.env["ATTACKER_KEYS"] ?? 100_000);
const KEPT = 20_000;

/** What many requests need not leave behind. */
const QUIET: HostOptions = { logLevel: LogLevel.Error, trace: () => {} };

// ---- what is kept

test("an answer is kept: the next request passes without waiting, and with what the service said", () => {
  const cache = { key: TOKEN, ttl: "30s" };
  const f = filter({
    cache,
    upstream: { set: ["x-user"], append: ["x-role"] },
    client: ["x-quota"],
  });
  const first = as(f, "a", { "x-user": "spoofed" });
  expect(fate(first)).toBeUndefined();
  answer(at(f, 0), 200, { "x-user": "ada", "x-role": "admin", "x-quota": "7", "x-other": "o" });
  const second = as(f, "a", { "x-user": "spoofed", "x-role": "own" });
  for (const s of [first, second]) {
    expect(fate(s)).toBe("passed");
    expect(s.sent("x-user")).toEqual(["ada"]);
    expect(s.sent("x-other")).toEqual([]);
    expect(s.respond().got("x-quota")).toEqual(["7"]);
  }
  expect(second.sent("x-role")).toEqual(["own", "admin"]);
  expect(f.calls).toHaveLength(1);
  expect([counted(f, "cache.hit"), counted(f, "cache.miss"), counted(f, "allowed")]).toEqual([
    1, 1, 2,
  ]);
  f.clock.advance(29_999);
  expect(fate(as(f, "a"))).toBe("passed");
  f.clock.advance(1);
  const late = as(f, "a");
  expect(fate(late)).toBeUndefined();
  answer(at(f, 1), 403);
  expect(fate(late)).toBe("403");
  expect(fate(as(f, "a"))).toBe("403");
  expect(f.calls).toHaveLength(2);
  expect(f.traps).toEqual([]);
});

test("a denial is kept with its headers and body, for denyTtl; 0s keeps none", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s", denyTtl: "1s" } });
  const told = { "www-authenticate": "Bearer", "x-secret": "s", "content-length": "9" };
  as(f, "a");
  answer(at(f, 0), 401, told, "who's that");
  const again = as(f, "a");
  expect([again.status, again.responseBody]).toEqual(["401", "who's that"]);
  expect([again.got("www-authenticate"), again.got("x-secret")]).toEqual([["Bearer"], []]);
  f.clock.advance(1000);
  expect(fate(as(f, "a"))).toBeUndefined();
  expect(f.calls).toHaveLength(2);
  const g = filter({ cache: { key: TOKEN, ttl: "30s", denyTtl: "0s" } });
  as(g, "a");
  answer(at(g, 0), 401);
  expect(fate(as(g, "a"))).toBeUndefined();
  expect(g.calls).toHaveLength(2);
});

test("a denial of our own is made anew for each request", () => {
  const denied = {
    status: 418,
    json: { path: "$(request.path)" },
    headers: { "x-id": "$(request.path)" },
  };
  const f = filter({ cache: { key: TOKEN, ttl: "30s" }, denied });
  as(f, "a", { ":path": "/1" });
  answer(at(f, 0), 403, {}, "x".repeat(60_000));
  const again = as(f, "a", { ":path": "/2" });
  expect([again.status, again.responseBody, again.got("x-id")]).toEqual([
    "418",
    '{"path":"/2"}',
    ["/2"],
  ]);
});

test.each([
  ["no answer", (call: HttpCall) => call.fail()],
  ["500", (call: HttpCall) => answer(call, 500)],
  ["503", (call: HttpCall) => answer(call, 503, { "x-user": "eve" })],
  ["a status that is none", (call: HttpCall) => call.respond({ headers: [[":status", "yes"]] })],
  ["no status", (call: HttpCall) => call.respond({ headers: [["x-user", "eve"]] })],
  ["100", (call: HttpCall) => answer(call, 100)],
])("a failure is never kept: %s", (_what, fails) => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const s = as(f, "a");
  fails(at(f, 0));
  expect(fate(s)).toBe("403");
  expect(fate(as(f, "a"))).toBeUndefined();
  answer(at(f, 1), 200);
  expect(fate(as(f, "a"))).toBe("passed");
});

test.each([
  ["408", 408, {}],
  ["425", 425, {}],
  ["429", 429, { "retry-after": "1" }],
  ["a denial that sets cookies", 401, { "set-cookie": "a=b" }],
  ["more than 16 KiB", 401, { location: `/${"x".repeat(17_000)}` }],
])("it is not kept either: %s", (_what, status, headers) => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  as(f, "a");
  answer(at(f, 0), status, headers as Fields);
  expect(fate(as(f, "a"))).toBeUndefined();
});

test("an answer that sets cookies is for the one that asked: those that wait ask for themselves", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" }, client: ["set-cookie"] });
  const streams = [as(f, "a"), as(f, "a"), as(f, "a")];
  expect(f.calls).toHaveLength(1);
  answer(at(f, 0), 200, { "set-cookie": "for=first" });
  expect(streams.map(fate)).toEqual(["passed", undefined, undefined]);
  expect(f.calls).toHaveLength(3);
  answer(at(f, 1), 200, { "set-cookie": "for=second" });
  at(f, 2).fail();
  expect(streams.map(fate)).toEqual(["passed", "passed", "403"]);
  expect(streams[0]!.respond().got("set-cookie")).toEqual(["for=first"]);
  expect(streams[1]!.respond().got("set-cookie")).toEqual(["for=second"]);
  expect(fate(as(f, "a"))).toBeUndefined();
});

test("cookies that are not passed on are of no matter", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  as(f, "a");
  answer(at(f, 0), 200, { "set-cookie": "a=b" });
  expect(fate(as(f, "a"))).toBe("passed");
});

test.each([
  ["no-store", 0],
  ["No-Cache", 0],
  ["private", 0],
  ['private="x, max-age=5"', 0],
  ["max-age=0", 0],
  ["max-age=yes", 0],
  ["max-age", 0],
  ["max-age=-1", 0],
  ["max-age=5", 5000],
  ['public, max-age="5"', 5000],
  ["max-age=5, max-age=7", 5000],
  ["s-maxage=5, max-age=0", 5000],
  ["max-age=99999999999999999999999", 30_000],
  ["immutable, no-storage, x=no-store", 30_000],
  ['x="\\", no-store", max-age=7', 7000],
  ["", 30_000],
])("cache-control: %s is obeyed where that is wanted: %i ms", (value, ms) => {
  const cache = { key: TOKEN, ttl: "30s" };
  const f = filter({ cache: { ...cache, cacheControl: "obey" } });
  as(f, "a");
  answer(at(f, 0), 200, { "cache-control": value });
  if (ms > 0) {
    f.clock.advance(ms - 1);
    expect(fate(as(f, "a"))).toBe("passed");
    f.clock.advance(1);
  }
  expect(fate(as(f, "a"))).toBeUndefined();
  const g = filter({ cache });
  as(g, "a");
  answer(at(g, 0), 200, { "cache-control": value });
  expect(fate(as(g, "a"))).toBe("passed");
});

test("an answer that says it is for one is for one; one that must be asked for again is not used stale", () => {
  const cache = { key: TOKEN, ttl: "30s", staleIfError: "1h", cacheControl: "obey" };
  const f = filter({ cache });
  const streams = [as(f, "a"), as(f, "a")];
  f.calls[0]!.respond({
    headers: [
      [":status", "200"],
      ["cache-control", "max-age=60"],
      ["cache-control", "no-store"],
    ],
  });
  expect(streams.map(fate)).toEqual(["passed", undefined]);
  answer(at(f, 1), 200, { "cache-control": "must-revalidate" });
  expect(fate(streams[1]!)).toBe("passed");
  as(f, "b");
  answer(at(f, 2), 200, { "cache-control": "max-age=1, must-revalidate" });
  expect(fate(as(f, "b"))).toBe("passed");
  f.clock.advance(1000);
  const late = as(f, "b");
  at(f, 3).fail();
  expect(fate(late)).toBe("403");
});

// ---- keys

test("a request whose key is absent, or fails, asks for itself and leaves nothing", () => {
  const f = filter({ cache: { key: [TOKEN, "$(request.headers['x-n'].size() > 0)"], ttl: "30s" } });
  const streams = [f.open().request(), f.open().request(), as(f, "a"), as(f, "a")];
  expect(f.calls).toHaveLength(4);
  for (const call of f.calls) answer(call, 200);
  expect(streams.map(fate)).toEqual(["passed", "passed", "passed", "passed"]);
  as(f, "a");
  f.open().request();
  expect(f.calls).toHaveLength(6);
  expect(counted(f, "cache.miss")).toBe(0);
  as(f, "a", { "x-n": "1" });
  answer(at(f, 6), 200);
  expect(fate(as(f, "a", { "x-n": "1" }))).toBe("passed");
  expect(f.calls).toHaveLength(7);
});

test("parts of a key are what they are: no two make another two", () => {
  const f = filter({
    cache: { key: ["$(request.headers.a)", "$(request.headers.b)"], ttl: "30s" },
  });
  const pairs = [
    ["x", "yz"],
    ["xy", "z"],
    ["xyz", ""],
    ["", "xyz"],
    ["x\u0000", "yz"],
    ["3", "xyz"],
  ] as const;
  for (const [a, b] of pairs) f.open().request({ a, b });
  expect(f.calls).toHaveLength(pairs.length);
  for (const call of f.calls) answer(call, 200);
  for (const [a, b] of pairs) expect(fate(f.open().request({ a, b }))).toBe("passed");
  expect(f.calls).toHaveLength(pairs.length);
});

test("without a key everything that the service is sent is the key", () => {
  const send = { headers: ["authorization", "x-*"], set: { "x-path": "$(request.path)" } };
  const f = filter({ method: "$(request.method)", send, cache: { ttl: "30s" } });
  const shapes: Array<[Fields, ...string[]]> = [
    [{ authorization: "a" }],
    [{ authorization: "b" }],
    [{ authorization: "a", "x-a": "" }],
    [{ authorization: "a", "x-a": "b" }],
    [{ authorization: "a", "x-ab": "" }],
    [{ authorization: "a", ":path": "/other" }],
    [{ authorization: "a", ":method": "PUT" }],
  ];
  for (const [headers] of shapes) f.open().request(headers);
  expect(f.calls).toHaveLength(shapes.length);
  for (const call of f.calls) answer(call, 200);
  for (const [headers] of shapes) expect(fate(f.open().request(headers))).toBe("passed");
  // What it is not sent is of no matter.
  expect(fate(f.open().request({ authorization: "a", cookie: "c" }))).toBe("passed");
  expect(f.calls).toHaveLength(shapes.length);
});

test("without a key a body that is sent belongs to it", () => {
  const f = filter({ body: { maxBytes: 100 }, cache: { ttl: "30s" } });
  const bodies = [[], ["a"], ["b"], ["ab"]];
  for (const pieces of bodies) f.open().request({}, ...pieces);
  expect(f.calls).toHaveLength(4);
  for (const call of f.calls) answer(call, 200);
  for (const pieces of bodies) expect(fate(f.open().request({}, ...pieces))).toBe("passed");
  expect(fate(f.open().request({}, "a", "b"))).toBe("passed");
  expect(f.calls).toHaveLength(4);
});

test("two steps, two services, two configurations never share an answer", () => {
  const step = (service: string) => ({
    authorize: { service, path: "/check", cache: { key: TOKEN, ttl: "30s" } },
  });
  const rules = {
    ruleway: 1,
    services,
    rules: [{ request: [step("auth"), step("auth")] }, { request: [step("other")] }],
  };
  const f = new Filter();
  expect(f.configure(rules)).toBe(true);
  const s = as(f, "a");
  for (const i of [0, 1, 2]) answer(at(f, i), 200);
  expect(fate(s)).toBe("passed");
  expect(fate(as(f, "a"))).toBe("passed");
  expect(f.calls).toHaveLength(3);
  expect(f.configure(rules)).toBe(true);
  expect(fate(as(f, "a"))).toBeUndefined();
  expect(f.calls).toHaveLength(4);
});

// ---- bounds

test("maxEntries holds: what was not asked for longest goes", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "1h", maxEntries: 3 } });
  for (const token of ["a", "b", "c"]) {
    as(f, token);
    answer(f.calls.at(-1)!, 200);
  }
  expect(fate(as(f, "a"))).toBe("passed");
  as(f, "d");
  answer(at(f, 3), 200);
  expect(counted(f, "cache.evicted")).toBe(1);
  expect(["a", "c", "d"].map((token) => fate(as(f, token)))).toEqual(Array(3).fill("passed"));
  expect(fate(as(f, "b"))).toBeUndefined();
});

test("denials take a quarter at the most: who is let in is not pushed out by who is not", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "1h", maxEntries: 100 } });
  for (let i = 0; i < 75; i++) {
    as(f, `good ${i}`);
    answer(f.calls.at(-1)!, 200);
  }
  for (let i = 0; i < 1000; i++) {
    as(f, `bad ${i}`).close();
    const s = as(f, `worse ${i}`);
    answer(f.calls.at(-1)!, 401);
    s.close();
  }
  const before = f.calls.length;
  for (let i = 0; i < 75; i++) expect(fate(as(f, `good ${i}`))).toBe("passed");
  expect(f.calls).toHaveLength(before);
});

test("any number of keys of an attacker neither grows memory nor traps, and the step still works", async () => {
  const cache = { key: [TOKEN, "$(request.headers['x-n'])"], ttl: "1h", maxEntries: KEPT };
  const f = filter({ cache }, [], { ...QUIET, httpCall: (call) => answer(call, 401, {}, "no") });
  let before = 0;
  for (let i = 0; i < MANY; i++) {
    as(f, "a", { "x-n": String(i) }).close();
    if (i === 2 * KEPT) before = f.plugin.memorySize;
    if (i % 5000 === 0) await new Promise(setImmediate);
  }
  expect(f.plugin.memorySize).toBe(before);
  expect(counted(f, "cache.evicted")).toBe(MANY - KEPT);
  expect(counted(f, "denied")).toBe(MANY);
  expect(fate(as(f, "a", { "x-n": String(MANY - 1) }))).toBe("401");
  expect(counted(f, "cache.hit")).toBe(1);
  expect(f.traps).toEqual([]);
}, 300_000);

test("bytes are bounded over all steps: the one that holds the most gives", () => {
  const step = (name: string) => {
    const cache = { key: `$(request.headers['x-${name}'])`, ttl: "1h", maxEntries: 65536 };
    const authorize = { service: "auth", path: `/${name}`, cache };
    return { authorize, when: `'x-${name}' in request.headers` };
  };
  const rules = (names: string[]) => ({
    ruleway: 1,
    services,
    rules: [{ request: names.map(step) }],
  });
  const headers: [string, string][] = [[":status", "401"]];
  const body = encode("x".repeat(12_000));
  const f = new Filter({ ...QUIET, httpCall: (call) => call.respond({ headers, body }) });
  expect(f.configure(rules(["a", "b"]))).toBe(true);
  f.open().request({ "x-b": "kept" });
  for (let i = 0; i < 4000; i++)
    f.open()
      .request({ "x-a": String(i) })
      .close();
  expect(counted(f, "cache.evicted")).toBeGreaterThan(1000);
  expect(counted(f, "cache.evicted")).toBeLessThan(1500);
  const largest = f.plugin.memorySize;
  expect(largest).toBeLessThan(64 << 20);
  const before = counted(f, "cache.hit");
  expect(f.open().request({ "x-b": "kept" }).responseBody).toHaveLength(12_000);
  expect(f.open().request({ "x-a": "3999" }).responseBody).toHaveLength(12_000);
  expect(counted(f, "cache.hit")).toBe(before + 2);
});

test("with a configuration goes what it has kept", () => {
  const headers: [string, string][] = [[":status", "401"]];
  const body = encode("x".repeat(12_000));
  const options = { ...QUIET, httpCall: (call: HttpCall) => call.respond({ headers, body }) };
  const rules = rulesOf({ cache: { key: TOKEN, ttl: "1h" } });
  const f = new Filter(options);
  let largest = 0;
  for (let i = 0; i < 20; i++) {
    expect(f.configure(rules)).toBe(true);
    for (let j = 0; j < 500; j++) as(f, String(j)).close();
    if (i === 2) largest = f.plugin.memorySize;
  }
  expect(f.plugin.memorySize).toBe(largest);
  expect(counted(f, "cache.evicted")).toBe(0);
  expect(f.traps).toEqual([]);
});

test("a clock that was set back makes nothing last", () => {
  let now = 10_000_000;
  const clock = { now: () => now, after: () => () => {} };
  const f = filter({ cache: { key: TOKEN, ttl: "1s" } }, [], { clock });
  as(f, "a");
  answer(at(f, 0), 200);
  expect(fate(as(f, "a"))).toBe("passed");
  now -= 5_000_000;
  expect(fate(as(f, "a"))).toBeUndefined();
});

// ---- asked once

test("requests of one key ask once, whatever their number, and all get the answer", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" }, upstream: { set: ["x-user"] } });
  const streams = Array.from({ length: 50 }, () => as(f, "a"));
  const other = as(f, "b");
  expect(f.calls).toHaveLength(2);
  answer(at(f, 0), 200, { "x-user": "ada" });
  expect(streams.map(fate)).toEqual(Array(50).fill("passed"));
  expect(streams.map((s) => s.sent("x-user"))).toEqual(Array(50).fill(["ada"]));
  expect(fate(other)).toBeUndefined();
  expect([counted(f, "coalesced"), counted(f, "allowed"), counted(f, "cache.miss")]).toEqual([
    49, 50, 51,
  ]);
  answer(at(f, 1), 403, { "www-authenticate": "x" }, "no");
  expect([other.status, other.responseBody]).toEqual(["403", "no"]);
  expect(f.plugin.pendingCalls).toBe(0);
  for (const s of [...streams, other]) s.close();
  expect(f.traps).toEqual([]);
});

test("a denial is for all of them; so is a failure, by the policy of the step", () => {
  for (const [onError, expected] of [
    ["deny", "403"],
    [503, "503"],
    ["allow", "passed"],
  ] as const) {
    const f = filter({ cache: { key: TOKEN, ttl: "30s" }, onError });
    const streams = [as(f, "a"), as(f, "a")];
    answer(at(f, 0), 401, {}, "no");
    expect(streams.map((s) => s.responseBody)).toEqual(["no", "no"]);
    const others = [as(f, "b"), as(f, "b")];
    f.clock.advance(1000);
    expect(fate(others[0]!)).toBe(expected);
    while (f.plugin.pendingCalls > 0) f.clock.advance(500);
    expect(others.map(fate)).toEqual([expected, expected]);
    expect(counted(f, "failed")).toBe(2);
  }
});

test("bodies and later steps wait for the common answer like for any", () => {
  const after = [{ body: { json: { set: { "/ok": true } }, onError: "deny" } }];
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } }, after);
  const streams = Array.from({ length: 3 }, () =>
    f.open().request({ authorization: "a" }, '{"a"', ":1}"),
  );
  expect(streams.map((s) => [s.upstream, s.upstreamBody])).toEqual(Array(3).fill([undefined, ""]));
  answer(at(f, 0), 200);
  expect(streams.map((s) => JSON.parse(s.upstreamBody))).toEqual(Array(3).fill({ a: 1, ok: true }));
  const s = f.open().request({ authorization: "a" }, '{"a"', ":1}");
  expect(JSON.parse(s.upstreamBody)).toEqual({ a: 1, ok: true });
});

test("the stream that asked goes: those that wait get the answer all the same", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const first = as(f, "a");
  const others = [as(f, "a"), as(f, "a"), as(f, "a")];
  first.close();
  others[1]!.close();
  answer(at(f, 0), 200);
  expect([fate(first), ...others.map(fate)]).toEqual([undefined, "passed", undefined, "passed"]);
  expect(f.traps).toEqual([]);
});

test("the stream that asked goes and the service stays silent: those that wait fail in their time", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const first = as(f, "a");
  f.clock.advance(300);
  const second = as(f, "a");
  first.close();
  f.clock.advance(700);
  // It has 300 ms left, less than half.
  expect(fate(second)).toBe("403");
  expect(f.plugin.pendingCalls).toBe(0);
});

test("when all have gone nobody waits, and the answer is nobody's", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const streams = [as(f, "a"), as(f, "a")];
  for (const s of streams) s.close();
  const third = as(f, "a");
  expect(f.calls).toHaveLength(2);
  answer(at(f, 0), 200);
  expect(fate(third)).toBeUndefined();
  answer(at(f, 1), 403);
  expect(fate(third)).toBe("403");
  expect(f.traps).toEqual([]);
});

test("who came after a question that got no answer is asked for once more, in time", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const first = as(f, "a");
  f.clock.advance(400);
  const early = as(f, "a");
  f.clock.advance(300);
  const late = [as(f, "a"), as(f, "a")];
  expect(f.calls).toHaveLength(1);
  f.clock.advance(300);
  // The first one's time is over, 400 ms are less than half of one second, 700 are not.
  expect([first, early, ...late].map(fate)).toEqual(["403", "403", undefined, undefined]);
  expect(f.calls).toHaveLength(2);
  expect(at(f, 1).timeout).toBe(700);
  const last = as(f, "a");
  answer(at(f, 1), 200);
  expect([...late, last].map(fate)).toEqual(["passed", "passed", "passed"]);
  expect(f.calls).toHaveLength(2);
});

test("a service that is down is asked no more than once again", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const streams = Array.from({ length: 10 }, () => as(f, "a"));
  at(f, 0).fail();
  expect(f.calls).toHaveLength(2);
  at(f, 1).fail();
  expect(f.calls).toHaveLength(2);
  expect(streams.map(fate)).toEqual(Array(10).fill("403"));
  expect([counted(f, "failed"), f.plugin.pendingCalls]).toEqual([10, 0]);
});

test("no more than 256 wait together: the next one asks again, and others wait with it", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const streams = Array.from({ length: 600 }, () => as(f, "a"));
  expect(f.calls).toHaveLength(3);
  // In any order.
  answer(at(f, 1), 200);
  const passed = streams.map((s, i) => (fate(s) === "passed" ? i : -1)).filter((i) => i >= 0);
  expect([passed.length, passed[0], passed.at(-1)]).toEqual([256, 256, 511]);
  expect(fate(as(f, "a"))).toBe("passed");
  answer(at(f, 0), 200);
  expect(streams.filter((s) => fate(s) === "passed")).toHaveLength(512);
  for (const s of streams.slice(512, 560)) s.close();
  answer(at(f, 2), 403);
  expect(streams.slice(560).map(fate)).toEqual(Array(40).fill("403"));
  expect(fate(as(f, "a"))).toBe("403");
  expect(f.calls).toHaveLength(3);
  for (const s of streams) s.close();
  expect(f.traps).toEqual([]);
});

test("a service that is late, answers twice or talks too much harms nobody", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const s = as(f, "a");
  f.clock.advance(1000);
  expect(fate(s)).toBe("403");
  answer(at(f, 0), 200);
  expect(fate(s)).toBe("403");
  expect(fate(as(f, "a"))).toBeUndefined();
  const big = "x".repeat(10 << 20);
  const two = as(f, "a");
  answer(
    at(f, 1),
    403,
    Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, "y"])),
    big,
  );
  answer(at(f, 1), 200);
  expect(two.status).toBe("403");
  expect(two.responseBody).toHaveLength(64 * 1024);
  expect(f.traps).toEqual([]);
});

test("a configuration that is replaced keeps its promises to those who wait", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const old = [as(f, "a"), as(f, "a")];
  expect(f.configure(rulesOf({ cache: { key: TOKEN, ttl: "30s" } }))).toBe(true);
  const fresh = as(f, "a");
  expect(f.calls).toHaveLength(2);
  answer(at(f, 1), 403);
  expect([...old, fresh].map(fate)).toEqual([undefined, undefined, "403"]);
  answer(at(f, 0), 200);
  expect(old.map(fate)).toEqual(["passed", "passed"]);
  for (const s of [...old, fresh]) s.respond().close();
  expect(fate(as(f, "a"))).toBe("403");
  expect(f.traps).toEqual([]);
});

test("a response that the host makes while they wait takes one out, and not the others", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } });
  const streams = [as(f, "a"), as(f, "a")];
  streams[0]!.respond({ ":status": "504" });
  answer(at(f, 0), 200);
  expect([streams[0]!.status, fate(streams[0]!), fate(streams[1]!)]).toEqual([
    "504",
    "504",
    "passed",
  ]);
  expect(f.traps).toEqual([]);
});

test("one step after the other: what was waited for together goes on to wait for the next", () => {
  const next = { authorize: { service: "other", cache: { key: "$(request.path)", ttl: "5s" } } };
  const f = filter({ cache: { key: TOKEN, ttl: "30s" } }, [next]);
  const streams = [as(f, "a"), as(f, "b"), as(f, "a")];
  answer(at(f, 0), 200);
  answer(at(f, 1), 200);
  expect(f.calls.map((call) => call.cluster)).toEqual(["auth", "auth", "other"]);
  expect(streams.map(fate)).toEqual([undefined, undefined, undefined]);
  answer(at(f, 2), 200);
  expect(streams.map(fate)).toEqual(["passed", "passed", "passed"]);
});

// ---- a service that is down

test("what was said last is good while the service fails, for so long, denials too", () => {
  const cache = { key: TOKEN, ttl: "10s", staleIfError: "60s" };
  const f = filter({ cache, upstream: { set: ["x-user"] } });
  as(f, "a");
  answer(at(f, 0), 200, { "x-user": "ada" });
  as(f, "b");
  answer(at(f, 1), 401, {}, "no");
  f.clock.advance(10_000);
  const streams = [as(f, "a"), as(f, "a"), as(f, "b")];
  at(f, 2).fail();
  answer(at(f, 3), 503);
  expect(streams.map(fate)).toEqual(["passed", "passed", "401"]);
  expect(streams[1]!.sent("x-user")).toEqual(["ada"]);
  expect(streams[2]!.responseBody).toBe("no");
  expect([counted(f, "cache.stale"), counted(f, "failed")]).toEqual([3, 0]);
  // A true answer takes its place.
  const changed = as(f, "a");
  answer(f.calls.at(-1)!, 403);
  expect(fate(changed)).toBe("403");
  f.clock.advance(59_999);
  const last = as(f, "b");
  f.calls.at(-1)!.fail();
  expect(fate(last)).toBe("401");
  f.clock.advance(1);
  const over = as(f, "b");
  f.calls.at(-1)!.fail();
  expect([fate(over), over.responseBody]).toEqual(["403", "Forbidden\n"]);
});

test("a service that only wants to be left alone for now has not changed its mind", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "10s", staleIfError: "60s" } });
  as(f, "a");
  answer(at(f, 0), 200);
  f.clock.advance(10_000);
  const limited = as(f, "a");
  answer(at(f, 1), 429);
  const next = as(f, "a");
  at(f, 2).fail();
  expect([fate(limited), fate(next)]).toEqual(["429", "passed"]);
});

test("a denial that is not kept takes what was kept away", () => {
  const f = filter({ cache: { key: TOKEN, ttl: "10s", denyTtl: "0s", staleIfError: "60s" } });
  as(f, "a");
  answer(at(f, 0), 200);
  f.clock.advance(10_000);
  as(f, "a");
  answer(at(f, 1), 403);
  const next = as(f, "a");
  at(f, 2).fail();
  expect([fate(next), counted(f, "cache.stale")]).toEqual(["403", 0]);
});

test("a cluster that is gone is a failure as well", () => {
  let isThere = true;
  const cache = { key: TOKEN, ttl: "1s", staleIfError: "60s" };
  const f = filter({ cache }, [], { hasCluster: () => isThere });
  as(f, "a");
  answer(at(f, 0), 200);
  isThere = false;
  f.clock.advance(1000);
  expect([fate(as(f, "a")), fate(as(f, "b"))]).toEqual(["passed", "403"]);
});

// ---- retries

test.each([[{}], [{ cache: { key: TOKEN, ttl: "30s" } }]])(
  "a service that fails is asked again within the one deadline: %j",
  (more) => {
    const f = filter({ retries: 2, timeout: "1s", ...more });
    const s = as(f, "a");
    f.clock.advance(100);
    answer(at(f, 0), 503);
    expect([fate(s), at(f, 1).timeout]).toEqual([undefined, 900]);
    f.clock.advance(300);
    at(f, 1).fail();
    expect(at(f, 2).timeout).toBe(600);
    answer(at(f, 2), 200);
    expect(fate(s)).toBe("passed");
    expect(counted(f, "retried")).toBe(2);
    // Attempts are counted.
    const t = as(f, "b");
    for (const i of [3, 4, 5]) at(f, i).fail();
    expect([fate(t), f.calls.length, counted(f, "failed")]).toEqual(["403", 6, 1]);
    // Time is too.
    const u = as(f, "c");
    f.clock.advance(1000);
    expect([fate(u), f.calls.length]).toEqual(["403", 7]);
    // An answer is an answer.
    const v = as(f, "d");
    answer(at(f, 7), 429);
    expect([fate(v), f.calls.length]).toEqual(["429", 8]);
    expect(f.traps).toEqual([]);
  },
);

test("what is asked again is the same question, body included", () => {
  for (const cache of [undefined, { ttl: "30s" }]) {
    const more = { retries: 1, body: { maxBytes: 100 }, method: "PUT", ...(cache && { cache }) };
    const f = filter({ ...more, send: { set: { "x-a": "$(request.path)" } } });
    const s = f.open().request({ ":path": "/p" }, "one ", "two");
    at(f, 0).fail();
    expect(at(f, 1).headers).toEqual(at(f, 0).headers);
    expect(Buffer.from(at(f, 1).body).toString()).toBe("one two");
    answer(at(f, 1), 200);
    expect(s.upstreamBody).toBe("one two");
  }
});

test("asked again for those that wait, when the stream that asked first has gone", () => {
  const f = filter({ retries: 1, cache: { key: TOKEN, ttl: "30s" } });
  const first = as(f, "a");
  const second = as(f, "a");
  first.close();
  at(f, 0).fail();
  answer(at(f, 1), 200);
  expect(fate(second)).toBe("passed");
});

// ---- the body

const sentBody = (call: HttpCall) => Buffer.from(call.body).toString();
const header = (call: HttpCall, name: string) =>
  call.headers.filter(([each]) => each === name).map(([, value]) => value);

test("the body is sent along; nothing goes on before the service has judged it", () => {
  const f = filter({ body: { maxBytes: "1KiB" } });
  const s = f.open().request({ "content-type": "text/x", "content-length": "7" }, "one ", "two");
  expect(s.upstream).toBeUndefined();
  expect([sentBody(at(f, 0)), header(at(f, 0), ":method")]).toEqual(["one two", ["POST"]]);
  expect(header(at(f, 0), "content-type")).toEqual(["text/x"]);
  answer(at(f, 0), 200);
  expect([s.upstreamBody, s.sent("content-length")]).toEqual(["one two", ["7"]]);
  const t = f.open().request({}, "bad");
  answer(at(f, 1), 403);
  expect([fate(t), t.upstreamBody]).toEqual(["403", ""]);
});

test("without a body the service is asked all the same", () => {
  const f = filter({ body: { maxBytes: "1KiB" } });
  const s = f.open().request();
  const t = f.open().request({}, "");
  for (const i of [0, 1]) {
    expect([sentBody(at(f, i)), header(at(f, i), ":method")]).toEqual(["", ["GET"]]);
    answer(at(f, i), 200);
  }
  expect([fate(s), fate(t)]).toEqual(["passed", "passed"]);
});

test("a body over maxBytes is refused, or sent in part", () => {
  const f = filter({ body: { maxBytes: 4 } });
  expect(fate(f.open().request({}, "1234"))).toBeUndefined();
  const s = f.open().request({}, "123", "45");
  expect([fate(s), f.calls.length]).toEqual(["413", 1]);
  const g = filter({ body: { maxBytes: 4, partial: true } });
  const t = g.open().request({}, "123", "45");
  expect(sentBody(at(g, 0))).toBe("1234");
  answer(at(g, 0), 200);
  expect(t.upstreamBody).toBe("12345");
});

test.each([[{ partial: true }], [{}]])("what cannot be held is refused: %j", (more) => {
  const f = filter({ body: { maxBytes: "16MiB", ...more } });
  const half = "x".repeat(600 * 1024);
  const s = f.open().request({ "content-length": String(1200 * 1024) }, half, half);
  const t = f.open().request({}, half, half);
  expect([s.status, t.status, f.calls.length]).toEqual(["413", "413", 0]);
  expect([s.upstreamBody, t.upstreamBody]).toEqual(["", ""]);
  expect(f.metrics["ruleway.refused.limit"]).toBe(2);
});

test("what the service cannot see it has not judged: codings, charsets, tunnels, gRPC", () => {
  const f = filter({ body: { maxBytes: "1KiB" } });
  const unseen: Fields[] = [
    { "content-encoding": "br" },
    { "content-type": "text/plain; charset=utf-16" },
    { "content-type": "application/grpc" },
    { upgrade: "websocket" },
  ];
  for (const headers of unseen) {
    const s = f.open().request(headers, "abc");
    expect([fate(s), s.upstreamBody]).toEqual(["403", ""]);
  }
  expect(f.calls).toHaveLength(0);
  expect(counted(f, "failed")).toBe(4);
});

test("a compressed body is sent decoded, and goes on as it came", async () => {
  const { gzipSync } = await import("node:zlib");
  const f = filter({ body: { maxBytes: "1KiB" }, send: { headers: ["*"] } });
  const coded = gzipSync("some text");
  const headers = { "content-encoding": "gzip", "content-length": String(coded.length) };
  const s = f.open().request(headers, coded);
  expect(sentBody(at(f, 0))).toBe("some text");
  expect([header(at(f, 0), "content-encoding"), header(at(f, 0), "content-length")]).toEqual([
    [],
    [],
  ]);
  answer(at(f, 0), 200);
  expect(s.upstreamBytes.equals(coded)).toBe(true);
  // What it decodes to is what is bounded.
  const bomb = f.open().request({ "content-encoding": "gzip" }, gzipSync("x".repeat(2000)));
  expect(fate(bomb)).toBe("413");
});

test("what frames the request is not sent along", () => {
  const f = filter({ send: { headers: ["*"] } });
  f.open().request(
    { "content-length": "3", te: "trailers", "x-a": "b", expect: "100-continue" },
    "abc",
  );
  const names = at(f, 0).headers.map(([name]) => name);
  expect(names).toContain("x-a");
  for (const name of ["content-length", "te", "expect"]) expect(names).not.toContain(name);
});

test("a body that is judged needs held headers", () => {
  const f = new Filter();
  const rules = { ...rulesOf({ body: { maxBytes: 10 } }), settings: {} };
  expect(f.configure(rules)).toBe(false);
  expect(f.errors.join()).toContain("R401");
});

test("kept answers are for bodies that were read too", () => {
  const f = filter({ body: { maxBytes: 100 }, cache: { key: "$(request.body)", ttl: "30s" } });
  f.open().request({}, "abc");
  answer(at(f, 0), 403);
  expect(fate(f.open().request({}, "a", "bc"))).toBe("403");
  expect(fate(f.open().request({}, "abd"))).toBeUndefined();
});

test("how the service framed its answer is nobody else's business, whatever the patterns take in", () => {
  const framing = {
    "content-length": "3",
    "transfer-encoding": "chunked",
    connection: "x-hop",
    "keep-alive": "timeout=5",
    te: "trailers",
    trailer: "x-t",
    upgrade: "h2c",
    expect: "100-continue",
  };
  const f = filter({ upstream: { append: ["*"] }, client: ["*"], denied: { forward: ["*"] } });
  const s = f.open().request({}, "a body");
  answer(at(f, 0), 200, { ...framing, "x-user": "ada" }, "abc");
  s.respond({ "content-length": "2" }, "ok");
  for (const name of Object.keys(framing)) expect([name, s.sent(name)]).toEqual([name, []]);
  expect([s.sent("x-user"), s.got("x-user")]).toEqual([["ada"], ["ada"]]);
  expect([s.got("content-length"), s.got("connection")]).toEqual([["2"], []]);
  const t = f.open().request();
  answer(at(f, 1), 403, { ...framing, "x-why": "so" }, "abc");
  expect([t.status, t.got("x-why"), t.responseBody]).toEqual(["403", ["so"], "abc"]);
  expect([t.got("transfer-encoding"), t.got("connection"), t.got("trailer")]).toEqual([[], [], []]);
});

// ---- what is refused beforehand

test.each([
  [{ cache: {} }, "R202"],
  [{ cache: { ttl: "0s" } }, "R308"],
  [{ cache: { ttl: "soon" } }, "R308"],
  [{ cache: { ttl: "25h" } }, "R308"],
  [{ cache: { ttl: "1s", denyTtl: "-1s" } }, "R308"],
  [{ cache: { ttl: "1s", staleIfError: "0s" } }, "R308"],
  [{ cache: { ttl: "1s", maxEntries: 0 } }, "R204"],
  [{ cache: { ttl: "1s", maxEntries: 65537 } }, "R204"],
  [{ cache: { ttl: "1s", key: [] } }, "R206"],
  [{ cache: { ttl: "1s", key: "$(response.code)" } }, "R312"],
  [{ cache: { ttl: "1s", key: "$(nobody.knows)" } }, "R301"],
  [{ cache: { ttl: "1s", keys: "a" } }, "R200"],
  [{ cache: { ttl: "1s", cacheControl: "maybe" } }, "R203"],
  [{ retries: -1 }, "R204"],
  [{ retries: 6 }, "R204"],
  [{ body: {} }, "R202"],
  [{ body: { maxBytes: 0 } }, "R308"],
  [{ body: { maxBytes: "some" } }, "R308"],
])("%j is refused", (authorize, code) => {
  const f = new Filter();
  expect(f.configure(rulesOf(authorize))).toBe(false);
  expect(f.errors.join()).toContain(code);
});

// Whoever names a header, a cookie or a parameter reads the first of several; the service may judge by any.
describe("what is kept is for what was sent, not for what its key could be taken for", () => {
  type Lines = Array<[string, string]>;
  const TOKENS = ["good", "bad"];
  const several = TOKENS.flatMap((a) => [
    [a],
    ...TOKENS.flatMap((b) => [[a, b], ...TOKENS.map((c) => [a, b, c])]),
  ]);
  const KINDS: Record<string, [key: string, request: (tokens: string[]) => Lines]> = {
    "header lines": [
      "$(request.headers['x-token'])",
      (tokens) => [[":path", "/"], ...tokens.map((each): [string, string] => ["x-token", each])],
    ],
    cookies: [
      "$(request.cookies.token)",
      (tokens) => [
        [":path", "/"],
        ["cookie", tokens.map((each) => `token=${each}`).join("; ")],
      ],
    ],
    "cookies in lines": [
      "$(request.cookies.token)",
      (tokens) => [
        [":path", "/"],
        ...tokens.map((each): [string, string] => ["cookie", `token=${each}`]),
      ],
    ],
    parameters: [
      "$(request.query_params.token)",
      (tokens) => [[":path", `/?${tokens.map((each) => `token=${each}`).join("&")}`]],
    ],
  };
  const sentTokens = (call: HttpCall) => {
    const get = (name: string) =>
      call.headers.filter(([each]) => each === name).map(([, value]) => value);
    const text = [...get("x-token"), ...get("cookie"), ...get(":path")].join(" ");
    return [...text.matchAll(/\b(good|bad)\b/g)].map(([token]) => token!);
  };
  const JUDGES: Record<string, (tokens: string[]) => boolean> = {
    "the last": (tokens) => tokens.at(-1) === "good",
    "the second": (tokens) => (tokens[1] ?? tokens[0]) === "good",
    "how many": (tokens) => tokens.length < 2,
  };

  test.each(
    Object.keys(KINDS).flatMap((kind) =>
      Object.keys(JUDGES).map((judge) => [kind, judge] as const),
    ),
  )("%s, judged by %s", (kind, judge) => {
    const [key, request] = KINDS[kind]!;
    const f = new Filter();
    const send = { headers: ["x-token", "cookie"] };
    const step = { authorize: { service: "auth", send, cache: { key, ttl: "60s" } } };
    const services = { auth: { cluster: "auth" } };
    expect(f.configure({ ruleway: 1, services, rules: [{ request: [step] }] })).toBe(true);
    // Every pair of neighbours in one order and the other.
    for (const tokens of [...several, ...several.toReversed(), ...several]) {
      const s = f.open();
      const rest: Lines = [
        [":authority", "a"],
        [":method", "GET"],
      ];
      s.stream.requestHeaders([...rest, ...request(tokens)], true);
      for (const call of f.calls.splice(0)) {
        const isAllowed = JUDGES[judge]!(sentTokens(call));
        call.respond({ headers: [[":status", isAllowed ? "200" : "401"]] });
      }
      const passed = s.upstream !== undefined;
      expect([tokens, passed]).toEqual([tokens, JUDGES[judge]!(tokens)]);
    }
    // And it is kept.
    expect(f.metrics["ruleway.authorize.cache.hit"]).toBeGreaterThan(8);
  });
});

test("a question with a part that servers read differently is not asked", () => {
  const path = "/check?user=$(request.query_params.user)";
  const send = { set: { "x-user": "$(request.cookies.user)" } };
  for (const authorize of [{ path }, { send }, { path, cache: { ttl: "1s" } }]) {
    const f = filter(authorize);
    const ask = (target: string, cookie: string) =>
      fate(f.open().request({ ":path": target, cookie }));
    expect(ask("/?user=a", "user=a")).toBeUndefined();
    expect(f.calls).toHaveLength(1);
    expect(ask("/?user=a&user=b", "user=a; user=b")).toBe("403");
    expect(f.calls).toHaveLength(1);
  }
});
