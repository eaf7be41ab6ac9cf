// Decodes `match` into a condition.

import { scratch } from "../abi/memory";
import * as ascii from "../bytes/ascii";
import { NONE, Span } from "../bytes/span";
import { copy, equalsText } from "../bytes/text";
import { Trait, traitsOf } from "../http/path";
import { Kind, NO_NODE } from "../json/tape";
import { HostPattern } from "../rules/host-pattern";
import {
  All,
  Any,
  Condition,
  FactIs,
  Field,
  HostIs,
  NamedValueIs,
  Not,
  PathIs,
  ServiceIs,
  SourceIs,
  ValueMatcher,
  Values,
} from "../rules/match";
import { comparablePath, comparableText, MAX_CAPTURES, PathTemplate } from "../rules/path-template";
import { StatusSet } from "../rules/status-pattern";
import { Rule } from "../stream/program";
import { Context, indexIn } from "./context";
import { decodeBlocks } from "./requests";
import { integerOf } from "./shape";

/** Sets the rule's conditions from its `match`. */
export function decodeMatch(context: Context, node: i32, rule: Rule): void {
  const status = context.member(node, "status");
  if (status != NO_NODE) rule.status = decodeStatuses(context, status);
  const condition = decodeCondition(context, node, false);
  rule.condition = condition;
  rule.captureCount = context.names.captures.length;
}

export function decodeStatuses(context: Context, node: i32): StatusSet {
  const set = new StatusSet();
  const nodes = context.strings(node);
  for (let i = 0; i < nodes.length; i++) {
    if (context.tape.kind(nodes[i]) == Kind.Number) {
      const status = integerOf(context.tape.raw(nodes[i])) as i32;
      set.addRange(status, status);
    } else if (!set.add(context.tape.text(nodes[i], scratch))) {
      context.report.addNoted(nodes[i]);
    }
  }
  return set;
}

/** The condition, or null when there is none to check. */
function decodeCondition(context: Context, node: i32, nested: bool): Condition | null {
  const tape = context.tape;
  const stop = tape.after(node);
  // Most have one key, and need no list.
  const size = tape.size(node);
  const parts = size > 1 ? new StaticArray<Condition | null>(size) : single;
  let count = 0;
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    const name = tape.text(key, scratch);
    const value = key + 1;
    if (equalsText(name, "status")) {
      if (nested) context.report.add(key, "R312", -1, "status stands only at the top of a match");
      continue;
    }
    const part = decodePart(context, name, value);
    if (part != null) parts[count++] = part;
  }
  return joined(parts, count);
}

/** Room for the only part of a condition. */
const single = new StaticArray<Condition | null>(1);

/** All of the first `count` parts; null when there are none. */
function joined(parts: StaticArray<Condition | null>, count: i32): Condition | null {
  if (count < 2) return count == 0 ? null : parts[0];
  const list = new StaticArray<Condition>(count);
  for (let i = 0; i < count; i++) list[i] = parts[i]!;
  return new All(list);
}

function decodePart(context: Context, name: Span, value: i32): Condition | null {
  if (equalsText(name, "host")) return decodeHost(context, value);
  if (equalsText(name, "path")) return decodePath(context, value);
  if (equalsText(name, "method")) return oneOf(context, value, Field.Method, false);
  if (equalsText(name, "scheme")) return oneOf(context, value, Field.Scheme, false);
  if (equalsText(name, "route")) return oneOf(context, value, Field.Route, false);
  if (equalsText(name, "routePrefix")) return oneOf(context, value, Field.Route, true);
  if (equalsText(name, "cluster")) return oneOf(context, value, Field.Cluster, false);
  if (equalsText(name, "service")) {
    const nodes = context.strings(value);
    const services = new StaticArray<Span>(nodes.length);
    for (let i = 0; i < nodes.length; i++) services[i] = context.text(nodes[i]);
    return new ServiceIs(services);
  }
  if (equalsText(name, "source")) return decodeSource(context, value);
  if (equalsText(name, "headers")) return decodeNamed(context, value, Values.Headers);
  if (equalsText(name, "query")) return decodeNamed(context, value, Values.Query);
  if (equalsText(name, "cookies")) return decodeNamed(context, value, Values.Cookies);
  if (equalsText(name, "not")) {
    const inner = decodeCondition(context, value, true);
    return new Not(inner != null ? inner : new All([]));
  }
  const nodes = context.strings(value);
  const alternatives = new StaticArray<Condition>(nodes.length);
  for (let i = 0; i < nodes.length; i++) {
    const inner = decodeCondition(context, nodes[i], true);
    alternatives[i] = inner != null ? inner : new All([]);
  }
  return equalsText(name, "any") ? new Any(alternatives) : new All(alternatives);
}

function decodeHost(context: Context, value: i32): Condition {
  const tape = context.tape;
  const patterns = new StaticArray<HostPattern>(context.count(value));
  let isGood = true;
  for (let i = 0, node = context.first(value); i < patterns.length; i++, node = tape.after(node)) {
    const pattern = HostPattern.compile(tape.text(node, scratch), context.arena);
    if (pattern != null) {
      patterns[i] = pattern;
    } else {
      context.report.addNoted(node);
      isGood = false;
    }
  }
  return new HostIs(isGood ? patterns : []);
}

function decodeSource(context: Context, value: i32): Condition {
  return new SourceIs(decodeBlocks(context, value));
}

function decodePath(context: Context, value: i32): Condition {
  if (context.tape.kind(value) == Kind.Object) {
    const matcher = decodeMatcher(context, value);
    matcher.bySegments = true;
    compareAsPath(context, matcher, value);
    if (!matcher.not) placeGroups(context, matcher, value);
    return new FactIs(Field.Path, [matcher]);
  }
  const tape = context.tape;
  const templates = new StaticArray<PathTemplate>(context.count(value));
  let count = 0;
  for (let i = 0, node = context.first(value); i < templates.length; i++, node = tape.after(node)) {
    const template = PathTemplate.compile(tape.text(node, scratch), context.arena);
    if (template == null) {
      context.report.addNoted(node);
    } else if (!template.placeCaptures(context.names.captures)) {
      context.report.add(node, "R304", -1, "the rule has more than 16 captures");
    } else {
      templates[count++] = template;
    }
  }
  return new PathIs(count == templates.length ? templates : []);
}

/** Takes the texts to the form in which paths are compared. */
function compareAsPath(context: Context, matcher: ValueMatcher, node: i32): void {
  const arena = context.arena;
  if (matcher.exact != NONE) matcher.exact = comparablePath(matcher.exact, arena);
  if (matcher.prefix != NONE) matcher.prefix = comparablePath(matcher.prefix, arena);
  for (let i = 0; i < matcher.oneOf.length; i++)
    matcher.oneOf[i] = comparablePath(matcher.oneOf[i], arena);
  if (matcher.suffix != NONE) matcher.suffix = partOfPath(context, matcher.suffix, node, "suffix");
  if (matcher.contains != NONE)
    matcher.contains = partOfPath(context, matcher.contains, node, "contains");
}

/** A text inside of paths; reported when none has it. */
function partOfPath(context: Context, text: Span, node: i32, key: string): Span {
  const traits = traitsOf(text);
  if ((traits & (Trait.SlashRun | Trait.DotSegment)) != 0) {
    const message = "paths are compared without dot segments, and with a run of slashes as one";
    context.report.add(context.member(node, key), "R331", -1, message);
  }
  return comparableText(text, context.arena);
}

/** Gives the named groups of a path's pattern their places among the rule's captures. */
function placeGroups(context: Context, matcher: ValueMatcher, node: i32): void {
  const regex = matcher.regex;
  if (regex == null) return;
  const captures = context.names.captures;
  const places = new StaticArray<i32>(regex.captureCount + 1);
  let count = 0;
  for (let i = 0; i <= regex.captureCount; i++) {
    const name = regex.captureName(i);
    places[i] = -1;
    if (name == NONE) continue;
    let at = indexIn(captures, name);
    if (at < 0) {
      at = captures.length;
      captures.push(copy(name, context.arena));
    }
    if (at < MAX_CAPTURES) places[i] = at;
    else context.report.add(node, "R304", -1, "the rule has more than 16 captures");
    count++;
  }
  if (count > 0) matcher.places = places;
}

function oneOf(context: Context, value: i32, field: Field, isPrefix: bool): Condition {
  const matchers = new StaticArray<ValueMatcher>(context.count(value));
  let node = context.first(value);
  for (let i = 0; i < matchers.length; i++, node = context.tape.after(node)) {
    const matcher = new ValueMatcher();
    if (isPrefix) matcher.prefix = context.text(node);
    else matcher.exact = context.text(node);
    matchers[i] = matcher;
  }
  return new FactIs(field, matchers);
}

function decodeNamed(context: Context, value: i32, values: Values): Condition | null {
  const tape = context.tape;
  const size = tape.size(value);
  const parts = size > 1 ? new StaticArray<Condition | null>(size) : single;
  let count = 0;
  const stop = tape.after(value);
  for (let key = tape.firstChild(value); key < stop; key = tape.after(key + 1)) {
    const name = context.text(key);
    if (values == Values.Headers) ascii.lowerInPlace(name);
    parts[count++] = new NamedValueIs(values, name, decodeMatcher(context, key + 1));
  }
  return joined(parts, count);
}

function decodeMatcher(context: Context, node: i32): ValueMatcher {
  const tape = context.tape;
  const matcher = new ValueMatcher();
  if (tape.kind(node) == Kind.String) {
    const text = context.text(node);
    if (equalsText(text, "present")) matcher.anyValue = true;
    else if (equalsText(text, "absent")) matcher.noValue = true;
    else matcher.exact = text;
    return matcher;
  }
  matcher.ignoreCase = context.isTrue(node, "ignoreCase");
  matcher.not = context.isTrue(node, "not");
  const stop = tape.after(node);
  for (let key = tape.firstChild(node); key < stop; key = tape.after(key + 1)) {
    const name = tape.text(key, scratch);
    const value = key + 1;
    if (equalsText(name, "exact")) matcher.exact = context.text(value);
    else if (equalsText(name, "prefix")) matcher.prefix = context.text(value);
    else if (equalsText(name, "suffix")) matcher.suffix = context.text(value);
    else if (equalsText(name, "contains")) matcher.contains = context.text(value);
    else if (equalsText(name, "regex")) matcher.regex = context.regex(value, matcher.ignoreCase);
    else if (equalsText(name, "in")) {
      const nodes = context.strings(value);
      matcher.oneOf = new StaticArray<Span>(nodes.length);
      for (let i = 0; i < nodes.length; i++) matcher.oneOf[i] = context.text(nodes[i]);
    } else if (equalsText(name, "range")) {
      const nodes = context.strings(value);
      matcher.hasRange = true;
      matcher.from = integerOf(tape.raw(nodes[0]));
      matcher.to = integerOf(tape.raw(nodes[1]));
      if (matcher.from > matcher.to) context.report.add(value, "R204", -1, "the range is empty");
    }
  }
  return matcher;
}
