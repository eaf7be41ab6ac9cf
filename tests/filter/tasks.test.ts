// Tasks in the embedded host: when they run, what they may read, and that of several workers one leads.
// Workers are plugins that share data and a clock.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type HttpCall, ManualClock, Metrics, SharedState, Status } from "../../host/index.ts";
import { seeded } from "../seed.ts";
import { Filter } from "./run.ts";

const services = { auth: { cluster: "auth" } };
const ask = { call: { service: "auth", path: "/auth", as: "token" } };

type TaskFields = Record<string, unknown>;
const task = (fields: TaskFields = {}) => ({ name: "t", every: "10s", steps: [ask], ...fields });

function document(tasks: TaskFields[], rules: object[] = []): object {
  return { ruleway: 1, services, tasks, rules };
}

/** A time-stamped list of what was called, answered at once. */
class Workers {
  readonly clock = new ManualClock(100_000_000);
  readonly shared = new SharedState();
  readonly metrics = new Metrics();
  readonly start = this.clock.now();
  readonly runs: Array<{ at: number; worker: number }> = [];
  readonly workers: Filter[] = [];
  status = "200";
  /** Called before an answer; keeps it back when it says so. */
  holds: HttpCall[] | undefined;
  private made = 0;

  constructor(rules: object | undefined, count: number) {
    for (let i = 0; i < count; i++) this.add(rules);
  }

  add(rules?: object): Filter {
    const worker = this.made++;
    const { clock, shared, metrics } = this;
    const random = (bytes: Uint8Array) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
    const httpCall = (call: HttpCall) => {
      this.runs.push({ at: clock.now() - this.start, worker });
      if (this.holds) this.holds.push(call);
      else call.respond({ headers: [[":status", this.status]] });
    };
    const filter = new Filter({ clock, shared, metrics, random, httpCall });
    if (rules) expect(filter.configure(rules), filter.log.join("\n")).toBe(true);
    this.workers.push(filter);
    return filter;
  }

  get times(): number[] {
    return this.runs.map(({ at }) => at);
  }

  metric(name: string): number {
    return this.metrics.snapshot()[`ruleway.${name}`] ?? 0;
  }

  get traps(): Error[] {
    return this.workers.flatMap(({ traps }) => traps);
  }
}

test("a task runs every so often, first after the period, or at once", () => {
  const p = new Workers(document([task()]), 1);
  p.clock.advance(35_000);
  expect(p.times).toEqual([10_000, 20_000, 30_000]);
  const q = new Workers(document([task({ onStart: true })]), 1);
  q.clock.advance(35_000);
  expect(q.times.map((at) => Math.floor(at / 1000))).toEqual([0, 10, 20, 30]);
  expect(q.times[0]).toBeLessThan(100);
  expect(q.metric("task.run")).toBe(4);
});

test("each worker runs it, unless one leads", () => {
  const p = new Workers(document([task()]), 3);
  p.clock.advance(10_000);
  expect(p.runs.map(({ worker }) => worker).sort()).toEqual([0, 1, 2]);
});

test("jitter comes on top of a grid that stays", () => {
  for (const jitter of ["3s", "30%"]) {
    const p = new Workers(document([task({ jitter })]), 4);
    p.clock.advance(205_000);
    const late = p.times.map((at) => at % 10_000);
    expect(p.times.length).toBe(80);
    // A tick comes once a second.
    expect(Math.max(...late)).toBeLessThanOrEqual(4000);
    expect(new Set(late).size).toBeGreaterThan(2);
  }
});

test("a run that is still going on is not started again", () => {
  const steps = [{ call: { ...ask.call, timeout: "25s" } }];
  const p = new Workers(document([task({ steps })]), 1);
  p.holds = [];
  p.clock.advance(30_000);
  expect(p.times).toEqual([10_000]);
  expect(p.metric("task.skipped")).toBe(2);
  p.holds[0]?.respond({ headers: [[":status", "200"]] });
  p.clock.advance(10_000);
  expect(p.times).toEqual([10_000, 40_000]);
});

test("a run that failed is tried again, later and later, until the next is due", () => {
  const p = new Workers(document([task({ onStart: true })]), 1);
  p.status = "503";
  p.clock.advance(9_999);
  expect(p.times.length).toBe(4);
  p.times.slice(1).forEach((at, i) => {
    const gap = at - (p.times[i] ?? 0);
    // Up to a quarter less, and a tick or two later.
    expect(gap).toBeGreaterThanOrEqual(750 * 2 ** i);
    expect(gap).toBeLessThanOrEqual(1000 * 2 ** i + 250);
  });
  p.status = "200";
  p.clock.advance(25_000);
  expect(p.times.slice(4).map((at) => Math.floor(at / 1000))).toEqual([10, 20, 30]);
  expect(p.metric("task.failed")).toBe(4);
});

test("steps see what they may, and what they set is forgotten with the run", () => {
  const steps = [
    { set: { before: "$(default(ctx.v, 'none'))" } },
    { set: { v: "$(1 + 1)" } },
    ask,
    {
      log: "$(rule.name) $(ctx.before) $(ctx.v) $(calls.token.status) $(vars.x) $(now > timestamp(0))",
    },
    { stop: true },
    { log: "never" },
  ];
  const p = new Workers({ ...document([task({ steps })]), vars: { x: "y" } }, 1);
  p.clock.advance(20_000);
  const lines = p.workers[0]!.log.filter((each) => each.startsWith("t ") || each === "never");
  expect(lines).toEqual(["t none 2 200 y true", "t none 2 200 y true"]);
});

test("a callout that is out when the configuration goes is forgotten; ticks go on with the new one", () => {
  const p = new Workers(document([task()]), 1);
  p.holds = [];
  p.clock.advance(10_000);
  const log = task({ steps: [ask, { log: "done" }], every: "5s" });
  expect(p.workers[0]!.configure(document([log]))).toBe(true);
  p.holds[0]?.respond({ headers: [[":status", "200"]] });
  p.holds = undefined;
  p.clock.advance(10_000);
  expect(p.times).toEqual([10_000, 15_000, 20_000]);
  expect(p.workers[0]!.configure(document([]))).toBe(true);
  p.clock.advance(60_000);
  expect(p.times.length).toBe(3);
  expect(p.traps).toEqual([]);
});

test("configuring again and again while runs wait takes no more memory", () => {
  const p = new Workers(document([task({ leader: true }), task({ name: "u" })]), 1);
  p.holds = [];
  const { plugin } = p.workers[0]!;
  const often = (n: number) => {
    for (let i = 0; i < n; i++) {
      const rules = { ...document([task({ leader: true }), task({ name: "u" })]), vars: { i } };
      expect(plugin.configure(JSON.stringify(rules))).toBe(true);
      p.clock.advance(10_000);
    }
    return plugin.memorySize;
  };
  const before = often(50);
  expect(often(300)).toBe(before);
  expect(p.runs.length).toBeGreaterThan(600);
  p.clock.advance(600); // the last ones time out
  expect([p.traps, plugin.pendingCalls]).toEqual([[], 0]);
});

test("traffic does not notice a task that waits or fails", () => {
  const p = new Workers(
    document([task()], [{ request: [{ headers: { set: { "x-a": "b" } } }] }]),
    1,
  );
  p.holds = [];
  p.clock.advance(10_000);
  const s = p.workers[0]!.open().request();
  expect(s.sent("x-a")).toEqual(["b"]);
  p.holds[0]?.fail();
  s.respond().close();
  expect([s.status, p.traps]).toEqual(["200", []]);
});

test("the clock set back or forward: the next run is a period away at most, and none is made up for", () => {
  for (const leader of [false, true]) {
    const p = new Workers(document([task({ leader })]), 2);
    p.clock.advance(10_000);
    const before = p.runs.length;
    // Only the wall clock jumps.
    const real = p.clock.now.bind(p.clock);
    let offset = -3_600_000;
    p.clock.now = () => real() + offset;
    p.clock.advance(11_000);
    const runs = p.runs.length - before;
    expect(runs).toBe(leader ? 1 : 2);
    offset = 7_200_000;
    p.clock.advance(20_000);
    expect(p.runs.length - before - runs).toBeLessThanOrEqual(leader ? 3 : 6);
    expect(p.runs.length - before - runs).toBeGreaterThanOrEqual(leader ? 2 : 4);
    expect(p.traps).toEqual([]);
  }
});

// ---- leaders

test("whatever workers die, come, trap or are configured anew: no period has two runs, and none is long without", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("300ms", "2s", "9s", "40s"),
      fc.array(
        fc.record({
          what: fc.constantFrom("die", "come", "trap", "same", "other", "none"),
          who: fc.nat(9),
          wait: fc.integer({ min: 1, max: 30_000 }),
        }),
        { minLength: 1, maxLength: 25 },
      ),
      (every, events) => {
        const period = { "300ms": 300, "2s": 2000, "9s": 9000, "40s": 40_000 }[every]!;
        const lasts = Math.max(5000, Math.min(period, 60_000));
        let version = 0;
        const rules = () => led({ every, steps: [ask, { log: `v${version}` }] });
        const p = new Workers(rules(), 3);
        let alive = [...p.workers];
        const lastChange = () => p.clock.now() - p.start;
        let disturbed = 0;
        for (const { what, who, wait } of events) {
          const worker = alive[who % Math.max(alive.length, 1)];
          disturbed = lastChange();
          if (what === "come" && alive.length < 6) alive.push(p.add(rules()));
          else if (what === "die" && worker && alive.length > 1) {
            worker.plugin.close();
            alive = alive.filter((each) => each !== worker);
          } else if (what === "trap" && worker) trap(worker);
          else if (what === "same" && worker) worker.configure(rules());
          else if (what === "other") {
            version++;
            for (const each of alive) each.configure(rules());
          }
          p.clock.advance(wait);
        }
        // Left alone, one runs it in each period, once the lease of whoever died is over.
        p.clock.advance(lasts + 2 * period + 2000);
        const before = p.runs.length;
        p.clock.advance(10 * period);
        expect([before > 0, p.traps.length]).toEqual([true, 0]);
        const runs = p.runs.slice(before);
        expect(runs.length).toBeGreaterThanOrEqual(9);
        expect(runs.length).toBeLessThanOrEqual(11);
        expect(new Set(runs.map(({ worker }) => worker)).size).toBe(1);
        // Runs come a little late, and the next one is not later for it.
        const lateness = Math.min(1000, period / 10) + 20;
        for (let i = 1; i < p.times.length; i++)
          expect(p.times[i]! - p.times[i - 1]!).toBeGreaterThanOrEqual(period - lateness);
        expect(disturbed).toBeLessThan(lastChange());
      },
    ),
    seeded(150),
  );
}, 120_000);

/** The VM is gone, and made anew for the next stream. */
function trap({ plugin }: Filter): void {
  const inside = plugin as unknown as { reload(): void };
  inside.reload();
}

const led = (fields: TaskFields = {}) => document([task({ leader: true, ...fields })]);

test("one of five workers leads, and is the only one that runs", () => {
  const p = new Workers(led({ onStart: true }), 5);
  p.clock.advance(95_000);
  expect(p.runs.length).toBe(10);
  expect(new Set(p.runs.map(({ worker }) => worker)).size).toBe(1);
  expect(p.metric("task.leader")).toBe(1);
  const lines = p.workers.flatMap(({ log }) => log.filter((each) => each.includes("from now on")));
  expect(lines).toEqual(["ruleway: the task t is run by this worker from now on"]);
});

test("when the leader dies, another takes over once the lease is over", () => {
  const p = new Workers(led(), 3);
  p.clock.advance(20_000);
  const first = p.runs[0]!.worker;
  p.workers[first]!.plugin.close();
  p.clock.advance(40_000);
  const later = p.runs.slice(2);
  expect(new Set(later.map(({ worker }) => worker)).size).toBe(1);
  expect(later[0]!.worker).not.toBe(first);
  expect(later[0]!.at).toBeLessThanOrEqual(40_000);
  expect(later.length).toBeGreaterThanOrEqual(3);
});

test("when the leader's configuration goes, another takes over at once", () => {
  const p = new Workers(led(), 2);
  p.clock.advance(10_000);
  const first = p.runs[0]!.worker;
  expect(p.workers[first]!.configure(document([]))).toBe(true);
  p.clock.advance(10_000);
  expect(p.runs).toEqual([
    { at: 10_000, worker: first },
    { at: 20_000, worker: 1 - first },
  ]);
});

test("a newer configuration takes over from one that lives on, without a second run of the period", () => {
  const p = new Workers(led(), 2);
  p.clock.advance(12_000);
  const [old] = p.runs;
  // A stream keeps the old context alive in both.
  for (const { plugin } of p.workers) plugin.stream(new Filter().open(), {});
  const next = document([task({ leader: true, steps: [ask, { log: "new" }] })]);
  for (const worker of p.workers) expect(worker.configure(next)).toBe(true);
  p.clock.advance(20_000);
  expect(old?.at).toBe(10_000);
  expect(p.times).toEqual([10_000, 20_000, 30_000]);
  expect(p.workers.flatMap(({ log }) => log).filter((each) => each === "new").length).toBe(2);
});

test("the same rules in another order are not newer: the leader stays", () => {
  const p = new Workers(led(), 2);
  p.clock.advance(10_000);
  const first = p.runs[0]!.worker;
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, each]) => [key, reversed(each)]),
    );
  };
  expect(p.workers[1 - first]!.configure(reversed(led()))).toBe(true);
  p.clock.advance(30_000);
  expect(p.runs.map(({ worker }) => worker)).toEqual([first, first, first, first]);
});

test("workers that find nothing at the same moment do not both lead", () => {
  // What one writes between another's look and its write.
  class Racing extends SharedState {
    intruder: (() => void) | undefined;
    override set(key: string, value: Uint8Array, cas: number): Status {
      const intruder = this.intruder;
      this.intruder = undefined;
      intruder?.();
      return super.set(key, value, cas);
    }
  }
  const shared = new Racing();
  const clock = new ManualClock();
  const other = new Filter({ shared, clock: new ManualClock(clock.now()), random: fill(2) });
  other.configure(led({ steps: [{ log: "run" }], onStart: true }));
  const one = new Filter({ shared, clock, random: fill(1) });
  one.configure(led({ steps: [{ log: "run" }], onStart: true }));
  const otherClock = other.plugin.options.clock as ManualClock;
  shared.intruder = () => otherClock.advance(10);
  clock.advance(10);
  const runs = [one, other].map(({ log }) => log.filter((each) => each === "run").length);
  expect(runs).toEqual([0, 1]);
});

function fill(byte: number): (bytes: Uint8Array) => void {
  return (bytes) => bytes.fill(byte);
}

test("without shared data nobody leads, and it is said once", () => {
  class Broken extends SharedState {
    override set(): Status {
      return Status.InternalFailure;
    }
  }
  const filter = new Filter({ shared: new Broken() });
  filter.configure(led());
  filter.clock.advance(60_000);
  expect(filter.calls).toEqual([]);
  expect(filter.log.filter((each) => each.includes("is never run")).length).toBe(1);
});

test("what others write to the lease is no lease, and is replaced", () => {
  class Spoilt extends SharedState {}
  const shared = new Spoilt();
  const filter = new Filter({ shared });
  filter.configure(led());
  for (let n = 0; n < 70; n++) {
    shared.set("ruleway:plugin:task::t", new Uint8Array(n).fill(n % 2 ? 255 : 1), 0);
    filter.clock.advance(1000);
  }
  expect(filter.traps).toEqual([]);
  filter.clock.advance(11_000);
  expect(filter.calls.length).toBeGreaterThan(0);
});

test.each<[string, TaskFields[], string]>([
  ["every 0s", [task({ every: "0s" })], 'R308 "/tasks/0/every"'],
  ["every 99ms", [task({ every: "99ms" })], 'R308 "/tasks/0/every"'],
  ["every two days", [task({ every: "48h" })], 'R308 "/tasks/0/every"'],
  ["a jitter that is none", [task({ jitter: "101%" })], 'R308 "/tasks/0/jitter"'],
  ["a jitter larger than every", [task({ jitter: "11s" })], 'R308 "/tasks/0/jitter"'],
  ["one name twice", [task(), task()], 'R318 "/tasks/1/name"'],
  [
    "a service that is not there",
    [task({ steps: [{ call: { service: "b" } }] })],
    'R303 "/tasks/0/steps/0/call/service"',
  ],
  [
    "a step of streams",
    [task({ steps: [{ headers: { set: { a: "b" } } }] })],
    'R200 "/tasks/0/steps/0/headers"',
  ],
  ["no steps", [task({ steps: [] })], 'R206 "/tasks/0/steps"'],
  [
    "a name of the request",
    [task({ steps: [{ log: "$(request.path)" }] })],
    'R312 "/tasks/0/steps/0/log"',
  ],
  [
    "a name of the response",
    [task({ steps: [{ log: "$(response.code)" }] })],
    'R312 "/tasks/0/steps/0/log"',
  ],
  ["the client", [task({ steps: [{ log: "$(client.ip)" }] })], 'R312 "/tasks/0/steps/0/log"'],
  ["the route", [task({ steps: [{ log: "$(xds.route_name)" }] })], 'R312 "/tasks/0/steps/0/log"'],
  [
    "headers to send along",
    [task({ steps: [{ call: { service: "auth", send: "*" } }] })],
    'R312 "/tasks/0/steps/0/call/send"',
  ],
  [
    "a refusal",
    [task({ steps: [{ call: { service: "auth", onError: "deny" } }] })],
    'R312 "/tasks/0/steps/0/call/onError"',
  ],
])("%s is a finding", (_what, tasks, finding) => {
  const filter = new Filter();
  expect(filter.configure(document(tasks))).toBe(false);
  expect(filter.errors.join("\n")).toContain(finding);
});

test("names of the node and the plugin are fine; with onInvalidRule: skip a bad task is left out", () => {
  const good = task({ name: "good", steps: [{ log: "$(xds.node.id) $(node.id) $(plugin_name)" }] });
  const filter = new Filter();
  const rules = { ...document([good, task({ every: "0s" })]), settings: { onInvalidRule: "skip" } };
  expect(filter.configure(rules), filter.log.join("\n")).toBe(true);
  filter.clock.advance(10_000);
  expect(filter.log.some((each) => each.endsWith("plugin"))).toBe(true);
  expect(filter.calls).toEqual([]);
});

test("a task tells of what it has found out", () => {
  const steps = [
    ask,
    {
      emit: {
        ...{ service: "auth", path: "/events", redact: { patterns: ["secret-\\w+"] } },
        json: { task: "$(rule.name)", status: "$(calls.token.status)", note: "a secret-1 thing" },
      },
    },
  ];
  const events: string[] = [];
  const p = new Workers(document([task({ steps })]), 1);
  p.holds = [];
  p.clock.advance(10_000);
  p.holds[0]!.respond({ headers: [[":status", "200"]] });
  for (const call of p.holds.slice(1)) events.push(Buffer.from(call.body).toString());
  expect(events.map((text) => JSON.parse(text))).toEqual([
    { task: "t", status: 200, note: "a *** thing" },
  ]);
  // The run does not wait for it, and does not fail with it.
  expect(p.metric("task.failed")).toBe(0);
  p.holds[1]!.respond({ headers: [[":status", "204"]] });
  expect(p.metric("event.sent")).toBe(1);
  p.clock.advance(10_000);
  expect(p.metric("task.run")).toBe(2);
  expect(p.traps).toEqual([]);
});

test("events that a task leaves when it goes are sent all the same", () => {
  const emit = { service: "auth", json: { n: 1 }, batch: { count: 100, age: "1h" } };
  const p = new Workers(document([task({ every: "1s", steps: [{ emit }] })]), 1);
  p.clock.advance(3500);
  expect(p.runs).toEqual([]);
  expect(p.workers[0]!.configure(document([]))).toBe(true);
  p.clock.advance(10_000);
  expect(p.runs.length).toBe(1);
  expect(p.metric("event.sent")).toBe(3);
  expect(p.traps).toEqual([]);
});

test.each([
  [{ emit: { service: "auth" } }, "R312"],
  [{ emit: { service: "auth", json: { a: "$(request.path)" } } }, "R312"],
  [{ emit: { service: "auth", event: "api" } }, "R312"],
])("%j is not for a task", (step, code) => {
  const filter = new Filter();
  expect(filter.configure(document([task({ steps: [step] })]))).toBe(false);
  expect(filter.errors.map((line) => line.slice(0, 4))).toEqual([code]);
});
