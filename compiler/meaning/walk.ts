// A rule file seen with its schema: every text, number and key with what the language takes it for. For
// checks of what is said where, which need not know the shape of each verb.

import { readSchema } from "../assets.ts";
import { escapeSegment } from "../parse.ts";

/** What stands somewhere, and what for. */
export interface Seen {
  pointer: string;
  /** The keys that lead there, without the places in lists. */
  path: readonly string[];
  value: string | number | boolean;
  /** A `format` of the schema; `text` where it says nothing, `key` for the name of a member. */
  kind: string;
}

interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  propertyNames?: Schema;
  items?: Schema;
  anyOf?: Schema[];
}

let root: (Schema & { $defs: Record<string, Schema> }) | undefined;

function resolve(schema: Schema): Schema {
  root ??= readSchema() as NonNullable<typeof root>;
  let found = schema;
  while (found.$ref !== undefined) found = root!.$defs[found.$ref.slice("#/$defs/".length)]!;
  return found;
}

/** Everything in the tree, whose shape is right, in the order of the file. */
export function walk(tree: unknown): Generator<Seen> {
  return visit(tree, resolve(readSchema() as Schema), "", []);
}

function* visit(
  value: unknown,
  within: Schema,
  pointer: string,
  path: readonly string[],
): Generator<Seen> {
  const schema = alternative(resolve(within), value);
  // JSON Schemas have a language of their own.
  if (schema.format === "jsonSchema") return;
  if (Array.isArray(value)) {
    const items = schema.items ?? inJson(schema);
    for (const [i, each] of value.entries()) yield* visit(each, items, `${pointer}/${i}`, path);
  } else if (typeof value === "object" && value !== null) {
    yield* visitMap(value, schema, pointer, path);
  } else if (value !== null && schema.enum === undefined) {
    const kind = schema.format ?? "text";
    yield { pointer, path, value: value as Seen["value"], kind };
  }
}

function* visitMap(
  map: object,
  schema: Schema,
  pointer: string,
  path: readonly string[],
): Generator<Seen> {
  const others = schema.additionalProperties;
  for (const [key, value] of Object.entries(map)) {
    const at = `${pointer}/${escapeSegment(key)}`;
    const own = schema.properties?.[key];
    const inside = own ?? (typeof others === "object" ? others : inJson(schema));
    if (!own) {
      const kind = schema.propertyNames ? resolve(schema.propertyNames).format : undefined;
      yield { pointer: at, path, value: key, kind: kind === "headerName" ? kind : "key" };
    }
    yield* visit(value, inside, at, [...path, key]);
  }
}

/** Inside of JSON whose strings are templates they are so at any depth. */
function inJson(schema: Schema): Schema {
  return schema.format === "jsonTemplate" ? schema : {};
}

/** The one of `anyOf` that is for values like this one. */
function alternative(schema: Schema, value: unknown): Schema {
  if (!schema.anyOf) return schema;
  const alternatives = schema.anyOf.map(resolve);
  return alternatives.find(({ type }) => type === typeOf(value)) ?? alternatives[0]!;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}

/** Whether the text is computed: `$(…)` is in it, `$$(` aside. */
export function isComputed(text: string): boolean {
  return /(^|[^$])(\$\$)*\$\(/.test(text);
}
