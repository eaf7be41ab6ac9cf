// The children of a tape's containers by name or number. A container is looked through once, when the
// first child is asked for: references that lead into one container cost as much as it and they are long.

import { Arena } from "../bytes/arena";
import { toString } from "../bytes/text";
import { spend } from "../bytes/work";
import { NO_NODE, Tape } from "./tape";

/** Names with escapes while they are read. */
const names = Arena.create();

@final
export class Places {
  private readonly members: Map<i32, Map<string, i32>> = new Map();
  private readonly elements: Map<i32, i32[]> = new Map();

  constructor(private readonly tape: Tape) {}

  /** The value of the last member of that name, or NO_NODE. */
  member(object: i32, name: string): i32 {
    if (!this.members.has(object)) this.members.set(object, this.membersOf(object));
    const members = this.members.get(object);
    return members.has(name) ? members.get(name) : NO_NODE;
  }

  private membersOf(object: i32): Map<string, i32> {
    const tape = this.tape;
    const members = new Map<string, i32>();
    const stop = tape.after(object);
    for (let key = tape.firstChild(object); key < stop; key = tape.after(key + 1)) {
      spend(1);
      members.set(toString(tape.text(key, names)), key + 1);
    }
    names.reset();
    return members;
  }

  /** The element at that index, or NO_NODE. */
  element(array: i32, index: i32): i32 {
    if (!this.elements.has(array)) this.elements.set(array, this.elementsOf(array));
    const elements = this.elements.get(array);
    return index < elements.length ? elements[index] : NO_NODE;
  }

  private elementsOf(array: i32): i32[] {
    const tape = this.tape;
    const elements: i32[] = [];
    const stop = tape.after(array);
    for (let child = tape.firstChild(array); child < stop; child = tape.after(child)) {
      spend(1);
      elements.push(child);
    }
    return elements;
  }
}
