import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../compiler/assets.ts";
import { run } from "./cel.ts";

const folder = join(root, "tests/cases/cel");

test.each(readdirSync(folder))(
  "every case of cel/%s holds, with and without folding",
  async (name) => {
    const { failed, passed, skipped } = await run([join(folder, name)]);
    expect({ failed, skipped }).toEqual({ failed: 0, skipped: 0 });
    expect(passed).toBeGreaterThan(0);
  },
);
