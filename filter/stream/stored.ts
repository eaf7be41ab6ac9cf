// A name of `store`: a value, or values under keys, in the host's shared data. What is written is seen by
// every worker at once; the last one to write counts. A value is when it was written, a letter and text: `t`
// for text as it is, `j` for JSON. Ages are told by a clock that nobody sets: whatever becomes of the
// wall clock, a value is there for its ttl, and no longer.

import * as host from "../abi/host";
import { byteAtUnchecked, length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Failure, parseJson, Value } from "../cel/index";
import * as siphash from "../crypto/siphash";
import { Cell } from "../rules/name";
import { MAX_TRIES, Saved } from "./buckets";
import { Counter, count, countMany } from "./counters";
import { Space } from "./space";
import { FOR_EVER, Table } from "./table";

export const TEXT: u32 = 0x74;
export const JSON: u32 = 0x6a;

/** Before the letter: when it was written. */
const TIME: i32 = sizeof<u64>() as i32;
/** The letter included. */
export const MAX_VALUE: i32 = 64 * 1024 + 1;
/** Values of one name in a bucket, when it has more than one bucket. */
const GROUP: i32 = 16;
/** Names without keys that one bucket may have: more than ever meet in one. */
const MAX_NAMES: i32 = 16;

const hashed = Writer.create();
const dated = Writer.create();

@final
export class Stored extends Cell {
  private readonly table: Table;
  private low: u64 = 0;
  private high: u64 = 0;
  private readonly groups: u32;
  /** How many values a bucket may have of it. */
  private readonly most: i32;

  /** `maxKeys` is 0 for a name without keys. */
  constructor(
    name: Span,
    private readonly space: Space,
    readonly maxKeys: i32,
  ) {
    super(name, maxKeys > 0);
    const isKeyed = maxKeys > 0;
    this.table = isKeyed ? space.keyedValues : space.values;
    this.groups = max(1, maxKeys / GROUP);
    this.most = isKeyed ? maxKeys / (max(1, maxKeys / GROUP) as i32) : MAX_NAMES;
    hashed.reset();
    hashed.byte(0x73);
    hashed.span(name);
    space.hash(hashed);
    this.low = siphash.low;
    this.high = siphash.high;
  }

  read(key: Span, out: Value): void {
    out.setAbsent();
    if (!this.open(key)) {
      count(Counter.StoreFailed);
      out.setFailure(Failure.Unset);
      return;
    }
    const data = this.table.find();
    if (length(data) <= TIME) return;
    if (this.table.expires != FOR_EVER && this.table.isPast(host.steadyMicroseconds())) return;
    const text = sliceUnchecked(data, TIME + 1, length(data));
    if (byteAtUnchecked(data, TIME) == (TEXT as u8)) {
      out.setText(text);
      return;
    }
    const failure = parseJson(text, out);
    if (failure != Failure.None) out.setFailure(failure);
  }

  /** Puts the value, a letter and text, in place of the former one for `ttl` microseconds (0: for ever);
   * NONE takes it away. What cannot be kept is counted, and the former value stays. */
  write(key: Span, data: Span, ttl: u64): void {
    if (length(data) > MAX_VALUE) {
      count(Counter.StoreRejected);
      return;
    }
    const now = host.steadyMicroseconds();
    const value = data == NONE ? NONE : dateOf(data, now);
    if (data != NONE && value == NONE) {
      count(Counter.StoreRejected);
      return;
    }
    const table = this.table;
    const mark = this.isKeyed ? (this.low as u32) : 0;
    for (let i = 0; i < MAX_TRIES; i++) {
      if (!this.open(key)) break;
      if (!table.put(now, ttl == 0 ? FOR_EVER : now + ttl, mark, this.most, value)) {
        count(Counter.StoreRejected);
        return;
      }
      const saved = table.save();
      if (saved == Saved.Failed) break;
      if (saved == Saved.Conflict) continue;
      countMany(Counter.StoreEvicted, table.evicted);
      return;
    }
    count(Counter.StoreFailed);
  }

  private open(key: Span): bool {
    if (!this.isKeyed) return this.table.open(this.low, this.high, this.low as u32);
    hashed.reset();
    hashed.word(this.low);
    hashed.word(this.high);
    if (key != NONE) hashed.span(key);
    this.space.hash(hashed);
    const group = (siphash.low >>> 32) % (this.groups as u64);
    return this.table.open(siphash.low, siphash.high, (this.low as u32) + (group as u32));
  }
}

/** The data after its time; NONE without memory. */
function dateOf(data: Span, now: u64): Span {
  dated.reset();
  dated.word(now);
  dated.span(data);
  return dated.failed ? NONE : dated.view();
}
