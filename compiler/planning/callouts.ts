// What callouts may cost a stream: whom a rule asks, what becomes of the message without an answer, and
// how long it may wait at the worst. Of a graph of callouts that is its longest way.

import { DIRECTIONS, type Direction, type FilterCall, type FilterStep } from "./plan.ts";

type Steps = Record<Direction | "done", FilterStep[]>;

/** What a call without an answer leads to. */
export function withoutAnswer({ onError }: FilterCall, phase: Direction | "done"): string {
  if (onError !== 0) return String(onError);
  return `the ${phase === "response" ? "response" : "request"} goes on`;
}

/** Milliseconds that the step waits at the worst; 0 when it asks nobody. */
export function worstWait({ timeout, calls = [] }: FilterStep): number {
  if (timeout !== undefined) return timeout;
  const known = new Map<number, number>();
  const end = (i: number): number => {
    const before = neededBy(calls[i]!).map((each) => known.get(each) ?? end(each));
    const at = Math.max(0, ...before) + calls[i]!.timeout;
    known.set(i, at);
    return at;
  };
  return Math.max(0, ...calls.map((_, i) => end(i)));
}

/** Places of the callouts that have to be over before that one; bits of an unsigned word. */
export function neededBy({ needs }: { needs: number }): number[] {
  return [...Array(32).keys()].filter((i) => Math.floor(needs / 2 ** i) % 2 === 1);
}

/** `parallel`, in words. */
export function tellOfParallel({ calls = [] }: FilterStep, phase: Direction): string {
  const told = calls.map((call, i) => {
    const needs = neededBy(call).map((each) => each + 1);
    const after = needs.length > 0 ? ` after ${needs.join(" and ")}` : "";
    const otherwise = withoutAnswer(call, phase);
    const again = call.retries ? ` and ${call.retries} times again` : "";
    return `${i + 1} ${call.cluster}${again}${after}, ${call.timeout} ms at most, else ${otherwise}`;
  });
  return `parallel asks ${told.join("; ")}`;
}

/** Whom steps of the phase `done` call; nobody waits. */
export function tellOfDone(steps: FilterStep[]): string[] {
  const clusters = steps.flatMap(({ cluster, calls = [] }) =>
    cluster === undefined ? calls.map((call) => call.cluster) : [cluster],
  );
  return clusters.length === 0 ? [] : [`calls ${clusters.join(", ")}; nobody waits`];
}

/** The worst case of waiting in each direction, in milliseconds. */
export function waits(steps: Steps): Record<Direction, number> {
  const of = (direction: Direction) =>
    steps[direction].reduce((total, step) => total + worstWait(step), 0);
  return { request: of("request"), response: of("response") };
}

/** In words; undefined when nobody is waited for. */
export function tellOfWaits(all: ReadonlyArray<Record<Direction, number>>): string | undefined {
  const sums = DIRECTIONS.map((direction) => all.reduce((n, each) => n + each[direction], 0));
  const total = sums.reduce((a, b) => a + b);
  if (total === 0) return undefined;
  const parts = DIRECTIONS.flatMap((direction, i) =>
    sums[i]! > 0 ? [`${direction}: ${sums[i]} ms`] : [],
  );
  return `at most ${total} ms for callouts (${parts.join("; ")})`;
}
