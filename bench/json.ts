// What the JSON engine does in Node, with nothing of Envoy: megabytes a second of parsing, of three
// edits, of an edit of very many places, and of edits while the document passes, beside JSON.parse with JSON.stringify over the same bytes,
// and beside copying them.

import { loadProbe, type Probe } from "../tests/probe.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
/** How long a contender runs in one round. */
const ROUND_MS = 40;

const REMOVE = 0;
const SET = 1;
const ADD = 2;
/** As a host hands bodies on. */
const PIECE = 16 * 1024;
type Edit = [kind: number, path: string, value: string];

/** An order with so many items: about 93 bytes each. */
function order(items: number, indent?: number): string {
  const list = Array.from({ length: items }, (_, i) => ({
    sku: `sku-${i}`,
    quantity: i,
    price: i * 1.25,
    tags: ["a", 'b\n"c"'],
    ok: true,
    secret: "s3cr3t",
  }));
  const all = { id: 1234567, status: "open", secret: "s3", user: { name: "Ada" }, items: list };
  return JSON.stringify(all, null, indent);
}

const THREE: Edit[] = [
  [REMOVE, "/secret", ""],
  [SET, "/status", '"done"'],
  [ADD, "/trace", '"abc"'],
];

const prose = JSON.stringify(
  Array.from({ length: 1000 }, (_, i) => `${"lorem ipsum ".repeat(80)}${i}`),
);
const foreign = JSON.stringify(Array.from({ length: 4000 }, (_, i) => `größe 値段 ${i} цена`));
const numbers = JSON.stringify(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003));

interface Row {
  name: string;
  text: string;
  /** None: only parsed. */
  edits: Edit[];
  /** Edited while it passes, in pieces of so many bytes. */
  pieces?: number;
}

const ROWS: Row[] = [
  { name: "parse 10 KiB", text: order(101), edits: [] },
  { name: "parse 1 MiB", text: order(10_200), edits: [] },
  { name: "parse 1.6 MiB indented", text: order(10_200, 2), edits: [] },
  { name: "parse 1 MiB of prose", text: prose, edits: [] },
  { name: "parse not ASCII", text: foreign, edits: [] },
  { name: "parse numbers", text: numbers, edits: [] },
  { name: "3 edits in 10 KiB", text: order(101), edits: THREE },
  { name: "3 edits in 1 MiB", text: order(10_200), edits: THREE },
  {
    name: "10,200 places in 1 MiB",
    text: order(10_200),
    edits: [[REMOVE, "$.items[*].secret", ""]],
  },
  {
    name: "the same in a stream",
    text: order(10_200),
    edits: [[REMOVE, "$.items[*].secret", ""]],
    pieces: PIECE,
  },
  { name: "3 edits in a stream", text: order(10_200), edits: THREE, pieces: PIECE },
  { name: "prose in a stream", text: prose, edits: [[REMOVE, "/secret", ""]], pieces: PIECE },
  { name: "numbers in a stream", text: numbers, edits: [[REMOVE, "/secret", ""]], pieces: PIECE },
  { name: "the same by descent", text: order(10_200), edits: [[REMOVE, "$..secret", ""]] },
];

type Contender = () => void;

function ours(probe: Probe, { text, edits, pieces }: Row): Contender {
  probe.exports.reset();
  const [at, size] = probe.put(text);
  if (edits.length === 0) {
    return () => {
      if (probe.exports.firstError(at, size, 1000) !== -1) throw new Error("not JSON");
    };
  }
  for (const [kind, path, value] of edits)
    probe.exports.edit(kind, ...probe.put(path), ...probe.put(value), 0);
  if (pieces !== undefined) {
    return () => {
      probe.exports.beginStream();
      for (let from = 0; from < size; from += pieces) {
        const last = from + pieces >= size;
        const status = probe.exports.feed(at + from, Math.min(pieces, size - from), last);
        if (status > 1) throw new Error("not JSON");
      }
    };
  }
  if (probe.exports.apply(at, size) !== 0) throw new Error("nothing was edited");
  return () => probe.exports.applyAgain(at, size);
}

/** Milliseconds of the process's own CPU time, which neighbours on the machine disturb least. */
function measure(contender: Contender, times: number): number {
  const start = process.cpuUsage();
  for (let i = 0; i < times; i++) contender();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Neighbours only ever add time: the lower quartile is the steadiest. */
const quartile = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 2]!;

/** Prints MB/s, lower quartiles over interleaved rounds, and what one document takes of our time. */
export async function benchJson(print: (line: string) => void): Promise<void> {
  print(`\njson: MB/s in Node ${process.versions.node}, ${ROUNDS} rounds`);
  print(
    `  ${"".padEnd(24)} ${"ruleway".padStart(8)} ${"µs each".padStart(9)} ${"JSON.parse+stringify".padStart(21)} ${"copy".padStart(8)}`,
  );
  for (const row of ROWS) {
    const probe = await loadProbe("json");
    const bytes = Buffer.from(row.text);
    const target = Buffer.alloc(bytes.length);
    const run = [
      ours(probe, row),
      () => {
        Buffer.from(JSON.stringify(JSON.parse(bytes.toString())));
      },
      () => {
        bytes.copy(target);
      },
    ];
    const contenders = run.map((contender) => {
      measure(contender, 20);
      const once = measure(contender, 20) / 20;
      return { contender, times: Math.max(1, Math.round(ROUND_MS / once)), costs: [] as number[] };
    });
    for (let round = 0; round < ROUNDS; round++) {
      for (const { contender, times, costs } of contenders)
        costs.push(measure(contender, times) / times);
    }
    const [mine, theirs, copy] = contenders.map(({ costs }) => quartile(costs));
    const speed = (ms: number) => (bytes.length / ms / 1000).toFixed(0);
    print(
      `  ${row.name.padEnd(24)} ${speed(mine!).padStart(8)} ${(mine! * 1000).toFixed(1).padStart(9)} ${speed(theirs!).padStart(21)} ${speed(copy!).padStart(8)}`,
    );
  }
}
