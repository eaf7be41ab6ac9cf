// Names, numbered from 0 in the order they were added.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { copy, toString } from "../bytes/text";

/** More names than this are not listed in a message. */
const MAX_LISTED: i32 = 10;

@final
export class Numbering {
  /** By number. */
  readonly names: Span[] = [];
  private readonly numbers: Map<string, i32> = new Map();

  get count(): i32 {
    return this.names.length;
  }

  /** Gives the name, which is copied into `arena`, the next number, if it has none yet. */
  add(name: Span, arena: Arena): void {
    const key = toString(name);
    if (this.numbers.has(key)) return;
    this.numbers.set(key, this.count);
    this.names.push(copy(name, arena));
  }

  /** The name's number, or -1. */
  find(name: Span): i32 {
    const key = toString(name);
    return this.numbers.has(key) ? this.numbers.get(key) : -1;
  }

  /** What there is, for a message about a name that is not; nothing when there are none. */
  listed(): string {
    const n = this.count;
    if (n == 0) return "";
    let text = "; there are ";
    for (let i = 0; i < min(n, MAX_LISTED); i++)
      text += (i == 0 ? "" : ", ") + toString(this.names[i]);
    return n > MAX_LISTED ? text + " and " + (n - MAX_LISTED).toString() + " more" : text;
  }
}
