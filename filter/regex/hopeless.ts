// What keeps an iteration over all matches linear. A pattern such as `a.*x|a` finds `a` at once but
// must look for an `x` that would be preferred, perhaps to the end of the text and in vain, and again
// from the next `a`. So the automaton leaves marks on its way after a match: at this place, in this
// state. When it gets no further the marks are kept; a later search of the same iteration that comes
// to one of them in that state knows its end and stops.
//
// A search leaves BASE marks at places that are multiples of NEAR, then as many at multiples of
// BASE * NEAR, and so on. Between two marks of an earlier search the next one therefore finds none at
// first but leaves finer ones, as a number counts its digits: all searches together look at each byte
// log(distance) times, base 8, which is at most 7 in 10 MB, for each state that the automaton has on
// such ways. Marks are lost when patterns have more than some 200 such states; only speed is at stake.

import { NONE, Span } from "../bytes/span";

const BASE: i32 = 8;
const MARKS: i32 = BASE * 8; // of one search: up to 16 * 8^7 bytes
const NEAR: i32 = 16; // bytes between the first ones; a power of two
const WAYS: i32 = 4;
const SETS: i32 = 2048;

/** What to expect from a mark on. */
export const enum Outcome {
  Unknown = 0,
  /** No match ends behind it; the threads die or the text ends. */
  Nothing = 1,
  /** No match ends behind it, but threads are alive where the text stops for now. */
  Alive = 2,
}

// The kept marks: place, and state with its outcome in the low bits.
const places: StaticArray<i32> = new StaticArray<i32>(SETS * WAYS);
const states: StaticArray<u32> = new StaticArray<u32>(SETS * WAYS);
let any: bool = false;
let subject: Span = NONE;
/** Whether a search of an iteration is under way: marks mean something. */
export let active: bool = false;

// The marks of the search at hand.
const placesNow: StaticArray<i32> = new StaticArray<i32>(MARKS);
const statesNow: StaticArray<u32> = new StaticArray<u32>(MARKS);
let count: i32 = 0;
let gap: i32 = NEAR;

/** A search of the iteration over all matches in `text` begins; with `anew`, its first. */
export function enter(text: Span, anew: bool): void {
  if (anew || text != subject) forget();
  subject = text;
  active = true;
}

/** It is over: searches that are no part of an iteration neither leave marks nor heed them. */
export function leave(): void {
  active = false;
}

/** Forgets all marks: the states they name are gone. */
export function forget(): void {
  count = 0;
  gap = NEAR;
  if (!any) return;
  any = false;
  memory.fill(changetype<usize>(states), 0, SETS * WAYS * sizeof<u32>());
}

/** A match ended at `at`: where the search should ask next. */
export function matched(at: i32): i32 {
  count = 0;
  gap = NEAR;
  return (at | (NEAR - 1)) + 1;
}

/** Where the search should ask after `ask` at `at`. */
export function next(at: i32): i32 {
  return (at | (gap - 1)) + 1;
}

function setOf(at: i32, state: u32): i32 {
  const hash = ((at as u32) * 0x9e3779b1) ^ (state * 0x85ebca6b);
  return ((hash ^ (hash >> 15)) & (SETS - 1)) * WAYS;
}

/** What is known from `at` in `state` on; if nothing is, leaves a mark. States are multiples of 8;
 * `kind` tells apart searches that end differently. */
export function ask(at: i32, state: u32, kind: u32): Outcome {
  const set = setOf(at, state);
  for (let i = set; i < set + WAYS; i++) {
    const known = unchecked(states[i]);
    if ((known & ~3) == (state | kind) && unchecked(places[i]) == at) {
      return (known & 3) as Outcome;
    }
  }
  if (count == MARKS) return Outcome.Unknown;
  unchecked((placesNow[count] = at));
  unchecked((statesNow[count++] = state | kind));
  if (count % BASE == 0) gap *= BASE;
  return Outcome.Unknown;
}

/** The search that left the marks found no further match. */
export function settle(outcome: Outcome): void {
  for (let i = 0; i < count; i++) keep(unchecked(placesNow[i]), unchecked(statesNow[i]), outcome);
  count = 0;
}

// Of a full set the first mark in the text goes: it is the one that is passed soonest.
function keep(at: i32, state: u32, outcome: Outcome): void {
  any = true;
  const set = setOf(at, state & ~7);
  let slot = set;
  for (let i = set; i < set + WAYS; i++) {
    if (unchecked(states[i]) == 0) {
      slot = i;
      break;
    }
    if (unchecked(places[i]) < unchecked(places[slot])) slot = i;
  }
  unchecked((places[slot] = at));
  unchecked((states[slot] = state | outcome));
}
