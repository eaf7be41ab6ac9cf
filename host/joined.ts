// Fields that Envoy keeps on one line: a second line of one is joined to the first by a comma as it comes in,
// and as a filter adds it (measured on Envoy 1.40, which has them as members of its header maps).

import type { Headers } from "./headers.ts";

const OF_REQUESTS = new Set([
  ...["accept", "accept-encoding", "access-control-request-headers"],
  ...["access-control-request-method", "authorization", "cache-control", "content-encoding"],
  ...["content-type", "expect", "grpc-accept-encoding", "grpc-timeout", "if-match"],
  ...["if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "origin"],
  ...["pragma", "referer", "user-agent", "via", "x-client-trace-id", "x-envoy-attempt-count"],
  ...["x-envoy-external-address", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port"],
  ...["x-forwarded-proto", "x-request-id"],
]);

const OF_RESPONSES = new Set([
  ...["access-control-allow-credentials", "access-control-allow-headers"],
  ...["access-control-allow-methods", "access-control-allow-origin"],
  ...["access-control-expose-headers", "access-control-max-age", "age", "cache-control"],
  ...["content-encoding", "content-type", "date", "etag", "expires", "grpc-message"],
  ...["grpc-status", "last-modified", "location", "server", "vary", "via"],
  ...["x-envoy-attempt-count", "x-envoy-decorator-operation", "x-envoy-degraded"],
  ...["x-envoy-immediate-health-check-fail", "x-envoy-ratelimited"],
  ...["x-envoy-upstream-service-time", "x-request-id"],
]);

/** Adds a line, or to the line that is there. */
export function addLine(headers: Headers, name: string, value: string, isRequest: boolean): void {
  const isJoined = (isRequest ? OF_REQUESTS : OF_RESPONSES).has(name);
  const first = isJoined ? headers.find(([each]) => each === name) : undefined;
  if (first) first[1] = `${first[1]},${value}`;
  else headers.push([name, value]);
}

/** Makes the map what Envoy has once it is read. */
export function joined(headers: Headers, isRequest: boolean): Headers {
  const result: Headers = [];
  for (const [name, value] of headers) addLine(result, name, value, isRequest);
  headers.splice(0, headers.length, ...result);
  return headers;
}
