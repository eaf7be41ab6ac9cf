// `redis` steps in the filter for Higress: what is sent, what is made of what comes, and what does not come.

import { expect, test } from "vitest";
import { filterModule } from "../../compiler/assets.ts";
import { compile } from "../../compiler/index.ts";
import { encodeReply, wordsOf } from "../../compiler/rule-test/redis.ts";
import {
  LogLevel,
  ManualClock,
  Plugin,
  type RedisCall,
  type RedisSettings,
} from "../../host/index.ts";
import { Filter, Stream } from "./run.ts";

const SERVICES = { cache: { cluster: "outbound|6379||redis.static", redis: {} } };

/** The filter for Higress with Redis that the test plays. */
class Higress {
  readonly log: string[] = [];
  readonly inits: RedisSettings[] = [];
  readonly calls: RedisCall[] = [];
  readonly traps: Error[] = [];
  readonly clock = new ManualClock();
  isThere = true;
  readonly plugin: Plugin;

  constructor(request: unknown[], extra: object = {}) {
    this.plugin = new Plugin(filterModule("ruleway-higress.wasm"), {
      allowOnHeadersStopIteration: true,
      clock: this.clock,
      logLevel: LogLevel.Debug,
      log: (_level, text) => this.log.push(text),
      onTrap: (error) => this.traps.push(error),
      httpCall: () => {},
      redis: {
        init: (settings) => {
          this.inits.push(settings);
          return this.isThere;
        },
        call: (call) => this.calls.push(call),
      },
    });
    this.configure(request, extra);
  }

  configure(request: unknown[], extra: object = {}): void {
    const rules = [{ name: "r", request }];
    const json = JSON.stringify({ ruleway: 1, services: SERVICES, rules, ...extra });
    const accepted = this.plugin.configure(json);
    const errors = this.log.filter((line) => line.includes("config error"));
    expect([accepted, errors]).toEqual([true, []]);
  }

  open(): Stream {
    return new Stream(this.plugin, {});
  }

  words(i = 0): string[] {
    return wordsOf(this.calls[i]!.command);
  }

  get metrics(): Record<string, number> {
    return this.plugin.options.metrics.snapshot();
  }
}

const TELL = { headers: { set: { "x-value": "$(calls.r.value)", "x-error": "$(calls.r.error)" } } };

function step(command: unknown[], more: object = {}) {
  return { redis: { service: "cache", command, as: "r", ...more } };
}

test("a command goes out as a list of words, and the request waits for the reply", () => {
  const h = new Higress([step(["set", "session:$(request.headers['x-id'])", 1, "ex", 60.5]), TELL]);
  const s = h.open().request({ "x-id": "a b\r\n*1\r\n$8\r\nflushall" });
  expect(s.upstream).toBeUndefined();
  expect(h.inits).toEqual([
    {
      ...{ cluster: "outbound|6379||redis.static", user: "", password: "", timeout: 500 },
      parameters: { buffer_flush_timeout: "0", max_buffer_size_before_flush: "0" },
    },
  ]);
  expect(h.words()).toEqual(["set", "session:a b\r\n*1\r\n$8\r\nflushall", "1", "ex", "60.5"]);
  h.calls[0]!.respond(encodeReply("OK"));
  expect([s.sent("x-value"), s.sent("x-error")]).toEqual([["OK"], []]);
  expect(h.metrics["ruleway.redis.answered"]).toBe(1);
  expect(h.traps).toEqual([]);
});

test.each([
  ["text", "v", "v"],
  ["an integer", 42, "42"],
  ["a list", [1, "a", null, ["b"]], '[1,"a",null,["b"]]'],
  ["an empty text", "", ""],
])("the value of %s", (_what, reply, text) => {
  const h = new Higress([step(["get", "k"]), TELL]);
  const s = h.open().request();
  h.calls[0]!.respond(encodeReply(reply));
  expect(s.sent("x-value")).toEqual([text]);
});

test("nil is null, and no error", () => {
  const when = "calls.r.value == null && calls.r.error == null";
  const h = new Higress([step(["get", "k"]), { respond: { status: 404 }, when }]);
  const s = h.open().request();
  h.calls[0]!.respond(encodeReply(null));
  expect(s.status).toBe("404");
});

test("values are typed: a counter is compared as a number", () => {
  const h = new Higress([
    step(["incr", "k"]),
    { respond: { status: 429 }, when: "calls.r.value > 2" },
  ]);
  for (const [n, status] of [
    [2, undefined],
    [10, "429"],
  ] as const) {
    const s = h.open().request();
    h.calls.at(-1)!.respond(encodeReply(n));
    expect(s.status).toBe(status);
    expect(s.upstream === undefined).toBe(status !== undefined);
  }
});

test("a value goes on to the response and to done", () => {
  const h = new Higress([step(["get", "k"])], {
    rules: [
      {
        name: "r",
        request: [step(["get", "k"])],
        response: [{ headers: { set: { "x-later": "$(calls.r.value)" } } }],
        done: [{ redis: { service: "cache", command: ["incr", "$(calls.r.value)"] } }],
      },
    ],
  });
  const s = h.open().request();
  h.calls[0]!.respond(encodeReply("v"));
  s.respond();
  expect(s.got("x-later")).toEqual(["v"]);
  s.close();
  expect(h.words(1)).toEqual(["incr", "v"]);
  expect(h.metrics["ruleway.redis.sent"]).toBe(1);
  h.calls[1]!.respond(encodeReply(1));
  expect(h.traps).toEqual([]);
});

test.each([
  ["an error", encodeReply({ error: "WRONGTYPE no" }), "WRONGTYPE no"],
  ["garbage", Buffer.from("HTTP/1.1 400\r\n\r\n"), "no answer"],
  ["half a reply", Buffer.from("$5\r\nab"), "no answer"],
  ["nothing", Buffer.alloc(0), "no answer"],
  ["10 MB", encodeReply("a".repeat(10 << 20)), "body too large"],
  ["nesting", Buffer.from(`${"*1\r\n".repeat(9)}:1\r\n`), "no answer"],
])("%s is a failure: the rules go on, or refuse where they say so", (_what, bytes, error) => {
  const h = new Higress([step(["get", "k"]), TELL]);
  const s = h.open().request();
  h.calls[0]!.respond(bytes);
  expect([s.sent("x-error"), s.sent("x-value")]).toEqual([[error], []]);
  expect(h.metrics["ruleway.redis.failed"]).toBe(1);
  for (const [onError, status] of [
    ["deny", "503"],
    [418, "418"],
  ]) {
    h.configure([step(["get", "k"], { onError }), TELL]);
    const refused = h.open().request();
    h.calls.at(-1)!.respond(bytes);
    expect([refused.status, refused.upstream]).toEqual([status, undefined]);
  }
  expect(h.traps).toEqual([]);
});

test("a server that cannot be reached, and one that is slow", () => {
  const h = new Higress([step(["get", "k"], { onError: "deny" })]);
  const s = h.open().request();
  h.calls[0]!.fail();
  expect(s.status).toBe("503");
  const slow = h.open().request();
  h.clock.advance(499);
  expect(slow.status).toBeUndefined();
  h.clock.advance(30);
  expect([slow.status, slow.upstream]).toEqual(["503", undefined]);
});

test("the step's own deadline holds where the host's is later", () => {
  const services = { cache: { ...SERVICES.cache, timeout: "1h" } };
  const h = new Higress([step(["get", "k"], { onError: "deny", timeout: "100ms" })], { services });
  const streams = Array.from({ length: 200 }, () => h.open().request());
  h.clock.advance(90);
  expect(streams.map(({ status }) => status)).not.toContain("503");
  h.clock.advance(50);
  expect(new Set(streams.map(({ status }) => status))).toEqual(new Set(["503"]));
  // What comes now is for nobody.
  for (const call of h.calls) call.respond(encodeReply("late"));
  expect(streams.every(({ upstream }) => upstream === undefined)).toBe(true);
  const next = h.open().request();
  h.calls.at(-1)!.respond(encodeReply("now"));
  expect(next.upstream).toBeDefined();
  expect(h.traps).toEqual([]);
});

test("a stream that is gone has no answer", () => {
  const h = new Higress([step(["get", "k"]), TELL]);
  const gone = h.open().request();
  gone.close();
  const here = h.open().request();
  h.calls[0]!.respond(encodeReply("for the one that is gone"));
  expect(here.upstream).toBeUndefined();
  h.calls[1]!.respond(encodeReply("mine"));
  expect(here.sent("x-value")).toEqual(["mine"]);
  expect(h.traps).toEqual([]);
});

test("HTTP callouts and commands with the same token are told apart", () => {
  const services = { ...SERVICES, web: { cluster: "web" } };
  const h = new Higress([step(["get", "k"]), { call: { service: "web", as: "w" } }, TELL], {
    services,
  });
  const first = h.open().request();
  h.calls[0]!.respond(encodeReply("one"));
  // It waits for token 1 of HTTP now; another stream's command has token 2.
  const second = h.open().request();
  h.calls[1]!.respond(encodeReply("two"));
  expect([first.upstream, second.upstream]).toEqual([undefined, undefined]);
  h.clock.advance(600);
  expect([first.sent("x-value"), second.sent("x-value")]).toEqual([["one"], ["two"]]);
});

test.each([
  ["null", "$(request.headers['x-none'])"],
  ["part of it is null", "a$(request.headers['x-none'])"],
  ["true", "$(1 == 1)"],
  ["a list", "$([1])"],
  ["a map", "$({'a': 1})"],
  ["one that fails", "$(1 / int(request.headers['x-zero']))"],
])("a command with a word that is %s is not sent", (_what, word) => {
  const h = new Higress([step(["get", word], { onError: "deny" })]);
  const s = h.open().request({ "x-zero": "0" });
  expect(h.calls).toEqual([]);
  expect([s.status, s.upstream]).toEqual(["503", undefined]);
});

test("user, password and database reach the host, and no log", () => {
  const redis = { username: "app", password: "s3cret", db: 3 };
  const services = { cache: { cluster: "c", timeout: "2s", redis } };
  const h = new Higress([step(["get", "k"])], { services });
  expect(h.inits).toEqual([
    {
      ...{ cluster: "c", user: "app", password: "s3cret", timeout: 2000 },
      parameters: { db: "3", buffer_flush_timeout: "0", max_buffer_size_before_flush: "0" },
    },
  ]);
  h.open().request();
  expect(h.log.join("\n")).not.toContain("s3cret");
});

test("NOAUTH makes the service ready again and resends, once", () => {
  const h = new Higress([step(["get", "k"]), TELL]);
  h.clock.advance(2000);
  const streams = [h.open().request(), h.open().request()];
  const noAuth = encodeReply({ error: "NOAUTH Authentication required." });
  h.calls[0]!.respond(noAuth);
  expect([h.inits.length, h.calls.length]).toEqual([2, 3]);
  // The other was sent before that, too: it is resent without more ado.
  h.calls[1]!.respond(noAuth);
  expect([h.inits.length, h.calls.length]).toEqual([2, 4]);
  h.calls[2]!.respond(encodeReply("v"));
  expect(streams[0]!.sent("x-value")).toEqual(["v"]);
  h.calls[3]!.respond(noAuth);
  expect(streams[1]!.sent("x-error")).toEqual(["NOAUTH Authentication required."]);
  expect([h.inits.length, h.calls.length]).toEqual([2, 4]);
  // A wrong password: no more often than once a second.
  for (let i = 0; i < 50; i++) {
    h.open().request();
    h.calls.at(-1)!.respond(noAuth);
  }
  expect(h.inits.length).toBe(2);
});

test("a cluster that is not there is no fault of the rules: it is asked for again, not too often", () => {
  const h = new Higress([{ headers: { set: { "x-a": "1" } } }], { services: {} });
  h.isThere = false;
  h.configure([step(["get", "k"]), TELL]);
  expect(h.inits.length).toBe(1);
  for (let i = 0; i < 50; i++) {
    expect(h.open().request().sent("x-error")).toEqual(["not sent"]);
  }
  expect(h.inits.length).toBe(1);
  h.isThere = true;
  h.clock.advance(1001);
  const s = h.open().request();
  h.calls[0]!.respond(encodeReply("v"));
  expect([s.sent("x-value"), h.inits.length]).toEqual([["v"], 2]);
});

test("reconfiguration with commands in flight: each stream keeps to its rules", () => {
  const h = new Higress([step(["get", "old"]), TELL]);
  const before = [h.open().request(), h.open().request()];
  h.configure([{ headers: { set: { "x-new": "1" } } }], { services: {} });
  const after = h.open().request();
  expect(after.sent("x-new")).toEqual(["1"]);
  before[1]!.close();
  h.calls[0]!.respond(encodeReply("v"));
  h.calls[1]!.respond(encodeReply("v"));
  expect([before[0]!.sent("x-value"), before[0]!.sent("x-new")]).toEqual([["v"], []]);
  before[0]!.close();
  after.close();
  expect([h.traps, h.plugin.pendingCalls]).toEqual([[], 0]);
});

test("2,000 streams at a time, answered in any order", () => {
  const h = new Higress([step(["get", "$(request.headers['x-n'])"]), TELL]);
  const streams = Array.from({ length: 2000 }, (_, i) => h.open().request({ "x-n": String(i) }));
  const order = streams.map((_, i) => (i * 7919) % streams.length);
  for (const i of order) h.calls[i]!.respond(encodeReply(h.words(i)[1]!));
  streams.forEach((s, i) => {
    expect(s.sent("x-value")).toEqual([String(i)]);
    s.close();
  });
  expect(h.traps).toEqual([]);
});

test("the filter for any proxy refuses Redis, at its place", () => {
  const f = new Filter();
  const rules = [{ request: [step(["get", "k"])] }];
  expect(f.configure({ ruleway: 1, services: SERVICES, rules })).toBe(false);
  expect(f.errors).toEqual([
    expect.stringMatching(/^R402 "\/services\/cache\/redis": only Higress has Redis/),
    expect.stringMatching(/^R402 "\/rules\/0\/request\/0\/redis": only Higress has Redis/),
  ]);
});

const YAML = `ruleway: 1
services:
  cache: { cluster: c, redis: {} }
  web: { cluster: w }
rules:
  - request:
      - redis: { service: cache, command: [get, k], as: r }
`;

test("check says which target Redis needs", () => {
  const codes = (target?: "envoy" | "higress" | "json") =>
    compile(YAML.replace("  web: { cluster: w }\n", ""), target ? { target } : {})
      .diagnostics.map(({ code }) => code)
      .filter((code) => code !== "N601");
  expect(codes()).toEqual(["N602"]);
  expect(codes("higress")).toEqual([]);
  expect(codes("json")).toEqual([]);
  expect(codes("envoy")).toEqual(["R402", "R402"]);
});

test.each([
  ["a service that is none", "service: cache", "service: cach", "R303"],
  ["a service that is not Redis", "service: cache", "service: web", "R303"],
  ["a command that is text", "command: [get, k]", "command: get k", "R201"],
  ["an empty command", "command: [get, k]", "command: []", "R206"],
  ["a word that is a map", "command: [get, k]", "command: [get, {}]", "R201"],
  ["a template that is wrong", "command: [get, k]", 'command: [get, "$(nme)"]', "R301"],
  ["a timeout that is none", "as: r", "timeout: soon", "R308"],
  ["a database that is negative", "redis: {}", "redis: { db: -1 }", "R204"],
  ["an unknown key", "redis: {}", "redis: { pasword: a }", "R200"],
  [
    "two ways to one cluster",
    "web: { cluster: w }",
    "web: { cluster: c, redis: { db: 1 } }",
    "R311",
  ],
])("%s is an error", (_what, from, to, code) => {
  const { diagnostics } = compile(YAML.replace(from, to), { target: "higress" });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  // A service with a mistake in it is not there for the steps that name it.
  expect(errors[0]?.code).toBe(code);
});

const TASK = {
  name: "t",
  every: "10s",
  steps: [
    step(["get", "token:$(rule.name)"]),
    { store: { token: "$(calls.r.value)" }, when: "calls.r.error == null" },
  ],
};

test("a task sends commands and waits for their replies", () => {
  const h = new Higress([{ headers: { set: { "x-token": "$(store.token)" } } }], { tasks: [TASK] });
  h.clock.advance(10_000);
  expect(h.words()).toEqual(["get", "token:t"]);
  expect(h.open().request().sent("x-token")).toEqual([]);
  h.calls[0]!.respond(encodeReply("abc"));
  expect(h.open().request().sent("x-token")).toEqual(["abc"]);
  h.clock.advance(10_000);
  expect(h.calls.length).toBe(2);
  expect(h.metrics["ruleway.task.run"]).toBe(2);
  expect(h.metrics["ruleway.task.failed"]).toBeUndefined();
  expect(h.traps).toEqual([]);
});

test.each([
  ["an error", (call: RedisCall) => call.respond(encodeReply({ error: "ERR no" }))],
  ["garbage", (call: RedisCall) => call.respond(Buffer.from("nonsense"))],
  ["no connection", (call: RedisCall) => call.fail()],
  ["nothing at all", () => {}],
])("a run of a task that gets %s has failed, and is tried again", (_what, answer) => {
  const h = new Higress([], { tasks: [TASK] });
  h.clock.advance(10_000);
  answer(h.calls[0]!);
  for (let i = 0; i < 100 && h.calls.length < 2; i++) h.clock.advance(50);
  expect(h.metrics["ruleway.task.failed"]).toBe(1);
  expect(h.calls.length).toBe(2);
  h.calls[1]!.respond(encodeReply("abc"));
  h.clock.advance(5000);
  expect(h.calls.length).toBe(2);
  expect(h.traps).toEqual([]);
});

test("a task whose configuration goes has no reply", () => {
  const h = new Higress([], { tasks: [TASK] });
  h.clock.advance(10_000);
  h.configure([{ stop: true }]);
  h.calls[0]!.respond(encodeReply("late"));
  h.clock.advance(30_000);
  expect([h.calls.length, h.traps, h.plugin.pendingCalls]).toEqual([1, [], 0]);
});

test("a task has no message to refuse", () => {
  const f = new Filter({}, "ruleway-higress.wasm");
  const steps = [step(["get", "k"], { onError: "deny" })];
  expect(f.configure({ ruleway: 1, services: SERVICES, tasks: [{ ...TASK, steps }] })).toBe(false);
  expect(f.errors.map((line) => line.slice(0, 4))).toEqual(["R312"]);
});

test("a node of a Redis Cluster: MOVED is an error that is counted and said, once a minute", () => {
  const h = new Higress([step(["get", "k"], { onError: "continue" }), TELL]);
  const said = () => h.log.filter((line) => line.includes("Redis Cluster"));
  const ask = (error: string) => {
    const s = h.open().request();
    h.calls.at(-1)!.respond(new TextEncoder().encode(`-${error}\r\n`));
    return s.sent("x-error")[0];
  };
  expect(ask("MOVED 3999 10.0.0.2:6381")).toBe("MOVED 3999 10.0.0.2:6381");
  ask("ASK 3999 10.0.0.2:6381");
  expect(said().length).toBe(1);
  expect(said()[0]).toContain(
    "redis of cluster outbound|6379||redis.static answers MOVED 3999 10.0.0.2:6381",
  );
  h.clock.advance(60_000);
  ask(`MOVED 1 ${"x".repeat(1000)}`);
  expect(said().length).toBe(2);
  expect(said()[1]!.length).toBeLessThan(400);
  ask("ERR wrong");
  expect(h.metrics["ruleway.redis.moved"]).toBe(3);
  expect(h.traps).toEqual([]);
});

test("a clock that is set back makes no command wait longer than its time", () => {
  const h = new Higress([step(["get", "k"], { onError: "continue" }), TELL]);
  const s = h.open().request();
  const real = h.clock.now.bind(h.clock);
  h.clock.now = () => real() - 3_600_000;
  h.clock.advance(600);
  expect(s.upstream).toBeDefined();
  expect(h.traps).toEqual([]);
});
