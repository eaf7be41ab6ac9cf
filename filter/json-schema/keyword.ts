// The keywords of JSON Schema, as numbers: an index into NAMES.

import { Span } from "../bytes/span";
import { toString } from "../bytes/text";

export const enum Keyword {
  /** The schema `false` by itself. */
  False,
  Type,
  Enum,
  Const,
  MultipleOf,
  Maximum,
  ExclusiveMaximum,
  Minimum,
  ExclusiveMinimum,
  MaxLength,
  MinLength,
  Pattern,
  Format,
  MaxItems,
  MinItems,
  UniqueItems,
  MaxContains,
  MinContains,
  MaxProperties,
  MinProperties,
  Required,
  DependentRequired,
  PrefixItems,
  Items,
  AdditionalItems,
  Contains,
  Properties,
  PatternProperties,
  AdditionalProperties,
  PropertyNames,
  DependentSchemas,
  Dependencies,
  AllOf,
  AnyOf,
  OneOf,
  Not,
  If,
  Then,
  Else,
  UnevaluatedItems,
  UnevaluatedProperties,
  Ref,
  DynamicRef,
  Id,
  Schema,
  Anchor,
  DynamicAnchor,
  Defs,
  Definitions,
  Count,
}

/** Not a keyword, or one that asserts nothing. */
export const NO_KEYWORD: i32 = -1;

const NAMES: StaticArray<string> = [
  "false",
  "type",
  "enum",
  "const",
  "multipleOf",
  "maximum",
  "exclusiveMaximum",
  "minimum",
  "exclusiveMinimum",
  "maxLength",
  "minLength",
  "pattern",
  "format",
  "maxItems",
  "minItems",
  "uniqueItems",
  "maxContains",
  "minContains",
  "maxProperties",
  "minProperties",
  "required",
  "dependentRequired",
  "prefixItems",
  "items",
  "additionalItems",
  "contains",
  "properties",
  "patternProperties",
  "additionalProperties",
  "propertyNames",
  "dependentSchemas",
  "dependencies",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "unevaluatedItems",
  "unevaluatedProperties",
  "$ref",
  "$dynamicRef",
  "$id",
  "$schema",
  "$anchor",
  "$dynamicAnchor",
  "$defs",
  "definitions",
];

export function nameOf(keyword: Keyword): string {
  return unchecked(NAMES[keyword]);
}

const byName: Map<string, i32> = new Map();

/** The keyword of that name, or NO_KEYWORD. For configuring. */
export function keywordOf(name: Span): i32 {
  if (byName.size == 0) {
    for (let i = 1; i < NAMES.length; i++) byName.set(NAMES[i], i);
  }
  const text = toString(name);
  return byName.has(text) ? byName.get(text) : NO_KEYWORD;
}
