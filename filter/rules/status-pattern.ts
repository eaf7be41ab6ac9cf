// Sets of response statuses: `404`, `4xx`, `40x`, `500-504`, as inclusive ranges.

import * as ascii from "../bytes/ascii";
import { byteAtUnchecked, length, Span } from "../bytes/span";
import * as problem from "./problem";

@final
export class StatusSet {
  private readonly ranges: i32[] = [];

  addRange(from: i32, to: i32): void {
    this.ranges.push(from);
    this.ranges.push(to);
  }

  /** Adds what the pattern stands for; false with the problem noted. */
  add(pattern: Span): bool {
    const n = length(pattern);
    if (n == 7 && byteAtUnchecked(pattern, 3) == 0x2d) {
      const from = number(pattern, 0);
      const to = number(pattern, 4);
      if (from >= 100 && to >= from && to <= 599) {
        this.addRange(from, to);
        return true;
      }
    } else if (n == 3) {
      let from = 0;
      let width = 1;
      let good = true;
      for (let i = 0; i < 3; i++) {
        const c = byteAtUnchecked(pattern, i);
        const isWild = (c | 0x20) == 0x78;
        good = good && (isWild ? i > 0 : ascii.isDigit(c) && width == 1);
        from = from * 10 + (isWild ? 0 : (c as i32) - 0x30);
        if (isWild) width *= 10;
      }
      if (good && from >= 100 && from <= 599) {
        this.addRange(from, from + width - 1);
        return true;
      }
    }
    return problem.fail("R309", 0, "a status pattern is 404, 4xx, 40x or 500-504");
  }

  has(status: i32): bool {
    for (let i = 0, n = this.ranges.length; i < n; i += 2) {
      if (status >= unchecked(this.ranges[i]) && status <= unchecked(this.ranges[i + 1]))
        return true;
    }
    return false;
  }
}

/** Whether none of them says that it worked (2xx). */
export function isOfErrors(statuses: StatusSet): bool {
  for (let status = 200; status < 300; status++) {
    if (statuses.has(status)) return false;
  }
  return true;
}

function number(pattern: Span, at: i32): i32 {
  let value = 0;
  for (let i = at; i < at + 3; i++) {
    const c = byteAtUnchecked(pattern, i);
    if (!ascii.isDigit(c)) return -1;
    value = value * 10 + (c as i32) - 0x30;
  }
  return value;
}
