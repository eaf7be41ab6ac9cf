// Compiles a JSON Schema, draft 7 or 2020-12 as its `$schema` says, into the instructions of
// program.ts. Everything that is wrong is reported. Subschemas wait in a queue for their turn, so
// that references may lead anywhere and nesting costs no stack.

import { Arena } from "../bytes/arena";
import { NONE, Span } from "../bytes/span";
import { fromString, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { hashName } from "../json/names";
import { Kind, NO_NODE, Tape } from "../json/tape";
import { Regex } from "../regex/index";
import { Decimal, isShort, shortInteger } from "./decimal";
import { formatOf, NO_FORMAT } from "./formats";
import { Keyword, keywordOf, NO_KEYWORD, nameOf } from "./keyword";
import { compilePattern } from "./pattern";
import * as problem from "./problem";
import {
  ABSENT,
  ALWAYS,
  Elements,
  INSTRUCTION_SIZE,
  Instruction,
  Limit,
  Members,
  NEVER,
  Op,
  Side,
  Slot,
  Type,
} from "./program";
import { Dialect, References } from "./references";

/** `required` of one Members record is a set of 64 bits. */
const MAX_BITS: i32 = 64;
const SLOT_SIZE: i32 = offsetof<Slot>() as i32;
const NUMBERS: i32 = Type.Number | Type.Integer;
const ALL_TYPES: i32 = 127;
const MAX_COUNT: i64 = 0x7fffffff;

@final
class Draft {
  op: Op = Op.End;
  keyword: i32 = 0;
  a: i32 = 0;
  b: i32 = 0;
  c: i32 = 0;
  p: usize = 0;
}

const number = Decimal.create();
const digits = Writer.create();

@final
export class Compiler {
  /** By subschema: where its instructions begin. */
  private readonly starts: i32[] = [];
  private readonly drafts: Draft[] = [];
  readonly regexes: Regex[] = [];
  private readonly numberOf: Map<i32, i32> = new Map();
  /** By subschema: its node, or NO_NODE when it is one that keywords stand for. */
  private readonly nodes: i32[] = [];
  private readonly resources: i32[] = [];
  private readonly anchorNames: string[] = [];
  private readonly anchorNumber: Map<string, i32> = new Map();
  /** Pairs of subschemas of which the first is judged by the second, for the same instance. */
  private readonly edges: i32[] = [];
  /** The values of the keywords of the subschema that is being compiled. */
  private readonly values: StaticArray<i32> = new StaticArray<i32>(Keyword.Count);
  private current: i32 = 0;
  usesUnevaluated: bool = false;
  usesDynamic: bool = false;

  private constructor(
    private readonly tape: Tape,
    private readonly arena: Arena,
    private readonly assertsFormats: bool,
    private readonly dialect: Dialect,
    private readonly references: References,
  ) {}

  static of(tape: Tape, arena: Arena, assertsFormats: bool): Compiler {
    const dialect = dialectOf(tape, arena);
    const references = new References(tape, dialect, arena);
    return new Compiler(tape, arena, assertsFormats, dialect, references);
  }

  /** Compiles everything that the root leads to. */
  run(): void {
    this.subschema(0);
    for (let i = 0; i < this.nodes.length; i++) {
      if (this.nodes[i] == NO_NODE) continue;
      this.current = i;
      this.starts[i] = this.drafts.length;
      this.compileNode(this.nodes[i]);
      this.emit(Op.End, 0);
    }
    if (problem.all().length == 0) this.refuseEndless();
  }

  get count(): i32 {
    return this.nodes.length;
  }

  get isDraft7(): bool {
    return this.dialect == Dialect.Draft7;
  }

  // ---- subschemas

  /** The number of the subschema at the node, which is compiled when its turn comes. */
  private subschema(node: i32): i32 {
    const kind = this.tape.kind(node);
    if (kind == Kind.True) return node == 0 ? this.begin(node) : ALWAYS;
    if (kind == Kind.False) return node == 0 ? this.begin(node) : NEVER;
    if (kind != Kind.Object) {
      problem.add(node, "a schema is a map, true or false");
      return ALWAYS;
    }
    if (this.numberOf.has(node)) return this.numberOf.get(node);
    const n = this.begin(node);
    this.numberOf.set(node, n);
    return n;
  }

  private begin(node: i32): i32 {
    this.nodes.push(node);
    this.starts.push(-1);
    this.resources.push(node == NO_NODE ? ABSENT : this.references.resourceOf(node));
    return this.nodes.length - 1;
  }

  private subschemas(node: i32): i32[] {
    const list: i32[] = [];
    const stop = this.tape.after(node);
    for (let i = this.tape.firstChild(node); i < stop; i = this.tape.after(i))
      list.push(this.subschema(i));
    return list;
  }

  /** The subschema judges the same instance as the current one. */
  private inPlace(schema: i32): i32 {
    if (schema >= 0) {
      this.edges.push(this.current);
      this.edges.push(schema);
    }
    return schema;
  }

  private emit(op: Op, keyword: i32): Draft {
    const draft = new Draft();
    draft.op = op;
    draft.keyword = keyword;
    this.drafts.push(draft);
    return draft;
  }

  // ---- keywords

  private value(keyword: Keyword): i32 {
    return unchecked(this.values[keyword]);
  }

  private has(keyword: Keyword): bool {
    return this.value(keyword) != NO_NODE;
  }

  private compileNode(node: i32): void {
    const tape = this.tape;
    if (tape.kind(node) == Kind.False) {
      this.emit(Op.Apply, Keyword.False).a = NEVER;
      return;
    }
    if (tape.kind(node) == Kind.True) return;
    this.readKeywords(node);
    if (this.isDraft7 && this.has(Keyword.Ref)) {
      this.compileReference(node);
      return;
    }
    this.compileType();
    this.compileValues();
    this.compileNumbers();
    this.compileStrings();
    this.compileArrays();
    this.compileObjects();
    this.compileApplicators(node);
    this.compileUnevaluated();
  }

  private readKeywords(node: i32): void {
    const tape = this.tape;
    for (let i = 0; i < Keyword.Count; i++) unchecked((this.values[i] = NO_NODE));
    const stop = tape.after(node);
    for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
      const keyword = keywordOf(tape.text(key, this.arena));
      if (keyword != NO_KEYWORD && this.isInDialect(keyword)) this.values[keyword] = key + 1;
    }
    const nested = this.value(Keyword.Schema);
    if (node != 0 && nested != NO_NODE && dialectAt(tape, nested, this.arena) != this.dialect)
      problem.add(nested, "all of a schema is of one draft");
  }

  private isInDialect(keyword: i32): bool {
    switch (keyword) {
      case Keyword.AdditionalItems:
      case Keyword.Dependencies:
        return this.isDraft7;
      case Keyword.PrefixItems:
      case Keyword.DependentRequired:
      case Keyword.DependentSchemas:
      case Keyword.MinContains:
      case Keyword.MaxContains:
      case Keyword.UnevaluatedItems:
      case Keyword.UnevaluatedProperties:
      case Keyword.DynamicRef:
        return !this.isDraft7;
    }
    return true;
  }

  /** Whether the keyword is there with a value of the kind; reported when it is of another. */
  private is(keyword: Keyword, kind: Kind, words: string): bool {
    const value = this.value(keyword);
    if (value == NO_NODE) return false;
    if (this.tape.kind(value) == kind) return true;
    problem.add(value, nameOf(keyword) + " is " + words);
    return false;
  }

  private compileType(): void {
    const value = this.value(Keyword.Type);
    if (value == NO_NODE) return;
    const tape = this.tape;
    let bits = 0;
    if (tape.kind(value) == Kind.Array) {
      const stop = tape.after(value);
      for (let i = tape.firstChild(value); i < stop; i = tape.after(i)) bits |= this.typeBits(i);
      if (tape.size(value) == 0) problem.add(value, "type names at least one type");
    } else {
      bits = this.typeBits(value);
    }
    if ((bits & ALL_TYPES) == ALL_TYPES) return;
    this.emit(Op.Type, Keyword.Type).a = bits;
  }

  private typeBits(node: i32): i32 {
    const text =
      this.tape.kind(node) == Kind.String ? toString(this.tape.text(node, this.arena)) : "";
    if (text == "object") return Type.Object;
    if (text == "array") return Type.Array;
    if (text == "string") return Type.String;
    if (text == "number") return NUMBERS;
    if (text == "integer") return Type.Integer;
    if (text == "boolean") return Type.Boolean;
    if (text == "null") return Type.Null;
    problem.add(node, "a type is object, array, string, number, integer, boolean or null");
    return 0;
  }

  private compileValues(): void {
    if (this.has(Keyword.Const)) this.emit(Op.Const, Keyword.Const).a = this.value(Keyword.Const);
    if (this.is(Keyword.Enum, Kind.Array, "a list of values"))
      this.emit(Op.Enum, Keyword.Enum).a = this.value(Keyword.Enum);
  }

  private compileNumbers(): void {
    this.compileLimit(Keyword.Maximum, Side.AtMost);
    this.compileLimit(Keyword.ExclusiveMaximum, Side.Below);
    this.compileLimit(Keyword.Minimum, Side.AtLeast);
    this.compileLimit(Keyword.ExclusiveMinimum, Side.Above);
    if (!this.is(Keyword.MultipleOf, Kind.Number, "a number")) return;
    const value = this.value(Keyword.MultipleOf);
    number.read(this.tape.raw(value), digits);
    if (number.isZero || number.negative) {
      problem.add(value, "multipleOf is more than 0");
      return;
    }
    if (!isShort(number.digits)) {
      problem.add(value, "multipleOf has at most 18 digits");
      return;
    }
    const place = this.arena.allocate(8);
    if (place == 0) return;
    store<u64>(place, shortInteger(number.digits) as u64);
    const draft = this.emit(Op.MultipleOf, Keyword.MultipleOf);
    draft.p = place;
    draft.a = max(min(number.scale, MAX_COUNT), -MAX_COUNT) as i32;
  }

  private compileLimit(keyword: Keyword, side: Side): void {
    if (!this.is(keyword, Kind.Number, "a number")) return;
    const value = this.value(keyword);
    const text = this.tape.raw(value);
    const place = this.arena.allocate(offsetof<Limit>() as i32);
    if (place == 0) return;
    const limit = changetype<Limit>(place);
    limit.text = text;
    limit.isShort = this.tape.isIntegral(value) && isShort(text);
    limit.short = limit.isShort ? shortInteger(text) : 0;
    const draft = this.emit(Op.Limit, keyword);
    draft.p = place;
    draft.a = side;
  }

  private compileStrings(): void {
    this.compileCounts(Keyword.MinLength, Keyword.MaxLength, Op.Length);
    if (this.is(Keyword.Pattern, Kind.String, "text")) {
      const index = this.pattern(this.value(Keyword.Pattern));
      if (index >= 0) this.emit(Op.Pattern, Keyword.Pattern).a = index;
    }
    if (!this.is(Keyword.Format, Kind.String, "text") || !this.assertsFormats) return;
    const format = formatOf(toString(this.tape.text(this.value(Keyword.Format), this.arena)));
    if (format != NO_FORMAT) this.emit(Op.Format, Keyword.Format).a = format;
  }

  /** Index of the pattern in a string or key, or -1, reported. */
  private pattern(node: i32): i32 {
    const regex = compilePattern(this.tape.text(node, this.arena), node, this.arena);
    if (regex == null) return -1;
    this.regexes.push(regex);
    return this.regexes.length - 1;
  }

  /** One instruction a bound, so that the failure names the right one. */
  private compileCounts(least: Keyword, most: Keyword, op: Op): void {
    if (this.has(least)) {
      const draft = this.emit(op, least);
      draft.a = this.countOf(least, 0);
      draft.b = i32.MAX_VALUE;
    }
    if (!this.has(most)) return;
    const draft = this.emit(op, most);
    draft.a = 0;
    draft.b = this.countOf(most, i32.MAX_VALUE);
  }

  private countOf(keyword: Keyword, otherwise: i32): i32 {
    const value = this.value(keyword);
    if (value == NO_NODE) return otherwise;
    if (this.tape.kind(value) == Kind.Number) {
      number.read(this.tape.raw(value), digits);
      if (number.isInteger && !number.negative) {
        if (number.point > 9) return i32.MAX_VALUE;
        let count = number.isZero ? 0 : (shortInteger(number.digits) as i32);
        for (let i = number.scale; i > 0; i--) count *= 10;
        return count;
      }
    }
    problem.add(value, nameOf(keyword) + " is an integer of 0 or more");
    return otherwise;
  }

  // ---- arrays

  private compileArrays(): void {
    this.compileCounts(Keyword.MinItems, Keyword.MaxItems, Op.Items);
    this.compileElements();
    const unique = this.value(Keyword.UniqueItems);
    if (unique == NO_NODE) return;
    if (this.tape.kind(unique) == Kind.True) this.emit(Op.UniqueItems, Keyword.UniqueItems);
    else if (this.tape.kind(unique) != Kind.False)
      problem.add(unique, "uniqueItems is true or false");
  }

  private compileElements(): void {
    const items = this.value(Keyword.Items);
    const isList = items != NO_NODE && this.tape.kind(items) == Kind.Array;
    let prefix: i32[] = [];
    let rest = ABSENT;
    let restKeyword = Keyword.Items;
    if (this.isDraft7 && isList) {
      prefix = this.subschemas(items);
      restKeyword = Keyword.AdditionalItems;
      if (this.has(restKeyword)) rest = this.subschema(this.value(restKeyword));
    } else {
      if (isList) problem.add(items, "items is a schema; prefixItems has one for each place");
      else if (items != NO_NODE) rest = this.subschema(items);
      if (this.is(Keyword.PrefixItems, Kind.Array, "a list of schemas"))
        prefix = this.subschemas(this.value(Keyword.PrefixItems));
    }
    const contains = this.value(Keyword.Contains);
    const least = contains == NO_NODE ? 0 : this.countOf(Keyword.MinContains, 1);
    const most =
      contains == NO_NODE ? i32.MAX_VALUE : this.countOf(Keyword.MaxContains, i32.MAX_VALUE);
    if (prefix.length == 0 && rest == ABSENT && contains == NO_NODE) return;
    const place = this.arena.allocate(offsetof<Elements>() as i32);
    if (place == 0) return;
    const elements = changetype<Elements>(place);
    elements.prefix = this.list(prefix);
    elements.prefixCount = prefix.length;
    elements.prefixKeyword = this.isDraft7 ? Keyword.Items : Keyword.PrefixItems;
    elements.rest = rest;
    elements.restKeyword = restKeyword;
    elements.contains = contains == NO_NODE ? ABSENT : this.subschema(contains);
    elements.least = least;
    elements.most = most;
    elements.marks = !this.isDraft7;
    this.emit(Op.Array, Keyword.Items).p = place;
  }

  /** The numbers as i32 in the arena. */
  private list(numbers: i32[]): usize {
    const place = this.arena.allocate(numbers.length * 4);
    for (let i = 0; i < numbers.length && place != 0; i++)
      store<i32>(place + ((i as usize) << 2), numbers[i]);
    return place;
  }

  // ---- objects

  private compileObjects(): void {
    this.compileCounts(Keyword.MinProperties, Keyword.MaxProperties, Op.Members);
    const tape = this.tape;
    const names: Span[] = [];
    const schemas: i32[] = [];
    if (this.is(Keyword.Properties, Kind.Object, "a map of schemas")) {
      const value = this.value(Keyword.Properties);
      const stop = tape.after(value);
      for (let key = tape.firstChild(value); key < stop; key = tape.after(key + 1)) {
        names.push(tape.text(key, this.arena));
        schemas.push(this.subschema(key + 1));
      }
    }
    const patterns: i32[] = [];
    if (this.is(Keyword.PatternProperties, Kind.Object, "a map of schemas")) {
      const value = this.value(Keyword.PatternProperties);
      const stop = tape.after(value);
      for (let key = tape.firstChild(value); key < stop; key = tape.after(key + 1)) {
        const index = this.pattern(key);
        if (index < 0) continue;
        patterns.push(index);
        patterns.push(this.subschema(key + 1));
      }
    }
    let required: Span[] = [];
    if (this.is(Keyword.Required, Kind.Array, "a list of names"))
      required = this.namesIn(this.value(Keyword.Required));
    const additional = this.optional(Keyword.AdditionalProperties);
    const all = this.optional(Keyword.PropertyNames);
    const first = required.slice(0, MAX_BITS);
    const isNeeded =
      names.length + patterns.length + first.length > 0 || additional != ABSENT || all != ABSENT;
    if (isNeeded) {
      const members = this.members(names, schemas, first);
      if (changetype<usize>(members) != 0) {
        members.patterns = this.list(patterns);
        members.patternCount = patterns.length / 2;
        members.additional = additional;
        members.names = all;
        this.emit(Op.Object, Keyword.Required).p = changetype<usize>(members);
      }
    }
    this.compileRequired(required.slice(first.length), Keyword.Required);
    this.compileDependents();
  }

  private optional(keyword: Keyword): i32 {
    return this.has(keyword) ? this.subschema(this.value(keyword)) : ABSENT;
  }

  private compileRequired(names: Span[], keyword: Keyword): void {
    for (let from = 0; from < names.length; from += MAX_BITS) {
      const members = this.members([], [], names.slice(from, from + MAX_BITS));
      if (changetype<usize>(members) != 0)
        this.emit(Op.Object, keyword).p = changetype<usize>(members);
    }
  }

  private namesIn(list: i32): Span[] {
    const names: Span[] = [];
    const tape = this.tape;
    const stop = tape.after(list);
    for (let i = tape.firstChild(list); i < stop; i = tape.after(i)) {
      if (tape.kind(i) == Kind.String) names.push(tape.text(i, this.arena));
      else problem.add(i, "a name is text");
    }
    return names;
  }

  /** A record with the names that have subschemas and those that are required; 0 without memory. */
  private members(names: Span[], schemas: i32[], required: Span[]): Members {
    const place = this.arena.allocate(offsetof<Members>() as i32);
    const members = changetype<Members>(place);
    if (place == 0) return members;
    members.required = 0;
    members.slots = 0;
    members.mask = 0;
    members.patterns = 0;
    members.patternCount = 0;
    members.additional = ABSENT;
    members.names = ABSENT;
    const count = names.length + required.length;
    if (count == 0) return members;
    let capacity = 4;
    while (capacity < 2 * count) capacity *= 2;
    members.slots = this.arena.allocate(capacity * SLOT_SIZE);
    if (members.slots == 0) return changetype<Members>(0);
    members.mask = capacity - 1;
    for (let i = 0; i < capacity; i++) members.slot(i).name = NONE;
    for (let i = 0; i < names.length; i++) slotFor(members, names[i]).schema = schemas[i];
    for (let i = 0; i < required.length; i++) slotFor(members, required[i]).bit = i;
    // A name that is there twice has the later bit only.
    for (let i = 0; i < capacity; i++) {
      const slot = members.slot(i);
      if (slot.name != NONE && slot.bit >= 0) members.required |= (1 as u64) << slot.bit;
    }
    return members;
  }

  private compileDependents(): void {
    const tape = this.tape;
    const keywords: i32[] = [
      Keyword.DependentRequired,
      Keyword.DependentSchemas,
      Keyword.Dependencies,
    ];
    for (let i = 0; i < keywords.length; i++) {
      const keyword = keywords[i] as Keyword;
      if (!this.is(keyword, Kind.Object, "a map")) continue;
      const value = this.value(keyword);
      const stop = tape.after(value);
      for (let key = tape.firstChild(value); key < stop; key = tape.after(key + 1)) {
        const isNames = tape.kind(key + 1) == Kind.Array && keyword != Keyword.DependentSchemas;
        if (!isNames && keyword == Keyword.DependentRequired) {
          problem.add(key + 1, "dependentRequired has lists of names");
          continue;
        }
        const schema = isNames
          ? this.requiring(this.namesIn(key + 1), keyword)
          : this.subschema(key + 1);
        const place = this.arena.allocate(8);
        if (place == 0) continue;
        store<Span>(place, tape.text(key, this.arena));
        const draft = this.emit(Op.IfHas, keyword);
        draft.a = this.inPlace(schema);
        draft.p = place;
      }
    }
  }

  /** A subschema that only requires the names. Its instructions are kept apart until the current
   * one is complete. */
  private requiring(names: Span[], keyword: Keyword): i32 {
    const n = this.begin(NO_NODE);
    this.requirements.push(new Requirement(n, names, keyword));
    return n;
  }

  readonly requirements: Requirement[] = [];

  private compileRequirements(): void {
    for (let i = 0; i < this.requirements.length; i++) {
      const each = this.requirements[i];
      this.starts[each.schema] = this.drafts.length;
      this.compileRequired(each.names, each.keyword);
      this.emit(Op.End, 0);
    }
  }

  // ---- applicators

  private compileReference(node: i32): void {
    if (!this.is(Keyword.Ref, Kind.String, "text")) return;
    const value = this.value(Keyword.Ref);
    const target = this.references.find(this.textOf(value), node, value);
    if (target == NO_NODE) return;
    this.emit(Op.Apply, Keyword.Ref).a = this.inPlace(this.subschema(target));
  }

  private textOf(node: i32): string {
    return toString(this.tape.text(node, this.arena));
  }

  private compileApplicators(node: i32): void {
    this.compileReference(node);
    this.compileDynamicReference(node);
    if (this.isList(Keyword.AllOf)) {
      const list = this.subschemas(this.value(Keyword.AllOf));
      for (let i = 0; i < list.length; i++)
        this.emit(Op.Apply, Keyword.AllOf).a = this.inPlace(list[i]);
    }
    if (this.isList(Keyword.AnyOf)) this.compileChoice(Keyword.AnyOf, Op.AnyOf);
    if (this.isList(Keyword.OneOf)) this.compileChoice(Keyword.OneOf, Op.OneOf);
    if (this.has(Keyword.Not)) {
      const schema = this.inPlace(this.subschema(this.value(Keyword.Not)));
      this.emit(Op.Not, Keyword.Not).a = schema;
    }
    if (!this.has(Keyword.If)) return;
    const draft = this.emit(Op.If, Keyword.If);
    draft.a = this.inPlace(this.subschema(this.value(Keyword.If)));
    draft.b = this.inPlace(this.optional(Keyword.Then));
    draft.c = this.inPlace(this.optional(Keyword.Else));
  }

  private isList(keyword: Keyword): bool {
    if (!this.is(keyword, Kind.Array, "a list of schemas")) return false;
    if (this.tape.size(this.value(keyword)) > 0) return true;
    problem.add(this.value(keyword), nameOf(keyword) + " has at least one schema");
    return false;
  }

  private compileChoice(keyword: Keyword, op: Op): void {
    const list = this.subschemas(this.value(keyword));
    for (let i = 0; i < list.length; i++) this.inPlace(list[i]);
    const draft = this.emit(op, keyword);
    draft.a = list.length;
    draft.p = this.list(list);
  }

  private compileDynamicReference(node: i32): void {
    if (!this.is(Keyword.DynamicRef, Kind.String, "text")) return;
    const value = this.value(Keyword.DynamicRef);
    const reference = this.textOf(value);
    const target = this.references.find(reference, node, value);
    if (target == NO_NODE) return;
    const name = this.references.dynamicName(reference, target);
    const schema = this.inPlace(this.subschema(target));
    if (name == "") {
      this.emit(Op.Apply, Keyword.DynamicRef).a = schema;
      return;
    }
    this.usesDynamic = true;
    if (!this.anchorNumber.has(name)) this.addAnchorName(name);
    const draft = this.emit(Op.Dynamic, Keyword.DynamicRef);
    draft.a = schema;
    draft.b = this.anchorNumber.get(name);
  }

  /** Gives the name its number. Whatever the dynamic scope can choose is compiled as well. */
  private addAnchorName(name: string): void {
    this.anchorNumber.set(name, this.anchorNames.length);
    this.anchorNames.push(name);
    const pairs = this.references.withDynamicAnchor(name);
    for (let i = 1; i < pairs.length; i += 2) this.subschema(pairs[i]);
  }

  private compileUnevaluated(): void {
    if (this.has(Keyword.UnevaluatedItems)) {
      const schema = this.subschema(this.value(Keyword.UnevaluatedItems));
      this.emit(Op.UnevaluatedItems, Keyword.UnevaluatedItems).a = schema;
      this.usesUnevaluated = true;
    }
    if (!this.has(Keyword.UnevaluatedProperties)) return;
    const schema = this.subschema(this.value(Keyword.UnevaluatedProperties));
    this.emit(Op.UnevaluatedProperties, Keyword.UnevaluatedProperties).a = schema;
    this.usesUnevaluated = true;
  }

  // ---- the whole

  /** Reports a subschema that is judged by itself without going into the instance. */
  private refuseEndless(): void {
    const n = this.nodes.length;
    const incoming = new StaticArray<i32>(n);
    const firstEdge = new StaticArray<i32>(n);
    firstEdge.fill(-1);
    const edges = this.edges;
    const nextEdge = new StaticArray<i32>(edges.length);
    for (let e = 0; e < edges.length; e += 2) {
      incoming[edges[e + 1]]++;
      nextEdge[e] = firstEdge[edges[e]];
      firstEdge[edges[e]] = e;
    }
    // What nothing leads to is taken away until only cycles, and what they lead to, are left.
    const free: i32[] = [];
    for (let i = 0; i < n; i++) if (incoming[i] == 0) free.push(i);
    let taken = 0;
    while (free.length > 0) {
      taken++;
      for (let e = firstEdge[free.pop()]; e >= 0; e = nextEdge[e]) {
        if (--incoming[edges[e + 1]] == 0) free.push(edges[e + 1]);
      }
    }
    if (taken == n) return;
    // Backwards along edges that are left, so often that the way must have entered a cycle.
    const before = new StaticArray<i32>(n);
    before.fill(-1);
    for (let e = 0; e < edges.length; e += 2) {
      if (incoming[edges[e]] > 0 && incoming[edges[e + 1]] > 0) before[edges[e + 1]] = edges[e];
    }
    let at = 0;
    while (incoming[at] == 0) at++;
    for (let i = 0; i < n; i++) at = before[at];
    problem.add(
      this.nodes[at],
      "this schema leads back to itself for the same value: judging it would never end",
    );
  }

  /** The instructions in the arena, and the table of where subschemas begin: the address of the
   * table, or 0 without memory. */
  link(): usize {
    this.compileRequirements();
    const code = this.arena.allocate(this.drafts.length * (INSTRUCTION_SIZE as i32));
    const table = this.arena.allocate(this.starts.length * (sizeof<usize>() as i32));
    if (code == 0 || table == 0) return 0;
    for (let i = 0; i < this.drafts.length; i++) {
      const draft = this.drafts[i];
      const instruction = changetype<Instruction>(code + (i as usize) * INSTRUCTION_SIZE);
      instruction.op = draft.op as u8;
      instruction.keyword = draft.keyword as u8;
      instruction.a = draft.a;
      instruction.b = draft.b;
      instruction.c = draft.c;
      instruction.p = draft.p;
    }
    for (let i = 0; i < this.starts.length; i++) {
      const start = code + (this.starts[i] as usize) * INSTRUCTION_SIZE;
      store<usize>(table + (i as usize) * sizeof<usize>(), start);
    }
    return table;
  }

  /** By subschema: the number of its resource. */
  resourceTable(): usize {
    return this.list(this.resources);
  }

  /** Triples of anchor, resource and subschema, ended by a negative number. */
  anchorTable(): usize {
    const triples: i32[] = [];
    for (let i = 0; i < this.anchorNames.length; i++) {
      const pairs = this.references.withDynamicAnchor(this.anchorNames[i]);
      for (let k = 0; k < pairs.length; k += 2) {
        triples.push(i);
        triples.push(pairs[k]);
        triples.push(this.subschema(pairs[k + 1]));
      }
    }
    triples.push(-1);
    return this.list(triples);
  }
}

@final
class Requirement {
  constructor(
    readonly schema: i32,
    readonly names: Span[],
    readonly keyword: Keyword,
  ) {}
}

/** The slot of the name, made if there is none yet. */
function slotFor(members: Members, name: Span): Slot {
  const known = members.find(name);
  if (changetype<usize>(known) != 0) return known;
  let place = (hashName(name) as i32) & members.mask;
  while (members.slot(place).name != NONE) place = (place + 1) & members.mask;
  const slot = members.slot(place);
  slot.name = name;
  slot.schema = ABSENT;
  slot.bit = -1;
  return slot;
}

function dialectOf(tape: Tape, arena: Arena): Dialect {
  if (tape.kind(0) != Kind.Object) return Dialect.Draft2020;
  const node = tape.member(0, fromString("$schema", arena));
  return node == NO_NODE ? Dialect.Draft2020 : dialectAt(tape, node, arena);
}

function dialectAt(tape: Tape, node: i32, arena: Arena): Dialect {
  let uri = tape.kind(node) == Kind.String ? toString(tape.text(node, arena)) : "";
  if (uri.endsWith("#")) uri = uri.substring(0, uri.length - 1);
  if (uri.startsWith("https:")) uri = "http:" + uri.substring(6);
  if (uri == "http://json-schema.org/draft-07/schema") return Dialect.Draft7;
  if (uri != "http://json-schema.org/draft/2020-12/schema") {
    problem.add(
      node,
      "$schema is http://json-schema.org/draft-07/schema# or " +
        "https://json-schema.org/draft/2020-12/schema",
    );
  }
  return Dialect.Draft2020;
}
