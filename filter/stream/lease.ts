// Which worker of the proxy does what only one may do: a record in the data that workers share, written
// by compare-and-swap alone. It says who leads, until when, and when the next run is due. A run is claimed
// by moving that time on before it begins, so that no period has two, whoever leads.
//
// A leader that dies is followed once its lease has expired, one that goes (`release`) at once. A newer
// configuration takes over from an older one at once: old ones live on in a proxy until their last stream
// has ended. A lease of which the clock says that it lasts longer than any does (it was set back) is void.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Status } from "../abi/numbers";
import { address, length, NONE, Span, span } from "../bytes/span";

const FORM: u64 = 0x3165736165_6c7772; // "rwlease1"

/** No lease lasts longer, in milliseconds; the shortest and the longest there are. */
const SHORTEST: i64 = 5_000;
const LONGEST: i64 = 60_000;

/** Times are milliseconds since the epoch. */
@unmanaged
@final
class Record {
  form: u64;
  /** What the leader was configured with, and when. */
  configuration: u64;
  since: i64;
  /** Who leads: a number that nobody else has. */
  low: u64;
  high: u64;
  /** Until when; 0: nobody leads any more. */
  expires: i64;
  due: i64;
}

const SIZE: i32 = offsetof<Record>() as i32;

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

  /** `configuration` stands for what the rules are; `latest` is how much later than now a run may be due,
   * `startsAtOnce` whether one is due when this configuration begins to lead. */
  constructor(
    private readonly key: Span,
    private readonly configuration: u64,
    private readonly since: i64,
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

  /** Looks who leads, renews our lease, or takes one that is free; whether we lead. */
  hold(now: i64): bool {
    const record = this.read();
    const isOurs = record != null && this.isOurs(record);
    if (record != null && !isOurs && this.isValid(record, now)) {
      this.due = record.due;
      this.isHeld = false;
      return false;
    }
    let due = now + this.latest;
    if (record == null || (!isOurs && record.configuration != this.configuration)) {
      due = this.startsAtOnce ? now : min(due, this.since + this.every);
    }
    if (record != null) due = min(due, record.due);
    const left = isOurs ? record!.expires - now : 0;
    const isFresh = left * 3 > this.lasts * 2 && left <= this.lasts;
    if (isFresh && due == record!.due) {
      this.due = due;
      this.isHeld = true;
    } else {
      this.isHeld = this.write(now + this.lasts, due);
    }
    return this.isHeld;
  }

  /** Claims the run that is due now, the next being due at `next`; false when it is no longer ours. */
  claim(now: i64, next: i64): bool {
    const record = this.read();
    const isOurs = record != null && this.isOurs(record) && record.due == this.due;
    this.isHeld = isOurs && this.write(now + this.lasts, next);
    return this.isHeld;
  }

  /** Lets another one lead, at once. */
  release(): void {
    const record = this.read();
    if (record != null && this.isOurs(record)) this.write(0, record.due);
    this.isHeld = false;
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

  /** Whether somebody else's lease is to be respected. */
  private isValid(record: Record, now: i64): bool {
    const isSame = record.configuration == this.configuration;
    if (!isSame && this.since > record.since) return false;
    return record.expires > now && record.expires - now <= (isSame ? this.lasts : LONGEST);
  }

  private read(): Record | null {
    const value = host.sharedData(this.key, scratch);
    this.found = value != NONE;
    this.cas = host.sharedCas;
    if (length(value) != SIZE) return null;
    const record = changetype<Record>(address(value));
    return record.form == FORM ? record : null;
  }

  private write(expires: i64, due: i64): bool {
    if (this.low == 0) return false;
    written.form = FORM;
    written.configuration = this.configuration;
    written.since = this.since;
    written.low = this.low;
    written.high = this.high;
    written.expires = expires;
    written.due = due;
    const value = span(changetype<usize>(written), SIZE);
    if (!host.setSharedData(this.key, value, this.found ? this.cas : NO_CAS)) return false;
    this.due = due;
    return true;
  }
}
