// Which of many patterns match somewhere in a text, in one scan: one program for all, run by the DFA,
// whose states tell which patterns have matched. Where it gives up, each pattern is asked.

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
    const syntaxes: Syntax[] = [];
    let hasAnyByte = false;
    for (; failed < patterns.length; failed++) {
      const regex = Regex.compile(patterns[failed], flags);
      if (!regex) return null;
      compiled.push(regex);
      const syntax = new Parser(patterns[failed], flags).parse();
      if (!syntax) return null;
      syntaxes.push(syntax);
      // \\B means another thing beside \\C.
      hasAnyByte = hasAnyByte || syntax.hasAnyByte;
    }
    let program: Program | null = null;
    if (patterns.length > 0 && !hasAnyByte) {
      program = new Generator((flags & Flag.Latin1) != 0, false, false).generateSet(syntaxes);
      if (program && !scratch.reserve(program)) program = null;
      problem.clear();
    }
    return new RegexSet(compiled, program);
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

let failed: i32 = 0;

/** The index of the pattern that the last `RegexSet.compile` refused. */
export function failedPattern(): i32 {
  return failed;
}
