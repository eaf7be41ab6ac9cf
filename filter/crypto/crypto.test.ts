import { createHash, createHmac } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as zlib from "node:zlib";
import fc from "fast-check";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("crypto");
});
beforeEach(() => probe.exports.reset());

/** The names in the order of HashKind, with their blocks. */
const KINDS: [string, number, number][] = [
  ["md5", 0, 64],
  ["sha1", 1, 64],
  ["sha256", 2, 64],
  ["sha384", 3, 128],
  ["sha512", 4, 128],
];

const spanOf = (at: number, n: number): bigint => (BigInt(n) << 32n) | BigInt(at);
const put = (bytes: Uint8Array | string): bigint => spanOf(...probe.put(bytes));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** Bytes that follow no pattern of a block. */
const sample = (n: number): Uint8Array =>
  Uint8Array.from({ length: n }, (_, i) => (i * 167) ^ 0x5a);

function digest(kind: number, pieces: (Uint8Array | string)[]): string {
  probe.exports.start(kind);
  for (const piece of pieces) probe.exports.update(put(piece));
  const to = probe.exports.allocate(64);
  return hex(probe.get(spanOf(to, probe.exports.finish(to))));
}

function hmac(kind: number, key: Uint8Array, message: Uint8Array): Uint8Array {
  const to = probe.exports.allocate(64);
  return probe.get(spanOf(to, probe.exports.hmac(kind, put(key), put(message), to)));
}

test("the examples of the standards", () => {
  expect(digest(0, ["message digest"])).toBe("f96b697d7cb7938d525a2f31aaf161d0");
  expect(digest(1, ["abc"])).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
  expect(digest(2, ["abc"])).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  expect(probe.exports.crc32(put("123456789")) >>> 0).toBe(0xcbf43926);
});

test.each(KINDS)("%s: every length around three blocks", (name, kind, block) => {
  for (let n = 0; n <= 3 * block + 1; n++) {
    const message = sample(n);
    expect(digest(kind, [message]), `${n}`).toBe(createHash(name).update(message).digest("hex"));
    probe.exports.reset();
  }
});

test.each(KINDS)("%s: a message in pieces, cut anywhere", (name, kind) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (pieces) => {
      probe.exports.reset();
      const whole = createHash(name).update(Buffer.concat(pieces)).digest("hex");
      expect(digest(kind, pieces)).toBe(whole);
    }),
    seeded(300),
  );
});

test.each(KINDS)("%s: a size of digest, nothing written beyond it", (name, kind) => {
  const size = createHash(name).digest().length;
  expect(probe.exports.digestSize(kind)).toBe(size);
  const [to] = probe.put(new Uint8Array(80).fill(0xee));
  probe.exports.start(kind);
  expect(probe.exports.finish(to)).toBe(size);
  expect(probe.get(spanOf(to + size, 80 - size)).every((byte) => byte === 0xee)).toBe(true);
});

// One of those whose count is written lowest byte first, one of the others.
test.each([KINDS[0]!, KINDS[4]!])("%s: a message of more than 2^29 bytes", (name, kind) => {
  const piece = sample(1 << 20);
  const [at, n] = probe.put(piece);
  const reference = createHash(name);
  probe.exports.start(kind);
  for (let i = 0; i < 513; i++) {
    probe.exports.update(spanOf(at, n));
    reference.update(piece);
  }
  const to = probe.exports.allocate(64);
  expect(hex(probe.get(spanOf(to, probe.exports.finish(to))))).toBe(reference.digest("hex"));
});

test.each(KINDS)("hmac-%s: keys shorter and longer than a block", (name, kind) => {
  for (const n of [0, 1, 63, 64, 65, 127, 128, 129, 300]) {
    const key = sample(n);
    expect(hex(hmac(kind, key, key)), `${n}`).toBe(createHmac(name, key).update(key).digest("hex"));
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 400 }),
      (key, message) => {
        probe.exports.reset();
        const expected = createHmac(name, key).update(message).digest("hex");
        expect(hex(hmac(kind, key, message))).toBe(expected);
      },
    ),
    seeded(200),
  );
});

test("an hmac may be written over its key or its message, and leaves a running digest alone", () => {
  const key = sample(70);
  const message = sample(90);
  const expected = createHmac("sha512", key).update(message).digest("hex");
  probe.exports.start(4);
  probe.exports.update(put(message));
  for (const over of ["key", "message"]) {
    const k = put(key);
    const m = put(message);
    const to = Number((over === "key" ? k : m) & 0xffffffffn);
    expect(probe.exports.hmac(4, k, m, to)).toBe(64);
    expect(hex(probe.get(spanOf(to, 64))), over).toBe(expected);
  }
  const to = probe.exports.allocate(64);
  probe.exports.finish(to);
  expect(hex(probe.get(spanOf(to, 64)))).toBe(createHash("sha512").update(message).digest("hex"));
});

test("codes are equal when all bytes and the length are; what is absent equals nothing", () => {
  const equal = (a: bigint, b: bigint): boolean => probe.exports.equalInConstantTime(a, b) === 1;
  const empty = put("");
  expect(equal(empty, empty)).toBe(true);
  for (const [a, b] of [
    [0n, 0n],
    [0n, empty],
    [empty, 0n],
    [put("a"), empty],
    [empty, put("a")],
    [put("abc"), put("ab")],
    [put("ab"), put("abc")],
  ] as const) {
    expect(equal(a, b)).toBe(false);
  }
  const code = sample(32);
  expect(equal(put(code), put(code))).toBe(true);
  for (let bit = 0; bit < 256; bit++) {
    const other = code.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    expect(equal(put(other), put(code))).toBe(false);
  }
});

/** Bit by bit, where Node has no crc32 of its own. */
function slowCrc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let i = 0; i < 8; i++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}

test("crc32 of any bytes", () => {
  const native = (zlib as { crc32?: (bytes: Uint8Array) => number }).crc32 ?? slowCrc32;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      probe.exports.reset();
      expect(probe.exports.crc32(put(bytes)) >>> 0).toBe(native(bytes));
    }),
    seeded(500),
  );
});

/** What decoding gives, or null when it is refused. */
function fromBase64(text: string, url: boolean): string | null {
  const result = probe.exports.fromBase64(put(text), url) as bigint;
  return result === 0n ? null : hex(probe.get(result));
}

test("base 64 there and back, in both alphabets, padded and not", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), fc.boolean(), (bytes, url) => {
      probe.exports.reset();
      const standard = Buffer.from(bytes).toString("base64");
      const padded = url ? standard.replaceAll("+", "-").replaceAll("/", "_") : standard;
      const bare = padded.replaceAll("=", "");
      expect(probe.text(probe.exports.toBase64(put(bytes), url, true))).toBe(padded);
      expect(probe.text(probe.exports.toBase64(put(bytes), url, false))).toBe(bare);
      expect(fromBase64(padded, url)).toBe(hex(bytes));
      expect(fromBase64(bare, url)).toBe(hex(bytes));
    }),
    seeded(500),
  );
});

test("base 64: each byte is a digit or foreign, as the alphabet says", () => {
  for (const url of [false, true]) {
    const alphabet = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${url ? "-_" : "+/"}`;
    for (let c = 0; c < 256; c++) {
      const result = probe.exports.fromBase64(put(Uint8Array.of(65, 65, 65, c)), url) as bigint;
      const value = alphabet.indexOf(String.fromCharCode(c));
      if (c === 0x3d) expect(hex(probe.get(result))).toBe("0000");
      else if (value < 0) expect(result, `${c}`).toBe(0n);
      else expect([...probe.get(result)]).toEqual([0, 0, value]);
    }
  }
});

test("base 64: accepted is just what encoding gives", () => {
  for (const text of ["", "Zg==", "Zg", "Zm8=", "Zm8", "Zm9v", "Zm9vYg=="]) {
    expect(fromBase64(text, false), text).toBe(hex(Buffer.from(text, "base64")));
  }
  for (const text of [
    ...["=", "==", "===", "====", "Z", "Z=", "Z==", "Z===", "Zg=", "Zg===", "Zm8==", "Zm9v="],
    ...["Zm9v==", "Zm9v====", "Zg==Zg==", "Z=g=", "=Zg=", "Zm9vY", " Zg==", "Zg== ", "Zm\n9v"],
    ...["Zh==", "Zh", "Zm9=", "Zm9", "Zm9vYh", "Z\u0000==", "Zg=\u0000"],
  ]) {
    expect(fromBase64(text, false), JSON.stringify(text)).toBe(null);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AQgwZ=+-"), maxLength: 9 }), (text) => {
      probe.exports.reset();
      const encoded = Buffer.from(text, "base64").toString("base64");
      const accepted = !text.includes("-") && [encoded, encoded.replaceAll("=", "")].includes(text);
      expect(fromBase64(text, false) !== null, text).toBe(accepted);
    }),
    seeded(3000),
  );
});

test("hex there and back, in either case", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      probe.exports.reset();
      const text = hex(bytes);
      expect(probe.text(probe.exports.toHex(put(bytes)))).toBe(text);
      expect(hex(probe.get(probe.exports.fromHex(put(text))))).toBe(text);
      expect(hex(probe.get(probe.exports.fromHex(put(text.toUpperCase()))))).toBe(text);
    }),
    seeded(300),
  );
});

test("hex: an odd number of characters and foreign ones are refused", () => {
  expect(probe.exports.fromHex(put("abc"))).toBe(0n);
  for (let c = 0; c < 256; c++) {
    const valid = /[0-9a-fA-F]/.test(String.fromCharCode(c));
    for (const pair of [Uint8Array.of(c, 0x30), Uint8Array.of(0x66, c)]) {
      expect(probe.exports.fromHex(put(pair)) !== 0n, `${c}`).toBe(valid);
    }
  }
});

const folder = fileURLToPath(new URL("../../../shared/suites/crypto", import.meta.url));

interface Row {
  id: string;
  key_hex: string;
  msg_hex: string;
  tag_hex: string;
  tag_bits: number;
  expect: { valid: boolean };
}

test.skipIf(!existsSync(folder))("every hmac of the shared suites", () => {
  let seen = 0;
  for (const file of readdirSync(folder)) {
    const name = /^hmac_(\w+)\.jsonl$/.exec(file)?.[1];
    if (name === undefined) continue;
    const kind = KINDS.find(([each]) => each === name)![1];
    for (const line of readFileSync(join(folder, file), "utf8").trim().split("\n")) {
      const row = JSON.parse(line) as Row;
      probe.exports.reset();
      const code = hmac(kind, Buffer.from(row.key_hex, "hex"), Buffer.from(row.msg_hex, "hex"));
      const tag = Buffer.from(row.tag_hex, "hex");
      const expected = put(code.subarray(0, row.tag_bits / 8));
      const valid = probe.exports.equalInConstantTime(put(tag), expected) === 1;
      expect(valid, row.id).toBe(row.expect.valid);
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(100);
});
