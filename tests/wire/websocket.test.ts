// WebSocket handshakes (RFC 6455 4): a GET without a body, which nothing may make into one with a body; after
// 101 the connection is a tunnel, after any other answer it is what it was or is closed.

import { expect, test } from "vitest";
import { Reader, type WireMessage } from "./message.ts";
import { describeWire, get, type Piece } from "./wire.ts";

const HANDSHAKE = [
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version: 13",
];
const AGREED: Piece[] = [
  "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
    "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  "hello from upstream",
];
const REFUSED: Piece[] = ["HTTP/1.1 426 Upgrade Required\r\ncontent-length: 4\r\n\r\nnone"];

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
rules:
  - request: [ { headers: { set: { x-in: "1" } } }, { body: { append: never } } ]
    response: [ { headers: { set: { x-out: "1" } } }, { body: { append: never } } ]
  - match: { path: /closed }
    request: [ { respond: { status: 403, text: closed } } ]
`;

const fieldOf = ({ headers }: WireMessage, wanted: string) =>
  headers.find(([name]) => name === wanted)?.[1];
const hasBody = (message: WireMessage) =>
  ["transfer-encoding", "content-length"].some((name) => fieldOf(message, name) !== undefined);

describeWire("WebSocket", RULES, { upstream: { "/ws": AGREED, "/no": REFUSED } }, (engine) => {
  test("a handshake has no body, and 101 makes a tunnel", async () => {
    const socket = await engine().connect();
    const reader = new Reader(socket);
    socket.write(get("/ws", HANDSHAKE));
    const answer = await reader.response("GET");
    expect(answer.status).toBe(101);
    expect(fieldOf(answer, "x-out")).toBe("1");
    expect(fieldOf(answer, "upgrade")).toBe("websocket");
    expect(fieldOf(answer, "sec-websocket-accept")).toBeDefined();
    expect(hasBody(answer)).toBe(false);
    while (reader.rest.length < 19) await new Promise((done) => setTimeout(done, 5));
    expect(reader.rest.toString()).toBe("hello from upstream");
    const [seen] = engine().upstream.seen;
    expect(hasBody(seen!)).toBe(false);
    expect(fieldOf(seen!, "x-in")).toBe("1");
    expect(fieldOf(seen!, "connection")?.toLowerCase()).toBe("upgrade");
    socket.destroy();
  });

  test.each([1, 2, 3])("what an upstream that refuses says comes through (%d)", async () => {
    const { answers, stray } = await engine().ask([get("/no", HANDSHAKE)]);
    expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
      [426, "nonenever"],
    ]);
    expect(stray.toString()).toBe("");
  });

  test("a rule refuses a handshake", async () => {
    const { answers } = await engine().ask([get("/closed", HANDSHAKE)]);
    expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([[403, "closed"]]);
    expect(engine().upstream.seen).toEqual([]);
  });
});
