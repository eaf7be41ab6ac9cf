// Configurations, good and bad: precise errors, all at once; nothing lost; nothing trapped.

import { expect, test } from "vitest";
import { LogLevel } from "../../host/index.ts";
import { Filter } from "./run.ts";

const respond = (status: number) => [{ request: [{ respond: { status } }] }];

function errorsOf(rules: unknown): string[] {
  const filter = new Filter();
  expect(filter.configure(rules)).toBe(false);
  expect(filter.traps).toEqual([]);
  return filter.errors;
}

test("all errors are told in one go, each with its place", () => {
  const errors = errorsOf({
    ruleway: 1,
    servces: {},
    services: { auth: { cluster: "", timeout: "soon" } },
    settings: { onInvalidRule: "ignore" },
    rules: [
      {
        match: { path: "users", host: "a.*.b", status: "9xx" },
        response: [{ headers: { set: { "b d": "x" } } }],
      },
      {
        request: [
          { headers: { set: { ok: "$(request.pth)" } } },
          { path: "$(vars.x)", host: "y" },
          {},
        ],
      },
      {
        request: [
          { authorize: { service: "auht" } },
          { body: { json: { set: { a: 1 } } } },
          { log: 5 },
        ],
      },
      {
        request: [{ path: "a$(response.code)" }, { redirect: { to: "/", status: 304 } }],
        final: "yes",
      },
    ],
  });
  expect(errors).toEqual([
    'R200 "/servces": unknown key "servces", did you mean "services"?',
    'R206 "/services/auth/cluster": must not be empty',
    'R203 "/settings/onInvalidRule": must be one of reject, skip',
    'R205 "/rules/1/request/1": exactly one verb is expected here, found path and host',
    'R205 "/rules/1/request/2": exactly one verb is expected here, found none',
    'R201 "/rules/2/request/2/log": expected a map or text, found an integer',
    'R203 "/rules/3/request/1/redirect/status": must be one of 301, 302, 303, 307, 308',
    'R201 "/rules/3/final": expected true or false, found text',
    'R309 "/rules/0/match/status" +0: a status pattern is 404, 4xx, 40x or 500-504',
    'R304 "/rules/0/match/path" +0: a path begins with /',
    'R310 "/rules/0/match/host" +0: a host pattern is a name, *.suffix or prefix.*',
    'R307 "/rules/0/response/0/headers/set/b d" @1: not a header name (path, host, method and status have verbs of their own)',
    'R301 "/rules/1/request/0/headers/set/ok" +2: unknown name "request.pth", did you mean "path"?',
    'R303 "/rules/2/request/0/authorize/service": no such service: "auht"; there are none',
    'R305 "/rules/2/request/1/body/json/set/a" @0: a place is a JSON Pointer (empty, or /a/b, with ~0 for ~ and ~1 for /) or a path such as $.a[*].b',
    'R312 "/rules/3/request/0/path" +3: what this name stands for is not known yet in this phase',
  ]);
});

test.each<[string, string, string]>([
  ["nothing but a brace", "{", 'R100 "" +1: not JSON: it ends too early'],
  [
    "a trailing comma",
    '{"ruleway":1,}',
    'R100 "" +13: not JSON: a key in double quotes is expected',
  ],
  ["a list", "[]", 'R201 "": expected a map, found a list'],
  ["bytes that are no UTF-8", '{"a":"\xff"}', 'R100 "" +6: not JSON: not valid UTF-8'],
  ["no version", '{"rules":[]}', 'R202 "": the key "ruleway" is missing: write ruleway: 1'],
  ["another version", '{"ruleway":2,"rules":[]}', 'R204 "/ruleway": must be at most 1'],
  [
    "a key twice",
    '{"ruleway":1,"rules":[],"rules":[]}',
    'R101 "/rules": the key "rules" is there twice',
  ],
  [
    "too deep",
    `{"ruleway":1,"vars":{"a":${"[".repeat(100)}${"]".repeat(100)}}}`,
    'R100 "" +87: not JSON: nested too deep',
  ],
])("%s is refused with its place", (_name, text, error) => {
  const filter = new Filter();
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  expect(filter.plugin.configure(bytes)).toBe(false);
  expect(filter.errors).toEqual([error]);
});

test("an empty configuration does nothing, and says so", () => {
  const filter = new Filter();
  expect(filter.configure("{}")).toBe(true);
  const stream = filter.open().request({ "x-a": "1" });
  expect(stream.sent("x-a")).toEqual(["1"]);
});

test("10 MB of rules load; more than 16 MB are refused", () => {
  const filter = new Filter();
  const rules = Array.from({ length: 40_000 }, (_, i) => ({
    match: { host: `h${i}.example.com` },
    request: [{ headers: { set: { "x-rule": `${i}`, "x-padding": "p".repeat(150) } } }],
  }));
  const text = JSON.stringify({ ruleway: 1, rules });
  expect(text.length).toBeGreaterThan(10_000_000);
  expect(filter.configure(text)).toBe(true);
  const stream = filter.open().request({ ":authority": "h39999.example.com" });
  expect(stream.sent("x-rule")).toEqual(["39999"]);
  expect(filter.configure(`${text.slice(0, -1)}${" ".repeat(7_000_000)}}`)).toBe(false);
  expect(filter.errors).toEqual(['R102 "": the configuration is larger than 16 MiB']);
});

test("a new configuration is for new streams; those in flight finish on theirs", () => {
  const filter = new Filter();
  filter.configure({ ruleway: 1, rules: [{ response: [{ headers: { set: { v: "1" } } }] }] });
  const old = filter.open().request();
  filter.configure({ ruleway: 1, rules: [{ response: [{ headers: { set: { v: "2" } } }] }] });
  const fresh = filter.open().request();
  expect(old.respond().got("v")).toEqual(["1"]);
  expect(fresh.respond().got("v")).toEqual(["2"]);
  old.close();
  fresh.close();
  expect(filter.open().request().respond().got("v")).toEqual(["2"]);
});

test("a refused configuration leaves the one before in force", () => {
  const filter = new Filter();
  expect(filter.configure({ ruleway: 1, rules: respond(201) })).toBe(true);
  expect(filter.configure({ ruleway: 1, rules: [{ request: [{ nope: 1 }] }] })).toBe(false);
  expect(filter.open().request().status).toBe("201");
  expect(filter.metrics).toMatchObject({
    "ruleway.configuration.accepted": 1,
    "ruleway.configuration.rejected": 1,
  });
});

test("with skip, a bad rule costs itself, or keeps its last good version", () => {
  const filter = new Filter();
  const settings = { onInvalidRule: "skip" };
  const rule = (name: string, value: unknown) => ({
    name,
    request: [{ headers: { set: { [name]: value } } }],
  });
  expect(filter.configure({ ruleway: 1, settings, rules: [rule("a", "1"), rule("b", "1")] })).toBe(
    true,
  );
  const next = {
    ruleway: 1,
    settings,
    rules: [rule("a", "$(nope"), rule("b", "2"), rule("c", [])],
  };
  expect(filter.configure(next)).toBe(true);
  const stream = filter.open().request();
  expect([stream.sent("a"), stream.sent("b"), stream.sent("c")]).toEqual([["1"], ["2"], []]);
  expect(filter.errors.map((line) => line.slice(0, 4))).toEqual(["R206", "R302"]);
  expect(filter.metrics["ruleway.rule_skipped"]).toBe(2);
});

test("with skip, what is wrong outside of rules is still refused", () => {
  const filter = new Filter();
  const settings = { onInvalidRule: "skip" };
  expect(filter.configure({ ruleway: 1, settings, rule: [], rules: respond(200) })).toBe(false);
  expect(filter.configure({ ruleway: 1, settings, rules: [{ nope: 1 }] })).toBe(false);
});

test("no host call is made that no rule needs", () => {
  const filter = new Filter({ logLevel: LogLevel.Debug });
  const rules = [{ response: [{ headers: { set: { a: "1" } } }] }];
  filter.configure({ ruleway: 1, settings: { ruleMetrics: false }, rules });
  filter.trace.length = 0;
  filter.open().request({}, "body").respond({}, "answer").close();
  const calls = filter.trace.filter((line) => line.startsWith("    "));
  expect(calls).toEqual(['    proxy_replace_header_map_value(ResponseHeaders, "a", "1") = Ok']);
});

test("memory is flat over many streams and many configurations", () => {
  const filter = new Filter({ trace: undefined as never });
  const rules = {
    ruleway: 1,
    rules: [
      {
        match: { path: "/users/{id}" },
        request: [
          { headers: { set: { x: "$(params.id)" } } },
          { body: { json: { set: { "/a": 1 } } } },
        ],
        response: [{ body: { replace: [{ find: "a", with: "bb" }] } }],
      },
    ],
  };
  filter.configure(rules);
  const round = () => {
    for (let i = 0; i < 3000; i++) {
      filter
        .open()
        .request({ ":path": `/users/${i}` }, '{"b":', "2}")
        .respond({}, "aba", "a")
        .close();
    }
  };
  const reconfigure = () => {
    for (let i = 0; i < 100; i++) filter.configure(rules);
  };
  round();
  reconfigure();
  const before = filter.plugin.memorySize;
  round();
  reconfigure();
  round();
  expect(filter.plugin.memorySize).toBe(before);
});
