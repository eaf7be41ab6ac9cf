// The host's contexts by id: plugins, and the exchanges of streams. Exchanges are pooled: in steady
// state a stream allocates nothing.

import { reserve } from "../bytes/arena";
import { Exchange } from "../stream/exchange";
import { Plugin } from "./plugin";

@unmanaged
@final
class Slot {
  id: u32; // context id; 0 is free
  index: i32; // in `exchanges`
}

/** What an exchange takes beside its arena, roughly: it is kept for streams to come. */
const EXCHANGE_BYTES: usize = 4096;

const SLOT_SIZE: usize = offsetof<Slot>();

const plugins: Plugin[] = [];
const exchanges: Exchange[] = [];
const free: i32[] = [];

let slots: usize = 0;
let capacity: i32 = 0;
let used: i32 = 0;

// The last one asked for: a stream's callbacks often come one after another.
let lastId: u32 = 0;
let lastIndex: i32 = 0;

export function plugin(id: u32): Plugin | null {
  for (let i = 0, n = plugins.length; i < n; i++) {
    if (unchecked(plugins[i]).id == id) return unchecked(plugins[i]);
  }
  return null;
}

export function addPlugin(id: u32): void {
  if (plugin(id) == null) plugins.push(new Plugin(id));
}

export function removePlugin(id: u32): void {
  for (let i = 0, n = plugins.length; i < n; i++) {
    if (plugins[i].id != id) continue;
    const gone = plugins.splice(i, 1)[0];
    gone.destroy(heirOf(gone));
    return;
  }
}

/** Of those with its name the one that came last. */
function heirOf(gone: Plugin): Plugin | null {
  for (let i = plugins.length - 1; i >= 0; i--) {
    if (plugins[i].isKin(gone)) return plugins[i];
  }
  return null;
}

function slot(i: i32): Slot {
  return changetype<Slot>(slots + (i as usize) * SLOT_SIZE);
}

/** Where the id is or would be. `capacity` is a power of two and never full. */
function place(id: u32): i32 {
  const mask = capacity - 1;
  let i = (((id * 0x9e3779b1) >>> 8) as i32) & mask;
  while (slot(i).id != 0 && slot(i).id != id) i = (i + 1) & mask;
  return i;
}

/** The exchange of the stream, or null. */
export function exchange(id: u32): Exchange | null {
  if (id == lastId) return unchecked(exchanges[lastIndex]);
  if (capacity == 0) return null;
  const entry = slot(place(id));
  if (entry.id == 0) return null;
  lastId = id;
  lastIndex = entry.index;
  return unchecked(exchanges[lastIndex]);
}

/** Opens an exchange for the stream; without memory there is none, and the stream is refused. */
export function openExchange(id: u32, owner: Plugin): void {
  if (free.length == 0 && !reserve(EXCHANGE_BYTES)) return;
  if ((used + 1) * 2 > capacity) grow();
  const entry = slot(place(id));
  if (entry.id != 0) return;
  let index: i32;
  if (free.length > 0) {
    index = free.pop();
  } else {
    index = exchanges.length;
    exchanges.push(new Exchange());
  }
  entry.id = id;
  entry.index = index;
  used++;
  lastId = id;
  lastIndex = index;
  const configuration = owner.configuration;
  configuration.streams++;
  unchecked(exchanges[index]).open(id, configuration);
}

/** Closes the stream's exchange; false when there is none. */
export function closeExchange(id: u32): bool {
  if (capacity == 0) return false;
  const i = place(id);
  if (slot(i).id == 0) return false;
  const index = slot(i).index;
  release(i);
  if (lastId == id) lastId = 0;
  unchecked(exchanges[index]).close();
  free.push(index);
  return true;
}

/** Frees slot `i` and places anew the entries behind it, so that no search meets a hole. */
function release(i: i32): void {
  const mask = capacity - 1;
  slot(i).id = 0;
  used--;
  for (let j = (i + 1) & mask; slot(j).id != 0; j = (j + 1) & mask) {
    const id = slot(j).id;
    const index = slot(j).index;
    slot(j).id = 0;
    const entry = slot(place(id));
    entry.id = id;
    entry.index = index;
  }
}

function grow(): void {
  const before = slots;
  const count = capacity;
  capacity = max(128, capacity * 2);
  const bytes = (capacity as usize) * SLOT_SIZE;
  slots = heap.alloc(bytes);
  memory.fill(slots, 0, bytes);
  for (let i = 0; i < count; i++) {
    const old = changetype<Slot>(before + (i as usize) * SLOT_SIZE);
    if (old.id == 0) continue;
    const entry = slot(place(old.id));
    entry.id = old.id;
    entry.index = old.index;
  }
  if (before != 0) heap.free(before);
}
