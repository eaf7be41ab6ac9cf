// The conditions of a rule's `match`, as a tree. They look only at the request as it arrived (and,
// for `status`, at the response), through Facts; so they can be indexed, and give the same answer
// whatever earlier rules have edited. Each also says by what it can be looked up (keys.ts); that only
// proposes rules, and the conditions here decide.

import * as ascii from "../bytes/ascii";
import { Block, parsePeer, peer } from "../bytes/ip-address";
import {
  byteAtUnchecked,
  endsWith,
  equal,
  lastIndexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
  startsWith,
} from "../bytes/span";
import { FieldList, MISSING } from "../http/field-list";
import { Regex } from "../regex/index";
import { Scope } from "./expression";
import { HostPattern } from "./host-pattern";
import { Keys, LONGEST_AFFIX, UNBOUNDED } from "./keys";
import { PathTemplate } from "./path-template";

/** What a match may ask about a stream; every answer is of the request as it arrived. */
export abstract class Facts extends Scope {
  abstract host(): Span;
  /** The path as paths are compared: see http/path.ts. */
  abstract path(): Span;
  /** The same as it goes on to the upstream. */
  abstract sentPath(): Span;
  abstract method(): Span;
  abstract scheme(): Span;
  abstract headers(): FieldList;
  abstract query(): FieldList;
  abstract cookies(): FieldList;
  /** Name of the route, or NONE. */
  abstract route(): Span;
  /** Name of the upstream cluster, or NONE. */
  abstract cluster(): Span;
  /** Address of the client; NONE when it cannot be known, or is none. */
  abstract source(): Span;
  /** Status of the response, or 0 before it. */
  abstract status(): i32;
  /** Whether servers may differ in what the header, parameter or cookie is. */
  abstract isReadVariously(values: Values, name: Span): bool;
}

/** How a condition takes what has several values, or is read differently by different servers. */
export const enum Sense {
  /** One value that matches is enough; with `not`, none may. */
  Plain,
  /** It holds if it may for some reader: so guards act. */
  Possibly,
  /** It holds if it does for every reader: so the rules after a final one are left out. */
  Surely,
}

function opposite(sense: Sense): Sense {
  if (sense == Sense.Plain) return sense;
  return sense == Sense.Possibly ? Sense.Surely : Sense.Possibly;
}

/** Captures of the path template that matched last; copied by whoever keeps them. */
export const captures: StaticArray<Span> = new StaticArray<Span>(16);

export abstract class Condition {
  abstract holds(facts: Facts, sense: Sense): bool;

  /** Offers keys of which every stream that the condition holds for has at least one; false when there
   * are none such (some may have been offered then). */
  protected offer(keys: Keys): bool {
    return false;
  }

  /** Offers all keys there are, also those of which one kind would do. */
  offerAll(keys: Keys): void {
    this.offer(keys);
  }

  /** What looking up by the best keys costs, as `weights` has counted; UNBOUNDED without keys. */
  weight(weights: Keys): i32 {
    weights.weighs = true;
    weights.weight = 0;
    const isBound = this.offer(weights);
    weights.weighs = false;
    return isBound ? weights.weight : UNBOUNDED;
  }

  /** Whether it asks only for what has one value, which everybody reads alike. */
  get isCertain(): bool {
    return true;
  }

  /** Whether it holds for every stream that has one of its keys. */
  get isWholeKey(): bool {
    return false;
  }

  /** Offers the best keys. */
  offerBest(weights: Keys, keys: Keys): void {
    this.offer(keys);
  }
}

@final
export class All extends Condition {
  constructor(private readonly parts: StaticArray<Condition>) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    for (let i = 0, n = this.parts.length; i < n; i++) {
      if (!unchecked(this.parts[i]).holds(facts, sense)) return false;
    }
    return true;
  }
  override get isCertain(): bool {
    return areCertain(this.parts);
  }
  override offerAll(keys: Keys): void {
    for (let i = 0, n = this.parts.length; i < n; i++) this.parts[i].offerAll(keys);
  }
  override weight(weights: Keys): i32 {
    let least = UNBOUNDED;
    for (let i = 0, n = this.parts.length; i < n; i++) {
      least = min(least, this.parts[i].weight(weights));
    }
    return least;
  }
  override offerBest(weights: Keys, keys: Keys): void {
    let best = 0;
    let least = UNBOUNDED;
    for (let i = 0, n = this.parts.length; i < n; i++) {
      const weight = this.parts[i].weight(weights);
      if (weight >= least) continue;
      least = weight;
      best = i;
    }
    if (this.parts.length > 0) this.parts[best].offerBest(weights, keys);
  }
}

@final
export class Any extends Condition {
  constructor(private readonly parts: StaticArray<Condition>) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    for (let i = 0, n = this.parts.length; i < n; i++) {
      if (unchecked(this.parts[i]).holds(facts, sense)) return true;
    }
    return false;
  }
  override get isCertain(): bool {
    return areCertain(this.parts);
  }
  override offerAll(keys: Keys): void {
    for (let i = 0, n = this.parts.length; i < n; i++) this.parts[i].offerAll(keys);
  }
  override weight(weights: Keys): i32 {
    let sum: i64 = 0;
    for (let i = 0, n = this.parts.length; i < n; i++) sum += this.parts[i].weight(weights);
    return min<i64>(sum, UNBOUNDED) as i32;
  }
  override offerBest(weights: Keys, keys: Keys): void {
    for (let i = 0, n = this.parts.length; i < n; i++) this.parts[i].offerBest(weights, keys);
  }
}

function areCertain(parts: StaticArray<Condition>): bool {
  for (let i = 0; i < parts.length; i++) {
    if (!parts[i].isCertain) return false;
  }
  return true;
}

@final
export class Not extends Condition {
  constructor(private readonly inner: Condition) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    return !this.inner.holds(facts, opposite(sense));
  }
  override get isCertain(): bool {
    return this.inner.isCertain;
  }
}

@final
export class HostIs extends Condition {
  constructor(private readonly patterns: StaticArray<HostPattern>) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    const host = facts.host();
    if (host == NONE) return false;
    for (let i = 0, n = this.patterns.length; i < n; i++) {
      if (unchecked(this.patterns[i]).matches(host)) return true;
    }
    return false;
  }
  override get isWholeKey(): bool {
    // Hosts are compared in lower case, as keys are, and those are whole unless they are very long.
    for (let i = 0, n = this.patterns.length; i < n; i++) {
      if (length(this.patterns[i].text) > LONGEST_AFFIX) return false;
    }
    return true;
  }
  protected override offer(keys: Keys): bool {
    for (let i = 0, n = this.patterns.length; i < n; i++) {
      if (!keys.host(this.patterns[i])) return false;
    }
    return true;
  }
}

@final
export class PathIs extends Condition {
  constructor(private readonly templates: StaticArray<PathTemplate>) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    const path = facts.path();
    if (path == NONE) return false;
    for (let i = 0, n = this.templates.length; i < n; i++) {
      const template = unchecked(this.templates[i]);
      if (!template.matches(path)) continue;
      if (template.captures) template.capture(facts.sentPath(), captures);
      return true;
    }
    return false;
  }
  protected override offer(keys: Keys): bool {
    for (let i = 0, n = this.templates.length; i < n; i++) {
      if (!keys.path(this.templates[i])) return false;
    }
    return true;
  }
}

/** Of a path that begins with the prefix: whether a segment ends where the prefix does. */
function endsSegment(path: Span, prefix: Span): bool {
  const n = length(prefix);
  return (
    n == length(path) ||
    byteAtUnchecked(path, n) == 0x2f ||
    (n > 0 && byteAtUnchecked(prefix, n - 1) == 0x2f)
  );
}

const NO_SPANS: StaticArray<Span> = [];
const NO_PLACES: StaticArray<i32> = [];

/** A single value compared with one or more of: exact, prefix, suffix, contains, in, range. */
@final
export class ValueMatcher {
  exact: Span = NONE;
  prefix: Span = NONE;
  suffix: Span = NONE;
  contains: Span = NONE;
  oneOf: StaticArray<Span> = NO_SPANS;
  regex: Regex | null = null;
  /** For each group of the regex, its place among the rule's captures, or -1; empty: none is kept. */
  places: StaticArray<i32> = NO_PLACES;
  hasRange: bool = false;
  from: i64 = 0;
  to: i64 = 0;
  ignoreCase: bool = false;
  /** Whole segments count, as in paths. */
  bySegments: bool = false;
  /** `present`: any value. `absent`: none. */
  anyValue: bool = false;
  noValue: bool = false;
  not: bool = false;

  matches(value: Span): bool {
    if (this.anyValue) return true;
    if (this.exact != NONE && !this.same(value, this.exact)) return false;
    if (this.prefix != NONE && !this.hasPrefix(value)) return false;
    if (this.suffix != NONE && !this.hasSuffix(value)) return false;
    if (this.contains != NONE && !this.holdsInside(value)) return false;
    if (this.oneOf.length > 0 && !this.isOneOf(value)) return false;
    if (this.hasRange && !this.isInRange(value)) return false;
    const regex = this.regex;
    return regex == null || this.matchesRegex(regex, value);
  }

  private matchesRegex(regex: Regex, value: Span): bool {
    if (this.places.length == 0) return regex.isMatch(value);
    if (!regex.find(value, 0)) return false;
    for (let i = 0, n = this.places.length; i < n; i++) {
      const place = unchecked(this.places[i]);
      const from = regex.start(i);
      if (place < 0 || from < 0) continue;
      unchecked((captures[place] = sliceUnchecked(value, from, regex.end(i))));
    }
    return true;
  }

  private same(a: Span, b: Span): bool {
    return this.ignoreCase ? ascii.equalIgnoringCase(a, b) : equal(a, b);
  }

  private hasPrefix(value: Span): bool {
    const n = length(this.prefix);
    if (n > length(value)) return false;
    const head = sliceUnchecked(value, 0, n);
    return this.same(head, this.prefix) && (!this.bySegments || endsSegment(value, this.prefix));
  }

  private hasSuffix(value: Span): bool {
    const n = length(this.suffix);
    if (n > length(value)) return false;
    if (!this.ignoreCase) return endsWith(value, this.suffix);
    const tail = sliceUnchecked(value, length(value) - n, length(value));
    return ascii.equalIgnoringCase(tail, this.suffix);
  }

  private holdsInside(value: Span): bool {
    const n = length(this.contains);
    for (let at = 0; at + n <= length(value); at++) {
      if (this.same(sliceUnchecked(value, at, at + n), this.contains)) return true;
    }
    return false;
  }

  private isOneOf(value: Span): bool {
    for (let i = 0, n = this.oneOf.length; i < n; i++) {
      if (this.same(value, unchecked(this.oneOf[i]))) return true;
    }
    return false;
  }

  private isInRange(value: Span): bool {
    const n = length(value);
    const isNegative = n > 0 && byteAtUnchecked(value, 0) == 0x2d;
    let sum: i64 = 0;
    const first = isNegative ? 1 : 0;
    if (n - first < 1 || n - first > 18) return false;
    for (let i = first; i < n; i++) {
      const c = byteAtUnchecked(value, i);
      if (!ascii.isDigit(c)) return false;
      sum = sum * 10 + (c as i64) - 0x30;
    }
    if (isNegative) sum = -sum;
    return sum >= this.from && sum <= this.to;
  }
}

export const enum Field {
  Path,
  Method,
  Scheme,
  Route,
  Cluster,
  /** The name of a Higress service in the cluster's; asked by ServiceIs. */
  Service,
  /** Asked by HostIs. */
  Host,
}

/** One fact that has one value: true if it is there and any of the matchers holds. */
@final
export class FactIs extends Condition {
  constructor(
    private readonly field: Field,
    private readonly matchers: StaticArray<ValueMatcher>,
  ) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    let value = NONE;
    switch (this.field) {
      case Field.Path:
        value = facts.path();
        break;
      case Field.Method:
        value = facts.method();
        break;
      case Field.Scheme:
        value = facts.scheme();
        break;
      case Field.Route:
        value = facts.route();
        break;
      case Field.Cluster:
        value = facts.cluster();
        break;
    }
    for (let i = 0, n = this.matchers.length; i < n; i++) {
      const matcher = unchecked(this.matchers[i]);
      if ((value != NONE && matcher.matches(value)) != matcher.not) return true;
    }
    return false;
  }
  protected override offer(keys: Keys): bool {
    for (let i = 0, n = this.matchers.length; i < n; i++) {
      if (!this.offerOf(this.matchers[i], keys)) return false;
    }
    return true;
  }
  private offerOf(matcher: ValueMatcher, keys: Keys): bool {
    if (matcher.not) return false;
    if (matcher.exact != NONE) return keys.exact(this.field, matcher.exact);
    if (matcher.oneOf.length > 0) {
      for (let i = 0, n = matcher.oneOf.length; i < n; i++) {
        if (!keys.exact(this.field, matcher.oneOf[i])) return false;
      }
      return true;
    }
    if (matcher.prefix != NONE) return keys.prefix(this.field, matcher.prefix);
    if (matcher.suffix != NONE) return keys.suffix(this.field, matcher.suffix);
    const regex = matcher.regex;
    return regex != null && keys.pattern(this.field, regex);
  }
}

export const enum Values {
  Headers,
  Query,
  Cookies,
}

/** Named values: one that matches is enough; `not` and `absent` ask that none does. */
@final
export class NamedValueIs extends Condition {
  constructor(
    private readonly values: Values,
    private readonly name: Span,
    private readonly matcher: ValueMatcher,
  ) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    const list =
      this.values == Values.Headers
        ? facts.headers()
        : this.values == Values.Query
          ? facts.query()
          : facts.cookies();
    const matcher = this.matcher;
    if (sense != Sense.Plain && facts.isReadVariously(this.values, this.name))
      return sense == Sense.Possibly;
    const first = list.find(this.name);
    if (matcher.noValue) return first == MISSING;
    if (first == MISSING) return matcher.not;
    if (sense != Sense.Plain) return this.holdsForSome(list, first, sense == Sense.Possibly);
    for (let i = first; i != MISSING; i = list.find(this.name, i + 1)) {
      if (matcher.matches(list.value(i))) return !matcher.not;
    }
    return matcher.not;
  }
  override get isCertain(): bool {
    return false;
  }
  /** Whether a value is as wanted; with `some` false, whether each is. */
  private holdsForSome(list: FieldList, first: i32, some: bool): bool {
    const matcher = this.matcher;
    for (let i = first; i != MISSING; i = list.find(this.name, i + 1)) {
      if ((matcher.matches(list.value(i)) != matcher.not) == some) return some;
    }
    return !some;
  }
  protected override offer(keys: Keys): bool {
    const matcher = this.matcher;
    if (matcher.not || matcher.noValue) return false;
    if (matcher.exact != NONE) return keys.namedValue(this.values, this.name, matcher.exact);
    const n = matcher.oneOf.length;
    if (n == 0) return keys.named(this.values, this.name);
    for (let i = 0; i < n; i++) {
      if (!keys.namedValue(this.values, this.name, matcher.oneOf[i])) return false;
    }
    return true;
  }
}

/** The Higress service of the cluster `outbound|port|subset|fqdn`: `fqdn` or `fqdn:port`. */
@final
export class ServiceIs extends Condition {
  constructor(private readonly services: StaticArray<Span>) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    const cluster = facts.cluster();
    if (cluster == NONE) return false;
    for (let i = 0, n = this.services.length; i < n; i++) {
      if (isService(cluster, unchecked(this.services[i]))) return true;
    }
    return false;
  }
  protected override offer(keys: Keys): bool {
    for (let i = 0, n = this.services.length; i < n; i++) {
      // `a:80` is the name `a:80`, or port 80 of the name `a`.
      const service = this.services[i];
      const colon = lastIndexOfByte(service, COLON);
      if (!keys.exact(Field.Service, service)) return false;
      if (colon >= 0 && !keys.exact(Field.Service, sliceUnchecked(service, 0, colon))) return false;
    }
    return true;
  }
}

const BAR: u8 = 0x7c;
const COLON: u8 = 0x3a;

/** The last of the four parts of the cluster's name, or NONE when it has not four. */
export function serviceName(cluster: Span): Span {
  const n = length(cluster);
  let bars = 0;
  let last = 0;
  for (let i = 0; i < n; i++) {
    if (byteAtUnchecked(cluster, i) != BAR) continue;
    bars++;
    last = i;
  }
  return bars == 3 ? sliceUnchecked(cluster, last + 1, n) : NONE;
}

/** Whether the cluster name has four parts and names the service, with or without its port. */
export function isService(cluster: Span, service: Span): bool {
  const n = length(cluster);
  let bars = 0;
  let first = 0;
  let second = 0;
  let third = 0;
  for (let i = 0; i < n; i++) {
    if (byteAtUnchecked(cluster, i) != BAR) continue;
    bars++;
    if (bars == 1) first = i;
    else if (bars == 2) second = i;
    else if (bars == 3) third = i;
  }
  if (bars != 3) return false;
  const fqdn = sliceUnchecked(cluster, third + 1, n);
  if (equal(fqdn, service)) return true;
  const port = sliceUnchecked(cluster, first + 1, second);
  const hostSize = length(fqdn);
  if (length(service) != hostSize + 1 + length(port) || !startsWith(service, fqdn)) return false;
  return byteAtUnchecked(service, hostSize) == COLON && endsWith(service, port);
}

/** Blocks of addresses that the client's may lie in. */
@final
export class SourceIs extends Condition {
  constructor(private readonly blocks: StaticArray<Block>) {
    super();
  }
  holds(facts: Facts, sense: Sense): bool {
    const source = facts.source();
    // An address that nobody knows may be any.
    if (source == NONE || !parsePeer(source, peer)) return sense == Sense.Possibly;
    for (let i = 0, n = this.blocks.length; i < n; i++) {
      if (unchecked(this.blocks[i]).holds(peer)) return true;
    }
    return false;
  }
  override get isCertain(): bool {
    return false;
  }
  protected override offer(keys: Keys): bool {
    for (let i = 0, n = this.blocks.length; i < n; i++) {
      if (!keys.source(this.blocks[i])) return false;
    }
    return true;
  }
}
