// What rules say of the VM, the process and the route, in the conventions of Higress.

import { expect, test } from "vitest";
import { Filter } from "./run.ts";

const EDIT = { rules: [{ request: [{ headers: { set: { a: "1" } } }] }] };

/** The properties that were set, in order, with what else the host saw between them. */
const calls = (f: Filter) =>
  f.trace
    .map((line) => line.trim())
    .filter((line) => /proxy_(set_property|replace_header|add_header|call_foreign)/.test(line));

test("a new VM is asked for after so many requests, or with so much memory", () => {
  const f = new Filter();
  f.configure({ ruleway: 1, settings: { rebuild: { afterRequests: 3 } }, ...EDIT });
  for (let i = 0; i < 2; i++) f.open().request();
  expect(calls(f).join()).not.toContain("wasm_need_rebuild");
  f.open().request();
  expect(calls(f).join()).toContain("wasm_need_rebuild");
  const g = new Filter();
  g.configure({ ruleway: 1, settings: { rebuild: { maxMemory: "1GiB" } }, ...EDIT });
  g.open().request();
  expect(calls(g).join()).not.toContain("wasm_need_rebuild");
});

test("a VM that begins with more memory than the limit asks once it has twice that, not for ever", () => {
  const f = new Filter();
  f.configure({
    ...{ ruleway: 1, limits: { requestBody: "100MiB" } },
    settings: { holdHeaders: true, rebuild: { maxMemory: "64KiB" } },
    rules: [{ request: [{ respond: { text: "no" }, when: "request.body == 'no'" }] }],
  });
  const asked = () => calls(f).filter((line) => line.includes("wasm_need_rebuild")).length;
  for (let i = 0; i < 100; i++) f.open().request().close();
  expect(asked()).toBe(0);
  f.open()
    .request({}, new Uint8Array(40 << 20))
    .close();
  f.open().request().close();
  expect(asked()).toBe(1);
});

test("it is asked for once, and again where none came of it", () => {
  const asked = (f: Filter, before: () => void = () => {}) => {
    f.trace.length = 0;
    before();
    f.open().request().close();
    return calls(f).filter((line) => line.includes("wasm_need_rebuild")).length;
  };
  const f = new Filter();
  f.configure({ ruleway: 1, settings: { rebuild: { afterRequests: 3 } }, ...EDIT });
  const nine = Array.from({ length: 9 }, () => asked(f));
  expect(nine).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 1]);
  const g = new Filter();
  g.configure({
    ...{ ruleway: 1, limits: { requestBody: "100MiB" } },
    settings: { holdHeaders: true, rebuild: { maxMemory: "32MiB" } },
    rules: [{ request: [{ respond: { text: "no" }, when: "request.body == 'no'" }] }],
  });
  expect(g.errors).toEqual([]);
  const grow = (size: number) => () => g.open().request({}, new Uint8Array(size)).close();
  expect(asked(g)).toBe(0);
  expect(asked(g, grow(40 << 20))).toBe(1);
  expect([asked(g), asked(g)]).toEqual([0, 0]);
  expect(asked(g, grow(90 << 20))).toBe(1);
  expect(asked(g)).toBe(0);
});

test("with reroute, what has changed a request makes the route be chosen again", () => {
  const edits: [string, object, number][] = [
    ["set", { cookies: { set: { a: "2" } } }, 1],
    ["remove some", { cookies: { remove: ["a"] } }, 1],
    ["remove all", { cookies: { remove: ["*"] } }, 1],
    ["the same", { cookies: { set: { a: "1" } } }, 0],
    ["header", { headers: { set: { a: "1" } } }, 1],
    ["query", { query: { set: { a: "1" } } }, 1],
    ["path", { path: "/new" }, 1],
    ["host", { host: "new.example" }, 1],
    ["method", { method: "PUT" }, 1],
  ];
  for (const [what, step, times] of edits) {
    for (const reroute of [true, false]) {
      const f = new Filter();
      f.configure({ ruleway: 1, settings: { reroute }, rules: [{ request: [step] }] });
      f.open().request({ cookie: "a=1; b=2" });
      const asked = f.trace.filter((line) => line.includes('"clear_route_cache"'));
      expect([what, asked.length]).toEqual([what, reroute ? times : 0]);
    }
  }
});

test("Higress is told to keep the route before the first edit; Envoy needs no telling", () => {
  const f = new Filter();
  f.configure({ ruleway: 1, settings: { host: "higress" }, ...EDIT });
  f.open().request();
  const seen = calls(f);
  const told = seen.findIndex((line) => line.includes("clear_route_cache"));
  const edited = seen.findIndex((line) => /header/.test(line));
  expect(told).toBeGreaterThanOrEqual(0);
  expect(told).toBeLessThan(edited);
  for (const settings of [{}, { host: "higress", reroute: true }]) {
    const g = new Filter();
    g.configure({ ruleway: 1, settings, ...EDIT });
    g.open().request();
    expect(calls(g).filter((line) => line.includes("proxy_set_property"))).toEqual([]);
  }
});

test("a rule or a step may choose the route again where others keep it, and the other way round", () => {
  const chosen: string[] = [];
  const foreign = {
    clear_route_cache: () => {
      chosen.push("again");
      return 0;
    },
  };
  const told = (f: Filter) =>
    calls(f).flatMap((line) => /clear_route_cache.*"(on|off)"/.exec(line)?.[1] ?? []);
  const edit = (name: string, more: object = {}) => ({
    headers: { set: { [name]: "1" } },
    ...more,
  });
  const run = (settings: object, rules: object[]) => {
    chosen.length = 0;
    const f = new Filter({ foreign });
    expect(f.configure({ ruleway: 1, settings, rules })).toBe(true);
    f.open().request();
    return [chosen.length, told(f).join()];
  };
  const one = { request: [edit("x-a"), edit("x-b", { reroute: true }), edit("x-c")] };
  expect(run({}, [one])).toEqual([1, ""]);
  expect(run({ reroute: true }, [one])).toEqual([3, ""]);
  expect(run({ host: "higress" }, [one])).toEqual([1, "off,on,off"]);
  const all = { reroute: true, request: [edit("x-a"), edit("x-b", { reroute: false })] };
  expect(run({}, [all, { request: [edit("x-c")] }])).toEqual([1, ""]);
  expect(run({ host: "higress", reroute: false }, [all])).toEqual([1, "off"]);
  const kept = { reroute: false, request: [edit("x-a")] };
  expect(run({ host: "higress", reroute: true }, [kept, one])).toEqual([3, "off,on"]);
});

test("an edit for the filter's own sake never chooses another route", () => {
  const reads = { response: [{ headers: { set: { x: "$(response.body)" } } }] };
  const f = new Filter();
  f.configure({ ruleway: 1, settings: { host: "higress", holdHeaders: true }, rules: [reads] });
  f.open().request({ range: "bytes=0-1", "accept-encoding": "br" });
  const lines = calls(f);
  const told = lines.findIndex((line) => line.includes("clear_route_cache"));
  const edited = lines.findIndex((line) => /(remove|replace|set)_header_map/.test(line));
  expect(told).toBeGreaterThanOrEqual(0);
  expect(edited).toBeGreaterThan(told);
});

test("requests of a cycle are told to the host at once, and only if they are set", () => {
  const told: number[][] = [];
  const foreign = {
    set_global_max_requests_per_io_cycle: (argument: Uint8Array) => {
      told.push([...argument]);
      return 0;
    },
  };
  const f = new Filter({ foreign });
  f.configure({ ruleway: 1, ...EDIT });
  expect(told).toEqual([]);
  f.configure({ ruleway: 1, settings: { maxRequestsPerIoCycle: 20 }, ...EDIT });
  expect(told).toEqual([[20, 0, 0, 0, 0, 0, 0, 0]]);
  // A host that does not know it is no reason to refuse the rules.
  const g = new Filter();
  expect(g.configure({ ruleway: 1, settings: { maxRequestsPerIoCycle: 20 }, ...EDIT })).toBe(true);
});
