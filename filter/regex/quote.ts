// Text as a pattern that matches exactly it.

import { byteAtUnchecked, length, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";

/** Writes `text` with a backslash before every character that means something in a pattern. */
export function quote(text: Span, out: Writer): void {
  for (let i = 0, n = length(text); i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (isSpecial(c)) out.byte(0x5c);
    out.byte(c);
  }
}

/** Writes `text` as a pattern that matches it in ASCII letters of either case. */
export function quoteIgnoringCase(text: Span, out: Writer): void {
  for (let i = 0, n = length(text); i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if ((c | 0x20) - 0x61 < 26) {
      out.byte(0x5b);
      out.byte(c | 0x20);
      out.byte(c & ~0x20);
      out.byte(0x5d);
    } else {
      if (isSpecial(c)) out.byte(0x5c);
      out.byte(c);
    }
  }
}

function isSpecial(c: u32): bool {
  switch (c) {
    case 0x24:
    case 0x28:
    case 0x29:
    case 0x2a:
    case 0x2b:
    case 0x2e:
    case 0x3f:
    case 0x5b:
    case 0x5c:
    case 0x5d:
    case 0x5e:
    case 0x7b:
    case 0x7c:
    case 0x7d:
      return true;
    default:
      return false;
  }
}
