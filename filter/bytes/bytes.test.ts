import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("bytes");
});

test("UTF-8 is judged as a strict TextDecoder judges it, at every place in a vector", () => {
  const samples = [
    [0x41],
    [0xc3, 0xa9],
    [0xe2, 0x82, 0xac],
    [0xf0, 0x9f, 0x98, 0x80],
    [0xc0, 0x80],
    [0xc1, 0xbf],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xef, 0xbf, 0xbf],
    [0xf0, 0x80, 0x80, 0x80],
    [0xf4, 0x8f, 0xbf, 0xbf],
    [0xf4, 0x90, 0x80, 0x80],
    [0x80],
    [0xff],
    [0xe2, 0x82],
    [0xf0, 0x9f],
  ];
  const strict = new TextDecoder("utf-8", { fatal: true });
  for (const sample of samples) {
    for (const before of [0, 1, 15, 16, 31]) {
      const bytes = Uint8Array.from([...new Array(before).fill(0x61), ...sample, 0x7a]);
      let valid = true;
      try {
        strict.decode(bytes);
      } catch {
        valid = false;
      }
      const [at, n] = probe.put(bytes);
      expect(probe.exports.utf8FirstInvalid(at, n) === -1, `${sample}`).toBe(valid);
      probe.exports.reset();
    }
  }
});

test("integers are written in decimal, the extremes included", () => {
  for (const value of [0n, 7n, 10n, -1n, 99999n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    expect(probe.text(probe.exports.integer(value))).toBe(value.toString());
  }
});

test("an arena gives aligned memory, also beyond a block, and refuses what passes the ceiling", () => {
  probe.exports.reset();
  for (const n of [1, 7, 16384, 100000, 3]) {
    const at = probe.exports.allocate(n);
    expect(at % 8).toBe(0);
    expect(at).toBeGreaterThan(0);
  }
  expect(probe.exports.allocate(0)).toBeGreaterThan(0);
  expect(probe.exports.allocate(-1)).toBe(0);
  expect(probe.exports.allocate(0x7fffffff)).toBe(0);
  probe.exports.reset();
});

test("bytes are the same when each of them is, however many and wherever they lie", () => {
  for (let n = 0; n <= 40; n++) {
    for (const offset of [0, 1, 5]) {
      probe.exports.reset();
      const bytes = Uint8Array.from({ length: n }, (_, i) => 7 * i + 1);
      // Beyond the run the two differ.
      const [a] = probe.put(Uint8Array.of(...bytes, 0xaa));
      const [b] = probe.put(Uint8Array.of(...new Array(offset).fill(0), ...bytes, 0xbb));
      expect(probe.exports.same(a, b + offset, n), `${n}`).toBe(1);
      for (let i = 0; i < n; i++) {
        const memory = new Uint8Array(probe.memory.buffer);
        memory[a + i]! ^= 0x80;
        expect(probe.exports.same(a, b + offset, n), `${n} but for ${i}`).toBe(0);
        memory[a + i]! ^= 0x80;
      }
    }
  }
  probe.exports.reset();
});

test("bytes are moved as they were, also onto themselves, and none around them", () => {
  for (let n = 0; n <= 40; n++) {
    for (const distance of [-40, -9, -3, -1, 0, 1, 2, 7, 15, 33, 50]) {
      probe.exports.reset();
      const before = Uint8Array.from({ length: 160 }, (_, i) => 3 * i + 1);
      const [at] = probe.put(before);
      probe.exports.move(at + 60 + distance, at + 60, n);
      const wanted = before.slice();
      wanted.copyWithin(60 + distance, 60, 60 + n);
      const got = new Uint8Array(probe.memory.buffer).slice(at, at + before.length);
      expect(got, `${n} by ${distance}`).toEqual(wanted);
    }
  }
  probe.exports.reset();
});
