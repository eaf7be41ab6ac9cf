// Regular expressions: `matches` and the regex extension. Patterns that are constant were compiled with
// the expression; others are compiled when they come, so many of them and no more, since compiling
// takes time and memory that nobody should get by sending headers.

import { forgive, refusals } from "../../bytes/arena";
import { length, NONE, Span, sliceUnchecked } from "../../bytes/span";
import {
  beginLimit,
  effort,
  endLimit,
  isCut,
  Notation,
  Regex,
  Template,
  TOO_COSTLY,
  Unknown,
} from "../../regex";
import { chargeBytes, chargeEffort, remaining } from "../budget";
import { buffer, heap } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { isReplacement } from "../replacement";
import { Kind, push, setOptional, startList, Value } from "../value";
import { argument, isText, take } from "./arguments";

/** Different patterns and replacements that are compiled at run time, in all. */
const MAX_COMPILED: i32 = 256;
/** Bytes of such a pattern. */
const MAX_SIZE: i32 = 1024;
/** What compiling costs of the budget. */
const COMPILE_BYTES: i32 = 64 * 1024;

const compiled: Regex[] = [];
const sources: StaticArray<u8>[] = [];
let last: i32 = -1;

/** With a pattern that is not known beforehand: arguments are the text, the pattern, … */
export function call(fn: Fn, base: usize, n: i32): Failure {
  if (isOfNothing(fn, argument(base, 0))) return Failure.None;
  if (!isText(base, 0) || !isText(base, 1)) return Failure.NoSuchOverload;
  const pattern = argument(base, 1).bits;
  const index = find(pattern);
  if (index == MAX_COMPILED) return Failure.TooManyPatterns;
  if (index < 0) return chargeBytes(0) ? Failure.BadPattern : Failure.Budget;
  return callPattern(fn, compiled[index], null, base, n);
}

/** The number of the compiled pattern; -1 when it is none, MAX_COMPILED when there are too many. */
function find(pattern: Span): i32 {
  if (last >= 0 && isSource(last, pattern)) return last;
  for (let i = 0; i < compiled.length; i++) {
    if (isSource(i, pattern)) {
      last = i;
      return i;
    }
  }
  if (compiled.length == MAX_COMPILED || length(pattern) > MAX_SIZE) return MAX_COMPILED;
  if (!chargeBytes(COMPILE_BYTES)) return -1;
  const regex = Regex.compile(pattern, 0);
  if (regex == null) return -1;
  const source = new StaticArray<u8>(length(pattern));
  memory.copy(changetype<usize>(source), pattern as u32 as usize, length(pattern));
  compiled.push(regex);
  sources.push(source);
  last = compiled.length - 1;
  return last;
}

function isSource(i: i32, pattern: Span): bool {
  const source = unchecked(sources[i]);
  const bytes = changetype<usize>(source);
  return (
    source.length == length(pattern) &&
    memory.compare(bytes, pattern as u32 as usize, source.length) == 0
  );
}

/** Whether there is no text: nothing matches then, and nothing is what comes of it, left in `value`. */
function isOfNothing(fn: Fn, value: Value): bool {
  if (fn == Fn.Matches) {
    if (!value.isAbsent) return false;
    value.setBool(false);
    return true;
  }
  if (value.kind != Kind.Null) return false;
  if (fn == Fn.RegexExtract) value.set(Kind.Optional, 0);
  return true;
}

/** With the compiled pattern and, for replacing, the compiled replacement if it was constant. */
export function callPattern(
  fn: Fn,
  regex: Regex,
  template: Template | null,
  base: usize,
  n: i32,
): Failure {
  const value = argument(base, 0);
  if (isOfNothing(fn, value)) return Failure.None;
  if (value.kind != Kind.String) return Failure.NoSuchOverload;
  if (!chargeBytes(length(value.bits))) return Failure.Budget;
  const before = effort();
  const refused = refusals();
  const limit = beginLimit(remaining() as u64);
  const wrong = apply(fn, regex, template, base, n);
  endLimit(limit);
  const cut = isCut;
  if (cut) forgive(refused);
  return chargeEffort(before, effort()) && !cut ? wrong : Failure.Budget;
}

function apply(fn: Fn, regex: Regex, template: Template | null, base: usize, n: i32): Failure {
  const value = argument(base, 0);
  switch (fn) {
    case Fn.Matches:
      value.setBool(regex.isMatch(value.bits));
      return Failure.None;
    case Fn.RegexReplace:
      return replace(regex, template, base, n);
    case Fn.RegexExtract:
      if (regex.captureCount > 1) return Failure.BadPattern;
      return extract(regex, value);
    default:
      if (regex.captureCount > 1) return Failure.BadPattern;
      return extractAll(regex, value);
  }
}

function replace(regex: Regex, template: Template | null, base: usize, n: i32): Failure {
  const value = argument(base, 0);
  const text = value.bits;
  const with_ = argument(base, 2);
  if (n < 3 || n > 4 || with_.kind != Kind.String) return Failure.NoSuchOverload;
  let limit: i64 = -1;
  if (n == 4) {
    if (argument(base, 3).kind != Kind.Int) return Failure.NoSuchOverload;
    limit = argument(base, 3).int;
  }
  if (limit == 0) return Failure.None;
  buffer.reset();
  if (template == null) {
    if (!isReplacement(with_.bits)) return Failure.BadTemplate;
    if (!chargeBytes(COMPILE_BYTES)) return Failure.Budget;
    template = Template.compile(with_.bits, regex, Notation.Backslash, Unknown.Refuse);
    if (template == null) return Failure.BadTemplate;
  }
  const most = limit < 0 || limit > (i32.MAX_VALUE as i64) ? -1 : (limit as i32);
  const replaced = regex.replaceAll(text, template, buffer, most, remaining());
  if (replaced == TOO_COSTLY) return Failure.Budget;
  return replaced == 0 ? Failure.None : take(value);
}

/** What group 1 matched, or the whole when there is no group; NONE when the group took no part. */
function found(regex: Regex, text: Span): Span {
  const group = regex.captureCount;
  const from = regex.start(group);
  return from < 0 ? NONE : sliceUnchecked(text, from, regex.end(group));
}

function extract(regex: Regex, value: Value): Failure {
  const text = value.bits;
  const part = regex.findNext(text, -1) ? found(regex, text) : NONE;
  if (part == NONE) {
    value.set(Kind.Optional, 0);
    return Failure.None;
  }
  value.set(Kind.String, part);
  return setOptional(value, value, heap) ? Failure.None : Failure.Memory;
}

function extractAll(regex: Regex, value: Value): Failure {
  const text = value.bits;
  let count = 0;
  const stop = effort() + (remaining() as u64);
  // Parts that a group took no part in, or matched nothing with, do not count.
  for (let at = -1; regex.findNext(text, at); at = regex.end(0)) {
    if (isPart(regex, found(regex, text))) count++;
    if (effort() > stop) return Failure.Budget;
  }
  if (!startList(value, count, heap)) return Failure.Memory;
  for (let at = -1; regex.findNext(text, at); at = regex.end(0)) {
    const part = found(regex, text);
    if (isPart(regex, part)) push(value).set(Kind.String, part);
  }
  return Failure.None;
}

function isPart(regex: Regex, part: Span): bool {
  return part != NONE && (regex.captureCount == 0 || length(part) > 0);
}
