// Bodies that may have no end: nothing waits for it. What would have to is skipped, fails, or refuses, as
// soon as the headers are there.

import { describe, expect, test } from "vitest";
import { encode, Filter, type Stream } from "./run.ts";

const TYPES = [
  ...["text/event-stream", "Text/Event-Stream; charset=utf-8", "application/x-ndjson"],
  ...["application/ndjson", "application/jsonl", "application/stream+json"],
];

function filterWith(response: object[]): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: true });
  const rules = [{ name: "a", response }];
  if (!filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules }))
    throw new Error(filter.errors.join("\n"));
  return filter;
}

/** The stream with its response begun: one piece has come and no end. */
function begun(filter: Filter, type: string): Stream {
  const stream = filter.open().request();
  stream.stream.responseHeaders(
    [
      [":status", "200"],
      ["content-type", type],
    ],
    false,
  );
  stream.stream.responseData(encode("data: {}\n\n"), false);
  return stream;
}

describe.each(TYPES)("%s", (type) => {
  const json = { remove: ["/secret"] };
  test.each([
    ["edits of JSON", { body: { json } }],
    ["the same while the body streams", { body: { json, overLimit: "stream" } }],
    ["an expression over the JSON", { headers: { set: { "x-n": "$(response.json.n)" } } }],
    ["an expression over the text", { when: "response.body != ''", headers: { set: { a: "b" } } }],
  ])("%s pass the first piece on, as it came", (_name, step) => {
    const stream = begun(filterWith([step]), type);
    expect([stream.status, stream.responseBody]).toEqual(["200", "data: {}\n\n"]);
    expect([stream.got("x-n"), stream.got("a")]).toEqual([[], []]);
    stream.close();
  });

  test.each([
    ["edits that deny", { body: { json, onError: "deny" } }],
    ["streaming ones that deny", { body: { json, overLimit: "stream", onError: "deny" } }],
    ["a guard", { respond: { status: 502 }, when: "response.json.bad == true" }],
    ["a schema", { validate: { body: { type: "object" } } }],
  ])("%s refuse at once", (_name, step) => {
    const stream = begun(filterWith([step]), type);
    expect([stream.status, stream.responseBody.includes("data")]).toEqual(["502", false]);
    stream.close();
  });
});

test("an upload of lines has an end, and is read", () => {
  const filter = new Filter({ allowOnHeadersStopIteration: true });
  const step = { respond: { status: 403 }, when: "request.body.contains('x')" };
  filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules: [{ request: [step] }] });
  const lines = { "content-type": "application/x-ndjson" };
  expect(filter.open().request(lines, '{"a":1}\n').upstreamBody).toBe('{"a":1}\n');
  expect(filter.open().request(lines, '{"x":1}\n').status).toBe("403");
  const events = { "content-type": "text/event-stream" };
  expect(filter.open().request(events, "data: a\n\n").status).toBe("403");
});

test("a message without a body is not one that has no end", () => {
  const filter = filterWith([{ body: { json: { remove: ["/a"] }, onError: "deny" } }]);
  const stream = filter.open().request().respond({ "content-type": "text/event-stream" });
  expect(stream.status).toBe("200");
});

test("a byte order mark is no part of JSON that is read or edited", () => {
  const filter = new Filter({ allowOnHeadersStopIteration: true });
  const steps = [
    { respond: { status: 403 }, when: "request.json.admin == true" },
    { body: { json: { remove: ["/secret"] } } },
  ];
  filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules: [{ request: steps }] });
  const type = { "content-type": "application/json" };
  expect(filter.open().request(type, '\uFEFF{"admin":true}').status).toBe("403");
  const passed = filter.open().request(type, '\uFEFF{"secret":1,"a":2}');
  expect(passed.upstreamBody).toBe('\uFEFF{"a":2}');
});
