// Files that come with the package: the filter and the schema. Found from the package's root, so
// that they are the same from the sources and from the build.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("the package's own files are not where they should be");
    folder = above;
  }
  return folder;
}

export const root = packageRoot();

/** The filter for any proxy-wasm host, and the one with Redis, which only Higress loads. */
export type Artefact = "ruleway.wasm" | "ruleway-higress.wasm";

/** Where the filter is; throws, with what to do, when it has not been built. */
export function wasmPath(artefact: Artefact = "ruleway.wasm"): string {
  const path = join(root, "dist", artefact);
  if (!existsSync(path)) throw new Error(`dist/${artefact} is missing: run npm run build`);
  return path;
}

const filters: Partial<Record<Artefact, WebAssembly.Module>> = {};

/** The filter, compiled once. */
export function filterModule(artefact: Artefact = "ruleway.wasm"): WebAssembly.Module {
  filters[artefact] ??= new WebAssembly.Module(readFileSync(wasmPath(artefact)));
  return filters[artefact];
}

export function readSchema(): object {
  return JSON.parse(readFileSync(join(root, "schema", "ruleway.schema.json"), "utf8")) as object;
}
