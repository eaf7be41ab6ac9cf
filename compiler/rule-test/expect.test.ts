// What a rule test says when something is not as it expects.

import { expect, test } from "vitest";
import { compare, type Outcome } from "./expect.ts";
import type { RuleTest } from "./format.ts";

const outcome = (more: Partial<Outcome>): Outcome => ({
  ...{ calls: {}, commands: {}, log: [], properties: {}, metrics: {}, violations: [] },
  ...more,
});

const problems = (wanted: RuleTest["expect"], more: Partial<Outcome> = {}) =>
  compare({ name: "t", expect: wanted }, outcome(more));

test("properties have their value, are there, or are not", () => {
  const properties = { a: "1", empty: "" };
  const fine = { a: "1", empty: "present", none: "absent" };
  expect(problems({ properties: fine }, { properties })).toEqual([]);
  const wrong = { a: "2", empty: "absent", none: "present", other: "1" };
  expect(problems({ properties: wrong }, { properties })).toEqual([
    'properties.a: expected "2"\n              got      "1"',
    'properties.empty: expected nothing\n                  got      ""',
    "properties.none: expected it to be present",
    'properties.other: expected "1"\n                  got      nothing',
  ]);
});

test("members of the log are looked at one by one", () => {
  const properties = { custom_log: '{\\"a\\":\\"1\\",\\"b\\":{}}' };
  expect(problems({ customLog: { a: "1", b: "present", c: "absent" } }, { properties })).toEqual(
    [],
  );
  expect(problems({ customLog: { a: "absent" } }, { properties })).toEqual([
    'customLog.a: expected nothing\n             got      "1"',
  ]);
  expect(problems({ customLog: { a: "1" } })).toEqual([
    'customLog.a: expected "1"\n             got      nothing',
  ]);
  const spoilt = { custom_log: '{\\"a\\":1}x' };
  expect(problems({ customLog: { a: "absent" } }, { properties: spoilt })).toHaveLength(1);
});

test("functions are called with these arguments, or not; where nobody sees them nothing is said", () => {
  const wanted = { functions: { f: ["01"], g: [] } };
  expect(problems(wanted, { functions: { f: ["01"] } })).toEqual([]);
  expect(problems(wanted, { functions: { g: [""] } })).toEqual([
    'functions.f: expected ["01"]\n             got      []',
    'functions.g: expected []\n             got      [""]',
  ]);
  expect(problems(wanted)).toEqual([]);
});
