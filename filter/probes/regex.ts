// Exposes the regex engine to its tests and suites. Not part of the product.

import { Arena } from "../bytes/arena";
import { NONE, Span, span } from "../bytes/span";
import { fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import {
  errorCode,
  errorOffset,
  errorText,
  failedPattern,
  quote,
  Regex,
  RegexSet,
  StreamReplacer,
  Template,
} from "../regex/index";
import * as scratch from "../regex/scratch";

const arena = Arena.create();
const out = Writer.create();
let regex: Regex | null = null;
let haystack: Span = NONE;

export function allocate(n: i32): usize {
  return arena.allocate(n + 1); // never 0, also for empty spans
}

export function reset(): void {
  arena.reset();
}

/** Collects what earlier patterns left; the stack is empty between calls. */
export function collect(): void {
  __collect();
}

/** 0, or the code of the problem. */
export function compile(at: usize, n: i32, flags: u32): i32 {
  regex = Regex.compile(span(at, n), flags);
  return regex ? 0 : errorCode();
}

export function problemOffset(): i32 {
  return errorOffset();
}

export function problemText(): Span {
  return fromText(errorText(), arena);
}

export function setHaystack(at: usize, n: i32): void {
  haystack = span(at, n);
}

/** What is done from now on is done in one callback. */
export function beginCallback(): void {
  scratch.beginCallback();
}

/** Whether the last search was cut. */
export function isCut(): bool {
  return scratch.isCut;
}

/** Units of work since the VM began. */
export function effort(): f64 {
  return scratch.effort() as f64;
}

export function isMatch(): bool {
  return regex!.isMatch(haystack);
}

export function isFullMatch(): bool {
  return regex!.isFullMatch(haystack);
}

export function findFull(): bool {
  return regex!.findFull(haystack);
}

export function find(from: i32, to: i32): bool {
  return regex!.find(haystack, from, to);
}

export function findNext(last: i32): bool {
  return regex!.findNext(haystack, last);
}

export function start(i: i32): i32 {
  return regex!.start(i);
}

export function end(i: i32): i32 {
  return regex!.end(i);
}

export function captureCount(): i32 {
  return regex!.captureCount;
}

export function captureIndex(at: usize, n: i32): i32 {
  return regex!.captureIndex(span(at, n));
}

export function captureName(i: i32): Span {
  return regex!.captureName(i);
}

/** How many matches an iteration finds; `groups`: and where all their groups lie. */
export function countMatches(groups: bool): i32 {
  let count = 0;
  for (let last = -1; regex!.findNext(haystack, last); count++) {
    last = regex!.end(0);
    if (groups) regex!.start(regex!.captureCount);
  }
  return count;
}

/** The haystack replaced, NONE when the template is refused. */
export function replaceAll(at: usize, n: i32, notation: i32, limit: i32): Span {
  const template = Template.compile(span(at, n), regex!, notation, 0);
  if (!template) return NONE;
  out.reset();
  return regex!.replaceAll(haystack, template, out, limit) == 0 ? haystack : out.view();
}

export function steps(): u64 {
  return scratch.steps;
}

export function bytesRead(): u64 {
  return scratch.bytes;
}

/** How many instructions the forward program has. */
export function programSize(): i32 {
  return regex!.programSize;
}

/** The same search by Pike's machine alone. */
export function isMatchInBits(): i32 {
  return regex!.isMatchInBits(haystack);
}

export function findSimulated(from: i32, to: i32): bool {
  return regex!.findSimulated(haystack, from, to);
}

export function quoteMeta(at: usize, n: i32): Span {
  out.reset();
  quote(span(at, n), out);
  return out.view();
}

const patterns: Span[] = [];
let set: RegexSet | null = null;

export function addPattern(at: usize, n: i32): void {
  patterns.push(span(at, n));
}

/** A set of the patterns added since the last: how many, or -1 less the index of a refused one. */
export function compileSet(flags: u32): i32 {
  set = RegexSet.compile(patterns, flags);
  patterns.length = 0;
  return set ? set!.count : -1 - failedPattern();
}

export function matchSet(): i32 {
  return set!.match(haystack);
}

export function setHas(i: i32): bool {
  return set!.has(i);
}

let stream: StreamReplacer | null = null;
let streamState: usize = 0;
const values: Span[] = [];

/** A new list of replacements in a stream; `addReplacement` fills it. */
export function newStream(window: i32): void {
  stream = new StreamReplacer(window);
  values.length = 0;
}

/** Adds the compiled pattern with a template, or a literal with a value. */
export function addReplacement(at: usize, n: i32, limit: i32): void {
  stream!.add(regex!, Template.compile(span(at, n), regex!), limit);
  values.push(NONE);
}

export function addLiteral(
  at: usize,
  n: i32,
  ignoreCase: bool,
  value: usize,
  size: i32,
  limit: i32,
): void {
  stream!.add(Regex.literal(span(at, n), ignoreCase)!, null, limit);
  values.push(span(value, size));
}

export function openStream(): void {
  streamState = stream!.open(arena);
  for (let i = 0; i < values.length; i++) stream!.setValue(streamState, i, values[i]);
  out.reset();
}

/** Feeds a piece; everything written so far. */
export function feed(at: usize, n: i32, last: bool): Span {
  stream!.feed(streamState, span(at, n), last, arena, out);
  return out.view();
}
