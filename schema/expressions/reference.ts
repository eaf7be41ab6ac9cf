// docs/reference/expressions.md: prose here, tables from what the filter itself says of names and
// functions and from the lines beside it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../compiler/assets.ts";
import { type Entry, GROUPS, MACROS, OPERATORS } from "./functions.ts";
import { EVENT, NAMES, type NameEntry, ORIGINAL } from "./names.ts";

/** The functions of the filter's table, in its order; a name that is there twice has `:2` the second
 * time. The values are the overloads as the table writes them. */
export function filterFunctions(): Map<string, string[]> {
  const source = readFileSync(join(root, "filter", "cel", "functions.ts"), "utf8");
  const table = /const TABLE = `([^`]*)`/.exec(source)?.[1];
  if (!table) throw new Error("filter/cel/functions.ts has no TABLE");
  const functions = new Map<string, string[]>();
  for (const line of table.split("\n")) {
    const [name, ...overloads] = line.split(" ") as [string, ...string[]];
    functions.set(functions.has(name) ? `${name}:2` : name, overloads);
  }
  return functions;
}

const TYPES: Record<string, string> = {
  ...{ b: "bool", i: "int", u: "uint", d: "double", s: "string", y: "bytes" },
  ...{ t: "timestamp", D: "duration", "*": "dyn", I: "net.IP", C: "net.CIDR", A: "A", B: "B" },
};

/** The types that an overload is made of: parameters, then the result. */
function typesOf(overload: string): string[] {
  let at = 0;
  const next = (): string => {
    const letter = overload[at++]!;
    if (letter === "L") return `list(${next()})`;
    if (letter === "O") return `optional(${next()})`;
    if (letter === "T") return `type(${next()})`;
    if (letter === "M") {
      const key = next();
      return `map(${key}, ${next()})`;
    }
    const type = TYPES[letter];
    if (!type) throw new Error(`there is no type ${letter} in ${overload}`);
    return type;
  };
  const types: string[] = [];
  while (at < overload.length) types.push(next());
  return types;
}

const VARIADIC = ["(number, …) → number", "(list(number)) → number"];

/** `string.split(string) → list(string)`. */
function signature(name: string, overload: string): string {
  const isMember = overload.startsWith(".");
  const types = typesOf(isMember ? overload.slice(1) : overload);
  const result = types.pop();
  const target = isMember ? `${types.shift()}.` : "";
  return `${target}${name}(${types.join(", ")}) → ${result}`;
}

function functionRow([key, [what, example, value]]: [string, Entry]): string {
  const overloads = filterFunctions().get(key) ?? [];
  const name = key.replace(/:2$/, "");
  const forms = overloads.length
    ? overloads.map((each) => signature(name, each))
    : VARIADIC.map((each) => name + each);
  return row([forms.map(code).join("<br>"), what, `${code(example)} is ${code(value)}`]);
}

function operatorRow([key, [what, example, value]]: [string, Entry]): string {
  const form =
    key === "@in" ? "a in b" : key.replace(/^_/, "a ").replace(/_$/, key[0] === "_" ? " b" : "a");
  const kinds = (filterFunctions().get(key) ?? []).map((each) => {
    const types = typesOf(each);
    const result = types.pop();
    return `${types.join(", ")} → ${result}`;
  });
  // Comparisons take every pair of number types; the list would say nothing more.
  const numbers = kinds.filter((each) =>
    /^(int|uint|double), (int|uint|double) → bool$/.test(each),
  );
  const shown =
    numbers.length > 3
      ? ["two numbers → bool", ...kinds.filter((each) => !numbers.includes(each))]
      : kinds;
  return row([
    code(form),
    shown.map(code).join("<br>"),
    what,
    `${code(example)} is ${code(value)}`,
  ]);
}

function macroRow([, [what, example, value]]: [string, Entry]): string {
  return row([what, `${code(example)} is ${code(value)}`]);
}

const SINCE: Record<NameEntry["since"], string> = {
  request: "all",
  response: "response, done",
  done: "done",
  "request only": "request",
  "response only": "response",
};

const TYPES_OF_MAPS: Partial<Record<NameEntry["type"], string>> = {
  map: "map of string",
  lists: "map of list of string",
};

function nameRow([name, { type, since, what }]: [string, NameEntry]): string {
  return row([code(name), TYPES_OF_MAPS[type] ?? type, SINCE[since], what]);
}

/** Text with a backtick, or with one at an end, needs more of them around; a table's bar a backslash. */
function code(text: string): string {
  const fence = text.includes("`") ? "``" : "`";
  return `${fence}${text}${fence}`;
}

function row(cells: string[]): string {
  return `| ${cells.map((each) => each.replaceAll("|", "\\|")).join(" | ")} |`;
}

function table(head: string[], rows: string[]): string {
  return [row(head), row(head.map(() => "---")), ...rows].join("\n");
}

/** The whole page. */
export function expressionReference(): string {
  const groups = GROUPS.map(({ title, entries }) => {
    const rows = Object.entries(entries).map(functionRow);
    return `### ${title}\n\n${table(["function", "what", "example"], rows)}\n`;
  });
  return PAGE.replace("{{names}}", () =>
    table(["name", "type", "phases", "what"], [...NAMES].map(nameRow)),
  )
    .replace("{{event}}", () =>
      table(
        ["name", "type", "what"],
        EVENT.map(([name, type, what]) => row([code(name), type, what])),
      ),
    )
    .replace("{{original}}", () => ORIGINAL.map((each) => code(`original.${each}`)).join(", "))
    .replace("{{operators}}", () =>
      table(["operator", "types", "what", "example"], Object.entries(OPERATORS).map(operatorRow)),
    )
    .replace("{{macros}}", () => table(["what", "example"], Object.entries(MACROS).map(macroRow)))
    .replace("{{functions}}", () => groups.join("\n"));
}

const PAGE = readFileSync(join(root, "schema", "expressions", "page.md"), "utf8");
