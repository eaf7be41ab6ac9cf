// Fields as values of expressions: a map of the first value of each name, a list of all values of one
// name, and a map of such lists.

import { Arena } from "../bytes/arena";
import * as ascii from "../bytes/ascii";
import { equal, length, Span, sliceUnchecked } from "../bytes/span";
import { chargeBytes, doubt, Failure, Kind, Value } from "../cel/index";
import {
  countOf,
  find,
  insert,
  OPEN_TO_LISTS,
  push,
  startList,
  startMap,
  valueOf,
} from "../cel/value";
import { FieldList, MISSING } from "../http/field-list";
import { closesQuotes, isSingleton, memberEnd } from "../http/list-field";
import { FILE } from "../http/multipart";

const key = Value.create();

/** The fields as a map in `out`; of several with one name the first counts, as when one is asked for.
 * With `isStrict`, a name with different values has none that could be read. */
export function mapOf(list: FieldList, isStrict: bool, out: Value, arena: Arena): bool {
  if (!startMap(out, list.count, arena)) return false;
  for (let i = 0; i < list.count; i++) {
    if (list.name(i) == FILE) continue;
    key.set(Kind.String, list.name(i));
    const place = insert(out, key);
    if (place != null) place.setText(list.value(i));
    else if (isStrict) join(valueOf(out, find(out, key)), list.value(i));
  }
  return true;
}

function join(first: Value, other: Span): void {
  if (first.kind == Kind.String && !equal(first.bits, other) && doubt())
    first.setFailure(Failure.SeveralValues);
}

/** All values of the name as a list in `out`, empty when there are none; false without memory.
 * `splits`: with the members of list-valued fields apart. */
export function listOf(list: FieldList, name: Span, splits: bool, out: Value, arena: Arena): bool {
  const isSplit = splits && !isSingleton(name);
  let n = 0;
  for (let i = list.find(name); i != MISSING; i = list.find(name, i + 1))
    n += isSplit ? membersOf(list.value(i), null) : 1;
  if (n == 0) {
    out.setNoValues();
    return true;
  }
  if (!startList(out, n, arena)) return false;
  for (let i = list.find(name); i != MISSING; i = list.find(name, i + 1)) {
    if (isSplit) membersOf(list.value(i), out);
    else push(out).setText(list.value(i));
  }
  return true;
}

/** All fields as a map of lists; false without memory. */
export function mapOfLists(list: FieldList, splits: bool, out: Value, arena: Arena): bool {
  if (!startMap(out, list.count, arena)) return false;
  for (let i = 0; i < list.count; i++) {
    if (list.name(i) == FILE) continue;
    const lists = listFor(out, list.name(i));
    lists.bits += splits && !isSingleton(list.name(i)) ? membersOf(list.value(i), null) : 1;
  }
  for (let i = 0, n = countOf(out); i < n; i++) {
    const lists = valueOf(out, i);
    if (!startList(lists, lists.bits as i32, arena)) return false;
  }
  for (let i = 0; i < list.count; i++) {
    if (list.name(i) == FILE) continue;
    const lists = listFor(out, list.name(i));
    if (splits && !isSingleton(list.name(i))) membersOf(list.value(i), lists);
    else push(lists).setText(list.value(i));
  }
  out.aux = OPEN_TO_LISTS;
  return true;
}

/** The value of the name in the map; a new one counts to 0. */
function listFor(map: Value, name: Span): Value {
  key.set(Kind.String, name);
  const place = insert(map, key);
  if (place == null) return valueOf(map, find(map, key));
  place.setInt(0);
  return place;
}

/** How many members the value has; with `list`, they are added to it. Empty ones are none. */
function membersOf(value: Span, list: Value | null): i32 {
  chargeBytes(length(value));
  const quotes = closesQuotes(value);
  let count = 0;
  for (let from = 0, n = length(value); from <= n; ) {
    const to = memberEnd(value, from, quotes);
    const member = ascii.trim(sliceUnchecked(value, from, to));
    from = to + 1;
    if (length(member) == 0) continue;
    count++;
    if (list != null) push(list).setText(member);
  }
  return count;
}
