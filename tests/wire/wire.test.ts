// That the strict reader is strict, and that a message goes through both engines as it was sent.

import net from "node:net";
import { expect, test } from "vitest";
import { Reader } from "./message.ts";
import { chunked, describeWire, get, sized } from "./wire.ts";

/** What a reader makes of the bytes, asked for one response after another. */
async function read(bytes: string, methods: string[]): Promise<unknown[]> {
  const socket = new net.Socket();
  const reader = new Reader(socket);
  socket.emit("data", Buffer.from(bytes, "latin1"));
  socket.emit("end");
  const out: unknown[] = [];
  for (const method of methods) {
    try {
      const { status, body } = await reader.response(method);
      out.push([status, body.toString()]);
    } catch (error) {
      out.push((error as Error).message);
    }
  }
  return [...out, reader.rest.toString()];
}

test.each([
  ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok!", "GET", [[200, "ok"], "!"]],
  ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "HEAD", [[200, ""], "ok"]],
  ["HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\nok", "GET", [[204, ""], "ok"]],
  ["HTTP/1.1 304 No\r\n\r\nok", "GET", [[304, ""], "ok"]],
  ["HTTP/1.1 200 OK\r\n\r\nall", "GET", [[200, "all"], ""]],
  [
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "GET",
    [[200, "a"], ""],
  ],
  [
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "GET",
    ["the end of a chunk", "\n0\r\n\r\n"],
  ],
  [
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok",
    "GET",
    ["content-length", "ok"],
  ],
  [
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    "GET",
    ["transfer-encoding beside content-length", ""],
  ],
  ["HTTP/1.1 200 OK\r\ncontent-length : 1\r\n\r\n", "GET", ['field "content-length : 1"', ""]],
  ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "GET", ["the connection ended", "ok"]],
])("%j", async (bytes, method, expected) => {
  expect(await read(bytes, [method])).toEqual(expected);
});

const UPSTREAM = { "/": sized("{}"), "/chunks": chunked(["a", "b"]) };

describeWire("no rules", "ruleway: 1\nrules: []\n", { upstream: UPSTREAM }, (engine) => {
  test("two requests on one connection", async () => {
    const got = await engine().ask([get("/a"), get("/chunks")], ["GET", "GET"]);
    expect(got.problem).toBe("");
    expect(got.stray.toString()).toBe("");
    expect(got.answers.map(({ status, body }) => [status, body.toString()])).toEqual([
      [200, "{}"],
      [200, "ab"],
    ]);
    expect(engine().upstream.seen.map(({ line }) => line)).toEqual([
      "GET /a HTTP/1.1",
      "GET /chunks HTTP/1.1",
    ]);
  });

  test("a body arrives", async () => {
    await engine().ask([get("/a", [], { method: "POST", body: "x=1" })], ["POST"]);
    expect(engine().upstream.seen.map(({ body }) => body.toString())).toEqual(["x=1"]);
  });
});
