import { expect, test } from "vitest";
import { expressionsOf, missingFromKey } from "./cache-keys.ts";

const TOKEN = "$(request.headers.authorization)";

test.each([
  [{}, []],
  [{ cache: { ttl: "1s" } }, []],
  [{ cache: { key: TOKEN } }, ["request.path", "cookie"]],
  [{ path: "/check", send: { headers: ["Authorization"] }, cache: { key: TOKEN } }, []],
  [
    { path: "/check", send: { headers: ["authorization"] }, cache: { key: "same for all" } },
    ["authorization"],
  ],
  [
    {
      path: "/check",
      cache: { key: ["$(request.headers['authorization'])", "$(request.cookies.s)"] },
    },
    [],
  ],
  [
    {
      path: "/x$(request.path)",
      method: "$( request.method )",
      send: { headers: "x-*" },
      cache: { key: "$(request.path)" },
    },
    ["request.method", "x-*"],
  ],
  [
    {
      path: "/",
      send: { headers: ["authorization"], set: { a: "$(f(')'))", b: ["1", "$(params.id)"] } },
      cache: { key: "$(f(')'))" },
    },
    ["params.id", "authorization"],
  ],
  [
    {
      path: "/",
      send: { headers: ["authorization"] },
      body: { maxBytes: 1 },
      cache: { key: TOKEN },
    },
    ["the body"],
  ],
  [
    {
      path: "/",
      send: { headers: ["authorization"] },
      body: { maxBytes: 1 },
      cache: { key: ["$(hash.sha256(request.body))", TOKEN] },
    },
    [],
  ],
])("%j leaves out %j", (authorize, missing) => {
  expect(missingFromKey(authorize)).toEqual(missing);
});

test("expressions of a template, whatever is in them", () => {
  expect(expressionsOf("a $(b) $$(c) $(d('(\\')') + \"$(\") $(e")).toEqual([
    "b",
    "d('(\\')') + \"$(\"",
    "e",
  ]);
  expect(expressionsOf(7)).toEqual([]);
});
