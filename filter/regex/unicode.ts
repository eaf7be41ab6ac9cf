// Categories, scripts and case folding by walking the generated run lists; a walk is a few thousand
// steps, at configure time only. Names are those RE2 knows: `L`, `Lu`, `Greek`, `Any`.

import { address, byteAtUnchecked, length, Span } from "../bytes/span";
import { CATEGORY_RUNS, FOLD_RUNS, SCRIPT_NAMES, SCRIPT_RUNS } from "../generated/unicode";
import { CharClass, LAST } from "./char-class";

// Two letters a category, in the order of generate-unicode.mjs. Cn is not a class of RE2.
const CATEGORY_NAMES: StaticArray<u8> = [
  0, 0, 0x43, 0x63, 0x43, 0x66, 0x43, 0x6f, 0x43, 0x73, 0x4c, 0x6c, 0x4c, 0x6d, 0x4c, 0x6f, 0x4c,
  0x74, 0x4c, 0x75, 0x4d, 0x63, 0x4d, 0x65, 0x4d, 0x6e, 0x4e, 0x64, 0x4e, 0x6c, 0x4e, 0x6f, 0x50,
  0x63, 0x50, 0x64, 0x50, 0x65, 0x50, 0x66, 0x50, 0x69, 0x50, 0x6f, 0x50, 0x73, 0x53, 0x63, 0x53,
  0x6b, 0x53, 0x6d, 0x53, 0x6f, 0x5a, 0x6c, 0x5a, 0x70, 0x5a, 0x73,
];

/** How far back from the last run that begins before a code point its own may be; measured: 9. */
const NESTED_RUNS: i32 = 16;

let at: i32 = 0;

function varint(table: StaticArray<u8>): u32 {
  let value: u32 = 0;
  let shift: u32 = 0;
  let c = unchecked(table[at++]) as u32;
  for (; c >= 0x80; shift += 7) {
    value |= (c & 0x7f) << shift;
    c = unchecked(table[at++]) as u32;
  }
  return value | (c << shift);
}

/** Adds the class of that name; false when there is none. */
export function addNamed(name: Span, out: CharClass): bool {
  const n = length(name);
  if (n == 3 && isAny(name)) {
    out.add(0, LAST);
    return true;
  }
  if (n == 1 || n == 2) {
    const wanted = categoryMask(name);
    if (wanted != 0) {
      addCategories(wanted, out);
      return true;
    }
  }
  const script = scriptNumber(name);
  if (script == 0) return false;
  addScript(script, out);
  return true;
}

function isAny(name: Span): bool {
  return (
    byteAtUnchecked(name, 0) == 0x41 &&
    byteAtUnchecked(name, 1) == 0x6e &&
    byteAtUnchecked(name, 2) == 0x79
  );
}

// A bit for each category that the one or two letters name.
function categoryMask(name: Span): u32 {
  let mask: u32 = 0;
  for (let i = 0; i < CATEGORY_NAMES.length; i += 2) {
    if (unchecked(CATEGORY_NAMES[i]) != byteAtUnchecked(name, 0)) continue;
    if (length(name) == 2 && unchecked(CATEGORY_NAMES[i + 1]) != byteAtUnchecked(name, 1)) continue;
    mask |= (1 as u32) << (i >> 1);
  }
  return mask;
}

function addCategories(wanted: u32, out: CharClass): void {
  let from = 0;
  for (at = 0; at < CATEGORY_RUNS.length; ) {
    const run = varint(CATEGORY_RUNS);
    const size = (run >> 5) as i32;
    if ((wanted & ((1 as u32) << (run & 31))) != 0) out.add(from, from + size - 1);
    from += size;
  }
}

function scriptNumber(name: Span): u32 {
  let number: u32 = 1;
  const n = length(name);
  for (let from = 0; from < SCRIPT_NAMES.length; number++) {
    let to = from;
    while (unchecked(SCRIPT_NAMES[to]) != 0x0a) to++;
    if (
      to - from == n &&
      memory.compare(changetype<usize>(SCRIPT_NAMES) + from, address(name), n) == 0
    ) {
      return number;
    }
    from = to + 1;
  }
  return 0;
}

function addScript(script: u32, out: CharClass): void {
  let from = 0;
  for (at = 0; at < SCRIPT_RUNS.length; ) {
    const run = varint(SCRIPT_RUNS);
    const size = (run >> 8) as i32;
    if ((run & 0xff) == script) out.add(from, from + size - 1);
    from += size;
  }
}

// The fold table unpacked once: first, last, stride, distance of each run.
let folds: i32[] | null = null;

function unpackedFolds(): i32[] {
  const known = folds;
  if (known) return known;
  const fresh: i32[] = [];
  let from = 0;
  for (at = 0; at < FOLD_RUNS.length; ) {
    from += varint(FOLD_RUNS) as i32;
    const shape = varint(FOLD_RUNS);
    const zigzag = varint(FOLD_RUNS);
    const stride = ((shape & 1) + 1) as i32;
    fresh.push(from);
    fresh.push(from + (((shape >> 1) - 1) as i32) * stride);
    fresh.push(stride);
    fresh.push((zigzag & 1) != 0 ? -(((zigzag + 1) >> 1) as i32) : ((zigzag >> 1) as i32));
  }
  folds = fresh;
  return fresh;
}

/** The next member of the orbit of `c` (the lowest after the highest), or `c` when it has no case. */
export function nextFold(c: i32): i32 {
  const runs = unpackedFolds();
  let low = 0;
  let high = runs.length >> 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[4 * middle] <= c) low = middle + 1;
    else high = middle;
  }
  // Runs of stride 2 lie inside each other, so the one that holds `c` may be a few before the last.
  for (let i = low - 1; i >= 0 && i >= low - NESTED_RUNS; i--) {
    const from = runs[4 * i];
    if (c <= runs[4 * i + 1] && (c - from) % runs[4 * i + 2] == 0) return c + runs[4 * i + 3];
  }
  return c;
}

/** Adds to a normalized set the orbits of its members. */
export function addFolds(out: CharClass): void {
  const runs = unpackedFolds();
  const n = out.count;
  // An orbit has at most 4 members, so three steps from each run reach all; steps go run by run.
  for (let i = 0; i < n; i++) {
    const low = out.low(i);
    const high = out.high(i);
    for (let r = 0; r < runs.length && runs[r] <= high; r += 4) {
      const stride = runs[r + 2];
      let from = max(low, runs[r]);
      if ((from - runs[r]) % stride != 0) from++;
      const to = min(high, runs[r + 1]);
      for (let c = from; c <= to; c += stride) addOrbit(c, c + runs[r + 3], out);
    }
  }
}

function addOrbit(c: i32, first: i32, out: CharClass): void {
  let member = first;
  for (let steps = 0; member != c && steps < 4; steps++) {
    out.add(member, member);
    member = nextFold(member);
  }
}
