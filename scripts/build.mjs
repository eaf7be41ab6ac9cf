// Builds the filter (dist/ruleway.wasm, dist/ruleway-higress.wasm) and the tools (dist/js). Does nothing where nothing changed.
//   node scripts/build.mjs [filter|js]

import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { filesOf, must, onceFor, root, tool } from "./lib.mjs";

/** The one place for the filter's compiler flags. Nothing in them or in the output depends on where
 * the checkout lies: the same sources give the same bytes. */
const ASC_FLAGS = [
  ...["-O3", "--shrinkLevel", "1", "--runtime", "minimal", "--use", "abort=", "--enable", "simd"],
  // Proxies end there (V8 in Envoy and Higress: 1 GiB), so the embedded host does too.
  ...["--maximumMemory", "16384"],
  ...["--transform", "json-as/transform", "--baseDir", "."],
];

/** The artefacts, their entries, and what each is compiled with besides. The second imports what only
 * Higress has, so no other proxy would load it. */
const ARTEFACTS = [
  { name: "ruleway.wasm", entry: "filter/main.ts", flags: [] },
  { name: "ruleway-higress.wasm", entry: "filter/higress.ts", flags: ["--use", "HIGRESS=1"] },
];

const isSource = (name) => name.endsWith(".ts") && !name.endsWith(".test.ts");

function buildFilter() {
  const inputs = filesOf(["filter", "package-lock.json", "scripts/build.mjs"], isSource);
  const outputs = ARTEFACTS.map(({ name }) => `dist/${name}`);
  onceFor("filter", inputs, outputs, () => {
    mkdirSync(join(root, "dist"), { recursive: true });
    for (const { name, entry, flags } of ARTEFACTS) {
      must(`building ${name}`, process.execPath, [
        tool("assemblyscript", "bin", "asc.js"),
        entry,
        ...["--outFile", `dist/${name}`],
        ...ASC_FLAGS,
        ...flags,
      ]);
    }
  });
}

function buildTools() {
  const folders = ["schema", "host", "compiler", "bench", "tests"];
  const inputs = filesOf([...folders, "tsconfig.json", "package-lock.json"], (name) =>
    /\.(ts|json)$/.test(name),
  );
  onceFor("js", inputs, ["dist/js/compiler/main.js"], () => {
    rmSync(join(root, "dist", "js"), { recursive: true, force: true });
    must("building the tools", process.execPath, [
      tool("typescript", "bin", "tsc"),
      "-p",
      "tsconfig.json",
    ]);
    // npm makes a command executable when it installs it; this one is made anew after that.
    chmodSync(join(root, "dist", "js", "compiler", "main.js"), 0o755);
    cpSync(join(root, "bench"), join(root, "dist", "js", "bench"), {
      recursive: true,
      filter: (path) => !path.endsWith(".ts"),
    });
  });
}

const what = process.argv[2];
if (what === undefined || what === "filter") buildFilter();
if (what === undefined || what === "js") buildTools();
