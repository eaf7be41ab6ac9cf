// Exposes the crypto layer to its tests. Not part of the product.

import { Arena } from "../bytes/arena";
import { NONE, Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import * as crypto from "../crypto";
import * as base64 from "../crypto/base64";
import * as hex from "../crypto/hex";

const arena = Arena.create();
const out = Writer.create();
const hasher = crypto.Hasher.create();

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

export function reset(): void {
  arena.reset();
}

export function start(kind: i32): void {
  hasher.start(kind);
}

export function update(s: Span): void {
  hasher.update(s);
}

export function finish(to: usize): i32 {
  return hasher.finish(to);
}

export function digestSize(kind: i32): i32 {
  return crypto.digestSize(kind);
}

export function hmac(kind: i32, key: Span, message: Span, to: usize): i32 {
  return crypto.hmac(kind, key, message, to);
}

export function crc32(s: Span): u32 {
  return crypto.crc32(s);
}

export function equalInConstantTime(given: Span, expected: Span): bool {
  return crypto.equalInConstantTime(given, expected);
}

export function toBase64(s: Span, url: bool, padded: bool): Span {
  out.reset();
  base64.encode(s, out, url, padded);
  return out.view();
}

/** NONE for what is not base 64. */
export function fromBase64(s: Span, url: bool): Span {
  out.reset();
  return base64.decode(s, out, url) ? out.view() : NONE;
}

export function toHex(s: Span): Span {
  out.reset();
  hex.encode(s, out);
  return out.view();
}

/** NONE for what is not hex. */
export function fromHex(s: Span): Span {
  out.reset();
  return hex.decode(s, out) ? out.view() : NONE;
}
