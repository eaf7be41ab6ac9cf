// settings.holdHeaders: true on a host that does not hold headers: nobody waits for ever, guards stay shut, and
// one line says what to do. On a host that holds them, how long a client takes decides nothing.

import { expect, test } from "vitest";
import { LogLevel } from "../../host/index.ts";
import { Filter } from "../filter/run.ts";
import { describeWire, type Engine, get, sized } from "./wire.ts";

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
rules:
  - match: { path: /guard }
    request: [ { respond: { status: 403 }, when: "request.json.admin == true" } ]
  - match: { path: /edit }
    response: [ { respond: { status: 500 }, when: "response.json.bad == true" } ]
`;

const post = (body: string) =>
  get("/guard", ["content-type: application/json"], { method: "POST", body });
const notHeld = (engine: Engine) =>
  engine
    .log()
    .split("\n")
    .filter((line) => line.includes("holdHeaders"));

describeWire(
  "a host that does not hold headers",
  RULES,
  { holdsHeaders: false, upstream: { "/": sized('{"bad":true}') } },
  (engine) => {
    test("answers 503, then at once, and says so once", async () => {
      const first = await engine().ask([post('{"admin":true}')], ["POST"], 15_000);
      expect(first.answers.map(({ status }) => status)).toEqual([503]);
      for (const body of ['{"admin":false}', "{}"]) {
        const { answers } = await engine().ask([post(body)], ["POST"], 2000);
        expect(answers.map(({ status }) => status)).toEqual([503]);
      }
      const response = await engine().ask([get("/edit")], ["GET"], 2000);
      expect(response.answers.map(({ status }) => status)).toEqual([503]);
      expect(engine().upstream.seen.map(({ line }) => line)).toEqual(["GET /edit HTTP/1.1"]);
      expect(notHeld(engine())).toHaveLength(1);
      const bare = await engine().ask([get("/guard")]);
      expect(bare.answers.map(({ status }) => status)).toEqual([200]);
    }, 30_000);
  },
);

describeWire(
  "a response first, on a host that does not hold headers",
  RULES,
  { holdsHeaders: false, upstream: { "/": sized('{"bad":true}') } },
  (engine) => {
    test("answers 503", async () => {
      const { answers } = await engine().ask([get("/edit")], ["GET"], 15_000);
      expect(answers.map(({ status }) => status)).toEqual([503]);
      expect(notHeld(engine())).toHaveLength(1);
    }, 30_000);
  },
);

const REQUEST: Array<[string, string]> = [
  [":method", "POST"],
  [":path", "/guard"],
  [":authority", "shop.test"],
  ["content-type", "application/json"],
];
const settings = { holdHeaders: true };
const guard = { respond: { status: 403 }, when: "request.json.admin == true" };
const rules = { ruleway: 1, settings, rules: [{ request: [guard] }] };

function filterThat(holds: boolean): Filter {
  const filter = new Filter({ allowOnHeadersStopIteration: holds, logLevel: LogLevel.Info });
  if (!filter.configure(rules)) throw new Error(filter.errors.join("\n"));
  return filter;
}

test.each([true, false])("a client that is slow is waited for (host that holds: %s)", (holds) => {
  const filter = filterThat(holds);
  const stream = filter.open();
  stream.stream.requestHeaders(REQUEST, false);
  filter.clock.advance(3_600_000);
  expect(stream.response).toBeUndefined();
  expect(filter.log.join()).not.toContain("holdHeaders");
});

test("everybody who waits is answered, and counted", () => {
  const filter = filterThat(false);
  const streams = Array.from({ length: 20 }, () => filter.open());
  for (const { stream } of streams) {
    stream.requestHeaders(structuredClone(REQUEST), false);
    stream.requestData(new TextEncoder().encode("{}"), true);
  }
  const gone = streams.splice(3, 5);
  for (const { stream } of gone) stream.close();
  filter.clock.advance(4_000);
  for (const { response } of streams) expect(response?.[0]).toEqual([":status", "503"]);
  expect(filter.metrics["ruleway.refused.headers_not_held"]).toBe(15);
  expect(filter.log.filter((line) => line.includes("holdHeaders"))).toHaveLength(1);
});

test("a host that has come to hold is found out", () => {
  const filter = filterThat(false);
  const ask = () => {
    const each = filter.open();
    each.stream.requestHeaders(structuredClone(REQUEST), false);
    each.stream.requestData(new TextEncoder().encode("{}"), true);
    return each;
  };
  ask();
  filter.clock.advance(4_000);
  expect(ask().response?.[0]).toEqual([":status", "503"]);
  filter.plugin.options.allowOnHeadersStopIteration = true;
  filter.clock.advance(30_000);
  expect(ask().upstreamEnded).toBe(true);
  expect(ask().upstreamEnded).toBe(true);
});
