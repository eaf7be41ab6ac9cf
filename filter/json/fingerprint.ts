// A hash of a document as it is meant: control planes keep maps without order and numbers as doubles, so
// members count in any order, numbers by their value, texts whatever their escapes. It tells documents
// apart that nobody has made to meet.

import { Arena } from "../bytes/arena";
import { fingerprint } from "../bytes/fingerprint";
import { parseDouble } from "../bytes/number";
import { Kind, Tape } from "./tape";

/** The hash of value `i`; `arena` has room for its texts. As deep as the tape, which is limited. */
export function fingerprintOf(tape: Tape, i: i32, arena: Arena): u64 {
  const kind = tape.kind(i);
  const stop = tape.after(i);
  let hash = kind as u64;
  switch (kind) {
    case Kind.Object:
      for (let key = tape.firstChild(i); key < stop; key = tape.after(key + 1)) {
        const name = fingerprint(tape.text(key, arena));
        hash += stir(name ^ stir(fingerprintOf(tape, key + 1, arena)));
      }
      break;
    case Kind.Array:
      for (let child = tape.firstChild(i); child < stop; child = tape.after(child))
        hash = stir(hash + fingerprintOf(tape, child, arena));
      break;
    case Kind.String:
      hash += fingerprint(tape.text(i, arena));
      break;
    case Kind.Number:
      // A zero has no sign.
      hash += reinterpret<u64>(parseDouble(tape.raw(i)) + 0);
      break;
  }
  return stir(hash);
}

/** The last steps of splitmix64 (https://prng.di.unimi.it/splitmix64.c): each bit comes to bear on all. */
function stir(value: u64): u64 {
  let z = value + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
