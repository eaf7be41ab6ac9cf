// References cost what they and the containers that they lead into are long, not one times the other. Work is
// counted, in records looked at, for a schema and for one ten times as long.

import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";

let probe: Probe;

beforeAll(async () => {
  probe = await loadProbe("json-schema", {}, ["COUNTING"]);
}, 60_000);

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Each of the definitions leads to the next. */
const chain = (n: number) => ({
  $ref: "#/$defs/s0",
  $defs: Object.fromEntries(
    numbers(n).map((i) => [`s${i}`, i + 1 < n ? { $ref: `#/$defs/s${i + 1}` } : true]),
  ),
});

const places = (n: number) => ({
  anyOf: numbers(n).map((i) => (i + 1 < n ? { $ref: `#/anyOf/${i + 1}` } : { type: "string" })),
});

/** Resources with an anchor of one name, and as many references to it. */
const dynamic = (n: number) => ({
  $id: "https://a.example/",
  anyOf: numbers(n).map(() => ({ $dynamicRef: "#a" })),
  $defs: Object.fromEntries(
    numbers(n).map((i) => [`s${i}`, { $id: `s${i}`, $dynamicAnchor: "a", type: "string" }]),
  ),
  $dynamicAnchor: "a",
  type: "string",
});

function workOf(schema: unknown): number {
  const [at, n] = probe.put(JSON.stringify(schema));
  const before = probe.exports.workDone();
  const problems = probe.exports.compile(at, n, true);
  if (problems > 0 && !probe.text(probe.exports.problemText(0)).includes("back to itself"))
    throw new Error(probe.text(probe.exports.problemText(0)));
  return Number(probe.exports.workDone() - before);
}

test.each([
  ["a chain of definitions", chain],
  ["a chain of places in a list", places],
  ["anchors of one name", dynamic],
])("ten times as many references cost ten times as much: %s", (_name, schema) => {
  const few = workOf(schema(300));
  expect(few).toBeGreaterThan(300);
  expect(workOf(schema(3000))).toBeLessThanOrEqual(11 * few);
});
