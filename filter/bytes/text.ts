// Between spans and AssemblyScript strings, for configuring and for messages. Nothing here is for
// the request path: strings are UTF-16 and managed.

import { Arena } from "./arena";
import { address, length, move, NONE, Span, span } from "./span";

/** The bytes are the ASCII text. */
export function equalsText(s: Span, text: string): bool {
  const n = text.length;
  if (n != length(s)) return false;
  for (let i = 0; i < n; i++) {
    if (load<u8>(address(s) + i) != (text.charCodeAt(i) as u8)) return false;
  }
  return true;
}

/** A copy of ASCII text in `arena`; NONE at the ceiling. */
export function fromText(text: string, arena: Arena): Span {
  const n = text.length;
  const at = arena.allocate(n + 1);
  if (at == 0) return NONE;
  for (let i = 0; i < n; i++) store<u8>(at + i, text.charCodeAt(i) as u8);
  return span(at, n);
}

/** A copy of any text in `arena`, as UTF-8; NONE at the ceiling. */
export function fromString(text: string, arena: Arena): Span {
  const n = String.UTF8.byteLength(text);
  const at = arena.allocate(n + 1);
  if (at == 0) return NONE;
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at);
  return span(at, n);
}

export function toString(s: Span): string {
  return String.UTF8.decodeUnsafe(address(s), length(s));
}

/** A copy of the bytes in `arena`; NONE at the ceiling or of NONE. */
export function copy(s: Span, arena: Arena): Span {
  if (s == NONE) return NONE;
  const n = length(s);
  const at = arena.allocate(n + 1);
  if (at == 0) return NONE;
  move(at, address(s), n);
  return span(at, n);
}

/** Edit distance (Levenshtein) if it is at most `limit`, else `limit + 1`. Both at most 40 bytes. */
export function distance(a: Span, b: Span, limit: i32): i32 {
  const n = length(a);
  const m = length(b);
  if (n > 40 || m > 40 || abs(n - m) > limit) return limit + 1;
  const row = new StaticArray<i32>(m + 1);
  for (let j = 0; j <= m; j++) row[j] = j;
  for (let i = 1; i <= n; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= m; j++) {
      const above = row[j];
      const same = load<u8>(address(a) + i - 1) == load<u8>(address(b) + j - 1);
      row[j] = min(min(above, row[j - 1]) + 1, diagonal + (same ? 0 : 1));
      diagonal = above;
    }
  }
  return min(row[m], limit + 1);
}
