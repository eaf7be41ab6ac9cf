// npm run bench [-- NAME… | soak | stream | expressions | inflate | json-engine | json-schema | regex]: what our
// filter costs beside what is in Envoy, on one real Envoy build, interleaved in one run. Figures are
// the Envoy process's own CPU time for a request, as the scheduler counts it (Linux): medians over
// rounds, and the ratio to an Envoy without a filter. Only figures of one run compare; neighbours on
// the machine add to all alike. The engines by themselves, in Node, need no Envoy. A name also stands
// for those that begin with it and a hyphen. AGAINST=FILE compares with another build of the filter.

import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { wasmPath } from "../compiler/assets.ts";
import { readBody } from "../compiler/gateway/demo.ts";
import { findEnvoy, type RunningEnvoy, startEnvoy } from "../compiler/gateway/envoy.ts";
import { envoyBootstrap } from "../compiler/targets/envoy.ts";
import type { After, Contender, Difference, Request, Scenario, Verify } from "./contenders.ts";
import { scenarios } from "./scenarios.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
const CONNECTIONS = 16;
/** Longer than any event waits for others. */
const QUIET_MS = 2500;
const SOAK_REQUESTS = Number(process.env["REQUESTS"] ?? 1_000_000);

/** Another build of the filter: whoever runs it takes part with that one too, as `NAME before`. */
const AGAINST = process.env["AGAINST"];
const BEFORE = " before";

/** Who takes part. */
function contendersOf(scenario: Scenario): Contender[] {
  const now = scenario.contenders(wasmPath());
  if (AGAINST === undefined) return now;
  const before = scenario
    .contenders(AGAINST)
    .filter((each) => JSON.stringify(each).includes(AGAINST));
  return [...now, ...before.map((each) => ({ ...each, name: each.name + BEFORE }))];
}

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
  ingestion: string;
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
  const [upstream, auth, ingestion] = line
    .trim()
    .split(" ")
    .map((port) => `http://127.0.0.1:${port}`);
  return {
    ...{ upstream: upstream!, auth: auth!, ingestion: ingestion! },
    stop: () => child.kill(),
  };
}

interface Got {
  status: number;
  body: string;
}

function send(agent: http.Agent, port: number, request: Request): Promise<Got> {
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

/** A rule of the contender: all of them evenly, in no order. */
const ruleOf = ({ rules }: Row, i: number): number => (i * 7919) % rules;

/** The scenario's request for the rule with that number. */
function requestFor({ request, vary }: Scenario, rule: number): Request {
  const { headers, ...rest } = vary?.(rule) ?? {};
  return { ...request, ...rest, headers: { ...request.headers, ...headers } };
}

/** Sends so many requests over a few connections; throws on any answer that is not 200. */
async function drive(row: Row, scenario: Scenario, count: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const { status } = await send(agent, row.envoy.port, requestFor(scenario, ruleOf(row, left)));
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
  /** Among how many rules it chooses. */
  rules: number;
  /** Milliseconds from its start to its first answer. */
  readyMs: number;
  times: number[];
}

/** Starts the scenario's contenders into `rows`, which whoever calls stops. */
async function start(
  scenario: Scenario,
  backend: Backend,
  envoy: string,
  rows: Row[],
): Promise<void> {
  for (const contender of contendersOf(scenario)) {
    const { name, filters, virtualHosts, rules = 10_000 } = contender;
    const running = await startEnvoy({
      envoy,
      bootstrap: (ports) =>
        envoyBootstrap({
          ...ports,
          ...{ rules: {}, wasmPath: wasmPath(), upstream: backend.upstream, filters },
          clusters: { auth: backend.auth, ingestion: backend.ingestion },
          ...(virtualHosts && { virtualHosts }),
          // Lua holds whole bodies in Envoy's buffer.
          bufferLimit: 8 << 20,
        }),
    });
    const row: Row = { name, envoy: running, rules, readyMs: 0, times: [] };
    rows.push(row);
    await send(new http.Agent(), running.port, requestFor(scenario, 0));
    row.readyMs = performance.now() - running.startedAt;
    pin(running.pid, 0);
  }
}

async function verify(
  { upstream }: Backend,
  row: Row,
  { request, verify }: { request: Request; verify: Verify },
  rule = 0,
): Promise<void> {
  await (await fetch(`${upstream}/forget`)).text();
  const got = await send(new http.Agent(), row.envoy.port, request);
  const last = await (await fetch(`${upstream}/last`)).json();
  verify(got, last as Record<string, string>, row.name.replace(BEFORE, ""), rule);
}

/** What pairs of contenders differ by, as the median of the rounds' differences and between lower
 * quartiles, and how many times each goes into the last one. */
function printDifferences(rows: Row[], pairs: Difference[]): void {
  const timesOf = (name: string) => rows.find((row) => row.name === name)!.times;
  const figures = pairs.map(([without, with_]) => {
    const [a, b] = [timesOf(without), timesOf(with_)];
    return [median(b.map((time, i) => time - a[i]!)), quartile(b) - quartile(a)];
  });
  pairs.forEach(([without, with_], pair) => {
    const texts = figures[pair]!.map((figure, i) => {
      const ratio = figures.at(-1)![i]! / figure;
      return `${figure.toFixed(2).padStart(6)} µs (× ${ratio.toFixed(1)})`;
    });
    print(`  ${`${with_} − ${without}`.padEnd(24)} median ${texts[0]}, lower quartile ${texts[1]}`);
  });
}

interface Told {
  events: number;
  batches: number;
  last: unknown[];
}

/** What the contender has told, once nothing more comes. */
async function told({ ingestion }: Backend, row: Row): Promise<Told> {
  let before = -1;
  while (true) {
    const now = (await (await fetch(`${ingestion}/told/${row.name}`)).json()) as Told;
    if (now.events === before) return now;
    before = now.events;
    await sleep(QUIET_MS);
  }
}

/** How many of the contenders' events came, of so many requests. */
async function checkEvents(
  after: After,
  backend: Backend,
  rows: Row[],
  requests: number,
): Promise<void> {
  for (const row of rows) {
    const { events, batches, last } = await told(backend, row);
    after(last, row.name);
    if (events === 0) continue;
    const share = ((events / requests) * 100).toFixed(1);
    print(
      `  ${row.name}: ${events} events of ${requests} calls came (${share}%), in ${batches} batches`,
    );
  }
}

async function runScenario(scenario: Scenario, backend: Backend, envoy: string): Promise<void> {
  const rows: Row[] = [];
  try {
    await start(scenario, backend, envoy, rows);
    const warmUp = Math.ceil((scenario.count * (scenario.roundsEach ?? 1)) / 2);
    for (const row of rows) {
      for (const rule of scenario.vary ? [0, row.rules >> 1, row.rules - 1] : [0]) {
        const request = requestFor(scenario, rule);
        await verify(backend, row, { request, verify: scenario.verify }, rule);
      }
      if (scenario.otherwise) await verify(backend, row, scenario.otherwise);
      await drive(row, scenario, warmUp);
    }
    for (let round = 0; round < ROUNDS * (scenario.roundsEach ?? 1); round++) {
      // Each round begins with another one, so that no place in the order is always somebody's.
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(i + round) % rows.length]!;
        const before = cpuTime(row.envoy.pid);
        await drive(row, scenario, scenario.count);
        row.times.push((cpuTime(row.envoy.pid) - before) / scenario.count / 1000);
      }
    }
    print(`\n${scenario.name}: ${scenario.title}`);
    print(
      `  ${"".padEnd(18)} ${"µs/request".padStart(10)} ${"× none".padStart(8)} ${"+ µs".padStart(8)} ${"RSS MB".padStart(8)} ${"ready ms".padStart(9)}`,
    );
    const base = rows[0]!;
    for (const row of rows) {
      const ratio = median(row.times.map((time, i) => time / base.times[i]!));
      const added = quartile(row.times) - quartile(base.times);
      const rss = residentKb(row.envoy.pid) / 1024;
      print(
        `  ${row.name.padEnd(18)} ${median(row.times).toFixed(1).padStart(10)} ${ratio.toFixed(2).padStart(8)} ${added.toFixed(1).padStart(8)} ${rss.toFixed(0).padStart(8)} ${row.readyMs.toFixed(0).padStart(9)}`,
      );
    }
    if (scenario.after) {
      const measured = scenario.count * ROUNDS * (scenario.roundsEach ?? 1);
      // Two that only show that it works: one for its start, one that is verified.
      await checkEvents(scenario.after, backend, rows, measured + warmUp + 2);
    }
    if (scenario.differences) printDifferences(rows, scenario.differences);
  } finally {
    await Promise.all(rows.map((row) => row.envoy.stop()));
  }
}

/** A million requests through a rule set, with the process's memory on the way. */
async function soak(backend: Backend, envoy: string): Promise<void> {
  const scenario = scenarios[0]!;
  const last = { ...scenario, contenders: (wasm: string) => scenario.contenders(wasm).slice(-1) };
  const rows: Row[] = [];
  try {
    await start(last, backend, envoy, rows);
    const row = rows[0]!;
    print(`\nsoak: ${SOAK_REQUESTS} requests, ${scenario.title}`);
    for (let done = 0; done <= SOAK_REQUESTS; done += SOAK_REQUESTS / 10) {
      print(
        `  ${String(done).padStart(8)} requests  RSS ${(residentKb(row.envoy.pid) / 1024).toFixed(1)} MB`,
      );
      if (done < SOAK_REQUESTS) await drive(row, scenario, SOAK_REQUESTS / 10);
    }
  } finally {
    await Promise.all(rows.map((row) => row.envoy.stop()));
  }
}

const STREAM_BYTES = Number(process.env["BYTES"] ?? 1_000_000_000);

/** One long response through a rule that replaces, with the process's memory on the way. */
async function stream(backend: Backend, envoy: string): Promise<void> {
  const scenario = scenarios.find(({ name }) => name.startsWith("replace-"))!;
  const one = { ...scenario, request: { path: "/text/4096" } };
  const last = { ...one, contenders: (wasm: string) => scenario.contenders(wasm).slice(-1) };
  const rows: Row[] = [];
  try {
    await start(last, backend, envoy, rows);
    const { port, pid } = rows[0]!.envoy;
    print(`\nstream: a response of ${STREAM_BYTES} bytes, foo replaced by barbaz once in 4 KiB`);
    const say = (bytes: number) =>
      print(`  ${String(bytes).padStart(12)} bytes  RSS ${(residentKb(pid) / 1024).toFixed(1)} MB`);
    say(0);
    const startedAt = performance.now();
    const before = cpuTime(pid);
    const incoming = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const path = `/stream/${STREAM_BYTES}`;
      http.get({ host: "127.0.0.1", port, path }, resolve).on("error", reject);
    });
    let got = 0;
    let told = 0;
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      got += piece.length;
      for (; told + STREAM_BYTES / 10 <= got; told += STREAM_BYTES / 10) say(got);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = (cpuTime(pid) - before) / 1e9;
    say(got);
    const expected = lengthReplaced(STREAM_BYTES);
    if (got !== expected) throw new Error(`got ${got} bytes, not ${expected}`);
    const rate = (time: number) => `${(STREAM_BYTES / 1e6 / time).toFixed(0)} MB/s`;
    print(`  ${rate(seconds)}, ${rate(cpu)} of Envoy's CPU time`);
  } finally {
    await Promise.all(rows.map((row) => row.envoy.stop()));
  }
}

/** The text has `foo` at the end of every 4 KiB, and gets three bytes more for each. */
const lengthReplaced = (size: number) => size + 3 * Math.floor(size / 4096);

async function jsonSchema(): Promise<void> {
  const { benchJsonSchema } = await import("./json-schema.ts");
  await benchJsonSchema(print);
}

async function expressions(): Promise<void> {
  const { benchExpressions } = await import("./expressions.ts");
  await benchExpressions(print);
}

async function inflate(): Promise<void> {
  const { benchInflate } = await import("./inflate.ts");
  await benchInflate(print);
}

async function regex(): Promise<void> {
  const { benchRegex } = await import("./regex.ts");
  await benchRegex(print);
}

async function jsonEngine(): Promise<void> {
  const { benchJson } = await import("./json.ts");
  await benchJson(print);
}

/** What needs no Envoy. */
const ENGINES: Record<string, () => Promise<void>> = {
  expressions,
  inflate,
  "json-engine": jsonEngine,
  "json-schema": jsonSchema,
  regex,
};
const names = process.argv.slice(2);
const known = [...scenarios.map(({ name }) => name), "soak", "stream", ...Object.keys(ENGINES)];
const stands = (name: string, full: string) => full === name || full.startsWith(`${name}-`);
const isNamed = (full: string) => names.some((name) => stands(name, full));
const unknown = names.filter((name) => !known.some((full) => stands(name, full)));
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
      if (names.length === 0 || isNamed(scenario.name)) await runScenario(scenario, backend, envoy);
    }
    if (names.includes("soak")) await soak(backend, envoy);
    if (names.includes("stream")) await stream(backend, envoy);
    for (const name of names) await ENGINES[name]?.();
  } finally {
    backend.stop();
  }
}
