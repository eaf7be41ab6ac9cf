// Expressions that read bodies: the walk waits for the body, headers wait with it, what was edited
// before is seen, and what cannot be read closes guards.

import { describe, expect, test } from "vitest";
import { Filter, type Stream } from "./run.ts";

const base = {
  ruleway: 1,
  settings: { holdHeaders: true },
  services: { auth: { cluster: "auth" } },
  limits: {},
};

function filterWith(rules: unknown[], more: object = {}): Filter {
  const filter = new Filter();
  if (!filter.configure({ ...base, ...more, rules })) throw new Error(filter.errors.join("\n"));
  return filter;
}

/** Every way to cut a short text into pieces, the empty last piece included. */
function splits(text: string): string[][] {
  const ways: string[][] = [[text], [text, ""]];
  for (let i = 1; i < text.length; i++) ways.push([text.slice(0, i), text.slice(i)]);
  ways.push([...text]);
  return ways;
}

const json = (value: unknown) => JSON.stringify(value);
type Fields = Record<string, string>;
const lengthOf = (text: string): Fields => ({
  "content-length": String(Buffer.byteLength(text)),
});

describe("a request", () => {
  const rules = [
    {
      request: [
        {
          headers: {
            set: { "x-user": "$(request.json.user.name)", "x-size": "$(size(request.body))" },
          },
        },
        { respond: { status: 403, text: "no" }, when: "request.json.admin == true" },
      ],
    },
  ];

  test("its JSON chooses headers and the answer, however it is cut", () => {
    const filter = filterWith(rules);
    const good = json({ user: { name: "ann" }, n: 1.5 });
    for (const pieces of splits(good)) {
      for (const headers of [{}, lengthOf(good)]) {
        const stream = filter.open().request(headers, ...pieces);
        expect(stream.sent("x-user")).toEqual(["ann"]);
        expect(stream.sent("x-size")).toEqual([String(good.length)]);
        expect(stream.upstreamBody).toBe(good);
        expect(stream.upstreamEnded).toBe(true);
        expect(stream.sent("content-length")).toEqual(Object.values(headers));
        stream.close();
      }
    }
    const bad = json({ user: { name: "ann" }, admin: true });
    for (const pieces of splits(bad)) {
      const stream = filter.open().request({}, ...pieces);
      expect([stream.status, stream.upstream]).toEqual(["403", undefined]);
      stream.close();
    }
    expect(filter.traps).toEqual([]);
  });

  test("nothing reaches the upstream before the last byte", () => {
    const filter = filterWith(rules);
    const stream = filter.open();
    stream.stream.requestHeaders(
      [
        [":method", "POST"],
        [":path", "/"],
        [":authority", "a"],
      ],
      false,
    );
    for (const byte of '{"user":{"name":"x"}') {
      stream.stream.requestData(new TextEncoder().encode(byte), false);
      expect([stream.upstream, stream.upstreamBody]).toEqual([undefined, ""]);
    }
    stream.stream.requestData(new TextEncoder().encode("}"), true);
    expect(stream.sent("x-user")).toEqual(["x"]);
  });

  test("without a body there is nothing to wait for, and nothing there", () => {
    const filter = filterWith(rules);
    const stream = filter.open().request();
    expect(stream.sent("x-user")).toEqual([]);
    expect(stream.sent("x-size")).toEqual([]);
    expect(stream.upstreamEnded).toBe(true);
    const empty = filter.open().request({ "content-length": "0" }, "");
    expect(empty.sent("x-user")).toEqual([]);
    expect(empty.upstreamEnded).toBe(true);
    expect(filter.metrics["ruleway.expression_failed"] ?? 0).toBe(2);
  });

  test.each([
    ["no JSON", {}, "nonsense"],
    ["half of it", {}, '{"admin":'],
    ["compressed", { "content-encoding": "gzip" }, '{"user":1}'],
    ["a tunnel", { upgrade: "websocket" }, '{"user":1}'],
    ["gRPC", { "content-type": "application/grpc" }, '{"user":1}'],
    ["too large, as announced", { "content-length": "2000000" }, '{"user":1}'],
    ["too large", {}, json({ user: "x".repeat(1_100_000) })],
    ["too deep", {}, "[".repeat(5000) + "]".repeat(5000)],
  ])("what cannot be read (%s) closes the guard and skips the edit", (_name, headers, body) => {
    const guard = filterWith([
      { request: [{ respond: { status: 403 }, when: "request.json.admin == true" }] },
    ]);
    for (const pieces of [[body], [body.slice(0, 5), body.slice(5)]]) {
      const refused = guard.open().request(headers, ...pieces);
      expect([refused.told, refused.upstream]).toEqual(["403", undefined]);
      const edit = filterWith([
        { request: [{ headers: { set: { "x-a": "$(request.json.admin)" } } }] },
      ]);
      const passed = edit.open().request(headers, ...pieces);
      expect(passed.sent("x-a")).toEqual([]);
      expect(passed.upstreamBody).toBe(body);
      expect(passed.upstreamEnded).toBe(true);
      expect(edit.metrics["ruleway.expression_failed"]).toBe(1);
    }
  });

  test("its limit is the limit of what is read, and refuses by itself", () => {
    const rule = { limits: { requestBody: "3MiB" }, ...rules[0] };
    const filter = filterWith([rule]);
    const body = json({ user: { name: "ann" }, pad: "x".repeat(2_000_000) });
    const pieces = Array.from({ length: 40 }, (_, i) => body.slice(i * 60_000, (i + 1) * 60_000));
    const stream = filter.open().request({}, ...pieces);
    expect(stream.sent("x-user")).toEqual(["ann"]);
    expect(stream.upstreamBody).toBe(body);
    const large = json({ pad: "x".repeat(3_200_000) });
    for (const headers of [{}, lengthOf(large)]) {
      const refused = filter.open().request(headers, large);
      expect([refused.status, refused.upstream]).toEqual(["413", undefined]);
    }
  });

  test("a step that is not for the request does not make it wait", () => {
    const filter = filterWith([
      {
        request: [
          {
            headers: { set: { "x-a": "$(request.json.a)" } },
            when: "request.headers['x-want'] == 'json'",
          },
        ],
      },
    ]);
    const other = filter.open();
    other.stream.requestHeaders(
      [
        [":method", "POST"],
        [":path", "/"],
        [":authority", "a"],
      ],
      false,
    );
    expect(other.upstream).toBeDefined();
    const wanted = filter.open().request({ "x-want": "json" }, '{"a":', "7}");
    expect(wanted.sent("x-a")).toEqual(["7"]);
  });

  test("edits before are seen, edits after are carried out, and the length is true", () => {
    const filter = filterWith([
      {
        request: [
          { body: { json: { set: { "/b": 2 } } } },
          { headers: { set: { "x-b": "$(request.json.b)", "x-text": "$(request.body)" } } },
          { body: { replace: [{ find: '"b"', with: '"bee"' }], append: "!" } },
        ],
      },
    ]);
    for (const pieces of splits('{"a":1}')) {
      for (const headers of [{}, lengthOf('{"a":1}')]) {
        const stream = filter.open().request(headers, ...pieces);
        expect(stream.sent("x-b")).toEqual(["2"]);
        expect(stream.sent("x-text")).toEqual(['{"a":1,"b":2}']);
        expect(stream.upstreamBody).toBe('{"a":1,"bee":2}!');
        if ("content-length" in headers) expect(stream.sent("content-length")).toEqual(["16"]);
        stream.close();
      }
    }
  });

  test("each reading sees the edits between it and the one before", () => {
    const size = (name: string) => ({
      headers: { set: { [name]: "$(request.json.n)", [`${name}-size`]: "$(size(request.body))" } },
    });
    const set = (n: number) => ({ body: { json: { set: { "/n": n } } } });
    const filter = filterWith([
      { request: [size("x-0"), set(22), size("x-1"), set(333), { body: { append: " " } }] },
      { request: [size("x-2"), { body: { replace: [{ find: "333", with: "4" }] } }] },
    ]);
    for (const pieces of splits('{"n":1}')) {
      const stream = filter.open().request(lengthOf('{"n":1}'), ...pieces);
      const sent = (name: string) => [stream.sent(name)[0], stream.sent(`${name}-size`)[0]];
      expect([sent("x-0"), sent("x-1"), sent("x-2")]).toEqual([
        ["1", "7"],
        ["22", "8"],
        ["333", "10"],
      ]);
      expect(stream.upstreamBody).toBe('{"n":4} ');
      expect(stream.sent("content-length")).toEqual(["8"]);
      stream.close();
    }
  });

  test("a form's fields, and all of them", () => {
    const filter = filterWith([
      {
        request: [
          {
            headers: {
              set: {
                "x-name": "$(request.form.name)",
                "x-has": "$('b' in request.form)",
                "x-n": "$(size(request.form))",
              },
            },
          },
        ],
      },
    ]);
    const type = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
    const stream = filter.open().request(type, "name=a%20+b&", "b=&name=c");
    expect(stream.sent("x-name")).toEqual(["a  b"]);
    expect(stream.sent("x-has")).toEqual(["true"]);
    expect(stream.sent("x-n")).toEqual(["2"]);
    const other = filter.open().request({ "content-type": "text/plain" }, "name=a");
    expect(other.sent("x-name")).toEqual([]);
    expect(other.upstreamBody).toBe("name=a");
    expect(filter.metrics["ruleway.expression_failed"]).toBe(3);
  });

  test("the condition of a rule reads it, and is asked once", () => {
    const filter = filterWith([
      {
        when: "request.json.kind == 'a'",
        request: [{ headers: { set: { "x-kind": "a" } } }],
        response: [{ headers: { set: { "x-kind": "a" } } }],
      },
      { request: [{ headers: { set: { "x-other": "yes" } } }] },
    ]);
    const a = filter.open().request({}, '{"kind":', '"a"}').respond({}, "x");
    expect([a.sent("x-kind"), a.sent("x-other"), a.got("x-kind")]).toEqual([["a"], ["yes"], ["a"]]);
    const b = filter.open().request({}, '{"kind":"b"}').respond({}, "x");
    expect([b.sent("x-kind"), b.sent("x-other"), b.got("x-kind")]).toEqual([[], ["yes"], []]);
  });

  test("what a set step keeps of it is there in later phases", () => {
    const filter = filterWith([
      {
        request: [{ set: { model: "$(request.json.model)", all: "$(request.json)" } }],
        response: [
          { headers: { set: { "x-model": "$(ctx.model)", "x-n": "$(ctx.all.list[1].n)" } } },
        ],
      },
    ]);
    const stream = filter.open().request({}, '{"model":"m1","list":[0,{"n":5}]}').respond();
    expect([stream.got("x-model"), stream.got("x-n")]).toEqual([["m1"], ["5"]]);
  });
});

describe("with a callout", () => {
  const allow = {
    headers: [
      [":status", "200"],
      ["x-user", "ann"],
    ] as [string, string][],
  };
  const authorize = { authorize: { service: "auth", upstream: { set: ["x-user"] } } };
  const read = { headers: { set: { "x-a": "$(request.json.a)" } } };
  const edit = { body: { json: { set: { "/c": true } } } };
  const body = '{"a":"b"}';

  function check(filter: Filter, stream: Stream): void {
    expect([stream.sent("x-user"), stream.sent("x-a")]).toEqual([["ann"], ["b"]]);
    expect(stream.upstreamBody).toBe('{"a":"b","c":true}');
    expect(stream.upstreamEnded).toBe(true);
    expect(filter.traps).toEqual([]);
  }

  test.each([
    ["after", [read, authorize, edit]],
    ["before", [authorize, read, edit]],
    ["between two readings", [read, authorize, read, edit]],
    ["after an edit", [edit, read, authorize]],
  ])("%s the reading: nothing goes on before both", (_name, request) => {
    const filter = filterWith([{ request }]);
    for (const pieces of splits(body)) {
      for (const headers of [{}, lengthOf(body)]) {
        const stream = filter.open().request(headers, ...pieces);
        expect([stream.upstream, stream.upstreamBody]).toEqual([undefined, ""]);
        filter.calls.at(-1)!.respond(allow);
        check(filter, stream);
        if ("content-length" in headers) expect(stream.sent("content-length")).toEqual(["18"]);
        stream.close();
      }
    }
  });

  test("that is answered while the body is still coming", () => {
    const filter = filterWith([{ request: [authorize, read, edit] }]);
    const stream = filter.open();
    stream.stream.requestHeaders(
      [
        [":method", "POST"],
        [":path", "/"],
        [":authority", "a"],
      ],
      false,
    );
    stream.stream.requestData(new TextEncoder().encode('{"a"'), false);
    filter.calls[0]!.respond(allow);
    expect([stream.upstream, stream.upstreamBody]).toEqual([undefined, ""]);
    stream.stream.requestData(new TextEncoder().encode(':"b"'), false);
    expect(stream.upstream).toBeUndefined();
    stream.stream.requestData(new TextEncoder().encode("}"), true);
    check(filter, stream);
  });

  test("whose service refuses, or is silent: nothing goes on", () => {
    const filter = filterWith([{ request: [read, authorize, edit] }]);
    const refused = filter.open().request({}, body);
    filter.calls.at(-1)!.respond({ headers: [[":status", "401"]] });
    expect([refused.status, refused.upstream]).toEqual(["401", undefined]);
    const silent = filter.open().request({}, body.slice(0, 3), body.slice(3));
    filter.clock.advance(500);
    expect([silent.status, silent.upstream]).toEqual(["403", undefined]);
  });
});

describe("a response", () => {
  const rules = [
    {
      response: [
        { headers: { set: { "x-first": "$(response.json.items[0].id)" } } },
        {
          respond: { status: 502, json: { error: "$(response.json.error)" } },
          when: "response.json.error != null",
        },
      ],
    },
  ];

  test("its JSON chooses headers and the answer, however it is cut", () => {
    const filter = filterWith(rules);
    const good = '{"items":[{"id":9007199254740993}]}';
    for (const pieces of splits(good)) {
      for (const headers of [{}, lengthOf(good)]) {
        const stream = filter
          .open()
          .request()
          .respond(headers, ...pieces);
        expect(stream.got("x-first")).toEqual(["9007199254740993"]);
        expect(stream.responseBody).toBe(good);
        stream.close();
      }
      const failed = filter
        .open()
        .request()
        .respond({}, ...splits(json({ error: "é" }))[0]!);
      expect([failed.status, failed.responseBody]).toEqual(["502", '{"error":"é"}']);
      failed.close();
    }
  });

  test("without a body, and one that is no JSON", () => {
    const filter = filterWith(rules);
    const none = filter.open().request().respond({ ":status": "204" });
    expect([none.status, none.got("x-first")]).toEqual(["204", []]);
    const text = filter.open().request().respond({}, "plain");
    expect(text.status).toBe("502"); // the guard, which cannot know better, acts
  });
});

test("a body is read in its own phase, where headers can be held, and nowhere else", () => {
  const filter = new Filter();
  const step = { headers: { set: { "x-a": "$(request.json.a)" } } };
  const errors = (document: object) => {
    filter.log.length = 0;
    filter.configure({ ruleway: 1, ...document });
    return filter.errors;
  };
  const held = { settings: { holdHeaders: true } };
  expect(errors({ ...held, rules: [{ response: [step] }] })).toEqual([
    expect.stringContaining("R312"),
  ]);
  expect(errors({ ...held, rules: [{ done: [{ log: "$(response.body)" }] }] })).toEqual([
    expect.stringContaining("R312"),
  ]);
  expect(errors({ rules: [{ request: [step] }] })).toEqual([expect.stringContaining("R401")]);
  expect(errors({ rules: [{ when: "request.body == ''", request: [{ stop: true }] }] })).toEqual([
    expect.stringContaining("R401"),
  ]);
});

describe("tables", () => {
  const tables = { plans: { acme: "gold", zenith: { name: "free" } } };

  test("a look-up gives what is there, and nothing where it is not", () => {
    const filter = filterWith(
      [
        {
          match: { path: "/{tenant}" },
          request: [
            {
              headers: {
                set: {
                  "x-plan": "$(tables.plans[params.tenant])",
                  "x-name": "$(tables.plans[params.tenant].name)",
                  "x-fixed": "$(tables.plans.acme)",
                },
              },
            },
            { respond: { status: 402 }, when: "!(params.tenant in tables.plans)" },
          ],
        },
      ],
      { tables },
    );
    const acme = filter.open().request({ ":path": "/acme" });
    expect([acme.sent("x-plan"), acme.sent("x-fixed")]).toEqual([["gold"], ["gold"]]);
    expect(acme.sent("x-name")).toEqual([]);
    expect(filter.open().request({ ":path": "/zenith" }).sent("x-name")).toEqual(["free"]);
    expect(filter.open().request({ ":path": "/other" }).status).toBe("402");
  });

  test("ten thousand entries read by a thousand rules are there once", () => {
    const large = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key-${i}`, i]));
    const rules = Array.from({ length: 1000 }, (_, i) => ({
      match: { path: `/${i}` },
      request: [{ headers: { set: { "x-a": `$(tables.large['key-' + string(${i}) ])` } } }],
    }));
    const filter = filterWith(rules, { tables: { large } });
    expect(filter.open().request({ ":path": "/777" }).sent("x-a")).toEqual(["777"]);
    expect(filter.plugin.memorySize).toBeLessThan(64 * 1024 * 1024);
  });

  test("one that is not there is an error", () => {
    const filter = new Filter();
    const step = { headers: { set: { a: "$(tables.plan['x'])" } } };
    filter.configure({ ...base, tables, rules: [{ request: [step] }] });
    expect(filter.errors).toEqual([expect.stringContaining('there is no table "plan"')]);
  });
});

test("a host that can is asked for room before it holds a body for a callout", () => {
  const request = [
    { headers: { set: { "x-a": "$(request.json.a)" } } },
    { authorize: { service: "auth" } },
  ];
  for (const [limits, asked] of [
    [{ requestBody: "3MiB" }, true],
    [{}, false],
  ] as const) {
    const filter = filterWith([{ request, limits }]);
    filter.open().request({}, '{"a":', "1}");
    const line = filter.trace.find((each) => each.includes("set_decoder_buffer_limit"));
    expect(line !== undefined).toBe(asked);
  }
});
