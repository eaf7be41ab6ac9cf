// The conditions of a rule's `match`, as a tree. They look only at the request as it arrived (and,
// for `status`, at the response), through Facts; so they can be indexed, and give the same answer
// whatever earlier rules have edited. Linear here: the index of the filter asks the same questions.

import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  endsWith,
  equal,
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
import { PathTemplate } from "./path-template";
import { StatusSet } from "./status-pattern";

/** What a match may ask about a stream; every answer is of the request as it arrived. */
export abstract class Facts extends Scope {
  abstract host(): Span;
  abstract path(): Span;
  abstract method(): Span;
  abstract scheme(): Span;
  abstract headers(): FieldList;
  abstract query(): FieldList;
  abstract cookies(): FieldList;
  /** Name of the route, or NONE. */
  abstract route(): Span;
  /** Name of the upstream cluster, or NONE. */
  abstract cluster(): Span;
  /** Status of the response, or 0 before it. */
  abstract status(): i32;
}

/** Captures of the path template that matched last; copied by whoever keeps them. */
export const captures: StaticArray<Span> = new StaticArray<Span>(16);

export abstract class Condition {
  abstract holds(facts: Facts): bool;
}

@final
export class All extends Condition {
  constructor(private readonly parts: StaticArray<Condition>) {
    super();
  }
  holds(facts: Facts): bool {
    for (let i = 0, n = this.parts.length; i < n; i++) {
      if (!unchecked(this.parts[i]).holds(facts)) return false;
    }
    return true;
  }
}

@final
export class Any extends Condition {
  constructor(private readonly parts: StaticArray<Condition>) {
    super();
  }
  holds(facts: Facts): bool {
    for (let i = 0, n = this.parts.length; i < n; i++) {
      if (unchecked(this.parts[i]).holds(facts)) return true;
    }
    return false;
  }
}

@final
export class Not extends Condition {
  constructor(private readonly inner: Condition) {
    super();
  }
  holds(facts: Facts): bool {
    return !this.inner.holds(facts);
  }
}

@final
export class HostIs extends Condition {
  constructor(private readonly patterns: StaticArray<HostPattern>) {
    super();
  }
  holds(facts: Facts): bool {
    const host = facts.host();
    if (host == NONE) return false;
    for (let i = 0, n = this.patterns.length; i < n; i++) {
      if (unchecked(this.patterns[i]).matches(host)) return true;
    }
    return false;
  }
}

@final
export class PathIs extends Condition {
  constructor(private readonly templates: StaticArray<PathTemplate>) {
    super();
  }
  holds(facts: Facts): bool {
    const path = facts.path();
    if (path == NONE) return false;
    for (let i = 0, n = this.templates.length; i < n; i++) {
      if (unchecked(this.templates[i]).matches(path, captures)) return true;
    }
    return false;
  }
}

/** `/a` is a prefix of `/a` and `/a/b`, not of `/ab`. */
export function isPathPrefix(path: Span, prefix: Span): bool {
  if (!startsWith(path, prefix)) return false;
  const n = length(prefix);
  return (
    n == length(path) ||
    byteAtUnchecked(path, n) == 0x2f ||
    (n > 0 && byteAtUnchecked(prefix, n - 1) == 0x2f)
  );
}

/** A single value compared with one or more of: exact, prefix, suffix, contains, in, range. */
@final
export class ValueMatcher {
  exact: Span = NONE;
  prefix: Span = NONE;
  suffix: Span = NONE;
  contains: Span = NONE;
  oneOf: Span[] = [];
  regex: Regex | null = null;
  /** For each group of the regex, its place among the rule's captures, or -1; empty: none is kept. */
  places: StaticArray<i32> = [];
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
    if (this.bySegments && !this.ignoreCase) return isPathPrefix(value, this.prefix);
    if (!this.ignoreCase) return startsWith(value, this.prefix);
    const head = sliceUnchecked(value, 0, n);
    if (!ascii.equalIgnoringCase(head, this.prefix)) return false;
    return !this.bySegments || n == length(value) || byteAtUnchecked(value, n) == 0x2f;
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
  Service,
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
  holds(facts: Facts): bool {
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
  holds(facts: Facts): bool {
    const list =
      this.values == Values.Headers
        ? facts.headers()
        : this.values == Values.Query
          ? facts.query()
          : facts.cookies();
    const matcher = this.matcher;
    let i = list.find(this.name);
    if (matcher.noValue) return i == MISSING;
    for (; i != MISSING; i = list.find(this.name, i + 1)) {
      if (matcher.matches(list.value(i))) return !matcher.not;
    }
    return matcher.not;
  }
}

/** The Higress service of the cluster `outbound|port|subset|fqdn`: `fqdn` or `fqdn:port`. */
@final
export class ServiceIs extends Condition {
  constructor(private readonly services: StaticArray<Span>) {
    super();
  }
  holds(facts: Facts): bool {
    const cluster = facts.cluster();
    if (cluster == NONE) return false;
    for (let i = 0, n = this.services.length; i < n; i++) {
      if (isService(cluster, unchecked(this.services[i]))) return true;
    }
    return false;
  }
}

const BAR: u8 = 0x7c;

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
  return byteAtUnchecked(service, hostSize) == 0x3a && endsWith(service, port);
}

@final
export class StatusIs extends Condition {
  constructor(private readonly statuses: StatusSet) {
    super();
  }
  holds(facts: Facts): bool {
    return this.statuses.has(facts.status());
  }
}
