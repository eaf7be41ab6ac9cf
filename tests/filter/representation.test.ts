// What headers say of a body stays true when the body is edited, and nothing else changes.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

const described = {
  etag: '"abc"',
  "content-md5": "Q2hlY2sgSW50ZWdyaXR5IQ==",
  digest: "sha-256=x",
  "content-digest": "sha-256=:x:",
  "repr-digest": "sha-256=:x:",
  "accept-ranges": "bytes",
  "last-modified": "Tue, 15 Nov 1994 12:45:26 GMT",
  vary: "accept",
};
const replace = { body: { replace: [{ find: "foo", with: "bar" }] } };
const json = { body: { json: { set: { "/a": 2 } } } };
const names = Object.keys(described);

function filterWith(holdHeaders: boolean, rule: object): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: holdHeaders });
  const rules = [rule];
  if (!filter.configure({ ruleway: 1, settings: { holdHeaders }, rules }))
    throw new Error(filter.errors.join("\n"));
  return filter;
}

test.each([
  ["streamed", false, replace, "a foo"],
  ["streamed, on a host that holds", true, replace, "a foo"],
  ["as a whole", false, json, '{"a":1}'],
  ["as a whole, with headers held", true, json, '{"a":1}'],
])("a response edited %s", (_name, holds, step, body) => {
  const stream = filterWith(holds, { response: [step] })
    .open()
    .request()
    .respond(described, body);
  const left = names.filter((name) => stream.got(name).length > 0);
  expect(left).toEqual(["etag", "last-modified", "vary"]);
  expect(stream.got("etag")).toEqual(['W/"abc"']);
});

test("a body that held headers find unchanged keeps them all", () => {
  const step = { body: { json: { remove: ["/none"] } } };
  const stream = filterWith(true, { response: [step] })
    .open()
    .request()
    .respond(described, '{"a":1}');
  for (const name of names) expect(stream.got(name)).toEqual([(described as never)[name]]);
});

test("a request edited", () => {
  for (const holds of [false, true]) {
    const stream = filterWith(holds, { request: [json] })
      .open()
      .request(described, '{"a":1}');
    const left = names.filter((name) => stream.sent(name).length > 0);
    expect(left).toEqual(["etag", "accept-ranges", "last-modified", "vary"]);
  }
});

test.each([
  ['W/"abc"', ['W/"abc"']],
  ["abc", []],
  ['""', ['W/""']],
])("the tag %s", (etag, after) => {
  const stream = filterWith(false, { response: [replace] })
    .open()
    .request()
    .respond({ etag }, "foo");
  expect(stream.got("etag")).toEqual(after);
});

test("the answer to HEAD, and one without a body, say what one with the body would", () => {
  const filter = filterWith(false, { response: [replace] });
  for (const status of ["200", "304"]) {
    const stream = filter
      .open()
      .request({ ":method": "HEAD" })
      .respond({ ":status": status, "content-length": "5", ...described });
    expect(stream.got("etag")).toEqual(['W/"abc"']);
    expect(stream.got("content-length")).toEqual(["5"]); // as many bytes stand for as many
    expect(stream.got("content-md5")).toEqual([]);
  }
});

test.each([
  ["an edited response", { response: [replace] }, true],
  [
    "a judged one",
    { response: [{ respond: { status: 502 }, when: "response.body == 'x'" }] },
    true,
  ],
  ["a condition of the rule", { when: "response.body == 'x'", response: [{ stop: true }] }, true],
  ["a response with other headers", { response: [{ headers: { set: { a: "b" } } }] }, false],
])("%s: whether parts of it are asked for", (_name, rule, isWhole) => {
  const range = { range: "bytes=0-3", "if-range": '"abc"' };
  const stream = filterWith(true, rule).open().request(range);
  expect(stream.sent("range")).toEqual(isWhole ? [] : ["bytes=0-3"]);
  expect(stream.sent("if-range")).toEqual(isWhole ? [] : ['"abc"']);
});

test.each([
  ['W/"abc"', '"abc"'],
  ['"x", W/"a,W/b" ,W/"xW/"', '"x", "a,W/b" ,"xW/"'],
  ['"W/"', '"W/"'],
  ["*", "*"],
])("If-Match %s goes to the upstream as %s where responses are edited", (given, sent) => {
  const rule = { match: { path: "/edited" }, response: [replace] };
  const filter = filterWith(false, rule);
  const put = { ":method": "PUT", "if-match": given };
  expect(
    filter
      .open()
      .request({ ...put, ":path": "/edited" })
      .sent("if-match"),
  ).toEqual([sent]);
  expect(
    filter
      .open()
      .request({ ...put, ":path": "/other" })
      .sent("if-match"),
  ).toEqual([given]);
});

const asked = { range: "bytes=1-", "if-range": '"a"', "accept-encoding": "br, gzip" };
const text = { body: { text: "sorry" } };

test.each<[string, object, string[]]>([
  ["a rule for any response", { response: [text] }, ["gzip"]],
  ["one that keeps ranges", { ranges: "keep", response: [text] }, ["bytes=1-", '"a"', "gzip"]],
  [
    "one for errors",
    { match: { status: ["4xx", 503] }, response: [text] },
    ["bytes=1-", '"a"', "br, gzip"],
  ],
  [
    "one for errors that strips",
    { match: { status: "5xx" }, ranges: "strip", response: [text] },
    ["br, gzip"],
  ],
  ["one for errors and 206", { match: { status: ["4xx", 206] }, response: [text] }, ["gzip"]],
])("what the upstream is asked for by %s", (_name, rule, left) => {
  const stream = filterWith(false, rule).open().request(asked);
  expect(Object.keys(asked).flatMap((name) => stream.sent(name))).toEqual(left);
});
