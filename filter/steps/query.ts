// `query`: edits of the query parameters. The path is written back only when the query changed.

import { scratch } from "../abi/memory";
import { compare, equal, NONE, Span } from "../bytes/span";
import { copy } from "../bytes/text";
import { Writer } from "../bytes/writer";
import { FieldList } from "../http/field-list";
import { By, ordered } from "../http/field-order";
import * as query from "../http/query";
import { Exchange } from "../stream/exchange";
import * as field from "../stream/field-names";
import { Outcome, Step } from "../stream/program";
import { FieldEdits } from "./field-edits";

const list = new FieldList(scratch);
const sorted = new FieldList(scratch);
const target = Writer.create();

@final
export class QueryStep extends Step {
  constructor(
    private readonly edits: FieldEdits,
    private readonly sort: bool,
  ) {
    super();
  }

  run(x: Exchange): Outcome {
    const before = x.request.get(field.path);
    if (before == NONE) return Outcome.Next;
    const queryBefore = query.queryOf(before);
    query.parseAll(queryBefore, list, x.arena);
    const wasEmpty = !query.hasParameters(list);
    this.edits.run(x, list);
    query.closeGap(list);
    const result = this.sort ? byName(list) : list;
    if (list.failed || result.failed) return Outcome.Next;
    writeTarget(before, result, wasEmpty && queryBefore != NONE);
    const after = target.view();
    if (!target.failed && !equal(after, before)) {
      const kept = copy(after, x.arena);
      if (kept != NONE) x.request.set(field.path, kept);
      x.reroute();
    }
    return Outcome.Next;
  }
}

/** A query that loses its last parameter goes; one that had none stays. */
function writeTarget(before: Span, parameters: FieldList, staysEmpty: bool): void {
  target.reset();
  target.span(query.pathOf(before));
  if (!staysEmpty && !query.hasParameters(parameters)) return;
  target.byte(0x3f);
  query.write(parameters, target);
}

/** The same fields ordered by name; equal names keep their order. Where they were in
 * order, they are as they were. */
function byName(fields: FieldList): FieldList {
  if (isInOrder(fields)) return fields;
  sorted.clear(scratch);
  const order = ordered(fields, By.Name, scratch);
  sorted.failed = order == 0;
  if (order == 0) return sorted;
  for (let i = 0; i < fields.count; i++) {
    const at = load<i32>(order + (i << 2));
    if (query.isGap(fields, at)) continue;
    sorted.push(fields.name(at), fields.value(at), fields.raw(at));
  }
  return sorted;
}

function isInOrder(fields: FieldList): bool {
  let last = NONE;
  for (let i = 0; i < fields.count; i++) {
    if (query.isGap(fields, i)) continue;
    if (last != NONE && compare(last, fields.name(i)) > 0) return false;
    last = fields.name(i);
  }
  return true;
}
