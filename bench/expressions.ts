// What one evaluation of a typical expression costs in Node: the filter's engine, compiled to
// WebAssembly, beside an implementation of CEL in JavaScript. Nothing of Envoy is in these figures.

import { type CelInput, celEnv, parse, plan, run } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { loadProbe, type Probe } from "../tests/probe.ts";
import { begin, CHECK, compile, evaluate, type Typed } from "../tests/suites/cel.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
/** How long a contender runs in one round. */
const ROUND_MS = 40;

/** Dates are timestamps, bigints are ints. */
type Value = string | bigint | boolean | Date | Value[] | { [key: string]: Value };

interface Row {
  name: string;
  source: string;
  variables: Record<string, Value>;
}

const request = {
  path: "/api/v2/users/alice",
  method: "GET",
  headers: { host: "example.com", authorization: "Bearer abcdef", accept: "application/json" },
};

const ROWS: Row[] = [
  {
    name: "prefix and method",
    source: "request.path.startsWith('/api/') && request.method == 'GET'",
    variables: { request },
  },
  {
    name: "literal regex",
    source: "path.matches('^/api/v[0-9]+/users/[a-z]+$')",
    variables: { path: request.path },
  },
  {
    name: "in ten texts",
    source: "name in ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal', 'ivy', 'joe']",
    variables: { name: "joe" },
  },
  {
    name: "arithmetic",
    source: "length * 2 + 10 > limit && length % 4 == 0",
    variables: { length: 4096n, limit: 1024n },
  },
  {
    name: "concatenation",
    source: "method + ' ' + host + path",
    variables: { method: request.method, host: request.headers.host, path: request.path },
  },
  { name: "split and index", source: "path.split('/')[3]", variables: { path: request.path } },
  {
    name: "ternary with has",
    source: "has(headers.authorization) ? headers.authorization : 'none'",
    variables: { headers: request.headers },
  },
  {
    name: "all of a list",
    source: "roles.all(role, role.startsWith('role-') && role != 'role-root')",
    variables: { roles: ["role-a", "role-b", "role-c", "role-d", "role-e"] },
  },
  {
    name: "timestamps",
    source: "now - issued < duration('1h')",
    variables: {
      now: new Date("2024-05-01T12:30:00.000Z"),
      issued: new Date("2024-05-01T12:00:00.250Z"),
    },
  },
  {
    name: "nested select",
    source: "body.user.address.city == 'Bern'",
    variables: {
      body: { id: 17n, user: { name: "alice", address: { street: "Gasse 1", city: "Bern" } } },
    },
  },
];

function typed(value: Value): Typed {
  if (typeof value === "string") return { type: "string", value };
  if (typeof value === "boolean") return { type: "bool", value };
  if (typeof value === "bigint") return { type: "int", value: String(value) };
  if (value instanceof Date) return { type: "timestamp", value: value.toISOString() };
  if (Array.isArray(value)) return { type: "list", value: value.map(typed) };
  const entries = Object.entries(value).map(([key, each]) => [typed(key), typed(each)]);
  return { type: "map", value: entries };
}

function theirs(value: Value): CelInput {
  if (value instanceof Date) return run(`timestamp('${value.toISOString()}')`) as CelInput;
  if (Array.isArray(value)) return value.map(theirs);
  if (typeof value !== "object") return value;
  return new Map(Object.entries(value).map(([key, each]) => [key, theirs(each)]));
}

/** Evaluates so many times. */
type Contender = (times: number) => void;

function filterContender(probe: Probe, row: Row): Contender {
  const bindings = Object.entries(row.variables).map(([name, value]) => [name, typed(value)]);
  begin(probe, { flags: CHECK, bindings: Object.fromEntries(bindings) });
  const problem = compile(probe, row.source);
  if (problem !== "") throw new Error(`${row.source}: ${problem}`);
  return (times) => probe.exports.evaluateMany(times);
}

const environment = celEnv({ funcs: strings });

function theirContender(row: Row): { evaluateMany: Contender; result: unknown } {
  const evaluate = plan(environment, parse(row.source));
  const bindings = Object.fromEntries(
    Object.entries(row.variables).map(([name, value]) => [name, theirs(value)]),
  );
  const evaluateMany: Contender = (times) => {
    for (let i = 0; i < times; i++) evaluate(bindings);
  };
  return { evaluateMany, result: evaluate(bindings) };
}

function measure(contender: Contender, times: number): number {
  const start = performance.now();
  contender(times);
  return performance.now() - start;
}

/** How many times fill a round, after which the contender is warm. */
function timesFor(contender: Contender): number {
  let times = 100;
  let spent = measure(contender, times);
  while (spent < ROUND_MS / 2) {
    times *= 2;
    spent = measure(contender, times);
  }
  return Math.max(1, Math.round((times * ROUND_MS) / spent));
}

/** Neighbours only ever add time: the lower quartile is the steadiest. */
const quartile = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 2]!;

/** Prints nanoseconds for one evaluation, the lower quartile of interleaved rounds, and their ratio. */
export async function benchExpressions(print: (line: string) => void): Promise<void> {
  print(`\nexpressions: ns/evaluation in Node ${process.versions.node}, ${ROUNDS} rounds`);
  print(
    `  ${"".padEnd(18)} ${"ruleway".padStart(9)} ${"@bufbuild/cel".padStart(14)} ${"ratio".padStart(7)}`,
  );
  for (const row of ROWS) {
    const probe = await loadProbe("cel");
    const ours = filterContender(probe, row);
    const other = theirContender(row);
    const got = evaluate(probe);
    if (!("value" in got) || got.value.value !== other.result)
      throw new Error(`${row.source}: ${JSON.stringify(got)} is not ${other.result}`);
    const contenders = [ours, other.evaluateMany].map((contender) => ({
      contender,
      times: timesFor(contender),
      costs: [] as number[],
    }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const { contender, times, costs } of contenders)
        costs.push((measure(contender, times) * 1e6) / times);
    }
    const [a, b] = contenders.map(({ costs }) => quartile(costs)) as [number, number];
    const figures = [a.toFixed(0).padStart(9), b.toFixed(0).padStart(14)];
    print(`  ${row.name.padEnd(18)} ${figures.join(" ")} ${(b / a).toFixed(1).padStart(7)}`);
  }
}
