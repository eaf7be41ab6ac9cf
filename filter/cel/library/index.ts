// Which function is where. A function finds its arguments on the stack from `base` on and leaves its
// result in place of the first. The checker has looked at types where it knew them; here they are
// looked at again, because values have the last word.

import { Failure } from "../failure";
import { FIRST_OF_TEXT, Fn, LAST_OF_TEXT, LAST_QUESTION } from "../functions";
import { Value } from "../value";
import * as codecs from "./codecs";
import * as convert from "./convert";
import { format } from "./format";
import * as lists from "./lists";
import * as maths from "./maths";
import * as misc from "./misc";
import * as network from "./network";
import * as optionals from "./optionals";
import * as patterns from "./patterns";
import * as strings from "./strings";
import * as time from "./time";

/** Calls function `fn` with `n` arguments. */
export function call(fn: Fn, base: usize, n: i32): Failure {
  const first = Value.at(base);
  if (fn <= LAST_OF_TEXT) {
    if (fn >= FIRST_OF_TEXT && first.isAbsent) {
      // What is not there begins with nothing, holds nothing, and has no part.
      if (fn <= LAST_QUESTION) first.setBool(false);
      return Failure.None;
    }
    return fn == Fn.Matches ? patterns.call(fn, base, n) : strings.call(fn, base, n);
  }
  if (fn <= Fn.Size) return fn == Fn.Size ? lists.size(first) : lists.reverse(first);
  if (fn <= Fn.ToUint) return convert.call(fn, first);
  if (fn <= Fn.GetSeconds) return time.getPart(fn, base, n);
  if (fn == Fn.Format) return format(first, Value.at(base + 16));
  if (fn <= Fn.Quote) return strings.call(fn, base, n);
  if (fn <= Fn.SetsIntersects) return lists.call(fn, base, n);
  if (fn <= Fn.BitShiftRight) return maths.call(fn, base, n);
  if (fn <= Fn.UnwrapMember) return optionals.call(fn, base);
  if (fn <= Fn.IsMask) return network.call(fn, base);
  if (fn <= Fn.RegexExtractAll) return patterns.call(fn, base, n);
  if (fn <= Fn.HmacSha512) return codecs.call(fn, base);
  return misc.call(fn, base);
}
