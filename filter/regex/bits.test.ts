// The machine of bits answers what Pike's machine answers.

import { expect, test } from "vitest";
import { NEAR, nearly } from "../../bench/regex.ts";
import { loadProbe } from "../../tests/probe.ts";

const ATOMS = ["a", "b", "[ab]", "[^a]", ".", "é", "(?i:k)", "(?:ab|c)", "(?:a?b)", "(?:a|)"];
const COUNTS = ["", "", "?", "*", "+", "{0,9}", "{2,8}", "{8}", "{3,}", "{1,70}"];
const BYTES = [0x61, 0x61, 0x62, 0x62, 0x63, 0x0a, 0xc3, 0xa9, 0xe2, 0x84, 0xaa, 0xff, 0x4b];

function dice(seed: number) {
  let random = seed;
  return (n: number) => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 16) % n;
  };
}

function pattern(next: (n: number) => number): string {
  let out = "";
  for (let i = 2 + next(4); i > 0; i--) {
    const atom = ATOMS[next(ATOMS.length)]!;
    out += next(5) === 0 ? `(?:${atom}b)${COUNTS[next(10)]}` : atom + COUNTS[next(10)];
  }
  return next(3) === 0 ? `(?:${out}){1,8}c` : `${out}a{8}`;
}

test.each([0, 16])("bits and Pike's machine agree, flags %i", async (flags) => {
  const { exports, put } = await loadProbe("regex");
  let asked = 0;
  let matched = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const next = dice(seed);
    const source = pattern(next);
    exports.reset();
    if (exports.compile(...put(source), flags) !== 0) continue;
    for (let round = 0; round < 12; round++) {
      const text = Uint8Array.from({ length: next(60) }, () => BYTES[next(BYTES.length)]!);
      exports.setHaystack(...put(text));
      const answer = exports.isMatchInBits();
      if (answer < 0) continue;
      asked++;
      matched += answer;
      const slow = exports.findSimulated(0, text.length) ? 1 : 0;
      expect(answer, `seed ${seed}: ${source} in ${Buffer.from(text).toString("hex")}`).toBe(slow);
    }
  }
  expect(asked).toBeGreaterThan(1000);
  expect(matched).toBeGreaterThan(20);
});

test.each(NEAR.slice(0, 3))(
  "%s is not cut by a text for ever about to match",
  async (source, words) => {
    const { exports, put } = await loadProbe("regex");
    expect(exports.compile(...put(source), 0)).toBe(0);
    exports.setHaystack(...put(nearly(words, 5e4)));
    exports.beginCallback();
    exports.isMatch();
    expect(exports.isCut()).toBeFalsy();
  },
);
