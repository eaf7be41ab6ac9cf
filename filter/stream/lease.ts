// Which worker of the proxy does what only one may do: a record in the data that workers share, written
// by compare-and-swap alone. It says which rules are in force, who leads, until when, and when the next run
// is due. A run is claimed by moving that time on before it begins, so that no period has two, whoever
// leads: nothing runs before a time that somebody has claimed, whatever has been configured since.
//
// Old configurations live on in a proxy until their last stream has ended. The record names the rules that
// were configured last, and nobody with other rules leads, whether the lease is free or not. What is put back
// while it still lives is not configured again by the host: it comes back once a context of the rules between
// has gone and a stream has begun with it after that.
//
// A leader that dies is followed once its lease has expired, one that goes (`release`) at once. A lease
// of which the clock says that it lasts longer than any does (it was set back) is void.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Status } from "../abi/numbers";
import { address, length, NONE, Span, span } from "../bytes/span";
import { MAX_TRIES } from "./buckets";
import { Configuration } from "./program";

const FORM: u64 = 0x3165736165_6c7772; // "rwlease1"

/** No lease lasts longer, in milliseconds; the shortest and the longest there are. */
const SHORTEST: i64 = 5_000;
const LONGEST: i64 = 60_000;

/** Times are milliseconds since the epoch. */
@unmanaged
@final
class Record {
  form: u64;
  /** The rules in force: what was configured last. */
  configuration: u64;
  /** NAMED and what else is so. Filters before this one have a time in its place: for them all of ours are
   * newer than they are. */
  state: u64;
  /** Who leads: a number that nobody else has. */
  low: u64;
  high: u64;
  /** Until when; 0: nobody leads any more. */
  expires: i64;
  due: i64;
}

const SIZE: i32 = offsetof<Record>() as i32;

/** The record names the rules in force. */
const NAMED: u64 = 1 << 62;
/** When the next run is due follows from a run. */
const CLAIMED: u64 = 1;
/** A context of the rules in force has gone, so that others may have been put back. */
const WITHDRAWN: u64 = 2;

const written = changetype<Record>(heap.alloc(SIZE));

/** Of what `hold` found, the number that guards a key which is not there: a host that has it after all
 * does not take this one, so that two that find nothing do not both believe to have been the first. */
const NO_CAS: u32 = u32.MAX_VALUE;

@final
export class Lease {
  /** When the next run is due, as of the last look. */
  due: i64 = 0;
  isHeld: bool = false;
  private low: u64 = 0;
  private high: u64 = 0;
  private readonly lasts: i64;
  private found: bool = false;
  private cas: u32 = 0;
  /** Whether we wait for a stream that tells who was put back, and how many there had been. */
  private isWaiting: bool = false;
  private streamsBefore: u32 = 0;

  /** `rules` stands for what the rules of `owner` are; `latest` is how much later than now a run may be
   * due, `startsAtOnce` whether one is due when these rules come into force and none was claimed before. */
  constructor(
    private readonly key: Span,
    private readonly owner: Configuration,
    private readonly rules: u64,
    private readonly every: i64,
    private readonly latest: i64,
    private readonly startsAtOnce: bool,
  ) {
    this.lasts = max(SHORTEST, min(every, LONGEST));
    const at = changetype<usize>(written);
    if (host.random(at, 16)) {
      this.low = load<u64>(at);
      this.high = load<u64>(at, 8);
    }
  }

  /** From now on our rules are in force: nobody with others leads any more. */
  begin(now: i64): void {
    for (let i = 0; i < MAX_TRIES; i++) {
      const record = this.read();
      if (record != null && this.isInForce(record)) {
        this.due = record.due;
        if ((record.state & WITHDRAWN) == 0) return;
        this.take(record);
        written.state &= ~WITHDRAWN;
      } else {
        this.fill(record, 0, this.dueFrom(record, now));
      }
      if (this.save()) return;
    }
  }

  /** Looks who leads, renews our lease, or takes one that is free; whether we lead. */
  hold(now: i64): bool {
    const record = this.read();
    const isConfirmed = record != null && this.isConfirmed(record);
    if (record != null && !this.mayLead(record, now, isConfirmed)) {
      this.due = record.due;
      this.isHeld = false;
      return false;
    }
    const due = this.dueFrom(record, now);
    if (record != null && !isConfirmed && due == record.due && this.isFresh(record, now)) {
      this.due = due;
      this.isHeld = true;
      return true;
    }
    this.fill(record, now + this.lasts, due);
    if (isConfirmed) written.state &= ~WITHDRAWN;
    this.isHeld = this.save();
    return this.isHeld;
  }

  /** Claims the run that is due now, the next being due at `next`; false when it is no longer ours. */
  claim(now: i64, next: i64): bool {
    const record = this.read();
    this.isHeld = false;
    if (record == null || !this.isOurs(record) || record.due != this.due) return false;
    this.fill(record, now + this.lasts, next);
    written.state |= CLAIMED;
    this.isHeld = this.save();
    return this.isHeld;
  }

  /** Its configuration goes: lets another one lead, at once. */
  release(): void {
    this.isHeld = false;
    for (let i = 0; i < MAX_TRIES; i++) {
      const record = this.read();
      if (record == null || !this.isInForce(record)) return;
      this.take(record);
      written.state |= WITHDRAWN;
      if (this.isOurs(record)) written.expires = 0;
      if (this.save()) return;
    }
  }

  /** Whether there is data that workers share. */
  get isPossible(): bool {
    const status = host.sharedStatus;
    const answers =
      status == Status.Ok || status == Status.NotFound || status == Status.CasMismatch;
    return answers && this.low != 0;
  }

  private isOurs(record: Record): bool {
    return record.low == this.low && record.high == this.high && this.low != 0;
  }

  /** Whether our rules were configured last. */
  private isInForce(record: Record): bool {
    return (record.state & NAMED) != 0 && record.configuration == this.rules;
  }

  /** Whether a stream has begun with our rules since some that were in force have gone. */
  private isConfirmed(record: Record): bool {
    const streams = this.owner.streams;
    const isWithdrawn = (record.state & NAMED) != 0 && (record.state & WITHDRAWN) != 0;
    const isConfirmed = isWithdrawn && this.isWaiting && streams != this.streamsBefore;
    if (!isWithdrawn || !this.isWaiting) this.streamsBefore = streams;
    this.isWaiting = isWithdrawn && !isConfirmed;
    return isConfirmed;
  }

  private mayLead(record: Record, now: i64, isConfirmed: bool): bool {
    if ((record.state & NAMED) == 0) return true;
    if (!this.isInForce(record)) return isConfirmed;
    if (this.isOurs(record)) return true;
    return record.expires <= now || record.expires - now > this.lasts;
  }

  private isFresh(record: Record, now: i64): bool {
    const left = record.expires - now;
    return this.isOurs(record) && left * 3 > this.lasts * 2 && left <= this.lasts;
  }

  /** When the next run is due, after what the record says; never later than it can be. */
  private dueFrom(record: Record | null, now: i64): i64 {
    const first = this.startsAtOnce ? now : now + this.every;
    if (record == null) return first;
    const isClaimed = (record.state & CLAIMED) != 0 || (record.state & NAMED) == 0;
    if (isClaimed || this.isInForce(record)) return min(record.due, now + this.latest);
    return min(record.due, first);
  }

  private read(): Record | null {
    const value = host.sharedData(this.key, scratch);
    this.found = value != NONE;
    this.cas = host.sharedCas;
    if (length(value) != SIZE) return null;
    const record = changetype<Record>(address(value));
    return record.form == FORM ? record : null;
  }

  /** What will be saved is the record as it is. */
  private take(record: Record): void {
    memory.copy(changetype<usize>(written), changetype<usize>(record), SIZE);
  }

  /** What will be saved says that we lead with our rules until then (0: nobody does yet). */
  private fill(record: Record | null, expires: i64, due: i64): void {
    const isNew = record == null || !this.isInForce(record);
    const state: u64 = record == null ? 0 : record.state & (isNew ? CLAIMED : CLAIMED | WITHDRAWN);
    const isClaimed = record != null && (record.state & NAMED) == 0;
    written.form = FORM;
    written.configuration = this.rules;
    written.state = NAMED | (isClaimed ? CLAIMED : state);
    written.low = expires == 0 ? 0 : this.low;
    written.high = expires == 0 ? 0 : this.high;
    written.expires = expires;
    written.due = due;
  }

  private save(): bool {
    if (this.low == 0) return false;
    const value = span(changetype<usize>(written), SIZE);
    if (!host.setSharedData(this.key, value, this.found ? this.cas : NO_CAS)) return false;
    this.due = written.due;
    return true;
  }
}
