// What the plugins of a proxy share by name: tables in the host's shared data, and the seed that their keys
// are hashed under. Names of the shared data begin with `ruleway:PLUGIN:`, so that two plugins in VMs of one
// id do not meet, and a plugin meets itself in every worker and in every version of its configuration.

import * as host from "../abi/host";
import { scratch } from "../abi/memory";
import { address, length, NONE, span } from "../bytes/span";
import { fromString, fromText, toString } from "../bytes/text";
import { Writer } from "../bytes/writer";
import * as siphash from "../crypto/siphash";
import { Buckets, LocalBuckets, SharedBuckets } from "./buckets";
import { Policy, Table } from "./table";

// Counts: 16,384 keys and more at a time before any is forgotten; 32 MiB if every bucket were full.
const SHARED_COUNTS: u32 = 16384;
const LOCAL_COUNTS: u32 = 4096;
const COUNTS_SIZE: i32 = 2048;
const LOCAL_COUNTS_SIZE: i32 = 1024;
/** Values of names without keys. */
const VALUES: u32 = 1024;
/** Buckets for values of names with keys. */
const KEYED_VALUES: u32 = 4096;
/** One value of the largest size, and some small ones. */
const VALUES_SIZE: i32 = 72 * 1024;

@final
export class Space {
  /** What is counted in this VM alone; made when a rule wants it. */
  private local: Table | null = null;
  readonly counts: Table;
  readonly values: Table;
  readonly keyedValues: Table;
  private readonly seed: usize = heap.alloc(16);

  constructor(readonly plugin: string) {
    const prefix = "ruleway:" + plugin + ":";
    this.counts = shared(prefix + "r", SHARED_COUNTS, COUNTS_SIZE, Policy.Least);
    this.values = shared(prefix + "w", VALUES, VALUES_SIZE, Policy.Own);
    this.keyedValues = shared(prefix + "m", KEYED_VALUES, VALUES_SIZE, Policy.Own);
    this.readSeed(prefix + "seed");
  }

  get localCounts(): Table {
    let local = this.local;
    if (local == null) {
      const buckets: Buckets = new LocalBuckets(LOCAL_COUNTS, LOCAL_COUNTS_SIZE);
      local = new Table(buckets, Policy.Least);
      this.local = local;
    }
    return local;
  }

  /** Hashes what was written into `key`; the result is siphash's. */
  hash(key: Writer): void {
    siphash.siphash(load<u64>(this.seed), load<u64>(this.seed, 8), key.view());
  }

  /** The first worker makes the seed, the others find it. */
  private readSeed(name: string): void {
    const key = fromString(name, scratch);
    let found = host.sharedData(key, scratch);
    if (length(found) != 16) {
      if (!host.random(this.seed, 16)) store<u64>(this.seed, host.now());
      host.setSharedData(key, span(this.seed, 16), found == NONE ? u32.MAX_VALUE : host.sharedCas);
      found = host.sharedData(key, scratch);
      if (found == NONE) {
        // A host that makes values for 0 only.
        host.setSharedData(key, span(this.seed, 16), 0);
        found = host.sharedData(key, scratch);
      }
    }
    if (length(found) == 16) memory.copy(this.seed, address(found), 16);
  }
}

function shared(prefix: string, count: u32, size: i32, policy: Policy): Table {
  const buckets: Buckets = new SharedBuckets(prefix, count, size);
  return new Table(buckets, policy);
}

/** By the name of the plugin; they live as long as the VM. */
const spaces: Space[] = [];

/** The name of the plugin that is being configured. */
export function pluginName(): string {
  const name = host.property(fromText("plugin_name", scratch), scratch);
  return name == NONE ? "" : toString(name);
}

/** Its space. */
export function spaceOfPlugin(): Space {
  const plugin = pluginName();
  for (let i = 0; i < spaces.length; i++) {
    if (spaces[i].plugin == plugin) return spaces[i];
  }
  const space = new Space(plugin);
  spaces.push(space);
  return space;
}
