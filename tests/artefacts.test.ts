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
import { type Artefact, root, wasmPath } from "../compiler/assets.ts";
import { generated } from "../schema/generate.ts";

test("generated files are what `npm run generate` writes", async () => {
  for (const [path, text] of Object.entries(await generated())) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(readFileSync(join(root, path), "utf8"), path).toBe(text);
  }
});

const ENTRIES = [
  { artefact: "ruleway.wasm", entry: "filter/main.ts", flags: [] },
  { artefact: "ruleway-higress.wasm", entry: "filter/higress.ts", flags: ["--use", "HIGRESS=1"] },
] as const;

test.each(ENTRIES)(
  "$artefact is reproducible byte for byte, and no larger than it may be",
  async ({ artefact, entry, flags }) => {
    const elsewhere = mkdtempSync(join(tmpdir(), "another-place-"));
    try {
      cpSync(join(root, "filter"), join(elsewhere, "filter"), { recursive: true });
      cpSync(join(root, "package.json"), join(elsewhere, "package.json"));
      symlinkSync(join(root, "node_modules"), join(elsewhere, "node_modules"));
      const common = /const ASC_FLAGS = \[([\s\S]*?)\];/.exec(
        readFileSync(join(root, "scripts", "build.mjs"), "utf8"),
      )![1]!;
      const args = [...common.matchAll(/"([^"]+)"/g)].map(([, flag]) => flag!);
      const base = args.indexOf("--baseDir");
      args[base + 1] = elsewhere;
      const { error, stderr } = await asc.main([
        ...[entry, "--outFile", "again.wasm"],
        ...args,
        ...flags,
      ]);
      if (error) throw new Error(`${error.message}\n${stderr}`);
      const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
      expect(hash(join(elsewhere, "again.wasm"))).toBe(hash(wasmPath(artefact)));
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
    expect(statSync(wasmPath(artefact)).size).toBeLessThan(512 * 1024);
  },
);

function importsOf(artefact: Artefact): string[] {
  const module = new WebAssembly.Module(readFileSync(wasmPath(artefact)));
  return WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
}

test("the filter imports only what a stock Envoy has", () => {
  for (const name of importsOf("ruleway.wasm")) {
    // Envoy has both; the clock is the one that nobody sets.
    if (name.startsWith("wasi_")) expect(name).toMatch(/\.(random_get|clock_time_get)$/);
    else expect(name).toMatch(/^env\.proxy_(?!redis|inject)/);
  }
});

/** What Higress has, in a proxy and in the test host that its plugins are tested with. */
const HIGRESS_IMPORTS = new Set(
  [
    ...["log", "set_property", "get_property", "send_local_response", "continue_stream"],
    ...["get_shared_data", "set_shared_data", "register_shared_queue", "resolve_shared_queue"],
    ...["dequeue_shared_queue", "enqueue_shared_queue", "close_stream", "http_call", "done"],
    ...["get_header_map_value", "add_header_map_value", "replace_header_map_value"],
    ...["remove_header_map_value", "get_header_map_pairs", "set_header_map_pairs"],
    ...["get_buffer_bytes", "set_buffer_bytes", "call_foreign_function"],
    ...["set_tick_period_milliseconds", "set_effective_context", "define_metric"],
    ...["increment_metric", "record_metric", "get_metric", "redis_init", "redis_call"],
  ].map((name) => `env.proxy_${name}`),
);

test("the filter for Higress imports only what Higress has", () => {
  const imports = importsOf("ruleway-higress.wasm");
  const others = imports.filter((name) => !HIGRESS_IMPORTS.has(name)).sort();
  expect(others).toEqual([
    "wasi_snapshot_preview1.clock_time_get",
    "wasi_snapshot_preview1.random_get",
  ]);
});

test("the filter for Higress exports what Higress's test host calls", () => {
  const module = new WebAssembly.Module(readFileSync(wasmPath("ruleway-higress.wasm")));
  const exports = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  for (const name of [
    ...["context_create", "configure", "tick", "log", "request_headers", "request_body"],
    ...["request_trailers", "response_headers", "response_body", "response_trailers"],
    ...["http_call_response", "redis_call_response", "memory_allocate"],
  ]) {
    expect(exports, name).toContain(`proxy_on_${name}`);
  }
  for (const start of ["_initialize", "_start", "main"]) expect(exports).not.toContain(start);
});
