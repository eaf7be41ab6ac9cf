// The request that an expression is evaluated for: that of a rule test, and beside it the answer of the
// upstream and whatever else names can stand for. All of it may be left out.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import { root } from "../assets.ts";
import { reportShape } from "../check.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { parseSource, type Source } from "../parse.ts";
import type { Answer, TestRequest } from "../rule-test/format.ts";

export interface EvaluationRequest extends TestRequest {
  /** The upstream's answer; with it the expression is evaluated in the response phase. */
  response?: Answer;
  vars?: Record<string, unknown>;
  tables?: Record<string, unknown>;
  /** What earlier steps have set. */
  ctx?: Record<string, unknown>;
  /** What has been stored, of names without keys. */
  store?: Record<string, unknown>;
  /** As of a rule: what its path captures is in `params`. */
  match?: object;
  /** Attributes of the proxy by their dotted names, such as source.address. */
  attributes?: Record<string, string | number | boolean>;
}

/** Keys that a request of a rule test does not have. The filter itself judges what is in the first five. */
const MORE_KEYS = {
  vars: { type: "object" },
  tables: { type: "object" },
  ctx: { type: "object" },
  store: { type: "object" },
  match: { type: "object" },
  response: { $ref: "rules-test.schema.json#/$defs/answer" },
  attributes: {
    type: "object",
    additionalProperties: { type: ["string", "integer", "boolean"] },
  },
};

/** Reads the text of a request file; undefined, with everything reported, when it is not one. */
export function readRequest(
  text: string,
  file: string,
  report: (diagnostic: Diagnostic) => void,
): Source | undefined {
  const source = parseSource(text.replace(/^\uFEFF/, ""), file, report, "a request file", "");
  if (!source) return undefined;
  const path = join(root, "compiler", "rule-test", "rules-test.schema.json");
  const ofTests = JSON.parse(readFileSync(path, "utf8")) as AnySchemaObject;
  const request = ofTests["$defs"].test.properties.request;
  const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true });
  ajv.addSchema(ofTests);
  const validate = ajv.compile({
    $id: "request.schema.json",
    ...request,
    properties: {
      ...request.properties,
      headers: { $ref: "rules-test.schema.json#/$defs/headers" },
      ...MORE_KEYS,
    },
  });
  if (validate(source.tree)) return source;
  reportShape(source, [...(validate.errors ?? [])], report);
  return undefined;
}
