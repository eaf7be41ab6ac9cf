// `path`, `host`, `method` and `status`: the parts of a message that are pseudo-headers.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { isAuthority } from "../http/authority";
import {
  EscapedSlashes,
  endOfPath,
  endOfPrefix,
  normalise,
  Trait,
  traitsOf,
  withoutFragment,
  writeMerged,
} from "../http/path";
import { encodeComponent } from "../http/percent";
import * as query from "../http/query";
import { PathPolicy } from "../rules/path-policy";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { Exchange, Refusal } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Step } from "../stream/program";
import * as reply from "../stream/reply";
import { parseStatus } from "../stream/view";
import { Replacement } from "./field-edits";

const target = Writer.create();

const part = Writer.create();

/** Refuses a message that would go on with half of its edits: the steps that follow rely on this one. */
function refuse(x: Exchange): Outcome {
  count(Counter.EditSkippedInvalid);
  reply.plain(x, 400, reply.targetInvalid);
  return Outcome.End;
}

/** Whether the path can be written, and sent on under the policy: it says by itself where it leads. */
function isWritable(path: Span, traits: i32, policy: PathPolicy): bool {
  if (length(path) == 0 || byteAtUnchecked(path, 0) != 0x2f) return false;
  if ((traits & (Trait.DotSegment | Trait.EscapedNul)) != 0) return false;
  return (traits & Trait.EscapedSlash) == 0 || policy.escapedSlashes != EscapedSlashes.Reject;
}

/** Sets the path to what `target` holds; the query of `before` stays unless the new path has one. */
function setPath(x: Exchange, before: Span): Outcome {
  if (!query.isTarget(target.view())) return refuse(x);
  const rewritten = withoutFragment(target.view());
  const stop = endOfPath(rewritten);
  let path = sliceUnchecked(rewritten, 0, stop);
  if ((traitsOf(path) & Trait.NotNormal) != 0) {
    if ((traitsOf(path) & Trait.DotSegment) != 0) return refuse(x);
    path = normalise(path, false);
    if (path == NONE) return outOfMemory(x);
  }
  if (!isWritable(path, traitsOf(path), x.program.paths)) return refuse(x);
  part.reset();
  if (x.program.paths.mergesSlashes) writeMerged(path, part);
  else part.span(path);
  part.span(sliceUnchecked(rewritten, stop, length(rewritten)));
  target.reset();
  target.span(part.view());
  return writeTarget(x, before);
}

function outOfMemory(x: Exchange): Outcome {
  x.refuse(Refusal.Memory, true);
  return Outcome.End;
}

function writeTarget(x: Exchange, before: Span): Outcome {
  const rewritten = target.view();
  if (indexOfByte(rewritten, 0x3f) < 0 && before != NONE) {
    const kept = query.queryOf(before);
    if (kept != NONE) {
      target.byte(0x3f);
      target.span(kept);
    }
  }
  const value = copy(target.view(), x.arena);
  if (target.failed || part.failed || value == NONE) return outOfMemory(x);
  x.request.set(field.path, value);
  x.reroute();
  return Outcome.Next;
}

/** Writes the path of the template to `target`; false when a value is absent. A value is a part of a segment
 * or of the query, whatever is in it, unless it is written as a target already, or begins the path. */
function writePath(x: Exchange, path: Template): bool {
  target.span(path.constant);
  for (let i = 0, n = path.count; i < n; i++) {
    const begins = i == 0 && length(path.constant) == 0;
    part.reset();
    if (!path.writeValue(x, i, part)) return false;
    if (begins || path.isOfTarget(i)) target.span(part.view());
    else encodeComponent(part.view(), target);
    if (part.failed) return false;
    target.span(path.textAfter(i));
  }
  return true;
}

/** Sets the path to a template. */
@final
export class PathStep extends Step {
  constructor(private readonly path: Template) {
    super();
    this.looksAtTarget = true;
  }

  run(x: Exchange): Outcome {
    target.reset();
    if (!writePath(x, this.path)) {
      count(Counter.EditSkippedAbsent);
      return Outcome.Next;
    }
    return setPath(x, x.request.get(field.path));
  }
}

/** Replaces a prefix of whole segments. */
@final
export class PathPrefixStep extends Step {
  constructor(
    private readonly prefix: Span,
    private readonly replacement: Template,
  ) {
    super();
    this.looksAtTarget = true;
  }

  run(x: Exchange): Outcome {
    const before = x.request.get(field.path);
    if (before == NONE) return Outcome.Next;
    const path = query.pathOf(before);
    const end = endOfPrefix(path, this.prefix);
    if (end < 0) return Outcome.Next;
    target.reset();
    if (!writePath(x, this.replacement)) {
      count(Counter.EditSkippedAbsent);
      return Outcome.Next;
    }
    appendRest(sliceUnchecked(path, end, length(path)));
    return setPath(x, before);
  }
}

/** Joins what follows the prefix with exactly one slash in between. */
function appendRest(rest: Span): void {
  const head = target.view();
  const n = length(head);
  const endsWithSlash = n > 0 && byteAtUnchecked(head, n - 1) == 0x2f;
  const startsWithSlash = length(rest) > 0 && byteAtUnchecked(rest, 0) == 0x2f;
  if (endsWithSlash && startsWithSlash) target.span(sliceUnchecked(rest, 1, length(rest)));
  else if (!endsWithSlash && !startsWithSlash && (n == 0 || length(rest) > 0)) {
    target.byte(0x2f);
    target.span(rest);
  } else target.span(rest);
}

/** Rewrites what a pattern matches in the path; the query is not looked at. */
@final
export class PathRegexStep extends Step {
  constructor(private readonly replacement: Replacement) {
    super();
    this.looksAtTarget = true;
  }

  run(x: Exchange): Outcome {
    const before = x.request.get(field.path);
    if (before == NONE) return Outcome.Next;
    const rewritten = this.replacement.replace(query.pathOf(before), x.arena);
    if (rewritten == NONE) return Outcome.Next;
    target.reset();
    target.span(rewritten);
    return setPath(x, before);
  }
}

@final
export class HostStep extends Step {
  constructor(private readonly host: Template) {
    super();
    this.looksAtTarget = true;
  }

  run(x: Exchange): Outcome {
    const value = this.host.evaluate(x, Absent.Skips, x.arena);
    if (value == NONE) count(Counter.EditSkippedAbsent);
    else if (!isAuthority(value)) return refuse(x);
    else {
      x.request.set(field.authority, value);
      x.reroute();
    }
    return Outcome.Next;
  }
}

@final
export class MethodStep extends Step {
  constructor(private readonly method: Template) {
    super();
  }

  run(x: Exchange): Outcome {
    const value = this.method.evaluate(x, Absent.Skips, x.arena);
    if (value == NONE) count(Counter.EditSkippedAbsent);
    else if (!ascii.isToken(value)) count(Counter.EditSkippedInvalid);
    else {
      x.keepMethod();
      x.request.set(field.method, value);
      x.reroute();
    }
    return Outcome.Next;
  }
}

@final
export class StatusStep extends Step {
  constructor(private readonly status: Template) {
    super();
  }

  run(x: Exchange): Outcome {
    const value = this.status.evaluate(x, Absent.Skips, x.arena);
    if (value == NONE) count(Counter.EditSkippedAbsent);
    else if (parseStatus(value) < 200 || parseStatus(value) > 599)
      count(Counter.EditSkippedInvalid);
    else if (!x.setStatus(value)) count(Counter.BodySkippedUpgrade);
    return Outcome.Next;
  }
}
