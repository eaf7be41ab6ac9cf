// A class of characters as a graph over the bytes of their UTF-8: from its root, each way to the end
// spells a member, and two members share whatever they end in. Built by halving nothing but what the
// class really divides, so its cost follows the ranges of the class and not the size of Unicode.
// Surrogates, which no UTF-8 has, are in no graph.
//
// Nodes are numbered so that an edge leads to a smaller number: 0 is the end, the root is the last.
// A node's edges stand together and in order, and their bytes do not overlap.

import { CharClass } from "./char-class";
import { SET_WORDS } from "./program";

const NOWHERE: i32 = -1;
export const END: i32 = 0;
const BRANCHES: i32 = 64; // what a continuation byte can say
const LEVELS: i32 = 3; // continuation bytes at most
const BUCKETS: i32 = 256;

@final
export class Utf8Graph {
  /** Number of nodes; the root is the last. */
  nodes: i32 = 1;
  readonly from: i32[] = [];
  readonly to: i32[] = [];
  /** The bytes of each edge, SET_WORDS words of bits. */
  readonly bits: u32[] = [];
  /** The range of the class that building has come to. */
  private range: i32 = 0;
  /** Where each byte leads, for the nodes that are being built, a row for each level. */
  private readonly rows: StaticArray<i32> = new StaticArray<i32>(LEVELS * BRANCHES);
  private readonly leads: StaticArray<i32> = new StaticArray<i32>(256);
  /** Nodes that were built, by hash of their row: node, where its row is kept, next. */
  private readonly buckets: StaticArray<i32> = new StaticArray<i32>(BUCKETS);
  private readonly known: i32[] = [0, 0, 0]; // the first is no entry
  private readonly kept: i32[] = [];
  /** For each level the node that takes all bytes, once there is one. */
  private readonly full: StaticArray<i32> = new StaticArray<i32>(LEVELS + 1);

  /** `set` is normalized. */
  constructor(private readonly set: CharClass) {
    const leads = this.leads;
    for (let b = 0; b < 256; b++) {
      if (b < 0x80) leads[b] = this.build(0, b, b, b);
      else if (b < 0xc2) leads[b] = NOWHERE;
      else if (b < 0xe0) leads[b] = this.build(1, (b & 0x1f) << 6, 0x80, 0x7ff);
      else if (b < 0xed) leads[b] = this.build(2, (b & 0x0f) << 12, 0x800, 0xffff);
      else if (b == 0xed) leads[b] = this.build(2, 0xd000, 0xd000, 0xd7ff);
      else if (b < 0xf0) leads[b] = this.build(2, (b & 0x0f) << 12, 0xe000, 0xffff);
      else if (b < 0xf5) leads[b] = this.build(3, (b & 0x07) << 18, 0x10000, 0x10ffff);
      else leads[b] = NOWHERE;
    }
    const root = this.nodes++;
    this.connect(root, leads, 0, 256, 0);
  }

  get root(): i32 {
    return this.nodes - 1;
  }

  get edges(): i32 {
    return this.from.length;
  }

  // The node for the characters from `base` on that differ in `level` continuation bytes, of those
  // the members of the class in [low, high]; NOWHERE without any. Called with ever larger `base`.
  private build(level: i32, base: i32, low: i32, high: i32): i32 {
    const last = base + (1 << (6 * level)) - 1;
    const from = max(base, low);
    const to = min(last, high);
    const set = this.set;
    while (this.range < set.count && set.high(this.range) < from) this.range++;
    if (from > to || this.range == set.count || set.low(this.range) > to) return NOWHERE;
    const isWhole = from == base && to == last;
    if (isWhole && set.low(this.range) <= from && set.high(this.range) >= to) {
      return this.whole(level);
    }
    const row = (level - 1) * BRANCHES;
    for (let i = 0; i < BRANCHES; i++) {
      const node = this.build(level - 1, base + (i << (6 * (level - 1))), low, high);
      unchecked((this.rows[row + i] = node));
    }
    return this.intern(row);
  }

  private whole(level: i32): i32 {
    if (level == 0) return END;
    if (this.full[level] == 0) {
      const next = this.whole(level - 1);
      const row = (level - 1) * BRANCHES;
      for (let i = 0; i < BRANCHES; i++) this.rows[row + i] = next;
      this.full[level] = this.intern(row);
    }
    return this.full[level];
  }

  // The node with that row.
  private intern(row: i32): i32 {
    const rows = this.rows;
    let hash: u32 = 0;
    let any = false;
    for (let i = 0; i < BRANCHES; i++) {
      const node = unchecked(rows[row + i]);
      any = any || node != NOWHERE;
      hash = (rotl<u32>(hash, 5) ^ (node as u32)) * 0x9e3779b1;
    }
    if (!any) return NOWHERE;
    const bucket = (hash >> 24) as i32;
    for (let entry = this.buckets[bucket]; entry != 0; entry = this.known[entry + 2]) {
      const at = this.known[entry + 1];
      let i = 0;
      while (i < BRANCHES && this.kept[at + i] == unchecked(rows[row + i])) i++;
      if (i == BRANCHES) return this.known[entry];
    }
    const node = this.nodes++;
    this.known.push(node);
    this.known.push(this.kept.length);
    this.known.push(this.buckets[bucket]);
    this.buckets[bucket] = this.known.length - 3;
    for (let i = 0; i < BRANCHES; i++) this.kept.push(unchecked(rows[row + i]));
    this.connect(node, rows, row, BRANCHES, 0x80);
    return node;
  }

  // The edges of `node`: byte `first + i` leads to `row[at + i]`.
  private connect(node: i32, row: StaticArray<i32>, at: i32, n: i32, first: i32): void {
    const edges = this.edges;
    for (let i = 0; i < n; i++) {
      const to = unchecked(row[at + i]);
      if (to == NOWHERE) continue;
      let edge = edges;
      while (edge < this.edges && this.to[edge] != to) edge++;
      if (edge == this.edges) {
        this.from.push(node);
        this.to.push(to);
        for (let k = 0; k < SET_WORDS; k++) this.bits.push(0);
      }
      const c = first + i;
      this.bits[edge * SET_WORDS + (c >> 5)] |= (1 as u32) << (c & 31);
    }
  }
}
