// What must not leave with an event or a log line, in the spellings in which it comes.

import { expect, test } from "vitest";
import { Filter, type Stream } from "./run.ts";

const SECRET = "hunter2";

function filter(redact: object | undefined, extra: object = {}): Filter {
  const f = new Filter();
  const accepted = f.configure({
    ruleway: 1,
    services: { ingestion: { cluster: "ingestion" } },
    rules: [{ done: [{ emit: { service: "ingestion", ...(redact && { redact }) } }] }],
    ...extra,
  });
  expect([accepted, f.errors]).toEqual([true, []]);
  return f;
}

// biome-ignore lint/suspicious/noExplicitAny: events are looked into freely
function event(f: Filter, send: (s: Stream) => Stream = (s) => s.request()): any {
  const s = send(f.open());
  if (s.status === undefined) s.respond();
  s.close();
  const call = f.calls.pop()!;
  call.respond({ headers: [[":status", "200"]] });
  return JSON.parse(Buffer.from(call.body).toString());
}

test("redact.headers come on top of those that are never told", () => {
  const secrets = {
    authorization: SECRET,
    "proxy-authorization": SECRET,
    cookie: `a=${SECRET}`,
    "x-api-key": SECRET,
    "set-cookie": `a=${SECRET}`,
  };
  const hidden = Object.fromEntries(Object.keys(secrets).map((name) => [name, "***"]));
  for (const redact of [undefined, { headers: ["x-mine-*"] }, { query: ["token"] }]) {
    const f = filter(redact);
    const { request, response } = event(f, (s) =>
      s.request({ ...secrets, "x-mine-a": "1" }).respond(secrets),
    );
    expect(request.headers).toMatchObject(hidden);
    expect(request.headers["x-mine-a"]).toBe(redact && "headers" in redact ? "***" : "1");
    expect(response.headers).toMatchObject(hidden);
  }
});

// Names are those of redact.query below.
test.each([
  ["/x?token=hunter2", "/x?token=***"],
  ["/x?a=1&token=hunter2&b=2", "/x?a=1&token=***&b=2"],
  ["/x?a=1;token=hunter2;b=2", "/x?a=1;token=***"],
  ["/x?%74oken=hunter2", "/x?%74oken=***"],
  ["/x?%54%4FKEN=hunter2", "/x?%54%4FKEN=***"],
  ["/x?TOKEN=hunter2&token=hunter2", "/x?TOKEN=***&token=***"],
  ["/x?token[]=hunter2&token%5B0%5D=hunter2", "/x?token[]=***&token%5B0%5D=***"],
  ["/x?+token=hunter2&token+=hunter2", "/x?+token=***&token+=***"],
  ["/x?token=a;hunter2,hunter2?hunter2/hunter2", "/x?token=***"],
  ["/x?token==hunter2", "/x?token=***"],
  ["/x?my_secret_key=hunter2", "/x?my_secret_key=***"],
  ["/x?a=1#token=hunter2", "/x?a=1#token=***"],
  ["/x;token=hunter2/y?a=1", "/x;token=***?a=1"],
  ["/x?next=/login?token=hunter2", "/x?next=/login?token=***"],
  ["/x?next=%2Flogin%3Ftoken%3Dhunter2&b=2", "/x?next=***&b=2"],
  ["/x?next=%252Flogin%253Ft%25256Fken%253Dhunter2&b=2", "/x?next=***&b=2"],
  ["/go/https%3A%2F%2Fa%2F%3Ftoken%3Dhunter2?b=2", "/go/***?b=2"],
  ["/x?token%3Dhunter2", "/x?***"],
  ["/x?token", "/x?token"],
  ["/x?a=100%&tokens=1&b=%zz", "/x?a=100%&tokens=1&b=%zz"],
])("of the target %s there is told %s", (target, told) => {
  const f = filter({ query: ["token", "my*key"] });
  expect(event(f, (s) => s.request({ ":path": target })).request.headers[":path"]).toBe(told);
});

test("parameters are hidden in whatever field repeats them", () => {
  const f = filter({ query: ["token"] });
  const url = `https://h.example/x?a=1&t%6Fken=${SECRET}#b`;
  const { request, response } = event(f, (s) =>
    s
      .request({
        referer: url,
        origin: `https://h.example?token=${SECRET}`,
        "x-forwarded-uri": `/x?token=${SECRET}`,
        "x-original-url": `/x?token=${SECRET}`,
        "x-rewrite-url": `/x?token=${SECRET}`,
        "x-args": `token=${SECRET}&a=1`,
        forwarded: `for=1.2.3.4;token=${SECRET}`,
        "x-note": `see /x?token=${SECRET} and 'more'`,
        accept: "text/html;q=0.9",
      })
      .respond({
        location: url,
        "content-location": `/x?token=${SECRET}`,
        refresh: `5; url=/x?token=${SECRET}`,
        link: `</x?token=${SECRET}>; rel="next", </y?a=1>; rel="prev"`,
      }),
  );
  expect(request.headers).toMatchObject({
    referer: "https://h.example/x?a=1&t%6Fken=***#b",
    origin: "https://h.example?token=***",
    "x-forwarded-uri": "/x?token=***",
    "x-args": "token=***&a=1",
    "x-note": "see /x?token=*** and 'more'",
    accept: "text/html;q=0.9",
  });
  expect(response.headers).toMatchObject({
    location: "https://h.example/x?a=1&t%6Fken=***#b",
    refresh: "5; url=/x?token=***",
    link: `</x?token=***>; rel="next", </y?a=1>; rel="prev"`,
  });
  expect(JSON.stringify([request, response])).not.toContain(SECRET);
});

const FORM = "application/x-www-form-urlencoded";
const MULTI = "multipart/form-data; boundary=b";
const multipart = (...parts: string[]) =>
  `${parts.map((part) => `--b\r\nContent-Disposition: form-data; ${part}\r\n`).join("")}--b--\r\n`;
/** The body is left out. */
const OUT = Symbol("left out");

// Names are those of `redact` below.
test.each<[string, string, string | typeof OUT]>([
  // JSON
  ["application/json", '{"password":"hunter2","a":1}', '{"a":1}'],
  ["application/json", '{"p\\u0061ssword":"hunter2","a":1}', '{"a":1}'],
  ["application/json", '{"password":"hunter2","password":"hunter2","a":1}', '{"a":1}'],
  ["application/json", '{"password":"hunter2","p\\u0061ssword":["hunter2"],"a":1}', '{"a":1}'],
  [
    "application/json",
    '[{"x":[{"pin":"hunter2"},{"pin":["hunter2"],"b":2}]}]',
    '[{"x":[{},{"b":2}]}]',
  ],
  ["application/json", '{"x":{"pin":"hunter2"},"x":{"pin":"hunter2"}}', '{"x":{},"x":{}}'],
  ["application/problem+json", '{"password":"hunter2"}', "{}"],
  ["application/json", '{"password":"hunter2"', OUT],
  ["text/plain", ' \n{"password":"hunter2"}', " \n{}"],
  [FORM, '{"password":"hunter2"}', "{}"],
  // JSON in JSON, and what else strings hold
  ["application/json", '{"a":"{\\"password\\":\\"hunter2\\"}"}', '{"a":"{}"}'],
  ["application/json", '{"a":"{\\"password\\":\\"hunter2\\""}', '{"a":"***"}'],
  [
    "application/json",
    '{"next":"\\/x?token\\u003dhunter2\\u0026b=1"}',
    '{"next":"/x?token=***&b=1"}',
  ],
  [
    "application/json",
    '{"next":"/x?\\u0074oken=hunter2\\"hunter2","b":1}',
    '{"next":"/x?token=***","b":1}',
  ],
  ["application/json", '{"a":["4111111111111111"]}', '{"a":["***"]}'],
  ["application/json", '{"a":["\\u00341111111\\u00311111111"]}', '{"a":["***"]}'],
  ["application/json", '{"\\u00341111111\\u00311111111":1}', '{"***":1}'],
  ["application/json", '{"a":4111111111111111}', '{"a":"***"}'],
  // lines of JSON, events
  [
    "application/x-ndjson",
    '{"password":"hunter2"}\n\n{"a":1,"password":1}\r\n',
    '{}\n\n{"a":1}\r\n',
  ],
  ["text/plain", '{"password":"hunter2"}\n{"password":"hunter2"}', "{}\n{}"],
  ["application/x-ndjson", '{"a":1}\n{"password":"hunter2"', OUT],
  [
    "text/event-stream",
    ': hi\nevent: x\ndata: {"password":"hunter2"}\n\ndata:{"pin":"hunter2","b":"?token=hunter2"}\r\n\r\ndata: [DONE]\n\n',
    ': hi\nevent: x\ndata: {}\n\ndata:{"b":"?token=***"}\r\n\r\ndata: [DONE]\n\n',
  ],
  ["text/event-stream", 'data: {"password":\ndata: "hunter2"}\n\n', OUT],
  ["text/event-stream", "data: see /x?token=hunter2\n\n", "data: see /x?token=***\n\n"],
  // forms
  [FORM, "token=hunter2&a=1", "token=***&a=1"],
  [FORM, "a=1&t%6Fken=hunter2+hunter2 hunter2;hunter2", "a=1&t%6Fken=***"],
  [FORM, "a=1;TOKEN=hunter2", "a=1;TOKEN=***"],
  [FORM, "next=/login?token=hunter2&a=1", "next=***&a=1"],
  [FORM, "next=%2Flogin%3Ftoken%3Dhunter2&a=1", "next=***&a=1"],
  ["text/plain", "token=hunter2&a=1", "token=***&a=1"],
  [
    MULTI,
    multipart('name="token"\r\n\r\nhunter2', 'name="a"\r\n\r\n1'),
    multipart('name="token"\r\n\r\n***', 'name="a"\r\n\r\n1'),
  ],
  [
    MULTI,
    multipart('name="a"\r\n\r\n{"password":"hunter2"}', 'name="b"\r\n\r\n/x?token=hunter2'),
    multipart('name="a"\r\n\r\n{}', 'name="b"\r\n\r\n/x?token=***'),
  ],
  [MULTI, "--b\r\nContent-Disposition: form-data; name=token\r\n\r\nhunter2", OUT],
  // text
  ["text/html", '<a href="/x?a=1&amp;token=hunter2">', '<a href="/x?a=1&amp;token=***">'],
  ["text/plain", "card 4111111111111111 end", "card *** end"],
  ["text/plain", "hello", "hello"],
  ["text/plain", "[::1] {x}", OUT],
])("of the %s body %j there is told %j", (type, body, told) => {
  const f = filter({
    query: ["token"],
    json: ["/password", "$..pin"],
    patterns: ["4\\d{15}"],
  });
  for (const size of [1000, 1, 7]) {
    const pieces = body.match(new RegExp(`[^]{1,${size}}`, "g"))!;
    const { request, response } = event(f, (s) =>
      s.request({ "content-type": type }, ...pieces).respond({ "content-type": type }, ...pieces),
    );
    for (const message of [request, response]) {
      if (told === OUT) expect(message).toMatchObject({ body: "", body_redacted: true });
      else expect([message.body, message.body_redacted]).toEqual([told, undefined]);
    }
  }
});

test("of a body that was cut there is told what can be looked into", () => {
  const emit = { service: "ingestion", maxBody: 40 };
  const told = (redact: object, type: string, body: string) => {
    const f = filter(undefined, { rules: [{ done: [{ emit: { ...emit, redact } }] }] });
    const { request } = event(f, (s) => s.request({ "content-type": type }, body));
    expect(JSON.stringify(request)).not.toContain(SECRET);
    expect(request).toMatchObject({ body_truncated: true, body_size: body.length });
    return request.body_redacted ? OUT : request.body;
  };
  const json = { json: ["/password"] };
  const query = { query: ["token"] };
  const long = "x".repeat(50);
  expect(told(json, "application/json", `{"password":"${SECRET}","a":"${long}"}`)).toBe(OUT);
  expect(told(json, "application/x-ndjson", `{"password":"${SECRET}"}\n{"a":"${long}"}`)).toBe(
    "{}\n",
  );
  expect(told(json, "text/event-stream", `data: {"password":"${SECRET}"}\n\ndata: ${long}`)).toBe(
    "data: {}\n\n",
  );
  expect(told(query, FORM, `token=${SECRET}&a=${long}`)).toBe(`token=***&a=${"x".repeat(24)}`);
  expect(told(query, "application/json", `{"a":"?token=${SECRET}","b":"${long}"}`)).toBe(
    `{"a":"?token=***","b":"${"x".repeat(13)}`,
  );
  expect(told(query, "application/json", `{"a":"?token\\u003d${SECRET}","b":"${long}"}`)).toBe(OUT);
});

test("a body that is coded, binary or in UTF-16 is left out where there is something to hide", () => {
  const f = filter({ json: ["/password"] });
  const told = (headers: Record<string, string>, body: Uint8Array) =>
    event(f, (s) => s.request(headers, body)).request;
  const json = Buffer.from(`{"password":"${SECRET}"}`, "utf16le");
  const out = { body: "", body_redacted: true };
  expect(told({ "content-encoding": "br" }, Buffer.from("{}"))).toMatchObject(out);
  expect(told({}, Buffer.from([0xff, 0xfe, 1]))).toMatchObject(out);
  expect(told({}, json)).toMatchObject(out);
  expect(told({}, Buffer.from(json).swap16())).toMatchObject(out);
  expect(told({ "content-encoding": "identity" }, Buffer.from("{}")).body).toBe("{}");
});
