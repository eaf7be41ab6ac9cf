import { expect, test } from "vitest";
import { stringify } from "yaml";
import { connectionManagers } from "./envoy-config.ts";
import { compile } from "./index.ts";
import { envoyBootstrap, envoyFilter } from "./targets/envoy.ts";

const RULES = { ruleway: 1, rules: [{ request: [{ rateLimit: { limit: "1/s" } }] }] };

const filterOf = (rules: object, name: string) =>
  envoyFilter(rules, { wasmPath: "ruleway.wasm", name });
/** The filter as control planes write it: of a type that is told inside. */
function typedStruct(filter: object): object {
  const { name, typed_config: typed } = filter as { name: string; typed_config: object };
  return {
    name,
    typedConfig: { "@type": "type.googleapis.com/xds.type.v3.TypedStruct", value: typed },
  };
}

function codes(filters: object[]): string[] {
  const bootstrap = envoyBootstrap({
    ...{ adminPort: 1, listenPort: 2, rules: RULES, wasmPath: "ruleway.wasm" },
    ...{ upstream: "http://127.0.0.1:3", filters },
  });
  return [JSON.stringify(bootstrap), stringify(bootstrap)].flatMap((text) => {
    const managers = connectionManagers(text, "envoy.yaml");
    const { diagnostics } = compile(stringify(RULES), { target: "envoy", managers });
    return diagnostics.map(({ code }) => code).filter((code) => code === "W524");
  });
}

const ours = filterOf(RULES, "a");
const other = filterOf({ ruleway: 1, rules: [] }, "b");
const foreign = {
  name: "x",
  typed_config: { config: { name: "x", configuration: { value: "{}" } } },
};

test.each<[string, object[]]>([
  ["the same filter", [ours, ours]],
  ["under another name", [ours, other, filterOf(RULES, "c")]],
  ["one of them in a TypedStruct", [ours, typedStruct(ours)]],
])("twice in one chain: %s", (_what, filters) => {
  expect(codes(filters)).toEqual(["W524", "W524"]);
});

test.each<[string, object[]]>([
  ["once", [ours]],
  ["with other rules", [ours, other]],
  ["others' filters twice", [ours, foreign, foreign, { name: "y" }]],
])("not twice: %s", (_what, filters) => {
  expect(codes(filters)).toEqual([]);
});
