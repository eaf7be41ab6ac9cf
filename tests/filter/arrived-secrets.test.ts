// What arrived in a secret header stays secret wherever edits have put it since: each way for it to move,
// each kind of secret, each way to tell of it.

import { describe, expect, test } from "vitest";
import { Filter } from "./run.ts";

const TOKEN = "CLIENT+SECRET/TOKEN==42";
const BASIC = Buffer.from(`user:${TOKEN}`).toString("base64");

/** Header lines, and the texts of them that must not be told. */
const SECRETS: Array<[name: string, value: string, secrets: string[]]> = [
  ["authorization", `Bearer ${TOKEN}`, [TOKEN]],
  ["authorization", `Bearer\t${TOKEN}`, [TOKEN]],
  ["authorization", TOKEN, [TOKEN]],
  ["authorization", `Basic ${BASIC}`, [BASIC, TOKEN]],
  ["x-api-key", TOKEN, [TOKEN]],
  ["cookie", `a=1; sid=${TOKEN}; b=2`, [TOKEN]],
  ["cookie", `sid="${TOKEN}"`, [TOKEN]],
];

type Steps = object[];

/** Steps that move the header's value, and the expression that then reads it. */
const MOVES: Array<[name: string, steps: (header: string) => Steps, expression: string]> = [
  ["stays", () => [], "request.headers[NAME]"],
  [
    "copy and set",
    (header) => [{ headers: { copy: { [header]: "x-o" }, set: { [header]: "other-value-000" } } }],
    "request.headers['x-o']",
  ],
  ["rename", (header) => [{ headers: { rename: { [header]: "x-o" } } }], "request.headers['x-o']"],
  [
    "a variable, and removed",
    (header) => [
      { set: { kept: `$(request.headers['${header}'])` } },
      { headers: { remove: [header] } },
    ],
    "ctx.kept",
  ],
  ["removed, in the query", (header) => [{ headers: { remove: [header] } }], "request.query"],
  ["removed, in the body", (header) => [{ headers: { remove: [header] } }], "request.body"],
  [
    "removed, in JSON",
    (header) => [{ headers: { remove: [header] } }],
    "request.json.nested[0].deep",
  ],
  [
    "removed, as it arrived",
    (header) => [{ headers: { remove: [header] } }],
    "original.headers[NAME]",
  ],
];

function filterWith(rule: object): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: true, hasCluster: () => true });
  const services = { events: { cluster: "events" } };
  const settings = { holdHeaders: true };
  const rules = { ruleway: 1, settings, services, rules: [{ name: "a", ...rule }] };
  if (!filter.configure(rules)) throw new Error(filter.errors.join("\n"));
  return filter;
}

describe.each(SECRETS)("%s: %s", (header, value, secrets) => {
  describe.each(MOVES)("%s", (_move, steps, expression) => {
    const read = expression.replace("NAME", `'${header}'`);
    const tells: Array<[string, object]> = [
      ["log", { log: `told $(${read})` }],
      ["log with text around", { log: `$(request.method) $(${read} + ${read}) x` }],
      ["attributes", { attributes: { filterState: { told: `$(${read})` } } }],
    ];
    test.each(tells)("%s", (_tell, step) => {
      const filter = filterWith({ request: [...steps(header), step] });
      const secret = secrets.at(-1)!;
      const query = encodeURIComponent(secret);
      const stream = filter
        .open()
        .request(
          { [header]: value, ":path": `/?t=${query}`, "content-type": "application/json" },
          JSON.stringify({ nested: [{ deep: `is ${secret}` }] }),
        );
      const told = [...filter.log, stream.property("told") ?? ""].join("\n");
      expect(told).toMatch(/\*\*\*/);
      for (const each of [...secrets, query]) expect(told).not.toContain(each);
      stream.close();
      expect(filter.traps).toEqual([]);
    });
  });
});

describe("cookies that the upstream sets", () => {
  const moves: Array<[string, Steps, string]> = [
    [
      "copied and removed",
      [{ headers: { copy: { "set-cookie": "x-o" } } }, { headers: { remove: ["set-cookie"] } }],
      "response.headers['x-o']",
    ],
    ["renamed", [{ headers: { rename: { "set-cookie": "x-o" } } }], "response.headers['x-o']"],
    ["removed, in the body", [{ headers: { remove: ["set-cookie"] } }], "response.body"],
    [
      "removed, in another header",
      [{ headers: { remove: ["set-cookie"] } }],
      "response.headers['x-also']",
    ],
  ];
  test.each(moves)("%s", (_name, steps, read) => {
    for (const value of [`sid=${TOKEN}; Path=/`, `sid="${TOKEN}"; HttpOnly`]) {
      const headers = { "set-cookie": value, "x-also": `see ${TOKEN}` };
      const told = (rule: object) => {
        const filter = filterWith(rule);
        const stream = filter.open().request().respond(headers, `body ${TOKEN}`);
        stream.close();
        return filter.log.join("\n");
      };
      const now = told({ response: [...steps, { log: `told $(${read})` }] });
      expect(now).toMatch(/\*\*\*/);
      expect(now).not.toContain(TOKEN);
      if (read === "response.body") continue;
      const later = told({ response: steps, done: [{ log: `told $(${read})` }] });
      expect(later).toMatch(/\*\*\*/);
      expect(later).not.toContain(TOKEN);
    }
  });
});

test("values of attributes end no line of an access log, and have redact", () => {
  const filter = filterWith({
    request: [
      {
        attributes: {
          filterState: { told: "$(request.query_params.a)", card: "$(request.query_params.card)" },
          redact: { patterns: ["[0-9]{16}"] },
        },
      },
    ],
  });
  const lines = encodeURIComponent("x\r\ny\u0085z\u001b[31m");
  const stream = filter.open().request({ ":path": `/?a=${lines}&card=4111111111111111` });
  expect(stream.property("told")).toBe("x  y  z [31m");
  expect(stream.property("card")).toBe("***");
});

test("names that a client has made up are told to it, and to no log", () => {
  const filter = filterWith({
    request: [
      {
        validate: {
          body: {
            properties: { list: { additionalProperties: { type: "string" } } },
            additionalProperties: false,
          },
          as: "why",
        },
      },
    ],
    done: [{ log: "refused: $(ctx.why)" }],
  });
  const refused = (body: object) => {
    const stream = filter
      .open()
      .request({ "content-type": "application/json" }, JSON.stringify(body));
    stream.close();
    return [stream.responseBody.trim(), filter.log.at(-1)];
  };
  expect(refused({ list: { "4111-1111": 1 } })).toEqual([
    'body "/list/4111-1111": type',
    'refused: body "/list/*": type',
  ]);
  expect(refused({ "4111-1111": 1 })).toEqual([
    'body "/4111-1111": additionalProperties',
    'refused: body "/*": additionalProperties',
  ]);
});
