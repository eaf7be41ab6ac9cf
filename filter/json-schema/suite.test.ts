import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../tests/suites/json-schema.ts";

const folder = fileURLToPath(new URL("../../../shared/suites/json-schema", import.meta.url));

test.skipIf(!existsSync(folder))(
  "every case of the shared suites passes but for those left out by name",
  async () => {
    const files = readdirSync(folder).map((name) => join(folder, name));
    const totals = await run(files);
    expect(totals.failed).toBe(0);
    expect(totals.passed).toBeGreaterThan(1300);
  },
  120_000,
);
