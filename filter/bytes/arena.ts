// Bump allocation in blocks that are kept and reset, never given back one by one. An exchange has an
// arena for what must live as long as its stream; each callback has the scratch arena, reset on
// entry. A block is { next: usize, size: u32, pad: u32 } followed by `size` bytes.
//
// All arenas together stay under a ceiling, so that no traffic can make the VM run out of memory
// (which would trap): past it `allocate` answers 0, and whoever asked gives up with its policy. Each time is
// counted: a stream whose callback was refused memory is answered, whatever came of it in the meantime,
// so that nobody who forgets to look at an answer of 0 opens a door. Who can do without says so (`forgive`).
//
// Of the ceiling a part is kept from bodies and other large things: what is held for slow clients must
// not keep all others from being judged.

const BLOCK_HEADER: usize = 16;
const BLOCK_SIZE: u32 = 16 * 1024; // a request's header snapshot and edits fit one block
const KEEP_BYTES: u32 = 256 * 1024; // larger blocks are returned to the heap on reset
const BULK: usize = 64 * 1024; // what is larger must leave the reserve alone
const RESERVE: usize = 8; // the share of the ceiling that is kept: an eighth

let heldBytes: usize = 0;
let ceilingBytes: usize = 512 * 1024 * 1024;

/** Bytes that all arenas and writers hold now. */
export function held(): usize {
  return heldBytes;
}

/** Sets what all arenas and writers may hold together, in bytes. */
export function setCeiling(bytes: usize): void {
  ceilingBytes = bytes;
}

export function ceiling(): usize {
  return ceilingBytes;
}

/** Requests for memory that were refused so far. */
let refused: u32 = 0;

let refusedBefore: u32 = 0;

/** A callback begins. */
export function begin(): void {
  refusedBefore = refused;
}

/** Whether memory was refused since the callback began: what it has judged, it has judged without. */
export function ranOut(): bool {
  return refused != refusedBefore;
}

/** How often memory was refused; for `forgive`. */
export function refusals(): u32 {
  return refused;
}

/** Counts a refusal for what is not asked of an arena: a size that none could have, bytes of the host that
 * cannot be read. */
export function refuse(): void {
  refused++;
}

/** Takes back what was counted since there were `before`: whoever asked can do without. */
export function forgive(before: u32): void {
  refused = before;
}

// In the build for tests of what happens without memory: how many requests are granted before one is
// refused.
let granted: i32 = -1;

/** The request after `n` more is refused, and none after it; -1: all are granted. */
export function refuseAfter(n: i32): void {
  granted = n;
}

/** Whether the request that `refuseAfter` speaks of has come. */
export function wasRefused(): bool {
  return granted < 0;
}

/** Whether the request at hand is the one to be refused. */
function isRefused(): bool {
  return granted >= 0 && granted-- == 0;
}

/** `n` bytes of heap counted against the ceiling, or 0. Freed with `giveBack`. */
export function take(n: usize): usize {
  return takeUpTo(n > BULK ? ceilingBytes - ceilingBytes / RESERVE : ceilingBytes, n);
}

/** The same for what is held of bodies, however small. */
export function takeForBody(n: usize): usize {
  return takeUpTo(ceilingBytes - ceilingBytes / RESERVE, n);
}

function takeUpTo(most: usize, n: usize): usize {
  if (n > most || heldBytes > most - n || (isDefined(TESTS_MEMORY) && isRefused())) {
    refused++;
    return 0;
  }
  heldBytes += n;
  return heap.alloc(n);
}

/** Counts `n` bytes that somebody else allocates and keeps for ever; false when they are too many. */
export function reserve(n: usize): bool {
  if (heldBytes > ceilingBytes - min(n, ceilingBytes) || (isDefined(TESTS_MEMORY) && isRefused())) {
    refused++;
    return false;
  }
  heldBytes += n;
  return true;
}

export function giveBack(address: usize, n: usize): void {
  heldBytes -= n;
  heap.free(address);
}

@unmanaged
@final
class Block {
  next: usize;
  size: u32;
  unused: u32;
}

@unmanaged
@final
export class Arena {
  first: usize; // Block, or 0
  current: usize; // Block being filled, or 0
  at: usize; // next free byte in `current`
  stop: usize; // end of `current`

  static create(): Arena {
    const arena = changetype<Arena>(heap.alloc(offsetof<Arena>()));
    arena.first = 0;
    arena.current = 0;
    arena.at = 0;
    arena.stop = 0;
    return arena;
  }

  /** `n` bytes aligned to 8, not cleared; an address of its own even for none. 0 when the ceiling is
   * reached or `n` is negative. */
  allocate(n: i32): usize {
    if (isDefined(TESTS_MEMORY) && isRefused()) {
      refused++;
      return 0;
    }
    const size = ((n as usize) + 7) & ~7;
    const at = this.at;
    if (n > 0 && size <= this.stop - at) {
      this.at = at + size;
      return at;
    }
    if (n == 0) return this.allocate(1);
    if (n > 0) return this.allocateInNextBlock(size);
    refused++;
    return 0;
  }

  private allocateInNextBlock(size: usize): usize {
    // A block left over from before a reset, when it is large enough, else a new one behind current.
    let next = this.current == 0 ? this.first : changetype<Block>(this.current).next;
    if (next == 0 || (changetype<Block>(next).size as usize) < size) {
      const capacity = max<usize>(size, BLOCK_SIZE);
      const fresh = take(capacity + BLOCK_HEADER);
      if (fresh == 0) return 0;
      const block = changetype<Block>(fresh);
      block.size = capacity as u32;
      block.next = next;
      if (this.current == 0) this.first = fresh;
      else changetype<Block>(this.current).next = fresh;
      next = fresh;
    }
    this.current = next;
    const base = next + BLOCK_HEADER;
    this.at = base + size;
    this.stop = base + changetype<Block>(next).size;
    return base;
  }

  /** Forgets everything; blocks of usual size stay for the next use. Costs next to nothing when
   * nothing was allocated, as in most callbacks. */
  @inline
  reset(): void {
    if (this.current != 0) this.rewind();
  }

  private rewind(): void {
    const first = changetype<Block>(this.first);
    if (first.next != 0 || first.size > KEEP_BYTES) this.dropLargeBlocks();
    // The next allocation finds the first block by itself.
    this.current = 0;
    this.at = 0;
    this.stop = 0;
  }

  private dropLargeBlocks(): void {
    let kept: u32 = 0;
    let last: usize = 0;
    let block = this.first;
    this.first = 0;
    while (block != 0) {
      const view = changetype<Block>(block);
      const next = view.next;
      if (kept + view.size <= KEEP_BYTES) {
        kept += view.size;
        view.next = 0;
        if (last == 0) this.first = block;
        else changetype<Block>(last).next = block;
        last = block;
      } else {
        giveBack(block, (view.size as usize) + BLOCK_HEADER);
      }
      block = next;
    }
  }

  /** Gives everything back to the heap, the arena itself included. */
  destroy(): void {
    let block = this.first;
    while (block != 0) {
      const next = changetype<Block>(block).next;
      giveBack(block, (changetype<Block>(block).size as usize) + BLOCK_HEADER);
      block = next;
    }
    heap.free(changetype<usize>(this));
  }
}
