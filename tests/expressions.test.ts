// docs/reference/expressions.md against the filter: nothing is missing, names have the types and phases
// that it says, and every example has its value.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { filterModule, root } from "../compiler/assets.ts";
import { evaluate } from "../compiler/evaluation/evaluate.ts";
import { Plugin } from "../host/index.ts";
import { type Entry, GROUPS, MACROS, OPERATORS } from "../schema/expressions/functions.ts";
import { EVENT, NAMES, ORIGINAL } from "../schema/expressions/names.ts";
import { filterFunctions } from "../schema/expressions/reference.ts";
import { loadProbe, type Probe } from "./probe.ts";
import { begin, CHECK, compile, evaluate as run } from "./suites/cel.ts";

const source = (path: string) => readFileSync(join(root, path), "utf8");
const entries: Array<[string, Entry]> = [
  ...Object.entries(OPERATORS),
  ...GROUPS.flatMap((group) => Object.entries(group.entries)),
  ...Object.entries(MACROS),
];

describe("functions", () => {
  let probe: Probe;
  beforeAll(async () => {
    probe = await loadProbe("cel");
  });

  test("all that the filter has are described, and no others", () => {
    const inFilter = [...filterFunctions().keys()].filter((name) => name !== "@sortBy");
    const described = [
      ...Object.keys(OPERATORS),
      ...GROUPS.flatMap((group) => Object.keys(group.entries)),
    ];
    expect(inFilter.length).toBeGreaterThan(100);
    expect(described.sort()).toEqual(inFilter.sort());
  });

  test("all macros are described, but for those of test tools", () => {
    const parser = source("filter/cel/parser.ts");
    const names = [...parser.matchAll(/\bname == "(\w+)"/g)].map(([, name]) => name!);
    const own = new Set(names.filter((each) => !/^(block|index|iterVar|accuVar)$/.test(each)));
    expect(own.size).toBeGreaterThan(10);
    expect(Object.keys(MACROS).sort()).toEqual([...own].sort());
  });

  const value = (text: string) => {
    begin(probe, { flags: CHECK });
    expect(compile(probe, text)).toBe("");
    return run(probe);
  };

  test.each(entries)("%s: the example has the value", (name, [what, example, expected]) => {
    expect(what).toMatch(/^[\s\S]+\.$/);
    const called = name.replace(/^.*\.|:2$/g, "");
    if (/^\w+$/.test(called)) expect(example).toMatch(new RegExp(`\\b${called}\\(`));
    expect(value(example)).toEqual(value(expected));
    expect(value(example)).toHaveProperty("value");
  });
});

describe("names", () => {
  const PHASES = ["request", "response", "done"] as const;
  const all = new Map([
    ...NAMES,
    ...ORIGINAL.map((each) => [`original.${each}`, NAMES.get(`request.${each}`)!] as const),
  ]);

  /** What the filter says of `text` for each name and phase, by `name phase`. */
  function ask(key: "when" | "log", text: (name: string) => string): Map<string, string> {
    const lines: string[] = [];
    const plugin = new Plugin(filterModule(), { log: (_level, line) => lines.push(line) });
    const asked: string[] = [];
    const rules = [...all.keys()].flatMap((name) =>
      PHASES.map((phase) => {
        asked.push(`${name} ${phase}`);
        const step = key === "when" ? { stop: true, when: text(name) } : { log: text(name) };
        return { match: { path: "/{NAME}" }, [phase]: [step] };
      }),
    );
    // No more than 200 problems are listed at a time.
    const found = new Map<string, string>();
    for (let from = 0; from < rules.length; from += 100) {
      lines.length = 0;
      plugin.configure(
        JSON.stringify({
          ruleway: 1,
          settings: { holdHeaders: true },
          ...{ vars: { NAME: JSON.parse("[]") }, tables: { NAME: { a: 1 } } },
          services: { s: { cluster: "s" } },
          rules: [
            {
              request: [
                { set: { NAME: "$(1)" } },
                { store: { NAME: "$(1)" } },
                { call: { service: "s", as: "NAME" } },
              ],
            },
            ...rules.slice(from, from + 100),
          ],
        }),
      );
      for (const line of lines) {
        const parts = /config error (R\d+) "\/rules\/(\d+)\/[^"]*"(?: \+\d+)?: (.*)$/.exec(line);
        if (!parts) continue; // the sum
        found.set(asked[from + Number(parts[2]) - 1]!, `${parts[1]} ${parts[3]}`);
      }
    }
    return found;
  }

  test("all that the filter has are described, and no others", () => {
    const text = source("filter/rules/name.ts");
    const list = (constant: string) => {
      const [, words] = new RegExp(`^const ${constant} =([^;]*);`, "m").exec(text)!;
      return [...words!.matchAll(/"([^"]*)"/g)].flatMap(([, part]) => part!.trim().split(" "));
    };
    const roots = list("ROOTS");
    const described = [...NAMES.keys()];
    expect(new Set([...described.map((each) => each.split(".")[0]), "original", "event"])).toEqual(
      new Set(roots),
    );
    const members = (rootName: string) =>
      described.flatMap((each) =>
        each.startsWith(`${rootName}.`) ? each.slice(rootName.length + 1) : [],
      );
    expect(EVENT.map(([name]) => name.replace("event.", ""))).toEqual(
      expect.arrayContaining(list("EVENT")),
    );
    expect(EVENT).toHaveLength(list("EVENT").length);
    const certificates = list("CERTIFICATES");
    for (const [rootName, words] of [
      ["request", list("REQUEST")],
      ["response", list("RESPONSE")],
      ["source", list("SOURCE")],
      ["destination", list("SOURCE")],
      ["connection", [...list("CONNECTION"), ...certificates]],
      ["upstream", [...list("UPSTREAM"), ...certificates]],
      ["xds", list("XDS")],
      ["node", list("NODE")],
    ] as const)
      expect([rootName, members(rootName).sort()]).toEqual([rootName, [...words].sort()]);
    for (const constant of ["INTEGERS", "BOOLEANS", "DURATIONS", "TIMESTAMPS"]) {
      for (const name of list(constant)) {
        expect(described).toContain(name);
      }
    }
  });

  test("each is known in its phases, and in no others", () => {
    const refused = ask("log", (name) => `$(${name})`);
    for (const [name, { since }] of all) {
      const first = since.split(" ")[0]!;
      const known = PHASES.filter((phase) =>
        since.endsWith("only")
          ? phase === first
          : PHASES.indexOf(phase) >= PHASES.indexOf(first as "done"),
      );
      const got = PHASES.filter((phase) => !refused.has(`${name} ${phase}`));
      expect([name, got]).toEqual([name, known]);
    }
  });

  /** The word as hands and eyes get it wrong. */
  const misspelt = (word: string) => [
    word.slice(1),
    word.slice(0, -1),
    word[0] + word,
    word + word.at(-1),
    word.slice(0, 1) + word.slice(2),
    word.slice(1, 2) + word.slice(0, 1) + word.slice(2),
    `_${word}`,
    `${word}s`,
    word.toUpperCase(),
    word.slice(Math.floor(word.length / 2)),
  ];

  test("none is known by any other name", () => {
    const every = [...all.keys(), ...EVENT.map(([name]) => name)];
    const known = new Set(every);
    const isName = (text: string) =>
      text.split(".").every((part) => /^[a-zA-Z_]\w*$/.test(part) && !/^(in|var)$/.test(part));
    const wrong = new Set<string>();
    for (const name of every) {
      const parts = name.split(".");
      parts.forEach((part, i) => {
        if (/^(NAME|KEY)$/.test(part)) return;
        for (const other of misspelt(part)) {
          const text = parts.with(i, other).join(".");
          if (isName(text) && !known.has(text)) wrong.add(text);
        }
      });
      // Members of plain values are no names either.
      if (/^(source|destination|connection|upstream)\./.test(name)) wrong.add(`${name}.x.y`);
    }
    expect(wrong.size).toBeGreaterThan(900);
    const passed = new Set(wrong);
    const list = [...wrong];
    const lines: string[] = [];
    const plugin = new Plugin(filterModule(), { log: (_level, line) => lines.push(line) });
    for (let from = 0; from < list.length; from += 100) {
      const some = list.slice(from, from + 100);
      lines.length = 0;
      plugin.configure(
        JSON.stringify({
          ruleway: 1,
          settings: { holdHeaders: true },
          services: { s: { cluster: "s" } },
          ...{ vars: { NAME: 1 }, tables: { NAME: { a: 1 } } },
          rules: some.map((name) => ({
            match: { path: "/{NAME}" },
            request: [
              { set: { NAME: "$(1)" } },
              { store: { NAME: "$(1)" } },
              { call: { service: "s", as: "NAME" } },
            ],
            done: [{ log: `$(${name})` }],
          })),
        }),
      );
      for (const line of lines) {
        const place = /config error (R301|R313) "\/rules\/(\d+)\/done/.exec(line);
        if (place) passed.delete(some[Number(place[2])]!);
      }
    }
    expect([...passed]).toEqual([]);
  });

  test("each has its type", () => {
    const said = ask("when", (name) => `[${name}]`);
    for (const [name, { type, since }] of all) {
      if (name === "vars.NAME" || name === "tables.NAME") continue; // that of the constant
      const shown = said.get(`${name} ${since.split(" ")[0]}`);
      const maps = { map: "map(string, string)", lists: "map(string, list(string))" };
      const wanted = maps[type as "map"] ?? type;
      expect(`${name}: ${shown}`).toBe(
        `${name}: R313 a condition is true or false, but this is list(${wanted})`,
      );
    }
  });
});

describe("what the page says of absent values, failures and templates", () => {
  const request = {
    ctx: { kept: { x: "1" } },
    headers: { "x-user": "Ada@example.com" },
    path: "/?x=1",
    json: { items: [1] },
  };
  test.each([
    ["request.headers['x-user'].split('@')[0].lowerAscii()", '"ada"'],
    ["request.headers['x-missing'].split('@')[0].lowerAscii()", "null"],
    ["request.query_params.x + '!'", '"1!"'],
    ["request.headers.a == 'x'", "false"],
    ["request.headers.a != 'x'", "true"],
    ["request.headers.a == null", "true"],
    ["[has(request.headers.a), 'a' in request.headers]", "[false,false]"],
    ["request.json.user.name", "null"],
    [
      "request.headers.a.startsWith('x') || request.headers.a.matches('') || glob(request.headers.a, '**')",
      "false",
    ],
    ["request.headers.a.lowerAscii().trim().substring(1).indexOf('x')", "null"],
    ["request.headers.a + 'x'", undefined],
    ["request.headers.a < 'x'", undefined],
    ["default(request.headers.a, 'none')", '"none"'],
    ["json.parse('{\"a\": [{}]}').a[0].b.c", "null"],
    ["ctx.kept.x + (ctx.kept.y == null ? '!' : '?')", '"1!"'],
    ["[request.headers, request.json].map(m, m.nothing)", "[null,null]"],
    ["[[request.headers].flatten()[0]].map(m, m == {} || m.nothing == null)", "[true]"],
    ["{'a': 1}[?'b']", "null"],
    ["{'a': 1}['b']", undefined],
    ["request.json.items[9]", "null"],
    ["[1][9]", undefined],
    ["true || int('x') > 1", "true"],
    ["int(request.headers['x-user']) > 1 || request.path == '/?x=1'", "true"],
    ["[1, 'x'].exists(x, int(x) == 1)", "true"],
    ["{?'a': optional.none(), 'b': [?optional.of(1)]}", '{"b":[1]}'],
    ["[0x1f, 1u, r'\\a'] // comment", '[31,1,"\\\\a"]'],
  ])("%s", (text, value) => {
    const { json, diagnostics } = evaluate(text, request);
    expect(json).toBe(value);
    if (value === undefined) expect(diagnostics[0]!.code).toBe("R320");
  });
});

test("the command on the page prints what is printed there", () => {
  const page = source("docs/reference/expressions.md");
  const [, text, shown] = /^\$ npx ruleway eval "(.*)" --request request.yaml\n(.*)$/m.exec(page)!;
  expect(page).toContain("`headers: { x-mail: Ada@example.com }` in `request.yaml`");
  expect(evaluate(text!, { headers: { "x-mail": "Ada@example.com" } }).json).toBe(shown);
});
