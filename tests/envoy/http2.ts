// An HTTP/2 client that sends exactly the frames it is told to, for shapes of requests that ordinary
// clients do not make. Headers are written as literals (RFC 7541 6.2.2); those of answers are not read.

import net from "node:net";

enum Frame {
  Data = 0,
  Headers = 1,
  Reset = 3,
  Settings = 4,
  Ping = 6,
  GoAway = 7,
  WindowUpdate = 8,
}

const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const STREAM = 1;

export interface Answered {
  /** Kinds of the frames that came for the request. */
  frames: string[];
  body: string;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Without indexing, without Huffman; names and values below 127 bytes. */
function block(headers: Array<[string, string]>): Buffer {
  const text = (each: string) => Buffer.concat([Buffer.from([each.length]), Buffer.from(each)]);
  return Buffer.concat(
    headers.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])),
  );
}

/** A connection with one request on it, which is under way. */
export class RawRequest {
  private readonly socket: net.Socket;
  private received = Buffer.alloc(0);
  private readonly answered: Answered = { frames: [], body: "" };
  private readonly closed: Promise<void>;

  constructor(port: number, headers: Array<[string, string]>, ends = false) {
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk) => this.onData(chunk));
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve()));
    this.socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.send(Frame.Settings, 0, Buffer.alloc(0), 0);
    this.headers(headers, ends);
  }

  private send(type: number, flags: number, payload: Buffer, stream = STREAM): void {
    this.socket.write(frame(type, flags, stream, payload));
  }

  /** The request's, or its trailers. */
  headers(headers: Array<[string, string]>, ends: boolean): this {
    this.send(Frame.Headers, END_HEADERS | (ends ? END_STREAM : 0), block(headers));
    return this;
  }

  data(piece: string, ends = false): this {
    this.send(Frame.Data, ends ? END_STREAM : 0, Buffer.from(piece));
    return this;
  }

  private onData(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    while (this.received.length >= 9) {
      const size = this.received.readUIntBE(0, 3);
      if (this.received.length < 9 + size) return;
      const [type, flags] = [this.received[3]!, this.received[4]!];
      const stream = this.received.readUInt32BE(5);
      const payload = this.received.subarray(9, 9 + size);
      this.received = this.received.subarray(9 + size);
      if (type === Frame.Settings && !(flags & ACK))
        this.send(Frame.Settings, ACK, Buffer.alloc(0), 0);
      if (type === Frame.Ping && !(flags & ACK)) this.send(Frame.Ping, ACK, payload, 0);
      if (type === Frame.GoAway) this.socket.destroy();
      if (stream !== STREAM) continue;
      if (type === Frame.Headers) this.answered.frames.push("headers");
      if (type === Frame.Reset) this.answered.frames.push("reset");
      if (type === Frame.Data) this.answered.body += payload.toString("latin1");
      const isOver = type === Frame.Reset || (type <= Frame.Headers && flags & END_STREAM);
      if (isOver) this.socket.destroy();
    }
  }

  /** What has come when the answer is over; fails when it is not within 10 s. */
  async answer(): Promise<Answered> {
    const timer = setTimeout(() => this.socket.destroy(new Error("no answer")), 10_000);
    await this.closed;
    clearTimeout(timer);
    if (this.answered.frames.length === 0) throw new Error("the request was not answered");
    return this.answered;
  }

  /** What has come so far. */
  get soFar(): Answered {
    return this.answered;
  }

  abandon(): void {
    this.socket.destroy();
  }
}
