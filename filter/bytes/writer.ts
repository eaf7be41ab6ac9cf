// A growing run of bytes, for building values, bodies and log lines. Counted against the arena
// ceiling; when it cannot grow it keeps what it has, ignores the rest and says so with `failed`,
// so that callers check once at the end instead of at each write.

import * as arena from "./arena";
import { address, length, move, Span, span } from "./span";

const FIRST_CAPACITY: u32 = 256;
const KEEP_BYTES: u32 = 256 * 1024;

@unmanaged
@final
export class Writer {
  base: usize; // never 0, so that an empty result is a span and not NONE
  size: u32;
  capacity: u32;
  failed: bool;
  /** It collects a body: what it takes leaves the reserve alone. */
  isForBody: bool;

  static create(): Writer {
    const writer = changetype<Writer>(heap.alloc(offsetof<Writer>()));
    writer.base = heap.alloc(FIRST_CAPACITY);
    writer.size = 0;
    writer.capacity = FIRST_CAPACITY;
    writer.failed = false;
    writer.isForBody = false;
    return writer;
  }

  /** Forgets the contents; keeps the memory unless it is large. */
  reset(): void {
    this.size = 0;
    this.failed = false;
    if (this.capacity > KEEP_BYTES) this.shrink();
  }

  private shrink(): void {
    arena.giveBack(this.base, this.capacity);
    this.base = heap.alloc(FIRST_CAPACITY);
    this.capacity = FIRST_CAPACITY;
  }

  /** Room for `n` more bytes: their address, or 0 (then `failed`). The caller adds to `size`. */
  reserve(n: u32): usize {
    if (n <= this.capacity - this.size) return this.base + this.size;
    return this.grow(n);
  }

  private grow(n: u32): usize {
    const wanted = (this.size as u64) + (n as u64);
    if (this.failed || wanted > 0x7fffffff) {
      this.failed = true;
      arena.refuse();
      return 0;
    }
    const capacity = max<u64>(wanted, (this.capacity as u64) * 2) as u32;
    const base = this.isForBody ? arena.takeForBody(capacity) : arena.take(capacity);
    if (base == 0) {
      this.failed = true;
      return 0;
    }
    memory.copy(base, this.base, this.size);
    // The first piece is not counted: each writer has one for ever.
    if (this.capacity == FIRST_CAPACITY) heap.free(this.base);
    else arena.giveBack(this.base, this.capacity);
    this.base = base;
    this.capacity = capacity;
    return base + this.size;
  }

  byte(c: u32): void {
    const at = this.reserve(1);
    if (at == 0) return;
    store<u8>(at, c as u8);
    this.size++;
  }

  bytes(from: usize, n: u32): void {
    const at = this.reserve(n);
    if (at == 0) return;
    move(at, from, n);
    this.size += n;
  }

  span(s: Span): void {
    this.bytes(address(s), length(s));
  }

  /** Eight bytes, the low one first. */
  word(value: u64): void {
    const at = this.reserve(8);
    if (at == 0) return;
    store<u64>(at, value);
    this.size += 8;
  }

  /** The decimal digits of `value`. */
  integer(value: i64): void {
    let rest = value < 0 ? 0 - (value as u64) : (value as u64);
    const at = this.reserve(20);
    if (at == 0) return;
    let count = 1;
    for (let left = rest; left >= 10; left /= 10) count++;
    let cursor = at;
    if (value < 0) store<u8>(cursor++, 0x2d);
    for (let i = count - 1; i >= 0; i--) {
      store<u8>(cursor + i, (0x30 + (rest % 10)) as u8);
      rest /= 10;
    }
    this.size += (count + (value < 0 ? 1 : 0)) as u32;
  }

  /** Text known when the filter is built; ASCII only. Not for hot paths: it reads UTF-16. */
  text(s: string): void {
    const n = s.length;
    const at = this.reserve(n);
    if (at == 0) return;
    for (let i = 0; i < n; i++) store<u8>(at + i, s.charCodeAt(i) as u8);
    this.size += n;
  }

  /** Takes the last `n` bytes back. */
  cut(n: u32): void {
    this.size -= min(n, this.size);
  }

  /** What was written; valid until the next write or reset. */
  view(): Span {
    return span(this.base, this.size);
  }

  destroy(): void {
    if (this.capacity == FIRST_CAPACITY) heap.free(this.base);
    else arena.giveBack(this.base, this.capacity);
    heap.free(changetype<usize>(this));
  }
}
