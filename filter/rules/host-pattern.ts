// Host patterns: `api.example.com`, `*.example.com` (one label or more in front), `api.*`, `*`.
// Compared in lower case, without port and trailing dots. And the domains of the Higress envelope, which read
// `*` differently.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import {
  byteAtUnchecked,
  endsWith,
  equal,
  indexOfByte,
  lastIndexOfByte,
  length,
  Span,
  sliceUnchecked,
  startsWith,
} from "../bytes/span";
import { copy } from "../bytes/text";
import * as problem from "./problem";

export const enum Form {
  Exact,
  Suffix,
  Prefix,
  All,
}

/** A record in the arena that it was made in. */
@unmanaged
@final
export class HostPattern {
  text: Span;
  form: i32;

  private static of(form: Form, text: Span, arena: Arena): HostPattern | null {
    const at = arena.allocate(offsetof<HostPattern>() as i32);
    if (at == 0) return refuse("there is no memory for it");
    const pattern = changetype<HostPattern>(at);
    pattern.text = text;
    pattern.form = form;
    return pattern;
  }

  /** The pattern for the text, or null with the problem noted. */
  static compile(source: Span, arena: Arena): HostPattern | null {
    let text = copy(source, arena);
    ascii.lowerInPlace(text);
    // As hosts are compared.
    while (endsWithDot(text)) text = sliceUnchecked(text, 0, length(text) - 1);
    const n = length(text);
    const star = indexOfByte(text, 0x2a);
    if (star < 0) {
      if (length(withoutPort(text)) != n) {
        return refuse("the port is not part of a host pattern");
      }
      if (indexOfByte(text, 0x40) >= 0) return refuse("user information is not part of a host");
      return HostPattern.of(Form.Exact, text, arena);
    }
    if (n == 1) return HostPattern.of(Form.All, text, arena);
    if (
      star == 0 &&
      n > 2 &&
      byteAtUnchecked(text, 1) == 0x2e &&
      lastIndexOfByte(text, 0x2a) == 0
    ) {
      return HostPattern.of(Form.Suffix, sliceUnchecked(text, 1, n), arena);
    }
    if (star == n - 1 && n > 2 && byteAtUnchecked(text, n - 2) == 0x2e) {
      return HostPattern.of(Form.Prefix, sliceUnchecked(text, 0, n - 1), arena);
    }
    return refuse("a host pattern is a name, *.suffix or prefix.*");
  }

  /** A domain as Higress's SDK reads it: a leading `*` is any suffix, a trailing one any prefix. Null
   * at the memory ceiling. */
  static domain(source: Span, arena: Arena): HostPattern | null {
    const text = copy(source, arena);
    ascii.lowerInPlace(text);
    const n = length(text);
    if (n > 0 && byteAtUnchecked(text, 0) == 0x2a) {
      return HostPattern.of(Form.Suffix, sliceUnchecked(text, 1, n), arena);
    }
    if (n > 0 && byteAtUnchecked(text, n - 1) == 0x2a) {
      return HostPattern.of(Form.Prefix, sliceUnchecked(text, 0, n - 1), arena);
    }
    return HostPattern.of(Form.Exact, text, arena);
  }

  /** `host` in lower case, as `hostOf` has it (http/authority.ts). */
  matches(host: Span): bool {
    switch (this.form) {
      case Form.Exact:
        return equal(host, this.text);
      case Form.Suffix:
        return endsWith(host, this.text);
      case Form.Prefix:
        return startsWith(host, this.text);
    }
    return true;
  }

  /** How specific a match is: an exact name first, then the longer suffix, then the longer prefix. */
  get rank(): i32 {
    const n = length(this.text);
    return this.form == Form.Exact ? 0x40000000 + n : this.form == Form.Suffix ? 0x20000000 + n : n;
  }
}

function endsWithDot(text: Span): bool {
  const n = length(text);
  return n > 1 && byteAtUnchecked(text, n - 1) == 0x2e;
}

function refuse(message: string): HostPattern | null {
  problem.fail("R310", 0, message);
  return null;
}

/** The address of an `address:port` pair as hosts give it, brackets of IPv6 taken off. */
export function addressOf(pair: Span): Span {
  const host = withoutPort(pair);
  const n = length(host);
  // A bare IPv6 address has several colons and no port to take off.
  if (indexOfByte(pair, 0x3a) != lastIndexOfByte(pair, 0x3a) && byteAtUnchecked(pair, 0) != 0x5b)
    return pair;
  return n > 2 && byteAtUnchecked(host, 0) == 0x5b ? sliceUnchecked(host, 1, n - 1) : host;
}

/** `example.com:8080` -> `example.com`, `[::1]:80` -> `[::1]`. */
function withoutPort(pair: Span): Span {
  const n = length(pair);
  if (n > 0 && byteAtUnchecked(pair, 0) == 0x5b) {
    const close = indexOfByte(pair, 0x5d);
    return close < 0 ? pair : sliceUnchecked(pair, 0, close + 1);
  }
  const colon = indexOfByte(pair, 0x3a);
  return colon < 0 ? pair : sliceUnchecked(pair, 0, colon);
}
