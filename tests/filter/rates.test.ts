// The algorithms of `rateLimit` and the table of counts, against plain models of them.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadProbe, type Probe } from "../probe.ts";
import { seeded } from "../seed.ts";

const TOKEN = 0;
const FIXED = 1;
const SLIDING = 2;
const SECOND = 1_000_000n;
const START = 1_700_000_000n * SECOND;

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("rate");
});

const begin = (algorithm: number, limit: number, period: bigint, burst = limit) =>
  probe.exports["begin"](algorithm, BigInt(limit), period, BigInt(burst));
const ask = (now: bigint, cost = 1) => probe.exports["ask"](now, BigInt(cost)) === 1;
const said = (name: "remaining" | "reset" | "wait" | "expires"): bigint =>
  BigInt.asUintN(64, probe.exports[name]());

interface Ask {
  now: bigint;
  cost: number;
}

/** Requests one after another: mostly close together, sometimes far apart. */
const asks = (period: bigint): fc.Arbitrary<Ask[]> =>
  fc
    .array(
      fc.record({
        gap: fc.oneof(
          fc.bigInt({ min: 0n, max: period / 20n }),
          fc.bigInt({ min: 0n, max: period * 3n }),
        ),
        cost: fc.oneof({ arbitrary: fc.constant(1), weight: 4 }, fc.integer({ min: 0, max: 12 })),
      }),
      { maxLength: 120 },
    )
    .map((list) => {
      let now = START;
      return list.map(({ gap, cost }) => {
        now += gap;
        return { now, cost };
      });
    });

const setting = fc.record({
  limit: fc.integer({ min: 1, max: 10 }),
  burst: fc.integer({ min: 1, max: 15 }),
  period: fc.bigInt({ min: 7n, max: 100n * SECOND }),
});
const scenario = setting.chain((each) => fc.tuple(fc.constant(each), asks(each.period)));

/** A bucket with exact fractions: what is missing, in parts of a token. */
class Bucket {
  private missing = 0n;
  private at = 0n;
  constructor(
    private readonly limit: bigint,
    private readonly period: bigint,
    private readonly burst: bigint,
  ) {}

  ask(now: bigint, cost: bigint): boolean {
    const filled = (now - this.at) * this.limit;
    this.missing = this.missing > filled ? this.missing - filled : 0n;
    this.at = now;
    if (this.missing + cost * this.period > this.burst * this.period) return false;
    this.missing += cost * this.period;
    return true;
  }
}

describe("a rate", () => {
  test("token: as a bucket with exact fractions", () => {
    fc.assert(
      fc.property(scenario, ([{ limit, burst, period }, list]) => {
        begin(TOKEN, limit, period, burst);
        const model = new Bucket(BigInt(limit), period, BigInt(burst));
        for (const { now, cost } of list) {
          expect(ask(now, cost)).toBe(model.ask(now, BigInt(cost)));
        }
      }),
      seeded(300),
    );
  });

  test("fixed: as a count for each period", () => {
    fc.assert(
      fc.property(scenario, ([{ limit, period }, list]) => {
        begin(FIXED, limit, period);
        const counts = new Map<bigint, number>();
        for (const { now, cost } of list) {
          const used = counts.get(now / period) ?? 0;
          expect(ask(now, cost)).toBe(used + cost <= limit);
          if (used + cost <= limit) counts.set(now / period, used + cost);
        }
      }),
      seeded(300),
    );
  });

  test("sliding: never more than the limit in any period, and all of it after an eighth more", () => {
    fc.assert(
      fc.property(scenario, ([{ limit, period }, list]) => {
        begin(SLIDING, limit, period);
        const passed: Ask[] = [];
        const since = (from: bigint) =>
          passed.filter(({ now }) => now > from).reduce((sum, { cost }) => sum + cost, 0);
        for (const { now, cost } of list) {
          const isAdmitted = ask(now, cost);
          if (isAdmitted) passed.push({ now, cost });
          expect(since(now - period)).toBeLessThanOrEqual(limit);
          // It is refused only for what passed within the period and one slot more.
          const slot = (period + 6n) / 7n;
          if (!isAdmitted) expect(since(now - 8n * slot) + cost).toBeGreaterThan(limit);
        }
      }),
      seeded(300),
    );
  });

  test.each([
    ["token", TOKEN],
    ["fixed", FIXED],
    ["sliding", SLIDING],
  ])("%s: what it says to wait for is exact; what it says is left, is", (_name, algorithm) => {
    fc.assert(
      fc.property(scenario, ([{ limit, burst, period }, list]) => {
        const whole = algorithm === TOKEN ? burst : limit;
        const replay = (until: number) => {
          begin(algorithm, limit, period, burst);
          for (const { now, cost } of list.slice(0, until)) ask(now, cost);
        };
        list.forEach(({ now, cost }, i) => {
          replay(i);
          const isAdmitted = ask(now, cost);
          if (isAdmitted) {
            const left = Number(said("remaining"));
            const end = said("reset");
            const expires = said("expires");
            expect(ask(now, left + 1)).toBe(false);
            expect(ask(now, left)).toBe(true);
            replay(i + 1);
            // As good as fresh from then on; 0 when it never was anything else.
            if (expires !== 0n) expect(expires).toBe(now + end);
            else expect(end).toBe(0n);
            expect(ask(now + end, whole)).toBe(true);
            return;
          }
          const wait = said("wait");
          if (cost > whole) {
            expect(wait).toBe(2n ** 64n - 1n);
            return;
          }
          replay(i);
          expect(ask(now + wait - 1n, cost)).toBe(false);
          expect(ask(now + wait, cost)).toBe(true);
        });
      }),
      seeded(60),
    );
  });

  test.each([
    ["token", TOKEN],
    ["fixed", FIXED],
    ["sliding", SLIDING],
  ])(
    "%s: a clock that goes back makes nothing whole, and blocks nobody for long",
    (_n, algorithm) => {
      const period = 60n * SECOND;
      const now = (START / (period * 7n)) * period * 7n + 30n * SECOND;
      begin(algorithm, 5, period);
      for (let i = 0; i < 5; i++) expect(ask(now)).toBe(true);
      // Another worker, a little behind.
      expect(ask(now - SECOND / 2n)).toBe(false);
      expect(ask(now)).toBe(false);
      // Somebody has set the clock back by a day.
      const before = now - 86_400n * SECOND;
      expect(ask(before)).toBe(false);
      expect(ask(before + period + 10n * SECOND)).toBe(true);
    },
  );

  test("the largest limits do not overflow", () => {
    const month = 31n * 86_400n * SECOND;
    for (const algorithm of [TOKEN, FIXED, SLIDING]) {
      begin(algorithm, 1_000_000, month, 1_000_000);
      expect(ask(START, 1_000_001)).toBe(false);
      expect(ask(START, 1_000_000)).toBe(true);
      expect(ask(START, 1)).toBe(false);
      expect(said("wait") <= month + month / 7n + 7n).toBe(true);
    }
  });

  test("a state that somebody else has written lets nobody through for ever", () => {
    for (const algorithm of [TOKEN, FIXED, SLIDING]) {
      for (let byte = 1; byte < 256; byte++) {
        begin(algorithm, 3, 10n * SECOND);
        probe.exports["spoil"](byte);
        const passed = Array.from({ length: 20 }, () => ask(START)).filter(Boolean);
        expect(passed.length).toBeLessThanOrEqual(3);
      }
    }
  });
});

test("siphash gives the values of its authors", () => {
  const key = (at: number) =>
    Array.from({ length: 8 }, (_, i) => BigInt(at + i) << BigInt(8 * i)).reduce((a, b) => a | b);
  const hash = (n: number) => {
    const [at, size] = probe.put(Uint8Array.from({ length: n }, (_, i) => i));
    probe.exports["hash"](key(0), key(8), at, size);
    const out = Buffer.alloc(16);
    out.writeBigUInt64LE(BigInt.asUintN(64, probe.exports["low"]()));
    out.writeBigUInt64LE(BigInt.asUintN(64, probe.exports["high"]()), 8);
    return out.toString("hex");
  };
  // vectors_sip128 of the reference implementation.
  expect(hash(0)).toBe("a3817f04ba25a8e66df67214c7550293");
  expect(hash(1)).toBe("da87c1d86b99af44347659119b22fc45");
});

describe("a table", () => {
  const LEAST = 0;
  const OWN = 1;
  const put = (
    key: number,
    now: number,
    expires: number,
    mark: number,
    data: string | null,
    most = 4,
  ): number => {
    const [at, n] = data === null ? [0, 0] : probe.put(data);
    return probe.exports["put"](BigInt(key), BigInt(now), BigInt(expires), mark, most, at, n);
  };
  const find = (key: number): string | undefined => {
    const span = BigInt.asUintN(64, probe.exports["find"](BigInt(key)));
    return span === 0n ? undefined : probe.text(span);
  };
  const kept = (...keys: number[]) => keys.filter((key) => find(key) !== undefined);

  test("keeps what is put, replaces it, takes it away", () => {
    for (const policy of [LEAST, OWN]) {
      probe.exports["beginTable"](policy, 1000);
      expect(put(1, 0, 10, 0, "one")).toBe(0);
      expect(put(2, 0, 10, 0, "two")).toBe(0);
      expect([find(1), find(2), find(3)]).toEqual(["one", "two", undefined]);
      put(1, 0, 10, 0, "eins");
      put(2, 0, 10, 0, "zwo");
      expect([find(1), find(2)]).toEqual(["eins", "zwo"]);
      put(1, 0, 0, 0, null);
      expect([find(1), find(2)]).toEqual([undefined, "zwo"]);
    }
  });

  test("what has expired goes first; then the least counted, then what expires first", () => {
    probe.exports["beginTable"](LEAST, 1000);
    for (const [key, expires, mark] of [
      [1, 10, 500],
      [2, 90, 7],
      [3, 80, 7],
      [4, 99, 9],
    ] as const)
      put(key, 0, expires, mark, "x");
    expect(put(5, 20, 99, 1, "x")).toBe(0);
    expect(kept(1, 2, 3, 4, 5)).toEqual([2, 3, 4, 5]);
    expect(put(6, 20, 99, 1, "x")).toBe(1);
    expect(kept(2, 3, 4, 5, 6)).toEqual([2, 3, 4, 6]);
    put(6, 20, 99, 50, "x");
    expect(put(7, 20, 99, 1, "x")).toBe(1);
    expect(kept(2, 3, 4, 6, 7)).toEqual([2, 4, 6, 7]);
  });

  test("an owner pushes out its own records only, the one that expires or was written first", () => {
    probe.exports["beginTable"](OWN, 64 + 32 * 6 + 8);
    put(1, 0, 100, 7, "x", 3);
    put(2, 0, 50, 7, "x", 3);
    put(3, 0, 100, 7, "x", 3);
    put(9, 0, 1, 8, "y", 3);
    expect(put(4, 0, 100, 7, "x", 3)).toBe(1);
    expect(kept(1, 2, 3, 4, 9)).toEqual([1, 3, 4, 9]);
    put(1, 0, 100, 7, "x", 3); // written again: the last one now
    expect(put(5, 0, 100, 7, "x", 3)).toBe(1);
    expect(kept(1, 3, 4, 5, 9)).toEqual([1, 4, 5, 9]);
    // No room although all of its own would go: the others' stay.
    expect(put(6, 0, 100, 7, "z".repeat(240), 3)).toBe(-1);
    expect(kept(1, 4, 5, 9)).toEqual([1, 4, 5, 9]);
  });

  test("never more than its capacity, whatever is put", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            key: fc.integer({ min: 1, max: 60 }),
            mark: fc.integer({ min: 0, max: 3 }),
            ttl: fc.integer({ min: 1, max: 50 }),
            size: fc.integer({ min: 0, max: 80 }),
          }),
          { maxLength: 150 },
        ),
        fc.constantFrom(LEAST, OWN),
        (list, policy) => {
          probe.exports["beginTable"](policy, 600);
          list.forEach(({ key, mark, ttl, size }, now) => {
            const data = String(key).padEnd(size, ".");
            const before = find(key);
            const evicted = put(key, now, now + ttl, mark, data, 8);
            const bucket = BigInt.asUintN(64, probe.exports["bucket"]());
            expect(Number(bucket >> 32n)).toBeLessThanOrEqual(600);
            expect(find(key)).toBe(evicted < 0 ? before : data);
          });
        },
      ),
      seeded(200),
    );
  });

  test("buckets that somebody else has written are read no further than they add up", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.boolean(),
        (bytes, hasForm) => {
          probe.exports["beginTable"](LEAST, 600);
          const bucket = hasForm ? Buffer.concat([Buffer.from("rw1\0\0\0\0\0"), bytes]) : bytes;
          const [at, n] = probe.put(bucket);
          probe.exports["setBucket"](at, n);
          find(1);
          expect(put(1, 0, 10, 0, "ours")).toBeGreaterThanOrEqual(0);
          expect(find(1)).toBe("ours");
        },
      ),
      seeded(500),
    );
  });
});
