// What a configuration does by itself: the steps of a task, again and again, without a stream. Runs keep
// to a grid of times, whatever a run takes. One that has failed is tried again in between.

import * as host from "../abi/host";
import { LogLevel } from "../abi/numbers";
import { NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Counter, count } from "./counters";
import { flag, number, text } from "./description";
import { Exchange } from "./exchange";
import { Lease } from "./lease";
import { Configuration, Periodic, Program, Step } from "./program";

/** How often times are looked at, in milliseconds. */
const MOST_OFTEN: i64 = 10;
const LEAST_OFTEN: i64 = 1000;
/** While a run is going on, or is to be tried again. */
const OFTEN: i64 = 100;
/** How soon a run that has failed is tried again at first; then twice as late each time. */
const FIRST_RETRY: i64 = 1000;

/** Exchanges that no run uses. */
const idle: Exchange[] = [];
const line = Writer.create();
const draw = heap.alloc(8);

@final
export class Task extends Periodic {
  /** Null: every worker runs it. */
  lease: Lease | null = null;
  /** When the next regular run is due, without its jitter. */
  private grid: i64;
  /** When the next run is due. */
  private due: i64;
  private retryAfter: i64 = FIRST_RETRY;
  private running: Exchange | null = null;
  private isStopped: bool = false;
  private hasLed: bool = false;
  private hasWarned: bool = false;
  /** When it was last looked at. */
  private last: i64;
  private hasLooked: bool = false;

  /** Times are milliseconds; it begins now. */
  constructor(
    private readonly name: Span,
    private readonly configuration: Configuration,
    private readonly program: Program,
    readonly every: i64,
    readonly jitter: i64,
    private readonly startsAtOnce: bool,
    now: i64,
  ) {
    super();
    this.last = now;
    this.grid = startsAtOnce ? now : now + every;
    this.due = startsAtOnce ? now : this.jittered(this.grid);
  }

  get resolutionMs(): i32 {
    const isAwaited = this.running != null || this.due < this.grid;
    let often: i64 = min(isAwaited ? OFTEN : LEAST_OFTEN, this.every / 10);
    // Exactly then; who does not lead, and once has looked, only looks whether somebody does.
    const lease = this.lease;
    const runs = lease == null || lease.isHeld || !this.hasLooked;
    if (runs) often = min(often, this.due - this.last);
    return max(MOST_OFTEN, often) as i32;
  }

  override start(now: i64): void {
    const lease = this.lease;
    if (lease == null) return;
    lease.begin(now);
    // So that who is the first to look looks in time.
    if (lease.isPossible) this.due = lease.due;
  }

  tick(now: i64): void {
    if (this.isStopped) return;
    this.last = now;
    this.hasLooked = true;
    const running = this.running;
    if (running != null && !running.isBusy) this.end(running, now);
    const lease = this.lease;
    if (lease != null && !this.leads(lease, now)) return;
    // The clock was set back: nothing is due later than it can be.
    this.grid = min(this.grid, now + this.every);
    this.due = min(this.due, this.grid + this.jitter);
    if (now < this.due) return;
    const grid = this.after(now);
    const next = this.jittered(grid);
    if (lease != null && !lease.claim(now, next)) return;
    this.grid = grid;
    this.due = next;
    if (this.running != null) {
      count(Counter.TaskSkipped);
      return;
    }
    count(Counter.TaskRun);
    const x = idle.length > 0 ? idle.pop() : new Exchange();
    this.running = x;
    x.runTask(this.configuration.root, this.configuration, this.program);
    if (!x.isBusy) this.end(x, now);
  }

  /** Whether this worker runs the task; then `due` is when. */
  private leads(lease: Lease, now: i64): bool {
    const leads = lease.hold(now);
    if (leads) {
      if (!this.hasLed) {
        count(Counter.TaskLeader);
        this.say(LogLevel.Info, " is run by this worker from now on");
        // What is overdue, since nobody led, is run at once; the next is a whole period later.
        this.grid = max(lease.due, now);
      }
      this.due = lease.due;
    } else if (!this.hasWarned && !lease.isPossible) {
      this.hasWarned = true;
      this.say(LogLevel.Warn, " is never run: this host has no data that workers share");
    }
    this.hasLed = leads;
    return leads;
  }

  /** The run is over. */
  private end(x: Exchange, now: i64): void {
    this.running = null;
    idle.push(x);
    if (!x.callFailed) {
      this.retryAfter = FIRST_RETRY;
      return;
    }
    count(Counter.TaskFailed);
    const retry = now + this.jitteredRetry();
    if (retry >= this.due) return;
    const lease = this.lease;
    if (lease == null || lease.claim(now, retry)) this.due = retry;
  }

  /** The next time of the grid. Whoever is late by a period and more (the clock was set forward, nobody led)
   * begins a new one: the run after this one is a whole period away. */
  private after(now: i64): i64 {
    const late = now - this.grid;
    if (late < 0) return this.grid;
    return late < this.every ? this.grid + this.every : now + this.every;
  }

  private jitteredRetry(): i64 {
    const after = this.retryAfter;
    this.retryAfter = min(after * 2, this.every);
    return after - this.upTo(after / 4);
  }

  private jittered(time: i64): i64 {
    return time + this.upTo(this.jitter);
  }

  /** A number from 0 to `most`. */
  private upTo(most: i64): i64 {
    if (most <= 0 || !host.random(draw, 8)) return 0;
    return (load<u64>(draw) % ((most as u64) + 1)) as i64;
  }

  override get steps(): StaticArray<Step> {
    return this.program.rules[0].request;
  }

  override describe(out: Writer): void {
    out.text('{"every":');
    out.integer(this.every);
    text(out, "task", this.name);
    number(out, "jitter", this.jitter);
    flag(out, "onStart", this.startsAtOnce);
    flag(out, "leader", this.lease != null);
  }

  override stop(following: Configuration | null): void {
    this.isStopped = true;
    const running = this.running;
    if (running != null) {
      running.abandonTask();
      idle.push(running);
      this.running = null;
    }
    const lease = this.lease;
    if (lease != null) lease.release();
  }

  private say(level: LogLevel, what: string): void {
    line.reset();
    line.text("ruleway: the task ");
    line.span(this.name);
    line.text(what);
    if (this.name != NONE) host.log(level, line.view());
  }
}
