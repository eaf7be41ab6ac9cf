// The decoder of one body that is compressed, and what its failures mean for the message.

import { Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Decoder, Format, Status, UNLIMITED } from "../inflate";
import { Coding } from "./content-coding";
import { Counter, count } from "./counters";
import { Refusal } from "./exchange";

/** A body that goes on while it is decoded may grow so many times, once it has this size: no text
 * that is not made for it grows more, and bombs grow about 1,000 times. Less than the threshold is
 * what any body may take. */
const MAX_RATIO: i64 = 200;
const RATIO_FROM: i64 = 1 << 20;

/** How decoding what was fed came out. */
export const enum Decoded {
  /** All of it is decoded. */
  All,
  /** There is more to come out than was wanted now. */
  More,
  /** It cannot be decoded, or not any further; `refusal` says what that makes of the message. */
  Failed,
}

@final
export class Decoding {
  private decoder: Decoder | null = null;
  /** Why it failed. */
  refusal: Refusal = Refusal.None;

  get isOn(): bool {
    return this.decoder != null;
  }

  /** Begins with a body of the coding, gzip or deflate; false when memory ran out. */
  open(coding: Coding): bool {
    let decoder = this.decoder;
    if (decoder == null) decoder = Decoder.create();
    this.decoder = decoder;
    if (decoder == null) return false;
    decoder.open(coding == Coding.Gzip ? Format.Gzip : Format.Deflate, UNLIMITED);
    this.refusal = Refusal.None;
    count(Counter.BodyDecoded);
    return true;
  }

  close(): void {
    const decoder = this.decoder;
    if (decoder == null) return;
    decoder.destroy();
    this.decoder = null;
  }

  /** From now on nobody holds the body as a whole, and nothing but this stops a bomb. `limit`: bytes
   * it may have when decoded, or UNLIMITED. */
  stream(limit: i64): void {
    const decoder = this.decoder!;
    decoder.maxTotal = limit;
    decoder.limitRatio(MAX_RATIO, RATIO_FROM);
  }

  /** The next piece of the body; `into` must take all of it before it goes. */
  feed(piece: Span): void {
    this.decoder!.feed(piece);
  }

  /** Decodes into `out`, until that has more than `most` bytes. `last`: nothing more will be fed. */
  into(out: Writer, most: i64, last: bool): Decoded {
    const decoder = this.decoder!;
    if (this.refusal != Refusal.None) return Decoded.Failed;
    let status = Status.Output;
    while ((out.size as i64) <= most && !out.failed) {
      status = decoder.step();
      if (status != Status.Output) break;
      out.span(decoder.output);
    }
    if (out.failed) return this.fail(Refusal.Memory);
    if (status == Status.Output) return Decoded.More;
    if (status == Status.NeedsInput && last) status = decoder.end();
    if (status == Status.NeedsInput || status == Status.Ended) return Decoded.All;
    return this.fail(refusalOf(status));
  }

  /** Whether what was fed so far is all of a body. */
  isComplete(): bool {
    const status = this.decoder!.end();
    if (status == Status.Ended) return true;
    this.fail(refusalOf(status));
    return false;
  }

  private fail(refusal: Refusal): Decoded {
    this.refusal = refusal;
    return Decoded.Failed;
  }
}

/** Counts the failure. */
function refusalOf(status: Status): Refusal {
  switch (status) {
    case Status.TooLarge:
      return Refusal.Limit;
    case Status.Bomb:
      count(Counter.DecodeFailedRatio);
      return Refusal.Limit;
    case Status.BadChecksum:
      count(Counter.DecodeFailedChecksum);
      return Refusal.Invalid;
    case Status.Truncated:
      count(Counter.DecodeFailedTruncated);
      return Refusal.Invalid;
  }
  count(Counter.DecodeFailedData);
  return Refusal.Invalid;
}

/** All of a body is wanted. */
export const ALL: i64 = i64.MAX_VALUE;
