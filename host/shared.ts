// What several VMs of one proxy share: data with compare-and-swap, queues, metrics.

import { MetricType, Status } from "./abi.ts";

interface Entry {
  value: Uint8Array;
  cas: number;
}

/** Shared data (a CAS number guards each value; 0 means "whatever it is") and shared queues. */
export class SharedState {
  private readonly data = new Map<string, Entry>();
  private readonly queues = new Map<string, { id: number; items: Uint8Array[] }>();
  private lastCas = 0;

  get(key: string): { value: Uint8Array; cas: number } | undefined {
    return this.data.get(key);
  }

  set(key: string, value: Uint8Array, cas: number): Status {
    const before = this.data.get(key);
    // As in Envoy: a key that is not there takes any number.
    if (cas !== 0 && before && before.cas !== cas) return Status.CasMismatch;
    this.data.set(key, { value: value.slice(), cas: ++this.lastCas });
    return Status.Ok;
  }

  /** The id of the queue of that name, made if it is new. */
  registerQueue(name: string): number {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = { id: this.queues.size + 1, items: [] };
      this.queues.set(name, queue);
    }
    return queue.id;
  }

  resolveQueue(name: string): number | undefined {
    return this.queues.get(name)?.id;
  }

  private queue(id: number): Uint8Array[] | undefined {
    for (const queue of this.queues.values()) if (queue.id === id) return queue.items;
    return undefined;
  }

  enqueue(id: number, value: Uint8Array): Status {
    const items = this.queue(id);
    if (!items) return Status.NotFound;
    items.push(value.slice());
    return Status.Ok;
  }

  dequeue(id: number): Uint8Array | Status {
    const items = this.queue(id);
    if (!items) return Status.NotFound;
    return items.shift() ?? Status.Empty;
  }
}

/** Counters, gauges and histograms by name. A histogram's value is the sum of what was recorded. */
export class Metrics {
  private readonly all: Array<{ name: string; type: MetricType; value: bigint }> = [];

  define(type: MetricType, name: string): number {
    const at = this.all.findIndex((each) => each.name === name && each.type === type);
    return at >= 0 ? at : this.all.push({ name, type, value: 0n }) - 1;
  }

  increment(id: number, by: bigint): Status {
    const metric = this.all[id];
    if (!metric) return Status.NotFound;
    if (metric.type === MetricType.Histogram) return Status.BadArgument;
    if (metric.type === MetricType.Counter && by < 0n) return Status.BadArgument;
    metric.value += by;
    return Status.Ok;
  }

  record(id: number, value: bigint): Status {
    const metric = this.all[id];
    if (!metric) return Status.NotFound;
    metric.value = metric.type === MetricType.Gauge ? value : metric.value + value;
    return Status.Ok;
  }

  get(id: number): bigint | undefined {
    return this.all[id]?.value;
  }

  /** The values by name. */
  snapshot(): Record<string, number> {
    return Object.fromEntries(this.all.map(({ name, value }) => [name, Number(value)]));
  }
}
