// New rules while messages wait for callouts of the old ones, on a real Envoy: each message ends with the
// rules it began with, nobody gets past a guard, and rules that are refused cost nothing.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wasmPath } from "../../compiler/assets.ts";
import { serve } from "../../compiler/gateway/demo.ts";
import { type RunningEnvoy, startEnvoy } from "../../compiler/gateway/envoy.ts";
import { envoyBootstrap } from "../../compiler/targets/envoy.ts";
import { envoy, pause, request } from "./envoy.ts";

interface Bootstrap {
  static_resources: { listeners?: Array<{ name: string }>; clusters: object[] };
  dynamic_resources?: object;
  node?: object;
}

const rules = (version: number, more: object = {}) => ({
  ruleway: 1,
  settings: { holdHeaders: true },
  services: { auth: { cluster: "auth", timeout: "3s" } },
  rules: [
    {
      name: "guard",
      request: [
        { authorize: { service: "auth", path: "/$(request.headers['x-wait'])" } },
        { headers: { set: { "x-version": `${version}` } } },
        { body: { json: { set: { "/version": version } }, onError: "deny" } },
      ],
      response: [{ headers: { set: { "x-version": `${version}` } } }],
    },
  ],
  ...more,
});

describe.skipIf(!envoy)("rules are replaced while callouts are out", () => {
  let running: RunningEnvoy;
  let folder: string;
  let version = 0;
  const upstreamSaw: Array<{ version: string; allowed: string }> = [];
  /** What tasks asked for. */
  const told: string[] = [];
  const closing: Array<() => Promise<void>> = [];
  let bootstrap: (rules: object) => Bootstrap;

  /** Makes Envoy take the listener anew, from a file that it watches. */
  const put = (document: object) => {
    const [listener] = bootstrap(document).static_resources.listeners!;
    const resource = { "@type": "type.googleapis.com/envoy.config.listener.v3.Listener" };
    const response = { version_info: `${++version}`, resources: [{ ...resource, ...listener }] };
    const fresh = join(folder, `listener-${version}.json`);
    writeFileSync(fresh, JSON.stringify(response));
    renameSync(fresh, join(folder, "listeners.json"));
  };

  const stat = async (name: string) => {
    const text = await running.admin(`/stats?filter=${name.replaceAll(".", "\\.")}$`);
    return Number(/: (\d+)/.exec(text)?.[1] ?? 0);
  };

  const settled = async (name: string, atLeast: number) => {
    for (let i = 0; i < 250 && (await stat(name)) < atLeast; i++) await pause(20);
    expect(await stat(name)).toBeGreaterThanOrEqual(atLeast);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "ruleway-lds-"));
    const upstream = await serve((incoming, response) => {
      const header = (name: string) => String(incoming.headers[name]);
      upstreamSaw.push({ version: header("x-version"), allowed: header("x-wait") });
      incoming.pipe(response);
    });
    const auth = await serve((incoming, response) => {
      if (incoming.url?.startsWith("/alive")) told.push(incoming.url);
      const isDenied = incoming.url?.startsWith("/deny");
      const wait = Number(/\d+/.exec(incoming.url ?? "")?.[0] ?? 0);
      setTimeout(() => response.writeHead(isDenied ? 403 : 200).end(), wait);
    });
    closing.push(upstream.close, auth.close);
    let ports: { listenPort: number; adminPort: number };
    bootstrap = (document) =>
      envoyBootstrap({
        ...ports,
        ...{ rules: document, wasmPath: wasmPath(), upstream: upstream.url },
        clusters: { auth: auth.url },
      }) as Bootstrap;
    running = await startEnvoy({
      envoy: envoy!,
      concurrency: 2,
      bootstrap: (given) => {
        ports = given;
        put(rules(1));
        const whole = bootstrap(rules(1));
        delete whole.static_resources.listeners;
        const source = { path: join(folder, "listeners.json") };
        const config = { path_config_source: { ...source, watched_directory: { path: folder } } };
        return {
          ...whole,
          node: { id: "n", cluster: "c" },
          dynamic_resources: { lds_config: config },
        };
      },
    });
    await settled("listener_manager.workers_started", 1);
  }, 60_000);
  afterAll(async () => {
    await running?.stop();
    await Promise.all(closing.map((close) => close()));
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (wait: string) =>
    request(running.port, "/", { headers: { "x-wait": wait }, pieces: ['{"a"', ": 1}"] });

  test("each message ends with the rules it began with", async () => {
    expect((await ask("0")).headers["x-version"]).toBe("1");
    for (let next = 2; next <= 6; next++) {
      const before = next - 1;
      upstreamSaw.length = 0;
      const waiting = Array.from({ length: 40 }, (_, i) => ask(i % 4 === 3 ? "deny600" : "600"));
      await pause(250);
      const updates = await stat("listener_manager.listener_modified");
      put(rules(next));
      await settled("listener_manager.listener_modified", updates + 1);
      // Workers take the new one in a moment; the old answers are still out.
      for (let i = 0; i < 100 && (await ask("0")).headers["x-version"] !== `${next}`; i++)
        await pause(10);
      const answers = await Promise.all(waiting);
      const expected = answers.map((_, i) => (i % 4 === 3 ? 403 : 200));
      expect(answers.map(({ status }) => status)).toEqual(expected);
      for (const { status, headers, body } of answers) {
        if (status !== 200) continue;
        expect([headers["x-version"], JSON.parse(body)]).toEqual([
          `${before}`,
          { a: 1, version: before },
        ]);
      }
      expect(upstreamSaw.filter(({ allowed }) => allowed.startsWith("deny"))).toEqual([]);
      expect(upstreamSaw.filter(({ allowed }) => allowed === "600").length).toBe(30);
      expect((await ask("0")).headers["x-version"]).toBe(`${next}`);
    }
    expect(running.log()).not.toMatch(/Uncaught RuntimeError|Function: .* failed/);
  }, 60_000);

  test("rules that are refused leave everything as it was", async () => {
    const waiting = Array.from({ length: 20 }, () => ask("500"));
    await pause(150);
    put(rules(7, { services: { auth: { cluster: 7 } } }));
    await pause(700);
    expect((await Promise.all(waiting)).map(({ headers }) => headers["x-version"])).toEqual(
      waiting.map(() => "6"),
    );
    const after = await Promise.all(Array.from({ length: 20 }, () => ask("0")));
    expect(after.map(({ status, headers }) => [status, headers["x-version"]])).toEqual(
      after.map(() => [200, "6"]),
    );
    expect((await ask("deny0")).status).toBe(403);
    expect(running.log()).toMatch(/config error/);
    put(rules(8));
    for (let i = 0; i < 250 && (await ask("0")).headers["x-version"] !== "8"; i++) await pause(20);
    expect((await ask("0")).headers["x-version"]).toBe("8");
  }, 60_000);

  test("a leader that goes with its rules is followed by one that has the new ones", async () => {
    const task = (number: number) => ({
      name: "alive",
      every: "300ms",
      leader: true,
      steps: [{ call: { service: "auth", path: `/alive/${number}` } }],
    });
    const begun = Date.now();
    told.length = 0;
    for (let next = 9; next <= 12; next++) {
      put(rules(next, { tasks: [task(next)] }));
      const isTold = () => told.filter((path) => path === `/alive/${next}`).length >= 2;
      for (let i = 0; i < 500 && !isTold(); i++) await pause(20);
      expect(isTold()).toBe(true);
    }
    // Three VMs, old rules and new: never more than one at a time.
    const most = (Date.now() - begun) / 300 + 1;
    expect(told.length).toBeLessThanOrEqual(most);
    // Once the last one leads, nobody goes on with the rules before it.
    const last = told.lastIndexOf("/alive/12");
    expect(told.slice(told.indexOf("/alive/12"), last)).toEqual(
      Array.from({ length: last - told.indexOf("/alive/12") }, () => "/alive/12"),
    );
  }, 60_000);
});
