// What a document defines by name for its rules: redact sets, and the constants of `vars` and `tables`.
// These are made values when a rule first names one, and shared by all that name it, so that many rules
// may read one large table.

import { scratch } from "../abi/memory";
import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { toString } from "../bytes/text";
import { enter } from "../cel/context";
import { Failure, Kind, refill, settleAll, Value } from "../cel/index";
import * as types from "../cel/types";
import { Type } from "../cel/types";
import { deepCopy, openMaps, VALUE_SIZE } from "../cel/value";
import { Places } from "../json/places";
import { Kind as JsonKind, NO_NODE, Tape } from "../json/tape";
import { Name, Source } from "../rules/name";
import { RedactSets } from "./redact";

const value = Value.create();

@final
export class Constants {
  /** The objects `vars` and `tables` of the documents, the nearest first. */
  readonly vars: i32[] = [];
  readonly tables: i32[] = [];
  readonly redactSets: RedactSets = new RedactSets();
  private readonly made: Map<i32, usize> = new Map();

  constructor(
    private readonly places: Places,
    private readonly tape: Tape,
    private readonly arena: Arena,
  ) {}

  /** `path` without its first segment is looked for below `vars`; null when it is not there. */
  variable(path: Span[]): Name | null {
    return this.find(this.vars, path);
  }

  /** The table of that name, or null. */
  table(path: Span[]): Name | null {
    return this.find(this.tables, path.slice(0, 2));
  }

  private find(objects: i32[], path: Span[]): Name | null {
    for (let i = 0; i < objects.length; i++) {
      let at = objects[i];
      for (let k = 1; k < path.length && at != NO_NODE; k++) {
        at =
          this.tape.kind(at) == JsonKind.Object
            ? this.places.member(at, toString(path[k]))
            : NO_NODE;
      }
      if (at == NO_NODE) continue;
      const constant = this.literal(at);
      if (constant == 0) return null;
      const name = new Name();
      name.source = Source.Constant;
      name.constant = constant;
      name.type = typeOf(Value.at(constant));
      return name;
    }
    return null;
  }

  /** The address of the node's value; 0 when memory ran out. */
  literal(node: i32): usize {
    if (this.made.has(node)) return this.made.get(node);
    const constant = this.make(node);
    this.made.set(node, constant);
    return constant;
  }

  private make(node: i32): usize {
    // The author's own data: as much as a configuration may hold.
    refill(i32.MAX_VALUE);
    enter(scratch, null);
    value.setJson(this.tape, node, scratch);
    const place = this.arena.allocate(VALUE_SIZE);
    if (place == 0 || settleAll(value) != Failure.None) return 0;
    if (!deepCopy(value, Value.at(place), this.arena)) return 0;
    openMaps(Value.at(place));
    return place;
  }
}

/** What the checker may know of a constant. Lists and maps hold anything. */
function typeOf(value: Value): Type {
  switch (value.kind) {
    case Kind.Bool:
      return types.bool_;
    case Kind.Int:
      return types.int;
    case Kind.Uint:
      return types.uint;
    case Kind.Double:
      return types.double;
    case Kind.String:
      return types.string_;
    case Kind.List:
      return types.list(types.dyn);
    case Kind.Map:
      return types.map(types.string_, types.dyn);
    default:
      return types.dyn;
  }
}
