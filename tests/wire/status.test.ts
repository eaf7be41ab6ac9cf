// What expressions read as the status is the same in each host, whatever an edit made of it.

import { expect, test } from "vitest";
import { describeWire, get, sized } from "./wire.ts";

const RULES = `
ruleway: 1
rules:
  - name: edited
    match: { path: /edited }
    response:
      - headers: { set: { x-before: "$(response.code)" } }
      - status: 418
      - headers: { set: { x-after: "$(response.code + 1)" } }
      - respond: { status: 500 }
        when: response.code != 418
    done: [ { log: "done edited $(response.code)" } ]
  - name: answered
    match: { path: /answered }
    response: [ { respond: { status: 451, text: "was $(response.code)" } } ]
    done: [ { log: "done answered $(response.code)" } ]
  - name: refused
    match: { path: /refused }
    request: [ { respond: { status: 403 } } ]
    done: [ { log: "done refused $(response.code)" } ]
`;

const upstream = { "/": sized("no", { status: "404 Not Found" }) };

describeWire("response.code", RULES, { upstream }, (engine) => {
  const ask = async (path: string) => (await engine().ask([get(path)])).answers[0]!;
  const value = (headers: Array<[string, string]>, name: string) =>
    headers.find(([each]) => each === name)?.[1];

  test("follows an edit of the status", async () => {
    const { status, headers } = await ask("/edited");
    expect([status, value(headers, "x-before"), value(headers, "x-after")]).toEqual([
      418,
      "404",
      "419",
    ]);
  });

  test("of what is answered instead", async () => {
    expect((await ask("/answered")).body.toString()).toBe("was 404");
    expect((await ask("/refused")).status).toBe(403);
    await expect.poll(() => engine().log()).toContain("done refused 403");
    await expect.poll(() => engine().log()).toContain("done answered 451");
    await expect.poll(() => engine().log()).toContain("done edited 418");
  });
});
