// Rule tests: the file format, and the messages it describes.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import type { Headers } from "../../host/index.ts";
import { root } from "../assets.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { readText } from "../files.ts";
import { parseSource } from "../parse.ts";

type HeaderTable = Record<string, string | string[]>;

export interface Message {
  headers?: HeaderTable;
  body?: string;
  json?: unknown;
  /** The body in these pieces, without content-length. */
  chunks?: string[];
  repeat?: number;
}

export interface TestRequest extends Message {
  method?: string;
  host?: string;
  path?: string;
}

export interface Answer extends Message {
  status?: number;
  delay?: number;
  fail?: true;
  /** Of a service that is Redis: what it answers to one command after another. */
  replies?: Reply[];
}

/** What Redis answers. */
export type Reply = null | string | number | { error: string } | Reply[];

export interface ExpectedRequest {
  method?: string;
  host?: string;
  path?: string;
  headers?: HeaderTable;
  body?: string;
  json?: unknown;
}

export interface ExpectedResponse {
  status?: number;
  headers?: HeaderTable;
  body?: string;
  json?: unknown;
}

/** Time that passes, and what services answer meanwhile. */
export interface Passage {
  advance?: string;
  services?: Record<string, Answer>;
  /** Sent once that time has passed, so many times; nothing is expected of it. */
  request?: TestRequest;
  times?: number;
}

export interface RuleTest {
  name: string;
  before?: Passage[];
  request?: TestRequest;
  services?: Record<string, Answer>;
  upstream?: Answer;
  expect: {
    upstream?: "none" | ExpectedRequest;
    /** Of a service that is Redis, all commands in order. */
    calls?: Record<string, "none" | ExpectedRequest | ExpectedRequest[] | string[][]>;
    response?: ExpectedResponse;
    log?: string[];
    /** Set in the host under these names. */
    properties?: Record<string, string>;
    /** Members of the property `custom_log`. */
    customLog?: Record<string, string>;
    /** Of functions of the host, the arguments of all calls in hexadecimal. */
    functions?: Record<string, string[]>;
    metrics?: Record<string, number>;
  };
}

/** The property to which `attributes` adds members: JSON, as inside of a JSON string. */
export const CUSTOM_LOG = "custom_log";

/** The properties of which the test expects something. */
export function propertiesOf({ expect }: RuleTest): string[] {
  const names = Object.keys(expect.properties ?? {});
  return expect.customLog ? [...names, CUSTOM_LOG] : names;
}

export interface RuleTestFile {
  rulesFile: string;
  tests: RuleTest[];
}

/** Reads a test file; undefined, with everything reported, when it is not one. */
export function readRuleTests(
  file: string,
  report: (diagnostic: Diagnostic) => void,
): RuleTestFile | undefined {
  const text = readText(file);
  const source = parseSource(text, file, report);
  if (!source) return undefined;
  const schema = readFileSync(
    join(root, "compiler", "rule-test", "rules-test.schema.json"),
    "utf8",
  );
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  const validate = ajv.compile(JSON.parse(schema) as AnySchemaObject);
  if (!validate(source.tree)) {
    for (const error of validate.errors ?? []) {
      if (error.keyword === "anyOf" || error.keyword === "const") continue;
      const extra = error.params["additionalProperty"] as string | undefined;
      const pointer = extra === undefined ? error.instancePath : `${error.instancePath}/${extra}`;
      report({
        code: extra === undefined ? "R201" : "R200",
        severity: "error",
        message: extra === undefined ? `${error.message}` : `unknown key "${extra}"`,
        file,
        pointer,
        range: source.rangeOf(pointer, { key: extra !== undefined }),
      });
    }
    return undefined;
  }
  const tree = source.tree as { rules?: string; tests: RuleTest[] };
  const named = tree.rules ?? file.replace(/^.*[\\/]/, "").replace(/\.test\.(ya?ml)$/, ".$1");
  return { rulesFile: join(dirname(file), named), tests: tree.tests };
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds that pass; the schema has looked at the form. */
export function lengthOf({ advance }: Passage): number {
  if (advance === undefined) return 0;
  const [, count, unit] = /^(\d+)(\w+)$/.exec(advance)!;
  return Number(count) * UNITS[unit!]!;
}

/** The bytes of the message's body, in pieces; one piece unless `chunks` say otherwise. */
export function bodyOf(message: Message): Uint8Array[] {
  const encode = (text: string) => new TextEncoder().encode(text);
  if (message.chunks) return message.chunks.map(encode);
  if (message.json !== undefined) return [encode(JSON.stringify(message.json))];
  if (message.body !== undefined) return [encode(message.body.repeat(message.repeat ?? 1))];
  return [];
}

/** The message's own headers, with what its body implies: content-type of JSON, and content-length
 * unless it comes in chunks. */
export function headersOf(message: Message): Headers {
  const headers: Headers = Object.entries(message.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((each): [string, string] => [name.toLowerCase(), each]),
  );
  const has = (name: string) => headers.some(([each]) => each === name);
  if (message.json !== undefined && !has("content-type")) {
    headers.push(["content-type", "application/json"]);
  }
  const hasBody = message.body !== undefined || message.json !== undefined;
  if (hasBody && !message.chunks && !has("content-length")) {
    const size = bodyOf(message).reduce((n, piece) => n + piece.length, 0);
    headers.push(["content-length", String(size)]);
  }
  return headers;
}
