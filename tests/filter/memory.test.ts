// A filter that runs out of memory anywhere: for each of its requests for memory in turn, it is refused one
// while a stream is judged. Then either nothing is different from what it is with memory, or the stream is
// refused and counted: no guard is passed, no message goes on half edited, nothing traps or waits for ever.

import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { probeModule } from "../probe.ts";
import { Filter, type Stream } from "./run.ts";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await probeModule("memory", ["TESTS_MEMORY"]);
});

interface Message {
  headers?: Record<string, string>;
  pieces?: Array<string | Uint8Array>;
}

interface Scenario {
  name: string;
  rules: object[];
  request?: Message;
  response?: Message;
  /** Callouts get this answer. */
  answer?: { headers: Array<[string, string]>; body?: string };
}

const json = (value: unknown, more: Record<string, string> = {}): Message => ({
  headers: { "content-type": "application/json", ...more },
  pieces: JSON.stringify(value).match(/.{1,9}/g)!,
});

const deny = { respond: { status: 403, text: "no" } };
/** A condition that looks at a good part of what there is to look at. */
const COMPLEX =
  "request.headers.exists(k, k == 'x-role' && request.headers[k].matches('^(?i)adm[a-z]+$')) && " +
  "['a', 'b'].map(e, e + request.query_params['q']).join('-').size() > 0 && " +
  "request.cookies['sid'].split('.')[1] == 'b' && tables.roles[request.headers['x-role']].level > 1";

const GET: Record<string, string> = {
  ":path": "/admin/users/7?q=1&role=x%20y",
  "x-role": "admin",
  cookie: "sid=a.b; t=2",
};

const guards: Scenario[] = [
  ["a path", { match: { path: "/admin/{rest=**}" }, request: [deny] }, { headers: GET }],
  [
    "all of a match",
    {
      match: {
        all: [{ host: "*.example" }, { path: { regex: "^/(?P<a>adm)in/" } }],
        headers: { "x-role": { regex: "adm", ignoreCase: true } },
        query: { q: "1", role: { contains: "x y" } },
        cookies: { sid: { prefix: "a." } },
        source: ["10.0.0.0/8"],
        not: { method: ["PUT"] },
      },
      request: [deny],
    },
    { headers: { ...GET, ":authority": "shop.example:8080" } },
  ],
  ["a condition", { when: COMPLEX, request: [deny] }, { headers: GET }],
  ["a condition of a step", { request: [{ ...deny, when: COMPLEX }] }, { headers: GET }],
  [
    "variables",
    {
      request: [
        { set: { role: "$(request.headers['x-role'] + '!')" } },
        { ...deny, when: "ctx.role == 'admin!'" },
      ],
    },
    { headers: GET },
  ],
  [
    "what came",
    {
      request: [
        { headers: { remove: ["x-role"] } },
        { ...deny, when: "original.headers['x-role'] == 'admin'" },
      ],
    },
    { headers: GET },
  ],
  [
    "JSON of a body",
    { request: [{ ...deny, when: "request.json.a.b[1] == 'x'" }] },
    json({ a: { b: [1, "x"] } }),
  ],
  [
    "a compressed body",
    { request: [{ ...deny, when: "request.body.contains('secret')" }] },
    { headers: { "content-encoding": "gzip" }, pieces: [gzipSync("a secret".repeat(50))] },
  ],
  [
    "a form",
    { request: [{ ...deny, when: "request.form.role == 'admin'" }] },
    {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      pieces: ["x=1&ro", "le=adm%69n"],
    },
  ],
  [
    "a form of parts",
    { request: [{ ...deny, when: "request.form.role == 'admin'" }] },
    {
      headers: { "content-type": "multipart/form-data; boundary=B" },
      pieces: ['--B\r\nContent-Disposition: form-data; name="role"\r\n\r\nadmin\r\n--B--\r\n'],
    },
  ],
  [
    "a schema",
    { request: [{ validate: { body: { type: "object", properties: { a: { maximum: 1 } } } } }] },
    json({ a: 2 }),
  ],
  [
    "a limit",
    { request: [{ limit: { body: "8" } }] },
    json({ a: "0123456789" }, { "content-length": "18" }),
  ],
  [
    "an edit that denies",
    {
      request: [
        { body: { json: { patch: [{ op: "test", path: "/a", value: 1 }] }, onError: "deny" } },
      ],
    },
    json({ a: 2 }),
  ],
].map(([name, rule, request]) => ({ name, rules: [rule], request }) as Scenario);

const refusing: Scenario[] = [
  [
    "authorize",
    [{ authorize: { service: "a", path: "/check$(request.path)", send: { headers: ["x-role"] } } }],
  ],
  [
    "authorize that keeps answers",
    [{ authorize: { service: "a", cache: { key: "$(request.headers['x-role'])", ttl: "1m" } } }],
  ],
  [
    "call",
    [
      { call: { service: "a", as: "c", json: { p: "$(request.path)" } } },
      { ...deny, when: "calls.c.json.ok != true" },
    ],
  ],
  [
    "parallel",
    [
      {
        parallel: [
          { call: { service: "a", as: "c", onError: "deny" } },
          { call: { service: "a", as: "d" } },
        ],
      },
      { ...deny, when: "calls.d.body.contains('no')" },
    ],
  ],
].map(([name, request]) => ({
  name: name as string,
  rules: [{ request }],
  request: { headers: GET },
  answer: {
    headers: [
      [":status", "401"],
      ["content-type", "application/json"],
    ],
    body: '{"ok":false,"no":1}',
  },
}));

const passing: Scenario[] = [
  {
    name: "edits of the request",
    rules: [
      {
        match: { path: "/admin/{what}/{id}" },
        request: [
          {
            headers: {
              keep: ["x-*", "cookie"],
              rename: { "x-role": "x-r" },
              copy: { "x-r": "x-s" },
              replace: { "x-s": { regex: "a(d)", with: "$1$1" } },
              set: { "x-set": "$(params.id)-$(request.method)" },
              add: { "x-add": ["1", "2"] },
              append: { "x-add": "3" },
              default: { "x-new": "$(params.what)" },
              dedupe: { "x-add": "unique" },
            },
          },
          { query: { set: { n: "$(request.id)" }, remove: ["q"], rename: { role: "r" } } },
          { cookies: { set: { a: "$(params.id)" }, remove: ["t"] } },
          { path: "/v2/$(params.what)" },
          { host: "other.example" },
          { method: "POST" },
          { set: { a: "$(request.headers)", b: "$([1, 2].map(e, e * 2))" } },
          { attributes: { filterState: { who: "$(ctx.a['x-r'])" }, log: { a: "$(params.id)" } } },
          { log: "$(request.method) $(ctx.b)" },
          { metric: { name: "orders", tags: { a: "$(params.id)" } } },
        ],
      },
    ],
    request: { headers: { ...GET, "x-role": "admin" } },
  },
  {
    name: "edits of bodies",
    rules: [
      {
        request: [
          {
            body: {
              replace: [
                { find: "foo", with: "$(request.method)" },
                { regex: "b(a+)r", with: "<$1>" },
              ],
            },
          },
          {
            body: {
              json: {
                set: { "/x": "$(request.headers['x-role'])" },
                remove: ["$..secret"],
                merge: { m: { n: 1 } },
              },
            },
          },
          { body: { prepend: " ", append: "$(request.id)" } },
        ],
        response: [
          { body: { insert: [{ before: "</b>", text: "$(response.code)" }] } },
          { headers: { set: { "x-a": "$(response.headers['content-type'])" } } },
        ],
      },
    ],
    request: json({ a: "foo bar baaar", secret: 1 }, { "x-role": "admin" }),
    response: { headers: { "content-type": "text/html" }, pieces: ["<b>a<", "/b><b>", "</b>"] },
  },
  {
    name: "JSON that streams",
    rules: [
      {
        request: [
          {
            body: {
              json: { remove: ["$.items[*].secret"], set: { "/a": "$(request.method)" } },
              overLimit: "stream",
            },
          },
        ],
      },
    ],
    request: json({
      items: [
        { secret: 1, a: 2 },
        { b: 3, secret: 4 },
      ],
    }),
  },
  {
    name: "a form",
    rules: [{ request: [{ form: { set: { a: "$(request.method)" }, remove: ["b"] } }] }],
    request: {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      pieces: ["a=1&b", "=2&c=3"],
    },
  },
  {
    name: "events",
    rules: [
      {
        response: [
          {
            events: {
              edit: [
                {
                  when: "event.json.n > 1",
                  json: { set: { "/n": "$(event.json.n * 2)" } },
                  set: { last: "$(event.data)" },
                },
              ],
            },
          },
        ],
      },
    ],
    response: {
      headers: { "content-type": "text/event-stream" },
      pieces: ['data: {"n":1}\n', "\ndata: {", '"n":2}\r\n\r', "\n"],
    },
  },
  {
    name: "compressed bodies",
    rules: [
      {
        response: [
          { body: { replace: [{ find: "foo", with: "bar" }], json: { set: { "/b": 1 } } } },
        ],
      },
    ],
    response: {
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
      pieces: [gzipSync('{"a":"foo"}')],
    },
  },
  {
    name: "what a response says",
    rules: [
      {
        match: { status: "5xx" },
        response: [{ status: 502 }, { body: { text: "sorry $(response.code)" } }],
      },
      {
        when: "response.json.ok == false",
        response: [{ respond: { status: 404, json: { why: "$(response.json.why)" } } }],
      },
    ],
    response: {
      headers: { ":status": "200", "content-type": "application/json" },
      pieces: ['{"ok":false,', '"why":"x"}'],
    },
  },
  {
    name: "limits and values for all workers",
    rules: [
      {
        request: [
          { rateLimit: { limit: "100000/1s", key: "$(client.ip)" } },
          { store: { last: "$(request.path)" } },
          { headers: { set: { "x-last": "$(store.last)" } } },
        ],
      },
    ],
    request: { headers: GET },
  },
  {
    name: "an allowed callout",
    rules: [
      {
        request: [
          { authorize: { service: "a", upstream: { set: ["x-user"] } } },
          { call: { service: "a", as: "c", onError: "deny" } },
          { headers: { set: { "x-c": "$(calls.c.json.user)" } } },
        ],
      },
    ],
    answer: {
      headers: [
        [":status", "200"],
        ["x-user", "ada"],
      ],
      body: '{"user":"ada"}',
    },
    request: { headers: GET },
  },
  {
    name: "forward",
    rules: [{ request: [{ forward: { path: "/other$(request.path)" } }] }],
    answer: {
      headers: [
        [":status", "200"],
        ["x-user", "ada"],
      ],
      body: '{"user":"ada"}',
    },
    request: { headers: GET },
  },
  {
    name: "a redirect",
    rules: [
      {
        match: { path: "/admin/{rest=**}" },
        request: [{ redirect: { to: "/new/$(params.rest)" } }],
      },
    ],
    request: { headers: GET },
  },
];

/** What became of a stream. */
interface Outcome {
  upstream: unknown;
  client: unknown;
}

function started({ rules }: Scenario): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: true }, module);
  const accepted = filter.configure({
    ruleway: 1,
    settings: { holdHeaders: true },
    services: { a: { cluster: "a" } },
    tables: { roles: { admin: { level: 2 } } },
    rules,
  });
  expect([accepted, filter.errors]).toEqual([true, []]);
  return filter;
}

/** The exports that only this build has. */
function memoryOf(filter: Filter): { refuseAfter(n: number): void; wasRefused(): number } {
  return filter.plugin["vm"]["exports"] as never;
}

function carryOut(filter: Filter, { request = {}, response, answer }: Scenario): Outcome {
  const stream = filter.open();
  stream.request({ ":authority": "shop.example", ...request.headers }, ...(request.pieces ?? []));
  answerAll(filter, answer);
  const reached = stream.upstreamEnded && stream.upstream !== undefined;
  if (reached && stream.status === undefined) {
    stream.respond(response?.headers ?? {}, ...(response?.pieces ?? []));
  }
  answerAll(filter, answer);
  const outcome = outcomeOf(stream);
  stream.close();
  filter.clock.advance(1);
  return outcome;
}

function answerAll(filter: Filter, answer: Scenario["answer"]): void {
  for (let n = 0; filter.calls.length > 0 && n < 20; n++) {
    const { headers = [[":status", "200"]], body = "" } = answer ?? {};
    filter.calls.shift()!.respond({ headers, body: Buffer.from(body) });
  }
}

function outcomeOf(stream: Stream): Outcome {
  const withoutIds = (headers: unknown) => JSON.stringify(headers)?.replace(/[0-9a-f-]{36}/g, "ID");
  return {
    upstream: [withoutIds(stream.upstream), stream.upstreamBody, stream.upstreamEnded],
    client: [
      withoutIds(stream.response),
      stream.responseBody,
      stream.responseEnded,
      stream.wasReset,
    ],
  };
}

/** Carries the scenario out for each request for memory that it makes; how many there are. */
function exhaust(scenario: Scenario, isGuarded: boolean): number {
  const filter = started(scenario);
  const memory = memoryOf(filter);
  memory.refuseAfter(-1);
  // Twice: what is made once is there from then on.
  carryOut(filter, scenario);
  const normal = carryOut(filter, scenario);
  let n = 0;
  for (; n < 20_000; n++) {
    const counted = filter.metrics["ruleway.out_of_memory"] ?? 0;
    memory.refuseAfter(n);
    const outcome = carryOut(filter, scenario);
    const isDone = memory.wasRefused() === 0;
    memory.refuseAfter(-1);
    expect(filter.traps).toEqual([]);
    const place = `request ${n} for memory`;
    if (JSON.stringify(outcome) !== JSON.stringify(normal)) {
      const [response, , , wasReset] = outcome.client as [
        string | undefined,
        string,
        boolean,
        boolean,
      ];
      expect(
        wasReset || response?.includes('":status","503"'),
        `${place}: ${JSON.stringify(outcome)}`,
      ).toBe(true);
      expect(
        filter.metrics["ruleway.out_of_memory"] ?? 0,
        `${place}: ${JSON.stringify(outcome)}`,
      ).toBeGreaterThan(counted);
      if (isGuarded) expect((outcome.upstream as unknown[])[0], place).toBeUndefined();
    }
    if (isDone) break;
  }
  // And when there is memory again, all is as it was.
  expect(carryOut(filter, scenario)).toEqual(normal);
  return n;
}

describe("what refuses keeps refusing", () => {
  test.each([...guards, ...refusing])("$name", (scenario) => {
    const filter = started(scenario);
    const { client, upstream } = carryOut(filter, scenario);
    expect([String((client as unknown[])[0]).match(/":status","(\d+)"/)?.[1]]).not.toEqual(["200"]);
    expect((upstream as unknown[])[0]).toBeUndefined();
    expect(exhaust(scenario, true)).toBeGreaterThan(0);
  });
});

describe("what passes passes whole or not at all", () => {
  test.each(passing)("$name", (scenario) => {
    expect(exhaust(scenario, false)).toBeGreaterThan(0);
  });
});
