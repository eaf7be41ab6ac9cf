// npm run fuzz -- differential [SECONDS [SEED]]: both engines under random rules and traffic, for some minutes.

import { findEnvoy } from "../../../compiler/gateway/envoy.ts";
import { differential } from "./differential.ts";

export async function runDifferential(args: string[]): Promise<number> {
  const envoy = findEnvoy();
  if (!envoy) {
    process.stderr.write("no Envoy found: npm test installs one, or set ENVOY to its path\n");
    return 1;
  }
  const seconds = Number(args[0] ?? 180);
  const seed = Number(args[1] ?? Date.now() % 2 ** 31);
  const until = Date.now() + seconds * 1000;
  process.stdout.write(`both engines for ${seconds} s from seed ${seed}\n`);
  let told = 0;
  const { differences } = await differential({
    ...{ envoy, seed, batches: Number.POSITIVE_INFINITY },
    onBatch: (report) => {
      for (; told < report.differences.length; told++) {
        process.stdout.write(`${report.differences[told]}\n`);
      }
      process.stdout.write(
        `${report.files} rule files, ${report.exchanges} exchanges, ${told} differences\n`,
      );
      return Date.now() < until;
    },
  });
  return differences.length > 0 ? 1 : 0;
}
