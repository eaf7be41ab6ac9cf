// Finds out what names refer to and which types things have, and refuses what cannot work. It follows
// the CEL specification: overloads by the types of all arguments, type parameters, dyn where types
// are not known. Where checking is off, what cannot be resolved is left to fail when evaluated.

import { Arena } from "../bytes/arena";
import { equal, Span } from "../bytes/span";
import { fromText, toString } from "../bytes/text";
import { Fold, FREE, Local, Node, NodeKind, Reference } from "./ast";
import { Environment, Segment } from "./environment";
import { FIRST_VOLATILE, Fn, FunctionEntry, named, Overload, table } from "./functions";
import * as problem from "./problem";
import { fail, Stage } from "./problem";
import * as types from "./types";
import { Type, TypeKind } from "./types";
import { Kind, TypeId } from "./value";

/** Levels of nesting of a value: variables may stand for values that are as deep as expressions, again
 * and again. What walks through values and types is recursive and relies on it. */
const MAX_VALUE_DEPTH: i32 = 1000;

const TOO_COMPLEX = "the types in the expression are too complex";

@final
export class Checker {
  private readonly scope: Local[] = [];

  constructor(
    private readonly environment: Environment,
    private readonly arena: Arena,
  ) {}

  /** The type of the whole; the problem is noted when there is one. */
  check(root: Node): Type {
    types.begin();
    this.visit(root);
    types.commit();
    const type = types.resolved(root.type, true);
    if (types.exhausted) fail(root.at, TOO_COMPLEX, Stage.Limit);
    return type;
  }

  private get strict(): bool {
    return this.environment.strict;
  }

  private mismatch(at: i32, message: string): void {
    if (types.exhausted) fail(at, TOO_COMPLEX, Stage.Limit);
    else if (this.strict) fail(at, message, Stage.Check);
  }

  // ---- nodes

  private visit(node: Node): void {
    if (problem.stage != Stage.None) return;
    this.visitNode(node);
    const local = node.local;
    if (local != null) {
      node.depth = local.depth;
      return;
    }
    let depth = 0;
    for (let i = 0; i < node.args.length; i++) depth = max(depth, node.args[i].depth);
    node.depth = depth + 1;
    if (depth >= MAX_VALUE_DEPTH) {
      fail(node.at, "the expression is nested too deeply", Stage.Limit);
    }
  }

  private visitNode(node: Node): void {
    switch (node.kind) {
      case NodeKind.Literal:
        node.type = literalType(node.constant);
        return;
      case NodeKind.Identifier:
      case NodeKind.Select:
      case NodeKind.Index:
        this.visitReference(node);
        return;
      case NodeKind.Has:
        this.visitHas(node);
        return;
      case NodeKind.Call:
        this.visitCall(node);
        return;
      case NodeKind.List:
        this.visitList(node);
        return;
      case NodeKind.Map:
        this.visitMap(node);
        return;
      case NodeKind.Conditional:
        this.visitConditional(node);
        return;
      case NodeKind.And:
      case NodeKind.Or:
        this.visitArguments(node);
        for (let i = 0; i < node.args.length; i++) this.expectBool(node.args[i]);
        node.type = types.bool_;
        return;
      case NodeKind.Fold:
        this.visitFold(node);
        return;
      case NodeKind.Bind:
        this.visitBind(node);
        return;
      case NodeKind.OptionalMap:
        this.visitOptionalMap(node);
        return;
      case NodeKind.Block:
        this.visitBlock(node);
        return;
    }
  }

  private visitArguments(node: Node): void {
    for (let i = 0; i < node.args.length; i++) {
      this.visit(node.args[i]);
      inherit(node, node.args[i]);
    }
  }

  private expectBool(node: Node): void {
    if (types.isAssignable(types.bool_, node.type)) return;
    this.mismatch(node.at, "true or false is expected here, not " + types.describe(node.type));
  }

  private visitConditional(node: Node): void {
    this.visitArguments(node);
    this.expectBool(node.args[0]);
    const yes = node.args[1].type;
    const no = node.args[2].type;
    if (types.isAssignable(yes, no)) node.type = types.moreGeneral(yes, no);
    else {
      this.mismatch(
        node.at,
        "the two answers have different types: " +
          types.describe(yes) +
          " and " +
          types.describe(no),
      );
    }
  }

  private visitList(node: Node): void {
    this.visitArguments(node);
    let element: Type | null = null;
    for (let i = 0; i < node.args.length; i++) {
      element = this.joined(element, this.elementType(node, i, node.args[i]));
    }
    if (element == null) element = types.parameter();
    node.type = types.list(element);
  }

  private visitMap(node: Node): void {
    this.visitArguments(node);
    let key: Type | null = null;
    let value: Type | null = null;
    for (let i = 0; i < node.args.length; i += 2) {
      const at = node.args[i];
      if (!isKeyType(at.type)) {
        this.mismatch(at.at, types.describe(at.type) + " cannot be the key of a map");
      }
      key = this.joined(key, at.type);
      value = this.joined(value, this.elementType(node, i >> 1, node.args[i + 1]));
    }
    if (key == null) key = types.parameter();
    if (value == null) value = types.parameter();
    node.type = types.map(key, value);
  }

  /** The type of an element, of what is in it when it is written with `?`. */
  private elementType(node: Node, i: i32, element: Node): Type {
    if (!node.optionals[i]) return element.type;
    const inner = types.parameter();
    if (!types.isAssignable(types.optional(inner), element.type)) {
      this.mismatch(element.at, "an optional is expected here");
    }
    return inner;
  }

  private joined(a: Type | null, b: Type): Type {
    if (a == null) return b;
    return types.isAssignable(a, b) ? types.moreGeneral(a, b) : types.dyn;
  }

  // ---- names

  private visitReference(node: Node): void {
    if (this.resolve(node)) return;
    if (node.kind == NodeKind.Identifier) {
      node.reference = Reference.Unknown;
      node.isVolatile = true;
      if (this.strict) this.unknown(node);
      return;
    }
    this.visitArguments(node);
    if (problem.stage != Stage.None) return;
    if (node.kind == NodeKind.Select) this.visitSelect(node);
    else this.visitIndex(node);
  }

  private unknown(node: Node): void {
    const near = this.environment.suggestion(node.name);
    fail(node.at, 'undeclared reference to "' + toString(node.name) + '"' + near, Stage.Name);
  }

  /** Whether the node is, as a whole, a variable, an attribute or the name of a type. */
  private resolve(node: Node): bool {
    const chain: Segment[] = [];
    if (!collect(node, chain)) return false;
    const root = rootOf(node);
    if (!root.isAbsolute) {
      const local = this.find(chain[0].name);
      if (local != null) {
        if (chain.length > 1) return false;
        node.reference = Reference.Local;
        node.local = local;
        node.type = local.type;
        node.uses = local.level;
        return true;
      }
    }
    // Within the container first, then in those around it.
    let container = root.isAbsolute ? "" : this.environment.container;
    while (true) {
      if (this.lookUp(node, chain, container)) return true;
      if (problem.stage != Stage.None) return true;
      if (container.length == 0) return false;
      const dot = container.lastIndexOf(".");
      container = dot < 0 ? "" : container.substring(0, dot);
    }
  }

  private lookUp(node: Node, chain: Segment[], container: string): bool {
    const full: Segment[] = [];
    if (container.length > 0) {
      const parts = container.split(".");
      for (let i = 0; i < parts.length; i++) {
        full.push(new Segment(fromText(parts[i], this.arena), false, node.at));
      }
    }
    const before = full.length;
    for (let i = 0; i < chain.length; i++) full.push(chain[i]);
    const taken = this.environment.lookUp(full);
    if (taken == full.length) {
      const constant = this.environment.constant;
      node.reference = constant == 0 ? Reference.Attribute : Reference.Constant;
      node.bits = constant;
      node.slot = this.environment.slot;
      node.type = this.environment.type;
      node.isVolatile = constant == 0;
      return true;
    }
    // A part of the chain is an attribute: the node for that part will find it.
    if (taken > before) return false;
    return before == 0 && this.resolveType(node, chain);
  }

  private resolveType(node: Node, chain: Segment[]): bool {
    let name = "";
    for (let i = 0; i < chain.length; i++) {
      if (chain[i].isIndex) return false;
      name += (i > 0 ? "." : "") + toString(chain[i].name);
    }
    const id = TYPE_NAMES.indexOf(name);
    if (id < 0) return false;
    node.reference = Reference.TypeName;
    node.slot = id;
    node.type = types.typeOf(typeOfId(id as TypeId));
    return true;
  }

  private find(name: Span): Local | null {
    for (let i = this.scope.length - 1; i >= 0; i--) {
      if (equal(this.scope[i].name, name)) return this.scope[i];
    }
    return null;
  }

  private visitSelect(node: Node): void {
    const operand = types.resolved(node.args[0].type, false);
    const isOptional = types.isOptional(operand);
    const inner = isOptional ? operand.parameters[0] : operand;
    const member = this.memberType(node, inner);
    node.type = isOptional || node.isOptional ? types.optional(member) : member;
  }

  private memberType(node: Node, owner: Type): Type {
    const type = types.resolved(owner, false);
    if (type.kind == TypeKind.Map) return type.parameters[1];
    if (type.kind == TypeKind.Parameter) types.isAssignable(types.dyn, type);
    else if (type.kind != TypeKind.Dyn) {
      this.mismatch(
        node.at,
        types.describe(type) + ' has no members, and no "' + toString(node.name) + '"',
      );
    }
    return types.dyn;
  }

  private visitIndex(node: Node): void {
    const operand = types.resolved(node.args[0].type, false);
    const index = node.args[1];
    const isOptional = types.isOptional(operand);
    const inner = isOptional ? types.resolved(operand.parameters[0], false) : operand;
    let element = types.dyn;
    if (inner.kind == TypeKind.List) {
      element = inner.parameters[0];
      if (!types.isAssignable(types.int, index.type)) {
        this.mismatch(
          index.at,
          "a list has indices of type int, not " + types.describe(index.type),
        );
      }
    } else if (inner.kind == TypeKind.Map) {
      element = inner.parameters[1];
      if (!types.isAssignable(inner.parameters[0], index.type)) {
        this.mismatch(
          index.at,
          "the keys of this map are " +
            types.describe(inner.parameters[0]) +
            ", not " +
            types.describe(index.type),
        );
      }
    } else if (inner.kind != TypeKind.Dyn && inner.kind != TypeKind.Parameter) {
      this.mismatch(node.at, types.describe(inner) + " has no elements");
    }
    node.type = isOptional || node.isOptional ? types.optional(element) : element;
  }

  // has(a.b): an attribute is there when it is not absent, a member when the map has it.
  private visitHas(node: Node): void {
    node.type = types.bool_;
    const select = new Node(NodeKind.Select, node.at, node.args);
    select.name = node.name;
    if (this.resolve(select)) {
      if (select.reference == Reference.Attribute) {
        node.reference = Reference.Attribute;
        node.slot = select.slot;
        node.isVolatile = true;
      }
      return;
    }
    this.visitArguments(node);
    if (problem.stage != Stage.None) return;
    const operand = types.resolved(node.args[0].type, false);
    this.memberType(node, types.isOptional(operand) ? operand.parameters[0] : operand);
  }

  // ---- calls

  private visitCall(node: Node): void {
    if (node.fn != Fn.None) {
      // An operator, from the grammar.
      this.visitArguments(node);
      if (problem.stage != Stage.None) return;
      this.chooseOverload(node, [table()[node.fn]], false, "");
      return;
    }
    let name = toString(node.name);
    let isMember = node.isMember;
    if (isMember) {
      // math.sqrt(x): a function with a qualified name, unless `math` is something else.
      const qualified = this.qualifiedName(node.args[0], name);
      if (qualified.length > 0 && this.functionsNamed(qualified).length > 0) {
        name = qualified;
        isMember = false;
        node.isMember = false;
        node.args.shift();
      }
    }
    this.visitArguments(node);
    if (problem.stage != Stage.None) return;
    const candidates = this.functionsNamed(name);
    if (candidates.length == 0) {
      node.isVolatile = true;
      if (this.strict) {
        fail(node.at, 'there is no function "' + name + '"' + nearest(name), Stage.Name);
      }
      return;
    }
    this.chooseOverload(node, candidates, isMember, name);
    if (node.fn >= FIRST_VOLATILE) node.isVolatile = true;
  }

  private functionsNamed(name: string): FunctionEntry[] {
    const found = named(name);
    const declared = this.environment.functions;
    for (let i = 0; i < declared.length; i++) {
      if (declared[i].name == name) found.push(declared[i]);
    }
    return found;
  }

  private qualifiedName(target: Node, name: string): string {
    const chain: Segment[] = [];
    if (!collect(target, chain) || this.find(chain[0].name) != null) return "";
    let text = "";
    for (let i = 0; i < chain.length; i++) {
      if (chain[i].isIndex) return "";
      text += toString(chain[i].name) + ".";
    }
    return text + name;
  }

  private chooseOverload(
    node: Node,
    candidates: FunctionEntry[],
    isMember: bool,
    name: string,
  ): void {
    const given: Type[] = [];
    for (let i = 0; i < node.args.length; i++) given.push(node.args[i].type);
    let result: Type | null = null;
    for (let c = 0; c < candidates.length; c++) {
      const entry = candidates[c];
      if (entry.fn == Fn.Greatest || entry.fn == Fn.Least) return this.extremes(node, entry.fn);
      for (let i = 0; i < entry.overloads.length; i++) {
        const overload = entry.overloads[i];
        if (overload.isMember != isMember || overload.parameters.length != given.length) continue;
        // By name and number of arguments, at least; the machine looks at the values.
        if (node.fn == Fn.None) node.fn = entry.fn;
        const type = applied(overload, given);
        if (type == null) continue;
        node.fn = entry.fn;
        if (result == null) result = type;
        else if (result.kind != TypeKind.Dyn && !types.same(result, type)) result = types.dyn;
      }
    }
    if (result != null) {
      node.type = result;
      return;
    }
    if (node.fn == Fn.None) node.isVolatile = true;
    this.mismatch(node.at, this.noOverload(candidates[0], given, isMember, name));
  }

  private noOverload(entry: FunctionEntry, given: Type[], isMember: bool, name: string): string {
    let text = "";
    for (let i = 0; i < given.length; i++) {
      text += (i > 0 ? ", " : "") + types.describe(given[i]);
    }
    if (name.length == 0) {
      const sign = entry.name.replaceAll("_", "").replace("@", "");
      return '"' + sign + '" does not go with ' + text.replace(", ", " and ");
    }
    return (isMember ? "." : "") + name + "() cannot take (" + text + ")";
  }

  /** math.greatest and math.least: any number of numbers, or a list of them. */
  private extremes(node: Node, fn: Fn): void {
    node.fn = fn;
    const n = node.args.length;
    if (n == 0) return fail(node.at, "at least one number is expected", Stage.Check);
    let type: Type | null = null;
    for (let i = 0; i < n; i++) {
      const given = types.resolved(node.args[i].type, false);
      const isList = n == 1 && given.kind == TypeKind.List;
      const one = isList ? types.resolved(given.parameters[0], false) : given;
      if (isList && node.args[0].kind == NodeKind.List && node.args[0].args.length == 0) {
        return fail(node.at, "at least one number is expected", Stage.Check);
      }
      if (!isNumeric(one)) {
        this.mismatch(node.args[i].at, "a number is expected here, not " + types.describe(given));
      }
      type = this.joined(type, one);
    }
    if (type != null) node.type = type;
  }

  // ---- macros

  private declare(local: Local, type: Type, depth: i32): void {
    local.type = type;
    local.depth = depth;
    local.level = this.scope.length;
    this.scope.push(local);
  }

  /** Leaves the scope of the last `n` variables; what the node used of them is its own affair. */
  private leave(node: Node, n: i32): void {
    for (let i = 0; i < n; i++) this.scope.pop();
    if (node.uses >= this.scope.length) node.uses = FREE;
  }

  private visitFold(node: Node): void {
    const range = node.args[0];
    this.visit(range);
    if (problem.stage != Stage.None) return;
    const type = types.resolved(range.type, false);
    let first = types.dyn;
    let second = types.dyn;
    if (type.kind == TypeKind.List) {
      first = node.second == null ? type.parameters[0] : types.int;
      second = type.parameters[0];
    } else if (type.kind == TypeKind.Map && node.fold != Fold.SortBy) {
      first = type.parameters[0];
      second = type.parameters[1];
    } else if (type.kind == TypeKind.Parameter) {
      types.isAssignable(types.dyn, type);
    } else if (type.kind != TypeKind.Dyn) {
      this.mismatch(range.at, "a list or a map is expected here, not " + types.describe(type));
    }
    this.declare(node.variable!, first, range.depth);
    const other = node.second;
    if (other != null) this.declare(other, second, range.depth);
    // Which elements before what is made of them: it is what runs first, and says what they are.
    for (let i = node.args.length - 1; i > 0; i--) this.visit(node.args[i]);
    if (problem.stage != Stage.None) return;
    for (let i = 1; i < node.args.length; i++) inherit(node, node.args[i]);
    this.leave(node, other == null ? 1 : 2);
    inherit(node, range);
    this.foldType(node, type, first);
  }

  private foldType(node: Node, range: Type, key: Type): void {
    const body = node.args[1];
    if (node.args.length == 3) this.expectBool(node.args[2]);
    switch (node.fold) {
      case Fold.All:
      case Fold.Exists:
      case Fold.ExistsOne:
        this.expectBool(body);
        node.type = types.bool_;
        break;
      case Fold.Filter:
        this.expectBool(body);
        node.type = types.list(key);
        break;
      case Fold.Map:
        node.type = types.list(body.type);
        break;
      case Fold.TransformMap:
        node.type = types.map(key, body.type);
        break;
      case Fold.TransformMapEntry:
        if (!types.isAssignable(types.map(types.dyn, types.dyn), body.type)) {
          this.mismatch(body.at, "a map is expected here, not " + types.describe(body.type));
        }
        node.type = body.type;
        break;
      case Fold.SortBy:
        node.type = range;
        break;
    }
  }

  private visitBind(node: Node): void {
    const value = node.args[0];
    this.visit(value);
    this.declare(node.variable!, value.type, value.depth);
    this.visit(node.args[1]);
    inherit(node, node.args[1]);
    this.leave(node, 1);
    inherit(node, value);
    node.type = node.args[1].type;
  }

  private visitOptionalMap(node: Node): void {
    const target = node.args[0];
    this.visit(target);
    if (problem.stage != Stage.None) return;
    const type = types.resolved(target.type, false);
    if (!types.isOptional(type) && type.kind != TypeKind.Dyn) {
      this.mismatch(target.at, "an optional is expected here, not " + types.describe(type));
    }
    const inner = types.isOptional(type) ? type.parameters[0] : types.dyn;
    this.declare(node.variable!, inner, target.depth);
    this.visit(node.args[1]);
    inherit(node, node.args[1]);
    this.leave(node, 1);
    inherit(node, target);
    const body = types.resolved(node.args[1].type, false);
    if (!node.isOptional) {
      node.type = types.optional(body);
    } else {
      if (!types.isOptional(body) && body.kind != TypeKind.Dyn) {
        this.mismatch(node.args[1].at, "an optional is expected here, not " + types.describe(body));
      }
      node.type = body;
    }
  }

  private visitBlock(node: Node): void {
    const n = node.args.length - 1;
    const level = this.scope.length;
    for (let i = 0; i <= n; i++) {
      const arg = node.args[i];
      this.visit(arg);
      if (problem.stage != Stage.None) return;
      inherit(node, arg);
      if (i == n) break;
      const local = new Local(fromText("@index:" + i.toString(), this.arena));
      this.declare(local, arg.type, arg.depth);
      arg.bound = local;
    }
    this.leave(node, n);
    if (node.uses >= level) node.uses = FREE;
    node.type = node.args[n].type;
  }
}

function inherit(node: Node, from: Node): void {
  if (from.isVolatile) node.isVolatile = true;
  if (from.uses < node.uses) node.uses = from.uses;
}

function literalType(kind: Kind): Type {
  switch (kind) {
    case Kind.Bool:
      return types.bool_;
    case Kind.Int:
      return types.int;
    case Kind.Uint:
      return types.uint;
    case Kind.Double:
      return types.double;
    case Kind.String:
      return types.string_;
    case Kind.Bytes:
      return types.bytes;
    default:
      return types.nullType;
  }
}

/** By TypeId. */
export const TYPE_NAMES =
  "null_type,bool,int,uint,double,string,bytes,google.protobuf.Timestamp,google.protobuf.Duration,list,map,type,optional_type,net.IP,net.CIDR".split(
    ",",
  );

function typeOfId(id: TypeId): Type {
  switch (id) {
    case TypeId.List:
      return types.list(types.dyn);
    case TypeId.Map:
      return types.map(types.dyn, types.dyn);
    case TypeId.Type:
      return types.typeOf(types.dyn);
    case TypeId.Optional:
      return types.optional(types.dyn);
    case TypeId.Ip:
      return types.ip;
    case TypeId.Cidr:
      return types.cidr;
    default:
      return new Type((id + 1) as TypeKind);
  }
}

function isKeyType(owner: Type): bool {
  const type = types.resolved(owner, false);
  switch (type.kind) {
    case TypeKind.Dyn:
    case TypeKind.Bool:
    case TypeKind.Int:
    case TypeKind.Uint:
    case TypeKind.String:
    case TypeKind.Wrapper:
    case TypeKind.Parameter:
      return true;
    default:
      return false;
  }
}

function isNumeric(type: Type): bool {
  switch (type.kind) {
    case TypeKind.Dyn:
    case TypeKind.Int:
    case TypeKind.Uint:
    case TypeKind.Double:
    case TypeKind.Parameter:
      return true;
    case TypeKind.Wrapper:
      return isNumeric(type.parameters[0]);
    default:
      return false;
  }
}

/** The result of the overload for such arguments, or null. */
function applied(overload: Overload, given: Type[]): Type | null {
  if (!overload.isGeneric) {
    return types.areAssignable(overload.parameters, given) ? overload.result : null;
  }
  const names: string[] = [];
  const fresh: Type[] = [];
  const expected: Type[] = [];
  for (let i = 0; i < given.length; i++) {
    expected.push(types.instantiated(overload.parameters[i], names, fresh));
  }
  if (!types.areAssignable(expected, given)) return null;
  return types.resolved(types.instantiated(overload.result, names, fresh), false);
}

/** The chain of names that the node is: a, a.b, a.b['c']; false when it is something else. */
function collect(node: Node, chain: Segment[]): bool {
  if (node.isOptional) return false;
  if (node.kind == NodeKind.Identifier) {
    chain.push(new Segment(node.name, false, node.at));
    return true;
  }
  if (node.kind == NodeKind.Select) {
    if (!collect(node.args[0], chain)) return false;
    chain.push(new Segment(node.name, false, node.at));
    return true;
  }
  if (node.kind == NodeKind.Index) {
    const index = node.args[1];
    if (index.kind != NodeKind.Literal || index.constant != Kind.String) return false;
    if (!collect(node.args[0], chain)) return false;
    chain.push(new Segment(index.bits, true, index.at));
    return true;
  }
  return false;
}

function rootOf(node: Node): Node {
  let root = node;
  while (root.args.length > 0) root = root.args[0];
  return root;
}

/** `, did you mean "…"?` for a function, or nothing. */
function nearest(name: string): string {
  const all = table();
  let best = "";
  let bestScore = 3;
  for (let i = Fn.StartsWith as i32; i < all.length; i++) {
    const score = editDistance(name, all[i].name);
    if (score < bestScore && score * 2 < name.length) {
      best = all[i].name;
      bestScore = score;
    }
  }
  return best.length > 0 ? ', did you mean "' + best + '"?' : "";
}

function editDistance(a: string, b: string): i32 {
  if (abs(a.length - b.length) > 2 || a.length > 40) return 3;
  const row: i32[] = [];
  for (let j = 0; j <= b.length; j++) row.push(j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j];
      const change = a.charCodeAt(i - 1) == b.charCodeAt(j - 1) ? 0 : 1;
      row[j] = min(min(above + 1, row[j - 1] + 1), diagonal + change);
      diagonal = above;
    }
  }
  return row[b.length];
}
