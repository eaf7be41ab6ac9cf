// Postfix terms to a program, with a stack of fragments (Thompson's construction). A fragment is a
// run of instructions with one way in and one way out, so joining costs one store and a counted
// repetition copies the run. Forward programs remember groups; reversed ones, which only find where a
// match begins, read characters from their last byte to the first and keep no groups.
//
// RATIONALE: star of an operand that can be empty is compiled as (x+)?, as RE2 and Go do, so that
// the order of preference is Perl's.

import { CharClass } from "./char-class";
import { Problem, report } from "./problem";
import { Code, Program, SET_WORDS, WORDS } from "./program";
import { Look, Op, Syntax, Term } from "./syntax";
import { END, Utf8Graph } from "./utf8-graph";

/** Instructions; a state of the DFA lists them in 16 bits. RE2's default budget is near this too. */
const MAX_SIZE: i32 = 60_000;
const UNPATCHED: u32 = 0xffffffff;

@final
class Fragment {
  constructor(
    /** The first instruction of the run. */
    readonly first: i32,
    /** Where to enter. */
    readonly start: i32,
    /** The word to patch with where to go on. */
    readonly exit: i32,
    readonly nullable: bool,
  ) {}
}

@final
export class Generator {
  private readonly words: u32[] = [];
  private readonly sets: u32[] = [];
  private readonly stack: Fragment[] = [];
  private failed: bool = false;
  private looks: u32 = 0;

  constructor(
    private readonly latin1: bool,
    private readonly reversed: bool,
    private readonly keepsGroups: bool,
  ) {}

  /** The program, or null and a problem reported when it would be too large. */
  generate(syntax: Syntax): Program | null {
    const start = this.pattern(syntax, 0);
    if (this.failed) return this.refuse();
    const program = this.finish(start);
    program.slots = 2 * syntax.groups;
    program.reversed = this.reversed;
    if (!this.latin1 && !syntax.hasAnyByte) this.mind(program);
    if (!this.reversed) {
      program.skip.prefix = encoded(syntax.prefix, !this.latin1);
      this.findFirst(program);
    }
    return program;
  }

  /** One program for many patterns: its Match instructions say which by `arg`. At least one. */
  generateSet(patterns: Syntax[]): Program | null {
    let start = 0;
    for (let i = 0; i < patterns.length && !this.failed; i++) {
      const one = this.pattern(patterns[i], i);
      start = i == 0 ? one : this.emit(Code.Split, start, one);
    }
    if (this.failed) return this.refuse();
    const program = this.finish(start);
    let hasAnyByte = false;
    for (let i = 0; i < patterns.length; i++) hasAnyByte = hasAnyByte || patterns[i].hasAnyByte;
    if (!this.latin1 && !hasAnyByte) this.mind(program);
    return program;
  }

  private refuse(): Program | null {
    report(Problem.TooLarge, 0);
    return null;
  }

  // The instructions of a pattern up to its Match: where they begin.
  private pattern(syntax: Syntax, id: u32): i32 {
    const terms = syntax.terms;
    for (let i = 0; i < terms.length && !this.failed; i++) this.term(terms[i]);
    if (this.failed) return 0;
    const whole = this.stack.pop();
    const match = this.emit(Code.Match, UNPATCHED, UNPATCHED, id);
    if (!this.failed) this.patch(whole.exit, match);
    return whole.start;
  }

  // --- instructions

  private emit(code: u32, x: u32 = UNPATCHED, y: u32 = UNPATCHED, arg: u32 = 0): i32 {
    if (this.words.length >= MAX_SIZE * WORDS) {
      this.failed = true;
      return 0; // an instruction that exists, so that patching stays harmless
    }
    const pc = this.words.length / WORDS;
    this.words.push(code);
    this.words.push(x);
    this.words.push(y);
    this.words.push(arg);
    return pc;
  }

  private patch(exit: i32, target: i32): void {
    this.words[exit] = target;
  }

  private range(low: u32, high: u32, next: u32): i32 {
    return this.emit((Code.Range as u32) | (low << 8) | (high << 16), next);
  }

  private single(pc: i32, nullable: bool): void {
    this.stack.push(new Fragment(pc, pc, xWord(pc), nullable));
  }

  // --- terms

  private term(term: Term): void {
    switch (term.op) {
      case Op.Empty:
        return this.single(this.emit(Code.Nop), true);
      case Op.Literal: {
        const set = new CharClass();
        set.add(term.low, term.low);
        return this.charClass(set);
      }
      case Op.Class: {
        const set = term.set;
        if (set) this.charClass(set);
        return;
      }
      case Op.AnyByte:
        return this.single(this.range(0, 0xff, UNPATCHED), false);
      case Op.Look: {
        const look = this.reversed ? mirrored(term.low) : term.low;
        this.looks |= (1 as u32) << look;
        return this.single(this.emit(Code.Look, UNPATCHED, UNPATCHED, look), true);
      }
      case Op.Concat:
        return this.concat(term.low);
      case Op.Alternate:
        return this.alternate(term.low);
      case Op.Capture:
        return this.capture(term.low);
      case Op.Repeat:
        return this.repeat(term.low, term.high, term.greedy);
    }
  }

  private concat(count: i32): void {
    const at = this.stack.length - count;
    const first = this.stack[at].first;
    let nullable = true;
    for (let i = at; i < this.stack.length; i++) {
      const part = this.stack[i];
      nullable = nullable && part.nullable;
      if (i == at) continue;
      const before = this.stack[i - 1];
      if (this.reversed) this.patch(part.exit, before.start);
      else this.patch(before.exit, part.start);
    }
    const head = this.reversed ? this.stack[this.stack.length - 1] : this.stack[at];
    const tail = this.reversed ? this.stack[at] : this.stack[this.stack.length - 1];
    this.stack.length = at;
    this.stack.push(new Fragment(first, head.start, tail.exit, nullable));
  }

  private alternate(count: i32): void {
    const at = this.stack.length - count;
    const join = this.emit(Code.Nop);
    let nullable = false;
    let start = this.stack[this.stack.length - 1].start;
    for (let i = this.stack.length - 1; i >= at; i--) {
      const part = this.stack[i];
      nullable = nullable || part.nullable;
      this.patch(part.exit, join);
      if (i < this.stack.length - 1) start = this.emit(Code.Split, part.start, start);
    }
    const first = this.stack[at].first;
    this.stack.length = at;
    this.stack.push(new Fragment(first, start, xWord(join), nullable));
  }

  private capture(group: i32): void {
    if (!this.keepsGroups) return;
    const body = this.stack.pop();
    const open = this.emit(Code.Save, body.start, UNPATCHED, 2 * group);
    const close = this.emit(Code.Save, UNPATCHED, UNPATCHED, 2 * group + 1);
    this.patch(body.exit, close);
    this.stack.push(new Fragment(body.first, open, xWord(close), body.nullable));
  }

  private split(greedy: bool, inside: i32): i32 {
    return greedy ? this.emit(Code.Split, inside) : this.emit(Code.Split, UNPATCHED, inside);
  }

  private plus(body: Fragment, greedy: bool): Fragment {
    const split = this.split(greedy, body.start);
    this.patch(body.exit, split);
    return new Fragment(body.first, body.start, skipWord(split, greedy), body.nullable);
  }

  private star(body: Fragment, greedy: bool): Fragment {
    if (body.nullable) return this.optional(this.plus(body, greedy), greedy);
    const split = this.split(greedy, body.start);
    this.patch(body.exit, split);
    return new Fragment(body.first, split, skipWord(split, greedy), true);
  }

  private optional(body: Fragment, greedy: bool): Fragment {
    const join = this.emit(Code.Nop);
    const split = this.split(greedy, body.start);
    this.patch(skipWord(split, greedy), join);
    this.patch(body.exit, join);
    return new Fragment(body.first, split, xWord(join), true);
  }

  private repeat(least: i32, most: i32, greedy: bool): void {
    const body = this.stack.pop();
    if (least == 0 && most == -1) {
      this.stack.push(this.star(body, greedy));
    } else if (least == 1 && most == -1) {
      this.stack.push(this.plus(body, greedy));
    } else if (least == 0 && most == 1) {
      this.stack.push(this.optional(body, greedy));
    } else {
      this.counted(body, least, most, greedy);
    }
  }

  // The operand is taken out of the program and put back as often as it is needed, after an entry:
  // the copies that must match, then either a loop or copies each of which may be the last.
  private counted(body: Fragment, least: i32, most: i32, greedy: bool): void {
    const template = this.words.slice(body.first * WORDS);
    this.words.length = body.first * WORDS;
    const entry = this.emit(Code.Nop);
    let exit = xWord(entry);
    for (let i = 0; i < least && !this.failed; i++) {
      let part = this.copy(template, body);
      if (i == least - 1 && most == -1) part = this.plus(part, greedy);
      this.patch(exit, part.start);
      exit = part.exit;
    }
    if (most > least) {
      const join = this.emit(Code.Nop);
      for (let i = least; i < most && !this.failed; i++) {
        const part = this.copy(template, body);
        const split = this.split(greedy, part.start);
        this.patch(skipWord(split, greedy), join);
        this.patch(exit, split);
        exit = part.exit;
      }
      this.patch(exit, join);
      exit = xWord(join);
    }
    this.stack.push(new Fragment(entry, entry, exit, least == 0 || body.nullable));
  }

  private copy(template: u32[], body: Fragment): Fragment {
    const base = this.words.length / WORDS;
    if (this.words.length + template.length > MAX_SIZE * WORDS) {
      this.failed = true;
      return new Fragment(0, 0, 1, true);
    }
    const low = body.first as u32;
    const size = (template.length / WORDS) as u32;
    const shift = (base as u32) - low;
    for (let i = 0; i < template.length; i += WORDS) {
      const x = template[i + 1];
      const y = template[i + 2];
      this.words.push(template[i]);
      this.words.push(x - low < size ? x + shift : x);
      this.words.push(y - low < size ? y + shift : y);
      this.words.push(template[i + 3]);
    }
    const exit = body.exit + (shift as i32) * WORDS;
    return new Fragment(base, body.start + (shift as i32), exit, body.nullable);
  }

  // --- classes

  private charClass(set: CharClass): void {
    const limit = this.latin1 ? 0xff : 0x7f;
    const n = set.count;
    if (n > 0 && set.high(n - 1) <= limit) return this.single(this.byteSet(set, limit), false);
    if (n == 0) return this.single(this.nothing(UNPATCHED), false);
    const graph = new Utf8Graph(set);
    const first = this.emit(Code.Nop);
    const start = this.reversed ? this.backwards(graph, first) : this.forwards(graph, first);
    this.stack.push(new Fragment(first, start, xWord(first), false));
  }

  // The graph's ways from its root to its end, which is `join`.
  private forwards(graph: Utf8Graph, join: i32): i32 {
    const starts = new StaticArray<i32>(graph.nodes);
    starts[END] = join;
    let edge = 0;
    for (let node = 1; node < graph.nodes; node++) {
      let start = -1;
      for (; edge < graph.edges && graph.from[edge] == node; edge++) {
        start = this.alternative(this.bytes(graph, edge, starts[graph.to[edge]]), start);
      }
      starts[node] = start < 0 ? this.nothing(join) : start;
    }
    return starts[graph.root];
  }

  // Its ways from the end to the root: the same bytes, the last first.
  private backwards(graph: Utf8Graph, join: i32): i32 {
    const starts = new StaticArray<i32>(graph.nodes);
    const lists = new StaticArray<i32>(graph.nodes); // the first edge to a node, plus one
    const next = new StaticArray<i32>(graph.edges);
    for (let edge = graph.edges - 1; edge >= 0; edge--) {
      next[edge] = lists[graph.to[edge]];
      lists[graph.to[edge]] = edge + 1;
    }
    starts[graph.root] = join;
    for (let node = graph.root - 1; node >= 0; node--) {
      let start = -1;
      for (let edge = lists[node] - 1; edge >= 0; edge = next[edge] - 1) {
        start = this.alternative(this.bytes(graph, edge, starts[graph.from[edge]]), start);
      }
      starts[node] = start < 0 ? this.nothing(join) : start;
    }
    return starts[END];
  }

  private alternative(pc: i32, others: i32): i32 {
    return others < 0 ? pc : this.emit(Code.Split, pc, others);
  }

  // Reads a byte of the edge's.
  private bytes(graph: Utf8Graph, edge: i32, next: i32): i32 {
    const from = edge * SET_WORDS;
    let low = -1;
    let high = -1;
    let count = 0;
    for (let c = 0; c < 256; c++) {
      if (((graph.bits[from + (c >> 5)] >> (c & 31)) & 1) == 0) continue;
      if (low < 0) low = c;
      high = c;
      count++;
    }
    if (high - low + 1 == count) return this.range(low, high, next);
    const at = this.sets.length;
    for (let k = 0; k < SET_WORDS; k++) this.sets.push(graph.bits[from + k]);
    return this.emit(Code.Set, next, UNPATCHED, at / SET_WORDS);
  }

  // Reads a byte that there is not.
  private nothing(next: u32): i32 {
    this.sets.length += SET_WORDS;
    return this.emit(Code.Set, next, UNPATCHED, this.sets.length / SET_WORDS - 1);
  }

  // The members of the class up to `limit` in one instruction.
  private byteSet(set: CharClass, limit: i32): i32 {
    if (set.count == 1 || set.low(1) > limit) {
      return this.range(set.low(0), min(set.high(0), limit), UNPATCHED);
    }
    const at = this.sets.length;
    this.sets.length += SET_WORDS;
    for (let i = 0; i < set.count && set.low(i) <= limit; i++) {
      for (let c = set.low(i); c <= min(set.high(i), limit); c++) {
        this.sets[at + (c >> 5)] |= (1 as u32) << (c & 31);
      }
    }
    return this.emit(Code.Set, UNPATCHED, UNPATCHED, at / SET_WORDS);
  }

  // --- the finished program

  private finish(start: i32): Program {
    const words = this.words;
    const n = words.length / WORDS;
    for (let pc = 0; pc < n; pc++) {
      const code = words[pc * WORDS] & 0xff;
      if (code == Code.Match) continue;
      words[pc * WORDS + 1] = this.threaded(words[pc * WORDS + 1]);
      if (code == Code.Split) words[pc * WORDS + 2] = this.threaded(words[pc * WORDS + 2]);
    }
    const program = new Program();
    program.start = this.threaded(start);
    program.looks = this.looks;
    program.words = StaticArray.fromArray(words);
    program.sets = StaticArray.fromArray(this.sets);
    const leaves = new StaticArray<u16>(n);
    for (let pc = 0; pc < n; pc++) {
      const code = program.code(pc);
      if (code == Code.Range || code == Code.Set || code == Code.Match) {
        leaves[pc] = program.leafCount++ as u16;
      }
    }
    program.leaves = leaves;
    program.anchored = this.isAnchored(program);
    classifyBytes(program);
    return program;
  }

  // Past the Nops at `pc`; they form no circle, for every loop goes through a Split.
  private threaded(pc: u32): u32 {
    let target = pc;
    while (target != UNPATCHED && (this.words[target * WORDS] & 0xff) == Code.Nop) {
      target = this.words[target * WORDS + 1];
    }
    return target;
  }

  // Which bytes a match can begin with, for skipping; a match that can be empty begins anywhere.
  private findFirst(program: Program): void {
    const bytes = new StaticArray<bool>(256);
    const seen = new StaticArray<bool>(program.size);
    const left: i32[] = [program.start];
    while (left.length > 0) {
      const pc = left.pop();
      if (seen[pc]) continue;
      seen[pc] = true;
      const code = program.code(pc);
      if (code == Code.Match) return;
      if (code == Code.Range || code == Code.Set) {
        for (let c = 0; c < 256; c++) if (program.takes(pc, c)) bytes[c] = true;
        continue;
      }
      left.push(program.x(pc));
      if (code == Code.Split) left.push(program.y(pc));
    }
    program.skip.setFirst(bytes);
  }

  // \B in a text of characters asks what kind of byte stands on either side.
  private mind(program: Program): void {
    if ((program.looks & ((1 as u32) << Look.NotWordBoundary)) == 0) return;
    program.minds = true;
    classifyBytes(program);
  }

  private isAnchored(program: Program): bool {
    let pc = program.start;
    for (let i = 0; i < program.size; i++) {
      const code = program.code(pc);
      if (code == Code.Look && program.arg(pc) == Look.TextStart) return true;
      if (code != Code.Save && code != Code.Look) return false;
      pc = program.x(pc);
    }
    return false;
  }
}

function xWord(pc: i32): i32 {
  return pc * WORDS + 1;
}

// The word of a split that leads past the operand.
function skipWord(split: i32, greedy: bool): i32 {
  return split * WORDS + (greedy ? 2 : 1);
}

function mirrored(look: i32): i32 {
  switch (look) {
    case Look.TextStart:
      return Look.TextEnd;
    case Look.TextEnd:
      return Look.TextStart;
    case Look.LineStart:
      return Look.LineEnd;
    case Look.LineEnd:
      return Look.LineStart;
    default:
      return look;
  }
}

// Marks where classes begin, then numbers them. Looks tell newlines and word characters apart.
function classifyBytes(program: Program): void {
  const begins = new StaticArray<bool>(257);
  for (let pc = 0; pc < program.size; pc++) {
    const code = program.code(pc);
    if (code == Code.Range) {
      const word = program.words[pc * WORDS];
      begins[(word >> 8) & 0xff] = true;
      begins[((word >> 16) & 0xff) + 1] = true;
    }
  }
  const sets = program.sets;
  for (let from = 0; from < sets.length; from += SET_WORDS) {
    let before: u32 = 0;
    for (let c = 0; c < 256; c++) {
      const bit = (sets[from + (c >> 5)] >> (c & 31)) & 1;
      if (bit != before) begins[c] = true;
      before = bit;
    }
  }
  if ((program.looks & ((1 << Look.LineStart) | (1 << Look.LineEnd))) != 0) {
    begins[10] = true;
    begins[11] = true;
  }
  if ((program.looks & ((1 << Look.WordBoundary) | (1 << Look.NotWordBoundary))) != 0) {
    for (let c = 1; c < 256; c++) if (isWordByte(c) != isWordByte(c - 1)) begins[c] = true;
  }
  if (program.minds) {
    begins[0x80] = true;
    begins[0xc0] = true;
  }
  const classes = new StaticArray<u8>(256);
  let current = 0;
  for (let c = 0; c < 256; c++) {
    if (c > 0 && begins[c]) current++;
    classes[c] = current as u8;
  }
  program.byteClass = classes;
  program.classCount = current + 1;
}

/** The bytes of a pattern's characters. */
export function encoded(characters: i32[], utf8: bool): StaticArray<u8> {
  const bytes: u8[] = [];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i];
    if (c < 0x80 || !utf8) {
      bytes.push(c as u8);
    } else if (c < 0x800) {
      bytes.push((0xc0 | (c >> 6)) as u8);
      bytes.push((0x80 | (c & 0x3f)) as u8);
    } else {
      if (c < 0x10000) {
        bytes.push((0xe0 | (c >> 12)) as u8);
      } else {
        bytes.push((0xf0 | (c >> 18)) as u8);
        bytes.push((0x80 | ((c >> 12) & 0x3f)) as u8);
      }
      bytes.push((0x80 | ((c >> 6) & 0x3f)) as u8);
      bytes.push((0x80 | (c & 0x3f)) as u8);
    }
  }
  return StaticArray.fromArray(bytes);
}

/** Whether the byte is one of UTF-8's that follow the first of a character. */
export function isContinuation(c: u32): bool {
  return (c & 0xc0) == 0x80;
}

/** Letters, digits and _, ASCII only, as RE2's `\w` and `\b` have it. */
export function isWordByte(c: u32): bool {
  return c - 0x30 < 10 || ((c | 0x20) - 0x61 < 26 && c < 0x80) || c == 0x5f;
}
