// Guard × what can go wrong → closed. Every construct that keeps a message from going on, in every form, meets
// everything that can keep it from being decided on: nothing reaches the upstream. Each stands in a cell of
// its own, with a message that it lets pass, so that a cell which is always shut would show.

import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { chunked, describeWire, type Engine, get, OK, type Piece, sized } from "./wire.ts";

interface Message {
  lines?: string[];
  body?: string;
  /** Sent chunk by chunk. */
  pieces?: string[];
  trailers?: string[];
  /** Of a response. */
  status?: string;
}

interface Trouble {
  /** True: the guard should act. It cannot be evaluated for the bad messages, and is false for the good. */
  condition: string;
  before?: object[];
  bad: Record<string, Message>;
  good: Message;
}

const JSON_TYPE = "content-type: application/json";
const json = (value: unknown, ...lines: string[]): Message => ({
  lines: [JSON_TYPE, ...lines],
  body: JSON.stringify(value),
});

const FORM_TYPE = "content-type: application/x-www-form-urlencoded";
const LARGE = JSON.stringify({ admin: true, x: "x".repeat(1_100_000) });
const gzipped = gzipSync('{"admin":true}').toString("latin1");

/** Bodies that nobody can judge. */
const UNREADABLE: Record<string, Message> = {
  "no JSON": { lines: [JSON_TYPE], body: "nonsense" },
  "half of it": { lines: [JSON_TYPE], body: '{"admin":true' },
  "more than it": { lines: [JSON_TYPE], body: '{"admin":true}}' },
  "a comma too much": { lines: [JSON_TYPE], body: '{"admin":true,}' },
  "too deep": { lines: [JSON_TYPE], body: "[".repeat(5000) + "]".repeat(5000) },
  "too large": { lines: [JSON_TYPE], body: LARGE },
  "too large, in chunks": {
    lines: [JSON_TYPE],
    pieces: [LARGE.slice(0, 600_000), LARGE.slice(600_000)],
  },
  "in pieces": { lines: [JSON_TYPE], pieces: ['{"admin"', ":tru"] },
  "with trailers": { lines: [JSON_TYPE], pieces: ['{"admin":true'], trailers: ["x-t: 1"] },
  "said to be gzip": { lines: [JSON_TYPE, "content-encoding: gzip"], body: '{"admin":true}' },
  "half of a gzip": { lines: [JSON_TYPE, "content-encoding: gzip"], body: gzipped.slice(0, -9) },
  "gzip twice": {
    lines: [JSON_TYPE, "content-encoding: gzip", "content-encoding: gzip"],
    body: gzipped,
  },
  "of a list of codings": { lines: [JSON_TYPE, "content-encoding: gzip, gzip"], body: gzipped },
  "of another coding": json({ admin: true }, "content-encoding: br"),
  "of a coding that nobody knows": json({ admin: true }, "content-encoding: x-nothing"),
  "in UTF-16": {
    lines: ["content-type: application/json; charset=utf-16"],
    body: '{"admin":true}',
  },
  "in a charset of two names": {
    lines: ["content-type: application/json; charset=utf-8; charset=utf-7"],
    body: '{"admin":true}',
  },
  "in a charset of two lines": {
    lines: [JSON_TYPE, "content-type: application/json; charset=utf-16le"],
    body: '{"admin":true}',
  },
  "said to be gRPC": { lines: ["content-type: application/grpc"], body: '{"admin":true}' },
  "said to be gRPC of protobuf": {
    lines: ["content-type: application/grpc+proto"],
    body: '{"admin":true}',
  },
  "said to be gRPC in capitals": {
    lines: ["content-type: Application/GRPC;x=y"],
    body: '{"admin":true}',
  },
  "said to be gRPC for the web": {
    lines: ["content-type: application/grpc-web-text+proto"],
    body: '{"admin":true}',
  },
  "before an upgrade": json({ admin: true }, "connection: upgrade", "upgrade: websocket"),
  "said to be events": { lines: ["content-type: text/event-stream"], body: '{"admin":true}' },
};

const TROUBLES: Record<string, Trouble> = {
  "a conversion": {
    condition: "int(request.headers['x-n']) == 1",
    bad: {
      "of a word": { lines: ["x-n: x"] },
      "of nothing": { lines: ["x-n:"] },
      "of too large a number": { lines: ["x-n: 99999999999999999999"] },
    },
    good: { lines: ["x-n: 5"] },
  },
  "an absent header": {
    condition: "request.headers['x-n'] + 'a' == 'xa'",
    bad: { "is added to": {} },
    good: { lines: ["x-n: y"] },
  },
  "a number": {
    condition: "10 / int(request.headers['x-n']) == 1",
    bad: { "divided by nothing": { lines: ["x-n: 0"] } },
    good: { lines: ["x-n: 5"] },
  },
  "an index": {
    condition: "request.headers['x-n'].split(',')[1] == 'x'",
    bad: { "out of range": { lines: ["x-n: 1"] } },
    good: { lines: ["x-n: 1,y"] },
  },
  "an evaluation": {
    condition:
      "lists.range(1000).all(a, lists.range(1000).all(b, a + b >= int(request.headers['x-n'])))",
    bad: { "that costs too much": { lines: ["x-n: 0"] } },
    good: { lines: ["x-n: 5"] },
  },
  "JSON in a header": {
    condition: "json.parse(request.headers['x-n']).admin == true",
    bad: { "that is none": { lines: ["x-n: {"] } },
    good: { lines: ['x-n: {"admin": false}'] },
  },
  "a variable": {
    condition: "ctx.v == 'admin'",
    before: [{ set: { v: "$(json.parse(request.headers['x-n']).role)" } }],
    bad: { "that could not be set": { lines: ["x-n: {"] } },
    good: { lines: ['x-n: {"role": "user"}'] },
  },
  "a variable made of another": {
    condition: "ctx.v == 'admin'",
    before: [
      { set: { w: "$(json.parse(request.headers['x-n']).role)" } },
      { set: { v: "$(default(ctx.w, 'user'))" } },
    ],
    bad: { "that could not be set": { lines: ["x-n: {"] } },
    good: { lines: ['x-n: {"role": "user"}'] },
  },
  "a variable set if": {
    condition: "ctx.v == 'admin'",
    before: [{ set: { v: "admin" }, when: "int(request.headers['x-n']) == 1" }],
    bad: { "nobody knows what": { lines: ["x-n: x"] } },
    good: { lines: ["x-n: 5"] },
  },
  "what a service says": {
    condition: "calls.c.json.bad == true",
    before: [{ call: { service: "says", path: "/$(request.headers['x-n'])", as: "c" } }],
    bad: {
      "without an answer": { lines: ["x-n: silent"] },
      "in no HTTP": { lines: ["x-n: garbage"] },
      "in an error": { lines: ["x-n: error"] },
      "in no JSON": { lines: ["x-n: text"] },
      "in too much JSON": { lines: ["x-n: large"] },
    },
    good: { lines: ["x-n: good"] },
  },
  "a header of what a service says": {
    condition: "calls.c.headers['x-bad'] == 'true'",
    before: [{ call: { service: "says", path: "/$(request.headers['x-n'])", as: "c" } }],
    bad: {
      "without an answer": { lines: ["x-n: silent"] },
      "in an error": { lines: ["x-n: error"] },
    },
    good: { lines: ["x-n: good"] },
  },
  "what is made of what a service says": {
    condition: "ctx.bad == true",
    before: [
      { call: { service: "says", path: "/$(request.headers['x-n'])", as: "c" } },
      { set: { bad: "$(default(calls.c.json.bad, false))" } },
    ],
    bad: { "without an answer": { lines: ["x-n: silent"] } },
    good: { lines: ["x-n: good"] },
  },
  "a service that is asked if": {
    condition: "calls.c.json.bad == true",
    before: [
      {
        call: { service: "says", path: "/good", as: "c" },
        when: "int(request.headers['x-n']) == 1",
      },
    ],
    bad: { "nobody knows what": { lines: ["x-n: x"] } },
    good: { lines: ["x-n: 5"] },
  },
  "one of several services that is asked if": {
    condition: "calls.c.json.bad == true",
    before: [
      {
        parallel: [
          {
            call: { service: "says", path: "/good", as: "c" },
            when: "int(request.headers['x-n']) == 1",
          },
        ],
      },
    ],
    bad: { "nobody knows what": { lines: ["x-n: x"] } },
    good: { lines: ["x-n: 5"] },
  },
  "a body": {
    condition: "request.json.admin == true",
    bad: UNREADABLE,
    good: json({ admin: false }),
  },
  "a body's text": {
    condition: "request.body.contains('admin')",
    bad: Object.fromEntries(
      Object.entries(UNREADABLE).filter(
        ([name]) => !/JSON|it$|comma|deep|pieces|trailers/.test(name),
      ),
    ),
    good: { lines: ["content-type: text/plain"], body: "user" },
  },
  "a form": {
    condition: "request.form.role == 'admin'",
    bad: {
      "that is JSON": json({ role: "admin" }),
      "without a type": { body: "role=admin" },
      "of another coding": { lines: [FORM_TYPE, "content-encoding: br"], body: "role=admin" },
      "in UTF-16": { lines: [`${FORM_TYPE}; charset=utf-16`], body: "role=admin" },
      "of no boundary": { lines: ["content-type: multipart/form-data"], body: "role=admin" },
      "of parts that never end": {
        lines: ["content-type: multipart/form-data; boundary=X"],
        body: '--X\r\ncontent-disposition: form-data; name="role"\r\n\r\nadmin',
      },
    },
    good: { lines: [FORM_TYPE], body: "role=user" },
  },
};

// Each as it refuses whatever it is asked about: what is tried is whether it is asked.
const service = (name: string) => ({ service: name, path: "/x" });
const REFUSALS: Record<string, object> = {
  "respond 403": { respond: { status: 403 } },
  "respond 200": { respond: { status: 200, text: "kept" } },
  redirect: { redirect: { to: "/login" } },
  "limit of headers": { limit: { headers: 1 } },
  "validate of headers": { validate: { headers: { required: ["x-never"] } } },
  "rateLimit that is used up": { rateLimit: { limit: "1/1h", cost: 2 } },
  "rateLimit of a worker": { rateLimit: { limit: "1/1h", cost: 2, scope: "worker" } },
  "authorize, denied": { authorize: service("no") },
  "authorize, kept": { authorize: { ...service("no"), cache: { ttl: "1s" } } },
  "authorize, garbage": { authorize: service("garbage") },
  "authorize, an error": { authorize: service("broken") },
  "authorize, no answer": { authorize: service("silent") },
  "call that denies": { call: { ...service("garbage"), onError: "deny" } },
  "call that denies, no answer": { call: { ...service("silent"), onError: 403 } },
  "parallel that denies": {
    parallel: [{ call: service("yes") }, { call: { ...service("broken"), onError: "deny" } }],
  },
  "headers, or deny": { headers: { set: { "x-a": "1" } }, onError: "deny" },
  "path, or deny": { path: "/elsewhere", onError: "deny" },
  "set, or deny": { set: { other: 1 }, onError: "deny" },
  "body.json, or deny": { body: { json: { remove: ["/admin"] }, onError: "deny" } },
  "body.json as it streams, or deny": {
    body: { json: { remove: ["/admin"] }, onError: "deny", overLimit: "stream" },
  },
  "body.replace, or deny": {
    body: { replace: [{ find: "admin", with: "" }], onError: "deny" },
  },
  "body.text, or deny": { body: { text: "{}", onError: "deny" } },
  "form, or deny": { form: { remove: ["role"] }, onError: "deny" },
};

/** Whether what it does is done whatever the message: then only its condition can be in doubt. */
type Form = (refusal: object, condition: string) => object[];
const FORMS: Record<string, Form> = {
  "when of the step": (refusal, when) => [{ request: [{ ...refusal, when }] }],
  "when of the rule": (refusal, when) => [{ when, request: [refusal] }],
  "a final rule": (refusal, when) => [{ when, final: true, request: [refusal] }],
};

/** Ways by which a message might get past a respond that stands behind. */
const WAYS: Record<string, Form> = {
  "past it by stop": (refusal, condition) => [
    { request: [{ stop: true, when: `!(${condition})` }, refusal] },
  ],
  "past it by a final rule": (refusal, condition) => [
    { when: `!(${condition})`, final: true },
    { request: [refusal] },
  ],
  "past it by a final rule with steps": (refusal, condition) => [
    { when: `!(${condition})`, final: true, request: [{ set: { other: 1 } }] },
    { request: [refusal] },
  ],
  "past it by a rule that stops": (refusal, condition) => [
    { when: `!(${condition})`, request: [{ stop: true }] },
    { request: [refusal] },
  ],
};

interface Cell {
  name: string;
  path: string;
  message: Message;
  passes: boolean;
}

const cells: Cell[] = [];
const rules: object[] = [];

function add(name: string, made: object[], messages: Array<[string, Message, boolean]>): void {
  const path = `/${rules.length}`;
  for (const rule of made) rules.push({ match: { path }, ...rule });
  for (const [what, message, passes] of messages)
    cells.push({ name: `${name}: ${what}`, path, message, passes });
}

for (const [trouble, { condition, before = [], bad, good }] of Object.entries(TROUBLES)) {
  const prepared = before.length > 0 ? [{ request: before }] : [];
  const all = Object.entries(bad).map(([what, message]): [string, Message, boolean] => [
    `${trouble} ${what}`,
    message,
    false,
  ]);
  const well: [string, Message, boolean] = [`${trouble}, as it should be`, good, true];
  for (const [form, make] of Object.entries(FORMS))
    for (const [refusal, step] of Object.entries(REFUSALS)) {
      // How a body cannot be read is tried with one that refuses; that the others do not differ, with some.
      const some = /^respond/.test(refusal) ? all : all.filter((_, i) => i % 8 === 0);
      add(`${refusal}, ${form}`, [...prepared, ...make(step, condition)], [...some, well]);
    }
  for (const [way, make] of Object.entries(WAYS))
    add(way, [...prepared, ...make(REFUSALS["respond 403"]!, condition)], [...all, well]);
}

// ---- guards that look at the body by themselves

const BODY_GUARDS: Record<string, object> = {
  validate: { validate: { body: { properties: { admin: { const: false } } } } },
  "validate, optional": {
    validate: { body: { properties: { admin: { const: false } } }, optional: true },
  },
  "body.json": { body: { json: { set: { "/admin": false } }, onError: "deny" } },
  "body.json with a condition": {
    body: { json: { set: { "/admin": false } }, onError: "deny" },
    when: "request.method == 'POST'",
  },
  "authorize with the body": { authorize: { ...service("yes"), body: { maxBytes: "64KiB" } } },
};
// Whether a text is JSON shows at its end, when what was edited as it came has gone on: its stream breaks off.
const UNDECIDED_AT_HEADERS = /JSON|it$|comma|deep|pieces|trailers|gzip$|large/;

for (const [guard, step] of Object.entries(BODY_GUARDS)) {
  const bad = Object.entries(UNREADABLE).filter(
    ([what]) =>
      guard !== "authorize with the body" || !/JSON|it$|comma|deep|pieces|trailers/.test(what),
  );
  add(
    guard,
    [{ request: [step] }],
    [
      ...bad.map(([what, message]): [string, Message, boolean] => [what, message, false]),
      ["as it should be", json({ admin: false }), true],
    ],
  );
}
for (const [guard, body] of Object.entries({
  "body.replace": { replace: [{ find: "true", with: "null" }] },
  "body.json as it streams": { json: { remove: ["/admin"] }, overLimit: "stream" },
  "body.prepend": { prepend: "x" },
})) {
  add(
    guard,
    [{ request: [{ body: { ...body, onError: "deny" } }] }],
    [
      ...Object.entries(UNREADABLE)
        .filter(([what]) => !UNDECIDED_AT_HEADERS.test(what) && what !== "said to be events")
        .map(([what, message]): [string, Message, boolean] => [what, message, false]),
      ["as it should be", json({ admin: false }), true],
    ],
  );
}
add(
  "form",
  [{ request: [{ form: { remove: ["role"] }, onError: "deny" }] }],
  [
    ...Object.entries(TROUBLES["a form"]!.bad).map(
      ([what, message]): [string, Message, boolean] => [what, message, false],
    ),
    ["as it should be", { lines: [FORM_TYPE], body: "role=user" }, true],
  ],
);
add(
  "an edit whose value fails",
  [
    {
      request: [
        {
          body: {
            json: { set: { "/admin": "$(int(request.headers['x-n']) > 1)" } },
            onError: "deny",
          },
        },
      ],
    },
  ],
  [
    ["a word", json({}, "x-n: x"), false],
    ["a number", json({}, "x-n: 1"), true],
  ],
);
add(
  "limit of bodies",
  [{ request: [{ limit: { body: 10 } }] }],
  [
    ["as it is announced", { body: "x".repeat(11) }, false],
    ["a small one", { body: "x" }, true],
  ],
);
add(
  "cost",
  [{ request: [{ rateLimit: { limit: "100/1h", cost: "$(request.headers['x-n'])" } }] }],
  [
    ...["x", "-1", "NaN", "0000000000000101", "1e9", "9".repeat(99)].map(
      (cost): [string, Message, boolean] => [cost, { lines: [`x-n: ${cost}`] }, false],
    ),
    ["1", { lines: ["x-n: 1"] }, true],
  ],
);

const fileOf = (list: object[]): string =>
  JSON.stringify({
    ruleway: 1,
    settings: { holdHeaders: true },
    services: Object.fromEntries(
      ["yes", "no", "says", "garbage", "broken", "silent"].map((name) => [
        name,
        { cluster: name, timeout: /^s/.test(name) ? "300ms" : "5s" },
      ]),
    ),
    rules: list,
  });

const SERVICES = {
  yes: () => OK,
  says: ({ line }: { line: string }): Piece[] | "silent" => {
    switch (line.split(" ")[1]) {
      case "/garbage":
        return ["this is no HTTP\r\n\r\n"];
      case "/error":
        return sized('{"error": "down"}', { status: "503 Service Unavailable" });
      case "/text":
        return sized("good");
      case "/large":
        return sized(`{"bad": true, "x": "${"x".repeat(1_100_000)}"}`);
      case "/good":
        return sized('{"bad": false}');
    }
    return "silent";
  },
  no: () => ["HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"] as Piece[],
  garbage: () => ["this is no HTTP\r\n\r\n"] as Piece[],
  broken: () => ["HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n"] as Piece[],
  silent: () => "silent" as const,
};

function bytesOf({ path, message }: Cell): Piece[] {
  const { lines = [], body, pieces, trailers = [] } = message;
  if (pieces === undefined)
    return [get(path, lines, { method: body === undefined ? "GET" : "POST", body: body! })];
  const head = get(path, [...lines, "transfer-encoding: chunked"], { method: "POST" });
  const [, ...chunks] = chunked(pieces, { trailers });
  return [head, ...chunks];
}

/** Cells that are asked at a time. */
const AT_A_TIME = 64;

async function askAll(engine: Engine, asked: Cell[]): Promise<string[]> {
  const wrong: string[] = [];
  for (let from = 0; from < asked.length; from += AT_A_TIME) {
    const some = asked.slice(from, from + AT_A_TIME);
    engine.upstream.seen = [];
    const answers = await Promise.all(some.map((cell) => engine.ask(bytesOf(cell))));
    some.forEach((cell, i) => {
      if (answers[i]!.answers.length === 0 && !cell.name.includes("gRPC"))
        wrong.push(`${cell.name}: ${answers[i]!.problem}`);
      const reached = answers[i]!.answers[0]?.body.toString() === "ok";
      if (reached !== cell.passes)
        wrong.push(
          `${cell.name}: ${answers[i]!.answers[0]?.line} ${reached ? "came through" : ""}`,
        );
    });
    for (const { line } of engine.upstream.seen) {
      const path = line.split(" ")[1]!;
      if (!some.some((cell) => cell.passes && (cell.path === path || path === "/elsewhere")))
        wrong.push(`the upstream saw ${line}`);
    }
  }
  return wrong;
}

// ---- the same of responses: none of the upstream's own gets to the client

const ANSWERS: Cell[] = [];
const answerRules: object[] = [];

function addAnswers(
  name: string,
  made: object[],
  messages: Array<[string, Message, boolean]>,
): void {
  const path = `/r${answerRules.length}`;
  for (const rule of made) answerRules.push({ match: { path }, ...rule });
  for (const [what, message, passes] of messages)
    ANSWERS.push({ name: `${name}: ${what}`, path: `${path}?${ANSWERS.length}`, message, passes });
}

const ANSWER_REFUSALS: Record<string, object> = {
  "respond 403": { respond: { status: 403 } },
  "respond 200": { respond: { status: 200, text: "kept" } },
  redirect: { redirect: { to: "/login" } },
  "limit of headers": { limit: { headers: 1 } },
  "validate of headers": { validate: { headers: { required: ["x-never"] } } },
  "call that denies": { call: { ...service("garbage"), onError: "deny" } },
  "headers, or deny": { headers: { set: { "x-a": "1" } }, onError: "deny" },
  "status, or deny": { status: 201, onError: "deny" },
  "body.json, or deny": { body: { json: { remove: ["/admin"] }, onError: "deny" } },
  "body.text, or deny": { body: { text: "{}", onError: "deny" } },
};

const ANSWER_TROUBLES: Record<string, Trouble> = {
  "a conversion": {
    condition: "int(response.headers['x-n']) == 1",
    bad: { "of a word": { lines: ["x-n: x"], body: "a" } },
    good: { lines: ["x-n: 5"], body: "a" },
  },
  "a variable": {
    condition: "ctx.v == 'admin'",
    before: [{ set: { v: "$(json.parse(response.headers['x-n']).role)" } }],
    bad: { "that could not be set": { lines: ["x-n: {"], body: "a" } },
    good: { lines: ['x-n: {"role": "user"}'], body: "a" },
  },
  "a body": {
    condition: "response.json.admin == true",
    bad: Object.fromEntries(Object.entries(UNREADABLE).filter(([what]) => !/upgrade/.test(what))),
    good: json({ admin: false }),
  },
};

for (const [trouble, { condition, before = [], bad, good }] of Object.entries(ANSWER_TROUBLES)) {
  const all = Object.entries(bad).map(([what, message]): [string, Message, boolean] => [
    `${trouble} ${what}`,
    message,
    false,
  ]);
  const well: [string, Message, boolean] = [`${trouble}, as it should be`, good, true];
  const prepared = before.length > 0 ? [{ response: before }] : [];
  for (const [refusal, step] of Object.entries(ANSWER_REFUSALS)) {
    const some = /^respond/.test(refusal) ? all : all.filter((_, i) => i % 6 === 0);
    const inStep = { response: [{ ...step, when: condition }] };
    addAnswers(`${refusal}, when of the step`, [...prepared, inStep], [...some, well]);
    const inRule = { when: condition, response: [step] };
    addAnswers(`${refusal}, when of the rule`, [...prepared, inRule], [...some, well]);
  }
}

for (const [guard, step] of Object.entries({
  validate: BODY_GUARDS["validate"]!,
  "body.json": BODY_GUARDS["body.json"]!,
})) {
  addAnswers(
    guard,
    [{ response: [step] }],
    [
      ...Object.entries(ANSWER_TROUBLES["a body"]!.bad).map(
        ([what, message]): [string, Message, boolean] => [what, message, false],
      ),
      ["a part of it", { ...json({ admin: true }), status: "206 Partial Content" }, false],
      ["as it should be", json({ admin: false }), true],
    ],
  );
}

/** What the upstream says for the cell that is asked for. */
function answerFor(line: string): Piece[] {
  const {
    lines = [],
    body,
    pieces,
    trailers = [],
    status,
  } = ANSWERS[Number(line.split(" ")[1]!.split("?")[1])]!.message;
  const [type = "text/plain"] = lines.flatMap(
    (each) => /^content-type: (.*)$/.exec(each)?.[1] ?? [],
  );
  const first = lines.findIndex((each) => each.startsWith("content-type:"));
  const others = ["x-from: upstream", ...lines.filter((_, i) => i !== first)];
  const options = { type, lines: others, ...(status === undefined ? {} : { status }) };
  return pieces ? chunked(pieces, { ...options, trailers }) : sized(body ?? "", options);
}

async function askForAnswers(engine: Engine): Promise<string[]> {
  const wrong: string[] = [];
  for (let from = 0; from < ANSWERS.length; from += AT_A_TIME) {
    const some = ANSWERS.slice(from, from + AT_A_TIME);
    const got = await Promise.all(some.map(({ path }) => engine.ask([get(path)])));
    some.forEach(({ name, passes }, i) => {
      const answer = got[i]!.answers[0];
      const came = answer?.headers.some(([each]) => each === "x-from") ?? false;
      if (came !== passes) wrong.push(`${name}: ${answer?.line ?? got[i]!.problem}`);
    });
  }
  return wrong;
}

describe("guard × what can go wrong", () => {
  test("the table has every guard in every form under every trouble", () => {
    expect(cells.length).toBeGreaterThan(1500);
  });
  describeWire("nothing gets past", fileOf(rules), { services: SERVICES }, (engine) => {
    test("every cell", async () => {
      expect(await askAll(engine(), cells)).toEqual([]);
    }, 600_000);
  });
  const upstream = ({ line }: { line: string }) => answerFor(line);
  const options = { services: SERVICES, upstream };
  describeWire("no response gets past", fileOf(answerRules), options, (engine) => {
    test("every cell", async () => {
      expect(await askForAnswers(engine())).toEqual([]);
    }, 600_000);
  });
});
