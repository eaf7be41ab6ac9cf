// The `ruleway` command as users run it: a process of its own, from the build.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../compiler/assets.ts";

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export const commandPath = join(root, "dist", "js", "compiler", "main.js");

export function runCommand(...args: string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [commandPath, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}
