// The authority of a request (RFC 3986 3.2): what stands in Host. The host of one is without user
// information, port and trailing dots, which are no part of its name. What is no authority has none: servers
// read such a thing differently, so that whoever judges by it refuses.

import * as ascii from "../bytes/ascii";
import { parseAddress, peer } from "../bytes/ip-address";
import {
  byteAtUnchecked,
  indexOfByte,
  lastIndexOfByte,
  length,
  NONE,
  Span,
  sliceUnchecked,
} from "../bytes/span";

/** The port of an authority that names none. */
export const NO_PORT: i32 = -1;

const AT: u8 = 0x40;
const COLON: u8 = 0x3a;
const DOT: u8 = 0x2e;

/** The port of the authority that `hostOf` took apart last. */
export let port: i32 = NO_PORT;

/** The host of the authority, as it is written, brackets of IPv6 included; NONE when it is no authority. */
export function hostOf(authority: Span): Span {
  port = NO_PORT;
  const at = lastIndexOfByte(authority, AT);
  const rest = sliceUnchecked(authority, at + 1, length(authority));
  const n = length(rest);
  if (n > 0 && byteAtUnchecked(rest, 0) == 0x5b) return literalOf(rest);
  const colon = indexOfByte(rest, COLON);
  const name = withoutDots(sliceUnchecked(rest, 0, colon < 0 ? n : colon));
  // Nothing at all is an authority: the request has no host.
  if (length(name) == 0 ? n > 0 || at >= 0 : !isName(name)) return NONE;
  return colon < 0 || readPort(rest, colon + 1) ? name : NONE;
}

/** Of `[…]` and a port. */
function literalOf(rest: Span): Span {
  const n = length(rest);
  const close = indexOfByte(rest, 0x5d);
  if (close < 0 || parseAddress(sliceUnchecked(rest, 1, close), peer) != 6) return NONE;
  if (close + 1 == n) return rest;
  const hasPort = byteAtUnchecked(rest, close + 1) == COLON && readPort(rest, close + 2);
  return hasPort ? sliceUnchecked(rest, 0, close + 1) : NONE;
}

function withoutDots(name: Span): Span {
  let n = length(name);
  while (n > 0 && byteAtUnchecked(name, n - 1) == DOT) n--;
  return sliceUnchecked(name, 0, n);
}

/** reg-name without escapes, which nobody undoes in a Host. */
function isName(name: Span): bool {
  for (let i = 0, n = length(name); i < n; i++) {
    const c = byteAtUnchecked(name, i);
    if (ascii.isAlphanumeric(c) || c == 0x2d || c == DOT || c == 0x5f || c == 0x7e) continue;
    if (c == 0x21 || c == 0x24 || (c >= 0x26 && c <= 0x2c) || c == 0x3b || c == 0x3d) continue;
    return false;
  }
  return true;
}

/** Reads the port, which may be empty; false when it is none. */
function readPort(text: Span, from: i32): bool {
  const n = length(text);
  if (n > from + 5) return false;
  let value = 0;
  for (let i = from; i < n; i++) {
    const c = byteAtUnchecked(text, i);
    if (!ascii.isDigit(c)) return false;
    value = value * 10 + (c as i32) - 0x30;
  }
  if (n > from) port = value;
  return value <= 65535;
}

/** Whether a request may be sent to it: a host, not empty, with or without a port, and nothing else. */
export function isAuthority(text: Span): bool {
  const host = hostOf(text);
  return host != NONE && length(host) > 0 && indexOfByte(text, AT) < 0;
}
