// The gateway's Redis client against a real server, and against servers that misbehave.

import { afterEach, expect, test } from "vitest";
import type { RedisCall, RedisSettings } from "../../host/index.ts";
import { fakeRedis, freePort, redis, startRedis } from "../../tests/redis/server.ts";
import { command, RedisServers } from "./redis.ts";

const closing: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const NO_REPLY = "(no reply)";

/** A client of the server at `url`, made ready. */
function client(url: string, settings: Partial<RedisSettings> = {}) {
  const log: string[] = [];
  const servers = new RedisServers({ cache: url }, (line) => log.push(line));
  closing.push(() => servers.close());
  const init = (more: Partial<RedisSettings> = {}) =>
    servers.init({
      ...{ cluster: "cache", user: "", password: "", timeout: 1000, parameters: {} },
      ...settings,
      ...more,
    });
  expect(init()).toBe(true);
  /** The answers that came, and how to cancel. */
  const start = (...words: string[]) => {
    let settle = (_answer: string) => {};
    const answer = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const call: RedisCall = {
      ...{ cluster: "cache", command: command(words) },
      respond: (reply) => settle(Buffer.from(reply).toString()),
      fail: () => settle(NO_REPLY),
    };
    servers.call(call);
    return { answer, call };
  };
  return { log, init, start, ask: (...words: string[]) => start(...words).answer };
}

test("a cluster without a server cannot be made ready", () => {
  const servers = new RedisServers({ cache: "redis://127.0.0.1:1" });
  const settings = { cluster: "other", user: "", password: "", timeout: 1, parameters: {} };
  expect(servers.init(settings)).toBe(false);
});

test.skipIf(!redis)("replies come back raw, each to its own command", async () => {
  const server = await startRedis();
  closing.push(server.stop);
  const { ask } = client(server.url);
  const answers = await Promise.all([
    ask("set", "k", "v\r\n"),
    ask("get", "k"),
    ask("get", "nothing"),
    ask("incrby", "n", "41"),
    ask("nonsense"),
    ask("eval", "return {1, 'two', {false, 3}}", "0"),
    ...Array.from({ length: 500 }, (_, i) => ask("echo", `e${i}`)),
  ]);
  expect(answers.slice(0, 6)).toEqual([
    "+OK\r\n",
    "$3\r\nv\r\n\r\n",
    "$-1\r\n",
    ":41\r\n",
    expect.stringMatching(/^-ERR unknown command/),
    "*3\r\n:1\r\n$3\r\ntwo\r\n*2\r\n$-1\r\n:3\r\n",
  ]);
  expect(answers.slice(6)).toEqual(
    Array.from({ length: 500 }, (_, i) => `$${`e${i}`.length}\r\ne${i}\r\n`),
  );
});

test.skipIf(!redis)("a database, a password, and a wrong one", async () => {
  const server = await startRedis({ password: "secret" });
  closing.push(server.stop);
  const right = client(server.url, { password: "secret", parameters: { db: "5" } });
  expect(await right.ask("set", "k", "five")).toBe("+OK\r\n");
  expect(await right.ask("client", "list")).toContain(" db=5 ");
  const other = client(server.url, { user: "default", password: "secret" });
  expect(await other.ask("get", "k")).toBe("$-1\r\n");
  const wrong = client(server.url, { password: "wrong" });
  expect(await wrong.ask("get", "k")).toMatch(/^-NOAUTH Authentication required/);
  expect(wrong.log.join()).toContain("WRONGPASS");
  // Made ready again with the right one, the next command has it.
  wrong.init({ password: "secret" });
  expect(await wrong.ask("get", "k")).toBe("$-1\r\n");
});

test.skipIf(!redis)("a server that was stopped is found again once it is back", async () => {
  const port = await freePort();
  let server = await startRedis({ port });
  const { ask } = client(server.url);
  expect(await ask("ping")).toBe("+PONG\r\n");
  await server.stop();
  expect(await ask("ping")).toBe(NO_REPLY);
  expect(await ask("ping")).toBe(NO_REPLY);
  server = await startRedis({ port });
  closing.push(server.stop);
  expect(await ask("ping")).toBe("+PONG\r\n");
});

test("a command that is given up costs the connection, and the next one has a new one", async () => {
  const server = await fakeRedis((words, socket) => {
    if (words[0] === "late") return;
    socket.write("+now\r\n");
  });
  closing.push(server.close);
  const { ask, start } = client(server.url);
  const late = start("late");
  const behind = start("ping");
  late.call.onCancel?.();
  expect(await late.answer).toBe(NO_REPLY);
  expect(await behind.answer).toBe(NO_REPLY);
  expect(await ask("ping")).toBe("+now\r\n");
});

test.each([
  ["garbage", "HTTP/1.1 200 OK\r\n\r\n"],
  ["an unfinished reply", "$10\r\nabc"],
  ["nothing", ""],
])("a server that answers %s and closes", async (_what, bytes) => {
  const server = await fakeRedis((_words, socket) => socket.end(bytes));
  closing.push(server.close);
  const { ask } = client(server.url);
  expect(await Promise.all([ask("get", "a"), ask("get", "b")])).toEqual([NO_REPLY, NO_REPLY]);
  expect(await ask("get", "c")).toBe(NO_REPLY);
});

test("what nobody has asked for ends the connection", async () => {
  const server = await fakeRedis((_words, socket) => socket.write("+one\r\n+two\r\n"));
  closing.push(server.close);
  const { ask } = client(server.url);
  expect(await ask("get", "a")).toBe("+one\r\n");
  expect(await ask("get", "b")).toBe("+one\r\n");
});

test("commands in flight have their answers while the cluster is made ready again", async () => {
  const held: Array<() => void> = [];
  const server = await fakeRedis((words, socket) => {
    if (words[0] === "slow") held.push(() => socket.write("+slow\r\n"));
    else socket.write("+quick\r\n");
  });
  closing.push(server.close);
  const { ask, start, init } = client(server.url);
  const slow = start("slow");
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  init();
  expect(await ask("other")).toBe("+quick\r\n");
  held[0]!();
  expect(await slow.answer).toBe("+slow\r\n");
});
