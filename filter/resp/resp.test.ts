// Replies of Redis as the filter reads them: what they hold comes out, and nothing that a server may send
// does harm.

import fc from "fast-check";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { BadReply, ReplyScanner } from "../../host/index.ts";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("resp", {
    env: new Proxy({}, { get: () => () => 0 }) as WebAssembly.ModuleImports,
    wasi_snapshot_preview1: { random_get: () => 0 },
  });
});
beforeEach(() => probe.exports.reset());

const encode = (text: string) => new TextEncoder().encode(text);

function isReply(bytes: Uint8Array | string): boolean {
  return probe.exports.isReply(...probe.put(bytes)) !== 0;
}

function valueOf(bytes: Uint8Array | string): unknown {
  const place = probe.put(bytes);
  expect(probe.exports.isReply(...place)).not.toBe(0);
  return JSON.parse(probe.text(probe.exports.json(...place)));
}

test.each([
  ["+OK\r\n", "OK"],
  [":42\r\n", 42],
  [":-7\r\n", -7],
  ["$5\r\na\r\nbc\r\n", "a\r\nbc"],
  ["$0\r\n\r\n", ""],
  ["$-1\r\n", null],
  ["*-1\r\n", null],
  ["*0\r\n", []],
  ["*3\r\n:1\r\n$1\r\na\r\n*2\r\n$-1\r\n+b\r\n", [1, "a", [null, "b"]]],
  ["*1\r\n-ERR inside\r\n", [null]],
  ["$3\r\n\u20ac\r\n", "\u20ac"],
])("a reply is read (%#)", (bytes, value) => {
  expect(valueOf(bytes)).toEqual(value);
});

test("integers have 64 bits", () => {
  for (const text of ["9223372036854775807", "-9223372036854775808", "0", "+5"]) {
    const place = probe.put(`:${text}\r\n`);
    expect(probe.exports.isReply(...place)).not.toBe(0);
    expect(probe.text(probe.exports.json(...place))).toBe(String(BigInt(text)));
  }
  for (const text of ["9223372036854775808", "-9223372036854775809", "1".repeat(30), "", "-"]) {
    expect(isReply(`:${text}\r\n`), text).toBe(false);
  }
});

test("bytes that are not UTF-8 are bytes", () => {
  const bytes = Uint8Array.of(0x24, 0x32, 13, 10, 0xff, 0xfe, 13, 10);
  expect(valueOf(bytes)).toBe("//4=");
});

test.each([
  "",
  "hello\r\n",
  "+OK",
  "+OK\n",
  "+a\rb\r\n",
  "+OK\r\n+OK\r\n",
  "$3\r\nab\r\n",
  "$3\r\nabcd\r\n",
  "$-2\r\n",
  "$9999999999999\r\nab\r\n",
  "$2147483647\r\nab\r\n",
  "$4294967295\r\nab\r\n",
  "*2\r\n:1\r\n",
  "*1000000000\r\n",
  "*4294967297\r\n:1\r\n",
  "*-2\r\n",
  `${"*1\r\n".repeat(9)}:1\r\n`,
])("no reply is none (%#)", (bytes) => {
  expect(isReply(bytes)).toBe(false);
});

test("eight levels are deep enough", () => {
  expect(valueOf(`${"*1\r\n".repeat(8)}:1\r\n`)).toEqual([[[[[[[[1]]]]]]]]);
});

type Model = null | string | number | { error: string } | Model[];

const plain = fc.string({ unit: "grapheme", maxLength: 20 });
const { model } = fc.letrec<{ model: Model }>((tie) => ({
  model: fc.oneof(
    { maxDepth: 6, depthSize: "small" },
    fc.constant(null),
    plain,
    fc.integer(),
    fc.array(tie("model"), { maxLength: 6 }),
  ),
}));

function write(value: Model): string {
  if (value === null) return "$-1\r\n";
  if (typeof value === "number") return `:${value}\r\n`;
  if (typeof value === "string") return `$${encode(value).length}\r\n${value}\r\n`;
  if (Array.isArray(value)) return `*${value.length}\r\n${value.map(write).join("")}`;
  return `-${value.error}\r\n`;
}

test("what was written comes out", () => {
  fc.assert(
    fc.property(model, (value) => {
      probe.exports.reset();
      expect(valueOf(write(value))).toEqual(value);
    }),
    seeded(3000),
  );
});

/** Whether the host's own scanner sees one whole reply. */
function isFramed(bytes: Uint8Array): boolean {
  const scanner = new ReplyScanner(1 << 20);
  try {
    const replies = scanner.feed(bytes);
    return replies.length === 1 && !scanner.isWithin;
  } catch (error) {
    expect(error).toBeInstanceOf(BadReply);
    return false;
  }
}

test("replies with bytes changed, cut or added: never a trap, and nothing taken that is not framed", () => {
  const damage = fc.array(
    fc.record({
      at: fc.nat(),
      what: fc.constantFrom("set", "cut", "add", "drop"),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...encode("+-:$*0123456789\r\n"))),
    }),
    { minLength: 1, maxLength: 4 },
  );
  let taken = 0;
  fc.assert(
    fc.property(model, damage, (value, changes) => {
      let bytes = [...encode(write(value))];
      for (const { at, what, byte } of changes) {
        const i = at % (bytes.length + 1);
        if (what === "set") bytes[i] = byte;
        else if (what === "cut") bytes = bytes.slice(0, i);
        else if (what === "add") bytes.splice(i, 0, byte);
        else bytes.splice(i, 1);
      }
      const damaged = Uint8Array.from(bytes);
      probe.exports.reset();
      if (!isReply(damaged)) return;
      taken++;
      expect(isFramed(damaged)).toBe(true);
      valueOf(damaged);
    }),
    seeded(20_000),
  );
  expect(taken).toBeGreaterThan(100);
});
