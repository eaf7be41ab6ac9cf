import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { findEnvoy } from "../../../compiler/gateway/envoy.ts";
import { differential } from "./differential.ts";

test("quick", async () => {
  const t = Date.now();
  const report = await differential({
    envoy: findEnvoy()!,
    seed: Number(process.env["DS"] ?? 7),
    batches: 1,
    shrinks: false,
    filesOfBatch: Number(process.env["DF"] ?? 6),
    exchangesOfFile: Number(process.env["DE"] ?? 12),
  });
  writeFileSync("/tmp/diff.txt", report.differences.join("\n"));
  console.log(report.files, report.exchanges, report.differences.length, Date.now() - t);
}, 300000);
