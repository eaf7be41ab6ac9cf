// `validate` through the real filter: what passes, what is refused and with which words, and that
// nothing of a refused message has gone on.

import { expect, test } from "vitest";
import { Filter, type Stream } from "./run.ts";

const SCHEMA = {
  type: "object",
  required: ["name"],
  properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 } },
  additionalProperties: false,
};

function rules(step: object, phase = "request", more: object = {}): object {
  return {
    ruleway: 1,
    settings: { holdHeaders: true },
    rules: [{ [phase]: [{ validate: step }], ...more }],
  };
}

function filter(configuration: object): Filter {
  const made = new Filter();
  expect(made.configure(configuration), made.errors.join("\n")).toBe(true);
  return made;
}

function expectRefused(stream: Stream, status: string, body?: string): void {
  expect(stream.told).toBe(status);
  expect(stream.upstream).toBeUndefined();
  expect(stream.upstreamBody).toBe("");
  if (body !== undefined) expect(stream.toldBody).toBe(body);
}

test("a body as the schema has it goes on as it was, however it is cut", () => {
  const made = filter(rules({ body: SCHEMA }));
  const body = '{ "name": "Ann",  "age": 4.20e1 }';
  for (let cut = 0; cut <= body.length; cut++) {
    const stream = made.open().request({}, body.slice(0, cut), body.slice(cut));
    expect(stream.upstreamBody).toBe(body);
    expect(stream.status).toBeUndefined();
    stream.close();
  }
  expect(made.traps).toEqual([]);
});

test.each([
  ['{"name":1}', 'body "/name": type'],
  ['{"age":1}', 'body "": required "name"'],
  ['{"name":"a","age":-1}', 'body "/age": minimum'],
  ['{"name":"a","x":1}', 'body "/x": additionalProperties'],
  ['{"name":"a","name":"b"}', 'body "/name": the name is there twice'],
  ["{name:1}", "body: it is not JSON"],
  ['{"name":"a"} ', undefined],
  ['{"name":"a"}x', "body: it is not JSON"],
  ["", "body: there is none"],
  [`${"[".repeat(201)}${"]".repeat(201)}`, "body: it is not JSON"],
])("the body %s: %s", (body, reason) => {
  const made = filter(rules({ body: SCHEMA }));
  for (const pieces of [[body], [...body], [body, ""]]) {
    if (pieces.length === 0) continue;
    const stream = made.open().request({}, ...pieces);
    if (reason === undefined) expect(stream.upstreamBody).toBe(body);
    else expectRefused(stream, "400", `${reason}\n`);
    stream.close();
  }
  expect(made.traps).toEqual([]);
});

test("a request without a body is refused, or passes where it is optional", () => {
  expectRefused(
    filter(rules({ body: SCHEMA }))
      .open()
      .request(),
    "400",
    "body: there is none\n",
  );
  const stream = filter(rules({ body: SCHEMA, optional: true }))
    .open()
    .request();
  expect(stream.upstream).toBeDefined();
  const wrong = filter(rules({ body: SCHEMA, optional: true }))
    .open()
    .request({}, "[]");
  expectRefused(wrong, "400");
});

test("what cannot be read is refused", () => {
  const made = filter(rules({ body: SCHEMA, optional: true }));
  for (const headers of [
    { "content-encoding": "gzip" },
    { "content-type": "application/grpc" },
    { upgrade: "websocket" },
    { "content-length": "2000000" },
  ] as Array<Record<string, string>>) {
    const stream = made.open().request(headers, '{"name":"a"}');
    expectRefused(stream, "400", "body: it cannot be read\n");
    stream.close();
  }
  const long = made.open().request({}, ...Array.from({ length: 20 }, () => " ".repeat(100_000)));
  expectRefused(long, "400", "body: it cannot be read\n");
  expect(made.traps).toEqual([]);
});

test("a limit says more than what is read otherwise, and is answered as limits are", () => {
  const big = `{"name":"${"x".repeat(1_500_000)}"}`;
  const more = filter({ ...rules({ body: SCHEMA }), limits: { requestBody: "2MiB" } });
  expect(more.open().request({}, big).upstreamBody).toBe(big);
  const less = filter({ ...rules({ body: SCHEMA }), limits: { requestBody: 10 } });
  expectRefused(less.open().request({}, '{"name":"a"}'), "413");
});

test("headers are judged as text, lines of one name together", () => {
  const made = filter(
    rules({
      headers: {
        required: ["x-version"],
        properties: { "x-version": { pattern: "^[0-9]+$" }, "x-list": { const: "a, b" } },
      },
    }),
  );
  expect(made.open().request({ "x-version": "1" }).upstream).toBeDefined();
  expectRefused(made.open().request(), "400", 'headers "": required "x-version"\n');
  expectRefused(made.open().request({ "x-version": "v1" }), "400");
  const lines = (...values: string[]) => {
    const stream = made.open();
    stream.stream.requestHeaders(
      [
        [":authority", "a"],
        [":path", "/"],
        [":method", "GET"],
        ["x-version", "1"],
        ...values.map((value): [string, string] => ["x-list", value]),
      ],
      true,
    );
    return stream;
  };
  expect(lines("a", "b").upstream).toBeDefined();
  expectRefused(lines("a", "b", "c"), "400", 'headers "/x-list": const\n');
});

test("a schema of the headers does not make a body be read", () => {
  const made = filter(rules({ headers: { required: ["x-id"] } }));
  const stream = made.open();
  stream.stream.requestHeaders(
    [
      [":authority", "a"],
      [":path", "/"],
      [":method", "POST"],
      ["x-id", "1"],
    ],
    false,
  );
  expect(stream.upstream).toBeDefined();
});

test("an answer of one's own, with the reason", () => {
  const respond = {
    status: 422,
    json: { error: "$(ctx.problem)" },
    headers: { "x-why": "schema" },
  };
  const made = filter(rules({ body: SCHEMA, as: "problem", respond }));
  const stream = made.open().request({}, '{"name":"a","age":1.5}');
  expectRefused(stream, "422", '{"error":"body \\"/age\\": type"}');
  expect(stream.got("x-why")).toEqual(["schema"]);
});

test("names from outside make no long answer", () => {
  const made = filter(rules({ body: { additionalProperties: false } }));
  const stream = made.open().request({}, `{"${"é".repeat(100_000)}":1}`);
  expect(stream.status).toBe("400");
  expect(stream.responseBody.length).toBeLessThan(600);
});

test("a response that is not as it should be is 502, and says nothing of why", () => {
  const made = filter(rules({ body: SCHEMA }, "response"));
  const good = made.open().request();
  good.respond({ "content-type": "application/json" }, '{"na', 'me":"a"}');
  expect(good.status).toBe("200");
  expect(good.responseBody).toBe('{"name":"a"}');
  const bad = made.open().request();
  bad.respond({}, '{"secret":1}');
  expect(bad.status).toBe("502");
  expect(bad.responseBody).toBe("Bad Gateway\n");
  const none = made.open().request();
  none.respond({});
  expect(none.status).toBe("502");
  for (const [headers, status] of [
    [{ ":method": "HEAD" }, "200"],
    [{}, "204"],
    [{}, "304"],
  ] as Array<[Record<string, string>, string]>) {
    const stream = made.open().request(headers);
    stream.respond({ ":status": status });
    expect(stream.status).toBe(status);
  }
});

test("when and onError hold for it as for guards", () => {
  const step = (more: object) => ({
    ruleway: 1,
    settings: { holdHeaders: true },
    rules: [{ request: [{ validate: { body: SCHEMA }, ...more }] }],
  });
  const named = filter(step({ when: "request.method == 'PUT'" }));
  expect(named.open().request({}, "no").upstreamBody).toBe("no");
  expectRefused(named.open().request({ ":method": "PUT" }, "no"), "400");
  const failing = filter(step({ when: "int(request.headers['x']) > 1" }));
  expectRefused(failing.open().request({ x: "a" }, "no"), "400");
});

test("edits that come before are judged, in one walk over the body", () => {
  const made = filter({
    ruleway: 1,
    settings: { holdHeaders: true },
    rules: [
      {
        request: [
          { body: { json: { set: { "/name": "b" }, remove: ["/x"] } } },
          { validate: { body: SCHEMA } },
          { validate: { body: { required: ["name"] } } },
        ],
      },
    ],
  });
  const stream = made.open().request({}, '{"x":1,', '"age":2}');
  expect(JSON.parse(stream.upstreamBody)).toEqual({ age: 2, name: "b" });
});

test("refusals are counted, and described in the log of those who look for it", () => {
  const made = filter(rules({ body: SCHEMA }, "request", { name: "people" }));
  made.open().request({}, "[]").close();
  expect(made.log.join("\n")).toContain('rule people: request refused: body "": type');
  expect(made.metrics["ruleway.refused.schema"]).toBe(1);
});

test("a document that is too dear to judge is refused", () => {
  const again = { items: { $ref: "#" } };
  const made = filter(
    rules({ body: { type: "array", anyOf: [{ maxItems: 0 }, again, again, again, again] } }),
  );
  const body = `${"[".repeat(100)}1${"]".repeat(100)}`;
  expectRefused(made.open().request({}, body), "400", "body: judging it would cost too much\n");
  expect(made.metrics["ruleway.validate.gave_up"]).toBe(1);
  expect(made.traps).toEqual([]);
});

test("configurations come and go without growing the VM", () => {
  const made = filter(rules({ body: SCHEMA }));
  const bad = rules({ body: { ...SCHEMA, minimum: "1" } });
  const size = () => made.plugin.memorySize;
  const turn = (times: number) => {
    for (let i = 0; i < times; i++) {
      expect(made.configure(i % 2 ? rules({ body: SCHEMA }) : bad)).toBe(i % 2 === 1);
      made.open().request({}, '{"name":"a"}').close();
    }
    return size();
  };
  const before = turn(300);
  expect(turn(600)).toBe(before);
});

test("a schema is refused with its place", () => {
  const made = new Filter();
  expect(made.configure(rules({ body: { properties: { a: { pattern: "a(b" } } } }))).toBe(false);
  expect(made.errors).toEqual([
    'R316 "/rules/0/request/0/validate/body/properties/a/pattern" +1: not a pattern (RE2 syntax): a group is not closed: missing )',
  ]);
  expect(made.configure({ ruleway: 1, rules: [{ request: [{ validate: { body: {} } }] }] })).toBe(
    false,
  );
  expect(made.errors.at(-1)).toContain("R401");
});
