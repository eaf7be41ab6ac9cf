// `path`, `host`, `method` and `status`: the parts of a message that are pseudo-headers.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, indexOfByte, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as query from "../http/query";
import { isPathPrefix } from "../rules/match";
import { Absent, Template } from "../rules/template";
import { Counter, count } from "../stream/counters";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Step } from "../stream/program";
import { parseStatus } from "../stream/view";
import { Replacement } from "./field-edits";

const target = Writer.create();

/** Sets the path to what `target` holds; the query of `before` stays unless the new path has one. */
function setPath(x: Exchange, before: Span): Outcome {
  const rewritten = target.view();
  if (
    byteAtUnchecked(rewritten, 0) != 0x2f ||
    length(rewritten) == 0 ||
    !query.isTarget(rewritten)
  ) {
    count(Counter.EditSkippedInvalid);
    return Outcome.Next;
  }
  if (indexOfByte(rewritten, 0x3f) < 0 && before != NONE) {
    const kept = query.queryOf(before);
    if (kept != NONE) {
      target.byte(0x3f);
      target.span(kept);
    }
  }
  const value = copy(target.view(), x.arena);
  if (target.failed || value == NONE) return Outcome.Next;
  x.request.set(field.path, value);
  x.reroute();
  return Outcome.Next;
}

/** Sets the path to a template. */
@final
export class PathStep extends Step {
  constructor(private readonly path: Template) {
    super();
  }

  run(x: Exchange): Outcome {
    target.reset();
    if (!this.path.write(x, Absent.Skips, target)) {
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
  }

  run(x: Exchange): Outcome {
    const before = x.request.get(field.path);
    if (before == NONE) return Outcome.Next;
    const path = query.pathOf(before);
    if (!isPathPrefix(path, this.prefix)) return Outcome.Next;
    target.reset();
    if (!this.replacement.write(x, Absent.Skips, target)) {
      count(Counter.EditSkippedAbsent);
      return Outcome.Next;
    }
    appendRest(sliceUnchecked(path, length(this.prefix), length(path)));
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
  }

  run(x: Exchange): Outcome {
    const value = this.host.evaluate(x, Absent.Skips, x.arena);
    if (value == NONE) count(Counter.EditSkippedAbsent);
    else if (!query.isTarget(value)) count(Counter.EditSkippedInvalid);
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
