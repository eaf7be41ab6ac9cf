import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("number");
});

function parse(text: string): number {
  probe.exports.reset();
  return probe.exports.parse(...probe.put(text));
}

function isDecimal(text: string): boolean {
  probe.exports.reset();
  return probe.exports.isDecimal(...probe.put(text)) === 1;
}

const shortest = (x: number): string => probe.text(probe.exports.shortest(x));
const fixed = (x: number, precision: number): string =>
  probe.text(probe.exports.fixed(x, precision));
const exponent = (x: number, precision: number): string =>
  probe.text(probe.exports.exponent(x, precision));

/** As the filter writes it: JavaScript but for -0. */
const written = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

// ── The same in BigInt, where nothing rounds by itself ──

const view = new DataView(new ArrayBuffer(8));

function fromBits(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

function bitsOf(x: number): bigint {
  view.setFloat64(0, x);
  return view.getBigUint64(0);
}

/** |x| as significand * 2^exponent. */
function parts(x: number): [significand: bigint, exponent: number] {
  const bits = bitsOf(Math.abs(x));
  const field = Number(bits >> 52n);
  const fraction = bits & (2n ** 52n - 1n);
  return field === 0 ? [fraction, -1074] : [fraction | (2n ** 52n), field - 1075];
}

/** significand * 2^exponent * 10^places, rounded half to even; and whether it was a half. */
function rounded(significand: bigint, exponent: number, places: number): [bigint, boolean] {
  const ten = 10n ** BigInt(Math.abs(places));
  const two = 2n ** BigInt(Math.abs(exponent));
  const above = significand * (places > 0 ? ten : 1n) * (exponent > 0 ? two : 1n);
  const below = (places > 0 ? 1n : ten) * (exponent > 0 ? 1n : two);
  const whole = above / below;
  const twice = (above % below) * 2n;
  const up = twice > below || (twice === below && whole % 2n === 1n);
  return [up ? whole + 1n : whole, twice === below];
}

function withPoint(digits: string, decimals: number): string {
  if (decimals === 0) return digits;
  const padded = digits.padStart(decimals + 1, "0");
  return `${padded.slice(0, -decimals)}.${padded.slice(-decimals)}`;
}

const signOf = (x: number): string => (bitsOf(x) >> 63n === 1n ? "-" : "");

function fixedReference(x: number, precision: number): string {
  const [digits] = rounded(...parts(x), precision);
  return signOf(x) + withPoint(String(digits), precision);
}

function exponentReference(x: number, precision: number): string {
  // Any double times 10^1074 is an integer.
  const [exact] = rounded(...parts(x), 1074);
  let power = x === 0 ? 0 : String(exact).length - 1 - 1074;
  let digits = String(rounded(...parts(x), precision - power)[0]);
  if (x === 0) digits = "0".repeat(precision + 1);
  if (digits.length > precision + 1) {
    power++;
    digits = digits.slice(0, -1);
  }
  const tail = String(Math.abs(power)).padStart(2, "0");
  return `${signOf(x)}${withPoint(digits, precision)}e${power < 0 ? "-" : "+"}${tail}`;
}

/** All digits of what lies halfway between x and the next greater double. */
function halfwayAbove(x: number): string {
  const [significand, exponent] = parts(x);
  const decimals = Math.max(1 - exponent, 0);
  const [digits, wasHalf] = rounded(2n * significand + 1n, exponent - 1, decimals);
  expect(wasHalf).toBe(false);
  return withPoint(String(digits), decimals);
}

/** The decimal text less a little: its last digit other than 0 one lower, and nines behind. */
function justBelow(decimal: string): string {
  const [, head, last, zeros] = /^(.*)([1-9])([0.]*)$/.exec(decimal)!;
  const nines = zeros!.replaceAll("0", "9") + (decimal.includes(".") ? "" : ".");
  return `${head}${Number(last) - 1}${nines}${"9".repeat(40)}`;
}

// ── What numbers ──

const NOTABLE = [
  ...[0, 1, 2, 10, 0.1, 0.2, 0.3, 0.1 + 0.2, 0.5, 1.5, 2.5, 0.25, 100, 123.456, 1e15, 1e16, 1e17],
  ...[2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 2 ** 63, 2 ** 64, 1e20, 1e21, 1e22, 1e23, 123e21],
  ...[999999999999999.9, 99999999999999.95, 4503599627370495.5, 4503599627370497.5, 1e-5, 1e-6],
  ...[1e-7, 1.5e-7, 1.5e-10, 123e-22, 9.5, 9.999999999999998, 99.99999999999999, 5e-324, 1e-323],
  ...[2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 2 ** -44, 1 / 3],
  ...[
    8.41e21, 2.0e-79, 5.8339553793802237e23, 9007199254740993, 4.35, 0.000001, 1.0000000000000002,
  ],
];

const powersOfTwo = Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074));
const powersOfTen = Array.from({ length: 632 }, (_, i) => Number(`1e${i - 323}`));

/** The number and those next to it. */
function withNeighbours(x: number): number[] {
  const bits = bitsOf(x);
  return [bits - 1n, bits, bits + 1n].filter((b) => b >= 0n).map(fromBits);
}

const finite = (x: number): boolean => Number.isFinite(x);

/** Doubles of every size alike, and subnormals, and such as people write. */
const doubles = fc.oneof(
  fc
    .bigInt({ min: 0n, max: 2n ** 64n - 1n })
    .map(fromBits)
    .filter(finite),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: 0n, max: 2n ** 52n }).map(fromBits),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 20 })).map(([m, k]) => m / 10 ** k),
  fc.maxSafeInteger(),
);

const digits = (maxLength: number) =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength })
    .map((list) => list.join(""));

const decimals = fc
  .tuple(
    fc.constantFrom("", "+", "-"),
    fc.oneof(
      digits(25),
      digits(25).map((whole) => `${whole}.`),
      digits(25).map((fraction) => `.${fraction}`),
      fc.tuple(digits(20), digits(25)).map((both) => both.join(".")),
      fc.tuple(digits(1200), digits(1200)).map((both) => both.join(".")),
      fc.nat(1200).map((n) => `0.${"0".repeat(n)}`),
    ),
    fc.oneof(
      fc.constant(""),
      fc
        .tuple(fc.constantFrom("e", "E"), fc.integer({ min: -1500, max: 1500 }))
        .map((both) => both.join("")),
      fc.integer({ min: 0, max: 40 }).map((n) => `e+${n}`),
      fc.integer({ min: -40, max: 0 }).map((n) => `e-0${-n}`),
    ),
  )
  .map((all) => all.join(""));

// ── Reading ──

test("decimals are told from other text", () => {
  const good = "0 1 -1 +1 007 1.5 1. .5 -.5 +5. 1e5 1E+5 1.e-5 .5e05 0e0 12.34e-56".split(" ");
  const bad =
    "+ - . +. e5 .e5 1e 1e+ 1e- 1.5.5 1e5.0 1e5e5 --1 +-1 1+ 1_0 0x1 a 1a NaN Infinity ,5 1,5".split(
      " ",
    );
  for (const text of good) expect(isDecimal(text), text).toBe(true);
  for (const text of [...bad, "", " 1", "1 ", "1\n", "é", "1\0"])
    expect(isDecimal(text), text).toBe(false);
  const grammar = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
  const texts = fc.string({ unit: fc.constantFrom(..."0123456789+-.eE x") });
  fc.assert(
    fc.property(fc.oneof(texts, decimals), (text) => {
      expect(isDecimal(text)).toBe(grammar.test(text));
    }),
    seeded(3000),
  );
});

test.each([
  ["0", 0],
  ["-0", -0],
  ["-0.000e5", -0],
  ["+5.", 5],
  [".5", 0.5],
  ["9007199254740991", 9007199254740991],
  ["9007199254740992", 9007199254740992],
  ["9007199254740993", 9007199254740992],
  ["9007199254740993.0000000000000000000001", 9007199254740994],
  ["9007199254740995", 9007199254740996],
  ["18446744073709551615", 2 ** 64],
  ["1e22", 1e22],
  ["1e23", 1e23],
  ["1.00000000000000011102230246251565404236316680908203125", 1],
  ["1.00000000000000011102230246251565404236316680908203124", 1],
  ["1.00000000000000011102230246251565404236316680908203126", 1 + 2 ** -52],
  ["2.2250738585072011e-308", 2.225073858507201e-308],
  ["2.2250738585072012e-308", 2 ** -1022],
  ["2.4703282292062327208e-324", 0],
  ["2.4703282292062327209e-324", 5e-324],
  ["-2.4e-324", -0],
  ["1.7976931348623158e308", Number.MAX_VALUE],
  ["1.7976931348623159e308", Infinity],
  ["-1e309", -Infinity],
  ["1e99999999999999999999999999", Infinity],
  ["1e-99999999999999999999999999", 0],
  ["0e99999999999999999999999999", 0],
])("reads %s", (text, value) => {
  expect(parse(text)).toBe(value);
});

test("reads long texts in which little is significant", () => {
  const zeros = "0".repeat(5000);
  expect(parse(`0.${zeros}1e5001`)).toBe(1);
  expect(parse(`1${zeros}e-5000`)).toBe(1);
  expect(parse(`-0.${zeros}17e5300`)).toBe(-1.7e299);
  expect(parse(`${zeros}12.5${zeros}`)).toBe(12.5);
  expect(parse(`${zeros}.${zeros}e9`)).toBe(0);
  expect(parse("9".repeat(308))).toBe(1e308);
  expect(parse("9".repeat(309))).toBe(Infinity);
});

test("reads any decimal as JavaScript does", () => {
  fc.assert(
    fc.property(decimals, (text) => {
      expect(parse(text)).toBe(Number(text));
    }),
    seeded(20000),
  );
});

test("reads what lies halfway as the even one, and goes by the last of many digits", () => {
  const check = (x: number): void => {
    const [below, above] = [Math.abs(x), fromBits(bitsOf(Math.abs(x)) + 1n)];
    const even = bitsOf(below) % 2n === 0n ? below : above;
    const half = halfwayAbove(x);
    const zeros = "0".repeat(1000);
    const tail = half.includes(".") ? zeros : `.${zeros}`;
    for (const sign of [1, -1]) {
      const minus = sign < 0 ? "-" : "";
      expect(parse(minus + half)).toBe(sign * even);
      expect(parse(minus + half + tail)).toBe(sign * even);
      expect(parse(`${minus}${half}${tail}1`)).toBe(sign * above);
      expect(parse(minus + justBelow(half))).toBe(sign * below);
    }
  };
  for (const x of [0, Number.MAX_VALUE, 2 ** 53, 2 ** 52, 2 ** -1022, 1e22, 1]) check(x);
  for (const x of powersOfTwo.slice(0, -1)) check(x);
  fc.assert(fc.property(doubles, check), seeded(2000));
});

// ── Writing ──

test("writes what is not finite as JavaScript does, however precise", () => {
  for (const x of [NaN, Infinity, -Infinity]) {
    for (const text of [shortest(x), fixed(x, 3), exponent(x, 3)]) expect(text).toBe(String(x));
  }
  expect(shortest(fromBits(0xfff8000000000001n))).toBe("NaN");
});

test.each([
  [1, "1"],
  [-0, "-0"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e21, "1e+21"],
  [123456789012345680000, "123456789012345680000"],
  [0.000001, "0.000001"],
  [1.5e-7, "1.5e-7"],
  [1e23, "1e+23"],
  [5e-324, "5e-324"],
  [2 ** -44, "5.684341886080802e-14"],
  [-1.7976931348623157e308, "-1.7976931348623157e+308"],
])("writes %s in the fewest digits", (x, text) => {
  expect(shortest(x)).toBe(text);
});

test("writes the digits that JavaScript writes, and reads them back", () => {
  const check = (x: number): void => {
    if (!finite(x)) return;
    for (const each of [x, -x]) {
      const text = shortest(each);
      expect(text).toBe(written(each));
      expect(parse(text)).toBe(each);
    }
  };
  for (const x of [...NOTABLE, ...powersOfTwo, ...powersOfTen]) withNeighbours(x).forEach(check);
  fc.assert(fc.property(doubles, check), seeded(20000));
});

test.each([
  [0.5, 0, "0"],
  [1.5, 0, "2"],
  [2.5, 0, "2"],
  [-0.5, 0, "-0"],
  [0.5000000000000001, 0, "1"],
  [0.05, 0, "0"],
  [0.05, 1, "0.1"],
  [0.125, 2, "0.12"],
  [0.375, 2, "0.38"],
  [0.045, 2, "0.04"],
  [9.995, 2, "9.99"],
  [9.96, 1, "10.0"],
  [0.96, 0, "1"],
  [0.004, 2, "0.00"],
  [0.006, 2, "0.01"],
  [0, 0, "0"],
  [-0, 2, "-0.00"],
  [1e21, 1, "1000000000000000000000.0"],
  [1e23, 0, "99999999999999991611392"],
  [5e-324, 3, "0.000"],
])("writes %d to %d decimals as %s", (x, precision, text) => {
  expect(fixed(x, precision)).toBe(text);
});

test.each([
  [1052.032751, 6, "1.052033e+03"],
  [0, 2, "0.00e+00"],
  [-0, 0, "-0e+00"],
  [2.5, 0, "2e+00"],
  [3.5, 0, "4e+00"],
  [9.5, 0, "1e+01"],
  [9.96, 1, "1.0e+01"],
  [0.00000123, 1, "1.2e-06"],
  [1e100, 3, "1.000e+100"],
  [5e-324, 5, "4.94066e-324"],
  [1.7976931348623157e308, 1, "1.8e+308"],
])("writes %d with %d decimals and an exponent as %s", (x, precision, text) => {
  expect(exponent(x, precision)).toBe(text);
});

const precisions = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: 0, max: 1000 }),
);

test("fixed decimals are the exact ones, rounded half to even", () => {
  const check = (x: number, precision: number): void => {
    if (!finite(x)) return;
    const text = fixed(x, precision);
    expect(text).toBe(fixedReference(x, precision));
    const [, isHalf] = rounded(...parts(x), precision);
    // JavaScript stops there, and rounds halves up.
    if (isHalf || precision > 100 || Math.abs(x) >= 1e21) return;
    expect(text.replace("-", "")).toBe(x.toFixed(precision).replace("-", ""));
  };
  for (const x of [...NOTABLE, ...powersOfTwo, ...powersOfTen]) {
    for (const each of withNeighbours(x)) for (const n of [0, 1, 6]) check(each, n);
    for (const n of [17, 330, 1000]) check(x, n);
  }
  for (let n = 0; n < 400; n++) for (const k of [1, 2, 3, 4]) check(n / 2 ** k, k - 1);
  fc.assert(fc.property(doubles, precisions, check), seeded(10000));
});

test("decimals with an exponent are the exact ones, rounded half to even", () => {
  const check = (x: number, precision: number): void => {
    if (!finite(x)) return;
    const text = exponent(x, precision);
    expect(text).toBe(exponentReference(x, precision));
    const power = Number(text.slice(text.indexOf("e") + 1));
    const [, isHalf] = rounded(...parts(x), precision - power);
    if (isHalf || precision > 100) return;
    const javaScript = Math.abs(x).toExponential(precision);
    expect(text).toBe(signOf(x) + javaScript.replace(/(?<=e[+-])(?=\d$)/, "0"));
  };
  for (const x of [...NOTABLE, ...powersOfTwo, ...powersOfTen]) {
    for (const each of withNeighbours(x)) for (const n of [0, 1, 6]) check(each, n);
    for (const n of [17, 800, 1000]) check(x, n);
  }
  for (let n = 2; n < 4000; n++) check(n * 5, String(n * 5).length - 2);
  fc.assert(fc.property(doubles, precisions, check), seeded(10000));
});
