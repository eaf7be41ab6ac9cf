// Which conditions a stream may fulfil, found without looking at the others. Each condition is filed
// under the keys of that part of it which fewest other conditions share: a host, a path, a header's
// value. For a stream the keys it has are looked up, and the conditions filed under them come out in
// the order of the file. They are only proposed; whoever asked checks each. A condition without keys (a
// pattern, a negation) is proposed always.
//
// Built in time and memory linear in the conditions' text. Asking costs a lookup for each key of the
// stream that some condition could have, and nothing for conditions that are not hit.

import { Arena } from "../bytes/arena";
import { ADDRESS_SIZE, Block, maskAddress, parsePeer, peer } from "../bytes/ip-address";
import { hashOf, NO_ENTRY } from "../bytes/key-table";
import { OrderedSet } from "../bytes/ordered-set";
import { length, NONE, Span, span } from "../bytes/span";
import { FieldList } from "../http/field-list";
import { Regex } from "../regex/index";
import { Form, HostPattern } from "../rules/host-pattern";
import { Keys, UNBOUNDED } from "../rules/keys";
import { Condition, Facts, Field, serviceName, Values } from "../rules/match";
import { Part, PathTemplate } from "../rules/path-template";
import { Affixes } from "./affixes";
import { KeyedLists } from "./keyed-lists";
import { PathTree } from "./path-tree";
import { PatternSets } from "./pattern-sets";

// Tags of texts are Fields; values of a name have one for each name, from here on.
const FIELDS: i32 = 7;

// What asking for a key costs a stream beside the conditions it leads to, in conditions: a query has
// to be taken apart, the name of the route to be asked of the host.
const COST_OF_NAMED: i32 = 4;
const COST_OF_PARSING: i32 = 16;
const COST_OF_PROPERTY: i32 = 32;
const COST_OF_PATTERN: i32 = 64;

/** Bits of an address that blocks may have: 0 to 128. */
const BLOCK_SIZES: i32 = 129;

/** Fewer conditions are asked one by one. */
const FEWEST: i32 = 5;

/** What the stream at hand may fulfil; empty between streams. */
export const hits: OrderedSet = OrderedSet.create();

/** Copies of the client's address, shorter and shorter. */
const masked: StaticArray<u64> = new StaticArray<u64>(2);

/** Puts those of `n` conditions that the stream may fulfil into `hits`; without an index all of them. */
export function propose(index: Index | null, n: i32, facts: Facts): void {
  if (index != null) index.propose(facts);
  else for (let i = 0; i < n; i++) hits.add(i);
}

@final
export class Index extends Keys {
  /** Conditions that every stream may fulfil. */
  private always: StaticArray<i32> = [];
  private readonly texts: KeyedLists;
  private readonly prefixes: Affixes;
  private readonly suffixes: Affixes;
  private readonly paths: PathTree;
  /** Names of headers, parameters and cookies; the lists are of conditions that ask for no value. */
  private readonly names: KeyedLists;
  private readonly blocks: KeyedLists;
  private readonly blockSizes: StaticArray<bool> = new StaticArray<bool>(BLOCK_SIZES);
  /** Bits of the Fields, and of the kinds of names, that streams must be asked for. */
  private fields: u32 = 0;
  private kinds: u32 = 0;
  private readonly patterns: PatternSets = new PatternSets();
  /** Whether a pattern is a key: it is one among many, which are looked for together. */
  private takesPatterns: bool = true;
  /** The condition whose keys are offered. */
  private condition: i32 = 0;
  /** By Values: the conditions that are filed under names and values of that kind. */
  private readonly filed: i32[][] = [[], [], []];
  /** Some conditions are to be proposed for whatever a reader may see in a name or value. */
  proposesVariants: bool = false;

  /** An empty one, to be filled; `of` makes those that are asked. */
  constructor(arena: Arena) {
    super();
    this.texts = new KeyedLists(arena);
    this.prefixes = new Affixes(false, FIELDS, arena);
    this.suffixes = new Affixes(true, FIELDS, arena);
    this.paths = new PathTree(arena);
    this.names = new KeyedLists(arena);
    this.blocks = new KeyedLists(arena);
  }

  /** The index of the conditions, where null stands for one that always holds; null when there are too
   * few for one, or no memory. */
  static of(conditions: StaticArray<Condition | null>, arena: Arena): Index | null {
    const n = conditions.length;
    hits.reserve(n);
    if (n < FEWEST) return null;
    const temporary = Arena.create();
    const weights = new Index(temporary);
    for (let i = 0; i < n; i++) {
      const condition = conditions[i];
      weights.condition = i;
      if (condition != null) condition.offerAll(weights);
    }
    const index = new Index(temporary);
    const always: i32[] = [];
    for (let i = 0; i < n; i++) {
      const condition = conditions[i];
      index.condition = i;
      if (condition == null || condition.weight(weights) == UNBOUNDED) always.push(i);
      else condition.offerBest(weights, index);
    }
    index.patterns.settle(always);
    index.always = StaticArray.fromArray(always.sort((a, b) => a - b));
    const isWhole = !weights.failed && index.settle(arena);
    temporary.destroy();
    return isWhole ? index : null;
  }

  private get failed(): bool {
    return (
      this.texts.failed ||
      this.prefixes.lists.failed ||
      this.suffixes.lists.failed ||
      this.paths.lists.failed ||
      this.names.failed ||
      this.blocks.failed
    );
  }

  private settle(arena: Arena): bool {
    return (
      this.texts.settle(arena) &&
      this.prefixes.lists.settle(arena) &&
      this.suffixes.lists.settle(arena) &&
      this.paths.lists.settle(arena) &&
      this.names.settle(arena) &&
      this.blocks.settle(arena)
    );
  }

  /** Whether the condition has no keys. */
  isAlways(condition: i32): bool {
    let low = 0;
    let high = this.always.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.always[middle] < condition) low = middle + 1;
      else high = middle;
    }
    return low < this.always.length && this.always[low] == condition;
  }

  // ---- taking keys

  /** Files the condition at hand under the key, or weighs it. */
  private take(lists: KeyedLists, key: i32, cost: i32): bool {
    if (this.weighs)
      this.weight = min<i64>((this.weight as i64) + cost + lists.count(key), UNBOUNDED - 1) as i32;
    else lists.add(key, this.condition);
    return true;
  }

  private text(field: Field, text: Span, cost: i32): bool {
    this.fields |= 1 << field;
    return this.take(this.texts, this.texts.key(hashOf(field, text), field, text), cost);
  }

  private prefixOf(field: Field, text: Span): bool {
    if (length(text) == 0) return false;
    this.fields |= 1 << field;
    return this.take(this.prefixes.lists, this.prefixes.key(field, text), costOf(field));
  }

  private suffixOf(field: Field, text: Span): bool {
    if (length(text) == 0) return false;
    this.fields |= 1 << field;
    return this.take(this.suffixes.lists, this.suffixes.key(field, text), costOf(field));
  }

  host(pattern: HostPattern): bool {
    switch (pattern.form) {
      case Form.Exact:
        return this.text(Field.Host, pattern.text, 0);
      case Form.Suffix:
        return this.suffixOf(Field.Host, pattern.text);
      case Form.Prefix:
        return this.prefixOf(Field.Host, pattern.text);
    }
    return false;
  }

  path(template: PathTemplate): bool {
    if (template.part(0) == Part.Rest) return false;
    if (template.isLiteral) return this.text(Field.Path, template.literal, 0);
    this.fields |= 1 << Field.Path;
    return this.take(this.paths.lists, this.paths.key(template), 0);
  }

  exact(field: Field, text: Span): bool {
    return this.text(field, text, costOf(field));
  }

  prefix(field: Field, text: Span): bool {
    return this.prefixOf(field, text);
  }

  suffix(field: Field, text: Span): bool {
    return this.suffixOf(field, text);
  }

  pattern(field: Field, regex: Regex): bool {
    if (!this.takesPatterns || field != Field.Path || regex.flags != 0) return false;
    this.fields |= 1 << field;
    if (this.weighs)
      this.weight = min<i64>((this.weight as i64) + COST_OF_PATTERN, UNBOUNDED - 1) as i32;
    else this.patterns.add(regex, this.condition);
    return true;
  }

  private name(values: Values, name: Span): i32 {
    this.kinds |= 1 << values;
    if (!this.weighs) this.filed[values].push(this.condition);
    return this.names.key(hashOf(values, name), values, name);
  }

  named(values: Values, name: Span): bool {
    return this.take(this.names, this.name(values, name), costOfNamed(values));
  }

  namedValue(values: Values, name: Span, value: Span): bool {
    const tag = FIELDS + this.name(values, name);
    return this.take(
      this.texts,
      this.texts.key(hashOf(tag, value), tag, value),
      costOfNamed(values),
    );
  }

  source(block: Block): bool {
    this.blockSizes[block.bits] = true;
    const key = this.blocks.key(hashOf(block.bits, block.bytes), block.bits, block.bytes);
    return this.take(this.blocks, key, COST_OF_PROPERTY);
  }

  // ---- asking

  /** Puts the conditions that the stream may fulfil into `hits`, which is empty before. */
  propose(facts: Facts): void {
    for (let i = 0, n = this.always.length; i < n; i++) hits.add(unchecked(this.always[i]));
    const fields = this.fields;
    if (fields & (1 << Field.Host)) this.ask(Field.Host, facts.host());
    if (fields & (1 << Field.Path)) {
      const path = facts.path();
      this.ask(Field.Path, path);
      if (path != NONE) {
        if (!this.paths.lists.isEmpty) this.paths.hit(path, hits);
        this.patterns.hit(path, hits);
      }
    }
    if (fields & (1 << Field.Method)) this.ask(Field.Method, facts.method());
    if (fields & (1 << Field.Scheme)) this.ask(Field.Scheme, facts.scheme());
    if (fields & (1 << Field.Route)) this.ask(Field.Route, facts.route());
    if (fields & ((1 << Field.Cluster) | (1 << Field.Service))) {
      const cluster = facts.cluster();
      this.ask(Field.Cluster, cluster);
      if (cluster != NONE) this.ask(Field.Service, serviceName(cluster));
    }
    if (this.kinds & (1 << Values.Headers)) this.askNamed(Values.Headers, facts.headers(), facts);
    if (this.kinds & (1 << Values.Query)) this.askNamed(Values.Query, facts.query(), facts);
    if (this.kinds & (1 << Values.Cookies)) this.askNamed(Values.Cookies, facts.cookies(), facts);
    if (!this.blocks.isEmpty) this.askSource(facts.source());
  }

  private ask(field: Field, text: Span): void {
    if (text == NONE) return;
    if (length(text) <= this.texts.keys.longest) {
      this.texts.hit(hashOf(field, text), field, text, hits);
    }
    if (this.prefixes.has(field)) this.prefixes.hit(field, text, hits);
    if (this.suffixes.has(field)) this.suffixes.hit(field, text, hits);
  }

  private askNamed(values: Values, list: FieldList, facts: Facts): void {
    if (this.proposesVariants && facts.isReadVariously(values, NONE)) {
      const named = unchecked(this.filed[values]);
      for (let i = 0, n = named.length; i < n; i++) hits.add(unchecked(named[i]));
    }
    for (let i = 0; i < list.count; i++) {
      const name = list.name(i);
      if (length(name) > this.names.keys.longest) continue;
      const key = this.names.keys.find(hashOf(values, name), values, name);
      if (key == NO_ENTRY) continue;
      this.names.hitAt(key, hits);
      const value = list.value(i);
      const tag = FIELDS + key;
      if (length(value) > this.texts.keys.longest) continue;
      this.texts.hit(hashOf(tag, value), tag, value, hits);
    }
  }

  private askSource(source: Span): void {
    // What cannot be known may lie in any of them.
    if (source == NONE || !parsePeer(source, peer)) return this.blocks.hitAll(hits);
    const at = changetype<usize>(masked);
    memory.copy(at, peer, ADDRESS_SIZE);
    const bytes = span(at, ADDRESS_SIZE);
    // From the longest blocks to the shortest, so that one copy loses its bits on the way.
    for (let bits = BLOCK_SIZES - 1; bits >= 0; bits--) {
      if (!unchecked(this.blockSizes[bits])) continue;
      maskAddress(at, bits);
      this.blocks.hit(hashOf(bits, bytes), bits, bytes, hits);
    }
  }
}

/** Those of the conditions that have no keys, by their places. */
export function unkeyed(conditions: StaticArray<Condition | null>): i32[] {
  const temporary = Arena.create();
  const weights = new Index(temporary);
  // However many there are: looking for them takes time on every request.
  weights.takesPatterns = false;
  const list: i32[] = [];
  for (let i = 0; i < conditions.length; i++) {
    const condition = conditions[i];
    if (condition != null && condition.weight(weights) == UNBOUNDED) list.push(i);
  }
  temporary.destroy();
  return list;
}

function costOf(field: Field): i32 {
  return field == Field.Route || field == Field.Cluster || field == Field.Service
    ? COST_OF_PROPERTY
    : 0;
}

function costOfNamed(values: Values): i32 {
  return values == Values.Headers ? COST_OF_NAMED : COST_OF_PARSING;
}
