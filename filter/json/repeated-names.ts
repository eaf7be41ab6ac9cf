// Names that an object has twice. RFC 8259 leaves it to the reader which of the members counts, so what
// one reader has judged need not be what the next one sees.

import { Arena } from "../bytes/arena";
import { equal, length, NONE, Span } from "../bytes/span";
import { hashName } from "./names";
import { Kind, NO_NODE, Tape } from "./tape";

/** It took too much work, or memory, to tell. */
export const GAVE_UP: i32 = -2;

/** Names and bytes that are looked at for any document, and further ones for each byte: only names made
 * to collide take more. */
const BASE_WORK: i64 = 1_000_000;
const WORK_PER_BYTE: i64 = 4;
/** Objects of up to so many members share one table. */
const SMALL: i32 = 64;

let work: i64 = 0;
let arena: Arena = changetype<Arena>(0);
// Keys by hash, with open addressing and at least twice the room that is needed: pairs of i32, the key
// or NO_NODE, and its hash.
const small: usize = memory.data(2 * SMALL * 8, 8);
let table: usize = small;
let room: i32 = 2 * SMALL;

/** A key whose name an earlier key of its object has, in the value at `node` and all that is in it;
 * NO_NODE when there is none. Linear but for collisions, which are bounded. */
export function findRepeatedName(tape: Tape, node: i32, memory: Arena): i32 {
  const bytes = tape.end(node) - tape.start(node);
  work = BASE_WORK + (bytes as i64) * WORK_PER_BYTE;
  arena = memory;
  table = small;
  room = 2 * SMALL;
  for (let i = node, stop = tape.after(node); i < stop; i++) {
    if (tape.kind(i) != Kind.Object || tape.after(i) <= i + 3) continue;
    const key = findIn(tape, i);
    if (key != NO_NODE) return key;
  }
  return NO_NODE;
}

function findIn(tape: Tape, object: i32): i32 {
  const count = tape.size(object);
  if (count < 2) return NO_NODE;
  const mask = prepare(count);
  if (mask == 0) return GAVE_UP;
  for (let key = tape.firstChild(object); key < tape.after(object); key = tape.after(key + 1)) {
    const name = tape.text(key, arena);
    if (name == NONE) return GAVE_UP;
    work -= length(name) >> 4;
    const other = place(tape, key, name, mask);
    if (work < 0) return GAVE_UP;
    if (other != NO_NODE) return key;
  }
  return NO_NODE;
}

/** Puts the key into the table; one of the same name that is there already, or NO_NODE. */
function place(tape: Tape, key: i32, name: Span, mask: i32): i32 {
  const hash = hashName(name);
  let i = (hash as i32) & mask;
  while (--work >= 0) {
    const at = table + ((i as usize) << 3);
    const other = load<i32>(at);
    if (other == NO_NODE) {
      store<i32>(at, key);
      store<u32>(at, hash, 4);
      return NO_NODE;
    }
    if (load<u32>(at, 4) == hash && equal(tape.text(other, arena), name)) return other;
    i = (i + 1) & mask;
  }
  return NO_NODE;
}

/** An empty table for so many; its mask, or 0 without memory. */
function prepare(count: i32): i32 {
  const capacity = 1 << (32 - (clz<i32>(2 * count - 1) as i32));
  if (capacity > room) {
    const fresh: usize = count < 0x8000000 ? arena.allocate(capacity * 8) : 0;
    if (fresh == 0) return 0;
    table = fresh;
    room = capacity;
  }
  memory.fill(table, 0xff, (capacity as usize) << 3);
  return capacity - 1;
}
