// Which rules and entries a request gets, beside a slow and obvious scan.

import { expect, test } from "vitest";
import { compile } from "../../compiler/index.ts";
import { Random } from "../fuzz/fuzz.ts";
import { randomMatch, randomRequest } from "../random-rules.ts";
import { domainMatches, matches, type Request } from "../reference/match.ts";
import { seed } from "../seed.ts";
import { Filter } from "./run.ts";

type Tree = Record<string, unknown>;

/** A rule that leaves a mark with its number and its captures. */
function marking(match: Tree, i: number, final: boolean): Tree {
  const paths = match["path"];
  const isTemplate = typeof paths === "string" || Array.isArray(paths);
  const names = isTemplate
    ? [...JSON.stringify(paths).matchAll(/\{(\w+)/g)].map(([, n]) => n!)
    : [];
  const marks = [...new Set(names)].sort().map((each) => `${i}.${each}=$(params.${each})`);
  return {
    match,
    ...(final && { final }),
    request: [
      {
        headers: { add: { "x-rule": String(i), ...(marks.length > 0 && { "x-capture": marks }) } },
      },
    ],
  };
}

function ask(filter: Filter, { headers, info }: Request): { rules: string[]; captures: string[] } {
  const stream = filter.open(info);
  stream.stream.requestHeaders(
    headers.map(([name, value]) => [name, value]),
    true,
  );
  const rules = stream.sent("x-rule");
  const captures = stream.sent("x-capture");
  stream.close();
  return { rules, captures };
}

function expected(rules: Tree[], request: Request): { rules: string[]; captures: string[] } {
  const result = { rules: [] as string[], captures: [] as string[] };
  for (const [i, rule] of rules.entries()) {
    const captures = matches(rule["match"] as Tree, request);
    if (!captures) continue;
    result.rules.push(String(i));
    for (const name of Object.keys(captures).sort()) {
      result.captures.push(`${i}.${name}=${captures[name]}`);
    }
    if (rule["final"]) break;
  }
  return result;
}

test("random rules and requests: the same rules, order and captures as a scan", () => {
  console.log(`choosing: seed ${seed} (FC_SEED=${seed} repeats it)`);
  let chosen = 0;
  for (let round = 0; round < 150; round++) {
    const random = new Random((seed + round * 7919) >>> 0);
    const size = random.of([1, 3, 4, 5, 6, 20, 63, 64, 65, 200]);
    const rules = Array.from({ length: size }, (_, i) =>
      marking(randomMatch(random), i, random.chance(2)),
    );
    const filter = new Filter({ trace: () => {} });
    expect(filter.configure({ ruleway: 1, rules }), filter.errors.join("\n")).toBe(true);
    for (let n = 0; n < 40; n++) {
      const request = randomRequest(random);
      const wanted = expected(rules, request);
      chosen += wanted.rules.length;
      const got = ask(filter, request);
      const wrong = rules.findIndex(
        (_, i) => wanted.rules.includes(String(i)) !== got.rules.includes(String(i)),
      );
      const about = `round ${round}: ${JSON.stringify({ request, rule: rules[wrong] })}`;
      expect(got, about).toEqual(wanted);
    }
    expect(filter.traps).toEqual([]);
  }
  // The vocabulary is small enough for rules and requests to meet.
  expect(chosen).toBeGreaterThan(10_000);
});

test("random entries of the envelope: the same one as a scan, in order and by how specific", () => {
  console.log(`choosing: seed ${seed} (FC_SEED=${seed} repeats it)`);
  const domains = [
    "a.b",
    "*.b",
    "*",
    "a.*",
    "*b",
    "a*",
    "api.a.b",
    "*.a.b",
    "B.A",
    "api.a.*",
    "www",
  ];
  const routes = ["r", "r1", "ns/r", "ns/r1"];
  const services = ["a.dns", "a.dns:80", "b", "b:80"];
  const rank = (pattern: string) =>
    pattern.startsWith("*")
      ? 0x20000000 + pattern.length - 1
      : pattern.endsWith("*")
        ? pattern.length - 1
        : 0x40000000 + pattern.length;
  for (let round = 0; round < 150; round++) {
    const random = new Random((seed + round * 104729) >>> 0);
    const isSpecific = random.chance(50);
    const entries = Array.from({ length: random.of([1, 4, 5, 30, 100]) }, (_, i) => {
      const entry: Tree = { rules: [marking({}, i, false)] };
      const add = (key: string, values: string[]) => {
        entry[key] = Array.from({ length: 1 + random.below(2) }, () => random.of(values));
      };
      const kind = random.of(["domain", "domain", "route", "both", "service", "prefix"]);
      if (kind === "domain") add("_match_domain_", domains);
      if (kind === "route" || kind === "both") add("_match_route_", routes);
      if (kind === "service" || kind === "both") add("_match_service_", services);
      if (kind === "prefix") add("_match_route_prefix_", ["ns/", "r", "ns/r1"]);
      return entry;
    });
    const filter = new Filter({ trace: () => {} });
    const settings = { domains: isSpecific ? "mostSpecific" : "inOrder" };
    const rules = [{ request: [{ headers: { add: { "x-rule": "global" } } }] }];
    expect(filter.configure({ ruleway: 1, settings, rules, _rules_: entries })).toBe(true);
    for (let n = 0; n < 30; n++) {
      const request = randomRequest(random);
      const host = request.headers[0]![1].toLowerCase().replace(/^(\[.*\]|[^:[]*)(:\d+)?$/, "$1");
      let wanted = "global";
      let best = -1;
      for (const [i, entry] of entries.entries()) {
        const patterns = entry["_match_domain_"] as string[] | undefined;
        const match: Tree = {};
        if (entry["_match_route_"]) match["route"] = entry["_match_route_"];
        if (entry["_match_service_"]) match["service"] = entry["_match_service_"];
        if (entry["_match_route_prefix_"]) match["routePrefix"] = entry["_match_route_prefix_"];
        const found = patterns?.filter((each) => domainMatches(each, host));
        if (found ? found.length === 0 : !matches(match, request)) continue;
        const own = found && isSpecific ? Math.max(...found.map(rank)) : -1;
        if (wanted !== "global" && own <= best) continue;
        wanted = String(i);
        best = own;
        if (!isSpecific || !found) break;
      }
      expect(ask(filter, request).rules, `round ${round}: ${JSON.stringify(request)}`).toEqual([
        wanted,
      ]);
    }
  }
});

test("a rule that the compiler says never applies is never chosen", () => {
  console.log(`choosing: seed ${seed} (FC_SEED=${seed} repeats it)`);
  const found = { W505: 0, W506: 0 };
  for (let round = 0; round < 60; round++) {
    const random = new Random((seed + round * 6151) >>> 0);
    const rules = Array.from({ length: 60 }, (_, i) => {
      // Two matches that must both hold contradict each other often.
      const match = random.chance(25)
        ? { all: [randomMatch(random, false), randomMatch(random, false)] }
        : randomMatch(random);
      return marking(match, i, random.chance(15));
    });
    const text = JSON.stringify({ ruleway: 1, rules });
    const { diagnostics, json } = compile(text, { target: "json" });
    const never = new Map<string, string>();
    for (const { code, message, pointer } of diagnostics) {
      if (code !== "W505" && code !== "W506") continue;
      never.set(pointer!.split("/")[2]!, message);
      found[code]++;
    }
    if (never.size === 0) continue;
    const filter = new Filter({ trace: () => {} });
    expect(filter.configure(json)).toBe(true);
    for (let n = 0; n < 100; n++) {
      const request = randomRequest(random);
      for (const rule of ask(filter, request).rules) {
        const about = { request, rule: rules[Number(rule)], message: never.get(rule) };
        expect(never.has(rule), `round ${round}: ${JSON.stringify(about)}`).toBe(false);
      }
    }
    // Alone, so that no final rule keeps a contradiction from being seen.
    const alone = new Filter({ trace: () => {} });
    const contradicted = diagnostics.flatMap(({ code, pointer }) =>
      code === "W506" ? [rules[Number(pointer!.split("/")[2])]!] : [],
    );
    const free = contradicted.map(({ match, request }) => ({ match, request }));
    expect(alone.configure({ ruleway: 1, rules: free })).toBe(true);
    for (let n = 0; n < 100; n++) {
      const request = randomRequest(random);
      expect(ask(alone, request).rules, `round ${round}: ${JSON.stringify(request)}`).toEqual([]);
    }
  }
  expect(found.W505).toBeGreaterThan(50);
  expect(found.W506).toBeGreaterThan(50);
});
