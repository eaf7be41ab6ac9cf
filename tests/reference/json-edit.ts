// Edits of JSON by pointer, over the parsed value: slow, obvious, one edit after the other.

export type Edit =
  | { op: "remove"; path: string; value?: unknown }
  | { op: "set" | "add"; path: string; value: unknown };

type Container = Record<string, unknown> | unknown[];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isIndex(segment: string): boolean {
  return /^(0|[1-9]\d{0,8})$/.test(segment);
}

function child(value: unknown, segment: string): unknown {
  if (Array.isArray(value)) return isIndex(segment) ? value[Number(segment)] : undefined;
  return isObject(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
}

/** The value after the edits; those that find no place do nothing. */
export function applyEdits(value: unknown, edits: Edit[]): unknown {
  return edits.reduce(applyEdit, value);
}

function applyEdit(root: unknown, edit: Edit): unknown {
  edit = structuredClone(edit);
  const segments = edit.path.split("/").slice(1);
  const names = segments.map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = names.pop();
  if (last === undefined) return edit.op === "remove" ? root : edit.value;
  let parent = root;
  for (const [i, name] of names.entries()) {
    const next = child(parent, name);
    if (next === undefined) {
      if (edit.op === "set" && isObject(parent)) {
        const rest = [...names.slice(i + 1), last];
        parent[name] = rest.reduceRight<unknown>((inner, each) => ({ [each]: inner }), edit.value);
      }
      return root;
    }
    parent = next;
  }
  if (Array.isArray(parent) || isObject(parent)) change(parent, last, edit);
  return root;
}

function change(parent: Container, name: string, { op, value }: Edit): void {
  if (!Array.isArray(parent)) {
    if (op === "remove") delete parent[name];
    else parent[name] = value;
    return;
  }
  if (name === "-") {
    if (op !== "remove") parent.push(value);
    return;
  }
  if (!isIndex(name)) return;
  const at = Number(name);
  if (op === "add" && at <= parent.length) parent.splice(at, 0, value);
  else if (op === "remove" && at < parent.length) parent.splice(at, 1);
  else if (op === "set" && at < parent.length) parent[at] = value;
}
