// What decoding compressed bodies costs in Node: the filter's decoder, compiled to WebAssembly,
// beside Node's own zlib. MB/s of output; nothing of Envoy is in these figures.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import zlib from "node:zlib";
import { root } from "../compiler/assets.ts";
import { loadProbe, type Probe } from "../tests/probe.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
/** How long a contender runs in one round. */
const ROUND_MS = 60;
const SIZE = 1_000_000;

function sources(): Buffer {
  const files = readdirSync(join(root, "filter"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => readFileSync(join(root, "filter", name)));
  return Buffer.concat(files).subarray(0, SIZE);
}

function records(): Buffer {
  let state = 7;
  const next = (bound: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  const list = Array.from({ length: 9000 }, (_, id) => ({
    ...{ id, name: `user-${next(5000)}`, active: next(3) > 0, score: next(100_000) / 100 },
    tags: ["alpha", "beta", "gamma", "delta"].slice(next(4)),
  }));
  return Buffer.from(JSON.stringify(list)).subarray(0, SIZE);
}

function noise(): Buffer {
  let state = 9;
  return Buffer.from(
    Array.from({ length: SIZE }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    }),
  );
}

const ROWS: Array<[name: string, text: Buffer, level: number]> = [
  ["source code, level 6", sources(), 6],
  ["JSON, level 6", records(), 6],
  ["JSON, level 1", records(), 1],
  ["one byte, level 9", Buffer.alloc(SIZE, 120), 9],
  ["noise, level 6", noise(), 6],
];

type Contender = () => void;

function ours(probe: Probe, coding: number, encoded: Buffer): Contender {
  probe.exports.reset();
  const [at, n] = probe.put(encoded);
  return () => {
    probe.exports.open(coding, -1n, -1n, 0n);
    probe.exports.drain(at, n);
    // 2 is Ended.
    if (probe.exports.end() !== 2) throw new Error("the decoder does not take it");
  };
}

function measure(contender: Contender): number {
  const start = performance.now();
  let times = 0;
  while (performance.now() - start < ROUND_MS) {
    contender();
    times++;
  }
  return (performance.now() - start) / times;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Prints MB/s, medians over interleaved rounds, and the ratio of ours to zlib's. */
export async function benchInflate(print: (line: string) => void): Promise<void> {
  print(`\ninflate: MB/s of output in Node ${process.versions.node}, ${ROUNDS} rounds`);
  print(
    `  ${"".padEnd(30)} ${"ruleway".padStart(9)} ${"node:zlib".padStart(10)} ${"ratio".padStart(7)}`,
  );
  for (const [name, text, level] of ROWS) {
    for (const [frame, coding, encode, decode] of [
      ["gzip", 0, zlib.gzipSync, zlib.gunzipSync],
      ["zlib", 1, zlib.deflateSync, zlib.inflateSync],
      ["bare", 1, zlib.deflateRawSync, zlib.inflateRawSync],
    ] as const) {
      const encoded = encode(text, { level });
      const probe = await loadProbe("inflate");
      const contenders = [ours(probe, coding, encoded), () => void decode(encoded)];
      const costs: number[][] = contenders.map(() => []);
      for (const contender of contenders) measure(contender);
      for (let round = 0; round < ROUNDS; round++) {
        contenders.forEach((contender, i) => {
          costs[i]!.push(measure(contender));
        });
      }
      const [a, b] = costs.map((list) => text.length / median(list) / 1000) as [number, number];
      const figures = [a.toFixed(0).padStart(9), b.toFixed(0).padStart(10)];
      print(
        `  ${`${name}, ${frame}`.padEnd(30)} ${figures.join(" ")} ${(a / b).toFixed(2).padStart(7)}`,
      );
    }
  }
}
