// Random schemas and documents, ours against ajv's verdict. The grammar leaves out where ajv is
// known to differ from the specification, or counts in doubles: numbers are such that doubles are
// exact, in draft 7 `$ref` stands alone (ajv judges what stands beside it). ajv's `contains`
// remembers a match from one array to the next, so ajv is given it in other words; what an `if`
// that fails has evaluated it takes for evaluated, so that `if` and `unevaluated*` do not meet here
// (they do in the suites).

import { Ajv, type AnySchema } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc, { type Arbitrary } from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("json-schema");
});

const NAMES = ["a", "b", "ab", "c", "naïve", "x-1"];
const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];
const PATTERNS = ["^a", "b$", "a+", "^.b", "[^a]", "^$", "\\d", "^(a|b)*$", "ï"];

const name = fc.constantFrom(...NAMES);
const number = fc.oneof(
  fc.integer({ min: -6, max: 12 }),
  fc.constantFrom(0.5, 1.5, -2.5, 1e3, 2 ** 53, -(2 ** 53)),
);
const text = fc.oneof(name, fc.constantFrom("", "é", "😀😀", '"\\', "ba", "aab1", "\u0000"));

const { document } = fc.letrec<{ document: unknown }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 4, depthSize: "medium" },
    fc.oneof(number, text, fc.boolean(), fc.constant(null)),
    fc.array(tie("document"), { maxLength: 5 }),
    fc.dictionary(name, tie("document"), { maxKeys: 5 }),
  ),
}));

const count = fc.integer({ min: 0, max: 4 });

/** Schemas of a draft. `unevaluated`: with the keywords that depend on what others evaluated. */
function schemas(isDraft7: boolean, unevaluated: boolean): Arbitrary<object> {
  const { schema } = fc.letrec<{ schema: unknown; plain: object }>((tie) => {
    const one = tie("schema");
    const list = fc.array(one, { minLength: 1, maxLength: 3 });
    const map = fc.dictionary(name, one, { maxKeys: 3 });
    const names = fc.uniqueArray(name, { maxLength: 3 });
    const defs = isDraft7 ? "definitions" : "$defs";
    const reference = fc.constantFrom(...["#", `#/${defs}/p`, `#/${defs}/q`, `#/${defs}/r`]);
    const keywords: Record<string, Arbitrary<unknown>> = {
      type: fc.oneof(
        fc.constantFrom(...TYPES),
        fc.uniqueArray(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 4 }),
      ),
      enum: fc.uniqueArray(document, {
        minLength: 1,
        maxLength: 4,
        comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b),
      }),
      const: document,
      multipleOf: fc.constantFrom(1, 2, 3, 0.5),
      minimum: number,
      maximum: number,
      exclusiveMinimum: number,
      exclusiveMaximum: number,
      minLength: count,
      maxLength: count,
      pattern: fc.constantFrom(...PATTERNS),
      minItems: count,
      maxItems: count,
      uniqueItems: fc.boolean(),
      contains: one,
      minProperties: count,
      maxProperties: count,
      required: names,
      properties: map,
      patternProperties: fc.dictionary(fc.constantFrom(...PATTERNS), one, { maxKeys: 2 }),
      additionalProperties: one,
      propertyNames: one,
      allOf: list,
      anyOf: list,
      oneOf: list,
      not: one,
    };
    if (isDraft7) {
      keywords["items"] = fc.oneof(one, list);
      keywords["dependencies"] = fc.dictionary(name, fc.oneof(names, one), { maxKeys: 2 });
    } else {
      keywords["items"] = one;
      keywords["prefixItems"] = list;
      keywords["dependentRequired"] = fc.dictionary(name, names, { maxKeys: 2 });
      keywords["dependentSchemas"] = fc.dictionary(name, one, { maxKeys: 2 });
      keywords["$ref"] = reference;
    }
    if (unevaluated) {
      keywords["unevaluatedProperties"] = one;
      keywords["unevaluatedItems"] = one;
      delete keywords["contains"]; // the other words would not count as evaluating
    }
    const object = fc
      .uniqueArray(fc.constantFrom(...Object.keys(keywords)), { minLength: 1, maxLength: 5 })
      .chain((chosen) => fc.record(Object.fromEntries(chosen.map((k) => [k, keywords[k]!]))));
    const branch = fc.record(Object.fromEntries(["if", "then", "else"].map((key) => [key, one])));
    return {
      plain: object as Arbitrary<object>,
      schema: fc.oneof(
        { maxDepth: 3, depthSize: "small" },
        fc.constantFrom(true, false, { type: "string" }, { type: "integer" }, { required: ["a"] }),
        object,
        object,
        ...(unevaluated ? [] : [branch]),
        ...(isDraft7 ? [fc.record({ $ref: reference }), object] : [object]),
      ),
    };
  });
  const defs = isDraft7 ? "definitions" : "$defs";
  return fc.record({ root: schema, p: schema, q: schema, r: schema }).map(({ root, p, q, r }) => {
    const inner = typeof root === "object" ? (root as object) : { allOf: [root] };
    // What stands beside `$ref` does not count in draft 7, definitions included where they are
    // below.
    const top = isDraft7 && "$ref" in inner ? { allOf: [inner] } : inner;
    const $schema = isDraft7
      ? "http://json-schema.org/draft-07/schema#"
      : "https://json-schema.org/draft/2020-12/schema";
    return { $schema, ...top, [defs]: { p, q, r } };
  });
}

interface Tally {
  valid: number;
  invalid: number;
  endless: number;
}

/** The schema with `contains: S` as "not all elements are not S". */
function withoutContains(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutContains);
  if (schema === null || typeof schema !== "object") return schema;
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    // Their values are no schemas.
    key === "const" || key === "enum" ? value : withoutContains(value),
  ]);
  const { contains, ...rest } = Object.fromEntries(entries);
  if (contains === undefined) return rest;
  const some = { not: { type: "array", items: { not: contains } } };
  return { ...rest, allOf: [...(rest.allOf ?? []), some] };
}

function agree(schema: object, documents: unknown[], ajv: Ajv, tally: Tally): void {
  probe.exports.reset();
  const text = JSON.stringify(schema);
  const problems = probe.exports.compile(...probe.put(text), false) as number;
  if (problems > 0) {
    expect(probe.text(probe.exports.problemText(0))).toMatch(/would never end/);
    tally.endless++;
    return;
  }
  const theirs = ajv.compile(withoutContains(JSON.parse(text)) as AnySchema);
  for (const each of documents) {
    const got = probe.exports.validate(...probe.put(JSON.stringify(each)), false) as number;
    const expected = theirs(JSON.parse(JSON.stringify(each))) ? 0 : 1;
    tally[expected === 0 ? "valid" : "invalid"]++;
    if (got !== expected) {
      const why = got === 1 ? probe.text(probe.exports.failure()) : JSON.stringify(theirs.errors);
      expect.fail(
        `${JSON.stringify(schema)} for ${JSON.stringify(each)}: ${got}, not ${expected}: ${why}`,
      );
    }
  }
}

test.each([
  ["draft 7", true, false],
  ["draft 2020-12", false, false],
  ["draft 2020-12 with what is unevaluated", false, true],
] as const)(
  "%s: ours and ajv agree",
  (_, isDraft7, unevaluated) => {
    const tally: Tally = { valid: 0, invalid: 0, endless: 0 };
    let runs = 0;
    fc.assert(
      fc.property(
        schemas(isDraft7, unevaluated),
        fc.array(document, { minLength: 8, maxLength: 8 }),
        (schema, documents) => {
          if (++runs % 50 === 0) probe.exports.collect();
          const options = {
            strict: false,
            validateFormats: false,
            validateSchema: false,
            meta: false,
            logger: false,
          } as const;
          const ajv = isDraft7 ? new Ajv(options) : new Ajv2020(options);
          agree(schema, documents, ajv as Ajv, tally);
        },
      ),
      seeded(250),
    );
    console.log(JSON.stringify(tally));
    expect(tally.valid).toBeGreaterThan(200);
    expect(tally.invalid).toBeGreaterThan(200);
  },
  300_000,
);
