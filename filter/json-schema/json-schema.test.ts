// What the suites do not ask: exactness, places of failures, problems of schemas, and hostile
// documents.

import { beforeAll, describe, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("json-schema");
});

const VERDICTS: Record<number, string> = {
  [-1]: "not JSON",
  0: "valid",
  1: "invalid",
  2: "gave up",
};

/** The problems of the schema; none: it is ready. */
function compile(schema: unknown, formats = true): string[] {
  probe.exports.reset();
  const text = typeof schema === "string" ? schema : JSON.stringify(schema);
  const count = probe.exports.compile(...probe.put(text), formats) as number;
  return Array.from({ length: count }, (_, i) => probe.text(probe.exports.problemText(i)));
}

/** `valid`, `gave up`, or the failure. */
function judge(document: string, refusesRepeats = true): string {
  const verdict = probe.exports.validate(...probe.put(document), refusesRepeats) as number;
  return verdict === 1 ? probe.text(probe.exports.failure()) : VERDICTS[verdict]!;
}

function verdict(schema: unknown, document: string): string {
  expect(compile(schema)).toEqual([]);
  return judge(document);
}

describe("numbers are exact", () => {
  test.each([
    ['{"multipleOf":0.0001}', "0.0075", true],
    ['{"multipleOf":0.01}', "4.35", true],
    ['{"multipleOf":0.1}', "1e300", true],
    ['{"multipleOf":3}', "1e300", false],
    ['{"multipleOf":7}', "9007199254740993", false],
    ['{"multipleOf":3}', "9007199254740993", true],
    ['{"multipleOf":1e-400}', "1", true],
    ['{"multipleOf":1e400}', "1", false],
    ['{"multipleOf":123456789012345678}', "1234567890123456780", true],
    ['{"multipleOf":4}', "1e2", true],
    ['{"multipleOf":0.5}', "-1.50", true],
    ['{"multipleOf":2}', "0e5", true],
    ['{"maximum":9007199254740992}', "9007199254740993", false],
    ['{"maximum":9007199254740993}', "9007199254740993", true],
    ['{"exclusiveMaximum":0.1}', "0.1000000000000000000001", false],
    ['{"exclusiveMinimum":0.1}', "0.1000000000000000000001", true],
    ['{"minimum":-1e-999}', "-1e-1000", true],
    ['{"maximum":1e308}', "1e309", false],
    ['{"const":1}', "1.0", true],
    ['{"const":1}', "10e-1", true],
    ['{"const":0}', "-0.0", true],
    ['{"const":9007199254740992}', "9007199254740993", false],
    ['{"const":100000000000000000000}', "1e20", true],
    ['{"type":"integer"}', "1.0", true],
    ['{"type":"integer"}', "1e-1", false],
    ['{"type":"integer"}', "12.50e1", true],
    ['{"type":"integer"}', "1e99999999999999999999999", true],
    ['{"uniqueItems":true}', "[1,1.0]", false],
    ['{"uniqueItems":true}', "[1000,1e3]", false],
    ['{"uniqueItems":true}', "[9007199254740992,9007199254740993]", true],
    ['{"uniqueItems":true}', '[{"a":1,"b":2},{"b":2.0,"a":1}]', false],
    ['{"uniqueItems":true}', '["a","\\u0061"]', false],
    ['{"uniqueItems":true}', '[0,false,null,"",[],{}]', true],
    ['{"minLength":2}', '"\\ud83d\\ude00"', false],
    ['{"maxLength":1}', '"😀"', true],
    ['{"required":["\\u0061"]}', '{"a":1}', true],
    ['{"properties":{"a":false}}', '{"\\u0061":1}', false],
  ])("%s for %s: %s", (schema, document, isValid) => {
    expect(verdict(schema, document) === "valid").toBe(isValid);
  });
});

test("a failure has its place and keyword", () => {
  const schema = {
    type: "object",
    required: ["id", "user"],
    properties: {
      id: true,
      user: { properties: { age: { minimum: 0 }, "a/b": { enum: [1, 2] } } },
      list: { items: { type: "string", minLength: 2 }, contains: { const: "xx" } },
      no: false,
      either: { anyOf: [{ type: "string" }, { items: { type: "string" } }] },
      not: { not: { type: "null" } },
      branch: Object.fromEntries([
        ["if", { type: "string" }],
        ["else", false],
      ]),
    },
    patternProperties: { "^x-": { pattern: "^\\d+$" } },
    additionalProperties: false,
    propertyNames: { maxLength: 6 },
    dependentRequired: { "x-a": ["x-b"] },
  };
  expect(compile(schema)).toEqual([]);
  const at = (members: string) => judge(`{"id":1,"user":{}${members && `,${members}`}}`);
  expect(at("")).toBe("valid");
  expect(judge("[]")).toBe('"": type');
  expect(judge('{"id":1}')).toBe('"": required "user"');
  expect(judge('{"id":1,"user":{"age":-1}}')).toBe('"/user/age": minimum');
  expect(judge('{"id":1,"user":{"a/b":3}}')).toBe('"/user/a~1b": enum');
  expect(at('"list":["xx","yy","z"]')).toBe('"/list/2": minLength');
  expect(at('"list":["aa"]')).toBe('"/list": contains');
  expect(at('"no":1')).toBe('"/no": properties');
  expect(at('"either":[1]')).toBe('"/either": anyOf');
  expect(at('"not":null')).toBe('"/not": not');
  expect(at('"branch":1')).toBe('"/branch": else');
  expect(at('"x-c":"a"')).toBe('"/x-c": pattern');
  expect(at('"x-a":"1"')).toBe('"": dependentRequired "x-b"');
  expect(at('"other":1')).toBe('"/other": additionalProperties');
  expect(at('"x-long-name":"1"')).toBe('"/x-long-name": maxLength');
  expect(at('"id":2')).toBe('"/id": the name is there twice');
});

test("names that are there twice are found at every depth and size", () => {
  expect(compile({})).toEqual([]);
  const many = Array.from({ length: 5000 }, (_, i) => `"key-${i}-name":${i}`);
  expect(judge(`{${many.join()}}`)).toBe("valid");
  expect(judge(`[{"a":{${many.join()},"key-17-name":0}}]`)).toContain("key-17-name");
  expect(judge('{"a":1,"\\u0061":2}')).toContain("twice");
  expect(judge('{"a":1,"b":{"a":1}}')).toBe("valid");
  expect(judge('{"a":1,"\\u0061":2}', false)).toBe("valid");
});

test("more required names than a set of bits has", () => {
  const names = Array.from({ length: 150 }, (_, i) => `n${i}`);
  expect(compile({ required: names, properties: { n149: { type: "string" } } })).toEqual([]);
  const document = (list: string[]) => `{${list.map((each) => `"${each}":""`).join()}}`;
  expect(judge(document(names))).toBe("valid");
  for (const left of ["n0", "n63", "n64", "n127", "n149"])
    expect(judge(document(names.filter((each) => each !== left)))).toBe(`"": required "${left}"`);
});

test("patterns as ECMA-262 has them", () => {
  const isMatch = (pattern: string, text: string) =>
    verdict({ pattern }, JSON.stringify(text)) === "valid";
  expect(isMatch("^\\u00e9\\u{1F600}$", "é😀")).toBe(true);
  expect(isMatch("^\\ud83d\\ude00$", "😀")).toBe(true);
  expect(isMatch("^\\p{Letter}+$", "né")).toBe(true);
  expect(isMatch("^\\p{Script=Greek}$", "λ")).toBe(true);
  expect(isMatch("^[^]$", "\n")).toBe(true);
  expect(isMatch("^[[a]$", "[")).toBe(true);
  expect(isMatch("^\\/a\\-$", "/a-")).toBe(true);
  expect(isMatch("^\\cJ$", "\n")).toBe(true);
  expect(compile({ pattern: "(?<=a)b" })[0]).toMatch(/look-behind is not supported/);
  expect(compile({ pattern: "(a)\\1" })[0]).toMatch(/back-references are not supported/);
  expect(compile({ patternProperties: { "(?!a)": {} } })[0]).toMatch(/look-ahead/);
});

describe("problems of schemas", () => {
  test.each([
    [{ type: "text" }, /a type is/],
    [{ minimum: "1" }, /minimum is a number/],
    [{ minLength: 1.5 }, /integer of 0 or more/],
    [{ multipleOf: -1 }, /more than 0/],
    [{ multipleOf: 0.1234567890123456789e-30 }, /^$|18 digits/],
    [{ items: [{}] }, /prefixItems/],
    [{ properties: [] }, /map of schemas/],
    [{ properties: { a: 1 } }, /a schema is a map, true or false/],
    [{ anyOf: [] }, /at least one/],
    [{ $ref: "other" }, /"other" is not in this schema/],
    [{ $ref: "#nowhere" }, /no anchor "nowhere"/],
    [{ $ref: "#" }, /never end/],
    [
      { $defs: { a: { $ref: "#/$defs/b" }, b: { not: { $ref: "#/$defs/a" } } }, $ref: "#/$defs/a" },
      /never end/,
    ],
    [{ $defs: { a: { $anchor: "x" }, b: { $anchor: "x" } } }, /twice/],
    [{ $defs: { a: { $id: "x" }, b: { $id: "x" } } }, /too/],
    [{ $schema: "http://json-schema.org/draft-04/schema#" }, /\$schema is/],
    [{ required: [1] }, /a name is text/],
    [{ dependentRequired: { a: {} } }, /lists of names/],
  ])("%j", (schema, message) => {
    expect(compile(schema).join("\n")).toMatch(message);
  });

  test("a chain of thousands of references does not use up the stack", () => {
    const $defs: Record<string, object> = { d3000: { type: "string" } };
    for (let i = 0; i < 3000; i++) $defs[`d${i}`] = { $ref: `#/$defs/d${i + 1}` };
    expect(compile({ $ref: "#/$defs/d0", $defs })).toEqual([]);
    expect(judge('"a"')).toBe("gave up");
  });
});

describe("hostile documents are bounded", () => {
  const deep = (n: number) => "[".repeat(n) + "]".repeat(n);

  test("as deep as documents may be", () => {
    const tree = { anyOf: [{ type: "array", items: { $ref: "#" } }, { type: "string" }] };
    expect(compile(tree)).toEqual([]);
    expect(judge(deep(100))).toBe("valid");
    expect(judge(deep(200))).toBe("valid");
    expect(judge(deep(201))).toBe("not JSON");
  });

  test("with every kind of subschema open at once", () => {
    const again = JSON.parse('{"if":{"type":"array"},"then":{"$ref":"#"},"else":true}');
    const schema = {
      properties: { a: { oneOf: [{ $ref: "#" }, false] } },
      items: { anyOf: [again] },
      dependentSchemas: { a: { not: { not: true } } },
      unevaluatedProperties: false,
    };
    expect(compile(schema)).toEqual([]);
    for (const n of [10, 150, 199]) {
      expect(judge(deep(n + 1))).toMatch(/^(valid|gave up)$/);
      expect(judge(`${'{"a":'.repeat(n)}1${"}".repeat(n)}`)).toMatch(/^(valid|gave up)$/);
    }
  });

  test("what is not judged is neither valid nor invalid, whatever stands around it", () => {
    const bomb = {
      anyOf: [
        { items: { $ref: "#/$defs/b" } },
        { items: { $ref: "#/$defs/b" } },
        { items: { $ref: "#/$defs/b" } },
      ],
    };
    const never = { $defs: { b: { allOf: [bomb, { type: "array" }, { maxItems: 1 }] } } };
    const document = `${"[".repeat(60)}1${"]".repeat(60)}`;
    for (const around of [
      { $ref: "#/$defs/b" },
      { not: { $ref: "#/$defs/b" } },
      { anyOf: [{ $ref: "#/$defs/b" }, true] },
      { oneOf: [{ $ref: "#/$defs/b" }, true] },
      Object.fromEntries([
        ["if", { $ref: "#/$defs/b" }],
        ["else", true],
      ]),
      { contains: { $ref: "#/$defs/b" }, minContains: 0, maxContains: 9 },
      { not: { not: { $ref: "#/$defs/b" } } },
    ]) {
      expect(compile({ ...never, ...around })).toEqual([]);
      expect(judge(document), JSON.stringify(around)).toBe("gave up");
    }
  });

  test("what branches look at again and again does not fill the memory", () => {
    const again = { items: { $ref: "#" } };
    const leaf = {
      maxLength: 3,
      uniqueItems: true,
      required: ["b"],
      propertyNames: { minLength: 9 },
    };
    expect(compile({ ...leaf, oneOf: [again, again, again] })).toEqual([]);
    const before = probe.memory.buffer.byteLength;
    const text = "\\u00e9".repeat(50_000);
    const list = Array.from({ length: 30_000 }, (_, i) => i).join();
    for (const inner of [`"${text}"`, `{"${text}":1}`, `[${list}]`]) {
      const document = `${"[".repeat(40)}${inner}${"]".repeat(40)}`;
      expect(judge(document)).toMatch(/^(gave up|".*": )/);
    }
    expect(probe.memory.buffer.byteLength - before).toBeLessThan(32 * 1024 * 1024);
  });

  test("uniqueItems over a hundred thousand elements", () => {
    expect(compile({ uniqueItems: true })).toEqual([]);
    const numbers = Array.from({ length: 100_000 }, (_, i) => i);
    expect(judge(JSON.stringify(numbers))).toBe("valid");
    expect(judge(JSON.stringify([...numbers, 5]))).toBe('"": uniqueItems');
    const objects = numbers.slice(0, 30_000).map((i) => ({ id: `item-${i}`, tags: [i, "x"] }));
    expect(judge(JSON.stringify(objects))).toBe("valid");
  });

  test("objects whose hashes collide by permuting long lists", () => {
    expect(compile({ uniqueItems: true })).toEqual([]);
    const keys = Array.from({ length: 400 }, (_, i) => `"k${i}":0`);
    const objects = Array.from({ length: 40 }, (_, i) => {
      const turned = [...keys.slice(i * 10), ...keys.slice(0, i * 10)].reverse();
      return `{${turned.join()},"n":${i}}`;
    });
    expect(judge(`[${objects.join()}]`)).toBe("valid");
  });

  test("a number of a million digits", () => {
    expect(compile({ multipleOf: 7, maximum: 10, minimum: 1 })).toEqual([]);
    expect(judge("1".repeat(1_000_000))).toBe('"": maximum');
    expect(judge(`0.${"0".repeat(1_000_000)}1`)).toBe('"": minimum');
    expect(judge(`7e${"9".repeat(100_000)}`)).toBe('"": maximum');
  });

  test("a slow pattern over a long text is given up or judged", () => {
    expect(compile({ pattern: "^(\\p{L}{1,3}\\d{1,3}){1,5}$" })).toEqual([]);
    expect(judge(JSON.stringify("a1".repeat(200_000)))).toMatch(/gave up|pattern/);
  });

  test("memory does not grow with documents", () => {
    expect(compile({ uniqueItems: true, items: { minLength: 1 } })).toEqual([]);
    const document = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => `"${i}"`));
    const place = probe.put(document);
    probe.exports.validate(...place, true);
    const before = probe.memory.buffer.byteLength;
    for (let i = 0; i < 50; i++) expect(probe.exports.validate(...place, true)).toBe(0);
    expect(probe.memory.buffer.byteLength).toBe(before);
  });
});
