import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../diagnostic.ts";
import { render } from "../render.ts";
import { checkRequest, EXPRESSION, evaluate } from "./evaluate.ts";
import { type EvaluationRequest, readRequest } from "./request.ts";

/** The value, or the diagnostics as people read them. */
function answer(text: string, request: EvaluationRequest = {}): string | undefined {
  const { json, diagnostics } = evaluate(text, request);
  return json ?? render(diagnostics, "pretty", new Map([[EXPRESSION, text]]));
}

/** The request of a file, or what is wrong with it. */
function read(text: string): EvaluationRequest | string {
  const found: Diagnostic[] = [];
  const source = readRequest(text, "request.yaml", (each) => found.push(each));
  if (source) found.push(...checkRequest(source));
  if (found.length === 0) return source!.tree as EvaluationRequest;
  return render(found, "pretty", new Map([["request.yaml", text]]));
}

describe("values are printed as rules write them", () => {
  test.each([
    ["null", "null"],
    ["1 < 2", "true"],
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["18446744073709551615u", "18446744073709551615"],
    ["0.1 + 0.2", "0.30000000000000004"],
    ["1e300 * 10.0", "1e+301"],
    ["'\"\\n\\u2028😀'", '"\\"\\n\u2028😀"'],
    ["b'\\xff\\x00'", '"/wA="'],
    ["timestamp('2024-02-29T12:00:00.5+02:00')", '"2024-02-29T10:00:00.5Z"'],
    ["duration('1h30m')", '"5400s"'],
    ["[1, 2u, 'a', [null]]", '[1,2,"a",[null]]'],
    ["{'a': {1: true}, 'b': b'x'}", '{"a":{"1":true},"b":"eA=="}'],
    ["optional.of('x')", '"x"'],
    ["optional.none()", "null"],
    ["ip('192.0.2.1')", '"192.0.2.1"'],
    ["request.headers['x-nobody']", "null"],
    ["-1", "-1"],
    ["1 // a comment )", "1"],
    ["[1, // (\n2]", "[1,2]"],
    ["'$(1) $$(2) )'", '"$(1) $$(2) )"'],
  ])("%s", (text, value) => {
    expect(answer(text)).toBe(value);
    expect(evaluate(text, {}).withoutForm).toBeUndefined();
  });

  test.each(["0.0 / 0.0", "-1.0 / 0.0", "type(1)", "[1, 0.0 / 0.0]", "{'a': type(1)}"])(
    "%s has no form in JSON: null, and the reason",
    (text) => {
      const { json, withoutForm } = evaluate(text, {});
      expect(json).toBe("null");
      expect(withoutForm).toContain("no form in JSON");
    },
  );

  test("a list of a million bytes is whole", () => {
    const text = `'${"x".repeat(10_000)}'.split('').map(c, '${"y".repeat(100)}')`;
    expect(JSON.parse(answer(text)!)).toHaveLength(10_000);
  });

  test("now is now, and what is random is", () => {
    const before = Date.now();
    const now = Date.parse(JSON.parse(answer("now")!));
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
    expect(answer("now", { response: {} })!.slice(1, 11)).toBe(new Date().toJSON().slice(0, 10));
    expect(answer("uuid()")).not.toBe(answer("uuid()"));
  });
});

describe("names", () => {
  const request = read(`
method: HEAD
host: shop.example.com
path: /users/ada/orders?x=1&x=2&y=%20
headers: { x-user: Zoë €, accept: [a, b], cookie: s=1 }
vars: { realm: { name: shop } }
tables: { plans: { acme: gold } }
ctx: { n: 9, list: [1, null] }
store: { token: abc, tree: { a: [1] } }
match: { path: "/users/{id}/**" }
attributes: { source.address: "192.0.2.1:99", source.port: 99, connection.mtls: true }
`) as EvaluationRequest;

  test.each([
    ["request.method + ' ' + request.host", '"HEAD shop.example.com"'],
    ["request.headers['x-user'].charAt(2)", '"ë"'],
    ["request.headers.accept", '"a,b"'],
    ["request.query_params", '{"x":"1","y":" "}'],
    ["request.cookies.s", '"1"'],
    ["params.id", '"ada"'],
    ["vars.realm.name", '"shop"'],
    ["tables.plans[request.host.split('.')[0]]", "null"],
    ["tables.plans['acme']", '"gold"'],
    ["ctx.list", "[1,null]"],
    ["ctx.n * 2", "18"],
    ["store.token + '!'", '"abc!"'],
    ["store.tree.a[0] + ctx.n", "10"],
    ["client.ip", '"192.0.2.1"'],
    ["cidr('192.0.2.0/24').containsIP(client.ip)", "true"],
    ["[source.port, connection.mtls]", "[99,true]"],
    ["original.path", '"/users/ada/orders?x=1&x=2&y=%20"'],
    ["upstream.port", /R312.*\n.*\n.*\n.*needs a request file with a response/],
    ["params.ib", /R301/],
    ["vars.relm", /R301/],
  ])("%s", (text, value) => {
    if (typeof value === "string") expect(answer(text, request)).toBe(value);
    else expect(answer(text, request)).toMatch(value);
  });

  test("a body is read as text and as JSON, with every digit", () => {
    const body = '{"id": 12345678901234567890, "n": 9007199254740993}';
    expect(answer("request.body.size()", { body })).toBe(String(body.length));
    expect(answer("request.json.n", { body })).toBe("9007199254740993");
    expect(answer("request.json", { body })).toBe(body);
    expect(answer("request.json.n", { chunks: [...body] })).toBe("9007199254740993");
    expect(answer("request.form.a", { body: "a=%C3%A9" })).toMatch(/R320|null/);
  });

  test("with a response the expression sees it, and the request's headers", () => {
    const response = { status: 404, headers: { "x-a": "1" }, json: { error: "gone" } };
    const text = "[response.code, response.headers['x-a'], response.json.error, request.path]";
    expect(answer(text, { path: "/p", response })).toBe('[404,"1","gone","/p"]');
    expect(answer("request.body", { response })).toMatch(/R312/);
  });

  test("a match that is not for the request is no answer", () => {
    const { json, diagnostics } = evaluate("1", { path: "/b", match: { path: "/a" } });
    expect([json, diagnostics]).toEqual([undefined, []]);
  });
});

describe("errors", () => {
  test("a caret stands under what is wrong, after wide and combined characters too", () => {
    expect(answer("'ä漢😀e\u0301' + reqest.path")).toBe(
      [
        'error[R301]: undeclared reference to "reqest"',
        "  expression:1:12",
        "1 | 'ä漢😀e\u0301' + reqest.path",
        `  | ${" ".repeat(11)}^ did you mean "request"?`,
        "  = docs/reference/diagnostics.md#r301",
        "",
      ].join("\n"),
    );
  });

  test("lines are counted, with both kinds of line ends", () => {
    expect(answer("1 +\n  2 *\n    'x'")).toContain("expression:2:5\n2 |   2 *\n  |     ^");
    expect(answer("[1,\r\n 2,\r\n\t1 / 0]")).toContain("expression:3:4\n3 | \t1 / 0]\n  | \t  ^");
  });

  test("what fails when it is evaluated says where and why", () => {
    expect(answer("[1, 2].map(x,\n  10 / (x - 2))")).toBe(
      [
        "error[R320]: divide by zero",
        "  expression:2:6",
        "2 |   10 / (x - 2))",
        "  |      ^",
        "  = docs/reference/diagnostics.md#r320",
        "",
      ].join("\n"),
    );
    expect(answer("int(request.headers['x'])", { headers: { x: "seven" } })).toMatch(/R320/);
    expect(answer("json.encode(0.0 / 0.0)")).toMatch(/R320.*no form in JSON/);
    expect(answer("request.json.a", { body: "{" })).toMatch(/R320.*not JSON/);
    expect(answer("lists.range(2000).map(x, lists.range(2000))")).toMatch(/R320.*(cost|memory)/);
  });

  test("100 KB of it are too much, and shown around the place only", () => {
    for (const text of [`'${"x".repeat(100_000)}'`, "1+".repeat(50_000), "(".repeat(100_000)]) {
      const shown = answer(text)!;
      expect(shown).toMatch(/R314/);
      expect(shown.length).toBeLessThan(1000);
    }
    expect(answer(`'${"x".repeat(65_534)}'`)).toHaveLength(65_536);
    expect(answer(`'${"x".repeat(65_535)}'`)).toMatch(/R314/);
    expect(answer(`${"1 +".repeat(190)}\n nobody`)).toMatch(/expression:2:2\n2 \| +nobody/);
  });

  test("hostile text stays one expression, and cannot act on the terminal", () => {
    for (const text of [
      "1) and $(2",
      "1)$(2",
      "1 //\n) $(2",
      "')",
      '"""',
      "r'''",
      "",
      " \n\t",
      "$(1)",
      "1)",
      "(1",
      "\u0000",
      "\ud800",
      "'\u001b[31m' +",
      "\u202e1",
      "__proto__",
      "constructor.prototype",
      "ctx.__proto__",
      "vars",
      "{}.toString()",
    ]) {
      const { json, diagnostics } = evaluate(text, {});
      expect([text, json]).toEqual([text, undefined]);
      expect(diagnostics.length, text).toBeGreaterThan(0);
      const shown = answer(text)!;
      expect(shown).toMatch(/^error\[R\d+\]: \P{Cc}+\n {2}expression:\d+:\d+\n/u);
      expect(shown.replaceAll(/[\n\t]/g, "")).not.toMatch(/\p{Cc}|\u202e/u);
    }
  });
});

describe("a request file", () => {
  test.each([
    ["methd: GET", /R200.*unknown key "methd"\n.*:1:1\n(.*\n)*.*did you mean "method"/],
    ["headers: { a: 1 }", /R201.*expected text or a list, found an integer\n.*:1:15/],
    ["response: { status: 99 }", /R204.*at least 200\n.*:1:21/],
    ["response: { stats: 200 }", /R200.*did you mean "status"/s],
    ["match: { path: '/{a' }", /R304.*\n.*:1:18/],
    ["match: { pth: /a }", /R200.*unknown key.*\n.*:1:10/],
    ["ctx: { 'a b': 1 }", /R301.*\n.*:1:15/],
    ['ctx: { "a\'": 1 }', /R301.*\n.*:1:14/],
    ["{ ctx: { a: 1 }, store: { 'a b': 1 } }", /R301.*\n.*:1:34/],
    ["attributes: { a: [1] }", /R201/],
    ["", /R100.*a request file is a map/],
    ["[1]", /R100.*a request file is a map/],
    ["a: b: c", /R100/],
    ["a: 1\na: 2", /R101/],
    ["vars: { n: 12345678901234567890 }", /R201.*2\^53/],
    ['{"method": "PUT", "body": 1}', /R201.*:1:27/s],
  ])("%s", (text, problem) => {
    expect(read(text)).toMatch(problem);
  });

  test("may be JSON, begin with a byte order mark, or be empty maps", () => {
    expect(read('{"method": "PUT", "json": {"a": null}}')).toEqual({
      method: "PUT",
      json: { a: null },
    });
    expect(read("\uFEFFvars: {}\nctx: {}\ntables: {}\nmatch: {}")).toBeTypeOf("object");
    expect(answer("1", read("vars: {}\nctx: {}\nmatch: {}") as EvaluationRequest)).toBe("1");
  });
});
