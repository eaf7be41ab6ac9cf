// The beginning of a body as it came, copied while it goes by: nothing is held back for it.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { BufferType } from "../abi/numbers";
import { forgive, refusals } from "../bytes/arena";
import { length, NONE, Span, sliceUnchecked } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Counter, count } from "./counters";

/** What all streams of a VM together may hold of bodies for that purpose. */
const MOST_OF_ALL: i64 = 64 << 20;

let ofAll: i64 = 0;

@final
export class Capture {
  /** Bytes that are kept; 0: nobody wants any. */
  limit: i32 = 0;
  /** Bytes that came. */
  size: i64 = 0;
  private kept: Writer | null = null;

  /** The host's buffer has `size` bytes, of which the first `known` were there before. */
  take(buffer: BufferType, known: i32, size: i32): void {
    const refused = refusals();
    this.copy(buffer, known, size);
    // What is not told decides nothing.
    forgive(refused);
  }

  private copy(buffer: BufferType, known: i32, size: i32): void {
    if (size <= known) return;
    this.size += size - known;
    let kept = this.kept;
    const before: u32 = kept == null ? 0 : kept.size;
    const n = min(size - known, this.limit - (before as i32));
    if (n <= 0 || (kept != null && kept.failed)) return;
    if (ofAll + n > MOST_OF_ALL) {
      count(Counter.BodyNotCaptured);
      this.limit = before as i32;
      return;
    }
    const piece = host.bufferBytes(buffer, known, n, scratch);
    if (piece == NONE) return;
    if (kept == null) kept = this.kept = Writer.create();
    kept.span(piece);
    ofAll += (kept.size - before) as i64;
  }

  /** Instead of all that came there is `body`: what the filter answers itself. */
  replace(body: Span): void {
    if (this.limit == 0) return;
    const refused = refusals();
    this.putInstead(body);
    forgive(refused);
  }

  private putInstead(body: Span): void {
    const n = min(length(body), this.limit);
    let kept = this.kept;
    if (kept != null) {
      ofAll -= kept.size;
      kept.reset();
    }
    this.size = length(body);
    if (n == 0) return;
    if (ofAll + n > MOST_OF_ALL) {
      count(Counter.BodyNotCaptured);
      this.limit = 0;
      return;
    }
    if (kept == null) kept = this.kept = Writer.create();
    kept.span(sliceUnchecked(body, 0, n));
    ofAll += kept.size;
  }

  /** What was kept. */
  text(): Span {
    const kept = this.kept;
    return kept == null ? host.EMPTY : kept.view();
  }

  get isWhole(): bool {
    return (length(this.text()) as i64) == this.size;
  }

  /** Gives back what was kept. */
  close(): void {
    this.limit = 0;
    this.size = 0;
    const kept = this.kept;
    if (kept == null) return;
    ofAll -= kept.size;
    kept.destroy();
    this.kept = null;
  }
}
