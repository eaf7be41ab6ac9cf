// Ten thousand rules of every kind that could be dear: what is chosen is right, nothing traps, and a
// stream's memory is that of the rules it has, not of all.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

const COUNT = 10_000;

type Tree = Record<string, unknown>;

function many(match: (rule: number) => Tree): Filter {
  const filter = new Filter({ trace: () => {} });
  const rules = Array.from({ length: COUNT }, (_, i) => ({
    match: match(i),
    request: [{ headers: { add: { "x-rule": String(i) } } }],
  }));
  expect(filter.configure({ ruleway: 1, rules }), filter.errors.join("\n")).toBe(true);
  return filter;
}

function ask(filter: Filter, headers: Record<string, string>, info = {}): string[] {
  const stream = filter.open(info).request(headers);
  stream.close();
  expect(filter.traps).toEqual([]);
  return stream.sent("x-rule");
}

const all = Array.from({ length: COUNT }, (_, i) => String(i));

test("hosts: exact, suffixes, prefixes", () => {
  const exact = many((i) => ({ host: `h${i}.example.com` }));
  expect(ask(exact, { ":authority": "H77.example.com:8080" })).toEqual(["77"]);
  expect(ask(exact, { ":authority": "h10000.example.com" })).toEqual([]);
  const suffixes = many((i) => ({ host: `*.h${i}.example.com` }));
  expect(ask(suffixes, { ":authority": "a.b.h9999.example.com" })).toEqual(["9999"]);
  expect(ask(suffixes, { ":authority": "h9999.example.com" })).toEqual([]);
  const prefixes = many((i) => ({ host: `h${i}.*` }));
  expect(ask(prefixes, { ":authority": "h12.example.com" })).toEqual(["12"]);
  expect(ask(prefixes, { ":authority": `h12${".a".repeat(30_000)}` })).toEqual(["12"]);
});

test("one host for all, told apart by something else", () => {
  const filter = many((i) => ({ host: "example.com", path: `/v1/${i}/{id}` }));
  expect(ask(filter, { ":path": "/v1/4711/x?y" })).toEqual(["4711"]);
  expect(ask(filter, { ":path": "/v1/10000/x" })).toEqual([]);
});

test("one host for all and nothing else: all of them, in order", () => {
  const filter = many(() => ({ host: "example.com" }));
  expect(ask(filter, {})).toEqual(all);
  expect(ask(filter, { ":authority": "example.org" })).toEqual([]);
});

test("path templates with the same head, and such that branch at every segment", () => {
  const tails = many((i) => ({ path: `/a/{b}/c/{d}/${i}/**` }));
  expect(ask(tails, { ":path": "/a/1/c/2/9998" })).toEqual(["9998"]);
  expect(ask(tails, { ":path": `/a/1/c/2${"/x".repeat(30_000)}` })).toEqual([]);
  // 2^13 ways through a tree of thirteen segments that are `a` or any.
  const branches = many((i) => ({
    path: Array.from({ length: 14 }, (_, bit) => ((i >> bit) & 1 ? "/a" : "/*")).join(""),
  }));
  expect(ask(branches, { ":path": "/a".repeat(14) })).toEqual(all);
  expect(ask(branches, { ":path": "/b".repeat(14) })).toEqual(["0"]);
  expect(ask(branches, { ":path": "/a".repeat(15) })).toEqual([]);
});

test("deep templates: the rest of them is left to the condition", () => {
  const filter = many((i) => ({ path: `${"/s".repeat(40)}/${i}` }));
  expect(ask(filter, { ":path": `${"/s".repeat(40)}/5` })).toEqual(["5"]);
  expect(ask(filter, { ":path": "/s".repeat(30_000) })).toEqual([]);
});

test("headers, cookies, prefixes and addresses", () => {
  const names = many((i) => ({ headers: { [`x-${i}`]: "present" } }));
  expect(ask(names, { "x-5": "", "x-70": "a" }).sort()).toEqual(["5", "70"]);
  const values = many((i) => ({ cookies: { tenant: `t${i}` } }));
  expect(ask(values, { cookie: "a=b; tenant=t4242" })).toEqual(["4242"]);
  const paths = many((i) => ({ path: { prefix: `/p/${i}` } }));
  expect(ask(paths, { ":path": "/p/12/34" })).toEqual(["12"]);
  const blocks = many((i) => ({ source: `10.${i >> 8}.${i & 255}.0/24` }));
  expect(ask(blocks, {}, { "source.address": "10.1.2.3:99" })).toEqual(["258"]);
  expect(ask(blocks, {}, { "source.address": "[::ffff:10.1.2.3]:99" })).toEqual(["258"]);
  expect(ask(blocks, {}, { "source.address": "/run/pipe" })).toEqual([]);
});

test("patterns are looked for together, and right", () => {
  const filter = many((i) => ({ path: { regex: `^/r${i}(/|$)` } }));
  expect(ask(filter, { ":path": "/r500" })).toEqual(["500"]);
});

test("a stream has memory for its own rules, not for all there are", () => {
  const filter = many((i) => ({ host: `h${i}.example.com` }));
  const open = (n: number) =>
    Array.from({ length: n }, (_, i) =>
      filter.open().request({ ":authority": `h${i}.example.com` }),
    );
  const few = open(100);
  const before = filter.plugin.memorySize;
  const more = open(900);
  // A block of an arena each, not the 120 kB that a record for each rule would take.
  expect(filter.plugin.memorySize - before).toBeLessThan(900 * 64 * 1024);
  for (const stream of [...few, ...more]) stream.close();
});
