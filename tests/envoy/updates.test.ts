// Rules that come by ECDS, again and again, on a real Envoy with two workers, while streams hold old ones: the
// leader's task keeps its rhythm with the newest rules, every event arrives, the store keeps its values.

import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBody } from "../../compiler/gateway/demo.ts";
import { connectionManager, envoy, pause, request, type Setup, setUp } from "./envoy.ts";

/** `npm run soak` makes it many, a few seconds apart: as long as old streams last a minute. */
const UPDATES = Number(process.env["UPDATES"] ?? 12);
const EVERY = Number(process.env["EVERY"] ?? 300);
const STREAM = 60_000;

const WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";

const rules = (version: number) => ({
  ruleway: 1,
  services: {
    auth: { cluster: "auth", timeout: "5s" },
    events: { cluster: "events", timeout: "5s" },
  },
  tasks: [
    {
      name: "lead",
      ...{ every: "1s", onStart: true, leader: true },
      steps: [{ call: { service: "auth", path: `/${version}` } }],
    },
  ],
  rules: [
    {
      request: [
        { store: { first: "$(request.path)" }, when: "!has(store.first)" },
        { headers: { set: { "x-first": "$(default(store.first, '-'))" } } },
      ],
      response: [{ headers: { set: { "x-version": `${version}` } } }],
      done: [
        { emit: { service: "events", json: "$(request.path)", batch: { count: 50, age: "1h" } } },
      ],
    },
  ],
});

interface WasmFilter {
  name: string;
  typed_config: { config: { configuration: { value: string } } };
}

describe.skipIf(!envoy)("updates by ECDS", () => {
  let setup: Setup;
  let folder: string;
  let filter: WasmFilter;
  const runs: number[] = [];
  const told: string[] = [];
  const slow: http.ServerResponse[] = [];
  let put: (version: number, document?: object) => void;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "ruleway-ecds-"));
    put = (version, document = rules(version)) => {
      const typed = structuredClone(filter.typed_config);
      typed.config.configuration.value = JSON.stringify(document);
      const resource = { "@type": EXTENSION, name: filter.name, typed_config: typed };
      const fresh = join(folder, `filter-${version}.json`);
      writeFileSync(fresh, JSON.stringify({ version_info: `${version}`, resources: [resource] }));
      renameSync(fresh, join(folder, "filter.json"));
    };
    const auth: http.RequestListener = (incoming, response) => {
      runs.push(Number(incoming.url?.slice(1)));
      response.end();
    };
    const events: http.RequestListener = (incoming, response) => {
      readBody(incoming).then(
        (body) => {
          told.push(...JSON.parse(body.toString()));
          response.end();
        },
        () => response.destroy(),
      );
    };
    const upstream: http.RequestListener = (incoming, response) => {
      if (incoming.url?.startsWith("/slow")) {
        response.write("begun");
        slow.push(response);
      } else response.end(incoming.headers["x-first"]);
    };
    const text = JSON.stringify(rules(1));
    setup = await setUp(text, { auth, events }, { concurrency: 2, upstream, adjust: byFile });
  }, 60_000);
  afterAll(async () => {
    for (const response of slow) response.end();
    await setup?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Takes the filter out of the listener and into a file that Envoy watches. */
  function byFile(bootstrap: unknown): void {
    const whole = bootstrap as { node?: object };
    whole.node = { id: "n", cluster: "c" };
    const manager = connectionManager(bootstrap as never) as unknown as { http_filters: object[] };
    const i = manager.http_filters.findIndex((each) => JSON.stringify(each).includes(WASM));
    filter = manager.http_filters[i] as WasmFilter;
    put(1);
    const path = { path: join(folder, "filter.json"), watched_directory: { path: folder } };
    manager.http_filters[i] = {
      name: filter.name,
      config_discovery: {
        config_source: { path_config_source: path, resource_api_version: "V3" },
        type_urls: [WASM],
      },
    };
  }

  const versionNow = async () =>
    Number((await request(setup.envoy.port, `/ask/${sent.length}`)).headers["x-version"]);
  const sent: string[] = [];
  const send = async () => {
    const path = `/e/${sent.length}`;
    sent.push(path);
    return request(setup.envoy.port, path);
  };

  test(
    "the task keeps its rhythm with the newest rules, and every event arrives",
    async () => {
      for (let i = 0; i < 250 && runs.length === 0; i++) await pause(20);
      const begun = Date.now();
      const first = (await send()).body;
      const last = UPDATES;
      const sizes: number[] = [];
      for (let version = 2; version <= last; version++) {
        // Streams that hold the rules which are about to be old.
        const held = slow.length;
        for (let i = 0; i < 4; i++)
          request(setup.envoy.port, `/slow/${version}-${i}`).catch(() => {});
        for (let i = 0; i < 250 && slow.length < held + 4; i++) await pause(20);
        put(version);
        for (let i = 0; i < 500 && (await versionNow()) !== version; i++) await pause(10);
        const answers = await Promise.all(Array.from({ length: 30 }, send));
        expect(new Set(answers.map(({ body }) => body))).toEqual(new Set([first]));
        // Some old rules go before others that are older still.
        if (version % 3 === 0) for (const response of slow.splice(-8)) response.end();
        if (held > 0 && Date.now() - begun > STREAM)
          for (const response of slow.splice(0, 4)) response.end();
        for (const until = Date.now() + EVERY; Date.now() < until; await pause(30))
          if (EVERY > 300) await send();
        sizes.push(residentKiB(setup.envoy.pid));
      }
      const newest = () => runs.filter((version) => version === last).length;
      for (let i = 0; i < 500 && newest() < 3; i++) await pause(20);
      const seconds = (Date.now() - begun) / 1000;
      expect(runs).toEqual([...runs].sort((a, b) => a - b));
      expect(newest()).toBeGreaterThanOrEqual(3);
      expect(runs.length).toBeLessThanOrEqual(seconds + 2);
      // All that was held goes, and with it the old rules; then what waits goes out with the last ones.
      for (const response of slow.splice(0)) response.end();
      put(last + 1, { ruleway: 1, rules: [] });
      const missing = () => sent.filter((path) => !told.includes(path));
      for (let i = 0; i < 500 && missing().length > 0; i++) await pause(20);
      expect(missing()).toEqual([]);
      expect(new Set(told.filter((path) => path.startsWith("/e/"))).size).toBe(sent.length);
      console.log(
        `${runs.length} runs in ${seconds.toFixed(1)} s, ${sent.length} events, ${sizes.at(-1)} KiB`,
      );
      // Once the first streams of a minute are over, it is as large as it gets.
      const settled = Math.ceil((2 * STREAM) / EVERY);
      if (last > 2 * settled) expect(sizes.at(-1)! / sizes[settled]!).toBeLessThan(1.1);
      expect(setup.envoy.log()).not.toMatch(/Uncaught RuntimeError|Function: .* failed/);
    },
    120_000 + UPDATES * EVERY * 3,
  );
});

/** NaN where the system does not tell. */
function residentKiB(pid: number): number {
  if (!existsSync(`/proc/${pid}/status`)) return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}
