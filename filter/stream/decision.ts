// What a service has decided of a request, as one record: its status, those of its headers that are
// passed on, each with what for, and of a denial its body. It is made of an answer while the host
// delivers it, and says all that carrying it out needs, so that it can be kept.

import { Arena } from "../bytes/arena";
import { address, length, move, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Hashed } from "./record-index";

/** What a header of the answer is for: bits. */
export const enum Use {
  /** The request gets it. */
  Set = 1,
  Append = 2,
  /** The response of an allowed request gets it. */
  Client = 4,
  /** The denial has it. */
  Denial = 8,
}

/** Sizes of a header's name and value, and what it is for. */
@unmanaged
@final
class Field {
  name: u32;
  value: u32;
  uses: u32;
}

const FIELD: usize = offsetof<Field>();

/** The record: this, then a Field for each header, then names and values one after another, then the
 * body where it is kept. */
@unmanaged
@final
export class Decision extends Hashed {
  // Of a kept one (decisions.ts).
  newer: usize;
  older: usize;
  /** Milliseconds since the epoch: when it was made, and until when it is good. */
  since: i64;
  expires: i64;
  /** NONE: there is none. */
  body: Span;
  /** Bytes of names and values. */
  texts: u32;
  count: i32;
  status: i32;
  isAllowed: bool;
  /** It is for the one who asked. */
  isForOne: bool;
  /** It is good for no longer than it is fresh, whatever fails. */
  isStrict: bool;
  /** It may be kept for so many milliseconds at the most; below 0: as long as anybody likes. */
  mostAge: i64;

  /** What the record takes with its body. */
  get size(): usize {
    return this.ownSize + length(this.body);
  }

  private get ownSize(): usize {
    return offsetof<Decision>() + (this.count as usize) * FIELD + (this.texts as usize);
  }

  private get fields(): usize {
    return changetype<usize>(this) + offsetof<Decision>();
  }

  /** Where its names and values begin. */
  get text(): usize {
    return this.fields + (this.count as usize) * FIELD;
  }

  private field(i: i32): Field {
    return changetype<Field>(this.fields + (i as usize) * FIELD);
  }

  usesOf(i: i32): u32 {
    return this.field(i).uses;
  }

  nameSize(i: i32): i32 {
    return this.field(i).name as i32;
  }

  valueSize(i: i32): i32 {
    return this.field(i).value as i32;
  }

  /** Names and values copied into the arena: their address; 0 when memory ran out. */
  copyTexts(arena: Arena): usize {
    const at = arena.allocate(this.texts as i32);
    if (at != 0) move(at, this.text, this.texts as i32);
    return at;
  }

  /** A copy at `to`, which has room for `size` bytes. */
  copyTo(to: usize): Decision {
    const own = this.ownSize;
    memory.copy(to, changetype<usize>(this), own);
    const copy = changetype<Decision>(to);
    if (this.body == NONE) return copy;
    memory.copy(to + own, address(this.body), length(this.body));
    copy.body = span(to + own, length(this.body));
    return copy;
  }
}

const heads = Writer.create();
const texts = Writer.create();
let fieldCount: i32 = 0;

/** Begins a record; its headers follow. */
export function begin(): void {
  heads.reset();
  texts.reset();
  fieldCount = 0;
}

export function add(name: Span, value: Span, uses: u32): void {
  const at = heads.reserve(FIELD as u32);
  if (at == 0) return;
  const field = changetype<Field>(at);
  field.name = length(name);
  field.value = length(value);
  field.uses = uses;
  heads.size += FIELD as u32;
  texts.span(name);
  texts.span(value);
  fieldCount++;
}

/** The record in the arena, its body where that lies; null when memory ran out. */
export function end(status: i32, isAllowed: bool, body: Span, arena: Arena): Decision | null {
  const n = (offsetof<Decision>() as u32) + heads.size + texts.size;
  if (heads.failed || texts.failed) return null;
  const at = arena.allocate(n as i32);
  if (at == 0) return null;
  const decision = changetype<Decision>(at);
  decision.low = 0;
  decision.high = 0;
  decision.newer = 0;
  decision.older = 0;
  decision.since = 0;
  decision.expires = 0;
  decision.body = body;
  decision.texts = texts.size;
  decision.count = fieldCount;
  decision.status = status;
  decision.isAllowed = isAllowed;
  decision.isForOne = false;
  decision.isStrict = false;
  decision.mostAge = -1;
  memory.copy(at + offsetof<Decision>(), heads.base, heads.size);
  memory.copy(decision.text, texts.base, texts.size);
  return decision;
}
