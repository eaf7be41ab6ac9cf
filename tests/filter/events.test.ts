// The `events` verb: server-sent events and lines of JSON, edited, dropped and observed one by one.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editEvents, editLines, parseJson, type ReferenceEdit } from "../reference/events.ts";
import { seeded } from "../seed.ts";
import { encode, Filter } from "./run.ts";

const SSE = { "content-type": "text/event-stream; charset=utf-8" };
const LINES = { "content-type": "application/x-ndjson" };

function filterWith(events: object, more: { before?: object[]; done?: object[] } = {}): Filter {
  const filter = new Filter();
  const response = [...(more.before ?? []), { events }];
  const rule = { match: { path: "/{id}" }, response, done: more.done };
  if (!filter.configure({ ruleway: 1, rules: [rule, { response: [{ stop: true }] }] }))
    throw new Error(filter.errors.join("\n"));
  return filter;
}

function through(
  filter: Filter,
  headers: Record<string, string>,
  ...pieces: Array<string | Uint8Array>
): string {
  const stream = filter
    .open()
    .request({ ":path": "/7" })
    .respond(headers, ...pieces);
  stream.close();
  expect(filter.traps).toEqual([]);
  return stream.responseBody;
}

/** In one piece, in single bytes, and cut once at every place. */
function everyWay(filter: Filter, headers: Record<string, string>, text: string): string {
  const whole = through(filter, headers, text);
  expect(through(filter, headers, ...text)).toBe(whole);
  for (let i = 1; i < text.length; i++) {
    expect(through(filter, headers, text.slice(0, i), text.slice(i))).toBe(whole);
  }
  return whole;
}

const tokens =
  'event: token\ndata: {"n":1,"s":"a"}\n\n: ping\n\ndata: x\ndata: y\nid: 5\n\ndata: [DONE]\n\n';

test.each([
  [
    "drop",
    { when: "event.type == 'token'", drop: true },
    ": ping\n\ndata: x\ndata: y\nid: 5\n\ndata: [DONE]\n\n",
  ],
  [
    "JSON",
    {
      when: "event.json.n == 1",
      json: { set: { "/n": "$(event.json.n + 1)", "/id": "$(params.id)" } },
    },
    tokens.replace('{"n":1,"s":"a"}', '{"n":2,"s":"a","id":"7"}'),
  ],
  [
    "data",
    { when: "event.data == 'x\\ny'", data: "$(event.data + '\\nz')" },
    tokens.replace("data: y\n", "data: y\ndata: z\n"),
  ],
  [
    "type and id",
    { when: "event.id == '5'", type: "late", id: "6-$(event.index)" },
    tokens.replace("id: 5\n", "id: 6-2\nevent: late\n"),
  ],
  ["nothing", { when: "event.data == 'none'", drop: true }, tokens],
  ["all data", { data: "!" }, "event: token\ndata: !\n\n: ping\n\ndata: !\nid: 5\n\ndata: !\n\n"],
])("server-sent events: %s", (_name, edit, after) => {
  expect(everyWay(filterWith({ edit: [edit] }), SSE, tokens)).toBe(after);
});

test("other line ends, no blank after the colon, and what is no event stay as they are", () => {
  const filter = filterWith({ edit: [{ when: "event.data == 'a'", data: "b" }] });
  const text =
    "data:a\r\ndata2: a\r\n\r\n\r\n\ndata: a\r\rretry: 5\n\ndata\n\ndata: c\r\n\r\ndata: a";
  const after =
    "data: b\r\ndata2: a\r\n\r\n\r\n\ndata: b\r\rretry: 5\n\ndata\n\ndata: c\r\n\r\ndata: b";
  expect(everyWay(filter, SSE, text)).toBe(after);
});

test("edits see what those before them made of the event", () => {
  const filter = filterWith({
    edit: [
      { when: "event.json.a == 1", json: { set: { "/a": 2 } } },
      { when: "event.json.a == 2", type: "two", log: "seen $(event.data) of $(rule.name)" },
      { when: "event.type == 'two'", json: { remove: ["/b"] } },
    ],
  });
  expect(everyWay(filter, SSE, 'data: {"a":1,"b":0}\n\n')).toBe('data: {"a":2}\nevent: two\n\n');
  expect(filter.log).toContain('seen {"a":2,"b":0} of rules/0');
});

test("lines of JSON", () => {
  const filter = filterWith({
    edit: [
      { when: "event.json.level == 'debug'", drop: true },
      { json: { remove: ["/secret"] } },
      { when: "event.index == 3", data: '{"last":true}' },
    ],
  });
  const text = '{"level":"debug"}\n{"secret":1,"a":1e2}\r\n\nno json\n{"secret":2}';
  expect(everyWay(filter, LINES, text)).toBe('{"a":1e2}\r\n\n{"last":true}\n{}');
});

test("values cannot break out of their field", () => {
  const filter = filterWith({
    edit: [
      { when: "event.index == 0", data: "$('a\\r\\nid: 9\\n\\nevent: x')" },
      { when: "event.index == 1", id: "$('a\\nb')", type: "$('a\\rb')" },
    ],
  });
  const text = "data: 1\n\ndata: 2\n\n";
  expect(everyWay(filter, SSE, text)).toBe(
    "data: a\ndata: id: 9\ndata: \ndata: event: x\n\ndata: 2\n\n",
  );
  const lines = filterWith({ edit: [{ data: "$('{}\\n{}')" }] });
  expect(everyWay(lines, LINES, "{}\n")).toBe("{}\n");
});

test("an event goes on as soon as it has ended, and no sooner", () => {
  const filter = filterWith({ edit: [{ when: "event.data == 'b'", data: "c" }] });
  const stream = filter.open().request({ ":path": "/7" });
  stream.stream.responseHeaders(Object.entries({ ":status": "200", ...SSE }), false);
  expect(stream.response).toBeDefined();
  const feed = (text: string): string => {
    const before = stream.responseBody.length;
    stream.stream.responseData(encode(text), false);
    return stream.responseBody.slice(before);
  };
  expect(feed("data: a\n")).toBe("");
  expect(feed("\n")).toBe("data: a\n\n");
  expect(feed("data: b\n\ndata: b")).toBe("data: c\n\n");
  expect(feed("\n\n")).toBe("data: c\n\n");
});

test("an event that is too large passes as it is, and the next is edited again", () => {
  const filter = filterWith({ maxSize: 64, edit: [{ data: "!" }] });
  const large = `data: ${"x".repeat(100)}\n\n`;
  for (const size of [1, 7, 200]) {
    const text = `data: a\n\n${large}data: b\n\n`;
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g"))!;
    expect(through(filter, SSE, ...pieces)).toBe(`data: !\n\n${large}data: !\n\n`);
  }
  expect(filter.metrics["ruleway.body_skipped.size"]).toBe(3);
});

test("other bodies are not looked at, unless the step says what they are", () => {
  const edit = [{ data: "!" }];
  const auto = filterWith({ edit });
  expect(through(auto, { "content-type": "text/plain" }, "data: a\n\n")).toBe("data: a\n\n");
  expect(through(auto, {}, "data: a\n\n")).toBe("data: a\n\n");
  expect(auto.metrics["ruleway.body_skipped.content_type"]).toBe(2);
  const forced = filterWith({ format: "sse", edit });
  expect(through(forced, {}, "data: a\n\n")).toBe("data: !\n\n");
});

test("variables count over a stream without end, and memory stays as it is", () => {
  const filter = filterWith(
    {
      edit: [
        {
          when: "event.json.n > 0",
          set: { sum: "$(default(ctx.sum, 0) + event.json.n)", last: "$(event.data)" },
        },
        { when: "request.query_params['x'] == 'y' && request.headers['x-a'] != ''", drop: true },
      ],
    },
    { done: [{ log: "sum $(ctx.sum)" }] },
  );
  const stream = filter.open().request({ ":path": "/7?x=%79" });
  stream.stream.responseHeaders(Object.entries({ ":status": "200", ...SSE }), false);
  const feed = (times: number) => {
    const event = encode(`data: {"n":1,"pad":"${"x".repeat(1000)}"}\n\n`);
    for (let i = 0; i < times; i++) stream.stream.responseData(event, false);
  };
  feed(2000);
  const before = filter.plugin.memorySize;
  feed(20_000);
  expect(filter.plugin.memorySize).toBe(before);
  stream.stream.responseData(encode(""), true);
  stream.close();
  expect(filter.log.at(-1)).toBe("sum 22000");
});

const SPLITS = ["\n", "\r\n", "\r"];
const MARK = "\uFEFF";

describe("each line end, a mark in front, and the end of the stream in the midst of an event", () => {
  test.each(SPLITS.flatMap((lineEnd) => [MARK, ""].map((mark) => ({ lineEnd, mark }))))(
    "%j",
    ({ lineEnd, mark }) => {
      const filter = filterWith({ edit: [{ json: { set: { "/p": "*" } }, type: "t", id: "7" }] });
      const event = ["id: 1", 'data: {"p":1}', "", ""].join(lineEnd);
      const after = ["id: 7", 'data: {"p":"*"}', "event: t", "", ""].join(lineEnd);
      expect(everyWay(filter, SSE, mark + event + event)).toBe(mark + after + after);
      for (const keep of [2, 1]) {
        const cut = event.slice(0, -keep * lineEnd.length);
        const open = after.slice(0, -keep * lineEnd.length);
        expect(everyWay(filter, SSE, mark + event + cut)).toBe(mark + after + open);
      }
    },
  );

  test("lines of JSON", () => {
    const filter = filterWith({ edit: [{ json: { set: { "/p": "*" } } }] });
    const text = `${MARK}{"p":1}\r\n{"p":\r2}\n\n{"p":3}`;
    const after = `${MARK}{"p":"*"}\r\n{"p": "*"}\n\n{"p":"*"}`;
    expect(everyWay(filter, LINES, text)).toBe(after);
  });

  test("what goes into a line of JSON does not end it", () => {
    const filter = filterWith({
      edit: [{ json: { set: { "/o": "$(json.parse('{\\n\"x\":1}'))" } } }],
    });
    expect(everyWay(filter, LINES, "{}\n{}")).toBe('{"o":{"x":1}}\n{"o":{"x":1}}');
  });

  test("a dropped event leaves nothing of its line ends", () => {
    const filter = filterWith({ edit: [{ when: "event.data == 'x'", drop: true }] });
    for (const lineEnd of SPLITS) {
      const [x, y] = ["x", "y"].map((data) => `data: ${data}${lineEnd}${lineEnd}`);
      expect(everyWay(filter, SSE, `${x}${y}${x}data: x`)).toBe(y);
    }
  });
});

describe("any bytes, cut anywhere, edited as the whole would be", () => {
  const piece = fc.constantFrom(
    ...[
      "data: ",
      "data:",
      "data",
      "event: ",
      "id:",
      ":",
      "\n",
      "\r",
      "\r\n",
      "\n\n",
      "\r\n\r\n",
      "a",
    ],
    ...['{"a":1}', '{"a": 1, "b":[2]}', "é", "\0", MARK, "\u{1F600}", " "],
  );
  const edits: Array<[object, ReferenceEdit]> = [
    [
      { when: "event.json.a == 1", json: { set: { "/a": 2 } } },
      (event) => {
        const json = parseJson(event.data ?? "") as { a?: unknown } | null | undefined;
        if (json?.a === 1)
          event.data = event.data!.replace('"a":1', '"a":2').replace('"a": 1', '"a": 2');
      },
    ],
    [
      { when: "event.data.contains('a')", drop: true },
      (event) => event.data?.includes("a") === true,
    ],
    [
      { when: "event.index % 2 == 0", data: "$(event.data)x", id: "i" },
      (event) => {
        if (event.index % 2 !== 0) return;
        if (event.data !== undefined) event.data += "x";
        event.id = "i";
      },
    ],
    [
      { when: "event.type == 'a'", type: "b" },
      (event) => {
        if (event.type === "a") event.type = "b";
      },
    ],
  ];

  test.each(edits.map(([edit, reference], i) => ({ i, edit, reference })))(
    "edit $i",
    ({ edit, reference }) => {
      const filter = filterWith({ edit: [edit] });
      const parts = fc.array(piece, { maxLength: 24 });
      fc.assert(
        fc.property(parts, fc.array(fc.nat(20)), fc.boolean(), (texts, cuts, isLines) => {
          const text = Buffer.from(texts.join(""));
          const expected = (isLines ? editLines : editEvents)(text.toString("latin1"), reference);
          const pieces = cutAt(text, cuts);
          const got = through(filter, isLines ? LINES : SSE, ...pieces);
          expect(got).toBe(Buffer.from(expected, "latin1").toString());
        }),
        seeded(1500),
      );
    },
  );

  function cutAt(bytes: Buffer, cuts: number[]): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let at = 0;
    for (const cut of cuts) {
      pieces.push(bytes.subarray(at, at + cut));
      at += cut;
    }
    return [...pieces, bytes.subarray(at)];
  }
});

test("an event is nowhere else", () => {
  const filter = new Filter();
  const rules = [{ response: [{ headers: { set: { a: "$(event.data)" } } }] }];
  filter.configure({ ruleway: 1, rules });
  expect(filter.errors).toEqual([expect.stringContaining("only in the edits of the verb events")]);
});

test("events of a request say nothing of what the response may come in", () => {
  const events = { format: "sse", edit: [{ data: "!" }] };
  for (const [phase, accepted] of [
    ["request", "br"],
    ["response", "identity"],
  ] as const) {
    const filter = new Filter();
    filter.configure({ ruleway: 1, rules: [{ [phase]: [{ events }] }] });
    const stream = filter.open().request({ "accept-encoding": "br" }, "data: a\n\n");
    expect(stream.sent("accept-encoding")).toEqual([accepted]);
    expect(stream.upstreamBody).toBe(phase === "request" ? "data: !\n\n" : "data: a\n\n");
  }
});
