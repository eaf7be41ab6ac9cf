// The hash functions behind one streaming interface: what they share is the cutting into blocks and
// the padding (RFC 1321 3.1 and 3.2, FIPS 180-4 5.1).

import { address, length, Span } from "../bytes/span";
import * as md5 from "./md5";
import * as sha1 from "./sha1";
import * as sha2 from "./sha2";

export const enum HashKind {
  Md5,
  Sha1,
  Sha256,
  Sha384,
  Sha512,
}

/** The longest block and digest of any kind. */
export const BLOCK_MAX = 128;
export const DIGEST_MAX = 64;

/** The size in bytes of a digest. */
export function digestSize(kind: HashKind): i32 {
  switch (kind) {
    case HashKind.Md5:
      return 16;
    case HashKind.Sha1:
      return 20;
    case HashKind.Sha256:
      return 32;
    case HashKind.Sha384:
      return 48;
    default:
      return 64;
  }
}

/** The size in bytes of the blocks a kind works in. */
export function blockSize(kind: HashKind): i32 {
  return kind < HashKind.Sha384 ? 64 : 128;
}

/** A digest in the making: `start`, any number of `update`, `finish`; then it may start again. */
@unmanaged
@final
export class Hasher {
  kind: HashKind;
  blockSize: i32;
  total: u64; // bytes taken so far
  // Behind the fields: the state, eight words of 64 bits, then a block that is not full yet.

  static create(): Hasher {
    return changetype<Hasher>(heap.alloc(offsetof<Hasher>() + DIGEST_MAX + BLOCK_MAX));
  }

  destroy(): void {
    heap.free(changetype<usize>(this));
  }

  private get state(): usize {
    return changetype<usize>(this) + offsetof<Hasher>();
  }

  private get block(): usize {
    return this.state + DIGEST_MAX;
  }

  start(kind: HashKind): void {
    this.kind = kind;
    this.blockSize = blockSize(kind);
    this.total = 0;
    const state = this.state;
    if (kind == HashKind.Sha256) sha2.start256(state);
    else if (kind == HashKind.Sha384) sha2.start384(state);
    else if (kind == HashKind.Sha512) sha2.start512(state);
    else sha1.start(state);
  }

  update(s: Span): void {
    let at = address(s);
    let left = length(s);
    const size = this.blockSize;
    const used = (this.total as i32) & (size - 1);
    this.total += left;
    if (used > 0) {
      const n = min(left, size - used);
      memory.copy(this.block + used, at, n);
      if (used + n < size) return;
      this.compress(this.block);
      at += n;
      left -= n;
    }
    for (; left >= size; left -= size) {
      this.compress(at);
      at += size;
    }
    memory.copy(this.block, at, left);
  }

  /** Writes the digest to `out`; says how many bytes that are. */
  finish(out: usize): i32 {
    this.pad();
    const n = digestSize(this.kind);
    if (this.kind == HashKind.Md5) memory.copy(out, this.state, n);
    else if (this.blockSize == 64) storeBigEndian<u32>(out, this.state, n);
    else storeBigEndian<u64>(out, this.state, n);
    return n;
  }

  /** A one bit, zeros, and the number of bits in the last 8 bytes of a block: the field has an
   * eighth of the block, of which SHA-384 and SHA-512 need no more for any message there can be. */
  private pad(): void {
    const block = this.block;
    const size = this.blockSize;
    const bits = this.total << 3;
    let used = (this.total as i32) & (size - 1);
    store<u8>(block + used++, 0x80);
    if (used > size - (size >> 3)) {
      memory.fill(block + used, 0, size - used);
      this.compress(block);
      used = 0;
    }
    memory.fill(block + used, 0, size - used);
    store<u64>(block + size - 8, this.kind == HashKind.Md5 ? bits : bswap<u64>(bits));
    this.compress(block);
  }

  private compress(block: usize): void {
    if (this.kind == HashKind.Md5) md5.compress(this.state, block);
    else if (this.kind == HashKind.Sha1) sha1.compress(this.state, block);
    else if (this.kind == HashKind.Sha256) sha2.compress<u32>(this.state, block);
    else sha2.compress<u64>(this.state, block);
  }
}

/** `n` bytes of words of type T, most significant byte first. */
function storeBigEndian<T>(to: usize, from: usize, n: usize): void {
  for (let i: usize = 0; i < n; i += sizeof<T>()) store<T>(to + i, bswap<T>(load<T>(from + i)));
}
