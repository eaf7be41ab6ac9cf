// What a limit does to a response: refused where its length tells, broken off where it is found out on the way,
// and never taken for a whole one.

import { expect, test } from "vitest";
import { chunked, describeWire, get, sized } from "./wire.ts";

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
rules:
  - { match: { path: /limits }, limits: { responseBody: 8 } }
  - { match: { path: /limit }, response: [ { limit: { body: 8, respond: { status: 507, text: large } } } ] }
  - { match: { path: /held }, limits: { responseBody: 8 }, response: [ { body: { json: { set: { /a: 1 } }, onError: deny } } ] }
`;

describeWire("limits of responses", RULES, {}, (engine) => {
  const ask = async (path: string, answer: ReturnType<typeof sized>) => {
    engine().upstream.script = { "/": answer };
    return await engine().ask([get(path)]);
  };

  test.each([
    ["/limits", 502],
    ["/limit", 507],
    ["/held", 502],
  ])("one whose length says so is answered: %s", async (path, status) => {
    const { answers, stray } = await ask(path, sized("123456789"));
    expect([answers[0]?.status, stray.toString()]).toEqual([status, ""]);
  });

  test("one in chunks, too, while its headers are held", async () => {
    const { answers, stray } = await ask("/held", chunked(["12345", "6789"]));
    expect([answers[0]?.status, stray.toString()]).toEqual([502, ""]);
  });

  test.each(["/limits", "/limit"])("%s: one in chunks is broken off", async (path) => {
    const { answers, problem } = await ask(path, chunked(["12345", "6789", "more"]));
    expect([answers, problem]).toEqual([[], "the connection ended"]);
  });

  test.each(["/limits", "/limit"])("%s: one that just fits goes through", async (path) => {
    const { answers } = await ask(path, chunked(["12345", "678"]));
    expect(answers[0]?.body.toString()).toBe("12345678");
  });
});
