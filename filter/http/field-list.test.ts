// Whoever sends a message decides how many fields it has, and of how many names: edits cost their passes over
// the list. Work is counted, in records looked at or moved, for a list and for one ten times as long.

import { beforeAll, describe, expect, test } from "vitest";
import { loadProbe, type ProbeExports } from "../../tests/probe.ts";

const FIELDS = 3000;

describe("edits of ten times as many fields cost ten times as much", () => {
  let fields: ProbeExports;

  beforeAll(async () => {
    fields = (await loadProbe("fields", {}, ["COUNTING"])).exports;
  }, 60_000);

  function workOf(n: number, isOneName: boolean, edit: () => void): number {
    fields.fill(n, isOneName);
    const before = fields.workDone();
    edit();
    return Number(fields.workDone() - before);
  }

  const edits: [string, number, () => void][] = [
    ["set", 1, () => fields.set()],
    ["remove", 0, () => fields.remove()],
    ["remove by a pattern", 0, () => fields.discardAll()],
    ["rename", FIELDS / 2, () => fields.rename()],
  ];

  test.each(edits)("%s, of one name", (_name, left, edit) => {
    const few = workOf(FIELDS, true, edit);
    expect(fields.count()).toBe(left);
    expect(few).toBeGreaterThanOrEqual(FIELDS);
    expect(workOf(10 * FIELDS, true, edit)).toBeLessThanOrEqual(11 * few);
  });

  test.each(edits)("%s, of as many names", (_name, _left, edit) => {
    const few = workOf(FIELDS, false, edit);
    expect(workOf(10 * FIELDS, false, edit)).toBeLessThanOrEqual(11 * few + 100);
  });

  test.each([true, false])("order (by name: %s)", (isByName) => {
    const few = workOf(FIELDS, false, () => fields.order(isByName));
    // Ten times as many, each in four passes more than the twelve before.
    expect(workOf(10 * FIELDS, false, () => fields.order(isByName))).toBeLessThanOrEqual(14 * few);
  });
});
