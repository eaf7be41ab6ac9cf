// The layers of ARCHITECTURE.md hold: what lies lower knows nothing of what lies above.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";
import { root } from "../compiler/assets.ts";

/** From the bottom up; engines side by side know only bytes, but for those named. */
const FILTER_LAYERS = [
  ["generated"],
  ["bytes"],
  ["json", "regex", "http", "crypto", "resp"],
  ["cel", "inflate", "json-schema"],
  ["abi"],
  ["rules"],
  ["match"],
  ["stream"],
  ["steps"],
  ["config"],
  ["plugin"],
  ["main.ts"],
  ["higress.ts"],
];

const FOLDERS: Record<string, string[]> = {
  schema: ["compiler/assets.ts", "compiler/codes.ts"],
  host: [],
  compiler: ["host"],
};

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && /\.ts$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Files that the file imports, from the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)"/gm)].map(([, path]) =>
    relative(root, join(dirname(file), path!))
      .split(sep)
      .join("/"),
  );
}

test("inside the filter, imports go down", () => {
  const level = (path: string): number => {
    const part = path.split("/")[1]!;
    return FILTER_LAYERS.findIndex((names) => names.includes(part) || names.includes(`${part}.ts`));
  };
  const wrong: string[] = [];
  let seen = 0;
  for (const file of sources("filter")) {
    const from = relative(root, file).split(sep).join("/");
    if (from.startsWith("filter/probes/")) continue;
    expect(level(from), `${from} is in a layer`).toBeGreaterThanOrEqual(0);
    for (const to of importsOf(file)) {
      seen++;
      const sameFolder = to.split("/")[1] === from.split("/")[1];
      if (!sameFolder && level(to) >= level(from)) wrong.push(`${from} -> ${to}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(100);
});

test.each(Object.entries(FOLDERS))("%s imports only what it may", (folder, allowed) => {
  const wrong = sources(folder).flatMap((file) =>
    importsOf(file)
      .filter((to) => !to.startsWith(`${folder}/`) && !allowed.some((each) => to.startsWith(each)))
      .map((to) => `${relative(root, file)} -> ${to}`),
  );
  expect(wrong).toEqual([]);
});

test("the host uses nothing that a browser lacks", () => {
  for (const file of sources("host"))
    expect(readFileSync(file, "utf8"), file).not.toMatch(/"node:/);
});

test("raw memory is touched only where the layers say so", () => {
  const allowed =
    /^filter\/(bytes|json|json-schema|regex|http|crypto|cel|inflate|abi|probes|generated)\//;
  const users = sources("filter")
    .map((file) => relative(root, file).split(sep).join("/"))
    .filter((file) => !allowed.test(file))
    .filter((file) => /\bmemory\.data\(/.test(readFileSync(join(root, file), "utf8")));
  expect(users).toEqual([]);
});
