import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{schema,host,compiler,filter,tests,bench}/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    minWorkers: 1,
  },
});
