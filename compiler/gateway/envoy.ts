// A real Envoy as the engine: finding it, starting it on loopback, ending it by its process id.

import { type ChildProcess, spawn } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { root } from "../assets.ts";

/** The Envoy to use: the ENVOY variable, the one that set-up has put under .cache, or the PATH's. */
export function findEnvoy(): string | undefined {
  const named = process.env["ENVOY"];
  if (named) return isExecutable(named) ? named : undefined;
  const lib = join(root, ".cache", "envoy", "lib");
  for (const python of existsSync(lib) ? readdirSync(lib) : []) {
    const binary = join(lib, python, "site-packages", "envoy", "_bin", "envoy");
    if (isExecutable(binary)) return binary;
  }
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "envoy"))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A port of loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export interface RunningEnvoy {
  port: number;
  adminPort: number;
  pid: number;
  /** When it was started, on the clock of `performance.now()`. */
  startedAt: number;
  /** Everything it has written so far. */
  log(): string;
  /** The text of a page of its admin interface. */
  admin(path: string): Promise<string>;
  stop(): Promise<void>;
}

export interface EnvoyOptions {
  envoy: string;
  /** Given the ports, the bootstrap. */
  bootstrap: (ports: { listenPort: number; adminPort: number }) => object;
  listenPort?: number;
  concurrency?: number;
  /** Of Envoy's own log; the wasm component logs at info always. */
  logLevel?: string;
  /** How soon an access log is there, in milliseconds; Envoy's own is 10 seconds. */
  flushMs?: number;
  /** Called with each line that Envoy writes. */
  onLine?: (line: string) => void;
}

const READY_WITHIN_MS = 30_000;

/** Starts Envoy and waits until it takes requests; throws with the end of its log when it does not. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const listenPort = options.listenPort || (await freePort());
  const adminPort = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "ruleway-envoy-"));
  const config = join(folder, "envoy.json");
  writeFileSync(config, JSON.stringify(options.bootstrap({ listenPort, adminPort })));
  const level = options.logLevel ?? "warning";
  const startedAt = performance.now();
  const process_ = spawn(
    options.envoy,
    [
      ...["-c", config, "--concurrency", String(options.concurrency ?? 1)],
      ...["--disable-hot-restart", "--log-level", level, "--component-log-level", "wasm:info"],
      ...(options.flushMs ? ["--file-flush-interval-msec", String(options.flushMs)] : []),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  let rest = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-1_000_000);
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) options.onLine?.(line);
  };
  process_.stdout.on("data", collect);
  process_.stderr.on("data", collect);
  const admin = async (path: string) =>
    (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  const stop = async () => {
    await end(process_);
    rmSync(folder, { recursive: true, force: true });
  };
  const until = Date.now() + READY_WITHIN_MS;
  while (true) {
    const ready = await admin("/ready").catch(() => "");
    if (ready.startsWith("LIVE")) break;
    if (process_.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error(`Envoy did not become ready:\n${output.slice(-3000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    port: listenPort,
    adminPort,
    pid: process_.pid!,
    startedAt,
    log: () => output,
    admin,
    stop,
  };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    const force = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
