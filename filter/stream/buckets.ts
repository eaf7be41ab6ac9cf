// Where the buckets of a table lie (table.ts): in the host's shared data, which every worker sees, or in
// the memory of this VM. A bucket is read as a whole and written as a whole.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { Status } from "../abi/numbers";
import { Arena } from "../bytes/arena";
import { address, length, NONE, Span, span } from "../bytes/span";
import { fromString } from "../bytes/text";

/** Somebody else may write to the same bucket so often in a row. */
export const MAX_TRIES: i32 = 32;

export const enum Saved {
  Done,
  /** Somebody else has written since: read again. */
  Conflict,
  Failed,
}

export abstract class Buckets {
  /** `count` is a power of two, `capacity` the bytes that one of them may have. */
  constructor(
    readonly count: u32,
    readonly capacity: i32,
  ) {}

  /** The bucket, which may be changed until the next call; NONE when nothing is in it. */
  abstract load(i: u32): Span;

  /** Whether the last `load` could not read. */
  get failed(): bool {
    return false;
  }

  /** Writes the bucket that was loaded last. */
  abstract save(i: u32, bucket: Span): Saved;
}

/** No value is guarded by it in the near future: with it a value is made, and never replaced. */
const CREATE: u32 = 0xffffffff;

const texts: Arena = Arena.create();

// Hosts that know only 0 for a value that is not there; on them two workers that make the same bucket
// at the same moment may lose what one of them has written.
let createsWithZero: bool = false;

/** In shared data, under `PREFIX` and four letters. */
@final
export class SharedBuckets extends Buckets {
  private readonly key: Span;
  private cas: u32 = 0;

  constructor(prefix: string, count: u32, capacity: i32) {
    super(count, capacity);
    this.key = fromString(prefix + "0000", texts);
  }

  override get failed(): bool {
    return host.sharedStatus != Status.Ok && host.sharedStatus != Status.NotFound;
  }

  load(i: u32): Span {
    this.point(i);
    const bucket = host.sharedData(this.key, scratch);
    this.cas = host.sharedCas;
    if (bucket == NONE) this.cas = createsWithZero ? 0 : CREATE;
    return bucket;
  }

  save(i: u32, bucket: Span): Saved {
    if (host.setSharedData(this.key, bucket, this.cas)) return Saved.Done;
    if (host.sharedStatus != Status.CasMismatch) return Saved.Failed;
    if (this.cas == CREATE && host.sharedData(this.key, scratch) == NONE) createsWithZero = true;
    return Saved.Conflict;
  }

  private point(i: u32): void {
    let at = address(this.key) + length(this.key) - 1;
    for (let k = 0; k < 4; k++, i >>>= 4, at--) {
      const digit = i & 15;
      store<u8>(at, (digit < 10 ? 0x30 + digit : 0x57 + digit) as u8);
    }
  }
}

@unmanaged
@final
class Block {
  size: i32;
  unused: i32;
}

const BLOCK_HEADER: i32 = offsetof<Block>() as i32;

/** In this VM: a block of the full capacity for each bucket that something was put into. */
@final
export class LocalBuckets extends Buckets {
  private readonly blocks: StaticArray<usize>;
  private readonly arena: Arena = Arena.create();

  constructor(count: u32, capacity: i32) {
    super(count, capacity);
    this.blocks = new StaticArray<usize>(count);
  }

  load(i: u32): Span {
    const at = unchecked(this.blocks[i]);
    return at == 0 ? NONE : span(at + BLOCK_HEADER, changetype<Block>(at).size);
  }

  save(i: u32, bucket: Span): Saved {
    let at = unchecked(this.blocks[i]);
    if (at == 0) {
      at = this.arena.allocate(BLOCK_HEADER + this.capacity);
      if (at == 0) return Saved.Failed;
      unchecked((this.blocks[i] = at));
    }
    changetype<Block>(at).size = length(bucket);
    if (address(bucket) != at + BLOCK_HEADER)
      memory.copy(at + BLOCK_HEADER, address(bucket), length(bucket));
    return Saved.Done;
  }
}
