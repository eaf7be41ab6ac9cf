// What a console pastes: the rule file as it stands, read as YAML 1.1 and handed to the filter for Higress as
// JSON, without `compile`. What `check --target higress` accepts, that filter accepts too, and as the same.

import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { root } from "../../compiler/assets.ts";
import { readText } from "../../compiler/files.ts";
import { compile } from "../../compiler/index.ts";
import { Filter } from "./run.ts";

const filesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml") && !name.endsWith(".test.yaml"))
    .map((name) => relative(root, join(root, folder, name)));

const examples = filesIn("examples");
const others = [...filesIn("tests/cases/diagnostics"), ...filesIn("tests/cases/plan")];

const asPasted = (text: string): string => JSON.stringify(parse(text, { version: "1.1" }));

function load(json: string): Filter | string[] {
  const filter = new Filter({}, "ruleway-higress.wasm");
  return filter.configure(json) ? filter : filter.log;
}

describe.each(examples)("%s", (name) => {
  const text = readText(join(root, name));

  test("says the same in YAML 1.1 and is accepted as it stands", () => {
    expect(JSON.parse(asPasted(text))).toEqual(JSON.parse(JSON.stringify(parse(text))));
    expect(load(asPasted(text))).toBeInstanceOf(Filter);
  });
});

test("what is accepted for Higress is accepted as it stands", () => {
  const accepted = others.filter((name) => {
    const compiled = compile(readText(join(root, name)), { target: "higress" });
    // That a word is something else in YAML 1.1 is said.
    return compiled.rules && !compiled.diagnostics.some(({ code }) => code === "W530");
  });
  expect(accepted.length).toBeGreaterThan(10);
  for (const name of accepted) {
    const loaded = load(asPasted(readText(join(root, name))));
    expect(loaded instanceof Filter ? [] : loaded, name).toEqual([]);
  }
});

const guard = { when: "request.json.admin == true", respond: { status: 403 } };
const REQUEST: Array<[string, string]> = [
  [":method", "POST"],
  [":path", "/"],
  [":authority", "shop.test"],
  ["content-type", "application/json"],
];

test("its host holds headers and is told to keep the route, without being set", () => {
  const filter = load(
    JSON.stringify({ ruleway: 1, rules: [{ request: [guard, { headers: { set: { a: "1" } } }] }] }),
  );
  if (!(filter instanceof Filter)) throw new Error(filter.join("\n"));
  const { stream, response, upstream } = filter.open();
  stream.requestHeaders(REQUEST, false);
  expect([response, upstream]).toEqual([undefined, undefined]);
  expect(filter.trace.join("\n")).not.toContain("clear_route_cache");
  stream.requestData(new TextEncoder().encode("{}"), true);
  expect(filter.trace.join("\n")).toContain("clear_route_cache");
});

test.each([{ holdHeaders: false }, { holdHeaders: true, host: "envoy" }])(
  "what is set counts: %j",
  (settings) => {
    const filter = load(JSON.stringify({ ruleway: 1, settings, rules: [{ request: [guard] }] }));
    expect(filter instanceof Filter).toBe(settings.holdHeaders);
  },
);
