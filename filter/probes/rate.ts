// Exposes the algorithms of rates and the tables that counts lie in to their tests. Not part of the product.

import { Arena } from "../bytes/arena";
import { address, length, NONE, Span, span } from "../bytes/span";
import * as siphash from "../crypto/siphash";
import { Buckets, Saved } from "../stream/buckets";
import { LARGEST_STATE, Rate } from "../stream/rate";
import { Policy, Table } from "../stream/table";

const arena = Arena.create();

export function allocate(n: i32): usize {
  return arena.allocate(n);
}

// ---- rates

const state = heap.alloc(LARGEST_STATE);
let rate = new Rate(0, 1, 7, 1);

export function begin(algorithm: i32, limit: u64, period: u64, burst: u64): void {
  rate = new Rate(algorithm, limit, period, burst);
  memory.fill(state, 0, LARGEST_STATE);
}

/** Fills the state with the byte, as if somebody else had written it. */
export function spoil(byte: i32): void {
  memory.fill(state, byte as u8, LARGEST_STATE);
}

export function ask(now: u64, cost: u64): bool {
  rate.advance(state, now);
  if (!rate.admits(state, now, cost)) return false;
  rate.take(state, now, cost);
  return true;
}

export function remaining(): u64 {
  return rate.remaining;
}

export function reset(): u64 {
  return rate.reset;
}

export function wait(): u64 {
  return rate.wait;
}

export function expires(): u64 {
  return rate.expires(state);
}

export function share(): u32 {
  return rate.share(state);
}

// ---- a hash

export function hash(key0: u64, key1: u64, at: usize, n: i32): void {
  siphash.siphash(key0, key1, span(at, n));
}

export function low(): u64 {
  return siphash.low;
}

export function high(): u64 {
  return siphash.high;
}

// ---- a table of one bucket, which the test may look at and spoil

@final
class OneBucket extends Buckets {
  bucket: Span = NONE;

  load(i: u32): Span {
    return this.bucket;
  }

  save(i: u32, bucket: Span): Saved {
    const at = arena.allocate(length(bucket) + 1);
    memory.copy(at, address(bucket), length(bucket));
    this.bucket = span(at, length(bucket));
    return Saved.Done;
  }
}

let one = new OneBucket(1, 0);
let table = new Table(one, Policy.Least);

export function beginTable(policy: i32, capacity: i32): void {
  one = new OneBucket(1, capacity);
  table = new Table(one, policy);
}

export function setBucket(at: usize, n: i32): void {
  one.bucket = span(at, n);
}

export function bucket(): u64 {
  return one.bucket;
}

/** Puts the data (none for an address of 0); the records pushed out, or -1 when there is no room. */
export function put(
  key: u64,
  now: u64,
  expires: u64,
  mark: u32,
  most: i32,
  at: usize,
  n: i32,
): i32 {
  table.open(key, ~key, 0);
  if (!table.put(now, expires, mark, most, at == 0 ? NONE : span(at, n))) return -1;
  table.save();
  return table.evicted;
}

export function find(key: u64): u64 {
  table.open(key, ~key, 0);
  return table.find();
}
