// What the scripts share. Node's own modules only: they run before anything is installed.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const cache = join(root, ".cache");

/** Runs a program; what it prints is shown only when it fails, unless `show`. */
export function run(command, args, { show = false, env = {} } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    // npm is a script on Windows.
    shell: process.platform === "win32",
  });
  if (result.status !== 0 && !show) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  }
  return result.status ?? 1;
}

/** Runs a program and ends the script with its status when it fails. */
export function must(what, command, args, options) {
  const status = run(command, args, options);
  if (status === 0) return;
  process.stderr.write(`ruleway: ${what} failed (${command} ended with ${status})\n`);
  process.exit(status);
}

/** Path of a tool that a dependency brings, as a script to be run by node. */
export function tool(...path) {
  return join(root, "node_modules", ...path);
}

/** All files below the folders (or the files themselves) whose name `accepts` takes. */
export function filesOf(paths, accepts = () => true) {
  return paths.flatMap((path) => {
    const full = join(root, path);
    if (!existsSync(full)) return [];
    if (!statSync(full).isDirectory()) return [full];
    return readdirSync(full, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && accepts(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
  });
}

/** A hash of the files' names and contents. */
export function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of [...files].sort()) {
    hash.update(relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Does the work unless the stamp of that name says that it was done for these inputs. */
export function onceFor(name, inputs, outputs, work) {
  const stamp = join(cache, "stamps", name);
  const hash = hashOf(inputs);
  const isDone =
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === hash &&
    outputs.every((each) => existsSync(join(root, each)));
  if (isDone) return;
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}
