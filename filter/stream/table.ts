// Records under keys in a fixed number of buckets: what is counted for each key, what a store keeps for
// each. The number of buckets and the size of each are fixed, so that no traffic can make it grow: a bucket
// that is full forgets something, and says so. Buckets are read and written as a whole (buckets.ts).
//
// A key is a hash of 128 bits, under a seed that nobody outside knows (space.ts): which bucket a key
// falls into cannot be aimed at.
//
//   table.open(low, high, i);
//   table.put(now, expires, mark, most, data) && table.save();
//
// A bucket: a word that says its form, then records, each a head (Head) and its data, padded to 8.

import { address, end, length, move, NONE, Span, span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Buckets, Saved } from "./buckets";

@unmanaged
@final
class Head {
  low: u64;
  high: u64;
  /** Microseconds, of whichever clock `put` is told. */
  expires: u64;
  mark: u32;
  size: u32;
}

const HEAD: usize = offsetof<Head>();
/** "rw1" and what may change: buckets of another form are as good as empty. */
const FORM: u64 = 0x317772;
const FORM_SIZE: usize = sizeof<u64>();
const MAX_SIZE: u32 = 1 << 20;

/** It does not expire. */
export const FOR_EVER: u64 = u64.MAX_VALUE;

/** Which record goes when a bucket is full. */
export const enum Policy {
  /** `mark` says how much a record is worth: the least goes. So what is counted much stays, and to push
   * it out takes a bucketful of others that are counted as much. */
  Least,
  /** `mark` says whose it is: of the same owner's the one that expires first, else the one written first.
   * The others' stay. Its data begins with when it was written. */
  Own,
}

/** Two workers read the clock one after another: what was written so much later than now was not. */
const SLACK: u64 = 1_000_000;

const out = Writer.create();

@final
export class Table {
  /** Records that the last `put` has pushed out before their time. */
  evicted: i32 = 0;
  private low: u64 = 0;
  private high: u64 = 0;
  private at: u32 = 0;
  private bucket: Span = NONE;

  constructor(
    private readonly buckets: Buckets,
    private readonly policy: Policy,
  ) {}

  /** Reads the bucket `i` (of any number of them, as it were) for the key; false when that fails. */
  open(low: u64, high: u64, i: u32): bool {
    this.low = low;
    this.high = high;
    this.at = i & (this.buckets.count - 1);
    this.bucket = this.buckets.load(this.at);
    return !this.buckets.failed;
  }

  /** The data of the key's record, whatever its age; NONE when there is none. */
  find(): Span {
    const head = this.head();
    return head == null ? NONE : span(changetype<usize>(head) + HEAD, head.size);
  }

  /** When the record expires; for one that is there. */
  get expires(): u64 {
    const head = this.head();
    return head == null ? 0 : head.expires;
  }

  /** Whether the record is no longer to be read. */
  isPast(now: u64): bool {
    const head = this.head();
    return head == null || this.isOver(head, now);
  }

  /** Puts a record for the key in place of its former one, or none for NONE; at most `most` of its mark
   * stay with it (Own), or of all (Least). False when there is no room: then nothing may be saved. */
  put(now: u64, expires: u64, mark: u32, most: i32, data: Span): bool {
    this.evicted = 0;
    const before = this.head();
    if (before != null) {
      // The order of writing is that of the records, and of no use to Least.
      if (this.policy == Policy.Least && (before.size as i32) == length(data)) {
        before.expires = expires;
        before.mark = mark;
        move(changetype<usize>(before) + HEAD, address(data), length(data));
        return true;
      }
      before.expires = 0;
    }
    if (data != NONE && !this.makeRoom(now, mark, most, stride(length(data)))) return false;
    out.reset();
    out.word(FORM);
    for (let at = this.first(); at != 0; at = this.after(at)) {
      const head = changetype<Head>(at);
      if (!this.isOver(head, now)) out.bytes(at, stride(head.size) as u32);
    }
    if (data != NONE) {
      out.word(this.low);
      out.word(this.high);
      out.word(expires);
      out.word((mark as u64) | ((length(data) as u64) << 32));
      out.span(data);
      while (out.size & 7) out.byte(0);
    }
    this.bucket = out.view();
    return !out.failed;
  }

  /** Writes what `put` has made of the bucket. */
  save(): Saved {
    return this.buckets.save(this.at, this.bucket);
  }

  private makeRoom(now: u64, mark: u32, most: i32, need: usize): bool {
    const isOwn = this.policy == Policy.Own;
    while (true) {
      let bytes = FORM_SIZE + need;
      let count = 1;
      let victim: Head | null = null;
      for (let at = this.first(); at != 0; at = this.after(at)) {
        const head = changetype<Head>(at);
        if (this.isOver(head, now)) continue;
        bytes += stride(head.size);
        if (isOwn && head.mark != mark) continue;
        count++;
        if (victim == null || goesBefore(head, victim)) victim = head;
      }
      if (count <= most && bytes <= (this.buckets.capacity as usize)) return true;
      if (victim == null) return false;
      victim.expires = 0;
      this.evicted++;
    }
  }

  /** Expired, or written at a time that is still to come, so that its age cannot be told. */
  private isOver(head: Head, now: u64): bool {
    if (head.expires <= now) return true;
    if (this.policy != Policy.Own || head.expires == FOR_EVER || head.size < 8) return false;
    return load<u64>(changetype<usize>(head) + HEAD) > now + SLACK;
  }

  private head(): Head | null {
    for (let at = this.first(); at != 0; at = this.after(at)) {
      const head = changetype<Head>(at);
      if (head.low == this.low && head.high == this.high) return head;
    }
    return null;
  }

  // What is read was written by somebody: it is looked at no further than it adds up.

  private first(): usize {
    const at = address(this.bucket);
    if (length(this.bucket) < (FORM_SIZE as i32) || load<u64>(at) != FORM) return 0;
    return this.whole(at + FORM_SIZE);
  }

  private after(at: usize): usize {
    return this.whole(at + stride(changetype<Head>(at).size));
  }

  /** The record at `at`, if there is a whole one. */
  private whole(at: usize): usize {
    const left = end(this.bucket) - at;
    if (left < HEAD || stride(changetype<Head>(at).size) > left) return 0;
    return at;
  }
}

/** Of records with the same owner, all marks are the same. */
function goesBefore(head: Head, other: Head): bool {
  return head.mark != other.mark ? head.mark < other.mark : head.expires < other.expires;
}

/** What a record takes. A size that is not true is larger than any bucket. */
function stride(size: u32): usize {
  return size > MAX_SIZE ? usize.MAX_VALUE : HEAD + (((size as usize) + 7) & ~7);
}
