// `body.json` through the filter: values of templates, the order of the edits, bodies in pieces, and what
// is no JSON or does not stay within its bounds.

import { expect, test } from "vitest";
import { encode, Filter, type Stream } from "./run.ts";

function configured(json: object, more: object = {}): Filter {
  const filter = new Filter();
  const rules = [{ request: [{ body: { json, ...more } }] }];
  const isAccepted = filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules });
  expect(isAccepted, filter.log.join("\n")).toBe(true);
  return filter;
}

function send(json: object, pieces: string[], more: object = {}, headers = {}): Stream {
  const filter = configured(json, more);
  const stream = filter.open().request(headers, ...pieces);
  expect(filter.traps).toEqual([]);
  return stream;
}

/** The same with bytes: the stream, and what the upstream got. */
function sendBytes(filter: Filter, pieces: Uint8Array[]): [Stream, Buffer] {
  const stream = filter.open();
  const got: Uint8Array[] = [];
  stream.requestData = (data) => {
    got.push(data.slice());
  };
  const headers = { ":authority": "a", ":path": "/", ":method": "POST", ":scheme": "http" };
  stream.stream.requestHeaders(Object.entries(headers), false);
  pieces.forEach((piece, i) => {
    stream.stream.requestData(piece, i === pieces.length - 1);
  });
  expect(filter.traps).toEqual([]);
  return [stream, Buffer.concat(got)];
}

const edited = (json: object, body: string, headers = {}) =>
  send(json, [body], {}, headers).upstreamBody;

test("an edit whose value is absent or null is skipped; a null that stands there is a value", () => {
  const json = {
    set: {
      "/absent": "$(request.headers['x-none'])",
      "/text": "a $(request.headers['x-none'])",
      "/null": "$(request.headers['x-user'] == 'ada' ? dyn(null) : dyn(1))",
      "/failed": "$(int(request.headers['x-user']))",
      "/literal": null,
      "/inside": { a: "$(request.headers['x-none'])" },
    },
    append: { "/list": "$(request.headers['x-none'])" },
    rename: { "/a": "$(request.headers['x-none'])" },
  };
  expect(edited(json, '{"a":1,"absent":2}', { "x-user": "ada" })).toBe(
    '{"a":1,"absent":2,"inside":{"a":null},"literal":null}',
  );
});

test("values keep their types, and integers their digits", () => {
  const json = {
    set: {
      "/n": "$(1 + 1)",
      "/l": "$([1, 'a'])",
      "/s": "$(request.headers['x-n'])",
      "/t": "n $(7)",
    },
  };
  expect(edited(json, '{"id":9007199254740993}', { "x-n": "5" })).toBe(
    '{"id":9007199254740993,"l":[1,"a"],"n":2,"s":"5","t":"n 7"}',
  );
});

test("in a merge an absent value is left out; a null takes away", () => {
  const json = {
    merge: {
      user: {
        name: "$(request.headers['x-user'])",
        mail: "$(request.headers['x-none'])",
        old: null,
      },
      gone: null,
      made: { empty: {}, list: [1, "$(request.headers['x-none'])"] },
    },
  };
  const body = '{"user": {"mail": "m", "old": 1}, "gone": 1, "id": 1.0}';
  expect(edited(json, body, { "x-user": "ada" })).toBe(
    '{"user": {"mail": "m", "name": "ada"}, "id": 1.0, "made": {"empty": {},"list": [1,null]}}',
  );
});

test("the order of the edits is that of the reference, whatever that of the map", () => {
  const json = {
    dedupe: ["/l"],
    patch: [
      { op: "test", path: "/m/z", value: 1.0 },
      { op: "add", path: "/l/0", value: 3 },
      { op: "move", from: "/m/z", path: "/p" },
      { op: "copy", from: "/p", path: "/q" },
      { op: "replace", path: "/q", value: 2 },
    ],
    merge: { m: { z: 1 } },
    append: { "/l": 3 },
    add: { "/l/0": 2 },
    default: { "/d": 1, "/s": 9 },
    set: { "/s": 1, "/m": { y: 2 } },
    move: { "/c": "/k" },
    copy: { "/b": "/c" },
    rename: { "/a": "b" },
    remove: ["/r"],
  };
  expect(edited(json, '{"a":0,"r":1,"l":[1]}')).toBe(
    '{"b":0,"l":[3,2,1],"k":0,"m":{"y":2},"s":1,"d":1,"p":1,"q":2}',
  );
});

test("a patch that does not apply leaves the body as it came, or has it refused", () => {
  const json = {
    set: { "/a": 2 },
    patch: [
      { op: "add", path: "/b", value: 1 },
      { op: "test", path: "/b", value: "$(request.headers['x-none'])" },
    ],
  };
  const body = '{ "a": 1 }';
  expect(send(json, [body]).upstreamBody).toBe(body);
  const denied = send(json, [body], { onError: "deny" });
  expect([denied.status, denied.upstream]).toEqual(["400", undefined]);
});

test("however a body is cut, the same bytes come out", () => {
  const json = {
    remove: ["$.items[*].secret"],
    set: { "$.items[-1].last": true },
    rename: { "$..né": "ne" },
    dedupe: ["/tags"],
  };
  const body =
    ' { "items":[{"secret":"\\u00e9","né":1.50} , {"id":12345678901234567890}],"tags":[1,1.0,"é"]}\n';
  const whole =
    ' { "items":[{"ne":1.50} , {"id":12345678901234567890,"last":true}],"tags":[1,"é"]}\n';
  expect(edited(json, body)).toBe(whole);
  const bytes = encode(body);
  const filter = configured(json);
  for (let i = 0; i <= bytes.length; i++) {
    const [, got] = sendBytes(filter, [bytes.slice(0, i), bytes.slice(i)]);
    expect(got.toString(), String(i)).toBe(whole);
  }
  const [, got] = sendBytes(
    filter,
    [...bytes].map((byte) => Uint8Array.of(byte)),
  );
  expect(got.toString()).toBe(whole);
});

test.each([
  ["cut off", '{"a":1,"b":'],
  ["nothing", " "],
  ["with more behind", '{"a":1}{'],
  ["10,000 deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
  ["10,000 deep and cut off", '{"a":'.repeat(10_000)],
  ["with a number that is none", '{"a":01}'],
])("what is no JSON (%s) passes as it came, or is refused", (_name, body) => {
  const json = { set: { "/a": 2 }, remove: ["$..b"] };
  expect(send(json, [body]).upstreamBody).toBe(body);
  expect(send(json, [body], { onError: "deny" }).status).toBe("400");
});

test("what is not UTF-8 passes as it came, or is refused", () => {
  const json = { set: { "/a": 2 }, remove: ["$..b"] };
  const bytes = Buffer.from('{"a":"\xc3("}', "latin1");
  expect(sendBytes(configured(json), [bytes])[1]).toEqual(bytes);
  const [denied, got] = sendBytes(configured(json, { onError: "deny" }), [bytes]);
  expect([denied.status, got.length]).toEqual(["400", 0]);
});

test("100 MB pass where the limit is lower; where only memory ends it, they are refused if asked", () => {
  const pieces = ["[", ...Array.from({ length: 100 }, () => "1,".repeat(500_000)), "1]"];
  const json = { set: { "/0": 2 } };
  const passed = send(json, pieces);
  expect(passed.upstreamBody.length).toBe(100_000_003);
  expect(passed.upstreamBody.startsWith("[1,1,")).toBe(true);
  const denied = send(json, pieces, { maxSize: "200MiB", onError: "deny" });
  expect([denied.status, denied.upstreamBody]).toEqual(["503", ""]);
});

test.each([
  ['{"a":1,"a":2}', { set: { "/a": 3 } }, '{"a":3}'],
  ['{"a":1,"\\u0061":2}', { set: { "/a": 3 } }, '{"\\u0061":3}'],
  ['{"o":{"a":1},"o":{"a":2}}', { set: { "/o/a": 3 } }, '{"o":{"a":3}}'],
  ['{"l":[{"a":1,"b":0,"a":2}]}', { remove: ["$.l[*].a"] }, '{"l":[{"b":0}]}'],
  ['{"x":{"a":1,"a":2}}', { remove: ["$..a"] }, '{"x":{}}'],
  ['{"a":1,"a":2}', { default: { "/a": 3 } }, '{"a":2}'],
])("a member that is there twice, %s: one is left, or the message refused", (body, json, after) => {
  expect(send(json, [body]).upstreamBody).toBe(after);
  const refused = send(json, [body], { onError: "deny" });
  expect([refused.status, refused.upstream]).toEqual(["400", undefined]);
  // One that no path leads through is of no matter.
  const other = send({ set: { "/z": 1 } }, [body], { onError: "deny" });
  expect(other.upstreamBody).toBe(body.replace(/\}$/, ',"z":1}'));
});
