// Keyed digests (RFC 2104), and the comparison that tells nothing of them by its time.

import { address, isNone, length, Span, span } from "../bytes/span";
import { BLOCK_MAX, blockSize, Hasher, HashKind } from "./hasher";

const INNER: u64 = 0x3636363636363636;
const OUTER: u64 = 0x5c5c5c5c5c5c5c5c;

const hasher = Hasher.create();
/** The key, filled up with zeros to a block; then what is made of it. */
const pad: usize = memory.data(BLOCK_MAX, 8);

/** Writes the code of `message` under `key` to `out`, which may lie over either; says how many bytes
 * that are. */
export function hmac(kind: HashKind, key: Span, message: Span, out: usize): i32 {
  setKey(kind, key);
  begin(kind, INNER);
  hasher.update(message);
  const n = hasher.finish(out);
  begin(kind, INNER ^ OUTER);
  hasher.update(span(out, n));
  return hasher.finish(out);
}

/** A key longer than a block is replaced by its digest. */
function setKey(kind: HashKind, key: Span): void {
  memory.fill(pad, 0, BLOCK_MAX);
  if (length(key) <= blockSize(kind)) {
    memory.copy(pad, address(key), length(key));
    return;
  }
  hasher.start(kind);
  hasher.update(key);
  hasher.finish(pad);
}

/** Starts a digest with the key changed by `mask`. */
function begin(kind: HashKind, mask: u64): void {
  const n = blockSize(kind);
  for (let at = pad; at < pad + n; at += 8) store<u64>(at, load<u64>(at) ^ mask);
  hasher.start(kind);
  hasher.update(span(pad, n));
}

/** Same bytes, told in a time that depends on nothing but the length of `expected`. NONE equals
 * nothing, not even NONE, so that an absent secret never opens anything. */
export function equalInConstantTime(given: Span, expected: Span): bool {
  if (isNone(given) || isNone(expected)) return false;
  const n = length(expected);
  let different = length(given) ^ n;
  // Of another length, it is not read: `expected` is compared with itself, and takes its time.
  const from = address(different != 0 ? expected : given);
  for (let i = 0; i < n; i++) {
    different |= (load<u8>(from + i) ^ load<u8>(address(expected) + i)) as i32;
  }
  return different == 0;
}
