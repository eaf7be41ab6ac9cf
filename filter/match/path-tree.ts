// Path templates as a tree of segments. A node is the key of its segment under its parent: text, `*`
// for any one segment, `**` for the rest. A path is walked down from the root; where text and `*` both
// lead on, the second waits its turn. No node is visited twice, and what waits is bounded by the depth.

import { Arena } from "../bytes/arena";
import { hashOf, NO_ENTRY } from "../bytes/key-table";
import { OrderedSet } from "../bytes/ordered-set";
import { byteAtUnchecked, indexOfByte, length, Span, sliceUnchecked } from "../bytes/span";
import { fromText } from "../bytes/text";
import { Part, PathTemplate } from "../rules/path-template";
import { KeyedLists } from "./keyed-lists";

/** Of deeper templates the rest is left to the condition. */
const MAX_DEPTH: i32 = 32;
const ROOT: u32 = 0; // other nodes are the numbers of their keys + 1
const SLASH: u8 = 0x2f;

const constants: Arena = Arena.create();
const ANY: Span = fromText("*", constants);
const REST: Span = fromText("**", constants);

/** Nodes that wait, and where in the path they go on. */
const waitingNodes = new StaticArray<u32>(MAX_DEPTH + 1);
const waitingOffsets = new StaticArray<i32>(MAX_DEPTH + 1);

@final
export class PathTree {
  readonly lists: KeyedLists;

  constructor(arena: Arena) {
    this.lists = new KeyedLists(arena);
  }

  private child(node: u32, segment: Span): i32 {
    return this.lists.key(hashOf(node, segment), node, segment);
  }

  /** The number of the template's key. */
  key(template: PathTemplate): i32 {
    let node = ROOT;
    const n = template.size;
    for (let i = 0; i < n; i++) {
      const part = template.part(i);
      if (part == Part.Rest || i == MAX_DEPTH) return this.child(node, REST);
      node = this.child(node, part == Part.One ? ANY : template.segment(i)) + 1;
    }
    return node - 1;
  }

  /** Puts the conditions of all templates that the path may match into `hits`. */
  hit(path: Span, hits: OrderedSet): void {
    const n = length(path);
    if (n == 0 || byteAtUnchecked(path, 0) != SLASH) return;
    const keys = this.lists.keys;
    let node = ROOT;
    let from = 1; // of a path as paths are compared: slashes do not stand side by side
    let waiting = 0;
    while (true) {
      this.lists.hit(hashOf(node, REST), node, REST, hits);
      let next = NO_ENTRY;
      if (from > n) {
        if (node != ROOT) this.lists.hitAt(node - 1, hits);
      } else {
        let to = indexOfByte(path, SLASH, from);
        if (to < 0) to = n;
        const segment = sliceUnchecked(path, from, to);
        const any = to > from ? keys.find(hashOf(node, ANY), node, ANY) : NO_ENTRY;
        // A longer segment is no key's.
        if (to - from <= keys.longest) next = keys.find(hashOf(node, segment), node, segment);
        from = to + 1;
        if (next == NO_ENTRY) {
          next = any;
        } else if (any != NO_ENTRY && any != next) {
          unchecked((waitingNodes[waiting] = any + 1));
          unchecked((waitingOffsets[waiting++] = from));
        }
      }
      if (next != NO_ENTRY) {
        node = next + 1;
      } else if (waiting > 0) {
        node = unchecked(waitingNodes[--waiting]);
        from = unchecked(waitingOffsets[waiting]);
      } else {
        return;
      }
    }
  }
}
