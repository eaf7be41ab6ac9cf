// The VM's memory is one budget: proxies end a VM that wants more than 1 GiB, with all its streams, and the embedded
// host does too. Configurations that take too much are refused, and what one takes is not there for bodies.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

const MiB = 1024 * 1024;
const END = 1024 * MiB;

/** Rules with patterns of some 2 MiB each while they are compiled. */
const patterns = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    match: { path: { regex: `\\pL{20}${i}` } },
    request: [{ stop: true }],
  }));

const HEAD: Array<[string, string]> = [
  [":method", "POST"],
  [":path", "/"],
  [":authority", "a.example"],
  [":scheme", "http"],
];

const size = (filter: Filter) =>
  (filter.plugin["vm"]["exports"] as unknown as { memory: WebAssembly.Memory }).memory.buffer
    .byteLength;

test("a configuration that takes too much is refused where it goes over, and the one before stays", () => {
  const filter = new Filter();
  const answer = (text: string) => [{ request: [{ respond: { status: 200, text } }] }];
  expect(filter.configure({ ruleway: 1, rules: answer("before") })).toBe(true);
  expect(filter.configure({ ruleway: 1, rules: patterns(2000) })).toBe(false);
  expect(filter.errors).toEqual([expect.stringMatching(/^R325 "\/rules\/\d+": .*512 MiB/)]);
  expect(filter.traps).toEqual([]);
  expect(size(filter)).toBeLessThan(END);
  expect(filter.open().request({}).responseBody).toBe("before");
  // And again and again: nothing of those that were refused stays.
  for (let i = 0; i < 3; i++) filter.configure({ ruleway: 1, rules: patterns(2000) });
  expect(filter.traps).toEqual([]);
  expect(filter.configure({ ruleway: 1, rules: answer("after") })).toBe(true);
  expect(filter.open().request({}).responseBody).toBe("after");
}, 120_000);

test("one rule with too many patterns is refused at one of them", () => {
  const filter = new Filter();
  const any = patterns(600).map(({ match }) => match);
  const rules = [{ match: { any }, request: [{ stop: true }] }];
  expect(filter.configure({ ruleway: 1, rules })).toBe(false);
  expect(filter.errors[0]).toMatch(/"\/rules\/0\/match\/any\/\d+\/path\/regex".* memory/);
  expect(filter.traps).toEqual([]);
}, 60_000);

test("bodies have what the configurations leave", () => {
  const filter = new Filter({ allowOnHeadersStopIteration: true });
  const hold = {
    limits: { requestBody: "64MiB" },
    request: [{ respond: { status: 403 }, when: "request.body == 'x'" }],
  };
  const rules = [...patterns(150), hold];
  const settings = { holdHeaders: true };
  expect(filter.configure({ ruleway: 1, settings, rules })).toBe(true);
  // A second one, while a stream of the first goes on.
  const old = filter.open();
  old.stream.requestHeaders(HEAD, false);
  expect(filter.configure({ ruleway: 1, settings, rules: [...rules, ...patterns(1)] })).toBe(true);
  const piece = Buffer.alloc(8 * MiB, "a");
  let refused = 0;
  for (let n = 0; n < 30 && refused === 0; n++) {
    const stream = filter.open();
    stream.stream.requestHeaders(HEAD, false);
    for (let i = 0; i < 6; i++) stream.stream.requestData(piece, false);
    if (stream.status === "503") refused++;
  }
  expect([refused, filter.traps]).toEqual([1, []]);
  expect(size(filter)).toBeLessThanOrEqual(END);
}, 120_000);
