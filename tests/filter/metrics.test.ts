// What the host's metrics tell: those of `metric` steps, of each rule, and of the configuration.

import { describe, expect, test } from "vitest";
import { Metrics, SharedState, Status } from "../../host/index.ts";
import { startWorkers } from "./proxy.ts";
import { Filter } from "./run.ts";

function filterOf(rules: object[], settings?: object): Filter {
  const filter = new Filter();
  const accepted = filter.configure({ ruleway: 1, settings, rules });
  expect(accepted, filter.log.join("\n")).toBe(true);
  return filter;
}

/** The metrics of one's own. */
const own = (filter: Filter) =>
  Object.fromEntries(
    Object.entries(filter.metrics).filter(([name]) => !name.startsWith("ruleway.")),
  );

const metricsOf = (filter: Filter, prefix: string) =>
  Object.fromEntries(
    Object.entries(filter.metrics).flatMap(([name, n]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), n]] : [],
    ),
  );

const metric = (step: object) => ({ metric: { name: "m", ...step } });

function streams(filter: Filter, ...all: Array<Record<string, string>>): void {
  for (const headers of all) {
    const stream = filter.open().request(headers);
    if (!stream.response) stream.respond({ "content-type": "text/plain" }, "abc");
    stream.close();
  }
}

const defined = (filter: Filter) =>
  filter.trace.filter((line) => line.includes("proxy_define_metric")).length;

describe("metric", () => {
  test("counts, sets and records in every phase", () => {
    const filter = filterOf([
      {
        request: [{ metric: { name: "a.requests" } }],
        response: [
          { metric: { name: "a.bytes", value: 3.5 } },
          { metric: { name: "a.code", type: "gauge", value: "$(response.code)" } },
        ],
        done: [
          { metric: { name: "a.size", type: "histogram", value: "$(int(request.headers['n']))" } },
        ],
      },
    ]);
    streams(filter, { n: "5" }, { n: "7" });
    expect(own(filter)).toEqual({ "a.requests": 2, "a.bytes": 8, "a.code": 200, "a.size": 12 });
  });

  test("a gauge goes up and down with what is going on", () => {
    const filter = filterOf([
      {
        request: [{ metric: { name: "open", type: "gauge", add: 1 } }],
        done: [{ metric: { name: "open", type: "gauge", add: -1 } }],
      },
    ]);
    const one = filter.open().request();
    const other = filter.open().request();
    expect(own(filter)).toEqual({ open: 2 });
    one.close();
    expect(own(filter)).toEqual({ open: 1 });
    other.close();
    expect(own(filter)).toEqual({ open: 0 });
  });

  test.each([
    ["an integer", "$(2)", 2],
    ["an unsigned one", "$(2u)", 2],
    ["a fraction, to the nearest", "$(2.5)", 3],
    ["a duration, in milliseconds", "$(duration('1.2s'))", 1200],
    ["text that is a number", "$(request.headers['n'])", 42],
    ["text around an expression", "1$(request.headers['n'])", 142],
    ["nothing", "$(0)", 0],
    ["the most", "$(9007199254740992)", 9007199254740992],
  ])("takes %s", (_what, value, expected) => {
    const filter = filterOf([{ request: [metric({ value })] }]);
    streams(filter, { n: "42" });
    expect(own(filter)).toEqual({ m: expected });
    expect(filter.metrics["ruleway.metric.failed"]).toBeUndefined();
  });

  test.each([
    ["no number", "$(request.headers['n'])"],
    ["text around it that makes it none", "x$(1)"],
    ["a list", "$([1])"],
    ["true", "$(true)"],
    ["a negative one", "$(-1)"],
    ["too large a one", "$(9007199254740994)"],
    ["what is not a number", "$(0.0 / 0.0)"],
    ["an infinity", "$(1.0 / 0.0)"],
    ["a failure", "$(int(request.headers['n']))"],
  ])("does not take %s, which is counted", (_what, value) => {
    for (const type of ["counter", "gauge", "histogram"]) {
      const filter = filterOf([{ request: [metric({ value, type })] }]);
      const stream = filter.open().request({ n: "12x" });
      expect(stream.upstream).toBeDefined();
      expect(Object.values(own(filter)).filter((n) => n !== 0)).toEqual([]);
      expect(filter.metrics["ruleway.metric.failed"]).toBe(1);
      expect(filter.traps).toEqual([]);
    }
  });

  test("a value that is absent is left out, and its condition is heeded", () => {
    const filter = filterOf([
      {
        request: [
          metric({ value: "$(request.headers['none'])" }),
          { ...metric({ name: "n" }), when: "request.method == 'PUT'" },
        ],
      },
    ]);
    streams(filter, {});
    expect(own(filter)).toEqual({});
    expect(filter.metrics["ruleway.metric.failed"]).toBeUndefined();
  });

  test("tags are part of the name, in the order of the alphabet, with tame values", () => {
    const filter = filterOf([
      {
        request: [
          metric({
            tags: {
              tier: "$(request.headers['x-tier'])",
              path: "$(request.path)",
              Zone: { value: "$(request.headers['x-zone'])", values: ["eu", "us"] },
            },
          }),
        ],
      },
    ]);
    streams(
      filter,
      { "x-tier": "gold", ":path": "/a.b\n c%", "x-zone": "eu" },
      { "x-tier": "", ":path": `/${"x".repeat(100)}`, "x-zone": "mars" },
    );
    expect(own(filter)).toEqual({
      "m.Zone.eu.path._a_b_0A_20c_.tier.gold": 1,
      [`m.Zone.other.path._${"x".repeat(63)}.tier.none`]: 1,
    });
  });

  test("values from outside make so many metrics and no more", () => {
    const rules = [
      { request: [metric({ tags: { who: "$(request.headers['who'])" }, maxSeries: 3 })] },
    ];
    const filter = filterOf(rules);
    for (let i = 0; i < 500; i++) streams(filter, { who: `w${i}` });
    streams(filter, { who: "w1" });
    expect(own(filter)).toEqual({
      "m.who.w0": 1,
      "m.who.w1": 2,
      "m.who.w2": 1,
      "m.who.other": 497,
    });
    expect(filter.metrics["ruleway.metric.overflow"]).toBe(497);
    // Nor do further configurations.
    filter.configure({ ruleway: 1, rules: [...rules, { name: "more" }] });
    streams(filter, { who: "w600" }, { who: "w0" });
    expect(own(filter)).toMatchObject({ "m.who.w0": 2, "m.who.other": 498 });
  });

  test("in one VM there are 4096 at the most, and rules beyond go on without", () => {
    const filter = new Filter();
    for (let round = 0; round < 5; round++) {
      const rules = [
        {
          request: Array.from({ length: 1000 }, (_, i) => ({
            metric: { name: `m${round}.n${i}` },
          })),
        },
      ];
      expect(filter.configure({ ruleway: 1, rules })).toBe(true);
      const stream = filter.open().request();
      expect(stream.upstream).toBeDefined();
      stream.close();
    }
    const count = Object.keys(own(filter)).length;
    expect(count).toBeLessThanOrEqual(4096);
    expect(count).toBeGreaterThan(4000);
    expect(filter.metrics["ruleway.metric.failed"]).toBe(5000 - count);
  });

  test("a metric is defined once in a VM, whatever becomes of the configuration", () => {
    const rules = [
      { name: "r", request: [metric({}), metric({ name: "t", tags: { a: "$(request.path)" } })] },
    ];
    const filter = filterOf(rules);
    streams(filter, {}, {});
    const before = defined(filter);
    for (let i = 0; i < 20; i++) {
      filter.configure({ ruleway: 1, rules });
      streams(filter, {});
    }
    expect(defined(filter)).toBe(before);
    expect(own(filter)).toEqual({ m: 22, "t.a._": 22 });
  });

  test("a host that refuses all of it changes nothing for traffic", () => {
    class Refusing extends Metrics {
      override increment = () => Status.NotFound;
      override record = () => Status.NotFound;
    }
    const filter = new Filter({ metrics: new Refusing() });
    const step = metric({ tags: { a: "$(request.path)" } });
    expect(filter.configure({ ruleway: 1, rules: [{ request: [metric({}), step] }] })).toBe(true);
    expect(filter.open().request().upstream).toBeDefined();
    expect(filter.traps).toEqual([]);
  });

  test("tasks have it", () => {
    const filter = new Filter();
    filter.configure({
      ruleway: 1,
      tasks: [
        {
          name: "t",
          every: "1s",
          steps: [{ metric: { name: "ticks", tags: { of: "$(rule.name)" } } }],
        },
      ],
    });
    for (let i = 0; i < 30; i++) filter.clock.advance(100);
    expect(own(filter)["ticks.of.t"]).toBeGreaterThanOrEqual(2);
  });

  test.each([
    [{ name: "a b" }, "R319"],
    [{ name: "a..b" }, "R319"],
    [{ name: ".a" }, "R319"],
    [{ name: "a." }, "R319"],
    [{ name: "$(request.path)" }, "R319"],
    [{ name: "ruleway.rule.x.applied" }, "R319"],
    [{ name: "ruleway" }, "R319"],
    [{ name: "x".repeat(129) }, "R319"],
    [{ name: "" }, "R206"],
    [{ name: "a", tags: { "x.y": "1" } }, "R319"],
    [{ name: "a", type: "counter", add: 1 }, "R311"],
    [{ name: "a", type: "gauge", add: 1, value: 2 }, "R311"],
    [{ name: "a", type: "meter" }, "R203"],
    [{ name: "a", value: "$(nope)" }, "R301"],
    [{ name: "a", maxSeries: 0 }, "R204"],
    [{ name: "a", tags: Object.fromEntries([..."abcdefghi"].map((c) => [c, "1"])) }, "R204"],
  ])("%j is refused", (step, code) => {
    const filter = new Filter();
    expect(filter.configure({ ruleway: 1, rules: [{ request: [{ metric: step }] }] })).toBe(false);
    expect(filter.errors.map((line) => line.slice(0, 4))).toContain(code);
  });

  test.each(["ruleways.x", "a_1.B2", "x".repeat(128)])("%s is a name", (name) => {
    const filter = filterOf([{ request: [metric({ name })] }]);
    streams(filter, {});
    expect(own(filter)).toEqual({ [name]: 1 });
  });
});

describe("each rule", () => {
  const rule = (filter: Filter, name: string) => metricsOf(filter, `ruleway.rule.${name}.`);

  test("is counted as applied once for a stream, or as skipped by reason", () => {
    const edit = [{ headers: { set: { a: "1" } } }];
    const filter = filterOf([
      { name: "plain", request: edit, response: edit, done: [{ log: "x" }] },
      { name: "sometimes", when: "request.path == '/yes'", request: edit, response: edit },
      { name: "fails", when: "int(request.headers['n']) > 0", request: edit },
      { name: "answers", response: edit },
      { name: "errors", match: { status: "5xx" }, response: edit, done: [{ log: "x" }] },
      { name: "elsewhere", match: { path: "/elsewhere" }, request: edit },
      { name: "last", final: true, match: { path: "/yes" } },
      { name: "unreached", request: edit },
    ]);
    streams(filter, { ":path": "/yes", n: "1" }, { ":path": "/no", n: "x" });
    expect(rule(filter, "plain")).toEqual({ applied: 2 });
    expect(rule(filter, "sometimes")).toEqual({ applied: 1, "skipped.when": 1 });
    expect(rule(filter, "fails")).toEqual({ applied: 1, "skipped.when_failed": 1, failed: 1 });
    expect(rule(filter, "answers")).toEqual({ applied: 2 });
    expect(rule(filter, "errors")).toEqual({ "skipped.status": 2 });
    expect(rule(filter, "elsewhere")).toEqual({});
    expect(rule(filter, "last")).toEqual({ applied: 1 });
    expect(rule(filter, "unreached")).toEqual({ applied: 1 });
  });

  test("is counted as refused when it answers with 400 or more", () => {
    const filter = filterOf([
      { name: "ok", match: { path: "/ok" }, request: [{ respond: { status: 200 } }] },
      { name: "moved", match: { path: "/moved" }, request: [{ redirect: { to: "/x" } }] },
      { name: "no", match: { path: "/no" }, request: [{ respond: { status: 403 } }] },
      {
        name: "limited",
        match: { path: "/l" },
        request: [{ rateLimit: { limit: "1/1h" } }],
        response: [{ headers: { set: { a: "1" } } }],
      },
      {
        name: "broken",
        match: { path: "/b" },
        request: [{ headers: { set: { a: "$(int('x'))" } }, onError: "deny" }],
      },
      { name: "late", response: [{ headers: { set: { a: "1" } } }] },
    ]);
    const paths = ["/ok", "/moved", "/no", "/l", "/l", "/l", "/b"];
    streams(filter, ...paths.map((path) => ({ ":path": path })));
    expect(rule(filter, "ok")).toEqual({ applied: 1 });
    expect(rule(filter, "moved")).toEqual({ applied: 1 });
    expect(rule(filter, "no")).toEqual({ applied: 1, refused: 1 });
    expect(rule(filter, "limited")).toEqual({ applied: 3, refused: 2 });
    expect(rule(filter, "broken")).toEqual({ applied: 1, failed: 1, refused: 1 });
    expect(rule(filter, "late")).toEqual({ applied: 1 });
  });

  test("answers for bodies that it has refused, and for no others", () => {
    const filter = filterOf(
      [
        { name: "before", request: [{ headers: { set: { a: "1" } } }] },
        { name: "small", match: { path: "/small" }, limits: { requestBody: 4 } },
        { name: "step", match: { path: "/step" }, request: [{ limit: { body: 4 } }] },
        {
          name: "json",
          match: { path: "/json" },
          request: [{ body: { json: { set: { "/a": 1 } }, onError: "deny" } }],
        },
        {
          name: "schema",
          match: { path: "/schema" },
          request: [{ validate: { body: { type: "object" } } }],
        },
        {
          name: "form",
          match: { path: "/form" },
          request: [{ form: { set: { a: "1" } }, onError: "deny" }],
        },
        { name: "after", request: [{ headers: { set: { b: "1" } } }] },
      ],
      { holdHeaders: true },
    );
    for (const path of ["/small", "/step", "/json", "/schema", "/form", "/none"]) {
      const stream = filter.open().request({ ":path": path }, "nope", " ", "nope");
      expect(stream.status !== undefined, path).toBe(path !== "/none");
      stream.close();
    }
    for (const name of ["small", "step", "json", "schema", "form"]) {
      expect([name, rule(filter, name).refused]).toEqual([name, 1]);
    }
    expect(rule(filter, "before").refused).toBeUndefined();
    expect(rule(filter, "after").refused).toBeUndefined();
  });

  test("has a tame name, which others may share", () => {
    const edit = [{ headers: { set: { a: "1" } } }];
    const filter = filterOf([
      { name: "a.b/c d\n=é", request: edit },
      { name: "same", request: edit },
      { name: "same", request: edit },
      { request: edit },
      { name: "n".repeat(300), request: edit },
    ]);
    streams(filter, {});
    expect(Object.keys(metricsOf(filter, "ruleway.rule.")).sort()).toEqual(
      ["a_b_c_d____", "same", "rules_3", "n".repeat(64)].map((name) => `${name}.applied`).sort(),
    );
    expect(rule(filter, "same")).toEqual({ applied: 2 });
  });

  test("is one of 1024 names that a VM tells apart", () => {
    const rules = Array.from({ length: 1100 }, (_, i) => ({
      name: `r${i}`,
      request: [{ headers: { set: { a: "1" } } }],
    }));
    const filter = filterOf(rules);
    streams(filter, {});
    const names = metricsOf(filter, "ruleway.rule.");
    expect(Object.keys(names).length).toBe(1025);
    expect(names["other.applied"]).toBe(76);
  });

  test("costs a stream one host call, and none where that is not wanted", () => {
    const rules = [
      { name: "a", request: [{ headers: { set: { a: "1" } } }] },
      { name: "b", request: [{ headers: { set: { b: "1" } } }], response: [{ log: "x" }] },
    ];
    const calls = (settings: object) => {
      const filter = filterOf(rules, settings);
      streams(filter, {});
      filter.trace.length = 0;
      streams(filter, {});
      return filter.trace.filter((line) => line.includes("_metric")).length;
    };
    expect(calls({})).toBe(2);
    expect(calls({ ruleMetrics: false })).toBe(0);
  });
});

describe("the configuration", () => {
  const limits = (requestBody: number, responseBody: number) => [
    { limits: { requestBody, responseBody } },
  ];
  const gauges = (filter: Filter) => metricsOf(filter, "ruleway.configuration.plugin.");

  test("is told by a hash, in a gauge and in the log", () => {
    const filter = filterOf([{ request: [{ log: "a" }] }]);
    const first = gauges(filter);
    expect(first).toMatchObject({ rules: 1, rejected_rules: 0 });
    expect(Number.isSafeInteger(first.hash)).toBe(true);
    expect(filter.log).toContain(`ruleway: configuration ${first.hash} is in force, 1 rule`);
    // The same rules are the same, anywhere,
    expect(gauges(filterOf([{ request: [{ log: "a" }] }]))).toEqual(first);
    // and however a control plane has written them.
    const other = new Filter();
    other.configure('{ "rules": [{"request": [{"log": "\\u0061"}]}],\n"ruleway": 1.0e0 }');
    expect(gauges(other)).toEqual(first);
    filter.configure({ ruleway: 1, rules: [{ request: [{ log: "b" }] }] });
    const second = gauges(filter);
    expect(second.hash).not.toBe(first.hash);
    // What is refused is not in force.
    filter.configure({ ruleway: 1, rules: [{ nope: 1 }] });
    expect(gauges(filter)).toEqual(second);
  });

  test.each([
    ["the order of rules", [{ name: "a" }, { name: "b" }], [{ name: "b" }, { name: "a" }]],
    ["what is where", [{ name: "a" }, {}], [{}, { name: "a" }]],
    ["a key for another", [{ request: [] }], [{ response: [] }]],
    ["a number", [{ limits: { requestBody: 1 } }], [{ limits: { requestBody: 2 } }]],
    ["true for false", [{ final: true }], [{ final: false }]],
    ["two values, exchanged", limits(1, 2), limits(2, 1)],
  ])("is another with %s", (_what, one, other) => {
    const hashes = [one, other].map((rules) => gauges(filterOf(rules)).hash);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  test("tells how many of its rules are left out", () => {
    const settings = { onInvalidRule: "skip" };
    const rules = [{ request: [{ log: "a" }] }, { nope: 1 }, { request: [{ log: "$(nope)" }] }];
    const filter = filterOf(rules, settings);
    expect(gauges(filter)).toMatchObject({ rules: 1, rejected_rules: 2 });
    filter.configure({ ruleway: 1, settings, rules: rules.slice(0, 1) });
    expect(gauges(filter)).toMatchObject({ rules: 1, rejected_rules: 0 });
  });

  test("counts rules of entries, those that they inherit once", () => {
    const filter = new Filter();
    const rules = [{ request: [{ log: "a" }] }];
    filter.configure({
      ruleway: 1,
      rules,
      _rules_: [
        { _match_route_: "a", inherit: true, rules },
        { _match_route_: "b", rules },
      ],
    });
    expect(gauges(filter)).toMatchObject({ rules: 3 });
  });

  test("workers agree on it", () => {
    const rules = [{ name: "r", request: [{ metric: { name: "n" } }] }];
    const { workers, metric } = startWorkers(new SharedState(), rules, 3);
    for (const worker of workers) streams(worker, {});
    expect(own(workers[0]!)).toEqual({ n: 3 });
    expect(metric("rule.r.applied")).toBe(3);
    expect(metric("configuration.plugin.rules")).toBe(1);
  });
});
