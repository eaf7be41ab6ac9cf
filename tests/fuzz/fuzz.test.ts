import { expect, test } from "vitest";
import { seed } from "../seed.ts";
import { fuzz } from "./fuzz.ts";

test("random configurations and streams: no trap, no hang, no lie about lengths", () => {
  console.log(`fuzz: seed ${seed} (FC_SEED=${seed} repeats it)`);
  const report = fuzz(seed, 400);
  expect(report.failures).toEqual([]);
  expect(report.accepted).toBeGreaterThan(100);
  expect(report.streams).toBe(400 * 3 * 4);
  expect(report.memory).toBeLessThan(64 * 1024 * 1024);
});
