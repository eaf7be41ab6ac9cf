// What an evaluation has at hand: where new values are made, and who answers for attributes. One
// evaluation runs at a time and none starts another, so there is one of these.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { Writer } from "../bytes/writer";
import { Value } from "./value";

/** Answers for what an expression reads: the stream. Slots are those of the Environment. */
export abstract class Activation {
  /** Fills `out` with the value of the slot; absent when it is not there, an Error when it is there
   * but cannot be had. */
  abstract read(slot: i32, out: Value): void;
  /** Of a slot that is a map read member by member (Kind.Fields): one member. */
  abstract member(slot: i32, key: Span, out: Value): void;
  /** The same as a whole: a Map in `arena`; false without memory. */
  abstract whole(slot: i32, out: Value, arena: Arena): bool;
  /** Fills `n` bytes with what nobody can foresee; false where there is no such source. */
  abstract random(at: usize, n: i32): bool;
}

export let heap: Arena = changetype<Arena>(0);
export let activation: Activation | null = null;

export function enter(newHeap: Arena, newActivation: Activation | null): void {
  heap = newHeap;
  activation = newActivation;
}

/** For building text; used by one function at a time. */
export const buffer = Writer.create();
