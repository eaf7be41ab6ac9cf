// One filter, one behaviour: random rule files and random traffic through the embedded host and through a real
// Envoy. What the client gets and what the upstream gets must be the same bytes, but for the differences that
// have a name here. What differs is made small before it is told.

import os from "node:os";
import { Random } from "../fuzz.ts";
import { accepted, Engines, type Outcome } from "./engines.ts";
import { randomRules } from "./rules.ts";
import { randomTraffic, type Traffic } from "./traffic.ts";

const OWN_ADDRESSES = new RegExp(
  Object.values(os.networkInterfaces())
    .flatMap((all) => all ?? [])
    .map(({ address }) => address.replaceAll(".", "\\."))
    .join("|"),
  "g",
);

/** The differences there may be: each is taken out of both texts before they are compared. */
export const NAMED_DIFFERENCES: Array<{ name: string; why: string; from: RegExp; to: string }> = [
  {
    name: "date",
    why: "the second in which it was answered",
    from: /^date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/gm,
    to: "date: *",
  },
  {
    name: "x-request-id",
    why: "each engine makes one by chance, where the client sent none",
    from: /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g,
    to: "*",
  },
  {
    name: "x-envoy-upstream-service-time",
    why: "milliseconds that the upstream took",
    from: /(x-envoy-upstream-service-time(?:: |\W+))\d+/g,
    to: "$1*",
  },
  {
    name: "x-forwarded-for",
    why: "of a client on loopback Envoy tells an address of its own machine",
    from: OWN_ADDRESSES,
    to: "127.0.0.1",
  },
  {
    name: "connection",
    why: "Node's client names the default of HTTP/1.1 to the upstream; it is for one hop",
    from: /^Connection: keep-alive\r?\n/gm,
    to: "",
  },
];

function normal(text: string): string {
  return NAMED_DIFFERENCES.reduce((all, { from, to }) => all.replace(from, to), text);
}

function differs(a: Outcome, b: Outcome): boolean {
  return normal(a.client) !== normal(b.client) || normal(a.upstream) !== normal(b.upstream);
}

export interface DifferentialReport {
  files: number;
  exchanges: number;
  /** Each with the seed, the rules, the traffic and what both engines made of it. */
  differences: string[];
}

export interface DifferentialOptions {
  envoy: string;
  seed: number;
  batches: number;
  filesOfBatch?: number;
  exchangesOfFile?: number;
  /** Whether traffic that differs is made small. */
  shrinks?: boolean;
  onBatch?: (report: DifferentialReport) => boolean;
}

/** Runs batches of rule files, each file with its traffic. */
export async function differential(options: DifferentialOptions): Promise<DifferentialReport> {
  const report: DifferentialReport = { files: 0, exchanges: 0, differences: [] };
  for (let i = 0; i < options.batches; i++) {
    await runBatch(options, (options.seed + i * 7919) >>> 0, report);
    if (options.onBatch?.(report) === false) break;
  }
  return report;
}

async function runBatch(
  { envoy, filesOfBatch = 8, exchangesOfFile = 16, shrinks = true }: DifferentialOptions,
  seed: number,
  report: DifferentialReport,
): Promise<void> {
  const random = new Random(seed);
  const trees = Array.from({ length: filesOfBatch }, () => acceptedRules(random));
  const engines = await Engines.start(
    envoy,
    trees.map((tree) => accepted(tree)!),
  );
  try {
    for (const [i, tree] of trees.entries()) {
      report.files++;
      for (let n = 0; n < exchangesOfFile; n++) {
        report.exchanges++;
        const traffic = randomTraffic(random);
        if (!(await areDifferent(engines, i, traffic))) continue;
        // What depends on which of two things comes first is no difference of the engines.
        if (!(await areDifferent(engines, i, traffic))) continue;
        const small = shrinks ? await shrunk(engines, i, traffic) : traffic;
        report.differences.push(await describe(engines, i, small, tree, seed));
        // One difference of a file is often all of them.
        if (report.differences.length > 200) return;
      }
    }
  } finally {
    await engines.stop();
  }
}

function acceptedRules(random: Random): object {
  while (true) {
    const tree = randomRules(random);
    if (accepted(tree)) return tree;
  }
}

async function areDifferent(engines: Engines, file: number, traffic: Traffic): Promise<boolean> {
  const embedded = await engines.run("embedded", file, traffic);
  return differs(embedded, await engines.run("envoy", file, traffic));
}

/** The traffic without every line that the difference does not need. */
async function shrunk(engines: Engines, file: number, traffic: Traffic): Promise<Traffic> {
  let best = traffic;
  for (const part of ["request", "answer"] as const) {
    for (let i = 1; i < linesOf(best[part]).length; ) {
      const lines = linesOf(best[part]);
      const without = [...lines.slice(0, i), ...lines.slice(i + 1)].join("\r\n");
      const candidate = { ...best, [part]: without + bodyOf(best[part]) };
      const frames = /^(content-length|transfer-encoding)/i.test(lines[i]!);
      if (!frames && (await areDifferent(engines, file, candidate))) best = candidate;
      else i++;
    }
  }
  return best;
}

const linesOf = (message: string) => message.split("\r\n\r\n")[0]!.split("\r\n");
const bodyOf = (message: string) => message.slice(message.split("\r\n\r\n")[0]!.length);

async function describe(
  engines: Engines,
  file: number,
  traffic: Traffic,
  tree: object,
  seed: number,
): Promise<string> {
  const embedded = await engines.run("embedded", file, traffic);
  const envoy = await engines.run("envoy", file, traffic);
  const show = (name: string, a: string, b: string) =>
    normal(a) === normal(b) ? "" : `--- ${name}, embedded:\n${a}\n--- ${name}, Envoy:\n${b}\n`;
  return [
    `=== seed ${seed}, rules ${JSON.stringify(tree)}`,
    `request ${JSON.stringify(traffic.request)}`,
    `answer ${JSON.stringify(traffic.answer)}${traffic.closes ? " and closes" : ""}`,
    show("client", embedded.client, envoy.client) +
      show("upstream", embedded.upstream, envoy.upstream),
  ].join("\n");
}
