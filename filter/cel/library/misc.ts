// Functions of ours that are none of the above: globs, defaults, weighted choice, chance.

import { byteAtUnchecked, compare, hash, length, Span } from "../../bytes/span";
import { charge, chargeBytes } from "../budget";
import { activation, buffer } from "../context";
import { Failure } from "../failure";
import { Fn } from "../functions";
import { settle } from "../lazy";
import { countOf, Kind, keyOf, Value, valueOf } from "../value";
import { argument, take } from "./arguments";

export function call(fn: Fn, base: usize): Failure {
  const value = argument(base, 0);
  switch (fn) {
    case Fn.Glob:
      if (value.isAbsent) {
        value.setBool(false);
        return Failure.None;
      }
      if (value.kind != Kind.String || argument(base, 1).kind != Kind.String) {
        return Failure.NoSuchOverload;
      }
      value.setBool(matchesGlob(value.bits, argument(base, 1).bits));
      return Failure.None;
    case Fn.WeightedSplit:
      return weightedSplit(value, argument(base, 1));
    case Fn.Uuid:
      return uuid(value);
    default: {
      if (!random(8)) return Failure.NoSuchFunction;
      // 53 bits, the most that a double between 0 and 1 holds evenly.
      value.setDouble(((load<u64>(chance) >>> 11) as f64) / 9007199254740992.0);
      return Failure.None;
    }
  }
}

// ---- globs

// `*` is any run without a slash, `**` any run at all, `?` one character, `[a-z]` and `[!a-z]` one of
// a class, a backslash takes the next one as it is. Where a star fails, the last one takes a byte
// more; before that, the last double star: so the work is at most text times text times pattern, and
// it is charged for.
function matchesGlob(text: Span, pattern: Span): bool {
  const n = length(text);
  const m = length(pattern);
  let t = 0;
  let p = 0;
  let star = -1; // after the last `*`
  let starText = 0;
  let double = -1; // after the last `**`
  let doubleText = 0;
  while (true) {
    if (!charge(1)) return false;
    if (p < m && byteAtUnchecked(pattern, p) == 0x2a) {
      if (p + 1 < m && byteAtUnchecked(pattern, p + 1) == 0x2a) {
        p += 2;
        // `**/` also stands for no folder at all.
        double = p;
        doubleText = t;
        star = -1;
        if (p < m && byteAtUnchecked(pattern, p) == 0x2f && isAtSegment(text, t)) p++;
      } else {
        star = ++p;
        starText = t;
      }
      continue;
    }
    if (t < n && p < m) {
      const used = one(text, t, pattern, p);
      if (used > 0) {
        t++;
        p += used;
        continue;
      }
    } else if (t == n && p == m) {
      return true;
    }
    if (star >= 0 && starText < n && byteAtUnchecked(text, starText) != 0x2f) {
      t = ++starText;
      p = star;
    } else if (double >= 0 && doubleText < n) {
      t = ++doubleText;
      p = double;
      star = -1;
      if (p < m && byteAtUnchecked(pattern, p) == 0x2f && isAtSegment(text, t)) p++;
    } else {
      return false;
    }
  }
}

function isAtSegment(text: Span, t: i32): bool {
  return t == 0 || byteAtUnchecked(text, t - 1) == 0x2f;
}

/** How much of the pattern at `p` takes the byte at `t`: 0 when it does not. */
function one(text: Span, t: i32, pattern: Span, p: i32): i32 {
  const c = byteAtUnchecked(text, t);
  const m = length(pattern);
  const x = byteAtUnchecked(pattern, p);
  if (x == 0x3f) return c == 0x2f ? 0 : 1;
  if (x == 0x5c && p + 1 < m) return byteAtUnchecked(pattern, p + 1) == c ? 2 : 0;
  if (x != 0x5b) return x == c ? 1 : 0;
  let i = p + 1;
  const negated =
    i < m && (byteAtUnchecked(pattern, i) == 0x21 || byteAtUnchecked(pattern, i) == 0x5e);
  if (negated) i++;
  let isIn = false;
  const first = i;
  while (i < m && (byteAtUnchecked(pattern, i) != 0x5d || i == first)) {
    const low = byteAtUnchecked(pattern, i);
    let high = low;
    if (
      i + 2 < m &&
      byteAtUnchecked(pattern, i + 1) == 0x2d &&
      byteAtUnchecked(pattern, i + 2) != 0x5d
    ) {
      high = byteAtUnchecked(pattern, i + 2);
      i += 2;
    }
    if (c >= low && c <= high) isIn = true;
    i++;
  }
  if (i >= m) return c == 0x5b ? 1 : 0; // not closed: an ordinary bracket
  return isIn != negated && c != 0x2f ? i + 1 - p : 0;
}

// ---- weighted choice

/** The same key always gets the same of the names, as often as their weights say. Names go in their
 * own order, since that of a map does not count. */
function weightedSplit(key: Value, weights: Value): Failure {
  const wrong = settle(weights);
  if (wrong != Failure.None) return wrong;
  if (key.kind != Kind.String || weights.kind != Kind.Map) return Failure.NoSuchOverload;
  if (!chargeBytes(length(key.bits))) return Failure.Budget;
  let total: u64 = 0;
  const n = countOf(weights);
  for (let i = 0; i < n; i++) {
    const weight = valueOf(weights, i);
    if (keyOf(weights, i).kind != Kind.String || weight.kind != Kind.Int || weight.int < 0)
      return Failure.BadArgument;
    if (weight.int > 1_000_000_000) return Failure.BadArgument;
    total += weight.bits;
  }
  if (total == 0) return Failure.BadArgument;
  let at = (mixed(hash(key.bits)) as u64) % total;
  let last: Span = 0;
  for (let i = 0; i < n; i++) {
    const next = following(weights, last);
    if (next < 0) return Failure.Budget;
    const weight = valueOf(weights, next).bits;
    if (at < weight) {
      key.bits = keyOf(weights, next).bits;
      return Failure.None;
    }
    at -= weight;
    last = keyOf(weights, next).bits;
  }
  return Failure.BadArgument;
}

/** The entry with the next greater name. */
function following(map: Value, last: Span): i32 {
  let best = -1;
  for (let i = 0, n = countOf(map); i < n; i++) {
    if (!charge(1)) return -1;
    const name = keyOf(map, i).bits;
    if (last != 0 && compare(name, last) <= 0) continue;
    if (best < 0 || compare(name, keyOf(map, best).bits) < 0) best = i;
  }
  return best;
}

/** Spreads the bits of a hash whose lower ones are not even. */
function mixed(h: u32): u32 {
  h = (h ^ (h >>> 16)) * 0x85ebca6b;
  h = (h ^ (h >>> 13)) * 0xc2b2ae35;
  return h ^ (h >>> 16);
}

// ---- chance

const chance: usize = memory.data(16);

function random(n: i32): bool {
  const from = activation;
  return from != null && from.random(chance, n);
}

/** A random UUID (RFC 9562, version 4). */
function uuid(value: Value): Failure {
  if (!random(16)) return Failure.NoSuchFunction;
  store<u8>(chance, (load<u8>(chance, 6) & 0x0f) | 0x40, 6);
  store<u8>(chance, (load<u8>(chance, 8) & 0x3f) | 0x80, 8);
  buffer.reset();
  for (let i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) buffer.byte(0x2d);
    const c = load<u8>(chance + i) as u32;
    buffer.byte(hexDigit(c >> 4));
    buffer.byte(hexDigit(c & 15));
  }
  return take(value);
}

function hexDigit(digit: u32): u32 {
  return digit < 10 ? 0x30 + digit : 0x57 + digit;
}
