// Edits of JSON, slow and obvious: the text becomes a tree that keeps the spelling of every name and
// scalar, the edits change it one after the other, and it is printed without white space.

export interface Member {
  key: string; // as it is spelled, quotes included
  value: Tree;
}

export type Tree =
  | { kind: "object"; members: Member[] }
  | { kind: "array"; items: Tree[] }
  | { kind: "scalar"; raw: string };

export type Selector =
  | { token: string } // of a JSON Pointer
  | { name: string }
  | { index: number }
  | { wildcard: true }
  | { from?: number; to?: number; step?: number };

export interface Segment {
  descends?: boolean;
  selectors: Selector[];
}

export type Path = Segment[];

export interface Edit {
  op: string;
  path: Path;
  from?: Path;
  /** JSON text; of a rename the new name as a JSON string. */
  value?: string;
  strict?: boolean;
}

// ---- reading and printing

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{},:])/sy;

export function parseTree(text: string): Tree {
  TOKEN.lastIndex = 0;
  const take = (): string => {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new Error(`not JSON: ${text}`);
    return token;
  };
  const value = (token: string): Tree => {
    if (token === "[") {
      const items: Tree[] = [];
      for (let next = take(); next !== "]"; next = take()) {
        items.push(value(next === "," ? take() : next));
      }
      return { kind: "array", items };
    }
    if (token !== "{") return { kind: "scalar", raw: token };
    const members: Member[] = [];
    for (let next = take(); next !== "}"; next = take()) {
      const key = next === "," ? take() : next;
      take();
      members.push({ key, value: value(take()) });
    }
    return { kind: "object", members };
  };
  return value(take());
}

export function printTree(tree: Tree): string {
  if (tree.kind === "scalar") return tree.raw;
  if (tree.kind === "array") return `[${tree.items.map(printTree).join(",")}]`;
  return `{${tree.members.map(({ key, value }) => `${key}:${printTree(value)}`).join(",")}}`;
}

export function printPath(path: Path): string {
  if (path.every(({ selectors }) => "token" in selectors[0]!)) {
    return path.map(({ selectors: [first] }) => `/${(first as { token: string }).token}`).join("");
  }
  return `$${path.map(printSegment).join("")}`;
}

function printSegment({ descends, selectors }: Segment): string {
  const inner = selectors.map((selector) => {
    if ("name" in selector) return JSON.stringify(selector.name);
    if ("index" in selector) return String(selector.index);
    if ("wildcard" in selector) return "*";
    const { from = "", to = "", step } = selector as { from?: number; to?: number; step?: number };
    return `${from}:${to}${step === undefined ? "" : `:${step}`}`;
  });
  return `${descends ? ".." : ""}[${inner.join(", ")}]`;
}

// ---- finding

/** The last member of that name; those before it go, as the filter has it. */
function memberOf(object: Tree & { kind: "object" }, name: string): Member | undefined {
  const all = object.members.filter(({ key }) => JSON.parse(key) === name);
  const last = all.at(-1);
  object.members = object.members.filter((each) => each === last || !all.includes(each));
  return last;
}

function isIndex(token: string): boolean {
  return /^(0|[1-9]\d{0,8})$/.test(token);
}

function select(selector: Selector, tree: Tree): Tree[] {
  if (tree.kind === "scalar") return [];
  const isObject = tree.kind === "object";
  if ("wildcard" in selector) return isObject ? tree.members.map((m) => m.value) : tree.items;
  if ("token" in selector || "name" in selector) {
    const name = "token" in selector ? selector.token : selector.name;
    if (isObject) return [memberOf(tree, name)?.value].filter((each) => each !== undefined);
    return "token" in selector && isIndex(name) ? tree.items.slice(Number(name)).slice(0, 1) : [];
  }
  if (isObject) return [];
  if ("index" in selector) return [tree.items.at(selector.index)].filter((e) => e !== undefined);
  return sliceOf(tree.items, selector);
}

/** RFC 9535 2.3.4.2.2, as its pseudocode has it. */
function sliceOf(items: Tree[], slice: { from?: number; to?: number; step?: number }): Tree[] {
  const { step = 1 } = slice;
  const n = items.length;
  if (step === 0) return [];
  const normalize = (i: number) => (i >= 0 ? i : n + i);
  const from = normalize(slice.from ?? (step > 0 ? 0 : n - 1));
  const to = slice.to === undefined ? (step > 0 ? n : -1) : normalize(slice.to);
  const result: Tree[] = [];
  if (step > 0) {
    const upper = Math.min(Math.max(to, 0), n);
    for (let i = Math.min(Math.max(from, 0), n); i < upper; i += step) result.push(items[i]!);
  } else {
    const lower = Math.min(Math.max(to, -1), n - 1);
    for (let i = Math.min(Math.max(from, -1), n - 1); i > lower; i += step) result.push(items[i]!);
  }
  return result;
}

/** Each value that the selectors match, in the value and, when they descend, in all that is in it. */
function selectAll(segment: Segment, tree: Tree): Tree[] {
  const found = segment.selectors.flatMap((selector) => select(selector, tree));
  if (!segment.descends) return found;
  const children = select({ wildcard: true }, tree);
  return [...found, ...children.flatMap((child) => selectAll(segment, child))];
}

function isSingle({ descends, selectors }: Segment): boolean {
  const [first] = selectors;
  return !descends && selectors.length === 1 && /token|name|index/.test(Object.keys(first!).join());
}

/** The path as its part that can match several places, and its rest. */
function split(path: Path): [Path, Selector[]] {
  const at = path.findLastIndex((segment) => !isSingle(segment)) + 1;
  return [path.slice(0, at), path.slice(at).map(({ selectors }) => selectors[0]!)];
}

// ---- editing

class Refused extends Error {}

class Document {
  constructor(private root: Tree) {}

  edit(edit: Edit): void {
    const [manifold, rest] = split(edit.path);
    let bases = [this.root];
    for (const segment of manifold) {
      bases = [...new Set(bases.flatMap((base) => selectAll(segment, base)))];
    }
    const found = bases.map((base) => this.editAt(edit, base, rest));
    if (edit.strict && !found.every(Boolean)) throw new Refused();
  }

  transfer(edit: Edit): void {
    const source = this.resolve(this.root, split(edit.from!)[1]);
    if (!source) {
      if (edit.strict) throw new Refused();
      return;
    }
    if (edit.op === "copy") {
      const value = printTree(source);
      this.edit({ ...edit, op: edit.strict ? "add" : "set", value });
      return;
    }
    const [, rest] = split(edit.path);
    if (this.resolve(this.root, rest) === source) return;
    const value = printTree(source);
    const before = structuredClone(this.root);
    this.remove(source);
    const isPut = edit.strict
      ? this.add(this.root, rest, parseTree(value))
      : this.set(this.root, rest, parseTree(value));
    if (isPut) return;
    this.root = before;
    if (edit.strict) throw new Refused();
  }

  get text(): string {
    return printTree(this.root);
  }

  private editAt(edit: Edit, base: Tree, rest: Selector[]): boolean {
    const value = () => parseTree(edit.value!);
    const target = this.resolve(base, rest);
    switch (edit.op) {
      case "set":
        if (edit.strict && !target) return false;
        return this.set(base, rest, value());
      case "default":
        return !target && this.set(base, rest, value());
      case "add":
        return this.add(base, rest, value());
      case "append":
        if (target?.kind === "array") target.items.push(value());
        else if (!target) this.set(base, rest, { kind: "array", items: [value()] });
        return true;
    }
    if (!target) return false;
    if (edit.op === "remove") this.remove(target);
    if (edit.op === "rename") this.rename(target, edit.value!);
    if (edit.op === "test") return areEqual(target, value());
    if (edit.op === "dedupe" && target.kind === "array") {
      target.items = target.items.filter(
        (item, i, all) => !all.slice(0, i).some((earlier) => areEqual(item, earlier)),
      );
    }
    return true;
  }

  private resolve(base: Tree, rest: Selector[]): Tree | undefined {
    return rest.reduce<Tree | undefined>((tree, each) => tree && select(each, tree)[0], base);
  }

  private parentOf(value: Tree, tree = this.root): Tree | undefined {
    const children = select({ wildcard: true }, tree);
    if (children.includes(value)) return tree;
    for (const child of children) {
      const parent = this.parentOf(value, child);
      if (parent) return parent;
    }
    return undefined;
  }

  private replace(old: Tree, value: Tree): void {
    if (old === this.root) this.root = value;
    const parent = this.parentOf(old);
    if (parent?.kind === "array") parent.items[parent.items.indexOf(old)] = value;
    if (parent?.kind === "object") parent.members.find((m) => m.value === old)!.value = value;
  }

  private remove(value: Tree): void {
    const parent = this.parentOf(value);
    if (parent?.kind === "array") parent.items = parent.items.filter((each) => each !== value);
    if (parent?.kind === "object")
      parent.members = parent.members.filter((each) => each.value !== value);
  }

  private rename(value: Tree, quoted: string): void {
    const parent = this.parentOf(value);
    if (parent?.kind !== "object") return;
    const twin = memberOf(parent, JSON.parse(quoted) as string);
    if (twin?.value === value) return;
    parent.members = parent.members.filter((each) => each !== twin);
    parent.members.find((each) => each.value === value)!.key = quoted;
  }

  private set(base: Tree, rest: Selector[], value: Tree): boolean {
    const [first, ...others] = rest;
    if (!first) {
      this.replace(base, value);
      return true;
    }
    const [next] = select(first, base);
    if (next) return this.set(next, others, value);
    const name = "token" in first ? first.token : "name" in first ? first.name : undefined;
    if (base.kind === "array" && name === "-" && "token" in first && others.length === 0) {
      base.items.push(value);
      return true;
    }
    if (base.kind !== "object" || rest.some((each) => "index" in each)) return false;
    const made = others.reduceRight<Tree>((inner, each) => {
      const key = JSON.stringify("token" in each ? each.token : (each as { name: string }).name);
      return { kind: "object", members: [{ key, value: inner }] };
    }, value);
    base.members.push({ key: JSON.stringify(name), value: made });
    return true;
  }

  private add(base: Tree, rest: Selector[], value: Tree): boolean {
    const last = rest.at(-1);
    const parent = this.resolve(base, rest.slice(0, -1));
    if (!last) return this.set(base, rest, value);
    if (!parent || parent.kind === "scalar") return false;
    const [there] = select(last, parent);
    if (parent.kind === "object") return !("index" in last) && this.set(parent, [last], value);
    if (there) {
      parent.items.splice(parent.items.indexOf(there), 0, value);
      return true;
    }
    const index = "token" in last ? last.token : "index" in last ? String(last.index) : "";
    const isEnd = index === String(parent.items.length) || ("token" in last && index === "-");
    if (isEnd) parent.items.push(value);
    return isEnd;
  }
}

function areEqual(a: Tree, b: Tree): boolean {
  if (a.kind === "array" && b.kind === "array") {
    return a.items.length === b.items.length && a.items.every((x, i) => areEqual(x, b.items[i]!));
  }
  if (a.kind === "object" && b.kind === "object") {
    const within = (x: Member[], y: Member[]) =>
      x.every((m) => {
        const other = y.find(({ key }) => JSON.parse(key) === JSON.parse(m.key));
        return other && areEqual(m.value, other.value);
      });
    if (a.members.length !== b.members.length) return false;
    const inOrder = a.members.every((m, i) => {
      const other = b.members[i]!;
      return JSON.parse(m.key) === JSON.parse(other.key) && areEqual(m.value, other.value);
    });
    return inOrder || (within(a.members, b.members) && within(b.members, a.members));
  }
  if (a.kind !== "scalar" || b.kind !== "scalar") return false;
  if (/^-?\d/.test(a.raw) && /^-?\d/.test(b.raw)) return decimal(a.raw) === decimal(b.raw);
  return JSON.parse(a.raw) === JSON.parse(b.raw) && a.raw[0] === b.raw[0];
}

/** One spelling for each value of a number: exact, for exponents that are not huge. */
function decimal(raw: string): string {
  const [, sign, whole, fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(raw)!;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (/^0*$/.test(digits)) return "0";
  const zeros = /0*$/.exec(digits)![0].length;
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(zeros);
  return `${sign}${digits.slice(0, digits.length - zeros)}e${scale}`;
}

/** The text after the edits, without white space; undefined when a strict one is refused. */
export function applyEdits(text: string, edits: Edit[]): string | undefined {
  const document = new Document(parseTree(text));
  try {
    for (const edit of edits) {
      if (edit.op === "copy" || edit.op === "move") document.transfer(edit);
      else document.edit(edit);
    }
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
  return document.text;
}
