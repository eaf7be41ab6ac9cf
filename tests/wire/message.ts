// HTTP/1.1 messages read off a socket byte by byte (RFC 9112), and nothing taken on trust: where a message
// ends follows from its head and the method asked with alone, so that whatever a proxy writes too much or too
// little shows as bytes that belong to no message, or as a message that never comes.

import type net from "node:net";

export interface WireMessage {
  /** The first line. */
  line: string;
  /** All lines up to the empty one, byte for byte as Latin-1. */
  head: string;
  /** Of a response. */
  status: number;
  /** Names in lower case; values byte for byte, as Latin-1. */
  headers: Array<[name: string, value: string]>;
  body: Buffer;
  trailers: Array<[name: string, value: string]>;
  /** How the end of the body was told. */
  framing: "none" | "chunked" | "length" | "close";
}

/** All values of a field, in order. */
export function valuesOf(message: WireMessage, name: string): string[] {
  return message.headers.filter(([each]) => each === name).map(([, value]) => value);
}

/** What came is not HTTP. */
export class Malformed extends Error {}

/** The other side has closed. */
export class Ended extends Error {}

export class Reader {
  private buffer: Buffer = Buffer.alloc(0);
  private hasEnded = false;
  private wake: () => void = () => {};

  constructor(socket: net.Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.buffer = Buffer.concat([this.buffer, chunk]);
      this.wake();
    });
    const end = () => {
      this.hasEnded = true;
      this.wake();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** What has come and belongs to no message yet. */
  get rest(): Buffer {
    return this.buffer;
  }

  private async more(): Promise<void> {
    if (this.hasEnded) throw new Ended("the connection ended");
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }

  private async until(mark: string): Promise<string> {
    let at = this.buffer.indexOf(mark);
    while (at < 0) {
      await this.more();
      at = this.buffer.indexOf(mark);
    }
    const text = this.buffer.toString("latin1", 0, at);
    this.buffer = this.buffer.subarray(at + mark.length);
    return text;
  }

  private async take(size: number): Promise<Buffer> {
    while (this.buffer.length < size) await this.more();
    const taken = this.buffer.subarray(0, size);
    this.buffer = this.buffer.subarray(size);
    return Buffer.from(taken);
  }

  /** Everything up to and with the mark, as soon as it has come. */
  async through(mark: string): Promise<string> {
    return (await this.until(mark)) + mark;
  }

  /** The next request. */
  request(): Promise<WireMessage> {
    return this.message(() => false);
  }

  /** The next response to a request of that method; `interim` ones (but 101) are answers of their own. */
  response(method: string): Promise<WireMessage> {
    return this.message(
      ({ status }) =>
        method === "HEAD" ||
        status < 200 ||
        status === 204 ||
        status === 304 ||
        (method === "CONNECT" && status < 300),
    );
  }

  private async message(isBodiless: (head: WireMessage) => boolean): Promise<WireMessage> {
    const message = parseHead(await this.until("\r\n\r\n"));
    if (isBodiless(message)) return message;
    const codings = valuesOf(message, "transfer-encoding");
    const lengths = new Set(valuesOf(message, "content-length"));
    if (codings.length > 0) {
      if (codings.join().toLowerCase() !== "chunked") throw new Malformed(`coding ${codings}`);
      if (lengths.size > 0) throw new Malformed("transfer-encoding beside content-length");
      await this.chunks(message);
    } else if (lengths.size > 0) {
      const [length] = lengths;
      if (lengths.size > 1 || !/^\d+$/.test(length!)) throw new Malformed("content-length");
      message.framing = "length";
      message.body = await this.take(Number(length));
    } else if (message.status > 0) {
      message.framing = "close";
      while (!this.hasEnded) await this.more();
      message.body = await this.take(this.buffer.length);
    }
    return message;
  }

  private async chunks(message: WireMessage): Promise<void> {
    message.framing = "chunked";
    const pieces: Buffer[] = [];
    while (true) {
      const size = (await this.until("\r\n")).split(";")[0]!;
      if (!/^[0-9a-f]+$/i.test(size)) throw new Malformed(`chunk size ${JSON.stringify(size)}`);
      if (Number.parseInt(size, 16) === 0) break;
      pieces.push(await this.take(Number.parseInt(size, 16)));
      if ((await this.take(2)).toString() !== "\r\n") throw new Malformed("the end of a chunk");
    }
    message.body = Buffer.concat(pieces);
    for (let line = await this.until("\r\n"); line !== ""; line = await this.until("\r\n")) {
      message.trailers.push(parseField(line));
    }
  }
}

function parseHead(text: string): WireMessage {
  const [line, ...fields] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})( |$)/.exec(line!)?.[1];
  if (status === undefined && !/^\S+ \S+ HTTP\/1\.[01]$/.test(line!)) {
    throw new Malformed(JSON.stringify(line));
  }
  return {
    line: line!,
    head: text,
    status: Number(status ?? 0),
    headers: fields.map(parseField),
    body: Buffer.alloc(0),
    trailers: [],
    framing: "none",
  };
}

function parseField(line: string): [string, string] {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/s.exec(line);
  if (!match) throw new Malformed(`field ${JSON.stringify(line)}`);
  return [match[1]!.toLowerCase(), match[2]!];
}
