// The `_rules_` envelope as Higress's SDK reads it, and inheritance.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

const tag = (value: string) => [{ request: [{ headers: { add: { tag: value } } }] }];

function tagsOf(filter: Filter, host: string, info = {}): string[] {
  return filter.open(info).request({ ":authority": host }).sent("tag");
}

test("the first entry that matches applies, else the global rules", () => {
  const filter = new Filter();
  const isAccepted = filter.configure({
    ruleway: 1,
    rules: tag("global"),
    _rules_: [
      { _match_route_: ["r1"], rules: tag("route") },
      { _match_route_: "r2", _match_service_: "a.static:80", rules: tag("route and service") },
      { _match_domain_: ["*.example.com"], rules: tag("wildcard") },
      { _match_domain_: ["api.example.com", "pre.*"], rules: tag("domain") },
      { _match_service_: ["b.dns"], rules: tag("service") },
      { _match_route_prefix_: "ns/", rules: tag("prefix") },
    ],
  });
  expect(isAccepted).toBe(true);
  const route = (name: string, cluster = "outbound|80||x.dns") => ({
    "xds.route_name": name,
    "xds.cluster_name": cluster,
  });
  expect(tagsOf(filter, "other.org", route("r1"))).toEqual(["route"]);
  expect(tagsOf(filter, "other.org", route("r2"))).toEqual(["global"]);
  expect(tagsOf(filter, "other.org", route("r2", "outbound|80||a.static"))).toEqual([
    "route and service",
  ]);
  expect(tagsOf(filter, "api.example.com:8080", route("x"))).toEqual(["wildcard"]);
  expect(tagsOf(filter, "PRE.local", route("x"))).toEqual(["domain"]);
  expect(tagsOf(filter, "example.com", route("x"))).toEqual(["global"]);
  expect(tagsOf(filter, "o", route("x", "outbound|8080|v1|b.dns"))).toEqual(["service"]);
  expect(tagsOf(filter, "o", route("ns/orders"))).toEqual(["prefix"]);
});

test("older hosts know route and cluster by other names", () => {
  const filter = new Filter();
  filter.configure({ ruleway: 1, _rules_: [{ _match_route_: "r", rules: tag("old") }] });
  expect(tagsOf(filter, "a", { route_name: "r" })).toEqual(["old"]);
});

test("domains can be asked for by how specific they are", () => {
  const filter = new Filter();
  filter.configure({
    ruleway: 1,
    settings: { domains: "mostSpecific" },
    _rules_: [
      { _match_domain_: "*", rules: tag("all") },
      { _match_domain_: "*.example.com", rules: tag("wildcard") },
      { _match_domain_: "api.example.com", rules: tag("exact") },
    ],
  });
  expect(tagsOf(filter, "api.example.com")).toEqual(["exact"]);
  expect(tagsOf(filter, "www.example.com")).toEqual(["wildcard"]);
  expect(tagsOf(filter, "other.org")).toEqual(["all"]);
});

test("an entry inherits constants, services, limits and settings, and rules if it says so", () => {
  const filter = new Filter();
  filter.configure({
    ruleway: 1,
    vars: { a: "global a", b: "global b" },
    limits: { requestBody: 5 },
    rules: tag("global"),
    _rules_: [
      {
        _match_domain_: "one",
        vars: { b: "own b" },
        inherit: true,
        rules: tag("$(vars.a), $(vars.b)"),
      },
      { _match_domain_: "two", limits: { requestBody: 10 }, rules: tag("two") },
    ],
  });
  expect(tagsOf(filter, "one")).toEqual(["global", "global a, own b"]);
  const body = (host: string, text: string) =>
    filter.open().request({ ":authority": host, "content-length": `${text.length}` }, text).status;
  expect(body("one", "123456")).toBe("413");
  expect(body("two", "123456")).toBeUndefined();
  expect(body("two", "12345678901")).toBe("413");
});

test("an entry without a match key is an error, and with skip costs only itself", () => {
  const strict = new Filter();
  expect(strict.configure({ ruleway: 1, _rules_: [{ rules: tag("x") }] })).toBe(false);
  expect(strict.errors[0]).toContain("an entry needs at least one of _match_route_");
  const filter = new Filter();
  const settings = { onInvalidRule: "skip" };
  const entries = [{ rules: tag("x") }, { _match_domain_: "a", rules: tag("a") }];
  expect(filter.configure({ ruleway: 1, settings, _rules_: entries })).toBe(true);
  expect(tagsOf(filter, "a")).toEqual(["a"]);
});
