// Conditions and templates on streams: what they see, what absent values do, and above all what
// happens when an expression fails. Guards must hold then, whatever the traffic does to make them fail.

import { expect, test } from "vitest";
import { Filter, type Stream } from "./run.ts";

/** A filter with these rules; the configuration must be accepted. */
function filterWith(document: object): Filter {
  const filter = new Filter();
  const services = { auth: { cluster: "auth" } };
  const accepted = filter.configure({ ruleway: 1, services, ...document });
  expect(accepted, filter.log.join("\n")).toBe(true);
  return filter;
}

/** A stream through one rule with these request steps. */
function through(steps: object[], headers: Record<string, string> = {}, rule: object = {}): Stream {
  const filter = filterWith({ rules: [{ ...rule, request: steps }] });
  const stream = filter.open().request(headers);
  expect(filter.traps).toEqual([]);
  return stream;
}

/** The header `a` that the upstream gets when it is set to the template. */
function made(template: string, headers: Record<string, string> = {}): string | undefined {
  return through([{ headers: { set: { a: template } } }], headers).sent("a")[0];
}

const FAILS = "int(request.headers['x-n']) > 1";
const failed = (filter: Filter) => filter.metrics["ruleway.expression_failed"] ?? 0;
const BAD = { "x-n": "many" };

// ---- what they see

test("a step sees the edits before it, original.* does not", () => {
  const stream = through(
    [
      { headers: { set: { "x-a": "new" } } },
      { path: "/b?q=2" },
      {
        headers: {
          set: {
            now: "$(request.headers['x-a']) $(request.url_path) $(request.query_params['q'])",
            before: "$(original.headers['x-a']) $(original.url_path) $(original.query_params['q'])",
          },
        },
        when: "request.headers['x-a'] == 'new' && original.headers['x-a'] == 'old'",
      },
    ],
    { "x-a": "old", ":path": "/a?q=1" },
  );
  expect(stream.sent("now")).toEqual(["new /b 2"]);
  expect(stream.sent("before")).toEqual(["old /a 1"]);
});

test("a rule's condition is asked when its turn comes, and once", () => {
  const filter = filterWith({
    rules: [
      { request: [{ headers: { set: { tier: "gold" } } }] },
      {
        when: "request.headers['tier'] == 'gold'",
        request: [{ headers: { set: { tier: "none", seen: "yes" } } }],
        response: [{ headers: { set: { seen: "yes" } } }],
      },
    ],
  });
  const stream = filter.open().request().respond();
  expect(stream.sent("seen")).toEqual(["yes"]);
  expect(stream.got("seen")).toEqual(["yes"]);
});

test("conditions in the response see the request, the status and earlier edits", () => {
  const filter = filterWith({
    rules: [
      {
        response: [
          {
            headers: { set: { a: "1" } },
            when: "response.code >= 500 && request.headers['k'] == 'v'",
          },
          { headers: { set: { b: "2" } }, when: "response.headers['a'] == '1'" },
          { headers: { set: { c: "3" } }, when: "response.headers['none'] == '1'" },
        ],
      },
    ],
  });
  const stream = filter
    .open({ "response.code": 503n })
    .request({ k: "v" })
    .respond({ ":status": "503" });
  expect([stream.got("a"), stream.got("b"), stream.got("c")]).toEqual([["1"], ["2"], []]);
});

// ---- what is not there

test.each([
  ["request.headers['none'] == ''", false],
  ["request.headers['none'] == 'x'", false],
  ["request.headers['none'] != 'x'", true],
  ["request.headers['none'] == null", true],
  ["'none' in request.headers", false],
  ["'here' in request.headers", true],
  ["has(request.headers.none)", false],
  ["has(request.headers.here)", true],
  ["request.headers['none'].startsWith('')", false],
  ["!request.headers['none'].contains('x')", true],
  ["request.headers['none'].matches('.*')", false],
  ["default(request.headers['none'], 'd') == 'd'", true],
  ["default(request.headers['here'], 'd') == '1'", true],
  ["request.query_params['none'] == null && request.cookies['none'] == null", true],
  ["request.query_params['e'] == '' && 'e' in request.query_params", true],
  ["dyn(request.headers['none'].split(',')) == null", true],
  ["[request.headers['none'], 'a'].exists(h, h == 'a')", true],
])("%s is %s", (when, expected) => {
  const stream = through([{ headers: { set: { a: "1" } }, when }], { here: "1", ":path": "/?e=" });
  expect(stream.sent("a")).toEqual(expected ? ["1"] : []);
});

test("an edit with an absent value is skipped, the others are done, and nothing has failed", () => {
  const filter = filterWith({
    rules: [{ request: [{ headers: { set: { a: "$(request.headers['none'])", b: "2" } } }] }],
  });
  const stream = filter.open().request({ a: "1" });
  expect([stream.sent("a"), stream.sent("b"), failed(filter)]).toEqual([["1"], ["2"], 0]);
});

// ---- templates

test.each([
  ["a literal of the opening", "$$(x) $(1 + 1)", "$(x) 2"],
  ["nested parentheses", "$((1 + (2)) * 3)", "9"],
  ["a closing parenthesis in a string", "[$(')' + \")\" + r')' + ''')''')]", "[))))]"],
  ["an escaped quote in a string", "$('\\')')", "')"],
  ["a comment with a parenthesis", "$(1 // )\n)", "1"],
  ["what looks like a string after it", "$(1)'s $(2)'s", "1's 2's"],
  ["dollars alone", "$ $$ $x $1", "$ $$ $x $1"],
  ["a list", "$([1, 'a', null])", '[1,"a",null]'],
  ["a large integer", "$(9007199254740993)", "9007199254740993"],
  ["bytes", "$(b'abc')", "abc"],
  ["an optional", "$(optional.of('x'))", "x"],
  ["a duration", "$(duration('90s'))", "90s"],
])("%s in a template", (_, template, expected) => {
  expect(made(template)).toBe(expected);
});

test.each([
  ["line ends", "$('a\\r\\nx-evil: 1')"],
  ["a line feed from a code", "$(url.decode('a%0ax-evil: 1'))"],
  ["a zero", "$('a\\u0000b')"],
  ["line ends in bytes", "$(b'a\\r\\nx-evil: 1')"],
  ["line ends from JSON", '$(json.parse(\'{"a": "1\\\\r\\\\n2"}\').a)'],
])("%s in a value do not get into a header", (_, template) => {
  const stream = through([{ headers: { set: { a: template } } }], { a: "before" });
  expect(stream.sent("a")).toEqual(["before"]);
  expect(stream.sent("x-evil")).toEqual([]);
  for (const [, value] of stream.upstream ?? []) expect(value).not.toMatch(/[\r\n\0]/);
});

test.each(["path", "host", "method"])("line ends in the %s are refused or not sent", (verb) => {
  const stream = through([{ [verb]: "$('/a\\r\\nx-evil: 1')" }]);
  for (const [, value] of stream.upstream ?? []) expect(value).not.toMatch(/[\r\n]/);
});

test("single templates keep their types in JSON", () => {
  const filter = filterWith({
    rules: [
      {
        request: [
          {
            respond: {
              status: 200,
              json: {
                int: "$(9007199254740993)",
                uint: "$(18446744073709551615u)",
                double: "$(0.5)",
                list: "$([1, {'a': [true]}])",
                none: "$(request.headers['none'])",
                failed: "$(int('x'))",
                text: "$(1) of 2",
                header: "$(request.headers['q'])",
              },
            },
          },
        ],
      },
    ],
  });
  const stream = filter.open().request({ q: 'a"b\\' });
  expect(stream.responseBody).toContain('"int":9007199254740993,');
  expect(stream.responseBody).toContain('"uint":18446744073709551615,');
  expect(JSON.parse(stream.responseBody)).toMatchObject({
    double: 0.5,
    list: [1, { a: [true] }],
    none: null,
    text: "1 of 2",
    header: 'a"b\\',
  });
});

// ---- failures

test("an edit whose expression fails is skipped and counted", () => {
  const filter = filterWith({
    rules: [{ request: [{ headers: { set: { a: "$(1 / 0)", b: "2" } } }] }],
  });
  const stream = filter.open().request({ a: "1" });
  expect([stream.sent("a"), stream.sent("b"), failed(filter)]).toEqual([["1"], ["2"], 1]);
});

test("an edit whose condition fails is skipped; onError: deny refuses, in each phase", () => {
  const edit = { headers: { set: { a: "1" } }, when: FAILS };
  expect(through([edit], BAD).sent("a")).toEqual([]);
  expect(through([{ ...edit, onError: "skip" }], BAD).sent("a")).toEqual([]);
  expect(through([{ ...edit, onError: "deny" }], BAD).status).toBe("403");
  expect(through([{ ...edit, onError: "deny" }], { "x-n": "1" }).status).toBeUndefined();
  const filter = filterWith({ rules: [{ response: [{ ...edit, onError: "deny" }] }] });
  expect(filter.open().request(BAD).respond().status).toBe("502");
});

test("an edit with onError: deny refuses when a template of it fails", () => {
  const edit = { headers: { set: { a: "$(int(request.headers['x-n']))" } }, onError: "deny" };
  expect(through([edit], BAD).status).toBe("403");
  expect(through([edit], { "x-n": "7" }).sent("a")).toEqual(["7"]);
});

const GUARDS: [string, object, string | undefined][] = [
  ["respond", { respond: { status: 451 } }, "451"],
  ["limit", { limit: { headerBytes: 1 } }, "431"],
];

/** Ways to make a condition fail by what one sends. */
const WAYS: [string, string, Record<string, string>][] = [
  ["a conversion", FAILS, BAD],
  ["a type", "dyn(request.headers['x-n']) > 1", BAD],
  ["a pattern", "'a'.matches(request.headers['x-n'])", { "x-n": "(" }],
  [
    "the budget, searching",
    "request.headers['x-n'].contains(request.headers['x-m'])",
    { "x-n": `${"a".repeat(40_000)}c`, "x-m": `${"a".repeat(20_000)}b` },
  ],
  [
    "the budget, in a loop",
    "lists.range(int(request.headers['x-n'])).all(i, i >= 0)",
    { "x-n": "999999" },
  ],
  ["a bad time", "timestamp(request.headers['x-n']) < now", BAD],
];

for (const [guard, step, status] of GUARDS) {
  test.each(WAYS)(`${guard} holds when its condition fails by %s`, (_, when, headers) => {
    expect(through([{ ...step, when }], headers).status).toBe(status);
    expect(through([step], headers, { when }).status).toBe(status);
    expect(through([{ ...step, when, onError: "deny" }], headers).status).toBe(status);
    expect(through([{ ...step, when, onError: "skip" }], headers).status).toBeUndefined();
  });
}

test("what the budget cut short is no answer, neither yes nor no", () => {
  const headers = { "x-n": `${"a".repeat(40_000)}c`, "x-m": `${"a".repeat(20_000)}b` };
  for (const sign of ["", "!"]) {
    const when = `${sign}request.headers['x-n'].contains(request.headers['x-m'])`;
    expect(through([{ headers: { set: { a: "1" } }, when }], headers).sent("a"), when).toEqual([]);
  }
});

test("authorize asks when its condition fails, its own or the rule's", () => {
  const step = { authorize: { service: "auth" } };
  for (const [rule, own] of [
    [{ when: FAILS }, {}],
    [{}, { when: FAILS }],
  ]) {
    const filter = filterWith({ rules: [{ ...rule, request: [{ ...step, ...own }] }] });
    const stream = filter.open().request(BAD);
    expect(filter.calls.length).toBe(1);
    expect(stream.upstream).toBeUndefined();
  }
});

test("authorize whose templates fail refuses, even when an unreachable service would allow", () => {
  for (const onError of ["deny", "allow"]) {
    const path = "/check/$(int(request.headers['x-n']))";
    const filter = filterWith({
      rules: [{ request: [{ authorize: { service: "auth", path, onError } }] }],
    });
    const stream = filter.open().request(BAD);
    expect([stream.status, filter.calls.length, stream.upstream]).toEqual(["403", 0, undefined]);
  }
});

test("a respond of 400 or more answers though its body fails", () => {
  const respond = { status: 403, text: "no: $(1 / 0)", headers: { a: "$(int('x'))" } };
  expect(through([{ respond }]).status).toBe("403");
});

test("a final rule whose condition fails does not keep the guards after it from acting", () => {
  const filter = filterWith({
    rules: [
      { name: "open", when: FAILS, final: true },
      { name: "closed", request: [{ respond: { status: 401 } }] },
    ],
  });
  expect(filter.open().request(BAD).status).toBe("401");
  expect(filter.open().request({ "x-n": "5" }).status).toBeUndefined();
  expect(filter.open().request({ "x-n": "0" }).status).toBe("401");
});

test("a response's guard holds, with 502 or its own status", () => {
  const filter = filterWith({
    rules: [{ response: [{ respond: { status: 503 }, when: FAILS }] }],
  });
  expect(filter.open().request(BAD).respond().status).toBe("503");
});

// ---- hostile traffic

const HUGE = "h".repeat(64 * 1024);

test.each([
  [
    "query parameters looked for in a loop",
    "lists.range(200000).map(i, request.query_params['z']).size()",
  ],
  ["cookies looked for in a loop", "lists.range(200000).map(i, request.cookies['z']).size()"],
  [
    "headers by a long name",
    "lists.range(200000).map(i, request.headers[request.headers['x']]).size()",
  ],
  ["all headers in a loop", "lists.range(100000).map(i, request.headers.size()).size()"],
  ["attributes in a loop", "lists.range(300000).map(i, source.address).size()"],
  [
    "text put together",
    "lists.range(100000).map(i, request.headers['x']).join(request.headers['x']).size()",
  ],
  ["all of it as JSON", "json.encode(lists.range(100000).map(i, request.headers['x'])).size()"],
])("%s ends with its budget", (_, expression) => {
  const filter = filterWith({
    rules: [{ request: [{ headers: { set: { a: `$(${expression})` } } }] }],
  });
  const stream = filter.open().request({ x: HUGE, cookie: `a=${HUGE}`, ":path": `/?a=${HUGE}` });
  expect([stream.sent("a"), failed(filter), filter.traps]).toEqual([[], 1, []]);
  expect(filter.plugin.memorySize).toBeLessThan(128 * 1024 * 1024);
});

test("patterns made of header values are so many and no more", () => {
  const filter = filterWith({
    rules: [{ request: [{ headers: { set: { a: "$('abc'.matches(request.headers['x']))" } } }] }],
  });
  for (let i = 0; i < 300; i++)
    filter
      .open()
      .request({ x: `a{${i}}` })
      .close();
  expect(failed(filter)).toBe(300 - 256);
  expect(filter.open().request({ x: "a{1}" }).sent("a")).toEqual(["true"]);
  expect(filter.traps).toEqual([]);
});

test("header values that are not UTF-8 go through expressions as they are, and into JSON as text", () => {
  const filter = filterWith({
    rules: [
      {
        request: [
          {
            headers: {
              set: {
                same: "$(request.headers['x'])",
                more: "$(request.headers['x'] + 'x')",
                size: "$(size(request.headers['x']))",
                json: "$(json.encode({'x': request.headers['x']}))",
                upper: "$(request.headers['x'].upperAscii().reverse().trim().size())",
                quoted: "$(strings.quote(request.headers['x']))",
              },
            },
          },
        ],
      },
    ],
  });
  const stream = filter.open();
  const all: [string, string][] = [
    [":authority", "a"],
    [":path", "/"],
    [":method", "GET"],
    ["x", "\u00ff\u00c3("],
  ];
  stream.stream.requestHeaders(all, true);
  expect(filter.traps).toEqual([]);
  expect(stream.upstream).toBeDefined();
  expect(failed(filter)).toBe(0);
});

test("a pattern that looks to the end for each match costs no more than others", () => {
  const replace = { x: { regex: "a+b|a", with: "c" } };
  const value = "a".repeat(64 * 1024);
  expect(through([{ headers: { replace } }], { x: value }).sent("x")).toEqual([
    "c".repeat(64 * 1024),
  ]);
  expect(through([{ headers: { replace } }], { x: "aab a" }).sent("x")).toEqual(["c c"]);
});

// ---- what outlives a callback

test("variables keep what was made before a pause, another stream and the response", () => {
  const filter = filterWith({
    rules: [
      {
        request: [
          { set: { v: "$([request.headers['x'] + '!', {'k': request.headers['x'].split(',')}])" } },
          { set: { t: "$('<' + request.headers['x'] + '>')" } },
          { authorize: { service: "auth" } },
          { headers: { set: { a: "$(ctx.v)", b: "$(ctx.t)" } } },
        ],
        response: [{ headers: { set: { a: "$(ctx.v[1].k[1])", b: "$(ctx.t)" } } }],
      },
    ],
  });
  const streams = ["p,q", "r,s"].map((x) => filter.open().request({ x }));
  for (const call of filter.calls) call.respond({ headers: [[":status", "200"]] });
  for (const stream of streams) stream.respond();
  expect(streams.map((stream) => stream.sent("a"))).toEqual([
    ['["p,q!",{"k":["p","q"]}]'],
    ['["r,s!",{"k":["r","s"]}]'],
  ]);
  expect(streams.map((stream) => stream.got("a"))).toEqual([["q"], ["s"]]);
  expect(streams.map((stream) => stream.got("b"))).toEqual([["<p,q>"], ["<r,s>"]]);
});

test("a variable whose parts are the same and whose copy would be huge is absent", () => {
  const stream = through(
    [
      { set: { v: "$(lists.range(20000).map(i, request.headers['x']))" } },
      { headers: { set: { a: "$(default(ctx.v, 'none'))" } } },
    ],
    { x: HUGE },
  );
  expect(stream.sent("a")).toEqual(["none"]);
});
