// Where one reply of Redis ends and the next begins: the framing of RESP 2, over whatever pieces the
// bytes come in. Replies themselves stay as they are; guests read them raw.
// https://redis.io/docs/latest/develop/reference/protocol-spec/

import { fromBytes } from "./headers.ts";

/** Redis itself sends no bulk string larger than this by default. */
const MAX_BULK = 512 * 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 1024 * 1024;
/** Of a line: a type, a number or a short text. */
const MAX_LINE = 64 * 1024;

const CR = 13;
const LF = 10;

/** The bytes are not RESP, or larger than they may be. */
export class BadReply extends Error {}

export class ReplyScanner {
  private parts: Uint8Array[] = [];
  private size = 0;
  private line = "";
  /** Bytes of a bulk string that are still to come, with its line end. */
  private bulk = 0;
  /** Elements that are still to come of each array that is open. */
  private readonly open: number[] = [];

  /** Replies larger than `limit` bytes are refused. */
  constructor(private readonly limit: number) {}

  /** The replies that are whole with this piece; throws BadReply, after which no feed makes sense. */
  feed(piece: Uint8Array): Uint8Array[] {
    const replies: Uint8Array[] = [];
    let start = 0;
    let at = 0;
    while (at < piece.length) {
      const isWhole = this.bulk > 0 ? this.skip(piece, at) : this.scanLine(piece, at);
      at = this.stop;
      if (this.size + at - start > this.limit)
        throw new BadReply(`larger than ${this.limit} bytes`);
      if (!isWhole) continue;
      this.parts.push(piece.slice(start, at));
      replies.push(join(this.parts));
      this.parts = [];
      this.size = 0;
      start = at;
    }
    if (start < piece.length) {
      this.parts.push(piece.slice(start));
      this.size += piece.length - start;
    }
    return replies;
  }

  /** Whether a reply has begun and not ended. */
  get isWithin(): boolean {
    return this.parts.length > 0;
  }

  private stop = 0;

  /** Goes on in a bulk string; true when a reply has ended with it. */
  private skip(piece: Uint8Array, at: number): boolean {
    const left = this.bulk;
    const n = Math.min(left, piece.length - at);
    for (let i = Math.max(0, left - 2); i < n; i++) {
      if (piece[at + i] !== (left - i === 2 ? CR : LF)) {
        throw new BadReply("a bulk string has no end");
      }
    }
    this.bulk -= n;
    this.stop = at + n;
    return this.bulk === 0 && this.endValue();
  }

  /** Goes on in a line; true when a reply has ended with it. */
  private scanLine(piece: Uint8Array, at: number): boolean {
    const end = piece.indexOf(LF, at);
    this.stop = end < 0 ? piece.length : end + 1;
    if (this.line.length + this.stop - at > MAX_LINE) throw new BadReply("a line has no end");
    this.line += fromBytes(piece.subarray(at, this.stop));
    if (end < 0) return false;
    const line = this.line;
    this.line = "";
    if (!line.endsWith("\r\n")) throw new BadReply("a line without CR");
    const rest = line.slice(1, -2);
    if (rest.includes("\r")) throw new BadReply("a line with CR in it");
    return this.take(line[0]!, rest);
  }

  private take(type: string, rest: string): boolean {
    switch (type) {
      case "+":
      case "-":
        return this.endValue();
      case ":":
        if (!/^[+-]?\d{1,19}$/.test(rest)) throw new BadReply("not an integer");
        return this.endValue();
      case "$": {
        const n = lengthOf(rest, MAX_BULK);
        if (n < 0) return this.endValue();
        this.bulk = n + 2;
        return false;
      }
      case "*": {
        const n = lengthOf(rest, MAX_ELEMENTS);
        if (n <= 0) return this.endValue();
        if (this.open.length === MAX_DEPTH) throw new BadReply("nested too deep");
        this.open.push(n);
        return false;
      }
    }
    throw new BadReply("not RESP");
  }

  /** A value has ended; true when that was the whole reply. */
  private endValue(): boolean {
    while (this.open.length > 0) {
      const left = this.open.pop()! - 1;
      if (left === 0) continue;
      this.open.push(left);
      return false;
    }
    return true;
  }
}

/** -1 is null. */
function lengthOf(text: string, most: number): number {
  if (text === "-1") return -1;
  const n = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(n <= most)) throw new BadReply("not a length");
  return n;
}

function join(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether the bytes are a command as servers take it: one array of bulk strings, not empty. */
export function isCommand(bytes: Uint8Array): boolean {
  const scanner = new ReplyScanner(bytes.length);
  const text = fromBytes(bytes.subarray(0, 2));
  if (!/^\*[1-9]/.test(text)) return false;
  try {
    const replies = scanner.feed(bytes);
    return replies.length === 1 && replies[0]!.length === bytes.length && !scanner.isWithin;
  } catch {
    return false;
  }
}
