// What is generated is current, and the filter is the same bytes wherever it is built.

import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import asc from "assemblyscript/asc";
import { expect, test } from "vitest";
import { root, wasmPath } from "../compiler/assets.ts";
import { generated } from "../schema/generate.ts";

test("generated files are what `npm run generate` writes", async () => {
  for (const [path, text] of Object.entries(await generated())) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(readFileSync(join(root, path), "utf8"), path).toBe(text);
  }
});

test("the filter is reproducible byte for byte, and no larger than it may be", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "another-place-"));
  try {
    cpSync(join(root, "filter"), join(elsewhere, "filter"), { recursive: true });
    cpSync(join(root, "package.json"), join(elsewhere, "package.json"));
    symlinkSync(join(root, "node_modules"), join(elsewhere, "node_modules"));
    const flags = /const ASC_FLAGS = \[([\s\S]*?)\];/.exec(
      readFileSync(join(root, "scripts", "build.mjs"), "utf8"),
    )![1]!;
    const args = [...flags.matchAll(/"([^"]+)"/g)].map(([, flag]) => flag!);
    const base = args.indexOf("--baseDir");
    args[base + 1] = elsewhere;
    const { error, stderr } = await asc.main([
      "filter/main.ts",
      "--outFile",
      "again.wasm",
      ...args,
    ]);
    if (error) throw new Error(`${error.message}\n${stderr}`);
    const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
    expect(hash(join(elsewhere, "again.wasm"))).toBe(hash(wasmPath()));
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
  expect(statSync(wasmPath()).size).toBeLessThan(300 * 1024);
});

test("the filter imports only what a stock Envoy has", () => {
  const module = new WebAssembly.Module(readFileSync(wasmPath()));
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from === "wasi_snapshot_preview1") expect(name).toBe("random_get");
    else expect(`${from}.${name}`).toMatch(/^env\.proxy_(?!redis|inject)/);
  }
});
