import zlib from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seed, seeded } from "../../tests/seed.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("inflate");
});

const GZIP = 0;
const DEFLATE = 1;
// The statuses of decoder.ts.
const [NEEDS_INPUT, , ENDED, BAD_DATA, BAD_CHECKSUM, TRUNCATED, TOO_LARGE, BOMB] = [
  0, 1, 2, 3, 4, 5, 6, 7,
];

interface Limits {
  total?: number;
  ratio?: number;
  from?: number;
}

/** Decodes the pieces: the status at the end, and all that came out. */
function decode(
  coding: number,
  pieces: Uint8Array[],
  limits: Limits = {},
): { status: number; bytes: Buffer } {
  const { exports } = probe;
  exports.reset();
  exports.open(
    coding,
    BigInt(limits.total ?? -1),
    BigInt(limits.ratio ?? -1),
    BigInt(limits.from ?? 0),
  );
  let status = NEEDS_INPUT!;
  for (const piece of pieces) {
    status = exports.feed(...probe.put(piece));
    if (status !== NEEDS_INPUT) break;
  }
  const end = exports.end();
  // What failed stays failed.
  if (status !== NEEDS_INPUT) expect(end).toBe(status);
  expect(exports.largestPiece()).toBeLessThanOrEqual(65536 + 512);
  return { status: end, bytes: Buffer.from(probe.get(exports.result())) };
}

/** One of the texts that compress in different ways. */
function sample(kind: number, size: number, next: () => number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) {
    if (kind === 0) bytes[i] = next() * 256;
    else if (kind === 1) bytes[i] = 97 + next() ** 3 * 20;
    else if (kind === 2) bytes[i] = i % 7 === 0 ? next() * 4 : 120;
    else if (kind === 3) bytes[i] = i > 40 && next() < 0.98 ? bytes[i - 37]! : next() * 256;
    else bytes[i] = i >= 32768 && i % 50000 < 40000 ? bytes[i - 32768]! : next() * 256;
  }
  return bytes;
}

/** Numbers below 1, from the seed (mulberry32). */
function numbers(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function cut(bytes: Uint8Array, next: () => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.floor(next() ** 4 * 40_000);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const ENCODERS: Array<[coding: number, encode: typeof zlib.gzipSync]> = [
  [GZIP, zlib.gzipSync],
  [DEFLATE, zlib.deflateSync],
  [DEFLATE, zlib.deflateRawSync],
];

describe("what zlib encodes", () => {
  test("comes out again, of every level, strategy, window and frame, however it is cut", () => {
    console.log(`random tests: seed ${seed} (FC_SEED=${seed} repeats them)`);
    const next = numbers(seed);
    const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = zlib.constants;
    let count = 0;
    for (const strategy of [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED]) {
      for (let level = 0; level <= 9; level++) {
        for (const windowBits of [9, 12, 15]) {
          const [coding, encode] = ENCODERS[count % 3]!;
          const text = sample(count % 5, Math.floor(next() ** 2 * 200_000), next);
          const memLevel = 1 + (count % 9);
          const encoded = encode(text, { level, strategy, windowBits, memLevel });
          const { status, bytes } = decode(coding, cut(encoded, next));
          const name = `${strategy} ${level} ${windowBits} ${count}`;
          expect([status, bytes.equals(text)], name).toEqual([ENDED, true]);
          count++;
        }
      }
    }
  });

  test("comes out of every split of a short stream, and of single bytes", () => {
    const texts = ["", "a", "abcabcabcabcabcabc", "the quick brown fox, the quick brown cat"];
    for (const text of [...texts, sample(2, 600, numbers(1)).toString("latin1")]) {
      for (const [coding, encode] of ENCODERS) {
        for (const level of [0, 9]) {
          const encoded = encode(Buffer.from(text, "latin1"), { level });
          const ways: Uint8Array[][] = Array.from({ length: encoded.length + 1 }, (_, i) => [
            encoded.subarray(0, i),
            encoded.subarray(i),
          ]);
          ways.push(Array.from(encoded, (byte) => Uint8Array.of(byte)));
          for (const pieces of ways) {
            const { status, bytes } = decode(coding, pieces);
            expect([status, bytes.toString("latin1")]).toEqual([ENDED, text]);
          }
        }
      }
    }
  });

  test("a long stream in single bytes, and in one piece", () => {
    const text = sample(3, 300_000, numbers(seed));
    for (const [coding, encode] of ENCODERS) {
      const encoded = encode(text);
      const single = Array.from(encoded, (byte) => Uint8Array.of(byte));
      for (const pieces of [single, [encoded]]) {
        const { status, bytes } = decode(coding, pieces);
        expect([status, bytes.equals(text)]).toEqual([ENDED, true]);
      }
    }
  });

  test("flushed in between, what was sent is there before more comes", () => {
    const { exports } = probe;
    exports.reset();
    exports.open(GZIP, -1n, -1n, 0n);
    const stream = zlib.gzipSync("first words", { finishFlush: zlib.constants.Z_SYNC_FLUSH });
    expect(exports.feed(...probe.put(stream))).toBe(NEEDS_INPUT);
    expect(probe.text(exports.result())).toBe("first words");
    expect(exports.end()).toBe(TRUNCATED);
  });
});

/** A gzip member with every field there is. */
function member(text: string, flags: number, change: (header: Buffer) => void = () => {}): Buffer {
  const parts = [Buffer.from([0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255])];
  if (flags & 4) parts.push(Buffer.from([5, 0]), Buffer.from("extra"));
  if (flags & 8) parts.push(Buffer.from("name\0"));
  if (flags & 16) parts.push(Buffer.from("a comment\0"));
  const header = Buffer.concat(parts);
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc32(header) & 0xffff);
  change(header);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(Buffer.from(text)), 0);
  trailer.writeUInt32LE(text.length, 4);
  return Buffer.concat([
    header,
    flags & 2 ? check : Buffer.alloc(0),
    zlib.deflateRawSync(text),
    trailer,
  ]);
}

/** Bit by bit, for tests. */
function crc32(bytes: Uint8Array): number {
  let rest = ~0;
  for (const byte of bytes) {
    rest ^= byte;
    for (let i = 0; i < 8; i++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}

function both(coding: number, bytes: Uint8Array): [number, string] {
  const whole = decode(coding, [bytes]);
  const single = decode(
    coding,
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
  );
  expect(single).toEqual(whole);
  return [whole.status, whole.bytes.toString()];
}

describe("frames", () => {
  test("gzip headers with every set of fields, whole and cut off anywhere", () => {
    for (let flags = 0; flags < 32; flags++) {
      const bytes = member("some text", flags);
      expect(both(GZIP, bytes)).toEqual([ENDED, "some text"]);
      for (let i = 1; i < bytes.length; i++) {
        expect(decode(GZIP, [bytes.subarray(0, i)]).status).toBe(TRUNCATED);
      }
    }
    expect(
      both(
        GZIP,
        member("x", 4 + 2)
          .fill(0, 10, 12)
          .fill(0, 12, 12),
      )[0],
    ).not.toBe(ENDED);
  });

  test("a field of no bytes", () => {
    const bytes = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
      member("x", 0).subarray(10),
    ]);
    expect(both(GZIP, bytes)).toEqual([ENDED, "x"]);
  });

  test("gzip headers that are wrong", () => {
    for (const [at, value] of [
      [0, 0x1e],
      [1, 0x8c],
      [2, 7],
      [3, 0x20],
      [3, 0x80],
    ] as const) {
      const bytes = member("text", 0, (header) => {
        header[at] = value;
      });
      expect(both(GZIP, bytes)[0]).toBe(BAD_DATA);
    }
    const changed = member("text", 2 + 8, (header) => {
      header[5] = 9;
    });
    expect(both(GZIP, changed)).toEqual([BAD_CHECKSUM, ""]);
  });

  test("members follow each other, zeros may follow them, nothing else", () => {
    const two = Buffer.concat([zlib.gzipSync("one "), member("two", 31), zlib.gzipSync("")]);
    expect(both(GZIP, two)).toEqual([ENDED, "one two"]);
    const many = Buffer.concat(Array.from({ length: 500 }, (_, i) => zlib.gzipSync(`${i},`)));
    expect(both(GZIP, many)[0]).toBe(ENDED);
    expect(both(GZIP, Buffer.concat([two, Buffer.alloc(700)]))).toEqual([ENDED, "one two"]);
    expect(both(GZIP, Buffer.concat([two, Buffer.from("garbage")]))[0]).toBe(BAD_DATA);
    expect(both(GZIP, Buffer.concat([two, Buffer.from([0, 1])]))[0]).toBe(BAD_DATA);
    expect(both(GZIP, Buffer.concat([two, Buffer.from([0x1f])]))[0]).toBe(TRUNCATED);
    expect(both(GZIP, Buffer.concat([two, Buffer.from([0x1f, 0x8c])]))[0]).toBe(BAD_DATA);
    for (const encoded of [zlib.deflateSync("text"), zlib.deflateRawSync("text")]) {
      expect(both(DEFLATE, Buffer.concat([encoded, Buffer.alloc(9)]))).toEqual([ENDED, "text"]);
      expect(both(DEFLATE, Buffer.concat([encoded, encoded]))[0]).toBe(BAD_DATA);
    }
  });

  test("a member does not reach back into the one before", () => {
    // A match of length 3 and distance 4, first thing in the second member.
    const bytes = Buffer.concat([zlib.gzipSync("abcdef"), member("", 0)]);
    const at = bytes.lastIndexOf(Buffer.from([3, 0]), bytes.length - 9);
    bytes.set([0x03, 0x22], at);
    expect(both(GZIP, Buffer.concat([bytes, Buffer.alloc(8)]))[0]).toBe(BAD_DATA);
  });

  test("checksums and lengths are checked", () => {
    for (const [coding, encode] of ENCODERS.slice(0, 2)) {
      const encoded = Buffer.from(encode("some text"));
      for (let back = 1; back <= (coding === GZIP ? 8 : 4); back++) {
        const wrong = Buffer.from(encoded);
        wrong[wrong.length - back]! ^= 0x10;
        expect(both(coding, wrong)).toEqual([BAD_CHECKSUM, "some text"]);
      }
    }
  });

  test("no bytes at all are an empty body, one is none", () => {
    for (const coding of [GZIP, DEFLATE]) {
      expect(decode(coding, []).status).toBe(ENDED);
      expect(decode(coding, [new Uint8Array(), new Uint8Array()]).status).toBe(ENDED);
      expect(decode(coding, [Uint8Array.of(coding === GZIP ? 0x1f : 0x78)]).status).toBe(TRUNCATED);
    }
  });

  test("a dictionary that nobody has is refused", () => {
    const encoded = zlib.deflateSync("text", { dictionary: Buffer.from("text") });
    expect(both(DEFLATE, encoded)[0]).toBe(BAD_DATA);
  });

  test("bare streams are told from zlib, also where they begin with a stored block", () => {
    for (const level of [0, 1, 9]) {
      for (let n = 0; n < 300; n++) {
        const text = Buffer.from(String(n).repeat(n));
        const bare = decode(DEFLATE, [zlib.deflateRawSync(text, { level })]);
        expect([bare.status, bare.bytes.equals(text)]).toEqual([ENDED, true]);
      }
    }
  });

  test("the checksums are those of zlib, whatever came before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(), (bytes, at) => {
        probe.exports.reset();
        const split = at % (bytes.length + 1);
        const first = probe.put(bytes.subarray(0, split));
        const rest = probe.put(bytes.subarray(split));
        const { crc32: crc, adler32: adler } = probe.exports;
        expect(crc(crc(0, ...first), ...rest) >>> 0).toBe(crc32(bytes));
        const expected = Buffer.from(zlib.deflateSync(bytes)).readUInt32BE(
          zlib.deflateSync(bytes).length - 4,
        );
        expect(adler(adler(1, ...first), ...rest) >>> 0).toBe(expected);
      }),
      seeded(300),
    );
    probe.exports.reset();
    const large = Buffer.alloc(400_000, 255);
    const expected = zlib.deflateSync(large).subarray(-4).readUInt32BE();
    expect(probe.exports.adler32(1, ...probe.put(large)) >>> 0).toBe(expected);
  });
});

/** Bits as deflate packs them: numbers lowest bit first, codes highest first. */
class Bits {
  private readonly bits: number[] = [];

  number(value: number, n: number): this {
    for (let i = 0; i < n; i++) this.bits.push((value >> i) & 1);
    return this;
  }

  code(text: string): this {
    for (const bit of text) this.bits.push(Number(bit));
    return this;
  }

  bytes(): Buffer {
    const bytes = Buffer.alloc(Math.ceil(this.bits.length / 8));
    this.bits.forEach((bit, i) => {
      bytes[i >> 3]! |= bit << (i & 7);
    });
    return bytes;
  }
}

const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** The header of a block whose symbols have these lengths, each written with a code of 4 bits. */
function blockWith(literals: number[], distances: number[]): Bits {
  const bits = new Bits().number(1, 1).number(2, 2);
  bits
    .number(literals.length - 257, 5)
    .number(distances.length - 1, 5)
    .number(15, 4);
  for (const symbol of ORDER) bits.number(symbol < 16 ? 4 : 0, 3);
  for (const length of [...literals, ...distances]) {
    bits.code(length.toString(2).padStart(4, "0"));
  }
  return bits;
}

function lengths(n: number, set: Record<number, number>): number[] {
  return Array.from({ length: n }, (_, i) => set[i] ?? 0);
}

/** What zlib says of a bare stream: its bytes, or that it is bad or cut off. */
function byZlib(bytes: Uint8Array): { status: number; bytes: Buffer } {
  try {
    const info = zlib.inflateRawSync(bytes, { info: true } as object) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    const rest = bytes.subarray(info.engine.bytesWritten);
    const status = rest.some((byte) => byte !== 0) ? BAD_DATA! : ENDED!;
    return { status, bytes: info.buffer };
  } catch (error) {
    const isCut = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
    return { status: isCut ? TRUNCATED! : BAD_DATA!, bytes: Buffer.alloc(0) };
  }
}

/** Compared with zlib, which fails where we do and gives what we give. */
function expectAsZlib(bytes: Uint8Array, name: string): number {
  // Behind a prefix that no zlib stream begins with: an empty stored block.
  const bare = Buffer.concat([Buffer.from([0, 0, 0, 0xff, 0xff]), bytes]);
  const expected = byZlib(bare);
  const got = decode(DEFLATE, [bare]);
  expect(got.status, name).toBe(expected.status);
  if (expected.status === ENDED) expect(got.bytes.equals(expected.bytes), name).toBe(true);
  const single = decode(
    DEFLATE,
    Array.from(bare, (byte) => Uint8Array.of(byte)),
  );
  expect(single.status, name).toBe(got.status);
  expect(single.bytes.equals(got.bytes), name).toBe(true);
  return got.status;
}

describe("what is not deflate", () => {
  test.each([
    ["a code of one symbol", blockWith(lengths(257, { 256: 1 }), [0]).code("0"), ENDED],
    ["its unused half", blockWith(lengths(257, { 256: 1 }), [0]).code("1"), BAD_DATA],
    ["a single symbol of two bits", blockWith(lengths(257, { 256: 2 }), [0]).code("00"), BAD_DATA],
    ["too many codes", blockWith(lengths(257, { 0: 1, 1: 1, 256: 1 }), [0]).code("0"), BAD_DATA],
    ["codes left over", blockWith(lengths(257, { 0: 2, 256: 1 }), [0]).code("0"), BAD_DATA],
    ["no end of block", blockWith(lengths(257, { 0: 1, 1: 1 }), [0]).code("01"), BAD_DATA],
    [
      "no distances where none are used",
      blockWith(lengths(257, { 0: 1, 256: 1 }), [0]).code("01"),
      ENDED,
    ],
    [
      "no distances where one is used",
      blockWith(lengths(258, { 0: 1, 256: 2, 257: 2 }), [0])
        .code("011")
        .code("0"),
      BAD_DATA,
    ],
    [
      "one distance",
      blockWith(lengths(258, { 0: 1, 256: 2, 257: 2 }), [1])
        .code("0110")
        .code("10"),
      ENDED,
    ],
    [
      "too many distances",
      blockWith(lengths(258, { 0: 1, 256: 2, 257: 2 }), [1, 1, 1]).code("10"),
      BAD_DATA,
    ],
    [
      "a distance before the beginning",
      blockWith(lengths(258, { 0: 1, 256: 2, 257: 2 }), [0, 1])
        .code("0110")
        .code("10"),
      BAD_DATA,
    ],
    ["287 literals", blockWith(lengths(287, { 0: 1, 256: 1 }), [0]).code("1"), BAD_DATA],
    [
      "31 distances",
      blockWith(lengths(257, { 0: 1, 256: 1 }), lengths(31, {})).code("1"),
      BAD_DATA,
    ],
    ["the third kind of block", new Bits().number(1, 1).number(3, 2), BAD_DATA],
    ["a fixed code that is none (286)", new Bits().number(3, 3).code("11000110"), BAD_DATA],
    [
      "a fixed distance that is none (30)",
      new Bits().number(3, 3).code("00110000").code("0000001").code("11110"),
      BAD_DATA,
    ],
    [
      "a stored size that contradicts itself",
      new Bits().number(1, 8).number(5, 16).number(5, 16),
      BAD_DATA,
    ],
    [
      "a repetition of nothing",
      new Bits().number(5, 3).number(0, 14).number(1, 3).number(0, 9).code("0"),
      BAD_DATA,
    ],
  ])("%s, as zlib has it", (name, bits, expected) => {
    // Zeros behind, so that what decides is there.
    expect(expectAsZlib(Buffer.concat([bits.bytes(), Buffer.alloc(8)]), name)).toBe(expected);
  });

  test("codes of every shape and depth, random matches, as zlib has them", () => {
    const next = numbers(seed);
    for (let i = 0; i < 400; i++) {
      // A complete code: a leaf is split until there are as many as wanted.
      const tree = [0];
      const wanted = 2 + Math.floor(next() * 284);
      while (tree.length < wanted) {
        const at = next() < 0.3 ? tree.length - 1 : Math.floor(next() * tree.length);
        if (tree[at]! >= 15) break;
        const depth = tree[at]! + 1;
        tree.splice(at, 1, depth, depth);
      }
      const literals = lengths(286, {});
      tree.forEach((depth) => {
        literals[Math.floor(next() * 286)] = depth;
      });
      literals[256] ||= 15;
      const distances = lengths(30, {}).map(() => (next() < 0.1 ? 0 : 4 + Math.floor(next() * 3)));
      const bits = blockWith(literals, distances);
      for (let n = 0; n < 400; n++) bits.number(next() * 256, 8);
      expectAsZlib(bits.bytes(), `seed ${seed}, code ${i}`);
    }
  });

  test("random bytes, streams with flipped bits and streams cut anywhere, as zlib has them", () => {
    const next = numbers(seed + 1);
    const seen = new Set<number>();
    for (let i = 0; i < 1500; i++) {
      const text = sample(i % 4, 20 + Math.floor(next() * 3000), next);
      const level = i % 10;
      const encoded = Buffer.from(zlib.deflateRawSync(text, { level }));
      const kind = i % 3;
      if (kind === 0) {
        for (let n = 1 + next() * 3; n > 0; n--) {
          encoded[Math.floor(next() * encoded.length)]! ^= 1 << (next() * 8);
        }
      }
      const bytes =
        kind === 1
          ? encoded.subarray(0, Math.floor(next() * encoded.length))
          : kind === 2
            ? sample(0, 200, next)
            : encoded;
      seen.add(expectAsZlib(bytes, `seed ${seed}, ${i}`));
    }
    expect([...seen].sort()).toEqual([ENDED, BAD_DATA, TRUNCATED]);
  });

  test("a stream cut off at any byte is truncated, and gives what was there", () => {
    const text = sample(3, 3000, numbers(3));
    for (const [coding, encode] of ENCODERS) {
      const encoded = encode(text);
      for (let i = 1; i < encoded.length; i++) {
        const { status, bytes } = decode(coding, [encoded.subarray(0, i)]);
        expect(status).toBe(TRUNCATED);
        expect(bytes.equals(text.subarray(0, bytes.length))).toBe(true);
      }
    }
  });

  test("flipped bits in frames never pass unnoticed", () => {
    const text = sample(1, 2000, numbers(4));
    let collisions = 0;
    for (const [coding, encode] of ENCODERS.slice(0, 2)) {
      const encoded = encode(text);
      for (let bit = 0; bit < encoded.length * 8; bit += 3) {
        const wrong = Buffer.from(encoded);
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        const { status, bytes } = decode(coding, [wrong]);
        if (status !== ENDED || bytes.equals(text)) continue;
        // Unless the checksum is as it should be all the same.
        const theirs = zlib.unzipSync(wrong);
        expect(bytes.equals(theirs), `bit ${bit}`).toBe(true);
        collisions++;
      }
    }
    expect(collisions).toBeLessThan(3);
  });
});

describe("limits", () => {
  const zeros = zlib.gzipSync(Buffer.alloc(50_000_000), { level: 9 });

  test("a total stops the output, in a piece or in bytes", () => {
    for (const pieces of [[zeros], Array.from(zeros, (byte) => Uint8Array.of(byte))]) {
      const { status, bytes } = decode(GZIP, pieces, { total: 1_000_000 });
      expect(status).toBe(TOO_LARGE);
      expect(bytes.length).toBeLessThanOrEqual(1_000_000);
    }
    const text = Buffer.from("x".repeat(5000));
    expect(decode(GZIP, [zlib.gzipSync(text)], { total: 5000 }).status).toBe(ENDED);
    expect(decode(GZIP, [zlib.gzipSync(text)], { total: 4999 }).status).toBe(TOO_LARGE);
    expect(decode(GZIP, [zlib.gzipSync("")], { total: 0 }).status).toBe(ENDED);
  });

  test("a ratio stops bombs of one member, of many, and lets what is before its threshold pass", () => {
    const limits = { ratio: 200, from: 1 << 20 };
    const bomb = decode(GZIP, [zeros.subarray(0, 20_000)], limits);
    expect(bomb.status).toBe(BOMB);
    expect(bomb.bytes.length).toBeLessThanOrEqual(200 * 20_000 + 65536);
    const small = zlib.gzipSync(Buffer.alloc(100_000), { level: 9 });
    expect(decode(GZIP, [small], limits).status).toBe(ENDED);
    const many = Array.from({ length: 100 }, () => small);
    expect(decode(GZIP, many, limits).status).toBe(BOMB);
    expect(decode(GZIP, [Buffer.concat(many)], limits).status).toBe(BOMB);
    const honest = zlib.gzipSync(sample(3, 3_000_000, numbers(5)));
    expect(decode(GZIP, [honest], limits).status).toBe(ENDED);
  });

  test("a bomb inside a bomb is opened once only", () => {
    const nested = zlib.gzipSync(zeros);
    const { status, bytes } = decode(GZIP, [nested], { ratio: 200, from: 1 << 20 });
    expect([status, bytes.equals(zeros)]).toEqual([ENDED, true]);
  });

  test("nothing is allocated, and what is left after it all is what was there before", () => {
    const before = probe.exports.heldBytes();
    const encoded = zlib.gzipSync(sample(1, 200_000, numbers(6)));
    decode(GZIP, [encoded], { total: 0 });
    probe.exports.reset();
    expect(probe.exports.heldBytes()).toBeLessThanOrEqual(before);
  });
});
