// Comparing what happened with what a rule test expects.

import { isDeepStrictEqual } from "node:util";
import type { Headers } from "../../host/index.ts";
import {
  CUSTOM_LOG,
  type ExpectedRequest,
  type ExpectedResponse,
  type RuleTest,
} from "./format.ts";

/** A message as somebody received it. */
export interface Seen {
  headers: Headers;
  body: Uint8Array;
}

/** What happened in a test. */
export interface Outcome {
  /** What the upstream got, or undefined. */
  upstream?: Seen | undefined;
  /** By service. */
  calls: Record<string, Seen[]>;
  /** The same of services that are Redis. */
  commands: Record<string, string[][]>;
  /** What the client got; undefined when the stream was broken off. */
  response?: Seen | undefined;
  log: string[];
  /** What was set in the host; those that are expected, at least. */
  properties: Record<string, string>;
  /** Arguments of the host's functions that are expected to be called, in hexadecimal; undefined where
   * nobody sees them. */
  functions?: Record<string, string[]> | undefined;
  /** By how much the request has changed counters and gauges. */
  metrics: Record<string, number>;
  /** Rules of HTTP that a message broke, such as a content-length that is not the body's. */
  violations: string[];
}

/** Everything in which the outcome is not what the test expects, as readable lines. */
export function compare(test: RuleTest, outcome: Outcome): string[] {
  const problems = [...outcome.violations];
  const { expect } = test;
  if (expect.upstream !== undefined) {
    problems.push(...compareCall("upstream", expect.upstream, outcome.upstream));
  }
  for (const [service, expected] of Object.entries(expect.calls ?? {})) {
    const commands = outcome.commands[service];
    if (commands || (Array.isArray(expected) && Array.isArray(expected[0]))) {
      problems.push(...compareCommands(`calls.${service}`, expected, commands ?? []));
      continue;
    }
    const seen = outcome.calls[service] ?? [];
    if (!isRequests(expected)) {
      problems.push(
        ...compareCall(`calls.${service}`, expected as "none" | ExpectedRequest, seen[0]),
      );
      continue;
    }
    if (expected.length !== seen.length) {
      problems.push(`calls.${service}: expected ${expected.length} requests, got ${seen.length}`);
    }
    expected.slice(0, seen.length).forEach((each, i) => {
      problems.push(...compareCall(`calls.${service}[${i}]`, each, seen[i]));
    });
  }
  if (expect.response) {
    if (outcome.response)
      problems.push(...compareMessage("response", expect.response, outcome.response));
    else problems.push("response: the stream was broken off");
  }
  for (const line of expect.log ?? []) {
    if (outcome.log.some((each) => each.includes(line))) continue;
    problems.push(
      `log: no line has ${JSON.stringify(line)}; there are ${JSON.stringify(outcome.log)}`,
    );
  }
  const { properties, functions } = outcome;
  problems.push(...compareValues("properties", expect.properties, properties));
  if (expect.customLog) {
    const text = properties[CUSTOM_LOG];
    const log = text === undefined ? {} : parse(String(parse(`"${text}"`)));
    if (isTable(log)) problems.push(...compareValues("customLog", expect.customLog, log));
    else problems.push(`customLog: expected an object\n           got      ${show(text)}`);
  }
  for (const [name, wanted] of functions ? Object.entries(expect.functions ?? {}) : []) {
    problems.push(...compareValue(`functions.${name}`, wanted, functions?.[name] ?? []));
  }
  for (const [name, wanted] of Object.entries(expect.metrics ?? {})) {
    const got = outcome.metrics[name] ?? 0;
    if (got !== wanted) problems.push(`metrics.${name}: expected ${wanted}, got ${got}`);
  }
  return problems;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function compareValue(place: string, wanted: unknown, got: unknown): string[] {
  if (isDeepStrictEqual(wanted, got)) return [];
  return [
    `${place}: expected ${show(wanted)}\n${" ".repeat(place.length + 2)}got      ${show(got)}`,
  ];
}

/** Each of the values is as it says, there (`present`) or not (`absent`). */
function compareValues(
  place: string,
  wanted: Record<string, string> = {},
  values: Record<string, unknown>,
): string[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const got = values[name];
    if (value !== "present") {
      return compareValue(`${place}.${name}`, value === "absent" ? undefined : value, got);
    }
    return got === undefined ? [`${place}.${name}: expected it to be present`] : [];
  });
}

/** What has changed between two looks at the metrics. */
export function changes(
  before: Record<string, number>,
  after: Record<string, number>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

function compareCall(
  place: string,
  expected: "none" | ExpectedRequest,
  seen: Seen | undefined,
): string[] {
  if (expected === "none") return seen ? [`${place}: expected no request, got one`] : [];
  if (!seen) return [`${place}: expected a request, got none`];
  return compareMessage(place, expected, seen);
}

type Expected = NonNullable<RuleTest["expect"]["calls"]>[string];

function isRequests(expected: Expected): expected is ExpectedRequest[] {
  return Array.isArray(expected) && !Array.isArray(expected[0]);
}

function compareCommands(place: string, expected: Expected, seen: string[][]): string[] {
  return compareValue(place, expected === "none" ? [] : expected, seen);
}

function compareMessage(
  place: string,
  expected: ExpectedRequest & ExpectedResponse,
  seen: Seen,
): string[] {
  const problems: string[] = [];
  const check = (what: string, wanted: unknown, got: unknown) => {
    if (wanted !== undefined) problems.push(...compareValue(`${place}.${what}`, wanted, got));
  };
  const value = (name: string) => seen.headers.find(([each]) => each === name)?.[1];
  check("method", expected.method, value(":method"));
  check("host", expected.host, value(":authority"));
  check("path", expected.path, value(":path"));
  check("status", expected.status, Number(value(":status")));
  for (const [name, wanted] of Object.entries(expected.headers ?? {})) {
    const got = seen.headers
      .filter(([each]) => each === name.toLowerCase())
      .map(([, each]) => each);
    if (wanted === "absent") check(`headers.${name}`, [], got);
    else if (wanted !== "present") check(`headers.${name}`, [wanted].flat(), got);
    else if (got.length === 0) problems.push(`${place}.headers.${name}: expected it to be present`);
  }
  const text = new TextDecoder().decode(seen.body);
  check("body", expected.body, text);
  if (expected.json !== undefined) check("json", expected.json, parse(text));
  return problems;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return `not JSON: ${text}`;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 500 ? `${text.slice(0, 500)}… (${text.length} characters)` : text;
}

/** A content-length that is not the length of the body is a client that hangs. */
export function framingViolations(place: string, seen: Seen, isHead = false): string[] {
  const declared = seen.headers.find(([name]) => name === "content-length")?.[1];
  if (declared === undefined || isHead || Number(declared) === seen.body.length) return [];
  return [`${place}: content-length says ${declared}, the body has ${seen.body.length} bytes`];
}
