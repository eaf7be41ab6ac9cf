// Which of many patterns match somewhere in a text, in one scan: one program for all, run by the DFA,
// whose states tell which patterns have matched. Where it gives up, each pattern is asked.

import { isOverfull } from "../bytes/heap";
import { length, Span } from "../bytes/span";
import { Generator } from "./codegen";
import * as dfa from "./dfa";
import { Parser } from "./parse";
import * as problem from "./problem";
import { Program } from "./program";
import { Regex } from "./regex";
import * as scratch from "./scratch";
import { Flag, Syntax } from "./syntax";

@final
export class RegexSet {
  /** Whether each pattern matched, after `match`. */
  private readonly hits: StaticArray<u8>;

  private constructor(
    private readonly patterns: Regex[],
    /** All together, or null when each is to be asked. */
    private readonly program: Program | null,
  ) {
    this.hits = new StaticArray<u8>(patterns.length);
  }

  /** Compiles; null when a pattern is refused (`failedPattern` says which) or there are too many. */
  static compile(patterns: Span[], flags: u32): RegexSet | null {
    problem.clear();
    failed = 0;
    if (patterns.length > dfa.MAX_PATTERNS) {
      problem.report(problem.Problem.TooLarge, 0);
      return null;
    }
    const compiled: Regex[] = [];
    for (; failed < patterns.length; failed++) {
      const regex = Regex.compile(patterns[failed], flags);
      if (!regex) return null;
      compiled.push(regex);
    }
    return RegexSet.of(compiled, flags);
  }

  /** The set of patterns that are compiled already, all with these flags; MAX_PATTERNS at the most. */
  static of(patterns: Regex[], flags: u32): RegexSet {
    return new RegexSet(patterns, together(patterns, flags));
  }

  /** Whether one scan tells of all; else each is asked. */
  get isOneScan(): bool {
    return this.program != null;
  }

  get count(): i32 {
    return this.patterns.length;
  }

  /** How many of the patterns match somewhere; `has` then tells which. */
  match(haystack: Span): i32 {
    const hits = this.hits;
    memory.fill(changetype<usize>(hits), 0, hits.length);
    const program = this.program;
    if (program && length(haystack) < 0x7fffff00) {
      scratch.beginSearch(length(haystack));
      const found = dfa.matchSet(program, haystack, hits, hits.length);
      if (found != dfa.GAVE_UP) return found;
    }
    let found = 0;
    for (let i = 0; i < hits.length; i++) {
      const hit = this.patterns[i].isMatch(haystack);
      unchecked((hits[i] = hit ? 1 : 0));
      if (hit) found++;
    }
    return found;
  }

  /** Whether pattern `i` matched at the last `match`. */
  has(i: i32): bool {
    return i >= 0 && i < this.hits.length && unchecked(this.hits[i]) != 0;
  }
}

/** One program for all the patterns, or null when there is none. */
function together(patterns: Regex[], flags: u32): Program | null {
  if (isOverfull()) return null;
  const syntaxes: Syntax[] = [];
  for (let i = 0; i < patterns.length; i++) {
    const syntax = new Parser(patterns[i].pattern, flags).parse();
    // \\B means another thing beside \\C.
    if (!syntax || syntax.hasAnyByte) return null;
    syntaxes.push(syntax);
  }
  if (syntaxes.length == 0) return null;
  const isLatin1 = (flags & Flag.Latin1) != 0;
  const program = new Generator(isLatin1, false, false).generateSet(syntaxes);
  problem.clear();
  return program != null && scratch.reserve(program) ? program : null;
}

let failed: i32 = 0;

/** The index of the pattern that the last `RegexSet.compile` refused. */
export function failedPattern(): i32 {
  return failed;
}
