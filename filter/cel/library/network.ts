// IP addresses and CIDR blocks, as the network extension has them.

import { maskAddress, parseAddress, parseCidr, sharesPrefix } from "../../bytes/ip-address";
import { equal } from "../../bytes/span";
import { Writer } from "../../bytes/writer";
import { buffer, heap } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { Kind, Value } from "../value";
import { argument } from "./arguments";

const parsed: usize = memory.data(16);

export function call(fn: Fn, base: usize): Failure {
  const value = argument(base, 0);
  switch (fn) {
    case Fn.ToIp:
      if (value.kind == Kind.Cidr) return cidrAddress(value);
      return value.kind == Kind.String ? toIp(value) : Failure.NoSuchOverload;
    case Fn.IsIp:
      if (value.kind != Kind.String) return Failure.NoSuchOverload;
      value.setBool(parseAddress(value.bits, parsed) != 0);
      return Failure.None;
    case Fn.IsCanonical:
      return isCanonical(value);
    case Fn.ToCidr:
      return value.kind == Kind.String ? toCidr(value) : Failure.NoSuchOverload;
    case Fn.IsCidr:
      if (value.kind != Kind.String) return Failure.NoSuchOverload;
      value.setBool(parseCidr(value.bits, parsed) != 0);
      return Failure.None;
  }
  if (fn >= Fn.ContainsIp) {
    if (value.kind != Kind.Cidr) return Failure.NoSuchOverload;
    return ofCidr(fn, value, argument(base, 1));
  }
  if (value.kind != Kind.Ip) return Failure.NoSuchOverload;
  if (fn == Fn.Family) value.setInt(value.aux);
  else value.setBool(isOfClass(fn, value));
  return Failure.None;
}

// ---- reading

function keep(value: Value, kind: Kind, aux: u32): Failure {
  if (aux == 0) return Failure.BadAddress;
  const kept = heap.allocate(16);
  if (kept == 0) return Failure.Memory;
  memory.copy(kept, parsed, 16);
  value.set(kind, kept);
  value.aux = aux;
  return Failure.None;
}

function toIp(value: Value): Failure {
  return keep(value, Kind.Ip, parseAddress(value.bits, parsed));
}

function toCidr(value: Value): Failure {
  return keep(value, Kind.Cidr, parseCidr(value.bits, parsed));
}

/** The value as an address, whether it is one or text; false when neither. */
function asIp(value: Value): Failure {
  if (value.kind == Kind.Ip) return Failure.None;
  return value.kind == Kind.String ? toIp(value) : Failure.NoSuchOverload;
}

function isCanonical(value: Value): Failure {
  if (value.kind != Kind.String) return Failure.NoSuchOverload;
  const text = value.bits;
  const family = parseAddress(text, parsed);
  if (family == 0) return Failure.BadAddress;
  buffer.reset();
  writeAddress(parsed, family, buffer);
  value.setBool(equal(buffer.view(), text));
  return Failure.None;
}

// ---- questions

function word(value: Value, i: i32): u32 {
  return bswap<u32>(load<u32>((value.bits as usize) + i * 4));
}

function isV4(value: Value): bool {
  return word(value, 0) == 0 && word(value, 1) == 0 && word(value, 2) == 0xffff;
}

function isOfClass(fn: Fn, value: Value): bool {
  const v4 = isV4(value);
  const first = word(value, 0);
  const last = word(value, 3);
  const isRestZero = (first | word(value, 1) | word(value, 2)) == 0;
  switch (fn) {
    case Fn.IsUnspecified:
      return v4 ? last == 0 : isRestZero && last == 0;
    case Fn.IsLoopback:
      return v4 ? last >>> 24 == 127 : isRestZero && last == 1;
    case Fn.IsLinkLocalMulticast:
      return v4 ? last >>> 8 == 0xe00000 : first >>> 16 == 0xff02;
    case Fn.IsLinkLocalUnicast:
      return v4 ? last >>> 16 == 0xa9fe : first >>> 22 == 0x3fa;
    default: {
      // Global unicast: not unspecified, loopback, multicast, link-local, broadcast.
      const isMulticast = v4 ? last >>> 28 == 14 : first >>> 24 == 0xff;
      const isBroadcast = v4 && last == 0xffffffff;
      return (
        !isMulticast &&
        !isBroadcast &&
        !isOfClass(Fn.IsUnspecified, value) &&
        !isOfClass(Fn.IsLoopback, value) &&
        !isOfClass(Fn.IsLinkLocalUnicast, value)
      );
    }
  }
}

function familyOf(cidr: Value): u32 {
  return cidr.aux & 0xff;
}

function prefixOf(cidr: Value): i32 {
  return (cidr.aux >> 8) as i32;
}

function cidrAddress(value: Value): Failure {
  value.aux = familyOf(value);
  value.kind = Kind.Ip;
  return Failure.None;
}

/** The prefix in bits of the 16 bytes. */
function fullPrefix(cidr: Value): i32 {
  return familyOf(cidr) == 4 ? prefixOf(cidr) + 96 : prefixOf(cidr);
}

function ofCidr(fn: Fn, value: Value, other: Value): Failure {
  const bits = fullPrefix(value);
  switch (fn) {
    case Fn.PrefixLength:
      value.setInt(prefixOf(value));
      return Failure.None;
    case Fn.Masked:
      return masked(value);
    case Fn.IsMask: {
      const aux = value.aux;
      const before = value.bits as usize;
      const wrong = masked(value);
      if (wrong != Failure.None) return wrong;
      value.setBool(memory.compare(before, value.bits as usize, 16) == 0 && aux != 0);
      return Failure.None;
    }
    case Fn.ContainsIp: {
      const wrong = asIp(other);
      if (wrong != Failure.None) return wrong;
      const same = isV4(other) == (familyOf(value) == 4);
      value.setBool(same && sharesPrefix(value.bits as usize, other.bits as usize, bits));
      return Failure.None;
    }
    default: {
      if (other.kind == Kind.String) {
        const wrong = toCidr(other);
        if (wrong != Failure.None) return wrong;
      }
      if (other.kind != Kind.Cidr) return Failure.NoSuchOverload;
      const inside = familyOf(value) == familyOf(other) && prefixOf(other) >= prefixOf(value);
      value.setBool(inside && sharesPrefix(value.bits as usize, other.bits as usize, bits));
      return Failure.None;
    }
  }
}

function masked(value: Value): Failure {
  const copy = heap.allocate(16);
  if (copy == 0) return Failure.Memory;
  memory.copy(copy, value.bits as usize, 16);
  maskAddress(copy, fullPrefix(value));
  value.bits = copy;
  return Failure.None;
}

// ---- writing (RFC 5952)

export function write(value: Value, out: Writer): void {
  writeAddress(value.bits as usize, value.aux & 0xff, out);
  if (value.kind == Kind.Cidr) {
    out.byte(0x2f);
    out.integer(prefixOf(value));
  }
}

function writeAddress(at: usize, family: u32, out: Writer): void {
  if (family == 4) {
    for (let i = 0; i < 4; i++) {
      if (i > 0) out.byte(0x2e);
      out.integer(load<u8>(at + 12 + i));
    }
    return;
  }
  // The longest run of two or more zero groups, the first of equal ones, is written as ::
  let best = 8;
  let bestSize = 1;
  for (let i = 0; i < 8; ) {
    let size = 0;
    while (i + size < 8 && load<u16>(at + (i + size) * 2) == 0) size++;
    if (size > bestSize) {
      best = i;
      bestSize = size;
    }
    i += max(size, 1);
  }
  for (let i = 0; i < 8; i++) {
    if (i == best) {
      out.text("::");
      i += bestSize - 1;
      continue;
    }
    if (i > 0 && i != best + bestSize) out.byte(0x3a);
    writeGroup(bswap<u16>(load<u16>(at + i * 2)), out);
  }
}

function writeGroup(value: u32, out: Writer): void {
  let shift = 12;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    out.byte(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}
