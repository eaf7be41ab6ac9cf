// npm run fuzz [-- CONFIGURATIONS [SEED]]: the long run of what npm test does shortly;
// npm run fuzz -- differential [SECONDS [SEED]]: see differential/.

import { runDifferential } from "./differential/main.ts";
import { fuzz } from "./fuzz.ts";

if (process.argv[2] === "differential") {
  process.exit(await runDifferential(process.argv.slice(3)));
}

const count = Number(process.argv[2] ?? 50_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const STEP = 1000;

process.stdout.write(`fuzzing ${count} configurations from seed ${seed}\n`);
let accepted = 0;
let streams = 0;
let failed = 0;
for (let done = 0; done < count; done += STEP) {
  const report = fuzz(seed + done * 7919, Math.min(STEP, count - done));
  accepted += report.accepted;
  streams += report.streams;
  failed += report.failures.length;
  for (const failure of report.failures) process.stdout.write(`${failure}\n`);
  process.stdout.write(
    `${done + report.configurations} configurations, ${accepted} accepted, ${streams} streams, ${failed} failures, filter memory ${report.memory >> 10} KiB\n`,
  );
}
process.exitCode = failed > 0 ? 1 : 0;
