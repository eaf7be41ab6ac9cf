// `rateLimit` in the embedded host: several workers are several plugins that share data and clock.

import { expect, test } from "vitest";
import { type HostOptions, ManualClock } from "../../host/index.ts";
import { ProbedState, startWorkers, type Workers } from "./proxy.ts";
import { Filter, type Stream } from "./run.ts";

/** Data that others may write to meanwhile. */
class Shared extends ProbedState {
  /** Called between somebody's read and write. */
  meanwhile: ((key: string) => void) | undefined;

  override get(key: string): { value: Uint8Array; cas: number } | undefined {
    const found = super.get(key);
    const copy = found && { value: found.value.slice(), cas: found.cas };
    this.meanwhile?.(key);
    return copy;
  }

  get bytes(): number {
    return [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
  }
}

interface Proxy extends Workers {
  shared: Shared;
  /** A request through one of the workers. */
  ask(headers?: Record<string, string>, worker?: number): Stream;
}

function proxy(rules: object | object[], count = 1, options: HostOptions = {}): Proxy {
  const shared = new Shared();
  const started = startWorkers(shared, [rules].flat(), count, options);
  return {
    ...started,
    shared,
    ask(headers = {}, worker = 0) {
      const stream = started.workers[worker]!.open().request(headers);
      if (!stream.response) stream.respond();
      stream.close();
      return stream;
    },
  };
}

const limited = (rateLimit: object) => ({ name: "limited", request: [{ rateLimit }] });
const passes = (stream: Stream) => stream.status === "200";

test.each(["token", "fixed", "sliding"])(
  "%s: exactly the limit passes, whichever workers the requests come to",
  (algorithm) => {
    const { ask, metric, workers } = proxy(limited({ limit: "100/1m", algorithm }), 4);
    const passed = Array.from({ length: 400 }, (_, i) => ask({}, (i * 7) % 4)).filter(passes);
    expect(passed).toHaveLength(100);
    expect(metric("rate_limit.allowed")).toBe(100);
    expect(metric("rate_limit.limited")).toBe(300);
    expect(workers.flatMap(({ traps }) => traps)).toEqual([]);
  },
);

test("a worker that writes between another's read and write loses nothing, and makes nobody pass", () => {
  const { ask, shared, metric } = proxy(limited({ limit: "10/1m" }), 2);
  let depth = 0;
  const inner: boolean[] = [];
  shared.meanwhile = (key) => {
    if (!key.includes(":r") || depth > 0) return;
    depth++;
    inner.push(passes(ask({}, 1)));
    depth--;
  };
  // Each of these is overtaken each time it tries.
  const outer = Array.from({ length: 10 }, () => passes(ask({}, 0)));
  expect([...inner, ...outer].filter(Boolean)).toHaveLength(10);
  expect(metric("rate_limit.failed")).toBe(0);
});

test("a worker that is overtaken for ever gives up, and lets nobody through", () => {
  const stuck = (onError?: string) => {
    const setup = proxy(limited({ limit: "1000000/1m", ...(onError && { onError }) }), 2);
    let depth = 0;
    setup.shared.meanwhile = (key) => {
      if (!key.includes(":r") || depth > 0) return;
      depth++;
      setup.ask({}, 1);
      depth--;
    };
    const stream = setup.ask({}, 0);
    expect(setup.metric("rate_limit.failed")).toBe(1);
    expect(setup.shared.gets).toBeLessThan(200);
    return stream;
  };
  expect(stuck().status).toBe("503");
  expect(stuck("deny").upstream).toBeUndefined();
  expect(stuck("allow").status).toBe("200");
});

test("where nothing can be written, nobody passes unless the rule says so", () => {
  for (const [onError, status] of [
    [undefined, "503"],
    ["allow", "200"],
  ]) {
    const { ask, shared, metric } = proxy(limited({ limit: "5/1m", ...(onError && { onError }) }));
    shared.refuses = true;
    expect(ask().status).toBe(status);
    expect(metric("rate_limit.failed")).toBe(1);
  }
});

test("keys are counted apart; those without one share one limit, as do those whose key fails", () => {
  const key = "$(request.headers['x-key'])";
  const { ask } = proxy(limited({ limit: "2/1m", key }));
  const count = (headers: Record<string, string>) =>
    Array.from({ length: 4 }, () => ask(headers)).filter(passes).length;
  expect(count({ "x-key": "a" })).toBe(2);
  expect(count({ "x-key": "b" })).toBe(2);
  expect(count({ "x-key": "" })).toBe(2);
  expect(count({})).toBe(2);
  expect(count({ "x-other": "1" })).toBe(0);

  const failing = proxy(limited({ limit: "2/1m", key: "$(1 / int(request.headers['x-n']))" }));
  const asked = ["0", "0", "x", "00"].map((n) => passes(failing.ask({ "x-n": n })));
  expect(asked).toEqual([true, true, false, false]);
});

test("what is used comes back as the algorithm says", () => {
  const token = proxy(limited({ limit: "60/1m", burst: 3 }));
  const three = () => Array.from({ length: 5 }, () => token.ask()).filter(passes).length;
  expect(three()).toBe(3);
  token.clock.advance(1000);
  expect(three()).toBe(1);
  token.clock.advance(60_000);
  expect(three()).toBe(3);

  const fixed = proxy(limited({ limit: "5/1h", algorithm: "fixed" }));
  const all = () => Array.from({ length: 9 }, () => fixed.ask()).filter(passes).length;
  expect(all()).toBe(5);
  fixed.clock.advance(3_600_000);
  expect(all()).toBe(5);
});

test("several limits hold together, and a refusal takes from none of them", () => {
  const { ask, clock } = proxy(limited({ limit: ["2/1s", "5/1h"], algorithm: "fixed" }));
  const pass = () => Array.from({ length: 6 }, () => ask()).filter(passes).length;
  expect(pass()).toBe(2);
  clock.advance(1000);
  expect(pass()).toBe(2);
  clock.advance(1000);
  expect(pass()).toBe(1);
  clock.advance(1000);
  const refused = ask();
  expect(refused.status).toBe("429");
  expect(refused.got("ratelimit-limit")).toEqual(["5, 2;w=1, 5;w=3600"]);
  expect(Number(refused.got("retry-after")[0])).toBeGreaterThan(1);
});

test("fields say how matters stand, in the way that the rule asks for", () => {
  const fields = (options: object, times: number) => {
    const { ask } = proxy(limited({ limit: "3/1m", ...options }));
    for (let i = 1; i < times; i++) ask();
    const { response } = ask();
    return Object.fromEntries(response!.filter(([name]) => /ratelimit|retry|status/.test(name)));
  };
  expect(fields({}, 1)).toEqual({
    ":status": "200",
    "ratelimit-limit": "3, 3;w=60",
    "ratelimit-remaining": "2",
    "ratelimit-reset": "20",
  });
  expect(fields({}, 4)).toEqual({
    ":status": "429",
    "ratelimit-limit": "3, 3;w=60",
    "ratelimit-remaining": "0",
    "ratelimit-reset": "60",
    "retry-after": "20",
  });
  expect(fields({ headers: "x-ratelimit" }, 2)).toMatchObject({
    "x-ratelimit-limit": "3, 3;w=60",
    "x-ratelimit-remaining": "1",
    "x-ratelimit-reset": "40",
  });
  expect(fields({ headers: "structured", limit: ["3/1m", "500/1d"] }, 2)).toEqual({
    ":status": "200",
    "ratelimit-policy": '"3/1m";q=3;w=60, "500/1d";q=500;w=86400',
    ratelimit: '"3/1m";r=1;t=40',
  });
  expect(fields({ headers: "none" }, 2)).toEqual({ ":status": "200" });
  expect(fields({ headers: "none" }, 4)).toEqual({ ":status": "429", "retry-after": "20" });
});

test("of several steps the one with the least left is told of", () => {
  const step = (limit: string, name: string) => ({ rateLimit: { limit, name } });
  const rule = (...steps: object[]) => ({ request: steps });
  for (const order of [
    [step("9/1m", "a"), step("2/1m", "b")],
    [step("2/1m", "b"), step("9/1m", "a")],
  ]) {
    const { ask } = proxy(rule(...order));
    const stream = ask();
    expect(stream.got("ratelimit-limit")).toEqual(["2, 2;w=60"]);
    expect(stream.got("ratelimit-remaining")).toEqual(["1"]);
  }
});

test("the answer is the rule's own where it has one, with the fields", () => {
  const respond = { json: { error: "slow down" }, headers: { "x-a": "1" } };
  const { ask } = proxy(limited({ limit: "1/1m", respond }));
  ask();
  const stream = ask();
  expect(stream.status).toBe("429");
  expect(JSON.parse(stream.responseBody)).toEqual({ error: "slow down" });
  expect(stream.got("x-a")).toEqual(["1"]);
  expect(stream.got("retry-after")).toEqual(["60"]);
  const other = proxy(limited({ limit: "1/1m", respond: { status: 503 } }));
  other.ask();
  expect(other.ask().status).toBe("503");
});

test("costs", () => {
  const cost = "$(request.headers['x-cost'])";
  const left = (value?: string) => {
    const { ask } = proxy(limited({ limit: "10/1m", cost }));
    return ask(value === undefined ? {} : { "x-cost": value }).got("ratelimit-remaining")[0];
  };
  expect(left("3")).toBe("7");
  expect(left("0")).toBe("10");
  expect(left()).toBe("9");
  expect(left("0000000000000003")).toBe("7");
  expect([left("2.5"), left("0.0"), left("3e0"), left(".5")]).toEqual(["7", "10", "7", "9"]);
});

// A cost that is not known is not 1: whoever may write it would choose that one.
test.each(["-5", "x", "", " ", "NaN", "Infinity", "0x1", "1,000", "1_0", "٣", "1 1", "-0.5"])(
  "a cost of %j cannot be counted",
  (cost) => {
    const ask = (more: object) =>
      proxy(limited({ limit: "10/1m", cost: "$(request.headers['x-cost'])", ...more }));
    expect(ask({}).ask({ "x-cost": cost }).status).toBe("503");
    expect(ask({ onError: "allow" }).ask({ "x-cost": cost }).status).toBe("200");
  },
);

test.each([
  ["double(request.headers.c)", "-3"],
  ["double(request.headers.c)", "NaN"],
  ["double(request.headers.c)", "x"],
  ["int(request.headers.c)", "-1"],
  ["int(request.headers.c)", "x"],
  ["request.headers.c == 'x'", "x"],
  ["[request.headers.c]", "1"],
  ["now", "1"],
])("nor can one of %s for %j", (cost, c) => {
  const ask = (more: object) => proxy(limited({ limit: "10/1m", cost: `$(${cost})`, ...more }));
  expect(ask({}).ask({ c }).status).toBe("503");
  expect(ask({ onError: "allow" }).ask({ c }).status).toBe("200");
});

test("more than the limit never passes, however it is written", () => {
  for (const cost of [
    "11",
    "0000000000000000011",
    "9".repeat(20),
    "9".repeat(400),
    "1e300",
    "1e1000",
  ]) {
    const { ask } = proxy(limited({ limit: "10/1m", cost: "$(request.headers['x-cost'])" }));
    const never = ask({ "x-cost": cost });
    expect([cost, never.status, never.got("retry-after")]).toEqual([cost, "429", []]);
    expect(ask({ "x-cost": "10" }).status).toBe("200");
  }
});

test("a step that overlooks failed expressions overlooks that of its cost", () => {
  const rateLimit = { limit: "1/1m", cost: "$(int(request.headers.c))" };
  const { ask } = proxy({ name: "limited", request: [{ rateLimit, onError: "skip" }] });
  expect([ask({ c: "x" }).status, ask({ c: "1" }).status, ask({ c: "1" }).status]).toEqual([
    "200",
    "200",
    "429",
  ]);
});

test("scope worker: each worker counts for itself, without a host call for it", () => {
  const { ask, shared } = proxy(limited({ limit: "3/1m", scope: "worker" }), 2);
  const before = shared.gets + shared.sets;
  const count = (worker: number) =>
    Array.from({ length: 9 }, () => ask({}, worker)).filter(passes).length;
  expect([count(0), count(1)]).toEqual([3, 3]);
  expect(shared.gets + shared.sets).toBe(before);
});

test("one get and one set for a request that passes, one get for one that does not", () => {
  const { ask, shared } = proxy(limited({ limit: "1/1m" }));
  const calls = () => {
    const before = [shared.gets, shared.sets];
    ask();
    return [shared.gets - before[0]!, shared.sets - before[1]!];
  };
  expect(calls()).toEqual([1, 1]);
  expect(calls()).toEqual([1, 0]);
});

test("counts outlive a new configuration, and begin anew with another limit", () => {
  const setup = proxy(limited({ limit: "2/1m" }));
  const pass = () => Array.from({ length: 4 }, () => setup.ask()).filter(passes).length;
  const configure = (...rules: object[]) =>
    expect(setup.workers[0]!.configure({ ruleway: 1, rules })).toBe(true);
  expect(pass()).toBe(2);
  configure(
    { name: "first", request: [{ headers: { set: { a: "1" } } }] },
    limited({ limit: "2/1m" }),
  );
  expect(pass()).toBe(0);
  configure(limited({ limit: "3/1m" }));
  expect(pass()).toBe(3);
});

test("steps of one name count together, others apart", () => {
  const rule = (path: string, name?: string) => ({
    match: { path },
    request: [{ rateLimit: { limit: "2/1m", ...(name && { name }) } }],
  });
  const { ask } = proxy([rule("/a", "api"), rule("/b", "api"), rule("/c"), rule("/d")]);
  const at = (path: string) => passes(ask({ ":path": path }));
  expect(["/a", "/b", "/a", "/b", "/c", "/c", "/c", "/d"].map(at)).toEqual([
    ...[true, true, false, false],
    ...[true, true, false, true],
  ]);
});

test("two plugins in VMs of one id do not meet", () => {
  const shared = new Shared();
  const clock = new ManualClock();
  for (const name of ["one", "two"]) {
    const filter = new Filter({ shared, clock, name });
    filter.configure({ ruleway: 1, rules: [limited({ limit: "1/1m" })] });
    expect([filter.open().request().upstream, filter.open().request().status]).toEqual([
      expect.anything(),
      "429",
    ]);
  }
  for (const key of shared.sizes.keys()) expect(key).toMatch(/^ruleway:(one|two):/);
});

test("keys without end: memory stays where it is, what is forgotten is counted, the busy are not forgotten", () => {
  const key = "$(request.headers['x-key'])";
  for (const scope of ["proxy", "worker"]) {
    const setup = proxy([
      limited({ limit: "20/1h", key, scope, headers: "none", algorithm: "fixed" }),
    ]);
    const pass = (name: string) => passes(setup.ask({ "x-key": name }));
    // Victims that have used most of what they may.
    const victims = Array.from({ length: 20 }, (_, i) => `victim-${i}`);
    for (const victim of victims) for (let i = 0; i < 15; i++) expect(pass(victim)).toBe(true);
    const flood = (from: number, to: number) => {
      for (let i = from; i < to; i++) pass(`key-${i}`);
    };
    // To fill every shared bucket would take long: their number and their size are bounded in any case.
    flood(0, 60_000);
    const worker = setup.workers[0]!;
    expect(setup.shared.sizes.size).toBeLessThanOrEqual(16384 + 1);
    for (const size of setup.shared.sizes.values()) expect(size).toBeLessThanOrEqual(2048);
    const memory = worker.plugin.memorySize;
    if (scope === "worker") {
      flood(60_000, 160_000);
      expect(setup.metric("rate_limit.evicted")).toBeGreaterThan(0);
      expect(worker.plugin.memorySize - memory).toBeLessThan(5 << 20);
    }
    for (const victim of victims) {
      const more = Array.from({ length: 9 }, () => pass(victim)).filter(Boolean).length;
      expect(more).toBe(5);
    }
    expect(worker.traps).toEqual([]);
  }
});

test("the clock goes back: nobody is let in by it", () => {
  let now = 1_700_000_000_000;
  const clock = new ManualClock();
  const setup = proxy(limited({ limit: "3/1m" }), 1, {
    clock: { now: () => now, after: clock.after.bind(clock) },
  });
  const pass = () => Array.from({ length: 5 }, () => setup.ask()).filter(passes).length;
  expect(pass()).toBe(3);
  now -= 3_600_000;
  expect(pass()).toBe(0);
  now += 60_000;
  expect(pass()).toBe(3);
});

test.each([
  ["not a rate", { limit: "100/m" }, "R308"],
  ["no count", { limit: "0/1m" }, "R308"],
  ["too often", { limit: "1000001/1s" }, "R308"],
  ["too long", { limit: "1/32d" }, "R308"],
  ["no list", { limit: [] }, "R206"],
  ["too many", { limit: ["1/1s", "2/1m", "3/1h", "4/1d", "5/2d"] }, "R204"],
  ["no limit", { key: "a" }, "R202"],
  ["burst beside another algorithm", { limit: "1/1s", burst: 3, algorithm: "fixed" }, "R311"],
  ["burst with two limits", { limit: ["1/1s", "5/1m"], burst: 3 }, "R311"],
  ["no scope", { limit: "1/1s", scope: "planet" }, "R203"],
])("%s is a finding", (_what, rateLimit, code) => {
  const filter = new Filter();
  expect(filter.configure({ ruleway: 1, rules: [limited(rateLimit)] })).toBe(false);
  expect(filter.errors.join("\n")).toMatch(new RegExp(`^${code} "/rules/0/request/0/rateLimit`));
});
