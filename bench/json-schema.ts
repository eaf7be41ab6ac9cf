// What judging a typical body of 10 KB by its schema costs in Node: the filter's engine, compiled
// to WebAssembly, beside ajv, which compiles schemas to JavaScript. Both get the text of the body,
// as it comes; what of it is parsing is shown apart. Nothing of Envoy is in these figures.

import { Ajv2020 } from "ajv/dist/2020.js";
import { loadProbe, type Probe } from "../tests/probe.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
/** How long a contender runs in one round. */
const ROUND_MS = 40;

const ORDER_SCHEMA = {
  type: "object",
  required: ["id", "created", "customer", "items"],
  properties: {
    id: { type: "string", pattern: "^[0-9a-f]{8}-[0-9a-f]{4}$" },
    created: { type: "string", minLength: 20, maxLength: 30 },
    customer: {
      type: "object",
      required: ["name", "email", "address"],
      properties: {
        name: { type: "string", minLength: 1, maxLength: 100 },
        email: { type: "string", maxLength: 254 },
        address: { $ref: "#/$defs/address" },
      },
      additionalProperties: false,
    },
    items: { type: "array", minItems: 1, maxItems: 1000, items: { $ref: "#/$defs/item" } },
    total: { type: "number", minimum: 0 },
    note: { type: ["string", "null"] },
  },
  additionalProperties: false,
  $defs: {
    address: {
      type: "object",
      required: ["street", "city", "country"],
      properties: {
        street: { type: "string" },
        city: { type: "string" },
        country: { enum: ["CH", "DE", "FR", "IT"] },
        zip: { type: "string", pattern: "^[0-9]{4,5}$" },
      },
    },
    item: {
      type: "object",
      required: ["sku", "quantity", "price"],
      properties: {
        sku: { type: "string", pattern: "^[A-Z]{3}-[0-9]+$" },
        title: { type: "string", maxLength: 200 },
        quantity: { type: "integer", minimum: 1, maximum: 1000 },
        price: { type: "number", exclusiveMinimum: 0 },
        tags: { type: "array", items: { type: "string" }, uniqueItems: true },
        gift: { type: "boolean" },
      },
      additionalProperties: false,
    },
  },
};

function order(items: number): object {
  return {
    id: "0badcafe-1234",
    created: "2024-05-01T12:30:00.000Z",
    customer: {
      name: "Ann Example",
      email: "ann@example.com",
      address: { street: "Gasse 1", city: "Bern", country: "CH", zip: "3000" },
    },
    items: Array.from({ length: items }, (_, i) => ({
      sku: `ABC-${1000 + i}`,
      title: `A thing of some use, number ${i}, in a box of its own`,
      quantity: (i % 9) + 1,
      price: 4.35 + i,
      tags: ["new", "small", `shelf-${i}`],
      gift: i % 2 === 0,
    })),
    total: 1234.5,
    note: null,
  };
}

type Contender = (times: number) => void;

function measure(contender: Contender, times: number): number {
  const start = performance.now();
  contender(times);
  return performance.now() - start;
}

/** How many times fill a round, after which the contender is warm. */
function timesFor(contender: Contender): number {
  let times = 10;
  let spent = measure(contender, times);
  while (spent < ROUND_MS / 2) {
    times *= 2;
    spent = measure(contender, times);
  }
  return Math.max(1, Math.round((times * ROUND_MS) / spent));
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

function loadOurs(probe: Probe, text: string): Record<string, Contender> {
  const schema = JSON.stringify(ORDER_SCHEMA);
  if (probe.exports.compile(...probe.put(schema), false) !== 0) throw new Error("no schema");
  const place = probe.put(text);
  if (probe.exports.validate(...place, true) !== 0) throw new Error("the order is not valid");
  return {
    "ruleway: parse": (times) => probe.exports.parseMany(...place, times),
    "ruleway: parse and judge": (times) => probe.exports.validateMany(...place, times, false),
    "ruleway: and refuse names twice": (times) => probe.exports.validateMany(...place, times, true),
  };
}

function loadTheirs(text: string): Record<string, Contender> {
  const validate = new Ajv2020({ strict: false }).compile(ORDER_SCHEMA);
  const parsed = JSON.parse(text);
  if (!validate(parsed)) throw new Error("ajv finds the order not valid");
  const repeat =
    (work: () => unknown): Contender =>
    (times) => {
      for (let i = 0; i < times; i++) work();
    };
  return {
    "JSON.parse": repeat(() => JSON.parse(text)),
    "ajv: parse and judge": repeat(() => validate(JSON.parse(text))),
    "ajv: judge alone": repeat(() => validate(parsed)),
  };
}

/** Prints megabytes of body a second, medians over interleaved rounds. */
export async function benchJsonSchema(print: (line: string) => void): Promise<void> {
  const text = JSON.stringify(order(58));
  const probe = await loadProbe("json-schema");
  const contenders = Object.entries({ ...loadOurs(probe, text), ...loadTheirs(text) }).map(
    ([name, contender]) => ({ name, contender, times: timesFor(contender), costs: [] as number[] }),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const { contender, times, costs } of contenders)
      costs.push(measure(contender, times) / times);
  }
  print(
    `\njson-schema: a body of ${text.length} bytes in Node ${process.versions.node}, ${ROUNDS} rounds`,
  );
  for (const { name, costs } of contenders) {
    const ms = median(costs);
    const speed = (text.length / ms / 1000).toFixed(0).padStart(6);
    print(`  ${name.padEnd(32)} ${(ms * 1000).toFixed(1).padStart(8)} µs ${speed} MB/s`);
  }
}
