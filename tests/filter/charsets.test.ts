// Charsets: what is read and edited is UTF-8. A body that says it is something else, or says so in a way
// that readers understand differently, is not edited, not read, and closes guards.

import { expect, test } from "vitest";
import { Filter, type Stream } from "./run.ts";

function filterWith(rules: unknown[]): Filter {
  const filter = new Filter();
  const settings = { holdHeaders: true };
  if (!filter.configure({ ruleway: 1, settings, rules })) throw new Error(filter.errors.join("\n"));
  return filter;
}

const JSON_BODY = '{"a":"foo"}';
const SIZE = { "content-length": String(JSON_BODY.length) };

function exchange(filter: Filter, type: string): Stream {
  const headers = { "content-type": type, ...SIZE };
  const stream = filter.open().request(headers, JSON_BODY.slice(0, 5), JSON_BODY.slice(5));
  if (stream.upstreamEnded) stream.respond(headers, JSON_BODY);
  stream.close();
  expect(filter.traps).toEqual([]);
  return stream;
}

const READ = [
  "application/json",
  "application/json;",
  "application/json; charset=utf-8",
  'application/json;CHARSET="UTF-8"',
  "application/json; a=b;charset=Utf8 ",
  "application/json; charset=us-ascii; a=b",
  "application/json ; charset=ASCII",
  "charset/charset; a=b",
];
const OTHERS = [
  "application/json; charset=iso-8859-1",
  "application/json; charset=windows-1252",
  'application/json; Charset = "utf-16"',
  "application/json; charset=",
  'application/json; charset=""',
  "application/json; charset",
  "application/json; charset='utf-8'",
  "application/json; charset=utf-8x",
  'application/json; charset="utf-8',
  'application/json; charset="utf\\-8"',
  "application/json; charset=utf-8; charset=utf-16",
  "application/json; charset=utf-16; charset=utf-8",
  "application/json; x; charset=utf-16",
  "application/json; charset*=utf-8''utf-16",
  "application/json; charset*0=utf-",
  'application/json; a="; charset=utf-8',
];

test.each([
  ...READ.map((type) => [type, true] as const),
  ...OTHERS.map((type) => [type, false] as const),
])("%s", (type, isRead) => {
  for (const edit of [
    { replace: [{ find: "foo", with: "bar" }] },
    { replace: [{ regex: "fo+", with: "bar" }] },
    { json: { set: { "/a": "bar" } } },
    { text: '{"a":"bar"}' },
  ]) {
    const filter = filterWith([{ request: [{ body: edit }], response: [{ body: edit }] }]);
    const stream = exchange(filter, type);
    const body = isRead ? '{"a":"bar"}' : JSON_BODY;
    expect([stream.upstreamBody, stream.responseBody]).toEqual([body, body]);
    expect(filter.metrics["ruleway.body_skipped.charset"]).toBe(isRead ? undefined : 2);
  }
  const validate = { validate: { body: { required: ["a"] } } };
  const refused = isRead ? [undefined, "200"] : ["400", "502"];
  expect([
    filterWith([{ request: [validate] }])
      .open()
      .request({ "content-type": type }, JSON_BODY).status,
    exchange(filterWith([{ response: [validate] }]), type).status,
  ]).toEqual(refused);
  const respond = { respond: { status: 403 }, when: "request.json.a == 'x'", onError: "deny" };
  expect(exchange(filterWith([{ request: [respond] }]), type).status).toBe(isRead ? "200" : "403");
  const edit = { body: { json: { set: { "/a": "bar" } }, onError: "deny" } };
  expect(exchange(filterWith([{ request: [edit] }]), type).status).toBe(isRead ? "200" : "415");
  expect(exchange(filterWith([{ response: [edit] }]), type).status).toBe(isRead ? "200" : "502");
});

test("every line of content-type counts, and a message without a body is not refused for one", () => {
  const edit = { body: { json: { set: { "/a": "bar" } }, onError: "deny" } };
  const filter = filterWith([{ request: [edit] }]);
  const bare = filter.open().request({ "content-type": "text/plain; charset=utf-16" });
  expect([bare.upstreamEnded, bare.status]).toEqual([true, undefined]);
  const stream = filter.open();
  stream.stream.requestHeaders(
    [
      [":method", "POST"],
      [":path", "/"],
      [":authority", "a"],
      ["content-type", "application/json"],
      ["content-type", "application/json; charset=utf-16"],
    ],
    false,
  );
  expect(stream.status).toBe("415");
  expect(filter.metrics["ruleway.refused.charset"]).toBe(1);
});

test("a form in another charset has no fields, and is refused where it must be edited", () => {
  const type = "application/x-www-form-urlencoded; charset=iso-8859-1";
  const send = (step: object) =>
    filterWith([{ request: [step] }])
      .open()
      .request({ "content-type": type }, "a=1");
  expect(send({ form: { set: { a: "2" } } }).upstreamBody).toBe("a=1");
  expect(send({ form: { set: { a: "2" } }, onError: "deny" }).status).toBe("400");
  expect(send({ headers: { set: { "x-a": "$(request.form['a'])" } } }).sent("x-a")).toEqual([]);
});
