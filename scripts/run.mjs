// Sets the clone up and runs a file of the build: node scripts/run.mjs bench/main.js [arguments].

import { join } from "node:path";
import "./setup.mjs";
import { root, run } from "./lib.mjs";

const [file, ...args] = process.argv.slice(2);
process.exit(run(process.execPath, [join(root, "dist", "js", file), ...args], { show: true }));
