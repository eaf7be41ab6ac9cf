// Patterns over texts that are for ever about to match: whether a search comes to its end or is cut, what it
// guards is shut, and what it hides is hidden.

import { expect, test } from "vitest";
import { valuesOf } from "./message.ts";
import { describeWire, get, sized } from "./wire.ts";

const upstream = () => sized("ok", { type: "text/plain" });

const PATTERN = "sk[^>]{0,300}live[^>]{0,300}end";
/** Longer than any budget, with the match at its very end. */
const flood = (size: number, words = ["sk", "x", "li", "en", "live"]) => {
  let random = 1;
  let out = "";
  while (out.length < size) {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    out += words[(random >>> 16) % words.length];
  }
  return out;
};
const SECRET = "sk-live-1234-end";
const matching = (size: number) => `${flood(size)}>${SECRET}`;

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
redact: { keys: { patterns: ["${PATTERN}"] } }
rules:
  - match: { path: "/when/**" }
    limits: { requestBody: 2MiB }
    request: [ { respond: { status: 403 }, when: "request.body.matches('${PATTERN}')" } ]
  - match: { path: "/unless/**" }
    limits: { requestBody: 2MiB }
    request: [ { respond: { status: 403 }, when: "!request.body.matches('${PATTERN}')" } ]
  - match: { path: { regex: "^/path.*${PATTERN}" } }
    request: [ { respond: { status: 403 } } ]
  - match: { path: "/not-path", not: { query: { q: { regex: "${PATTERN}" } } } }
    request: [ { respond: { status: 403 } } ]
  - match: { path: "/mask/**" }
    request: [ { body: { replace: [ { regex: "${PATTERN}", with: "***" } ] } } ]
  - match: { path: "/header/**" }
    request: [ { headers: { replace: { x-a: { regex: "${PATTERN}", with: "***" } } } } ]
  - match: { path: "/log/**" }
    request: [ { log: { text: "told $(request.headers['x-a'])", redact: keys } } ]
`;

describeWire("patterns that are for ever about to match", RULES, { upstream }, (engine) => {
  const post = async (path: string, body: string) => {
    engine().upstream.seen = [];
    const { answers } = await engine().ask(
      [get(path, [], { method: "POST", body })],
      ["POST"],
      20_000,
    );
    return { status: answers[0]?.status, received: engine().upstream.seen[0] };
  };

  test("what matches is refused, and what does not is refused where it has to match", async () => {
    expect((await post("/when", matching(1_000_000))).status).toBe(403);
    expect((await post("/when", SECRET)).status).toBe(403);
    expect((await post("/when", "none")).status).toBe(200);
    expect((await post("/unless", flood(1_000_000))).status).toBe(403);
    expect((await post("/unless", SECRET)).status).toBe(200);
  });

  test("a path, a parameter, a header", async () => {
    const long = 30_000;
    const ask = async (target: string, lines: string[] = []) => {
      engine().upstream.seen = [];
      const { answers } = await engine().ask([get(target, lines)], ["GET"], 20_000);
      return { status: answers[0]?.status, received: engine().upstream.seen[0] };
    };
    const path = await ask(`/path/${matching(long).replaceAll(">", "!")}`);
    expect(path.status).not.toBe(200);
    const query = await ask(`/not-path?q=${flood(long)}`);
    expect(query.status).not.toBe(200);
    const header = await ask("/header", [`x-a: ${matching(long)}`]);
    if (header.received) expect(valuesOf(header.received, "x-a")[0]).not.toContain(SECRET);
    expect((await ask("/log", [`x-a: ${matching(long)}`])).status).toBeDefined();
    const told = engine().log().split("told ").slice(1);
    expect(told.filter((each) => each.includes(SECRET)).length).toBe(0);
  });

  test("a mask in a body", async () => {
    const { received } = await post("/mask", matching(300_000));
    if (received) expect(received.body.toString("latin1")).not.toContain(SECRET);
    const short = await post("/mask", `a ${SECRET} b`);
    expect(short.received!.body.toString("latin1")).toBe("a *** b");
  });
});
