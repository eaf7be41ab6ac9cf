// One callout for several streams: who wants to know the same as somebody who has asked already waits for
// that answer too. The callout belongs to the plugin's context, so that it stays when the stream that
// began it goes, as long as anybody waits; and no stream waits longer than if it had asked itself.
//
// When there is no answer, those who came after the question was sent have not had theirs: if half of
// their time is left, it is asked once more on their behalf. So one answer that was lost is not lost for
// all, and a service that is down is asked again no more than once by any stream.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Arena, forgive, refusals } from "../bytes/arena";
import { Answer, HttpAnswer } from "./answer";
import { httpCalls, Waiter } from "./calls";
import { Counter, count } from "./counters";
import { Exchange } from "./exchange";
import { Hashed, RecordIndex } from "./record-index";

/** Streams that wait for one answer; the next one asks again, for itself and those after it. */
export const MAX_TOGETHER: i32 = 256;

/** The item of an answer that streams have in common. */
export const COMMON: i32 = 1;

/** What all who waited are told. */
@final
export class CommonAnswer extends Answer {
  /** The decision (decision.ts), in the scratch arena; 0: there is none. */
  decision: usize = 0;
  /** It is an earlier one, since there was no answer. */
  isStale: bool = false;
  /** It was for another one: ask yourself, until the deadline that you began to wait with. */
  isForAnother: bool = false;
  deadline: i64 = 0;
}

/** Whoever asks: it knows how, and what an answer is worth. */
export abstract class Asker {
  timeoutMs: i32 = 500;
  /** How often a callout without an answer is made again, while there is time. */
  retries: i32 = 0;

  /** Sends the callout for the stream, which is the effective context, from the plugin's context; its
   * token, which is below 0 where it did not go out. */
  abstract ask(x: Exchange, timeoutMs: i32): i32;
  /** Whether the status is no answer. */
  abstract isNone(status: i32): bool;
  /** Fills in what all are told, and keeps it for later. `answer` is the service's. */
  abstract conclude(low: u64, high: u64, answer: HttpAnswer, common: CommonAnswer): void;
}

@unmanaged
@final
class Inquiry extends Hashed {
  asker: usize; // Asker, alive as long as a stream of its configuration waits
  root: u32;
  token: i32;
  isOut: bool;
  retries: i32;
  /** Milliseconds since the epoch. */
  deadline: i64;
  first: usize; // Place; of free ones the next one
  last: usize;
  count: i32;
}

/** A stream's place among those that wait, in its arena. */
@unmanaged
@final
class Place {
  next: usize;
  before: usize;
  inquiry: usize;
  x: usize; // Exchange
  deadline: i64;
  /** It came after the question was sent. */
  isLate: bool;
}

const memoryOfInquiries: Arena = Arena.create();
const index = new RecordIndex();
let free: usize = 0;

function create(asker: Asker, low: u64, high: u64, root: u32): usize {
  const at = free != 0 ? free : memoryOfInquiries.allocate(offsetof<Inquiry>() as i32);
  if (at == 0) return 0;
  const inquiry = changetype<Inquiry>(at);
  if (free == at) free = inquiry.first;
  inquiry.low = low;
  inquiry.high = high;
  inquiry.asker = changetype<usize>(asker);
  inquiry.root = root;
  inquiry.token = host.NO_CALL;
  inquiry.isOut = false;
  inquiry.retries = asker.retries;
  inquiry.deadline = 0;
  inquiry.first = 0;
  inquiry.last = 0;
  inquiry.count = 0;
  return at;
}

function release(inquiry: Inquiry): void {
  inquiry.first = free;
  free = changetype<usize>(inquiry);
}

function push(inquiry: Inquiry, place: Place): void {
  const at = changetype<usize>(place);
  place.inquiry = changetype<usize>(inquiry);
  place.next = 0;
  place.before = inquiry.last;
  if (inquiry.last != 0) changetype<Place>(inquiry.last).next = at;
  else inquiry.first = at;
  inquiry.last = at;
  inquiry.count++;
}

function take(inquiry: Inquiry, place: Place): void {
  const before = place.before;
  const next = place.next;
  if (before != 0) changetype<Place>(before).next = next;
  else inquiry.first = next;
  if (next != 0) changetype<Place>(next).before = before;
  else inquiry.last = before;
  inquiry.count--;
}

/** Puts the stream among those that wait; false when it cannot be. */
function enter(inquiry: Inquiry, x: Exchange, deadline: i64, isLate: bool): bool {
  const at = x.arena.allocate(offsetof<Place>() as i32);
  if (at == 0 || !x.waitTogether(at)) return false;
  const place = changetype<Place>(at);
  place.x = changetype<usize>(x);
  place.deadline = deadline;
  place.isLate = isLate;
  push(inquiry, place);
  return true;
}

/** Waits with those that asked for the same, until `deadline` at the latest; false when nobody has asked, or
 * too many wait already. */
export function join(low: u64, high: u64, x: Exchange, deadline: i64): bool {
  const at = index.find(low, high);
  if (at == 0) return false;
  const inquiry = changetype<Inquiry>(at);
  return inquiry.count < MAX_TOGETHER && enter(inquiry, x, deadline, true);
}

/** Lets others join it, instead of one that is full. */
function list(inquiry: Inquiry): bool {
  const before = index.find(inquiry.low, inquiry.high);
  if (before != 0) index.remove(before);
  return index.add(changetype<usize>(inquiry));
}

/** The stream waits for the callout of that token, as will those who ask for the same; false when that
 * cannot be. */
export function begin(
  asker: Asker,
  low: u64,
  high: u64,
  x: Exchange,
  token: i32,
  deadline: i64,
): bool {
  const at = create(asker, low, high, x.root);
  if (at == 0) return false;
  const inquiry = changetype<Inquiry>(at);
  inquiry.deadline = deadline;
  if (!list(inquiry)) {
    release(inquiry);
    return false;
  }
  if (httpCalls.remember(token, waiter, at as i32)) {
    inquiry.token = token;
    inquiry.isOut = true;
    if (enter(inquiry, x, deadline, false)) return true;
  }
  cancel(inquiry);
  return false;
}

/** A stream does not wait any more. With the last one goes the question. */
export function leave(at: usize): void {
  const place = changetype<Place>(at);
  const inquiry = changetype<Inquiry>(place.inquiry);
  take(inquiry, place);
  if (inquiry.isOut && inquiry.count == 0) cancel(inquiry);
}

function cancel(inquiry: Inquiry): void {
  if (inquiry.isOut) httpCalls.forget(inquiry.token);
  index.remove(changetype<usize>(inquiry));
  release(inquiry);
}

@final
class InquiryWaiter extends Waiter {
  get contextId(): u32 {
    return changetype<Inquiry>(httpCalls.item as usize).root;
  }

  get answers(): Arena {
    return scratch;
  }

  onAnswer(token: i32, answer: Answer, item: i32): void {
    onAnswer(changetype<Inquiry>(item as usize), changetype<HttpAnswer>(answer));
  }
}

const waiter = new InquiryWaiter();
const common = new CommonAnswer();

function onAnswer(inquiry: Inquiry, answer: HttpAnswer): void {
  const asker = changetype<Asker>(inquiry.asker);
  inquiry.isOut = false;
  const isNone = asker.isNone(answer.status);
  if (isNone && inquiry.retries > 0) {
    inquiry.retries--;
    if (send(inquiry)) {
      count(Counter.AuthorizeRetried);
      return;
    }
  }
  index.remove(changetype<usize>(inquiry));
  common.decision = 0;
  common.isStale = false;
  common.isForAnother = false;
  asker.conclude(inquiry.low, inquiry.high, answer, common);
  if (common.decision == 0 && isNone) askForLate(inquiry);
  const isForOne = common.isForAnother;
  common.isForAnother = false;
  while (inquiry.first != 0) {
    const place = changetype<Place>(inquiry.first);
    take(inquiry, place);
    common.deadline = place.deadline;
    const x = changetype<Exchange>(place.x);
    host.setEffectiveContext(x.id);
    const refused = refusals();
    x.onCommonAnswer(common);
    // What one of them had no memory for is not the others' affair.
    forgive(refused);
    common.isForAnother = isForOne;
  }
  release(inquiry);
}

/** Sends the callout for the first of those that wait; false when it did not go out. */
function send(inquiry: Inquiry): bool {
  const left = inquiry.deadline - host.steadyMilliseconds();
  if (left <= 0) return false;
  const asker = changetype<Asker>(inquiry.asker);
  const x = changetype<Exchange>(changetype<Place>(inquiry.first).x);
  host.setEffectiveContext(x.id);
  const token = asker.ask(x, left as i32);
  if (token < 0 || !httpCalls.remember(token, waiter, changetype<usize>(inquiry) as i32))
    return false;
  inquiry.token = token;
  inquiry.isOut = true;
  for (let at = inquiry.first; at != 0; at = changetype<Place>(at).next)
    changetype<Place>(at).isLate = false;
  return true;
}

/** Asks once more for those who came late and have half of their time left. */
function askForLate(inquiry: Inquiry): void {
  const asker = changetype<Asker>(inquiry.asker);
  const least = host.steadyMilliseconds() + ((asker.timeoutMs as i64) + 1) / 2;
  let next: Inquiry | null = null;
  for (let at = inquiry.first; at != 0; ) {
    const place = changetype<Place>(at);
    at = place.next;
    if (!place.isLate || place.deadline < least) continue;
    if (next == null) {
      const fresh = create(asker, inquiry.low, inquiry.high, inquiry.root);
      if (fresh == 0) return;
      next = changetype<Inquiry>(fresh);
      // They came one after the other: the first one's is the first.
      next.deadline = place.deadline;
    }
    take(inquiry, place);
    push(next, place);
  }
  if (next == null) return;
  if (list(next)) {
    if (send(next)) return;
    index.remove(changetype<usize>(next));
  }
  while (next.first != 0) {
    const place = changetype<Place>(next.first);
    take(next, place);
    push(inquiry, place);
  }
  release(next);
}
