// The inline JSON Schemas of `validate` steps: against the meta-schema of their draft, with places
// in the YAML, and what in them says nothing. What the filter's engine itself refuses (patterns,
// references) it says when it admits the rules.

import { Ajv } from "ajv";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { type Diagnostic, nearest } from "./diagnostic.ts";
import { escapeSegment, type Source } from "./parse.ts";

type Tree = Record<string, unknown>;
type Report = (diagnostic: Diagnostic) => void;

const DRAFT_7 = "http://json-schema.org/draft-07/schema";

/** Subschemas by keyword: one, a list of them, a map of them, or one or a list. */
const ONE = ["additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"];
const LISTS = ["allOf", "anyOf", "oneOf"];
const MAPS = ["properties", "patternProperties", "$defs", "definitions"];
const ASSERTIONS = [
  ...["type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum"],
  ...["exclusiveMinimum", "maxLength", "minLength", "pattern", "format", "maxItems", "minItems"],
  ...["uniqueItems", "maxProperties", "minProperties", "required"],
];
const SILENT = [
  ...["$schema", "$id", "$ref", "$comment", "title", "description", "default", "examples"],
  ...["readOnly", "writeOnly", "deprecated", "contentMediaType", "contentEncoding"],
];
const COMMON = [...ONE, ...LISTS, ...MAPS, ...ASSERTIONS, ...SILENT, "items"];
const KEYWORDS = {
  draft7: new Set([...COMMON, "additionalItems", "dependencies"]),
  draft2020: new Set([
    ...[...COMMON, "$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", "contentSchema"],
    ...["prefixItems", "minContains", "maxContains", "dependentRequired", "dependentSchemas"],
    ...["unevaluatedItems", "unevaluatedProperties"],
  ]),
};

/** As in filter/json-schema/formats.ts. */
const FORMATS = [
  ...["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri"],
  ...["uri-reference", "uuid", "json-pointer", "relative-json-pointer"],
];

/** Where the tree has `validate` steps: their pointers and values. */
function* validateSteps(tree: Tree): Generator<[pointer: string, step: Tree]> {
  const documents: Array<[string, Tree]> = [["", tree]];
  const entries = Array.isArray(tree["_rules_"]) ? (tree["_rules_"] as Tree[]) : [];
  entries.forEach((entry, i) => {
    documents.push([`/_rules_/${i}`, entry]);
  });
  for (const [pointer, document] of documents) {
    for (const [i, rule] of items(document?.["rules"])) {
      for (const phase of ["request", "response"]) {
        for (const [k, step] of items(rule?.[phase])) {
          const value = step?.["validate"];
          if (isMap(value)) yield [`${pointer}/rules/${i}/${phase}/${k}/validate`, value];
        }
      }
    }
  }
}

function items(value: unknown): Array<[number, Tree]> {
  return Array.isArray(value) ? (value as Tree[]).map((each, i) => [i, each]) : [];
}

function isMap(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDraft7(schema: Tree): boolean {
  const uri = String(schema["$schema"] ?? "");
  return uri.replace(/^https:/, "http:").replace(/#$/, "") === DRAFT_7;
}

let checkers: { draft7: Ajv; draft2020: Ajv2020 } | undefined;

/** What the meta-schema has against the schema. */
function metaErrors(schema: Tree): ErrorObject[] {
  const options = { allErrors: true, verbose: true, strict: false, validateFormats: false };
  checkers ??= { draft7: new Ajv(options), draft2020: new Ajv2020(options) };
  const { $schema: _, ...rest } = schema;
  const checker = isDraft7(schema) ? checkers.draft7 : checkers.draft2020;
  return checker.validateSchema(rest) ? [] : [...(checker.errors ?? [])];
}

/** Reports schemas that are none. */
export function checkJsonSchemas(source: Source, report: Report): void {
  for (const [at, step] of validateSteps(source.tree as Tree)) {
    for (const place of ["body", "headers"]) {
      const schema = step[place];
      if (!isMap(schema)) continue;
      const seen = new Set<string>();
      for (const error of metaErrors(schema)) {
        const pointer = `${at}/${place}${error.instancePath}`;
        // Of alternatives (a type or a list of types) the first says enough.
        if (error.keyword === "anyOf" || seen.has(pointer)) continue;
        seen.add(pointer);
        const range = source.rangeOf(pointer);
        const message = `not a JSON Schema: ${sayMeta(error)}`;
        report({ code: "R316", severity: "error", message, file: source.file, range, pointer });
      }
    }
  }
}

function sayMeta(error: ErrorObject): string {
  const name = error.instancePath.slice(error.instancePath.lastIndexOf("/") + 1);
  const allowed = (error.params as { allowedValues?: unknown[] }).allowedValues;
  return `${name || "it"} ${error.message}${allowed ? `: ${allowed.join(", ")}` : ""}`;
}

/** Reports keywords and formats that say nothing, which are most likely misspelt. */
export function lintJsonSchemas(source: Source, report: Report): void {
  const warn = (code: string, pointer: string, message: string, key: boolean, hint?: string) => {
    const range = source.rangeOf(pointer, { key });
    report({ code, severity: "warning", message, hint, file: source.file, range, pointer });
  };
  for (const [at, step] of validateSteps(source.tree as Tree)) {
    for (const place of ["body", "headers"]) {
      const schema = step[place];
      if (!isMap(schema)) continue;
      const draft7 = isDraft7(schema);
      const judgesFormats = step["formats"] !== "ignore";
      walk(schema, `${at}/${place}`, draft7, (node, pointer) => {
        const known = KEYWORDS[draft7 ? "draft7" : "draft2020"];
        for (const key of Object.keys(node)) {
          const keyPointer = `${pointer}/${escapeSegment(key)}`;
          if (draft7 && "$ref" in node && key !== "$ref" && !MAPS.includes(key)) {
            if (known.has(key) && !SILENT.includes(key))
              warn("W508", keyPointer, `draft 7 ignores "${key}" beside $ref`, true);
            continue;
          }
          if (known.has(key)) continue;
          const other = KEYWORDS[draft7 ? "draft2020" : "draft7"].has(key);
          const near = nearest(key, known);
          const message = other
            ? `"${key}" says nothing in draft ${draft7 ? "7" : "2020-12"}`
            : `unknown keyword "${key}"`;
          warn(
            "W508",
            keyPointer,
            message,
            true,
            near && !other ? `did you mean "${near}"?` : undefined,
          );
        }
        const format = node["format"];
        if (!judgesFormats || typeof format !== "string" || FORMATS.includes(format)) return;
        const near = nearest(format, FORMATS);
        const hint = near ? `did you mean "${near}"?` : undefined;
        warn("W507", `${pointer}/format`, `the format "${format}" is not judged`, false, hint);
      });
    }
  }
}

/** Calls `visit` for each subschema that is a map. */
function walk(
  schema: unknown,
  pointer: string,
  draft7: boolean,
  visit: (node: Tree, pointer: string) => void,
): void {
  if (!isMap(schema)) return;
  visit(schema, pointer);
  for (const [key, value] of Object.entries(schema)) {
    const at = `${pointer}/${escapeSegment(key)}`;
    const isSubschema =
      ONE.includes(key) || ["items", "additionalItems", "unevaluatedItems"].includes(key);
    if (isSubschema || key === "unevaluatedProperties") walk(value, at, draft7, visit);
    if ([...LISTS, "items", "prefixItems"].includes(key) && Array.isArray(value)) {
      value.forEach((each, i) => {
        walk(each, `${at}/${i}`, draft7, visit);
      });
    }
    if ([...MAPS, "dependentSchemas", "dependencies"].includes(key) && isMap(value)) {
      for (const [name, each] of Object.entries(value))
        walk(each, `${at}/${escapeSegment(name)}`, draft7, visit);
    }
  }
}
