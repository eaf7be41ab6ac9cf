// Throws configurations and streams at the real filter in the embedded host, and watches for what
// must never happen: a trap, a stream that hangs, a message that passes while its callout is out, a
// content-length that lies, memory that only grows.
// Everything follows from the seed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import zlib from "node:zlib";
import { filterModule, root } from "../../compiler/assets.ts";
import { compile } from "../../compiler/index.ts";
import {
  getHeader,
  type Headers,
  type HttpCall,
  ManualClock,
  Plugin,
  type Sink,
} from "../../host/index.ts";
import { expressionRules } from "./expressions.ts";

/** Numbers from a seed (mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Below `bound`. */
  below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

const EXAMPLES = [
  "quickstart",
  "header-rewrite",
  "body-replace",
  "auth-callout",
  "buffer-limits",
  "validate",
  "json-edit",
];

const services = { auth: { cluster: "auth-cluster" } };
const settings = { holdHeaders: true, onInvalidRule: "skip" };
const authorize = { authorize: { service: "auth" } };
const authorizeOnce = {
  authorize: {
    service: "auth",
    upstream: { set: ["x-*"], append: ["accept"] },
    client: ["*"],
    cache: {
      key: ["$(request.method)", "$(request.headers['x-a'])"],
      ttl: "90s",
      staleIfError: "2m",
    },
    retries: 2,
  },
};
const authorizeBody = {
  authorize: {
    service: "auth",
    send: { headers: ["*"] },
    body: { maxBytes: 30, partial: true },
    cache: { ttl: "2m", maxEntries: 5 },
  },
};

/** Rules that do all there is to bodies, around callouts: what the examples have little of. */
const BODY_RULES: unknown[] = [
  [
    {
      body: {
        replace: [
          { regex: "(o+)|(a)", with: "<$1$2>" },
          { find: "fo", with: "$(now)" },
        ],
      },
    },
    authorize,
    { body: { replace: [{ regex: "(?i)f.*?(r|\\z)", with: "$0$0", first: 2 }], window: 64 } },
    { body: { append: "$(request.body)" }, when: "request.body.contains('o')" },
  ],
  [
    { form: { set: { a: "x" }, add: { b: "$(request.form['a'])" }, dedupe: { a: "last" } } },
    authorize,
    { form: { replace: { "*": { regex: "o", with: "0" } } }, onError: "deny" },
    { headers: { set: { "x-form": "$(json.encode(request.form))" } } },
  ],
  [
    { events: { maxSize: 64, edit: [{ json: { set: { "/i": "$(event.index)" } } }, { id: "1" }] } },
    { events: { format: "lines", edit: [{ when: "event.data.contains('o')", drop: true }] } },
    { events: { format: "sse", edit: [{ data: "$(event.data)\n$(event.type)" }] } },
  ],
  [
    authorizeBody,
    { body: { append: "$(request.body)" }, when: "request.body.contains('o')" },
    authorizeOnce,
    { body: { json: { set: { "/b": "$(request.json)" } }, maxSize: 200, onError: "deny" } },
  ],
  [
    authorizeOnce,
    { body: { replace: [{ find: "fo", with: "$(now)" }] } },
    { authorize: { ...authorizeBody.authorize, body: { maxBytes: 100 }, onError: "allow" } },
  ],
  [
    authorize,
    { validate: { body: { type: "object", maxProperties: 3 }, optional: true, as: "why" } },
    { headers: { set: { "x-a": "$(request.json.items[0])" } } },
    { metric: { name: "m", value: "$(request.json.items[0])", tags: { a: "$(request.body)" } } },
    { metric: { name: "g", type: "gauge", add: "$(size(request.body) - 8)" } },
    authorize,
    { body: { json: { set: { "/b": "$(request.json)" } }, maxSize: 200, onError: "deny" } },
    { limit: { body: 300 }, when: "size(request.body) > 4" },
  ],
].map((request) => {
  const isOfRequest = (step: object) =>
    /"authorize"|"form"|request\.form/.test(JSON.stringify(step));
  const response = request.filter((step) => !isOfRequest(step));
  const inResponse = JSON.parse(JSON.stringify(response).replace(/request\./g, "response."));
  return { ruleway: 1, settings, services, rules: [{ request, response: inResponse }] };
});

const ask = { call: { service: "auth", as: "said", path: "/$(request.method)" } };
const demand = { call: { service: "auth", onError: "deny", json: { a: "$(calls.said.json)" } } };
const together = {
  parallel: [
    { call: { service: "auth", as: "two" }, needs: "one" },
    { call: { service: "auth", as: "one", maxBody: 3 }, when: "request.path != '/'" },
    { call: { service: "auth", onError: "deny" } },
  ],
};

/** Of what streams here are made of, much is secret. */
const all = {
  headers: "*o*",
  query: ["a", "*o*"],
  json: ["/a", "$..b", "$[*].o", "/items/0"],
  patterns: ["fo+", "^a|\\d$"],
};

/** Rules that call in every phase, before and after bodies are read and edited. */
const CALL_RULES: unknown[] = [
  {
    request: [
      ask,
      together,
      { headers: { set: { "x-a": "$(calls.two.status)$(calls.one.body)" } } },
    ],
    response: [demand, { body: { append: "$(calls.said.body)" } }],
    done: [ask, { emit: { service: "auth", maxBody: 10, batch: { count: 3 } } }].slice(1),
  },
  {
    request: [
      { body: { json: { set: { "/a": 1 } } } },
      { respond: { status: 422 }, when: "request.body.contains('o')" },
      demand,
      { headers: { set: { "x-b": "$(size(request.body))" } } },
      together,
    ],
    response: [
      { headers: { set: { "x-c": "$(size(response.body))" } } },
      ask,
      { body: { replace: [{ find: "o", with: "$(calls.said.status)" }] } },
      together,
    ],
  },
  {
    request: [
      { forward: { as: "own" }, when: "request.method == 'PUT'" },
      { forward: { json: 1 } },
    ],
    done: [{ emit: { service: "auth", redact: { json: ["/a"], patterns: ["o+"] } } }],
  },
  {
    request: [
      { set: { body: "$(request.body)" } },
      {
        log: {
          text: "$(request.headers) $(request.body) $(request.json) $(request.form)",
          redact: "all",
          sample: { percent: 50, key: "$(request.path)" },
        },
      },
    ],
    response: [{ log: { text: "$(response.body) $(response.json.a)", redact: "all" } }],
    done: [
      { emit: { service: "auth", redact: "all", maxBody: 20 } },
      {
        emit: {
          service: "auth",
          redact: "all",
          json: { a: "$(ctx.body)", b: ["$(request.path)"] },
        },
      },
    ],
  },
  {
    response: [together, { respond: { status: 502 }, when: "response.json.a == 1" }, demand],
    done: [{ call: { service: "auth", path: "/done" } }],
  },
].map((rule) => ({ ruleway: 1, settings, services, redact: { all }, rules: [rule] }));

/** The examples' rules as trees, and those of bodies: what mutations begin with. */
function corpus(): unknown[] {
  const examples = EXAMPLES.map((name) => {
    const text = readFileSync(join(root, "examples", name, "rules.yaml"), "utf8");
    const { rules } = compile(text);
    if (!rules) throw new Error(`the example ${name} does not compile`);
    return rules;
  });
  // As likely as the examples.
  return [...examples, ...BODY_RULES, ...BODY_RULES, ...CALL_RULES, ...CALL_RULES];
}

const SCRAPS: unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    "",
    "*",
    "**",
    "$(",
    "$$(",
    "$()",
    "$(request.path)",
  ],
  ...[
    "$(request.headers['x'])",
    "/",
    "/a/{b}/**",
    "/{x=**}",
    "5xx",
    "10MiB",
    "500ms",
    "[",
    "(a*)*b",
    "é\u0000\n",
  ],
  ...[[], {}, [[]], { set: {} }, { a: { b: [1, "$(now)"] } }, "x".repeat(5000)],
];

/** A copy with something changed somewhere: a value, a key, an order, a piece from elsewhere. */
function mutate(value: unknown, random: Random, donors: unknown[]): unknown {
  if (random.chance(4)) return random.of(SCRAPS);
  if (random.chance(3)) return pick(random.of(donors), random);
  if (Array.isArray(value)) {
    const list = value.map((each) => mutate(each, random, donors));
    if (random.chance(5)) list.splice(random.below(list.length + 1), 1);
    if (random.chance(5)) list.push(random.of(SCRAPS));
    return list;
  }
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [
    random.chance(1) ? `${key}x` : key,
    mutate(each, random, donors),
  ]);
  return Object.fromEntries(entries);
}

/** Some value from inside. */
function pick(value: unknown, random: Random): unknown {
  let at = value;
  for (let i = random.below(6); i > 0 && typeof at === "object" && at !== null; i--) {
    const values = Object.values(at);
    if (values.length === 0) break;
    at = random.of(values);
  }
  return at;
}

/** Bytes of the text, some of them wrong. */
function garble(text: string, random: Random): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  for (let i = random.below(4); i >= 0; i--) bytes[random.below(bytes.length)] = random.below(256);
  return random.chance(20) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

export interface Report {
  configurations: number;
  accepted: number;
  streams: number;
  /** Everything that must not happen, with the seed that shows it. */
  failures: string[];
  memory: number;
}

/** Runs so many configurations, each with a few streams. */
export function fuzz(seed: number, configurations: number): Report {
  const donors = corpus();
  const report: Report = { configurations, accepted: 0, streams: 0, failures: [], memory: 0 };
  for (let i = 0; i < configurations; i++) {
    const own = (seed + i * 7919) >>> 0;
    const random = new Random(own);
    const failures: string[] = [];
    const clock = new ManualClock();
    const calls: HttpCall[] = [];
    const holds = random.chance(70);
    const plugin = new Plugin(filterModule(), {
      allowOnHeadersStopIteration: holds,
      clock,
      httpCall: (call) => calls.push(call),
      hasCluster: () => random.chance(90),
      onTrap: (error) => failures.push(`trap: ${error.message}`),
    });
    for (let round = 0; round < 3; round++) {
      const isExpressive = random.chance(40);
      let tree: unknown = isExpressive ? expressionRules(random) : random.of(donors);
      for (let n = isExpressive ? 0 : random.below(4); n > 0; n--)
        tree = mutate(tree, random, donors);
      // A configuration that says so of a host that cannot hold headers is the one known way to hang.
      const text = (JSON.stringify(tree) ?? "null").replace(
        /"holdHeaders":true/g,
        `"holdHeaders":${holds}`,
      );
      const bytes = random.chance(10) ? garble(text, random) : new TextEncoder().encode(text);
      if (plugin.configure(bytes)) report.accepted++;
      for (let n = 0; n < 4; n++) {
        report.streams++;
        failures.push(...runStream(plugin, random, clock, calls));
      }
    }
    report.memory = Math.max(report.memory, plugin.memorySize);
    report.failures.push(...failures.map((each) => `seed ${own}: ${each}`));
  }
  return report;
}

const WORDS = [
  "foo",
  "fo",
  "o",
  '{"a":',
  "1}",
  '{"items": [1, 2, {"b": "c"}]}',
  "[",
  '"',
  "é",
  "\\",
  "barbaz",
  "\xff\xfe",
  "x".repeat(300),
  "a=foo&a=%6f&=%zz&b",
  '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nfoo\r\n--b',
  "--b--\r\n",
  'data: {"a":"foo"}\n\n',
  "id: 1\rdata\r\r",
  "\r\n\n",
];
const PATHS = [
  "/",
  "/hello",
  "/json",
  "/users/7/x",
  "/orders/1?a=b&c",
  "/2026/ab",
  "/coffee/l",
  "/upload/x",
  "*",
  "",
  "//..//",
  "/a?%zz&=&&",
  "/pages/1",
];
const NAMES = [
  "x-internal-a",
  "cookie",
  "content-type",
  "content-encoding",
  "x-tier",
  "authorization",
  "expect",
  "upgrade",
  "te",
  "x-http-method-override",
];
const VALUES = [
  "",
  "a=b; c",
  "application/json",
  "application/grpc",
  "gzip",
  "gold",
  ";;;=",
  "\u0000\r\n",
  "text/html",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=b",
  "text/event-stream",
  "application/json; charset=utf-16",
  'application/json; charset="UTF-8',
  "text/plain;charset=utf-8;charset",
  "v".repeat(2000),
  "1",
  "-99999999999999999999",
  "1e999",
  "2020-02-30T00:00:00Z",
  "(a|b)*?c{1,200}",
  "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
  '{"a":1,"a":{"b":[null,"\\ud800"]}}',
  "\xff\xfe\xc3(",
  "aaaaaaaab".repeat(3000),
];

function headersFor(random: Random, first: Headers): Headers {
  const headers = [...first];
  for (let n = random.below(8); n > 0; n--) headers.push([random.of(NAMES), random.of(VALUES)]);
  if (random.chance(30))
    headers.push(["content-length", random.of(["0", "5", "300", "99999999999", "-1", "x"])]);
  return headers;
}

/** One stream from its headers to its end, with whatever can go wrong on the way. */
function runStream(
  plugin: Plugin,
  random: Random,
  clock: ManualClock,
  calls: HttpCall[],
): string[] {
  const failures: string[] = [];
  const seen = {
    request: false,
    requestEnded: false,
    response: false,
    responseEnded: false,
    reset: false,
  };
  const sent: { headers?: Headers; size: number } = { size: 0 };
  let stated: string | undefined;
  const sink: Sink = {
    requestHeaders: (_headers, end) => {
      if (plugin.pendingCallsOf(stream) > 0) failures.push("a request passed a callout");
      seen.request = true;
      seen.requestEnded = end;
    },
    requestData: (_data, end) => {
      seen.requestEnded ||= end;
    },
    requestTrailers: () => {
      seen.requestEnded = true;
    },
    responseHeaders: (headers, end) => {
      if (seen.response) failures.push("two responses");
      // An answer of the filter's own need not wait.
      const isTheirs = getHeader(headers, "x-from-upstream") !== undefined;
      if (isTheirs && plugin.pendingCallsOf(stream) > 0)
        failures.push("a response passed a callout");
      seen.response = true;
      seen.responseEnded = end;
      sent.headers = headers;
    },
    responseData: (data, end) => {
      sent.size += data.length;
      seen.responseEnded ||= end;
    },
    responseTrailers: () => {
      seen.responseEnded = true;
    },
    reset: () => {
      seen.reset = true;
    },
    abandonUpstream: () => {
      seen.requestEnded = true;
      stated = undefined;
    },
  };
  const stream = plugin.stream(sink, {
    "source.address": "10.0.0.1:1",
    "xds.route_name": "r",
    "xds.cluster_name": "c",
  });
  const method = random.of(["GET", "POST", "PUT", "HEAD", "CONNECT"]);
  const [coding, pieces] = bodyFor(random);
  const start: Headers = [
    [":authority", random.of(["example.com", "api.example.com:80", "[::1]:1", ""])],
    [":path", random.of(PATHS)],
    [":method", method],
  ];
  start.push(...coding);
  stream.requestHeaders(headersFor(random, random.chance(95) ? start : []), pieces.length === 0);
  const leavesEarly = random.chance(5);
  pieces.forEach((piece, i) => {
    if (random.chance(30)) answerCalls(calls, random);
    const isLast = i === pieces.length - 1;
    if (isLast && random.chance(20)) stream.requestTrailers([["t", "1"]]);
    else if (!leavesEarly || !isLast) stream.requestData(piece, isLast);
  });

  if (!leavesEarly) {
    settle(clock, calls, random);
    if (!seen.requestEnded && !seen.response && !seen.reset) failures.push("the request hangs");
  }
  if (seen.request && seen.requestEnded && !seen.response && !leavesEarly) {
    const [coding, body] = method === "HEAD" || random.chance(20) ? [[], []] : bodyFor(random);
    const size = body.reduce((n, piece) => n + piece.length, 0);
    const headers: Headers = [
      [":status", random.of(["200", "204", "302", "404", "500", "206"])],
      ["x-from-upstream", "1"],
      ...headersFor(random, []).filter(([name]) => name !== "content-length"),
      ...coding,
    ];
    if (random.chance(50) && body.length > 0) {
      stated = String(size);
      headers.push(["content-length", stated]);
    }
    stream.responseHeaders(headers, body.length === 0);
    body.forEach((piece, i) => {
      if (random.chance(30)) answerCalls(calls, random);
      const isLast = i === body.length - 1;
      if (isLast && stated === undefined && random.chance(10))
        stream.responseTrailers([["t", "1"]]);
      else stream.responseData(piece, isLast);
    });
    settle(clock, calls, random);
    if (!seen.responseEnded && !seen.reset) failures.push("the response hangs");
  }
  const declared = sent.headers && getHeader(sent.headers, "content-length");
  if (
    stated !== undefined &&
    seen.responseEnded &&
    !seen.reset &&
    declared !== undefined &&
    method !== "HEAD" &&
    Number(declared) !== sent.size
  ) {
    failures.push(`content-length ${declared}, body ${sent.size}`);
  }
  stream.close();
  // Whatever comes now comes too late.
  if (random.chance(50)) answerCalls(calls, random);
  return failures;
}

function piecesFor(random: Random): Uint8Array[] {
  return Array.from({ length: random.below(6) }, () => {
    const text = random.of(WORDS);
    return random.chance(10)
      ? new Uint8Array()
      : Uint8Array.from(text, (c) => c.charCodeAt(0) & 0xff);
  });
}

/** A body and the coding it is in: plain, compressed, or compressed and then spoilt. */
function bodyFor(random: Random): [Headers, Uint8Array[]] {
  const plain = piecesFor(random);
  if (random.chance(60)) return [[], plain];
  const text = random.chance(5) ? Buffer.alloc(3_000_000, 120) : Buffer.concat(plain);
  const [coding, encode] = random.of([
    ["gzip", zlib.gzipSync],
    ["deflate", zlib.deflateSync],
    ["deflate", zlib.deflateRawSync],
  ] as const);
  let bytes = Buffer.from(encode(text, { level: random.below(10) }));
  if (random.chance(20)) bytes = Buffer.concat([bytes, encode("foo")]);
  if (random.chance(20)) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  if (random.chance(15)) bytes = bytes.subarray(0, random.below(bytes.length));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(random.of([2, 20, 5000]));
    pieces.push(Uint8Array.from(bytes.subarray(at, at + size)));
    at += size;
  }
  if (random.chance(20)) pieces.push(new Uint8Array());
  return [[["content-encoding", random.chance(90) ? coding : random.of(VALUES)]], pieces];
}

/** Answers what is out, and lets the time-outs of the rest pass, until nothing is left to wait for. */
function settle(clock: ManualClock, calls: HttpCall[], random: Random): void {
  for (let round = 0; round < 6; round++) {
    answerCalls(calls, random);
    clock.advance(60_000);
  }
}

/** Answers, fails or forgets the callouts that are out. */
function answerCalls(calls: HttpCall[], random: Random): void {
  while (calls.length > 0) {
    const [call] = calls.splice(random.below(calls.length), 1) as [HttpCall];
    if (random.chance(15)) continue;
    if (random.chance(10)) call.fail();
    else {
      const status = random.of(["200", "204", "302", "401", "403", "500", "abc", ""]);
      const headers = headersFor(random, [[":status", status]]);
      const body = Uint8Array.from("denied", (c) => c.charCodeAt(0));
      call.respond({ headers, body });
      // Only the first answer counts.
      if (random.chance(5)) call.respond({ headers, body });
    }
  }
}
