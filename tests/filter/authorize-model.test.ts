// Many streams at once through `authorize` with a cache: arrivals, departures, answers of all kinds, time
// and new configurations in any order. Whatever happens, a stream passes only with what the service said
// of its own key, as last as it said it; each has its fate within its time; and nothing is left over.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type HttpCall, LogLevel } from "../../host/index.ts";
import { seeded } from "../seed.ts";
import { Filter, type Stream } from "./run.ts";

const TTL = 1000;
const STALE = 3000;
const TIMEOUT = 500;

/** The service sees by the path which configuration asks, and for which key. */
const rules = (retries: number, generation: number) => ({
  ruleway: 1,
  services: { auth: { cluster: "auth", timeout: `${TIMEOUT}ms` } },
  rules: [
    {
      request: [
        {
          authorize: {
            service: "auth",
            path: `/${generation}/$(request.headers.authorization)`,
            cache: {
              key: "$(request.headers.authorization)",
              ttl: `${TTL}ms`,
              staleIfError: `${STALE}ms`,
              maxEntries: 3,
            },
            retries,
            upstream: { set: ["x-said"] },
            client: ["set-cookie"],
            denied: { forward: ["x-said"] },
          },
        },
      ],
    },
  ],
});

interface Asked {
  key: string;
  generation: number;
  began: number;
  stream: Stream;
  isClosed: boolean;
  isOver: boolean;
}

interface Said {
  key: string;
  generation: number;
  time: number;
  isAllowed: boolean;
  /** It stays until something else is said of the key. */
  lasts: boolean;
}

type Action =
  | { do: "arrive"; key: number }
  | { do: "leave"; which: number }
  | { do: "answer"; which: number; how: number }
  | { do: "wait"; ms: number }
  | { do: "configure" };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("arrive" as const), key: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat(40) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat(10), how: fc.nat(6) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(700) }) },
  { weight: 1, arbitrary: fc.constant({ do: "configure" as const }) },
);

class World {
  readonly filter = new Filter({
    logLevel: LogLevel.Error,
    httpCall: (call) => {
      this.out.push(call);
      this.sent++;
    },
  });
  private readonly out: HttpCall[] = [];
  private readonly asked: Asked[] = [];
  private readonly said: Said[] = [];
  private generation = 0;
  private sent = 0;

  constructor(private readonly retries: number) {
    this.configure();
  }

  private configure(): void {
    this.generation++;
    expect(this.filter.configure(rules(this.retries, this.generation))).toBe(true);
  }

  act(what: Action): void {
    if (what.do === "arrive") this.arrive(`k${what.key}`);
    if (what.do === "leave") this.leave(what.which);
    if (what.do === "answer") this.answer(what.which, what.how);
    if (what.do === "wait") this.wait(what.ms);
    if (what.do === "configure") this.configure();
    this.check();
  }

  private arrive(key: string): void {
    const stream = this.filter.open().request({ authorization: key, "x-said": "forged" });
    const began = this.filter.clock.now();
    const { generation } = this;
    this.asked.push({ key, generation, began, stream, isClosed: false, isOver: false });
  }

  private leave(which: number): void {
    const asked = this.asked[which];
    if (!asked || asked.isClosed) return;
    asked.stream.close();
    asked.isClosed = true;
  }

  private answer(which: number, how: number): void {
    const call = this.out.splice(which, 1)[0];
    if (!call) return;
    const [, path] = call.headers.find(([name]) => name === ":path")!;
    const [, generation, key] = path.split("/") as [string, string, string];
    if (how === 0) {
      call.fail();
      return;
    }
    const [status, more] = [
      ["500", []],
      ["503", []],
      ["200", []],
      ["403", []],
      ["429", []],
      ["200", [["set-cookie", "a=b"]]],
      ["204", []],
    ][how] as [string, [string, string][]];
    const n = this.said.length;
    if (status < "500") {
      const isAllowed = status < "300";
      const lasts = status !== "429";
      const asked = { key, generation: Number(generation) };
      this.said.push({ ...asked, time: this.filter.clock.now(), isAllowed, lasts });
    }
    call.respond({ headers: [[":status", status], ["x-said", String(n)], ...more] });
    // It counts once.
    call.respond({
      headers: [
        [":status", "200"],
        ["x-said", "again"],
      ],
    });
  }

  /** Lets time pass, and looks whenever something falls due. */
  private wait(ms: number): void {
    for (let left = ms; left > 0; ) {
      const step = Math.min(left, Math.max(1, this.filter.clock.next ?? left));
      this.filter.clock.advance(step);
      left -= step;
      this.check();
    }
  }

  /** Judges what has become of the streams since the last look. */
  check(): void {
    const now = this.filter.clock.now();
    for (const asked of this.asked) {
      if (asked.isOver || asked.isClosed) continue;
      const { stream } = asked;
      if (stream.upstream) this.judge(asked, stream.sent("x-said"), true);
      else if (stream.response) this.judge(asked, stream.got("x-said"), false);
      else expect(now - asked.began, "waits within its time").toBeLessThan(TIMEOUT);
    }
    expect(this.filter.traps).toEqual([]);
  }

  private judge(asked: Asked, told: string[], isAllowed: boolean): void {
    asked.isOver = true;
    // Nothing was said: it failed closed.
    if (told.length === 0) {
      expect([isAllowed, asked.stream.status]).toEqual([false, "403"]);
      return;
    }
    expect(told).toHaveLength(1);
    const n = Number(told[0]);
    const said = this.said[n]!;
    const now = this.filter.clock.now();
    const { key, generation } = asked;
    expect([said.key, said.generation, said.isAllowed]).toEqual([key, generation, isAllowed]);
    if (said.time === now) return;
    expect(said.lasts).toBe(true);
    expect(now - said.time).toBeLessThan(TTL + STALE);
    const later = this.said.slice(n + 1);
    const isSuperseded = (each: Said) => each.key === key && each.generation === generation;
    expect(later.filter((each) => isSuperseded(each) && each.lasts && each.time < now)).toEqual([]);
  }

  /** Whatever is out gets no answer; then nobody waits for anything. */
  end(): void {
    this.wait(3 * TIMEOUT);
    expect(this.asked.filter((each) => !each.isOver && !each.isClosed)).toEqual([]);
    expect(this.filter.plugin.pendingCalls).toBe(0);
    // No stream is asked for more often than by itself and once for it with others.
    expect(this.sent).toBeLessThanOrEqual(this.asked.length * 2 * (1 + this.retries));
    for (const { stream, isClosed } of this.asked) if (!isClosed) stream.close();
    expect(this.filter.traps).toEqual([]);
  }
}

test.each([0, 2])(
  "streams, answers, time and configurations in any order; %i retries",
  async (retries) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 60 }), async (actions) => {
        const world = new World(retries);
        for (const each of actions) world.act(each);
        world.end();
        await new Promise(setImmediate);
      }),
      seeded(150),
    );
  },
  240_000,
);
