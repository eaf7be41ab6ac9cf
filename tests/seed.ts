// The seed of random tests: fixed, so that runs repeat; FC_SEED gives another. Printed by each test.

export const seed = Number(process.env["FC_SEED"] ?? 20261124);

/** Options for fast-check; says the seed. */
export function seeded(numRuns: number): { seed: number; numRuns: number } {
  console.log(`random tests: seed ${seed} (FC_SEED=${seed} repeats them)`);
  return { seed, numRuns };
}
