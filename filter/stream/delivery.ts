// What is on its way out: events, gathered into batches, sent one batch a callout, tried again where
// that fails. It belongs to the configuration, not to a stream, and nothing of it ever makes traffic
// wait: what cannot be kept is dropped, and counted. Every event ends as sent, dropped or unconfirmed.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { equal, length, NONE, Span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { Answer } from "./answer";
import { send } from "./callout";
import { httpCalls, Waiter } from "./calls";
import { Counter, countMany } from "./counters";
import { number, text } from "./description";
import * as field from "./field-names";
import { Configuration, Periodic } from "./program";
import { Service } from "./service";

/** Batches that are out at a time. */
const MAX_OUT: i32 = 16;
/** Milliseconds between looks at the time. */
const RESOLUTION: i32 = 100;
const IDLE_RESOLUTION: i32 = 500;
/** How soon a batch is tried again at first; then twice as late each time, up to the last. */
const FIRST_RETRY: i64 = 500;
const LAST_RETRY: i64 = 30_000;
/** So often a batch is sent again because its callout was ended with a configuration, at no cost of its
 * retries: updates that are faster than the service must not send it without end. */
const MOST_CUTS: i32 = 3;

const enum State {
  Free,
  Filling,
  Waiting,
  Out,
}

/** No batch. */
const NOBODY: i32 = -1;

@final
class Batch {
  bytes: Writer = Writer.create();
  state: State = State.Free;
  events: i32 = 0;
  /** Its part of what the queue has, which is what it will be when it is closed. */
  counted: i64 = 0;
  attempts: i32 = 0;
  /** How often its callout was ended with a configuration. */
  cuts: i32 = 0;
  /** When it was begun, or may be sent again: milliseconds. */
  time: i64 = 0;
  token: i32 = 0;
  /** The one behind it of those that wait with as many attempts. */
  next: i32 = NOBODY;
}

/** Those that wait after as many attempts. The wait is the same for all, so the first is due first. */
@final
class Line {
  first: i32 = NOBODY;
  last: i32 = NOBODY;
}

@final
class DeliveryWaiter extends Waiter {
  constructor(private readonly delivery: Delivery) {
    super();
  }

  get contextId(): u32 {
    return this.delivery.root;
  }

  get answers(): Arena {
    return scratch;
  }

  onAnswer(token: i32, answer: Answer, item: i32): void {
    this.delivery.onAnswer(answer.status, item);
  }
}

@final
export class Delivery extends Periodic {
  timeoutMs: i32 = 0;
  /** Events and bytes of a batch, and how long it may wait for more. */
  batchCount: i32 = 1;
  batchBytes: i64 = 1 << 20;
  batchAge: i64 = 1000;
  /** Events and bytes that may wait, those on their way included. */
  mostEvents: i32 = 1000;
  mostBytes: i64 = 8 << 20;
  retries: i32 = 2;
  readonly fields: FieldList = new FieldList(scratch);
  private readonly batches: Batch[] = [];
  /** Of `batches`, those that are free. */
  private readonly spare: i32[] = [];
  /** By attempts; what has none goes out as soon as there is room. */
  private readonly lines: Line[] = [];
  private filling: i32 = NOBODY;
  private events: i32 = 0;
  private bytes: i64 = 0;
  private out: i32 = 0;
  private isStopped: bool = false;
  /** Once it has stopped: who has what was left. */
  private heir: Delivery | null = null;
  private readonly waiter: DeliveryWaiter = new DeliveryWaiter(this);

  constructor(
    private readonly configuration: Configuration,
    private readonly service: Service,
    private readonly path: Span,
  ) {
    super();
  }

  get root(): u32 {
    return this.configuration.root;
  }

  get resolutionMs(): i32 {
    return this.batchCount > 1 || this.events > 0 ? RESOLUTION : IDLE_RESOLUTION;
  }

  /** Takes an event. `now`: milliseconds. The effective context is `context`, also afterwards. */
  add(event: Span, now: i64, context: u32): void {
    if (this.isStopped) {
      const heir = this.heir;
      if (heir != null) heir.add(event, now, context);
      else countMany(Counter.EventStopped, 1);
      return;
    }
    const isList = this.batchCount > 1;
    this.makeRoom(1 + length(event), now, context);
    // A batch has a comma or bracket before each event, and a bracket at its end.
    const around: i64 = !isList ? 0 : this.filling == NOBODY ? 2 : 1;
    const size = around + length(event);
    if (this.events >= this.mostEvents || this.bytes + size > this.mostBytes) {
      countMany(Counter.EventQueueFull, 1);
      return;
    }
    const batch = this.begin(now);
    const before = batch.bytes.size;
    if (isList) batch.bytes.byte(batch.events == 0 ? 0x5b : 0x2c);
    batch.bytes.span(event);
    if (batch.bytes.failed) {
      // What it had is still whole.
      batch.bytes.failed = false;
      batch.bytes.size = before;
      countMany(Counter.EventTooLarge, 1);
      if (batch.events == 0) this.free(this.filling);
      return;
    }
    batch.events++;
    batch.counted += size;
    this.events++;
    this.bytes += size;
    if (batch.events < this.batchCount && batch.counted < this.batchBytes) return;
    this.sendOff(now, context);
  }

  /** The batch at hand goes out if it has no room for `size` more bytes. */
  private makeRoom(size: i64, now: i64, context: u32): void {
    if (this.filling == NOBODY) return;
    const batch = unchecked(this.batches[this.filling]);
    if (batch.counted + size > this.batchBytes) this.sendOff(now, context);
  }

  private sendOff(now: i64, context: u32): void {
    this.close();
    this.pump(now);
    host.setEffectiveContext(context);
  }

  /** There was not the memory to write an event. */
  lose(): void {
    countMany(Counter.EventTooLarge, 1);
  }

  private begin(now: i64): Batch {
    if (this.filling != NOBODY) return unchecked(this.batches[this.filling]);
    if (this.spare.length == 0) {
      this.spare.push(this.batches.length);
      this.batches.push(new Batch());
    }
    this.filling = this.spare.pop();
    const batch = unchecked(this.batches[this.filling]);
    batch.state = State.Filling;
    batch.time = now;
    return batch;
  }

  /** The batch takes no more. */
  private close(): void {
    if (this.filling == NOBODY) return;
    const batch = unchecked(this.batches[this.filling]);
    if (this.batchCount > 1) batch.bytes.byte(0x5d);
    batch.time = 0;
    this.wait(this.filling);
    this.filling = NOBODY;
  }

  private free(i: i32): void {
    const batch = unchecked(this.batches[i]);
    if (i == this.filling) this.filling = NOBODY;
    this.events -= batch.events;
    this.bytes -= batch.counted;
    // Of many that were needed once, most keep nothing.
    if (this.spare.length < MAX_OUT) {
      batch.bytes.reset();
    } else {
      batch.bytes.destroy();
      batch.bytes = Writer.create();
    }
    batch.state = State.Free;
    batch.events = 0;
    batch.counted = 0;
    batch.attempts = 0;
    batch.cuts = 0;
    this.spare.push(i);
  }

  /** The batch joins those that wait after as many attempts. */
  private wait(i: i32): void {
    const batch = unchecked(this.batches[i]);
    batch.state = State.Waiting;
    batch.next = NOBODY;
    while (this.lines.length <= batch.attempts) this.lines.push(new Line());
    const line = unchecked(this.lines[batch.attempts]);
    if (line.first == NOBODY) line.first = i;
    else unchecked(this.batches[line.last]).next = i;
    line.last = i;
  }

  /** Sends what waits and may be sent, what has waited for longest first. */
  private pump(now: i64): void {
    for (let attempts = this.lines.length - 1; attempts >= 0; attempts--) {
      const line = unchecked(this.lines[attempts]);
      while (line.first != NOBODY && this.out < MAX_OUT) {
        const i = line.first;
        const batch = unchecked(this.batches[i]);
        // A clock that was set back makes nothing wait for ever.
        if (batch.time > now && batch.time <= now + LAST_RETRY) break;
        line.first = batch.next;
        this.send(batch, i, now);
      }
    }
  }

  private send(batch: Batch, i: i32, now: i64): void {
    host.setEffectiveContext(this.root);
    const token = batch.bytes.failed
      ? host.NO_CALL
      : send(this.service, field.post, this.path, this.fields, batch.bytes.view(), this.timeoutMs);
    batch.attempts++;
    if (token < 0) {
      this.failed(batch, i, now);
      return;
    }
    if (!httpCalls.remember(token, this.waiter, i)) {
      // It is on its way, and what becomes of it will not be known: a second one would be told twice.
      countMany(Counter.EventUnconfirmed, batch.events);
      this.free(i);
      return;
    }
    batch.token = token;
    batch.state = State.Out;
    this.out++;
  }

  private failed(batch: Batch, i: i32, now: i64): void {
    if (batch.attempts > this.retries || this.isStopped) {
      countMany(this.isStopped ? Counter.EventStopped : Counter.EventUndelivered, batch.events);
      this.free(i);
      return;
    }
    const shift: i64 = min(batch.attempts - 1, 16);
    batch.time = now + min(FIRST_RETRY << shift, LAST_RETRY);
    this.wait(i);
  }

  onAnswer(status: i32, i: i32): void {
    const batch = unchecked(this.batches[i]);
    this.out--;
    const now = host.milliseconds();
    if (status >= 200 && status < 300) {
      countMany(Counter.EventSent, batch.events);
      this.free(i);
    } else {
      this.failed(batch, i, now);
    }
    this.pump(now);
  }

  tick(now: i64): void {
    if (this.filling != NOBODY) {
      const batch = unchecked(this.batches[this.filling]);
      // A clock that was set back makes nothing wait for ever.
      if (now - batch.time >= this.batchAge || now < batch.time) this.close();
    }
    this.pump(now);
  }

  override stop(following: Configuration | null): void {
    if (this.isStopped) return;
    this.close();
    this.isStopped = true;
    if (following != null) this.heir = this.heirIn(following);
    const heir = this.heir;
    for (let i = 0; i < this.batches.length; i++) {
      const batch = unchecked(this.batches[i]);
      if (batch.state == State.Out) this.part(batch, heir);
      else if (batch.state == State.Free) batch.bytes.destroy();
    }
    for (let k = 0; k < this.lines.length; k++) {
      let next = NOBODY;
      for (let i = unchecked(this.lines[k]).first; i != NOBODY; i = next) {
        const batch = unchecked(this.batches[i]);
        next = batch.next;
        this.part(batch, heir);
      }
    }
    this.batches.length = 0;
    this.spare.length = 0;
    this.lines.length = 0;
    this.events = 0;
    this.bytes = 0;
    this.out = 0;
  }

  /** The batch goes to the heir, or is given up. */
  private part(batch: Batch, heir: Delivery | null): void {
    const isOut = batch.state == State.Out;
    if (isOut) httpCalls.forget(batch.token);
    if (heir != null) {
      heir.inherit(batch, isOut, this.root);
      return;
    }
    countMany(isOut ? Counter.EventUnconfirmed : Counter.EventStopped, batch.events);
    batch.bytes.destroy();
  }

  /** Who has what is left: who sends to the same place, or else, if anything is left, one that sends that. */
  private heirIn(following: Configuration): Delivery | null {
    const periodics = following.periodics;
    for (let i = 0; i < periodics.length; i++) {
      const other = periodics[i];
      if (other instanceof Delivery && this.isLike(other as Delivery)) return other as Delivery;
    }
    return this.events > 0 ? this.remainder(following) : null;
  }

  private isLike(other: Delivery): bool {
    const service = this.service;
    return (
      equal(service.cluster, other.service.cluster) &&
      equal(service.authority, other.service.authority) &&
      equal(this.path, other.path)
    );
  }

  /** One that sends what is left to where nothing else goes any more. */
  private remainder(following: Configuration): Delivery | null {
    const arena = following.arena;
    const service = new Service();
    service.cluster = copy(this.service.cluster, arena);
    service.authority = copy(this.service.authority, arena);
    const path = copy(this.path, arena);
    const delivery = new Delivery(following, service, path);
    delivery.timeoutMs = this.timeoutMs;
    delivery.retries = this.retries;
    delivery.fields.clear(arena);
    let isWhole = service.cluster != NONE && service.authority != NONE && path != NONE;
    for (let i = 0; i < this.fields.count; i++) {
      const name = copy(this.fields.name(i), arena);
      const value = copy(this.fields.value(i), arena);
      isWhole = isWhole && name != NONE && value != NONE;
      delivery.fields.push(name, value, NONE);
    }
    if (!isWhole || delivery.fields.failed) return null;
    following.periodics.push(delivery);
    return delivery;
  }

  /** Takes a batch that was left, whatever else waits: no event is lost that was once kept. What was out
   * in another context than ours is so no more. */
  private inherit(batch: Batch, isOut: bool, root: u32): void {
    const i = this.batches.length;
    this.batches.push(batch);
    this.events += batch.events;
    this.bytes += batch.counted;
    if (isOut && root == this.root && httpCalls.remember(batch.token, this.waiter, i)) {
      this.out++;
      return;
    }
    if (!isOut) {
      this.wait(i);
      return;
    }
    batch.time = 0;
    if (batch.cuts++ < MOST_CUTS) batch.attempts--;
    if (batch.attempts <= this.retries) {
      this.wait(i);
      return;
    }
    countMany(Counter.EventUnconfirmed, batch.events);
    this.free(i);
  }

  describeTo(out: Writer): void {
    text(out, "cluster", this.service.cluster);
    number(out, "timeout", this.timeoutMs);
    number(out, "queueEvents", this.mostEvents);
    number(out, "queueBytes", this.mostBytes);
    number(out, "retries", this.retries);
  }
}
