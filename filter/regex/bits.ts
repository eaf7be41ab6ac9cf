// Glushkov's automaton in bits, for patterns with counted repeats whose DFA would have too many
// states: a bit for each character that the pattern names, numbered in order, so that most steps are
// a shift. It says only whether there is a match. Time: words × (1 + groups) for each character.
// Built with the pattern; a pattern with conditions or too many bits has no such machine.

import { address, Span } from "../bytes/span";
import { CharClass, LAST } from "./char-class";
import * as scratch from "./scratch";
import { Op, Syntax, Term } from "./syntax";

const MAX_BITS: i32 = 2048;
const MAX_GROUPS: i32 = 64;
const MAX_EDGES: i32 = 16_384;
/** Words of all masks: 128 KiB. */
const MAX_TABLE: i32 = 16_384;
/** A smaller count leaves the DFA few enough states. */
const LEAST_COUNT: i32 = 8;
const ASK_EVERY: i32 = 256;

@final
class Part {
  nullable: bool = false;
  firsts: i32[] = [];
  lasts: i32[] = [];
  constructor(
    readonly from: i32,
    readonly edge: i32,
  ) {}
}

@final
export class Bits {
  private readonly sets: CharClass[] = [];
  private readonly sources: i32[] = [];
  private readonly targets: i32[] = [];
  private failed: bool = false;
  private nullable: bool = false;
  private words: i32 = 0;
  private groups: i32 = 0;
  /** Where each interval of characters begins. */
  private bounds: StaticArray<i32> = [];
  /** Of ASCII, the interval of each. */
  private readonly ascii: StaticArray<u16> = new StaticArray<u16>(128);
  private masks: StaticArray<u64> = [];
  private shifts: StaticArray<u64> = [];
  private firsts: StaticArray<u64> = [];
  private lasts: StaticArray<u64> = [];
  /** For each group its sources, then its targets. */
  private jumps: StaticArray<u64> = [];
  private now: StaticArray<u64> = [];
  private next: StaticArray<u64> = [];

  private constructor(readonly latin1: bool) {}

  /** The machine of the pattern, or null when it has none. */
  static of(syntax: Syntax, latin1: bool): Bits | null {
    if (syntax.hasAnyByte || !counts(syntax)) return null;
    const bits = new Bits(latin1);
    const whole = bits.build(syntax.terms);
    if (!whole || !bits.lay(whole)) return null;
    return bits;
  }

  private build(terms: Term[]): Part | null {
    const stack: Part[] = [];
    for (let i = 0; i < terms.length && !this.failed; i++) {
      const term = terms[i];
      if (term.op == Op.Look || term.op == Op.AnyByte) return null;
      if (term.op == Op.Empty) stack.push(this.empty());
      else if (term.op == Op.Class) stack.push(this.position(term.set!));
      else if (term.op == Op.Literal) stack.push(this.position(single(term.low)));
      else if (term.op == Op.Repeat) stack.push(this.repeat(stack.pop(), term.low, term.high));
      else if (term.op != Op.Capture) this.combine(stack, term);
    }
    return this.failed || stack.length != 1 ? null : stack[0];
  }

  private empty(): Part {
    const part = new Part(this.sets.length, this.sources.length);
    part.nullable = true;
    return part;
  }

  private position(set: CharClass): Part {
    const part = new Part(this.sets.length, this.sources.length);
    part.firsts.push(this.sets.length);
    part.lasts.push(this.sets.length);
    this.sets.push(set);
    if (this.sets.length > MAX_BITS) this.failed = true;
    return part;
  }

  private combine(stack: Part[], term: Term): void {
    const n = term.low;
    if (n == 0) {
      stack.push(this.empty());
      return;
    }
    const parts = stack.splice(stack.length - n);
    let whole = parts[0];
    for (let i = 1; i < n && !this.failed; i++) {
      whole = term.op == Op.Concat ? this.join(whole, parts[i]) : either(whole, parts[i]);
    }
    stack.push(whole);
  }

  private join(a: Part, b: Part): Part {
    const part = new Part(a.from, a.edge);
    this.link(a.lasts, b.firsts);
    part.nullable = a.nullable && b.nullable;
    part.firsts = a.nullable ? a.firsts.concat(b.firsts) : a.firsts;
    part.lasts = b.nullable ? a.lasts.concat(b.lasts) : b.lasts;
    return part;
  }

  private link(from: i32[], to: i32[]): void {
    if (this.sources.length + from.length * to.length > MAX_EDGES) {
      this.failed = true;
      return;
    }
    for (let i = 0; i < from.length; i++) {
      for (let j = 0; j < to.length; j++) {
        this.sources.push(from[i]);
        this.targets.push(to[j]);
      }
    }
  }

  // x{2,4} is xx(x(x)?)?: each copy goes on to the next one only.
  private repeat(x: Part, low: i32, high: i32): Part {
    const copies = high < 0 ? max(low, 1) : high;
    const part = new Part(x.from, x.edge);
    part.nullable = x.nullable || low == 0;
    if (copies == 0) return part;
    part.firsts = x.firsts;
    const size = this.sets.length;
    const edges = this.sources.length;
    const least = x.nullable ? 0 : low;
    let last = x;
    for (let i = 1; i <= copies && !this.failed; i++) {
      if (i >= least) part.lasts = part.lasts.concat(last.lasts);
      if (i == copies) break;
      const copy = this.copy(x, size, edges);
      this.link(last.lasts, copy.firsts);
      last = copy;
    }
    if (high < 0) this.link(last.lasts, last.firsts);
    return part;
  }

  private copy(x: Part, size: i32, edges: i32): Part {
    const by = this.sets.length - x.from;
    const part = new Part(this.sets.length, this.sources.length);
    for (let i = x.from; i < size && !this.failed; i++) this.position(this.sets[i]);
    if (this.sources.length + edges - x.edge > MAX_EDGES) this.failed = true;
    for (let i = x.edge; i < edges && !this.failed; i++) {
      this.sources.push(this.sources[i] + by);
      this.targets.push(this.targets[i] + by);
    }
    for (let i = 0; i < x.firsts.length; i++) part.firsts.push(x.firsts[i] + by);
    for (let i = 0; i < x.lasts.length; i++) part.lasts.push(x.lasts[i] + by);
    return part;
  }

  private lay(whole: Part): bool {
    const n = (this.sets.length + 63) >> 6;
    if (n == 0) return false;
    this.words = n;
    this.nullable = whole.nullable;
    this.now = new StaticArray<u64>(n);
    this.next = new StaticArray<u64>(n);
    this.shifts = new StaticArray<u64>(n);
    this.firsts = new StaticArray<u64>(n);
    this.lasts = new StaticArray<u64>(n);
    for (let i = 0; i < whole.firsts.length; i++) mark(this.firsts, 0, whole.firsts[i]);
    for (let i = 0; i < whole.lasts.length; i++) mark(this.lasts, 0, whole.lasts[i]);
    return this.layMasks() && this.layJumps();
  }

  private layMasks(): bool {
    const starts: i32[] = [0];
    for (let i = 0; i < this.sets.length; i++) {
      const set = this.sets[i];
      if (i > 0 && set == this.sets[i - 1]) continue;
      for (let r = 0; r < set.count; r++) {
        starts.push(set.low(r));
        starts.push(set.high(r) + 1);
      }
      if (starts.length > MAX_TABLE) return false;
    }
    starts.sort((a, b) => a - b);
    const bounds: i32[] = [];
    for (let i = 0; i < starts.length; i++)
      if (i == 0 || starts[i] != starts[i - 1]) bounds.push(starts[i]);
    if (bounds.length * this.words > MAX_TABLE) return false;
    this.bounds = StaticArray.fromArray(bounds);
    for (let c = 0; c < 128; c++) this.ascii[c] = this.interval(c) as u16;
    this.masks = new StaticArray<u64>(bounds.length * this.words);
    for (let i = 0; i < this.sets.length; i++) {
      const set = this.sets[i];
      for (let r = 0; r < set.count; r++) {
        for (
          let b = this.interval(set.low(r));
          b < bounds.length && bounds[b] <= set.high(r);
          b++
        ) {
          mark(this.masks, b * this.words, i);
        }
      }
    }
    return true;
  }

  private intervalOf(c: i32): i32 {
    return c < 128 ? (unchecked(this.ascii[c]) as i32) : this.interval(c);
  }

  private interval(c: i32): i32 {
    let low = 0;
    let high = this.bounds.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (unchecked(this.bounds[middle]) <= c) low = middle;
      else high = middle;
    }
    return low;
  }

  // Sources whose targets are the same, next ones apart, are one group.
  private layJumps(): bool {
    const n = this.words;
    const size = this.sets.length;
    const rows: i32[][] = [];
    for (let i = 0; i < size; i++) rows.push([]);
    for (let e = 0; e < this.sources.length; e++) {
      const from = this.sources[e];
      if (this.targets[e] == from + 1) mark(this.shifts, 0, from);
      else rows[from].push(this.targets[e]);
    }
    const jumps: u64[] = [];
    const row = new StaticArray<u64>(n);
    for (let i = 0; i < size; i++) {
      if (rows[i].length == 0) continue;
      memory.fill(changetype<usize>(row), 0, n << 3);
      for (let j = 0; j < rows[i].length; j++) mark(row, 0, rows[i][j]);
      let g = 0;
      while (g < this.groups && !same(jumps, (2 * g + 1) * n, row)) g++;
      if (g == MAX_GROUPS) return false;
      if (g == this.groups) {
        for (let w = 0; w < n; w++) jumps.push(0);
        for (let w = 0; w < n; w++) jumps.push(row[w]);
        this.groups++;
      }
      jumps[2 * g * n + (i >> 6)] |= (1 as u64) << (i & 63);
    }
    this.jumps = StaticArray.fromArray(jumps);
    return true;
  }

  /** Whether there is a match in [from, to); false also when the search was cut. */
  isMatch(text: Span, from: i32, to: i32, anchored: bool): bool {
    if (this.nullable) return true;
    const base = address(text);
    memory.fill(changetype<usize>(this.now), 0, this.words << 3);
    // Measured: groups mostly have no source alive.
    const cost = 2 + ((this.words * (1 + this.groups)) >> 5);
    let n = 0;
    let at = from;
    while (at < to) {
      if (++n % ASK_EVERY == 0) {
        scratch.countSteps(cost * ASK_EVERY);
        if (scratch.isSpent()) return false;
      }
      const c = this.latin1 ? (load<u8>(base + at) as i32) : decode(base + at, to - at);
      if (this.step(c, !anchored || at == from)) return true;
      at += this.latin1 || c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    return false;
  }

  // Takes the character, or what is none (-1); whether a match ends behind it.
  private step(c: i32, begins: bool): bool {
    const n = this.words;
    const now = this.now;
    const next = this.next;
    if (c < 0) {
      memory.fill(changetype<usize>(now), 0, n << 3);
      return false;
    }
    let carry: u64 = 0;
    for (let w = 0; w < n; w++) {
      const moving = unchecked(now[w]) & unchecked(this.shifts[w]);
      unchecked((next[w] = (moving << 1) | carry | (begins ? unchecked(this.firsts[w]) : 0)));
      carry = moving >> 63;
    }
    for (let g = 0; g < this.groups; g++) this.jump(2 * g * n);
    const mask = this.intervalOf(c) * n;
    let ends: u64 = 0;
    for (let w = 0; w < n; w++) {
      const left = unchecked(next[w]) & unchecked(this.masks[mask + w]);
      unchecked((next[w] = left));
      ends |= left & unchecked(this.lasts[w]);
    }
    this.now = next;
    this.next = now;
    return ends != 0;
  }

  private jump(group: i32): void {
    const n = this.words;
    let any: u64 = 0;
    for (let w = 0; w < n; w++) any |= unchecked(this.now[w]) & unchecked(this.jumps[group + w]);
    if (any == 0) return;
    for (let w = 0; w < n; w++) {
      unchecked((this.next[w] = this.next[w] | this.jumps[group + n + w]));
    }
  }
}

function counts(syntax: Syntax): bool {
  for (let i = 0; i < syntax.terms.length; i++) {
    const term = syntax.terms[i];
    if (term.op == Op.Repeat && max(term.low, term.high) >= LEAST_COUNT) return true;
  }
  return false;
}

function single(c: i32): CharClass {
  const set = new CharClass();
  set.add(c, c);
  return set;
}

function either(a: Part, b: Part): Part {
  const part = new Part(a.from, a.edge);
  part.nullable = a.nullable || b.nullable;
  part.firsts = a.firsts.concat(b.firsts);
  part.lasts = a.lasts.concat(b.lasts);
  return part;
}

function mark(bits: StaticArray<u64>, at: i32, i: i32): void {
  bits[at + (i >> 6)] |= (1 as u64) << (i & 63);
}

function same(all: u64[], at: i32, row: StaticArray<u64>): bool {
  for (let w = 0; w < row.length; w++) if (all[at + w] != row[w]) return false;
  return true;
}

// The character there, or -1 where none begins that is valid.
function decode(p: usize, left: i32): i32 {
  const a = load<u8>(p) as i32;
  if (a < 0x80) return a;
  const n = a < 0xc2 ? 0 : a < 0xe0 ? 1 : a < 0xf0 ? 2 : a < 0xf5 ? 3 : 0;
  if (n == 0 || n >= left) return -1;
  let c = a & (0x3f >> n);
  for (let i = 1; i <= n; i++) {
    const b = load<u8>(p + i) as i32;
    if ((b & 0xc0) != 0x80) return -1;
    c = (c << 6) | (b & 0x3f);
  }
  if (n == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) return -1;
  if (n == 3 && (c < 0x10000 || c > LAST)) return -1;
  return c;
}
