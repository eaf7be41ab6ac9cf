// A service whose cluster the host lacks: the rule's policy holds, and one line a minute names the cluster.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

test("a cluster that the host lacks is named once a minute", () => {
  const filter = new Filter({ hasCluster: (name) => name !== "gone" });
  const services = { a: { cluster: "gone" }, b: { cluster: "gone" }, c: { cluster: "there" } };
  const rules = ["a", "b", "c"].map((service) => ({
    match: { path: `/${service}` },
    request: [{ authorize: { service } }],
  }));
  expect(filter.configure({ ruleway: 1, services, rules }), filter.errors.join()).toBe(true);
  const warnings = () => filter.log.filter((line) => line.includes("the cluster gone"));
  const ask = (path: string) => filter.open().request({ ":path": path });
  for (let i = 0; i < 5; i++) {
    expect(ask("/a").status).toBe("403");
    expect(ask("/b").status).toBe("403");
    ask("/c");
  }
  expect(warnings()).toHaveLength(1);
  filter.clock.advance(59_000);
  ask("/a");
  expect(warnings()).toHaveLength(1);
  filter.clock.advance(1_000);
  ask("/b");
  ask("/a");
  expect(warnings()).toHaveLength(2);
  expect(filter.log.join("\n")).not.toContain("the cluster there");
});
