// `rateLimit` with the scope `cluster`: several proxies that count in one real Redis, and servers that are
// not there, or answer something else.

import net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { filterModule } from "../../compiler/assets.ts";
import { command } from "../../compiler/gateway/redis.ts";
import { compile } from "../../compiler/index.ts";
import { encodeReply, wordsOf } from "../../compiler/rule-test/redis.ts";
import { ManualClock, Plugin, type RedisCall, ReplyScanner } from "../../host/index.ts";
import { request } from "../envoy/envoy.ts";
import { Filter, Stream } from "../filter/run.ts";
import { seed } from "../seed.ts";
import { startGateway } from "./gateway.ts";
import { fakeRedis, freePort, redis, startRedis } from "./server.ts";

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const SERVICES = { counts: { cluster: "redis", redis: {} } };

interface Limit {
  limit: string | string[];
  [key: string]: unknown;
}

const document = (limits: Limit | Limit[], name = "limited") => ({
  ruleway: 1,
  services: SERVICES,
  rules: [
    {
      name,
      request: [limits].flat().map((each) => ({
        rateLimit: { scope: "cluster", service: "counts", ...each },
      })),
    },
  ],
});

/** A proxy with the limits. */
async function start(rules: object, url: string) {
  const started = await startGateway(JSON.stringify(rules), url, closing);
  return { ...started, get: (headers: Record<string, string> = {}) => started.get("/", headers) };
}

describe.skipIf(!redis)("with a server", () => {
  test.each(["token", "fixed", "sliding"])(
    "%s: exactly the limit passes, whichever proxies requests come to at one moment",
    async (algorithm) => {
      const server = await startRedis();
      closing.push(server.stop);
      const rules = document({ limit: "50/1d", algorithm });
      const proxies = await Promise.all([1, 2, 3].map(() => start(rules, server.url)));
      const answers = await Promise.all(
        Array.from({ length: 240 }, (_, i) => proxies[i % 3]!.get()),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(50);
      expect(statuses.filter((status) => status === 429)).toHaveLength(190);
      expect(proxies.reduce((sum, { seen }) => sum + seen.requests, 0)).toBe(50);
      const left = answers.map(({ headers }) => Number(headers["ratelimit-remaining"]));
      expect(left.sort((a, b) => b - a).slice(0, 50)).toEqual(
        Array.from({ length: 50 }, (_, i) => 49 - i),
      );
      const limited = answers.find(({ status }) => status === 429)!;
      expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
      expect(limited.headers["ratelimit-limit"]).toBe("50, 50;w=86400");
      const metrics = proxies.map(({ gateway }) => gateway.metrics);
      const sum = (name: string) => metrics.reduce((all, each) => all + (each[name] ?? 0), 0);
      expect(sum("ruleway.rate_limit.allowed")).toBe(50);
      expect(sum("ruleway.rate_limit.limited")).toBe(190);
      expect(sum("ruleway.redis.failed")).toBe(0);
    },
  );

  test("keys are apart, long ones and such as look like others too, and all of them expire", async () => {
    const server = await startRedis();
    closing.push(server.stop);
    const limit = { limit: "1/1m", key: "$(request.headers['k'])" };
    const one = await start(document(limit), server.url);
    const keys = ["a", "b", "x".repeat(500), `${"x".repeat(500)}y`, "=a", "#a", ""];
    for (const k of keys) {
      expect([k, (await one.get({ k })).status]).toEqual([k, 200]);
      expect([k, (await one.get({ k })).status]).toEqual([k, 429]);
    }
    expect((await one.get()).status).toBe(200);
    expect((await one.get()).status).toBe(429);
    const listed = (await server.ask("keys", "*"))
      .split("\r\n")
      .filter((l) => l.startsWith("rule"));
    expect(listed).toHaveLength(8);
    for (const key of listed) {
      expect(key).toMatch(/^ruleway:ruleway:rate:#limited\/0:[0-9a-f]{16}:/);
      expect(key.length).toBeLessThan(220);
      const ttl = Number((await server.ask("pttl", key)).slice(1));
      expect(ttl).toBeGreaterThan(50_000);
      expect(ttl).toBeLessThanOrEqual(62_000);
    }
  });

  test("steps share what they count only by their names, and with the same limits", async () => {
    const server = await startRedis();
    closing.push(server.stop);
    const get = async (limits: Limit | Limit[], name?: string) =>
      (await (await start(document(limits, name), server.url)).get()).status;
    const limit = "1/1h";
    expect(await get({ limit }, "a")).toBe(200);
    expect(await get({ limit }, "b")).toBe(200);
    expect(await get({ limit }, "a")).toBe(429);
    expect(await get({ limit: "2/1h" }, "a")).toBe(200);
    expect(await get({ limit, algorithm: "fixed" }, "a")).toBe(200);
    expect(await get({ limit, name: "shared" }, "a")).toBe(200);
    expect(await get({ limit, name: "shared" }, "b")).toBe(429);
    expect(await get([{ limit: "9/1h" }, { limit }], "c")).toBe(200);
    expect(await get([{ limit: "9/1h" }, { limit }], "c")).toBe(429);
  });

  test("of several limits all hold, and what one refuses is taken from none", async () => {
    const server = await startRedis();
    closing.push(server.stop);
    const { get } = await start(
      document({
        ...{ limit: ["3/1h", "10/1d"], algorithm: "fixed", headers: "structured" },
        cost: "$(int(request.headers['cost']))",
      }),
      server.url,
    );
    const ask = async (cost: number) => {
      const { status, headers } = await get({ cost: String(cost) });
      return [status, String(headers["ratelimit"]).replace(/;t=\d+/, "")];
    };
    expect(await ask(2)).toEqual([200, '"3/1h";r=1']);
    expect(await ask(2)).toEqual([429, '"3/1h";r=1']);
    expect(await ask(1)).toEqual([200, '"3/1h";r=0']);
    const never = await get({ cost: "4" });
    expect([never.status, never.headers["retry-after"]]).toEqual([429, undefined]);
    expect((await get({ cost: "0" })).status).toBe(200);
  });

  test("time is the server's: proxies with other clocks count together", async () => {
    const server = await startRedis();
    closing.push(server.stop);
    const passed: string[] = [];
    for (const year of [2024, 2060, 1990]) {
      const clock = new ManualClock(Date.UTC(year, 5, 1));
      const limits = document({ limit: "2/1d", algorithm: "fixed" });
      const proxy = await embedded(server.port, limits, clock, false);
      for (let i = 0; i < 2; i++) passed.push((await proxy.ask()).status!);
    }
    expect(passed).toEqual(["200", "200", "429", "429", "429", "429"]);
  });

  test("a server that is stopped refuses, or lets through, and counts again when it is back", async () => {
    const port = await freePort();
    let server = await startRedis({ port });
    closing.push(() => server.stop());
    const closed = await start(document({ limit: "1000/1h", name: "a" }), server.url);
    const open = await start(
      document({ limit: "1000/1h", name: "b", onError: "allow" }),
      server.url,
    );
    expect([(await closed.get()).status, (await open.get()).status]).toEqual([200, 200]);
    await server.stop();
    const down = await closed.get();
    expect([down.status, (await open.get()).status]).toEqual([503, 200]);
    expect(closed.seen.requests).toBe(1);
    expect(closed.gateway.metrics["ruleway.rate_limit.failed"]).toBe(1);
    expect(open.gateway.metrics["ruleway.rate_limit.failed"]).toBe(1);
    server = await startRedis({ port });
    // It has forgotten the script, as it has the counts.
    const back = await closed.get();
    expect([back.status, back.headers["ratelimit-remaining"]]).toEqual([200, "999"]);
    expect((await open.get()).headers["ratelimit-remaining"]).toBe("999");
    expect([...closed.log, ...open.log].join("\n")).not.toContain("trapped");
  });

  test("a server that is stopped and started under load lets through no more than it has counted", async () => {
    const port = await freePort();
    let server = await startRedis({ port });
    closing.push(() => server.stop());
    const proxies = await Promise.all(
      [1, 2].map(() => start(document({ limit: "20/1d", algorithm: "fixed" }), server.url)),
    );
    let isLoaded = true;
    const statuses: number[] = [];
    const clients = Array.from({ length: 8 }, async (_, i) => {
      while (isLoaded) statuses.push((await proxies[i % 2]!.get()).status);
    });
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const since = (from: number, status: number) =>
      statuses.slice(from).filter((each) => each === status).length;
    await until(() => since(0, 429) > 50);
    await server.stop();
    const stopped = statuses.length;
    await until(() => since(stopped, 503) > 50);
    server = await startRedis({ port });
    const back = statuses.length;
    await until(() => since(back, 429) > 50);
    isLoaded = false;
    await Promise.all(clients);
    expect(new Set(statuses)).toEqual(new Set([200, 429, 503]));
    // Twice the limit, since the server has lost its counts; and as many have reached the upstream.
    expect(since(0, 200)).toBe(40);
    expect(proxies.reduce((sum, { seen }) => sum + seen.requests, 0)).toBe(40);
  });

  test("what somebody else has put under a key fails, and does no more", async () => {
    const server = await startRedis();
    closing.push(server.stop);
    const { get } = await start(document({ limit: "5/1h", algorithm: "sliding" }), server.url);
    expect((await get()).status).toBe(200);
    const [key] = (await server.ask("keys", "*")).split("\r\n").filter((l) => l.startsWith("rule"));
    await server.ask("del", key!);
    await server.ask("lpush", key!, "x");
    expect((await get()).status).toBe(503);
    await server.ask("del", key!);
    await server.ask("set", key!, "x y z 1e999 -5");
    expect([200, 429, 503]).toContain((await get()).status);
  });

  // The script does what the filter does for the other scopes; both are given the same times.
  test.each(["token", "fixed", "sliding"])("%s: as in the scope proxy", async (algorithm) => {
    const server = await startRedis();
    closing.push(server.stop);
    const below = numbers();
    for (let round = 0; round < 4; round++) {
      const limits = [
        { limit: "7/10s", ...(algorithm === "token" && { burst: 3 }) },
        { limit: ["5/1s", "30/1m", "1000/1d"] },
        { limit: "1000000/31d" },
        { limit: ["3/3s", "4/7s"] },
      ][round]!;
      const given = { ...limits, algorithm, cost: "$(int(request.headers['cost']))" };
      const local = new Filter();
      const rules = [{ name: "limited", request: [{ rateLimit: given }] }];
      expect(local.configure({ ruleway: 1, rules })).toBe(true);
      const cluster = await embedded(
        server.port,
        document({ ...given, name: `${round}` }),
        local.clock,
        true,
      );
      const seen = new Set<string>();
      for (let i = 0; i < 150; i++) {
        local.clock.advance([0, 1, below(200), below(3000), below(70_000)][below(5)]!);
        const cost = String([1, 1, 1, 0, 2, 3, 9, 400_000][below(8)]);
        const one = local.open().request({ cost });
        if (!one.response) one.respond();
        const other = await cluster.ask({ cost });
        const told = (stream: Stream) =>
          ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"].map((name) =>
            stream.got(name).join(),
          );
        expect([i, other.status, ...told(other)]).toEqual([i, one.status, ...told(one)]);
        seen.add(one.status!);
        one.close();
        other.close();
      }
      expect([...seen].sort()).toEqual(["200", "429"]);
    }
  });
});

/** Random numbers from 0 to below `n` (mulberry32). */
function numbers(): (n: number) => number {
  console.log(`random tests: seed ${seed} (FC_SEED=${seed} repeats them)`);
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** The filter in the embedded host, which asks the server on `port` over a connection of its own. With
 * `isInjected` the script has the proxy's time instead of the server's, and nothing expires. */
async function embedded(port: number, rules: object, clock: ManualClock, isInjected: boolean) {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  closing.push(() => socket.destroy());
  const scanner = new ReplyScanner(1 << 20);
  const waiting: RedisCall[] = [];
  socket.on("data", (piece) => {
    for (const reply of scanner.feed(piece)) waiting.shift()!.respond(reply);
  });
  const send = (call: RedisCall) => {
    const words = wordsOf(call.command);
    if (!isInjected) {
      waiting.push(call);
      socket.write(call.command);
    } else if (words[0] === "EVALSHA") {
      call.respond(encodeReply({ error: "NOSCRIPT No matching script." }));
    } else {
      const now = clock.now();
      const time = `{'${Math.floor(now / 1000)}','${(now % 1000) * 1000}'}`;
      words[1] = words[1]!
        .replace("redis.call('TIME')", time)
        .replace(/,'PX',string\.format\('%\.0f',[^\n]*\)\)$/m, ")");
      expect(words[1]).toContain(time);
      expect(words[1]).not.toContain("PX");
      waiting.push(call);
      socket.write(command(words));
    }
  };
  const traps: Error[] = [];
  const plugin = new Plugin(filterModule("ruleway-higress.wasm"), {
    clock,
    allowOnHeadersStopIteration: true,
    httpCall: () => {},
    onTrap: (error) => traps.push(error),
    redis: { init: () => true, call: send },
  });
  expect(plugin.configure(JSON.stringify(rules))).toBe(true);
  return {
    async ask(headers: Record<string, string> = {}): Promise<Stream> {
      const stream = new Stream(plugin, {}).request(headers);
      while (!stream.response && !stream.upstream) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (!stream.response) stream.respond();
      expect(traps).toEqual([]);
      return stream;
    },
  };
}

const answers: Array<[string, (socket: net.Socket) => void]> = [
  ["garbage", (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n")],
  ["an error", (socket) => socket.write("-ERR no\r\n")],
  ["that it has no such script, again and again", (socket) => socket.write("-NOSCRIPT no\r\n")],
  ["a text", (socket) => socket.write("$2\r\nOK\r\n")],
  ["nil", (socket) => socket.write("$-1\r\n")],
  ["an empty list", (socket) => socket.write("*0\r\n")],
  ["too short a list", (socket) => socket.write(encodeReply([1, 2, 3]))],
  ["too long a list", (socket) => socket.write(encodeReply([1, 2, 3, 4, 5]))],
  ["texts in it", (socket) => socket.write(encodeReply(["1", "1", "1", "1"]))],
  ["negative numbers", (socket) => socket.write(encodeReply([1, -1, -1, -5]))],
  ["neither yes nor no", (socket) => socket.write(encodeReply([2, 1, 1, 0]))],
  ["10 MB", (socket) => socket.write(encodeReply("x".repeat(10 << 20)))],
  ["half a reply", (socket) => socket.end("*4\r\n:1\r\n")],
  ["nothing", () => {}],
  ["a closed connection", (socket) => socket.destroy()],
];

test.each(answers)(
  "a server that answers %s: nothing passes but where that is wanted",
  async (_what, answer) => {
    const server = await fakeRedis((_words, socket) => answer(socket));
    closing.push(server.close);
    const closed = await start(document({ limit: "5/1m" }), server.url);
    expect((await closed.get()).status).toBe(503);
    expect(closed.seen.requests).toBe(0);
    // By name, then with its text, and no more.
    expect(server.commands.length).toBeLessThanOrEqual(2);
    const open = await start(document({ limit: "5/1m", onError: "allow" }), server.url);
    expect((await open.get()).status).toBe(200);
    expect(open.gateway.metrics["ruleway.rate_limit.failed"]).toBe(1);
    expect([...closed.log, ...open.log].join("\n")).not.toContain("trapped");
  },
);

test("nothing of a request, nor of its body, goes on before the server has answered", async () => {
  const held: Array<() => void> = [];
  const server = await fakeRedis((_words, socket) => {
    held.push(() => socket.write(encodeReply([0, 0, 1_000_000, 1_000_000])));
  });
  closing.push(server.close);
  const limit = { limit: "5/1m", scope: "cluster", service: "counts" };
  const edit = { body: { replace: [{ find: "a", with: "b" }] } };
  for (const holdHeaders of [true, false]) {
    const settings = { holdHeaders };
    const rules = [{ request: [{ rateLimit: limit }, edit] }];
    const all = { ruleway: 1, services: { counts: { ...SERVICES.counts, timeout: "10s" } } };
    const { port, seen } = await start({ ...all, settings, rules }, server.url);
    const pieces = Array.from({ length: 20 }, () => "a".repeat(10_000));
    const asked = request(port, "/", { pieces });
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen.requests).toBe(0);
    held.pop()!();
    expect((await asked).status).toBe(429);
    expect(seen.requests).toBe(0);
  }
});

test("the largest numbers there are do no harm", async () => {
  const most = "9223372036854775807";
  const server = await fakeRedis((_words, socket) =>
    socket.write(`*4\r\n:0\r\n:${most}\r\n:${most}\r\n:${most}\r\n`),
  );
  closing.push(server.close);
  const { get, log } = await start(document({ limit: "5/1m" }), server.url);
  expect((await get()).status).toBe(429);
  expect(log.join("\n")).not.toContain("trapped");
});

describe("where it cannot be", () => {
  const errors = (
    limit: object,
    artefact: "ruleway.wasm" | "ruleway-higress.wasm",
    services: object,
  ) => {
    const log: string[] = [];
    const plugin = new Plugin(filterModule(artefact), {
      httpCall: () => {},
      log: (_level, text) => log.push(text),
      redis: { init: () => true, call: () => {} },
    });
    const rules = [{ request: [{ rateLimit: { limit: "1/1s", ...limit } }] }];
    expect(plugin.configure(JSON.stringify({ ruleway: 1, services, rules }))).toBe(false);
    return log.flatMap((line) => /config error (.*)$/.exec(line)?.[1] ?? []);
  };

  test("the filter for other hosts says which one has it", () => {
    const scope = { scope: "cluster", service: "counts" };
    const [, step] = errors(scope, "ruleway.wasm", SERVICES);
    expect(step).toMatch(/^R402 .*\/rules\/0\/request\/0\/rateLimit\/scope.*target higress/);
  });

  test.each([
    [{ scope: "cluster" }, "R202"],
    [{ scope: "cluster", service: "nobody" }, "R303"],
    [{ scope: "cluster", service: "web" }, "R303"],
    [{ scope: "proxy", service: "counts" }, "R311"],
    [{ service: "counts" }, "R311"],
  ])("%j is refused", (limit, code) => {
    const services = { ...SERVICES, web: { cluster: "web" } };
    const found = errors(limit, "ruleway-higress.wasm", services);
    expect(found.map((line) => line.slice(0, 4))).toEqual([code]);
  });

  test("check says it at its place, for each target", () => {
    const yaml = `ruleway: 1
services: { counts: { cluster: redis, redis: {} } }
rules:
  - request:
      - rateLimit: { limit: 5/1m, scope: cluster, service: counts }
`;
    expect(compile(yaml, { target: "higress" }).diagnostics).toEqual([]);
    expect(compile(yaml).diagnostics.map(({ code }) => code)).toEqual(["N602"]);
    const wrong = compile(yaml, { target: "envoy" }).diagnostics;
    expect(wrong.map(({ code, pointer }) => [code, pointer])).toEqual([
      ["R402", "/services/counts/redis"],
      ["R402", "/rules/0/request/0/rateLimit/scope"],
    ]);
  });
});
