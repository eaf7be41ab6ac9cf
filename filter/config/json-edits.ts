// Decodes `body.json`: the edits of one step, in their fixed order, since maps have none of their own:
// remove, rename, copy, move, set, default, add, append, merge, patch, dedupe. In a map, edits go by
// the bytes of their paths; in a list, as they are listed.

import { scratch } from "../abi/memory";
import { byteAtUnchecked, compare, length, Span } from "../bytes/span";
import { equalsText } from "../bytes/text";
import { EditKind, EditPlan } from "../json/edit";
import { errorOffset, errorText, Path } from "../json/path";
import { StreamPlan } from "../json/stream-plan";
import { Kind, NO_NODE } from "../json/tape";
import { JsonEdit, JsonStreamEdit } from "../steps/body";
import { JsonTemplate } from "../steps/json-template";
import { Context } from "./context";

export function decodeJsonEdits(context: Context, node: i32): JsonEdit {
  const decoder = new Decoder(context, null);
  decoder.decode(node);
  return new JsonEdit(decoder.plan, StaticArray.fromArray(decoder.values));
}

/** The same for a body that is edited while it streams; edits that cannot be are reported. */
export function decodeJsonStreamEdits(context: Context, node: i32): JsonStreamEdit {
  const plan = new StreamPlan();
  const decoder = new Decoder(context, plan);
  decoder.decode(node);
  return new JsonStreamEdit(plan, StaticArray.fromArray(decoder.values));
}

@final
class Decoder {
  readonly plan: EditPlan = new EditPlan();
  readonly values: JsonTemplate[] = [];

  constructor(
    private readonly context: Context,
    /** Takes the edits instead, where the body streams. */
    private readonly streamed: StreamPlan | null,
  ) {}

  decode(node: i32): void {
    this.decodeList(node, "remove", EditKind.Remove);
    this.decodeRename(node);
    this.decodeTransfers(node, "copy", EditKind.Copy);
    this.decodeTransfers(node, "move", EditKind.Move);
    this.decodeValues(node, "set", EditKind.Set);
    this.decodeValues(node, "default", EditKind.Default);
    this.decodeValues(node, "add", EditKind.Add);
    this.decodeValues(node, "append", EditKind.Append);
    const merge = this.context.member(node, "merge");
    if (merge != NO_NODE) this.decodeMerge(merge, null);
    this.decodePatch(node);
    this.decodeList(node, "dedupe", EditKind.Dedupe);
  }

  /** The path in a value or key, or null, reported. */
  private path(node: i32): Path | null {
    const path = Path.compile(this.context.text(node), this.context.arena);
    if (path == null) this.context.report.add(node, "R305", errorOffset, errorText);
    return path;
  }

  private refuse(node: i32, message: string): void {
    this.context.report.add(node, "R305", 0, message);
  }

  /** Adds an edit that stands at the node. */
  private add(
    node: i32,
    kind: EditKind,
    path: Path,
    from: Path | null,
    slot: i32,
    isStrict: bool,
  ): void {
    const streamed = this.streamed;
    if (streamed == null) {
      this.plan.add(kind, path, from, slot, isStrict);
      return;
    }
    const reason = streamed.add(kind, path, slot, isStrict);
    if (reason.length > 0) this.context.report.add(node, "R317", -1, reason);
  }

  private slotOf(value: i32): i32 {
    this.values.push(this.context.jsonTemplate(value));
    return this.values.length - 1;
  }

  /** Keys of the map in the order of their bytes; none when there is no map. */
  private keys(map: i32): i32[] {
    const keys: i32[] = [];
    if (map == NO_NODE) return keys;
    const tape = this.context.tape;
    const stop = tape.after(map);
    for (let k = tape.firstChild(map); k < stop; k = tape.after(k + 1)) keys.push(k);
    const names: Span[] = [];
    for (let i = 0; i < keys.length; i++) names.push(tape.text(keys[i], scratch));
    for (let i = 1; i < keys.length; i++) {
      const key = keys[i];
      const name = names[i];
      let j = i;
      for (; j > 0 && compare(name, names[j - 1]) < 0; j--) {
        keys[j] = keys[j - 1];
        names[j] = names[j - 1];
      }
      keys[j] = key;
      names[j] = name;
    }
    return keys;
  }

  private decodeList(node: i32, key: string, kind: EditKind): void {
    const list = this.context.member(node, key);
    if (list == NO_NODE) return;
    const items = this.context.strings(list);
    for (let i = 0; i < items.length; i++) {
      const path = this.path(items[i]);
      if (path == null) continue;
      if (kind == EditKind.Remove && path.size == 0)
        this.refuse(items[i], "the document itself cannot be removed");
      else this.add(items[i], kind, path, null, -1, false);
    }
  }

  private decodeValues(node: i32, key: string, kind: EditKind): void {
    const keys = this.keys(this.context.member(node, key));
    for (let i = 0; i < keys.length; i++) {
      const path = this.path(keys[i]);
      if (path == null) continue;
      // What is there already needs no default, and nothing can be inserted at many places at once.
      const makes = kind == EditKind.Default || (kind == EditKind.Add && path.size > 0);
      if (makes && path.size == path.manifold) {
        this.refuse(keys[i], "a name or an index is due at the end");
      } else {
        this.add(keys[i], kind, path, null, this.slotOf(keys[i] + 1), false);
      }
    }
  }

  private decodeRename(node: i32): void {
    const keys = this.keys(this.context.member(node, "rename"));
    for (let i = 0; i < keys.length; i++) {
      const path = this.path(keys[i]);
      if (path == null) continue;
      const name = this.context.tape.text(keys[i] + 1, scratch);
      const first = length(name) > 0 ? byteAtUnchecked(name, 0) : 0;
      const isPointer = first == 0x2f;
      const isPath = first == 0x24 && length(name) > 1 && byteAtUnchecked(name, 1) != 0x28;
      if (path.size == 0 || !path.segments[path.size - 1].hasOnlyNames) {
        this.refuse(keys[i], "a name is due at the end");
      } else if (isPointer || isPath) {
        this.refuse(keys[i] + 1, "the member's new name is due; move takes a path");
      } else {
        this.add(keys[i], EditKind.Rename, path, null, this.slotOf(keys[i] + 1), false);
      }
    }
  }

  private decodeTransfers(node: i32, key: string, kind: EditKind): void {
    const keys = this.keys(this.context.member(node, key));
    for (let i = 0; i < keys.length; i++) {
      const from = this.path(keys[i]);
      const to = this.path(keys[i] + 1);
      if (from == null || to == null) continue;
      if (!from.isSingle) this.refuse(keys[i], "this can be several places; one is due");
      else if (kind == EditKind.Move && !to.isSingle)
        this.refuse(keys[i] + 1, "this can be several places; one is due");
      else if (kind == EditKind.Move && from.contains(to))
        this.refuse(keys[i] + 1, "nothing can be moved into itself");
      else this.add(keys[i], kind, to, from, -1, false);
    }
  }

  /** A merge is one edit for each value that is no map, so that values that are absent can be left
   * out: in the text of the whole they would be null, which takes away. */
  private decodeMerge(node: i32, path: Path | null): void {
    const context = this.context;
    const isMap = context.tape.kind(node) == Kind.Object;
    const keys = this.keys(isMap ? node : NO_NODE);
    for (let i = 0; i < keys.length; i++) {
      const name = context.text(keys[i]);
      const inner =
        path == null ? Path.ofName(name, context.arena) : path.childOf(name, context.arena);
      this.decodeMerge(keys[i] + 1, inner);
    }
    if (keys.length > 0) return;
    const whole = path == null ? new Path() : path;
    this.add(node, EditKind.Merge, whole, null, this.slotOf(node), false);
  }

  // ---- RFC 6902

  private decodePatch(node: i32): void {
    const list = this.context.member(node, "patch");
    if (list == NO_NODE) return;
    const operations = this.context.strings(list);
    for (let i = 0; i < operations.length; i++) this.decodeOperation(operations[i]);
  }

  private decodeOperation(operation: i32): void {
    const context = this.context;
    const pathNode = context.member(operation, "path");
    const path = this.pointer(pathNode);
    const op = context.tape.text(context.member(operation, "op"), scratch);
    if (equalsText(op, "move") || equalsText(op, "copy")) {
      const fromNode = this.needed(operation, "from");
      if (fromNode == NO_NODE) return;
      const from = this.pointer(fromNode);
      if (path == null || from == null) return;
      const isMove = equalsText(op, "move");
      if (isMove && path.size > from.size && from.contains(path))
        this.refuse(pathNode, "nothing can be moved into itself");
      else this.add(operation, isMove ? EditKind.Move : EditKind.Copy, path, from, -1, true);
      return;
    }
    if (equalsText(op, "remove")) {
      if (path == null) return;
      if (path.size == 0) this.refuse(pathNode, "the document itself cannot be removed");
      else this.add(operation, EditKind.Remove, path, null, -1, true);
      return;
    }
    const value = this.needed(operation, "value");
    if (path == null || value == NO_NODE) return;
    let kind = EditKind.Test;
    if (equalsText(op, "add")) kind = EditKind.Add;
    else if (equalsText(op, "replace")) kind = EditKind.Set;
    this.add(operation, kind, path, null, this.slotOf(value), true);
  }

  private pointer(node: i32): Path | null {
    const text = this.context.tape.text(node, scratch);
    if (length(text) > 0 && byteAtUnchecked(text, 0) == 0x24) {
      this.refuse(node, "a JSON Patch has JSON Pointers (RFC 6902)");
      return null;
    }
    return this.path(node);
  }

  private needed(operation: i32, key: string): i32 {
    const node = this.context.member(operation, key);
    if (node == NO_NODE)
      this.context.report.add(operation, "R202", -1, 'the key "' + key + '" is missing');
    return node;
  }
}
