// Writes everything that is made from the schema and the table of diagnostics: TypeScript types, the
// filter's table, the schema for editors, the reference pages. `npm run generate`; a test proves
// that what is committed is current.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile as compileTypes } from "json-schema-to-typescript";
import { root } from "../compiler/assets.ts";
import { codes } from "../compiler/codes.ts";
import { expressionReference } from "./expressions/reference.ts";
import { filterTable } from "./filter-table.ts";

type Schema = Record<string, unknown>;

/** The files by path from the root, and what they must hold. */
export async function generated(): Promise<Record<string, string>> {
  const text = readFileSync(join(root, "schema", "ruleway.schema.json"), "utf8");
  const schema = JSON.parse(text) as Schema;
  const editor = forEditors(schema);
  return {
    "filter/generated/schema.ts": filterTable(schema),
    "schema/generated/rules.ts": await types(editor),
    "schema/generated/ruleway.editor.schema.json": `${JSON.stringify(editor, null, 2)}\n`,
    "docs/reference/rules.md": reference(schema),
    "docs/reference/expressions.md": expressionReference(),
    "docs/reference/diagnostics.md": diagnostics(),
  };
}

/** Editors know no `oneVerb`; they take `oneOf` with each verb required. */
function forEditors(node: unknown): Schema {
  return mapSchema(node, (object) => {
    const { oneVerb, ...rest } = object;
    if (!Array.isArray(oneVerb)) return object;
    return { ...rest, oneOf: oneVerb.map((verb: string) => ({ required: [verb] })) };
  }) as Schema;
}

function mapSchema(node: unknown, change: (object: Schema) => Schema): unknown {
  if (Array.isArray(node)) return node.map((each) => mapSchema(each, change));
  if (node === null || typeof node !== "object") return node;
  const mapped = Object.entries(node).map(
    ([key, value]) => [key, mapSchema(value, change)] as const,
  );
  return change(Object.fromEntries(mapped));
}

async function types(schema: Schema): Promise<string> {
  // `oneOf` with nothing but `required` says nothing about types.
  const plain = mapSchema(schema, ({ oneOf: _oneOf, ...rest }) => rest) as Schema;
  return compileTypes(plain as never, "RuleFile", {
    bannerComment:
      "// Generated from schema/ruleway.schema.json by `npm run generate`. Do not edit.",
    additionalProperties: false,
    format: true,
    style: { printWidth: 100 },
  });
}

/** A page that lists every map of the language, its keys, their types and what they mean. */
function reference(schema: Schema): string {
  const definitions = schema["$defs"] as Record<string, Schema>;
  const sections: string[] = [];
  const seen = new Set<string>();
  const anchor = (name: string) => `[${name}](#${name.toLowerCase()})`;

  const typeOf = (node: Schema): string => {
    const reference = node["$ref"];
    if (typeof reference === "string") {
      const name = reference.replace("#/$defs/", "");
      const target = definitions[name]!;
      if (target["properties"]) {
        visit(name, target);
        return anchor(name);
      }
      return typeOf(target);
    }
    if (node["format"] === "jsonSchema") return "JSON Schema";
    if (node["const"] !== undefined) return `\`${JSON.stringify(node["const"])}\``;
    if (node["enum"]) return (node["enum"] as unknown[]).map((each) => `\`${each}\``).join(" or ");
    if (node["anyOf"]) return [...new Set((node["anyOf"] as Schema[]).map(typeOf))].join(" or ");
    if (node["properties"]) {
      const name = String(node["title"]);
      visit(name, node);
      return anchor(name);
    }
    const format = node["format"] as string | undefined;
    if (format === "jsonTemplate" && node["type"] === "array") return "list, with templates";
    if (format === "jsonTemplate") return "any JSON value, with templates";
    if (node["type"] === "array") return `list of ${typeOf(node["items"] as Schema)}`;
    if (node["type"] === "object") {
      const values = node["additionalProperties"] as Schema;
      return `map to ${values["type"] || values["$ref"] || values["anyOf"] || values["enum"] || values["format"] ? typeOf(values) : "any value"}`;
    }
    if (node["type"] === "string") return format ? (FORMATS[format] ?? "text") : "text";
    return String(node["type"] ?? "any value");
  };

  const visit = (name: string, node: Schema): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const at = sections.length;
    sections.push("");
    const required = (node["required"] as string[] | undefined) ?? [];
    const rows = Object.entries(node["properties"] as Record<string, Schema>).map(
      ([key, value]) => {
        const target =
          typeof value["$ref"] === "string"
            ? definitions[value["$ref"].replace("#/$defs/", "")]!
            : value;
        const description = value["description"] ?? target["description"] ?? "";
        const mark = required.includes(key) ? " (required)" : "";
        return `| \`${key}\`${mark} | ${escapeCell(typeOf(value))} | ${escapeCell(String(description))} |`;
      },
    );
    const intro = node["description"] ? `${node["description"]}\n\n` : "";
    const table = ["| key | value | meaning |", "|---|---|---|", ...rows].join("\n");
    sections[at] = `## ${name}\n\n${intro}${table}\n`;
  };

  visit("file", schema);
  return `# The rule language\n\nGenerated from \`schema/ruleway.schema.json\`. The guide is in the [README](../../README.md).\n\n${sections.join("\n")}`;
}

const FORMATS: Record<string, string> = {
  template: "template",
  expression: "expression",
  size: "size",
  duration: "duration",
  jitter: "duration or percentage",
  rate: "rate",
  pathTemplate: "path template",
  regex: "regular expression (RE2)",
  statusPattern: "status pattern",
  jsonPointer: "JSON Pointer",
  jsonPath: "JSON Pointer or path",
  headerName: "header name",
};

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function example(word: string, yaml: string): string {
  return `${word}:\n\n\`\`\`yaml\n${yaml}\n\`\`\`\n`;
}

function diagnostics(): string {
  const sections = Object.entries(codes).map(([code, { title, explanation, wrong, right }]) => {
    const examples = wrong && right ? `\n${example("Not", wrong)}\n${example("but", right)}` : "";
    return `## ${code}\n\n**${title}.** ${explanation}\n${examples}`;
  });
  return `# Diagnostics\n\nGenerated from \`compiler/codes.ts\`. R is an error, W a warning, N a note; codes are never reused.\n\n${sections.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(await generated())) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
