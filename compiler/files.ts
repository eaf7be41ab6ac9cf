// Reading what the command line names: files, folders, standard input.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Something the user named cannot be read: exit status 2. */
export class Unreadable extends Error {}

export function readText(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new Unreadable(`cannot read ${path}: ${reason(error)}`);
  }
}

/** The files meant by the paths; of a folder, all below it whose name ends as `accepts` says. */
export function expandPaths(paths: string[], accepts: (name: string) => boolean): string[] {
  return paths.flatMap((path) => {
    if (path === "-") return [path];
    try {
      if (!statSync(path).isDirectory()) return [path];
    } catch (error) {
      throw new Unreadable(`cannot read ${path}: ${reason(error)}`);
    }
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && accepts(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !file.includes("node_modules"))
      .sort();
  });
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "not permitted";
  return message;
}

export function isYaml(name: string): boolean {
  return /\.(ya?ml|json)$/.test(name);
}

export function isRuleTest(name: string): boolean {
  return /\.test\.ya?ml$/.test(name);
}
