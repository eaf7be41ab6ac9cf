// A few of the differences that `npm run fuzz -- differential` looks for, with a seed that does not change: the
// count bounds it. And that all verbs of the schema are in it, or said to be left out.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../../compiler/assets.ts";
import { envoy } from "../../envoy/envoy.ts";
import { differential } from "./differential.ts";
import { LEFT_OUT, VERBS } from "./rules.ts";

const SEED = 20_261_201;

test.skipIf(!envoy)(
  "the embedded host and Envoy do the same",
  async () => {
    const options = { envoy: envoy!, seed: SEED, batches: 1, filesOfBatch: 6, exchangesOfFile: 8 };
    const { exchanges, differences } = await differential(options);
    expect(exchanges).toBe(48);
    expect(differences.join("\n\n")).toBe("");
  },
  120_000,
);

interface Schema {
  $defs: Record<string, { properties?: Record<string, unknown> }>;
}

test.each([
  ["requestStep", VERBS.request],
  ["responseStep", VERBS.response],
] as const)("every verb of a %s is tried, or it is said why not", (name, tried) => {
  const text = readFileSync(join(root, "schema/ruleway.schema.json"), "utf8");
  const step = (JSON.parse(text) as Schema).$defs[name]!;
  const known = new Set([...tried, ...Object.keys(LEFT_OUT), "when", "name", "reroute", "onError"]);
  expect(Object.keys(step.properties ?? {}).filter((verb) => !known.has(verb))).toEqual([]);
});
