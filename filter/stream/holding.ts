// Whether the host holds headers, as settings.holdHeaders says that it does. One that does not (Envoy
// without allow_on_headers_stop_iteration) takes "hold the headers" for "hold all": it never shows the
// body, and the message would wait for ever.
//
// What shows it is never that time has passed, as a client may be slow on purpose: it is that bytes of the
// body have come to the host (of a response: all of them), no more come, and were not shown. Then whoever waits
// gets 503, and so does at once, from then on, whoever would have to wait; but now and then one is held, as
// the host may be another one since. A host that does not tell what has come is given a deadline.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { LogLevel } from "../abi/numbers";
import { address, length, NONE } from "../bytes/span";
import { fromText } from "../bytes/text";
import { Exchange } from "./exchange";
import * as field from "./field-names";
import { Configuration, Periodic } from "./program";

const enum Ability {
  Unknown,
  Holds,
  HoldsNot,
}

/** How often it is looked whether bodies came that were not shown, in milliseconds. */
const RESOLUTION: i32 = 250;
/** For so long what has come must have been there: filters before ours may keep it for a while. */
const GRACE: i64 = 3_000;
/** How long one waits on a host that does not tell what has come. */
const DEADLINE: i64 = 30_000;
/** How often one is held on a host that does not hold. */
const TRIAL_EVERY: i64 = 30_000;

const MESSAGE: string =
  "ruleway: settings.holdHeaders is true, but this host does not hold headers, so it never shows the " +
  "bodies that rules wait for: such messages are answered 503. Set allow_on_headers_stop_iteration: true " +
  "in the plugin's configuration (Envoy 1.35 or newer), or settings.holdHeaders: false";

@final
export class Holding extends Periodic {
  private ability: Ability = Ability.Unknown;
  /** Those whose body was not shown yet, while it is not known whether the host holds. */
  private first: Exchange | null = null;
  private nextTrial: i64 = 0;

  constructor(private readonly configuration: Configuration) {
    super();
  }

  get resolutionMs(): i32 {
    return this.ability == Ability.Holds ? 0 : RESOLUTION;
  }

  /** Whether the stream may wait for the body of the message at hand. */
  admits(x: Exchange): bool {
    if (this.ability == Ability.Holds) return true;
    if (this.ability == Ability.HoldsNot) {
      const now = host.milliseconds();
      // A clock that was set back must not end the trials.
      if (now < this.nextTrial && this.nextTrial <= now + TRIAL_EVERY) return false;
      this.nextTrial = now + TRIAL_EVERY;
    }
    this.add(x);
    return true;
  }

  private add(x: Exchange): void {
    this.remove(x);
    const first = this.first;
    x.isUnshown = true;
    x.bytesWhenHeld = bytesOf(x);
    x.bytesSeen = x.bytesWhenHeld;
    x.quietSince = host.milliseconds();
    x.heldBefore = null;
    x.heldAfter = first;
    if (first != null) first.heldBefore = x;
    this.first = x;
  }

  /** It does not wait any more. */
  remove(x: Exchange): void {
    if (!x.isUnshown) return;
    const before = x.heldBefore;
    const after = x.heldAfter;
    if (before == null) this.first = after;
    else before.heldAfter = after;
    if (after != null) after.heldBefore = before;
    x.heldBefore = null;
    x.heldAfter = null;
    x.isUnshown = false;
  }

  /** What was held is shown: the host does as it should. */
  onShown(): void {
    this.ability = Ability.Holds;
    for (let x = this.first; x != null; x = this.first) this.remove(x);
  }

  tick(now: i64): void {
    let x = this.first;
    while (x != null) {
      const next = x.heldAfter;
      host.setEffectiveContext(x.id);
      const quiet = quietFor(x, now);
      if (x.bytesSeen > x.bytesWhenHeld && quiet >= GRACE) {
        this.fail();
        break;
      }
      if (!isTold(x) && quiet >= DEADLINE) this.refuse(x);
      x = next;
    }
    host.setEffectiveContext(this.configuration.root);
  }

  private fail(): void {
    if (this.ability == Ability.Unknown) {
      host.log(LogLevel.Error, fromText(MESSAGE, scratch));
      this.nextTrial = host.milliseconds() + TRIAL_EVERY;
    }
    this.ability = Ability.HoldsNot;
    for (let x = this.first; x != null; x = this.first) this.refuse(x);
  }

  private refuse(x: Exchange): void {
    this.remove(x);
    host.setEffectiveContext(x.id);
    x.refuseUnheld();
  }
}

/** For how long nothing more has come; the stream is the effective context. A clock that was set back begins
 * anew. */
function quietFor(x: Exchange, now: i64): i64 {
  const bytes = bytesOf(x);
  if (bytes != x.bytesSeen || now < x.quietSince) x.quietSince = now;
  x.bytesSeen = bytes;
  return now - x.quietSince;
}

/** Whether the host tells what has come, while it comes. */
function isTold(x: Exchange): bool {
  return x.isUnshownRequest && x.bytesWhenHeld >= 0;
}

/** Bytes that have come of the request, or -1 where the host does not tell; of a response 1 if it is whole. */
function bytesOf(x: Exchange): i64 {
  if (!x.isUnshownRequest) return host.property(field.backendLatency, scratch) != NONE ? 1 : 0;
  const value = host.property(field.requestSize, scratch);
  return value != NONE && length(value) == 8 ? load<i64>(address(value)) : -1;
}
