// Turns the JSON Schema of the rule language into the table by which the filter checks a
// configuration, so that the language is described once. Only the keywords that decide the shape
// go into it (types, keys, enums, bounds, alternatives); `format`s are checked where the filter
// decodes the value. An unsupported keyword is an error here, never a silent hole there.

/** Types a node admits, as bits; the filter reads the same numbers from the generated file. */
const TYPES: Record<string, number> = {
  object: 1,
  array: 2,
  string: 4,
  number: 8,
  integer: 16,
  boolean: 32,
  null: 64,
};
const ANY = 127;

/** Instead of a node index: no such key may be there; any value may. */
const FORBIDDEN = -1;
const ANYTHING = -2;

const IGNORED = new Set([
  ...["$schema", "$id", "$defs", "title", "description", "default", "examples", "format"],
  "propertyNames",
]);

type Schema = Record<string, unknown>;

interface Node {
  types: number;
  properties: Array<[name: string, node: number, required: boolean, verb: boolean]>;
  additional: number;
  items: number;
  values: string[];
  alternatives: number[];
  least: number;
  most: number;
  oneVerb: boolean;
}

class Table {
  readonly nodes: Node[] = [];
  private readonly byReference = new Map<string, number>();

  constructor(private readonly root: Schema) {}

  add(schema: Schema): number {
    const reference = schema["$ref"];
    if (typeof reference === "string") {
      const known = this.byReference.get(reference);
      if (known !== undefined) return known;
      const index = this.reserve();
      this.byReference.set(reference, index);
      this.fill(index, this.resolve(reference));
      return index;
    }
    const index = this.reserve();
    this.fill(index, schema);
    return index;
  }

  private reserve(): number {
    this.nodes.push({
      types: ANY,
      properties: [],
      additional: ANYTHING,
      items: ANYTHING,
      values: [],
      alternatives: [],
      least: 0,
      most: 0,
      oneVerb: false,
    });
    return this.nodes.length - 1;
  }

  private resolve(reference: string): Schema {
    const name = reference.replace("#/$defs/", "");
    const target = (this.root["$defs"] as Record<string, Schema>)[name];
    if (!target) throw new Error(`no such definition: ${reference}`);
    const inner = target["$ref"];
    return typeof inner === "string" ? this.resolve(inner) : target;
  }

  private fill(index: number, schema: Schema): void {
    const node = this.nodes[index]!;
    const required = (schema["required"] as string[] | undefined) ?? [];
    const verbs = (schema["oneVerb"] as string[] | undefined) ?? [];
    for (const [keyword, value] of Object.entries(schema)) {
      switch (keyword) {
        case "type":
          node.types = typeBits(value as string);
          break;
        case "properties":
          for (const [name, property] of Object.entries(value as Record<string, Schema>)) {
            const at = this.add(property);
            node.properties.push([name, at, required.includes(name), verbs.includes(name)]);
          }
          break;
        case "additionalProperties":
          node.additional = value === false ? FORBIDDEN : this.add(value as Schema);
          break;
        case "items":
          node.items = this.add(value as Schema);
          break;
        case "enum":
          this.fillEnum(node, value as unknown[]);
          break;
        case "const":
          if (value === true) node.types = TYPES["boolean"]!;
          else node.types = TYPES["integer"]!;
          node.least = node.most = Number(value);
          break;
        case "anyOf":
          node.alternatives = (value as Schema[]).map((each) => this.add(each));
          this.checkDistinct(node);
          break;
        case "minItems":
        case "minProperties":
        case "minLength":
        case "minimum":
          node.least = value as number;
          break;
        case "maxItems":
        case "maximum":
          node.most = (value as number) > 0x7fffffff ? 0 : (value as number);
          break;
        case "oneVerb":
          node.oneVerb = true;
          break;
        case "required":
          break;
        default:
          if (!IGNORED.has(keyword)) throw new Error(`the filter does not know "${keyword}"`);
      }
    }
  }

  private fillEnum(node: Node, values: unknown[]): void {
    if (values.every((each) => typeof each === "string")) {
      node.types = TYPES["string"]!;
      node.values = values as string[];
    } else if (values.every((each) => Number.isInteger(each))) {
      node.types = TYPES["integer"]!;
      node.values = values.map(String);
    } else {
      throw new Error("an enum is of strings or of integers");
    }
  }

  /** The filter takes the first alternative of the value's type: there must be only one. */
  private checkDistinct(node: Node): void {
    let seen = 0;
    for (const each of node.alternatives) {
      const inner = this.nodes[each]!;
      const types = inner.alternatives.length
        ? inner.alternatives.reduce((bits, at) => bits | this.nodes[at]!.types, 0)
        : inner.types;
      if (types & seen) throw new Error("alternatives must differ by type");
      seen |= types;
      inner.types = inner.alternatives.length ? types : inner.types;
    }
    node.types = seen;
  }
}

function typeBits(name: string): number {
  const bits = TYPES[name];
  if (bits === undefined) throw new Error(`unknown type ${name}`);
  return name === "number" ? bits | TYPES["integer"]! : bits;
}

/** The text of `filter/generated/schema.ts` for the rule language's schema. */
export function filterTable(schema: object): string {
  const table = new Table(schema as Schema);
  const root = table.add(schema as Schema);
  const { entry, rule } = (schema as { $defs: Record<string, Schema> }).$defs;
  const roots = {
    ROOT: root,
    ENTRY: table.add({ $ref: "#/$defs/entry" }),
    RULE: table.add({ $ref: "#/$defs/rule" }),
  };
  if (!entry || !rule) throw new Error("the schema has lost its entry or rule");

  const names: number[] = [];
  const nameAt = new Map<string, number>();
  const intern = (text: string): number => {
    const known = nameAt.get(text);
    if (known !== undefined) return known;
    const bytes = [...new TextEncoder().encode(text)];
    const at = names.length;
    names.push(bytes.length, ...bytes);
    nameAt.set(text, at);
    return at;
  };
  const properties: number[] = [];
  const values: number[] = [];
  const alternatives: number[] = [];
  const nodes = table.nodes.flatMap((node) => {
    const firstProperty = properties.length / 3;
    for (const [name, at, required, verb] of node.properties) {
      properties.push(intern(name), at, (required ? 1 : 0) | (verb ? 2 : 0));
    }
    const firstValue = values.length;
    values.push(...node.values.map(intern));
    const firstAlternative = alternatives.length;
    alternatives.push(...node.alternatives);
    return [
      ...[node.types, node.oneVerb ? 1 : 0, firstProperty, node.properties.length],
      ...[node.additional, node.items, firstValue, node.values.length],
      ...[firstAlternative, node.alternatives.length, node.least, node.most],
    ];
  });

  const list = (name: string, type: string, numbers: number[], doc: string): string =>
    `/** ${doc} */\nexport const ${name}: StaticArray<${type}> = [\n${wrap(numbers)}];\n`;
  return [
    "// Generated from schema/ruleway.schema.json by `npm run generate`. Do not edit.\n",
    ...Object.entries(roots).map(([name, at]) => `export const ${name}_NODE: i32 = ${at};`),
    "",
    list("NODES", "i32", nodes, "Twelve numbers a node; their meaning is in config/shape.ts."),
    list("PROPERTIES", "i16", properties, "Name (offset in NAMES), node, 1 required | 2 verb."),
    list("VALUES", "i16", values, "Enum values, offsets in NAMES."),
    list("ALTERNATIVES", "i16", alternatives, "Nodes of anyOf."),
    list("NAMES", "u8", names, "A length byte, then the name."),
  ].join("\n");
}

function wrap(numbers: number[]): string {
  let text = "";
  let line = "  ";
  for (const each of numbers) {
    const next = `${each}, `;
    if (line.length + next.length > 100) {
      text += `${line.trimEnd()}\n`;
      line = "  ";
    }
    line += next;
  }
  return `${text}${line.trimEnd()}\n`;
}
