// The order of a list's fields by name or by value: a stable merge sort of indices, which compares the
// fields some n log n times whatever they are.

import { Arena } from "../bytes/arena";
import { compare, Span } from "../bytes/span";
import { spend } from "../bytes/work";
import { FieldList } from "./field-list";

export const enum By {
  Name,
  Value,
}

/** The indices (i32) of the fields in ascending order, in `arena`; 0 when memory ran out. */
export function ordered(fields: FieldList, by: By, arena: Arena): usize {
  const n = fields.count;
  let from = arena.allocate(n * 4);
  let to = arena.allocate(n * 4);
  if (from == 0 || to == 0) return 0;
  for (let i = 0; i < n; i++) store<i32>(from + (i << 2), i);
  for (let width = 1; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) merge(fields, by, from, to, start, width);
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

/** Merges the runs [start, start + width) and the next of `from` into `to`. */
function merge(fields: FieldList, by: By, from: usize, to: usize, start: i32, width: i32): void {
  const middle = min(start + width, fields.count);
  const stop = min(start + 2 * width, fields.count);
  let i = start;
  let j = middle;
  spend(stop - start);
  for (let k = start; k < stop; k++) {
    const isLeft = i < middle && (j >= stop || !isAfter(fields, by, from, i, j));
    store<i32>(to + (k << 2), load<i32>(from + ((isLeft ? i++ : j++) << 2)));
  }
}

function isAfter(fields: FieldList, by: By, order: usize, i: i32, j: i32): bool {
  return compare(keyAt(fields, by, order, i), keyAt(fields, by, order, j)) > 0;
}

function keyAt(fields: FieldList, by: By, order: usize, i: i32): Span {
  const at = load<i32>(order + (i << 2));
  return by == By.Name ? fields.name(at) : fields.value(at);
}
