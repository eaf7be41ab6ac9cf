// One of the host's header maps, seen as a FieldList. It is read as a whole when somebody first
// reads from it (one host call costs about what a single value costs) and kept for the stream, since
// hosts forget request headers in later phases. Edits are written through at once: the host and the
// records always agree. Edits of a map that was never read go straight to the host.

import * as host from "../abi/host";
import { HeaderMapType } from "../abi/numbers";
import { Arena, refuse } from "../bytes/arena";
import { address, byteAtUnchecked, end, length, NONE, Span, span } from "../bytes/span";
import { FieldList, MISSING } from "../http/field-list";

@final
export class HeaderMap extends FieldList {
  private type: HeaderMapType = HeaderMapType.RequestHeaders;
  loaded: bool = false;
  /** Whether the host takes edits now; later ones are dropped and counted by the caller. */
  writable: bool = true;

  /** Ready for a new stream. */
  open(type: HeaderMapType, arena: Arena): void {
    this.clear(arena);
    this.type = type;
    this.loaded = false;
    this.writable = true;
  }

  override ensureLoaded(): void {
    if (this.loaded) return;
    this.loaded = true;
    const pairs = host.headerPairs(this.type, this.arena);
    const isRead = pairs != NONE ? this.parsePairs(pairs) : this.mayBeAbsent;
    // No headers and headers that nobody has seen are two things.
    if (!isRead) refuse();
  }

  /** Every stream has a request; the rest may not be there yet, or any more. */
  private get mayBeAbsent(): bool {
    return this.type != HeaderMapType.RequestHeaders;
  }

  /** Reads serialised pairs; false when they do not add up, or memory runs out. */
  private parsePairs(pairs: Span): bool {
    if (length(pairs) < 4) return length(pairs) == 0;
    const base = address(pairs);
    const stop = end(pairs);
    const n = load<u32>(base);
    // Each pair takes at least eight bytes of sizes and two NULs.
    if ((n as u64) * 10 + 4 > (length(pairs) as u64)) return false;
    this.reserve(n + 4);
    let sizes = base + 4;
    let at = sizes + n * 8;
    for (let i: u32 = 0; i < n; i++) {
      const nameSize = load<u32>(sizes);
      const valueSize = load<u32>(sizes, 4);
      const left = (stop - at) as u64;
      if ((nameSize as u64) + (valueSize as u64) + 2 > left) return false;
      const value = at + nameSize + 1;
      this.push(span(at, nameSize), span(value, valueSize), NONE);
      at = value + valueSize + 1;
      sizes += 8;
    }
    return !this.failed;
  }

  override set(name: Span, value: Span): void {
    if (!this.writable) return;
    if (!this.loaded) {
      host.replaceHeader(this.type, name, value);
      return;
    }
    const first = this.find(name);
    const isSingle = first == MISSING || this.find(name, first + 1) == MISSING;
    super.set(name, value);
    if (!isSingle) host.removeHeader(this.type, name);
    host.replaceHeader(this.type, name, value);
  }

  override add(name: Span, value: Span): void {
    if (!this.writable) return;
    if (this.loaded) super.add(name, value);
    host.addHeader(this.type, name, value);
  }

  override remove(name: Span): void {
    if (!this.writable) return;
    if (this.loaded) {
      if (this.find(name) == MISSING) return;
      super.remove(name);
    }
    host.removeHeader(this.type, name);
  }

  override discard(i: i32): void {
    if (!this.writable) return;
    host.removeHeader(this.type, this.name(i));
    super.discard(i);
  }

  override rewritten(name: Span): void {
    if (!this.writable) return;
    const first = this.find(name);
    if (first != MISSING && this.find(name, first + 1) == MISSING) {
      host.replaceHeader(this.type, name, this.value(first));
      return;
    }
    host.removeHeader(this.type, name);
    for (let i = first; i != MISSING; i = this.find(name, i + 1)) {
      host.addHeader(this.type, name, this.value(i));
    }
  }

  /** Leaves nothing. */
  removeAll(): void {
    this.ensureLoaded();
    while (this.writable && this.count > 0) this.remove(this.name(this.count - 1));
  }

  /** The first value of the name, read from the host if need be; NONE when absent. */
  get(name: Span): Span {
    this.ensureLoaded();
    return this.first(name);
  }
}

/** Whether the bytes can stand as a field value (RFC 9110 5.5): no control characters but the tab.
 * Envoy answers 503 by itself to a message that an edit gave any other. */
export function isFieldValue(s: Span): bool {
  for (let i = 0, n = length(s); i < n; i++) {
    const c = byteAtUnchecked(s, i);
    if ((c < 0x20 && c != 0x09) || c == 0x7f) return false;
  }
  return true;
}

/** Pseudo-headers, which only `path`, `host`, `method` and `status` may change. */
export function isPseudo(name: Span): bool {
  return length(name) > 0 && byteAtUnchecked(name, 0) == 0x3a;
}
