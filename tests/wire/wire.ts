// Rules under exact bytes, in the embedded host and on a real Envoy: what a client writes on one connection,
// what the upstream sees of it and says, and what comes back, each read by a strict reader.
//
//   describeWire("a name", RULES, { upstream: { "/": sized("ok") } }, (engine) => {
//     test("…", async () => {
//       const { answers, stray, problem } = await engine().ask([get("/a"), get("/b")], ["GET", "GET"]);
//
// Every describeWire starts its rules once for each engine; tests of one share the upstream, whose `script`
// they may replace and whose `seen` is emptied before each.

import net from "node:net";
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { filterModule, wasmPath } from "../../compiler/assets.ts";
import { startEnvoy } from "../../compiler/gateway/envoy.ts";
import { Gateway } from "../../compiler/gateway/server.ts";
import { compile } from "../../compiler/index.ts";
import { envoyBootstrap } from "../../compiler/targets/envoy.ts";
import { type Bootstrap, envoy, pause } from "../envoy/envoy.ts";
import { Ended, Reader, type WireMessage } from "./message.ts";

/** Bytes (text is Latin-1), or milliseconds to wait. */
export type Piece = string | Buffer | number;

/** What a server answers: by the longest prefix of the path, or by the request; `silent` says nothing. */
export type Answers = Record<string, Piece[]> | ((request: WireMessage) => Piece[] | "silent");

export const OK: Piece[] = sized("ok", { type: "text/plain" });

/** A request in one piece; a body brings its content-length. */
export function get(
  path: string,
  lines: string[] = [],
  {
    method = "GET",
    body,
    host = "shop.test",
  }: { method?: string; body?: string; host?: string } = {},
): string {
  const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body, "latin1")}`];
  const head = [`${method} ${path} HTTP/1.1`, `host: ${host}`, ...lines, ...length];
  return `${head.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

interface AnswerOptions {
  status?: string;
  type?: string;
  lines?: string[];
}

/** A response whose content-length is its body's. */
export function sized(body: string, options: AnswerOptions = {}): Piece[] {
  const length = Buffer.byteLength(body, "latin1");
  return [`${headOf(options)}content-length: ${length}\r\n\r\n${body}`];
}

/** A response whose chunks go out one by one; `trailers` are lines. */
export function chunked(
  pieces: Array<string | Buffer>,
  { trailers = [], ...options }: AnswerOptions & { trailers?: string[] } = {},
): Piece[] {
  const out: Piece[] = [`${headOf(options)}transfer-encoding: chunked\r\n\r\n`];
  for (const piece of pieces) {
    const bytes = Buffer.from(piece as string, "latin1");
    const size = `${bytes.length.toString(16)}\r\n`;
    out.push(10, Buffer.concat([Buffer.from(size), bytes, Buffer.from("\r\n")]));
  }
  return [...out, `0\r\n${trailers.map((line) => `${line}\r\n`).join("")}\r\n`];
}

function headOf({ status = "200 OK", type = "application/json", lines = [] }: AnswerOptions) {
  return [`HTTP/1.1 ${status}`, `content-type: ${type}`, ...lines, ""].join("\r\n");
}

async function write(socket: net.Socket, pieces: Piece[]): Promise<void> {
  for (const piece of pieces) {
    if (typeof piece === "number") await pause(piece);
    else if (socket.writable) socket.write(piece as string, "latin1");
  }
}

/** A server that answers as `script` says, and keeps what it was asked. */
export class RawServer {
  seen: WireMessage[] = [];
  private readonly sockets = new Set<net.Socket>();
  private readonly server = net.createServer((socket) => {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    this.serve(socket).catch(() => socket.destroy());
  });

  constructor(public script: Answers) {}

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async serve(socket: net.Socket): Promise<void> {
    socket.setNoDelay();
    const reader = new Reader(socket);
    while (true) {
      const request = await reader.request();
      this.seen.push(request);
      const answer = this.answerTo(request);
      if (answer !== "silent") await write(socket, answer);
    }
  }

  private answerTo(request: WireMessage): Piece[] | "silent" {
    const { script } = this;
    if (typeof script === "function") return script(request);
    const path = request.line.split(" ")[1]!;
    const [longest] = Object.keys(script)
      .filter((prefix) => path.startsWith(prefix))
      .sort((a, b) => b.length - a.length);
    return longest === undefined ? OK : script[longest]!;
  }
}

export interface Asked {
  answers: WireMessage[];
  /** Bytes that belong to no answer. */
  stray: Buffer;
  /** Why there are fewer answers than requests; empty where there are not. */
  problem: string;
}

export type EngineKind = "embedded" | "envoy";

export interface Engine {
  kind: EngineKind;
  port: number;
  upstream: RawServer;
  services: Record<string, RawServer>;
  log(): string;
  connect(): Promise<net.Socket>;
  /** Writes the pieces on one connection, and reads an answer to each of the methods. */
  ask(pieces: Piece[], methods?: string[], withinMs?: number): Promise<Asked>;
  stop(): Promise<void>;
}

export interface WireOptions {
  upstream?: Answers;
  services?: Record<string, Answers>;
  /** Changes Envoy's bootstrap where it stands. */
  adjust?: (bootstrap: Bootstrap) => void;
  /** Whether the host holds headers while a body is read; default true. */
  holdsHeaders?: boolean;
}

export async function startEngine(
  kind: EngineKind,
  yaml: string,
  options: WireOptions = {},
): Promise<Engine> {
  const compiled = compile(yaml);
  if (!compiled.rules || !compiled.json) {
    throw new Error(JSON.stringify(compiled.diagnostics, null, 2));
  }
  const upstream = new RawServer(options.upstream ?? {});
  const services = Object.fromEntries(
    Object.entries(options.services ?? {}).map(([name, script]) => [name, new RawServer(script)]),
  );
  const servers = [upstream, ...Object.values(services)];
  await Promise.all(servers.map((each) => each.listen()));
  const clusters = Object.fromEntries(
    Object.entries(services).map(([name, { url }]) => [name, url]),
  );
  const lines: string[] = [];
  const onLine = (line: string) => lines.push(line);
  let port: number;
  let end: () => Promise<void>;
  if (kind === "envoy") {
    const running = await startEnvoy({
      envoy: envoy!,
      onLine,
      bootstrap: (ports) => {
        const what = { rules: compiled.rules!, wasmPath: wasmPath(), upstream: upstream.url };
        const bootstrap = envoyBootstrap({ ...ports, ...what, clusters });
        options.adjust?.(bootstrap as Bootstrap);
        return options.holdsHeaders === false ? withoutHolding(bootstrap) : bootstrap;
      },
    });
    port = running.port;
    end = running.stop;
  } else {
    const what = { module: filterModule(), rules: compiled.json, upstream: upstream.url };
    const gateway = new Gateway({
      ...{ ...what, clusters, log: onLine, holdsHeaders: options.holdsHeaders ?? true },
    });
    port = await gateway.listen(0);
    end = () => gateway.close();
  }
  return {
    kind,
    port,
    upstream,
    services,
    log: () => lines.join("\n"),
    connect: () => connect(port),
    ask: (pieces, methods = ["GET"], withinMs = 10_000) => ask(port, pieces, methods, withinMs),
    async stop() {
      await end();
      for (const server of servers) server.close();
    },
  };
}

function withoutHolding(bootstrap: object): object {
  const text = JSON.stringify(bootstrap);
  return JSON.parse(
    text.replaceAll(
      '"allow_on_headers_stop_iteration":true',
      '"allow_on_headers_stop_iteration":false',
    ),
  );
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(socket));
    socket.setNoDelay();
    socket.once("error", reject);
  });
}

/** How long bytes that belong to no answer are waited for. */
const STRAY_WITHIN_MS = 150;

async function ask(
  port: number,
  pieces: Piece[],
  methods: string[],
  withinMs: number,
): Promise<Asked> {
  const socket = await connect(port);
  const reader = new Reader(socket);
  const answers: WireMessage[] = [];
  let problem = "";
  const timer = setTimeout(() => {
    problem = "no answer in time";
    socket.destroy();
  }, withinMs);
  socket.on("error", () => {});
  void write(socket, pieces);
  try {
    for (const method of methods) answers.push(await finalAnswer(reader, method));
    await pause(STRAY_WITHIN_MS);
  } catch (error) {
    if (problem === "") problem = (error as Error).message;
    if (!(error instanceof Ended)) problem = `what came is not HTTP: ${problem}`;
  }
  clearTimeout(timer);
  socket.destroy();
  return { answers, stray: reader.rest, problem };
}

async function finalAnswer(reader: Reader, method: string): Promise<WireMessage> {
  while (true) {
    const answer = await reader.response(method);
    if (answer.status >= 200 || answer.status === 101) return answer;
  }
}

/** Tests of these rules in each engine. */
export function describeWire(
  name: string,
  yaml: string,
  options: WireOptions,
  tests: (engine: () => Engine) => void,
): void {
  const kinds: EngineKind[] = ["embedded", "envoy"];
  describe.each(kinds)(`${name}: %s`, (kind) => {
    describe.skipIf(kind === "envoy" && !envoy)("", () => {
      let engine: Engine;
      beforeAll(async () => {
        engine = await startEngine(kind, yaml, options);
      });
      beforeEach(() => {
        engine.upstream.seen = [];
      });
      afterAll(() => engine?.stop());
      tests(() => engine);
    });
  });
}
