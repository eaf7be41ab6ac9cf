// Trailers on the wire: edited where there are any, whatever was done to the body before them, and told of when
// all is over.

import { expect, test } from "vitest";
import { pause } from "../envoy/envoy.ts";
import { chunked, describeWire, get, sized } from "./wire.ts";

const RULES = `
ruleway: 1
rules:
  - name: of /a
    match: { path: "/a/**" }
    response:
      - set: { word: "$(request.headers['x-word'])" }
      - trailers:
          remove: ["x-secret*"]
          set: { x-sum: "$(response.trailers['x-sum'])/$(ctx.word)/$(response.headers['x-a'])" }
          default: { x-late: "1", x-sum: none }
          add: { x-none: "$(response.trailers['none'])" }
      - trailers: { rename: { x-sum: x-total } }
    done:
      - log: "total=$(response.trailers['x-total']) of $(response.trailers.size())"
  - { match: { path: /a/edited }, response: [ { body: { replace: [ { find: b, with: "*" } ] } } ] }
  - { match: { path: /a/gone }, response: [ { status: 204 } ] }
`;
const TRAILERS = ["x-sum: 7", "x-secret-a: 1", "x-secret-b: 2", "x-twice: 1", "x-twice: 2"];

describeWire("trailers", RULES, {}, (engine) => {
  async function ask(path: string) {
    const lines = ["x-a: A"];
    engine().upstream.script = {
      "/": chunked(["a", "b"], { lines, trailers: TRAILERS }),
      "/a/none": sized("ab", { lines }),
    };
    const asked = await engine().ask([get(path, ["x-word: w"]), get("/b")], ["GET", "GET"]);
    expect([asked.problem, asked.stray.toString()]).toEqual(["", ""]);
    return asked.answers[0]!;
  }

  const edited = [
    ["x-late", "1"],
    ["x-total", "7/w/A"],
    ["x-twice", "1"],
    ["x-twice", "2"],
  ];

  test.each([
    ["/b", "ab", TRAILERS.map((line) => line.split(": ")).sort()],
    ["/a/plain", "ab", edited],
    ["/a/edited", "a*", edited],
    ["/a/none", "ab", []],
    ["/a/gone", "", []],
  ])("of %s", async (path, body, trailers) => {
    const answer = await ask(path);
    expect([answer.body.toString(), [...answer.trailers].sort()]).toEqual([body, trailers]);
  });

  test("are told of when all is over", async () => {
    await ask("/a/plain");
    const line = /total=7\/w\/A of 3/; // of several with one name the first
    for (let i = 0; i < 100 && !line.test(engine().log()); i++) await pause(20);
    expect(engine().log()).toMatch(line);
  });
});
