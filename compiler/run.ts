// `ruleway run`: serve a rule file locally, in the embedded host or in a real Envoy.

import { existsSync, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { type Command, Option } from "commander";
import { type Artefact, filterModule, wasmPath } from "./assets.ts";
import { readText, Unreadable } from "./files.ts";
import { DEMO_PATHS, demoAuth, demoUpstream, serve } from "./gateway/demo.ts";
import { findEnvoy, type RunningEnvoy, startEnvoy } from "./gateway/envoy.ts";
import { Gateway } from "./gateway/server.ts";
import { type Compiled, compile } from "./index.ts";
import { render } from "./render.ts";
import { envoyBootstrap } from "./targets/envoy.ts";

interface RunOptions {
  upstream?: string;
  service: string[];
  engine: "node" | "envoy";
  port: string;
  demo?: boolean;
}

export function registerRun(program: Command): void {
  program
    .command("run")
    .description("serve these rules locally, through the same filter")
    .argument("<file>", "a rule file")
    .option("--upstream <url>", "where requests go")
    .option(
      "--service <name=url>",
      "where callouts to a service go: http:// or redis://",
      collect,
      [],
    )
    .addOption(
      new Option("--engine <name>", "what runs the filter")
        .choices(["node", "envoy"])
        .default("node"),
    )
    .option("--port <port>", "where to listen, on 127.0.0.1", "10000")
    .option("--demo", "use a built-in upstream and auth service where none is named")
    .action(run);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Compiles the file and prints what there is to say about it. */
function compileFile(file: string): Compiled {
  const text = readText(file);
  const compiled = compile(text, { file });
  process.stderr.write(render(compiled.diagnostics, "pretty", new Map([[file, text]])));
  return compiled;
}

async function run(file: string, options: RunOptions): Promise<void> {
  if (!existsSync(file)) throw new Unreadable(`cannot read ${file}: there is no such file`);
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Unreadable(`not a port: ${options.port}`);
  }
  const compiled = compileFile(file);
  if (!compiled.rules || !compiled.json) {
    process.exitCode = 1;
    return;
  }
  const demo = options.demo
    ? { upstream: await serve(demoUpstream), auth: await serve(demoAuth) }
    : undefined;
  const upstream = options.upstream ?? demo?.upstream.url;
  if (!upstream) throw new Unreadable("say where requests go: --upstream URL, or --demo");
  checkUrl(upstream);
  const clusters = clustersOf(compiled.rules, options.service, demo?.auth.url);
  const engine =
    options.engine === "envoy"
      ? await runEnvoy(compiled, upstream, clusters, port)
      : await runNode(compiled, upstream, clusters, port);
  say(`ruleway: ${file} on http://127.0.0.1:${engine.port}, in front of ${upstream}`);
  if (demo && !options.upstream) {
    say(`         the demo upstream answers ${DEMO_PATHS.join(", ")}`);
    say(`try      curl -i http://127.0.0.1:${engine.port}${DEMO_PATHS[0]}`);
  }
  sayMetrics(engine);
  say(`         edit ${file} and the rules are reloaded; Ctrl-C ends this\n`);
  const unwatch = onChange(file, async () => {
    const next = compileFile(file);
    if (next.rules && next.json && (await engine.reload(next))) {
      say(`ruleway: reloaded ${file}`);
      sayMetrics(engine);
    } else {
      say("ruleway: the rules from before stay in force");
    }
  });
  await new Promise<void>((done) => {
    process.once("SIGINT", () => done());
    process.once("SIGTERM", () => done());
  });
  unwatch();
  await engine.stop();
  await demo?.upstream.close();
  await demo?.auth.close();
}

/** Where metrics are to be read; only Envoy shows them to others. */
function sayMetrics({ metrics }: Engine): void {
  if (metrics !== undefined) say(`metrics  ${metrics}`);
}

interface Engine {
  port: number;
  readonly metrics?: string;
  /** False when the rules cannot be swapped for these. */
  reload(next: Compiled): boolean | Promise<boolean>;
  stop(): Promise<void>;
}

async function runNode(
  { json, artefact }: Compiled,
  upstream: string,
  clusters: Record<string, string>,
  port: number,
): Promise<Engine> {
  const gateway = new Gateway({
    module: filterModule(artefact),
    rules: json!,
    upstream,
    clusters,
    log: say,
  });
  return {
    port: await gateway.listen(port).catch(explainPort(port)),
    reload(next) {
      if (next.artefact === artefact) return gateway.reload(next.json!);
      say("ruleway: these rules need another filter (Redis came or went): start anew");
      return false;
    },
    stop: () => gateway.close(),
  };
}

function explainPort(port: number) {
  return (error: NodeJS.ErrnoException): never => {
    if (error.code === "EADDRINUSE") throw new Unreadable(`port ${port} is in use; try --port 0`);
    throw error;
  };
}

/** Envoy has no Redis for filters. */
export function refuseHigress(artefact: Artefact | undefined): void {
  if (artefact !== "ruleway-higress.wasm") return;
  throw new Unreadable("these rules call Redis, which Envoy does not have: use --engine node");
}

async function runEnvoy(
  { rules, artefact }: Compiled,
  upstream: string,
  clusters: Record<string, string>,
  port: number,
): Promise<Engine> {
  refuseHigress(artefact);
  const envoy = findEnvoy();
  if (!envoy)
    throw new Unreadable("no Envoy found: npm test installs one, or set ENVOY to a binary");
  const start = (next: object, listenPort: number): Promise<RunningEnvoy> =>
    startEnvoy({
      envoy,
      listenPort,
      bootstrap: (ports) =>
        envoyBootstrap({
          ...ports,
          ...{ rules: next, wasmPath: wasmPath(), upstream, clusters },
          accessLog: "%REQ(:METHOD)% %REQ(:PATH)% → %RESPONSE_CODE% %DURATION% ms\n",
        }),
      onLine: (line) => {
        const wasm = /wasm log[^:]*: (.*)$/.exec(line);
        if (wasm) say(`  ${wasm[1]}`);
        else if (!line.startsWith("[")) say(line);
      },
    });
  let running = await start(rules!, port);
  const listenPort = running.port;
  return {
    port: listenPort,
    get metrics() {
      return `http://127.0.0.1:${running.adminPort}/stats?filter=wasmcustom`;
    },
    // Envoy started by hand has no control plane to push to: a fresh one takes over the port.
    reload: async (next) => {
      refuseHigress(next.artefact);
      await running.stop();
      running = await start(next.rules!, listenPort);
      return true;
    },
    stop: () => running.stop(),
  };
}

/** Cluster -> URL, from NAME=URL where NAME is a service of the rules or a cluster. */
export function clustersOf(
  rules: Record<string, unknown>,
  named: string[],
  fallback?: string,
): Record<string, string> {
  const services = (rules["services"] ?? {}) as Record<string, { cluster: string; redis?: object }>;
  const clusters: Record<string, string> = {};
  for (const each of named) {
    const split = each.indexOf("=");
    if (split < 1) throw new Unreadable(`--service takes NAME=URL, not ${each}`);
    const name = each.slice(0, split);
    clusters[services[name]?.cluster ?? name] = checkServiceUrl(each.slice(split + 1));
  }
  for (const { cluster, redis } of Object.values(services)) {
    if (fallback !== undefined && redis === undefined) clusters[cluster] ??= fallback;
  }
  return clusters;
}

function checkServiceUrl(text: string): string {
  if (!/^redis:/.test(text)) return checkUrl(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || url.username || url.password || url.pathname.length > 1) {
    const rest = "user, password and db stand in the rules, under the service's redis";
    throw new Unreadable(`a Redis server is redis://HOST:PORT, not ${text}; ${rest}`);
  }
  return text;
}

function checkUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new Unreadable(`not an http URL: ${text}`);
  return text;
}

/** Calls back, once things are quiet, when the file has changed. The folder is watched, since many
 * editors put a new file in the old one's place. */
function onChange(file: string, callback: () => Promise<void>): () => void {
  const path = resolve(file);
  let timer: NodeJS.Timeout | undefined;
  let busy = Promise.resolve();
  const watcher = watch(dirname(path), (_event, name) => {
    if (name !== null && name !== basename(path)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      busy = busy.then(callback).catch((error: Error) => say(`ruleway: ${error.message}`));
    }, 100);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
