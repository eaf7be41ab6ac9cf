// Events: what they say, what they must not say, and what becomes of them when the service that they
// are for is slow, dead, or gone.

import { expect, test } from "vitest";
import { encode, Filter } from "./run.ts";

function filter(emit: object, extra: object = {}): Filter {
  const f = new Filter({
    properties: { "xds.node.metadata.NAME": "shop-1", "xds.node.metadata.NAMESPACE": "default" },
  });
  const accepted = f.configure({
    ruleway: 1,
    services: { ingestion: { cluster: "ingestion", authority: "ingestion.internal" } },
    rules: [{ name: "observe", done: [{ emit: { service: "ingestion", ...emit } }] }],
    ...extra,
  });
  expect([accepted, f.errors]).toEqual([true, []]);
  return f;
}

const INFO = {
  "source.address": "10.1.2.3:4567",
  "destination.address": "[fd00::7]:8443",
  "request.protocol": "HTTP/1.1",
};

// biome-ignore lint/suspicious/noExplicitAny: events are looked into freely
const events = (f: Filter): any[] =>
  f.calls.map((call) => JSON.parse(Buffer.from(call.body).toString()));

const sum = (f: Filter): number =>
  Object.entries(f.metrics)
    .filter(([name]) => name.startsWith("ruleway.event."))
    .reduce((all, [, value]) => all + value, 0);

test("the event api says what went by, field by field", () => {
  const f = filter({ path: "/api/v1/events", headers: { "x-source": "gateway" } });
  const s = f.open(INFO);
  s.request(
    {
      ":path": "/orders?x=1",
      "x-envoy-internal": "true",
      accept: "a/b",
      authorization: "Bearer t",
    },
    '{"a":',
    "1}",
  );
  s.stream.responseHeaders(
    [
      [":status", "201"],
      ["set-cookie", "a=1"],
      ["x-two", "1"],
      ["x-two", "2"],
    ],
    false,
  );
  s.stream.responseData(Uint8Array.from([0xff, 0x00, 0xfe]), true);
  s.close();
  const [call] = f.calls;
  expect(Object.fromEntries(call!.headers)).toEqual({
    ":method": "POST",
    ":path": "/api/v1/events",
    ":authority": "ingestion.internal",
    "content-type": "application/json",
    "x-source": "gateway",
  });
  const [event] = events(f);
  expect(event).toEqual({
    metadata: {
      context_id: expect.any(Number),
      timestamp: expect.any(Number),
      traffic_source_name: "Envoy",
      traffic_source_version: "",
      node_name: "",
    },
    request: {
      headers: {
        ":authority": "example.com",
        ":path": "/orders?x=1",
        ":method": "POST",
        ":scheme": "http",
        accept: "a/b",
        authorization: "***",
      },
      body: '{"a":1}',
    },
    response: {
      headers: { ":status": "201", "set-cookie": "***", "x-two": "1, 2" },
      body: Buffer.from([0xff, 0x00, 0xfe]).toString("base64"),
      body_encoding: "base64",
    },
    source: { name: "shop-1", namespace: "default", ip: "10.1.2.3", port: 4567 },
    destination: { name: "", namespace: "", ip: "fd00::7", port: 8443 },
    protocol: "HTTP/1.1",
  });
  call!.respond({ headers: [[":status", "200"]] });
  expect(f.metrics["ruleway.event.sent"]).toBe(1);
});

test("a long body passes untouched, and its beginning is told", () => {
  const f = filter({ maxBody: 10 });
  const s = f.open(INFO).request({}, "0123456", "789ä-----", "-".repeat(1000));
  expect(s.upstreamBody.length).toBe(1016);
  s.respond().close();
  expect(events(f)[0].request).toMatchObject({
    body: "0123456789",
    body_truncated: true,
    body_size: 1017,
  });
  const g = filter({ maxBody: 0 });
  g.open(INFO).request({}, "abc").respond().close();
  expect(events(g)[0].request).toMatchObject({ body: "" });
});

test("a body that rules edit and judge is told as it came, once", () => {
  const f = filter(
    {},
    {
      settings: { holdHeaders: true },
      rules: [
        {
          request: [
            { respond: { status: 400 }, when: "request.json.bad == true" },
            { body: { json: { set: { "/b": 2 } } } },
          ],
          done: [{ emit: { service: "ingestion" } }],
        },
      ],
    },
  );
  const s = f.open(INFO).request({}, '{"a"', ":1}");
  expect(s.upstreamBody).toBe('{"a":1,"b":2}');
  s.respond().close();
  expect(events(f)[0].request.body).toBe('{"a":1}');
});

const OBSERVE = { done: [{ emit: { service: "ingestion" } }] };

test("an answer of the filter's own is told as the client got it", () => {
  const f = filter(
    {},
    {
      rules: [
        {
          match: { path: "/json" },
          request: [
            { respond: { status: 403, json: { why: "$(request.path)" }, headers: { "x-a": "1" } } },
          ],
        },
        { match: { path: "/moved" }, request: [{ redirect: { to: "/there?token=1" } }] },
        { match: { path: "/large" }, limits: { requestBody: 3 } },
        {
          match: { path: "/instead" },
          response: [{ respond: { status: 502, text: "not that" }, when: "response.code == 200" }],
        },
        OBSERVE,
      ],
    },
  );
  const told = (path: string, method = "GET", ...pieces: string[]) => {
    const s = f.open(INFO).request({ ":path": path, ":method": method }, ...pieces);
    if (s.status === undefined) s.respond({ "x-secret-of-upstream": "1" }, "from upstream");
    s.close();
    const { response } = events(f).pop();
    expect(response.headers[":status"]).toBe(s.status);
    expect(response.body).toBe(s.responseBody);
    for (const [name, value] of s.response!) expect(response.headers[name]).toBe(value);
    expect(Object.keys(response.headers).length).toBe(s.response!.length);
    for (const call of f.calls.splice(0)) call.respond({ headers: [[":status", "200"]] });
    return response;
  };
  expect(told("/json")).toMatchObject({
    headers: { ":status": "403", "content-type": "application/json", "x-a": "1" },
    body: '{"why":"/json"}',
  });
  expect(told("/json", "HEAD").body).toBe("");
  expect(told("/moved")).toMatchObject({
    headers: { ":status": "302", location: "/there?token=1" },
    body: "",
  });
  expect(told("/large", "POST", "12", "34").body).toBe("Content Too Large\n");
  expect(told("/instead")).toMatchObject({ headers: { ":status": "502" }, body: "not that" });
  expect(told("/instead").headers).not.toHaveProperty("x-secret-of-upstream");
  expect(told("/other").body).toBe("from upstream");
});

test("a denial of authorize is told with what the client got of it", () => {
  const f = filter(
    {},
    {
      services: { ingestion: { cluster: "ingestion" }, auth: { cluster: "auth" } },
      rules: [{ request: [{ authorize: { service: "auth" } }] }, OBSERVE],
    },
  );
  const s = f.open(INFO).request();
  f.calls.shift()!.respond({ headers: [[":status", "401"]], body: encode("who are you?") });
  s.close();
  expect([s.status, s.responseBody]).toEqual(["401", "who are you?"]);
  expect(events(f)[0].response).toMatchObject({
    headers: { ":status": "401" },
    body: "who are you?",
  });
});

test("a response that is refused because of its body is told as the client got it", () => {
  const f = filter(
    {},
    {
      settings: { holdHeaders: true },
      rules: [
        {
          match: { path: "/json" },
          response: [{ body: { json: { set: { "/a": 1 } }, onError: "deny" } }],
        },
        { match: { path: "/limit" }, limits: { responseBody: 5 } },
        { match: { status: 502 }, done: [{ log: "seen: $(response.headers['x-up'])" }] },
        OBSERVE,
      ],
    },
  );
  const s = f.open(INFO).request({ ":path": "/json" }).respond({ "x-up": "1" }, "not ", "JSON");
  s.close();
  expect([s.status, s.responseBody]).toEqual(["502", "Bad Gateway\n"]);
  const { response } = events(f).pop();
  expect(response).toEqual({ headers: Object.fromEntries(s.response!), body: "Bad Gateway\n" });
  expect(f.log).toContain("seen: ");
  // Its headers have gone on: what the client got is the beginning of the upstream's.
  const t = f.open(INFO).request({ ":path": "/limit" }).respond({ "x-up": "1" }, "1234", "5678");
  t.close();
  expect([t.status, t.responseBody, t.wasReset]).toEqual(["200", "1234", true]);
  expect(events(f).pop().response).toMatchObject({ headers: { ":status": "200", "x-up": "1" } });
});

test("events of one's own, in batches by count and by age", () => {
  const f = filter({
    json: { path: "$(request.path)", code: "$(response.code)" },
    batch: { count: 3, age: "1s" },
  });
  for (let i = 0; i < 4; i++)
    f.open({ ...INFO, "response.code": 200n })
      .request({ ":path": `/${i}` })
      .respond()
      .close();
  expect(events(f)).toEqual([[0, 1, 2].map((i) => ({ path: `/${i}`, code: 200 }))]);
  f.calls[0]!.respond({ headers: [[":status", "200"]] });
  f.clock.advance(1500);
  expect(events(f)[1]).toEqual([{ path: "/3", code: 200 }]);
});

test("batches by bytes, to the byte", () => {
  const event = "x".repeat(98); // 100 bytes as JSON
  const f = filter({ json: event, batch: { count: 1000, bytes: 303, age: "1s" } });
  const tell = (n: number) => {
    for (let i = 0; i < n; i++) f.open(INFO).request().respond().close();
  };
  tell(7);
  // Three are 304 bytes: [,,].
  expect(f.calls.map((call) => call.body.length)).toEqual([203, 203, 203]);
  for (const call of f.calls.splice(0)) call.respond({ headers: [[":status", "200"]] });
  f.clock.advance(1500);
  expect(f.calls.map((call) => call.body.length)).toEqual([102]);
  const g = filter({ json: event, batch: { count: 1000, bytes: 304 } });
  for (let i = 0; i < 3; i++) g.open(INFO).request().respond().close();
  expect(g.calls.map((call) => call.body.length)).toEqual([304]);
  // What is larger by itself goes by itself.
  const h = filter({ json: "$(request.path)", batch: { count: 1000, bytes: 50 } });
  for (const path of ["/a", `/${"b".repeat(100)}`, "/c"])
    h.open(INFO).request({ ":path": path }).respond().close();
  expect(h.calls.map((call) => call.body.length)).toEqual([6, 105]);
});

test("a service that dies for a minute under load costs events, never traffic", () => {
  const f = filter({ queue: { count: 50 }, retries: 2, maxBody: 100 });
  let requests = 0;
  const load = (n: number) => {
    for (let i = 0; i < n; i++, requests++) {
      const s = f.open(INFO).request({}, "x".repeat(200));
      expect(s.upstreamEnded).toBe(true);
      s.respond().close();
    }
  };
  let answered = 0;
  const answer = (ok: boolean) => {
    for (; answered < f.calls.length; answered++) {
      const call = f.calls[answered]!;
      if (ok) call.respond({ headers: [[":status", "202"]] });
      else call.fail();
    }
  };
  load(20);
  answer(true);
  const memory = () => f.plugin.memorySize;
  let before = 0;
  for (let second = 0; second < 60; second++) {
    load(30);
    f.clock.advance(1000);
    answer(false);
    if (second === 10) before = memory();
  }
  expect(memory()).toBe(before);
  load(10);
  for (let i = 0; i < 60; i++) {
    f.clock.advance(1000);
    answer(true);
  }
  expect(sum(f)).toBe(requests);
  expect(f.metrics["ruleway.event.dropped.queue_full"]).toBeGreaterThan(0);
  expect(f.metrics["ruleway.event.dropped.undelivered"]).toBeGreaterThan(0);
  expect(f.metrics["ruleway.event.sent"]).toBeGreaterThanOrEqual(20);
  expect(f.traps).toEqual([]);
});

test("a queue that never runs dry holds what queue.bytes says, to the byte", () => {
  const event = "x".repeat(98); // 100 bytes as JSON
  const f = filter({ json: event, batch: { count: 2 }, queue: { count: 100_000, bytes: 2000 } });
  const tell = (n: number) => {
    for (let i = 0; i < n; i++) f.open(INFO).request().respond().close();
  };
  let told = 0;
  const held = () => {
    const { "ruleway.event.sent": sent = 0, "ruleway.event.dropped.queue_full": full = 0 } =
      f.metrics;
    return told - sent - full;
  };
  // Two events to a batch, of [,]: 203 bytes. There are always some on their way.
  for (let i = 0; i < 2000; i++) {
    tell(2);
    told += 2;
    if (f.calls.length > 3) f.calls.shift()!.respond({ headers: [[":status", "200"]] });
  }
  expect(held()).toBeGreaterThan(0);
  tell(1000);
  told += 1000;
  // Nine batches and what there is room for of a tenth.
  expect(held()).toBe(2 * 9 + 1);
});

test("of many that wait none is passed over by those that come later", () => {
  const f = filter({ json: "$(request.path)", queue: { count: 1000 }, retries: 20 });
  const tell = (from: number, n: number) => {
    for (let i = from; i < from + n; i++)
      f.open(INFO)
        .request({ ":path": `/${i}` })
        .respond()
        .close();
  };
  tell(0, 100);
  const order: string[] = [];
  for (let i = 0; i < 300; i++) {
    tell(100 + i, 1);
    const call = f.calls.shift()!;
    order.push(JSON.parse(Buffer.from(call.body).toString()));
    call.respond({ headers: [[":status", "200"]] });
  }
  // Never further out of turn than there are callouts at a time.
  for (const [i, path] of order.entries())
    expect(Math.abs(i - Number(path.slice(1)))).toBeLessThan(2 * 16);
});

test("a callout that went out but cannot be remembered is unconfirmed, not sent again", () => {
  const f = filter(
    { json: 1, retries: 5 },
    {
      settings: { holdHeaders: true },
      rules: [
        {
          match: { path: "/fill" },
          request: [{ body: { json: { remove: ["/a"] }, maxSize: "1GiB" } }],
        },
        { done: [{ emit: { service: "ingestion", json: 1, retries: 5 } }] },
      ],
    },
  );
  const told = f.open(INFO).request();
  // Until there is no memory left for anything: bodies leave a reserve, headers do not.
  const fill = (body: number, header: number) => {
    const s = f.open(INFO);
    const headers: Array<[string, string]> = [
      [":path", "/fill"],
      [":method", "POST"],
      [":authority", "a"],
      ["x-a", "x".repeat(header)],
    ];
    s.stream.requestHeaders(headers, false);
    s.stream.requestData(new Uint8Array(body), false);
    return s.status === undefined;
  };
  for (let size = 64 << 20; size >= 256; size >>= 1) while (fill(size, 0));
  for (const size of [60_000, 30_000, 0]) while (fill(1, size));
  told.respond().close();
  expect(f.calls.length).toBe(1);
  for (let i = 0; i < 100; i++) f.clock.advance(1000);
  expect(f.calls.length).toBe(1);
  expect(f.metrics["ruleway.event.unconfirmed"]).toBe(1);
  f.calls[0]!.respond({ headers: [[":status", "200"]] });
  expect(f.metrics["ruleway.event.sent"]).toBeUndefined();
  expect(f.traps).toEqual([]);
});

test("new rules: what waits and what is out is sent under them, and answers that come late do no harm", () => {
  const f = filter({ batch: { count: 2, age: "10s" } });
  for (let i = 0; i < 3; i++) f.open(INFO).request().respond().close();
  expect(f.calls.length).toBe(1);
  f.configure({ ruleway: 1, rules: [] });
  f.calls[0]!.respond({ headers: [[":status", "200"]] });
  expect(sum(f)).toBe(0);
  f.clock.advance(300);
  expect(events(f).map((batch) => batch.length)).toEqual([2, 2, 1]);
  for (const call of f.calls) call.respond({ headers: [[":status", "200"]] });
  expect(f.metrics["ruleway.event.sent"]).toBe(3);
  expect(sum(f)).toBe(3);
  expect(f.traps).toEqual([]);
});

test("a share of the streams", () => {
  const f = filter({ sample: "10%", json: 1, queue: { count: 100000 } });
  for (let i = 0; i < 2000; i++) f.open(INFO).request().respond().close();
  const told = f.calls.length + (f.metrics["ruleway.event.dropped.queue_full"] ?? 0);
  // All of them go out sooner or later; what is out at a time is bounded.
  expect(f.calls.length).toBe(16);
  expect(told).toBe(16);
  for (let i = 0; i < f.calls.length; i++) f.calls[i]!.respond({ headers: [[":status", "200"]] });
  expect(f.calls.length).toBeGreaterThan(130);
  expect(f.calls.length).toBeLessThan(270);
});

test("bad input is refused where it stands", () => {
  const f = new Filter();
  f.configure({
    ruleway: 1,
    services: { a: { cluster: "a" } },
    rules: [
      { done: [{ emit: { service: "b" } }] },
      { done: [{ emit: { service: "a", sample: "101%" } }] },
      { done: [{ emit: { service: "a", maxBody: "1GiB", batch: { bytes: "17MiB" } } }] },
      { done: [{ emit: { service: "a", headers: { x: "$(request.path)" } } }] },
      { done: [{ emit: { service: "a", redact: { json: ["$..["], patterns: ["("] } } }] },
      { done: [{ emit: { service: "a", json: { b: "$(nope)" }, maxBody: 1 } }] },
    ],
  });
  expect(f.errors).toEqual([
    'R303 "/rules/0/done/0/emit/service": no such service: "b"; there are a',
    'R308 "/rules/1/done/0/emit/sample": a share is such as 5% or 0.1%',
    'R308 "/rules/2/done/0/emit/batch/bytes": 16MiB at most',
    'R308 "/rules/2/done/0/emit/maxBody": 16MiB at most',
    'R311 "/rules/3/done/0/emit/headers/x": events share their headers: there is no $(…) here',
    `R305 "/rules/4/done/0/emit/redact/json/0" +4: a selector is due: 'name', an index, a slice such as 1:3, or *`,
    'R306 "/rules/4/done/0/emit/redact/patterns/0" +0: not a pattern: a group is not closed: missing )',
    'R301 "/rules/5/done/0/emit/json/b" +2: undeclared reference to "nope", did you mean "node"?',
    'R311 "/rules/5/done/0/emit/maxBody": an event of your own has no bodies of its own accord',
  ]);
});
