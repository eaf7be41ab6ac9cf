// What gRPC clients get for a refusal: Envoy makes a response of it that has gRPC's status in its headers, and
// one that a rule names itself stays. docs/guide/envoy.md has the table.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../compiler/assets.ts";
import { Filter } from "../filter/run.ts";
import { envoy, request, type Setup, setUp } from "./envoy.ts";

/** gRPC's status for each of HTTP. */
const STATUS: Record<number, number> = {
  ...{ 400: 13, 401: 16, 403: 7, 404: 12, 408: 2, 409: 2, 413: 2, 415: 2, 422: 2 },
  ...{ 429: 14, 500: 2, 502: 14, 503: 14, 504: 14 },
};

const refusing = (status: number) => ({
  match: { path: `/refused/${status}` },
  request: [{ respond: { status, text: "no, thank you" } }],
});
const exhausted = { status: 429, text: "slow down", headers: { "grpc-status": "8" } };
const RULES = {
  ruleway: 1,
  rules: [
    ...Object.keys(STATUS).map((status) => refusing(Number(status))),
    {
      match: { path: "/limited" },
      request: [{ rateLimit: { limit: "1/1d", respond: exhausted } }],
    },
  ],
};

describe.skipIf(!envoy)("refusals of gRPC", () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await setUp(JSON.stringify(RULES));
  });
  afterAll(() => setup?.stop());

  const call = (path: string) =>
    request(setup.envoy.port, path, {
      headers: { "content-type": "application/grpc", te: "trailers" },
      pieces: ["\0\0\0\0\0"],
    });

  test.each(Object.entries(STATUS))("%s is gRPC's %s", async (status, grpc) => {
    const { status: got, headers, body } = await call(`/refused/${status}`);
    expect([got, headers["grpc-status"], body]).toEqual([200, `${grpc}`, ""]);
    expect(headers["grpc-message"]).toBe("no, thank you");
    const guide = readFileSync(join(root, "docs/guide/envoy.md"), "utf8");
    const row = guide
      .split("\n")
      .find((line) => new RegExp(`^\\|.*\\b${status}\\b.*\\|`).test(line));
    expect(row).toMatch(new RegExp(`\\b${grpc}\\b`));
  });

  test("RESOURCE_EXHAUSTED for a limit: a header of its answer says it", async () => {
    await call("/limited");
    const { status, headers } = await call("/limited");
    expect([status, headers["grpc-status"]]).toEqual([200, "8"]);
    expect(headers["grpc-message"]).toBe("slow down");
    const plain = [await request(setup.envoy.port, "/limited")];
    expect(plain.map((got) => [got.status, got.body])).toEqual([[429, "slow down"]]);
  });
});

test("the embedded host makes the same of them", () => {
  const filter = new Filter();
  expect(filter.configure(RULES)).toBe(true);
  const call = (path: string) => {
    const stream = filter.open().request({ ":path": path, "content-type": "application/grpc" });
    return ["grpc-status", "grpc-message"].map((name) => stream.got(name).join());
  };
  for (const [status, grpc] of Object.entries(STATUS))
    expect(call(`/refused/${status}`)).toEqual([`${grpc}`, "no, thank you"]);
  filter.open().request({ ":path": "/limited" });
  expect(call("/limited")).toEqual(["8", "slow down"]);
});
