// Commands that are out, and who waits for them. The host answers under a token; whoever waits knows the
// command by a name of ours, which no token of an HTTP callout is: it is below 0. Each has a deadline,
// which a periodic watches: the host's own may be later, or never come.
//
// A node of a Redis Cluster answers MOVED (or ASK) where the key is another node's. The host's client has one
// address for a service and follows nobody, so that is an error as any other, but it is said in the log:
// nothing will ever come of such a service.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { BufferType, LogLevel } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import { length, NONE, Span, sliceUnchecked, startsWith } from "../bytes/span";
import { copy, fromText } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { isReply, Kind, Reader } from "../resp/reply";
import { Answer } from "./answer";
import { Calls, Waiter } from "./calls";
import { Counter, count } from "./counters";
import { Configuration, Periodic } from "./program";
import { RedisService } from "./redis-service";

/** A larger reply is not read. */
export const MAX_REPLY: i32 = 1 << 20;

/** Milliseconds between looks at the deadlines. */
const RESOLUTION: i32 = 20;

/** What `send` answers when the command did not go out. */
export const NO_COMMAND: i32 = -1;

/** What came of a command. */
@final
export class RedisAnswer extends Answer {
  /** One whole reply; NONE when there is none. */
  reply: Span = NONE;
  /** What it says if it is an error. */
  error: Span = NONE;
  /** There was a reply, but it is larger than what is read. */
  isTooLarge: bool = false;

  /** No reply. */
  clear(): void {
    this.status = 0;
    this.reply = NONE;
    this.error = NONE;
    this.isTooLarge = false;
  }

  /** The reply that is being delivered, kept in `arena`. */
  open(status: i32, size: i32, arena: Arena): void {
    this.clear();
    if (status != 0 || size <= 0) return;
    this.isTooLarge = size > MAX_REPLY;
    if (this.isTooLarge) return;
    const reply = host.bufferBytes(BufferType.RedisCallResponse, 0, size, arena);
    if (reply == NONE || !isReply(reply)) return;
    this.status = 1;
    this.reply = reply;
    reader.open(reply);
    if (reader.next() && reader.kind == Kind.Error) this.error = reader.text;
  }
}

const reader = new Reader();
const answer = new RedisAnswer();
const texts: Arena = Arena.create();
const noAuth: Span = fromText("NOAUTH", texts);
const moved: Span = fromText("MOVED ", texts);
const ask: Span = fromText("ASK ", texts);

/** Milliseconds between lines that say the same. */
const PAUSE: i64 = 60_000;
/** What is told of an error. */
const MOST_ERROR: i32 = 128;

const line = Writer.create();
/** When it was last said of commands that nobody waited for. */
let toldAt: i64 = 0;

@unmanaged
@final
class Command {
  /** The one after it: among those that are out, or that are free. */
  next: usize;
  before: usize;
  waiter: usize; // Waiter
  service: usize; // RedisService
  /** As it was sent, in the waiter's arena. */
  bytes: Span;
  /** Milliseconds of the clock that nobody sets. */
  deadline: i64;
  token: i32;
  generation: i32;
  isResent: bool;
}

const tokens = new Calls();
let first: usize = 0;
let last: usize = 0;
let free: usize = 0;

function named(name: i32): Command {
  return changetype<Command>(~name as usize);
}

/** Sends the command to the service on behalf of `waiter`, whose context is the effective one; what it
 * is known by, or NO_COMMAND. `bytes` need not stay. */
export function send(service: RedisService, bytes: Span, waiter: Waiter, timeoutMs: i32): i32 {
  const kept = copy(bytes, waiter.answers);
  const at = free != 0 ? free : texts.allocate(offsetof<Command>() as i32);
  if (at == 0 || kept == NONE) return NO_COMMAND;
  const command = changetype<Command>(at);
  if (free == at) free = command.next;
  command.waiter = changetype<usize>(waiter);
  command.service = changetype<usize>(service);
  command.bytes = kept;
  command.deadline = host.steadyMilliseconds() + (timeoutMs as i64);
  command.isResent = false;
  command.next = 0;
  command.before = last;
  if (last != 0) changetype<Command>(last).next = at;
  else first = at;
  last = at;
  if (dispatch(command)) return ~(at as i32);
  release(command);
  return NO_COMMAND;
}

function dispatch(command: Command): bool {
  const service = changetype<RedisService>(command.service);
  const token = service.call(command.bytes);
  command.token = token;
  command.generation = service.generation;
  const waiter = changetype<Waiter>(command.waiter);
  return token != host.NO_CALL && tokens.remember(token, waiter, changetype<usize>(command) as i32);
}

function release(command: Command): void {
  const before = command.before;
  const next = command.next;
  if (before != 0) changetype<Command>(before).next = next;
  else first = next;
  if (next != 0) changetype<Command>(next).before = before;
  else last = before;
  command.next = free;
  free = changetype<usize>(command);
}

/** Nobody waits for the command any more. */
export function forget(name: i32): void {
  const command = named(name);
  tokens.forget(command.token);
  release(command);
}

/** The host has an answer. */
export function deliver(token: i32, status: i32, size: i32): void {
  const waiter = tokens.take(token);
  if (waiter == null) {
    answer.open(status, size, scratch);
    if (isElsewhere() && isTimeAfter(toldAt)) toldAt = tellMoved(NONE);
    return;
  }
  const command = changetype<Command>(tokens.item as usize);
  host.setEffectiveContext(waiter.contextId);
  answer.open(status, size, waiter.answers);
  const service = changetype<RedisService>(command.service);
  if (isElsewhere() && isTimeAfter(service.toldAt)) service.toldAt = tellMoved(service.cluster);
  if (resends(command)) return;
  finish(command);
}

/** Whether the answer is that another node has the key; counts it. */
function isElsewhere(): bool {
  if (answer.error == NONE) return false;
  if (!startsWith(answer.error, moved) && !startsWith(answer.error, ask)) return false;
  count(Counter.RedisMoved);
  return true;
}

function isTimeAfter(last: i64): bool {
  return last == 0 || host.steadyMilliseconds() - last >= PAUSE;
}

/** Says that the cluster's Redis is one of many; answers when. */
function tellMoved(cluster: Span): i64 {
  line.reset();
  line.text("ruleway: redis");
  if (cluster != NONE) {
    line.text(" of cluster ");
    line.span(cluster);
  }
  line.text(" answers ");
  line.span(sliceUnchecked(answer.error, 0, min(length(answer.error), MOST_ERROR)));
  line.text(
    ": it is a node of a Redis Cluster, which the host's client does not follow. Name a proxy of",
  );
  line.text(" the Redis Cluster or a Redis that has all keys");
  host.log(LogLevel.Warn, line.view());
  return host.steadyMilliseconds();
}

/** A server that was started anew, or the host's client, may have forgotten who we are. */
function resends(command: Command): bool {
  if (command.isResent || answer.error == NONE || !startsWith(answer.error, noAuth)) return false;
  const service = changetype<RedisService>(command.service);
  // Others that were sent when this one was may have made it ready meanwhile.
  if (service.generation == command.generation && !service.prepare()) return false;
  command.isResent = true;
  if (dispatch(command)) return true;
  answer.clear();
  return false;
}

/** Gives the answer to the one who waits; its context is the effective one. */
function finish(command: Command): void {
  const waiter = changetype<Waiter>(command.waiter);
  release(command);
  waiter.onAnswer(~(changetype<usize>(command) as i32), answer, 0);
}

/** Ends what has waited for too long. */
@final
export class RedisWatch extends Periodic {
  constructor(private readonly configuration: Configuration) {
    super();
  }

  get resolutionMs(): i32 {
    return RESOLUTION;
  }

  tick(wallClock: i64): void {
    const now = host.steadyMilliseconds();
    let at = first;
    while (at != 0) {
      const command = changetype<Command>(at);
      at = command.next;
      if (command.deadline > now) continue;
      tokens.forget(command.token);
      host.setEffectiveContext(changetype<Waiter>(command.waiter).contextId);
      answer.clear();
      finish(command);
      // Whatever that has led to: commands may have come and gone.
      at = first;
    }
    host.setEffectiveContext(this.configuration.root);
  }
}
