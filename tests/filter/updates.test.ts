// State across updates and clocks in the embedded host. A proxy has several workers, each a plugin, that share
// data and a clock; as in Envoy, an old configuration lives on in its VM until its last stream has ended.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type HttpCall, ManualClock, Metrics, SharedState } from "../../host/index.ts";
import { seeded } from "../seed.ts";
import { Filter, type Stream } from "./run.ts";

const PERIOD = 10_000;

/** What is in a document of this version. */
type Make = (version: number) => object;

class Updated {
  readonly clock = new ManualClock(100_000_000);
  readonly shared = new SharedState();
  readonly metrics = new Metrics();
  readonly workers: Filter[] = [];
  /** Callouts, by real time, and the version that their path tells. */
  readonly runs: Array<{ at: number; version: number; call: HttpCall }> = [];
  version = 0;
  /** How far the wall clock is from the real one. */
  offset = 0;
  answers = true;
  private readonly real = this.clock.now.bind(this.clock);

  constructor(
    private readonly make: Make,
    count: number,
  ) {
    this.clock.now = () => this.real() + this.offset;
    const random = (bytes: Uint8Array) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
    const httpCall = (call: HttpCall) => {
      const path = call.headers.find(([name]) => name === ":path")?.[1] ?? "";
      this.runs.push({ at: this.real(), version: Number(path.slice(1)), call });
      if (this.answers) call.respond({ headers: [[":status", "200"]] });
    };
    const { clock, shared, metrics } = this;
    for (let i = 0; i < count; i++)
      this.workers.push(new Filter({ clock, shared, metrics, random, httpCall }));
    this.update();
  }

  /** The next version of the rules, for some workers sooner than for others. */
  update(between = 0, version = this.version + 1): void {
    this.version = version;
    for (const worker of this.workers) {
      expect(worker.configure(this.make(version)), worker.log.join("\n")).toBe(true);
      this.clock.advance(between);
    }
  }

  /** A stream in each worker that holds the configuration which is in force. */
  hold(): Stream[] {
    return this.workers.map((worker) => worker.open().request());
  }

  advance(milliseconds: number): void {
    this.clock.advance(milliseconds);
  }

  metric(name: string): number {
    return this.metrics.snapshot()[`ruleway.${name}`] ?? 0;
  }

  get traps(): Error[] {
    return this.workers.flatMap(({ traps }) => traps);
  }
}

// ---- leaders

const leading: Make = (version) => ({
  ruleway: 1,
  services: { auth: { cluster: "auth" } },
  tasks: [
    {
      name: "t",
      ...{ every: `${PERIOD}ms`, onStart: true, leader: true },
      steps: [{ call: { service: "auth", path: `/${version}` } }],
    },
  ],
});

/** Runs that come with the rules before those that were in force, and pairs of one period. */
function faults(p: Updated, from = 0): string[] {
  const found: string[] = [];
  p.runs.forEach(({ at, version }, i) => {
    const before = p.runs[i - 1];
    if (i < from || !before) return;
    if (version < before.version) found.push(`${version} after ${before.version}`);
    if (at - before.at < PERIOD - 1020) found.push(`${at - before.at} after the one before`);
  });
  return found;
}

test("updates every three seconds, old rules held by streams: one run a period, with the newest rules", () => {
  for (const count of [1, 2, 4]) {
    const p = new Updated(leading, count);
    const streams: Stream[][] = [];
    for (let i = 0; i < 40; i++) {
      // Some old configurations go before others that are older still.
      streams.push(p.hold());
      if (i % 3 === 2) for (const stream of streams.pop()!) stream.close();
      p.update(i % 2);
      p.advance(3000);
    }
    expect([faults(p), p.traps]).toEqual([[], []]);
    expect(p.runs.length).toBeGreaterThanOrEqual(12);
    expect(p.runs.length).toBeLessThanOrEqual(13);
    const [last] = p.runs.slice(-1);
    expect(last!.version).toBeGreaterThanOrEqual(p.version - 4);
  }
});

test("when the newest rules go, none that they superseded lead, not even with the lease free", () => {
  const p = new Updated(leading, 2);
  const old = p.hold();
  p.update();
  p.advance(500);
  const none: Make = () => ({ ruleway: 1 });
  for (const worker of p.workers) worker.configure(none(0));
  const before = p.runs.length;
  p.advance(20 * PERIOD);
  expect(p.runs.length).toBe(before);
  for (const stream of old) stream.respond().close();
  expect(p.traps).toEqual([]);
});

test("one worker that has the old rules only does not lead while another has the new ones, or has lost them", () => {
  const p = new Updated(leading, 2);
  p.advance(500);
  const [, second] = p.workers;
  expect(second!.configure(leading(2))).toBe(true);
  p.advance(3 * PERIOD);
  expect(p.runs.map(({ version }) => version)).toEqual([1, 2, 2, 2]);
  second!.plugin.close();
  p.advance(3 * PERIOD);
  expect(p.runs.length).toBe(4);
  expect(faults(p)).toEqual([]);
});

/** As Envoy does it with a configuration that still lives: its context is used again, and not told. */
function putBack({ plugin }: Filter, root: unknown): void {
  const inside = plugin as unknown as { root: unknown; retire(root: unknown): void };
  const newer = inside.root;
  inside.root = root;
  inside.retire(newer);
}

test("rules that are put back while they live lead again with the first stream that they get", () => {
  const p = new Updated(leading, 2);
  p.advance(500);
  const roots = p.workers.map(({ plugin }) => (plugin as unknown as { root: unknown }).root);
  p.hold();
  p.update();
  p.advance(PERIOD);
  for (const [i, worker] of p.workers.entries()) putBack(worker, roots[i]);
  p.advance(2 * PERIOD);
  expect(p.runs.map(({ version }) => version)).toEqual([1, 2]);
  p.hold();
  p.advance(3 * PERIOD);
  expect(p.runs.map(({ version }) => version).slice(2)).toEqual(p.runs.slice(2).map(() => 1));
  expect(p.runs.length).toBeGreaterThanOrEqual(5);
  expect([faults(p, 3), p.traps]).toEqual([[], []]);
});

test("whatever is updated, held, let go and told of the time: never old rules, never two runs of a period", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(
        fc.record({
          what: fc.constantFrom("update", "hold", "close", "again", "none"),
          which: fc.nat(20),
          wait: fc.integer({ min: 0, max: 15_000 }),
          between: fc.integer({ min: 0, max: 50 }),
        }),
        { minLength: 5, maxLength: 40 },
      ),
      fc.constantFrom(0, -3_600_000, 3_600_000, -86_400_000, 86_400_000),
      (count, events, jump) => {
        const p = new Updated(leading, count);
        const streams: Stream[] = [];
        const half = Math.floor(events.length / 2);
        let counted = 0;
        events.forEach(({ what, which, wait, between }, i) => {
          if (what === "update") p.update(between);
          if (what === "again") p.update(between, p.version);
          if (what === "hold") streams.push(...p.hold());
          if (what === "close") streams.splice(which % (streams.length + 1), 1)[0]?.close();
          if (i === half) {
            expect(faults(p)).toEqual([]);
            p.offset += jump;
            counted = p.runs.length + (jump > 0 ? 1 : 0);
          }
          p.advance(wait);
        });
        p.advance(5 * PERIOD);
        expect([faults(p, counted), p.traps]).toEqual([[], []]);
        expect(p.runs.at(-1)?.version).toBe(p.version);
        const late = p.runs.filter(({ at }) => at > p.clock.now() - p.offset - 4 * PERIOD - 500);
        expect(late.length).toBeGreaterThanOrEqual(4);
      },
    ),
    seeded(60),
  );
}, 120_000);

// ---- stored values

const storing: Make = () => ({
  ruleway: 1,
  rules: [
    {
      match: { headers: { "x-put": "present" } },
      request: [
        { store: { w: { value: "$(request.headers['x-put'])", ttl: "60s" } } },
        {
          store: { k: { value: "v", key: "$(request.headers['x-put'])", ttl: "60s", maxKeys: 3 } },
        },
        { store: { always: "yes" } },
      ],
    },
    {
      request: [
        { headers: { set: { "x-got": "$(default(store.w, '-')) $(default(store.always, '-'))" } } },
        { headers: { set: { "x-keyed": "$(default(store.k[request.headers['x-key']], '-'))" } } },
      ],
    },
  ],
});

const HOUR = 3_600_000;

test.each([-24 * HOUR, -HOUR, -30_000, 30_000, HOUR, 24 * HOUR])(
  "the clock set by %d ms: a value is there for its ttl, in every worker, and no longer",
  (jump) => {
    const p = new Updated(storing, 2);
    const read = (worker: number) => {
      const stream = p.workers[worker]!.open().request({ "x-key": "a" });
      return [...stream.sent("x-got"), ...stream.sent("x-keyed")];
    };
    p.workers[0]!.open().request({ "x-put": "a" });
    p.advance(30_000);
    p.offset += jump;
    p.advance(29_000);
    for (const worker of [0, 1]) expect(read(worker)).toEqual(["a yes", "v"]);
    p.advance(1000);
    for (const worker of [0, 1]) expect(read(worker)).toEqual(["- yes", "-"]);
    p.advance(20 * HOUR);
    for (const worker of [0, 1]) expect(read(worker)).toEqual(["- yes", "-"]);
    // What is over takes no place from what is new.
    for (const key of ["b", "c", "a"]) p.workers[1]!.open().request({ "x-put": key });
    expect(read(0)).toEqual(["a yes", "v"]);
    expect([p.metric("store.evicted"), p.traps]).toEqual([0, []]);
  },
);

test("where a host has but one clock, a value whose age cannot be told is gone at once", () => {
  const p = new Updated(storing, 2);
  p.clock.steady = () => p.clock.now();
  const read = () => p.workers[1]!.open().request().sent("x-got");
  p.workers[0]!.open().request({ "x-put": "a" });
  expect(read()).toEqual(["a yes"]);
  p.offset -= HOUR;
  expect(read()).toEqual(["- yes"]);
  p.advance(24 * HOUR);
  expect(read()).toEqual(["- yes"]);
  p.workers[0]!.open().request({ "x-put": "b" });
  expect(read()).toEqual(["b yes"]);
  expect([p.metric("store.evicted"), p.traps]).toEqual([0, []]);
});

// ---- events

const emitting =
  (emit: (version: number) => object): Make =>
  (version) => ({
    ruleway: 1,
    services: { a: { cluster: "a" }, b: { cluster: "b" } },
    rules: [{ done: [{ emit: { service: "a", json: "$(request.path)", ...emit(version) } }] }],
  });

/** The events that came in answered callouts: each is a string, or a list of them. */
function arrived(p: Updated): string[] {
  return p.runs.flatMap(({ call }) => {
    const body = JSON.parse(Buffer.from(call.body).toString());
    return Array.isArray(body) ? body : [body];
  });
}

const FATES = [
  "sent",
  "unconfirmed",
  "dropped.undelivered",
  "dropped.stopped",
  "dropped.queue_full",
];
const fates = (p: Updated) => FATES.map((fate) => p.metric(`event.${fate}`));

test.each<[string, (version: number) => object]>([
  ["the same", () => ({ batch: { count: 100, age: "1h" } })],
  ["other batches and headers", (v) => ({ batch: { count: 100 + v }, headers: { "x-v": `${v}` } })],
  ["another path", (v) => ({ path: `/${v}`, batch: { count: 100, age: "1h" } })],
  ["another service", (v) => ({ service: "ab"[v % 2], batch: { count: 100, age: "1h" } })],
  ["lists, and one by one", (v) => (v % 2 ? { batch: { count: 100, age: "1h" } } : {})],
])("a hundred updates, %s: every event arrives, once", (_what, emit) => {
  const p = new Updated(emitting(emit), 2);
  const sent: string[] = [];
  for (let i = 0; i < 100; i++) {
    for (const [w, worker] of p.workers.entries()) {
      sent.push(`/${i}-${w}`);
      worker
        .open()
        .request({ ":path": `/${i}-${w}` })
        .respond()
        .close();
    }
    p.update();
    p.advance(i % 3 ? 0 : 700);
  }
  for (const worker of p.workers) worker.configure({ ruleway: 1 });
  p.advance(10_000);
  expect(arrived(p).sort()).toEqual(sent.sort());
  expect([fates(p), p.traps]).toEqual([[200, 0, 0, 0, 0], []]);
});

test("what is out when the rules go is sent again; a service that is never there is told of all of it", () => {
  const p = new Updated(
    emitting(() => ({ timeout: "1s", retries: 1 })),
    1,
  );
  p.answers = false;
  for (let i = 0; i < 20; i++) {
    p.workers[0]!.open()
      .request({ ":path": `/${i}` })
      .respond()
      .close();
  }
  expect(p.runs.length).toBe(16);
  p.update();
  p.advance(500);
  expect(p.runs.length).toBe(32);
  p.answers = true;
  for (const { call } of p.runs) call.respond({ headers: [[":status", "200"]] });
  p.advance(500);
  expect(new Set(arrived(p)).size).toBe(20);
  expect(fates(p)).toEqual([20, 0, 0, 0, 0]);
  p.answers = false;
  p.workers[0]!.open().request().respond().close();
  for (let i = 0; i < 20; i++) {
    p.update();
    p.advance(300);
  }
  p.advance(10_000);
  expect(fates(p).reduce((all, n) => all + n)).toBe(21);
  expect(p.traps).toEqual([]);
});

test("an old configuration delivers for as long as it lives, and leaves what it has then", () => {
  const p = new Updated(
    emitting(() => ({ batch: { count: 3, age: "1h" } })),
    1,
  );
  const streams = [0, 1, 2, 3].map((i) => p.workers[0]!.open().request({ ":path": `/${i}` }));
  p.update();
  for (const stream of streams) {
    p.advance(1000);
    stream.respond().close();
  }
  expect(arrived(p)).toEqual(["/0", "/1", "/2"]);
  p.advance(1000);
  expect(arrived(p)).toEqual(["/0", "/1", "/2", "/3"]);
  expect(fates(p)).toEqual([4, 0, 0, 0, 0]);
});

test("updates without end while a service fails take no more memory, and every event is counted", () => {
  const p = new Updated(
    emitting((v) => ({ path: `/${v}`, batch: { count: 10 } })),
    1,
  );
  p.answers = false;
  const { plugin } = p.workers[0]!;
  let n = 0;
  const often = (times: number) => {
    for (let i = 0; i < times; i++) {
      for (let k = 0; k < 25; k++, n++) p.workers[0]!.open().request().respond().close();
      p.update();
      p.advance(400);
    }
    return plugin.memorySize;
  };
  const before = often(100);
  expect(often(300)).toBe(before);
  p.advance(60_000);
  expect(fates(p).reduce((all, each) => all + each)).toBe(n);
  expect([plugin.pendingCalls, p.traps]).toEqual([0, []]);
}, 60_000);

// ---- deadlines

test.each(["authorize", "call"])(
  "the clock set back or forward while a service fails: %s asks again within its timeout, and no longer",
  (kind) => {
    for (const jump of [-24 * HOUR, -HOUR, HOUR, 24 * HOUR]) {
      const fields = { service: "a", timeout: "2s", retries: 5 };
      const asking: Make = () => ({
        ruleway: 1,
        services: { a: { cluster: "a" } },
        rules: [{ request: [{ [kind]: { ...fields, onError: "deny" } }] }],
      });
      const p = new Updated(asking, 1);
      p.answers = false;
      const stream = p.workers[0]!.open().request();
      p.advance(500);
      p.offset += jump;
      p.runs[0]!.call.respond({ headers: [[":status", "503"]] });
      expect([p.runs.length, stream.status]).toEqual([2, undefined]);
      expect(p.runs[1]!.call.timeout).toBe(1500);
      p.advance(1600);
      expect([stream.status, p.traps]).toEqual([kind === "call" ? "503" : "403", []]);
    }
  },
);
