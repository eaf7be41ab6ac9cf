// Whether a request says something twice: a header in two lines, a cookie, a parameter of the query. Who
// names one of them by its name reads the first, while others read the last or all.

import { scratch } from "../abi/memory";
import { equal, indexOfByte, NONE, Span } from "../bytes/span";
import * as cookies from "../http/cookie";
import { FieldList, MISSING } from "../http/field-list";
import * as query from "../http/query";
import { anyMatches, Glob } from "../rules/glob";
import * as field from "../stream/field-names";
import { HeaderMap, isPseudo } from "../stream/header-map";

/** Of more names it is not looked for: they are taken for repeated. */
const MOST_NAMES: i32 = 64;

const list = new FieldList(scratch);

/** Of the headers, those that `names` are about. */
export function repeats(request: HeaderMap, names: StaticArray<Glob>): bool {
  request.ensureLoaded();
  return repeatsHeader(request, names) || repeatsParameter(request.first(field.path));
}

function repeatsHeader(request: HeaderMap, names: StaticArray<Glob>): bool {
  for (let i = 0; i < request.count; i++) {
    const name = request.name(i);
    if (isPseudo(name) || !anyMatches(names, name)) continue;
    if (i >= MOST_NAMES || request.find(name, i + 1) != MISSING) return true;
    if (equal(name, field.cookie) && repeatsCookie(request.value(i))) return true;
  }
  return false;
}

function repeatsParameter(target: Span): bool {
  if (target == NONE || indexOfByte(target, 0x26) < 0) return false;
  query.parse(query.queryOf(target), list, scratch);
  return hasTwins();
}

function repeatsCookie(line: Span): bool {
  if (indexOfByte(line, 0x3b) < 0) return false;
  list.clear(scratch);
  cookies.parse(line, list);
  return hasTwins();
}

/** Whether two of the list have one name. */
function hasTwins(): bool {
  if (list.failed || list.count > MOST_NAMES) return true;
  for (let i = 0; i < list.count; i++) {
    if (list.find(list.name(i), i + 1) != MISSING) return true;
  }
  return false;
}
