// What `set` and its like leave behind: values keep the type they are written with, the maps they are
// written as have no order, and what nobody knows shuts guards.

import fc from "fast-check";
import { expect, test } from "vitest";
import { seeded } from "../seed.ts";
import { Filter, type Stream } from "./run.ts";

const services = { s: { cluster: "s" } };

function configured(rules: object[]): Filter {
  const made = new Filter();
  const accepted = made.configure({ ruleway: 1, services, settings: { holdHeaders: true }, rules });
  expect([accepted, made.errors]).toEqual([true, []]);
  return made;
}

const ask = (steps: object[], headers: Record<string, string> = {}, ...body: string[]): Stream =>
  configured([{ request: steps }])
    .open()
    .request(headers, ...body);

const guard = (when: string) => ({ respond: { status: 403 }, when });

// ---- what is not known

const BAD = '{"kind":"delete",}';
const JSON_TYPE = { "content-type": "application/json" };
const LARGE = `$(lists.range(40000).map(i, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'))`;

const UNKNOWN: Record<string, object[]> = {
  "a template that fails": [{ set: { v: "$(request.json.kind)" } }],
  "a text with one that fails": [{ set: { v: "a $(request.json.kind) b" } }],
  "a list with one that fails": [{ set: { v: ["$(request.json.kind)"] } }],
  "one of several": [{ set: { w: 1, v: "$(int('x'))", u: 2 } }],
  "a value that is too large": [{ set: { v: LARGE } }],
  "a step whose condition fails": [{ set: { v: "x" }, when: "request.json.kind == 'x'" }],
  "a step whose condition fails, over an older value": [
    { set: { v: "before" } },
    { set: { v: "x" }, when: "request.json.kind == 'x'" },
  ],
  "another such variable": [
    { set: { w: "$(request.json.kind)" } },
    { set: { v: "$(default(ctx.w, 'none'))" } },
  ],
  "another such variable, in a text": [
    { set: { w: "$(request.json.kind)" } },
    { set: { v: "a$(ctx.w)" } },
  ],
  "a condition on such a variable": [
    { set: { w: "$(request.json.kind)" } },
    { set: { v: "x" }, when: "ctx.w == 'delete'" },
  ],
  "a condition on such a variable that holds": [
    { set: { w: "$(request.json.kind)" } },
    { set: { v: "x" }, when: "ctx.w != 'delete'" },
  ],
};

const GUARDS: Record<string, object> = {
  "a respond": { request: [guard("ctx.v == 'delete'")] },
  "the rule of a respond": { when: "ctx.v == 'delete'", request: [{ respond: { status: 403 } }] },
  "an edit that denies": {
    request: [{ headers: { set: { "x-a": "1" } }, when: "ctx.v == 'delete'", onError: "deny" }],
  },
  "the rule of an edit that denies": {
    when: "ctx.v == 'delete'",
    request: [{ headers: { set: { "x-a": "1" } }, onError: "deny" }],
  },
  "a way past a respond": {
    request: [{ stop: true, when: "ctx.v != 'delete'" }, { respond: { status: 403 } }],
  },
};

test.each(
  Object.keys(UNKNOWN).flatMap((how) => Object.keys(GUARDS).map((who) => [how, who] as const)),
)("left unknown by %s: it shuts %s", (how, who) => {
  const f = configured([{ request: UNKNOWN[how] }, GUARDS[who]!]);
  const s = f.open().request(JSON_TYPE, BAD);
  expect([s.status, s.upstream]).toEqual(["403", undefined]);
});

test("a rule whose condition fails, or stands on what is not known, leaves what it sets unknown", () => {
  const guards = { request: [guard("ctx.v == 'x'")] };
  for (const rules of [
    [{ when: "request.json.kind == 'x'", request: [{ set: { v: "x" } }] }],
    [
      { request: [{ set: { w: "$(request.json.kind)" } }] },
      { when: "ctx.w == 'delete'", request: [{ set: { v: "x" } }] },
    ],
  ]) {
    const s = configured([...rules, guards])
      .open()
      .request(JSON_TYPE, BAD);
    expect([s.status, s.upstream]).toEqual(["403", undefined]);
  }
});

test("what is set again is known again; what is null was known all along", () => {
  const known = [{ set: { v: "$(request.json.kind)" } }, { set: { v: "x" } }];
  expect(ask([...known, guard("ctx.v == 'y'")], JSON_TYPE, BAD).upstream).toBeDefined();
  expect(
    ask([{ set: { v: "$(request.headers.a)" } }, guard("ctx.v == 'y'")]).upstream,
  ).toBeDefined();
  const never = [{ set: { v: "x" }, when: "false" }, guard("ctx.v == 'x'")];
  expect(ask(never).upstream).toBeDefined();
  // Whoever decides without it need not know it.
  const decided = [{ set: { v: "$(int('x'))" } }, guard("request.path == '/no' && ctx.v == 'y'")];
  expect(ask(decided).upstream).toBeDefined();
});

test("edits read null where nothing is known, and say so in what they do about it", () => {
  const s = ask(
    [
      { set: { v: "$(request.json.kind)" } },
      { headers: { set: { "x-a": "$(ctx.v)", "x-b": "$(default(ctx.v, 'none'))" } } },
    ],
    JSON_TYPE,
    BAD,
  );
  expect([s.sent("x-a"), s.sent("x-b")]).toEqual([[], ["none"]]);
  const denied = ask([{ set: { v: "$(request.json.kind)" }, onError: "deny" }], JSON_TYPE, BAD);
  expect(denied.status).toBe("403");
});

// What is said several times is one thing for one reader and another for the next: so is what comes of it.
test.each([
  ["a variable made of it", [{ request: [{ set: { v: "$(request.query_params.role)" } }] }]],
  [
    "a variable made of that",
    [
      { request: [{ set: { w: "is $(request.query_params.role)" } }] },
      { request: [{ set: { v: "admin" }, when: "ctx.w == 'is admin'" }] },
    ],
  ],
  [
    "a variable set by a rule for it",
    [{ match: { query: { role: "admin" } }, request: [{ set: { v: "admin" } }] }],
  ],
  [
    "a variable set by a rule with a condition on it",
    [{ when: "request.query_params.role == 'admin'", request: [{ set: { v: "admin" } }] }],
  ],
])("%s shuts guards", (_how, rules) => {
  const f = configured([...rules, { request: [guard("ctx.v == 'admin'")] }]);
  const ask = (query: string) => f.open().request({ ":path": `/?${query}` });
  for (const query of ["role=user&role=admin", "role=admin&role=user"]) {
    const s = ask(query);
    expect([query, s.status, s.upstream]).toEqual([query, "403", undefined]);
  }
  expect(ask("role=admin").status).toBe("403");
  expect(ask("role=user").upstream).toBeDefined();
  expect(ask("role=user&role=user").upstream).toBeDefined();
});

test("a rule that stops keeps guards only from messages that it is for as everybody reads them", () => {
  const f = configured([
    { match: { query: { role: "admin" } }, request: [{ stop: true }] },
    { request: [{ headers: { set: { "x-after": "1" } } }, { respond: { status: 403 } }] },
  ]);
  const ask = (query: string) => f.open().request({ ":path": `/?${query}` });
  expect(ask("role=admin").upstream).toBeDefined();
  expect(ask("role=admin&role=admin").upstream).toBeDefined();
  for (const query of ["role=user&role=admin", "role=admin&role=user", "role=user"])
    expect([query, ask(query).status]).toEqual([query, "403"]);
});

// ---- types

const TYPED: Array<[value: unknown, type: string]> = [
  [true, "bool"],
  [false, "bool"],
  [0, "int"],
  [42, "int"],
  [-7, "int"],
  [1.5, "double"],
  [9007199254740993n.toString(), "string"],
  ["true", "string"],
  ["42", "string"],
  ["", "string"],
  [null, "null_type"],
  [[], "list"],
  [[1, "a", [true], { b: null }], "list"],
  [{}, "map"],
  [{ a: { b: [1] } }, "map"],
];

test.each(TYPED)("set and store keep %j, which is %s", (value, type) => {
  const f = configured([
    {
      request: [
        { set: { v: value } },
        ...(type === "map" ? [] : [{ store: { s: value } }]),
        { store: { t: { value } } },
        {
          headers: {
            set: {
              "x-type": `$(string(type(ctx.v) == ${type}))`,
              "x-set": "$(json.encode(ctx.v))",
              ...(type === "map" ? {} : { "x-short": "$(json.encode(store.s))" }),
              "x-long": "$(json.encode(store.t))",
            },
          },
        },
      ],
    },
  ]);
  const s = f.open().request();
  const text = JSON.stringify(value);
  const compact = (name: string) => s.sent(name).map((each) => each.replaceAll(" ", ""));
  expect(s.sent("x-type")).toEqual(["true"]);
  expect(compact("x-set")).toEqual([text]);
  if (type !== "map") expect(compact("x-short")).toEqual([text]);
  expect(compact("x-long")).toEqual([text]);
});

test("templates inside of a list or map are values too; null takes a stored value away", () => {
  const s = ask(
    [
      { set: { v: { ids: ["$(request.headers.a)", "$(1 + 1)", "x$(3)"], ok: true } } },
      { set: { w: "$(ctx.v.ids[1] + 40)", ok: "$(ctx.v.ok && !('n' in ctx.v))" } },
      { store: { s: 1 } },
      { set: { before: "$(store.s)" } },
      { store: { s: null } },
      { headers: { set: { "x-v": "$(json.encode(ctx.v))", "x-w": "$(ctx.w)/$(ctx.ok)" } } },
      { headers: { set: { "x-s": "$(ctx.before) $(store.s == null)" } } },
    ],
    { a: "A" },
  );
  expect(s.sent("x-v")).toEqual(['{"ids":["A",2,"x3"],"ok":true}']);
  expect([s.sent("x-w"), s.sent("x-s")]).toEqual([["42/true"], ["1 true"]]);
});

// ---- maps have no order

const NAMES = ["a", "b", "c", "d"];
type Kind = "set" | "store" | "headers" | "attributes" | "query" | "cookies";

/** How the kind's own values are read. */
const READ: Record<Kind, (name: string) => string> = {
  set: (name) => `ctx.${name}`,
  store: (name) => `store.${name}`,
  headers: (name) => `request.headers['x-${name}']`,
  attributes: (name) => `filter_state['${name}']`,
  query: (name) => `request.query_params.${name}`,
  cookies: (name) => `request.cookies.${name}`,
};

const STEP: Record<Kind, (verb: string, map: Array<[string, string]>) => object> = {
  set: (_verb, map) => ({ set: Object.fromEntries(map) }),
  store: (_verb, map) => ({ store: Object.fromEntries(map) }),
  headers: (verb, map) => ({
    headers: { [verb]: Object.fromEntries(map.map(([name, value]) => [`x-${name}`, value])) },
  }),
  attributes: (_verb, map) => ({ attributes: { filterState: Object.fromEntries(map) } }),
  query: (verb, map) => ({ query: { [verb]: Object.fromEntries(map) } }),
  cookies: (verb, map) => ({ cookies: { [verb]: Object.fromEntries(map) } }),
};

const verbs = (kind: Kind) =>
  ({
    headers: ["set", "add", "default"],
    query: ["set", "add", "default"],
    cookies: ["set", "default"],
  })[kind as string] ?? ["set"];

/** What is there after the step, one value a name. */
function outcome(kind: Kind, verb: string, map: Array<[string, string]>): string[] {
  const initial = kind === "attributes" || kind === "store" || kind === "set";
  const s = ask(
    [
      ...(initial
        ? [
            STEP[kind](
              "set",
              NAMES.map((name) => [name, `${name}0`] as [string, string]),
            ),
          ]
        : []),
      STEP[kind](verb, map),
      {
        headers: {
          set: { "x-all": NAMES.map((name) => `$(default(${READ[kind](name)}, '-'))`).join(" ") },
        },
      },
    ],
    {
      ":path": "/?a=a0&b=b0",
      cookie: "a=a0; b=b0",
      "x-a": "a0",
      "x-b": "b0",
    },
  );
  const lines = NAMES.flatMap((name) => s.sent(`x-${name}`).map((value) => `${name}=${value}`));
  const path = s.sent(":path")[0]!.split("?")[1]!.split("&").sort();
  return [...s.sent("x-all"), ...lines, ...path, ...s.sent("cookie")[0]!.split("; ").sort()];
}

test.each(Object.keys(READ) as Kind[])("%s: any order of the same map is the same", (kind) => {
  const value = fc
    .constantFrom(...NAMES)
    .chain((name) =>
      fc.constantFrom(`$(${READ[kind](name)})`, `[$(default(${READ[kind](name)}, 'none'))]`, "new"),
    );
  fc.assert(
    fc.property(
      fc.constantFrom(...verbs(kind)),
      fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), value), {
        minLength: 2,
        selector: ([name]) => name,
      }),
      (verb, map) => {
        const straight = outcome(kind, verb, map);
        expect(outcome(kind, verb, [...map].reverse())).toEqual(straight);
      },
    ),
    seeded(25),
  );
});

test("what a step reads is what was there before it", () => {
  const swap = ask(
    [
      { set: { a: "A", b: "B" } },
      { set: { a: "$(ctx.b)", b: "$(ctx.a)" } },
      { headers: { set: { "x-1": "$(ctx.a)$(ctx.b)" } } },
      {
        headers: {
          set: { "x-p": "$(request.headers['x-q'])", "x-q": "$(request.headers['x-p'])" },
        },
      },
      {
        headers: {
          set: { "x-p": "n" },
          add: { "x-r": "$(request.headers['x-p'])" },
          append: { "x-q": "$(request.headers['x-p'])" },
          default: { "x-new": "$(request.headers['x-p'])" },
          remove: ["x-gone"],
        },
      },
    ],
    { "x-p": "p", "x-q": "q", "x-gone": "1" },
  );
  expect(swap.sent("x-1")).toEqual(["BA"]);
  expect([swap.sent("x-p"), swap.sent("x-q")]).toEqual([["n"], ["p, q"]]);
  expect([swap.sent("x-r"), swap.sent("x-new"), swap.sent("x-gone")]).toEqual([["q"], ["q"], []]);
});

test("a default that is not wanted is not computed", () => {
  const rule = [{ headers: { default: { "x-n": "$(int(request.headers.n))" } }, onError: "deny" }];
  expect(ask(rule, { n: "x", "x-n": "there" }).sent("x-n")).toEqual(["there"]);
  expect(ask(rule, { n: "x" }).status).toBe("403");
  expect(ask(rule, { n: "07" }).sent("x-n")).toEqual(["7"]);
});
