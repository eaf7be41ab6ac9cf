// One HTTP callout in the making. Nothing of it outlives the host call that sends it.

import * as host from "../abi/host";
import * as ascii from "../bytes/ascii";
import { NONE, Span } from "../bytes/span";
import { FieldList } from "../http/field-list";
import * as query from "../http/query";
import * as field from "./field-names";
import { Service } from "./service";

/** Instead of a token: the method or the path could not be made, or would be unsafe. */
export const UNASKABLE: i32 = host.NO_CALL - 1;

const request = new host.PairsBuilder();

/** Sends the callout; its token, UNASKABLE, or host.NO_CALL when the host refuses: unknown cluster, bad
 * headers. `method` or `path` may be NONE, which is UNASKABLE. It belongs to the effective context: the
 * host drops it when that goes. */
export function send(
  service: Service,
  method: Span,
  path: Span,
  fields: FieldList,
  body: Span,
  timeoutMs: i32,
): i32 {
  if (method == NONE || path == NONE) return UNASKABLE;
  // What a template made must not end the request line of the callout.
  if (!ascii.isToken(method) || !query.isTarget(path)) return UNASKABLE;
  request.begin();
  request.add(field.method, method);
  request.add(field.path, path);
  request.add(field.authority, service.authority);
  for (let i = 0; i < fields.count; i++) request.add(fields.name(i), fields.value(i));
  const pairs = request.end();
  if (pairs == NONE || fields.failed) return host.NO_CALL;
  const bytes = body == NONE ? host.EMPTY : body;
  const token = host.httpCall(service.cluster, pairs, bytes, timeoutMs);
  if (token == host.NO_CALL) service.warnOfCluster();
  return token;
}
