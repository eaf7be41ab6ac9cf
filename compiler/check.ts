// The shape of a rule file against the JSON Schema, with ajv's findings said in the author's terms.

import { Ajv2020, type AnySchemaObject, type ErrorObject } from "ajv/dist/2020.js";
import { readSchema } from "./assets.ts";
import { type Diagnostic, nearest } from "./diagnostic.ts";
import { escapeSegment, type Source } from "./parse.ts";

/** What the filter itself judges, with places inside the text: templates, patterns, quantities. */
const JUDGED_BY_THE_FILTER = [
  ...["template", "expression", "size", "duration", "rate", "headerName", "identifier"],
  ...["pathTemplate", "jitter", "regex", "statusPattern", "jsonPointer", "jsonPath"],
  ...["jsonTemplate", "jsonSchema"],
];

let validator: ReturnType<Ajv2020["compile"]> | undefined;

function validate(tree: unknown): ErrorObject[] {
  if (!validator) {
    const ajv = new Ajv2020({ allErrors: true, verbose: true, strictTypes: false });
    for (const format of JUDGED_BY_THE_FILTER) ajv.addFormat(format, true);
    ajv.addKeyword({
      keyword: "oneVerb",
      type: "object",
      schemaType: "array",
      error: { message: "must have exactly one verb" },
      validate: (verbs: string[], data: object) =>
        verbs.filter((verb) => Object.hasOwn(data, verb)).length === 1,
    });
    validator = ajv.compile(readSchema() as AnySchemaObject);
  }
  return validator(tree) ? [] : [...(validator.errors ?? [])];
}

/** Reports everything in the tree that is not as the schema has it. */
export function checkShape(source: Source, report: (diagnostic: Diagnostic) => void): void {
  reportShape(source, validate(source.tree), report);
}

/** Reports what ajv (with allErrors and verbose) found wrong with the tree. */
export function reportShape(
  source: Source,
  errors: ErrorObject[],
  report: (diagnostic: Diagnostic) => void,
): void {
  for (const error of withoutAlternatives(errors)) {
    const finding = say(error);
    if (!finding) continue;
    const { code, message, hint, pointer, key } = finding;
    const range = source.rangeOf(pointer, { key: key ?? false });
    report({ code, severity: "error", message, hint, file: source.file, range, pointer });
  }
}

/** Of `anyOf`, whose alternatives differ by type: one error about the type when none fits, else only
 * what is wrong with the one that does. */
function withoutAlternatives(errors: ErrorObject[]): ErrorObject[] {
  const choices = new Set(errors.filter((e) => e.keyword === "anyOf").map((e) => e.instancePath));
  const result: ErrorObject[] = [];
  for (const path of choices) {
    const types = errors.filter((e) => e.instancePath === path && e.keyword === "type");
    const expected = [...new Set(types.map((e) => String(e.params["type"])))];
    const found = typeOf(types[0]?.data);
    const others = errors.some(
      (e) => e.instancePath.startsWith(path) && e.keyword !== "type" && e.keyword !== "anyOf",
    );
    const deeper = errors.some((e) => e.instancePath.startsWith(`${path}/`));
    if (types.length > 0 && !others && !deeper && !expected.includes(found)) {
      result.push({ ...types[0]!, params: { type: expected.join(",") } });
    }
  }
  for (const error of errors) {
    if (error.keyword === "anyOf") continue;
    if (choices.has(error.instancePath) && error.keyword === "type") continue;
    result.push(error);
  }
  return result;
}

interface Finding {
  code: string;
  message: string;
  hint?: string | undefined;
  pointer: string;
  key?: boolean;
}

function say(error: ErrorObject): Finding | undefined {
  const pointer = error.instancePath;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "additionalProperties": {
      const name = String(params["additionalProperty"]);
      const known = Object.keys((error.parentSchema?.["properties"] as object | undefined) ?? {});
      const near = nearest(name, known);
      const hint = near
        ? `did you mean "${near}"?`
        : known.length <= 20
          ? `there are ${known.join(", ")}`
          : undefined;
      const message = `unknown key "${name}"`;
      return {
        code: "R200",
        message,
        hint,
        pointer: `${pointer}/${escapeSegment(name)}`,
        key: true,
      };
    }
    case "type":
      return { code: "R201", message: typeMessage(String(params["type"]), error.data), pointer };
    case "required": {
      const message = `the key "${params["missingProperty"]}" is missing`;
      return { code: "R202", message, pointer };
    }
    case "enum": {
      const allowed = (params["allowedValues"] as unknown[]).map(String);
      const near = nearest(String(error.data), allowed);
      const hint = near && near !== error.data ? `did you mean "${near}"?` : undefined;
      return { code: "R203", message: `must be one of ${allowed.join(", ")}`, hint, pointer };
    }
    case "const":
      return {
        code: "R203",
        message: `must be ${JSON.stringify(params["allowedValue"])}`,
        pointer,
      };
    case "minimum":
      return { code: "R204", message: `must be at least ${params["limit"]}`, pointer };
    case "maximum":
      return { code: "R204", message: `must be at most ${params["limit"]}`, pointer };
    case "maxItems":
      return { code: "R204", message: `at most ${params["limit"]} items can stand here`, pointer };
    case "minItems":
      return { code: "R206", message: `needs at least ${params["limit"]} items`, pointer };
    case "minLength":
    case "minProperties":
      return { code: "R206", message: "must not be empty", pointer };
    case "oneVerb": {
      const verbs = error.schema as string[];
      const data = error.data as object;
      const found = verbs.filter((verb) => Object.hasOwn(data, verb));
      const unknown = Object.keys(data).some((key) => !isKnown(key, error.parentSchema));
      // A misspelt verb is reported as an unknown key.
      if (found.length === 0 && unknown) return undefined;
      const got = found.join(" and ") || "none";
      const isStep = String(error.parentSchema?.["title"]).endsWith("Step");
      if (!isStep) {
        const message = `exactly one of ${verbs.join(" and ")} is expected; here is ${got}`;
        return { code: "R205", message, pointer };
      }
      const message = `a step has exactly one verb; this one has ${got}`;
      return { code: "R205", message, hint: `the verbs are ${verbs.join(", ")}`, pointer };
    }
  }
  return { code: "R201", message: error.message ?? "is not as it should be", pointer };
}

function isKnown(key: string, schema: AnySchemaObject | undefined): boolean {
  return Object.hasOwn((schema?.["properties"] as object | undefined) ?? {}, key);
}

const TYPE_NAMES: Record<string, string> = {
  object: "a map",
  array: "a list",
  string: "text",
  number: "a number",
  integer: "an integer",
  boolean: "true or false",
  null: "nothing",
};

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function typeMessage(expected: string, data: unknown): string {
  const names = [...new Set(expected.split(",").map((type) => TYPE_NAMES[type] ?? type))];
  const found = data === null ? "nothing" : (TYPE_NAMES[typeOf(data)] ?? typeof data);
  return `expected ${names.join(" or ")}, found ${found}`;
}
