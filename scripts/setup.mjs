// Makes a fresh clone ready: dependencies as the lock file has them, then the build. Quick when there
// is nothing to do.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { must, root } from "./lib.mjs";

const lock = join(root, "package-lock.json");
const installed = join(root, "node_modules", ".package-lock.json");

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  process.stderr.write("ruleway: installing what package-lock.json names …\n");
  must("npm ci", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
}
must("the build", process.execPath, [join(root, "scripts", "build.mjs")], { show: true });
