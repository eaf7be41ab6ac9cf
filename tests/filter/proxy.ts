// A proxy with several workers: filters that share data, clock and metrics.

import { expect } from "vitest";
import { type HostOptions, ManualClock, Metrics, SharedState, Status } from "../../host/index.ts";
import { Filter } from "./run.ts";

/** Shared data that counts what it holds, and can be told to fail. */
export class ProbedState extends SharedState {
  readonly sizes = new Map<string, number>();
  gets = 0;
  sets = 0;
  refuses = false;

  override get(key: string): { value: Uint8Array; cas: number } | undefined {
    this.gets++;
    return super.get(key);
  }

  override set(key: string, value: Uint8Array, cas: number): Status {
    this.sets++;
    if (this.refuses) return Status.InternalFailure;
    this.sizes.set(key, value.length);
    return super.set(key, value, cas);
  }
}

export interface Workers {
  workers: Filter[];
  clock: ManualClock;
  metric(name: string): number;
}

/** So many workers with the rules, which they all take. */
export function startWorkers(
  shared: SharedState,
  rules: object[],
  count: number,
  options: HostOptions = {},
): Workers {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const workers = Array.from({ length: count }, () => {
    const filter = new Filter({ shared, clock, metrics, ...options });
    expect(filter.configure({ ruleway: 1, rules }), filter.log.join("\n")).toBe(true);
    return filter;
  });
  return { workers, clock, metric: (name) => metrics.snapshot()[`ruleway.${name}`] ?? 0 };
}
