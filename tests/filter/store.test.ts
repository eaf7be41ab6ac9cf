// `store` in the embedded host: several workers are several plugins that share data and clock.

import { expect, test } from "vitest";
import { ProbedState, startWorkers, type Workers } from "./proxy.ts";
import { Filter } from "./run.ts";

/** Data that may come back spoilt. */
class Shared extends ProbedState {
  spoils = false;

  override get(key: string): { value: Uint8Array; cas: number } | undefined {
    const found = super.get(key);
    if (!found || !this.spoils) return found;
    return { value: found.value.map((byte, i) => (i < 8 ? byte : byte ^ 0xa5)), cas: found.cas };
  }
}

interface Proxy extends Workers {
  shared: Shared;
  /** A request through one of the workers; what the upstream got as x-got. */
  ask(headers?: Record<string, string>, worker?: number): string | undefined;
}

function proxy(rules: object[], count = 1): Proxy {
  const shared = new Shared();
  const started = startWorkers(shared, rules, count);
  return {
    ...started,
    shared,
    ask(headers = {}, worker = 0) {
      const stream = started.workers[worker]!.open().request(headers).respond(headers);
      stream.close();
      return stream.sent("x-got")[0];
    },
  };
}

const reading = (text: string) => ({ request: [{ headers: { set: { "x-got": text } } }] });
const writing = (store: object, phase = "request") => ({
  match: { headers: { "x-put": "present" } },
  [phase]: [{ store }],
});

test.each(["request", "response", "done"])(
  "what is stored in phase %s, every worker sees",
  (phase) => {
    const value =
      phase === "request" ? "$(request.headers['x-put'])" : "$(response.headers['x-put'])";
    const rules = [
      writing({ word: phase === "done" ? "$(request.headers['x-put'])" : value }, phase),
    ];
    const { ask, workers } = proxy([reading("$(default(store.word, 'nothing'))"), ...rules], 3);
    expect(ask({}, 2)).toBe("nothing");
    ask({ "x-put": "hello" }, 0);
    expect([ask({}, 0), ask({}, 1), ask({}, 2)]).toEqual(["hello", "hello", "hello"]);
    ask({ "x-put": "again" }, 2);
    expect(ask({}, 1)).toBe("again");
    expect(workers.flatMap(({ traps }) => traps)).toEqual([]);
  },
);

test("values keep their types", () => {
  const { ask } = proxy([
    writing({
      text: "a $(1 + 1)",
      number: "$(1 + 1)",
      list: "$([1, 'x', null])",
      map: "$({'a': {'b': 2.5}})",
      time: "$(timestamp('2024-01-01T00:00:00Z'))",
      yes: true,
      tree: { value: { user: "$(request.headers['x-put'])", n: [1, "$(2)"] } },
    }),
    reading(
      "$(store.text)|$(store.number + 1)|$(store.list[1])|$(store.map.a.b)|$(store.map.none == null)" +
        "|$(store.time)|$(store.yes)|$(store.tree)|$(store.tree.n.map(x, x * 2))",
    ),
  ]);
  expect(ask()).toBeUndefined();
  expect(ask({ "x-put": 'q"' })).toBe(
    'a 2|3|x|2.5|true|2024-01-01T00:00:00Z|true|{"user":"q\\"","n":[1,2]}|[2,4]',
  );
});

test("two names of one expression do not get into each other's way", () => {
  const { ask } = proxy([
    writing({ a: "$({'x': [1, 2]})", b: "$({'x': [3]})" }),
    reading("$(store.a.x + store.b.x + store.a.x)"),
  ]);
  expect(ask({ "x-put": "1" })).toBe("[1,2,3,1,2]");
});

test("a value is there until its ttl has passed, and null takes it away", () => {
  const { ask, clock } = proxy([
    { match: { headers: { "x-drop": "present" } }, request: [{ store: { w: { value: null } } }] },
    writing({ w: { value: "$(request.headers['x-put'])", ttl: "10s" } }),
    reading("$(store.w)"),
  ]);
  ask({ "x-put": "a" });
  clock.advance(9_999);
  expect(ask()).toBe("a");
  clock.advance(1);
  expect(ask()).toBeUndefined();
  expect(ask({ "x-put": "b" })).toBe("b");
  expect(ask({ "x-drop": "1" })).toBeUndefined();
  expect(ask()).toBeUndefined();
});

test("what cannot be had or kept leaves the former value, and is counted", () => {
  const { ask, metric } = proxy([
    writing({ w: "$(request.headers['x-value'])" }),
    writing({ d: "$(1 / int(request.headers['x-put']))" }),
    writing({ j: { value: "$([request.headers['x-value']])" } }),
    reading("$(default(store.w, '').size())|$(default(store.j[0], '').size())"),
  ]);
  const at = (n: number) => ask({ "x-put": "1", "x-value": "v".repeat(n) });
  expect(at(5)).toBe("5|5");
  expect(at(65_536)).toBe("65536|5"); // as JSON it takes four more
  expect(metric("store.rejected")).toBe(1);
  expect(at(65_537)).toBe("65536|5");
  expect(metric("store.rejected")).toBe(3);
  expect(ask({ "x-put": "1" })).toBe("65536|0");
  expect(metric("edit_skipped.absent")).toBe(1);
  ask({ "x-put": "0" });
  expect(metric("expression_failed")).toBe(1);
});

test("what is nested too deeply to be read again is not stored", () => {
  const { ask, metric } = proxy([
    writing({ w: "$([[[[request.headers['x-value'], json.parse(request.headers['x-put'])]]]])" }),
    reading("$(store.w)"),
  ]);
  expect(ask({ "x-put": "[1]", "x-value": "a" })).toBe('[[[["a",[1]]]]]');
  ask({ "x-put": "[".repeat(62) + "]".repeat(62), "x-value": "b" });
  expect(metric("store.rejected")).toBe(1);
  expect(ask()).toBe('[[[["a",[1]]]]]');
});

test("keys: apart from each other, absent where nothing was stored, at most so many", () => {
  const { ask, metric } = proxy([
    writing({
      seen: {
        value: "$(request.headers['x-put'])",
        key: "$(request.headers['x-key'])",
        maxKeys: 5,
      },
    }),
    reading(
      "$(default(store.seen[request.headers['x-key']], 'none'))|$(default(store.seen.fixed, '-'))" +
        "|$(request.headers['x-key'] in store.seen)|$(store.seen[?'fixed'].hasValue())",
    ),
  ]);
  expect(ask({ "x-key": "a" })).toBe("none|-|false|false");
  expect(ask({ "x-key": "a", "x-put": "1" })).toBe("1|-|true|false");
  expect(ask({ "x-key": "fixed", "x-put": "2" })).toBe("2|2|true|true");
  expect(ask({ "x-key": "b" })).toBe("none|2|false|true");
  ask({ "x-put": "nobody's" });
  expect(metric("edit_skipped.absent")).toBe(1);
  for (const key of ["c", "d", "e", "f"]) ask({ "x-key": key, "x-put": key });
  // Six in all: the one written first has gone.
  expect(metric("store.evicted")).toBe(1);
  expect(ask({ "x-key": "a" })).toBe("none|2|false|true");
  expect(ask({ "x-key": "f" })).toBe("f|2|true|true");
});

test("keys without end: memory stays where it is, other names keep their values", () => {
  const keyed = (maxKeys: number) => ({
    value: "$(request.headers['x-put'])",
    key: "$(request.headers['x-key'])",
    maxKeys,
  });
  const { ask, shared, metric, workers } = proxy([
    writing({ flood: keyed(100) }),
    {
      match: { headers: { "x-other": "present" } },
      request: [{ store: { other: keyed(100), plain: "$(request.headers['x-other'])" } }],
    },
    reading("$(store.other['k'])|$(store.plain)"),
  ]);
  ask({ "x-other": "p", "x-put": "o", "x-key": "k" });
  const put = "x".repeat(100);
  const flood = (n: number) => {
    for (let i = 0; i < n; i++) ask({ "x-put": put, "x-key": `${i}-${n}` });
    return [...shared.sizes.values()].reduce((sum, size) => sum + size, 0);
  };
  const before = flood(5_000);
  expect(flood(20_000)).toBe(before);
  // Six buckets of at most sixteen, with their heads.
  expect(before).toBeLessThan(100 * 160 + 1000);
  expect(metric("store.evicted")).toBeGreaterThan(24_000);
  expect(ask()).toBe("o|p");
  expect(workers[0]!.traps).toEqual([]);
});

test("a read costs one host call, and none where the name is not read", () => {
  const { ask, shared } = proxy([writing({ w: "1" }), reading("$(store.w)")]);
  ask({ "x-put": "1" });
  const before = shared.gets;
  ask();
  expect(shared.gets - before).toBe(1);
});

test("where nothing can be written, requests go on and it is counted", () => {
  const { ask, shared, metric } = proxy([
    writing({ w: "1" }),
    reading("$(default(store.w, 'none'))"),
  ]);
  shared.refuses = true;
  expect(ask({ "x-put": "1" })).toBe("none");
  expect(metric("store.failed")).toBe(1);
});

test("values that somebody else has written do no harm", () => {
  const { ask, shared, workers } = proxy([
    writing({ w: "$(request.headers['x-put'])", j: "$({'a': request.headers['x-put']})" }),
    reading("$(default(store.w, 'none'))|$(has(store.j.a))"),
  ]);
  ask({ "x-put": "value" });
  shared.spoils = true;
  ask();
  ask({ "x-put": "value" });
  shared.spoils = false;
  expect(ask({ "x-put": "value" })).toBe("value|true");
  expect(workers[0]!.traps).toEqual([]);
});

test("values outlive a new configuration", () => {
  const rules = [writing({ w: "$(request.headers['x-put'])" }), reading("$(store.w)")];
  const { ask, workers } = proxy(rules);
  ask({ "x-put": "kept" });
  const other = { match: { path: "/other" }, request: [{ store: { another: "1" } }] };
  expect(workers[0]!.configure({ ruleway: 1, rules: [other, ...rules] })).toBe(true);
  expect(ask()).toBe("kept");
});

test("a value in a variable, a condition and an event is a value like any other", () => {
  const { ask } = proxy([
    writing({ mode: "$({'list': ['a', 'b']})" }),
    { request: [{ set: { m: "$(store.mode)" } }] },
    { when: "'b' in ctx.m.list && store.mode.list.size() == 2", ...reading("$(ctx.m.list[0])") },
  ]);
  expect(ask()).toBeUndefined();
  expect(ask({ "x-put": "1" })).toBe("a");
});

test.each<[string, object[], string]>([
  ["a name that nothing stores", [reading("$(store.none)")], "R301"],
  ["no name", [writing({ w: "1" }), reading("$(store)")], "R301"],
  ["a name that is none", [writing({ "a-b": "1" })], "R301"],
  [
    "a name with a key here and without there",
    [writing({ w: "1" }), writing({ w: { value: "1", key: "a" } })],
    "R311",
  ],
  [
    "different bounds",
    [
      writing({ w: { value: "1", key: "a", maxKeys: 5 } }),
      writing({ w: { value: "1", key: "a" } }),
    ],
    "R311",
  ],
  ["a bound without keys", [writing({ w: { value: "1", maxKeys: 5 } })], "R311"],
  ["no value", [writing({ w: { ttl: "1s" } })], "R202"],
  ["no time", [writing({ w: { value: "1", ttl: "0s" } })], "R308"],
  [
    "too many names",
    [writing(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`n${i}`, "1"])))],
    "R204",
  ],
])("%s is a finding", (_what, rules, code) => {
  const filter = new Filter();
  expect(filter.configure({ ruleway: 1, rules })).toBe(false);
  expect(filter.errors.join("\n")).toMatch(new RegExp(`^${code} "/rules/\\d/request/0`));
});
