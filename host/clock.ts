// Time for the guest. By default it stands still until somebody advances it, so that what the guest
// does is the same every time; a real clock can be given instead.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that nobody sets; default: `now`. */
  steady?(): number;
  /** Calls back after so many milliseconds; the result cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Stands at the time it is given, or 2024-01-01T00:00:00Z, until advanced. */
export class ManualClock implements Clock {
  private time: number;
  private timers: Array<{ at: number; callback: () => void }> = [];

  constructor(time = Date.UTC(2024, 0, 1)) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  steady(): number {
    return this.time;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  /** Lets time pass; what falls due is called in order, each at its own time. */
  advance(milliseconds: number): void {
    const until = this.time + milliseconds;
    while (true) {
      const due = this.timers
        .filter((each) => each.at <= until)
        .sort((a, b) => a.at - b.at)
        .at(0);
      if (!due) break;
      this.timers = this.timers.filter((each) => each !== due);
      this.time = Math.max(this.time, due.at);
      due.callback();
    }
    this.time = until;
  }

  /** Milliseconds until the next thing falls due, or undefined. */
  get next(): number | undefined {
    if (this.timers.length === 0) return undefined;
    return Math.max(0, Math.min(...this.timers.map((each) => each.at)) - this.time);
  }
}

/** A seeded generator (mulberry32): the same bytes every time. */
export function seededRandom(seed: number): (bytes: Uint8Array) => void {
  let state = seed >>> 0;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      bytes[i] = (t ^ (t >>> 14)) & 0xff;
    }
  };
}
