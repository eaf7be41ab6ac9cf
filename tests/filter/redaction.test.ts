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
  ["/x;token=hunter2/y?a=1", "/x;token=***"],
  ["/x?next=/login?token=hunter2", "/x?next=/login?token=***"],
  ["/x?next=%2Flogin%3Ftoken%3Dhunter2&b=2", "/x?next=***&b=2"],
  ["/x?next=%252Flogin%253Ft%25256Fken%253Dhunter2&b=2", "/x?next=***&b=2"],
  ["/go/https%3A%2F%2Fa%2F%3Ftoken%3Dhunter2?b=2", "/go/***"],
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

const REDACT = {
  headers: ["x-mine"],
  query: ["token"],
  json: ["/password", "$..pin"],
  patterns: ["4\\d{15}"],
};

const SENT = {
  ":path": `/x/4111111111111111?a=1&token=${SECRET}`,
  authorization: `Bearer ${SECRET}`,
  cookie: `sid=${SECRET}; lang=de`,
  "x-mine": SECRET,
  "x-yours": "1",
  referer: `https://h/?token=${SECRET}`,
};

test("an event of one's own tells nothing secret, whatever its expressions make of it", () => {
  const f = filter(undefined, {
    settings: { holdHeaders: true },
    services: { ingestion: { cluster: "ingestion" }, auth: { cluster: "auth" } },
    rules: [
      {
        request: [
          { set: { body: "$(request.body)", auth: "$(request.headers.authorization)" } },
          { call: { service: "auth", as: "who" } },
        ],
        done: [
          {
            emit: {
              service: "ingestion",
              redact: REDACT,
              json: {
                auth: "$(request.headers.authorization)",
                dynamic: "$(request.headers[default(request.headers['x-none'], 'Authorization')])",
                made: "$(request.headers['x-mine'].upperAscii()) and $(request.headers['x-yours'])",
                all: "$(request.headers)",
                path: "$(request.path)",
                query: "$(request.query)",
                url: "$(request.url_path)",
                params: "$(request.query_params)",
                token: "$(request.query_params.token)",
                cookie: "$(request.cookies.sid)",
                cookies: "$(request.cookies)",
                referer: "$(request.referer)",
                body: "$(ctx.body)",
                called: "$(calls.who.json)",
                deep: "$(calls.who.json.user.pin)",
                text: "$(calls.who.body)",
                reply: "$(calls.who.headers['set-cookie'])",
                password: SECRET,
                card: "$(4111111111111111)",
                none: "$(request.headers['proxy-authorization'])",
              },
            },
          },
        ],
      },
    ],
  });
  const told = event(f, (s) => {
    s.request(SENT, `{"password":"${SECRET}","a":["4111111111111111"]}`);
    f.calls.shift()!.respond({
      headers: [
        [":status", "200"],
        ["set-cookie", SECRET],
      ],
      body: Buffer.from(`{"user":{"pin":"${SECRET}","name":"ada"}}`),
    });
    return s;
  });
  const headers = {
    ...SENT,
    ":authority": "example.com",
    ":method": "POST",
    ":scheme": "http",
    ":path": "/x/***?a=1&token=***",
    authorization: "***",
    cookie: "***",
    "x-mine": "***",
    referer: "https://h/?token=***",
  };
  expect(told).toEqual({
    auth: "***",
    dynamic: "***",
    made: "*** and 1",
    all: headers,
    path: headers[":path"],
    query: "a=1&token=***",
    url: "/x/***",
    params: { a: "1", token: "***" },
    token: "***",
    cookie: "***",
    cookies: { sid: "***", lang: "***" },
    referer: headers.referer,
    body: '{"a":["***"]}',
    called: { user: { name: "ada" } },
    deep: null,
    text: '{"user":{"name":"ada"}}',
    reply: "***",
    card: "***",
    none: null,
  });
});

test("without redact an event of one's own still tells no credentials", () => {
  const f = filter(undefined, {
    rules: [
      {
        done: [
          {
            emit: {
              service: "ingestion",
              json: { all: "$(request.headers)", path: "$(request.path)" },
            },
          },
        ],
      },
    ],
  });
  const told = event(f, (s) => s.request(SENT));
  expect(told.all).toMatchObject({ authorization: "***", cookie: "***", "x-mine": SECRET });
  expect(told.path).toBe(SENT[":path"]);
});

test("log lines tell no credentials, and with redact nothing else that is secret", () => {
  const f = filter(undefined, {
    settings: { holdHeaders: true },
    rules: [
      {
        request: [
          {
            log:
              "auth $(request.headers.authorization) $(request.cookies.sid) " +
              "$(request.headers['x-yours'])",
          },
          { log: { text: "headers $(request.headers)", redact: REDACT } },
          {
            log: {
              text:
                "rest $(request.path) $(request.query_params.token) $(request.body) " +
                "$(request.json.password) $(request.json) token=a&b=4111111111111111",
              redact: REDACT,
            },
          },
          { log: { text: '{"password":"$(request.headers[\'x-yours\'])","b":1}', redact: REDACT } },
          { log: { text: "form $(request.form.token) $(request.form)", redact: REDACT } },
        ],
        response: [
          { log: "$(response.headers['set-cookie']) $(response.headers)" },
          {
            events: {
              edit: [{ log: "event $(event.data)" }, { set: { x: "$(event.data)" } }],
            },
          },
        ],
      },
    ],
  });
  const send = (type: string, body: string) => {
    f.log.length = 0;
    f.open()
      .request({ ...SENT, "content-type": type }, body)
      .respond({ "set-cookie": `a=${SECRET}`, "x-a": "1" }, "b")
      .close();
    return f.log.filter((line) => !line.includes("an expression failed"));
  };
  const lines = send("application/json", `{"password":"${SECRET}","a":"4111111111111111"}`);
  expect(lines.slice(0, 4)).toEqual([
    "auth *** *** 1",
    expect.stringMatching(/^headers \{.*"authorization":"\*\*\*".*\}$/),
    'rest /x/***?a=1&token=*** *** {"a":"***"}  {"a":"***"} token=***&b=***',
    '{"b":1}',
  ]);
  expect(lines[5]).toMatch(/^\*\*\* \{.*"x-a":"1".*\}$/);
  const form = send("application/x-www-form-urlencoded", `token=${SECRET}&b=2`);
  expect(form[4]).toBe('form *** {"token":"***","b":"2"}');
  // The first line and those of the response have no redact of their own, and know no token.
  expect(lines.join("\n")).not.toContain(SECRET);
  expect(f.traps).toEqual([]);
});

test("what a secret header holds is hidden wherever the same stands", () => {
  const credentials = "abc/def+123==";
  const sent = {
    authorization: `Bearer ${credentials}`,
    "x-api-key": "k3y-of-mine",
    "x-mine": "no",
  };
  const api = { service: "ingestion", maxBody: 60, redact: { headers: "x-mine" } };
  const own = { service: "ingestion", json: { auth: "$(ctx.auth)", key: "$(ctx.key)" } };
  const f = filter(undefined, {
    rules: [
      {
        request: [
          {
            set: {
              auth: "$(request.headers.authorization)",
              key: "of $(request.headers['x-api-key'])",
            },
          },
          { headers: { add: { "x-repeats": "$(ctx.key)" } } },
          { log: "by $(ctx.auth) $(ctx.key) $(request.headers['x-repeats'])" },
        ],
        done: [{ emit: api }, { emit: own }],
      },
    ],
  });
  const tell = (body: string) => {
    const s = f.open();
    s.request(sent).respond({ "content-type": "text/plain" }, body).close();
    const told = f.calls.splice(0).map((call) => {
      call.respond({ headers: [[":status", "200"]] });
      return JSON.parse(Buffer.from(call.body).toString());
    });
    return { api: told[0], own: told[1] };
  };
  const { api: event, own: mine } = tell(`no: ${credentials}${credentials} k3y-of-mine, k3y-of`);
  expect(event.request.headers).toMatchObject({ authorization: "***", "x-repeats": "of ***" });
  expect(event.response.body).toBe("no: ****** ***, k3y-of");
  expect(mine).toEqual({ auth: "Bearer ***", key: "of ***" });
  expect(f.log).toContain("by Bearer *** of *** of ***");
  // Sessions are what cookies hold.
  const session = "0123456789abcdef";
  const t = f.open();
  t.request({ cookie: `lang=de-DE; sid=${session}` })
    .respond(
      { "set-cookie": `sid=f${session}; Path=/a-path` },
      `de-DE f${session} ${session} /a-path`,
    )
    .close();
  expect(JSON.parse(Buffer.from(f.calls[0]!.body).toString()).response.body).toBe(
    "de-DE *** *** /a-path",
  );
  for (const call of f.calls.splice(0)) call.respond({ headers: [[":status", "200"]] });
  // Cut in its midst, of what follows nothing is known.
  expect(tell(`${"-".repeat(50)}${credentials}`).api.response).toMatchObject({
    body: "-".repeat(50),
    body_truncated: true,
  });
});

test("a secret that a long line cuts in two does not show its beginning", () => {
  const f = filter(undefined, {
    rules: [
      {
        request: [
          {
            log: { text: "$(request.headers['x-long'])", redact: { patterns: ["s3cr3t-\\w+"] } },
          },
        ],
      },
    ],
  });
  const before = "-".repeat(8 * 1024 - 9);
  f.open().request({ "x-long": `${before}s3cr3t-0123456789` });
  expect(f.log.find((line) => line.startsWith("---"))).toBe(`${before}***`);
});

test("sets with names are shared, by entries of the envelope too", () => {
  const f = filter(undefined, {
    redact: { secrets: { query: ["token"] }, other: { headers: ["x-mine"] } },
    rules: [
      {
        request: [{ log: { text: "$(request.headers['x-mine'])", redact: "other" } }],
        done: [{ emit: { service: "ingestion", redact: "secrets" } }],
      },
    ],
    _rules_: [
      {
        _match_domain_: ["b.com"],
        redact: { other: { headers: ["x-yours"] } },
        rules: [
          {
            done: [
              { log: { text: "$(request.headers)", redact: "other" } },
              { emit: { service: "ingestion", redact: "secrets" } },
            ],
          },
        ],
      },
    ],
  });
  const a = event(f, (s) => s.request(SENT));
  expect(a.request.headers[":path"]).toBe("/x/4111111111111111?a=1&token=***");
  expect(f.log).toContain("***");
  const b = event(f, (s) => s.request({ ...SENT, ":authority": "b.com" }));
  expect(b.request.headers[":path"]).toBe("/x/4111111111111111?a=1&token=***");
  expect(JSON.parse(f.log.at(-1)!)).toMatchObject({ "x-mine": SECRET, "x-yours": "***" });
});

test("a set that is not there, or wrong, is reported where it stands, once", () => {
  const errors = (rules: object) => {
    const f = new Filter();
    const accepted = f.configure({ ruleway: 1, services: { a: { cluster: "a" } }, ...rules });
    return [accepted, ...f.errors];
  };
  const emit = (redact: unknown) => ({ done: [{ emit: { service: "a", redact } }] });
  expect(
    errors({
      redact: { secrets: { query: ["a"] }, more: { query: ["b"] } },
      rules: [emit("secrts"), { request: [{ log: { text: "a", redact: "x" } }] }],
    }),
  ).toEqual([
    false,
    'R303 "/rules/0/done/0/emit/redact": no such redact set: "secrts"; there are secrets, more',
    'R303 "/rules/1/request/0/log/redact": no such redact set: "x"; there are secrets, more',
  ]);
  expect(errors({ rules: [emit("a")] })).toEqual([
    false,
    'R303 "/rules/0/done/0/emit/redact": no such redact set: "a"; there are none',
  ]);
  const wrong = { secrets: { json: ["$..["], patterns: ["("], headers: ["a b"] } };
  expect(
    errors({ redact: wrong, rules: [], _rules_: [{ _match_domain_: ["b"], rules: [] }] }),
  ).toEqual([
    false,
    `R307 "/redact/secrets/headers/0" +1: not a header name (path, host, method and status have verbs of their own)`,
    `R305 "/redact/secrets/json/0" +4: a selector is due: 'name', an index, a slice such as 1:3, or *`,
    'R306 "/redact/secrets/patterns/0" +0: not a pattern: a group is not closed: missing )',
  ]);
  // What an entry's own set would hide is not told without it.
  expect(
    errors({
      settings: { onInvalidRule: "skip" },
      rules: [{ name: "fine" }],
      _rules_: [{ _match_domain_: ["b"], redact: wrong, rules: [emit("secrets"), emit({})] }],
    }).filter((line) => String(line).includes("/emit/")),
  ).toEqual([
    'R206 "/_rules_/0/rules/1/done/0/emit/redact": must not be empty',
    'R303 "/_rules_/0/rules/0/done/0/emit/redact": the redact set "secrets" is wrong itself',
  ]);
});

test("a sample by key tells of the same keys always, of more at a larger share", () => {
  const drawn = (percent: unknown, n = 1) => {
    const sample = { percent, key: "$(request.headers['x-user'])" };
    const f = filter(undefined, {
      rules: [{ request: [{ log: { text: "user $(request.headers['x-user'])", sample } }] }],
    });
    for (let times = 0; times < n; times++)
      for (let i = 0; i < 2000; i++) f.open().request({ "x-user": `user-${i}` });
    return f.log.flatMap((line) => /^user (.*)$/.exec(line)?.[1] ?? []);
  };
  const once = drawn(10);
  expect(once.length).toBeGreaterThan(140);
  expect(once.length).toBeLessThan(260);
  expect(drawn("10%", 2)).toEqual([...once, ...once]);
  const more = new Set(drawn(20));
  expect(once.every((user) => more.has(user))).toBe(true);
  expect(drawn(100).length).toBe(2000);
  expect(drawn(0.05).length).toBeLessThan(10);
});

test("a key that is not there is drawn by lot, and so is what has none", () => {
  for (const sample of [
    { percent: 50, key: "$(request.headers['x-user'])" },
    { percent: "50" },
    "50%",
  ]) {
    const f = filter(undefined, { rules: [{ request: [{ log: { text: "drawn", sample } }] }] });
    for (let i = 0; i < 400; i++) f.open().request();
    const n = f.log.filter((line) => line === "drawn").length;
    expect(n).toBeGreaterThan(120);
    expect(n).toBeLessThan(280);
  }
  const f = new Filter();
  const bad = ["0%", "101%", "x", { percent: 0 }, { percent: 101 }, { percent: "" }, {}];
  f.configure({
    ruleway: 1,
    rules: bad.map((sample) => ({ request: [{ log: { text: "a", sample } }] })),
  });
  const share = "a share is such as 5% or 0.1%";
  expect(f.errors.sort()).toEqual([
    `R202 "/rules/6/request/0/log/sample": the key "percent" is missing`,
    `R204 "/rules/4/request/0/log/sample/percent": must be at most 100`,
    `R206 "/rules/2/request/0/log/sample": must not be empty`,
    `R206 "/rules/5/request/0/log/sample/percent": must not be empty`,
    `R308 "/rules/0/request/0/log/sample": ${share}`,
    `R308 "/rules/1/request/0/log/sample": ${share}`,
    `R308 "/rules/3/request/0/log/sample/percent": ${share}`,
  ]);
});

test("no text makes the look at it long, or take much memory", () => {
  const f = filter(undefined, {
    rules: [
      {
        done: [
          {
            emit: {
              service: "ingestion",
              maxBody: "1MiB",
              redact: { query: ["token", "*s*c*r*t*"], json: ["/password", "$..pin"] },
            },
          },
        ],
      },
    ],
  });
  const full = (piece: string) => piece.repeat(300_000 / piece.length);
  const bodies: [string, string][] = [
    ...[
      "a=1,",
      "a=%,",
      "a={,",
      "a=%7b,",
      "a=%25257b,",
      "%25",
      "%2525252525 ",
      "=",
      "s=",
      "%7b",
    ].map((piece): [string, string] => ["text/plain", full(piece)]),
    ...["a=1&", "a=%7B&", "a=b=%25&", "s%63rt=;", "a="].map((piece): [string, string] => [
      "application/x-www-form-urlencoded",
      full(piece),
    ]),
    ...['"[]",', '"[",', '"{\\"a\\":\\"{}\\"}",', '"a=%7b",', "[],", "{},"].map(
      (piece): [string, string] => ["application/json", `[${full(piece)}1]`],
    ),
    ["application/json", "[".repeat(300_000)],
    ["application/x-ndjson", full("{}\n")],
    ["text/plain", `-${full("\n[")}`],
    ["text/event-stream", full("data:{}\n\n")],
    [
      "multipart/form-data; boundary=b",
      `${full(multipart('name="a"\r\n\r\n--b').slice(0, -7))}--b--`,
    ],
  ];
  const start = performance.now();
  for (const [type, body] of bodies) event(f, (s) => s.request({ "content-type": type }, body));
  // A credential that the body is nearly full of.
  const authorization = `${"a".repeat(50_000)}b`;
  event(f, (s) => s.request({ authorization, "x-api-key": authorization }, "a".repeat(1 << 20)));
  event(f, (s) => s.request({ authorization }, "a".repeat(2 << 20)));
  // One that took time by the square of its length would take minutes by itself.
  expect(performance.now() - start).toBeLessThan(60_000);
  expect(f.plugin.memorySize).toBeLessThan(64 << 20);
  expect(f.traps).toEqual([]);
});
