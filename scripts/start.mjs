// npm start: sets the clone up and serves the quickstart's rules on 127.0.0.1, port 10000 or PORT.

import { spawn } from "node:child_process";
import { join } from "node:path";
import "./setup.mjs";
import { root } from "./lib.mjs";

const args = [
  "run",
  "examples/quickstart/rules.yaml",
  "--demo",
  "--port",
  process.env.PORT ?? "10000",
];
const child = spawn(process.execPath, [join(root, "dist/js/compiler/main.js"), ...args], {
  cwd: root,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
