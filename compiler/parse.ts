// YAML text to a plain tree with the positions kept: the compiler's first stage.

import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
} from "yaml";
import type { Diagnostic, Position, Range } from "./diagnostic.ts";

/** A file that was read: its tree and where everything in it stands. */
export interface Source {
  file: string;
  text: string;
  /** The plain JSON tree. */
  tree: unknown;
  /** The range of the value at a JSON Pointer, of its key when `key`; the nearest there is. */
  rangeOf(pointer: string, options?: { key?: boolean; offset?: number }): Range | undefined;
  /** Everything that is written without quotes, keys included. */
  plainScalars(): Generator<PlainScalar>;
}

/** A scalar without quotes: as it is written, and as it was read. */
export interface PlainScalar {
  text: string;
  value: unknown;
  range: Range;
}

const MAX_SIZE = 16 * 1024 * 1024;
const MAX_DEPTH = 64;

/** Reads the text; what is wrong goes to `report`. Undefined when there is no tree to go on with. `what`
 * and `begins` say what kind of file it should be. */
export function parseSource(
  text: string,
  file: string,
  report: (diagnostic: Diagnostic) => void,
  what = "a rule file",
  begins = " that begins with ruleway: 1",
): Source | undefined {
  const fail = (code: string, message: string, range?: Range) =>
    report({ code, severity: "error", message, file, range });
  if (text.length > MAX_SIZE) {
    fail("R102", "the file is larger than 16 MiB");
    return undefined;
  }
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { offset, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const range = (start: number, end: number): Range => ({
    start: position(start),
    end: position(Math.max(start, end)),
  });
  const lost = text.indexOf("\uFFFD");
  if (lost >= 0) {
    const message = "here is a byte that is not UTF-8, or a character that was lost before";
    fail("R340", message, range(lost, lost + 1));
    return undefined;
  }
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    keepSourceTokens: true,
    intAsBigInt: true,
    merge: true,
    prettyErrors: false,
    uniqueKeys: true,
  });
  if (!Array.isArray(documents) || documents.length === 0) {
    fail("R100", `the file is empty; ${what} is a map${begins}`);
    return undefined;
  }
  if (documents.length > 1) {
    const second = documents[1]!.range[0];
    fail("R100", `${what} is one document`, range(second, second + 3));
    return undefined;
  }
  const document = documents[0]!;
  for (const error of document.errors) {
    const code = error.code === "DUPLICATE_KEY" ? "R101" : "R100";
    fail(code, yamlMessage(error.code, error.message), range(error.pos[0], error.pos[1]));
  }
  if (document.errors.length > 0) return undefined;
  const contents = document.contents;
  if (!contents || !isMap(contents)) {
    fail("R100", `${what} is a map${begins}`, range(0, 0));
    return undefined;
  }
  const tooDeep = findTooDeep(contents as Node, MAX_DEPTH);
  if (tooDeep) {
    fail("R102", "nested more than 64 levels deep", range(tooDeep.range![0], tooDeep.range![1]));
    return undefined;
  }
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: 1000 });
  } catch (error) {
    fail("R102", `its aliases cannot be followed: ${(error as Error).message}`);
    return undefined;
  }
  if (isEndless(tree, MAX_DEPTH)) {
    fail("R102", "its aliases nest it without end, or more than 64 levels deep");
    return undefined;
  }
  const source: Source = {
    file,
    text,
    tree,
    rangeOf(pointer, options = {}) {
      const found = findNode(contents as Node, pointer);
      if (!found) return undefined;
      const node = options.key && found.key ? found.key : found.node;
      if (!node?.range) return undefined;
      if (options.offset !== undefined && isScalar(node) && typeof node.value === "string") {
        const at = sourceOffset(text, node, node.value, options.offset);
        return range(at, Math.min(at + 1, node.range[1]));
      }
      if (isMap(node) || isSeq(node)) return range(...headOf(node));
      return range(node.range[0], node.range[1]);
    },
    *plainScalars() {
      for (const { source: written, value, range: at } of plainNodes(contents as Node)) {
        const plain = typeof value === "bigint" ? Number(value) : value;
        yield { text: written!, value: plain, range: range(at![0], at![1]) };
      }
    },
  };
  source.tree = plainNumbers(tree, "", (pointer) =>
    fail(
      "R201",
      "an integer beyond 2^53 loses digits on its way through control planes; write it as text",
      source.rangeOf(pointer),
    ),
  );
  return source;
}

function* plainNodes(node: Node | null): Generator<Scalar> {
  if (isMap(node)) {
    for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
      yield* plainNodes(key);
      yield* plainNodes(value);
    }
  } else if (isSeq(node)) {
    for (const item of node.items as Node[]) yield* plainNodes(item);
  } else if (isScalar(node) && node.type === "PLAIN" && node.source !== undefined) {
    yield node;
  }
}

function yamlMessage(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "the key is there twice";
  if (code === "TAB_AS_INDENT") return "YAML is indented by spaces, not by tabs";
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function findTooDeep(node: Node, left: number): Node | undefined {
  if (left === 0) return node;
  const children: Node[] = isMap(node)
    ? node.items.map((pair) => pair.value as Node)
    : isSeq(node)
      ? (node.items as Node[])
      : [];
  for (const child of children) {
    const found = child && findTooDeep(child, left - 1);
    if (found) return found;
  }
  return undefined;
}

/** Whether it holds itself, or is nested too deep, through aliases. */
function isEndless(value: unknown, left: number): boolean {
  if (value === null || typeof value !== "object") return false;
  return left === 0 || Object.values(value).some((each) => isEndless(each, left - 1));
}

/** Big integers of the YAML reader as numbers; those that do not fit are reported. */
function plainNumbers(
  value: unknown,
  pointer: string,
  tooLarge: (pointer: string) => void,
): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) tooLarge(pointer);
    return number;
  }
  if (Array.isArray(value)) {
    return value.map((each, i) => plainNumbers(each, `${pointer}/${i}`, tooLarge));
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      plainNumbers(each, `${pointer}/${escapeSegment(key)}`, tooLarge),
    ]),
  );
}

export function escapeSegment(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The node at the pointer, with its key; the nearest one above when the path leads nowhere. */
function findNode(rootNode: Node, pointer: string): { node: Node; key?: Node } | undefined {
  let node = rootNode;
  let key: Node | undefined;
  const segments = pointer.split("/").slice(1);
  for (const each of segments) {
    const segment = each.replaceAll("~1", "/").replaceAll("~0", "~");
    const resolved = resolveAlias(node, rootNode);
    if (isMap(resolved)) {
      const pair = (resolved.items as Pair<Node, Node>[]).find(
        ({ key: k }) => isScalar(k) && String(k.value) === segment,
      );
      if (!pair) break;
      key = pair.key;
      node = pair.value ?? pair.key;
    } else if (isSeq(resolved)) {
      const item = resolved.items[Number(segment)] as Node | undefined;
      if (!item) break;
      key = undefined;
      node = item;
    } else {
      break;
    }
  }
  return key ? { node, key } : { node };
}

function resolveAlias(node: Node, rootNode: Node): Node {
  const source = (node as { source?: unknown }).source;
  if (typeof source !== "string" || isScalar(node)) return node;
  let found: Node | undefined;
  const visit = (each: Node | null | undefined): void => {
    if (!each || found) return;
    if ((each as { anchor?: string }).anchor === source) found = each;
    if (isMap(each)) for (const pair of each.items) visit(pair.value as Node);
    if (isSeq(each)) for (const item of each.items) visit(item as Node);
  };
  visit(rootNode);
  return found ?? node;
}

/** Of a map or list, what stands for it in a message: its first key or item's first line. */
function headOf(node: Node): [number, number] {
  const start = node.range![0];
  if (isMap(node)) {
    const key = node.items[0]?.key as Node | undefined;
    if (key?.range) return [key.range[0], key.range[1]];
  }
  return [start, start + 1];
}

/** Where in the text the byte `offset` of a scalar's value stands, whatever style it is written in. */
function sourceOffset(text: string, node: Node, value: string, offset: number): number {
  const token = (node as { srcToken?: { type: string; offset: number; props?: unknown[] } })
    .srcToken;
  const index = new TextDecoder().decode(
    new TextEncoder().encode(value).subarray(0, offset),
  ).length;
  let at = node.range![0];
  const style = token?.type ?? "scalar";
  if (style.endsWith("quoted-scalar")) at++;
  if (style === "block-scalar") at = text.indexOf("\n", at) + 1;
  const isSpace = (c: string | undefined) => c === " " || c === "\n" || c === "\r" || c === "\t";
  // Walks value and text side by side; white space that folding made or took stands for itself.
  for (let i = 0; i < index && at < node.range![1]; ) {
    const c = value[i];
    const written = text[at];
    if (style === "double-quoted-scalar" && written === "\\") {
      const size = escapeLength(text, at);
      at += size;
      if (size > 2 || text[at - 1] !== "\n") i++;
    } else if (style === "single-quoted-scalar" && written === "'" && text[at + 1] === "'") {
      at += 2;
      i++;
    } else if (written === c) {
      at++;
      i++;
    } else if (isSpace(c) && isSpace(written)) {
      while (isSpace(text[at])) at++;
      i++;
    } else {
      at++;
      if (!isSpace(written)) i++;
    }
  }
  if (style === "block-scalar") while (text[at] === " " && value[index] !== " ") at++;
  return at;
}

function escapeLength(text: string, at: number): number {
  switch (text[at + 1]) {
    case "x":
      return 4;
    case "u":
      return 6;
    case "U":
      return 10;
  }
  return 2;
}
