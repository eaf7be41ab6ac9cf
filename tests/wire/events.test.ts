// Streams of events on the wire: edited one by one, wherever they are cut, and never waited for.

import { expect, test } from "vitest";
import { Reader } from "./message.ts";
import { chunked, describeWire, get, sized } from "./wire.ts";

const MASK = `
ruleway: 1
settings: { holdHeaders: true }
rules:
  - name: mask
    match: { path: /mask }
    response:
      - events: { edit: [ { when: event.json.phone != null, json: { set: { /phone: "***" } } } ] }
  - name: json
    match: { not: { path: /mask } }
    response:
      - body: { json: { remove: [/secret] } }
`;
const SSE = { type: "text/event-stream" };
const MARK = "\u00ef\u00bb\u00bf";

describeWire("events", MASK, {}, (engine) => {
  async function through(answer: Parameters<typeof chunked>): Promise<string> {
    engine().upstream.script = { "/": chunked(...answer) };
    const { answers, stray, problem } = await engine().ask([get("/mask")]);
    expect([problem, stray.toString()]).toEqual(["", ""]);
    return answers[0]!.body.toString("latin1");
  }

  test("a pair of CR and LF cut in two", async () => {
    const pieces = ['data: {"id":0}\r\n\r', '\ndata: {"id":1,"phone":"0123456789"}\r\n\r\n'];
    expect(await through([pieces, SSE])).toBe(
      'data: {"id":0}\r\n\r\ndata: {"id":1,"phone":"***"}\r\n\r\n',
    );
  });

  test("a mark in front, cut in two, and an event that the stream ends in", async () => {
    const pieces = [MARK.slice(0, 2), `${MARK.slice(2)}data: {"phone":1}\n\n`, 'data: {"phone":2}'];
    expect(await through([pieces, SSE])).toBe(
      `${MARK}data: {"phone":"***"}\n\ndata: {"phone":"***"}`,
    );
  });

  test("the last line of JSON without its end", async () => {
    engine().upstream.script = {
      "/": sized('{"phone":"01"}\n{"phone":"02"}', { type: "application/x-ndjson" }),
    };
    const { answers, stray } = await engine().ask([get("/mask")]);
    expect([answers[0]?.body.toString(), stray.toString()]).toEqual([
      '{"phone":"***"}\n{"phone":"***"}',
      "",
    ]);
  });

  test("JSON behind a mark", async () => {
    engine().upstream.script = { "/": sized(`${MARK}{"secret":1,"x":2}`) };
    const { answers } = await engine().ask([get("/json")]);
    expect(answers[0]?.body.toString("latin1")).toBe(`${MARK}{"x":2}`);
  });

  test("edits of JSON do not hold a stream of events that never ends", async () => {
    const [head, ...events] = chunked(["data: {}\n\n"], SSE);
    engine().upstream.script = { "/": [head!, ...events.slice(0, 2)] };
    const socket = await engine().connect();
    const reader = new Reader(socket);
    socket.write(get("/endless"));
    const seen = await reader.through("data: {}\n\n");
    expect(seen).toContain("200 OK");
    socket.destroy();
  });
});
