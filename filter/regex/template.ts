// What a match is replaced with: text, and groups by number or name. `$1`, `$name` (the longest run
// of letters, digits and _), `${1}`, `${name}`, `$0` for the whole match, `$$` for a dollar sign; and,
// as other systems write it, `\1` and `\\`. Which of the two is meant is the caller's choice.

import { address, byteAtUnchecked, length, Span, sliceUnchecked, span } from "../bytes/span";
import * as problem from "./problem";
import { Regex } from "./regex";

/** How groups are written in a template; a bit set. */
export const enum Notation {
  Dollar = 1,
  Backslash = 2,
  Both = 3,
}

/** What to do with a group that the pattern does not have. */
export const enum Unknown {
  /** It is empty, as in Go. */
  Empty = 0,
  Refuse = 1,
}

@final
export class Template {
  /** -1: text from `starts` to `ends`; else a group. */
  private readonly groups: i32[] = [];
  private readonly starts: i32[] = [];
  private readonly ends: i32[] = [];
  /** Whether the group was written by name. */
  private readonly named: bool[] = [];
  private readonly bytes: StaticArray<u8>;

  private constructor(text: Span) {
    const n = length(text);
    this.bytes = new StaticArray<u8>(n);
    memory.copy(changetype<usize>(this.bytes), address(text), n);
  }

  /** Compiles for the groups of `regex`; null when it names one that is not there and that is to be
   * refused. The text is copied. */
  static compile(
    text: Span,
    regex: Regex,
    notation: Notation = Notation.Both,
    unknown: Unknown = Unknown.Empty,
  ): Template | null {
    problem.clear();
    const template = new Template(text);
    const n = length(text);
    let copied = 0;
    let at = 0;
    while (at < n) {
      const c = byteAtUnchecked(text, at);
      const next = at + 1 < n ? (byteAtUnchecked(text, at + 1) as u32) : 0;
      let to = at;
      let group = -1;
      let named = false;
      if (c == 0x24 && (notation & Notation.Dollar) != 0) {
        if (next == 0x24) {
          template.addText(copied, at + 1);
          copied = at = at + 2;
          continue;
        }
        const braced = next == 0x7b;
        const from = at + (braced ? 2 : 1);
        to = from;
        while (to < n && isWord(byteAtUnchecked(text, to))) to++;
        if (to == from || (braced && (to == n || byteAtUnchecked(text, to) != 0x7d))) {
          at++;
          continue;
        }
        const name = sliceUnchecked(text, from, to);
        group = groupNumbered(name, regex);
        if (group == NOT_A_NUMBER) {
          group = regex.captureIndex(name);
          named = true;
        }
        if (braced) to++;
      } else if (c == 0x5c && (notation & Notation.Backslash) != 0) {
        if (next == 0x5c) {
          template.addText(copied, at + 1);
          copied = at = at + 2;
          continue;
        }
        if (next - 0x30 >= 10) {
          at++;
          continue;
        }
        to = at + 2;
        group = (next - 0x30) as i32;
        if (group > regex.captureCount) group = -1;
      } else {
        at++;
        continue;
      }
      if (group < 0 && unknown == Unknown.Refuse) {
        problem.report(problem.Problem.BadTemplate, at);
        return null;
      }
      template.addText(copied, at);
      if (group >= 0) template.add(group, 0, 0, named);
      copied = at = to;
    }
    template.addText(copied, n);
    return template;
  }

  private addText(from: i32, to: i32): void {
    if (to > from) this.add(-1, from, to, false);
  }

  private add(group: i32, from: i32, to: i32, named: bool): void {
    this.named.push(named);
    this.groups.push(group);
    this.starts.push(from);
    this.ends.push(to);
  }

  get count(): i32 {
    return this.groups.length;
  }

  /** The group that part `i` stands for, or -1 when it is text. */
  group(i: i32): i32 {
    return unchecked(this.groups[i]);
  }

  isNamed(i: i32): bool {
    return unchecked(this.named[i]);
  }

  text(i: i32): Span {
    const from = unchecked(this.starts[i]);
    return span(changetype<usize>(this.bytes) + from, unchecked(this.ends[i]) - from);
  }
}

const NOT_A_NUMBER: i32 = -2;

// The group of that number, -1 when there is none, NOT_A_NUMBER when it is not one.
function groupNumbered(name: Span, regex: Regex): i32 {
  let number = 0;
  for (let i = 0; i < length(name); i++) {
    const c = byteAtUnchecked(name, i) as u32;
    if (c - 0x30 >= 10) return NOT_A_NUMBER;
    number = min(number * 10 + ((c - 0x30) as i32), 1_000_000);
  }
  return number <= regex.captureCount ? number : -1;
}

function isWord(c: u32): bool {
  return c - 0x30 < 10 || (c | 0x20) - 0x61 < 26 || c == 0x5f;
}
