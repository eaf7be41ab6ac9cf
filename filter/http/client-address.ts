// The address of the client out of a header that proxies add to: x-forwarded-for and its like, a list of
// addresses with the latest at the right, or `forwarded` (RFC 7239). Whatever is written there by the client
// stands at the left, so the list is read from the right, as far as those who wrote it are trusted.
//
// What is needed and is no address makes the client unknown; nothing is ever guessed.

import * as ascii from "../bytes/ascii";
import { Block, parsePeer, peer } from "../bytes/ip-address";
import {
  byteAtUnchecked,
  indexOfByte,
  lastIndexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";
import { FieldList, MISSING } from "./field-list";

const COMMA: u8 = 0x2c;
const COLON: u8 = 0x3a;
const PERCENT: u8 = 0x25;
const QUOTE: u8 = 0x22;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;

/** Where the client's address is read. */
@final
export class ClientAddress {
  /** How many entries at the right are of proxies, as Envoy's xff_num_trusted_hops counts. */
  trustedHops: i32 = 0;
  /** Or: the addresses of proxies; null: it goes by hops. */
  trusted: StaticArray<Block> | null = null;

  constructor(
    readonly header: Span,
    private readonly isForwarded: bool,
  ) {}

  /** The client's address, a part of the header's text or of `socket`, which is the address of the
   * connection's other end (NONE: unknown); NONE when it cannot be known. */
  find(fields: FieldList, socket: Span): Span {
    const trusted = this.trusted;
    if (trusted == null) return this.byHops(fields);
    if (socket == NONE) return NONE;
    return isTrusted(trusted, socket) ? this.byTrust(fields, trusted, socket) : socket;
  }

  /** So many entries from the right. They are counted first: quoted strings can only be read forwards. */
  private byHops(fields: FieldList): Span {
    let count = 0;
    for (this.begin(fields); this.next(); ) count++;
    const wanted = count - 1 - this.trustedHops;
    if (this.isBroken || wanted < 0) return NONE;
    this.begin(fields);
    for (let i = 0; i <= wanted; i++) this.next();
    const found = this.address();
    return found != NONE && parsePeer(found, peer) ? found : NONE;
  }

  /** The last entry that is not of a proxy; when all are, the first. */
  private byTrust(fields: FieldList, trusted: StaticArray<Block>, socket: Span): Span {
    let first = socket;
    let found = NONE;
    let isKnown = true;
    let isFirst = true;
    for (this.begin(fields); this.next(); isFirst = false) {
      const address = this.address();
      if (isFirst) first = address;
      if (address != NONE && isTrusted(trusted, address)) continue;
      found = address;
      isKnown = address != NONE && parsePeer(address, peer);
    }
    if (this.isBroken || !isKnown) return NONE;
    return found != NONE ? found : first;
  }

  // ---- the entries, one after another, over all lines of the header

  private fields: FieldList | null = null;
  private line: i32 = MISSING;
  private at: i32 = 0;
  private entry: Span = NONE;
  /** A quoted string does not end: nobody knows where entries begin. */
  private isBroken: bool = false;

  private begin(fields: FieldList): void {
    this.fields = fields;
    this.isBroken = false;
    this.line = fields.find(this.header);
    this.at = 0;
  }

  private next(): bool {
    const fields = this.fields!;
    if (this.line == MISSING || this.isBroken) return false;
    const text = fields.value(this.line);
    const stop = this.endOfEntry(text, this.at);
    if (this.isBroken) return false;
    this.entry = ascii.trim(sliceUnchecked(text, this.at, stop));
    this.at = stop + 1;
    if (stop == length(text)) {
      this.line = fields.find(this.header, this.line + 1);
      this.at = 0;
    }
    return true;
  }

  private endOfEntry(text: Span, from: i32): i32 {
    const n = length(text);
    if (!this.isForwarded) {
      const comma = indexOfByte(text, COMMA, from);
      return comma < 0 ? n : comma;
    }
    const stop = endOfToken(text, from, COMMA);
    this.isBroken = stop < 0;
    return stop;
  }

  /** The address of the entry at hand, without port and brackets; NONE when it has none. */
  private address(): Span {
    const node = this.isForwarded ? forOf(this.entry) : this.entry;
    return node == NONE ? NONE : withoutPort(node);
  }
}

function isTrusted(blocks: StaticArray<Block>, address: Span): bool {
  if (!parsePeer(address, peer)) return false;
  for (let i = 0, n = blocks.length; i < n; i++) {
    if (unchecked(blocks[i]).holds(peer)) return true;
  }
  return false;
}

/** Where `separator` stands outside of quoted strings, or the end; -1 when a quoted string does not end. */
function endOfToken(text: Span, from: i32, separator: u8): i32 {
  let isQuoted = false;
  const n = length(text);
  for (let i = from; i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (isQuoted && c == 0x5c) i++;
    else if (c == QUOTE) isQuoted = !isQuoted;
    else if (c == separator && !isQuoted) return i;
  }
  return isQuoted ? -1 : n;
}

/** The value of the one `for` of an element of `forwarded`; NONE when there is none, or several. */
function forOf(element: Span): Span {
  const n = length(element);
  let found = NONE;
  for (let from = 0; from <= n; ) {
    const stop = endOfToken(element, from, SEMICOLON);
    const pair = ascii.trim(sliceUnchecked(element, from, stop));
    from = stop + 1;
    const split = indexOfByte(pair, EQUALS);
    if (split != 3 || (pairStart(pair) | 0x202020) != 0x726f66) continue;
    if (found != NONE) return NONE;
    found = unquoted(sliceUnchecked(pair, 4, length(pair)));
    if (found == NONE) return NONE;
  }
  return found;
}

/** The first three letters, the first in the low byte. */
function pairStart(pair: Span): i32 {
  let value = 0;
  for (let i = 2; i >= 0; i--) value = (value << 8) | (byteAtUnchecked(pair, i) as i32);
  return value;
}

/** No address has anything to escape in it. */
function unquoted(value: Span): Span {
  const n = length(value);
  if (n == 0 || byteAtUnchecked(value, 0) != QUOTE) return value;
  if (n < 2 || byteAtUnchecked(value, n - 1) != QUOTE) return NONE;
  return sliceUnchecked(value, 1, n - 1);
}

/** `a`, `a:port`, `[a]`, `[a]:port` without what is not the address; NONE when it is neither. */
function withoutPort(node: Span): Span {
  const n = length(node);
  if (indexOfByte(node, PERCENT) >= 0) return NONE; // a zone means nothing elsewhere
  if (n > 0 && byteAtUnchecked(node, 0) == 0x5b) {
    const close = indexOfByte(node, 0x5d);
    if (close < 0) return NONE;
    const isWhole = close + 1 == n || isPort(node, close + 1);
    return isWhole ? sliceUnchecked(node, 1, close) : NONE;
  }
  const colon = indexOfByte(node, COLON);
  // Bare IPv6 has several colons, and no port.
  if (colon < 0 || colon != lastIndexOfByte(node, COLON)) return node;
  return isPort(node, colon) ? sliceUnchecked(node, 0, colon) : NONE;
}

/** Whether a colon and digits stand from `at` to the end. */
function isPort(node: Span, at: i32): bool {
  const n = length(node);
  if (byteAtUnchecked(node, at) != COLON || n == at + 1 || n > at + 6) return false;
  for (let i = at + 1; i < n; i++) if (!ascii.isDigit(byteAtUnchecked(node, i))) return false;
  return true;
}
