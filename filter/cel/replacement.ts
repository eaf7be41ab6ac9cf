// How the regex extension writes replacements: `\0` to `\9` for groups, `\\` for a backslash.

import { byteAtUnchecked, length, Span } from "../bytes/span";

/** Whether each backslash is followed by a digit or another one. */
export function isReplacement(text: Span): bool {
  for (let i = 0, n = length(text); i < n; i++) {
    if (byteAtUnchecked(text, i) != 0x5c) continue;
    if (++i == n) return false;
    const c = byteAtUnchecked(text, i);
    if (c != 0x5c && (c < 0x30 || c > 0x39)) return false;
  }
  return true;
}
