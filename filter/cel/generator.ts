// From the checked tree to code. What is constant is evaluated here, by the machine itself, so that
// there is one meaning; what fails stays as it is, for `||` and `&&` may absorb it when the time comes.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import * as regexes from "../regex";
import { Notation, Regex, Template, Unknown } from "../regex";
import { Fold, FREE, Node, NodeKind, Reference } from "./ast";
import { refill, remaining } from "./budget";
import { Failure } from "./failure";
import { Fn } from "./functions";
import * as machine from "./machine";
import { fail, Stage } from "./problem";
import { Assembly, Handler, MAX_STACK, Op, Program } from "./program";
import { isReplacement } from "./replacement";
import { isOptional } from "./types";
import { deepCopy, Kind, Value, weight } from "./value";

/** Units that evaluating constant parts may cost when an expression is compiled, all together, and the
 * units of 16 bytes that the results may take with them. */
const FOLDING_BUDGET: i32 = 100_000;

/** Units that trying costs by itself. */
const TRIAL_COST: i32 = 10;

/** What a constant may take, in units of 16 bytes. */
const FOLDED_SIZE: i32 = 16 * 1024;

/** What all expressions of a configuration may use of that: there may be thousands. */
const CONFIGURATION_BUDGET: i32 = 5_000_000;

let pool: i32 = CONFIGURATION_BUDGET;

/** At the beginning of a configuration. */
export function refillFolding(): void {
  pool = CONFIGURATION_BUDGET;
}

const scratchArena = Arena.create();
const literal = Value.create();
const folded = Value.create();

@final
export class Generator {
  private readonly assembly: Assembly = new Assembly();
  private locals: i32 = 0; // in use
  private depth: i32 = 0; // operands on the stack
  private maxLocals: i32 = 0;
  private maxDepth: i32 = 0;
  private allowance: i32 = min(FOLDING_BUDGET, pool);

  constructor(
    private readonly arena: Arena,
    private readonly folding: bool,
  ) {}

  /** The program, or null with the problem noted. */
  generate(root: Node): Program | null {
    this.emit(root);
    this.op(Op.Return, 0, 0, root.at);
    const program = this.assembly.finish(this.arena);
    if (program == null) {
      fail(0, "there is no memory left", Stage.Limit);
      return null;
    }
    this.measure(program);
    if (program.stack > MAX_STACK) {
      fail(root.at, "the expression needs too many values at a time", Stage.Limit);
      return null;
    }
    return program;
  }

  private measure(program: Program): void {
    program.locals = this.maxLocals;
    program.stack = this.maxLocals + this.maxDepth;
  }

  private op(op: Op, a: i32, b: i32, place: i32): i32 {
    return this.assembly.emit(op, a, b, place);
  }

  /** Says that the stack has `n` more operands now. */
  private grow(n: i32): void {
    this.depth += n;
    this.maxDepth = max(this.maxDepth, this.depth);
  }

  private reserve(n: i32): i32 {
    const index = this.locals;
    this.locals += n;
    this.maxLocals = max(this.maxLocals, this.locals);
    return index;
  }

  private release(n: i32): void {
    this.locals -= n;
  }

  // ---- folding

  /** Code that pushes the value of the node. */
  private emit(node: Node): void {
    const isLiteral = node.kind == NodeKind.Literal;
    const isFolded = this.folding && this.allowance > 0;
    if (isLiteral || node.isVolatile || node.uses != FREE || !isFolded) {
      this.emitCode(node);
      return;
    }
    const assembly = this.assembly;
    const start = assembly.size;
    const handlers = assembly.program.handlers.length;
    const patterns = assembly.program.patterns.length;
    const depth = this.depth;
    const constants = assembly.constantCount;
    this.emitCode(node);
    if (assembly.isConstantFrom(start)) return;
    if (this.allowance <= 0 || !this.evaluate(start)) return;
    assembly.truncate(start, handlers, constants);
    assembly.program.patterns.length = patterns;
    assembly.program.templates.length = patterns;
    this.depth = depth;
    this.push(folded, node.at);
  }

  // Evaluates the code from `start` on into `folded`; false when it fails.
  private evaluate(start: i32): bool {
    const assembly = this.assembly;
    const end = this.op(Op.Return, 0, 0, 0);
    const trial = assembly.trial(start, scratchArena);
    let good = trial != null && this.maxLocals + this.maxDepth <= MAX_STACK;
    if (trial != null && good) {
      this.measure(trial);
      refill(this.allowance);
      good = machine.run(trial, start, null, scratchArena, literal);
      this.spend(this.allowance - remaining() + TRIAL_COST);
      // What would take much room is better made when it is needed.
      const size = good ? weight(literal, min(FOLDED_SIZE, this.allowance)) : -1;
      good = size >= 0 && deepCopy(literal, folded, this.arena);
      if (good) this.spend(size);
    }
    scratchArena.reset();
    assembly.truncate(end, assembly.program.handlers.length, assembly.constantCount);
    return good;
  }

  private spend(units: i32): void {
    this.allowance -= units;
    pool -= units;
  }

  private push(value: Value, place: i32): void {
    this.op(Op.Constant, 0, this.assembly.constant(value), place);
    this.grow(1);
  }

  private text(text: Span): i32 {
    literal.set(Kind.String, text);
    return this.assembly.constant(literal);
  }

  /** The constant that the code from `start` on pushes, or null when it does anything else. */
  private constantFrom(start: i32): Value | null {
    const assembly = this.assembly;
    if (!assembly.isConstantFrom(start)) return null;
    return assembly.constantAt(assembly.words[start * 3 + 1]);
  }

  // ---- nodes

  private emitCode(node: Node): void {
    switch (node.kind) {
      case NodeKind.Literal:
        literal.set(node.constant, node.bits);
        this.push(literal, node.at);
        return;
      case NodeKind.Identifier:
      case NodeKind.Select:
      case NodeKind.Index:
        this.emitReference(node);
        return;
      case NodeKind.Has:
        this.emitHas(node);
        return;
      case NodeKind.Call:
        this.emitCall(node);
        return;
      case NodeKind.List:
        this.op(Op.StartList, 0, node.args.length, node.at);
        this.grow(1);
        for (let i = 0; i < node.args.length; i++) {
          this.emit(node.args[i]);
          this.op(Op.Append, node.optionals[i] ? 1 : 0, 0, node.args[i].at);
          this.grow(-1);
        }
        return;
      case NodeKind.Map:
        this.op(Op.StartMap, 0, node.args.length / 2, node.at);
        this.grow(1);
        for (let i = 0; i < node.args.length; i += 2) {
          this.emit(node.args[i]);
          this.emit(node.args[i + 1]);
          this.op(Op.Insert, node.optionals[i / 2] ? 1 : 0, 0, node.args[i].at);
          this.grow(-2);
        }
        return;
      case NodeKind.Conditional:
        this.emitConditional(node);
        return;
      case NodeKind.And:
        this.emitLogic(node, Op.AndLeft, Op.AndRight);
        return;
      case NodeKind.Or:
        this.emitLogic(node, Op.OrLeft, Op.OrRight);
        return;
      case NodeKind.Fold:
        this.emitFold(node);
        return;
      case NodeKind.Bind:
      case NodeKind.Block:
        this.emitBindings(node);
        return;
      case NodeKind.OptionalMap:
        this.emitOptionalMap(node);
        return;
    }
  }

  private emitReference(node: Node): void {
    switch (node.reference) {
      case Reference.Local:
        this.op(Op.Local, node.local!.index, 0, node.at);
        this.grow(1);
        return;
      case Reference.Attribute:
        this.op(Op.Attribute, 0, node.slot, node.at);
        this.grow(1);
        return;
      case Reference.Constant:
        this.push(Value.at(node.bits as usize), node.at);
        return;
      case Reference.TypeName:
        literal.set(Kind.Type, node.slot);
        this.push(literal, node.at);
        return;
      case Reference.Unknown:
        this.op(Op.Fail, Failure.NoSuchAttribute, 0, node.at);
        this.grow(1);
        return;
    }
    this.emit(node.args[0]);
    const a = node.isOptional ? 1 : 0;
    if (node.kind == NodeKind.Select) {
      this.op(Op.Select, a, this.text(node.name), node.at);
      return;
    }
    this.emit(node.args[1]);
    this.op(Op.Index, a, 0, node.at);
    this.grow(-1);
  }

  private emitHas(node: Node): void {
    if (node.reference == Reference.Attribute) {
      this.op(Op.Present, 0, node.slot, node.at);
      this.grow(1);
      return;
    }
    this.emit(node.args[0]);
    this.op(Op.Has, 0, this.text(node.name), node.at);
  }

  private emitConditional(node: Node): void {
    this.emit(node.args[0]);
    const otherwise = this.op(Op.JumpUnless, 0, 0, node.args[0].at);
    this.grow(-1);
    this.emit(node.args[1]);
    const end = this.op(Op.Jump, 0, 0, node.at);
    this.grow(-1);
    this.assembly.land(otherwise);
    this.emit(node.args[2]);
    this.assembly.land(end);
  }

  /** Code for the node; a failure in it is pushed in place of its value. */
  private emitGuarded(node: Node): void {
    const from = this.assembly.size;
    const depth = this.depth;
    this.emit(node);
    const to = this.assembly.size;
    if (this.assembly.isConstantFrom(from)) return; // cannot fail
    this.assembly.program.handlers.push(new Handler(from, to, to, depth));
  }

  private emitLogic(node: Node, left: Op, right: Op): void {
    const ends: i32[] = [];
    this.emitGuarded(node.args[0]);
    for (let i = 1; i < node.args.length; i++) {
      ends.push(this.op(left, 0, 0, node.args[i - 1].at));
      this.emitGuarded(node.args[i]);
      // The last one is where a failure that nothing absorbed goes on from here.
      this.op(right, i == node.args.length - 1 ? 1 : 0, 0, node.args[i].at);
      this.grow(-1);
    }
    for (let i = 0; i < ends.length; i++) this.assembly.land(ends[i]);
  }

  private emitCall(node: Node): void {
    const n = node.args.length;
    const fn = node.fn;
    if (fn == Fn.None) {
      // The arguments could fail, but not otherwise than this does.
      this.op(Op.Fail, Failure.NoSuchFunction, 0, node.at);
      this.grow(1);
      return;
    }
    if (fn == Fn.OptionalOr || fn == Fn.OptionalOrValue) {
      this.emitOrElse(node, fn == Fn.OptionalOrValue);
      return;
    }
    if (fn == Fn.Default) {
      this.emitDefault(node);
      return;
    }
    for (let i = 0; i < n; i++) {
      const start = this.assembly.size;
      this.emit(node.args[i]);
      // The pattern is compiled beforehand when it is constant.
      if (i == 1 && isOfPattern(fn)) {
        const pattern = this.constantFrom(start);
        if (pattern != null && pattern.kind == Kind.String) {
          const found = this.pattern(pattern.bits, fn, node.args[i].at);
          if (found >= 0) {
            this.emitPatternCall(node, found);
            return;
          }
        }
      }
    }
    if (fn <= Fn.In) {
      const op = fn == Fn.Negate ? Op.Negate : fn == Fn.Not ? Op.Not : Op.Operator;
      this.op(op, fn, 0, node.at);
    } else {
      this.op(Op.Call, n, fn, node.at);
    }
    this.grow(1 - n);
  }

  /** The number of the compiled pattern, or -1 with the problem noted. */
  private pattern(text: Span, fn: Fn, at: i32): i32 {
    const regex = Regex.compile(text, 0);
    if (regex == null) {
      fail(at, "this is no regular expression: " + regexes.errorText(), Stage.Pattern);
      return -1;
    }
    const oneGroup = fn == Fn.RegexExtract || fn == Fn.RegexExtractAll;
    if (oneGroup && regex.captureCount > 1) {
      fail(at, "the pattern may have one group at most", Stage.Pattern);
      return -1;
    }
    const program = this.assembly.program;
    program.patterns.push(regex);
    program.templates.push(null);
    return program.patterns.length - 1;
  }

  private emitPatternCall(node: Node, pattern: i32): void {
    const n = node.args.length;
    const program = this.assembly.program;
    for (let i = 2; i < n; i++) {
      const start = this.assembly.size;
      this.emit(node.args[i]);
      if (i != 2) continue;
      const replacement = this.constantFrom(start);
      if (replacement == null || replacement.kind != Kind.String) continue;
      const template = Template.compile(
        replacement.bits,
        program.patterns[pattern],
        Notation.Backslash,
        Unknown.Refuse,
      );
      if (template == null || !isReplacement(replacement.bits)) {
        fail(
          node.args[i].at,
          "the replacement refers to groups as \\0 to \\9, which the pattern must have; \\\\ is a backslash",
          Stage.Pattern,
        );
        return;
      }
      program.templates[pattern] = template;
    }
    this.op(Op.CallRegex, node.fn | (n << 12), pattern, node.at);
    this.grow(1 - n);
  }

  private emitOrElse(node: Node, isValue: bool): void {
    this.emit(node.args[0]);
    const end = this.op(Op.OrElse, isValue ? 1 : 0, 0, node.at);
    this.grow(-1);
    this.emit(node.args[1]);
    if (!isValue) this.op(Op.ExpectOptional, 0, 0, node.args[1].at);
    this.assembly.land(end);
  }

  /** The second is evaluated only where the first is nothing. */
  private emitDefault(node: Node): void {
    this.emit(node.args[0]);
    const keeps = isOptional(node.args[1].type);
    const end = this.op(Op.Default, keeps ? 0 : 1, 0, node.at);
    this.grow(-1);
    this.emit(node.args[1]);
    this.assembly.land(end);
  }

  private emitOptionalMap(node: Node): void {
    this.emit(node.args[0]);
    const index = this.reserve(1);
    node.variable!.index = index;
    const none = this.op(Op.Unwrap, index, 0, node.at);
    this.grow(-1);
    this.emit(node.args[1]);
    this.op(node.isOptional ? Op.ExpectOptional : Op.Wrap, 0, 0, node.args[1].at);
    this.assembly.land(none);
    this.release(1);
  }

  /** Each argument but the last bound to its variable for those after it. A failure is kept until the variable is used. */
  private emitBindings(node: Node): void {
    const n = node.args.length - 1;
    const first = this.reserve(n);
    for (let k = 0; k < n; k++) {
      const variable = node.kind == NodeKind.Bind ? node.variable! : node.args[k].bound!;
      variable.index = first + k;
      this.emitGuarded(node.args[k]);
      this.op(Op.Store, first + k, 0, node.args[k].at);
      this.grow(-1);
    }
    this.emit(node.args[n]);
    this.release(n);
  }

  // ---- loops

  private emitFold(node: Node): void {
    const fold = node.fold;
    const walk = this.reserve(5); // container, place, first, second, result
    const result = walk + 4;
    node.variable!.index = walk + 2;
    const second = node.second;
    if (second != null) second.index = walk + 3;
    this.emit(node.args[0]);
    this.op(Op.Iterate, walk, fold == Fold.SortBy ? 1 : 0, node.args[0].at);
    this.grow(-1);
    this.startFold(fold, result, walk, node.at);
    const loop = this.assembly.size;
    const next = this.op(second == null ? Op.Next : Op.NextPair, walk, 0, node.at);
    const exit = this.emitTurn(node, walk, result, loop);
    this.op(Op.Jump, 0, loop, node.at);
    this.assembly.land(next);
    if (exit >= 0) this.assembly.land(exit);
    this.endFold(fold, result, walk, node.at);
    this.grow(1);
    this.release(5);
  }

  private startFold(fold: Fold, result: i32, walk: i32, at: i32): void {
    switch (fold) {
      case Fold.All:
      case Fold.Exists:
        literal.setBool(fold == Fold.All);
        break;
      case Fold.ExistsOne:
        literal.setInt(0);
        break;
      case Fold.TransformMap:
        this.op(Op.StartMapFor, result, walk, at);
        return;
      default:
        this.op(Op.StartListFor, result, walk, at);
        return;
    }
    this.push(literal, at);
    this.op(Op.Store, result, 0, at);
    this.grow(-1);
  }

  /** One turn of the loop; the instruction that leaves it early, or -1. */
  private emitTurn(node: Node, walk: i32, result: i32, loop: i32): i32 {
    const body = node.args[1];
    const at = body.at;
    let exit = -1;
    if (node.args.length == 3) {
      this.emit(node.args[2]);
      this.op(Op.JumpUnless, 0, loop, node.args[2].at);
      this.grow(-1);
    }
    const absorbs = node.fold == Fold.All || node.fold == Fold.Exists;
    if (absorbs) this.emitGuarded(body);
    else this.emit(body);
    switch (node.fold) {
      case Fold.All:
        exit = this.op(Op.AllStep, result, 0, at);
        break;
      case Fold.Exists:
        exit = this.op(Op.ExistsStep, result, 0, at);
        break;
      case Fold.ExistsOne:
        this.op(Op.ExistsOneStep, result, 0, at);
        break;
      case Fold.Filter:
        this.op(Op.FilterStep, result, walk + 2, at);
        break;
      case Fold.TransformMap:
        this.op(Op.InsertTo, result, walk + 2, at);
        break;
      default:
        this.op(Op.AppendTo, result, 0, at);
        break;
    }
    this.grow(-1);
    return exit;
  }

  private endFold(fold: Fold, result: i32, walk: i32, at: i32): void {
    switch (fold) {
      case Fold.ExistsOne:
        this.op(Op.AnswerOne, result, 0, at);
        return;
      case Fold.SortBy:
        this.op(Op.Local, walk, 0, at);
        this.op(Op.Local, result, 0, at);
        this.grow(2);
        this.op(Op.Call, 2, Fn.SortByKeys, at);
        this.grow(-2);
        return;
      case Fold.TransformMapEntry:
        this.op(Op.Local, result, 0, at);
        this.op(Op.Merge, 0, 0, at);
        return;
      default:
        this.op(Op.Answer, result, 0, at);
    }
  }
}

/** Functions whose second argument is a pattern. */
function isOfPattern(fn: Fn): bool {
  return (
    fn == Fn.Matches || fn == Fn.RegexReplace || fn == Fn.RegexExtract || fn == Fn.RegexExtractAll
  );
}
