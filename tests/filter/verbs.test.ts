// Every verb and matcher, one small case after another.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Headers } from "../../host/index.ts";
import { seeded } from "../seed.ts";
import { Filter } from "./run.ts";

/** What the upstream gets of a request with these headers, under these request steps. */
function upstream(steps: unknown[], headers: Headers, path = "/"): Headers {
  const filter = new Filter();
  expect(filter.configure({ ruleway: 1, rules: [{ request: steps }] }), filter.log.join("\n")).toBe(
    true,
  );
  const stream = filter.open();
  stream.stream.requestHeaders(
    [[":path", path], [":method", "GET"], [":authority", "a"], ...headers],
    true,
  );
  return stream.upstream ?? [];
}

const rest = (headers: Headers) => headers.filter(([name]) => !name.startsWith(":"));
const pathOf = (headers: Headers) => headers.find(([name]) => name === ":path")?.[1];

test.each<[string, object, Headers, Headers]>([
  [
    "set",
    { set: { a: "1" } },
    [
      ["a", "x"],
      ["b", "y"],
      ["a", "z"],
    ],
    [
      ["a", "1"],
      ["b", "y"],
    ],
  ],
  [
    "set a list",
    { set: { a: ["1", "2"] } },
    [["a", "x"]],
    [
      ["a", "1"],
      ["a", "2"],
    ],
  ],
  [
    "set numbers and booleans",
    { set: { a: 5, b: true } },
    [],
    [
      ["a", "5"],
      ["b", "true"],
    ],
  ],
  [
    "an absent value skips the edit",
    { set: { a: "$(request.headers['none'])" } },
    [["a", "x"]],
    [["a", "x"]],
  ],
  [
    "add",
    { add: { a: ["1", "2"] } },
    [["a", "x"]],
    [
      ["a", "x"],
      ["a", "1"],
      ["a", "2"],
    ],
  ],
  [
    "append",
    { append: { a: "1", b: "2" } },
    [["a", "x"]],
    [
      ["a", "x, 1"],
      ["b", "2"],
    ],
  ],
  [
    "append to the last of several",
    { append: { a: "1" } },
    [
      ["a", "x"],
      ["a", "y"],
    ],
    [
      ["a", "x"],
      ["a", "y, 1"],
    ],
  ],
  [
    "default",
    { default: { a: "1", b: "2" } },
    [["a", ""]],
    [
      ["a", ""],
      ["b", "2"],
    ],
  ],
  [
    "remove by glob",
    { remove: ["x-*-id", "y*"] },
    [
      ["x-a-id", "1"],
      ["x-id", "1"],
      ["yy", "1"],
      ["x-a-b-id", "1"],
    ],
    [["x-id", "1"]],
  ],
  [
    "keep",
    { keep: ["a*"] },
    [
      ["ab", "1"],
      ["b", "1"],
      ["content-length", "0"],
      ["te", "trailers"],
    ],
    [
      ["ab", "1"],
      ["content-length", "0"],
      ["te", "trailers"],
    ],
  ],
  [
    "rename",
    { rename: { a: "b" } },
    [
      ["a", "1"],
      ["b", "0"],
      ["a", "2"],
    ],
    [
      ["b", "1"],
      ["b", "2"],
    ],
  ],
  [
    "names change places",
    { rename: { a: "b", b: "a" } },
    [
      ["a", "1"],
      ["b", "2"],
    ],
    [
      ["b", "1"],
      ["a", "2"],
    ],
  ],
  [
    "copy",
    { copy: { a: "b" } },
    [
      ["a", "1"],
      ["b", "0"],
      ["a", "2"],
    ],
    [
      ["a", "1"],
      ["a", "2"],
      ["b", "1"],
      ["b", "2"],
    ],
  ],
  [
    "dedupe first",
    { dedupe: { a: "first" } },
    [
      ["a", "1"],
      ["a", "2"],
    ],
    [["a", "1"]],
  ],
  [
    "dedupe last",
    { dedupe: { a: "last" } },
    [
      ["a", "1"],
      ["a", "2"],
    ],
    [["a", "2"]],
  ],
  [
    "dedupe unique",
    { dedupe: { a: "unique" } },
    [
      ["a", "1"],
      ["a", "2"],
      ["a", "1"],
    ],
    [
      ["a", "1"],
      ["a", "2"],
    ],
  ],
  [
    "replace",
    { replace: { a: { regex: "(\\w+)@(?P<host>\\w+)", with: "$2 at $host: $1" } } },
    [["a", "me@home"]],
    [["a", "home at home: me"]],
  ],
  [
    "names are not case-sensitive",
    { set: { "X-A": "1" }, remove: ["B"] },
    [["b", "1"]],
    [["x-a", "1"]],
  ],
])("headers: %s", (_name, edits, before, after) => {
  const got = rest(upstream([{ headers: edits }], before));
  // Lines of one name keep their order; names may change places.
  const sort = (headers: Headers) => [...headers].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  expect(sort(got)).toEqual(sort(after));
});

test.each<[string, object, string, string]>([
  ["set replaces all, in the first's place", { set: { a: "1" } }, "/?x=0&a=2&b&a=3", "/?x=0&a=1&b"],
  ["values are encoded", { set: { q: "a b&c=é" } }, "/", "/?q=a%20b%26c%3D%C3%A9"],
  [
    "what is not touched keeps its escaping",
    { add: { z: "1" } },
    "/?a=%7e+%zz&&b",
    "/?a=%7e+%zz&&b&z=1",
  ],
  ["names are decoded to be compared", { remove: ["a b"] }, "/?a%20b=1&a+b=2&c=3", "/?c=3"],
  ["the last parameter takes the question mark with it", { remove: ["a"] }, "/p?a=1", "/p"],
  ["keep", { keep: ["p*"] }, "/?page=1&q=2&per=3", "/?page=1&per=3"],
  ["rename", { rename: { a: "b" } }, "/?a=%41&b=0", "/?b=A"],
  ["copy", { copy: { a: "b" } }, "/?a=1", "/?a=1&b=1"],
  ["default", { default: { a: "1", b: "2" } }, "/?a", "/?a&b=2"],
  ["dedupe", { dedupe: { a: "last" } }, "/?a=1&b=1&a=2", "/?b=1&a=2"],
  ["sort", { sort: true }, "/?b=2&a=1&b=1", "/?a=1&b=2&b=1"],
  [
    "replace",
    { replace: { a: { regex: "\\d+", with: "<$0>" } } },
    "/?a=x1y22",
    "/?a=x%3C1%3Ey%3C22%3E",
  ],
  ["an empty query stays", { remove: ["a"] }, "/p?", "/p?"],
  ["and what is added begins it", { set: { a: "1" } }, "/p?", "/p?a=1"],
  ["what is added takes an empty place", { add: { b: "2" } }, "/?a&", "/?a&b=2"],
  ["keep takes separators for nothing", { keep: ["a"] }, "/?a&&a=1&", "/?a&&a=1&"],
  ["sorted as it was", { sort: true }, "/?&a=1&&b=2&", "/?&a=1&&b=2&"],
  ["sorted without gaps", { sort: true }, "/?&b=1&&a=2&", "/?a=2&b=1"],
  ["nothing to do leaves the path alone", { remove: ["none"] }, "/a?b=%20", "/a?b=%20"],
])("query: %s", (_name, edits, before, after) => {
  expect(pathOf(upstream([{ query: edits }], [], before))).toBe(after);
});

test("query: whatever it is, what no edit touches keeps its bytes", () => {
  const filter = new Filter();
  filter.configure({ ruleway: 1, rules: [{ request: [{ query: { remove: ["gone"] } }] }] });
  const piece = fc.constantFrom(
    "",
    "a",
    "a=",
    "=",
    "=v",
    "a=%zz",
    "b=%61+c",
    "gone",
    "gone=1",
    "?",
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const stream = filter.open();
      const head: Headers = [
        [":path", `/p?${pieces.join("&")}`],
        [":method", "GET"],
        [":authority", "a"],
      ];
      stream.stream.requestHeaders(head, true);
      const left = pieces.filter((each) => !/^gone(=|$)/.test(each));
      const isGone = left.length < pieces.length && left.every((each) => each === "");
      expect(pathOf(stream.upstream ?? [])).toBe(isGone ? "/p" : `/p?${left.join("&")}`);
    }),
    seeded(300),
  );
});

test.each<[string, object, Headers, Headers]>([
  [
    "a line that says nothing any more goes",
    { replace: { a: { regex: "^x.*$", with: "" } } },
    [
      ["a", "x1"],
      ["b", ""],
      ["a", "y"],
      ["a", "x2"],
    ],
    [
      ["a", "y"],
      ["b", ""],
    ],
  ],
  ["and so does the only one", { replace: { a: { regex: ".", with: "" } } }, [["a", "xx"]], []],
])("replace: %s", (_name, edits, before, after) => {
  expect(rest(upstream([{ headers: edits }], before))).toEqual(after);
});

test.each([
  ["regex.extract(request.headers['x-q'], 'a(.)')", undefined],
  ["regex.extract(request.headers['x-none'], 'a(.)')", undefined],
  ["regex.extract(request.headers['x-q'], 'z(.)')", "y"],
  ["regex.replace(request.headers['x-none'], 'a', 'b')", undefined],
  ["url.decode(request.headers['x-none'])", undefined],
  ["string(base64url.decode(default(request.headers['x-b'], '')))", "a"],
  ["base64url.decode(request.headers['x-none'])", undefined],
  ["default(regex.extract(request.headers['x-q'], 'a(.)'), 'none')", "none"],
  ["default(regex.extract(request.headers['x-q'], 'z(.)'), 'none')", "y"],
  ["default(url.decode(request.headers['x-none']), 'none')", "none"],
  ["default(request.headers['x-q'], string(1 / int(request.headers['x-zero'])))", "zy"],
  ["regex.extract(request.headers['x-none'], 'a').orValue('or')", "or"],
  ["{'a': 'b'}[?'c']", undefined],
  ["optional.of(null)", undefined],
])("nothing found sets nothing: %s", (expression, value) => {
  const sent: Headers = [
    ["x-q", "zy"],
    ["x-b", "YQ"],
    ["x-zero", "0"],
  ];
  const got = upstream([{ headers: { set: { "x-a": `$(${expression})` } } }], sent);
  expect(got.find(([name]) => name === "x-a")?.[1]).toBe(value);
});

test.each<[string, object, Headers, string[]]>([
  ["set", { set: { a: "1" } }, [["cookie", "a=x; b=y"]], ["a=1; b=y"]],
  [
    "several lines become one",
    { set: { c: "1" } },
    [
      ["cookie", "a=x"],
      ["cookie", "b=y"],
    ],
    ["a=x; b=y; c=1"],
  ],
  ["the last one takes the header with it", { remove: ["a"] }, [["cookie", "a=x"]], []],
  ["pieces without a name stay", { remove: ["a"] }, [["cookie", "lonely; a=x"]], ["lonely"]],
  ["rename", { rename: { a: "b" } }, [["cookie", "a=x=y"]], ["b=x=y"]],
  ["nothing to do", { remove: ["z"] }, [["cookie", "a=x;b=y"]], ["a=x;b=y"]],
])("cookies: %s", (_name, edits, before, after) => {
  const got = upstream([{ cookies: edits }], before);
  expect(got.filter(([name]) => name === "cookie").map(([, value]) => value)).toEqual(after);
});

test.each<[string, unknown, string, string]>([
  ["a new path keeps the query", "/b", "/a?x=1", "/b?x=1"],
  ["unless it has one", "/b?y=2", "/a?x=1", "/b?y=2"],
  ["a prefix", { replacePrefix: { prefix: "/api", with: "/v2" } }, "/api/x?q", "/v2/x?q"],
  ["a prefix by itself", { replacePrefix: { prefix: "/api/", with: "/" } }, "/api", "/"],
  ["a prefix to the root", { replacePrefix: { prefix: "/api", with: "/" } }, "/api/x", "/x"],
  ["whole segments only", { replacePrefix: { prefix: "/api", with: "/v2" } }, "/apix", "/apix"],
  [
    "a pattern",
    { replace: { regex: "^/(\\w+)/(\\w+)", with: "/$2/$1" } },
    "/a/b/c?x=/a/b",
    "/b/a/c?x=/a/b",
  ],
])("path: %s", (_name, path, before, after) => {
  expect(pathOf(upstream([{ path }], [], before))).toBe(after);
});

/** Whether a rule with that match applies to the request. */
function applies(match: object, headers: Record<string, string>, info = {}): boolean {
  const filter = new Filter();
  const rules = [{ match, request: [{ headers: { set: { hit: "1" } } }] }];
  expect(filter.configure({ ruleway: 1, rules }), filter.log.join("\n")).toBe(true);
  return filter.open(info).request(headers).sent("hit").length > 0;
}

test.each<[object, Record<string, string>, boolean]>([
  [{ host: "A.example" }, { ":authority": "a.EXAMPLE:8080" }, true],
  [{ host: "*.example.com" }, { ":authority": "a.b.example.com" }, true],
  [{ host: "*.example.com" }, { ":authority": "example.com" }, false],
  [{ host: "api.*" }, { ":authority": "api.local" }, true],
  [{ host: "[::1]" }, { ":authority": "[::1]:80" }, true],
  [{ path: "/a/*" }, { ":path": "/a/b" }, true],
  [{ path: "/a/*" }, { ":path": "/a/" }, false],
  [{ path: "/a/**" }, { ":path": "/a" }, true],
  [{ path: "/a/**" }, { ":path": "/ab" }, false],
  [{ path: "/a" }, { ":path": "/a/" }, false],
  [{ path: "/a" }, { ":path": "/a?b#c" }, true],
  [{ path: { prefix: "/a" } }, { ":path": "/a/b" }, true],
  [{ path: { prefix: "/a" } }, { ":path": "/ab" }, false],
  [{ path: { suffix: ".JS", ignoreCase: true } }, { ":path": "/x.js?y" }, true],
  [{ path: { contains: "/admin", not: true } }, { ":path": "/x/admin/y" }, false],
  [{ path: { regex: "^/\\d+$" } }, { ":path": "/42" }, true],
  [{ method: ["GET", "HEAD"] }, { ":method": "HEAD" }, true],
  [{ method: "get" }, {}, false],
  [{ headers: { x: "present" } }, { x: "" }, true],
  [{ headers: { x: "absent" } }, {}, true],
  [{ headers: { x: "a" } }, { x: "A" }, false],
  [{ headers: { x: { exact: "present" } } }, { x: "present" }, true],
  [{ headers: { x: { in: ["a", "b"], not: true } } }, {}, true],
  [{ headers: { x: { range: [10, 20] } } }, { x: "20" }, true],
  [{ headers: { x: { range: [-5, 5] } } }, { x: "-6" }, false],
  [{ headers: { x: { range: [0, 9] } } }, { x: "5x" }, false],
  [{ headers: { x: { prefix: "a", suffix: "c" } } }, { x: "abc" }, true],
  [{ query: { q: "a b" } }, { ":path": "/?q=a%20b" }, true],
  [{ query: { q: "present" } }, { ":path": "/?p" }, false],
  [{ cookies: { s: "1" } }, { cookie: "a=b; s=1" }, true],
  [{ any: [{ method: "POST" }, { headers: { x: "present" } }] }, { x: "1" }, true],
  [{ all: [{ method: "GET" }, { path: "/b" }] }, {}, false],
  [{ not: { any: [{ path: "/a" }, { path: "/b" }] } }, { ":path": "/b" }, false],
  [{}, {}, true],
])("match %j of %j: %s", (match, headers, expected) => {
  expect(applies(match, headers)).toBe(expected);
});

test("routes, clusters and services are matched by what the host says", () => {
  const info = { "xds.route_name": "shop/main", "xds.cluster_name": "outbound|80|v1|a.svc" };
  expect(applies({ route: "shop/main" }, {}, info)).toBe(true);
  expect(applies({ routePrefix: ["x", "shop/"] }, {}, info)).toBe(true);
  expect(applies({ cluster: "outbound|80|v1|a.svc" }, {}, info)).toBe(true);
  expect(applies({ service: "a.svc:80" }, {}, info)).toBe(true);
  expect(applies({ service: "a.svc:81" }, {}, info)).toBe(false);
  expect(applies({ route: "shop/main" }, {})).toBe(false);
});

test("final ends the list, stop the phase, and variables live as long as the stream", () => {
  const filter = new Filter();
  const mark = (name: string) => ({ headers: { set: { [name]: "1" } } });
  const isAccepted = filter.configure({
    ruleway: 1,
    rules: [
      { match: { path: "/final" }, final: true, request: [mark("a")] },
      {
        match: { path: "/stop" },
        request: [mark("b"), { stop: true }, mark("c")],
        response: [mark("d")],
      },
      {
        name: "last",
        request: [mark("e"), { set: { who: "$(request.headers['x-who'])", n: 5 } }],
        response: [
          { headers: { set: { who: "$(ctx.who) $(ctx.n) $(rule.name) $(original.path)" } } },
        ],
      },
    ],
  });
  expect(isAccepted).toBe(true);
  const names = (path: string) => {
    const stream = filter.open().request({ ":path": path, "x-who": "me" }).respond();
    return [...stream.upstream!, ...stream.response!]
      .map(([name]) => name)
      .filter((name) => /^(.|who)$/.test(name));
  };
  expect(names("/final")).toEqual(["a"]);
  expect(names("/stop")).toEqual(["b", "d"]);
  expect(names("/else")).toEqual(["e", "who"]);
  const stream = filter.open().request({ ":path": "/x", "x-who": "me" }).respond();
  expect(stream.got("who")).toEqual(["me 5 last /x"]);
});

test("answers: respond, redirect, their headers, bodies and details", () => {
  const filter = new Filter();
  filter.configure({
    ruleway: 1,
    rules: [
      {
        match: { path: "/old/{p=**}" },
        request: [{ redirect: { to: "https://new.example/$(params.p)", status: 308 } }],
      },
      {
        match: { path: "/json" },
        request: [
          {
            respond: {
              status: 201,
              headers: { a: ["1", "2"] },
              json: { p: "$(request.path)", t: "n: $(request.method)", n: null },
            },
          },
        ],
      },
      { match: { path: "/bare" }, request: [{ respond: { status: 204 } }] },
      {
        match: { status: "5xx" },
        response: [{ respond: { status: 500, text: "sorry, $(response.code)" } }],
      },
    ],
  });
  const moved = filter.open().request({ ":path": "/old/a/b?c" });
  expect([moved.status, moved.got("location")]).toEqual(["308", ["https://new.example/a/b"]]);
  const json = filter.open().request({ ":path": "/json" });
  expect([json.status, json.got("a"), json.got("content-type")]).toEqual([
    "201",
    ["1", "2"],
    ["application/json"],
  ]);
  expect(json.responseBody).toBe('{"p":"/json","t":"n: GET","n":null}');
  expect(filter.open().request({ ":path": "/bare" }).status).toBe("204");
  const sorry = filter.open().request().respond({ ":status": "503" }, "secret trace");
  expect([sorry.status, sorry.responseBody]).toEqual(["500", "sorry, 503"]);
});
