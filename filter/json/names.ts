// Names of members: hashed and compared eight bytes at a time, since each member of a document is
// looked up in its schema.

import { address, length, Span } from "../bytes/span";

const FACTOR: u64 = 0x9e3779b97f4a7c15;

/** Not secret: whoever fills a table with keys from outside must bound what collisions cost. */
export function hashName(name: Span): u32 {
  let at = address(name);
  let left = length(name);
  let h: u64 = (left as u64) * FACTOR;
  for (; left >= 8; left -= 8, at += 8) h = turn(h ^ load<u64>(at));
  if (left >= 4) {
    h = turn(h ^ ((load<u32>(at) as u64) | ((load<u32>(at + left - 4) as u64) << 32)));
  } else if (left > 0) {
    const ends = (load<u8>(at) as u64) | ((load<u8>(at + left - 1) as u64) << 8);
    h = turn(h ^ (ends | ((load<u8>(at + (left >> 1)) as u64) << 16)));
  }
  return (h >>> 32) as u32;
}

function turn(h: u64): u64 {
  const product = h * FACTOR;
  return product ^ (product >>> 29);
}

/** Same bytes; neither is NONE. */
export function isSameName(a: Span, b: Span): bool {
  let left = length(a);
  if (left != length(b)) return false;
  let at = address(a);
  let other = address(b);
  if (at == other) return true;
  for (; left >= 8; left -= 8, at += 8, other += 8) {
    if (load<u64>(at) != load<u64>(other)) return false;
  }
  if (left >= 4) {
    return (
      load<u32>(at) == load<u32>(other) && load<u32>(at + left - 4) == load<u32>(other + left - 4)
    );
  }
  for (; left > 0; left--, at++, other++) {
    if (load<u8>(at) != load<u8>(other)) return false;
  }
  return true;
}
