// How much of a rate is used up: the algorithm alone, apart from where its state lies. A state is some
// bytes, all zero for a key that nobody has seen; `advance` brings a copy of it to the present, `admits`
// says whether a cost still fits, `take` takes it. Times are microseconds of the wall clock.
//
//   token    a bucket of `burst` tokens that is filled again at the rate, at once emptied by a burst.
//   fixed    a count for each period of the calendar (those that begin at multiples of it since 1970).
//   sliding  a count for each seventh of the period; the eight that may reach into the period count as
//            a whole, so that no period, wherever it begins, has more than the limit.
//
// A state that is as good as a fresh one need not be kept: `expires` says from when on.

export const enum Algorithm {
  Token,
  Fixed,
  Sliding,
}

/** What `wait` is when the cost will never fit. */
export const NEVER: u64 = u64.MAX_VALUE;

/** What a share of the whole is a part of. */
export const WHOLE: f64 = 65535;

/** Workers look at the clock one after another and write in another order: a state may be so much
 * ahead, and time then stands still. What is further ahead was written before the clock was set back. */
const SKEW: u64 = 1_000_000;

const SLOTS: u32 = 8;

@unmanaged
@final
class State {
  /** Token: when it was brought up to date. Fixed, sliding: the number of the period or slot. */
  at: u64;
  /** Token: what is missing from the bucket, in tokens times period. Fixed: the count. */
  used: u64;
}

/** What all states of one key may take. */
export const LARGEST_STATE: i32 = 40;

@final
export class Rate {
  /** Of the last `admits` or `take`: how much is left. */
  remaining: u64 = 0;
  /** How long until all of it is there again. */
  reset: u64 = 0;
  /** How long until the cost fits. */
  wait: u64 = 0;

  /** `period` is at least 7 microseconds, `limit * period` and `burst * period` fit into 62 bits. */
  constructor(
    readonly algorithm: Algorithm,
    readonly limit: u64,
    readonly period: u64,
    readonly burst: u64,
  ) {}

  get stateSize(): i32 {
    return this.algorithm == Algorithm.Sliding ? LARGEST_STATE : (offsetof<State>() as i32);
  }

  private get width(): u64 {
    return (this.period + 6) / 7;
  }

  /** Brings the state to `now`. True when the clock was set back since: that makes nothing whole, but the
   * state has to be kept then, for time to go on. */
  advance(state: usize, now: u64): bool {
    const s = changetype<State>(state);
    if (this.algorithm == Algorithm.Token) {
      if (now < s.at) {
        const isSetBack = s.at - now > SKEW;
        if (isSetBack) s.at = now;
        return isSetBack;
      }
      const passed = now - s.at;
      s.used = passed > s.used / this.limit ? 0 : s.used - passed * this.limit;
      s.at = now;
      return false;
    }
    const width = this.algorithm == Algorithm.Fixed ? this.period : this.width;
    const at = now / width;
    if (at == s.at || (at < s.at && s.at * width - now <= SKEW)) return false;
    if (this.algorithm == Algorithm.Fixed) {
      if (at > s.at) s.used = 0;
    } else if (at > s.at) {
      for (let i: u64 = 1, n = min<u64>(at - s.at, SLOTS); i <= n; i++)
        setCount(state, s.at + i, 0);
    } else {
      const sum = sumOf(state);
      for (let i: u64 = 0; i < SLOTS; i++) setCount(state, i, 0);
      setCount(state, at, sum as u32);
    }
    const isSetBack = at < s.at;
    s.at = at;
    return isSetBack;
  }

  /** Whether the cost fits into the state, which is of `now`. */
  admits(state: usize, now: u64, cost: u64): bool {
    const s = changetype<State>(state);
    const isToken = this.algorithm == Algorithm.Token;
    const whole = isToken ? this.burst : this.limit;
    const sum = this.algorithm == Algorithm.Sliding ? sumOf(state) : s.used;
    // What was kept may not be ours.
    const used = min(sum, isToken ? whole * this.period : whole);
    if (isToken) {
      const room = whole * this.period - used;
      this.remaining = room / this.period;
      this.reset = roundUp(used, this.limit);
      this.wait = cost > whole ? NEVER : cost <= this.remaining ? 0 : 1;
      if (this.wait == 1) this.wait = roundUp(cost * this.period - room, this.limit);
      return this.wait == 0;
    }
    this.remaining = whole - used;
    this.reset = until(now, this.end(state));
    this.wait = cost > whole ? NEVER : cost <= this.remaining ? 0 : this.reset;
    if (this.algorithm == Algorithm.Fixed || this.wait == 0 || cost > whole) return this.wait == 0;
    // Slots leave one after another, the oldest first.
    let left = used;
    let i = s.at + 1;
    do {
      left -= min(left, countOf(state, i));
    } while (left + cost > whole && ++i - s.at < SLOTS);
    this.wait = until(now, i * this.width);
    return false;
  }

  /** Takes a cost that fits. */
  take(state: usize, now: u64, cost: u64): void {
    const s = changetype<State>(state);
    if (this.algorithm == Algorithm.Token) s.used += cost * this.period;
    else if (this.algorithm == Algorithm.Fixed) s.used += cost;
    else setCount(state, s.at, (countOf(state, s.at) + cost) as u32);
    this.admits(state, now, 0);
  }

  /** When the state is as good as a fresh one. */
  expires(state: usize): u64 {
    const s = changetype<State>(state);
    return this.algorithm == Algorithm.Token ? s.at + roundUp(s.used, this.limit) : this.end(state);
  }

  /** How much of the whole is used, of WHOLE. */
  share(state: usize): u32 {
    const s = changetype<State>(state);
    const used = this.algorithm == Algorithm.Sliding ? sumOf(state) : s.used;
    const whole = this.algorithm == Algorithm.Token ? this.burst * this.period : this.limit;
    return (((used as f64) / (whole as f64)) * WHOLE) as u32;
  }

  /** Of counts: when the last of them goes. */
  private end(state: usize): u64 {
    const s = changetype<State>(state);
    if (this.algorithm == Algorithm.Fixed) return (s.at + 1) * this.period;
    // What stands furthest back from the present is one round behind it.
    for (let back: u64 = 0; back < SLOTS && back <= s.at; back++) {
      if (countOf(state, s.at - back) > 0) return (s.at - back + SLOTS) * this.width;
    }
    return 0;
  }
}

function countOf(state: usize, slot: u64): u64 {
  return load<u32>(state + (((slot % SLOTS) as usize) << 2), 8);
}

function setCount(state: usize, slot: u64, count: u32): void {
  store<u32>(state + (((slot % SLOTS) as usize) << 2), count, 8);
}

function sumOf(state: usize): u64 {
  let sum: u64 = 0;
  for (let i: u64 = 0; i < SLOTS; i++) sum += countOf(state, i);
  return sum;
}

function roundUp(a: u64, b: u64): u64 {
  return (a + b - 1) / b;
}

/** How long it is from `now` to a time that may have passed. */
function until(now: u64, time: u64): u64 {
  return time > now ? time - now : 0;
}
