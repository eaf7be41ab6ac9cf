// The grammar of the CEL specification, by precedence climbing; macros are recognized here, by name
// and number of arguments, as the specification has it.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import * as number from "../bytes/number";
import { byteAtUnchecked, equal, length, Span, sliceUnchecked } from "../bytes/span";
import { equalsText, fromText, toString } from "../bytes/text";
import { Fold, Local, Node, NodeKind } from "./ast";
import { Fn } from "./functions";
import { Lexer, Token } from "./lexer";
import * as problem from "./problem";
import { fail, Stage } from "./problem";
import { Kind } from "./value";

/** Levels of nesting, of brackets and of operators. */
export const MAX_DEPTH: i32 = 200;
/** Bytes of source. */
export const MAX_SOURCE: i32 = 64 * 1024;

const RESERVED =
  " as break const continue else for function if import let loop package namespace return var void while ";

// Binding strengths.
const enum Power {
  None,
  Relation,
  Sum,
  Product,
}

@final
export class Parser {
  private readonly lexer: Lexer;
  private depth: i32 = 0;

  constructor(
    source: Span,
    private readonly macros: bool,
    private readonly arena: Arena,
  ) {
    if (length(source) > MAX_SOURCE) fail(0, "the expression is longer than 64 KiB", Stage.Limit);
    this.lexer = new Lexer(length(source) > MAX_SOURCE ? sliceUnchecked(source, 0, 0) : source);
  }

  /** The tree, or null with the problem noted. */
  parse(): Node | null {
    if (this.is(Token.End)) {
      fail(this.lexer.at, "an expression is missing", Stage.Syntax);
      return null;
    }
    const node = this.expression();
    if (!this.is(Token.End)) this.unexpected("an operator or the end");
    return problem.stage == Stage.None ? node : null;
  }

  private is(token: Token): bool {
    return this.lexer.token == token;
  }

  private take(token: Token): bool {
    if (this.lexer.token != token) return false;
    this.lexer.next();
    return true;
  }

  private expect(token: Token, what: string): void {
    if (!this.take(token)) this.unexpected(what);
  }

  private unexpected(wanted: string): void {
    const lexer = this.lexer;
    if (lexer.token == Token.Bad) return;
    if (lexer.token == Token.End) {
      fail(lexer.at, "the expression ends here, but " + wanted + " is expected", Stage.Syntax);
    } else {
      fail(
        lexer.at,
        wanted + ' is expected here, not "' + toString(lexer.text) + '"',
        Stage.Syntax,
      );
    }
  }

  private get failed(): bool {
    return problem.stage != Stage.None;
  }

  private node(kind: NodeKind, at: i32, args: Node[]): Node {
    const node = new Node(kind, at, args);
    let depth = 0;
    for (let i = 0; i < args.length; i++) depth = max(depth, args[i].depth);
    node.depth = depth + 1;
    if (node.depth > MAX_DEPTH) this.tooDeep(at);
    return node;
  }

  private tooDeep(at: i32): void {
    fail(at, "the expression is nested too deeply", Stage.Limit);
  }

  /** What stands in for a part that could not be parsed. */
  private nothing(): Node {
    return new Node(NodeKind.Literal, this.lexer.at);
  }

  private expression(): Node {
    if (this.failed) return this.nothing();
    if (++this.depth > MAX_DEPTH) this.tooDeep(this.lexer.at);
    let node = this.chain(Token.Or);
    const at = this.lexer.at;
    if (this.take(Token.Question)) {
      const yes = this.chain(Token.Or);
      this.expect(Token.Colon, ":");
      const no = this.expression();
      node = this.node(NodeKind.Conditional, at, [node, yes, no]);
    }
    this.depth--;
    return node;
  }

  // a || b || c as one node, and within it a && b && c: long chains cost no depth.
  private chain(token: Token): Node {
    const first = token == Token.Or ? this.chain(Token.And) : this.binary(Power.Relation);
    if (!this.is(token)) return first;
    const at = this.lexer.at;
    const args: Node[] = [first];
    while (!this.failed && this.take(token)) {
      args.push(token == Token.Or ? this.chain(Token.And) : this.binary(Power.Relation));
    }
    return this.node(token == Token.Or ? NodeKind.Or : NodeKind.And, at, args);
  }

  private binary(least: Power): Node {
    let left = this.unary();
    while (!this.failed) {
      const power = powerOf(this.lexer.token);
      if (power < least || power == Power.None) return left;
      const at = this.lexer.at;
      const fn = operatorOf(this.lexer.token);
      this.lexer.next();
      const right = power == Power.Product ? this.unary() : this.binary((power + 1) as Power);
      const node = this.node(NodeKind.Call, at, [left, right]);
      node.fn = fn;
      left = node;
    }
    return left;
  }

  private unary(): Node {
    const at = this.lexer.at;
    if (!this.is(Token.Not) && !this.is(Token.Minus)) return this.member();
    const token = this.lexer.token;
    let count = 0;
    let last = at;
    while (this.is(token)) {
      last = this.lexer.at;
      this.lexer.next();
      count++;
    }
    if (count > MAX_DEPTH) this.tooDeep(at);
    let node: Node;
    if (token == Token.Minus && (this.is(Token.Int) || this.is(Token.Double))) {
      // The sign belongs to the literal: the smallest integer has no positive counterpart.
      const literal = this.literal(last, true);
      node = this.postfix(literal);
      count--;
    } else {
      node = this.member();
    }
    // An even number of them is as good as none, but for what they say of the type: two do.
    for (let i = count > 2 ? 2 - (count & 1) : count; i > 0; i--) {
      const outer = this.node(NodeKind.Call, at, [node]);
      outer.fn = token == Token.Not ? Fn.Not : Fn.Negate;
      node = outer;
    }
    return node;
  }

  private member(): Node {
    return this.postfix(this.primary());
  }

  private postfix(first: Node): Node {
    let node = first;
    while (!this.failed) {
      const at = this.lexer.at;
      if (this.take(Token.Dot)) {
        const isOptional = this.take(Token.Question);
        node = this.selection(node, at, isOptional);
      } else if (this.take(Token.LeftBracket)) {
        const isOptional = this.take(Token.Question);
        const index = this.node(NodeKind.Index, at, [node, this.expression()]);
        index.isOptional = isOptional;
        this.expect(Token.RightBracket, "]");
        node = index;
      } else if (this.is(Token.LeftBrace) && isTypeName(node)) {
        fail(at, "messages cannot be made here, only lists and maps", Stage.Syntax);
      } else {
        return node;
      }
    }
    return node;
  }

  private selection(target: Node, at: i32, isOptional: bool): Node {
    const lexer = this.lexer;
    const nameAt = lexer.at;
    if (!this.is(Token.Identifier) && !this.is(Token.Quoted)) {
      this.unexpected("a name");
      return target;
    }
    const name = lexer.text;
    const isQuoted = this.is(Token.Quoted);
    lexer.next();
    if (!isQuoted && !isOptional && this.is(Token.LeftParen)) {
      return this.call(name, nameAt, target);
    }
    const node = this.node(NodeKind.Select, at, [target]);
    node.name = name;
    node.isOptional = isOptional;
    return node;
  }

  private primary(): Node {
    const lexer = this.lexer;
    const at = lexer.at;
    switch (lexer.token) {
      case Token.LeftParen: {
        lexer.next();
        const inner = this.expression();
        this.expect(Token.RightParen, ")");
        return inner;
      }
      case Token.LeftBracket:
        lexer.next();
        return this.list(at);
      case Token.LeftBrace:
        lexer.next();
        return this.map(at);
      case Token.Dot: {
        lexer.next();
        const node = this.identifier();
        node.isAbsolute = true;
        return node;
      }
      case Token.Identifier:
        return this.identifier();
      default:
        return this.literal(at, false);
    }
  }

  private identifier(): Node {
    const lexer = this.lexer;
    const at = lexer.at;
    if (!this.is(Token.Identifier)) {
      this.unexpected("a name");
      return this.nothing();
    }
    const name = lexer.text;
    lexer.next();
    if (this.is(Token.LeftParen)) return this.call(name, at, null);
    if (RESERVED.includes(" " + toString(name) + " ")) {
      fail(at, '"' + toString(name) + '" is a reserved word', Stage.Syntax);
    }
    const node = new Node(NodeKind.Identifier, at);
    node.name = name;
    return node;
  }

  private list(at: i32): Node {
    const args: Node[] = [];
    const optionals: bool[] = [];
    while (!this.failed && !this.is(Token.RightBracket)) {
      optionals.push(this.take(Token.Question));
      args.push(this.expression());
      if (!this.take(Token.Comma)) break;
    }
    this.expect(Token.RightBracket, "] or ,");
    const node = this.node(NodeKind.List, at, args);
    node.optionals = optionals;
    return node;
  }

  private map(at: i32): Node {
    const args: Node[] = [];
    const optionals: bool[] = [];
    while (!this.failed && !this.is(Token.RightBrace)) {
      optionals.push(this.take(Token.Question));
      args.push(this.expression());
      this.expect(Token.Colon, ":");
      args.push(this.expression());
      if (!this.take(Token.Comma)) break;
    }
    this.expect(Token.RightBrace, "} or ,");
    const node = this.node(NodeKind.Map, at, args);
    node.optionals = optionals;
    return node;
  }

  private literal(at: i32, negative: bool): Node {
    const lexer = this.lexer;
    const node = new Node(NodeKind.Literal, at);
    switch (lexer.token) {
      case Token.Int:
        node.constant = Kind.Int;
        node.bits = integer(lexer.text, lexer.at, negative);
        break;
      case Token.Uint:
        node.constant = Kind.Uint;
        node.bits = magnitude(sliceUnchecked(lexer.text, 0, length(lexer.text) - 1), lexer.at);
        break;
      case Token.Double: {
        const value = number.parseDouble(lexer.text);
        node.constant = Kind.Double;
        node.bits = reinterpret<u64>(negative ? -value : value);
        break;
      }
      case Token.String:
      case Token.Bytes:
        node.constant = lexer.token == Token.String ? Kind.String : Kind.Bytes;
        node.bits = lexer.literal(this.arena);
        break;
      case Token.True:
      case Token.False:
        node.constant = Kind.Bool;
        node.bits = lexer.token == Token.True ? 1 : 0;
        break;
      case Token.Null:
        break;
      default:
        this.unexpected("a value");
        return node;
    }
    lexer.next();
    return node;
  }

  // ---- calls and macros

  private call(name: Span, at: i32, target: Node | null): Node {
    this.lexer.next(); // (
    const args: Node[] = [];
    while (!this.failed && !this.is(Token.RightParen)) {
      args.push(this.expression());
      if (!this.take(Token.Comma)) break;
    }
    this.expect(Token.RightParen, ") or ,");
    if (this.macros && !this.failed) {
      const macro = this.macro(toString(name), at, target, args);
      if (macro != null) return macro;
    }
    if (target != null) args.unshift(target);
    const node = this.node(NodeKind.Call, at, args);
    node.name = name;
    node.isMember = target != null;
    return node;
  }

  private macro(name: string, at: i32, target: Node | null, args: Node[]): Node | null {
    const n = args.length;
    if (target == null) {
      return name == "has" && n == 1 ? this.has(at, args[0]) : null;
    }
    if (target.kind == NodeKind.Identifier && equalsText(target.name, "cel")) {
      return this.celMacro(name, at, args);
    }
    if (name == "all") return this.fold(Fold.All, at, target, args, 2);
    if (name == "exists") return this.fold(Fold.Exists, at, target, args, 2);
    if (name == "exists_one") return this.fold(Fold.ExistsOne, at, target, args, 2);
    if (name == "existsOne") return this.fold(Fold.ExistsOne, at, target, args, 2);
    if (name == "filter" && n == 2) return this.fold(Fold.Filter, at, target, args, 2);
    if (name == "map" && (n == 2 || n == 3)) return this.mapped(Fold.Map, at, target, args, 1);
    if (name == "sortBy" && n == 2) return this.fold(Fold.SortBy, at, target, args, 2);
    if (n == 3 || n == 4) {
      if (name == "transformList") return this.mapped(Fold.Map, at, target, args, 2);
      if (name == "transformMap") return this.mapped(Fold.TransformMap, at, target, args, 2);
      if (name == "transformMapEntry")
        return this.mapped(Fold.TransformMapEntry, at, target, args, 2);
    }
    if ((name == "optMap" || name == "optFlatMap") && n == 2) {
      const node = this.node(NodeKind.OptionalMap, at, [target, args[1]]);
      node.variable = this.variable(args[0]);
      node.isOptional = name == "optFlatMap";
      return node;
    }
    return null;
  }

  /** range.name(x, body), and range.name(i, x, body) where there is such a form. */
  private fold(fold: Fold, at: i32, range: Node, args: Node[], least: i32): Node | null {
    const n = args.length;
    const isTwo = n == 3 && fold <= Fold.ExistsOne;
    if (n != least && !isTwo) return null;
    const node = this.node(NodeKind.Fold, at, [range, args[n - 1]]);
    node.fold = fold;
    node.variable = this.variable(args[0]);
    if (isTwo) node.second = this.otherVariable(args[1], node.variable!);
    return node;
  }

  /** range.name(x…, make) and range.name(x…, which, make). */
  private mapped(fold: Fold, at: i32, range: Node, args: Node[], variables: i32): Node {
    const n = args.length;
    const parts: Node[] = [range, args[n - 1]];
    if (n - variables == 2) parts.push(args[n - 2]);
    const node = this.node(NodeKind.Fold, at, parts);
    node.fold = fold;
    node.variable = this.variable(args[0]);
    if (variables == 2) node.second = this.otherVariable(args[1], node.variable!);
    return node;
  }

  private variable(node: Node): Local {
    if (node.kind != NodeKind.Identifier || node.isAbsolute) {
      fail(node.at, "the name of a variable is expected here", Stage.Syntax);
    } else if (equalsText(node.name, "__result__")) {
      fail(node.at, "__result__ cannot be the name of a variable", Stage.Syntax);
    }
    return new Local(node.name);
  }

  private otherVariable(node: Node, first: Local): Local {
    const local = this.variable(node);
    if (equal(local.name, first.name)) {
      fail(node.at, "the two variables need different names", Stage.Syntax);
    }
    return local;
  }

  private has(at: i32, what: Node): Node | null {
    if (what.kind != NodeKind.Select || what.isOptional) {
      fail(what.at, "has() asks for a member: has(a.b)", Stage.Syntax);
      return null;
    }
    const node = this.node(NodeKind.Has, at, what.args);
    node.name = what.name;
    return node;
  }

  private celMacro(name: string, at: i32, args: Node[]): Node | null {
    const n = args.length;
    if (name == "bind" && n == 3) {
      const node = this.node(NodeKind.Bind, at, [args[1], args[2]]);
      node.variable = this.variable(args[0]);
      return node;
    }
    if (name == "block" && n == 2) {
      if (args[0].kind != NodeKind.List) {
        fail(args[0].at, "cel.block takes a list of expressions", Stage.Syntax);
        return null;
      }
      const parts = args[0].args.slice(0);
      parts.push(args[1]);
      return this.node(NodeKind.Block, at, parts);
    }
    if (name == "index" && n == 1) return this.internalName(at, "@index", args);
    if (name == "iterVar" && n == 2) return this.internalName(at, "@it", args);
    if (name == "accuVar" && n == 2) return this.internalName(at, "@ac", args);
    return null;
  }

  // Variables that optimizers of CEL number: names that nobody can write.
  private internalName(at: i32, prefix: string, args: Node[]): Node {
    let text = prefix;
    for (let i = 0; i < args.length; i++) {
      if (args[i].kind != NodeKind.Literal || args[i].constant != Kind.Int) {
        fail(args[i].at, "a number is expected here", Stage.Syntax);
      }
      text += ":" + args[i].bits.toString();
    }
    const node = new Node(NodeKind.Identifier, at);
    node.name = fromText(text, this.arena);
    return node;
  }
}

/** Whether it could name a message: `a.b.Message`. */
function isTypeName(node: Node): bool {
  return node.kind == NodeKind.Identifier || (node.kind == NodeKind.Select && !node.isOptional);
}

function powerOf(token: Token): Power {
  switch (token) {
    case Token.Equal:
    case Token.NotEqual:
    case Token.Less:
    case Token.LessOrEqual:
    case Token.Greater:
    case Token.GreaterOrEqual:
    case Token.In:
      return Power.Relation;
    case Token.Plus:
    case Token.Minus:
      return Power.Sum;
    case Token.Star:
    case Token.Slash:
    case Token.Percent:
      return Power.Product;
    default:
      return Power.None;
  }
}

function operatorOf(token: Token): Fn {
  switch (token) {
    case Token.Equal:
      return Fn.Equal;
    case Token.NotEqual:
      return Fn.NotEqual;
    case Token.Less:
      return Fn.Less;
    case Token.LessOrEqual:
      return Fn.LessOrEqual;
    case Token.Greater:
      return Fn.Greater;
    case Token.GreaterOrEqual:
      return Fn.GreaterOrEqual;
    case Token.In:
      return Fn.In;
    case Token.Plus:
      return Fn.Add;
    case Token.Minus:
      return Fn.Subtract;
    case Token.Star:
      return Fn.Multiply;
    case Token.Slash:
      return Fn.Divide;
    default:
      return Fn.Modulo;
  }
}

function magnitude(text: Span, at: i32): u64 {
  const isHex = length(text) > 2 && (byteAtUnchecked(text, 1) | 0x20) == 0x78;
  const base: u64 = isHex ? 16 : 10;
  let value: u64 = 0;
  for (let i = isHex ? 2 : 0, n = length(text); i < n; i++) {
    const digit = ascii.hexValue(byteAtUnchecked(text, i)) as u64;
    if (value > (u64.MAX_VALUE - digit) / base) {
      fail(at, "the number is out of range", Stage.Syntax);
      return 0;
    }
    value = value * base + digit;
  }
  return value;
}

function integer(text: Span, at: i32, negative: bool): u64 {
  const value = magnitude(text, at);
  const limit: u64 = negative ? 0x8000000000000000 : 0x7fffffffffffffff;
  if (value > limit) fail(at, "the number is out of range", Stage.Syntax);
  return negative ? 0 - value : value;
}
