import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../tests/suites/cel.ts";

const folder = fileURLToPath(new URL("../../../shared/suites/cel", import.meta.url));

test.skipIf(!existsSync(folder))(
  "every case of the shared suites that needs no protobuf messages passes",
  async () => {
    const files = readdirSync(folder).map((name) => join(folder, name));
    const totals = await run(files);
    expect(totals.failed).toBe(0);
    expect(totals.passed).toBeGreaterThan(1000);
  },
  120_000,
);
