// Compiles an engine of the filter for its tests: `filter/probes/NAME.ts` exports what the test
// calls, over plain addresses. Compiled modules are kept under .cache/probes by the hash of the
// filter's sources, so only what changed is compiled again.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../compiler/assets.ts";

/** The exports of a probe: functions over numbers (addresses, lengths) and bigints (u64, spans). */
// biome-ignore lint/suspicious/noExplicitAny: the probe's own TypeScript declares its exports
export type ProbeExports = Record<string, any>;

export interface Probe {
  exports: ProbeExports;
  memory: WebAssembly.Memory;
  /** Copies bytes (or a string as UTF-8) into memory from the probe's `allocate`: [address, length]. */
  put(bytes: Uint8Array | string): [number, number];
  /** The bytes of a span (address in the low half, length in the high half), copied out. */
  get(span: bigint): Uint8Array;
  /** The same as text. */
  text(span: bigint): string;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && e.name.endsWith(".ts") && !e.name.endsWith(".test.ts"))
    .map((e) => join(e.parentPath, e.name))
    .sort();
}

function sourceHash(): string {
  const hash = createHash("sha256");
  for (const file of sources(join(root, "filter"))) {
    hash.update(relative(root, file)).update("\0").update(readFileSync(file));
  }
  return hash.digest("hex").slice(0, 16);
}

async function compile(name: string, uses: string[]): Promise<Uint8Array> {
  const cache = join(root, ".cache", "probes");
  const output = join(cache, `${[name, ...uses, sourceHash()].join("-")}.wasm`);
  if (existsSync(output)) return readFileSync(output);
  const { default: asc } = await import("assemblyscript/asc");
  const partial = `${output}.${process.pid}`;
  const { error, stderr } = await asc.main([
    join("filter", "probes", `${name}.ts`),
    ...["--baseDir", root, "--outFile", relative(root, partial)],
    // As the filter is, so that figures of probes are figures of the filter.
    ...["-O3", "--shrinkLevel", "1", "--runtime", "minimal", "--use", "abort=", "--enable", "simd"],
    ...["--transform", "json-as/transform"],
    ...uses.flatMap((each) => ["--use", `${each}=1`]),
  ]);
  if (error) throw new Error(`cannot compile probe ${name}: ${error.message}\n${stderr}`);
  mkdirSync(cache, { recursive: true });
  renameSync(partial, output);
  return readFileSync(output);
}

/** Compiles `filter/probes/NAME.ts`, with the names of `uses` defined (filter/targets.d.ts). */
export async function probeModule(name: string, uses: string[] = []): Promise<WebAssembly.Module> {
  return WebAssembly.compile(new Uint8Array(await compile(name, uses)));
}

/** Loads `filter/probes/NAME.ts`. Each call is a fresh instance with its own memory. */
export async function loadProbe(
  name: string,
  imports: WebAssembly.Imports = {},
  uses: string[] = [],
): Promise<Probe> {
  const module = await probeModule(name, uses);
  const instance = await WebAssembly.instantiate(module, imports);
  const exports = instance.exports as ProbeExports;
  const memory = exports.memory as WebAssembly.Memory;
  const probe: Probe = {
    exports,
    memory,
    put(bytes) {
      const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
      const at = exports.allocate(data.length) as number;
      if (at === 0) throw new Error(`the probe has no room for ${data.length} bytes`);
      new Uint8Array(memory.buffer, at, data.length).set(data);
      return [at, data.length];
    },
    get(span) {
      const at = Number(span & 0xffffffffn);
      const length = Number((span >> 32n) & 0xffffffffn);
      return new Uint8Array(memory.buffer).slice(at, at + length);
    },
    text: (span) => new TextDecoder().decode(probe.get(span)),
  };
  return probe;
}
