// The framing of RESP: whole replies come out however the bytes come in, and what is no RESP is refused.

import fc from "fast-check";
import { expect, test } from "vitest";
import { seeded } from "../tests/seed.ts";
import { BadReply, isCommand, ReplyScanner } from "./resp.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function scan(text: string, cut = text.length || 1): string[] {
  const scanner = new ReplyScanner(1 << 20);
  const bytes = encode(text);
  const replies: string[] = [];
  for (let at = 0; at < bytes.length; at += cut) {
    replies.push(...scanner.feed(bytes.subarray(at, at + cut)).map(decode));
  }
  expect(scanner.isWithin).toBe(false);
  return replies;
}

const text = fc.string({ unit: "binary", maxLength: 40 });
const line = text.map((each) => each.replace(/[\r\n]/g, ""));
const bulk = (each: string) => `$${encode(each).length}\r\n${each}\r\n`;
const { reply } = fc.letrec<{ reply: string }>((tie) => ({
  reply: fc.oneof(
    { depthSize: "small" },
    line.map((each) => `+${each}\r\n`),
    line.map((each) => `-ERR ${each}\r\n`),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => `:${n}\r\n`),
    text.map(bulk),
    fc.constantFrom("$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n"),
    fc.array(tie("reply"), { maxLength: 5 }).map((all) => `*${all.length}\r\n${all.join("")}`),
  ),
}));

test("replies are told apart, in whatever pieces they come", () => {
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (all, cut) => {
      expect(scan(all.join(""), cut)).toEqual(all);
    }),
    seeded(2000),
  );
});

test.each([
  ["no type", "hello\r\n"],
  ["HTTP", "HTTP/1.1 400 Bad Request\r\n"],
  ["a line without CR", "+OK\n"],
  ["no integer", ":12a\r\n"],
  ["no length", "$x\r\n"],
  ["a negative length", "$-2\r\n"],
  ["a length that is too large", "$99999999999\r\n"],
  ["too many elements", "*9999999999\r\n"],
  ["a bulk string without end", "$2\r\nabcd\r\n"],
  ["nested too deep", "*1\r\n".repeat(33)],
  ["a line without end", "+".repeat(70_000)],
  ["a reply that is too large", `$2000000\r\n${"a".repeat(2_000_000)}\r\n`],
])("%s is refused", (_what, bytes) => {
  for (const cut of [bytes.length, 7]) {
    const scanner = new ReplyScanner(1 << 20);
    const feed = () => {
      for (let at = 0; at < bytes.length; at += cut) {
        scanner.feed(encode(bytes.slice(at, at + cut)));
      }
    };
    expect(feed).toThrow(BadReply);
  }
});

test("bytes at random end in replies or in a refusal, and never in more than came", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const scanner = new ReplyScanner(1 << 20);
      try {
        const replies = scanner.feed(bytes);
        const size = replies.reduce((n, each) => n + each.length, 0);
        expect(size).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(BadReply);
      }
    }),
    seeded(5000),
  );
});

test("commands are arrays of one reply's framing", () => {
  expect(isCommand(encode("*2\r\n$3\r\nget\r\n$1\r\nk\r\n"))).toBe(true);
  expect(isCommand(encode("*2\r\n$3\r\nget\r\n"))).toBe(false);
  expect(isCommand(encode("*1\r\n$4\r\nping\r\n*1\r\n$4\r\nping\r\n"))).toBe(false);
  expect(isCommand(encode("PING\r\n"))).toBe(false);
  expect(isCommand(encode("*0\r\n"))).toBe(false);
  expect(isCommand(encode(""))).toBe(false);
});
