// How much a traversal has done, for tests that compare the growth of work with that of the input.
// Outside of probes compiled with `--use COUNTING=1` nothing of it is left.

/** Records looked at or moved. */
export let work: i64 = 0;

export function spend(records: i32): void {
  if (isDefined(COUNTING)) work += records;
}
